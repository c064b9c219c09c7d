//! Locks (18.9).

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

use super::int;
use crate::sync;

/// `omp_init_lock`: a lock is its address; nothing is stored.
#[unsafe(no_mangle)]
pub extern "C" fn omp_init_lock(_lock: *mut c_void) {}

/// `omp_init_lock_with_hint`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_init_lock_with_hint(_lock: *mut c_void, _hint: c_int) {}

/// `omp_destroy_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_destroy_lock(_lock: *mut c_void) {}

/// `omp_set_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_lock(lock: *mut c_void) {
    sync::acquire(lock as u64, false);
}

/// `omp_unset_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_unset_lock(lock: *mut c_void) {
    sync::release(lock as u64);
}

/// `omp_test_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_test_lock(lock: *mut c_void) -> c_int {
    c_int::from(sync::acquire(lock as u64, true))
}

/// How often this rank's thread holds each nest lock.
static DEPTHS: Mutex<Option<HashMap<u64, u32>>> = Mutex::new(None);

fn depth<T>(lock: *mut c_void, action: impl FnOnce(&mut u32) -> T) -> T {
    let mut depths = DEPTHS.lock().unwrap_or_else(PoisonError::into_inner);
    action(
        depths
            .get_or_insert_default()
            .entry(lock as u64)
            .or_insert(0),
    )
}

/// `omp_init_nest_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_init_nest_lock(_lock: *mut c_void) {}

/// `omp_init_nest_lock_with_hint`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_init_nest_lock_with_hint(_lock: *mut c_void, _hint: c_int) {}

/// `omp_destroy_nest_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_destroy_nest_lock(_lock: *mut c_void) {}

/// `omp_set_nest_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_nest_lock(lock: *mut c_void) {
    if depth(lock, |depth| *depth) == 0 {
        sync::acquire(lock as u64, false);
    }
    depth(lock, |depth| *depth += 1);
}

/// `omp_unset_nest_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_unset_nest_lock(lock: *mut c_void) {
    let left = depth(lock, |depth| {
        *depth = depth.saturating_sub(1);
        *depth
    });
    if left == 0 {
        sync::release(lock as u64);
    }
}

/// `omp_test_nest_lock`: the new nesting count, 0 if another thread has the lock.
#[unsafe(no_mangle)]
pub extern "C" fn omp_test_nest_lock(lock: *mut c_void) -> c_int {
    if depth(lock, |depth| *depth) == 0 && !sync::acquire(lock as u64, true) {
        return 0;
    }
    int(depth(lock, |depth| {
        *depth += 1;
        *depth
    }))
}
