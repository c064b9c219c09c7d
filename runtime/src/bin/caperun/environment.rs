//! The one place where `caperun` reads its environment: defaults for options, and where things are found.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::cli::{self, TrackerChoice, TransportChoice};
use crate::control::env as names;
use crate::hosts::allocation::{self, Allocation, Surroundings};
use crate::hosts::{Mistake, hostfile};
use crate::memory::Size;
use crate::outer::{self, Task};
use crate::report::Failure;

/// See [`Environment::launch_patience`].
const LAUNCH_PATIENCE: u32 = 30;
/// See [`Environment::silence`].
const SILENCE: u32 = 8;

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
    /// `CAPE_SECURE=1`.
    pub secure: bool,
    /// `CAPE_STATS=1`.
    pub stats: bool,
    /// `CAPE_VERBOSE=1`.
    pub verbose: bool,
    /// `CAPE_LAUNCH_AGENT`.
    pub launch_agent: Option<String>,
    /// The batch job that this process runs in, or why it is not understood.
    pub allocation: Option<Result<Allocation, Mistake>>,
    /// What the batch system calls this machine.
    pub node: Option<String>,
    /// `CAPE_FAN_OUT`: ranks that one process starts itself, before it has an agent start the others.
    pub fan_out: Option<usize>,
    /// `CAPE_LAUNCH_TIMEOUT`: seconds that an agent on another host may take to report.
    pub launch_patience: u32,
    /// `CAPE_DETECTION_TIME`: seconds without a sign of life after which a host counts as lost.
    pub silence: u32,
    /// `CAPE_INTERFACE`: the address at which this host listens for others.
    pub interface: Option<std::net::IpAddr>,
    /// The task of another launcher's that this process is.
    pub task: Option<Task>,
    /// `SLURM_CPUS_PER_TASK`: processors of each task.
    pub task_threads: Option<NonZeroU32>,
    /// Slurm's job and step, as `17.0`.
    pub step: Option<String>,
    /// `CAPE_MPI_PLUGIN`.
    pub plugin: Option<PathBuf>,
    /// `MPICC`.
    pub mpicc: Option<OsString>,
    /// `CAPE_MPIRUN`.
    pub mpirun: Option<OsString>,
    /// What `caperun --transport mpi` was given, for the tasks that its `mpirun` starts.
    pub passed: Option<String>,
    /// `CAPE_JOIN_DIR`.
    pub shared: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
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

fn seconds(text: &str) -> Result<u32, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (2..=86_400).contains(seconds));
    seconds.ok_or_else(|| "expected a number of seconds, 2 to 86400".to_owned())
}

fn fan_out(text: &str) -> Result<usize, String> {
    let ranks = text.parse().ok().filter(|ranks| *ranks >= 1);
    ranks.ok_or_else(|| "expected a number of ranks, at least 1".to_owned())
}

fn switch(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "1")
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn list_of_nodes(file: &str) -> Result<String, String> {
    let read = || {
        if std::fs::metadata(file)?.len() > hostfile::LONGEST {
            return Err(std::io::Error::other("it is too large for a list of hosts"));
        }
        std::fs::read_to_string(file)
    };
    read().map_err(|error| error.to_string())
}

/// Reads everything that matters to `caperun`.
pub fn read() -> Result<Environment, Failure> {
    Ok(Environment {
        threads: read_by(names::THREADS, cli::threads)?,
        tracker: parsed(names::TRACKER)?,
        transport: parsed(names::TRANSPORT)?,
        heap_size: parsed(names::HEAP_SIZE)?,
        secure: switch(names::SECURE),
        fan_out: read_by("CAPE_FAN_OUT", fan_out)?,
        launch_patience: read_by("CAPE_LAUNCH_TIMEOUT", seconds)?.unwrap_or(LAUNCH_PATIENCE),
        silence: read_by(names::DETECTION_TIME, seconds)?.unwrap_or(SILENCE),
        interface: read_by("CAPE_INTERFACE", |text| {
            text.parse()
                .map_err(|_| "expected an IP address of this host".to_owned())
        })?,
        stats: switch(names::STATS),
        verbose: switch(names::VERBOSE),
        launch_agent: text("CAPE_LAUNCH_AGENT"),
        allocation: allocation::find(&Surroundings {
            variable: &text,
            file: &list_of_nodes,
        })
        .transpose(),
        node: text("SLURMD_NODENAME"),
        task: outer::task(&text),
        task_threads: text("SLURM_CPUS_PER_TASK").and_then(|text| cli::threads(&text).ok()),
        step: step(),
        plugin: text(names::MPI_PLUGIN).map(PathBuf::from),
        mpicc: text("MPICC").map(OsString::from),
        mpirun: text("CAPE_MPIRUN").map(OsString::from),
        passed: text(crate::mpi::PASSED),
        shared: text(outer::SHARED).map(PathBuf::from),
        home: text("HOME").map(PathBuf::from),
        path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
        temporary: std::env::temp_dir(),
    })
}

/// Letters that make a file's name are left.
fn step() -> Option<String> {
    let (job, step) = (text("SLURM_JOB_ID")?, text("SLURM_STEP_ID")?);
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain(&job) && plain(&step)).then(|| format!("{job}.{step}"))
}

/// `PMI_FD`: the descriptor of a connection to the launcher.
pub fn pmi_descriptor() -> Option<i32> {
    text("PMI_FD")?.parse().ok()
}

/// If this `caperun` was sent here to be an agent: the file is not needed by name any more, and ranks are not to know of it.
pub fn remove_pushed_file() {
    if let Some(file) = std::env::var_os(names::PUSHED) {
        let _ = std::fs::remove_file(file);
    }
}

/// A variable named by `-x NAME`, to be passed on.
pub fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Variables that ranks on other hosts get, too: what governs OpenMP and this runtime, and what a program would notice if its ranks
/// differed in it (language, time zone, where libraries are).
pub fn surroundings() -> Vec<(String, OsString)> {
    let passed = |name: &str| {
        ["OMP_", "GOMP_", "CAPE_", "LC_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH"].contains(&name)
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| passed(name))
        .collect()
}
