//! The functions of `omp.h` (OpenMP 5.2, chapter 18).

use std::collections::HashMap;
use std::ffi::{c_double, c_int, c_void};
use std::sync::{Mutex, PoisonError};

use crate::context::current;
use crate::icv::{ICVS, Schedule, ScheduleKind};
use crate::{session, sync};

fn int(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

/// `omp_set_num_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_num_threads(threads: c_int) {
    ICVS.set_threads(u32::try_from(threads).unwrap_or(1));
}

/// `omp_get_num_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_threads() -> c_int {
    int(current().team)
}

/// `omp_get_max_threads`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_threads() -> c_int {
    int(ICVS.max_threads())
}

/// `omp_get_thread_num`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_thread_num() -> c_int {
    int(current().number)
}

/// `omp_get_num_procs`: the processors of this host, and at least one for each process of the job.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_procs() -> c_int {
    std::thread::available_parallelism().map_or(1, |cores| {
        c_int::try_from(cores.get()).unwrap_or(c_int::MAX)
    })
}

/// `omp_in_parallel`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_in_parallel() -> c_int {
    c_int::from(current().active_level > 0)
}

/// `omp_set_dynamic`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_dynamic(dynamic: c_int) {
    ICVS.set_dynamic(dynamic != 0);
}

/// `omp_get_dynamic`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_dynamic() -> c_int {
    c_int::from(ICVS.dynamic())
}

/// `omp_set_nested` (deprecated in 5.0).
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_nested(nested: c_int) {
    ICVS.set_max_active_levels(if nested != 0 { u32::MAX >> 1 } else { 1 });
}

/// `omp_get_nested` (deprecated in 5.0).
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_nested() -> c_int {
    c_int::from(ICVS.max_active_levels() > 1)
}

/// `omp_get_cancellation`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_cancellation() -> c_int {
    0
}

/// `omp_set_schedule`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_schedule(kind: u32, chunk: c_int) {
    if let Some(kind) = ScheduleKind::from_omp(kind) {
        let chunk = u64::try_from(chunk).unwrap_or(0);
        let default = u64::from(!matches!(kind, ScheduleKind::Static | ScheduleKind::Auto));
        ICVS.set_schedule(Schedule {
            kind,
            chunk: chunk.max(default),
        });
    }
}

/// `omp_get_schedule`.
///
/// # Safety
/// Both arguments are valid places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_get_schedule(kind: *mut u32, chunk: *mut c_int) {
    let schedule = ICVS.schedule();
    // SAFETY: the caller's promise.
    unsafe { kind.write(schedule.kind as u32) };
    // SAFETY: the caller's promise.
    unsafe { chunk.write(c_int::try_from(schedule.chunk).unwrap_or(c_int::MAX)) };
}

/// `omp_get_thread_limit`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_thread_limit() -> c_int {
    int(ICVS.thread_limit())
}

/// `omp_get_supported_active_levels`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_supported_active_levels() -> c_int {
    1
}

/// `omp_set_max_active_levels`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_max_active_levels(levels: c_int) {
    if let Ok(levels) = u32::try_from(levels) {
        ICVS.set_max_active_levels(levels);
    }
}

/// `omp_get_max_active_levels`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_active_levels() -> c_int {
    int(ICVS.max_active_levels())
}

/// `omp_get_level`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_level() -> c_int {
    int(current().level)
}

/// `omp_get_ancestor_thread_num`: -1 for a level that does not exist.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_ancestor_thread_num(level: c_int) -> c_int {
    let context = current();
    match u32::try_from(level) {
        Ok(level) if level > context.level => -1,
        Ok(level) if level == context.level => int(context.number),
        Ok(level) if level == context.outer_level && level > 0 => int(context.outer_number),
        Ok(_) => 0,
        Err(_) => -1,
    }
}

/// `omp_get_team_size`: -1 for a level that does not exist.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_team_size(level: c_int) -> c_int {
    let context = current();
    match u32::try_from(level) {
        Ok(level) if level > context.level => -1,
        Ok(level) if level == context.level => int(context.team),
        Ok(level) if level == context.outer_level && level > 0 => int(context.outer_team),
        Ok(_) => 1,
        Err(_) => -1,
    }
}

/// `omp_get_active_level`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_active_level() -> c_int {
    int(current().active_level)
}

/// `omp_in_final`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_in_final() -> c_int {
    0
}

/// `omp_get_proc_bind`: false.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_proc_bind() -> c_int {
    0
}

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

/// Ends the use of the session by a program that returns from `main` or calls `exit`; a child that serial code forked has no part in it.
pub(super) fn finish() {
    if let Some(session) = session::get().filter(|session| {
        session.rank == 0 && session.process == std::process::id() && current().active_level == 0
    }) {
        crate::region::finish_driver(session);
    }
}
