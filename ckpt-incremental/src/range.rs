//! Ranges of addresses: aligned ones that are tracked, and unaligned ones that say what can have been written.

use crate::error::Error;
use crate::page::PAGE_SIZE;

/// Page-aligned, non-empty, half-open range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryRange {
    start: usize,
    end: usize,
}

impl MemoryRange {
    /// The addresses `start..end`.
    ///
    /// # Errors
    /// [`Error::Misaligned`] if a bound is not a multiple of [`PAGE_SIZE`] or the range is empty.
    pub fn new(start: usize, end: usize) -> Result<MemoryRange, Error> {
        if start >= end || !start.is_multiple_of(PAGE_SIZE) || !end.is_multiple_of(PAGE_SIZE) {
            return Err(Error::Misaligned { start, end });
        }
        Ok(MemoryRange { start, end })
    }

    /// `start..end`, known to be aligned and not empty.
    pub(crate) fn aligned(start: usize, end: usize) -> MemoryRange {
        debug_assert!(
            start < end && start.is_multiple_of(PAGE_SIZE) && end.is_multiple_of(PAGE_SIZE)
        );
        MemoryRange { start, end }
    }

    /// First address.
    pub fn start(&self) -> usize {
        self.start
    }

    /// One past the last address.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Bytes; never zero.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Pages; never zero.
    pub fn pages(&self) -> usize {
        self.len() / PAGE_SIZE
    }

    /// Whether all of `len` bytes at `address` lie inside.
    pub fn contains(&self, address: usize, len: usize) -> bool {
        address >= self.start && address <= self.end && len <= self.end - address
    }
}

/// Half-open range of addresses without alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First address.
    pub start: usize,
    /// One past the last address.
    pub end: usize,
}

/// What all ranks agree a range holds when tracking starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Zeros: freshly mapped memory. What has been written to it before tracking starts counts as changed.
    Zero,
    /// What it holds now, the same on every rank.
    Current,
}

/// How this process uses a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// As data.
    Data,
    /// As a stack on which this process itself runs, fault handlers included: it can never be protected by `mprotect`.
    OwnStack,
}

/// A range to track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackedRange {
    /// Where it lies.
    pub range: MemoryRange,
    /// What it holds.
    pub initial: Initial,
    /// What it is used for.
    pub usage: Use,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_aligned_and_not_empty() {
        assert!(MemoryRange::new(0x1000, 0x3000).is_ok_and(|range| range.pages() == 2));
        for (start, end) in [
            (0x1000, 0x1000),
            (0x2000, 0x1000),
            (0x1001, 0x2000),
            (0x1000, 0x2001),
        ] {
            assert!(
                matches!(MemoryRange::new(start, end), Err(Error::Misaligned { .. })),
                "{start:#x}..{end:#x}"
            );
        }
    }

    #[test]
    fn containment_does_not_overflow() {
        let range = MemoryRange::new(0x1000, 0x3000).unwrap();
        assert!(range.contains(0x1000, 0x2000) && range.contains(0x3000, 0));
        assert!(
            !range.contains(0xfff, 1)
                && !range.contains(0x2fff, 2)
                && !range.contains(0x2000, usize::MAX)
        );
    }
}
