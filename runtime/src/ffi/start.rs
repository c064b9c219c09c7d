//! How a program built by capec starts and ends.
//!
//! ```text
//! loader ─► start_job (first of the executable's constructors) ── driver ──► constructors of libraries and program ─► main on the image's stack ─► exit
//!                                                           └──── worker ──► serves until the program has ended; never returns
//! ```

use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;

use crate::failure::fatal;
use crate::layout::Span;
use crate::session;

unsafe extern "C" {
    /// shims.c: calls the user's `main`; `--wrap=main` gives crt1's reference to [`__wrap_main`].
    fn cape_call_main(argc: c_int, argv: *mut *mut c_char, environment: *mut *mut c_char) -> c_int;
    /// shims.c: the bounds that the linker fragment (link/cape.ld) defines, 0 in a program linked without it.
    fn cape_linked_bounds(bounds: *mut [usize; 6]);
}

/// The program's initialised and zero-initialised globals, and variables of shared libraries to which it refers directly; empty in a
/// program that capec did not link.
pub fn globals() -> [Span; 3] {
    let mut bounds = [0; 6];
    // SAFETY: there is room for six.
    unsafe { cape_linked_bounds(&mut bounds) };
    [0, 2, 4].map(|at| Span {
        start: bounds[at],
        end: bounds[at + 1],
    })
}

extern "C" fn start_job() {
    if globals()[0].start == 0 {
        return;
    }
    session::start();
    super::sync::settle_alone();
    super::libraries::construct();
    // SAFETY: `finish` is a plain function.
    unsafe { libc::atexit(finish) };
}

extern "C" fn finish() {
    super::omp::finish();
}

/// Constructors run in the order of these names; the compiler uses numbers above 100.
#[used]
#[unsafe(link_section = ".init_array.00050")]
static START: extern "C" fn() = start_job;

/// What `main` is called with; addresses as integers, so that they may be static.
static ARGUMENTS: Mutex<(c_int, usize, usize)> = Mutex::new((0, 0, 0));

/// Called by crt1 in the place of `main`.
///
/// # Safety
/// As `main`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_main(
    argc: c_int,
    argv: *mut *mut c_char,
    environment: *mut *mut c_char,
) -> c_int {
    // The constructor must be part of every program: this refers to it.
    std::hint::black_box(&START);
    // So must all that a shared library, which may be loaded late, can ask for: one function brings in its module.
    std::hint::black_box([
        super::region::cape_parallel as *const (),
        super::loops::cape_loop_begin as *const (),
        super::sync::cape_barrier as *const (),
        super::libraries::cape_library_loaded as *const (),
    ]);
    std::hint::black_box(super::omp::entry_points());
    let Some(session) = session::get() else {
        // SAFETY: the arguments are the system's.
        return unsafe { cape_call_main(argc, argv, environment) };
    };
    // SAFETY: the system's argument vector.
    let argv = unsafe { share_arguments(argc, argv) };
    match ARGUMENTS.lock() {
        Ok(mut arguments) => *arguments = (argc, argv as usize, environment as usize),
        Err(_) => fatal("main was entered twice"),
    }
    crate::os::run_on_stack(session.layout.stack(0), run_main)
}

extern "C" fn run_main() {
    let (argc, argv, environment) = ARGUMENTS.lock().map_or((0, 0, 0), |arguments| *arguments);
    // SAFETY: what the system gave main, the strings being copies.
    let status = unsafe {
        cape_call_main(
            argc,
            argv as *mut *mut c_char,
            environment as *mut *mut c_char,
        )
    };
    // SAFETY: exit has no preconditions; it runs the program's exit handlers and flushes its output.
    unsafe { libc::exit(status) };
}

/// Copies the arguments into the shared heap: regions may refer to them on every rank.
unsafe fn share_arguments(argc: c_int, argv: *mut *mut c_char) -> *mut *mut c_char {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: none needed.
    let copy = unsafe { super::alloc::__wrap_malloc((count + 1) * size_of::<*mut c_char>()) }
        .cast::<*mut c_char>();
    if copy.is_null() {
        fatal("no memory for the program's arguments: give caperun a larger --heap-size");
    }
    for k in 0..count {
        // SAFETY: argv has `count` strings; the copy has room for them.
        unsafe {
            let text: CString = std::ffi::CStr::from_ptr(*argv.add(k)).to_owned();
            copy.add(k)
                .write(super::alloc::copy_string(text.as_bytes()));
        }
    }
    // SAFETY: room for one more, the terminating null.
    unsafe { copy.add(count).write(std::ptr::null_mut()) };
    copy
}
