//! Taskgroups (OpenMP 5.2, 15.4), their cancellation (16) and their reductions (5.5.10).
//!
//! A reduction gives each thread of the team one copy of every list item, made when a task of the thread first asks for it; the end of the
//! taskgroup combines them in thread order.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use super::task::Task;
use crate::cells::Combiner;

/// As in `cape.h`: gives `count` elements of a copy their first value.
pub type Initialise =
    unsafe extern "C" fn(copy: *mut c_void, original: *const c_void, count: usize);

/// One list item of a `task_reduction`.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Address of its first element.
    pub original: *mut c_void,
    /// Address of the list item that this is a thread's copy of; null: of none.
    pub shared: *mut c_void,
    /// Bytes of an element.
    pub size: usize,
    /// Elements.
    pub count: usize,
    /// Gives all elements of a copy their first value.
    pub initialise: Option<Initialise>,
    /// Combines two arrays of elements.
    pub combine: Combiner,
}

impl Item {
    fn bytes(&self) -> usize {
        self.size * self.count
    }
}

#[derive(Debug)]
struct Reduction {
    item: Item,
    /// By thread; null: it has asked for none.
    copies: Box<[AtomicPtr<u8>]>,
}

/// An unfinished taskgroup.
#[derive(Debug)]
pub struct Group {
    /// The task that began it.
    pub owner: *const Task,
    /// The taskgroup around it.
    pub outer: *mut Group,
    /// Tasks made directly in it whose subtree is not complete, as *children* of the word described in `task`.
    pub counts: AtomicU64,
    cancelled: AtomicBool,
    reductions: Vec<Reduction>,
}

fn layout(item: &Item) -> Layout {
    Layout::from_size_align(item.bytes().max(1), 64)
        .expect("a list item of the program's has a possible size")
}

impl Reduction {
    /// The offset of `address` in the item or in any of its copies: inside a task that has the item in `in_reduction`, its name is a copy.
    fn offset(&self, address: usize) -> Option<usize> {
        let copies = self.copies.iter().map(|copy| copy.load(Acquire) as usize);
        copies
            .chain([self.item.original, self.item.shared].map(|item| item as usize))
            .filter(|start| *start != 0)
            .find_map(|start| {
                let offset = address.checked_sub(start)?;
                (offset < self.item.bytes().max(1)).then_some(offset)
            })
    }

    /// The copy of the calling thread.
    fn copy(&self, slot: usize) -> *mut u8 {
        let Some(place) = self.copies.get(slot) else {
            return self.item.original.cast();
        };
        let copy = place.load(Relaxed);
        if !copy.is_null() {
            return copy;
        }
        // SAFETY: the size is not 0.
        let copy = unsafe { alloc(layout(&self.item)) };
        if copy.is_null() {
            handle_alloc_error(layout(&self.item));
        }
        // SAFETY: the block has that size.
        unsafe { copy.write_bytes(0, self.item.bytes()) };
        if let Some(initialise) = self.item.initialise {
            // SAFETY: generated for the type of this item.
            unsafe { initialise(copy.cast(), self.item.original, self.item.count) };
        }
        place.store(copy, Release);
        copy
    }
}

impl Group {
    /// A taskgroup that `owner` begins inside `outer`.
    pub fn new(owner: *const Task, outer: *mut Group) -> Group {
        Group {
            owner,
            outer,
            counts: AtomicU64::new(0),
            cancelled: AtomicBool::new(false),
            reductions: Vec::new(),
        }
    }

    /// Registers reductions; `threads` threads may take part.
    pub fn reduce(&mut self, items: impl Iterator<Item = Item>, threads: usize) {
        self.reductions.extend(items.map(|item| Reduction {
            item,
            copies: (0..threads).map(|_| AtomicPtr::new(null_mut())).collect(),
        }));
    }

    /// Whether it or one around it has reductions.
    pub fn reduces(&self) -> bool {
        self.and_outer().any(|group| !group.reductions.is_empty())
    }

    fn and_outer(&self) -> impl Iterator<Item = &Group> {
        std::iter::successors(Some(self), |group| {
            // SAFETY: taskgroups around an unfinished one are unfinished.
            unsafe { group.outer.as_ref() }
        })
    }

    /// The calling thread's copy of the item at `original` in the innermost taskgroup that has it.
    pub fn find(&self, original: *mut c_void, slot: usize) -> Option<*mut c_void> {
        self.and_outer().find_map(|group| {
            group.reductions.iter().rev().find_map(|reduction| {
                let offset = reduction.offset(original as usize)?;
                // SAFETY: `offset` lies inside the item, and so inside its copy.
                Some(unsafe { reduction.copy(slot).add(offset) }.cast())
            })
        })
    }

    /// Combines all copies into their originals: no task uses them any more.
    ///
    /// # Safety
    /// All tasks of the taskgroup are complete.
    pub unsafe fn combine(&mut self) {
        for reduction in self.reductions.drain(..) {
            for copy in &reduction.copies {
                let copy = copy.load(Acquire);
                if copy.is_null() {
                    continue;
                }
                let item = &reduction.item;
                // SAFETY: both hold `count` elements of the combiner's type.
                unsafe { (item.combine)(item.original.cast(), copy, item.count) };
                // SAFETY: `copy` allocated it with this layout.
                unsafe { dealloc(copy, layout(item)) };
            }
        }
    }

    /// The taskgroup that `cancel taskgroup` in it is about: one that only holds a worksharing construct's or a region's reduction is none
    /// that the program wrote, so where another is around it, it is that.
    pub fn cancellable(&self) -> &Group {
        // SAFETY: taskgroups around an unfinished one are unfinished.
        let outer = unsafe { self.outer.as_ref() };
        match outer {
            Some(outer) if self.holds_shares() => outer.cancellable(),
            _ => self,
        }
    }

    /// Whether its items are copies of a `reduction(task, …)`.
    fn holds_shares(&self) -> bool {
        let mut items = self.reductions.iter();
        items.any(|reduction| !reduction.item.shared.is_null())
    }

    /// Tasks of it that have not begun are dropped from now on. Whether that is news.
    pub fn cancel(&self) -> bool {
        !self.cancelled.swap(true, Relaxed)
    }

    /// Whether it is `group` or lies in it.
    pub fn lies_in(&self, group: &Group) -> bool {
        self.and_outer().any(|outer| std::ptr::eq(outer, group))
    }

    /// Whether it or one around it has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.and_outer().any(|group| group.cancelled.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn add(inout: *mut u8, operand: *const u8, count: usize) {
        for k in 0..count {
            // SAFETY: both hold `count` words.
            unsafe { *inout.cast::<u64>().add(k) += *operand.cast::<u64>().add(k) };
        }
    }

    #[test]
    fn copies_are_found_by_original_and_by_copy_and_combined_once() {
        let mut sums = [10_u64, 20];
        let mut shared = [0_u64; 2];
        let item = Item {
            original: sums.as_mut_ptr().cast(),
            shared: (&raw mut shared).cast(),
            size: 8,
            count: 2,
            initialise: None,
            combine: add,
        };
        let owner = Task::implicit(std::ptr::null());
        let mut outer = Group::new(&raw const owner, null_mut());
        outer.reduce([item].into_iter(), 2);
        let group = Group::new(&raw const owner, &raw mut outer);
        for slot in [0, 1, 1] {
            let second = group.find(sums[1..].as_mut_ptr().cast(), slot);
            let copy = second.expect("registered").cast::<u64>();
            // SAFETY: the copy of a word.
            unsafe { *copy += 1 };
            assert_eq!(group.find(copy.cast(), slot), Some(copy.cast()));
        }
        assert_eq!(
            group.find((&raw mut shared[1]).cast(), 0),
            group.find((&raw mut sums[1]).cast(), 0)
        );
        let mut other = 0_u64;
        assert_eq!(group.find((&raw mut other).cast(), 0), None);
        assert!(group.reduces());
        // SAFETY: no task uses the copies.
        unsafe { outer.combine() };
        assert_eq!(sums, [10, 23]);
    }

    #[test]
    fn cancellation_reaches_inner_groups() {
        let mut outer = Group::new(std::ptr::null(), null_mut());
        let inner = Group::new(std::ptr::null(), &raw mut outer);
        assert!(!inner.is_cancelled());
        outer.cancel();
        assert!(inner.is_cancelled());
    }
}
