//! Barrier, critical, atomic, reduction and lastprivate values (OpenMP 5.2, chapter 15 and 5.4-5.5).

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use crate::cells::Combiner;
use crate::context::{self, Context, current};
use crate::exchange::Cancelled;
use crate::ffi::site::Site;
use crate::local::Lock;
use crate::session::{self, Session};
use crate::tasks::schedule;
use crate::team::{self, Deed, Team};
use crate::{region, sync};

/// See `cape.h`.
///
/// # Safety
/// `site` points to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_barrier(site: *const Site) -> c_int {
    let context = current();
    let Some(part) = context.part else {
        return 0;
    };
    // SAFETY: the caller's promise.
    c_int::from(part.barrier(|part| unsafe { lead(&context, &*site, part) }))
}

/// What the leader of a barrier does for all.
///
/// # Safety
/// All threads of `part` wait for the calling one.
unsafe fn lead(context: &Context, site: &Site, part: &Team) {
    match session::get() {
        Some(session) if context.spans_ranks => region::barrier(session, site, part),
        _ => {
            // SAFETY: the caller's promise.
            unsafe { part.apply_contributions() };
            let messages = part.take_messages();
            if !messages.is_empty() {
                part.deliver(messages);
            }
        }
    }
}

/// See `cape.h`.
///
/// # Safety
/// `site` points to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_flush(site: *const Site, _order: c_int) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    if let Some(session) = in_active_region() {
        sync::flush(session, site as usize);
    }
}

const CANCEL_PARALLEL: c_int = 1;
const CANCEL_FOR: c_int = 2;
const CANCEL_SECTIONS: c_int = 4;

/// See `cape.h`.
///
/// # Safety
/// `site` points to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_cancel(site: *const Site, kind: c_int, condition: c_int) -> c_int {
    if !team::cancellation() {
        return 0;
    }
    if condition == 0 {
        // SAFETY: the caller's promise.
        return unsafe { cape_cancellation_point(site, kind) };
    }
    let context = current();
    let number = match kind {
        CANCEL_PARALLEL => None,
        CANCEL_FOR | CANCEL_SECTIONS => Some(context::loops()),
        _ => return c_int::from(schedule::group_cancel()),
    };
    if let Some(part) = context.part {
        match number {
            Some(number) => part.cancel_loop(number),
            None => part.cancel(),
        }
        if let Some(session) = session::get().filter(|_| context.spans_ranks) {
            let region = part.region();
            session.exchange.cancel(Cancelled { region, number });
        }
    }
    1
}

/// See `cape.h`.
///
/// # Safety
/// `site` points to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_cancellation_point(_site: *const Site, kind: c_int) -> c_int {
    if !team::cancellation() {
        return 0;
    }
    let part = current().part;
    c_int::from(match kind {
        CANCEL_PARALLEL => part.is_some_and(Team::region_is_cancelled),
        CANCEL_FOR | CANCEL_SECTIONS => {
            part.is_some_and(|part| part.is_cancelled(context::loops()))
        }
        _ => schedule::group_is_cancelled(),
    })
}

/// See `cape.h`.
///
/// # Safety
/// The addresses are valid for `sizes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_copyprivate(
    site: *const Site,
    executed: c_int,
    count: std::ffi::c_uint,
    addresses: *const *mut c_void,
    sizes: *const usize,
) {
    let context = current();
    let Some(part) = context.part else { return };
    // SAFETY: the caller's promise.
    let items = || {
        (0..count as usize).map(|k| unsafe { ((*addresses.add(k)).cast::<u8>(), *sizes.add(k)) })
    };
    let mut message = Vec::new();
    if executed != 0 {
        for (address, size) in items().filter(|(_, size)| *size > 0) {
            // SAFETY: the caller's promise.
            message.extend_from_slice(unsafe { std::slice::from_raw_parts(address, size) });
        }
    }
    let read = |messages: &[Vec<u8>]| {
        let total = items().map(|(_, size)| size).sum::<usize>();
        let values = messages.iter().find(|message| message.len() == total);
        let Some(mut values) = values.map(Vec::as_slice).filter(|_| executed == 0) else {
            return;
        };
        for (address, size) in items().filter(|(_, size)| *size > 0) {
            let (value, rest) = values.split_at(size);
            // SAFETY: the caller's promise.
            unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), address, size) };
            values = rest;
        }
    };
    // SAFETY: the caller's promise.
    let lead = |part: &Team| unsafe { lead(&context, &*site, part) };
    part.exchange(context.number, message, lead, read);
}

/// See `cape.h`.
///
/// # Safety
/// The pointers are valid for `size * count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_scan(
    site: *const Site,
    prefix: *mut c_void,
    total: *const c_void,
    all: *mut c_void,
    size: usize,
    count: usize,
    combine: Combiner,
) {
    let (prefix, all, bytes) = (prefix.cast::<u8>(), all.cast::<u8>(), size * count);
    let context = current();
    let Some(part) = context.part else {
        if !all.is_null() {
            // SAFETY: the caller's promise.
            unsafe { std::ptr::copy(total.cast::<u8>(), all, bytes) };
        }
        return;
    };
    // SAFETY: the caller's promise.
    let message = unsafe { std::slice::from_raw_parts(total.cast::<u8>(), bytes) }.to_vec();
    let read = |totals: &[Vec<u8>]| {
        let combined = |into: *mut u8, totals: &[Vec<u8>]| {
            let Some((first, rest)) = totals.split_first().filter(|_| !into.is_null()) else {
                return;
            };
            // SAFETY: the caller's promise; all totals have the same size.
            unsafe { std::ptr::copy_nonoverlapping(first.as_ptr(), into, bytes) };
            for total in rest {
                // SAFETY: as above; vectors are aligned for every arithmetic type.
                unsafe { combine(into, total.as_ptr(), count) };
            }
        };
        combined(prefix, &totals[..context.number as usize]);
        combined(all, totals);
    };
    // SAFETY: the caller's promise.
    let lead = |part: &Team| unsafe { lead(&context, &*site, part) };
    part.exchange(context.number, message, lead, read);
}

/// See `cape.h`.
///
/// # Safety
/// `original` and `value` point to `bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_assign_conditional(
    _site: *const Site,
    original: *mut c_void,
    value: *const c_void,
    bytes: usize,
    iteration: std::ffi::c_ulonglong,
) {
    let deed = Deed::AssignIfLast { iteration };
    match current().part {
        _ if iteration == 0 => {}
        // SAFETY: the caller's promise.
        Some(part) => unsafe {
            part.contribute(current().number, original.cast(), value.cast(), bytes, deed);
        },
        // SAFETY: the caller's promise.
        None => unsafe { std::ptr::copy(value.cast::<u8>(), original.cast::<u8>(), bytes) },
    }
}

/// The session if other ranks could compete: in a region, even from a nested team of one.
fn in_active_region() -> Option<&'static Session> {
    session::get().filter(|_| !current().is_serial())
}

/// Runs `action` as the only thread of the job that has this lock, on the newest values.
pub(super) fn with_lock<T>(lock: u64, action: impl FnOnce() -> T) -> T {
    if session::get().is_none() {
        ATOMIC_LOCK.acquire();
        let result = action();
        ATOMIC_LOCK.release();
        return result;
    }
    let session = in_active_region();
    if let Some(session) = session {
        sync::acquire(session, lock, false);
    }
    let result = action();
    if let Some(session) = session {
        sync::release(session, lock);
    }
    result
}

/// What [`sync::ATOMIC_LOCK`] is in a job of one rank.
static ATOMIC_LOCK: Lock = Lock::new();

/// See `cape.h`.
///
/// # Safety
/// `original` and `partial` point to `count` elements of `size` bytes of the combiner's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_reduce(
    _site: *const Site,
    original: *mut c_void,
    partial: *const c_void,
    size: usize,
    count: usize,
    combine: Combiner,
) {
    let deed = Deed::Combine {
        combiner: combine,
        size,
    };
    match current().part {
        // SAFETY: the caller's promise.
        Some(part) => unsafe {
            let bytes = size * count;
            part.contribute(
                current().number,
                original.cast(),
                partial.cast(),
                bytes,
                deed,
            );
        },
        // SAFETY: the caller's promise.
        None => unsafe { combine(original.cast(), partial.cast(), count) },
    }
}

/// See `cape.h`.
///
/// # Safety
/// `original` and `value` point to `bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_assign(
    _site: *const Site,
    original: *mut c_void,
    value: *const c_void,
    bytes: usize,
) {
    match current().part {
        // SAFETY: the caller's promise.
        Some(part) => unsafe {
            let number = current().number;
            part.contribute(number, original.cast(), value.cast(), bytes, Deed::Assign);
        },
        // SAFETY: the caller's promise; value may be original itself where nothing was privatised.
        None => unsafe { std::ptr::copy(value.cast::<u8>(), original.cast::<u8>(), bytes) },
    }
}

unsafe extern "C" {
    /// shims.c: whether the program has atomic constructs other than commutative updates.
    fn cape_mixes_atomics() -> c_int;
}

/// See `cape.h`. In a program that also reads, writes or captures atomically, an update may not wait in its thread until that
/// synchronises: it is done on the newest value, like those.
///
/// # Safety
/// `x` and `operand` point to one element of the combiner's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_atomic_update(
    x: *mut c_void,
    operand: *const c_void,
    size: usize,
    combine: Combiner,
) {
    if session::get().is_none() {
        ATOMIC_LOCK.acquire();
        // SAFETY: the caller's promise.
        unsafe { combine(x.cast(), operand.cast(), 1) };
        return ATOMIC_LOCK.release();
    }
    if let Some(session) = in_active_region() {
        // SAFETY: it only compares addresses.
        if unsafe { cape_mixes_atomics() } != 0 || crate::libraries::mix_atomics() {
            sync::acquire(session, sync::ATOMIC_LOCK, false);
            // SAFETY: the caller's promise.
            unsafe { combine(x.cast(), operand.cast(), 1) };
            return sync::release(session, sync::ATOMIC_LOCK);
        }
        // SAFETY: the caller's promise.
        return unsafe {
            session
                .cells
                .update(x.cast(), operand.cast(), size, combine)
        };
    }
    // SAFETY: the caller's promise; in serial code there is nobody else.
    unsafe { combine(x.cast(), operand.cast(), 1) };
}

/// See `cape.h`; set by `settle_alone`.
#[unsafe(no_mangle)]
pub static cape_alone: AtomicI32 = AtomicI32::new(0);

/// Notes, before the program's own code runs, whether this is a job of one rank.
pub(super) fn settle_alone() {
    cape_alone.store(c_int::from(session::get().is_none()), Relaxed);
}

/// `cape_atomic_kind` of a read that needs no lock.
const CAPE_ATOMIC_READ: c_int = 1;

/// See `cape.h`.
///
/// # Safety
/// `site` points to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_atomic_enter(site: *const Site, kind: c_int) {
    if session::get().is_none() {
        ATOMIC_LOCK.acquire();
    } else if let Some(session) = in_active_region() {
        if kind == CAPE_ATOMIC_READ {
            sync::before_atomic_read(session, site as usize);
        } else {
            sync::acquire(session, sync::ATOMIC_LOCK, false);
        }
    }
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_atomic_exit(_site: *const Site, kind: c_int) {
    if session::get().is_none() {
        ATOMIC_LOCK.release();
    } else if kind != CAPE_ATOMIC_READ
        && let Some(session) = in_active_region()
    {
        sync::release(session, sync::ATOMIC_LOCK);
    }
}
