//! `/proc/self/pagemap`: which pages exist, and (Linux 6.7, `PAGEMAP_SCAN` of <linux/fs.h>) which were written.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use super::{ioctl_number, out_of_the_way};
use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::range::MemoryRange;
use crate::tracker::{Population, Span};

const PAGE_IS_WRITTEN: u64 = 1 << 1;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
const PAGE_IS_PFNZERO: u64 = 1 << 5;
const PM_SCAN_WP_MATCHING: u64 = 1 << 0;
const PM_SCAN_CHECK_WPASYNC: u64 = 1 << 1;

/// Page regions that one call of the kernel returns at most.
const REGIONS: usize = 1024;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

#[repr(C)]
struct ScanArgument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

const PAGEMAP_SCAN: libc::c_ulong = ioctl_number(3, b'f', 16, size_of::<ScanArgument>());

/// The page map of this process.
#[derive(Debug)]
pub(crate) struct PageMap {
    fd: OwnedFd,
    regions: Vec<PageRegion>,
}

impl PageMap {
    /// Opens it.
    pub(crate) fn open() -> io::Result<PageMap> {
        let fd = OwnedFd::from(File::open("/proc/self/pagemap")?);
        let regions = vec![
            PageRegion {
                start: 0,
                end: 0,
                categories: 0
            };
            REGIONS
        ];
        Ok(PageMap {
            fd: out_of_the_way(fd),
            regions,
        })
    }

    /// Calls `found` with each stretch of pages of `span` that were written since they were last protected, in order, and protects them again, in one
    /// step: a write is either found now or at the next call. The span must be registered with a `UserFault`.
    ///
    /// Pages that were never populated or only read (the zero page) do not count as written: once written, they do. Leaving them out makes
    /// the kernel's scan four times slower, so it is not done where there are none.
    pub(crate) fn take_written(
        &mut self,
        span: Span,
        found: &mut dyn FnMut(MemoryRange),
    ) -> Result<(), Error> {
        self.scan(span, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC, found)
    }

    /// As [`PageMap::take_written`], but leaves the pages as they are: they will be found again.
    pub(crate) fn find_written(
        &mut self,
        span: Span,
        found: &mut dyn FnMut(MemoryRange),
    ) -> Result<(), Error> {
        self.scan(span, PM_SCAN_CHECK_WPASYNC, found)
    }

    fn scan(
        &mut self,
        span: Span,
        flags: u64,
        found: &mut dyn FnMut(MemoryRange),
    ) -> Result<(), Error> {
        let (inverted, mask, any) = match span.population {
            Population::Complete => (0, PAGE_IS_WRITTEN, 0),
            Population::Unknown => (
                PAGE_IS_PFNZERO,
                PAGE_IS_WRITTEN | PAGE_IS_PFNZERO,
                PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            ),
        };
        let (mut at, end) = (span.range.start(), span.range.end());
        while at < end {
            let mut argument = ScanArgument {
                size: size_of::<ScanArgument>() as u64,
                flags,
                start: at as u64,
                end: end as u64,
                walk_end: 0,
                vec: self.regions.as_mut_ptr().addr() as u64,
                vec_len: REGIONS as u64,
                max_pages: 0,
                category_inverted: inverted,
                category_mask: mask,
                category_anyof_mask: any,
                return_mask: PAGE_IS_WRITTEN,
            };
            // SAFETY: the kernel reads and writes one ScanArgument and writes up to vec_len regions to a vector of that length. Protecting pages of
            // registered memory changes neither contents nor what the program may do with them.
            let count = unsafe { libc::ioctl(self.fd.as_raw_fd(), PAGEMAP_SCAN, &mut argument) };
            let Ok(count) = usize::try_from(count) else {
                let source = io::Error::last_os_error();
                if source.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                let operation = "scanning for written pages (PAGEMAP_SCAN)";
                return Err(Error::Kernel {
                    operation,
                    address: at,
                    source,
                });
            };
            for region in &self.regions[..count] {
                found(MemoryRange::aligned(
                    region.start as usize,
                    region.end as usize,
                ));
            }
            let walked = argument.walk_end as usize;
            at = if walked > at { walked } else { end };
        }
        Ok(())
    }

    /// Calls `found` with each page of `span` that is populated. Works on every kernel.
    pub(crate) fn populated(
        &self,
        span: MemoryRange,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        /// Bits 62 and 63 of an entry (Documentation/admin-guide/mm/pagemap.rst): swapped, present.
        const POPULATED: u64 = 3 << 62;
        const ENTRIES: usize = 4096;
        let file = File::from(self.fd.try_clone()?);
        let mut buffer = vec![0; ENTRIES * 8];
        let mut at = span.start();
        while at < span.end() {
            let entries = ((span.end() - at) / PAGE_SIZE).min(ENTRIES);
            let bytes = &mut buffer[..entries * 8];
            file.read_exact_at(bytes, (at / PAGE_SIZE * 8) as u64)?;
            for (index, entry) in bytes.chunks_exact(8).enumerate() {
                let entry = u64::from_ne_bytes(entry.try_into().expect("chunks of eight bytes"));
                if entry & POPULATED != 0 {
                    found(at + index * PAGE_SIZE);
                }
            }
            at += entries * PAGE_SIZE;
        }
        Ok(())
    }
}
