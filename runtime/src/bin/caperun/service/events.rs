//! Events of loops with ordered iterations (OpenMP 5.2, 15.9.6 and 15.10.2): which are marked, and who waits for one.

use std::collections::HashMap;

use crate::control::LogPosition;
use crate::marks::Marks;

/// Names one execution of a loop (see `Request::Post`).
pub type Instance = (u64, u64);

/// A rank that waits for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Who waits.
    pub rank: u32,
    /// The name of its request.
    pub ticket: u64,
    /// The log entries it has applied.
    pub seen: LogPosition,
}

#[derive(Debug, Default)]
struct Progress {
    marks: Marks,
    waiting: Vec<(u64, Waiter)>,
    left: u32,
}

/// The events of all loops that are being executed.
#[derive(Debug, Default)]
pub struct Events {
    running: HashMap<Instance, Progress>,
}

impl Events {
    /// Marks `position`; returns who waited for it.
    pub fn post(&mut self, instance: Instance, position: u64) -> Vec<Waiter> {
        let progress = self.running.entry(instance).or_default();
        progress.marks.add(position);
        let (ready, waiting) = std::mem::take(&mut progress.waiting)
            .into_iter()
            .partition(|(wanted, _)| *wanted == position);
        progress.waiting = waiting;
        let ready: Vec<(u64, Waiter)> = ready;
        ready.into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// Whether `position` is marked; if not, `waiter` will be returned when it is.
    pub fn wait(&mut self, instance: Instance, position: u64, waiter: Waiter) -> bool {
        let progress = self.running.entry(instance).or_default();
        let marked = progress.marks.contains(position);
        if !marked {
            progress.waiting.push((position, waiter));
        }
        marked
    }

    /// One of `ranks` ranks has no further use for the loop.
    pub fn forget(&mut self, instance: Instance, ranks: u32) {
        let progress = self.running.entry(instance).or_default();
        progress.left += 1;
        if progress.left >= ranks {
            self.running.remove(&instance);
        }
    }

    /// The earliest log position that an unanswered request starts from.
    pub fn earliest_waiting(&self) -> Option<LogPosition> {
        let waiting = self.running.values().flat_map(|loops| &loops.waiting);
        waiting.map(|(_, waiter)| waiter.seen).min()
    }

    /// The iteration that `rank` waits for, for messages.
    pub fn waits_for(&self, rank: u32) -> Option<u64> {
        let mut waiting = self.running.values().flat_map(|loops| &loops.waiting);
        waiting
            .find(|(_, waiter)| waiter.rank == rank)
            .map(|(position, _)| *position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(rank: u32, seen: LogPosition) -> Waiter {
        Waiter {
            rank,
            ticket: u64::from(rank),
            seen,
        }
    }

    #[test]
    fn a_wait_ends_with_its_own_event() {
        let mut events = Events::default();
        assert!(!events.wait((1, 0), 5, waiter(2, 7)));
        assert!(!events.wait((1, 0), 6, waiter(3, 4)));
        assert_eq!(events.waits_for(2), Some(5));
        assert_eq!(events.earliest_waiting(), Some(4));
        assert!(events.post((2, 0), 5).is_empty(), "another loop");
        assert_eq!(events.post((1, 0), 5), [waiter(2, 7)]);
        assert!(events.wait((1, 0), 5, waiter(1, 0)), "marked for good");
        assert_eq!(events.post((1, 0), 6), [waiter(3, 4)]);
        assert_eq!(events.earliest_waiting(), None);
    }

    #[test]
    fn a_loop_is_forgotten_when_all_ranks_have_left_it() {
        let mut events = Events::default();
        events.post((1, 0), 0);
        events.forget((1, 0), 2);
        assert!(events.wait((1, 0), 0, waiter(1, 0)));
        events.forget((1, 0), 2);
        assert!(events.running.is_empty());
    }
}
