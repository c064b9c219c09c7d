//! The one place where `caperun` reads its environment: defaults for options, and where things are found.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::cli::{self, TrackerChoice, TransportChoice};
use crate::control::env as names;
use crate::memory::Size;
use crate::report::Failure;

/// Defaults for options, and the directories the system names.
#[derive(Debug, Default)]
pub struct Environment {
    /// `CAPE_THREADS`.
    pub threads: Option<NonZeroU32>,
    /// `CAPE_TRACKER`.
    pub tracker: Option<TrackerChoice>,
    /// `CAPE_TRANSPORT`.
    pub transport: Option<TransportChoice>,
    /// `CAPE_HEAP_SIZE`.
    pub heap_size: Option<Size>,
    /// `CAPE_STATS=1`.
    pub stats: bool,
    /// `CAPE_VERBOSE=1`.
    pub verbose: bool,
    /// `PATH`.
    pub path: OsString,
    /// `TMPDIR`, or `/tmp`.
    pub temporary: PathBuf,
}

fn parsed<T: std::str::FromStr<Err = String>>(name: &str) -> Result<Option<T>, Failure> {
    read_by(name, T::from_str)
}

fn read_by<T>(
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => parse(&text).map(Some).map_err(|error| {
            Failure::with_code(
                format!("{name}={text}: {error}; correct the variable or unset it"),
                2,
            )
        }),
        _ => Ok(None),
    }
}

fn switch(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "1")
}

/// Reads everything that matters to `caperun`.
pub fn read() -> Result<Environment, Failure> {
    Ok(Environment {
        threads: read_by(names::THREADS, cli::threads)?,
        tracker: parsed(names::TRACKER)?,
        transport: parsed(names::TRANSPORT)?,
        heap_size: parsed(names::HEAP_SIZE)?,
        stats: switch(names::STATS),
        verbose: switch(names::VERBOSE),
        path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
        temporary: std::env::temp_dir(),
    })
}

/// Whether a variable named by `-x NAME` is there to be passed on.
pub fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}
