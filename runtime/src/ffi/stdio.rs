//! Streams, descriptors and buffers that the kernel fills: the decisions behind `shims.c`.

use std::ffi::{CStr, c_char, c_int, c_void};

use ckpt_incremental::TrackerKind;

use crate::context::current;
use crate::exchange::OpenFile;
use crate::failure::fatal;
use crate::{files, session};

unsafe extern "C" {
    static mut cape_is_worker: c_int;
    static mut cape_must_pretouch: c_int;
    static mut cape_notes_files: c_int;
    fn cape_printed_to(stream: *const c_void) -> c_int;
    fn cape_flush_stdout();
    fn cape_flush_all();
}

/// Tells the shims what kind of rank this is.
pub fn configure(rank: u32, tracker: TrackerKind) {
    // SAFETY: called once, before the program's code runs.
    unsafe {
        cape_is_worker = c_int::from(rank > 0);
        cape_must_pretouch = c_int::from(tracker == TrackerKind::Sigsegv);
        cape_notes_files = 1;
    }
}

/// Writes out what the program has printed: other ranks may print next, to the same place.
pub fn flush_output() {
    if let Some(session) = session::get().filter(|session| session.rank > 0) {
        refuse_reopened_output(session);
    }
    // SAFETY: flushing stdout has no preconditions.
    unsafe { cape_flush_stdout() };
}

/// Writes out what the program has written to any stream: a region may have left one open, as `exit` would.
pub fn flush_all() {
    // SAFETY: flushing has no preconditions.
    unsafe { cape_flush_all() };
}

/// Serial code may have reopened standard output: the worker's is still the old one. What it prints from now on stays in the buffer until
/// [`flush_output`] looks at it.
pub fn watch_output(files: &[OpenFile]) {
    files.iter().for_each(|file| {
        printed_to(file);
    });
}

fn printed_to(file: &OpenFile) -> bool {
    // SAFETY: the address is only compared.
    file.stream && unsafe { cape_printed_to(file.handle as *const c_void) } != 0
}

fn refuse_reopened_output(session: &session::Session) {
    let state = session.state();
    let reopened = state.foreign_files.iter().find(|file| printed_to(file));
    if let Some(name) = reopened.map(|file| file.name.clone()) {
        drop(state);
        fatal(format_args!(
            "thread {} prints to standard output, which serial code reopened as '{name}' on rank 0 only: \
             print in a single, master or serial part, or redirect the output of caperun",
            session.rank
        ));
    }
}

fn text<'a>(pointer: *const c_char) -> std::borrow::Cow<'a, str> {
    // SAFETY: the shims pass literals and the caller's path.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy()
}

fn check(handle: u64, stream: bool, function: *const c_char) {
    let Some(session) = session::get() else {
        return;
    };
    if files::is_own(handle, stream) {
        return;
    }
    let name = {
        let state = session.state();
        let foreign = state
            .foreign_files
            .iter()
            .find(|file| file.handle == handle && file.stream == stream);
        foreign.map(|file| file.name.clone())
    };
    if let Some(name) = name {
        let kind = if stream { "stream" } else { "descriptor" };
        fatal(format_args!(
            "{}: the {kind} of '{name}' was opened by serial code and exists on rank 0 only, but thread {} uses it: \
             open the file inside the parallel region, or use it in a single, master or serial part",
            text(function),
            current().number
        ));
    }
}

/// Called by a worker before it uses a stream.
///
/// # Safety
/// `function` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_check_stream(stream: *const c_void, function: *const c_char) {
    check(stream as u64, true, function);
}

/// Called by a worker when a call on a descriptor failed.
///
/// # Safety
/// `function` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_check_descriptor(descriptor: c_int, function: *const c_char) {
    let error = std::io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EBADF)
        && let Ok(handle) = u64::try_from(descriptor)
    {
        check(handle, false, function);
    }
    if let Some(code) = error.raw_os_error() {
        // SAFETY: the calling thread's errno.
        unsafe { *libc::__errno_location() = code };
    }
}

fn handle(stream: *const c_void, descriptor: c_int) -> (u64, bool) {
    u64::try_from(descriptor).map_or((stream as u64, true), |descriptor| (descriptor, false))
}

/// Called after a stream or (with a null stream) a descriptor was opened.
///
/// # Safety
/// `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_note_file(
    stream: *const c_void,
    descriptor: c_int,
    name: *const c_char,
) {
    let (handle, stream) = handle(stream, descriptor);
    files::note(handle, stream, &text(name));
}

/// Called before a stream or descriptor is closed.
#[unsafe(no_mangle)]
pub extern "C" fn cape_forget_file(stream: *const c_void, descriptor: c_int) {
    let (handle, stream) = handle(stream, descriptor);
    files::forget(handle, stream);
}

/// Called when the program installs a handler of SIGSEGV while the sigsegv tracker needs it.
#[unsafe(no_mangle)]
pub extern "C" fn cape_refuse_handler() {
    fatal(
        "the program handles SIGSEGV, by which the sigsegv tracker sees what is written: use --tracker wp-async (Linux 6.7 or newer)",
    );
}

/// Called before the kernel fills a buffer, with the sigsegv tracker.
#[unsafe(no_mangle)]
pub extern "C" fn cape_pretouch(buffer: *const c_void, bytes: usize) {
    ckpt_incremental::pretouch(buffer as usize, bytes);
}
