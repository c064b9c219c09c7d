//! Jobs over several hosts: agents are started by a launch command, here on this machine as if it were others.
//!
//! What must not outlive a job is checked by process id: what ranks write goes through their agents, so that no stream shows it.

mod caperun_support;

use std::process::Command;
use std::time::{Duration, Instant};

use caperun_support::{DEADLINE, Directory, Running, caperun, rank_program, run, start};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Starts an agent as on another host: in an environment and with streams of its own.
const ELSEWHERE: &str = "env FAKE_HOST={host}";

/// As `ELSEWHERE`, but the agent does not ask the kernel to be killed with who launched it: it must notice.
const ON_ITS_OWN: &str = "sh -c 'exec 3<&0; {command} <&3 & wait $!'";

fn job_by(launch: &str, scenario: &str, options: &str) -> Command {
    let mut command = caperun();
    command
        .args(["--launch-agent", launch])
        .args(options.split_whitespace())
        .arg(rank_program())
        .env("CAPERUN_TEST", scenario);
    command
}

fn job(scenario: &str, options: &str) -> Command {
    job_by(ELSEWHERE, scenario, options)
}

/// Processes that a verbose job names, by what precedes them.
fn pids(running: &mut Running, what: &str, count: usize) -> Vec<Pid> {
    let named = (0..count).map(|_| {
        let line = running.err.wait_for(&format!("caperun: {what} "));
        let (_, rest) = line.split_once("pid ").expect("a process");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Pid::from_raw(digits.parse().expect("a number"))
    });
    named.collect()
}

/// Starts a verbose job of two hosts with two ranks each; its agents and its ranks.
fn started(mut command: Command) -> (Running, Vec<Pid>, Vec<Pid>) {
    command.env("CAPE_VERBOSE", "1");
    let mut running = start(command);
    let agents = pids(&mut running, "agent", 2);
    let ranks = pids(&mut running, "rank", 4);
    running.err.wait_for("all ranks joined");
    (running, agents, ranks)
}

fn wait_until_gone(processes: &[Pid], limit: Duration) {
    let deadline = Instant::now() + limit;
    for process in processes {
        while kill(*process, None) != Err(Errno::ESRCH) && !is_zombie(*process) {
            assert!(Instant::now() < deadline, "{process} is still there");
            std::thread::yield_now();
        }
    }
}

/// Dead, and not yet taken note of by whoever adopted it.
fn is_zombie(process: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

#[test]
fn ranks_of_several_hosts_are_one_job() {
    let outcome = run(job("exit:42", "--host a:2,b:2"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str(), outcome.err.as_str()),
        (42, "serial output\n", "")
    );
    for options in [
        "--host a:2,b:2,c:1",
        "--host localhost:2,b:3 --transport tcp",
        "--host a:5 --secure",
    ] {
        let outcome = run(job("locks:40", options));
        assert_eq!(
            (outcome.code(), outcome.out.as_str()),
            (0, "200\n"),
            "{options}: {outcome:?}"
        );
    }
    let outcome = run(job("chunks:guided", "--host a:2,b:2 --map-by node"));
    assert_eq!((outcome.code(), outcome.out.as_str()), (0, "true\n"));
}

#[test]
fn ranks_get_their_environment_and_directory() {
    let directory = Directory::new();
    let mut command = job("environment:FAKE_HOST", "--host a:1,b:1");
    command.current_dir(directory.path());
    let outcome = run(command);
    assert!(
        outcome.out.starts_with("FAKE_HOST=Some(\"a\")"),
        "{outcome:?}"
    );
    for line in [
        "fixed addresses: true",
        "low descriptors free: true",
        "blocked signals: 0000000000000000",
    ] {
        assert!(outcome.out.contains(line), "{line}: {outcome:?}");
    }
    // As on a host where nothing of this environment is.
    let bare = "env -i FAKE_HOST={host}";
    for (name, options) in [("OMP_SCHEDULE", ""), ("SPECIAL", "-x SPECIAL")] {
        let scenario = format!("environment:{name}");
        let mut command = job_by(
            bare,
            &scenario,
            &format!("--host a:1,b:1 {options} -x CAPERUN_TEST"),
        );
        command
            .env("OMP_SCHEDULE", "static")
            .env("SPECIAL", "static");
        let outcome = run(command);
        assert!(
            outcome.out.starts_with(&format!("{name}=Some(\"static\")")),
            "{outcome:?}"
        );
    }
}

#[test]
fn input_goes_to_a_driver_elsewhere() {
    let mut running = start(job("echo", "--host a:2,b:1"));
    running.say("to be");
    running.say("or not");
    let outcome = running.finish();
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, "to be\nor not\n"),
        "{outcome:?}"
    );
}

#[test]
fn lines_of_output_are_whole_and_in_order() {
    let outcome = run(job("output", "--host a:2,b:2"));
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    for rank in 0..4 {
        let mine: Vec<&str> = outcome
            .out
            .lines()
            .filter(|line| line.starts_with("line ") && line.ends_with(&format!(" of {rank}")))
            .collect();
        let expected: Vec<String> = (0..100)
            .map(|line| format!("line {line} of {rank}"))
            .collect();
        // The driver's and an unfinished line may share one.
        assert!(mine.len() >= 96, "rank {rank}: {outcome:?}");
        assert!(
            mine.iter()
                .all(|line| expected.iter().any(|one| one == line))
        );
        assert!(
            outcome.err.contains(&format!("error of {rank}\n")),
            "{outcome:?}"
        );
    }
    let outcome = run(job("output", "--host a:2,b:2 --tag-output"));
    for rank in 0..4 {
        for line in 0..100 {
            let text = format!("[{rank}]<stdout>: line {line} of {rank}\n");
            assert!(outcome.out.contains(&text), "{text}");
        }
        assert!(
            outcome
                .out
                .contains(&format!("[{rank}]<stdout>: unfinished\n"))
        );
    }
}

#[test]
fn much_output_is_neither_lost_nor_kept_in_memory() {
    let outcome = run(job("flood:20000", "--host a:1,b:2"));
    assert_eq!(outcome.code(), 0);
    for rank in 1..3 {
        let mine = outcome
            .out
            .lines()
            .filter(|line| line.starts_with(&format!("{rank} x")));
        assert!(mine.count() >= 19_990, "rank {rank}");
    }
    assert_eq!(outcome.out.len(), 3 * 20_000 * 103);
}

#[test]
fn ends_of_ranks_elsewhere_are_told_as_of_those_here() {
    let outcome = run(job("die:11", "--host a:2,b:2"));
    assert_eq!(outcome.code(), 139, "{outcome:?}");
    assert!(
        outcome.err.contains("rank 3 on b (pid ")
            && outcome
                .err
                .contains(") died of signal 11 (SIGSEGV) in region at cg.c:412 parallel for: "),
        "{outcome:?}"
    );
    assert_eq!(outcome.out, "last words\n");
    let outcome = run(job("exit-in-region:9", "--host a:1,b:2"));
    assert_eq!(outcome.code(), 9, "{outcome:?}");
    let outcome = run(job("fatal:out of paper: buy some", "--host a:1,b:2"));
    assert_eq!(
        (outcome.code(), outcome.err.as_str()),
        (1, "caperun: error: rank 1 on b: out of paper: buy some\n")
    );
    let outcome = run(job("never-joins:7", "--host a:1,b:2"));
    assert_eq!(outcome.code(), 7, "{outcome:?}");
    let outcome = run(job("mismatch:build-id", "--host a:1,b:2"));
    assert!(
        outcome.err.contains("rank 2 on b runs another executable"),
        "{outcome:?}"
    );
    let outcome = run(job("busy-worker", "--host a:1,b:1"));
    assert_eq!((outcome.code(), outcome.err.as_str()), (7, ""));
}

#[test]
fn a_timeout_says_what_ranks_elsewhere_did() {
    let outcome = run(job("hang", "--host a:1,b:2 --timeout 3"));
    assert_eq!(outcome.code(), 124, "{outcome:?}");
    assert!(
        outcome
            .err
            .lines()
            .any(|line| line.starts_with("caperun: rank 1")
                && line.contains("in region at cg.c:7 parallel")),
        "{outcome:?}"
    );
}

#[test]
fn signals_end_ranks_elsewhere() {
    for (scenario, signal, code) in [
        ("hang", Signal::SIGINT, 130),
        ("stubborn", Signal::SIGTERM, 143),
    ] {
        let (running, agents, ranks) = if scenario == "hang" {
            started(job(scenario, "--host a:2,b:2"))
        } else {
            let mut running = start(job(scenario, "--host a:2,b:2"));
            (0..4).for_each(|_| drop(running.out.wait_for("stubborn")));
            (running, Vec::new(), Vec::new())
        };
        running.signal(signal);
        assert_eq!(running.finish().code(), code);
        wait_until_gone(&agents, DEADLINE);
        wait_until_gone(&ranks, DEADLINE);
    }
    let mut running = start(job("signals", "--host a:1,b:1"));
    running.out.wait_for("waiting");
    running.signal(Signal::SIGUSR1);
    let outcome = running.finish();
    assert!(outcome.out.ends_with("signalled\n"), "{outcome:?}");
}

#[test]
fn a_killed_agent_ends_the_job_with_its_host() {
    for launch in [ELSEWHERE, ON_ITS_OWN] {
        let (running, agents, ranks) = started(job_by(launch, "hang", "--host a:2,b:2"));
        kill(agents[1], Signal::SIGKILL).expect("runs");
        let outcome = running.finish();
        assert_eq!(outcome.code(), 1, "{outcome:?}");
        assert!(
            outcome.err.contains("caperun: error: host ")
                && outcome.err.contains("lost its agent in mid-job"),
            "{outcome:?}"
        );
        wait_until_gone(&agents, DEADLINE);
        wait_until_gone(&ranks, DEADLINE);
    }
}

#[test]
fn an_agent_that_is_told_to_end_says_so() {
    let (running, agents, ranks) = started(job("hang", "--host a:2,b:2"));
    kill(agents[0], Signal::SIGTERM).expect("runs");
    let outcome = running.finish();
    assert_eq!(outcome.code(), 143, "{outcome:?}");
    assert!(
        outcome.err.contains("told to end by SIGTERM"),
        "{outcome:?}"
    );
    wait_until_gone(&agents, DEADLINE);
    wait_until_gone(&ranks, DEADLINE);
}

#[test]
fn an_agent_that_hangs_is_noticed() {
    let mut command = job("hang", "--host a:2,b:2");
    command.env("CAPE_DETECTION_TIME", "2");
    let (running, agents, ranks) = started(command);
    kill(agents[1], Signal::SIGSTOP).expect("runs");
    let outcome = running.finish();
    assert_eq!(outcome.code(), 1, "{outcome:?}");
    assert!(outcome.err.contains("caperun: error: host "), "{outcome:?}");
    wait_until_gone(&agents, DEADLINE);
    wait_until_gone(&ranks, DEADLINE);
}

#[test]
fn a_killed_caperun_leaves_nothing_on_any_host() {
    for launch in [ELSEWHERE, ON_ITS_OWN] {
        let (running, agents, ranks) = started(job_by(launch, "stubborn-joined", "--host a:2,b:2"));
        running.signal(Signal::SIGKILL);
        let outcome = running.finish();
        assert_eq!(outcome.status.code(), None, "{outcome:?}");
        wait_until_gone(&ranks, DEADLINE);
        wait_until_gone(&agents, DEADLINE);
    }
}

#[test]
fn a_host_where_nothing_starts_is_explained() {
    for (launch, code, parts) in [
        ("false", 1, ["status 1", "by hand: false"]),
        (
            "no-such-launcher",
            1,
            ["no-such-launcher", "--launch-agent"],
        ),
        ("sh -c 'exit 127'", 1, ["status 127", "--push"]),
        (
            "sh -c 'echo user@a: Permission denied >&2; exit 255'",
            1,
            ["user@a: Permission denied", "ssh-copy-id"],
        ),
        (
            "sh -c 'LC_ALL=C sed 1s/[0-9][0-9]*/77/ | {command}'",
            1,
            ["protocol 77", "same release"],
        ),
        ("sh -c 'echo \"x", 2, ["--launch-agent", "not closed"]),
    ] {
        let outcome = run(job_by(launch, "hang", "--host a:2,b:2"));
        assert_eq!(outcome.code(), code, "{outcome:?}");
        assert!(outcome.err.starts_with("caperun: error: "), "{outcome:?}");
        assert_eq!(outcome.err.lines().count(), 1, "{outcome:?}");
        for part in parts {
            assert!(outcome.err.contains(part), "{part}: {outcome:?}");
        }
    }
}

#[test]
fn a_host_that_does_not_answer_is_given_up() {
    let mut command = job_by(
        "sh -c 'echo hm; read line; sleep 1000'",
        "hang",
        "--host a:2,b:2",
    );
    command.env("CAPE_LAUNCH_TIMEOUT", "2");
    let outcome = run(command);
    assert_eq!(outcome.code(), 1, "{outcome:?}");
    assert!(
        outcome
            .err
            .contains("host a (ranks 0, 1): its agent did not report within 2 s"),
        "{outcome:?}"
    );
    let outcome = run(job_by(
        "sh -c 'sleep 1000'",
        "hang",
        "--host a:2 --timeout 1",
    ));
    assert_eq!(outcome.code(), 124, "{outcome:?}");
}

#[test]
fn caperun_and_the_program_can_be_sent() {
    let directory = Directory::new();
    let mut command = job("exit:5", "--host a:2,b:2 --push");
    command.env("TMPDIR", directory.path());
    let outcome = run(command);
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (5, "serial output\n"),
        "{outcome:?}"
    );
    assert_eq!(directory.entries(), Vec::<String>::new());
}

#[test]
fn many_ranks_of_one_host_are_shared_among_agents() {
    let outcome = run(job("exit:3", "-n 70"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str(), outcome.err.as_str()),
        (3, "serial output\n", "")
    );
    let outcome = run(job("die:9", "-n 40"));
    assert_eq!(outcome.code(), 137, "{outcome:?}");
    assert!(outcome.err.contains("rank 39 (pid "), "{outcome:?}");
}

#[test]
fn statistics_come_from_all_hosts() {
    let outcome = run(job("statistics", "--host a:2,b:2 --stats"));
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(outcome.err.contains("on 4 ranks;"), "{outcome:?}");
    assert!(outcome.err.contains("a.c:5 parallel for"), "{outcome:?}");
}
