//! The one interface behind which pages are tracked.
//!
//! A tracker knows the ranges it was given and nothing else. All ranges passed to it lie in one of these. It may report a page that was
//! not written (the diff decides); it must never miss one that was, by whatever thread, except between [`Tracker::open`] and
//! [`Tracker::close`], where the caller compares.

#[cfg(test)]
pub(crate) mod model;
pub(crate) mod sigsegv;
pub(crate) mod wp_async;

use std::fmt;

use crate::error::Error;
use crate::range::MemoryRange;

/// What the caller knows of the pages of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Population {
    /// All of them have been written at some time.
    Complete,
    /// Some may never have been touched.
    Unknown,
}

/// Pages to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where they are.
    pub(crate) range: MemoryRange,
    /// What is known of them.
    pub(crate) population: Population,
}

/// What became of the pages that [`Tracker::look`] reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// They may not be reported again.
    Taken,
    /// They will be.
    Left,
}

/// Finds written pages.
pub(crate) trait Tracker: fmt::Debug + Send {
    /// Calls `dirty` with the pages of `span` that were written since they were last taken, and takes them: they are reported again only if
    /// written again. To be called before the pages are read.
    fn take(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error>;

    /// As `take`, but the pages may be reported again: for memory that is about to be changed from outside.
    fn peek(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        self.take(span, dirty)
    }

    /// Calls `dirty` with the pages that `take` would report, and leaves them as they are, if that costs less; otherwise as `peek`.
    fn look(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<Looked, Error> {
        self.peek(span, dirty)?;
        Ok(Looked::Taken)
    }

    /// Makes the clean pages of `run` writable without a trace, until closed. May be refused or not worth it: writes then just fault.
    fn open(&mut self, run: MemoryRange) -> Result<(), Error>;

    /// Tracks the opened pages of `span` again, as if they had not been written since before `open`. Calls `dirty` with
    /// at least those other pages of the span whose dirtiness it forgets by this.
    fn close(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error>;

    /// Gives absent pages of `run`, from its start, the contents of `contents` without making them dirty. Returns how many pages it gave
    /// contents to: it stops at a page that is there already.
    fn install(&mut self, run: MemoryRange, contents: &[u8]) -> usize {
        let _ = (run, contents);
        0
    }

    /// Prepares `len` bytes at `address` for being written by the kernel.
    fn pretouch(&self, address: usize, len: usize) {
        let _ = (address, len);
    }
}
