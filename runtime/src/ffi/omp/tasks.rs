//! Tasks (18.5) and their events (18.11).

use std::ffi::c_int;

use super::int;
use crate::icv::process;

/// `omp_in_final`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_in_final() -> c_int {
    0
}

/// `omp_get_max_task_priority`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_task_priority() -> c_int {
    int(process().config.max_task_priority)
}
