//! What this process has open: who opened it, and under which name.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// The address of a `FILE`.
    Stream(u64),
    /// The number of a descriptor.
    Descriptor(c_int),
}

#[derive(Debug, Default)]
struct Table {
    names: HashMap<Handle, String>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);
static RANK: AtomicU32 = AtomicU32::new(0);
/// Bit n: serial code gave descriptor n another meaning since the last fork.
static STANDARD: AtomicU32 = AtomicU32::new(0);

fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says which rank this is.
pub fn initialise(rank: u32) {
    RANK.store(rank, Relaxed);
}

/// Notes that `handle` was opened.
pub fn note(handle: Handle, name: &str) {
    if let Handle::Descriptor(number) = handle {
        note_standard(number);
    }
    table()
        .get_or_insert_default()
        .names
        .insert(handle, name.to_owned());
}

/// Notes that descriptor `number` means something else than before, if it is one that all ranks have from the start.
pub fn note_standard(number: c_int) {
    if (0..3).contains(&number) && RANK.load(Relaxed) == 0 {
        STANDARD.fetch_or(1 << number, Relaxed);
    }
}

/// Notes that `handle` was closed.
pub fn forget(handle: Handle) {
    if let Some(table) = table().as_mut() {
        table.names.remove(&handle);
    }
}

/// Whether this process opened `handle` itself.
pub fn is_own(handle: Handle) -> bool {
    table()
        .as_ref()
        .is_some_and(|table| table.names.contains_key(&handle))
}

/// Under which name `handle` was opened.
pub fn name(handle: Handle) -> Option<String> {
    table().as_ref()?.names.get(&handle).cloned()
}

/// Which of the descriptors 0, 1 and 2 serial code gave another meaning since the last call.
pub fn changed_standard() -> Vec<i32> {
    let bits = STANDARD.swap(0, Relaxed);
    (0..3).filter(|n| bits & (1 << n) != 0).collect()
}
