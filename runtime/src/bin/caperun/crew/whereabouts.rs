//! Where the ranks are of which a message speaks. Pure.

use super::plan::Plan;

/// `message` with the host of each rank that it names, behind the first mention, if the job spans hosts.
pub fn with_hosts(message: &str, plan: &Plan) -> String {
    const WORD: &str = "rank ";
    let mut text = String::with_capacity(message.len());
    let mut named = Vec::new();
    let mut rest = message;
    while let Some(at) = rest.find(WORD).filter(|_| plan.spans_hosts()) {
        let number = at + WORD.len();
        let digits = rest[number..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        let (before, after) = rest.split_at(number + digits);
        text.push_str(before);
        let rank = before[number..].parse().ok();
        let alone = !before[..at].ends_with(|c: char| c.is_alphanumeric());
        if let Some(rank) = rank.filter(|rank| alone && !named.contains(rank)) {
            named.push(rank);
            if let Some(host) = plan.host_of(rank) {
                text.push_str(" on ");
                text.push_str(host);
            }
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::super::plan::{OWN, Placed};
    use super::*;

    fn plan(hosts: &[(&str, bool, &[u32])]) -> Plan {
        let placed = hosts.iter().map(|(host, here, ranks)| Placed {
            host: (*host).to_owned(),
            here: *here,
            ranks: ranks.to_vec(),
        });
        Plan::with(&placed.collect::<Vec<_>>(), OWN)
    }

    #[test]
    fn hosts_are_named_once_behind_their_ranks() {
        let plan = plan(&[("a", true, &[0, 1]), ("b", false, &[2, 13])]);
        for (message, expected) in [
            ("rank 2: gone", "rank 2 on b: gone"),
            (
                "rank 1 (pid 7) is not as rank 13; start rank 13 anew",
                "rank 1 on localhost (pid 7) is not as rank 13 on b; start rank 13 anew",
            ),
            (
                "rank 99 is none, nor is crank 2",
                "rank 99 is none, nor is crank 2",
            ),
            ("no rank at all, rank ", "no rank at all, rank "),
            (
                "host b (ranks 2, 13): silent",
                "host b (ranks 2, 13): silent",
            ),
        ] {
            assert_eq!(with_hosts(message, &plan), expected);
        }
    }

    #[test]
    fn one_host_need_not_be_named() {
        let plan = plan(&[("a", true, &[0, 1])]);
        assert_eq!(with_hosts("rank 1: gone", &plan), "rank 1: gone");
    }
}
