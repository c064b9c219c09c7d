//! The tasks of a team's threads on one rank: a queue for each thread, one for priorities, and who sleeps.
//!
//! A thread puts its tasks at the back of its queue and takes them from there, so that it works depth first on warm data; others take
//! the oldest from the front, which tends to stand for most work. A queue is a ring under a lock that is held for a few instructions: who
//! takes a task can look at it first, which the task scheduling constraint needs.
#![allow(unsafe_code)]

use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};

use super::parker::Parker;
use super::spin::Spin;
use super::task::{Task, flag};
use crate::team::wait::Gate;

/// A deferred task on its way from thread to thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferred(pub *mut Task);

// SAFETY: whoever takes it out of the pool is the only one to run it.
unsafe impl Send for Deferred {}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Deque {
    length: AtomicUsize,
    /// The lowest address of the stack at which its thread has made a task.
    lowest_frame: AtomicUsize,
    ring: Spin<VecDeque<Deferred>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Urgent {
    priority: u32,
    /// Older first among equals.
    age: std::cmp::Reverse<u64>,
    task: Deferred,
}

impl PartialOrd for Urgent {
    fn partial_cmp(&self, other: &Urgent) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Urgent {
    fn cmp(&self, other: &Urgent) -> std::cmp::Ordering {
        (self.priority, self.age).cmp(&(other.priority, other.age))
    }
}

#[derive(Debug, Default)]
struct UrgentQueue {
    heap: BinaryHeap<Urgent>,
    made: u64,
}

/// A thread that sleeps for want of tasks.
#[derive(Clone, Copy, Debug)]
struct Sleeper {
    parker: Parker,
    /// It can take any task, not only descendants of one.
    free: bool,
}

/// Which tasks a thread may start: all, or descendants of the one it is in.
pub type Constraint = Option<*const Task>;

/// Tasks taken from another thread's queue at a time.
const BATCH: usize = 16;

/// See the module's documentation.
#[derive(Debug)]
pub struct Pool {
    /// As many as the largest team had threads.
    deques: Vec<Deque>,
    threads: usize,
    /// Where threads of the team sleep at its barriers.
    gate: *const Gate,
    urgent: Spin<UrgentQueue>,
    urgent_length: AtomicUsize,
    sleepers: Spin<Vec<Sleeper>>,
    sleeping: AtomicUsize,
    /// Whether the team has threads on other ranks.
    spans_ranks: bool,
    used: AtomicBool,
}

// SAFETY: the gate is shared between threads; everything else is synchronised.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

fn allowed(task: Deferred, constraint: Constraint) -> bool {
    constraint.is_none_or(|ancestor| {
        // SAFETY: tasks in a pool are alive.
        let task = unsafe { &*task.0 };
        // SAFETY: the thread that is constrained executes the ancestor.
        let descends = unsafe { task.descends_from(ancestor) };
        // Another rank waits for what it has given and for all that this has made, perhaps in a task that this thread waits for. But it
        // may want the very lock that this thread has.
        // SAFETY: as above.
        descends || task.is_adopted() && !unsafe { (*ancestor).has(flag::LOCKS) }
    })
}

impl Pool {
    /// An empty pool for a team of `threads` threads on this rank alone.
    pub fn new(threads: usize) -> Pool {
        let mut pool = Pool {
            deques: Vec::new(),
            threads: 0,
            gate: std::ptr::null(),
            urgent: Spin::default(),
            urgent_length: AtomicUsize::new(0),
            sleepers: Spin::default(),
            sleeping: AtomicUsize::new(0),
            spans_ranks: false,
            used: AtomicBool::new(false),
        };
        pool.prepare(threads, false, std::ptr::null());
        pool
    }

    /// Makes an empty pool serve another team, whose threads wait for one another at `gate` (null: nowhere), which outlives the pool.
    pub fn prepare(&mut self, threads: usize, spans_ranks: bool, gate: *const Gate) {
        super::remote::detach(self);
        self.gate = gate;
        self.threads = threads.max(1);
        self.spans_ranks = spans_ranks;
        *self.used.get_mut() = false;
        if self.deques.len() < self.threads {
            self.deques.resize_with(self.threads, Deque::default);
        }
        if spans_ranks {
            for deque in &mut self.deques {
                *deque.lowest_frame.get_mut() = usize::MAX;
            }
            super::remote::attach(self, gate);
        }
    }

    fn deques(&self) -> &[Deque] {
        &self.deques[..self.threads]
    }

    /// Threads of this rank.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Whether there is anybody but the creator to run a task.
    pub fn shares(&self) -> bool {
        self.spans_ranks || self.threads > 1
    }

    /// Whether other ranks may run its tasks.
    pub fn spans_ranks(&self) -> bool {
        self.spans_ranks
    }

    /// Thread `slot` makes a task in a function whose frame lies above `address`.
    #[inline]
    pub fn note_frame(&self, slot: usize, address: usize) {
        if let Some(deque) = self.deques.get(slot)
            && deque.lowest_frame.load(Relaxed) > address
        {
            deque.lowest_frame.store(address, Relaxed);
        }
    }

    /// The lowest frame of the rank's first thread that has made a task; `usize::MAX`: none.
    pub fn lowest_frame(&self) -> usize {
        self.deques
            .first()
            .map_or(usize::MAX, |deque| deque.lowest_frame.load(Relaxed))
    }

    /// Tasks in the queue of one thread.
    #[inline]
    pub fn length(&self, slot: usize) -> usize {
        self.deques
            .get(slot)
            .map_or(0, |deque| deque.length.load(Relaxed))
    }

    /// Deferred tasks, roughly.
    pub fn queued(&self) -> usize {
        if !self.used.load(Relaxed) {
            return 0;
        }
        self.urgent_length.load(Relaxed)
            + self
                .deques()
                .iter()
                .map(|deque| deque.length.load(Relaxed))
                .sum::<usize>()
    }

    /// Whether any task was ever deferred here.
    #[inline]
    pub fn used(&self) -> bool {
        self.used.load(Relaxed)
    }

    /// Adds a task to the queue of thread `slot` (any thread may do so) and wakes somebody to run it.
    ///
    /// # Safety
    /// The task is alive and the caller's, who gives it up.
    #[inline]
    pub unsafe fn push(&self, slot: usize, task: *mut Task) {
        // SAFETY: the caller's promise.
        unsafe { self.insert(slot, task, VecDeque::push_back) }
    }

    /// As [`Pool::push`], but thread `slot` takes all it has now before it.
    ///
    /// # Safety
    /// As for [`Pool::push`].
    pub unsafe fn push_behind(&self, slot: usize, task: *mut Task) {
        // SAFETY: the caller's promise.
        unsafe { self.insert(slot, task, VecDeque::push_front) }
    }

    #[inline]
    unsafe fn insert(
        &self,
        slot: usize,
        task: *mut Task,
        place: impl FnOnce(&mut VecDeque<Deferred>, Deferred),
    ) {
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
        // SAFETY: the caller's promise.
        let priority = unsafe { (*task).priority };
        if priority > 0 {
            let mut queue = self.urgent.lock();
            queue.made += 1;
            let age = std::cmp::Reverse(queue.made);
            queue.heap.push(Urgent {
                priority,
                age,
                task: Deferred(task),
            });
            self.urgent_length.store(queue.heap.len(), Relaxed);
        } else {
            let deque = self.deques.get(slot).unwrap_or(&self.deques[0]);
            let mut ring = deque.ring.lock();
            place(&mut ring, Deferred(task));
            deque.length.store(ring.len(), Relaxed);
        }
        // A sleeper announces itself and then looks at the queues. The only thread of a pool may sleep too, until a thread of the
        // program's own fulfils an event.
        fence(SeqCst);
        if self.sleeping.load(Relaxed) > 0 {
            self.wake_one();
        }
        if self.shares() {
            // SAFETY: the promise made to `prepare`.
            if let Some(gate) = unsafe { self.gate.as_ref() } {
                gate.notify();
            }
            if self.spans_ranks {
                super::remote::wake_listeners();
            }
        }
    }

    #[cold]
    fn wake_one(&self) {
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter().position(|sleeper| sleeper.free) {
            // Not to be woken twice for two tasks.
            Some(at) => sleepers.swap_remove(at).parker.wake(),
            None => sleepers.drain(..).for_each(|sleeper| sleeper.parker.wake()),
        }
        self.sleeping.store(sleepers.len(), Relaxed);
    }

    /// Wakes all who sleep here.
    pub fn wake_all(&self) {
        fence(SeqCst);
        if self.sleeping.load(Relaxed) > 0 {
            let mut sleepers = self.sleepers.lock();
            sleepers.drain(..).for_each(|sleeper| sleeper.parker.wake());
            self.sleeping.store(0, Relaxed);
        }
    }

    /// A thread is about to sleep: from here on a new task wakes it.
    pub fn announce(&self, parker: Parker, free: bool) {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(Sleeper { parker, free });
        self.sleeping.store(sleepers.len(), SeqCst);
        drop(sleepers);
        fence(SeqCst);
    }

    /// It is awake again.
    pub fn withdraw(&self, parker: Parker) {
        let mut sleepers = self.sleepers.lock();
        sleepers.retain(|sleeper| sleeper.parker != parker);
        self.sleeping.store(sleepers.len(), Relaxed);
    }

    /// The next task for thread `slot`.
    #[inline]
    pub fn take(&self, slot: usize, constraint: Constraint) -> Option<*mut Task> {
        if self.urgent_length.load(Relaxed) > 0
            && let Some(task) = self.take_urgent(constraint)
        {
            return Some(task);
        }
        self.take_own(slot, constraint)
            .or_else(|| self.take_others(slot, constraint))
    }

    fn take_urgent(&self, constraint: Constraint) -> Option<*mut Task> {
        let mut queue = self.urgent.lock();
        let task = if queue
            .heap
            .peek()
            .is_some_and(|first| allowed(first.task, constraint))
        {
            queue.heap.pop()
        } else {
            let mut rest = std::mem::take(&mut queue.heap).into_sorted_vec();
            let found = rest
                .iter()
                .rposition(|urgent| allowed(urgent.task, constraint))
                .map(|at| rest.remove(at));
            queue.heap = rest.into();
            found
        };
        self.urgent_length.store(queue.heap.len(), Relaxed);
        task.map(|urgent| urgent.task.0)
    }

    #[inline]
    fn take_own(&self, slot: usize, constraint: Constraint) -> Option<*mut Task> {
        let deque = self.deques.get(slot)?;
        if deque.length.load(Relaxed) == 0 {
            return None;
        }
        let mut ring = deque.ring.lock();
        let last = *ring.back()?;
        let task = if allowed(last, constraint) {
            ring.pop_back()
        } else {
            let at = ring.iter().rposition(|task| allowed(*task, constraint))?;
            ring.remove(at)
        };
        deque.length.store(ring.len(), Relaxed);
        task.map(|task| task.0)
    }

    fn take_others(&self, slot: usize, constraint: Constraint) -> Option<*mut Task> {
        let threads = self.threads;
        (1..threads)
            .map(|step| (slot + step) % threads)
            .find_map(|victim| self.steal(slot, victim, constraint))
    }

    /// The oldest task of `victim`. Where any will do, some more come along, so that many small tasks of one creator are not fetched one
    /// by one.
    fn steal(&self, slot: usize, victim: usize, constraint: Constraint) -> Option<*mut Task> {
        let deque = &self.deques[victim];
        if deque.length.load(Relaxed) == 0 {
            return None;
        }
        let mut ring = deque.ring.try_lock()?;
        if constraint.is_some() {
            let at = ring.iter().position(|task| allowed(*task, constraint))?;
            let task = ring.remove(at);
            deque.length.store(ring.len(), Relaxed);
            return task.map(|task| task.0);
        }
        let first = ring.pop_front()?;
        let further = (ring.len() / 4).min(BATCH);
        let mut batch = [first; BATCH];
        for place in &mut batch[..further] {
            *place = ring.pop_front()?;
        }
        deque.length.store(ring.len(), Relaxed);
        drop(ring);
        if further > 0 {
            let own = &self.deques[slot];
            let mut ring = own.ring.lock();
            // The oldest comes last: it is the next one this thread takes.
            ring.extend(batch[..further].iter().rev());
            own.length.store(ring.len(), Relaxed);
        }
        Some(first.0)
    }

    /// Whether [`Pool::take`] would find a task.
    pub fn has_task(&self, constraint: Constraint) -> bool {
        if constraint.is_none() {
            return self.queued() > 0;
        }
        self.used()
            && (self.deques().iter().any(|deque| {
                deque.length.load(Relaxed) > 0
                    && deque
                        .ring
                        .lock()
                        .iter()
                        .any(|task| allowed(*task, constraint))
            }) || self.urgent_length.load(Relaxed) > 0
                && self
                    .urgent
                    .lock()
                    .heap
                    .iter()
                    .any(|urgent| allowed(urgent.task, constraint)))
    }

    /// The most urgent and then the oldest tasks that `wanted` agrees to, for another rank. It says how many there may be at most if this is one.
    pub fn give_away(&self, mut wanted: impl FnMut(&Task) -> Option<usize>) -> Vec<*mut Task> {
        let mut given = Vec::new();
        let mut most = 1;
        if self.urgent_length.load(Relaxed) > 0 {
            let mut queue = self.urgent.lock();
            let mut rest = std::mem::take(&mut queue.heap).into_sorted_vec();
            let mut at = rest.len();
            while at > 0 && given.len() < most {
                at -= 1;
                // SAFETY: tasks in a pool are alive.
                if let Some(limit) = wanted(unsafe { &*rest[at].task.0 }) {
                    most = limit;
                    given.push(rest.remove(at).task.0);
                }
            }
            queue.heap = rest.into();
            self.urgent_length.store(queue.heap.len(), Relaxed);
        }
        for deque in self.deques() {
            if given.len() >= most || deque.length.load(Relaxed) == 0 {
                continue;
            }
            let mut ring = deque.ring.lock();
            let mut at = 0;
            while at < ring.len() && given.len() < most {
                // SAFETY: tasks in a pool are alive.
                match wanted(unsafe { &*ring[at].0 }) {
                    Some(limit) => {
                        most = limit;
                        given.extend(ring.remove(at).map(|task| task.0));
                    }
                    None => at += 1,
                }
            }
            deque.length.store(ring.len(), Relaxed);
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::blocks::Blocks;
    use crate::tasks::task::Recipe;
    use std::ffi::c_void;

    unsafe extern "C" fn nothing(_: *mut *mut c_void) {}

    fn task(blocks: &Blocks, parent: *mut Task, priority: u32) -> *mut Task {
        let recipe = Recipe {
            body: nothing,
            environment: std::ptr::null_mut(),
            sizes: std::ptr::null(),
            captures: 0,
            chunk: None,
        };
        // SAFETY: the parent is alive.
        unsafe { recipe.make(blocks, parent, 0, priority, true) }
    }

    #[test]
    fn own_tasks_youngest_first_others_oldest_first() {
        let blocks = Blocks::new();
        let mut root = Task::implicit(std::ptr::null());
        let pool = Pool::new(2);
        let tasks: Vec<_> = (0..4).map(|_| task(&blocks, &raw mut root, 0)).collect();
        for task in &tasks {
            // SAFETY: made above.
            unsafe { pool.push(0, *task) };
        }
        assert_eq!(pool.take(0, None), Some(tasks[3]));
        assert_eq!(pool.take(1, None), Some(tasks[0]));
        assert_eq!(pool.queued(), 2);
        assert_eq!(pool.give_away(|_| Some(1)), [tasks[1]]);
        assert_eq!(pool.take(1, None), Some(tasks[2]));
        assert_eq!(pool.take(1, None), None);
    }

    #[test]
    fn priorities_come_first() {
        let blocks = Blocks::new();
        let mut root = Task::implicit(std::ptr::null());
        let pool = Pool::new(1);
        let [a, b, c, d] = [0, 1, 5, 5].map(|priority| {
            let task = task(&blocks, &raw mut root, priority);
            // SAFETY: made above.
            unsafe { pool.push(0, task) };
            task
        });
        let order: Vec<_> = std::iter::from_fn(|| pool.take(0, None)).collect();
        assert_eq!(order, [c, d, b, a]);
        for task in [a, b, c, d] {
            // SAFETY: taken out above.
            unsafe { pool.push(0, task) };
        }
        assert_eq!(pool.give_away(|_| Some(2)), [c, d]);
        let at_most_two = |task: &Task| (task.priority < 2).then_some(2);
        assert_eq!(pool.give_away(at_most_two), [b, a]);
        assert_eq!(pool.queued(), 0);
    }

    #[test]
    fn a_constrained_thread_takes_descendants_only() {
        let blocks = Blocks::new();
        let mut root = Task::implicit(std::ptr::null());
        let pool = Pool::new(2);
        let a = task(&blocks, &raw mut root, 0);
        let below = task(&blocks, a, 0);
        let b = task(&blocks, &raw mut root, 0);
        let urgent = task(&blocks, a, 3);
        for task in [below, b, urgent] {
            // SAFETY: made above.
            unsafe { pool.push(0, task) };
        }
        assert!(pool.has_task(Some(a)));
        assert_eq!(pool.take(1, Some(a)), Some(urgent));
        assert_eq!(pool.take(0, Some(a)), Some(below));
        assert_eq!(pool.take(0, Some(a)), None);
        assert!(!pool.has_task(Some(a)) && pool.has_task(None));
        assert_eq!(pool.take(0, None), Some(b));
    }
}
