//! Names of hosts and ranges of them: `user@node[01-04,7]:2`, `[fe80::1]:4`, and lists of such at commas.

use std::ops::Range;

use super::{MOST_HOSTS, Wrong};

/// One word that names hosts, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The account, if one is named.
    pub user: Option<String>,
    /// The names it stands for: at least one.
    pub names: Vec<String>,
    /// The number behind the colon.
    pub slots: Option<u32>,
}

/// The pieces of `text` between commas outside brackets, as ranges of it.
pub fn pieces(text: &str) -> Vec<Range<usize>> {
    let (mut depth, mut start, mut pieces) = (0_usize, 0, Vec::new());
    for (at, letter) in text.bytes().enumerate() {
        match letter {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                pieces.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(start..text.len());
    pieces
}

fn shifted(by: usize) -> impl Fn(Wrong) -> Wrong {
    move |wrong| Wrong {
        at: wrong.at.start + by..wrong.at.end + by,
        ..wrong
    }
}

/// Reads `line[at]`: `[user@]names[:slots]`. Ranges of what is wrong are of the whole `line`.
pub fn entry(line: &str, at: Range<usize>) -> Result<Entry, Wrong> {
    parse(&line[at.clone()]).map_err(shifted(at.start))
}

fn parse(word: &str) -> Result<Entry, Wrong> {
    let (user, start) = match word.find('@') {
        Some(end) => (Some(account(&word[..end])?), end + 1),
        None => (None, 0),
    };
    let host = &word[start..];
    let (names, rest) = match address(host) {
        Some(end) => (
            vec![checked_address(&host[1..end - 1]).map_err(shifted(start + 1))?],
            &host[end..],
        ),
        None => {
            let end = host.find(':').unwrap_or(host.len());
            if host[end..].matches(':').count() > 1 {
                let expected = format!("an IPv6 address is written in brackets: [{host}]");
                return Err(Wrong::new(start..word.len(), expected));
            }
            let names = expand(&host[..end]).map_err(shifted(start))?;
            (names, &host[end..])
        }
    };
    let behind = word.len() - rest.len();
    let slots = match rest.strip_prefix(':') {
        Some(number) => Some(slots(number).map_err(shifted(behind + 1))?),
        None if rest.is_empty() => None,
        None => {
            return Err(Wrong::new(
                behind..word.len(),
                "expected : and a number of slots, or the end of the name",
            ));
        }
    };
    Ok(Entry { user, names, slots })
}

/// The end of a bracketed IPv6 address that `host` begins with.
fn address(host: &str) -> Option<usize> {
    let end = host.strip_prefix('[')?.find(']')? + 2;
    host[..end].contains(':').then_some(end)
}

fn checked_address(text: &str) -> Result<String, Wrong> {
    let (address, zone) = text
        .split_once('%')
        .map_or((text, None), |(address, zone)| (address, Some(zone)));
    let named = |zone: &str| {
        !zone.is_empty()
            && zone
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if address.parse::<std::net::Ipv6Addr>().is_ok() && zone.is_none_or(named) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new(0..text.len(), "this is no IPv6 address"))
    }
}

fn account(text: &str) -> Result<String, Wrong> {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+$\\".contains(&byte);
    if text.is_empty() || text.starts_with('-') || !text.bytes().all(ordinary) {
        return Err(Wrong::new(
            0..text.len().max(1),
            "expected the name of an account before @",
        ));
    }
    Ok(text.to_owned())
}

/// A number of slots, at least 1.
pub fn slots(text: &str) -> Result<u32, Wrong> {
    let number = text.parse::<u32>().ok();
    number
        .filter(|number| (1..=super::MOST_SLOTS).contains(number))
        .ok_or_else(|| {
            let expected = format!("expected a number of slots, 1 to {}", super::MOST_SLOTS);
            Wrong::new(0..text.len().max(1), expected)
        })
}

/// Letters that a host's name may have: no shell, `ssh` or path treats any of them specially.
fn check_name(text: &str, at: usize) -> Result<(), Wrong> {
    let odd = |letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    match text.char_indices().find(|(_, letter)| odd(*letter)) {
        Some((place, letter)) => Err(Wrong::new(
            at + place..at + place + letter.len_utf8(),
            format!("a host's name has letters, digits and - _ . only, not {letter:?}"),
        )),
        None => Ok(()),
    }
}

/// The names that `text` stands for: each `[…]` in it once for each number.
pub fn expand(text: &str) -> Result<Vec<String>, Wrong> {
    let mut names = vec![String::new()];
    let (mut rest, mut at) = (text, 0);
    while let Some(open) = rest.find('[') {
        let close = rest[open..]
            .find(']')
            .ok_or_else(|| Wrong::new(at + open..text.len(), "this bracket is not closed"))?
            + open;
        check_name(&rest[..open], at)?;
        let numbers = numbers(&rest[open + 1..close]).map_err(shifted(at + open + 1))?;
        if names.len().saturating_mul(numbers.len()) > MOST_HOSTS {
            return Err(too_many(at + open..at + close + 1));
        }
        let plain = &rest[..open];
        names = names
            .iter()
            .flat_map(|name| numbers.iter().map(move |n| format!("{name}{plain}{n}")))
            .collect();
        at += close + 1;
        rest = &rest[close + 1..];
    }
    check_name(rest, at)?;
    names.iter_mut().for_each(|name| name.push_str(rest));
    match names.first() {
        Some(name) if name.is_empty() => Err(Wrong::new(0..1, "expected the name of a host")),
        Some(name) if name.starts_with('-') => {
            Err(Wrong::new(0..1, "a host's name does not begin with -"))
        }
        _ => Ok(names),
    }
}

fn too_many(at: Range<usize>) -> Wrong {
    Wrong::new(at, format!("this stands for more than {MOST_HOSTS} hosts"))
}

/// The numbers of `01-04,7`, as they are written: a range's numbers have at least as many digits as its first.
fn numbers(text: &str) -> Result<Vec<String>, Wrong> {
    let mut numbers = Vec::new();
    for piece in pieces(text) {
        let range = &text[piece.clone()];
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (low, high) = (number(first), number(last));
        let (Some(low), Some(high)) = (low, high) else {
            return Err(Wrong::new(
                piece.start..piece.end.max(piece.start + 1),
                "expected a number or a range such as 01-04",
            ));
        };
        if low > high {
            let message = format!("this range goes down: write {last}-{first}");
            return Err(Wrong::new(piece, message));
        }
        let count = usize::try_from(high - low).unwrap_or(usize::MAX);
        if count.saturating_add(numbers.len()) >= MOST_HOSTS {
            return Err(too_many(piece));
        }
        let digits = first.len();
        numbers.extend((low..=high).map(|number| format!("{number:0digits$}")));
    }
    Ok(numbers)
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        expand(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
    }

    fn refused(text: &str) -> (Range<usize>, String) {
        let wrong = entry(text, 0..text.len()).expect_err(text);
        (wrong.at, wrong.message)
    }

    #[test]
    fn ranges_are_expanded_in_order() {
        assert_eq!(names("node"), ["node"]);
        assert_eq!(names("n[1-3,7]"), ["n1", "n2", "n3", "n7"]);
        assert_eq!(names("n[08-11].x"), ["n08.x", "n09.x", "n10.x", "n11.x"]);
        assert_eq!(names("r[1-2]n[0-1]"), ["r1n0", "r1n1", "r2n0", "r2n1"]);
        assert_eq!(names("n[5]"), ["n5"]);
        assert_eq!(names("n[98-101]"), ["n98", "n99", "n100", "n101"]);
    }

    #[test]
    fn a_word_has_account_names_and_slots() {
        let whole = |text: &str| entry(text, 0..text.len()).expect(text);
        assert_eq!(
            whole("me@n[1-2]:4"),
            Entry {
                user: Some("me".into()),
                names: vec!["n1".into(), "n2".into()],
                slots: Some(4)
            }
        );
        assert_eq!(whole("[fe80::1%eth0]:2").names, ["fe80::1%eth0"]);
        assert_eq!(whole("me@[::1]").names, ["::1"]);
        assert_eq!(whole("10.0.0.1:3").slots, Some(3));
        assert_eq!(whole("a").slots, None);
    }

    #[test]
    fn mistakes_are_at_their_place() {
        assert_eq!(refused("n[3-1]").0, 2..5);
        assert!(refused("n[3-1]").1.contains("1-3"));
        assert_eq!(refused("node[1-").0, 4..7);
        assert_eq!(refused("no;de").0, 2..3);
        assert_eq!(refused("a:0").0, 2..3);
        assert_eq!(refused("a:").0, 2..3);
        assert_eq!(refused("n[1,]").0, 4..5);
        assert!(refused("-oProxyCommand=x").1.contains('-'));
        assert!(refused("-o").1.contains("begin with -"));
        assert!(refused("fe80::1").1.contains("[fe80::1]"));
        assert!(refused("[fe80:::1]").1.contains("IPv6"));
        assert!(refused("[::1]x").1.contains("slots"));
        assert!(refused("@a").1.contains("account"));
        assert!(refused("$(x)@a").1.contains("account"));
        assert!(refused("n[0-99999]").1.contains("more than"));
        assert!(refused("n[0-999][0-999]").1.contains("more than"));
        assert!(refused("n[0-999999999999999999]").1.contains("more than"));
        assert!(refused("").1.contains("name of a host"));
    }

    #[test]
    fn commas_in_brackets_do_not_separate() {
        let text = "a,n[1,2]:3,,b";
        let found: Vec<&str> = pieces(text).into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["a", "n[1,2]:3", "", "b"]);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused_inside_the_text(text in "[a-c0-3\\[\\]:@,.\\-é%]{0,24}") {
            if let Err(wrong) = entry(&text, 0..text.len()) {
                prop_assert!(wrong.at.start <= text.len(), "{wrong:?}");
                prop_assert!(wrong.at.start < wrong.at.end, "{wrong:?}");
            }
        }

        #[test]
        fn ranges_agree_with_counting(low in 0_u32..2000, count in 1_u32..50, zeros in 0_usize..4) {
            let digits = low.to_string().len() + zeros;
            let text = format!("n[{low:0digits$}-{}]", low + count - 1);
            let expected: Vec<String> = (low..low + count).map(|n| format!("n{n:0digits$}")).collect();
            prop_assert_eq!(names(&text), expected);
        }
    }
}
