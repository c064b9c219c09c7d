//! What is said when an agent cannot be started or is lost: host, cause, next step. Pure.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::Site;

/// Most of what a launch command has said that is shown.
const SHOWN: usize = 600;

/// Ranks in a sentence: `rank 3`, `ranks 4-7, 9`.
pub fn ranks(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let text: Vec<String> = runs
        .iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}-{last}"),
        })
        .collect();
    let noun = if numbers.len() == 1 { "rank" } else { "ranks" };
    format!("{noun} {}", text.join(", "))
}

/// Where and what: the subject of every sentence here.
fn who(site: &Site) -> String {
    format!("host {} ({})", site.host, ranks(&site.all_ranks()))
}

/// The last lines of what a launch command has said, on one line.
fn said(noise: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(noise)
        .chars()
        .filter(|c| *c != '\r')
        .map(|c| if c.is_control() && c != '\n' { '?' } else { c })
        .collect();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("caperun: error: "))
        .filter(|line| !line.is_empty())
        .collect();
    let mut shown = lines.join("; ");
    if shown.len() > SHOWN {
        let from = (shown.len() - SHOWN..)
            .find(|at| shown.is_char_boundary(*at))
            .unwrap_or(0);
        shown = format!("...{}", &shown[from..]);
    }
    (!shown.is_empty()).then_some(shown)
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        _ => "ended".into(),
    }
}

/// The next step, from what ssh and shells usually say.
fn advice(site: &Site, status: Option<ExitStatus>, noise: &str, command: &str) -> String {
    let host = &site.host;
    let has = |words: &[&str]| words.iter().any(|word| noise.contains(word));
    if has(&["Permission denied", "password", "publickey"]) {
        return format!(
            "let ssh log in there without a password (ssh-copy-id {host}); caperun cannot answer questions"
        );
    }
    if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION"]) {
        return format!("connect once by hand to accept its key: ssh {host}");
    }
    if has(&[
        "Could not resolve",
        "Name or service not known",
        "not known",
    ]) {
        return "correct its name in the list of hosts".into();
    }
    if has(&[
        "Connection refused",
        "No route to host",
        "timed out",
        "unreachable",
    ]) {
        return format!("check that it is up and that its sshd can be reached: ssh {host} true");
    }
    if has(&["No such file", "not found"]) || status.and_then(|status| status.code()) == Some(127) {
        return "install caperun there under the same path, or let it be sent with --push".into();
    }
    format!("try the command by hand: {command}")
}

/// The launch command ended before its agent reported.
pub fn not_started(site: &Site, status: ExitStatus, noise: &[u8], command: &str) -> String {
    let said = said(noise);
    let advice = advice(site, Some(status), said.as_deref().unwrap_or(""), command);
    match said {
        Some(said) => format!(
            "{}: its agent could not be started: {said} (the launch command {}): {advice}",
            who(site),
            ended(status)
        ),
        None => format!(
            "{}: its agent could not be started: the launch command {} and said nothing: {advice}",
            who(site),
            ended(status)
        ),
    }
}

/// The launch command itself cannot be executed.
pub fn no_launcher(site: &Site, program: &str, error: &std::io::Error) -> String {
    format!(
        "{}: cannot execute the launch command {program}: {error}; install it, or name another with --launch-agent",
        who(site)
    )
}

/// The agent did not report in time.
pub fn silent_start(site: &Site, seconds: u64, noise: &[u8], command: &str) -> String {
    let said = said(noise);
    let advice = advice(site, None, said.as_deref().unwrap_or(""), command);
    let said = said.map_or_else(String::new, |said| {
        format!(" (the launch command said: {said})")
    });
    format!(
        "{}: its agent did not report within {seconds} s{said}: is the host slow, does a firewall drop connections to this one? {advice}",
        who(site)
    )
}

/// A task of another launcher's did not report in time.
pub fn absent(site: &Site, seconds: u64) -> String {
    format!(
        "{}: did not report within {seconds} s although its task had met this one: does a firewall drop connections between their hosts? \
         CAPE_INTERFACE names another address for this host",
        who(site)
    )
}

/// The link to an agent is gone.
pub fn lost(site: &Site, reason: &str, status: Option<ExitStatus>, noise: &[u8]) -> String {
    let how = match status {
        Some(status) if status.signal().is_some() || !status.success() => {
            format!("its launch command {}", ended(status))
        }
        _ => reason.to_owned(),
    };
    let said = said(noise).map_or_else(String::new, |said| format!(" and said: {said}"));
    format!(
        "{}: lost its agent in mid-job: {how}{said}: look whether the host went down or somebody killed it, and run the program again",
        who(site)
    )
}

/// Nothing was heard from an agent for too long.
pub fn silent(site: &Site, seconds: u64) -> String {
    format!(
        "{}: no sign of life for {seconds} s: the host hangs or is cut off; check it and the network between, and run the program again",
        who(site)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            agent: 0,
            host: "node7".into(),
            beside: false,
            joins: false,
            before: 0,
            ranks: vec![4, 5, 6],
            below: vec![Site {
                agent: 1,
                host: "node8".into(),
                beside: false,
                joins: false,
                before: 0,
                ranks: vec![9],
                below: Vec::new(),
            }],
        }
    }

    #[test]
    fn ranks_are_listed_shortly() {
        assert_eq!(ranks(&[3]), "rank 3");
        assert_eq!(ranks(&[0, 1]), "ranks 0, 1");
        assert_eq!(ranks(&[4, 5, 6, 9]), "ranks 4-6, 9");
    }

    #[test]
    fn every_trouble_names_host_ranks_cause_and_next_step() {
        let status = |raw| ExitStatus::from_raw(raw);
        for (raw, noise, parts) in [
            (
                255 << 8,
                "git@node7: Permission denied (publickey,password).\n",
                ["Permission denied", "ssh-copy-id node7"],
            ),
            (
                127 << 8,
                "bash: /opt/caperun: No such file or directory\n",
                ["/opt/caperun", "--push"],
            ),
            (127 << 8, "", ["status 127", "--push"]),
            (
                255 << 8,
                "ssh: Could not resolve hostname node7: Name or service not known",
                ["resolve", "correct its name"],
            ),
            (9, "", ["killed by signal 9", "by hand: ssh node7"]),
        ] {
            let text = not_started(&site(), status(raw), noise.as_bytes(), "ssh node7");
            assert!(text.starts_with("host node7 (ranks 4-6, 9): "), "{text}");
            for part in parts {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        let text = silent_start(&site(), 30, b"\x1b[2Jwelcome\n", "ssh node7");
        assert!(
            text.contains("30 s") && text.contains("?[2Jwelcome"),
            "{text}"
        );
        let text = lost(&site(), "it closed the connection", Some(status(9)), b"");
        assert!(text.contains("killed by signal 9"), "{text}");
        assert!(silent(&site(), 8).contains("8 s"));
    }

    #[test]
    fn long_stories_are_cut() {
        let noise = "é".repeat(2000);
        let text = said(noise.as_bytes()).expect("said");
        assert!(text.len() < SHOWN + 10 && text.starts_with("..."));
        assert_eq!(said(b" \n\n"), None);
    }
}
