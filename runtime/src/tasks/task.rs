//! A task: one block of memory that holds its bookkeeping, its environment and its copies of firstprivate data.
//!
//! ```text
//! | Task | env[0] env[1] ... | copies, each aligned as its type |
//! ```
//!
//! One word counts what hangs on a task:
//!
//! ```text
//! counts:  | waiter: 12 bits | references: 26 bits | children: 26 bits |
//! ```
//!
//! *children* are direct child tasks that are not complete (`taskwait`). *references* are the task itself, until it is complete, and each
//! child whose subtree is not complete: the block is given back, and the parent's reference dropped, when none is left. So a taskgroup
//! or a barrier need only wait for the references of the tasks made directly in it. *waiter* is the parker of a thread that sleeps until the
//! other two have come down.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_ulonglong, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::blocks::{Blocks, GRAIN};
use super::depend::{Children, Node};
use super::group::Group;
use super::parker::Parker;
use super::pool::Pool;
use crate::icv::Icvs;

/// An outlined task.
pub type Body = unsafe extern "C" fn(environment: *mut *mut c_void);

/// `struct cape_taskloop_chunk`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// First logical iteration.
    pub first: c_ulonglong,
    /// One past the last.
    pub end: c_ulonglong,
    /// Nonzero: holds the loop's last iteration.
    pub last: c_int,
}

/// One child that is not complete.
pub const CHILD: u64 = 1;
/// One reference.
pub const REFERENCE: u64 = 1 << 26;
const MASK: u64 = REFERENCE - 1;
const WAITER: u32 = 52;

/// Children in a word of counts.
pub fn children(counts: u64) -> u64 {
    counts & MASK
}

/// References in a word of counts.
pub fn references(counts: u64) -> u64 {
    counts >> 26 & MASK
}

/// Who sleeps, by a word of counts.
pub fn waiter(counts: u64) -> Parker {
    Parker::of_number((counts >> WAITER) as u16)
}

/// The bits that announce a sleeper.
pub fn announcement(parker: Parker) -> u64 {
    u64::from(parker.number()) << WAITER
}

/// The bits of any sleeper.
pub const ANY_WAITER: u64 = !0 << WAITER;

/// Flags of a task: those of `enum cape_task_flags`, and the runtime's own from bit 16 on.
pub mod flag {
    /// `final` is true.
    pub const FINAL: u32 = 4;
    /// `if` is false.
    pub const UNDEFERRED: u32 = 8;
    /// taskloop: no implicit taskgroup.
    pub const NOGROUP: u32 = 16;
    /// taskloop: the modifier `strict`.
    pub const STRICT: u32 = 32;
    /// Has `in_reduction`.
    pub const REDUCES: u32 = 64;
    /// Counted by its taskgroup, because its parent began that.
    pub const COUNTED: u32 = 1 << 16;
    /// Has a completion event.
    pub const DETACHED: u32 = 1 << 17;
    /// An implicit task.
    pub const IMPLICIT: u32 = 1 << 18;
    /// Another rank's: its completion is reported there.
    pub const STOLEN: u32 = 1 << 19;
    /// One of a taskloop: its environment has a chunk.
    pub const LOOP: u32 = 1 << 21;
    /// The creator waits for its turn itself instead of leaving it to the pool.
    pub const AWAITED: u32 = 1 << 20;
    /// Made, or descended from one that was made, by a thread that had a lock: whoever has that may wait for it.
    pub const STAYS: u32 = 1 << 22;
    /// Waits for its descendants, and its thread has a lock.
    pub const LOCKS: u32 = 1 << 23;
}

/// A task's bookkeeping, in front of its environment.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Task {
    /// See the module's documentation.
    pub counts: AtomicU64,
    /// The task that created it; null: an implicit task.
    pub parent: *mut Task,
    /// An ancestor some generations away (see [`Task::descends_from`]).
    jump: *mut Task,
    /// Generations from the implicit task.
    depth: u32,
    /// Generations from an implicit task, over ranks.
    pub level: u32,
    /// See [`flag`].
    pub flags: Cell<u32>,
    /// The pool of its team.
    pub pool: *const Pool,
    /// The innermost taskgroup: at first the one it was made in, later those it begins itself.
    pub group: Cell<*mut Group>,
    /// Its outlined function.
    pub body: Option<Body>,
    /// Its part in dependences; null: none.
    pub node: Cell<*const Node>,
    /// What its own children depend on; null: nothing so far.
    pub table: Cell<*mut Children>,
    /// How far its completion has come if it is detached: see `event`.
    pub event: AtomicU32,
    /// Its priority, 0: none.
    pub priority: u32,
    /// Elements of its environment.
    captures: u32,
    /// Bytes of the block, a multiple of 64.
    size: usize,
    /// Which of its environment are copies, by their sizes: the caller's, or null once that is gone.
    pub sizes: *const usize,
    /// Its variables, if they differ from those its team began with; null: they do not. Made by `Box::into_raw`.
    pub icvs: Cell<*mut Icvs>,
}

const HEADER: usize = size_of::<Task>();

/// What a new task is made of.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Its outlined function.
    pub body: Body,
    /// Addresses of what it captures.
    pub environment: *mut *mut c_void,
    /// For each: bytes to copy, or 0.
    pub sizes: *const usize,
    /// How many.
    pub captures: c_uint,
    /// The iterations of a taskloop's task.
    pub chunk: Option<Chunk>,
}

fn align_up(offset: usize, align: usize) -> usize {
    (offset + align - 1) & !(align - 1)
}

/// No type has a stricter alignment than its size has factors of two.
fn alignment(size: usize) -> usize {
    1 << size.trailing_zeros().min(6)
}

impl Recipe {
    fn size_of_copy(&self, k: usize) -> usize {
        // SAFETY: `sizes` has `captures` elements.
        unsafe { *self.sizes.add(k) }
    }

    fn block_size(&self, keeps_sizes: bool) -> usize {
        let mut size = self.start_of_copies();
        for k in 0..self.captures as usize {
            let bytes = self.size_of_copy(k);
            if bytes != 0 {
                size = align_up(size, alignment(bytes)) + bytes;
            }
        }
        if self.chunk.is_some() {
            size = align_up(size, align_of::<Chunk>()) + size_of::<Chunk>();
        }
        if keeps_sizes {
            size =
                align_up(size, align_of::<usize>()) + self.captures as usize * size_of::<usize>();
        }
        align_up(size, GRAIN)
    }

    fn start_of_copies(&self) -> usize {
        let elements = self.captures as usize + usize::from(self.chunk.is_some());
        HEADER + elements * size_of::<*mut c_void>()
    }

    fn copies(&self) -> bool {
        self.chunk.is_some() || (0..self.captures as usize).any(|k| self.size_of_copy(k) != 0)
    }

    /// Makes the block of a task with this parent. One that `may_leave` can be given to another rank; what the others copy lies where
    /// tasks they make, which may leave, can refer to it.
    ///
    /// # Safety
    /// The recipe's arrays have `captures` elements; `parent` is alive, and the caller executes it.
    #[inline]
    pub unsafe fn make(
        &self,
        blocks: &Blocks,
        parent: *mut Task,
        flags: u32,
        priority: u32,
        may_leave: bool,
    ) -> *mut Task {
        // SAFETY: the caller's promise.
        let creator = unsafe { &*parent };
        // SAFETY: a pool outlives the tasks of its team.
        let spans_ranks = unsafe { creator.pool.as_ref() }.is_some_and(Pool::spans_ranks);
        let keeps_sizes = spans_ranks && may_leave;
        let in_image = spans_ranks && self.copies();
        let (task, size) = blocks.take(self.block_size(keeps_sizes), in_image);
        let flags = if self.chunk.is_some() {
            flags | flag::LOOP
        } else {
            flags
        };
        // SAFETY: the block is ours and large enough.
        unsafe {
            task.write(Task {
                counts: AtomicU64::new(REFERENCE),
                parent,
                jump: creator.next_jump(),
                depth: creator.depth + 1,
                level: creator.level + 1,
                flags: Cell::new(flags),
                pool: creator.pool,
                group: Cell::new(creator.group.get()),
                body: Some(self.body),
                node: Cell::new(std::ptr::null()),
                table: Cell::new(null_mut()),
                event: AtomicU32::new(0),
                priority,
                captures: self.captures,
                size,
                sizes: std::ptr::null(),
                icvs: Cell::new(null_mut()),
            });
        };
        // SAFETY: as above.
        unsafe { self.fill(task, keeps_sizes) };
        task
    }

    /// Copies the variable at `original` once more: the event of a detachable task has its value only when the task exists.
    ///
    /// # Safety
    /// `task` was made of this recipe, whose arrays still exist, and has not begun.
    pub unsafe fn copy_again(&self, task: *mut Task, original: *const c_void) {
        // SAFETY: the environment follows the header.
        let own = unsafe { Task::environment(task) };
        for k in 0..self.captures as usize {
            let bytes = self.size_of_copy(k);
            // SAFETY: both arrays have `captures` elements.
            let (from, to) = unsafe { (*self.environment.add(k), *own.add(k)) };
            if bytes != 0 && from.cast_const() == original {
                // SAFETY: both are good for `bytes` bytes: the variable and its copy.
                unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast(), bytes) };
            }
        }
    }

    /// Writes environment and copies.
    unsafe fn fill(&self, task: *mut Task, keeps_sizes: bool) {
        let captures = self.captures as usize;
        // SAFETY: the environment follows the header.
        let own = unsafe { Task::environment(task) };
        let mut offset = self.start_of_copies();
        for k in 0..captures {
            let bytes = self.size_of_copy(k);
            // SAFETY: `environment` has `captures` elements.
            let mut address = unsafe { *self.environment.add(k) };
            if bytes != 0 {
                offset = align_up(offset, alignment(bytes));
                // SAFETY: `block_size` counted these bytes.
                let copy = unsafe { task.cast::<u8>().add(offset) };
                // SAFETY: `address` is good for `bytes` bytes, by the contract in cape.h.
                unsafe { std::ptr::copy_nonoverlapping(address.cast::<u8>(), copy, bytes) };
                offset += bytes;
                address = copy.cast();
            }
            // SAFETY: counted by `block_size`.
            unsafe { own.add(k).write(address) };
        }
        if let Some(chunk) = self.chunk {
            offset = align_up(offset, align_of::<Chunk>());
            // SAFETY: counted by `block_size`.
            let copy = unsafe { task.cast::<u8>().add(offset) }.cast::<Chunk>();
            // SAFETY: as above.
            unsafe { copy.write(chunk) };
            // SAFETY: as above.
            unsafe { own.add(captures).write(copy.cast()) };
            offset += size_of::<Chunk>();
        }
        if keeps_sizes {
            offset = align_up(offset, align_of::<usize>());
            // SAFETY: counted by `block_size`.
            unsafe {
                let kept = task.cast::<u8>().add(offset).cast::<usize>();
                if captures > 0 {
                    std::ptr::copy_nonoverlapping(self.sizes, kept, captures);
                }
                (*task).sizes = kept;
            }
        }
    }
}

impl Task {
    /// The implicit task of a team's thread.
    pub const fn implicit(pool: *const Pool) -> Task {
        Task {
            counts: AtomicU64::new(REFERENCE),
            parent: null_mut(),
            jump: null_mut(),
            depth: 0,
            level: 0,
            flags: Cell::new(flag::IMPLICIT),
            pool,
            group: Cell::new(null_mut()),
            body: None,
            node: Cell::new(std::ptr::null()),
            table: Cell::new(null_mut()),
            event: AtomicU32::new(0),
            priority: 0,
            captures: 0,
            size: 0,
            sizes: std::ptr::null(),
            icvs: Cell::new(null_mut()),
        }
    }

    /// Bytes of its block.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Its environment.
    ///
    /// # Safety
    /// `task` was made by a [`Recipe`].
    pub unsafe fn environment(task: *mut Task) -> *mut *mut c_void {
        // SAFETY: it follows the header.
        unsafe { task.add(1) }.cast()
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags.get() & flag != 0
    }

    /// Sets a flag.
    pub fn set(&self, flag: u32) {
        self.flags.set(self.flags.get() | flag);
    }

    /// Takes a flag back.
    pub fn unset(&self, flag: u32) {
        self.flags.set(self.flags.get() & !flag);
    }

    /// Elements of its environment.
    pub fn captures(&self) -> u32 {
        self.captures
    }

    /// The jump of a child of this task: jumps double in length where they can, so that any ancestor is a logarithmic number of steps away
    /// (Myers, "An applicative random-access stack", 1983).
    fn next_jump(&self) -> *mut Task {
        let me = std::ptr::from_ref(self).cast_mut();
        if self.jump.is_null() {
            return me;
        }
        // SAFETY: ancestors outlive their descendants, whose references they hold.
        let (first, second) = unsafe { (&*self.jump, (*self.jump).jump) };
        if second.is_null() {
            return me;
        }
        // SAFETY: as above.
        let second = unsafe { &*second };
        if self.depth - first.depth == first.depth - second.depth {
            std::ptr::from_ref(second).cast_mut()
        } else {
            me
        }
    }

    /// Whether `ancestor` is this task's parent, or its parent's parent, and so on.
    ///
    /// # Safety
    /// The ancestor is alive.
    pub unsafe fn descends_from(&self, ancestor: *const Task) -> bool {
        if self.parent.cast_const() == ancestor {
            return true;
        }
        // SAFETY: the caller's promise.
        let depth = unsafe { (*ancestor).depth };
        if self.depth <= depth {
            return false;
        }
        let mut task = self;
        while task.depth > depth {
            // SAFETY: ancestors outlive their descendants.
            task = unsafe {
                if !task.jump.is_null() && (*task.jump).depth >= depth {
                    &*task.jump
                } else {
                    &*task.parent
                }
            };
        }
        std::ptr::eq(task, ancestor)
    }

    /// Whether this task is another rank's, or was made by one that is.
    pub(super) fn is_adopted(&self) -> bool {
        let mut task = self;
        // SAFETY: ancestors outlive their descendants; the topmost one has neither parent nor jump.
        while let Some(above) = unsafe { task.jump.as_ref().or(task.parent.as_ref()) } {
            task = above;
        }
        task.has(flag::STOLEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn nothing(_: *mut *mut c_void) {}

    fn child(blocks: &Blocks, parent: *mut Task) -> *mut Task {
        let recipe = Recipe {
            body: nothing,
            environment: null_mut(),
            sizes: std::ptr::null(),
            captures: 0,
            chunk: None,
        };
        // SAFETY: the parent is alive.
        unsafe { recipe.make(blocks, parent, 0, 0, true) }
    }

    #[test]
    fn ancestry_is_known_at_any_distance() {
        let blocks = Blocks::new();
        let mut root = Task::implicit(std::ptr::null());
        let mut line = vec![&raw mut root];
        for k in 0..1000 {
            line.push(child(&blocks, line[k]));
        }
        let stranger = child(&blocks, line[500]);
        for at in [1, 2, 77, 501, 999] {
            // SAFETY: all blocks are alive.
            let task = unsafe { &*line[at] };
            assert!(
                line[..at]
                    .iter()
                    // SAFETY: as above.
                    .all(|ancestor| unsafe { task.descends_from(*ancestor) })
            );
            assert!(
                line[at..]
                    .iter()
                    // SAFETY: as above.
                    .all(|other| unsafe { !task.descends_from(*other) })
            );
            // SAFETY: as above.
            assert!(unsafe { !task.descends_from(stranger) });
            assert!(!task.is_adopted());
            root.set(flag::STOLEN);
            assert!(task.is_adopted());
            root.flags.set(0);
        }
        for task in line[1..].iter().chain([&stranger]) {
            // SAFETY: nothing refers to it any more.
            unsafe { blocks.give(*task) };
        }
    }

    #[test]
    fn copies_are_aligned_as_their_types() {
        #[repr(align(64))]
        struct Wide([u8; 64]);
        let (mut byte, mut wide, mut word) = (7_u8, Wide([9; 64]), 5_u64);
        let mut environment = [
            (&raw mut byte).cast::<c_void>(),
            (&raw mut wide).cast(),
            (&raw mut word).cast(),
            (&raw mut word).cast(),
        ];
        let sizes = [1, 64, 8, 0];
        let blocks = Blocks::new();
        let mut root = Task::implicit(std::ptr::null());
        let recipe = Recipe {
            body: nothing,
            environment: environment.as_mut_ptr(),
            sizes: sizes.as_ptr(),
            captures: 4,
            chunk: Some(Chunk {
                first: 3,
                end: 4,
                last: 1,
            }),
        };
        // SAFETY: the arrays have four elements.
        let task = unsafe { recipe.make(&blocks, &raw mut root, 0, 0, true) };
        // SAFETY: five elements with the chunk.
        let own = unsafe { std::slice::from_raw_parts(Task::environment(task), 5) };
        assert_eq!(own[1] as usize % 64, 0);
        assert_eq!(own[2] as usize % 8, 0);
        assert_eq!(own[3], environment[3]);
        // SAFETY: what was copied has these types.
        unsafe {
            assert_eq!(*own[0].cast::<u8>(), 7);
            assert_eq!((*own[1].cast::<Wide>()).0, [9; 64]);
            assert_eq!(*own[2].cast::<u64>(), 5);
            assert_eq!((*own[4].cast::<Chunk>()).first, 3);
            blocks.give(task);
        }
    }
}
