//! How a taskloop's iterations are shared out among its tasks (OpenMP 5.2, 12.6).

/// What the clauses say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Logical iterations.
    pub iterations: u64,
    /// `grainsize`, 0: none.
    pub grainsize: u64,
    /// `num_tasks`, 0: none.
    pub num_tasks: u64,
    /// The modifier `strict`.
    pub strict: bool,
}

/// Tasks of a loop that says nothing, for each thread of the team.
const TASKS_PER_THREAD: u64 = 4;

impl Plan {
    fn tasks(&self, threads: u64) -> u64 {
        let tasks = match (self.grainsize, self.num_tasks) {
            (0, 0) => threads.saturating_mul(TASKS_PER_THREAD),
            (0, tasks) => tasks,
            // No task may have fewer iterations than the grain size, unless there are fewer in all.
            (grain, _) => self.iterations / grain,
        };
        tasks.clamp(1, self.iterations.max(1))
    }

    /// Calls `make(first, end)` for each task, in the order of iterations.
    pub fn share_out(&self, threads: u64, mut make: impl FnMut(u64, u64)) {
        if self.strict && self.grainsize > 0 {
            let mut first = 0;
            while first < self.iterations {
                let end = first.saturating_add(self.grainsize).min(self.iterations);
                make(first, end);
                first = end;
            }
            return;
        }
        let tasks = self.tasks(threads);
        let (each, extra) = (self.iterations / tasks, self.iterations % tasks);
        let mut first = 0;
        for task in 0..tasks.min(self.iterations) {
            let end = first + each + u64::from(task < extra);
            make(first, end);
            first = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(iterations: u64, grainsize: u64, num_tasks: u64, strict: bool) -> Vec<u64> {
        let plan = Plan {
            iterations,
            grainsize,
            num_tasks,
            strict,
        };
        let (mut shares, mut next) = (Vec::new(), 0);
        plan.share_out(2, |first, end| {
            assert_eq!(first, next);
            shares.push(end - first);
            next = end;
        });
        assert_eq!(next, iterations);
        shares
    }

    #[test]
    fn a_grain_is_a_lower_bound_and_twice_it_an_upper_one() {
        assert_eq!(shares(10, 4, 0, false), [5, 5]);
        assert_eq!(shares(3, 4, 0, false), [3]);
        for iterations in 1..200 {
            for grain in 1..20 {
                for share in shares(iterations, grain, 0, false) {
                    assert!(share >= grain.min(iterations) && share < 2 * grain);
                }
            }
        }
    }

    #[test]
    fn strict_grains_are_exact() {
        assert_eq!(shares(10, 4, 0, true), [4, 4, 2]);
        assert_eq!(shares(8, u64::MAX, 0, true), [8]);
    }

    #[test]
    fn a_number_of_tasks_is_kept_where_there_are_iterations() {
        assert_eq!(shares(10, 0, 4, false), [3, 3, 2, 2]);
        assert_eq!(shares(10, 0, 4, true), [3, 3, 2, 2]);
        assert_eq!(shares(2, 0, 9, false), [1, 1]);
        assert_eq!(shares(0, 0, 0, false), [0; 0]);
        assert_eq!(shares(100, 0, 0, false).len(), 8);
    }
}
