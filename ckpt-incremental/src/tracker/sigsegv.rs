//! Tracking by `mprotect`: clean pages are read-only; the handler of the fault makes the page writable and notes it. The paper's way.
//!
//! ```text
//!   page      closed ──fault: mark, mprotect(rw), mark──► open, marked ──take: unmark, mprotect(r)──► closed
//! ```
//!
//! - A range is protected in one call however long it is; only pages that were opened are ever touched again.
//! - Where a page of a block of 16, or the one before the block, is open already, a fault opens the whole block, and all of it counts as
//!   dirty. The diff sorts it out: comparing a page costs less than the fault it saves.
//! - A process may have a limited number of mappings (vm.max_map_count), and an open page between closed ones takes two. When there are
//!   none left, larger and larger pieces are opened, which joins mappings.
//! - The handler never waits. Whoever takes pages waits until no handler is between its two marks: then every opening that an earlier write
//!   relied on has been noted.
//! - A stack on which the process itself runs cannot be protected: the handler needs it. All its pages count as dirty, always.

use super::{Span, Tracker};
use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::range::{Initial, MemoryRange, TrackedRange, Use};
use crate::sys::live::Live;
use crate::sys::pagemap::PageMap;
use crate::sys::protect::{self, Access, Guard};

/// Ranges up to this size are searched for pages that were written before tracking started.
const SEARCHED: usize = 1 << 30;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sigsegv {
    guards: Vec<Guard>,
}

impl Sigsegv {
    /// Tracks the given ranges. Pages of `Current` ranges are clean from here on.
    pub(crate) fn start(ranges: &[(&Live, TrackedRange)]) -> Result<Sigsegv, Error> {
        let mut guards = Vec::new();
        for (live, tracked) in ranges
            .iter()
            .filter(|(_, tracked)| tracked.usage == Use::Data)
        {
            live.refuse_huge_pages();
            let mut written = Vec::new();
            if tracked.initial == Initial::Zero && tracked.range.len() <= SEARCHED {
                find_populated(tracked.range, &mut written);
            }
            live.settle();
            let guard = Guard::new(live)?;
            guard.close_all()?;
            written.iter().for_each(|page| guard.open(*page, 1));
            guards.push(guard);
        }
        Ok(Sigsegv { guards })
    }

    fn guard(&self, run: MemoryRange) -> Option<&Guard> {
        self.guards
            .iter()
            .find(|guard| guard.range().contains(run.start(), run.len()))
    }
}

fn find_populated(range: MemoryRange, found: &mut Vec<usize>) {
    let read = PageMap::open().and_then(|map| map.populated(range, &mut |page| found.push(page)));
    if read.is_err() {
        // No /proc: then everything may have been written.
        *found = (range.start()..range.end()).step_by(PAGE_SIZE).collect();
    }
}

/// Makes `run` writable or not.
fn set_access(guard: &Guard, run: MemoryRange, access: Access) -> Result<(), Error> {
    guard
        .set_access(run, access)
        .or_else(|source| match (access, source.raw_os_error()) {
            // Too many mappings: writes go through the handler, which knows what to do; what is open stays so, and counts as dirty.
            (_, Some(libc::ENOMEM)) => {
                guard.open(run.start(), run.len());
                Ok(())
            }
            _ => Err(Error::Kernel {
                operation: "protecting memory (mprotect)",
                address: run.start(),
                source,
            }),
        })
}

impl Tracker for Sigsegv {
    fn take(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        match self.guard(span.range) {
            Some(guard) => guard.take(span.range, dirty),
            None => dirty(span.range),
        }
        Ok(())
    }

    fn peek(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        match self.guard(span.range) {
            Some(guard) => guard.peek(span.range, dirty),
            None => dirty(span.range),
        }
        Ok(())
    }

    fn open(&mut self, run: MemoryRange) -> Result<(), Error> {
        self.guard(run)
            .map_or(Ok(()), |guard| set_access(guard, run, Access::Write))
    }

    fn close(&mut self, span: Span, _dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        // A page that a fault has opened meanwhile stays marked, so that closing it forgets nothing.
        self.guard(span.range)
            .map_or(Ok(()), |guard| set_access(guard, span.range, Access::Read))
    }

    fn pretouch(&self, address: usize, len: usize) {
        pretouch(address, len);
    }
}

/// Prepares `len` bytes at `address` for being written by the kernel, as by `read(2)`, which would fail with `EFAULT` where a write of the
/// program's own would be noticed and allowed. Marks the pages dirty.
///
/// Does nothing for memory that is not tracked in this way. Any thread, any time, no lock; it holds until the pages are next published.
pub fn pretouch(address: usize, len: usize) {
    protect::open_anywhere(address, len);
}
