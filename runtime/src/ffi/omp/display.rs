//! Display routines (18.3.8 to 18.3.11, 18.13): the environment, and where threads run.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};

use super::{levels, teams, threads};
use crate::display::{self, ThreadFacts};
use crate::icv::process;
use crate::{failure, places};

/// `omp_display_env`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_display_env(verbose: c_int) {
    display::environment(verbose != 0);
}

/// A null or empty format means the one of *affinity-format-var*.
unsafe fn line(format: *const c_char) -> String {
    let given = if format.is_null() {
        std::borrow::Cow::Borrowed("")
    } else {
        // SAFETY: the caller's promise.
        unsafe { CStr::from_ptr(format) }.to_string_lossy()
    };
    if given.is_empty() {
        let format = process().affinity_format();
        display::affinity(&format, &facts())
    } else {
        display::affinity(&given, &facts())
    }
}

fn facts() -> ThreadFacts {
    let level = levels::omp_get_level();
    let mut name = [0; 256];
    // SAFETY: `name` has the size that is given, its last byte stays 0.
    unsafe { libc::gethostname(name.as_mut_ptr(), name.len() - 1) };
    // SAFETY: it ends with a 0.
    let host = unsafe { CStr::from_ptr(name.as_ptr()) }
        .to_string_lossy()
        .into_owned();
    ThreadFacts {
        team_number: teams::omp_get_team_num(),
        teams: teams::omp_get_num_teams(),
        level,
        number: threads::omp_get_thread_num(),
        threads: threads::omp_get_num_threads(),
        ancestor: levels::omp_get_ancestor_thread_num(level - 1),
        host,
        process: std::process::id(),
        // SAFETY: no preconditions.
        native: unsafe { libc::pthread_self() } as u64,
        affinity: places::affinity().unwrap_or_default(),
    }
}

/// Copies `text` into `buffer` as far as it fits, with a terminating 0, and returns its full length.
unsafe fn hand_over(text: &str, buffer: *mut c_char, size: usize) -> usize {
    if !buffer.is_null() && size > 0 {
        let length = text.len().min(size - 1);
        // SAFETY: the caller has room for `size` bytes.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, length) };
        // SAFETY: as above; length is below size.
        unsafe { buffer.add(length).write(0) };
    }
    text.len()
}

/// `omp_set_affinity_format`.
///
/// # Safety
/// `format` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_set_affinity_format(format: *const c_char) {
    // SAFETY: the caller's promise.
    let format = unsafe { CStr::from_ptr(format) }
        .to_string_lossy()
        .into_owned();
    process().set_affinity_format(format);
}

/// `omp_get_affinity_format`: the number of characters it has, whatever fits.
///
/// # Safety
/// `buffer` is null or has room for `size` characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_get_affinity_format(buffer: *mut c_char, size: usize) -> usize {
    let format = process().affinity_format();
    // SAFETY: the caller's promise.
    unsafe { hand_over(&format, buffer, size) }
}

/// `omp_display_affinity`: a line on standard error.
///
/// # Safety
/// `format` is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_display_affinity(format: *const c_char) {
    // SAFETY: the caller's promise.
    failure::say(unsafe { line(format) });
}

/// `omp_capture_affinity`: the number of characters the line has, whatever fits.
///
/// # Safety
/// `buffer` is null or has room for `size` characters, `format` is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_capture_affinity(
    buffer: *mut c_char,
    size: usize,
    format: *const c_char,
) -> usize {
    // SAFETY: the caller's promise.
    let text = unsafe { line(format) };
    // SAFETY: the caller's promise.
    unsafe { hand_over(&text, buffer, size) }
}

thread_local! {
    static SHOWN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// With `OMP_DISPLAY_AFFINITY`: shows where the calling thread of a team runs, if that is not what was shown last. Called by each thread
/// when a region begins, after it was bound.
pub fn show_affinity() {
    if !process().config.display_affinity {
        return;
    }
    // SAFETY: null stands for the default format.
    let line = unsafe { line(std::ptr::null()) };
    SHOWN.with_borrow_mut(|shown| {
        if *shown != line {
            failure::say(&line);
            *shown = line;
        }
    });
}
