//! Loads the plugin for an MPI library, and joins its job: see [`transport::mpi`].
//!
//! MPI is a guest here. It is loaded before anything of the program has run, and whatever it sets up for itself that a program could notice
//! is undone or moved: handlers of signals (both MPIs handle SIGSEGV, which a tracker needs), and low numbers of descriptors. Its
//! memory is the C library's, so that none of it is in the image.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use transport::Node;
use transport::mpi::{ENTRY, MpiNode, PluginTable};

use crate::config::JobConfig;

/// How long a rank whose job has ended waits for the others to leave MPI: longer than it takes to notice that one of them cannot.
const LEAVING: Duration = Duration::from_secs(5);

/// Descriptors below this number are left to the program.
const FIRST_DESCRIPTOR: c_int = 64;

unsafe extern "C" {
    /// shims.c.
    fn cape_load_plugin(
        file: *const c_char,
        entry: *const c_char,
        reason: *mut *const c_char,
    ) -> *mut c_void;
}

/// Loads the plugin in `file` and waits for the other ranks; `node` is for everything but frames between ranks.
///
/// # Errors
/// The plugin or its MPI library cannot be loaded, MPI fails, or its ranks are others than the job's.
pub fn join(node: Node, file: &OsStr, config: &JobConfig) -> Result<MpiNode, String> {
    let _internal = super::files::internal();
    let _numbers = Occupied::up_to(FIRST_DESCRIPTOR);
    let handlers = Handlers::now();
    let table = load(file)?;
    // SAFETY: what the plugin's entry has returned; it is never unloaded.
    let joined = unsafe { MpiNode::new(node, table, LEAVING) };
    handlers.restore();
    let joined = joined.map_err(|error| error.to_string())?;
    if joined.size() != config.size {
        return Err(format!(
            "the job has {} ranks, but {} in MPI: start it with mpirun itself, or with caperun",
            config.size,
            joined.size()
        ));
    }
    if config.verbose && config.rank == 0 {
        crate::failure::say(format_args!("cape: ranks talk by {}", joined.library()));
    }
    Ok(joined)
}

fn load(file: &OsStr) -> Result<*const PluginTable, String> {
    let failed = |reason: &str| {
        format!(
            "cannot load {}: {reason}; build it anew with caperun --build-mpi, or use --transport unix or tcp",
            file.display()
        )
    };
    let name = CString::new(file.as_bytes()).map_err(|error| failed(&error.to_string()))?;
    let mut reason: *const c_char = std::ptr::null();
    // SAFETY: strings, and a place for another.
    let entry = unsafe { cape_load_plugin(name.as_ptr(), ENTRY.as_ptr(), &raw mut reason) };
    if entry.is_null() {
        if reason.is_null() {
            return Err(failed("it is no such plugin"));
        }
        // SAFETY: the loader's string, which lives until its next call in this thread.
        let reason = unsafe { CStr::from_ptr(reason) };
        return Err(failed(&reason.to_string_lossy()));
    }
    // SAFETY: the plugin's entry has this type.
    let entry = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const PluginTable>(entry)
    };
    // SAFETY: no arguments.
    Ok(unsafe { entry() })
}

/// Low descriptors that are in use, so that what is opened meanwhile gets others.
struct Occupied {
    _held: Vec<OwnedFd>,
}

impl Occupied {
    fn up_to(first: c_int) -> Occupied {
        let mut held = Vec::new();
        let Ok(null) = std::fs::File::open("/dev/null") else {
            return Occupied { _held: held };
        };
        // SAFETY: F_DUPFD takes a number. The lowest free one is given each time.
        while let number @ 0.. = unsafe { libc::fcntl(null.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) }
        {
            // SAFETY: just made, and nobody else's.
            held.push(unsafe { OwnedFd::from_raw_fd(number) });
            if number >= first {
                break;
            }
        }
        held.push(null.into());
        Occupied { _held: held }
    }
}

/// What the signals did.
struct Handlers(Vec<(c_int, libc::sigaction)>);

impl Handlers {
    fn now() -> Handlers {
        let each = (1..=libc::SIGRTMAX()).filter_map(|signal| {
            // SAFETY: all-zero is a valid place for an action.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: a place for the action; the C library keeps some signals for itself, and refuses.
            let read = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
            (read == 0).then_some((signal, action))
        });
        Handlers(each.collect())
    }

    fn restore(&self) {
        for (signal, action) in &self.0 {
            // SAFETY: what it was before.
            unsafe { libc::sigaction(*signal, action, std::ptr::null_mut()) };
        }
    }
}
