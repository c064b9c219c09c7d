//! Tasks across ranks: who has nothing to do says so, and is given the oldest tasks of another rank (see `control::tasks` for the messages).
//!
//! A rank's tasks cost no message until another rank is idle. What is published with an offer is everything this rank wrote, the stacks of the
//! threads that made tasks and the memory of tasks included: a task may refer to its creator's locals and to its creator's copies.
//!
//! A rank arrives at a barrier only when its own tasks are complete, wherever they ran. One that has arrived may still be given tasks; what
//! it appends to the log for them is counted by the rank whose they are, which has not arrived.
//!
//! The cancellation of a taskgroup is sent to the ranks that have its tasks, and from there back (OpenMP 5.2, 11.2: it takes effect for tasks
//! that have not begun). Tasks with an event, with reductions, or with settings that differ from their team's are not given away.
//!
//! ```text
//! remote      what is said, what is known, how ranks meet
//!   giver     the thread that gives
//!   parcel    a task on its way
//!   economy   how many to give, and when not to
//!   gifts     what this rank was given
//!   publishing, cancellation
//! ```
#![allow(unsafe_code)]

mod cancellation;
mod economy;
mod gifts;
mod giver;
mod parcel;
mod publishing;

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::time::Instant;

use super::group::Group;
use super::pool::{Deferred, Pool};
use super::schedule;
use super::spin::Spin;
use super::task::{REFERENCE, Task};
use crate::control::tasks::{Parcel, TaskReply, TaskRequest};
use crate::control::{LogPosition, Request};
use crate::exchange::Inbox;
use crate::session::{self, Session};
use crate::sync;
use crate::team::wait::Gate;
pub use cancellation::group_cancelled;
use parcel::Root;
pub use publishing::shared_scope;

/// The present phase: forks and barriers so far.
static PHASE: AtomicU64 = AtomicU64::new(0);
/// 1 + the phase in which somebody has tasks to give.
static PLENTY: AtomicU64 = AtomicU64::new(0);
/// 1 + the phase in which this rank has said that it is idle.
static ASKED: AtomicU64 = AtomicU64::new(0);
/// 1 + the phase in which this rank has said that it has tasks to give.
static ANNOUNCED: AtomicU64 = AtomicU64::new(0);
/// Idle ranks, in the phase of `HUNGER_PHASE`.
static HUNGER: AtomicU32 = AtomicU32::new(0);
static HUNGER_PHASE: AtomicU64 = AtomicU64::new(0);
/// Since when, as [`economy::now`] counts.
static HUNGRY_SINCE: AtomicU64 = AtomicU64::new(0);
/// Messages about tasks that nobody has looked at.
static NEWS: AtomicUsize = AtomicUsize::new(0);
/// Threads that wait for messages and for tasks at once.
static LISTENING: AtomicU32 = AtomicU32::new(0);
/// Where threads of the team over ranks sleep.
static GATE: AtomicPtr<Gate> = AtomicPtr::new(std::ptr::null_mut());
/// 1 + the log entries that this rank said it had appended when it arrived at the meeting it waits at; 0: it has not arrived.
static REPORTED: AtomicU64 = AtomicU64::new(0);
/// Batches of other ranks that are not complete here, and threads that deal with messages.
static ADOPTED: AtomicUsize = AtomicUsize::new(0);
/// This rank is about to publish at a meeting: no batch is taken up before it has.
static MEETING: AtomicBool = AtomicBool::new(false);
/// Opportunities to offer tasks that are to be passed over before the site is looked at again.
static PASS_OVER: AtomicU32 = AtomicU32::new(0);
/// Opportunities passed over where giving costs more than it brings.
const BLINDLY: u32 = 64;
/// Nanoseconds that each of the tasks took which another rank gave to this one last.
static EACH: AtomicU64 = AtomicU64::new(u64::MAX);
/// When the last batch of another rank was complete here, as [`economy::now`] counts.
static FINISHED: AtomicU64 = AtomicU64::new(0);
/// A rank asks for more when what it has left will take so many nanoseconds: about what an answer takes.
const AHEAD: u64 = 1_500_000;

/// Tasks that another rank has.
#[derive(Debug)]
struct Batch {
    tasks: Vec<Deferred>,
    body: usize,
    /// Nanoseconds that giving them took.
    cost: u64,
}

impl Batch {
    /// The taskgroup that all of them were made in.
    fn group(&self) -> Option<*const Group> {
        // SAFETY: tasks that are away are not complete.
        let first = unsafe { self.tasks.first()?.0.as_ref() }?;
        Some(first.group.get().cast_const())
    }
}

/// See [`Batch`].
#[derive(Debug, Default)]
struct Away {
    batches: HashMap<u64, Batch>,
    next: u64,
}

impl Away {
    fn batch(tasks: Vec<Deferred>, body: usize) -> Batch {
        Batch {
            tasks,
            body,
            cost: 0,
        }
    }

    fn add(&mut self, batch: Batch) -> u64 {
        let name = self.next;
        self.next += 1;
        self.batches.insert(name, batch);
        name
    }

    /// Whether the taskgroup of tasks that are away is cancelled.
    fn is_cancelled(&self, name: u64) -> bool {
        let group = self.batches.get(&name).and_then(Batch::group);
        // SAFETY: the taskgroup of a task that is not complete is alive.
        group
            .and_then(|group| unsafe { group.as_ref() })
            .is_some_and(Group::is_cancelled)
    }

    fn add_cost(&mut self, name: u64, cost: u64) {
        if let Some(batch) = self.batches.get_mut(&name) {
            batch.cost += cost;
        }
    }
}

static AWAY: Spin<Option<Away>> = Spin::new(None);
fn away<T>(action: impl FnOnce(&mut Away) -> T) -> T {
    action(AWAY.lock().get_or_insert_default())
}

/// A closure that other threads call while its own one waits.
struct Shared<F>(F);

// SAFETY: the predicates below only look at atomics and locked queues, and their thread is blocked meanwhile.
unsafe impl<F> Send for Shared<F> {}

impl<F, T> Shared<F>
where
    F: FnMut(&mut Inbox) -> Option<T>,
{
    fn call(&mut self, inbox: &mut Inbox) -> Option<T> {
        (self.0)(inbox)
    }
}

/// A region or a part between two barriers begins.
pub fn enter_phase(phase: u64) {
    PHASE.store(phase, SeqCst);
    publishing::share_no_more();
    REPORTED.store(0, SeqCst);
    MEETING.store(false, SeqCst);
}

/// To be called before this rank publishes for a meeting: returns when no task of another rank is in progress here. What such a task
/// writes belongs into the log, which all ranks apply before the meeting's entries; and its owner must not have to wait for those.
/// No batch is taken up until [`serve_until`] or [`enter_phase`].
pub fn settle() {
    MEETING.store(true, SeqCst);
    while ADOPTED.load(SeqCst) > 0 {
        if !schedule::help() {
            std::thread::yield_now();
        }
    }
}

/// This rank has arrived at a meeting and has said that it had appended so many entries.
pub fn arrived(appended: u64) {
    REPORTED.store(appended + 1, SeqCst);
}

/// A team over ranks begins: these are its tasks, and its threads sleep at `gate`.
pub fn attach(pool: &Pool, gate: *const Gate) {
    GATE.store(gate.cast_mut(), SeqCst);
    giver::attach(pool);
}

/// The pool is about to serve another team.
pub fn detach(pool: &Pool) {
    giver::detach(pool);
}

fn phase() -> u64 {
    PHASE.load(SeqCst)
}

/// Whether another rank wants tasks.
fn is_hungry() -> bool {
    HUNGER.load(SeqCst) > 0 && HUNGER_PHASE.load(SeqCst) == phase()
}

/// One hungry rank is given tasks.
fn one_is_fed() {
    // Where it has been set back meanwhile, there is nothing to count.
    let _ = HUNGER.fetch_update(SeqCst, SeqCst, |ranks| ranks.checked_sub(1));
    HUNGRY_SINCE.store(economy::now(), SeqCst);
}

/// Nanoseconds for which another rank has wanted tasks in vain.
fn hungry_for() -> u64 {
    economy::now().saturating_sub(HUNGRY_SINCE.load(SeqCst))
}

/// Whether there are messages that do not bring tasks.
fn has_news_but_tasks() -> bool {
    NEWS.load(SeqCst) > gifts::waiting()
}

/// A message about tasks has arrived: notes at once what running threads look at. True: it has been dealt with.
pub fn note(news: &TaskReply) -> bool {
    match news {
        TaskReply::Surplus { phase } => {
            PLENTY.fetch_max(phase + 1, SeqCst);
            true
        }
        TaskReply::Hunger { phase, ranks } => {
            HUNGER_PHASE.store(*phase, SeqCst);
            if HUNGER.swap(*ranks, SeqCst) == 0 {
                HUNGRY_SINCE.store(economy::now(), SeqCst);
            }
            giver::poke();
            true
        }
        TaskReply::Given { owner, batch, .. } => {
            gifts::arrived(*owner, *batch);
            NEWS.fetch_add(1, SeqCst);
            false
        }
        _ => {
            NEWS.fetch_add(1, SeqCst);
            if LISTENING.load(SeqCst) == 0 {
                giver::poke();
            }
            false
        }
    }
}

/// Wakes the threads that sleep at a barrier: there is news.
pub fn ring() {
    // SAFETY: team objects, whose gates these are, are never freed.
    if let Some(gate) = unsafe { GATE.load(SeqCst).as_ref() } {
        gate.notify();
    }
}

/// A task has been deferred, or a waiter released: wakes whoever waits for messages, too.
#[inline]
pub fn wake_listeners() {
    if LISTENING.load(SeqCst) > 0
        && let Some(session) = session::get()
    {
        session.exchange.wake();
    }
}

/// What a thread that looks for tasks is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It does not want any from other ranks.
    None,
    /// It looks into the queues first.
    Soon,
    /// It has found none that it may run.
    Now,
}

/// Whether to ask other ranks for tasks.
fn should_ask(pool: &Pool, need: Need) -> bool {
    let phase = PHASE.load(SeqCst);
    if need == Need::None
        || PLENTY.load(SeqCst) != phase + 1
        || ASKED.load(SeqCst) == phase + 1
        || MEETING.load(SeqCst)
    {
        return false;
    }
    // Tasks of some microseconds are gone too soon to ask in time.
    need == Need::Now || {
        let left = pool.queued() as u64;
        left == 0 || EACH.load(Relaxed).saturating_mul(left + 1) < AHEAD
    }
}

fn has_news(pool: &Pool, need: Need) -> bool {
    NEWS.load(SeqCst) > 0 || should_ask(pool, need)
}

/// Deals with messages about tasks, and asks for tasks if that is needed. Whether there was a message.
#[inline]
pub fn attend(pool: &Pool, need: Need) -> bool {
    match session::get() {
        Some(session) if has_news(pool, need) => attend_to_news(session, pool, need),
        _ => false,
    }
}

#[cold]
fn attend_to_news(session: &'static Session, pool: &Pool, need: Need) -> bool {
    let any = deal_with_news(session, pool, true);
    if !any && should_ask(pool, need) {
        let phase = PHASE.load(SeqCst);
        if ASKED.swap(phase + 1, SeqCst) != phase + 1 {
            giver::start(session);
            sync::ask(session, |seen| {
                Request::Task(TaskRequest::Hungry { phase, seen })
            });
        }
    }
    any
}

/// Deals with all messages; with those that bring tasks only if `gifts`. Whether there were any.
fn deal_with_news(session: &Session, pool: &Pool, gifts: bool) -> bool {
    let mut any = false;
    ADOPTED.fetch_add(1, SeqCst);
    while let Some(news) = next_news(session, gifts) {
        handle(session, pool, news);
        any = true;
    }
    ADOPTED.fetch_sub(1, SeqCst);
    any
}

fn next_news(session: &Session, gifts: bool) -> Option<TaskReply> {
    if NEWS.load(SeqCst) == 0 {
        return None;
    }
    let news = session.exchange.look(|inbox| {
        let gifts = gifts && !MEETING.load(SeqCst);
        let later = |news: &TaskReply| !gifts && matches!(news, TaskReply::Given { .. });
        let at = inbox.tasks.iter().position(|news| !later(news))?;
        inbox.tasks.remove(at)
    })?;
    if matches!(news, TaskReply::Given { .. }) {
        gifts::taken_up();
    }
    NEWS.fetch_sub(1, SeqCst);
    Some(news)
}

/// See `cancellation::heed`.
pub fn cancelled(owner: u32, batch: u64, up: bool) {
    if let Some(session) = session::get() {
        cancellation::heed(session, owner, batch, up);
    }
}

fn handle(session: &Session, pool: &Pool, news: TaskReply) {
    match news {
        TaskReply::Surplus { .. } | TaskReply::Hunger { .. } | TaskReply::Cancel { .. } => {}
        TaskReply::Given {
            owner,
            batch,
            parcels,
            entries,
            from,
        } => {
            let started = economy::processor_time();
            sync::catch_up(session, from, &entries);
            let cost = economy::processor_time().saturating_sub(started);
            ASKED.store(0, SeqCst);
            publishing::share(pool);
            let root = Root::new(pool, (owner, batch), &parcels, cost);
            // SAFETY: parcels come from a rank of the same build.
            unsafe { unpack(root, &parcels) };
        }
        TaskReply::Declined { batch } => {
            for task in take_back(batch).tasks {
                // SAFETY: taken from the pool when they were offered.
                unsafe { pool.push(0, task.0) };
            }
        }
        TaskReply::Done {
            batch,
            entries,
            from,
            credit,
            duration,
            cost,
        } => {
            let started = economy::processor_time();
            sync::catch_up(session, from, &entries);
            // The other rank took about as long to publish that.
            let cost = cost + 2 * economy::processor_time().saturating_sub(started);
            session.state().memory.add_appended(credit);
            let Batch {
                tasks,
                body,
                cost: given,
            } = take_back(batch);
            economy::judge(body, tasks.len(), duration, given + cost);
            for task in tasks {
                // SAFETY: it was this rank's to complete, and is complete there.
                unsafe { schedule::complete_elsewhere(task.0) };
            }
        }
        TaskReply::Fulfil {
            event,
            entries,
            from,
        } => {
            sync::catch_up(session, from, &entries);
            if let Some((_, task)) = super::event::parse(event as *mut c_void) {
                // SAFETY: the event is fulfilled once.
                unsafe { schedule::fulfil(task) };
            }
        }
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn take_back(name: u64) -> Batch {
    away(|away| away.batches.remove(&name)).unwrap_or_else(|| Away::batch(Vec::new(), 0))
}

/// Runs `action`, which executes a task that was taken from the pool, and remembers, now and then, how long such a task takes.
pub fn timed(body: usize, level: u32, action: impl FnOnce()) {
    if !economy::wants_duration(body, level) {
        return action();
    }
    let started = economy::now();
    action();
    economy::note_duration(body, level, economy::now().saturating_sub(started));
}

/// A task with this body was deferred, or could be: an opportunity to give tasks away.
#[inline]
pub fn offer(pool: &Pool, body: usize) {
    let phase = PHASE.load(Relaxed);
    if HUNGER.load(Relaxed) > 0 && HUNGER_PHASE.load(Relaxed) == phase {
        if giver::is_idle() && pool.queued() > 0 {
            giver::poke_if_idle();
        }
    } else if ANNOUNCED.load(Relaxed) != phase + 1 {
        announce(pool, phase, body);
    }
}

fn announce(pool: &Pool, phase: u64, body: usize) {
    let left = PASS_OVER.load(Relaxed);
    if left > 0 {
        return PASS_OVER.store(left - 1, Relaxed);
    }
    if pool.queued() == 0 {
        return;
    }
    if economy::quiet(body, economy::now()) > 0 {
        return PASS_OVER.store(BLINDLY, Relaxed);
    }
    if ANNOUNCED.swap(phase + 1, SeqCst) != phase + 1 {
        giver::announce(phase);
    }
}

/// # Safety
/// The parcels describe tasks of this program; the root is new.
unsafe fn unpack(root: *mut Root, parcels: &[Parcel]) {
    let task = root.cast::<Task>();
    ADOPTED.fetch_add(1, SeqCst);
    // SAFETY: the caller's promise; the second reference is this function's.
    let (owner, batch) = unsafe {
        (*task).counts.fetch_add(REFERENCE, SeqCst);
        ((*root).owner, (*root).batch)
    };
    let cancelled = gifts::unpacked(owner, batch, root);
    if cancelled {
        // SAFETY: alive, by the reference taken above.
        unsafe { &(*root).group }.cancel();
    }
    for parcel in parcels {
        // SAFETY: the caller's promise.
        unsafe { parcel::unpack(parcel, task) };
    }
    // SAFETY: the reference taken above.
    unsafe { schedule::leave(task, REFERENCE) };
}

/// All tasks of a batch, and what they made, are complete.
///
/// # Safety
/// `root` was made by `unpack`, and nothing else refers to it.
pub unsafe fn finished(root: *mut Task) {
    gifts::completed(root);
    // SAFETY: the caller's promise; what was found in the list is not looked at any more.
    let root = unsafe { Box::from_raw(root.cast::<Root>()) };
    let Some(session) = session::get() else {
        return;
    };
    // SAFETY: the pool of the team, which is not complete.
    let pool = unsafe { &*root.task.pool };
    // What came before it here does not count.
    let now = economy::now();
    let since = now.saturating_sub(FINISHED.swap(now, Relaxed));
    let duration = nanoseconds(root.began).min(since);
    EACH.store(duration / root.tasks.max(1) as u64, Relaxed);
    let (owner, batch, cost) = (root.owner, root.batch, root.cost);
    publishing::publish_everything(session, pool, true, |seen, credit, entry| {
        Request::Task(TaskRequest::Done {
            owner,
            batch,
            entry,
            credit,
            duration,
            cost,
            seen,
        })
    });
    ADOPTED.fetch_sub(1, SeqCst);
}

/// Waits for a message, as [`crate::exchange::Exchange::wait`], and runs tasks meanwhile: for the thread that speaks for its rank at a meeting.
/// `computes`: the thread's own clock is running, and what is not waited here is counted as computing anyway.
pub fn serve_until<T: Send>(
    session: &Session,
    pool: &Pool,
    computes: bool,
    mut ready: impl FnMut(&mut Inbox) -> Option<T> + Send,
) -> T {
    MEETING.store(false, SeqCst);
    loop {
        let mut look = Shared(|inbox: &mut Inbox| {
            ready(inbox)
                .map(Some)
                .or_else(|| (has_news(pool, Need::Now) || pool.queued() > 0).then_some(None))
        });
        LISTENING.fetch_add(1, SeqCst);
        let found = session.waiting(|| session.exchange.wait(move |inbox| look.call(inbox)));
        LISTENING.fetch_sub(1, SeqCst);
        if let Some(found) = found {
            return found;
        }
        let clock = session.state().watch.started_computing();
        attend(pool, Need::Now);
        while schedule::help() {}
        if !computes {
            session.state().watch.ended_computing(clock);
        }
    }
}

/// Sleeps until `reason`, or until a message about tasks arrives.
pub fn sleep_unless(session: &Session, pool: &Pool, need: Need, reason: impl Fn() -> bool) {
    LISTENING.fetch_add(1, SeqCst);
    let mut look = Shared(|_: &mut Inbox| (has_news(pool, need) || reason()).then_some(()));
    session.exchange.wait(move |inbox| look.call(inbox));
    LISTENING.fetch_sub(1, SeqCst);
}

/// Fulfils an event of another rank's.
pub fn fulfil(session: &Session, owner: u32, event: u64) {
    sync::publish_with(session, |_: LogPosition, entry| {
        Request::Task(TaskRequest::Fulfil {
            owner,
            event,
            entry,
        })
    });
}
