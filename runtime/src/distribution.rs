//! Where the threads of a team run: block by rank (OpenMP 5.2 leaves the mapping of threads to the implementation).
//!
//! A rank has *slots*, the threads per rank that `caperun --threads` asked for. A team that fits fills rank after rank; a larger one is
//! spread evenly over all ranks. Either way, neighbouring numbers share a rank, and every rank can work out everybody's part alone.
//!
//! ```text
//! team  3, 2 ranks of 2 slots:   0 1 | 2
//! team  7, 2 ranks of 2 slots:   0 1 2 3 | 4 5 6
//! ```

/// The threads of a team that one rank runs: numbers `first..first + count`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The team number of the rank's first thread.
    pub first: u32,
    /// How many it runs; 0: the rank is not in the team.
    pub count: u32,
}

impl Part {
    /// Threads that *thread-limit-var* `limit` leaves to the other ranks of a team of `team` threads: theirs of the team, and of those that
    /// the limit allows beyond it as many as their share of the team is worth. So regions inside keep to it without asking each other.
    pub fn limit_elsewhere(self, team: u32, limit: u32) -> u32 {
        if limit == u32::MAX || team == 0 {
            return 0;
        }
        let spare = u64::from(limit.saturating_sub(team));
        let up_to = |thread: u32| spare * u64::from(thread) / u64::from(team);
        let end = self.first.saturating_add(self.count).min(team);
        let own = u64::from(self.count) + up_to(end) - up_to(self.first.min(team));
        limit.saturating_sub(u32::try_from(own).unwrap_or(u32::MAX))
    }
}

/// The part of `rank` in a team of `team` threads on `ranks` ranks with `slots` slots each (at least one of both).
pub fn part(team: u32, ranks: u32, slots: u32, rank: u32) -> Part {
    let (ranks, slots) = (ranks.max(1), slots.max(1));
    if u64::from(team) <= u64::from(ranks) * u64::from(slots) {
        // A product that overflows lies beyond the team.
        let first = rank.saturating_mul(slots).min(team);
        return Part {
            first,
            count: slots.min(team - first),
        };
    }
    let (each, extra) = (team / ranks, team % ranks);
    Part {
        first: rank * each + rank.min(extra),
        count: each + u32::from(rank < extra),
    }
}

/// The parts of all ranks, in rank order.
pub fn distribution(team: u32, ranks: u32, slots: u32) -> Vec<Part> {
    (0..ranks)
        .map(|rank| part(team, ranks, slots, rank))
        .collect()
}

/// The rank that runs thread `number` (below `team`).
pub fn rank_of(team: u32, ranks: u32, slots: u32, number: u32) -> u32 {
    let (ranks, slots) = (ranks.max(1), slots.max(1));
    if u64::from(team) <= u64::from(ranks) * u64::from(slots) {
        return number / slots;
    }
    let (each, extra) = (team / ranks, team % ranks);
    let larger = extra * (each + 1);
    if number < larger {
        number / (each + 1)
    } else {
        extra + (number - larger) / each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(team: u32, ranks: u32, slots: u32) -> Vec<u32> {
        distribution(team, ranks, slots)
            .iter()
            .map(|part| part.count)
            .collect()
    }

    #[test]
    fn a_team_that_fits_fills_rank_after_rank() {
        assert_eq!(counts(4, 4, 1), [1, 1, 1, 1]);
        assert_eq!(counts(2, 4, 1), [1, 1, 0, 0]);
        assert_eq!(counts(3, 2, 2), [2, 1]);
        assert_eq!(counts(5, 3, 4), [4, 1, 0]);
        assert_eq!(counts(1, 3, 4), [1, 0, 0]);
        assert_eq!(counts(6, 1, 6), [6]);
    }

    #[test]
    fn a_larger_team_is_spread() {
        assert_eq!(counts(7, 2, 2), [4, 3]);
        assert_eq!(counts(5, 4, 1), [2, 1, 1, 1]);
        assert_eq!(counts(9, 4, 2), [3, 2, 2, 2]);
        assert_eq!(counts(3, 1, 1), [3]);
    }

    #[test]
    fn every_thread_has_one_place() {
        for ranks in 1..6 {
            for slots in 1..5 {
                for team in 1..40 {
                    let mut next = 0;
                    for (rank, part) in (0..).zip(distribution(team, ranks, slots)) {
                        assert_eq!(part.first, next, "{team} {ranks} {slots}");
                        for number in part.first..part.first + part.count {
                            assert_eq!(rank_of(team, ranks, slots, number), rank);
                        }
                        next += part.count;
                    }
                    assert_eq!(next, team);
                }
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        assert_eq!(part(u32::MAX, u32::MAX, u32::MAX, 7).count, 0);
        assert_eq!(part(u32::MAX, 2, 1, 1).first, u32::MAX / 2 + 1);
        assert_eq!(part(3, 4096, u32::MAX, 4095), Part { first: 3, count: 0 });
    }

    #[test]
    fn a_thread_limit_is_shared_out_whole() {
        for (team, ranks, slots, limit) in [(5, 2, 1, 6), (5, 2, 4, 9), (3, 4, 1, 64), (8, 8, 1, 8)]
        {
            let own = |rank| limit - part(team, ranks, slots, rank).limit_elsewhere(team, limit);
            let least = |rank| part(team, ranks, slots, rank).count;
            assert_eq!((0..ranks).map(own).sum::<u32>(), limit);
            assert!((0..ranks).all(|rank| own(rank) >= least(rank)));
        }
        assert_eq!(part(4, 2, 1, 0).limit_elsewhere(4, u32::MAX), 0);
    }
}
