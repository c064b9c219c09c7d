//! Standard output, and buffers that the kernel fills: the decisions behind `shims.c`. Files are in [`super::files`].

use std::ffi::{c_int, c_void};

use ckpt_incremental::TrackerKind;

use crate::failure::fatal;

unsafe extern "C" {
    static mut cape_is_worker: c_int;
    static mut cape_must_pretouch: c_int;
    static mut cape_notes_files: c_int;
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
    // SAFETY: flushing stdout has no preconditions.
    unsafe { cape_flush_stdout() };
    super::files::settle_forwarded();
    crate::relay::settle();
}

/// Writes out what the program has written to any stream: a region may have left one open, as `exit` would.
pub fn flush_all() {
    // SAFETY: flushing has no preconditions.
    unsafe { cape_flush_all() };
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
