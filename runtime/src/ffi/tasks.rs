//! `cape_task*`, `cape_taskloop`, dependences and task reductions (OpenMP 5.2, chapter 12, 15.4, 15.5, 5.5.10).
#![allow(clippy::missing_safety_doc)]

use std::ffi::{c_int, c_uint, c_ulonglong, c_void};

use crate::ffi::site::Site;

/// An outlined task.
pub type Body = unsafe extern "C" fn(environment: *mut *mut c_void);

/// `struct cape_task_clauses`.
#[repr(C)]
#[derive(Debug)]
pub struct Clauses {
    flags: c_uint,
    priority: c_int,
    depends: c_uint,
    depend: *const Depend,
    event: *mut *mut c_void,
}

/// `struct cape_depend`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Depend {
    kind: c_int,
    address: *mut c_void,
}

/// `struct cape_taskloop_chunk`.
#[repr(C)]
#[derive(Debug)]
pub struct Chunk {
    first: c_ulonglong,
    end: c_ulonglong,
    last: c_int,
}

/// `struct cape_task_reduction`.
#[repr(C)]
#[derive(Debug)]
pub struct TaskReduction {
    original: *mut c_void,
    size: usize,
    count: usize,
    initialise: Option<unsafe extern "C" fn(*mut c_void, *const c_void, usize)>,
    combine: crate::cells::Combiner,
}

unsafe fn run(
    body: Body,
    environment: *mut *mut c_void,
    sizes: *const usize,
    captures: usize,
    chunk: Option<&Chunk>,
) {
    let mut copies: Vec<Vec<[u64; 8]>> = Vec::new();
    let mut own: Vec<*mut c_void> = Vec::with_capacity(captures + 1);
    for k in 0..captures {
        // SAFETY: both arrays have `captures` elements.
        let (address, size) = unsafe { (*environment.add(k), *sizes.add(k)) };
        if size == 0 {
            own.push(address);
            continue;
        }
        let mut copy = vec![[0_u64; 8]; size.div_ceil(64)];
        // SAFETY: the caller's promise: `size` bytes at `address`.
        unsafe {
            std::ptr::copy_nonoverlapping(address.cast::<u8>(), copy.as_mut_ptr().cast(), size)
        };
        own.push(copy.as_mut_ptr().cast());
        copies.push(copy);
    }
    own.push(chunk.map_or(std::ptr::null_mut(), |chunk| {
        std::ptr::from_ref(chunk).cast_mut().cast()
    }));
    // SAFETY: capec generated body and environment together.
    unsafe { body(own.as_mut_ptr()) };
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_task(
    _site: *const Site,
    body: Body,
    environment: *mut *mut c_void,
    sizes: *const usize,
    captures: c_uint,
    clauses: *const Clauses,
) {
    // SAFETY: the caller's promise.
    if let Some(event) = unsafe { clauses.as_ref().and_then(|clauses| clauses.event.as_mut()) } {
        *event = std::ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { run(body, environment, sizes, captures as usize, None) };
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskloop(
    _site: *const Site,
    body: Body,
    environment: *mut *mut c_void,
    sizes: *const usize,
    captures: c_uint,
    _clauses: *const Clauses,
    iterations: c_ulonglong,
    grainsize: c_ulonglong,
    num_tasks: c_ulonglong,
) {
    let tasks = match (grainsize, num_tasks) {
        (0, 0) => 2,
        (0, tasks) => tasks,
        (grain, _) => iterations / grain,
    };
    let tasks = tasks.clamp(1, iterations.max(1));
    for task in 0..tasks {
        let (each, extra) = (iterations / tasks, iterations % tasks);
        let first = task * each + task.min(extra);
        let end = first + each + u64::from(task < extra);
        if first < end {
            let chunk = Chunk {
                first,
                end,
                last: c_int::from(end == iterations),
            };
            // SAFETY: the caller's promise.
            unsafe { run(body, environment, sizes, captures as usize, Some(&chunk)) };
        }
    }
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskwait(_site: *const Site) {}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskwait_depend(
    _site: *const Site,
    _depend: *const Depend,
    _depends: c_uint,
) {
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskyield(_site: *const Site) {}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskgroup_begin(_site: *const Site) {}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskgroup_end(_site: *const Site) {}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_task_reduction(
    _site: *const Site,
    _items: *const TaskReduction,
    _count: c_uint,
) {
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_in_reduction(original: *mut c_void) -> *mut c_void {
    original
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_init(object: *mut c_void, depend: *const Depend) {
    // SAFETY: an omp_depend_t has room for two words.
    unsafe { object.cast::<Depend>().write(*depend) };
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_update(object: *mut c_void, kind: c_int) {
    // SAFETY: initialised by `cape_depobj_init`.
    unsafe { (*object.cast::<Depend>()).kind = kind };
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_destroy(_object: *mut c_void) {}
