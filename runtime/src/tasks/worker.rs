//! A thread that runs tasks: the one it is in, how it completes tasks, and how it waits.
//!
//! A thread that waits runs tasks: any at the barrier of its team, descendants of the task it is in elsewhere (OpenMP 5.2, 12.9, the task
//! scheduling constraint for tied tasks; untied ones are treated alike), so that the nesting on its stack never exceeds that of the task
//! tree.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, SeqCst},
};

use super::blocks::Blocks;
use super::depend;
use super::group::Group;
use super::parker::Parker;
use super::pool::{Constraint, Pool};
use super::remote::{self, Need};
use super::task::{
    ANY_WAITER, CHILD, REFERENCE, Task, announcement, children, flag, references, waiter,
};
use crate::context;
use crate::icv::{self, process};
use crate::session;
use crate::sync;

/// Deferred tasks in a thread's queue from which on it runs new ones at once.
const CROWDED: usize = 256;
/// Deferred tasks that are made by tasks where only other ranks can take them: enough to offer. In a recursion these are the largest.
const STOCK: usize = 8;
/// What the stock must have come down to before it is filled again: most of a recursion of small tasks then runs without it.
const LOW_STOCK: usize = 3;
/// Tasks run at once inside one another before new ones are deferred after all: a chain of tasks must not become a tower of calls.
const TOWER: u32 = 64;
/// As `CROWDED`, inside a tower.
const OVERCROWDED: usize = 1 << 16;
/// Tasks of other ranks inside one another from which on a thread asks for no more.
const ADOPTIONS: u32 = 4;
/// Looks at the queues before a thread sleeps.
const PATIENCE: u32 = 400;

/// The body of a detached task has ended.
pub const ENDED: u32 = 1;
/// Its event has been fulfilled.
pub const FULFILLED: u32 = 2;
/// It is complete.
pub const COMPLETE: u32 = 4;

/// What the task runtime keeps for each thread of the process.
#[derive(Debug)]
pub struct Worker {
    /// The task it executes; null: none so far.
    pub current: Cell<*mut Task>,
    /// Number among this rank's threads of the current team.
    pub slot: Cell<usize>,
    parker: Cell<Option<Parker>>,
    /// The pool of the teams of one that this thread is in; made when first needed, never freed.
    alone: Cell<*const Pool>,
    /// Tasks run at once inside one another.
    pub tower: Cell<u32>,
    /// Whether the stock is being filled.
    stocking: Cell<bool>,
    /// Tasks of other ranks that it is in the midst of.
    adopted: Cell<u32>,
    /// Memory for the tasks it makes.
    pub blocks: Blocks,
}

thread_local! {
    static WORKER: Worker = const {
        Worker {
            current: Cell::new(null_mut()),
            slot: Cell::new(0),
            parker: Cell::new(None),
            alone: Cell::new(std::ptr::null()),
            tower: Cell::new(0),
            stocking: Cell::new(true),
            adopted: Cell::new(0),
            blocks: Blocks::new(),
        }
    };
}

/// How a waiting thread is woken.
pub enum Bell<'a> {
    /// By whoever brings this word of counts down.
    Counts(&'a AtomicU64),
    /// By its parker, which others have been given.
    Parker,
    /// Not at all: it looks again and again.
    None,
}

impl Worker {
    /// The calling thread.
    pub fn get() -> &'static Worker {
        // SAFETY: the thread's own, which needs no destructor: valid until the thread is gone.
        WORKER.with(|worker| unsafe { &*std::ptr::from_ref(worker) })
    }

    /// The task this thread executes.
    pub fn current(&self) -> &'static Task {
        let mut current = self.current.get();
        if current.is_null() {
            current = Box::leak(Box::new(Task::implicit(self.alone())));
            self.current.set(current);
        }
        // SAFETY: a task lives at least until its execution ends.
        unsafe { &*current }
    }

    /// The pool of the current team.
    pub fn pool(&self) -> &'static Pool {
        // SAFETY: a team's pool outlives the tasks of the team.
        unsafe { &*self.current().pool }
    }

    /// The pool of the teams of one that this thread is in.
    pub fn alone(&self) -> &'static Pool {
        if self.alone.get().is_null() {
            self.alone.set(Box::leak(Box::new(Pool::new(1))));
        }
        // SAFETY: never freed.
        unsafe { &*self.alone.get() }
    }

    /// Where it sleeps.
    pub fn parker(&self) -> Parker {
        self.parker.get().unwrap_or_else(|| {
            let parker = Parker::claim();
            self.parker.set(Some(parker));
            parker
        })
    }

    /// Runs a task that was taken from the pool.
    ///
    /// # Safety
    /// As for [`Worker::execute`].
    pub unsafe fn execute_taken(&self, task: *mut Task) {
        // SAFETY: the caller's promise.
        let (this, pool) = unsafe { (&*task, &*(*task).pool) };
        if !pool.spans_ranks() {
            // SAFETY: the caller's promise.
            return unsafe { self.execute(task) };
        }
        let (body, level) = (this.body.map_or(0, |body| body as usize), this.level);
        // SAFETY: the caller's promise.
        remote::timed(body, level, || unsafe { self.execute(task) });
    }

    /// Runs a task whose turn has come, and completes it unless its event is outstanding.
    ///
    /// # Safety
    /// The task is alive and the caller's.
    pub unsafe fn execute(&self, task: *mut Task) {
        // SAFETY: the caller's promise.
        let this = unsafe { &*task };
        let outer = self.current.replace(task);
        // SAFETY: made by Box::into_raw for this task.
        let own = (!this.icvs.get().is_null())
            .then(|| unsafe { *Box::from_raw(this.icvs.replace(null_mut())) });
        let icvs = (own.is_some() || !icv::is_as_begun()).then(|| icv::exchange(own));
        // SAFETY: a task's parent outlives it.
        let adopted = u32::from(unsafe { (*this.parent).has(flag::STOLEN) });
        self.adopted.set(self.adopted.get() + adopted);
        if let Some(body) = this.body.filter(|_| !is_cancelled(this)) {
            // SAFETY: capec generated body and environment together.
            unsafe { body(Task::environment(task)) };
        }
        while self.owned_group(this).is_some() {
            super::schedule::group_end();
        }
        match icvs {
            Some(icvs) => icv::exchange_back(icvs),
            None if icv::is_as_begun() => {}
            None => drop(icv::exchange(None)),
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
    pub fn owned_group<'a>(&self, task: &'a Task) -> Option<&'a Group> {
        // SAFETY: a taskgroup is alive while it is a task's innermost one.
        let group = unsafe { task.group.get().as_ref() }?;
        std::ptr::eq(group.owner, task).then_some(group)
    }

    /// # Safety
    /// The task is alive; nobody else completes it.
    pub unsafe fn complete(&self, task: *mut Task) {
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
                // SAFETY: its turn has come, and nobody else is told so.
                unsafe { pool.push(slot, ready) };
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
    pub unsafe fn leave(&self, task: *mut Task, amount: u64) {
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
    pub fn wait_until(&self, constraint: Constraint, bell: &Bell<'_>, done: impl Fn() -> bool) {
        let pool = self.pool();
        let mut looks = 0;
        let spans_ranks = pool.spans_ranks();
        let locks = spans_ranks && sync::has_lock();
        if locks {
            self.current().set(flag::LOCKS);
        }
        while !done() {
            if spans_ranks {
                let need = match constraint {
                    None => Need::Soon,
                    Some(_) => Need::None,
                };
                remote::attend(pool, need);
            }
            if let Some(task) = pool.take(self.slot.get(), constraint) {
                // SAFETY: what a pool hands out is alive and the taker's.
                unsafe { self.execute_taken(task) };
                looks = 0;
                continue;
            }
            if spans_ranks && remote::attend(pool, self.need(constraint)) {
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
        if locks {
            self.current().unset(flag::LOCKS);
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
                    let need = self.need(constraint);
                    remote::sleep_unless(session, pool, need, || parker.is_awake() || reason());
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
    ///
    /// # Safety
    /// As for [`Worker::execute`].
    pub unsafe fn execute_at_once(&self, task: *mut Task) {
        self.tower.set(self.tower.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { self.execute(task) };
        self.tower.set(self.tower.get() - 1);
    }

    /// Whether this thread, which has found no task, asks other ranks: what it was given inside of what it was given must not pile up on its
    /// stack, and may want a lock that it has.
    fn need(&self, constraint: Constraint) -> Need {
        if constraint.is_none() || self.adopted.get() < ADOPTIONS && !sync::has_lock() {
            Need::Now
        } else {
            Need::None
        }
    }

    /// Whether a new child of `parent` is left to whoever has time for it.
    #[inline]
    pub fn defers(&self, pool: &Pool, parent: &Task) -> bool {
        let queued = pool.length(self.slot.get());
        if self.tower.get() >= TOWER {
            // Outside of every parallel region tasks are executed where they are made, as programs have come to expect.
            context::current().level > 0 && queued < OVERCROWDED
        } else if pool.threads() > 1 {
            queued < CROWDED
        } else if !pool.spans_ranks() {
            false
        } else if parent.has(flag::IMPLICIT) {
            queued < CROWDED
        } else {
            self.stocks(queued)
        }
    }

    /// Whether the stock, of which `queued` tasks are left, takes one more.
    #[inline]
    fn stocks(&self, queued: usize) -> bool {
        if queued >= STOCK {
            self.stocking.set(false);
        } else if queued <= LOW_STOCK {
            self.stocking.set(true);
        }
        self.stocking.get()
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

/// Whether a taskgroup of the task has been cancelled.
pub fn is_cancelled(task: &Task) -> bool {
    process().config.cancellation
        // SAFETY: the taskgroup a task was made in waits for it.
        && unsafe { task.group.get().as_ref() }.is_some_and(Group::is_cancelled)
}
