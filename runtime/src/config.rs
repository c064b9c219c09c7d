//! The one place where the runtime reads its environment: `CAPE_*` (set by `caperun`) and `OMP_*` (OpenMP 5.2, chapter 21).
//!
//! Malformed `OMP_*` values are ignored with a warning, as gcc's runtime does; malformed `CAPE_*` values end the program, because only
//! `caperun` or a person who asked for something specific sets them.

use std::env::var;

use ckpt_incremental::TrackerKind;
use transport::Address;

use crate::control::env as names;
use crate::icv::{Schedule, ScheduleKind};

/// How this process takes part in a job.
#[derive(Debug)]
pub struct JobConfig {
    /// This process's rank.
    pub rank: u32,
    /// Ranks of the job, at least 2: a job of one needs nothing of this.
    pub size: u32,
    /// The coordinator's address; `None` in a job of one without `caperun`.
    pub coordinator: Address,
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
    /// Listen on TCP instead of Unix sockets.
    pub tcp: bool,
    /// Report decisions on stderr.
    pub verbose: bool,
}

/// What `OMP_*` asks for.
#[derive(Debug, Default)]
pub struct OmpConfig {
    /// `OMP_NUM_THREADS` (its first element).
    pub num_threads: Option<u32>,
    /// `OMP_SCHEDULE`.
    pub schedule: Option<Schedule>,
    /// `OMP_DYNAMIC`.
    pub dynamic: bool,
    /// `OMP_THREAD_LIMIT`.
    pub thread_limit: Option<u32>,
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
    let coordinator = coordinator.parse::<Address>().map_err(|error| {
        format!("CAPE_COORDINATOR={coordinator}: {error}: start the program through caperun")
    })?;
    let tracker = match var(names::TRACKER).as_deref() {
        Err(_) | Ok("auto" | "") => None,
        Ok(text) => Some(
            text.parse()
                .map_err(|_| format!("CAPE_TRACKER={text}: expected auto, wp-async or sigsegv"))?,
        ),
    };
    Ok(Some(JobConfig {
        rank,
        size,
        coordinator,
        key_fd: required(names::KEY_FD, number(names::KEY_FD)?)?,
        board_fd: number(names::BOARD_FD)?,
        tracker,
        heap_size: required(names::HEAP_SIZE, number(names::HEAP_SIZE)?)?,
        statistics: var(names::STATS).is_ok_and(|v| v == "1"),
        tcp: var(names::TRANSPORT).is_ok_and(|v| v == "tcp"),
        verbose: var(names::VERBOSE).is_ok_and(|v| v == "1"),
    }))
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
    let mut config = OmpConfig::default();
    if let Ok(text) = var("OMP_NUM_THREADS") {
        let first = text.split(',').next().unwrap_or_default().trim();
        config.num_threads = positive("OMP_NUM_THREADS", first, &text);
    }
    if let Ok(text) = var("OMP_THREAD_LIMIT") {
        config.thread_limit = positive("OMP_THREAD_LIMIT", text.trim(), &text);
    }
    if let Ok(text) = var("OMP_DYNAMIC") {
        config.dynamic = text.trim().eq_ignore_ascii_case("true");
    }
    if let Ok(text) = var("OMP_SCHEDULE") {
        config.schedule = schedule(&text);
        if config.schedule.is_none() {
            warn("OMP_SCHEDULE", &text);
        }
    }
    config
}

fn warn(name: &str, text: &str) {
    crate::failure::say(format_args!(
        "cape: warning: ignoring {name}={text}: not a valid value"
    ));
}

fn positive(name: &str, value: &str, whole: &str) -> Option<u32> {
    let number = value.parse().ok().filter(|n| *n > 0);
    if number.is_none() {
        warn(name, whole);
    }
    number
}

/// Parses `[modifier:]kind[,chunk]` (21.2.1 of the specification).
fn schedule(text: &str) -> Option<Schedule> {
    let text = text.rsplit_once(':').map_or(text, |(_, rest)| rest);
    let (kind, chunk) = match text.split_once(',') {
        Some((kind, chunk)) => (
            kind,
            Some(chunk.trim().parse::<u64>().ok().filter(|c| *c > 0)?),
        ),
        None => (text, None),
    };
    let kind = match kind.trim().to_ascii_lowercase().as_str() {
        "static" => ScheduleKind::Static,
        "dynamic" => ScheduleKind::Dynamic,
        "guided" => ScheduleKind::Guided,
        "auto" => ScheduleKind::Auto,
        _ => return None,
    };
    Some(Schedule {
        kind,
        chunk: chunk.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_parsed_as_the_specification_writes_them() {
        let dynamic4 = Schedule {
            kind: ScheduleKind::Dynamic,
            chunk: 4,
        };
        assert_eq!(schedule("dynamic,4"), Some(dynamic4));
        assert_eq!(schedule("nonmonotonic: DYNAMIC , 4"), Some(dynamic4));
        assert_eq!(
            schedule("static"),
            Some(Schedule {
                kind: ScheduleKind::Static,
                chunk: 0
            })
        );
        for wrong in ["", "dynamic,0", "dynamic,x", "fast", "static,-1"] {
            assert_eq!(schedule(wrong), None, "{wrong}");
        }
    }
}
