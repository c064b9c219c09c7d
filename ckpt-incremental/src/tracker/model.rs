//! A tracker that is told of each write: for tests that need no kernel and no luck.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Span, Tracker};
use crate::error::Error;
use crate::page::{PAGE_SIZE, page_of};
use crate::range::MemoryRange;

/// The dirty pages, shared with whoever writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    dirty: Arc<Mutex<BTreeSet<usize>>>,
}

impl Model {
    /// Says that `len` bytes at `address` were written.
    pub(crate) fn note_write(&self, address: usize, len: usize) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        dirty.extend((page_of(address)..address + len).step_by(PAGE_SIZE));
    }
}

impl Tracker for Model {
    fn take(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        let mut pages = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<usize> = pages
            .range(span.range.start()..span.range.end())
            .copied()
            .collect();
        for page in found {
            pages.remove(&page);
            dirty(MemoryRange::aligned(page, page + PAGE_SIZE));
        }
        Ok(())
    }

    fn open(&mut self, _run: MemoryRange) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self, _span: Span, _dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        Ok(())
    }
}
