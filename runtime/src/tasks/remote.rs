//! Tasks across ranks: who has nothing to do says so, and is given the oldest tasks of another rank (see `control::tasks` for the messages).
//!
//! A rank's tasks cost no message until another rank is idle. What is published with an offer is everything this rank wrote, the stacks of the
//! threads that made tasks and the memory of tasks included: a task may refer to its creator's locals and to its creator's copies.
//!
//! A rank arrives at a barrier only when its own tasks are complete, wherever they ran. One that has arrived may still be given tasks; what
//! it appends to the log for them is counted by the rank whose they are, which has not arrived.
//!
//! A task that was given away before its taskgroup was cancelled is executed: the cancellation stays on the rank of the taskgroup
//! (OpenMP 5.2, 11.2: it takes effect for tasks that have not begun, which is for the implementation to see). Tasks with an event, with
//! reductions, or with settings that differ from their team's are not given away.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::time::Instant;

use ckpt_incremental::ByteRange;

use super::pool::{Deferred, Pool};
use super::schedule;
use super::spin::Spin;
use super::task::{Body, Chunk, REFERENCE, Recipe, Task, flag};
use crate::control::tasks::{Parcel, TaskReply, TaskRequest};
use crate::control::{Entry, LogPosition, Request};
use crate::exchange::Inbox;
use crate::memory::Occasion;
use crate::session::{self, Session};
use crate::sync;
use crate::team::wait::Gate;

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
/// Opportunities to offer tasks that are to be passed over before the clock is looked at again, because giving costs more than it brings.
static PASS_OVER: AtomicU32 = AtomicU32::new(0);
/// When giving is to be tried again, in nanoseconds of [`now`].
static QUIET_UNTIL: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds for which it was not tried last.
static BACK_OFF: AtomicU64 = AtomicU64::new(0);
/// Tasks to offer at a time.
static BATCH: AtomicUsize = AtomicUsize::new(1);

/// A batch that takes less (in nanoseconds) was not worth its messages.
const WORTH: u64 = 300_000;
/// Nanoseconds without an offer after the first batch that was not worth it; twice as long after each further one.
const SHORTEST_BACK_OFF: u64 = 4_000_000;
/// As above, at most: where tasks become large after all, that is all a region loses.
const LONGEST_BACK_OFF: u64 = 100_000_000;
/// Opportunities passed over without looking at the clock.
const BLINDLY: u32 = 8;
/// What a batch should take, in nanoseconds: the rank that has it does not wait for the next one for long by comparison, although its
/// owner sees that only between two tasks.
const HORIZON: u64 = 20_000_000;
/// Tasks in a batch at most.
const LARGEST_BATCH: usize = 64;

/// Tasks that another rank has.
#[derive(Debug, Default)]
struct Away {
    batches: HashMap<u64, Vec<Deferred>>,
    next: u64,
}

static AWAY: Spin<Option<Away>> = Spin::new(None);
/// One thread at a time offers tasks.
static OFFERING: Spin<()> = Spin::new(());

/// The root of tasks that this rank was given together.
#[derive(Debug)]
#[repr(C)]
struct Root {
    /// First: pointers to it are pointers to the root.
    task: Task,
    owner: u32,
    batch: u64,
    began: Instant,
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

/// Threads of the team over ranks sleep here.
pub fn set_gate(gate: *const Gate) {
    GATE.store(gate.cast_mut(), SeqCst);
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
            HUNGER.store(*ranks, SeqCst);
            true
        }
        _ => {
            NEWS.fetch_add(1, SeqCst);
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

fn should_ask() -> bool {
    let phase = PHASE.load(SeqCst);
    PLENTY.load(SeqCst) == phase + 1 && ASKED.load(SeqCst) != phase + 1
}

fn has_news(idle: bool) -> bool {
    NEWS.load(SeqCst) > 0 || idle && should_ask()
}

/// Deals with messages about tasks; with `idle`, asks for tasks. Whether there was anything.
#[inline]
pub fn attend(pool: &Pool, idle: bool) -> bool {
    match session::get() {
        Some(session) if has_news(idle) => attend_to_news(session, pool, idle),
        _ => false,
    }
}

#[cold]
fn attend_to_news(session: &Session, pool: &Pool, idle: bool) -> bool {
    let mut any = false;
    ADOPTED.fetch_add(1, SeqCst);
    while let Some(news) = next_news(session) {
        NEWS.fetch_sub(1, SeqCst);
        handle(session, pool, news);
        any = true;
    }
    ADOPTED.fetch_sub(1, SeqCst);
    let free = !any && idle && !MEETING.load(SeqCst);
    if free && should_ask() && pool.queued() == 0 {
        let phase = PHASE.load(SeqCst);
        if ASKED.swap(phase + 1, SeqCst) != phase + 1 {
            ANNOUNCED.store(0, SeqCst);
            sync::ask(session, |seen| {
                Request::Task(TaskRequest::Hungry { phase, seen })
            });
        }
    }
    any
}

fn next_news(session: &Session) -> Option<TaskReply> {
    if NEWS.load(SeqCst) == 0 {
        return None;
    }
    session.exchange.look(|inbox| {
        let meeting = MEETING.load(SeqCst);
        let later = |news: &TaskReply| meeting && matches!(news, TaskReply::Given { .. });
        let at = inbox.tasks.iter().position(|news| !later(news))?;
        inbox.tasks.remove(at)
    })
}

fn handle(session: &Session, pool: &Pool, news: TaskReply) {
    match news {
        TaskReply::Surplus { .. } | TaskReply::Hunger { .. } => {}
        TaskReply::Given {
            owner,
            batch,
            parcels,
            entries,
            from,
        } => {
            sync::catch_up(session, from, &entries);
            ASKED.store(0, SeqCst);
            // SAFETY: parcels come from a rank of the same build.
            unsafe { unpack(pool, owner, batch, &parcels) };
        }
        TaskReply::Declined { batch } => {
            for task in take_back(batch) {
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
        } => {
            sync::catch_up(session, from, &entries);
            session.state().memory.add_appended(credit);
            let tasks = take_back(batch);
            judge(duration, tasks.len());
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

fn take_back(batch: u64) -> Vec<Deferred> {
    AWAY.lock()
        .as_mut()
        .and_then(|away| away.batches.remove(&batch))
        .unwrap_or_default()
}

/// Learns from a batch that took `duration` how much to give.
fn judge(duration: u64, tasks: usize) {
    let each = (duration / tasks.max(1) as u64).max(1);
    let batch = usize::try_from(HORIZON / each).unwrap_or(1);
    BATCH.store(batch.clamp(1, LARGEST_BATCH), Relaxed);
    let back_off = if duration < WORTH {
        (BACK_OFF.load(Relaxed) * 2).clamp(SHORTEST_BACK_OFF, LONGEST_BACK_OFF)
    } else {
        0
    };
    BACK_OFF.store(back_off, Relaxed);
    QUIET_UNTIL.store(if back_off > 0 { now() + back_off } else { 0 }, Relaxed);
}

/// Nanoseconds since this was called first.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// An opportunity to give tasks away, of which `keep` are to stay.
#[inline]
pub fn offer(pool: &Pool, keep: usize) {
    let phase = PHASE.load(Relaxed);
    if HUNGER.load(Relaxed) > 0 && HUNGER_PHASE.load(Relaxed) == phase {
        let left = PASS_OVER.load(Relaxed);
        if left > 0 {
            return PASS_OVER.store(left - 1, Relaxed);
        }
        let quiet = QUIET_UNTIL.load(Relaxed);
        if quiet > 0 && now() < quiet {
            return PASS_OVER.store(BLINDLY, Relaxed);
        }
        if pool.queued() > keep {
            give(pool, keep, phase);
        }
    } else if ANNOUNCED.load(Relaxed) != phase + 1 && pool.queued() > 1 {
        announce(phase);
    }
}

#[cold]
fn announce(phase: u64) {
    if ANNOUNCED.swap(phase + 1, SeqCst) != phase + 1
        && let Some(session) = session::get()
    {
        session
            .exchange
            .request(&Request::Task(TaskRequest::Surplus { phase }));
    }
}

fn may_leave(session: &Session, task: &Task) -> bool {
    const TIED: u32 = flag::DETACHED | flag::REDUCES | flag::UNDEFERRED;
    if task.flags.get() & TIED != 0 || task.sizes.is_null() || !task.icvs.get().is_null() {
        return false;
    }
    // SAFETY: the taskgroup of a task that is not complete is alive.
    if unsafe { task.group.get().as_ref() }.is_some_and(|group| group.reduces()) {
        return false;
    }
    // SAFETY: made by a recipe.
    let environment = unsafe { Task::environment(std::ptr::from_ref(task).cast_mut()) };
    (0..task.captures() as usize).all(|k| {
        // SAFETY: as many elements.
        let (address, size) = unsafe { (*environment.add(k), *task.sizes.add(k)) };
        size != 0 || address.is_null() || session.in_image(address as usize)
    })
}

#[cold]
fn give(pool: &Pool, keep: usize, phase: u64) {
    let (Some(session), Some(_turn)) = (session::get(), OFFERING.try_lock()) else {
        return;
    };
    let half = pool.queued().div_ceil(2);
    let most = BATCH.load(Relaxed).min(half);
    // Siblings are alike; in a recursion, the oldest task stands for as much work as all younger ones.
    let mut parent = None;
    let tasks = pool.give_away(most, keep, |task| {
        let alike = parent.is_none_or(|parent| parent == task.parent) && may_leave(session, task);
        if alike {
            parent = Some(task.parent);
        }
        alike
    });
    if tasks.is_empty() {
        return PASS_OVER.store(BLINDLY, Relaxed);
    }
    let fewer = |ranks: u32| ranks.checked_sub(1);
    let _ = HUNGER.fetch_update(SeqCst, SeqCst, fewer);
    // SAFETY: taken from the pool, so that nobody else has them.
    let parcels = tasks.iter().map(|task| unsafe { pack(*task) }).collect();
    let batch = {
        let mut away = AWAY.lock();
        let away = away.get_or_insert_default();
        let batch = away.next;
        away.next += 1;
        away.batches
            .insert(batch, tasks.into_iter().map(Deferred).collect());
        batch
    };
    publish_everything(session, pool, false, |seen, _, entry| {
        Request::Task(TaskRequest::Offer {
            phase,
            batch,
            parcels,
            entry,
            seen,
        })
    });
}

unsafe fn pack(task: *mut Task) -> Parcel {
    // SAFETY: the caller's.
    let this = unsafe { &*task };
    let captures = this.captures() as usize;
    // SAFETY: made by a recipe: as many elements.
    let environment = unsafe { std::slice::from_raw_parts(Task::environment(task), captures) };
    // SAFETY: kept by the recipe in a team over ranks.
    let sizes = unsafe { std::slice::from_raw_parts(this.sizes, captures) };
    let mut copies = Vec::new();
    for (address, size) in environment.iter().zip(sizes) {
        if *size != 0 {
            // SAFETY: the task's own copy.
            copies.extend_from_slice(unsafe {
                std::slice::from_raw_parts(address.cast::<u8>(), *size)
            });
        }
    }
    let chunk = this.has(flag::LOOP).then(|| {
        // SAFETY: the element after the captures.
        let chunk = unsafe { &*(*Task::environment(task).add(captures)).cast::<Chunk>() };
        (chunk.first, chunk.end, chunk.last != 0)
    });
    Parcel {
        body: this.body.map_or(0, |body| body as usize as u64),
        sizes: sizes.iter().map(|size| *size as u64).collect(),
        environment: environment.iter().map(|address| *address as u64).collect(),
        copies,
        chunk,
        flags: this.flags.get() & (flag::FINAL | flag::REDUCES),
        priority: this.priority,
    }
}

/// # Safety
/// The parcels describe tasks of this program.
unsafe fn unpack(pool: &Pool, owner: u32, batch: u64, parcels: &[Parcel]) {
    let root = Box::into_raw(Box::new(Root {
        task: Task::implicit(pool),
        owner,
        batch,
        began: Instant::now(),
    }))
    .cast::<Task>();
    ADOPTED.fetch_add(1, SeqCst);
    // SAFETY: made above; the second reference is this function's.
    unsafe {
        (*root).set(flag::STOLEN);
        (*root).counts.fetch_add(REFERENCE, SeqCst);
    }
    for parcel in parcels {
        let sizes: Vec<usize> = parcel.sizes.iter().map(|size| *size as usize).collect();
        let mut copies = parcel.copies.as_ptr();
        let mut environment: Vec<*mut c_void> = Vec::with_capacity(sizes.len());
        for (address, size) in parcel.environment.iter().zip(&sizes) {
            if *size == 0 {
                environment.push(*address as *mut c_void);
            } else {
                environment.push(copies.cast_mut().cast());
                // SAFETY: the copies follow one another.
                copies = unsafe { copies.add(*size) };
            }
        }
        let recipe = Recipe {
            // SAFETY: the address of an outlined function of this program, which has the same address in all ranks.
            body: unsafe { std::mem::transmute::<usize, Body>(parcel.body as usize) },
            environment: environment.as_mut_ptr(),
            sizes: sizes.as_ptr(),
            captures: sizes.len() as u32,
            chunk: parcel.chunk.map(|(first, end, last)| Chunk {
                first,
                end,
                last: i32::from(last),
            }),
        };
        // SAFETY: the arrays have as many elements; the root is alive.
        unsafe { schedule::adopt(&recipe, root, parcel.flags, parcel.priority) };
    }
    // SAFETY: the reference taken above.
    unsafe { schedule::leave(root, REFERENCE) };
}

/// All tasks of a batch, and what they made, are complete.
///
/// # Safety
/// `root` was made by `unpack`, and nothing else refers to it.
pub unsafe fn finished(root: *mut Task) {
    // SAFETY: the caller's promise.
    let root = unsafe { Box::from_raw(root.cast::<Root>()) };
    let Some(session) = session::get() else {
        return;
    };
    // SAFETY: the pool of the team, which is not complete.
    let pool = unsafe { &*root.task.pool };
    let duration = u64::try_from(root.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let (owner, batch) = (root.owner, root.batch);
    publish_everything(session, pool, true, |seen, credit, entry| {
        Request::Task(TaskRequest::Done {
            owner,
            batch,
            entry,
            credit,
            duration,
            seen,
        })
    });
    ADOPTED.fetch_sub(1, SeqCst);
}

/// Publishes all that this rank wrote, and sends the request that `make` builds from its position in the log, from the number of entries that
/// another rank is to count if this `finishes` tasks of that rank, and from what was published.
fn publish_everything(
    session: &Session,
    pool: &Pool,
    finishes: bool,
    make: impl FnOnce(LogPosition, u64, Option<Entry>) -> Request,
) {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    let scope = scope(session, state.stack_bound, pool.lowest_frame());
    let entry = state.memory.publish(
        &session.exchange,
        Occasion::Region,
        &scope,
        &mut state.watch,
        &mut || {},
    );
    if entry.is_some() {
        state.memory.count_appended();
    }
    state.memory.finish();
    let credit = if finishes {
        hand_over(&mut state.memory)
    } else {
        0
    };
    let seen = state.memory.seen();
    session.exchange.request(&make(seen, credit, entry));
}

/// What this rank appended since it arrived is the owner's to count.
fn hand_over(memory: &mut crate::memory::Memory) -> u64 {
    match REPORTED.load(SeqCst) {
        0 => 0,
        reported => memory.hand_over(reported - 1),
    }
}

/// All memory that tasks can have written or can refer to.
fn scope(session: &Session, stack_bound: usize, lowest_frame: usize) -> Vec<ByteRange> {
    let own = session.layout.stack(session.rank);
    let bound = if session.rank == 0 {
        stack_bound.min(lowest_frame.max(own.start))
    } else {
        session.layout.stack(0).start
    };
    let mut ranges = session.scope(bound);
    for rank in 1..session.size {
        let stack = session.layout.stack(rank);
        let start = if rank == session.rank {
            lowest_frame.clamp(stack.start, stack.end)
        } else {
            stack.start
        };
        if start < stack.end {
            ranges.push(ByteRange {
                start,
                end: stack.end,
            });
        }
    }
    for rank in 0..session.size {
        let memory = session.layout.task_memory(rank);
        ranges.push(ByteRange {
            start: memory.start,
            end: memory.end,
        });
    }
    ranges
}

/// Waits for a message, as [`crate::exchange::Exchange::wait`], and runs tasks meanwhile: for the thread that speaks for its rank at a meeting.
pub fn serve_until<T: Send>(
    session: &Session,
    pool: &Pool,
    mut ready: impl FnMut(&mut Inbox) -> Option<T> + Send,
) -> T {
    MEETING.store(false, SeqCst);
    loop {
        let mut look = Shared(|inbox: &mut Inbox| {
            ready(inbox)
                .map(Some)
                .or_else(|| (has_news(true) || pool.queued() > 0).then_some(None))
        });
        LISTENING.fetch_add(1, SeqCst);
        let found = session.exchange.wait(move |inbox| look.call(inbox));
        LISTENING.fetch_sub(1, SeqCst);
        if let Some(found) = found {
            return found;
        }
        attend(pool, true);
        while schedule::help() {}
    }
}

/// Sleeps until `reason`, or until a message about tasks arrives.
pub fn sleep_unless(session: &Session, idle: bool, reason: impl Fn() -> bool) {
    LISTENING.fetch_add(1, SeqCst);
    let mut look = Shared(|_: &mut Inbox| (has_news(idle) || reason()).then_some(()));
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
