//! `--host a:4,user@b,n[1-3]:2`.

use super::{Host, Hosts, Mistake, Wrong, pattern};

/// Reads the value of `--host`; `source` names the option in messages. A host without a number has one slot each time it is named.
pub fn parse(source: &str, text: &str) -> Result<Hosts, Mistake> {
    let mut hosts = Hosts::default();
    for at in pattern::pieces(text) {
        add(text, at, &mut hosts).map_err(|wrong| Mistake::new(source, None, text, wrong))?;
    }
    Ok(hosts)
}

fn add(text: &str, at: std::ops::Range<usize>, hosts: &mut Hosts) -> Result<(), Wrong> {
    let start = at.start + (text[at.clone()].len() - text[at.clone()].trim_start().len());
    let at = start..start + text[start..at.end].trim_end().len();
    let entry = pattern::entry(text, at.clone())?;
    for name in entry.names {
        let host = Host {
            user: entry.user.clone(),
            ..Host::new(name, entry.slots.unwrap_or(1))
        };
        hosts
            .add(host)
            .map_err(|message| Wrong::new(at.clone(), message))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Hosts {
        parse("--host", text).unwrap_or_else(|mistake| panic!("{mistake}"))
    }

    #[test]
    fn hosts_have_slots_and_add_up() {
        let read = |text: &str| {
            let list = hosts(text);
            list.iter()
                .map(|host| format!("{} {}", host.name, host.slots))
                .collect::<Vec<_>>()
        };
        assert_eq!(read("a:4,b:4"), ["a 4", "b 4"]);
        assert_eq!(read("a,b,a"), ["a 2", "b 1"]);
        assert_eq!(read("n[1,3]:2, c"), ["n1 2", "n3 2", "c 1"]);
        assert_eq!(read("[::1]:4"), ["::1 4"]);
    }

    #[test]
    fn accounts_make_hosts_differ() {
        let hosts = hosts("a,me@a:2");
        let names: Vec<String> = hosts.iter().map(Host::destination).collect();
        assert_eq!(names, ["a", "me@a"]);
    }

    #[test]
    fn mistakes_show_the_list() {
        let mistake = parse("--host", "a:4,b:x").expect_err("no number");
        assert_eq!(
            mistake.to_string(),
            "--host: expected a number of slots, 1 to 4096\n  | a:4,b:x\n  |       ^"
        );
        assert!(parse("--host", "a,,b").is_err());
        assert!(parse("--host", "").is_err());
    }
}
