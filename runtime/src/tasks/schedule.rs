//! Making, running, completing and waiting for tasks.
//!
//! A thread that waits runs tasks: any at the barrier of its team, descendants of the task it is in elsewhere (OpenMP 5.2, 12.9, the task
//! scheduling constraint for tied tasks; untied ones are treated alike), so that the nesting on its stack never exceeds that of the task
//! tree. A task is run at once instead of being deferred where nobody else could take it, or where enough are deferred already.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};

use super::depend::{self, Kind};
use super::group::{Group, Item};
use super::parker::Parker;
use super::pool::{Constraint, Pool};
use super::remote;
use super::task::{
    ANY_WAITER, Blocks, CHILD, REFERENCE, Recipe, Task, announcement, children, flag, references,
    waiter,
};
use crate::icv::process;
use crate::session;

/// Deferred tasks in a thread's queue from which on it runs new ones at once.
const CROWDED: usize = 256;
/// Tasks run at once inside one another before new ones are deferred after all: a chain of tasks must not become a tower of calls.
const TOWER: u32 = 64;
/// As `CROWDED`, inside a tower.
const OVERCROWDED: usize = 1 << 16;
/// Tasks of other ranks inside one another from which on a thread asks for no more.
const ADOPTIONS: u32 = 4;
/// Looks at the queues before a thread sleeps.
const PATIENCE: u32 = 400;

/// The body of a detached task has ended.
const ENDED: u32 = 1;
/// Its event has been fulfilled.
const FULFILLED: u32 = 2;
/// It is complete.
const COMPLETE: u32 = 4;

/// What the task runtime keeps for each thread of the process.
#[derive(Debug)]
struct Worker {
    current: Cell<*mut Task>,
    /// Number among this rank's threads of the current team.
    slot: Cell<usize>,
    parker: Cell<Option<Parker>>,
    /// The pool of the teams of one that this thread is in; made when first needed, never freed.
    alone: Cell<*const Pool>,
    /// Tasks run at once inside one another.
    tower: Cell<u32>,
    /// Tasks of other ranks that it is in the midst of.
    adopted: Cell<u32>,
    blocks: Blocks,
}

thread_local! {
    static WORKER: Worker = const {
        Worker {
            current: Cell::new(null_mut()),
            slot: Cell::new(0),
            parker: Cell::new(None),
            alone: Cell::new(std::ptr::null()),
            tower: Cell::new(0),
            adopted: Cell::new(0),
            blocks: Blocks::new(),
        }
    };
}

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

/// How a waiting thread is woken.
enum Bell<'a> {
    /// By whoever brings this word of counts down.
    Counts(&'a AtomicU64),
    /// By its parker, which others have been given.
    Parker,
    /// Not at all: it looks again and again.
    None,
}

impl Worker {
    fn get() -> &'static Worker {
        // SAFETY: the thread's own, which needs no destructor: valid until the thread is gone.
        WORKER.with(|worker| unsafe { &*std::ptr::from_ref(worker) })
    }

    /// The task this thread executes.
    fn current(&self) -> &'static Task {
        let mut current = self.current.get();
        if current.is_null() {
            current = Box::leak(Box::new(Task::implicit(self.alone())));
            self.current.set(current);
        }
        // SAFETY: a task lives at least until its execution ends.
        unsafe { &*current }
    }

    fn pool(&self) -> &'static Pool {
        // SAFETY: a team's pool outlives the tasks of the team.
        unsafe { &*self.current().pool }
    }

    fn alone(&self) -> &'static Pool {
        if self.alone.get().is_null() {
            self.alone.set(Box::leak(Box::new(Pool::new(1))));
        }
        // SAFETY: never freed.
        unsafe { &*self.alone.get() }
    }

    fn parker(&self) -> Parker {
        self.parker.get().unwrap_or_else(|| {
            let parker = Parker::claim();
            self.parker.set(Some(parker));
            parker
        })
    }

    /// Runs a task whose turn has come, and completes it unless its event is outstanding.
    ///
    /// # Safety
    /// The task is alive and the caller's.
    unsafe fn execute(&self, task: *mut Task) {
        // SAFETY: the caller's promise.
        let this = unsafe { &*task };
        let outer = self.current.replace(task);
        // SAFETY: a task's parent outlives it.
        let adopted = u32::from(unsafe { (*this.parent).has(flag::STOLEN) });
        self.adopted.set(self.adopted.get() + adopted);
        if let Some(body) = this.body.filter(|_| !is_cancelled(this)) {
            // SAFETY: capec generated body and environment together.
            unsafe { body(Task::environment(task)) };
        }
        while self.owned_group(this).is_some() {
            group_end();
        }
        self.current.set(outer);
        self.adopted.set(self.adopted.get() - adopted);
        if this.has(flag::DETACHED) && this.event.fetch_or(ENDED, AcqRel) & FULFILLED == 0 {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.complete(task) };
    }

    /// The innermost taskgroup, if the task itself began it.
    fn owned_group<'a>(&self, task: &'a Task) -> Option<&'a Group> {
        // SAFETY: a taskgroup is alive while it is a task's innermost one.
        let group = unsafe { task.group.get().as_ref() }?;
        std::ptr::eq(group.owner, task).then_some(group)
    }

    /// # Safety
    /// The task is alive; nobody else completes it.
    unsafe fn complete(&self, task: *mut Task) {
        // SAFETY: the caller's promise.
        let this = unsafe { &*task };
        if !this.table.get().is_null() {
            // SAFETY: made by Box::into_raw, used by this task only.
            drop(unsafe { Box::from_raw(this.table.replace(null_mut())) });
        }
        if !this.node.get().is_null() {
            let mut ready = |ready: *mut Task| {
                // SAFETY: a task in a pool's hands is alive, and so is the pool of its team.
                let pool = unsafe { &*(*ready).pool };
                let slot = if std::ptr::eq(pool, self.pool()) {
                    self.slot.get()
                } else {
                    0
                };
                pool.push(slot, ready);
            };
            // SAFETY: the caller's promise.
            unsafe { depend::complete(this, &mut ready) };
        }
        if this.has(flag::DETACHED) {
            this.event.fetch_or(COMPLETE, SeqCst);
        }
        let parent = this.parent;
        if this.counts.load(Acquire) == REFERENCE {
            // Nobody else knows of it.
            // SAFETY: the caller's promise.
            unsafe { self.forget(task) };
            // SAFETY: the task held a reference to its parent until here.
            unsafe { self.leave(parent, CHILD + REFERENCE) };
        } else {
            // SAFETY: as above.
            unsafe { self.leave(parent, CHILD) };
            // SAFETY: the task holds a reference to itself until here.
            unsafe { self.leave(task, REFERENCE) };
        }
    }

    /// Takes `amount` from a task's counts, and if that was the last reference, from those of its ancestors.
    ///
    /// # Safety
    /// The amount is the caller's; the tasks may be gone afterwards.
    unsafe fn leave(&self, task: *mut Task, amount: u64) {
        let (mut task, mut amount) = (task, amount);
        loop {
            // SAFETY: the amount stands for a reference, which ends here.
            let this = unsafe { &*task };
            let stolen = this.has(flag::STOLEN);
            let before = this.counts.fetch_sub(amount, AcqRel);
            let after = before - amount;
            if stolen && references(after) == 1 {
                // SAFETY: what was given to this rank, and all it made, is complete.
                return unsafe { remote::finished(task) };
            }
            let settled = children(after) == 0 || references(after) == 1;
            if before & ANY_WAITER != 0 && settled {
                waiter(before).wake();
            }
            if references(after) != 0 {
                return;
            }
            // SAFETY: that was the last reference, and now it is the caller's.
            let parent = unsafe { (*task).parent };
            // SAFETY: as above.
            unsafe { self.forget(task) };
            (task, amount) = (parent, REFERENCE);
        }
    }

    /// Its subtree is complete: tells its taskgroup and gives its block back.
    unsafe fn forget(&self, task: *mut Task) {
        // SAFETY: the caller's.
        let this = unsafe { &*task };
        let group = this.has(flag::COUNTED).then(|| this.group.get());
        // SAFETY: nothing refers to it any more.
        unsafe { self.blocks.give(task) };
        if let Some(group) = group {
            // SAFETY: the taskgroup waits for this.
            let before = unsafe { &(*group).counts }.fetch_sub(CHILD, AcqRel);
            if before & ANY_WAITER != 0 && children(before) == 1 {
                waiter(before).wake();
            }
        }
    }

    /// Runs tasks until `done`.
    fn wait_until(&self, constraint: Constraint, bell: &Bell<'_>, done: impl Fn() -> bool) {
        let pool = self.pool();
        let mut looks = 0;
        let spans_ranks = pool.spans_ranks();
        while !done() {
            if spans_ranks {
                remote::offer(pool, 1);
            }
            if let Some(task) = pool.take(self.slot.get(), constraint) {
                // SAFETY: what a pool hands out is alive and the taker's.
                unsafe { self.execute(task) };
                looks = 0;
                continue;
            }
            if spans_ranks && remote::attend(pool, self.may_ask(constraint)) {
                looks = 0;
                continue;
            }
            looks += 1;
            if looks < PATIENCE && !matches!(bell, Bell::None) {
                pause(looks);
                continue;
            }
            self.sleep_unless(pool, constraint, bell, || {
                done() || pool.has_task(constraint)
            });
        }
    }

    /// Sleeps until woken, unless there is reason not to.
    fn sleep_unless(
        &self,
        pool: &Pool,
        constraint: Constraint,
        bell: &Bell<'_>,
        reason: impl Fn() -> bool,
    ) {
        let parker = self.parker();
        if parker == Parker::NONE || matches!(bell, Bell::None) {
            return std::thread::yield_now();
        }
        parker.prepare();
        if let Bell::Counts(counts) = bell {
            counts.fetch_or(announcement(parker), SeqCst);
        }
        pool.announce(parker, constraint.is_none());
        if !reason() {
            match session::get().filter(|_| pool.spans_ranks()) {
                Some(session) => {
                    let idle = self.may_ask(constraint);
                    remote::sleep_unless(session, idle, || parker.is_awake() || reason());
                }
                None => parker.sleep(),
            }
        }
        parker.cancel();
        pool.withdraw(parker);
        if let Bell::Counts(counts) = bell {
            counts.fetch_and(!ANY_WAITER, SeqCst);
        }
    }

    /// Runs `task` now, however deep that nests.
    unsafe fn execute_at_once(&self, task: *mut Task) {
        self.tower.set(self.tower.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { self.execute(task) };
        self.tower.set(self.tower.get() - 1);
    }

    /// Whether this thread asks other ranks for tasks: what it was given inside of what it was given must not pile up on its stack.
    fn may_ask(&self, constraint: Constraint) -> bool {
        constraint.is_none() || self.adopted.get() < ADOPTIONS
    }

    fn defers(&self, pool: &Pool) -> bool {
        let queued = pool.length(self.slot.get());
        if self.tower.get() >= TOWER {
            queued < OVERCROWDED
        } else {
            pool.shares() && queued < CROWDED
        }
    }
}

fn pause(looks: u32) {
    if looks.is_multiple_of(64) {
        std::thread::yield_now();
    }
    for _ in 0..looks.min(40) {
        std::hint::spin_loop();
    }
}

fn is_cancelled(task: &Task) -> bool {
    process().config.cancellation
        // SAFETY: the taskgroup a task was made in waits for it.
        && unsafe { task.group.get().as_ref() }.is_some_and(Group::is_cancelled)
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
    if let Some(group) = worker.owned_group(parent) {
        flags |= flag::COUNTED;
        group.counts.fetch_add(CHILD, Relaxed);
    }
    let undeferred = flags & flag::UNDEFERRED != 0;
    let parent_pointer = worker.current.get();
    // SAFETY: the caller's promise; this thread executes the parent.
    let task = unsafe { recipe.make(&worker.blocks, parent_pointer, flags, wishes.priority) };
    parent.counts.fetch_add(CHILD + REFERENCE, Relaxed);
    if let Some(event) = wishes.event {
        *event = super::event::handle(task);
        // SAFETY: the task was made of this recipe and does not run yet.
        unsafe { recipe.copy_again(task, (&raw const *event).cast()) };
    }
    // SAFETY: made above.
    let this = unsafe { &*task };
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
    } else if worker.defers(pool) {
        pool.push(worker.slot.get(), task);
        if pool.spans_ranks() {
            remote::offer(pool, 0);
        }
    } else {
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
    let task = unsafe { recipe.make(&worker.blocks, root, flags, priority) };
    // SAFETY: the caller's promise.
    let (counts, pool) = unsafe { (&(*root).counts, &*(*root).pool) };
    counts.fetch_add(CHILD + REFERENCE, Relaxed);
    pool.push(worker.slot.get(), task);
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
        Some(task) => unsafe { worker.execute(task) },
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
    // SAFETY: the innermost taskgroup is alive.
    if let Some(group) = unsafe { Worker::get().current().group.get().as_ref() } {
        group.cancel();
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
    worker.current.set(outer);
    worker.slot.set(outer_slot);
    worker.tower.set(outer_tower);
    result
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
    if pool.spans_ranks() && remote::attend(pool, true) {
        return true;
    }
    if !pool.used() {
        return false;
    }
    let task = pool.take(worker.slot.get(), None);
    if let Some(task) = task {
        // SAFETY: what a pool hands out is alive and the taker's.
        unsafe { worker.execute(task) };
    }
    task.is_some()
}
