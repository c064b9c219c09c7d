//! Critical sections, locks and flush between ranks: acquire catches up to the lock's last release, release publishes.
//!
//! Locks have two levels. The threads of a rank queue in memory, and only the first of them talks to the coordinator; a lock that the
//! rank has may go from thread to thread of the rank a bounded number of times before other ranks get it:
//!
//! ```text
//! thread:       queue of the rank ──► has the rank the lock? ──no──► Acquire ─► Granted: catch up ──► owner
//! release:      a thread of the rank waits, and its turns are not used up: it is the owner ──else──► publish ─ Release ─►
//! ```
//!
//! Nobody waits for the network with the session's state locked, unless what it waits for has been sent: another thread of the rank may
//! have to release the lock that is waited for. A job of one rank does not come here: see [`crate::local`].

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::context;
use crate::control::{Entry, LogPosition, Request};
use crate::memory::Occasion;
use crate::session::{Session, State, get};

/// The one lock behind all atomic constructs that cannot be carried as operations.
pub const ATOMIC_LOCK: u64 = u64::MAX;

/// How often a lock goes from thread to thread of a rank before other ranks get it.
const TURNS: u32 = 32;

/// A thread that is back this soon does nothing else.
const AT_ONCE: Duration = Duration::from_micros(5);

/// How long a flush that brings nothing new is held back at first, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_micros(20), Duration::from_micros(1000));

/// A lock as the threads of this rank see it.
#[derive(Debug, Default)]
struct RankLock {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Some thread of this rank owns the lock, or is asking for it.
    taken: bool,
    /// This rank has the lock.
    here: bool,
    /// How often it may still go to the next thread of the rank.
    turns: u32,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    thread: Thread,
    next: Arc<AtomicBool>,
}

/// The locks that threads of this rank own or wait for.
static LOCKS: Mutex<Option<HashMap<u64, Arc<RankLock>>>> = Mutex::new(None);

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn rank_lock(lock: u64) -> Arc<RankLock> {
    let mut locks = lock_mutex(&LOCKS);
    Arc::clone(locks.get_or_insert_default().entry(lock).or_default())
}

impl RankLock {
    /// Makes the calling thread the rank's owner. With `try_only`: false if another is.
    fn enter(&self, try_only: bool) -> bool {
        let mut queue = lock_mutex(&self.queue);
        if !queue.taken {
            queue.taken = true;
            return true;
        }
        if try_only {
            return false;
        }
        let next = Arc::new(AtomicBool::new(false));
        queue.waiting.push_back(Waiting {
            thread: std::thread::current(),
            next: Arc::clone(&next),
        });
        drop(queue);
        while !next.load(Acquire) {
            std::thread::park();
        }
        true
    }

    /// Makes the next thread the rank's owner; false: there is none.
    fn pass(queue: &mut Queue) -> bool {
        let Some(waiting) = queue.waiting.pop_front() else {
            queue.taken = false;
            return false;
        };
        waiting.next.store(true, Release);
        waiting.thread.unpark();
        true
    }
}

/// The session, if the calling thread works for a team that has members on other ranks.
pub fn across_ranks() -> Option<&'static Session> {
    get().filter(|_| context::current().within_job)
}

/// Takes `lock` of a job of several ranks; with `try_only`, says at once whether it could.
pub fn acquire(session: &Session, lock: u64, try_only: bool) -> bool {
    session.wait_for_all_ranks();
    let state = rank_lock(lock);
    if !state.enter(try_only) {
        return false;
    }
    if lock_mutex(&state.queue).here {
        return true;
    }
    let seen = ask(session, |seen| Request::Acquire {
        lock,
        seen,
        try_only,
    });
    let (acquired, entries) = waiting(session, || {
        session.exchange.wait(|inbox| inbox.granted.remove(&lock))
    });
    catch_up(session, seen, &entries);
    let mut queue = lock_mutex(&state.queue);
    queue.here = acquired;
    queue.turns = TURNS;
    if !acquired {
        leave(lock, &mut queue);
    }
    acquired
}

/// Gives `lock` back, after everything this rank wrote before has been published if it leaves the rank.
pub fn release(session: &Session, lock: u64) {
    let state = rank_lock(lock);
    let mut queue = lock_mutex(&state.queue);
    if queue.turns > 0 && !queue.waiting.is_empty() {
        queue.turns -= 1;
        RankLock::pass(&mut queue);
        return;
    }
    drop(queue);
    publish_with(session, |_, entry| Request::Release { lock, entry });
    let mut queue = lock_mutex(&state.queue);
    queue.here = false;
    leave(lock, &mut queue);
}

/// The rank's owner goes; the next thread asks for the lock anew.
fn leave(lock: u64, queue: &mut Queue) {
    if !RankLock::pass(queue)
        && let Some(locks) = lock_mutex(&LOCKS).as_mut()
        // Nobody else is about to use it: one reference is the table's, one the caller's.
        && locks.get(&lock).is_some_and(|state| Arc::strong_count(state) == 2)
    {
        locks.remove(&lock);
    }
}

/// Publishes, and catches up to what the log holds then. `place` names the construct: a thread that spins there is held back.
pub fn flush(session: &Session, place: usize) {
    session.wait_for_all_ranks();
    let (ticket, patience) = (session.exchange.ticket(), Spin::patience(place));
    let mut published = false;
    let from = publish_with(session, |seen, entry| {
        published = entry.is_some();
        Request::Flush {
            ticket,
            seen,
            entry,
            patience,
        }
    });
    let entries = waiting(session, || session.exchange.answer(ticket));
    Spin::returns(place, published || !entries.is_empty());
    catch_up(session, from, &entries);
}

/// Catches up to what the log holds now, without publishing. `place` as for [`flush`].
pub fn refresh(session: &Session, place: usize) {
    session.wait_for_all_ranks();
    let (ticket, patience) = (session.exchange.ticket(), Spin::patience(place));
    let from = ask(session, |seen| Request::Flush {
        ticket,
        seen,
        entry: None,
        patience,
    });
    let entries = waiting(session, || session.exchange.answer(ticket));
    Spin::returns(place, !entries.is_empty());
    catch_up(session, from, &entries);
}

/// What a thread last flushed or read, to tell whether it spins: it is back at the same place at once, and nothing was new.
#[derive(Clone, Copy, Debug)]
struct Spin {
    place: usize,
    idle: u32,
    returned: Option<Instant>,
}

thread_local! {
    static SPIN: Cell<Spin> = const { Cell::new(Spin { place: 0, idle: 0, returned: None }) };
}

impl Spin {
    /// How long the coordinator may hold an answer without news back, in microseconds.
    fn patience(place: usize) -> u32 {
        let last = SPIN.get();
        let back = last
            .returned
            .is_some_and(|returned| returned.elapsed() < AT_ONCE);
        if last.place != place || !back || last.idle < 2 {
            return 0;
        }
        let patience = PATIENCE.0 * (1 << (last.idle - 2).min(10));
        u32::try_from(patience.min(PATIENCE.1).as_micros()).unwrap_or(u32::MAX)
    }

    fn returns(place: usize, news: bool) {
        let last = SPIN.get();
        let idle = if news || last.place != place {
            0
        } else {
            last.idle.saturating_add(1)
        };
        SPIN.set(Spin {
            place,
            idle,
            returned: Some(Instant::now()),
        });
    }
}

/// Sends the request that `make` builds from this rank's position in the log; returns that position.
pub fn ask(session: &Session, make: impl FnOnce(LogPosition) -> Request) -> LogPosition {
    let state = session.state();
    let seen = state.memory.seen();
    // Sent before another thread of this rank can say that it has applied more.
    session.exchange.request(&make(seen));
    seen
}

/// Runs `action`, which waits for other ranks, and accounts for the time.
pub fn waiting<T>(session: &Session, action: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = action();
    let waited = started.elapsed();
    session.state().watch.waited(waited);
    result
}

/// Applies `entries` of the log, the first of which is at `from`, as far as they are new.
pub fn catch_up(session: &Session, from: LogPosition, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    let mut guard = session.state();
    let state = &mut *guard;
    state
        .memory
        .catch_up_log(&session.exchange, from, entries, &mut state.watch);
    state.memory.finish();
}

/// Publishes what this rank wrote and sends the request that `make` builds with it and this rank's position in the log, so that the log
/// holds this rank's entries in the order of their numbers. Returns the position.
pub fn publish_with(
    session: &Session,
    make: impl FnOnce(LogPosition, Option<Entry>) -> Request,
) -> LogPosition {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let entry = publish(session, &mut guard);
    if entry.is_some() {
        guard.memory.count_appended();
    }
    let seen = guard.memory.seen();
    session.exchange.request(&make(seen, entry));
    seen
}

fn publish(session: &Session, state: &mut State) -> Option<Entry> {
    // In serial code everything down to here is shared, and what is below will not outlive this call.
    let marker = 0_u8;
    let serial = context::current().is_serial() && session.rank == 0;
    let bound = if serial {
        std::ptr::from_ref(std::hint::black_box(&marker)) as usize
    } else {
        state.stack_bound
    };
    let scope = session.scope(bound);
    state.memory.publish(
        &session.exchange,
        Occasion::Region,
        &scope,
        &mut state.watch,
        &mut || {},
    )
}
