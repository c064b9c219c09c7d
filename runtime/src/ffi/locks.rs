//! Locks and critical sections (OpenMP 5.2, 15.2 and 18.9).
//!
//! In a job of one rank a lock is a word in the program's memory. In a larger job that memory is shared, so that nothing is kept in it:
//! a lock is its address, which is the same everywhere.

use std::ffi::{c_int, c_void};

use crate::context::current;
use crate::ffi::site::Site;
use crate::local::{Lock, NestLock};
use crate::nest::{self, Nesting};
use crate::session::{self, Session};
use crate::sync;
use crate::tasks::schedule::current_task as owner;

/// The lock at this address, in a job of one rank.
///
/// # Safety
/// `lock` points to an initialised `omp_lock_t`, or a `cape_critical`, that outlives the use.
unsafe fn local<'a>(lock: *mut c_void) -> &'a Lock {
    // SAFETY: both begin with a word that is the runtime's, zero at first, and is used as an atomic only.
    unsafe { &*lock.cast::<Lock>() }
}

/// The nest lock at this address, in a job of one rank.
///
/// # Safety
/// `lock` points to an initialised `omp_nest_lock_t` that outlives the use.
unsafe fn local_nest<'a>(lock: *mut c_void) -> &'a NestLock {
    // SAFETY: the type in omp.h has the size and alignment of NestLock, and omp_init_nest_lock cleared it.
    unsafe { &*lock.cast::<NestLock>() }
}

const _: () = assert!(size_of::<Lock>() <= 8 && size_of::<NestLock>() == 16);

/// Whether anybody could compete for a critical: in a region, even from a nested team of one.
fn contended(session: &'static Session) -> Option<&'static Session> {
    (!current().is_serial()).then_some(session)
}

/// See `cape.h`.
///
/// # Safety
/// `lock` points to the critical's `struct cape_critical`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_critical_enter(_site: *const Site, lock: *mut c_void) {
    match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local(lock) }.acquire(),
        Some(session) => {
            if let Some(session) = contended(session) {
                sync::acquire(session, lock as u64, false);
            }
        }
    }
}

/// See `cape.h`.
///
/// # Safety
/// As for [`cape_critical_enter`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_critical_exit(_site: *const Site, lock: *mut c_void) {
    match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local(lock) }.release(),
        Some(session) => {
            if let Some(session) = contended(session) {
                sync::release(session, lock as u64);
            }
        }
    }
}

/// `omp_init_lock`.
///
/// # Safety
/// `lock` points to an `omp_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_init_lock(lock: *mut c_void) {
    if session::get().is_none() {
        // SAFETY: the caller's promise; nobody uses the lock yet.
        unsafe { lock.cast::<Lock>().write(Lock::default()) };
    }
}

/// `omp_init_lock_with_hint`.
///
/// # Safety
/// `lock` points to an `omp_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_init_lock_with_hint(lock: *mut c_void, _hint: c_int) {
    // SAFETY: the caller's promise.
    unsafe { omp_init_lock(lock) };
}

/// `omp_destroy_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_destroy_lock(lock: *mut c_void) {
    if let Some(session) = session::get() {
        session.locks.retire(lock as u64);
    }
}

/// `omp_set_lock`.
///
/// # Safety
/// `lock` points to an initialised `omp_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_set_lock(lock: *mut c_void) {
    match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local(lock) }.acquire(),
        Some(session) => {
            sync::acquire(session, lock as u64, false);
        }
    }
}

/// `omp_unset_lock`.
///
/// # Safety
/// As for [`omp_set_lock`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_unset_lock(lock: *mut c_void) {
    match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local(lock) }.release(),
        Some(session) => sync::release(session, lock as u64),
    }
}

/// `omp_test_lock`.
///
/// # Safety
/// As for [`omp_set_lock`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_test_lock(lock: *mut c_void) -> c_int {
    c_int::from(match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local(lock) }.try_acquire(),
        Some(session) => sync::acquire(session, lock as u64, true),
    })
}

/// `omp_init_nest_lock`.
///
/// # Safety
/// `lock` points to an `omp_nest_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_init_nest_lock(lock: *mut c_void) {
    if session::get().is_none() {
        // SAFETY: the caller's promise; nobody uses the lock yet.
        unsafe { lock.cast::<NestLock>().write(NestLock::default()) };
    }
}

/// `omp_init_nest_lock_with_hint`.
///
/// # Safety
/// `lock` points to an `omp_nest_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_init_nest_lock_with_hint(lock: *mut c_void, _hint: c_int) {
    // SAFETY: the caller's promise.
    unsafe { omp_init_nest_lock(lock) };
}

/// `omp_destroy_nest_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_destroy_nest_lock(lock: *mut c_void) {
    if let Some(session) = session::get() {
        session.locks.retire(lock as u64);
    }
}

/// `omp_set_nest_lock`.
///
/// # Safety
/// `lock` points to an initialised `omp_nest_lock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_set_nest_lock(lock: *mut c_void) {
    match session::get() {
        None => {
            // SAFETY: the caller's promise.
            unsafe { local_nest(lock) }.acquire(owner(), false);
        }
        Some(session) => {
            if nest::enter(lock as u64, owner()) == Nesting::Other {
                sync::acquire(session, lock as u64, false);
                nest::own(lock as u64, owner());
            }
        }
    }
}

/// `omp_unset_nest_lock`.
///
/// # Safety
/// As for [`omp_set_nest_lock`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_unset_nest_lock(lock: *mut c_void) {
    match session::get() {
        None => {
            // SAFETY: the caller's promise.
            unsafe { local_nest(lock) }.release();
        }
        Some(session) => {
            if nest::leave(lock as u64) == 0 {
                sync::release(session, lock as u64);
            }
        }
    }
}

/// `omp_test_nest_lock`: the new nesting count, 0 if another task has the lock.
///
/// # Safety
/// As for [`omp_set_nest_lock`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_test_nest_lock(lock: *mut c_void) -> c_int {
    let depth = match session::get() {
        // SAFETY: the caller's promise.
        None => unsafe { local_nest(lock) }.acquire(owner(), true),
        Some(session) => match nest::enter(lock as u64, owner()) {
            Nesting::Mine(depth) => depth,
            Nesting::Other => {
                if sync::acquire(session, lock as u64, true) {
                    nest::own(lock as u64, owner());
                    1
                } else {
                    0
                }
            }
        },
    };
    c_int::try_from(depth).unwrap_or(c_int::MAX)
}
