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

/// One function of each file, to be referred to by what must bring all of them into a program.
pub fn entry_points() -> [*const (); 12] {
    [
        allocators::omp_alloc as *const (),
        devices::omp_get_num_devices as *const (),
        display::omp_display_env as *const (),
        levels::omp_get_level as *const (),
        crate::ffi::locks::omp_init_lock as *const (),
        places::omp_get_num_places as *const (),
        schedule::omp_set_schedule as *const (),
        tasks::omp_get_max_task_priority as *const (),
        crate::ffi::tasks::omp_in_final as *const (),
        teams::omp_get_num_teams as *const (),
        threads::omp_get_thread_num as *const (),
        time::omp_get_wtime as *const (),
    ]
}

/// Counts as C has them; what does not fit is as large as can be said.
fn int(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

/// Ends the use of the session by a program that returns from `main` or calls `exit`; a child that serial code forked has no part in it.
pub(super) fn finish() {
    if let Some(session) = session::get().filter(|session| {
        session.rank == 0 && session.process == std::process::id() && current().is_serial()
    }) {
        crate::region::finish_driver(session);
    }
}
