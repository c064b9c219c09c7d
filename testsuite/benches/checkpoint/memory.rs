//! Mapped memory under a tracker, for benches that need real pages.
//!
//! The only place in the benches that touches raw memory: everything else calls the methods of [`Tracked`].
#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use ckpt_incremental::{
    ByteRange, Exactness, Image, Initial, MemoryRange, PAGE_SIZE, PublishStatistics, TrackedRange,
    TrackerKind, Use,
};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Bytes of a segment, as the runtime asks for.
const SEGMENT: usize = 256 * 1024;

/// Private anonymous memory, tracked for as long as this lives.
pub struct Tracked {
    /// Before `mapping`: fields are dropped in this order, and the image must go first.
    image: Image,
    mapping: Mapping,
}

impl Tracked {
    /// Maps `pages` fresh pages and tracks them with `kind`; `None`, with a note, where the kernel cannot.
    pub fn new(pages: usize, kind: TrackerKind) -> Option<Self> {
        if let Err(error) = ckpt_incremental::choose(Some(kind)) {
            eprintln!("skipped: {kind}: {error}");
            return None;
        }
        let mapping = Mapping::new(pages * PAGE_SIZE);
        let range = MemoryRange::new(mapping.start(), mapping.start() + mapping.bytes)
            .expect("mmap returns whole pages");
        let range = TrackedRange {
            range,
            initial: Initial::Zero,
            usage: Use::Data,
        };
        // SAFETY: `range` is the private anonymous mapping above, which outlives the image (see the order of the fields).
        let image =
            unsafe { Image::track(&[range], kind) }.expect("a fresh mapping can be tracked");
        Some(Self { image, mapping })
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.mapping.bytes / PAGE_SIZE
    }

    /// Writes the byte at `offset` as a program would: a tracker that traps first writes is trapped.
    pub fn write(&mut self, offset: usize, value: u8) {
        assert!(offset < self.mapping.bytes);
        // SAFETY: inside the mapping, which is writable (or made so by the tracker's handler).
        unsafe {
            self.mapping
                .start
                .as_ptr()
                .add(offset)
                .write_volatile(value)
        }
    }

    /// Fills `page` with `value`, likewise.
    pub fn fill(&mut self, page: usize, value: u8) {
        assert!(page < self.pages());
        // SAFETY: a whole page inside the mapping, which is writable (or made so by the tracker's handler).
        unsafe {
            self.mapping
                .start
                .as_ptr()
                .add(page * PAGE_SIZE)
                .write_bytes(value, PAGE_SIZE)
        }
    }

    /// Publishes all changes and forgets the segments.
    pub fn publish(&mut self) -> PublishStatistics {
        let mut recycle = |mut segment: Vec<u8>| {
            segment.clear();
            segment
        };
        self.image
            .publish(
                &[self.mapping.scope()],
                Exactness::Exact,
                SEGMENT,
                &mut recycle,
            )
            .expect("tracked memory can be published")
    }

    /// Publishes all changes and returns the segments.
    pub fn publish_segments(&mut self) -> Vec<Vec<u8>> {
        let mut segments = Vec::new();
        let mut emit = |segment| {
            segments.push(segment);
            Vec::new()
        };
        self.image
            .publish(
                &[self.mapping.scope()],
                Exactness::Exact,
                SEGMENT,
                &mut emit,
            )
            .expect("tracked memory can be published");
        segments
    }

    /// Applies a segment that [`Self::publish_segments`] returned.
    pub fn inject(&mut self, segment: &[u8]) {
        self.image
            .inject(segment)
            .expect("the segment was made from this very memory");
    }
}

struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    fn new(bytes: usize) -> Self {
        let length = NonZeroUsize::new(bytes).expect("a bench needs at least one page");
        // SAFETY: a new mapping at an address of the kernel's choice; nothing existing is affected.
        let start = unsafe {
            mmap_anonymous(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE,
            )
        };
        Self {
            start: start.expect("memory for the bench").cast(),
            bytes,
        }
    }

    fn start(&self) -> usize {
        self.start.as_ptr().addr()
    }

    fn scope(&self) -> ByteRange {
        ByteRange {
            start: self.start(),
            end: self.start() + self.bytes,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: made by mmap with this length; the image that referred to it is gone.
        unsafe { munmap(self.start.cast(), self.bytes) }.expect("the mapping is whole");
    }
}
