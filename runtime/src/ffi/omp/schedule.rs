//! What `schedule(runtime)` means (18.2.11, 18.2.12).

use std::ffi::c_int;

use crate::icv::{self, MONOTONIC, Schedule, ScheduleKind};

/// `omp_set_schedule`; the kind may have the bit `omp_sched_monotonic`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_schedule(kind: u32, chunk: c_int) {
    if let Some(schedule) = ScheduleKind::from_omp(kind) {
        let chunk = match schedule {
            ScheduleKind::Auto => 0,
            ScheduleKind::Static => u64::try_from(chunk).unwrap_or(0),
            ScheduleKind::Dynamic | ScheduleKind::Guided => {
                u64::try_from(chunk).unwrap_or(0).max(1)
            }
        };
        icv::change(|icvs| {
            icvs.schedule = Schedule {
                kind: schedule,
                chunk,
            };
            icvs.monotonic = kind & MONOTONIC != 0;
        });
    }
}

/// `omp_get_schedule`.
///
/// # Safety
/// Both arguments are valid places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_get_schedule(kind: *mut u32, chunk: *mut c_int) {
    let icvs = icv::current();
    let modifier = if icvs.monotonic { MONOTONIC } else { 0 };
    // SAFETY: the caller's promise.
    unsafe { kind.write(icvs.schedule.kind as u32 | modifier) };
    // SAFETY: the caller's promise.
    unsafe { chunk.write(c_int::try_from(icvs.schedule.chunk).unwrap_or(c_int::MAX)) };
}
