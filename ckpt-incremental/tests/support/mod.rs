//! Memory to track, and segments as another rank would send them.
#![allow(dead_code)]

use ckpt_incremental::delta::{self, Encoder, Mask};
use ckpt_incremental::{
    ByteRange, Exactness, Image, Initial, MemoryRange, PAGE_SIZE, PublishStatistics, TrackedRange,
    TrackerKind, Use, choose,
};

/// The tracker, or `None` after saying why it cannot be tested here. `CAPE_REQUIRE_ALL=1`: it must be.
pub fn available(kind: TrackerKind) -> Option<TrackerKind> {
    match choose(Some(kind)) {
        Ok(kind) => Some(kind),
        Err(error) if std::env::var_os("CAPE_REQUIRE_ALL").is_some_and(|value| value == "1") => {
            panic!("{error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Anonymous memory, unmapped at the end.
pub struct Memory {
    start: usize,
    len: usize,
}

impl Memory {
    pub fn map(len: usize) -> Memory {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping wherever the kernel likes.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        assert_ne!(
            start,
            libc::MAP_FAILED,
            "{}",
            std::io::Error::last_os_error()
        );
        Memory {
            start: start as usize,
            len,
        }
    }

    pub fn pages(pages: usize) -> Memory {
        Memory::map(pages * PAGE_SIZE)
    }

    pub fn start(&self) -> usize {
        self.start
    }

    pub fn range(&self) -> MemoryRange {
        MemoryRange::new(self.start, self.start + self.len).unwrap()
    }

    pub fn scope(&self) -> [ByteRange; 1] {
        [ByteRange {
            start: self.start,
            end: self.start + self.len,
        }]
    }

    pub fn track_as(&self, kind: TrackerKind, initial: Initial, usage: Use) -> Image {
        let tracked = TrackedRange {
            range: self.range(),
            initial,
            usage,
        };
        // SAFETY: mapped by this Memory, which outlives the image in every test.
        unsafe { Image::track(&[tracked], kind) }.unwrap()
    }

    pub fn track(&self, kind: TrackerKind) -> Image {
        self.track_as(kind, Initial::Zero, Use::Data)
    }

    /// Writes as the program would.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.len);
        write_at(self.start + offset, bytes);
    }

    pub fn read(&self, offset: usize, len: usize) -> Vec<u8> {
        assert!(offset + len <= self.len);
        read_at(self.start + offset, len)
    }

    /// Everything that changed, as (offset, byte).
    pub fn publish(&self, image: &mut Image) -> Vec<(usize, u8)> {
        self.publish_scope(image, &self.scope()).1
    }

    pub fn publish_scope(
        &self,
        image: &mut Image,
        scope: &[ByteRange],
    ) -> (PublishStatistics, Vec<(usize, u8)>) {
        let mut segments = Vec::new();
        let emit = &mut |segment| {
            segments.push(segment);
            Vec::new()
        };
        let statistics = image
            .publish(scope, Exactness::Exact, 256 << 10, emit)
            .unwrap();
        let mut changed = Vec::new();
        for segment in &segments {
            let contains = |page| self.range().contains(page, PAGE_SIZE);
            for page in delta::decode(segment, &contains).unwrap() {
                let mut values = [0; PAGE_SIZE];
                page.change.apply(&mut values);
                let bytes = page
                    .change
                    .mask()
                    .runs()
                    .flat_map(|(start, end)| start..end)
                    .collect::<Vec<_>>();
                changed.extend(
                    bytes
                        .into_iter()
                        .map(|at| (page.address - self.start + at, values[at])),
                );
            }
        }
        assert_eq!(statistics.bytes_changed, changed.len());
        (statistics, changed)
    }

    /// A segment in which another rank has written `value` to `len` bytes at each of the offsets (ascending, one per page).
    pub fn segment(
        &self,
        offsets: impl IntoIterator<Item = usize>,
        len: usize,
        value: u8,
    ) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        for offset in offsets {
            let address = self.start + offset;
            let mut mask = Mask::EMPTY;
            mask.set_run(address % PAGE_SIZE, address % PAGE_SIZE + len);
            encoder.add(
                address - address % PAGE_SIZE,
                &[value; PAGE_SIZE],
                &mask,
                Exactness::Exact,
            );
        }
        encoder.finish()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: what `map` mapped.
        unsafe { libc::munmap(self.start as *mut _, self.len) };
    }
}

pub fn write_at(address: usize, bytes: &[u8]) {
    // SAFETY: callers pass memory that is mapped for the test, of which no references exist.
    unsafe {
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            std::hint::black_box(address as *mut u8),
            bytes.len(),
        )
    };
}

pub fn read_at(address: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // SAFETY: as above.
    unsafe {
        std::ptr::copy_nonoverlapping(
            std::hint::black_box(address as *const u8),
            bytes.as_mut_ptr(),
            len,
        )
    };
    bytes
}

/// Runs `child` in a forked process; returns its wait status. `child` must not rely on other threads.
pub fn in_child(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs on its own copy of the memory and leaves by _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let code = child();
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: our own child.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    status
}
