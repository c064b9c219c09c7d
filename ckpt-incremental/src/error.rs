//! The crate's one error type. Each message says what was wanted and what to do next.

use std::io;

use crate::probe::TrackerKind;

/// Why an operation on an image failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a page-aligned, non-empty range.
    #[error("memory range {start:#x}..{end:#x} is empty or not aligned to pages: align it to {page} bytes", page = crate::PAGE_SIZE)]
    Misaligned {
        /// First address.
        start: usize,
        /// One past the last address.
        end: usize,
    },
    /// Two tracked ranges share memory.
    #[error("memory ranges overlap at {address:#x}: track each page once")]
    Overlap {
        /// The first shared address.
        address: usize,
    },
    /// Address space or memory is exhausted.
    #[error(
        "cannot reserve {wanted} bytes of address space for {what} ({source}): raise the limit (ulimit -v) or track less memory"
    )]
    AddressSpace {
        /// Bytes asked for.
        wanted: usize,
        /// What they were for.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The tracker cannot work here.
    #[error("tracker {kind} is not available: {reason}; choose another one")]
    Unavailable {
        /// The tracker.
        kind: TrackerKind,
        /// Why.
        reason: String,
    },
    /// Nothing else is left to try.
    #[error("every tracker is disabled: enable wp-async or sigsegv")]
    NoTracker,
    /// A name that is no tracker's.
    #[error("unknown tracker '{name}': use wp-async or sigsegv")]
    UnknownTracker {
        /// The name.
        name: String,
    },
    /// More ranges than the fault handler's table holds.
    #[error("more than {limit} tracked ranges: join adjacent ranges")]
    TooManyRanges {
        /// Size of the table.
        limit: usize,
    },
    /// A system call failed that should not.
    #[error(
        "{operation} failed at {address:#x} ({source}): the memory may have been unmapped; see the kernel log"
    )]
    Kernel {
        /// The call, and what for.
        operation: &'static str,
        /// Where.
        address: usize,
        /// The kernel's answer.
        source: io::Error,
    },
    /// An address outside of the image.
    #[error(
        "{len} bytes at {address:#x} are not in the image: all ranks must run the same program with the same layout"
    )]
    Foreign {
        /// First address.
        address: usize,
        /// Bytes.
        len: usize,
    },
    /// A segment that no encoder of this version wrote.
    #[error(
        "malformed delta at byte {offset}: {reason}; check that all ranks run the same version"
    )]
    Malformed {
        /// Where in the segment.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Error {
    pub(crate) fn last_os(operation: &'static str, address: usize) -> Error {
        Error::Kernel {
            operation,
            address,
            source: io::Error::last_os_error(),
        }
    }
}
