//! `cape_loop_*`, `cape_single`, `cape_master` (OpenMP 5.2, chapter 11 and 10.5).

use std::ffi::{c_int, c_longlong, c_ulonglong};

use crate::context::{self, current};
use crate::control::Request;
use crate::failure::fatal;
use crate::ffi::site::Site;
use crate::icv::{ICVS, Schedule, ScheduleKind};
use crate::loops::{Share, share};
use crate::session;

/// `struct cape_loop` of `cape.h`; the fields behind `last` are this file's.
#[repr(C)]
#[derive(Debug)]
pub struct Loop {
    first: c_ulonglong,
    end: c_ulonglong,
    last: c_int,
    asked: c_int,
    iterations: u64,
    region: u64,
    number: u64,
    share: Share,
    _reserved: [u64; 2],
}

const _: () = assert!(
    size_of::<Loop>() <= 8 * 13 && align_of::<Loop>() <= 8,
    "must fit struct cape_loop"
);

const CAPE_RUNTIME: c_int = 5;

/// See `cape.h`.
///
/// # Safety
/// `this` points to a `struct cape_loop`, `site` to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_begin(
    this: *mut Loop,
    site: *const Site,
    iterations: c_ulonglong,
    schedule: c_int,
    chunk: c_longlong,
) {
    // SAFETY: the caller's promise.
    let site = unsafe { &*site };
    let mut context = current();
    context.loops += 1;
    context::set(context);
    let schedule = resolve(site, schedule, chunk);
    let share = share(schedule, iterations, context.team, context.number);
    let mut state = Loop {
        first: 0,
        end: 0,
        last: 0,
        asked: 0,
        iterations,
        region: context.region,
        number: context.loops,
        share,
        _reserved: [0; 2],
    };
    state.ask(context.team);
    // SAFETY: the caller's promise; the size is asserted above.
    unsafe { this.write(state) };
}

fn resolve(site: &Site, schedule: c_int, chunk: c_longlong) -> Schedule {
    let schedule = schedule & 0xff;
    if schedule == CAPE_RUNTIME {
        return ICVS.schedule();
    }
    let kind = u32::try_from(schedule)
        .ok()
        .and_then(ScheduleKind::from_omp)
        .unwrap_or(ScheduleKind::Static);
    match u64::try_from(chunk) {
        Ok(chunk) => Schedule { kind, chunk },
        Err(_) => fatal(format_args!(
            "chunk size {chunk} at {}: it must be at least 1",
            site.label()
        )),
    }
}

impl Loop {
    /// Sends the request for the chunk after this one, so that it is here when it is needed.
    fn ask(&mut self, team: u32) {
        if let (Share::Served { kind, chunk, total }, Some(session)) = (self.share, session::get())
        {
            let instance = (self.region, self.number);
            session.exchange.request(&Request::NextChunk {
                instance,
                team,
                iterations: total,
                chunk,
                kind,
            });
            self.asked = 1;
        }
    }

    fn receive(&mut self) -> Option<(u64, u64)> {
        let session = session::get()?;
        let instance = (self.region, self.number);
        let mut guard = session.state();
        let (first, end) = guard.watch.waiting(|| {
            session
                .exchange
                .wait(|inbox| inbox.chunks.remove(&instance))
        });
        drop(guard);
        self.asked = 0;
        (first < end).then_some((first, end))
    }

    fn next(&mut self, team: u32) -> bool {
        let chunk = if let Share::Served { .. } = self.share {
            let chunk = self.receive();
            if chunk.is_some() {
                self.ask(team);
            } else {
                self.share = Share::Done;
            }
            chunk
        } else {
            let (chunk, rest) = self.share.take();
            self.share = rest;
            chunk
        };
        let Some((first, end)) = chunk else {
            return false;
        };
        (self.first, self.end) = (first, end);
        self.last |= c_int::from(end == self.iterations);
        true
    }
}

/// See `cape.h`.
///
/// # Safety
/// `this` was given to [`cape_loop_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_next(this: *mut Loop) -> c_int {
    // SAFETY: the caller's promise.
    let this = unsafe { &mut *this };
    c_int::from(this.next(current().team))
}

/// See `cape.h`.
///
/// # Safety
/// `this` was given to [`cape_loop_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_end(this: *mut Loop) {
    // SAFETY: the caller's promise.
    let this = unsafe { &mut *this };
    // Every request is answered: take what is on its way, so that it is not mistaken for another loop's.
    while this.asked != 0 && this.receive().is_some() {
        this.ask(current().team);
    }
}

/// See `cape.h`: thread 0 executes every single construct, so that it may use what serial code opened.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_single(_site: *const Site) -> c_int {
    c_int::from(current().number == 0)
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_master() -> c_int {
    c_int::from(current().number == 0)
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_masked(filter: c_int) -> c_int {
    c_int::from(i64::from(current().number) == i64::from(filter))
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_ordered_enter(_site: *const Site) {}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_ordered_exit(_site: *const Site) {}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_begin(
    _loop: *mut Loop,
    _dimensions: std::ffi::c_uint,
    _counts: *const c_longlong,
) {
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_post(_loop: *mut Loop, _vector: *const c_longlong) {}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_wait(_loop: *mut Loop, _vector: *const c_longlong) {}
