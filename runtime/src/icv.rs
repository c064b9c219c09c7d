//! Internal control variables (OpenMP 5.2, chapter 2): the settings that `OMP_*` and `omp_set_*` change.
//!
//! There is one data environment that matters, the driver's: workers receive its values at every fork and what a region sets is its own.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::config::OmpConfig;

/// `omp_sched_t`, without the modifier bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u32)]
pub enum ScheduleKind {
    /// Blocks of iterations fixed in advance.
    Static = 1,
    /// First come, first served.
    Dynamic = 2,
    /// First come, first served, in shrinking chunks.
    Guided = 3,
    /// The implementation's choice: static.
    Auto = 4,
}

/// A schedule and its chunk size; 0: none was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Kind.
    pub kind: ScheduleKind,
    /// Chunk size in iterations, or 0.
    pub chunk: u64,
}

impl ScheduleKind {
    /// The kind with this `omp_sched_t` value.
    pub fn from_omp(value: u32) -> Option<ScheduleKind> {
        match value & 0x7fff_ffff {
            1 => Some(ScheduleKind::Static),
            2 => Some(ScheduleKind::Dynamic),
            3 => Some(ScheduleKind::Guided),
            4 => Some(ScheduleKind::Auto),
            _ => None,
        }
    }
}

/// The variables that belong to a task: a region starts with its parent's and what it sets ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    threads: u32,
    dynamic: bool,
    max_active_levels: u32,
    schedule: Schedule,
}

/// The variables of this process.
#[derive(Debug)]
pub struct Icvs {
    threads: AtomicU32,
    thread_limit: AtomicU32,
    dynamic: AtomicBool,
    max_active_levels: AtomicU32,
    run_kind: AtomicU32,
    run_chunk: AtomicU64,
}

/// The variables of this process, before and after [`Icvs::initialise`].
pub static ICVS: Icvs = Icvs {
    threads: AtomicU32::new(1),
    thread_limit: AtomicU32::new(1),
    dynamic: AtomicBool::new(false),
    max_active_levels: AtomicU32::new(1),
    run_kind: AtomicU32::new(ScheduleKind::Dynamic as u32),
    run_chunk: AtomicU64::new(1),
};

impl Icvs {
    /// Sets the initial values for a job of `ranks` ranks with one thread each.
    pub fn initialise(&self, ranks: u32, config: &OmpConfig) {
        let limit = ranks.min(config.thread_limit.unwrap_or(ranks));
        self.thread_limit.store(limit, Relaxed);
        self.threads
            .store(config.num_threads.unwrap_or(ranks), Relaxed);
        self.dynamic.store(config.dynamic, Relaxed);
        if let Some(schedule) = config.schedule {
            self.set_schedule(schedule);
        }
    }

    /// Threads that a team started now, without `num_threads`, would have.
    pub fn max_threads(&self) -> u32 {
        self.team_size(0)
    }

    /// Size of a team for which the program asks `requested` threads; 0 or less: it does not say.
    pub fn team_size(&self, requested: i32) -> u32 {
        let wanted = match u32::try_from(requested) {
            Ok(0) | Err(_) => self.threads.load(Relaxed),
            Ok(number) => number,
        };
        wanted.clamp(1, self.thread_limit.load(Relaxed).max(1))
    }

    /// `omp_set_num_threads`.
    pub fn set_threads(&self, threads: u32) {
        self.threads.store(threads.max(1), Relaxed);
    }

    /// `omp_get_thread_limit`: one thread per rank.
    pub fn thread_limit(&self) -> u32 {
        self.thread_limit.load(Relaxed)
    }

    /// `omp_get_dynamic`.
    pub fn dynamic(&self) -> bool {
        self.dynamic.load(Relaxed)
    }

    /// `omp_set_dynamic`.
    pub fn set_dynamic(&self, on: bool) {
        self.dynamic.store(on, Relaxed);
    }

    /// `omp_get_max_active_levels`.
    pub fn max_active_levels(&self) -> u32 {
        self.max_active_levels.load(Relaxed)
    }

    /// `omp_set_max_active_levels`; regions inside regions are executed by a team of one whatever it says.
    pub fn set_max_active_levels(&self, levels: u32) {
        self.max_active_levels.store(levels, Relaxed);
    }

    /// The present task's variables.
    pub fn settings(&self) -> Settings {
        Settings {
            threads: self.threads.load(Relaxed),
            dynamic: self.dynamic(),
            max_active_levels: self.max_active_levels(),
            schedule: self.schedule(),
        }
    }

    /// Makes these the present task's variables.
    pub fn restore(&self, settings: &Settings) {
        self.set_threads(settings.threads);
        self.set_dynamic(settings.dynamic);
        self.set_max_active_levels(settings.max_active_levels);
        self.set_schedule(settings.schedule);
    }

    /// What `schedule(runtime)` means.
    pub fn schedule(&self) -> Schedule {
        let kind =
            ScheduleKind::from_omp(self.run_kind.load(Relaxed)).unwrap_or(ScheduleKind::Static);
        Schedule {
            kind,
            chunk: self.run_chunk.load(Relaxed),
        }
    }

    /// `omp_set_schedule`.
    pub fn set_schedule(&self, schedule: Schedule) {
        self.run_kind.store(schedule.kind as u32, Relaxed);
        self.run_chunk.store(schedule.chunk, Relaxed);
    }
}
