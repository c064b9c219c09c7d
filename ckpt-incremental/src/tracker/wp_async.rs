//! Tracking by asynchronous write protection: the first write to a protected page faults, the kernel lifts the protection and goes on (about half a
//! microsecond); `PAGEMAP_SCAN` finds the pages without protection and protects them again.
//!
//! Memory that was never populated is not protected, and is found as soon as it is populated.

use std::io;

use super::{Looked, Population, Span, Tracker};
use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::probe::TrackerKind;
use crate::range::{Initial, MemoryRange, TrackedRange, Use};
use crate::sys::live::Live;
use crate::sys::map::Mapping;
use crate::sys::pagemap::PageMap;
use crate::sys::userfault::UserFault;

/// See the module.
#[derive(Debug)]
pub(crate) struct WpAsync {
    fault: UserFault,
    map: PageMap,
}

impl WpAsync {
    /// Tracks the given ranges. Pages of `Current` ranges are clean from here on.
    pub(crate) fn start(ranges: &[(&Live, TrackedRange)]) -> Result<WpAsync, Error> {
        let unavailable = |reason| Error::Unavailable {
            kind: TrackerKind::WpAsync,
            reason,
        };
        let fault = UserFault::open().map_err(unavailable)?;
        let map = PageMap::open()
            .map_err(|error: io::Error| unavailable(format!("/proc/self/pagemap: {error}")))?;
        let mut tracker = WpAsync { fault, map };
        for (live, tracked) in ranges {
            live.refuse_huge_pages();
            tracker.fault.register(tracked.range)?;
            if tracked.initial == Initial::Current {
                let span = Span {
                    range: tracked.range,
                    population: Population::Unknown,
                };
                tracker.take(span, &mut |_| {})?;
            }
        }
        Ok(tracker)
    }
}

impl Tracker for WpAsync {
    fn take(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        self.map.take_written(span, dirty)
    }

    fn look(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<Looked, Error> {
        self.map.find_written(span, dirty)?;
        Ok(Looked::Left)
    }

    fn open(&mut self, run: MemoryRange) -> Result<(), Error> {
        // The fault of a single page costs less than the call.
        if run.pages() > 1 {
            self.fault.unprotect(run)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, span: Span, dirty: &mut dyn FnMut(MemoryRange)) -> Result<(), Error> {
        self.map.take_written(span, dirty)
    }

    fn install(&mut self, run: MemoryRange, contents: &[u8]) -> usize {
        self.fault.install(run, contents)
    }
}

/// Whether all of it works here: tracks two pages of its own.
pub(crate) fn self_test() -> Result<(), String> {
    try_two_pages().map_err(|error| match error {
        Error::Unavailable { reason, .. } => reason,
        other => other.to_string(),
    })
}

fn try_two_pages() -> Result<(), Error> {
    let live = Live::owning(Mapping::anonymous(2 * PAGE_SIZE, "a test of the tracker")?);
    let range = live.range();
    let tracked = TrackedRange {
        range,
        initial: Initial::Zero,
        usage: Use::Data,
    };
    let mut tracker = WpAsync::start(&[(&live, tracked)])?;
    let second = MemoryRange::aligned(range.start() + PAGE_SIZE, range.end());
    let span = Span {
        range,
        population: Population::Unknown,
    };
    for value in 1..3 {
        live.store(second.start(), &[value]);
        for expected in [vec![second], vec![]] {
            let mut found = Vec::new();
            tracker.take(span, &mut |run| found.push(run))?;
            if found != expected {
                let reason = "the kernel does not report written pages as documented".into();
                return Err(Error::Unavailable {
                    kind: TrackerKind::WpAsync,
                    reason,
                });
            }
        }
    }
    Ok(())
}
