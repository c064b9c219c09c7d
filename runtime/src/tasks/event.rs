//! Completion events of detached tasks (OpenMP 5.2, 12.5.2).
//!
//! ```text
//! handle:  | 63: 1 | rank: 15 bits | address of the task in that rank: 48 bits |
//! ```
#![allow(unsafe_code)]

use std::ffi::c_void;

use super::task::Task;
use crate::session;

const ADDRESS: u64 = (1 << 48) - 1;
const MARK: u64 = 1 << 63;

/// The handle of a task's event.
pub fn handle(task: *mut Task) -> *mut c_void {
    let rank = session::get().map_or(0, |session| session.rank);
    (MARK | u64::from(rank & 0x7fff) << 48 | task as u64 & ADDRESS) as *mut c_void
}

/// The rank and the task that a handle means; `None`: it is no handle.
pub fn parse(handle: *mut c_void) -> Option<(u32, *mut Task)> {
    let bits = handle as u64;
    let rank = (bits >> 48 & 0x7fff) as u32;
    (bits & MARK != 0).then_some((rank, (bits & ADDRESS) as *mut Task))
}

/// What was passed for an event is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEvent;

/// Fulfils the event with this handle.
///
/// # Safety
/// If it is the handle of an event, that has not been fulfilled before.
pub unsafe fn fulfil(event: *mut c_void) -> Result<(), NoEvent> {
    let (rank, task) = parse(event).ok_or(NoEvent)?;
    if let Some(session) = session::get().filter(|session| session.rank != rank) {
        super::remote::fulfil(session, rank, event as u64);
        return Ok(());
    }
    // SAFETY: the caller's promise: the task exists until then.
    unsafe { super::schedule::fulfil(task) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_whose_it_is() {
        let task = 0x7f12_3456_7840 as *mut Task;
        assert_eq!(parse(handle(task)), Some((0, task)));
        assert_eq!(parse(std::ptr::null_mut()), None);
    }
}
