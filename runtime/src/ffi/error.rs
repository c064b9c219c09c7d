//! `cape_error` (OpenMP 5.2, section 8.5.1).

use std::ffi::{CStr, c_char, c_int};

use crate::failure::say;
use crate::ffi::site::Site;

/// See `cape.h`.
///
/// # Safety
/// `site` is a site, `message` a string or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_error(site: *const Site, fatal: c_int, message: *const c_char) {
    // SAFETY: the caller's promise.
    let site = unsafe { &*site };
    let severity = if fatal == 0 { "warning" } else { "error" };
    let message = if message.is_null() {
        "error directive encountered".into()
    } else {
        // SAFETY: the caller's promise.
        unsafe { CStr::from_ptr(message) }.to_string_lossy()
    };
    say(format_args!("{severity}: {message} (at {})", site.label()));
    if fatal != 0 {
        // SAFETY: as where the program itself calls exit, whose handlers and output belong to it.
        unsafe { libc::exit(1) }
    }
}
