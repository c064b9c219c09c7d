//! Comparing what two runs printed and wrote. Values in, a description of the first difference out.

use std::collections::BTreeMap;

use crate::case::Comparison;

/// What a run left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status; 128 + signal for a death by signal.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Files written, by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Says where `actual` differs from `expected`; `None`: nowhere.
pub fn difference(expected: &Outcome, actual: &Outcome, comparison: Comparison) -> Option<String> {
    if expected.status != actual.status {
        return Some(format!(
            "exit status {}, expected {}",
            actual.status, expected.status
        ));
    }
    let (wanted, got) = (
        normal(&expected.stdout, comparison),
        normal(&actual.stdout, comparison),
    );
    if let Some(text) = first_difference(&wanted, &got) {
        return Some(format!("standard output differs {text}"));
    }
    for (name, wanted) in &expected.files {
        match actual.files.get(name) {
            None => return Some(format!("file {name} was not written")),
            Some(got) => {
                if let Some(text) = first_difference(wanted, got) {
                    return Some(format!("file {name} differs {text}"));
                }
            }
        }
    }
    let surplus = actual
        .files
        .keys()
        .find(|name| !expected.files.contains_key(*name))?;
    Some(format!(
        "file {surplus} was written, which the oracle does not write"
    ))
}

fn normal(output: &[u8], comparison: Comparison) -> Vec<u8> {
    match comparison {
        Comparison::Exact => output.to_vec(),
        Comparison::Sorted => sorted_between_fences(output),
    }
}

/// Sorts lines, but moves none across a line that begins with `--`.
fn sorted_between_fences(output: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = output.split_inclusive(|&byte| byte == b'\n').collect();
    lines
        .chunk_by_mut(|a, b| !a.starts_with(b"--") && !b.starts_with(b"--"))
        .for_each(<[_]>::sort_unstable);
    lines.concat()
}

fn first_difference(wanted: &[u8], got: &[u8]) -> Option<String> {
    let at = match wanted.iter().zip(got).position(|(a, b)| a != b) {
        Some(at) => at,
        None if wanted.len() == got.len() => return None,
        None => wanted.len().min(got.len()),
    };
    let line = 1 + wanted[..at].iter().filter(|&&byte| byte == b'\n').count();
    let start = wanted[..at]
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1);
    Some(format!(
        "at byte {at}, line {line} (expected {} bytes, got {})\n  expected: {}\n       got: {}",
        wanted.len(),
        got.len(),
        line_at(wanted, start),
        line_at(got, start)
    ))
}

fn line_at(text: &[u8], start: usize) -> String {
    let line = text
        .get(start..)
        .unwrap_or_default()
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    if text.len() <= start {
        return "(end)".to_owned();
    }
    String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Outcome {
        Outcome {
            stdout: text.into(),
            ..Outcome::default()
        }
    }

    #[test]
    fn equal_outcomes_do_not_differ() {
        assert_eq!(
            difference(&printed("a\nb\n"), &printed("a\nb\n"), Comparison::Exact),
            None
        );
    }

    #[test]
    fn the_first_differing_line_is_named() {
        let text = difference(&printed("a\nb\n"), &printed("a\nc\n"), Comparison::Exact).unwrap();
        assert!(
            text.contains("line 2") && text.contains("expected: b") && text.contains("got: c"),
            "{text}"
        );
        let text = difference(&printed("a\nb\n"), &printed("a\n"), Comparison::Exact).unwrap();
        assert!(text.contains("got: (end)"), "{text}");
    }

    #[test]
    fn sorting_stops_at_fences() {
        let same = |a, b| difference(&printed(a), &printed(b), Comparison::Sorted).is_none();
        assert!(same("b\na\n--\nc\nd\n", "a\nb\n--\nd\nc\n"));
        assert!(!same("b\na\n--\nc\nd\n", "a\nc\n--\nb\nd\n"));
        assert!(!same("a\na\n", "a\n"));
    }

    #[test]
    fn status_and_files_count() {
        let with = |name: &str, bytes: &[u8]| Outcome {
            files: BTreeMap::from([(name.into(), bytes.into())]),
            ..Outcome::default()
        };
        let differ = |a: &Outcome, b: &Outcome| difference(a, b, Comparison::Exact).is_some();
        assert!(differ(
            &Outcome {
                status: 1,
                ..Outcome::default()
            },
            &Outcome::default()
        ));
        assert!(differ(&with("f", b"1"), &with("f", b"2")));
        assert!(differ(&with("f", b"1"), &Outcome::default()));
        assert!(differ(&Outcome::default(), &with("f", b"1")));
        assert!(!differ(&with("f", b"1"), &with("f", b"1")));
    }
}
