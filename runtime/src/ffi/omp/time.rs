//! Timing (18.10).

use std::ffi::{c_double, c_int};

fn clock(read: unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int) -> c_double {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the result.
    unsafe { read(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as c_double + time.tv_nsec as c_double * 1e-9
}

/// `omp_get_wtime`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_wtime() -> c_double {
    clock(libc::clock_gettime)
}

/// `omp_get_wtick`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_wtick() -> c_double {
    clock(libc::clock_getres)
}
