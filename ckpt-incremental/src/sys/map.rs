//! Private memory of this crate, taken from the kernel directly: reserved at no cost, zero until written, backed only where written.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use crate::error::Error;

/// Bytes of a transparent huge page.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// An anonymous mapping owned by its holder.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Where the mapping starts, and its whole length.
    mapped: (NonNull<u8>, usize),
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: plain memory with a single owner; access follows the borrow of the Mapping.
unsafe impl Send for Mapping {}
// SAFETY: as above: shared access only reads, or goes through atomics.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `len` bytes (at least one) of zeros; `what` they are for, for the error message.
    pub(crate) fn anonymous(len: usize, what: &'static str) -> Result<Mapping, Error> {
        Mapping::map(len, len, 0, what)
    }

    /// `len` bytes of zeros at an address that is equal to `address` modulo the size of a huge page.
    pub(crate) fn congruent(
        len: usize,
        address: usize,
        what: &'static str,
    ) -> Result<Mapping, Error> {
        if len < HUGE_PAGE {
            return Mapping::anonymous(len, what);
        }
        Mapping::map(len, len + HUGE_PAGE, address % HUGE_PAGE, what)
    }

    fn map(
        len: usize,
        whole: usize,
        remainder: usize,
        what: &'static str,
    ) -> Result<Mapping, Error> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping wherever the kernel likes touches nothing that exists.
        // Not libc's function, which a program may have replaced by one that gives it shared memory.
        let base = unsafe {
            libc::syscall(
                libc::SYS_mmap,
                std::ptr::null_mut::<libc::c_void>(),
                whole,
                protection,
                flags,
                -1_isize,
                0_isize,
            )
        } as *mut libc::c_void;
        let base = if base == libc::MAP_FAILED {
            None
        } else {
            NonNull::new(base.cast::<u8>())
        };
        let Some(base) = base else {
            return Err(Error::AddressSpace {
                wanted: whole,
                what,
                source: io::Error::last_os_error(),
            });
        };
        let slack = whole - len;
        let skip = if slack == 0 {
            0
        } else {
            remainder.wrapping_sub(base.addr().get()) % HUGE_PAGE
        };
        // SAFETY: skip is less than HUGE_PAGE, which is the slack: start..start + len stays in the mapping.
        let start = unsafe { base.add(skip) };
        Ok(Mapping {
            mapped: (base, whole),
            start,
            len,
        })
    }

    /// The memory.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: len readable bytes that this Mapping owns; all bit patterns are valid.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The memory.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: len writable bytes that this Mapping owns, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// The memory as words; what is left of the last one is not part of it.
    pub(crate) fn words(&self) -> &[u64] {
        // SAFETY: as in `bytes`; mappings that are not congruent to anything start at a page, which aligns words.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<u64>())
        }
    }

    /// The memory as words.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        // SAFETY: as in `words`, borrowed exclusively.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<u64>())
        }
    }

    /// The memory as words that fault handlers and other threads change.
    pub(crate) fn atomics(&self) -> &[AtomicU64] {
        // SAFETY: as in `words`; an AtomicU64 has the layout of a u64.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<u64>())
        }
    }

    /// Lets the kernel back part of the memory at once. A hint.
    pub(crate) fn populate(&self, offset: usize, len: usize) {
        assert!(
            offset <= self.len && len <= self.len - offset,
            "advice about memory of this mapping"
        );
        // SAFETY: the range is inside this mapping; populating changes no contents.
        unsafe {
            libc::madvise(
                self.start.as_ptr().add(offset).cast(),
                len,
                libc::MADV_POPULATE_WRITE,
            )
        };
    }

    /// Allows huge pages in `offset..offset + len`. A hint: where it is refused, memory is only slower.
    pub(crate) fn advise_huge(&self, offset: usize, len: usize) {
        assert!(
            offset <= self.len && len <= self.len - offset,
            "advice about memory of this mapping"
        );
        // SAFETY: the range is inside this mapping; the advice does not change contents.
        unsafe {
            libc::madvise(
                self.start.as_ptr().add(offset).cast(),
                len,
                libc::MADV_HUGEPAGE,
            )
        };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what mmap returned, and nothing borrows from it any more.
        unsafe { libc::munmap(self.mapped.0.as_ptr().cast(), self.mapped.1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congruent_memory_is_aligned_like_its_model() {
        let mut mapping = Mapping::congruent(HUGE_PAGE * 3, 0x1234_5000, "test").unwrap();
        assert_eq!(
            mapping.bytes().as_ptr().addr() % HUGE_PAGE,
            0x1234_5000 % HUGE_PAGE
        );
        let last = mapping.bytes().len() - 1;
        mapping.bytes_mut()[last] = 7;
        assert_eq!(mapping.bytes()[last], 7);
    }

    #[test]
    fn exhausted_address_space_is_an_error() {
        let error = Mapping::anonymous(1 << 60, "a test").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("1152921504606846976 bytes of address space for a test"),
            "{error}"
        );
    }
}
