//! The one place where the runtime reads its environment: `CAPE_*` (set by `caperun`) and `OMP_*` (OpenMP 5.2, chapter 21).
//!
//! Malformed `OMP_*` values are ignored with a warning, as gcc's runtime does; malformed `CAPE_*` values end the program, because only
//! `caperun` or a person who asked for something specific sets them.

use std::env::var;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::time::Duration;

use ckpt_incremental::TrackerKind;
use transport::{Contact, Listen, Peer, Settings};

use crate::control::env as names;
use crate::outer;

pub mod openmp;
pub use openmp::OmpConfig;

/// How this process takes part in a job.
#[derive(Debug)]
pub struct JobConfig {
    /// This process's rank.
    pub rank: u32,
    /// Ranks of the job, at least 2: a job of one needs nothing of this.
    pub size: u32,
    /// Where this rank's coordinator listens.
    pub coordinator: Contact,
    /// Who that is: `caperun`, or an agent of its.
    pub superior: Peer,
    /// What this rank's host is called; `None`: it is that of `caperun`.
    pub host: Option<String>,
    /// Names the job.
    pub job: String,
    /// Where the job's key is read from.
    pub key_fd: i32,
    /// The status board, if there is one.
    pub board_fd: Option<i32>,
    /// Tracker asked for; `None`: the best the kernel has.
    pub tracker: Option<TrackerKind>,
    /// Bytes of each rank's heap arena.
    pub heap_size: usize,
    /// Collect statistics.
    pub statistics: bool,
    /// How other ranks reach this one.
    pub listen: Vec<Listen>,
    /// How links are to be: encrypted, and for how long a host may be silent.
    pub links: Settings,
    /// Ranks exchange their data by MPI: its plugin.
    pub mpi: Option<OsString>,
    /// Standard output and error are pipes to the coordinator.
    pub relayed: bool,
    /// Report decisions on stderr.
    pub verbose: bool,
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    match var(name) {
        Err(_) => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| {
            format!("{name}={text} is not a valid number: unset it and start the program through caperun")
        }),
    }
}

fn required<T>(name: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| {
        format!("{name} is not set although CAPE_SIZE is: start the program through caperun")
    })
}

/// Reads the job's description; `None` when this process is a job of its own.
pub fn job() -> Result<Option<JobConfig>, String> {
    let size = number::<u32>(names::SIZE)?.unwrap_or(1);
    let Ok(coordinator) = var(names::COORDINATOR) else {
        return Ok(None);
    };
    let rank = required(names::RANK, number::<u32>(names::RANK)?)?;
    if rank >= size {
        return Err(format!(
            "CAPE_RANK={rank} is not below CAPE_SIZE={size}: start the program through caperun"
        ));
    }
    let coordinator = coordinator.parse::<Contact>().map_err(|error| {
        format!("CAPE_COORDINATOR={coordinator}: {error}: start the program through caperun")
    })?;
    let tracker = match var(names::TRACKER).as_deref() {
        Err(_) | Ok("auto" | "") => None,
        Ok(text) => Some(
            text.parse()
                .map_err(|_| format!("CAPE_TRACKER={text}: expected auto, wp-async or sigsegv"))?,
        ),
    };
    let superior = number(names::AGENT)?.map_or(Peer::Coordinator, Peer::Agent);
    Ok(Some(JobConfig {
        rank,
        size,
        job: var(names::JOB).unwrap_or_else(|_| coordinator.to_string()),
        coordinator,
        superior,
        host: var(names::HOST).ok(),
        key_fd: required(names::KEY_FD, number(names::KEY_FD)?)?,
        board_fd: number(names::BOARD_FD)?,
        tracker,
        heap_size: required(names::HEAP_SIZE, number(names::HEAP_SIZE)?)?,
        statistics: var(names::STATS).is_ok_and(|v| v == "1"),
        links: links()?,
        relayed: var(names::RELAYED).is_ok_and(|v| v == "1"),
        listen: listen()?,
        mpi: mpi()?,
        verbose: var(names::VERBOSE).is_ok_and(|v| v == "1"),
    }))
}

fn links() -> Result<Settings, String> {
    let mut links = Settings {
        secure: var(names::SECURE).is_ok_and(|v| v == "1"),
        ..Settings::default()
    };
    if let Some(seconds) = number(names::DETECTION_TIME)? {
        links.detection = Duration::from_secs(seconds);
    }
    Ok(links)
}

/// On one host by Unix sockets unless TCP is asked for; where others have to reach it from other hosts, by TCP at the given interface,
/// and by Unix sockets for those on this host unless TCP alone is asked for.
fn listen() -> Result<Vec<Listen>, String> {
    let tcp = var(names::TRANSPORT).is_ok_and(|value| value == "tcp");
    let interface = match var(names::LISTEN) {
        Err(_) => tcp.then_some(Ipv4Addr::LOCALHOST.into()),
        Ok(text) => Some(text.parse().map_err(|_| {
            format!(
                "{}={text} is not an IP address: start the program through caperun",
                names::LISTEN
            )
        })?),
    };
    let unix = (!tcp).then_some(Listen::Unix);
    Ok(unix.into_iter().chain(interface.map(Listen::Tcp)).collect())
}

fn mpi() -> Result<Option<OsString>, String> {
    if var(names::TRANSPORT).as_deref() != Ok("mpi") {
        return Ok(None);
    }
    required(names::MPI_PLUGIN, std::env::var_os(names::MPI_PLUGIN)).map(Some)
}

/// The task of another launcher's that this process is, if it is one of several.
pub fn outer_task() -> Option<outer::Task> {
    outer::task(&|name| var(name).ok())
}

/// Where `caperun` is, if `CAPE_RUN` says so.
pub fn launcher() -> Option<OsString> {
    std::env::var_os(outer::RUN).filter(|file| !file.is_empty())
}

/// Where programs are looked for.
pub fn search_path() -> Option<OsString> {
    std::env::var_os("PATH")
}

/// Trackers that `CAPE_FAULT` (a comma-separated list, for tests) declares absent.
pub fn disabled_trackers() -> Vec<TrackerKind> {
    let faults = var("CAPE_FAULT").unwrap_or_default();
    let mut disabled = Vec::new();
    for fault in faults.split(',') {
        match fault.trim() {
            "no-wp-async" | "no-pagemap-scan" => disabled.push(TrackerKind::WpAsync),
            "no-sigsegv" => disabled.push(TrackerKind::Sigsegv),
            _ => {}
        }
    }
    disabled
}

/// Reads the `OMP_*` variables.
pub fn omp() -> OmpConfig {
    OmpConfig::read(&|name| var(name).ok())
}

/// Threads per rank, if `caperun --threads` or a person asked for them.
pub fn threads() -> Result<Option<u32>, String> {
    match number::<u32>(names::THREADS)? {
        Some(0) => Err(format!(
            "{}=0: a rank has at least one thread; correct the variable or unset it",
            names::THREADS
        )),
        threads => Ok(threads),
    }
}

/// The `CAPE_*` variables that mean something to a person, as they are set, in a fixed order.
pub fn described() -> Vec<(&'static str, String)> {
    [
        names::SIZE,
        names::THREADS,
        names::TRACKER,
        names::TRANSPORT,
        names::SECURE,
        names::HEAP_SIZE,
        names::STATS,
        names::VERBOSE,
    ]
    .into_iter()
    .map(|name| (name, var(name).unwrap_or_default()))
    .collect()
}
