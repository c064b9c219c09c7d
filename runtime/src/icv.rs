//! Internal control variables (OpenMP 5.2, chapter 2): the settings that `OMP_*` and `omp_set_*` change.
//!
//! Those that belong to a task are one value, [`Icvs`], which each thread holds for the task it executes: a new team's threads start
//! with [`Icvs::child`] of their parent's, and what they set ends with them. Those that belong to the device are in [`Process`].
//!
//! ```text
//! parent   icv::current() ──► child(level) ──► Fork ──► icv::set() in each thread of the team
//! ```

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::config::OmpConfig;
use crate::places::Place;

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

/// `omp_sched_monotonic`.
pub const MONOTONIC: u32 = 1 << 31;

impl ScheduleKind {
    /// The kind with this `omp_sched_t` value.
    pub fn from_omp(value: u32) -> Option<ScheduleKind> {
        match value & !MONOTONIC {
            1 => Some(ScheduleKind::Static),
            2 => Some(ScheduleKind::Dynamic),
            3 => Some(ScheduleKind::Guided),
            4 => Some(ScheduleKind::Auto),
            _ => None,
        }
    }
}

/// `omp_proc_bind_t`: where the threads of a team run, relative to the thread that started it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u32)]
pub enum Binding {
    /// Anywhere; `proc_bind` clauses have no effect.
    #[default]
    False = 0,
    /// The implementation's choice: as close.
    True = 1,
    /// In the place of the primary thread.
    Primary = 2,
    /// In the places next to the primary thread's.
    Close = 3,
    /// In places far from one another.
    Spread = 4,
}

impl Binding {
    /// The policy with this `omp_proc_bind_t` value.
    pub fn from_omp(value: i32) -> Option<Binding> {
        match value {
            0 => Some(Binding::False),
            1 => Some(Binding::True),
            2 => Some(Binding::Primary),
            3 => Some(Binding::Close),
            4 => Some(Binding::Spread),
            _ => None,
        }
    }
}

/// Consecutive places of the process's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Number of the first place.
    pub first: u32,
    /// How many; 0: threads are not bound to places.
    pub count: u32,
}

/// Whether a thread that waits does so on its processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// It spins.
    Active,
    /// It sleeps.
    Passive,
}

/// Levels of active parallel regions: as many as gcc's runtime supports.
pub const SUPPORTED_ACTIVE_LEVELS: u32 = 255;

/// The variables of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Icvs {
    /// *nthreads-var* for regions that this task starts; lists are taken up by [`Icvs::child`].
    pub threads: u32,
    /// *thread-limit-var*; `u32::MAX`: none.
    pub thread_limit: u32,
    /// *dyn-var*.
    pub dynamic: bool,
    /// *max-active-levels-var*.
    pub max_active_levels: u32,
    /// *run-sched-var*.
    pub schedule: Schedule,
    /// Its monotonic modifier.
    pub monotonic: bool,
    /// *bind-var* for regions that this task starts.
    pub bind: Binding,
    /// *place-partition-var*; each rank has its own.
    pub partition: Partition,
    /// *default-device-var*.
    pub default_device: i32,
    /// *def-allocator-var*, an `omp_allocator_handle_t`.
    pub allocator: u64,
}

/// What a `parallel` construct that asks for a team says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeamRequest {
    /// The `num_threads` clause; 0 or less: it has none.
    pub num_threads: i32,
    /// Enclosing active regions.
    pub active_levels: u32,
    /// Threads of the contention group that exist, the one that asks included (at least 1).
    pub busy: u32,
    /// Threads that the machine offers a team: ranks times slots.
    pub slots: u32,
}

impl Icvs {
    /// Before anything was read.
    pub const INITIAL: Icvs = Icvs {
        threads: 1,
        thread_limit: u32::MAX,
        dynamic: false,
        max_active_levels: 1,
        schedule: Schedule {
            kind: ScheduleKind::Dynamic,
            chunk: 1,
        },
        monotonic: false,
        bind: Binding::False,
        partition: Partition { first: 0, count: 0 },
        default_device: 0,
        allocator: 1,
    };

    /// What the environment asks for, where a team has `slots` threads by default.
    pub fn from_config(config: &OmpConfig, slots: u32) -> Icvs {
        let lists = config.num_threads.len() > 1 || config.bind.len() > 1;
        let nested = config.nested.unwrap_or(lists);
        let levels = if nested { SUPPORTED_ACTIVE_LEVELS } else { 1 };
        let thread_limit = config.thread_limit.unwrap_or(u32::MAX);
        let threads = config.num_threads.first().copied().unwrap_or(slots);
        Icvs {
            threads,
            thread_limit,
            dynamic: config.dynamic,
            max_active_levels: config.max_active_levels.unwrap_or(levels),
            schedule: config.schedule.unwrap_or(Icvs::INITIAL.schedule),
            monotonic: config.monotonic,
            bind: config.binding(),
            partition: Partition::default(),
            default_device: config.default_device,
            allocator: config.allocator,
        }
    }

    /// What the implicit tasks of a region start with that this task starts and that is region number `level` from outside (1: not
    /// nested): the next elements of the lists.
    #[must_use]
    pub fn child(&self, level: u32) -> Icvs {
        let process = process();
        fn at<T: Copy>(list: &[T], level: u32) -> Option<T> {
            list.get(level as usize).copied()
        }
        Icvs {
            threads: at(&process.config.num_threads, level).unwrap_or(self.threads),
            bind: at(&process.config.bind, level).unwrap_or(self.bind),
            ..*self
        }
    }

    /// The same with *thread-limit-var* `limit`; 0: as it is.
    #[must_use]
    pub fn limited(&self, limit: u32) -> Icvs {
        Icvs {
            thread_limit: if limit == 0 { self.thread_limit } else { limit },
            ..*self
        }
    }

    /// The size of a team (OpenMP 5.2, algorithm 10.1).
    pub fn team_size(&self, request: TeamRequest) -> u32 {
        if request.active_levels >= self.max_active_levels {
            return 1;
        }
        let mut wanted = match u32::try_from(request.num_threads) {
            Ok(0) | Err(_) => self.threads,
            Ok(number) => number,
        };
        if self.dynamic {
            wanted = wanted.min(request.slots.max(1));
        }
        // The thread that asks becomes the team's first.
        let free = self.thread_limit.saturating_sub(request.busy.max(1)) + 1;
        wanted.clamp(1, free.max(1))
    }
}

/// The variables of the process, and what it was given.
#[derive(Debug)]
pub struct Process {
    /// The first task's variables.
    pub initial: Icvs,
    /// Ranks of the job.
    pub ranks: u32,
    /// Threads that a rank offers a team.
    pub slots: u32,
    /// What the environment asks for: *cancel-var*, *stacksize-var*, *max-task-priority-var* and the like are as it says.
    pub config: OmpConfig,
    /// The places of this host; empty: threads are not bound.
    pub places: Vec<Place>,
    /// The processors that this process may use, before it binds itself; `None`: unknown.
    pub usable: Option<Place>,
    /// Their number, at least 1.
    pub processors: u32,
    num_teams: AtomicU32,
    teams_thread_limit: AtomicU32,
    affinity_format: Mutex<String>,
    changed: AtomicBool,
}

impl Process {
    /// Threads that a team has where nobody says otherwise.
    pub fn all_slots(&self) -> u32 {
        self.ranks.saturating_mul(self.slots)
    }

    /// *affinity-format-var*.
    pub fn affinity_format(&self) -> String {
        let format = self.affinity_format.lock();
        format.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets *affinity-format-var*.
    pub fn set_affinity_format(&self, format: String) {
        let place = self.affinity_format.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = format;
        self.changed.store(true, Relaxed);
    }
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// The process's variables: those of a program alone on one processor until [`initialise`] was called.
pub fn process() -> &'static Process {
    PROCESS.get_or_init(|| described(1, 1, &OmpConfig::default(), Vec::new()))
}

fn described(ranks: u32, slots: u32, config: &OmpConfig, places: Vec<Place>) -> Process {
    Process {
        initial: Icvs::from_config(config, ranks.saturating_mul(slots)),
        ranks,
        slots,
        config: config.clone(),
        places,
        usable: crate::places::usable(),
        processors: crate::places::processors(),
        num_teams: AtomicU32::new(config.num_teams),
        teams_thread_limit: AtomicU32::new(config.teams_thread_limit),
        affinity_format: Mutex::new(config.affinity_format.clone()),
        changed: AtomicBool::new(false),
    }
}

/// Sets the initial values of rank `rank` of `ranks`; `slots`: threads per rank, if `caperun` said. Returns what the user must be told
/// about places.
pub fn initialise(rank: u32, ranks: u32, slots: Option<u32>, config: &OmpConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    let places = config.resolve_places().unwrap_or_else(|warning| {
        warnings.push(warning);
        Vec::new()
    });
    let slots = slots.unwrap_or_else(|| {
        // Alone: as gcc's runtime, the processors that the process may use.
        let cores = crate::places::processors();
        config.num_threads.first().copied().unwrap_or(cores)
    });
    let mut process = described(ranks, slots.max(1), config, places);
    let count = u32::try_from(process.places.len()).unwrap_or(u32::MAX);
    if count == 0 {
        process.initial.bind = Binding::False;
    }
    process.initial.partition = crate::places::share(count, rank, ranks);
    let first = process.initial.partition.first;
    if PROCESS.set(process).is_ok()
        && count > 0
        && let Err(error) = crate::binding::enter(first)
    {
        warnings.push(format!(
            "cannot bind to place {first} of OMP_PLACES ({error}): check the processors it names"
        ));
    }
    warnings
}

thread_local! {
    static CURRENT: Cell<Option<Icvs>> = const { Cell::new(None) };
    /// What the implicit task began with, once the current task has other variables; none: it has not.
    static BEGAN: Cell<Option<Icvs>> = const { Cell::new(None) };
}

/// The variables of the task that the calling thread executes.
pub fn current() -> Icvs {
    CURRENT.get().unwrap_or_else(|| process().initial)
}

/// Gives the calling thread another task's variables.
pub fn set(icvs: Icvs) {
    CURRENT.set(Some(icvs));
}

/// Changes the calling task's variables.
pub fn change(action: impl FnOnce(&mut Icvs)) {
    let mut icvs = current();
    BEGAN.set(BEGAN.get().or(Some(icvs)));
    action(&mut icvs);
    set(icvs);
}

/// The current task's variables, if they differ from what the implicit tasks of its team began with: a task inherits them.
pub fn differing() -> Option<Icvs> {
    BEGAN.get().map(|_| current())
}

/// What a thread's implicit task had before another one was begun or an explicit one was executed.
#[derive(Clone, Copy, Debug)]
pub struct Outer {
    current: Option<Icvs>,
    began: Option<Icvs>,
}

/// Whether the current task has the variables that its team began with.
pub fn is_as_begun() -> bool {
    BEGAN.get().is_none()
}

/// An implicit task begins: it has the calling thread's present variables, and so have the tasks it makes.
pub fn begin() -> Outer {
    Outer {
        current: CURRENT.get(),
        began: BEGAN.take(),
    }
}

/// An implicit task ends that began with this.
pub fn end(outer: Outer) {
    BEGAN.set(outer.began);
}

/// An explicit task is to be executed, with `icvs` if they differ from what its team began with; the place stays the thread's.
pub fn exchange(icvs: Option<Icvs>) -> Outer {
    let outer = Outer {
        current: CURRENT.get(),
        began: BEGAN.get(),
    };
    match (icvs, outer.began) {
        (Some(icvs), began) => {
            BEGAN.set(began.or_else(|| Some(current())));
            restore(&icvs);
        }
        (None, Some(began)) => {
            BEGAN.set(None);
            CURRENT.set(Some(began));
        }
        (None, None) => {}
    }
    outer
}

/// The explicit task has been executed.
pub fn exchange_back(outer: Outer) {
    CURRENT.set(outer.current);
    BEGAN.set(outer.began);
}

/// What travels with a fork.
pub type Settings = Icvs;

/// Gives the calling thread the variables of the driver's task; the places stay this rank's.
pub fn restore(settings: &Settings) {
    set(Icvs {
        partition: current().partition,
        ..*settings
    });
}

/// Those of the process's variables that the program can change: they travel with the next fork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changeable {
    affinity_format: String,
    num_teams: u32,
    teams_thread_limit: u32,
}

/// They, if the program changed one since the last call.
pub fn changed() -> Option<Changeable> {
    let process = process();
    process.changed.swap(false, Relaxed).then(|| Changeable {
        affinity_format: process.affinity_format(),
        num_teams: process.num_teams(),
        teams_thread_limit: process.teams_thread_limit(),
    })
}

/// Takes over what the driver changed.
pub fn take_over(driver: &Changeable) {
    let process = process();
    process.set_affinity_format(driver.affinity_format.clone());
    process.set_num_teams(driver.num_teams);
    process.set_teams_thread_limit(driver.teams_thread_limit);
}

impl Process {
    /// *nteams-var*; 0: not set.
    pub fn num_teams(&self) -> u32 {
        self.num_teams.load(Relaxed)
    }

    /// *teams-thread-limit-var*; 0: not set.
    pub fn teams_thread_limit(&self) -> u32 {
        self.teams_thread_limit.load(Relaxed)
    }

    /// Sets *nteams-var*.
    pub fn set_num_teams(&self, teams: u32) {
        self.num_teams.store(teams, Relaxed);
        self.changed.store(true, Relaxed);
    }

    /// Sets *teams-thread-limit-var*.
    pub fn set_teams_thread_limit(&self, threads: u32) {
        self.teams_thread_limit.store(threads, Relaxed);
        self.changed.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKS_NOTHING: TeamRequest = TeamRequest {
        num_threads: 0,
        active_levels: 0,
        busy: 1,
        slots: 4,
    };

    #[test]
    fn a_team_is_as_large_as_asked_within_the_limits() {
        let icvs = Icvs {
            threads: 4,
            ..Icvs::INITIAL
        };
        let ask = |num_threads| TeamRequest {
            num_threads,
            ..ASKS_NOTHING
        };
        assert_eq!(icvs.team_size(ask(0)), 4);
        assert_eq!(icvs.team_size(ask(-3)), 4);
        assert_eq!(icvs.team_size(ask(9)), 9);
        let limited = Icvs {
            thread_limit: 6,
            ..icvs
        };
        assert_eq!(limited.team_size(ask(9)), 6);
        let busy = TeamRequest { busy: 4, ..ask(9) };
        assert_eq!(limited.team_size(busy), 3);
        let exhausted = TeamRequest { busy: 9, ..ask(9) };
        assert_eq!(limited.team_size(exhausted), 1);
        let dynamic = Icvs {
            dynamic: true,
            ..icvs
        };
        assert_eq!(dynamic.team_size(ask(9)), 4);
        assert_eq!(dynamic.team_size(ask(3)), 3);
    }

    #[test]
    fn no_more_levels_than_allowed_are_active() {
        let icvs = Icvs {
            threads: 4,
            max_active_levels: 2,
            ..Icvs::INITIAL
        };
        let at = |active_levels| TeamRequest {
            active_levels,
            ..ASKS_NOTHING
        };
        assert_eq!([0, 1, 2].map(|level| icvs.team_size(at(level))), [4, 4, 1]);
    }

    #[test]
    fn lists_imply_nesting() {
        let config = OmpConfig {
            num_threads: vec![4, 2],
            ..OmpConfig::default()
        };
        assert_eq!(
            Icvs::from_config(&config, 8).max_active_levels,
            SUPPORTED_ACTIVE_LEVELS
        );
        let config = OmpConfig {
            nested: Some(false),
            thread_limit: Some(3),
            ..config
        };
        let icvs = Icvs::from_config(&config, 8);
        // As in gcc's runtime, the limit counts when a team is made.
        assert_eq!(
            (icvs.max_active_levels, icvs.threads, icvs.thread_limit),
            (1, 4, 3)
        );
        assert_eq!(Icvs::from_config(&OmpConfig::default(), 8).threads, 8);
    }
}
