//! `cape_task*`, `cape_taskloop`, dependences and task reductions (OpenMP 5.2, chapter 12, 15.4, 15.5, 5.5.10).

use std::ffi::{c_int, c_uint, c_ulonglong, c_void};
use std::ptr::null_mut;

use crate::context;
use crate::failure::fatal;
use crate::ffi::site::Site;
use crate::tasks::depend::Kind;
use crate::tasks::group::Item;
use crate::tasks::schedule::{self, Wishes};
use crate::tasks::task::{Body, Chunk, Recipe, flag};
use crate::tasks::taskloop::Plan;
use crate::{icv, tasks};

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

const NO_CLAUSES: Clauses = Clauses {
    flags: 0,
    priority: 0,
    depends: 0,
    depend: std::ptr::null(),
    event: null_mut(),
};

/// `struct cape_depend`, and what an `omp_depend_t` holds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Depend {
    kind: c_int,
    address: *mut c_void,
}

/// `CAPE_DEPOBJ`.
const DEPOBJ: c_int = 6;

/// `struct cape_task_reduction`.
#[repr(C)]
#[derive(Debug)]
pub struct TaskReduction {
    original: *mut c_void,
    shared: *mut c_void,
    size: usize,
    count: usize,
    initialise: Option<unsafe extern "C" fn(*mut c_void, *const c_void, usize)>,
    combine: crate::cells::Combiner,
}

/// Flags of `enum cape_task_flags` that a task keeps.
const KEPT: c_uint = flag::FINAL | flag::UNDEFERRED | flag::REDUCES;

impl Depend {
    /// What it stands for: `omp_depend_t` objects looked up.
    unsafe fn resolve(&self, site: *const Site) -> (Kind, usize) {
        let mut depend = *self;
        if depend.kind == DEPOBJ {
            // SAFETY: the contract: the address of an initialised omp_depend_t.
            depend = unsafe { *depend.address.cast::<Depend>() };
        }
        let kind = match depend.kind {
            1 => Kind::In,
            2 | 3 => Kind::InOut,
            4 => Kind::MutexInOutSet,
            5 => Kind::InOutSet,
            other => {
                // SAFETY: sites are constants.
                let label = unsafe { &*site }.label();
                fatal(format_args!(
                    "{label}: the omp_depend_t at {:p} holds no dependence ({other}): initialise it with `depobj(...) depend(...)`, \
                     and do not use it after `destroy`",
                    self.address
                ))
            }
        };
        (kind, depend.address as usize)
    }
}

unsafe fn resolved(
    site: *const Site,
    depend: *const Depend,
    depends: c_uint,
) -> Vec<(Kind, usize)> {
    if depends == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise: `depends` elements.
    let list = unsafe { std::slice::from_raw_parts(depend, depends as usize) };
    list.iter()
        // SAFETY: as above.
        .map(|depend| unsafe { depend.resolve(site) })
        .collect()
}

fn priority(clauses: &Clauses) -> u32 {
    if clauses.priority <= 0 {
        return 0;
    }
    u32::try_from(clauses.priority)
        .unwrap_or(0)
        .min(icv::process().config.max_task_priority)
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_task(
    site: *const Site,
    body: Body,
    environment: *mut *mut c_void,
    sizes: *const usize,
    captures: c_uint,
    clauses: *const Clauses,
) {
    let recipe = Recipe {
        body,
        environment,
        sizes,
        captures,
        chunk: None,
    };
    // SAFETY: the caller's promise.
    let Some(clauses) = (unsafe { clauses.as_ref() }) else {
        // SAFETY: the caller's promise.
        return unsafe { schedule::spawn(&recipe, Wishes::default()) };
    };
    // SAFETY: the caller's promise.
    let depends = unsafe { resolved(site, clauses.depend, clauses.depends) };
    let wishes = Wishes {
        flags: clauses.flags & KEPT,
        priority: priority(clauses),
        depends: &depends,
        // SAFETY: the caller's promise.
        event: unsafe { clauses.event.as_mut() },
    };
    // SAFETY: the caller's promise.
    unsafe { schedule::spawn(&recipe, wishes) };
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskloop(
    _site: *const Site,
    body: Body,
    environment: *mut *mut c_void,
    sizes: *const usize,
    captures: c_uint,
    clauses: *const Clauses,
    iterations: c_ulonglong,
    grainsize: c_ulonglong,
    num_tasks: c_ulonglong,
) {
    // SAFETY: the caller's promise.
    let clauses = unsafe { clauses.as_ref() }.unwrap_or(&NO_CLAUSES);
    let plan = Plan {
        iterations,
        grainsize,
        num_tasks,
        strict: clauses.flags & flag::STRICT != 0,
    };
    let grouped = clauses.flags & flag::NOGROUP == 0;
    if grouped {
        schedule::group_begin();
    }
    let threads = u64::from(context::current().team);
    plan.share_out(threads, |first, end| {
        let recipe = Recipe {
            body,
            environment,
            sizes,
            captures,
            chunk: Some(Chunk {
                first,
                end,
                last: c_int::from(end == iterations),
            }),
        };
        let wishes = Wishes {
            flags: clauses.flags & KEPT,
            priority: priority(clauses),
            ..Wishes::default()
        };
        // SAFETY: the caller's promise.
        unsafe { schedule::spawn(&recipe, wishes) };
    });
    if grouped {
        schedule::group_end();
    }
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskwait(_site: *const Site) {
    schedule::wait_for_children();
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskwait_depend(
    site: *const Site,
    depend: *const Depend,
    depends: c_uint,
) {
    unsafe extern "C" fn nothing(_: *mut *mut c_void) {}
    // SAFETY: the caller's promise.
    let depends = unsafe { resolved(site, depend, depends) };
    let recipe = Recipe {
        body: nothing,
        environment: null_mut(),
        sizes: std::ptr::null(),
        captures: 0,
        chunk: None,
    };
    let wishes = Wishes {
        flags: flag::UNDEFERRED,
        depends: &depends,
        ..Wishes::default()
    };
    // SAFETY: the task captures nothing.
    unsafe { schedule::spawn(&recipe, wishes) };
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskyield(_site: *const Site) {
    schedule::yield_to_another();
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskgroup_begin(_site: *const Site) {
    schedule::group_begin();
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_taskgroup_end(_site: *const Site) {
    schedule::group_end();
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_task_reduction(
    _site: *const Site,
    items: *const TaskReduction,
    count: c_uint,
) {
    if count == 0 {
        return;
    }
    // SAFETY: the caller's promise.
    let items = unsafe { std::slice::from_raw_parts(items, count as usize) };
    schedule::group_reduce(items.iter().map(|item| Item {
        original: item.original,
        shared: item.shared,
        size: item.size,
        count: item.count,
        initialise: item.initialise,
        combine: item.combine,
    }));
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_in_reduction(original: *mut c_void) -> *mut c_void {
    schedule::reduction_copy(original)
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_init(object: *mut c_void, depend: *const Depend) {
    // SAFETY: an omp_depend_t has room for two words; the dependence is the caller's.
    unsafe {
        let mut depend = *depend;
        if depend.kind == DEPOBJ {
            depend = *depend.address.cast::<Depend>();
        }
        object.cast::<Depend>().write(depend);
    }
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_update(object: *mut c_void, kind: c_int) {
    // SAFETY: initialised by `cape_depobj_init`.
    unsafe { (*object.cast::<Depend>()).kind = kind };
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, with what `cape.h` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_depobj_destroy(object: *mut c_void) {
    // SAFETY: initialised by `cape_depobj_init`.
    unsafe { (*object.cast::<Depend>()).kind = 0 };
}

/// `omp_in_final` (18.5.3).
#[unsafe(no_mangle)]
pub extern "C" fn omp_in_final() -> c_int {
    c_int::from(schedule::in_final())
}

/// `omp_fulfill_event` (18.11.1).
///
/// # Safety
/// Called by the program, with a handle that it was given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_fulfill_event(event: *mut c_void) {
    // SAFETY: the program passes the handle of a detached task whose event has not been fulfilled.
    if unsafe { tasks::event::fulfil(event) }.is_err() {
        fatal(format_args!(
            "omp_fulfill_event was given {event:p}, which is no event: pass the variable of the task's detach clause"
        ));
    }
}
