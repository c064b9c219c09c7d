//! Thread team (18.2): how many threads, which one, and how many the next team will have.

use std::ffi::c_int;

use super::int;
use crate::context::current;
use crate::icv::{self, process};

/// `omp_set_num_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_num_threads(threads: c_int) {
    let threads = u32::try_from(threads).unwrap_or(1).max(1);
    icv::change(|icvs| icvs.threads = threads);
}

/// `omp_get_num_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_threads() -> c_int {
    int(current().team)
}

/// `omp_get_max_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_threads() -> c_int {
    int(icv::current().threads)
}

/// `omp_get_thread_num`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_thread_num() -> c_int {
    int(current().number)
}

/// `omp_get_num_procs`: the processors of this host that the process may use.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_procs() -> c_int {
    int(process().processors)
}

/// `omp_in_parallel`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_in_parallel() -> c_int {
    c_int::from(current().active_level > 0)
}

/// `omp_set_dynamic`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_dynamic(dynamic: c_int) {
    icv::change(|icvs| icvs.dynamic = dynamic != 0);
}

/// `omp_get_dynamic`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_dynamic() -> c_int {
    c_int::from(icv::current().dynamic)
}

/// `omp_get_thread_limit`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_thread_limit() -> c_int {
    int(icv::current().thread_limit)
}

/// `omp_get_cancellation`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_cancellation() -> c_int {
    c_int::from(process().config.cancellation)
}
