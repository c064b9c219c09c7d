//! Dependences between siblings (OpenMP 5.2, 15.9.5).
//!
//! For each list item a parent remembers the last *set* of children that named it: one child with `out` or `inout`, or several in a row
//! with `in`, with `mutexinoutset` or with `inoutset`. A child that does not join the set depends on all of it; one that joins depends
//! on the set before:
//!
//! ```text
//! out A │ in B, in C │ inout D │ mutexinoutset E, F      A ◄─ B, C ◄─ D ◄─ E, F (one at a time)
//! ```
//!
//! Only the parent's own thread makes children, so that its table needs no lock; a child's node is shared with those it depends on.
#![allow(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};

use super::parker::Parker;
use super::spin::Spin;
use super::task::{Task, flag};

/// `enum cape_depend_kind`, `out` being the same as `inout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `in`.
    In,
    /// `out`, `inout`.
    InOut,
    /// `mutexinoutset`.
    MutexInOutSet,
    /// `inoutset`.
    InOutSet,
}

/// `omp_all_memory`.
pub const ALL_MEMORY: usize = usize::MAX;

/// One child's part in dependences.
#[derive(Debug)]
pub struct Node {
    task: *mut Task,
    /// Predecessors that are not complete, and one while the node is being made.
    waits: AtomicU32,
    state: Spin<State>,
    /// Mutual exclusions it takes before it runs, in the order of their addresses.
    exclusions: Vec<Arc<Exclusion>>,
    taken: AtomicU32,
    /// Its turn has come (for a task its creator waits for).
    ready: AtomicBool,
    creator: Parker,
}

#[derive(Debug, Default)]
struct State {
    done: bool,
    successors: Vec<Arc<Node>>,
}

// SAFETY: `task` is used by whoever the last predecessor or exclusion makes responsible for it, one thread at a time.
unsafe impl Send for Node {}
// SAFETY: as above; the rest is synchronised.
unsafe impl Sync for Node {}

/// One at a time of a `mutexinoutset`.
#[derive(Debug, Default)]
pub struct Exclusion {
    queue: Spin<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    held: bool,
    waiting: VecDeque<Arc<Node>>,
}

#[derive(Debug)]
struct Item {
    kind: Kind,
    set: Vec<Arc<Node>>,
    before: Vec<Arc<Node>>,
    exclusion: Option<Arc<Exclusion>>,
}

/// What a task's children depend on.
#[derive(Debug, Default)]
pub struct Children {
    items: HashMap<usize, Item>,
    /// The last child with `omp_all_memory`.
    all: Option<Arc<Node>>,
    prune_at: usize,
}

impl Node {
    /// The task's node, by its reference in the task.
    ///
    /// # Safety
    /// The task has a node and is not complete.
    unsafe fn of(task: &Task) -> Arc<Node> {
        let raw = task.node.get();
        // SAFETY: the caller's promise; the task keeps its own reference.
        unsafe { Arc::increment_strong_count(raw) };
        // SAFETY: as above.
        unsafe { Arc::from_raw(raw) }
    }

    /// Whether a task its creator waits for may run.
    pub fn is_ready(&self) -> bool {
        self.ready.load(SeqCst)
    }

    fn done(&self) -> bool {
        self.state.lock().done
    }
}

impl Children {
    fn item(&mut self, address: usize, kind: Kind) -> &mut Item {
        let all = &self.all;
        self.items.entry(address).or_insert_with(|| Item {
            kind,
            set: Vec::new(),
            before: all.iter().cloned().collect(),
            exclusion: None,
        })
    }

    /// Forgets everything: all children are complete.
    pub fn clear(&mut self) {
        self.items.clear();
        self.all = None;
    }

    fn prune(&mut self) {
        if self.items.len() < self.prune_at.max(64) {
            return;
        }
        self.items
            .retain(|_, item| item.set.iter().chain(&item.before).any(|node| !node.done()));
        self.prune_at = 2 * self.items.len();
    }

    fn add_all_memory(&mut self, node: &Arc<Node>) {
        for item in self.items.values() {
            let last = if item.set.is_empty() {
                &item.before
            } else {
                &item.set
            };
            last.iter().for_each(|before| link(before, node));
        }
        if let Some(all) = &self.all {
            link(all, node);
        }
        self.items.clear();
        self.all = Some(Arc::clone(node));
    }

    fn add(&mut self, address: usize, kind: Kind, node: &Arc<Node>) {
        let item = self.item(address, kind);
        if kind == Kind::InOut || kind != item.kind {
            item.kind = kind;
            if !item.set.is_empty() {
                item.before = std::mem::take(&mut item.set);
            }
        }
        item.before.iter().for_each(|before| link(before, node));
        if item.set.len() >= 32 && item.set.len().is_power_of_two() {
            item.set.retain(|other| !other.done());
        }
        item.set.push(Arc::clone(node));
    }
}

fn link(before: &Arc<Node>, node: &Arc<Node>) {
    if Arc::ptr_eq(before, node) {
        return;
    }
    let mut state = before.state.lock();
    if !state.done {
        state.successors.push(Arc::clone(node));
        node.waits.fetch_add(1, Relaxed);
    }
}

/// Makes `task`, a new child of `parent`, depend on its siblings. Whether it may run at once; if not, `ready` is called by whoever
/// completes the last it waits for, unless it has [`flag::AWAITED`]: then `creator` is woken.
///
/// # Safety
/// Both tasks are alive, and the caller executes `parent`.
pub unsafe fn enter(
    parent: &Task,
    task: *mut Task,
    depends: &[(Kind, usize)],
    creator: Parker,
) -> bool {
    if parent.table.get().is_null() {
        parent.table.set(Box::into_raw(Box::default()));
    }
    // SAFETY: the table is the parent's alone.
    let table: &mut Children = unsafe { &mut *parent.table.get() };
    table.prune();
    let mut exclusions: Vec<Arc<Exclusion>> = Vec::new();
    for (_, address) in depends
        .iter()
        .filter(|(kind, _)| *kind == Kind::MutexInOutSet)
    {
        let item = table.item(*address, Kind::MutexInOutSet);
        exclusions.push(Arc::clone(item.exclusion.get_or_insert_default()));
    }
    exclusions.sort_by_key(|exclusion| Arc::as_ptr(exclusion) as usize);
    exclusions.dedup_by(|a, b| Arc::ptr_eq(a, b));
    let node = Arc::new(Node {
        task,
        waits: AtomicU32::new(1),
        state: Spin::default(),
        exclusions,
        taken: AtomicU32::new(0),
        ready: AtomicBool::new(false),
        creator,
    });
    // SAFETY: the caller's promise.
    unsafe { (*task).node.set(Arc::into_raw(Arc::clone(&node))) };
    if depends.iter().any(|(_, address)| *address == ALL_MEMORY) {
        table.add_all_memory(&node);
    } else {
        for (kind, address) in depends {
            table.add(*address, *kind, &node);
        }
    }
    node.waits.fetch_sub(1, AcqRel) == 1 && take_exclusions(&node)
}

/// Takes what is left of its exclusions, one after the other in a fixed order; `false`: it stands in a queue.
fn take_exclusions(node: &Arc<Node>) -> bool {
    loop {
        let next = node.taken.load(Relaxed) as usize;
        let Some(exclusion) = node.exclusions.get(next) else {
            return true;
        };
        let mut queue = exclusion.queue.lock();
        if queue.held {
            queue.waiting.push_back(Arc::clone(node));
            return false;
        }
        queue.held = true;
        node.taken.fetch_add(1, Relaxed);
    }
}

/// Its turn has come.
fn released(node: &Arc<Node>, ready: &mut impl FnMut(*mut Task)) {
    // SAFETY: a task whose turn has not come before now is alive.
    let awaited = unsafe { (*node.task).has(flag::AWAITED) };
    if awaited {
        node.ready.store(true, SeqCst);
        node.creator.wake();
    } else {
        ready(node.task);
    }
}

/// `task`, which has a node, is complete: what depended on it may run.
///
/// # Safety
/// The task is alive, and this is done once.
pub unsafe fn complete(task: &Task, ready: &mut impl FnMut(*mut Task)) {
    // SAFETY: the caller's promise; this takes the task's reference over.
    let node = unsafe { Arc::from_raw(task.node.replace(std::ptr::null())) };
    let successors = {
        let mut state = node.state.lock();
        state.done = true;
        std::mem::take(&mut state.successors)
    };
    for exclusion in &node.exclusions {
        let next = {
            let mut queue = exclusion.queue.lock();
            let next = queue.waiting.pop_front();
            queue.held = next.is_some();
            next
        };
        if let Some(next) = next {
            next.taken.fetch_add(1, Relaxed);
            if take_exclusions(&next) {
                released(&next, ready);
            }
        }
    }
    for successor in successors {
        if successor.waits.fetch_sub(1, AcqRel) == 1 && take_exclusions(&successor) {
            released(&successor, ready);
        }
    }
}

/// Whether a task its creator waits for may run.
///
/// # Safety
/// The task is alive and has a node.
pub unsafe fn is_ready(task: &Task) -> bool {
    std::sync::atomic::fence(Acquire);
    // SAFETY: the caller's promise.
    unsafe { Node::of(task) }.is_ready()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::blocks::Blocks;
    use crate::tasks::task::Recipe;
    use std::ffi::c_void;

    unsafe extern "C" fn nothing(_: *mut *mut c_void) {}

    struct Family {
        blocks: Blocks,
        parent: Box<Task>,
    }

    impl Family {
        fn new() -> Family {
            Family {
                blocks: Blocks::new(),
                parent: Box::new(Task::implicit(std::ptr::null())),
            }
        }

        fn child(&mut self, depends: &[(Kind, usize)]) -> (*mut Task, bool) {
            let recipe = Recipe {
                body: nothing,
                environment: std::ptr::null_mut(),
                sizes: std::ptr::null(),
                captures: 0,
                chunk: None,
            };
            let parent: *mut Task = &raw mut *self.parent;
            // SAFETY: everything is alive until the test ends.
            unsafe {
                let task = recipe.make(&self.blocks, parent, 0, 0, true);
                let now = enter(&*parent, task, depends, Parker::NONE);
                (task, now)
            }
        }

        fn complete(&self, task: *mut Task) -> Vec<*mut Task> {
            let mut ready = Vec::new();
            // SAFETY: as above.
            unsafe { complete(&*task, &mut |task| ready.push(task)) };
            ready
        }
    }

    #[test]
    fn readers_follow_the_writer_and_the_next_writer_all_of_them() {
        let mut family = Family::new();
        let (a, now) = family.child(&[(Kind::InOut, 8)]);
        assert!(now);
        let (b, b_now) = family.child(&[(Kind::In, 8)]);
        let (c, c_now) = family.child(&[(Kind::In, 8)]);
        let (d, d_now) = family.child(&[(Kind::InOut, 8)]);
        let (_, other) = family.child(&[(Kind::InOut, 16)]);
        assert!(!b_now && !c_now && !d_now && other);
        assert_eq!(family.complete(a), [b, c]);
        assert_eq!(family.complete(c), []);
        assert_eq!(family.complete(b), [d]);
    }

    #[test]
    fn a_mutexinoutset_runs_one_at_a_time() {
        let mut family = Family::new();
        let both = [(Kind::MutexInOutSet, 8), (Kind::MutexInOutSet, 16)];
        let (a, a_now) = family.child(&both);
        let (b, b_now) = family.child(&[(Kind::MutexInOutSet, 8)]);
        let (c, c_now) = family.child(&both);
        let (d, d_now) = family.child(&[(Kind::In, 8)]);
        assert!(a_now && !b_now && !c_now && !d_now);
        let mut waiting = vec![b, c];
        let mut running = a;
        while let Some(at) = {
            let ready = family.complete(running);
            assert!(ready.len() <= 1, "one at a time");
            ready
                .first()
                .and_then(|next| waiting.iter().position(|task| task == next))
        } {
            running = waiting.remove(at);
        }
        assert!(waiting.is_empty());
        let _ = d;
    }

    #[test]
    fn an_inoutset_runs_together_between_others() {
        let mut family = Family::new();
        let (a, _) = family.child(&[(Kind::In, 8)]);
        let (b, b_now) = family.child(&[(Kind::InOutSet, 8)]);
        let (c, c_now) = family.child(&[(Kind::InOutSet, 8)]);
        let (d, d_now) = family.child(&[(Kind::In, 8)]);
        assert!(!b_now && !c_now && !d_now);
        assert_eq!(family.complete(a), [b, c]);
        assert_eq!(family.complete(b), []);
        assert_eq!(family.complete(c), [d]);
    }

    #[test]
    fn all_memory_stands_between_everything() {
        let mut family = Family::new();
        let (a, _) = family.child(&[(Kind::InOut, 8)]);
        let (b, _) = family.child(&[(Kind::In, 16)]);
        let (all, now) = family.child(&[(Kind::InOut, ALL_MEMORY)]);
        let (c, c_now) = family.child(&[(Kind::In, 24)]);
        assert!(!now && !c_now);
        assert_eq!(family.complete(a), []);
        assert_eq!(family.complete(b), [all]);
        assert_eq!(family.complete(all), [c]);
    }

    #[test]
    fn a_task_does_not_wait_for_itself() {
        let mut family = Family::new();
        let (_, now) = family.child(&[(Kind::In, 8), (Kind::InOut, 8), (Kind::In, 8)]);
        assert!(now);
    }
}
