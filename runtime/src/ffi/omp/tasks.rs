//! Tasks (18.5); what concerns a task in execution is in `ffi::tasks`.

use std::ffi::c_int;

use super::int;
use crate::icv::process;

/// `omp_get_max_task_priority`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_task_priority() -> c_int {
    int(process().config.max_task_priority)
}
