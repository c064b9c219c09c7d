//! What the user asks to be shown: the internal control variables (`OMP_DISPLAY_ENV`, 21.7) in the format of gcc's runtime, followed by
//! what is set of `CAPE_*`; and where threads run (`OMP_AFFINITY_FORMAT`, 21.2.5).

use std::fmt::Write;

use crate::config::openmp::{ALLOCATORS, TargetOffload};
use crate::icv::{self, Binding, Icvs, Process, Schedule, ScheduleKind, WaitPolicy, process};
use crate::places::{self, Place};

/// Writes the variables to stderr.
pub fn environment(verbose: bool) {
    let mut text = String::from("\nOPENMP DISPLAY ENVIRONMENT BEGIN\n");
    text.push_str("  _OPENMP = '201511'\n");
    let mut variables = openmp(process(), &icv::current());
    if verbose {
        let tool = if process().config.tool {
            "enabled"
        } else {
            "disabled"
        };
        variables.push(("OMP_TOOL", tool.to_owned()));
    }
    for (name, value) in variables.into_iter().chain(crate::config::described()) {
        let _ = writeln!(text, "  {name} = '{value}'");
    }
    text.push_str("OPENMP DISPLAY ENVIRONMENT END");
    crate::failure::say(text);
}

fn truth(value: bool) -> String {
    (if value { "TRUE" } else { "FALSE" }).to_owned()
}

fn joined<T>(list: &[T], show: impl Fn(&T) -> String) -> String {
    list.iter().map(show).collect::<Vec<_>>().join(",")
}

fn binding(policy: Binding) -> String {
    match policy {
        Binding::False => "FALSE",
        Binding::True => "TRUE",
        Binding::Primary => "MASTER",
        Binding::Close => "CLOSE",
        Binding::Spread => "SPREAD",
    }
    .to_owned()
}

/// As `OMP_SCHEDULE` spells it; a modifier that the kind has anyway is left out.
fn schedule(schedule: Schedule, monotonic: bool) -> String {
    let name = match schedule.kind {
        ScheduleKind::Static => "STATIC",
        ScheduleKind::Dynamic => "DYNAMIC",
        ScheduleKind::Guided => "GUIDED",
        ScheduleKind::Auto => "AUTO",
    };
    let modifier = match (schedule.kind, monotonic) {
        (ScheduleKind::Static, false) => "NONMONOTONIC:",
        (ScheduleKind::Dynamic | ScheduleKind::Guided | ScheduleKind::Auto, true) => "MONOTONIC:",
        _ => "",
    };
    let default = u64::from(matches!(
        schedule.kind,
        ScheduleKind::Dynamic | ScheduleKind::Guided
    ));
    match schedule.chunk {
        chunk if chunk == default => format!("{modifier}{name}"),
        chunk => format!("{modifier}{name},{chunk}"),
    }
}

fn openmp(process: &Process, icvs: &Icvs) -> Vec<(&'static str, String)> {
    let config = &process.config;
    let threads = match config.num_threads.as_slice() {
        [_, rest @ ..] if !rest.is_empty() => {
            format!("{},{}", icvs.threads, joined(rest, u32::to_string))
        }
        _ => icvs.threads.to_string(),
    };
    let bind = match config.bind.as_slice() {
        list if list.len() > 1 => joined(list, |policy| binding(*policy)),
        _ => binding(icvs.bind),
    };
    let patience = match config.wait_policy {
        Some(WaitPolicy::Active) => "ACTIVE",
        Some(WaitPolicy::Passive) | None => "PASSIVE",
    };
    let offload = match config.target_offload {
        TargetOffload::Default => "DEFAULT",
        TargetOffload::Mandatory => "MANDATORY",
        TargetOffload::Disabled => "DISABLED",
    };
    let allocator = usize::try_from(icvs.allocator)
        .ok()
        .and_then(|handle| ALLOCATORS.get(handle.wrapping_sub(1)))
        .map_or_else(
            || format!("{:#x}", icvs.allocator),
            |name| (*name).to_owned(),
        );
    vec![
        ("OMP_DYNAMIC", truth(icvs.dynamic)),
        ("OMP_NESTED", truth(icvs.max_active_levels > 1)),
        ("OMP_NUM_THREADS", threads),
        ("OMP_SCHEDULE", schedule(icvs.schedule, icvs.monotonic)),
        ("OMP_PROC_BIND", bind),
        ("OMP_PLACES", joined(&process.places, Place::to_string)),
        ("OMP_STACKSIZE", config.stack_size.unwrap_or(0).to_string()),
        ("OMP_WAIT_POLICY", patience.to_owned()),
        ("OMP_THREAD_LIMIT", icvs.thread_limit.to_string()),
        ("OMP_MAX_ACTIVE_LEVELS", icvs.max_active_levels.to_string()),
        ("OMP_NUM_TEAMS", process.num_teams().to_string()),
        (
            "OMP_TEAMS_THREAD_LIMIT",
            process.teams_thread_limit().to_string(),
        ),
        ("OMP_CANCELLATION", truth(config.cancellation)),
        ("OMP_DEFAULT_DEVICE", icvs.default_device.to_string()),
        (
            "OMP_MAX_TASK_PRIORITY",
            config.max_task_priority.to_string(),
        ),
        ("OMP_DISPLAY_AFFINITY", truth(config.display_affinity)),
        ("OMP_AFFINITY_FORMAT", process.affinity_format()),
        ("OMP_ALLOCATOR", allocator),
        ("OMP_TARGET_OFFLOAD", offload.to_owned()),
    ]
}

/// What a thread's line about itself may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFacts {
    /// `%t`
    pub team_number: i32,
    /// `%T`
    pub teams: i32,
    /// `%L`
    pub level: i32,
    /// `%n`
    pub number: i32,
    /// `%N`
    pub threads: i32,
    /// `%a`
    pub ancestor: i32,
    /// `%H`
    pub host: String,
    /// `%P`
    pub process: u32,
    /// `%i`
    pub native: u64,
    /// `%A`
    pub affinity: Vec<u32>,
}

/// `0-3,8`
fn processor_list(processors: &[u32]) -> String {
    joined(&places::ranges(processors), |(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    })
}

/// Fills in `%[[0].size]type` and `%[[0].size]{name}` (21.2.5). A field that is not known is copied as it is.
pub fn affinity(format: &str, facts: &ThreadFacts) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match field(rest) {
            Some((field, after)) => {
                text.push_str(&field.render(facts));
                rest = after;
            }
            None => text.push('%'),
        }
    }
    text.push_str(rest);
    text
}

struct Field {
    zeros: bool,
    right: bool,
    width: usize,
    kind: char,
}

/// Widest field: what is wider is no reasonable request and would only fill memory.
const WIDEST: usize = 4096;

fn field(text: &str) -> Option<(Field, &str)> {
    if let Some(after) = text.strip_prefix('%') {
        let percent = Field {
            zeros: false,
            right: false,
            width: 0,
            kind: '%',
        };
        return Some((percent, after));
    }
    let zeros = text.starts_with("0.");
    let text = text.strip_prefix('0').filter(|_| zeros).unwrap_or(text);
    let right = text.starts_with('.');
    let text = text.strip_prefix('.').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (width, text) = text.split_at(digits);
    let width = if width.is_empty() {
        0
    } else {
        width.parse().ok().filter(|w| *w <= WIDEST)?
    };
    let (kind, after) = match text.strip_prefix('{') {
        Some(named) => {
            let (name, after) = named.split_once('}')?;
            (long_name(name)?, after)
        }
        None => {
            let kind = text.chars().next()?;
            (kind, &text[kind.len_utf8()..])
        }
    };
    let field = Field {
        zeros,
        right,
        width,
        kind,
    };
    "tTLnNaHPiA".contains(kind).then_some((field, after))
}

fn long_name(name: &str) -> Option<char> {
    const NAMES: [(&str, char); 10] = [
        ("team_num", 't'),
        ("num_teams", 'T'),
        ("nesting_level", 'L'),
        ("thread_num", 'n'),
        ("num_threads", 'N'),
        ("ancestor_tnum", 'a'),
        ("host", 'H'),
        ("process_id", 'P'),
        ("native_thread_id", 'i'),
        ("thread_affinity", 'A'),
    ];
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind)
}

impl Field {
    fn render(&self, facts: &ThreadFacts) -> String {
        let (value, number) = match self.kind {
            't' => (facts.team_number.to_string(), true),
            'T' => (facts.teams.to_string(), true),
            'L' => (facts.level.to_string(), true),
            'n' => (facts.number.to_string(), true),
            'N' => (facts.threads.to_string(), true),
            'a' => (facts.ancestor.to_string(), true),
            'P' => (facts.process.to_string(), true),
            'i' => (format!("{:#x}", facts.native), true),
            'H' => (facts.host.clone(), false),
            'A' => (processor_list(&facts.affinity), false),
            _ => ("%".to_owned(), false),
        };
        let width = self.width;
        match (self.right, self.zeros && number, self.kind) {
            (true, true, 'i') => format!("0x{:0>1$}", &value[2..], width.saturating_sub(2)),
            (true, true, _) => match value.strip_prefix('-') {
                Some(digits) => format!("-{digits:0>0$}", width.saturating_sub(1)),
                None => format!("{value:0>width$}"),
            },
            (true, false, _) => format!("{value:>width$}"),
            (false, ..) => format!("{value:<width$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> ThreadFacts {
        ThreadFacts {
            team_number: 0,
            teams: 1,
            level: 1,
            number: 3,
            threads: 4,
            ancestor: 0,
            host: "node7".to_owned(),
            process: 1234,
            native: 0x7f00,
            affinity: vec![0, 1, 2, 5],
        }
    }

    #[test]
    fn fields_are_filled_in() {
        let shown = |format: &str| affinity(format, &facts());
        assert_eq!(
            shown("level %L thread %i affinity %A"),
            "level 1 thread 0x7f00 affinity 0-2,5"
        );
        assert_eq!(
            shown("%n/%N on %H (%P) %t of %T, %a"),
            "3/4 on node7 (1234) 0 of 1, 0"
        );
        assert_eq!(shown("%{thread_num}|%4n|%.4n|%0.4n|"), "3|3   |   3|0003|");
        assert_eq!(shown("%0.8{native_thread_id}"), "0x007f00");
        assert_eq!(shown("%.8H|%8{thread_affinity}|"), "   node7|0-2,5   |");
        assert_eq!(shown("100%% %z %{none} %"), "100% %z %{none} %");
    }

    #[test]
    fn schedules_are_shown_as_they_are_written() {
        let of = |kind, chunk, monotonic| schedule(Schedule { kind, chunk }, monotonic);
        assert_eq!(of(ScheduleKind::Static, 0, true), "STATIC");
        assert_eq!(of(ScheduleKind::Static, 3, true), "STATIC,3");
        assert_eq!(of(ScheduleKind::Dynamic, 1, false), "DYNAMIC");
        assert_eq!(of(ScheduleKind::Dynamic, 7, true), "MONOTONIC:DYNAMIC,7");
    }

    #[test]
    fn what_is_shown_follows_the_variables() {
        let shown = openmp(process(), &Icvs::INITIAL);
        let value = |name| {
            shown
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(value("OMP_NUM_THREADS"), Some("1"));
        assert_eq!(value("OMP_THREAD_LIMIT"), Some("4294967295"));
        assert_eq!(value("OMP_ALLOCATOR"), Some("omp_default_mem_alloc"));
        assert_eq!(shown.len(), 19);
    }
}
