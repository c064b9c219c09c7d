//! The shared heap: one arena per rank, at the same addresses everywhere, with all bookkeeping inside the image.
//!
//! ```text
//! arena of rank k:  | ArenaHead (allocator's control block) | blocks ...                     untouched ... | sentinel |
//!                                                            ^ every block: 16-byte BlockHead, then the user's bytes
//! ```
//!
//! Only rank k changes the control block of arena k, so two ranks never allocate the same address and never write the same
//! bookkeeping; the bookkeeping itself travels in deltas like any other memory, which makes a checkpoint of the image complete. A block
//! freed by another rank than its owner is queued and handed back at the next synchronisation ([`Heap::take_foreign_frees`]).
//!
//! The allocator is TLSF from the crate `rlsf`, given the whole arena as one free block: it touches only what it hands out, and
//! `fresh` (the highest address ever handed out) bounds both what can have been written and what `calloc` must clear.
#![allow(unsafe_code)]

use std::alloc::Layout as BlockLayout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rlsf::Tlsf;

use crate::layout::{Layout, Span};

type Allocator = Tlsf<'static, u64, u16, 59, 16>;

const READY: u64 = u64::from_le_bytes(*b"cape-ar1");
const BLOCK: u32 = 0xca9e_b10c;
const ALIGN: usize = 16;
/// The allocator writes its own block header and links up to this far behind a block it hands out.
const SPILL: usize = 64;

/// Control block at the start of an arena; all zero until the owner's first allocation.
#[repr(C)]
struct ArenaHead {
    ready: u64,
    fresh: usize,
    allocator: Allocator,
    mappings: [Mapping; MAPPINGS],
}

/// Memory that the owner of the arena mapped for itself alone; of length 0 if unused.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Mapping {
    start: usize,
    length: usize,
    name_length: usize,
    name: [u8; 40],
}

/// Mappings that are remembered of each rank.
const MAPPINGS: usize = 32;

/// Precedes every block handed out.
#[repr(C)]
struct BlockHead {
    capacity: u64,
    /// From the start of the allocator's block to the user's bytes.
    offset: u32,
    magic: u32,
}

const HEAD: usize = size_of::<BlockHead>();

/// This rank's view of the heap.
#[derive(Debug)]
pub struct Heap {
    layout: Layout,
    me: u32,
    own: Mutex<()>,
    foreign: Mutex<Vec<u64>>,
    /// One bit per rank: its arena may have been begun. The others are not even looked at, since that would cost page tables for each.
    begun: Box<[AtomicU64]>,
}

/// Why an address cannot be freed.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidPointer;

impl Heap {
    /// The heap as rank `me` sees it.
    ///
    /// # Safety
    /// The arenas of `layout` are mapped readable and writable, zero at first, and stay mapped.
    pub unsafe fn new(layout: Layout, me: u32) -> Heap {
        Heap {
            layout,
            me,
            own: Mutex::new(()),
            foreign: Mutex::new(Vec::new()),
            begun: (0..layout.ranks().div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
        }
    }

    fn note_begun(&self, rank: u32) {
        self.begun[rank as usize / 64].fetch_or(1 << (rank % 64), Relaxed);
    }

    fn has_begun(&self, rank: u32) -> bool {
        self.begun[rank as usize / 64].load(Relaxed) >> (rank % 64) & 1 == 1
    }

    /// Memory in `start..end` was changed on behalf of other ranks, perhaps: their arenas may have begun.
    pub fn note_changed(&self, start: usize, end: usize) {
        let heap = self.layout.heap();
        let (start, end) = (start.max(heap.start), end.min(heap.end));
        if start < end
            && let (Some(first), Some(last)) = (
                self.layout.arena_owner(start),
                self.layout.arena_owner(end - 1),
            )
        {
            (first..=last).for_each(|rank| self.note_begun(rank));
        }
    }

    /// Whether `address` is the heap's.
    pub fn contains(&self, address: usize) -> bool {
        self.layout.heap().contains(address)
    }

    /// What can have been written of each arena so far: its used part, and the allocator's sentinel on its last page.
    pub fn written(&self, ranks: u32) -> impl Iterator<Item = Span> + '_ {
        let begun = (0..ranks).filter(|rank| self.has_begun(*rank));
        begun.flat_map(|rank| {
            let arena = self.layout.arena(rank);
            let head = self.head(rank);
            // Other threads may be allocating: what they write beyond `fresh` is theirs to publish, later.
            // SAFETY: `head` is inside the mapped arena; all bit patterns of these two integers are valid.
            let (ready, fresh) = unsafe {
                (
                    (&raw const (*head).ready).read_volatile(),
                    (&raw const (*head).fresh).read_volatile(),
                )
            };
            let used = (ready == READY).then(|| {
                let end = (fresh + SPILL).clamp(arena.start, arena.end);
                [
                    Span {
                        start: arena.start,
                        end,
                    },
                    Span {
                        start: (arena.end - 4096).max(end),
                        end: arena.end,
                    },
                ]
            });
            used.into_iter().flatten()
        })
    }

    /// Remembers, in the image, that `length` bytes at `start` exist on this rank only: `name` says what they are. The oldest is forgotten
    /// if there are too many.
    pub fn note_mapping(&self, start: usize, length: usize, name: &[u8]) {
        let mut mapping = Mapping {
            start,
            length,
            name_length: name.len().min(40),
            name: [0; 40],
        };
        mapping.name[..mapping.name_length].copy_from_slice(&name[..mapping.name_length]);
        self.with_own(|head| {
            let free = head.mappings.iter().position(|known| known.length == 0);
            if free.is_none() {
                head.mappings.rotate_left(1);
            }
            head.mappings[free.unwrap_or(MAPPINGS - 1)] = mapping;
        });
    }

    /// Forgets this rank's mappings that lie in the range.
    pub fn forget_mapping(&self, start: usize, length: usize) {
        let inside = |known: &Mapping| {
            known.length > 0
                && start <= known.start
                && known.start.saturating_add(known.length) <= start.saturating_add(length)
        };
        // The runtime's own calls come here, too: an arena that was never used is not to be begun for them.
        if !self.has_begun(self.me) {
            return;
        }
        self.with_own(|head| {
            for known in head.mappings.iter_mut().filter(|known| inside(known)) {
                known.length = 0;
            }
        });
    }

    /// The rank that mapped `address` for itself, and what. May be called in a signal handler: it only reads.
    pub fn mapping_at(&self, address: usize) -> Option<(u32, &[u8])> {
        (0..self.layout.ranks()).find_map(|rank| {
            // SAFETY: the arena's head is mapped, and any bytes are valid integers; the owner may change them, which spoils a message.
            let mappings = unsafe { &(*self.head(rank)).mappings };
            let found = mappings
                .iter()
                .find(|known| address.wrapping_sub(known.start) < known.length)?;
            Some((rank, found.name.get(..found.name_length)?))
        })
    }

    fn head(&self, rank: u32) -> *mut ArenaHead {
        self.layout.arena(rank).start as *mut ArenaHead
    }

    fn with_own<T>(&self, action: impl FnOnce(&mut ArenaHead) -> T) -> T {
        let _guard = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let arena = self.layout.arena(self.me);
        // SAFETY: only this rank changes its arena's head, and `own` makes this the only reference to it in the process. Zero
        // bytes are a valid ArenaHead (integers, and `None` for every link of the allocator).
        let head = unsafe { &mut *self.head(self.me) };
        if head.ready != READY {
            head.allocator = Allocator::new();
            let first = (arena.start + size_of::<ArenaHead>()).next_multiple_of(4096);
            let pool = NonNull::slice_from_raw_parts(
                NonNull::new(first as *mut u8).expect("arenas do not start at address 0"),
                arena.end - first,
            );
            // SAFETY: the rest of the arena is mapped, unused and lives as long as the process.
            unsafe { head.allocator.insert_free_block_ptr(pool) };
            head.fresh = first;
            head.ready = READY;
            self.note_begun(self.me);
        }
        action(head)
    }

    /// A block of at least `size` bytes aligned to `align` (a power of two), and how many of its first bytes may be non-zero.
    fn take(&self, size: usize, align: usize) -> Option<(NonNull<u8>, usize)> {
        let capacity = size.max(1).checked_next_multiple_of(ALIGN)?;
        let slack = if align > ALIGN { align } else { 0 };
        let whole = capacity.checked_add(HEAD + slack)?;
        let layout = BlockLayout::from_size_align(whole, ALIGN).ok()?;
        self.with_own(|head| {
            let raw = head.allocator.allocate(layout)?.as_ptr() as usize;
            let user = (raw + HEAD).next_multiple_of(align.max(ALIGN));
            let offset = u32::try_from(user - raw).ok()?;
            // SAFETY: the block is ours, at least HEAD bytes precede `user` in it, and `user` is 16-aligned.
            unsafe {
                ((user - HEAD) as *mut BlockHead).write(BlockHead {
                    capacity: capacity as u64,
                    offset,
                    magic: BLOCK,
                });
            }
            let used = (head.fresh + SPILL).clamp(user, user + capacity) - user;
            // The allocator keeps links in the first bytes of a free block, fresh or not.
            let soiled = used.max(SPILL.min(capacity));
            head.fresh = head.fresh.max(raw + whole);
            NonNull::new(user as *mut u8).map(|user| (user, soiled))
        })
    }

    /// `malloc` and the aligned family: uninitialised memory, or `None` when the arena is exhausted.
    pub fn allocate(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        self.take(size, align).map(|(block, _)| block)
    }

    /// `calloc` and `mmap`: clears only what was used before, so that a large fresh block costs no page.
    pub fn allocate_zeroed(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let (block, soiled) = self.take(size, align)?;
        // SAFETY: the block has at least `soiled` bytes and is not yet known to anybody else.
        unsafe { block.write_bytes(0, soiled) };
        Some(block)
    }

    fn block_head(&self, user: NonNull<u8>) -> Result<BlockHead, InvalidPointer> {
        let address = user.as_ptr() as usize;
        if !address.is_multiple_of(ALIGN)
            || !self.contains(address)
            || !self.contains(address - HEAD)
        {
            return Err(InvalidPointer);
        }
        // SAFETY: aligned and inside the mapped heap.
        let head = unsafe { ((address - HEAD) as *const BlockHead).read() };
        if head.magic == BLOCK {
            Ok(head)
        } else {
            Err(InvalidPointer)
        }
    }

    /// Bytes usable in the block at `user`.
    pub fn capacity(&self, user: NonNull<u8>) -> Result<usize, InvalidPointer> {
        self.block_head(user).map(|head| head.capacity as usize)
    }

    /// `free`: at once in this rank's arena, at the next synchronisation in another's.
    pub fn free(&self, user: NonNull<u8>) -> Result<(), InvalidPointer> {
        let head = self.block_head(user)?;
        let address = user.as_ptr() as usize;
        if self.layout.arena_owner(address) != Some(self.me) {
            self.foreign
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(address as u64);
            return Ok(());
        }
        let raw =
            NonNull::new((address - head.offset as usize) as *mut u8).ok_or(InvalidPointer)?;
        self.with_own(|arena| {
            // SAFETY: the head says so; clearing the magic makes a second free of the block an error instead of corruption.
            unsafe {
                ((address - HEAD) as *mut BlockHead)
                    .cast::<[u8; HEAD]>()
                    .write([0; HEAD])
            };
            // SAFETY: `raw` was returned by this allocator for alignment ALIGN and has not been freed (its head was intact).
            unsafe { arena.allocator.deallocate(raw, ALIGN) };
        });
        Ok(())
    }

    /// `realloc` of an existing block to a non-zero size.
    pub fn reallocate(
        &self,
        user: NonNull<u8>,
        size: usize,
    ) -> Result<Option<NonNull<u8>>, InvalidPointer> {
        let capacity = self.capacity(user)?;
        if size <= capacity && size >= capacity / 2 {
            return Ok(Some(user));
        }
        let Some(new) = self.allocate(size, ALIGN) else {
            return Ok(None);
        };
        // SAFETY: both blocks hold that many bytes and are distinct.
        unsafe { new.copy_from_nonoverlapping(user, capacity.min(size)) };
        self.free(user)?;
        Ok(Some(new))
    }

    /// Blocks of other ranks' arenas that were freed here since the last call; to be given to their owners.
    pub fn take_foreign_frees(&self) -> Vec<u64> {
        std::mem::take(&mut *self.foreign.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Frees those of `blocks` that are this rank's.
    pub fn free_own(&self, blocks: &[u64]) -> Result<(), InvalidPointer> {
        let own = self.layout.arena(self.me);
        for &block in blocks.iter().filter(|block| own.contains(**block as usize)) {
            self.free(NonNull::new(block as *mut u8).ok_or(InvalidPointer)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap of one rank over freshly mapped memory. The layout is at fixed addresses, so tests share one mapping under a lock.
    fn with_heap(test: impl FnOnce(&Heap)) {
        static ONE: Mutex<()> = Mutex::new(());
        let _guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = Layout::new(2, 1 << 30, 8 << 20);
        let heap = layout.heap();
        crate::os::reserve(heap).expect("1 GiB of address space");
        // SAFETY: just mapped.
        test(&unsafe { Heap::new(layout, 0) });
        crate::os::release(heap);
    }

    #[test]
    fn blocks_are_aligned_disjoint_and_reusable() {
        with_heap(|heap| {
            let mut blocks = Vec::new();
            for (k, align) in [1, 16, 32, 64, 4096, 1 << 20]
                .into_iter()
                .cycle()
                .take(60)
                .enumerate()
            {
                let size = 1 + 97 * k;
                let block = heap.allocate(size, align).expect("room");
                assert_eq!(block.as_ptr() as usize % align.max(16), 0);
                assert!(heap.capacity(block).expect("valid") >= size);
                // SAFETY: the block has `size` bytes.
                unsafe { block.write_bytes(k as u8, size) };
                blocks.push((block, size, k as u8));
            }
            for &(block, size, fill) in &blocks {
                // SAFETY: written above.
                let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
                assert!(bytes.iter().all(|b| *b == fill));
                heap.free(block).expect("valid");
            }
            let again = heap.allocate(1, 16).expect("room");
            assert!(
                blocks.iter().any(|(block, ..)| *block == again),
                "freed memory is reused"
            );
        });
    }

    #[test]
    fn calloc_is_zero_and_leaves_fresh_pages_alone() {
        with_heap(|heap| {
            let dirty = heap.allocate(100_000, 16).expect("room");
            // SAFETY: the block has that size.
            unsafe { dirty.write_bytes(0xff, 100_000) };
            heap.free(dirty).expect("valid");
            let large = heap.allocate_zeroed(512 << 20, 16).expect("room");
            for at in (0..200_000).chain((200_000..512 << 20).step_by(4096)) {
                // SAFETY: inside the block.
                assert_eq!(unsafe { *large.as_ptr().add(at) }, 0, "byte {at}");
            }
        });
    }

    #[test]
    fn mappings_are_remembered_until_they_end() {
        with_heap(|heap| {
            assert_eq!(heap.mapping_at(0x1000), None);
            heap.note_mapping(0x1000, 0x2000, b"data.bin");
            assert_eq!(heap.mapping_at(0x2fff), Some((0, &b"data.bin"[..])));
            assert_eq!(heap.mapping_at(0xfff), None);
            assert_eq!(heap.mapping_at(0x3000), None);
            for k in 0..MAPPINGS {
                heap.note_mapping(0x10000 * (k + 1), 1, &[b'x'; 100]);
            }
            assert_eq!(heap.mapping_at(0x2fff), None, "the oldest is forgotten");
            assert_eq!(heap.mapping_at(0x10000), Some((0, &[b'x'; 40][..])));
            heap.forget_mapping(0x10000, 1);
            assert_eq!(heap.mapping_at(0x10000), None);
        });
    }

    #[test]
    fn invalid_and_double_frees_are_refused() {
        with_heap(|heap| {
            let block = heap.allocate(64, 16).expect("room");
            let inside = NonNull::new(block.as_ptr().wrapping_add(16)).expect("not null");
            assert_eq!(heap.free(inside), Err(InvalidPointer));
            assert_eq!(heap.free(block), Ok(()));
            assert_eq!(heap.free(block), Err(InvalidPointer));
        });
    }

    #[test]
    fn exhaustion_is_none_and_foreign_blocks_are_queued() {
        with_heap(|heap| {
            assert!(heap.allocate(2 << 30, 16).is_none());
            assert!(heap.allocate(usize::MAX, 16).is_none());
            // SAFETY: the second arena of the same mapping, used by this thread only.
            let other = unsafe { Heap::new(Layout::new(2, 1 << 30, 8 << 20), 1) };
            let block = other.allocate(10, 16).expect("room");
            assert_eq!(heap.free(block), Ok(()));
            let foreign = heap.take_foreign_frees();
            assert_eq!(foreign, [block.as_ptr() as u64]);
            other.free_own(&foreign).expect("valid");
            assert_eq!(other.capacity(block), Err(InvalidPointer));
        });
    }
}
