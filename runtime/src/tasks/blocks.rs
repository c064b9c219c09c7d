//! The memory of tasks: blocks that a thread keeps for its next ones, private or where other ranks can refer to them.
//!
//! A block goes to the thread that completes its task. Where one thread makes the tasks and others complete them, private blocks go back to
//! malloc, and blocks of the image, of which there is a limited number, to a list that all threads of the rank share.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use super::spin::Spin;
use super::task::Task;

/// Sizes of blocks are multiples of this.
pub const GRAIN: usize = 64;
const CLASSES: usize = 17;
/// Private blocks of a size that a thread keeps; more go back to malloc.
const KEPT: u32 = 1024;
/// Bytes in blocks of the image of one size that a thread keeps, and as much again, before it shares them.
const KEPT_IN_IMAGE: usize = 64 << 10;

/// The blocks that a thread keeps for its next tasks.
#[derive(Debug)]
pub struct Blocks {
    free: [Cell<*mut Free>; CLASSES],
    kept: [Cell<u32>; CLASSES],
    /// Blocks that other ranks may refer to.
    image: [Cell<Chain>; IMAGE_CLASSES],
}

#[derive(Debug)]
struct Free {
    next: *mut Free,
}

/// Free blocks of one size.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: *mut Free,
    length: usize,
}

impl Chain {
    const EMPTY: Chain = Chain {
        first: null_mut(),
        length: 0,
    };
}

/// Chains of free blocks of one size that any thread may take.
#[derive(Debug)]
struct Shared {
    chains: Spin<Vec<Chain>>,
    length: AtomicUsize,
}

// SAFETY: free blocks belong to nobody; who takes a chain out of the list is the only one to have it.
unsafe impl Sync for Shared {}

static SHARED: [Shared; IMAGE_CLASSES] = [const {
    Shared {
        chains: Spin::new(Vec::new()),
        length: AtomicUsize::new(0),
    }
}; IMAGE_CLASSES];

impl Shared {
    fn put(&self, chain: Chain) {
        let mut chains = self.chains.lock();
        chains.push(chain);
        self.length.store(chains.len(), Release);
    }

    fn take(&self) -> Option<Chain> {
        if self.length.load(Acquire) == 0 {
            return None;
        }
        let mut chains = self.chains.lock();
        let chain = chains.pop();
        self.length.store(chains.len(), Release);
        chain
    }
}

/// Bytes of this rank's memory for tasks that have been handed out.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Small sizes as for private blocks, and powers of two up to a MiB.
const IMAGE_CLASSES: usize = CLASSES + 10;

/// The class of blocks in the image that has room for `size` bytes, and its size.
fn image_class(size: usize) -> Option<(usize, usize)> {
    if size / GRAIN < CLASSES {
        return Some((size / GRAIN, size));
    }
    let size = size.next_power_of_two();
    let class = CLASSES + (size.trailing_zeros() as usize).checked_sub(11)?;
    (class < IMAGE_CLASSES).then_some((class, size))
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, GRAIN).expect("the size was counted in bytes that exist")
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks::new()
    }
}

impl Blocks {
    /// None yet.
    pub const fn new() -> Blocks {
        Blocks {
            free: [const { Cell::new(null_mut()) }; CLASSES],
            kept: [const { Cell::new(0) }; CLASSES],
            image: [const { Cell::new(Chain::EMPTY) }; IMAGE_CLASSES],
        }
    }

    /// A block of at least `size` bytes, and its size; if possible one `in_image`, where other ranks can refer to it.
    #[inline]
    pub fn take(&self, size: usize, in_image: bool) -> (*mut Task, usize) {
        if in_image && let Some(block) = self.take_in_image(size) {
            return block;
        }
        (self.take_private(size), size)
    }

    /// A block that other ranks may refer to, and its size. There is a limit to them, and to their size.
    #[inline]
    fn take_in_image(&self, size: usize) -> Option<(*mut Task, usize)> {
        let (class, size) = image_class(size)?;
        if let Some(block) = self.take_kept(class) {
            return Some((block.cast(), size));
        }
        Blocks::take_fresh(size)
    }

    /// A block of the image that nobody has had yet, and its size.
    #[cold]
    fn take_fresh(size: usize) -> Option<(*mut Task, usize)> {
        let session = crate::session::get()?;
        let memory = session.layout.task_memory(session.rank);
        let offset = TAKEN.fetch_add(size, Relaxed);
        if offset + size > memory.len() {
            TAKEN.fetch_sub(size, Relaxed);
            return None;
        }
        Some(((memory.start + offset) as *mut Task, size))
    }

    /// One of the image's free blocks of a size.
    #[inline]
    fn take_kept(&self, class: usize) -> Option<*mut Free> {
        let mut chain = self.image[class].get();
        if chain.length == 0 {
            chain = SHARED[class].take()?;
        }
        let block = chain.first;
        // SAFETY: a free block holds the link to the next.
        let next = unsafe { (*block).next };
        self.image[class].set(Chain {
            first: next,
            length: chain.length - 1,
        });
        Some(block)
    }

    /// Keeps a free block of the image for the next task.
    ///
    /// # Safety
    /// The block has `size` bytes, which are of this class, and is nobody's.
    #[inline]
    unsafe fn keep(&self, block: *mut Free, class: usize, size: usize) {
        let mut chain = self.image[class].get();
        if chain.length * size >= KEPT_IN_IMAGE && chain.length > 0 {
            SHARED[class].put(chain);
            chain = Chain::EMPTY;
        }
        // SAFETY: large enough for a link.
        unsafe { block.write(Free { next: chain.first }) };
        self.image[class].set(Chain {
            first: block,
            length: chain.length + 1,
        });
    }

    #[inline]
    fn take_private(&self, size: usize) -> *mut Task {
        let class = size / GRAIN;
        if class < CLASSES {
            let block = self.free[class].get();
            if !block.is_null() {
                // SAFETY: a free block holds the link to the next.
                self.free[class].set(unsafe { (*block).next });
                self.kept[class].set(self.kept[class].get() - 1);
                return block.cast();
            }
        }
        // SAFETY: the size is not 0.
        let block = unsafe { alloc(layout(size)) };
        if block.is_null() {
            handle_alloc_error(layout(size));
        }
        block.cast()
    }

    /// Takes back the block of a task.
    ///
    /// # Safety
    /// Nothing refers to it any more.
    #[inline]
    pub unsafe fn give(&self, task: *mut Task) {
        // SAFETY: the caller's promise.
        let size = unsafe { (*task).size() };
        if crate::layout::is_task_memory(task as usize) {
            let class = image_class(size).map_or(0, |(class, _)| class);
            // SAFETY: the caller's promise.
            return unsafe { self.keep(task.cast(), class, size) };
        }
        let class = size / GRAIN;
        if class < CLASSES && self.kept[class].get() < KEPT {
            let block = task.cast::<Free>();
            // SAFETY: the block is unused and large enough for a link.
            unsafe {
                block.write(Free {
                    next: self.free[class].get(),
                })
            };
            self.free[class].set(block);
            self.kept[class].set(self.kept[class].get() + 1);
        } else {
            // SAFETY: `take` allocated it with this layout.
            unsafe { dealloc(task.cast(), layout(size)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    #[derive(Clone)]
    struct Block {
        _bytes: [u8; 128],
    }

    #[test]
    fn blocks_of_the_image_come_back_to_their_maker() {
        let class = CLASSES - 1;
        let size = std::mem::size_of::<Block>();
        let count = 3 * KEPT_IN_IMAGE / size;
        let memory: Vec<Block> = vec![Block { _bytes: [0; 128] }; count];
        let (maker, completer) = (Blocks::new(), Blocks::new());
        for block in &memory {
            let block = std::ptr::from_ref(block).cast_mut().cast();
            // SAFETY: the test's own, and no longer used otherwise.
            unsafe { completer.keep(block, class, size) };
        }
        let mut taken: Vec<_> = std::iter::from_fn(|| maker.take_kept(class)).collect();
        assert_eq!(taken.len(), 2 * KEPT_IN_IMAGE / size, "what is shared");
        taken.extend(std::iter::from_fn(|| completer.take_kept(class)));
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), count, "each once");
    }

    #[test]
    fn sizes_of_the_image_have_classes() {
        assert_eq!(image_class(128), Some((2, 128)));
        assert_eq!(image_class(1 << 11), Some((CLASSES, 1 << 11)));
        assert_eq!(image_class((1 << 19) + 64), Some((CLASSES + 9, 1 << 20)));
        assert_eq!(image_class((1 << 20) + 64), None);
    }
}
