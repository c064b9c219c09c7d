//! Which files the driver has open: workers are told at the next fork, so that using one of them there is an error that names it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::exchange::OpenFile;

#[derive(Debug)]
struct Table {
    files: Vec<OpenFile>,
    changed: bool,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    files: Vec::new(),
    changed: false,
});

/// Notes that `handle` was opened.
pub fn note(handle: u64, stream: bool, name: &str) {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    table
        .files
        .retain(|file| file.handle != handle || file.stream != stream);
    table.files.push(OpenFile {
        handle,
        stream,
        name: name.to_owned(),
    });
    table.changed = true;
}

/// Notes that `handle` was closed.
pub fn forget(handle: u64, stream: bool) {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = table.files.len();
    table
        .files
        .retain(|file| file.handle != handle || file.stream != stream);
    table.changed |= table.files.len() != before;
}

/// Whether this process opened `handle` itself.
pub fn is_own(handle: u64, stream: bool) -> bool {
    let table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    table
        .files
        .iter()
        .any(|file| file.handle == handle && file.stream == stream)
}

/// The directory the program works in, as far as the workers know.
static DIRECTORY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The driver's working directory, if serial code changed it since the last call.
pub fn changed_directory() -> Option<String> {
    let now = std::env::current_dir().ok()?;
    let mut known = DIRECTORY.lock().unwrap_or_else(PoisonError::into_inner);
    let before = known.replace(now.clone());
    (before.as_ref() != Some(&now)).then(|| now.to_string_lossy().into_owned())
}

/// The table, if it changed since the last call.
pub fn changed() -> Option<Vec<OpenFile>> {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut table.changed).then(|| table.files.clone())
}
