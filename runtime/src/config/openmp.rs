//! What the `OMP_*` variables ask for (OpenMP 5.2, chapter 21). Pure: the values come from the caller.
//!
//! As in gcc's runtime, a malformed value is named in a warning and the default holds.

use crate::icv::{Binding, SUPPORTED_ACTIVE_LEVELS, Schedule, ScheduleKind, WaitPolicy};
use crate::places::{self, Machine, Place, PlaceSpec};

/// `OMP_DISPLAY_ENV`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisplayEnv {
    /// Nothing is shown.
    #[default]
    No,
    /// The variables of the specification, and `CAPE_*`.
    Yes,
    /// Also what only this implementation knows.
    Verbose,
}

/// `OMP_TARGET_OFFLOAD`: there are no devices but the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetOffload {
    /// The host, silently.
    #[default]
    Default,
    /// A device or nothing.
    Mandatory,
    /// The host.
    Disabled,
}

/// The predefined allocators in the order of their handles, from 1.
pub const ALLOCATORS: [&str; 8] = [
    "omp_default_mem_alloc",
    "omp_large_cap_mem_alloc",
    "omp_const_mem_alloc",
    "omp_high_bw_mem_alloc",
    "omp_low_lat_mem_alloc",
    "omp_cgroup_mem_alloc",
    "omp_pteam_mem_alloc",
    "omp_thread_mem_alloc",
];

/// What `OMP_AFFINITY_FORMAT` is by default, in gcc's runtime as well.
pub const AFFINITY_FORMAT: &str = "level %L thread %i affinity %A";

/// What `OMP_*` asks for.
#[derive(Clone, Debug)]
pub struct OmpConfig {
    /// `OMP_NUM_THREADS`, by level.
    pub num_threads: Vec<u32>,
    /// `OMP_SCHEDULE`.
    pub schedule: Option<Schedule>,
    /// Its modifier; true for `static`, too.
    pub monotonic: bool,
    /// `OMP_DYNAMIC`.
    pub dynamic: bool,
    /// `OMP_NESTED`.
    pub nested: Option<bool>,
    /// `OMP_MAX_ACTIVE_LEVELS`.
    pub max_active_levels: Option<u32>,
    /// `OMP_THREAD_LIMIT`.
    pub thread_limit: Option<u32>,
    /// `OMP_PROC_BIND`, by level.
    pub bind: Vec<Binding>,
    /// `OMP_PLACES`.
    pub places: Option<PlaceSpec>,
    /// `OMP_CANCELLATION`.
    pub cancellation: bool,
    /// `OMP_STACKSIZE` in bytes.
    pub stack_size: Option<u64>,
    /// `OMP_WAIT_POLICY`.
    pub wait_policy: Option<WaitPolicy>,
    /// `OMP_DISPLAY_ENV`.
    pub display_env: DisplayEnv,
    /// `OMP_DISPLAY_AFFINITY`.
    pub display_affinity: bool,
    /// `OMP_AFFINITY_FORMAT`.
    pub affinity_format: String,
    /// `OMP_DEFAULT_DEVICE`.
    pub default_device: i32,
    /// `OMP_TARGET_OFFLOAD`.
    pub target_offload: TargetOffload,
    /// `OMP_MAX_TASK_PRIORITY`.
    pub max_task_priority: u32,
    /// `OMP_NUM_TEAMS`; 0: not said.
    pub num_teams: u32,
    /// `OMP_TEAMS_THREAD_LIMIT`; 0: not said.
    pub teams_thread_limit: u32,
    /// `OMP_ALLOCATOR`, a handle.
    pub allocator: u64,
    /// `OMP_TOOL`: there is no tool to start.
    pub tool: bool,
    /// What the user must be told.
    pub warnings: Vec<String>,
}

impl Default for OmpConfig {
    fn default() -> OmpConfig {
        OmpConfig::read(&|_| None)
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// The variable's value, if it is set and `parse` accepts it, white space around it removed.
    fn get<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = (self.lookup)(name)?;
        let value = parse(text.trim());
        if value.is_none() {
            self.warnings.push(format!(
                "invalid value for environment variable {name}: '{text}', ignored"
            ));
        }
        value
    }
}

impl OmpConfig {
    /// Reads all variables; `lookup` returns the value of the one it is given.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> OmpConfig {
        let mut from = Reader {
            lookup,
            warnings: Vec::new(),
        };
        let (schedule, monotonic) = match from.get("OMP_SCHEDULE", schedule) {
            Some((schedule, monotonic)) => (Some(schedule), monotonic),
            None => (None, false),
        };
        OmpConfig {
            num_threads: from
                .get("OMP_NUM_THREADS", |text| list(text, positive))
                .unwrap_or_default(),
            schedule,
            monotonic,
            dynamic: from.get("OMP_DYNAMIC", truth).unwrap_or(false),
            nested: from.get("OMP_NESTED", truth),
            max_active_levels: from
                .get("OMP_MAX_ACTIVE_LEVELS", natural)
                .map(|levels| levels.min(SUPPORTED_ACTIVE_LEVELS)),
            thread_limit: from.get("OMP_THREAD_LIMIT", positive),
            bind: from.get("OMP_PROC_BIND", bindings).unwrap_or_default(),
            places: from.get("OMP_PLACES", places::parse),
            cancellation: from.get("OMP_CANCELLATION", truth).unwrap_or(false),
            stack_size: from.get("OMP_STACKSIZE", stack_size),
            wait_policy: from.get("OMP_WAIT_POLICY", |text| {
                one_of(
                    text,
                    &[
                        ("active", WaitPolicy::Active),
                        ("passive", WaitPolicy::Passive),
                    ],
                )
            }),
            display_env: from.get("OMP_DISPLAY_ENV", display_env).unwrap_or_default(),
            display_affinity: from.get("OMP_DISPLAY_AFFINITY", truth).unwrap_or(false),
            affinity_format: from
                .get("OMP_AFFINITY_FORMAT", |text| Some(text.to_owned()))
                .unwrap_or_else(|| AFFINITY_FORMAT.to_owned()),
            default_device: from
                .get("OMP_DEFAULT_DEVICE", |text| {
                    text.parse().ok().filter(|n: &i32| *n >= 0)
                })
                .unwrap_or(0),
            target_offload: from
                .get("OMP_TARGET_OFFLOAD", target_offload)
                .unwrap_or_default(),
            max_task_priority: from.get("OMP_MAX_TASK_PRIORITY", natural).unwrap_or(0),
            num_teams: from.get("OMP_NUM_TEAMS", positive).unwrap_or(0),
            teams_thread_limit: from.get("OMP_TEAMS_THREAD_LIMIT", positive).unwrap_or(0),
            allocator: from.get("OMP_ALLOCATOR", allocator).unwrap_or(1),
            tool: from
                .get("OMP_TOOL", |text| {
                    one_of(text, &[("enabled", true), ("disabled", false)])
                })
                .unwrap_or(true),
            warnings: from.warnings,
        }
    }

    /// *bind-var* of the first task: places without a policy mean that threads stay in them.
    pub fn binding(&self) -> Binding {
        match (self.bind.first(), &self.places) {
            (Some(policy), _) => *policy,
            (None, Some(_)) => Binding::True,
            (None, None) => Binding::False,
        }
    }

    /// The places of this machine; empty: threads are not bound. Fails with a warning if the machine has none of those asked for.
    pub fn resolve_places(&self) -> Result<Vec<Place>, String> {
        if self.binding() == Binding::False {
            return Ok(Vec::new());
        }
        let threads = PlaceSpec::Abstract(places::Unit::Threads, None);
        let (places, missing) = places::resolve(self.places.as_ref().unwrap_or(&threads), &Machine);
        match missing.first() {
            Some(processor) if places.is_empty() => Err(format!(
                "OMP_PLACES names processor {processor}, which this process may not use: threads are not bound"
            )),
            _ if places.is_empty() => Err(
                "OMP_PLACES names no processor that this process may use: threads are not bound"
                    .to_owned(),
            ),
            _ => Ok(places),
        }
    }
}

fn natural(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn positive(text: &str) -> Option<u32> {
    natural(text).filter(|n| *n > 0)
}

/// Every element of a comma-separated list, if all are well formed.
fn list<T>(text: &str, element: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|text| element(text.trim())).collect()
}

fn one_of<T: Copy>(text: &str, values: &[(&str, T)]) -> Option<T> {
    let found = values
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value)
}

fn truth(text: &str) -> Option<bool> {
    one_of(text, &[("true", true), ("false", false)])
}

fn display_env(text: &str) -> Option<DisplayEnv> {
    use DisplayEnv::{No, Verbose, Yes};
    one_of(
        text,
        &[
            ("true", Yes),
            ("1", Yes),
            ("false", No),
            ("0", No),
            ("verbose", Verbose),
        ],
    )
}

fn target_offload(text: &str) -> Option<TargetOffload> {
    one_of(
        text,
        &[
            ("default", TargetOffload::Default),
            ("mandatory", TargetOffload::Mandatory),
            ("disabled", TargetOffload::Disabled),
        ],
    )
}

fn bindings(text: &str) -> Option<Vec<Binding>> {
    let alone = [("true", Binding::True), ("false", Binding::False)];
    if let Some(policy) = one_of(text, &alone) {
        return Some(vec![policy]);
    }
    let policies = [
        ("master", Binding::Primary),
        ("primary", Binding::Primary),
        ("close", Binding::Close),
        ("spread", Binding::Spread),
    ];
    list(text, |text| one_of(text, &policies))
}

fn allocator(text: &str) -> Option<u64> {
    (1..)
        .zip(ALLOCATORS)
        .find(|(_, name)| text.eq_ignore_ascii_case(name))
        .map(|(handle, _)| handle)
}

/// `size[B|K|M|G]`, kilobytes without a unit.
fn stack_size(text: &str) -> Option<u64> {
    let (number, shift) = match text.char_indices().next_back()? {
        (at, unit) if unit.is_ascii_alphabetic() => {
            let shift = one_of(
                unit.encode_utf8(&mut [0; 4]),
                &[("b", 0), ("k", 10), ("m", 20), ("g", 30)],
            )?;
            (text[..at].trim_end(), shift)
        }
        _ => (text, 10),
    };
    let number: u64 = number.parse().ok().filter(|n| *n > 0)?;
    number.checked_mul(1 << shift)
}

/// `[modifier:]kind[,chunk]` (21.2.1) and whether it is monotonic.
fn schedule(text: &str) -> Option<(Schedule, bool)> {
    let (modifier, text) = match text.split_once(':') {
        Some((modifier, rest)) => (
            Some(one_of(
                modifier.trim(),
                &[("monotonic", true), ("nonmonotonic", false)],
            )?),
            rest,
        ),
        None => (None, text),
    };
    let (kind, chunk) = match text.split_once(',') {
        Some((kind, chunk)) => (
            kind,
            Some(chunk.trim().parse().ok().filter(|c: &u64| *c > 0)?),
        ),
        None => (text, None),
    };
    let kind = one_of(
        kind.trim(),
        &[
            ("static", ScheduleKind::Static),
            ("dynamic", ScheduleKind::Dynamic),
            ("guided", ScheduleKind::Guided),
            ("auto", ScheduleKind::Auto),
        ],
    )?;
    let default = u64::from(matches!(kind, ScheduleKind::Dynamic | ScheduleKind::Guided));
    let schedule = Schedule {
        kind,
        chunk: chunk.unwrap_or(default),
    };
    Some((schedule, modifier.unwrap_or(kind == ScheduleKind::Static)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> OmpConfig {
        OmpConfig::read(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn schedules_are_parsed_as_the_specification_writes_them() {
        let dynamic4 = Schedule {
            kind: ScheduleKind::Dynamic,
            chunk: 4,
        };
        assert_eq!(schedule("dynamic,4"), Some((dynamic4, false)));
        assert_eq!(schedule("monotonic: DYNAMIC , 4"), Some((dynamic4, true)));
        let block = Schedule {
            kind: ScheduleKind::Static,
            chunk: 0,
        };
        assert_eq!(schedule("static"), Some((block, true)));
        assert_eq!(schedule("nonmonotonic:static"), Some((block, false)));
        assert_eq!(
            schedule("guided").map(|(schedule, _)| schedule.chunk),
            Some(1)
        );
        for wrong in [
            "",
            "dynamic,0",
            "dynamic,x",
            "fast",
            "static,-1",
            "fast:static",
        ] {
            assert_eq!(schedule(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let sizes = ["2M", "300", "1024b", " 1 g ", "10 K"].map(|text| stack_size(text.trim()));
        assert_eq!(
            sizes,
            [
                Some(2 << 20),
                Some(300 << 10),
                Some(1024),
                Some(1 << 30),
                Some(10 << 10)
            ]
        );
        for wrong in ["", "M", "-1", "1T", "0", "99999999999999999G"] {
            assert_eq!(stack_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_are_kept() {
        let config = read(&[
            ("OMP_NUM_THREADS", "4, 3 ,2"),
            ("OMP_PROC_BIND", "spread,Close,master"),
        ]);
        assert_eq!(config.num_threads, [4, 3, 2]);
        assert_eq!(
            config.bind,
            [Binding::Spread, Binding::Close, Binding::Primary]
        );
        assert!(config.warnings.is_empty());
        assert_eq!(read(&[("OMP_PLACES", "cores")]).binding(), Binding::True);
        assert_eq!(read(&[("OMP_PROC_BIND", "TRUE")]).binding(), Binding::True);
    }

    #[test]
    fn each_malformed_value_is_named_and_ignored() {
        let wrong = [
            ("OMP_NUM_THREADS", "0"),
            ("OMP_NUM_THREADS", "4,,2"),
            ("OMP_SCHEDULE", "foo"),
            ("OMP_DYNAMIC", "maybe"),
            ("OMP_NESTED", "3"),
            ("OMP_MAX_ACTIVE_LEVELS", "-1"),
            ("OMP_THREAD_LIMIT", "a"),
            ("OMP_PROC_BIND", "zz"),
            ("OMP_PROC_BIND", "true,close"),
            ("OMP_PLACES", "abc"),
            ("OMP_CANCELLATION", "5"),
            ("OMP_STACKSIZE", "x"),
            ("OMP_WAIT_POLICY", "lazy"),
            ("OMP_DISPLAY_ENV", "sure"),
            ("OMP_DISPLAY_AFFINITY", "q"),
            ("OMP_DEFAULT_DEVICE", "f"),
            ("OMP_TARGET_OFFLOAD", "yy"),
            ("OMP_MAX_TASK_PRIORITY", "-2"),
            ("OMP_NUM_TEAMS", "0"),
            ("OMP_TEAMS_THREAD_LIMIT", "b"),
            ("OMP_ALLOCATOR", "xx"),
            ("OMP_TOOL", "on"),
        ];
        for (name, value) in wrong {
            let config = read(&[(name, value)]);
            assert_eq!(config.warnings.len(), 1, "{name}={value}");
            assert!(config.warnings[0].contains(name));
            assert!(config.num_threads.is_empty() && config.bind.is_empty());
        }
    }
}
