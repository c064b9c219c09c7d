//! Becomes `caperun --join` where another launcher has started this program several times (see [`crate::outer`]).
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::config;
use crate::failure::fatal;
use crate::outer::{NO_JOIN, RUN};

/// Executes `caperun --join` if this process is one of several tasks; returns if it is not.
///
/// Called before anything of the program has run.
pub fn join_if_one_of_several() {
    let Some(task) = config::outer_task() else {
        return;
    };
    let told = format!(
        "this program was started as task {} of {}",
        task.rank, task.size
    );
    let Some(launcher) = launcher() else {
        fatal(format_args!(
            "{told}, but caperun, which makes one job of them, was not found: put it into PATH on every host, or set {RUN}=/path/to/caperun; \
             {NO_JOIN}=1 runs them each by itself"
        ));
    };
    let error = execute(&launcher);
    fatal(format_args!(
        "{told}, but {} cannot be executed: {error}; install caperun again, or set {NO_JOIN}=1 to run them each by itself",
        launcher.display()
    ));
}

unsafe extern "C" {
    /// shims.c: the path that the link left in the program, or null.
    fn cape_recorded_launcher() -> *const libc::c_char;
}

fn recorded() -> Option<PathBuf> {
    // SAFETY: no arguments; the string, if there is one, is the program's own and constant.
    let text = unsafe {
        let text = cape_recorded_launcher();
        (!text.is_null()).then(|| std::ffi::CStr::from_ptr(text))
    };
    text.map(|text| PathBuf::from(OsStr::from_bytes(text.to_bytes())))
}

/// `CAPE_RUN`, or the first `caperun` of `PATH`, or the one that was there when the program was linked.
fn launcher() -> Option<PathBuf> {
    if let Some(named) = config::launcher() {
        return Some(named.into());
    }
    let path = config::search_path().unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join("caperun"))
        .chain(recorded())
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The arguments, `argv[0]` included: constructors run before the standard library has noted them.
fn arguments() -> std::io::Result<Vec<OsString>> {
    let text = std::fs::read("/proc/self/cmdline")?;
    let text = text.strip_suffix(&[0]).unwrap_or(&text);
    Ok(text
        .split(|byte| *byte == 0)
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect())
}

fn string(text: &OsStr) -> std::io::Result<CString> {
    CString::new(text.as_bytes()).map_err(std::io::Error::other)
}

/// Executes `launcher --join FILE ARGV...`; returns only if that fails.
fn execute(launcher: &Path) -> std::io::Error {
    let prepared = || {
        let file = std::fs::read_link("/proc/self/exe")?;
        let mut words = vec![string(launcher.as_os_str())?, string(OsStr::new("--join"))?];
        words.push(string(file.as_os_str())?);
        for word in arguments()? {
            words.push(string(&word)?);
        }
        Ok::<_, std::io::Error>(words)
    };
    let words = match prepared() {
        Ok(words) => words,
        Err(error) => return error,
    };
    let mut pointers: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: a path and a vector of strings that end with 0, the vector with a null pointer; both outlive the call.
    unsafe { libc::execv(words[0].as_ptr(), pointers.as_ptr()) };
    std::io::Error::last_os_error()
}
