//! The thread that gives tasks away, so that the threads that make and run them need not.
//!
//! A thread in the midst of a long task could not answer a hungry rank before its end, and what is published first, an array that serial
//! code has filled, say, can take as long as a task. So a rank that has had tasks to give has a thread of its own for that. It sleeps
//! while no rank is hungry, and is poked by whoever hears of hunger or defers a task while there is some; it also deals with news of tasks
//! that came back, unless a thread of the team waits for them anyway. It never runs a task. Tasks that this rank was given and that no thread
//! takes up, because all are in tasks that take long or wait for a lock, say, it returns.
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::thread::Thread;
use std::time::Duration;

use super::economy;
use super::{ADOPTED, Away, MEETING, away};
use super::{parcel, publishing};
use crate::control::Request;
use crate::control::tasks::TaskRequest;
use crate::failure::fatal;
use crate::os;
use crate::session::{self, Session};
use crate::tasks::group::Group;
use crate::tasks::pool::{Deferred, Pool};
use crate::tasks::task::Task;

/// How long to wait before looking again where a meeting is about to begin, or tasks are there that cannot leave.
const SHORTLY: Duration = Duration::from_micros(500);
const LATER: Duration = Duration::from_millis(50);

static THREAD: OnceLock<Thread> = OnceLock::new();
/// It sleeps until it is poked.
static IDLE: AtomicBool = AtomicBool::new(false);
/// The tasks of the team over ranks; null: there is none.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());
/// Whether it looks at the pool.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// What came of an attempt to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Some were given.
    Gave,
    /// There are none.
    Nothing,
    /// There are, but not to be given; to be tried again when so much time has passed.
    Kept(Duration),
}

/// Starts the thread, unless it has been.
pub fn start(session: &'static Session) {
    THREAD.get_or_init(|| {
        let spawned = os::with_signals_blocked(|| {
            crate::ffi::alloc::start_internal_thread("cape-tasks", move || {
                crate::places::unbind();
                live(session)
            })
        });
        match spawned {
            Ok(thread) => thread,
            Err(error) => fatal(format_args!(
                "cannot start a thread ({error}): raise the limit on processes (ulimit -u)"
            )),
        }
    });
}

/// There may be something for it to do.
pub fn poke() {
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

/// Whether it sleeps until it is poked, as far as the calling thread knows.
#[inline]
pub fn is_idle() -> bool {
    IDLE.load(Relaxed)
}

/// A task was deferred while another rank is hungry.
#[inline]
pub fn poke_if_idle() {
    if IDLE.load(Relaxed) && IDLE.swap(false, SeqCst) {
        poke();
    }
}

/// The pool of the team over ranks from here on.
pub fn attach(pool: &Pool) {
    POOL.store(std::ptr::from_ref(pool).cast_mut(), SeqCst);
}

/// The pool is about to serve another team: nobody looks at it when this returns.
pub fn detach(pool: &Pool) {
    if !std::ptr::eq(POOL.load(Relaxed), pool) {
        return;
    }
    POOL.store(std::ptr::null_mut(), SeqCst);
    while INSIDE.load(SeqCst) > 0 {
        std::thread::yield_now();
    }
}

/// Uses the pool if there is one.
fn with_pool<T>(action: impl FnOnce(&Pool) -> T) -> Option<T> {
    INSIDE.fetch_add(1, SeqCst);
    // SAFETY: teams, whose pools these are, are never freed; `detach` waits for this function before one changes.
    let result = unsafe { POOL.load(SeqCst).as_ref() }.map(action);
    INSIDE.fetch_sub(1, SeqCst);
    result
}

fn live(session: &'static Session) -> ! {
    let mut kept = SHORTLY;
    loop {
        let gift = super::gifts::return_untouched(session);
        match round(session) {
            Outcome::Kept(time) => {
                let time = time.max(kept);
                kept = (kept * 2).min(LATER);
                std::thread::park_timeout(gift.map_or(time, |gift| gift.min(time)));
            }
            Outcome::Gave => kept = SHORTLY,
            Outcome::Nothing => {
                kept = SHORTLY;
                if super::is_hungry() {
                    // Small tasks come and go: not to be poked for each.
                    std::thread::park_timeout(SHORTLY);
                }
                IDLE.store(true, SeqCst);
                // Pairs with the fence in `Pool::push`: that thread sees this one idle, or this one sees its task.
                fence(SeqCst);
                if !has_work() {
                    match gift {
                        Some(time) => std::thread::park_timeout(time),
                        None => std::thread::park(),
                    }
                }
                IDLE.store(false, SeqCst);
            }
        }
    }
}

fn has_work() -> bool {
    super::has_news_but_tasks() || super::is_hungry() && with_pool(Pool::queued).unwrap_or(0) > 0
}

/// Deals with what there is. A meeting does not begin meanwhile: what is published here belongs before it.
fn round(session: &Session) -> Outcome {
    ADOPTED.fetch_add(1, SeqCst);
    let result = if MEETING.load(SeqCst) {
        None
    } else {
        with_pool(|pool| {
            super::deal_with_news(session, pool, false);
            if super::is_hungry() {
                give(session, pool)
            } else {
                Outcome::Nothing
            }
        })
    };
    ADOPTED.fetch_sub(1, SeqCst);
    match result {
        Some(outcome) => outcome,
        None if has_work() => Outcome::Kept(SHORTLY),
        None => Outcome::Nothing,
    }
}

/// Tasks that can be given together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    parent: *mut Task,
    group: *mut Group,
    body: usize,
    level: u32,
}

impl Kind {
    fn of(task: &Task) -> Kind {
        Kind {
            parent: task.parent,
            group: task.group.get(),
            body: task.body.map_or(0, |body| body as usize),
            level: task.level,
        }
    }
}

fn give(session: &Session, pool: &Pool) -> Outcome {
    let queued = pool.queued();
    if queued == 0 {
        return Outcome::Nothing;
    }
    let phase = super::phase();
    let now = economy::now();
    let mut quiet = None;
    let mut first = None;
    // A look at what there is.
    pool.give_away(|task| {
        if first.is_some() {
            return None;
        }
        let kind = Kind::of(task);
        let left = economy::quiet(kind.body, now);
        if left > 0 {
            quiet = Some(quiet.map_or(left, |quiet: u64| quiet.min(left)));
        } else if parcel::may_leave(session, task) {
            first = Some(kind);
        }
        None
    });
    let Some(kind) = first else {
        return Outcome::Kept(quiet.map_or(SHORTLY, Duration::from_nanos));
    };
    let each = economy::expected(kind.body, kind.level);
    let most = economy::batch(kind.body, each, queued);
    if let Some(each) = each {
        let price = economy::price(publishing::dirty_pages(session, pool));
        let proven = economy::is_proven(kind.body);
        // What is sent first serves all that can be given after it.
        let tasks = if proven { queued.div_ceil(2) } else { most };
        let wait = economy::wait(each * tasks as u64, price, super::hungry_for(), proven);
        if wait > 0 {
            return Outcome::Kept(Duration::from_nanos(wait));
        }
    }
    // Siblings are alike; in a recursion, the oldest task stands for as much work as all younger ones.
    let tasks = pool.give_away(|task| {
        (Kind::of(task) == kind && parcel::may_leave(session, task)).then_some(most)
    });
    if tasks.is_empty() {
        return Outcome::Nothing;
    }
    let body = kind.body;
    super::one_is_fed();
    // SAFETY: taken from the pool, so that nobody else has them.
    let parcels = tasks
        .iter()
        .map(|task| unsafe { parcel::pack(*task) })
        .collect();
    let tasks = tasks.into_iter().map(Deferred).collect();
    let batch = away(|away| away.add(Away::batch(tasks, body)));
    let started = economy::processor_time();
    publishing::publish_everything(session, pool, false, |seen, _, entry| {
        Request::Task(TaskRequest::Offer {
            phase,
            batch,
            parcels,
            entry,
            seen,
        })
    });
    let cost = economy::processor_time().saturating_sub(started);
    // It may be back already.
    let cancelled = away(|away| {
        away.add_cost(batch, cost);
        away.is_cancelled(batch)
    });
    if cancelled {
        // Whoever cancelled it meanwhile may have said so before the offer.
        let owner = session.rank;
        session
            .exchange
            .request(&Request::Task(TaskRequest::Cancel {
                owner,
                batch,
                up: false,
            }));
    }
    Outcome::Gave
}

/// This rank has tasks to give: says so, once a phase.
#[cold]
pub fn announce(phase: u64) {
    if let Some(session) = session::get() {
        start(session);
        session
            .exchange
            .request(&Request::Task(TaskRequest::Surplus { phase }));
    }
}
