//! The directory that serial code works in: workers are told at the next fork when it has changed.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static CHANGED: AtomicBool = AtomicBool::new(false);

/// Notes that this process changed its directory.
pub fn note_changed_directory() {
    CHANGED.store(true, Relaxed);
}

/// The working directory, if it was changed since the last call.
pub fn changed_directory() -> Option<String> {
    if !CHANGED.swap(false, Relaxed) {
        return None;
    }
    let now = std::env::current_dir().ok()?;
    Some(now.to_string_lossy().into_owned())
}
