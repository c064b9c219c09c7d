//! What is wrong with hosts, judged by what their probes found. Pure.

use super::{Findings, shown_time};

/// Free memory below which a rank of any program is tight, in bytes.
const LITTLE: u64 = 256 << 20;
/// A way this much slower than the fastest is worth a word.
const MUCH: f64 = 10.0;

fn fact<'a>(finding: &'a Findings, name: &str) -> Option<&'a str> {
    finding.facts.get(name).map(String::as_str)
}

fn number(finding: &Findings, name: &str) -> Option<u64> {
    fact(finding, name)?.parse().ok()
}

/// What to do about a host whose probe did not work.
fn advice(trouble: &str) -> &'static str {
    let text = trouble.to_ascii_lowercase();
    if ["permission denied", "host key verification", "password"]
        .iter()
        .any(|part| text.contains(part))
    {
        "set up a login without a password (ssh-keygen, ssh-copy-id), and log in once by hand"
    } else if text.contains("resolve") || text.contains("name or service") {
        "correct its name in the list of hosts"
    } else if text.contains("status 127")
        || text.contains("no such file")
        || text.contains("not found")
    {
        "install caperun there at the same path, or let --push send it"
    } else if text.contains("answer within")
        || text.contains("timed out")
        || text.contains("refused")
    {
        "is it up, and does sshd run there? try the launch command by hand"
    } else {
        "try the launch command by hand; --launch-agent names another"
    }
}

/// Problems, each one line with its next step, and whether one of them keeps a job from running.
pub fn problems(findings: &[Findings]) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    let mut grave = false;
    let mut say = |host: &str, bad: bool, text: String| {
        let kind = if bad { "problem" } else { "note" };
        lines.push(format!("{kind}: host {host}: {text}"));
        grave |= bad;
    };
    let well = |finding: &&Findings| finding.trouble.is_none();
    let first = findings.iter().find(well);
    let fastest = findings
        .iter()
        .filter_map(|finding| finding.way)
        .map(|way| way.0)
        .fold(f64::INFINITY, f64::min);
    for finding in findings {
        let host = &finding.host;
        if let Some(trouble) = &finding.trouble {
            say(host, true, format!("{trouble}; {}", advice(trouble)));
            continue;
        }
        if finding.unreachable {
            let text = "cannot reach the first host over TCP: does a firewall drop connections between them? open the ports above 1024, or \
                        name an interface that they share";
            say(host, true, text.to_owned());
        }
        if let Some(first) = first {
            for (name, bad, next) in [
                (
                    "machine",
                    true,
                    "a job runs on machines of one kind; leave it out",
                ),
                (
                    "caperun",
                    true,
                    "install the same release on all hosts, or let --push send it",
                ),
                (
                    "libc",
                    false,
                    "programs must be linked with capec -static to run on both",
                ),
                (
                    "tracker",
                    false,
                    "its ranks notice writes at another speed; a newer kernel (6.7) has wp-async",
                ),
            ] {
                let (here, there) = (fact(finding, name), fact(first, name));
                if here != there {
                    let (here, there) = (here.unwrap_or("none"), there.unwrap_or("none"));
                    say(
                        host,
                        bad,
                        format!("{name} is {here}, but {there} on {}: {next}", first.host),
                    );
                }
            }
        }
        if fact(finding, "tracker").is_some_and(|tracker| tracker.starts_with("none")) {
            say(
                host,
                true,
                "no way to notice writes works there: allow userfaultfd or mprotect".to_owned(),
            );
        }
        if let (Some(cores), Ok(ranks)) = (number(finding, "cores"), u64::try_from(finding.ranks))
            && ranks > cores
        {
            say(
                host,
                false,
                format!("{ranks} ranks on {cores} cores share them: give it fewer slots"),
            );
        }
        if let (Some(free), Ok(ranks)) = (number(finding, "free"), u64::try_from(finding.ranks))
            && free < LITTLE.saturating_mul(ranks)
        {
            let megabytes = free >> 20;
            say(
                host,
                false,
                format!(
                    "{megabytes} MiB of free memory is little for {ranks} ranks: give it fewer slots"
                ),
            );
        }
        if let Some((latency, _)) = finding.way
            && latency > MUCH * fastest
        {
            let text = format!(
                "its latency of {} is far above that of others ({}): it slows every barrier",
                shown_time(latency),
                shown_time(fastest)
            );
            say(host, false, text);
        }
    }
    (lines, grave)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, facts: &[(&str, &str)]) -> Findings {
        let usual = [
            ("caperun", "0.1.0"),
            ("libc", "glibc-2.36"),
            ("machine", "x86_64"),
            ("tracker", "wp-async"),
            ("cores", "8"),
            ("free", "8000000000"),
        ];
        let facts = usual.iter().chain(facts);
        Findings {
            host: name.to_owned(),
            ranks: 4,
            facts: facts
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Findings::default()
        }
    }

    #[test]
    fn equal_hosts_are_fine() {
        assert_eq!(
            problems(&[host("a", &[]), host("b", &[])]),
            (Vec::new(), false)
        );
    }

    #[test]
    fn each_difference_has_a_next_step() {
        for (name, value, bad, part) in [
            ("caperun", "0.0.9", true, "--push"),
            ("libc", "glibc-2.31", false, "-static"),
            ("tracker", "sigsegv", false, "6.7"),
            ("machine", "aarch64", true, "leave it out"),
            ("cores", "2", false, "fewer slots"),
            ("free", "1000000", false, "free memory"),
        ] {
            let (lines, grave) = problems(&[host("a", &[]), host("b", &[(name, value)])]);
            assert_eq!((lines.len(), grave), (1, bad), "{name}: {lines:?}");
            assert!(
                lines[0].contains("host b: ") && lines[0].contains(part),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn hosts_that_do_not_answer_are_explained() {
        for (trouble, part) in [
            (
                "its launch command ended with status 255: a@b: Permission denied (publickey).",
                "ssh-copy-id",
            ),
            (
                "its launch command ended with status 127: sh: caperun: not found",
                "--push",
            ),
            ("did not answer within 30 s", "sshd"),
            (
                "its launch command ended with status 255: ssh: Could not resolve hostname x",
                "correct its name",
            ),
        ] {
            let broken = Findings {
                trouble: Some(trouble.to_owned()),
                ..host("b", &[])
            };
            let (lines, grave) = problems(&[host("a", &[]), broken]);
            assert!(grave && lines[0].contains(part), "{lines:?}");
        }
        let cut = Findings {
            unreachable: true,
            ..host("b", &[])
        };
        assert!(problems(&[host("a", &[]), cut]).0[0].contains("firewall"));
    }

    #[test]
    fn slow_ways_are_noted() {
        let way = |name: &str, latency| Findings {
            way: Some((latency, 1e9)),
            ..host(name, &[])
        };
        let (lines, grave) = problems(&[host("a", &[]), way("b", 5e-5), way("c", 5e-2)]);
        assert!(
            !grave && lines.len() == 1 && lines[0].contains("host c: its latency of 50.0 ms"),
            "{lines:?}"
        );
    }
}
