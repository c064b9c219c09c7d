//! The locks that this rank has, and which of its threads own them: the part of locking that needs no message.
//!
//! A lock stays with the rank that had it last (TreadMarks' lazy release), so that its threads take it and give it back in memory until
//! another rank asks:
//!
//! ```text
//!            enter: nobody owns it, and it is...
//!  away ──► ask the coordinator ── granted ──► owned ── leave ──► here ── enter ──► owned ...
//!   ▲                                            │                 │
//!   └───────────── gone ◄── give back ◄── wanted ┘ ◄── recall ─────┘
//! ```
//!
//! While no other rank wants the lock it goes from thread to thread of the rank without bound; once one does, a bounded number of times.
//!
//! There may be a lock for each element of an array. So the first rank to use any lock of a *block* of addresses is given all of them,
//! and one by one gives back those that others want. What is kept of a lock that has been used is a few bytes in one of many tables. Locks
//! that the program has destroyed, and those beyond what a table is to hold, are *retired*: dropped when the rank publishes next.
//!
//! What was written under a lock that is here and owned by nobody is published when the lock leaves the rank, or with anything else that
//! this rank publishes. Publications are counted, so that it is known of each lock whether it is *clean*: whether that has been done.

use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use crate::control::{LockStatistics, block};

/// How often a lock that another rank wants goes from thread to thread of this one.
const TURNS: u8 = 32;
/// How often a thread takes one lock before it pauses first.
const PATIENCE: u32 = 16;
/// Tables: a power of two.
const SHARDS: usize = 1024;
/// Locks that a table is to hold: about a million in all.
const ROOM: usize = 1024;
/// Retired locks that wait for the next publication at most.
const RETIRED: usize = 4096;

/// What a thread that wants a lock has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Nothing: it owns the lock.
    Owner,
    /// To ask the coordinator: it will own the lock, which is away.
    Ask,
    /// It only tried, and another thread of this rank owns the lock or is asking for it.
    Taken,
}

/// What a thread that gives up a lock has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the lock stays here.
    Kept,
    /// To publish, so that retired locks can be dropped: there are many.
    Crowded,
    /// To give the lock back, and to call [`Locks::gone`] then: another rank wants it.
    Wanted,
    /// No thread of this rank owned it.
    NotOwned,
}

/// What becomes of a lock that another rank wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// The caller is to give it back, and to call [`Locks::gone`] then.
    Free,
    /// As `Free`, but to publish first.
    Dirty,
    /// The thread that owns it will be told to when it leaves.
    Owned,
    /// It has been given back already.
    Away,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Some thread of this rank owns the lock, is asking for it, or is giving it back.
    taken: bool,
    /// This rank has the lock.
    here: bool,
    /// Another rank wants it.
    wanted: bool,
    /// It is being given back: no thread owns it.
    leaving: bool,
    retired: bool,
    /// How often it may still go to the next thread of the rank once it is wanted.
    turns: u8,
    /// The publication that has, or will have, what was written before it was released last.
    written: u64,
}

impl State {
    const HERE: State = State {
        taken: false,
        here: true,
        wanted: false,
        leaving: false,
        retired: false,
        turns: 0,
        written: 0,
    };
}

#[derive(Debug)]
struct Waiting {
    thread: Thread,
    next: Arc<AtomicBool>,
}

/// Addresses, mixed: cheaper than what the standard library does, which nobody attacks here.
#[derive(Clone, Copy, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, value: u64) {
        let product = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}

type Map<V> = HashMap<u64, V, BuildHasherDefault<Mixed>>;

#[derive(Debug, Default)]
struct Table {
    /// Of locks that have been used.
    states: Map<State>,
    /// Blocks all of whose locks are here, except for those whose state says something else.
    blocks: HashSet<u64, BuildHasherDefault<Mixed>>,
    /// Threads of this rank that wait for one another.
    waiting: Map<VecDeque<Waiting>>,
    counts: LockStatistics,
}

/// On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(Mutex<Table>);

impl Table {
    /// The state of `lock`, if anything is known of it.
    fn known(&mut self, lock: u64) -> Option<&mut State> {
        if self.blocks.contains(&block(lock)) {
            return Some(self.states.entry(lock).or_insert(State::HERE));
        }
        self.states.get_mut(&lock)
    }

    /// The state of `lock`, which is away if nothing is known of it.
    fn state(&mut self, lock: u64) -> &mut State {
        let blocks = &self.blocks;
        self.states.entry(lock).or_insert_with(|| {
            if blocks.contains(&block(lock)) {
                State::HERE
            } else {
                State::default()
            }
        })
    }

    /// What is kept of `lock` is what would be known without it.
    fn forget(&mut self, lock: u64) {
        self.states.remove(&lock);
    }

    /// Makes the next thread the owner; false: there is none.
    fn pass(&mut self, lock: u64) -> bool {
        let Some(queue) = self.waiting.get_mut(&lock) else {
            return false;
        };
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&lock);
        }
        let Some(next) = next else { return false };
        next.next.store(true, Release);
        next.thread.unpark();
        true
    }
}

thread_local! {
    /// The lock that this thread took last, and how often in a row.
    static AGAIN: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// A thread that takes one lock again and again may be waiting for another rank: the threads that deliver what it waits for must not
/// have to wait for its time slice to end. Less and less often, because each pause may cost as much where other programs run.
fn let_others_run(lock: u64) {
    let (last, count) = AGAIN.get();
    let count = if last == lock {
        count.wrapping_add(1)
    } else {
        0
    };
    AGAIN.set((lock, count));
    if count >= PATIENCE && count.is_power_of_two() {
        std::thread::yield_now();
    }
}

/// The locks of a rank.
#[derive(Debug)]
pub struct Locks {
    shards: Box<[Shard]>,
    retired: Mutex<Vec<u64>>,
    retiring: AtomicUsize,
    /// Publications begun, and sent.
    begun: AtomicU64,
    sent: AtomicU64,
    /// The publication that has, or will have, what was written before any lock was released.
    written: AtomicU64,
}

impl Default for Locks {
    fn default() -> Locks {
        Locks {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            retired: Mutex::default(),
            retiring: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Locks {
    fn table(&self, lock: u64) -> MutexGuard<'_, Table> {
        let mut mixed = Mixed::default();
        mixed.write_u64(block(lock));
        let shard = (mixed.finish() >> 20) as usize % SHARDS;
        held(&self.shards[shard].0)
    }

    /// Makes the calling thread the owner of `lock`, or the one that is to ask for it; waits for other threads of this rank unless
    /// `try_only`.
    pub fn enter(&self, lock: u64, try_only: bool) -> Entered {
        let mut table = self.table(lock);
        let state = table.state(lock);
        if state.taken {
            // Whoever only tries may wait for it to have left: soon, and nobody has to release it for that.
            if try_only && !state.leaving {
                return Entered::Taken;
            }
            let next = Arc::new(AtomicBool::new(false));
            let waiting = Waiting {
                thread: std::thread::current(),
                next: Arc::clone(&next),
            };
            table.waiting.entry(lock).or_default().push_back(waiting);
            drop(table);
            while !next.load(Acquire) {
                std::thread::park();
            }
            table = self.table(lock);
        }
        // Who waited finds the state: whoever passed the lock on left it.
        let state = table.state(lock);
        state.taken = true;
        state.retired = false;
        if state.here {
            table.counts.acquired += 1;
            drop(table);
            let_others_run(lock);
            return Entered::Owner;
        }
        table.counts.asked += 1;
        AGAIN.set((lock, 0));
        Entered::Ask
    }

    /// The coordinator has given `lock` to this rank, a thread of which asked for it; with `whole`, and all others of its block. To be called
    /// in the order of what arrives, before any later [`Locks::recall`]. `wanted`: another rank waits for it already.
    pub fn granted(&self, lock: u64, whole: bool, wanted: bool) {
        let mut table = self.table(lock);
        table.counts.acquired += 1;
        if whole {
            table.blocks.insert(block(lock));
        }
        let state = table.state(lock);
        state.here = true;
        state.wanted = wanted;
        state.turns = TURNS;
    }

    /// Whether this rank has `lock`.
    pub fn has(&self, lock: u64) -> bool {
        let mut table = self.table(lock);
        table.known(lock).is_some_and(|state| state.here)
    }

    /// The thread that owns `lock` gives it up.
    pub fn leave(&self, lock: u64) -> Left {
        let mut table = self.table(lock);
        // A publication that begins later has what was written until here.
        fence(SeqCst);
        let written = self.begun.load(SeqCst) + 1;
        if self.written.load(Relaxed) < written {
            self.written.fetch_max(written, SeqCst);
        }
        let waited_for = table.waiting.contains_key(&lock);
        let Some(state) = table
            .states
            .get_mut(&lock)
            .filter(|state| state.taken && state.here)
        else {
            return Left::NotOwned;
        };
        state.written = written;
        if state.wanted && (!waited_for || state.turns == 0) {
            state.leaving = true;
            table.counts.given += 1;
            return Left::Wanted;
        }
        if waited_for {
            state.turns = state.turns.saturating_sub(u8::from(state.wanted));
            table.pass(lock);
            return Left::Kept;
        }
        state.taken = false;
        if table.states.len() > ROOM {
            drop(table);
            self.retire(lock);
        }
        if self.retiring.load(Relaxed) > RETIRED {
            Left::Crowded
        } else {
            Left::Kept
        }
    }

    /// Another rank wants `lock`.
    pub fn recall(&self, lock: u64) -> Recalled {
        let mut table = self.table(lock);
        let Some(state) = table.known(lock).filter(|state| state.here) else {
            return Recalled::Away;
        };
        if state.taken {
            if !state.wanted {
                state.wanted = true;
                state.turns = TURNS;
            }
            return Recalled::Owned;
        }
        state.taken = true;
        state.leaving = true;
        let written = state.written;
        table.counts.given += 1;
        drop(table);
        if self.has_sent(written) {
            Recalled::Free
        } else {
            Recalled::Dirty
        }
    }

    /// Whether what was written under `lock`, which is being given back, has been published meanwhile.
    pub fn is_clean(&self, lock: u64) -> bool {
        let written = self.table(lock).state(lock).written;
        self.has_sent(written)
    }

    fn has_sent(&self, publication: u64) -> bool {
        self.sent.load(SeqCst) >= publication
    }

    /// `lock` has been given back, or was not granted: threads of this rank have to ask anew.
    pub fn gone(&self, lock: u64) {
        let mut table = self.table(lock);
        *table.state(lock) = State {
            taken: true,
            ..State::default()
        };
        if table.pass(lock) {
            return;
        }
        if table.blocks.contains(&block(lock)) {
            table.state(lock).taken = false;
        } else {
            table.forget(lock);
        }
    }

    /// The program has no further use for `lock`, for all that is known.
    pub fn retire(&self, lock: u64) {
        let mut table = self.table(lock);
        let Some(state) = table.states.get_mut(&lock) else {
            return;
        };
        if state.here && !state.taken && !state.retired {
            state.retired = true;
            held(&self.retired).push(lock);
            self.retiring.fetch_add(1, Relaxed);
        }
    }

    /// Forgets retired locks that nobody uses after all, and that are clean. Returns those of them that the caller is to give back, and to
    /// call [`Locks::gone`] for.
    fn take_retired(&self) -> Vec<u64> {
        if self.retiring.load(Relaxed) == 0 {
            return Vec::new();
        }
        let mut retired = std::mem::take(&mut *held(&self.retired));
        self.retiring.store(0, Relaxed);
        retired.retain(|lock| {
            let mut table = self.table(*lock);
            let Some(state) = table.states.get_mut(lock) else {
                return false;
            };
            if !state.retired {
                return false;
            }
            state.retired = false;
            if !state.here || state.taken || !self.has_sent(state.written) {
                return false;
            }
            state.taken = true;
            state.leaving = true;
            let ours = table.blocks.contains(&block(*lock));
            if ours {
                table.forget(*lock);
            }
            !ours
        });
        retired
    }

    /// To be called before this rank looks for what it wrote to publish all of it, by one thread at a time.
    pub fn publishing(&self) {
        self.begun.fetch_add(1, SeqCst);
        fence(SeqCst);
    }

    /// What was published since [`Locks::publishing`] has been sent. Returns locks that the caller is to give back, and to call
    /// [`Locks::gone`] for.
    pub fn published(&self) -> Vec<u64> {
        self.sent.store(self.begun.load(SeqCst), SeqCst);
        self.take_retired()
    }

    /// Whether everything that was written before any lock was released has been sent.
    pub fn all_clean(&self) -> bool {
        self.has_sent(self.written.load(SeqCst))
    }

    /// What has happened so far.
    pub fn counts(&self) -> LockStatistics {
        let mut sum = LockStatistics::default();
        for shard in &self.shards {
            let counts = held(&shard.0).counts;
            sum.acquired += counts.acquired;
            sum.asked += counts.asked;
            sum.given += counts.given;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted() -> Locks {
        let locks = Locks::default();
        assert_eq!(locks.enter(8, false), Entered::Ask);
        locks.granted(8, false, false);
        locks
    }

    #[test]
    fn a_lock_stays_until_it_is_recalled() {
        let locks = granted();
        assert_eq!(locks.enter(8, true), Entered::Taken);
        assert_eq!(locks.leave(8), Left::Kept);
        assert_eq!(locks.enter(8, true), Entered::Owner);
        assert_eq!(locks.leave(8), Left::Kept);
        assert_eq!(locks.recall(8), Recalled::Dirty);
        std::thread::scope(|scope| {
            let trying = scope.spawn(|| locks.enter(8, true));
            while locks.table(8).waiting.is_empty() {
                std::thread::yield_now();
            }
            locks.gone(8);
            assert_eq!(trying.join().expect("no panic"), Entered::Ask);
        });
        assert_eq!(locks.recall(8), Recalled::Away);
        let counts = locks.counts();
        assert_eq!((counts.acquired, counts.asked, counts.given), (2, 2, 1));
    }

    #[test]
    fn an_owner_is_told_when_it_leaves() {
        let locks = granted();
        assert_eq!(locks.recall(8), Recalled::Owned);
        assert_eq!(locks.leave(8), Left::Wanted);
        locks.gone(8);
        assert!(!locks.has(8));
        assert_eq!(locks.enter(8, false), Entered::Ask);
        locks.granted(8, false, true);
        assert_eq!(locks.leave(8), Left::Wanted);
    }

    #[test]
    fn only_owners_leave() {
        let locks = granted();
        assert_eq!(locks.leave(9), Left::NotOwned);
        assert_eq!(locks.leave(8), Left::Kept);
        assert_eq!(locks.leave(8), Left::NotOwned);
    }

    #[test]
    fn threads_of_the_rank_do_not_starve_others() {
        let locks = granted();
        let (entered, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 * usize::from(TURNS) {
                scope.spawn(|| {
                    match locks.enter(8, false) {
                        Entered::Owner => drop(entered.fetch_add(1, SeqCst)),
                        Entered::Ask => {
                            asked.fetch_add(1, SeqCst);
                            locks.granted(8, false, false);
                        }
                        Entered::Taken => unreachable!("it does not only try"),
                    }
                    if locks.leave(8) == Left::Wanted {
                        locks.gone(8);
                    }
                });
            }
            let all = 2 * usize::from(TURNS);
            while locks
                .table(8)
                .waiting
                .get(&8)
                .is_none_or(|queue| queue.len() < all)
            {
                std::thread::yield_now();
            }
            assert_eq!(locks.recall(8), Recalled::Owned);
            assert_eq!(locks.leave(8), Left::Kept);
        });
        assert_eq!(asked.load(SeqCst), 1);
        assert!(entered.load(SeqCst) >= usize::from(TURNS));
        assert!(locks.table(8).waiting.is_empty());
    }

    #[test]
    fn what_was_released_is_dirty_until_it_has_been_sent() {
        let locks = granted();
        assert_eq!(locks.enter(16, false), Entered::Ask);
        locks.granted(16, false, false);
        assert!(locks.all_clean());
        locks.leave(8);
        assert!(!locks.all_clean());
        locks.publishing();
        locks.leave(16);
        assert!(!locks.all_clean());
        assert!(locks.published().is_empty());
        assert!(!locks.all_clean(), "16 was released too late for that");
        assert_eq!(
            (locks.recall(8), locks.recall(16)),
            (Recalled::Free, Recalled::Dirty)
        );
        locks.publishing();
        assert!(!locks.is_clean(16));
        locks.published();
        assert!(locks.is_clean(16) && locks.all_clean());
    }

    #[test]
    fn a_block_is_given_whole_and_taken_back_lock_by_lock() {
        let locks = Locks::default();
        assert_eq!(locks.enter(8, false), Entered::Ask);
        locks.granted(8, true, false);
        locks.leave(8);
        assert_eq!(locks.enter(16, true), Entered::Owner);
        assert!(locks.has(24) && !locks.has(4096));
        assert_eq!(
            locks.recall(24),
            Recalled::Free,
            "nobody has written under it"
        );
        locks.gone(24);
        assert!(!locks.has(24));
        assert_eq!(locks.recall(24), Recalled::Away);
        assert_eq!(locks.enter(24, false), Entered::Ask);
        locks.granted(24, false, false);
        locks.leave(24);
        assert_eq!(locks.recall(24), Recalled::Dirty);
        locks.gone(24);
        assert_eq!(locks.recall(8), Recalled::Dirty);
        locks.gone(8);
        locks.leave(16);
        locks.retire(16);
        locks.publishing();
        assert!(locks.published().is_empty(), "nothing to give back");
        assert_eq!(locks.recall(16), Recalled::Free);
    }

    #[test]
    fn destroyed_locks_go_with_the_next_publication_unless_they_are_used_again() {
        let locks = granted();
        assert_eq!(locks.enter(16, false), Entered::Ask);
        locks.granted(16, false, false);
        locks.retire(8);
        assert!(locks.published().is_empty(), "it is owned");
        locks.leave(8);
        locks.leave(16);
        locks.retire(8);
        locks.retire(16);
        assert_eq!(locks.enter(16, false), Entered::Owner);
        locks.leave(16);
        locks.publishing();
        assert_eq!(locks.published(), [8]);
        locks.gone(8);
        assert_eq!((locks.has(8), locks.has(16)), (false, true));
    }

    #[test]
    fn a_full_table_makes_room() {
        let locks = Locks::default();
        let mut crowded = 0;
        for lock in 0..(SHARDS * ROOM + 4 * RETIRED) as u64 {
            locks.enter(8 * lock, false);
            locks.granted(8 * lock, false, false);
            if locks.leave(8 * lock) == Left::Crowded {
                crowded += 1;
                locks.publishing();
                let retired = locks.published();
                assert!(retired.len() > RETIRED);
                retired.into_iter().for_each(|lock| locks.gone(lock));
            }
        }
        assert!(crowded > 0);
    }
}
