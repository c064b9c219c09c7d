//! `--hostfile F`: one host or range of hosts a line, in the habits of Open MPI and of MPICH.
//!
//! ```text
//! # a comment; // too
//! node01 slots=4 max_slots=8      Open MPI
//! node02:4                        MPICH
//! node[03-06,9] slots=4           a range
//! me@[fe80::7] slots=2            an account, an IPv6 address
//! ```
//!
//! A line without a number means one slot; a host's lines add up. What would be ignored by others is an error here: a typing error
//! in `slots=` would otherwise cost a run.

use std::ops::Range;

use super::{Host, Hosts, Mistake, Wrong, pattern};

/// Bytes of a hostfile at most.
pub const LONGEST: u64 = 16 << 20;

/// Reads the text of the hostfile `file`.
pub fn parse(file: &str, text: &str) -> Result<Hosts, Mistake> {
    let mut hosts = Hosts::default();
    for (number, line) in text.lines().enumerate() {
        let content = &line[..comment(line)];
        add(content, &mut hosts)
            .map_err(|wrong| Mistake::new(file, Some(number + 1), line, wrong))?;
    }
    if hosts.is_empty() {
        let wrong = Wrong::new(
            0..1,
            "this file names no host: one a line, such as node01 slots=4",
        );
        return Err(Mistake::new(
            file,
            Some(1),
            text.lines().next().unwrap_or_default(),
            wrong,
        ));
    }
    Ok(hosts)
}

/// Where a comment begins, or the end of the line.
fn comment(line: &str) -> usize {
    [line.find('#'), line.find("//")]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(line.len())
}

fn words(line: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        match (letter.is_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn add(line: &str, hosts: &mut Hosts) -> Result<(), Wrong> {
    let words = words(line);
    let Some((first, rest)) = words.split_first() else {
        return Ok(());
    };
    let entry = pattern::entry(line, first.clone())?;
    let mut host = Host {
        user: entry.user,
        ..Host::new("", entry.slots.unwrap_or(1))
    };
    for word in rest {
        set(line, word.clone(), entry.slots.is_some(), &mut host)?;
    }
    if let Some(max) = host.max_slots.filter(|max| *max < host.slots) {
        let message = format!("max_slots={max} is less than the {} slots", host.slots);
        return Err(Wrong::new(first.start..line.trim_end().len(), message));
    }
    for name in entry.names {
        hosts
            .add(Host {
                name,
                ..host.clone()
            })
            .map_err(|message| Wrong::new(first.clone(), message))?;
    }
    Ok(())
}

/// Takes one `key=value`.
fn set(line: &str, at: Range<usize>, counted: bool, host: &mut Host) -> Result<(), Wrong> {
    let word = &line[at.clone()];
    let expected = "expected slots=N, max_slots=N or user=NAME";
    let (key, value) = word
        .split_once('=')
        .ok_or_else(|| Wrong::new(at.clone(), expected))?;
    let value_at = at.start + key.len() + 1;
    let number = || {
        pattern::slots(value).map_err(|wrong| Wrong {
            at: value_at + wrong.at.start..value_at + wrong.at.end,
            ..wrong
        })
    };
    match key {
        "slots" | "cpu" | "count" if counted => {
            return Err(Wrong::new(
                at,
                "the number of slots stands behind the host's name already",
            ));
        }
        "slots" | "cpu" | "count" => host.slots = number()?,
        "max_slots" | "max-slots" | "cpu_max" | "count_max" => host.max_slots = Some(number()?),
        "user" | "username" | "user_name" => {
            let whole = format!("{value}@x");
            let entry = pattern::entry(&whole, 0..whole.len())
                .map_err(|wrong| Wrong::new(at.clone(), wrong.message))?;
            host.user = entry.user;
        }
        _ => return Err(Wrong::new(at, expected)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hosts(text: &str) -> Vec<(String, u32, Option<u32>)> {
        parse("hosts", text)
            .unwrap_or_else(|mistake| panic!("{mistake}"))
            .iter()
            .map(|host| (host.destination(), host.slots, host.max_slots))
            .collect()
    }

    fn mistake(text: &str) -> String {
        parse("hosts", text).expect_err(text).to_string()
    }

    #[test]
    fn both_habits_are_read() {
        let text = "# ours\n\nnode01 slots=4 max_slots=8 # fast\n  node02:3\n\tnode[03-04]  max-slots=2 // slow\r\nme@[fe80::7] slots=2\nnode02\nn9 user=you";
        let expected = [
            ("node01", 4, Some(8)),
            ("node02", 4, None),
            ("node03", 1, Some(2)),
            ("node04", 1, Some(2)),
            ("me@fe80::7", 2, None),
            ("you@n9", 1, None),
        ];
        let expected: Vec<_> = expected
            .map(|(name, slots, max)| (name.to_owned(), slots, max))
            .into();
        assert_eq!(hosts(text), expected);
    }

    #[test]
    fn bounds_hold_over_several_lines() {
        assert_eq!(
            hosts("a slots=2 max_slots=4\na slots=1"),
            [("a".to_owned(), 3, Some(4))]
        );
        assert_eq!(
            hosts("a slots=2 max_slots=2\na slots=1"),
            [("a".to_owned(), 3, Some(3))]
        );
    }

    #[test]
    fn mistakes_name_line_and_column() {
        assert_eq!(
            mistake("a slots=1\nnode2 slots=x\n"),
            "hosts:2:13: expected a number of slots, 1 to 4096\n  | node2 slots=x\n  |             ^"
        );
        assert!(mistake("a slot=4").starts_with("hosts:1:3: expected slots=N"));
        assert!(mistake("a 4").starts_with("hosts:1:3: expected slots=N"));
        assert!(mistake("a:2 slots=3").starts_with("hosts:1:5: the number of slots"));
        assert!(mistake("a slots=4 max_slots=2").contains("less than the 4 slots"));
        assert!(mistake("b[1-").starts_with("hosts:1:2: "));
        assert!(mistake("# nothing\n").contains("names no host"));
        assert!(mistake("").contains("names no host"));
        assert!(mistake("a slots=4096\na slots=1").contains("more than 4096 slots"));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "(?s).{0,200}") {
            let _ = parse("f", &text);
        }

        #[test]
        fn what_is_written_is_read(counts in proptest::collection::vec((1_u32..100, any::<bool>()), 1..20)) {
            let text: String = counts
                .iter()
                .enumerate()
                .map(|(n, (slots, colon))| if *colon { format!("h{n}:{slots}\n") } else { format!("h{n}\t slots={slots} # {n}\n") })
                .collect();
            let expected: Vec<_> = counts.iter().enumerate().map(|(n, (slots, _))| (format!("h{n}"), *slots, None)).collect();
            prop_assert_eq!(hosts(&text), expected);
        }
    }
}
