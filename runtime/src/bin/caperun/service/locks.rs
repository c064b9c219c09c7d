//! The lock service: one owner at a time, first come, first served, and where in the log each lock was last released.
//!
//! Acquiring a lock means seeing what was published before its last release, so a grant carries that position. A release
//! counts everything in the log at that moment: what the owner had seen itself is included without further bookkeeping.

use std::collections::{HashMap, VecDeque};

use crate::control::LogPosition;

/// A request that is not its turn yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiter {
    rank: u32,
    seen: LogPosition,
}

#[derive(Debug, Default)]
struct Lock {
    owner: Option<u32>,
    released_at: LogPosition,
    queue: VecDeque<Waiter>,
}

/// What to tell a rank that asked for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the lock and must see the log's entries from `seen` up to `upto`.
    Granted {
        /// The new owner.
        rank: u32,
        /// What it had applied when it asked.
        seen: LogPosition,
        /// The lock's last release.
        upto: LogPosition,
    },
    /// It only tried, and another has it.
    Taken,
    /// It will be answered when its turn comes.
    Queued,
}

/// A rank gave back a lock that it did not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "released lock {lock:#x}, which it does not hold: a lock must be unset by the thread that set it"
)]
pub struct NotOwner {
    lock: u64,
}

/// All locks of the job. A lock exists from its first use.
#[derive(Debug, Default)]
pub struct Locks {
    locks: HashMap<u64, Lock>,
    /// What the queued requests start from: a few, whereas there may be a lock for each element of an array.
    waiting: Vec<LogPosition>,
}

impl Locks {
    /// `rank`, which has applied the log up to `seen`, wants `lock`.
    pub fn acquire(&mut self, lock: u64, rank: u32, seen: LogPosition, try_only: bool) -> Answer {
        let lock = self.locks.entry(lock).or_default();
        // A queue without an owner cannot be: a release hands the lock over at once.
        if lock.owner.is_none() {
            lock.owner = Some(rank);
            return Answer::Granted {
                rank,
                seen,
                upto: lock.released_at,
            };
        }
        if try_only {
            return Answer::Taken;
        }
        lock.queue.push_back(Waiter { rank, seen });
        self.waiting.push(seen);
        Answer::Queued
    }

    /// `rank` gives `lock` back when the log ends at `end`; returns the grant to the next in the queue.
    pub fn release(
        &mut self,
        lock: u64,
        rank: u32,
        end: LogPosition,
    ) -> Result<Option<Answer>, NotOwner> {
        let state = self
            .locks
            .get_mut(&lock)
            .filter(|state| state.owner == Some(rank))
            .ok_or(NotOwner { lock })?;
        state.released_at = end;
        let next = state.queue.pop_front();
        state.owner = next.map(|waiter| waiter.rank);
        if let Some(index) =
            next.and_then(|waiter| self.waiting.iter().position(|seen| *seen == waiter.seen))
        {
            self.waiting.swap_remove(index);
        }
        Ok(next.map(|Waiter { rank, seen }| Answer::Granted {
            rank,
            seen,
            upto: end,
        }))
    }

    /// The earliest log position that a queued request starts from.
    pub fn earliest_waiting(&self) -> Option<LogPosition> {
        self.waiting.iter().copied().min()
    }

    /// The lock that `rank` waits for and its owner, for messages.
    pub fn waits_for(&self, rank: u32) -> Option<(u64, u32)> {
        self.locks
            .iter()
            .find(|(_, lock)| lock.queue.iter().any(|waiter| waiter.rank == rank))
            .and_then(|(name, lock)| lock.owner.map(|owner| (*name, owner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(rank: u32, seen: LogPosition, upto: LogPosition) -> Answer {
        Answer::Granted { rank, seen, upto }
    }

    #[test]
    fn first_come_first_served() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(7, 2, 0, false), granted(2, 0, 0));
        assert_eq!(locks.acquire(7, 0, 1, false), Answer::Queued);
        assert_eq!(locks.acquire(7, 1, 2, false), Answer::Queued);
        assert_eq!(locks.waits_for(1), Some((7, 2)));
        assert_eq!(locks.earliest_waiting(), Some(1));
        assert_eq!(locks.release(7, 2, 5), Ok(Some(granted(0, 1, 5))));
        assert_eq!(locks.waits_for(0), None);
        assert_eq!(locks.release(7, 0, 6), Ok(Some(granted(1, 2, 6))));
        assert_eq!(locks.release(7, 1, 6), Ok(None));
        assert_eq!(locks.earliest_waiting(), None);
        assert_eq!(
            locks.acquire(7, 3, 0, false),
            granted(3, 0, 6),
            "the last release is remembered"
        );
    }

    #[test]
    fn locks_are_independent() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(1, 0, 0, false), granted(0, 0, 0));
        assert_eq!(locks.acquire(2, 1, 0, false), granted(1, 0, 0));
        assert_eq!(locks.release(1, 0, 9), Ok(None));
        assert_eq!(locks.release(2, 1, 3), Ok(None));
        assert_eq!(locks.acquire(1, 1, 3, false), granted(1, 3, 9));
    }

    #[test]
    fn trying_never_waits() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(1, 0, 0, true), granted(0, 0, 0));
        assert_eq!(locks.acquire(1, 1, 0, true), Answer::Taken);
        assert_eq!(
            locks.acquire(1, 0, 0, true),
            Answer::Taken,
            "locks are not nestable"
        );
        assert_eq!(
            locks.release(1, 0, 0),
            Ok(None),
            "a try leaves nothing in the queue"
        );
    }

    #[test]
    fn two_threads_of_a_rank_take_turns() {
        let mut locks = Locks::default();
        locks.acquire(1, 0, 0, false);
        assert_eq!(locks.acquire(1, 0, 4, false), Answer::Queued);
        assert_eq!(locks.release(1, 0, 5), Ok(Some(granted(0, 4, 5))));
        assert_eq!(locks.release(1, 0, 6), Ok(None));
    }

    #[test]
    fn only_the_owner_releases() {
        let mut locks = Locks::default();
        assert_eq!(locks.release(1, 0, 0), Err(NotOwner { lock: 1 }));
        locks.acquire(1, 0, 0, false);
        assert_eq!(locks.release(1, 1, 0), Err(NotOwner { lock: 1 }));
        assert_eq!(locks.release(1, 0, 0), Ok(None));
        assert_eq!(locks.release(1, 0, 0), Err(NotOwner { lock: 1 }));
    }
}
