//! The lock service: one owner at a time, first come, first served, and where in the log each lock was last released.
//!
//! Acquiring a lock means seeing what was published before its last release, so a grant carries that position. A release
//! counts everything in the log at that moment: what the owner had seen itself is included without further bookkeeping.
//!
//! The owner is a rank, and keeps the lock until another one asks: then it is *recalled*, once, and answers with a release, or first with
//! *busy* if the other one does not want to wait. Between that and the release all who only try are refused without being asked about.
//!
//! Locks are first given away in blocks (see `control::block`), of which nothing is kept but the owner. A lock of a block has an entry of its
//! own from when another rank wants it.

use std::collections::{HashMap, VecDeque};

use crate::control::{LogPosition, block};

/// A request that is not its turn yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiter {
    rank: u32,
    seen: LogPosition,
    try_only: bool,
}

/// Kept for each lock that more than one rank uses: to be small.
#[derive(Clone, Copy, Debug, Default)]
struct Lock {
    owner: Option<u32>,
    /// The owner has been told, or knows, that others want it.
    recalled: bool,
    released_at: LogPosition,
}

/// What to tell a rank.
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
        /// It has the block.
        whole: bool,
        /// Others wait for it: it counts as recalled.
        wanted: bool,
    },
    /// It only tried, and another has it.
    Taken {
        /// Who tried.
        rank: u32,
    },
    /// Another rank wants the lock that it has.
    Recall {
        /// The owner.
        rank: u32,
        /// Whether it is to say that a thread of its owns the lock.
        answer: bool,
    },
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
    /// Owners of all locks that have no entry in `locks`.
    blocks: HashMap<u64, u32>,
    /// Of the locks that somebody waits for: a few, whereas there may be a lock for each element of an array.
    queues: HashMap<u64, VecDeque<Waiter>>,
    /// How many locks and blocks each rank has.
    owned: HashMap<u32, usize>,
    /// Locks there were when the last ones were forgotten.
    kept: usize,
}

/// Locks that are not worth being looked through.
const FEW: usize = 4096;

impl Locks {
    /// `rank`, which has applied the log up to `seen`, wants `lock`. `None`: it will be answered when its turn comes.
    pub fn acquire(
        &mut self,
        lock: u64,
        rank: u32,
        seen: LogPosition,
        try_only: bool,
    ) -> Option<Answer> {
        if !self.locks.contains_key(&lock) {
            let owner = self.blocks.get(&block(lock)).copied();
            // Another thread of the rank may have asked for the block at the same time.
            if owner.is_none_or(|owner| owner == rank) {
                if owner.is_none() {
                    self.blocks.insert(block(lock), rank);
                    *self.owned.entry(rank).or_default() += 1;
                } else {
                    self.own(lock);
                }
                return Some(Answer::Granted {
                    rank,
                    seen,
                    upto: 0,
                    whole: owner.is_none(),
                    wanted: false,
                });
            }
        }
        let state = self.own(lock);
        let Some(owner) = state.owner else {
            state.owner = Some(rank);
            let upto = state.released_at;
            *self.owned.entry(rank).or_default() += 1;
            return Some(Answer::Granted {
                rank,
                seen,
                upto,
                whole: false,
                wanted: false,
            });
        };
        if owner == rank {
            // It asked before it knew that it had the block, and took no notice of a recall.
            return Some(Answer::Granted {
                rank,
                seen,
                upto: state.released_at,
                whole: false,
                wanted: state.recalled,
            });
        }
        if try_only && state.recalled {
            return Some(Answer::Taken { rank });
        }
        let recalled = std::mem::replace(&mut state.recalled, true);
        self.queues.entry(lock).or_default().push_back(Waiter {
            rank,
            seen,
            try_only,
        });
        (!recalled).then_some(Answer::Recall {
            rank: owner,
            answer: try_only,
        })
    }

    /// `rank` gives `lock` back when the log ends at `end`; returns the grant to the next in the queue.
    pub fn release(
        &mut self,
        lock: u64,
        rank: u32,
        end: LogPosition,
    ) -> Result<Option<Answer>, NotOwner> {
        let state = self.own(lock);
        if state.owner != Some(rank) {
            return Err(NotOwner { lock });
        }
        state.released_at = end;
        if let Some(owned) = self.owned.get_mut(&rank) {
            *owned -= 1;
        }
        let next = self.queues.get_mut(&lock).and_then(VecDeque::pop_front);
        let wanted = self
            .queues
            .get(&lock)
            .is_some_and(|queue| !queue.is_empty());
        if !wanted {
            self.queues.remove(&lock);
        }
        let state = self.own(lock);
        state.recalled = wanted;
        state.owner = next.map(|waiter| waiter.rank);
        Ok(next.map(|Waiter { rank, seen, .. }| {
            *self.owned.entry(rank).or_default() += 1;
            Answer::Granted {
                rank,
                seen,
                upto: end,
                whole: false,
                wanted,
            }
        }))
    }

    /// The entry of `lock`, from now on its own.
    fn own(&mut self, lock: u64) -> &mut Lock {
        let owner = self.blocks.get(&block(lock)).copied();
        let entry = self.locks.entry(lock);
        entry.or_insert_with(|| {
            *owner.map_or(&mut 0, |rank| self.owned.entry(rank).or_default()) += 1;
            Lock {
                owner,
                ..Lock::default()
            }
        })
    }

    /// A thread of `rank` owns `lock`: returns the refusal of whoever only tried.
    pub fn busy(&mut self, lock: u64, rank: u32) -> Option<Answer> {
        let state = self.locks.get(&lock)?;
        if state.owner != Some(rank) {
            return None;
        }
        let queue = self.queues.get_mut(&lock)?;
        // Whoever only tries is queued only if it is the first to want the lock.
        let refused = *queue.front().filter(|waiter| waiter.try_only)?;
        queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&lock);
        }
        Some(Answer::Taken { rank: refused.rank })
    }

    /// Whether `rank` has any lock.
    pub fn has_any(&self, rank: u32) -> bool {
        self.owned.get(&rank).is_some_and(|owned| *owned > 0)
    }

    /// Forgets locks that nobody has, now and then; `base`: every rank has seen the log up to there.
    pub fn forget(&mut self, base: LogPosition) {
        if self.locks.len() < 2 * self.kept.max(FEW) {
            return;
        }
        let blocks = &self.blocks;
        self.locks.retain(|name, lock| {
            lock.owner.is_some() || lock.released_at > base || blocks.contains_key(&block(*name))
        });
        self.kept = self.locks.len();
    }

    /// The earliest log position that a queued request starts from.
    pub fn earliest_waiting(&self) -> Option<LogPosition> {
        let waiting = self.queues.values().flatten();
        waiting.map(|waiter| waiter.seen).min()
    }

    /// The lock that `rank` waits for and its owner, for messages.
    pub fn waits_for(&self, rank: u32) -> Option<(u64, u32)> {
        let waits = |queue: &VecDeque<Waiter>| queue.iter().any(|waiter| waiter.rank == rank);
        let (lock, _) = self.queues.iter().find(|(_, queue)| waits(queue))?;
        let owner = self.locks.get(lock)?.owner?;
        Some((*lock, owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(rank: u32, seen: LogPosition, upto: LogPosition) -> Option<Answer> {
        Some(Answer::Granted {
            rank,
            seen,
            upto,
            whole: false,
            wanted: false,
        })
    }

    /// The first lock of a block.
    fn whole(rank: u32) -> Option<Answer> {
        Some(Answer::Granted {
            rank,
            seen: 0,
            upto: 0,
            whole: true,
            wanted: false,
        })
    }

    fn recall(rank: u32, answer: bool) -> Option<Answer> {
        Some(Answer::Recall { rank, answer })
    }

    #[test]
    fn first_come_first_served_and_the_owner_is_told_once() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(7, 2, 0, false), whole(2));
        assert_eq!(locks.acquire(7, 0, 1, false), recall(2, false));
        assert_eq!(locks.acquire(7, 1, 2, false), None);
        assert_eq!(locks.waits_for(1), Some((7, 2)));
        assert_eq!(locks.earliest_waiting(), Some(1));
        let wanted = Answer::Granted {
            rank: 0,
            seen: 1,
            upto: 5,
            whole: false,
            wanted: true,
        };
        assert_eq!(locks.release(7, 2, 5), Ok(Some(wanted)));
        assert_eq!(locks.waits_for(0), None);
        assert_eq!(locks.release(7, 0, 6), Ok(granted(1, 2, 6)));
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
        let (one, two) = (1 << 20, 2 << 20);
        assert_eq!(locks.acquire(one, 0, 0, false), whole(0));
        assert_eq!(locks.acquire(two, 1, 0, false), whole(1));
        assert_eq!(locks.release(one, 0, 9), Ok(None));
        assert!(locks.has_any(0) && locks.has_any(1), "the blocks");
        assert_eq!(locks.release(two, 1, 3), Ok(None));
        assert_eq!(locks.acquire(one, 1, 3, false), granted(1, 3, 9));
    }

    #[test]
    fn a_block_goes_to_the_first_and_is_taken_from_it_lock_by_lock() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(8, 0, 0, false), whole(0));
        assert_eq!(
            locks.acquire(32, 0, 0, false),
            granted(0, 0, 0),
            "asked for by another thread before it knew"
        );
        assert_eq!(locks.acquire(16, 1, 0, false), recall(0, false));
        assert_eq!(locks.release(16, 0, 2), Ok(granted(1, 0, 2)));
        assert_eq!(locks.acquire(24, 2, 0, true), recall(0, true));
        assert_eq!(locks.busy(24, 0), Some(Answer::Taken { rank: 2 }));
        assert_eq!(locks.release(24, 0, 3), Ok(None));
        assert_eq!(locks.acquire(24, 2, 1, true), granted(2, 1, 3));
        assert_eq!(locks.acquire(8, 1, 1, false), recall(0, false));
    }

    #[test]
    fn a_rank_may_ask_before_it_knows_that_it_has_the_block() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(8, 0, 0, false), whole(0));
        assert_eq!(locks.acquire(16, 1, 0, true), recall(0, true));
        assert_eq!(locks.busy(16, 0), Some(Answer::Taken { rank: 1 }));
        let granted = Answer::Granted {
            rank: 0,
            seen: 0,
            upto: 0,
            whole: false,
            wanted: true,
        };
        assert_eq!(locks.acquire(16, 0, 0, false), Some(granted));
        assert_eq!(locks.release(16, 0, 1), Ok(None));
    }

    #[test]
    fn who_tries_is_answered_by_the_owner() {
        let mut locks = Locks::default();
        assert_eq!(locks.acquire(1, 0, 0, true), whole(0));
        assert_eq!(locks.acquire(1, 1, 0, true), recall(0, true));
        assert_eq!(
            locks.acquire(1, 2, 0, true),
            Some(Answer::Taken { rank: 2 }),
            "somebody else is to have it"
        );
        assert_eq!(locks.busy(1, 0), Some(Answer::Taken { rank: 1 }));
        assert_eq!(locks.busy(1, 0), None);
        assert_eq!(
            locks.acquire(1, 1, 0, true),
            Some(Answer::Taken { rank: 1 }),
            "until the owner releases it"
        );
        assert_eq!(locks.acquire(1, 1, 0, false), None, "the owner knows");
        assert_eq!(locks.release(1, 0, 0), Ok(granted(1, 0, 0)));
        assert_eq!(locks.acquire(1, 0, 0, true), recall(1, true));
        assert_eq!(
            locks.release(1, 1, 4),
            Ok(granted(0, 0, 4)),
            "it was free there"
        );
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

    #[test]
    fn locks_without_owner_are_forgotten_once_all_have_seen_their_release() {
        let mut locks = Locks::default();
        for lock in 0..2 * FEW as u64 {
            let owner = (lock < 2).then_some(0);
            let state = Lock {
                owner,
                released_at: 5,
                ..Lock::default()
            };
            locks.locks.insert(lock << 20, state);
        }
        locks.forget(4);
        assert_eq!(locks.locks.len(), 2 * FEW);
        locks.kept = 0;
        locks.forget(5);
        assert_eq!(locks.locks.len(), 2);
    }
}
