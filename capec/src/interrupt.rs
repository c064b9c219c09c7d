//! Leaves nothing behind when capec is interrupted: SIGINT, SIGTERM and SIGHUP stop the running child, remove the
//! temporary directory and then end capec by the same signal.
//!
//! A thread does the work, so that it may lock and allocate. While it works it holds the lock that starting a child needs:
//! nothing new begins.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a child may take to clean up before it is killed.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Running {
    child: Option<Pid>,
    stopping: bool,
    scratch: Option<PathBuf>,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    child: None,
    stopping: false,
    scratch: None,
});
static CHILD_ENDED: Condvar = Condvar::new();

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts watching for the signals. Called once, by `main`; a library user that does not call it keeps its own handling.
///
/// # Errors
/// When the handlers or the thread cannot be set up.
pub fn watch() -> io::Result<()> {
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(wanted)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let held = stop_child();
                remove_scratch(&held);
                // Only returns an error for signals it does not know.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                std::process::exit(128 + signal);
            }
        })?;
    Ok(())
}

/// The signals that our parent had us ignore (nohup, a shell's background jobs), bit n for signal n + 1; they stay ignored.
/// From `SigIgn` in proc_pid_status(5).
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn stop_child() -> MutexGuard<'static, Running> {
    let mut held = running();
    held.stopping = true;
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let Some(child) = held.child else { break };
        // It may have ended by itself.
        let _ = kill(child, signal);
        held = CHILD_ENDED
            .wait_timeout_while(held, PATIENCE, |state| state.child.is_some())
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    held
}

fn remove_scratch(state: &Running) {
    if let Some(path) = &state.scratch {
        // Nobody is left to be told.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Removes the temporary directory at once; for the way out that runs no destructors (a panic that aborts).
pub fn abandon() {
    if let Ok(state) = RUNNING.try_lock() {
        remove_scratch(&state);
    }
}

/// The directory to remove when interrupted.
pub fn set_scratch(path: Option<&Path>) {
    running().scratch = path.map(Path::to_owned);
}

/// Starts a child and, until [`ended`], makes it the one to stop.
///
/// # Errors
/// As [`Command::spawn`].
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut state = running();
    let child = command.spawn()?;
    state.child = i32::try_from(child.id()).ok().map(Pid::from_raw);
    Ok(child)
}

/// The child has been waited for. Does not return when capec is being stopped: what the child's end means is no longer
/// anybody's concern.
pub fn ended() {
    let mut state = running();
    state.child = None;
    let stopping = state.stopping;
    drop(state);
    CHILD_ENDED.notify_all();
    if stopping {
        loop {
            std::thread::park();
        }
    }
}
