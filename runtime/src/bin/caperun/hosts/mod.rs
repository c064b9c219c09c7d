//! The hosts of a job, and which ranks run where: pure, so that every rule of it is tested without a second machine.
//!
//! ```text
//!  --host, --hostfile ──► list, hostfile ──┐
//!                                          ├──► Hosts ──► mapping ──► Mapping: per host its ranks
//!  Slurm, PBS, LSF ─────► allocation ──────┘
//! ```
//!
//! The syntax follows the habits of Open MPI and MPICH: a file for one of them works here. All text is taken as hostile: lengths
//! and counts are bounded before anything is allocated for them, and a name can be neither an option of `ssh` nor a piece of
//! shell. A mistake names file, line and column and shows the line ([`Mistake`]).

pub mod allocation;
pub mod here;
pub mod hostfile;
pub mod list;
pub mod mapping;
mod pattern;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// Hosts of one job at most.
pub const MOST_HOSTS: usize = 1 << 16;
/// Slots of one host at most: one process is a rank's, and a host has some ten thousand of them.
pub const MOST_SLOTS: u32 = 1 << 12;
/// Ranks of one job at most.
pub const MOST_RANKS: u32 = 1 << 16;

/// A machine that ranks run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The account there, from `user@host`.
    pub user: Option<String>,
    /// Name or address; an IPv6 address without its brackets.
    pub name: String,
    /// Ranks it should run at most: at least 1.
    pub slots: u32,
    /// Ranks it may run at most, however many are asked for; at least `slots`.
    pub max_slots: Option<u32>,
}

impl Host {
    /// A host of `slots` slots.
    pub fn new(name: impl Into<String>, slots: u32) -> Host {
        Host {
            user: None,
            name: name.into(),
            slots,
            max_slots: None,
        }
    }

    /// As a launcher such as `ssh` wants it: `name` or `user@name`.
    pub fn destination(&self) -> String {
        match &self.user {
            Some(user) => format!("{user}@{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The hosts of a job in the order they were named, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    list: Vec<Host>,
    /// Where a host stands in the list.
    places: HashMap<(Option<String>, String), usize>,
}

impl Hosts {
    /// The hosts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Host> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Slots of all hosts.
    pub fn slots(&self) -> u32 {
        self.iter()
            .fold(0, |sum, host| sum.saturating_add(host.slots))
    }

    /// Adds `host`; the slots of one that is there already add up, and its largest bound holds.
    pub fn add(&mut self, host: Host) -> Result<(), String> {
        if self.list.len() == MOST_HOSTS {
            return Err(format!("more than {MOST_HOSTS} hosts"));
        }
        let key = (host.user.clone(), host.name.clone());
        let place = *self.places.entry(key).or_insert(self.list.len());
        match self.list.get_mut(place) {
            None => self.list.push(host),
            Some(known) => {
                known.slots = known.slots.saturating_add(host.slots);
                if known.slots > MOST_SLOTS {
                    return Err(format!("{} has more than {MOST_SLOTS} slots", known.name));
                }
                let most = known.max_slots.max(host.max_slots);
                known.max_slots = most.map(|most| most.max(known.slots));
            }
        }
        Ok(())
    }
}

/// What is wrong with a piece of a line: bytes of that line, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    at: Range<usize>,
    message: String,
}

impl Wrong {
    fn new(at: Range<usize>, message: impl Into<String>) -> Wrong {
        Wrong {
            at,
            message: message.into(),
        }
    }
}

/// A mistake in a text that names hosts, with the place it is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, option or variable.
    pub source: String,
    /// Line, from 1; `None`: the source has one only.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what is expected.
    pub message: String,
    /// The line, and another with carets under the place.
    excerpt: String,
}

/// Characters of a line that an excerpt shows at most.
const WIDEST: usize = 100;

impl Mistake {
    fn new(source: &str, line: Option<usize>, text: &str, wrong: Wrong) -> Mistake {
        let before = text.get(..wrong.at.start).unwrap_or(text);
        let column = before.chars().count();
        let width = text
            .get(wrong.at.clone())
            .map_or(0, |piece| piece.chars().count());
        let first = column.saturating_sub(WIDEST / 2);
        // Control characters would move the carets, and a terminal's sequences are not for a file to write.
        let shown: String = text
            .chars()
            .skip(first)
            .take(WIDEST)
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        let indent = " ".repeat(column - first);
        let carets = "^".repeat(width.clamp(1, WIDEST));
        Mistake {
            source: source.to_owned(),
            line,
            column: column + 1,
            message: wrong.message,
            excerpt: format!("  | {shown}\n  | {indent}{carets}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Mistake {
            source,
            column,
            message,
            excerpt,
            ..
        } = self;
        match self.line {
            Some(line) => write!(f, "{source}:{line}:{column}: {message}\n{excerpt}"),
            None => write!(f, "{source}: {message}\n{excerpt}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_shows_its_place() {
        let wrong = Wrong::new(6..13, "expected a number");
        let mistake = Mistake::new("hosts", Some(3), "nöde\tslots=x", wrong);
        assert_eq!(
            mistake.to_string(),
            "hosts:3:6: expected a number\n  | nöde slots=x\n  |      ^^^^^^^"
        );
    }

    #[test]
    fn long_lines_and_odd_places_are_shown_in_part() {
        let text = "x".repeat(100_000);
        let mistake = Mistake::new("f", Some(1), &text, Wrong::new(50_000..99_999, "no"));
        assert!(mistake.to_string().len() < 400, "{mistake}");
        assert_eq!(mistake.column, 50_001);
        let beyond = Mistake::new("f", None, "short", Wrong::new(5..6, "more is expected"));
        assert_eq!(
            beyond.to_string(),
            "f: more is expected\n  | short\n  |      ^"
        );
    }

    #[test]
    fn hosts_add_up() {
        let mut hosts = Hosts::default();
        for (name, slots) in [("a", 1), ("b", 2), ("a", 3)] {
            hosts.add(Host::new(name, slots)).expect("few");
        }
        let list: Vec<&Host> = hosts.iter().collect();
        assert_eq!(list, [&Host::new("a", 4), &Host::new("b", 2)]);
        assert_eq!(hosts.slots(), 6);
        assert!(hosts.add(Host::new("a", MOST_SLOTS)).is_err());
    }
}
