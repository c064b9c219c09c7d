//! The functions of `omp.h` (OpenMP 5.2, chapter 18), a file per subject.

use std::ffi::c_int;

use crate::context::current;
use crate::session;

mod allocators;
mod devices;
pub mod display;
mod levels;
mod places;
mod schedule;
mod tasks;
mod teams;
pub mod threads;
mod time;

/// Counts as C has them; what does not fit is as large as can be said.
fn int(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

/// Ends the use of the session by a program that returns from `main` or calls `exit`; a child that serial code forked has no part in it.
pub(super) fn finish() {
    if let Some(session) = session::get().filter(|session| {
        session.rank == 0 && session.process == std::process::id() && current().active_level == 0
    }) {
        crate::region::finish_driver(session);
    }
}
