//! Making, waiting for and grouping tasks: what the directives call.
//!
//! A task is run at once instead of being deferred where nobody else could take it, or where enough are deferred already.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

use super::depend::{self, Kind};
use super::group::{Group, Item};
use super::pool::Pool;
use super::remote::{self, Need};
use super::task::{CHILD, REFERENCE, Recipe, Task, children, flag, references};
use super::worker::{Bell, COMPLETE, ENDED, FULFILLED, Worker, is_cancelled};
use crate::icv::{self, process};
use crate::sync;

/// What a task's clauses ask for.
#[derive(Debug, Default)]
pub struct Wishes<'a> {
    /// See [`flag`].
    pub flags: u32,
    /// Priority, not above `omp_get_max_task_priority`.
    pub priority: u32,
    /// What it depends on.
    pub depends: &'a [(Kind, usize)],
    /// Where the handle of its completion event is to be stored.
    pub event: Option<&'a mut *mut c_void>,
}

/// Makes a child of the current task and runs it now or later.
///
/// # Safety
/// `recipe` is what capec generated for a task.
pub unsafe fn spawn(recipe: &Recipe, wishes: Wishes<'_>) {
    let worker = Worker::get();
    let parent = worker.current();
    if is_cancelled(parent) {
        return;
    }
    let pool = worker.pool();
    if pool.spans_ranks() {
        let marker = 0_u8;
        let frame = std::ptr::from_ref(std::hint::black_box(&marker)) as usize;
        pool.note_frame(worker.slot.get(), frame);
    }
    let mut flags = wishes.flags;
    if parent.has(flag::FINAL) {
        flags |= flag::FINAL | flag::UNDEFERRED;
    }
    if wishes.event.is_some() {
        flags |= flag::DETACHED;
    }
    if pool.spans_ranks() && (parent.has(flag::STAYS) || sync::has_lock()) {
        flags |= flag::STAYS;
    }
    if let Some(group) = worker.owned_group(parent) {
        flags |= flag::COUNTED;
        group.counts.fetch_add(CHILD, Relaxed);
    }
    let undeferred = flags & flag::UNDEFERRED != 0;
    let parent_pointer = worker.current.get();
    let defers = !undeferred && worker.defers(pool, parent);
    // One that waits for others is deferred in any case.
    let may_leave = defers || !undeferred && !wishes.depends.is_empty();
    // SAFETY: the caller's promise; this thread executes the parent.
    let task = unsafe {
        recipe.make(
            &worker.blocks,
            parent_pointer,
            flags,
            wishes.priority,
            may_leave,
        )
    };
    parent.counts.fetch_add(CHILD + REFERENCE, Relaxed);
    if let Some(event) = wishes.event {
        *event = super::event::handle(task);
        // SAFETY: the task was made of this recipe and does not run yet.
        unsafe { recipe.copy_again(task, (&raw const *event).cast()) };
    }
    // SAFETY: made above.
    let this = unsafe { &*task };
    if let Some(icvs) = icv::differing() {
        this.icvs.set(Box::into_raw(Box::new(icvs)));
    }
    if !wishes.depends.is_empty() {
        if undeferred {
            this.set(flag::AWAITED);
        }
        // SAFETY: both are alive.
        let now = unsafe { depend::enter(parent, task, wishes.depends, worker.parker()) };
        if !now && !undeferred {
            return;
        }
        if !now {
            // SAFETY: the task does not run before this ends.
            let ready = || unsafe { depend::is_ready(this) };
            worker.wait_until(Some(parent_pointer), &Bell::Parker, ready);
        }
    }
    if undeferred {
        // SAFETY: made above.
        unsafe { run_undeferred(worker, task) };
    } else if defers {
        // SAFETY: made above.
        unsafe { pool.push(worker.slot.get(), task) };
        if pool.spans_ranks() {
            remote::offer(pool, recipe.body as usize);
        }
    } else {
        if pool.spans_ranks() {
            remote::offer(pool, recipe.body as usize);
        }
        // SAFETY: made above.
        unsafe { worker.execute_at_once(task) };
    }
}

/// Makes a task that another rank has given to this one, a child of `root`.
///
/// # Safety
/// As for [`spawn`]; the root is alive.
pub unsafe fn adopt(recipe: &Recipe, root: *mut Task, flags: u32, priority: u32) {
    let worker = Worker::get();
    // SAFETY: the caller's promise.
    let task = unsafe { recipe.make(&worker.blocks, root, flags, priority, true) };
    // SAFETY: the caller's promise.
    let (counts, pool) = unsafe { (&(*root).counts, &*(*root).pool) };
    counts.fetch_add(CHILD + REFERENCE, Relaxed);
    // SAFETY: made above.
    unsafe { pool.push_behind(worker.slot.get(), task) };
}

/// Completes a task that another rank has executed.
///
/// # Safety
/// This rank gave it away, and it is complete there.
pub unsafe fn complete_elsewhere(task: *mut Task) {
    // SAFETY: the caller's promise.
    unsafe { Worker::get().complete(task) };
}

/// Takes `amount` from a task's counts.
///
/// # Safety
/// The amount is the caller's; the task may be gone afterwards.
pub unsafe fn leave(task: *mut Task, amount: u64) {
    // SAFETY: the caller's promise.
    unsafe { Worker::get().leave(task, amount) };
}

/// Runs a task its creator waits for, until it is complete.
unsafe fn run_undeferred(worker: &Worker, task: *mut Task) {
    // SAFETY: the caller's promise.
    let this = unsafe { &*task };
    if !this.has(flag::DETACHED) {
        // SAFETY: the caller's promise.
        return unsafe { worker.execute_at_once(task) };
    }
    this.counts.fetch_add(REFERENCE, Relaxed);
    // SAFETY: the caller's promise; the reference keeps the block.
    unsafe { worker.execute_at_once(task) };
    let current = worker.current.get().cast_const();
    worker.wait_until(Some(current), &Bell::None, || {
        this.event.load(Acquire) & COMPLETE != 0
    });
    // SAFETY: the reference taken above.
    unsafe { worker.leave(task, REFERENCE) };
}

/// Fulfils the event of a detached task of this rank.
///
/// # Safety
/// The task is alive: its event has not been fulfilled before.
pub unsafe fn fulfil(task: *mut Task) {
    // SAFETY: the caller's promise.
    if unsafe { &(*task).event }.fetch_or(FULFILLED, AcqRel) & ENDED != 0 {
        // SAFETY: the body has ended, and the event is fulfilled once.
        unsafe { Worker::get().complete(task) };
    }
}

/// Waits for the children of the current task.
pub fn wait_for_children() {
    let worker = Worker::get();
    let current = worker.current();
    if children(current.counts.load(Acquire)) != 0 {
        let constraint = Some(worker.current.get().cast_const());
        worker.wait_until(constraint, &Bell::Counts(&current.counts), || {
            children(current.counts.load(SeqCst)) == 0
        });
    }
    if !current.table.get().is_null() {
        // SAFETY: the table is this task's alone.
        unsafe { &mut *current.table.get() }.clear();
    }
}

/// Runs another task if there is one.
pub fn yield_to_another() {
    let worker = Worker::get();
    let constraint = Some(worker.current.get().cast_const()).filter(|task| !task.is_null());
    if constraint.is_none() || !worker.pool().used() {
        return;
    }
    match worker.pool().take(worker.slot.get(), constraint) {
        // SAFETY: what a pool hands out is alive and the taker's.
        Some(task) => unsafe { worker.execute_taken(task) },
        None => std::thread::yield_now(),
    }
}

/// Begins a taskgroup.
pub fn group_begin() {
    let worker = Worker::get();
    let current = worker.current();
    let group = Box::new(Group::new(current, current.group.get()));
    current.group.set(Box::into_raw(group));
}

/// Waits for all tasks made in the current task's taskgroup and their descendants, combines its reductions, and ends it.
pub fn group_end() {
    let worker = Worker::get();
    let current = worker.current();
    let Some(group) = worker.owned_group(current) else {
        return;
    };
    let counts = &group.counts;
    let constraint = Some(worker.current.get().cast_const());
    worker.wait_until(constraint, &Bell::Counts(counts), || {
        children(counts.load(SeqCst)) == 0
    });
    let group = current.group.get();
    // SAFETY: made by `group_begin`; none of its tasks is left.
    let mut group = unsafe { Box::from_raw(group) };
    current.group.set(group.outer);
    // SAFETY: as above.
    unsafe { group.combine() };
}

/// Registers reductions with the current task's taskgroup.
pub fn group_reduce(items: impl Iterator<Item = Item>) {
    let worker = Worker::get();
    let current = worker.current();
    if worker.owned_group(current).is_some() {
        // SAFETY: this follows the taskgroup's begin: it has no tasks yet that could use it.
        unsafe { &mut *current.group.get() }.reduce(items, worker.pool().threads());
    }
}

/// The calling thread's copy of a list item under reduction, `original` if there is none.
pub fn reduction_copy(original: *mut c_void) -> *mut c_void {
    let worker = Worker::get();
    // SAFETY: the innermost taskgroup is alive.
    unsafe { worker.current().group.get().as_ref() }
        .and_then(|group| group.find(original, worker.slot.get()))
        .unwrap_or(original)
}

/// `cancel taskgroup`: whether the current task is to end.
pub fn group_cancel() -> bool {
    if !process().config.cancellation {
        return false;
    }
    let worker = Worker::get();
    // SAFETY: the innermost taskgroup is alive.
    if let Some(group) = unsafe { worker.current().group.get().as_ref() }.map(Group::cancellable)
        && group.cancel()
        && worker.pool().spans_ranks()
    {
        remote::group_cancelled(group);
    }
    true
}

/// `cancellation point taskgroup`: whether the current task is to end.
pub fn group_is_cancelled() -> bool {
    is_cancelled(Worker::get().current())
}

/// `omp_in_final`.
pub fn in_final() -> bool {
    Worker::get().current().has(flag::FINAL)
}

/// Whether the current task is an explicit one.
pub fn in_explicit_task() -> bool {
    !Worker::get().current().has(flag::IMPLICIT)
}

/// Runs `body` as the implicit task of thread `slot` (among this rank's) of the team with this pool, and returns when all tasks made by it
/// and their descendants are complete.
pub fn as_implicit_task<T>(pool: &Pool, slot: usize, body: impl FnOnce() -> T) -> T {
    let worker = Worker::get();
    let mut task = Task::implicit(pool);
    let outer = worker.current.replace(&raw mut task);
    let outer_slot = worker.slot.replace(slot);
    let outer_tower = worker.tower.replace(0);
    let outer_icvs = icv::begin();
    let result = body();
    while worker.owned_group(worker.current()).is_some() {
        group_end();
    }
    drain();
    let table = worker.current().table.get();
    if !table.is_null() {
        // SAFETY: made by Box::into_raw, used by this task only.
        drop(unsafe { Box::from_raw(table) });
    }
    icv::end(outer_icvs);
    worker.current.set(outer);
    worker.slot.set(outer_slot);
    worker.tower.set(outer_tower);
    result
}

/// Who the calling task, implicit or explicit, is to nest locks: no other task that exists in this process. Not 0.
pub fn current_task() -> u64 {
    std::ptr::from_ref(Worker::get().current()) as u64
}

/// As [`as_implicit_task`], in a team of the calling thread alone.
pub fn as_task_alone<T>(body: impl FnOnce() -> T) -> T {
    as_implicit_task(Worker::get().alone(), 0, body)
}

/// To be called by a thread that arrives at a barrier of its team: returns when all tasks made by its implicit task, and their
/// descendants, are complete.
#[inline]
pub fn drain() {
    let worker = Worker::get();
    let current = worker.current.get();
    // SAFETY: the thread's own implicit task.
    if current.is_null() || references(unsafe { &(*current).counts }.load(Acquire)) == 1 {
        return;
    }
    let current = worker.current();
    worker.wait_until(None, &Bell::Counts(&current.counts), || {
        references(current.counts.load(SeqCst)) == 1
    });
    if !current.table.get().is_null() {
        // SAFETY: the table is this task's alone.
        unsafe { &mut *current.table.get() }.clear();
    }
}

/// Runs one task of the calling thread's team, if there is any, at a barrier.
#[inline]
pub fn help() -> bool {
    let worker = Worker::get();
    if worker.current.get().is_null() {
        return false;
    }
    let pool = worker.pool();
    if pool.spans_ranks() && remote::attend(pool, Need::Soon) {
        return true;
    }
    if !pool.used() {
        return false;
    }
    let task = pool.take(worker.slot.get(), None);
    if let Some(task) = task {
        // SAFETY: what a pool hands out is alive and the taker's.
        unsafe { worker.execute_taken(task) };
    }
    task.is_some()
}
