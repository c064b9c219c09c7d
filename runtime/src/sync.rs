//! Critical sections, locks and flush between ranks: acquire catches up to the lock's last release, release publishes.
//!
//! Both are put off until another rank asks (see [`crate::locks`]): a lock that this rank has costs no message, and what was written under
//! it is published when it leaves the rank. Everything by which another rank could learn of it otherwise publishes all that this rank wrote:
//! a barrier, the end of a region, a flush, another lock, a task that is given away.
//!
//! ```text
//! acquire:   here? it is ours ──no──► Acquire ─► Granted: catch up
//! release:   wanted? ──no──► it stays          ──yes──► publish ─ Release ─►
//! recalled:  free, and all is published: Release ─►     free: the background thread publishes ─ Release ─►     owned: see release
//! ```
//!
//! Nobody waits for the network with the session's state locked, unless what it waits for has been sent: another thread of the rank may
//! have to release the lock that is waited for, or the background thread to give it back. A job of one rank does not come here: see
//! [`crate::local`].

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::context;
use crate::control::{Entry, LogPosition, Request};
use crate::failure::fatal;
use crate::locks::{Entered, Left, Recalled};
use crate::memory::Occasion;
use crate::session::{Session, State, get};
use crate::tasks::remote;

/// The one lock behind all atomic constructs that cannot be carried as operations.
pub const ATOMIC_LOCK: u64 = u64::MAX;

/// A thread that is back this soon does nothing else.
const AT_ONCE: Duration = Duration::from_micros(5);

/// How long a flush that brings nothing new is held back at first, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_micros(20), Duration::from_micros(1000));

/// How old what an atomic read finds may be, if this rank was the last to change anything atomically.
const FRESH: Duration = Duration::from_millis(1);

/// What arrived and is left to the background thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    /// To publish, and to give this lock back.
    GiveBack(u64),
    /// To publish.
    Publish,
}

static CHORES: Mutex<Vec<Chore>> = Mutex::new(Vec::new());
static PENDING: AtomicBool = AtomicBool::new(false);

/// The session, if the calling thread works for a team that has members on other ranks.
pub fn across_ranks() -> Option<&'static Session> {
    get().filter(|_| context::current().within_job)
}

/// Takes `lock` of a job of several ranks; with `try_only`, says at once whether it could.
pub fn acquire(session: &Session, lock: u64, try_only: bool) -> bool {
    let acquired = match session.locks.enter(lock, try_only) {
        Entered::Owner => true,
        Entered::Taken => false,
        Entered::Ask => ask_for(session, lock, try_only),
    };
    count_lock(i32::from(acquired));
    acquired
}

fn ask_for(session: &Session, lock: u64, try_only: bool) -> bool {
    session.wait_for_all_ranks();
    let seen = ask(session, |seen| Request::Acquire {
        lock,
        seen,
        try_only,
    });
    let (acquired, entries) = waiting(session, || {
        session.exchange.wait(|inbox| inbox.granted.remove(&lock))
    });
    catch_up(session, seen, &entries);
    if !acquired {
        session.locks.gone(lock);
    }
    acquired
}

thread_local! {
    /// Locks that the thread has taken and not given back, or that another has given back for it.
    static HAS: Cell<i32> = const { Cell::new(0) };
}

fn count_lock(more: i32) {
    HAS.set(HAS.get() + more);
}

/// Whether the calling thread has a lock, as far as is known: one may give back what another has taken.
pub fn has_lock() -> bool {
    HAS.get() > 0
}

/// Gives `lock` back. What was written before is published before any other rank gets it.
pub fn release(session: &Session, lock: u64) {
    count_lock(-1);
    match session.locks.leave(lock) {
        Left::Kept => {}
        Left::Crowded => publish_released(session),
        Left::Wanted => {
            publish_with(session, |_, entry| Request::Release { lock, entry });
            session.locks.gone(lock);
        }
        Left::NotOwned => fatal(format_args!(
            "released lock {lock:#x}, which it does not hold: a lock must be unset by the thread that set it"
        )),
    }
}

/// Publishes what was written under locks that have been released, if it is not published yet: before this rank's part of a meeting,
/// which other ranks may see later than a lock that is recalled meanwhile.
pub fn publish_released(session: &Session) {
    if !session.locks.all_clean() {
        publish_with(session, |_, entry| Request::Publish {
            entry,
            solicited: false,
        });
    }
}

/// Another rank wants `lock`; with `answer`, it only tries. Called by the thread that receives.
pub fn recalled(session: &Session, lock: u64, answer: bool) {
    match session.locks.recall(lock) {
        Recalled::Free => give_back(session, lock),
        Recalled::Dirty => leave_to_background(session, Chore::GiveBack(lock)),
        // Away: a thread may be asking for it, which does not know that it is this rank's. Otherwise nobody waits for the answer.
        Recalled::Owned | Recalled::Away => {
            if answer {
                session.exchange.request(&Request::Busy { lock });
            }
        }
    }
}

/// Another rank looks for news. Called by the thread that receives.
pub fn solicited(session: &Session) {
    if session.locks.all_clean() {
        session.exchange.request(&Request::Publish {
            entry: None,
            solicited: true,
        });
    } else {
        leave_to_background(session, Chore::Publish);
    }
}

fn give_back(session: &Session, lock: u64) {
    session
        .exchange
        .request(&Request::Release { lock, entry: None });
    session.locks.gone(lock);
}

fn chores() -> std::sync::MutexGuard<'static, Vec<Chore>> {
    CHORES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn leave_to_background(session: &Session, chore: Chore) {
    chores().push(chore);
    PENDING.store(true, SeqCst);
    session.exchange.wake_background();
}

/// Whether there is something for the background thread to do.
pub fn pending() -> bool {
    PENDING.load(SeqCst)
}

/// Does what [`recalled`] and [`solicited`] have left to do: called by the background thread, outside of the exchange, because a thread
/// that receives can neither wait for the session's state nor for room to send.
pub fn attend(session: &Session) {
    PENDING.store(false, SeqCst);
    let found = std::mem::take(&mut *chores());
    for chore in found {
        let mut guard = session.state();
        // With the state locked: this rank may have arrived at a meeting by now, with all that it wrote and the number of its entries.
        let entry = match chore {
            Chore::GiveBack(lock) if session.locks.is_clean(lock) => None,
            Chore::Publish if session.locks.all_clean() => None,
            Chore::GiveBack(_) | Chore::Publish => {
                begin_publishing(session, &mut guard, Caller::Background)
            }
        };
        match chore {
            Chore::GiveBack(lock) => {
                session.exchange.request(&Request::Release { lock, entry });
                session.locks.gone(lock);
            }
            Chore::Publish => session.exchange.request(&Request::Publish {
                entry,
                solicited: true,
            }),
        }
        published(session);
    }
}

/// What this rank published since [`crate::locks::Locks::publishing`] has been sent: drops the locks that nobody needs.
pub fn published(session: &Session) {
    let locks = session.locks.published();
    if locks.is_empty() {
        return;
    }
    session.exchange.request(&Request::Drop {
        locks: locks.clone(),
    });
    locks.into_iter().for_each(|lock| session.locks.gone(lock));
}

/// Before an atomic read at `place`: catches up, unless this rank made the last change and has looked lately for writes of other kinds.
pub fn before_atomic_read(session: &Session, place: usize) {
    thread_local! {
        static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    if session.locks.has(ATOMIC_LOCK) {
        let now = Instant::now();
        let looked = LOOKED.get().unwrap_or_else(|| {
            LOOKED.set(Some(now));
            now
        });
        if now - looked < FRESH {
            return;
        }
    }
    // What a change published before the lock left its rank is in the log.
    refresh(session, place);
    LOOKED.set(Some(Instant::now()));
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
fn refresh(session: &Session, place: usize) {
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
    let mut guard = session.state();
    let entry = begin_publishing(session, &mut guard, Caller::Program);
    let seen = guard.memory.seen();
    session.exchange.request(&make(seen, entry));
    published(session);
    seen
}

/// Which thread publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// One that runs the program's code.
    Program,
    /// The background thread.
    Background,
}

/// Publishes; the caller sends the entry to the coordinator, and calls [`published`] then.
fn begin_publishing(session: &Session, state: &mut State, caller: Caller) -> Option<Entry> {
    session.locks.publishing();
    // What was printed before a lock was released is to be out before another rank has the lock.
    crate::ffi::stdio::flush_output();
    let entry = publish(session, state, caller);
    if entry.is_some() {
        state.memory.count_appended();
    }
    entry
}

fn publish(session: &Session, state: &mut State, caller: Caller) -> Option<Entry> {
    // In serial code everything down to here is shared, and what is below will not outlive this call.
    let marker = 0_u8;
    let serial = context::current().is_serial() && session.rank == 0;
    let scope = if serial && caller == Caller::Program {
        session.scope(std::ptr::from_ref(std::hint::black_box(&marker)) as usize)
    } else {
        remote::shared_scope(session, state.stack_bound)
    };
    state.memory.publish(
        &session.exchange,
        Occasion::Region,
        &scope,
        &mut state.watch,
        &mut || {},
    )
}
