//! How jobs end: every way a rank, a user or the system can end one, and that nothing is left of it.
//!
//! A test reads the streams that all processes of its job inherit to their end, so it fails if any process outlives the job.

mod caperun_support;

use std::time::{Duration, Instant};

use caperun_support::{job, run, start};
use nix::sys::signal::Signal;

#[test]
fn a_death_is_named_with_rank_signal_and_region() {
    let outcome = run(job("die:11", "-n 3"));
    assert_eq!(outcome.code(), 139, "{outcome:?}");
    assert!(
        outcome.err.starts_with("caperun: error: rank 2 (pid "),
        "{outcome:?}"
    );
    assert!(
        outcome
            .err
            .contains(") died of signal 11 (SIGSEGV) in region at cg.c:412 parallel for: "),
        "{outcome:?}"
    );
    assert_eq!(outcome.out, "last words\n");
    assert_eq!(outcome.err.lines().count(), 1, "{outcome:?}");
}

#[test]
fn every_signal_that_kills_is_named() {
    for (number, name) in [
        (9, "SIGKILL"),
        (6, "SIGABRT"),
        (15, "SIGTERM"),
        (8, "SIGFPE"),
    ] {
        let outcome = run(job(&format!("die:{number}"), "-n 2"));
        assert_eq!(outcome.code(), 128 + number, "{outcome:?}");
        assert!(
            outcome.err.contains("rank 1 (pid ") && outcome.err.contains(name),
            "{outcome:?}"
        );
    }
    let outcome = run(job("die:11", "-n 1"));
    assert_eq!(outcome.code(), 139, "{outcome:?}");
    assert!(outcome.err.contains("rank 0 (pid "), "{outcome:?}");
}

#[test]
fn a_fatal_message_ends_the_job() {
    let outcome = run(job("fatal:out of paper: buy some", "-n 3"));
    assert_eq!(
        (outcome.code(), outcome.err.as_str()),
        (1, "caperun: error: rank 1: out of paper: buy some\n")
    );
    let outcome = run(job("garbage", "-n 2"));
    assert_eq!(outcome.code(), 1, "{outcome:?}");
    assert!(
        outcome
            .err
            .contains("rank 1 sent a message that is not understood"),
        "{outcome:?}"
    );
}

#[test]
fn different_ranks_are_refused() {
    for (field, text) in [
        ("build-id", "runs another executable"),
        ("libc", "-static"),
        ("protocol", "another version"),
    ] {
        let outcome = run(job(&format!("mismatch:{field}"), "-n 3"));
        assert_eq!(outcome.code(), 1, "{outcome:?}");
        assert!(
            outcome.err.contains("rank 2") && outcome.err.contains(text),
            "{outcome:?}"
        );
    }
}

#[test]
fn exit_in_a_region_ends_the_job_with_its_status() {
    let outcome = run(job("exit-in-region:9", "-n 3"));
    assert_eq!(outcome.code(), 9, "{outcome:?}");
    assert!(
        outcome
            .err
            .contains("exited with status 9 in region at a.c:1 parallel"),
        "{outcome:?}"
    );
}

#[test]
fn a_rank_that_never_joins_is_named() {
    for (status, code) in [(7, 7), (0, 1)] {
        let outcome = run(job(&format!("never-joins:{status}"), "-n 3"));
        assert_eq!(outcome.code(), code, "{outcome:?}");
        assert!(
            outcome.err.contains(&format!(
                "exited with status {status} before it joined the job"
            )),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_program_that_ends_before_all_have_joined_does_not_wait_for_them() {
    let outcome = run(job("early-end", "-n 4"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str(), outcome.err.as_str()),
        (6, "quick\n", "")
    );
}

#[test]
fn workers_in_a_region_do_not_outlive_the_driver() {
    let outcome = run(job("busy-worker", "-n 2"));
    assert_eq!((outcome.code(), outcome.err.as_str()), (7, ""));
}

#[test]
fn a_driver_may_become_another_program() {
    let outcome = run(job("become", "-n 2"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str(), outcome.err.as_str()),
        (5, "another\n", "")
    );
}

#[test]
fn a_driver_may_take_its_time_to_exit() {
    let outcome = run(job("slow-exit", "-n 3"));
    assert_eq!((outcome.code(), outcome.err.as_str()), (8, ""));
}

#[test]
fn a_timeout_says_what_each_rank_did() {
    let outcome = run(job("hang", "-n 3 --timeout 1.5"));
    assert_eq!(outcome.code(), 124, "{outcome:?}");
    assert!(
        outcome.err.contains("did not end within 1.5 s"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .err
            .lines()
            .any(|line| line.starts_with("caperun: rank 0") && line.contains("in serial code")),
        "{outcome:?}"
    );
    assert!(
        outcome
            .err
            .lines()
            .any(|line| line.starts_with("caperun: rank 1")
                && line.contains("in region at cg.c:7 parallel")),
        "{outcome:?}"
    );
    let outcome = run(job("deadlock", "-n 2 --timeout 1.5"));
    assert!(
        outcome
            .err
            .contains("waits for a lock that rank 0 holds, in region at bank.c:3 parallel"),
        "{outcome:?}"
    );
    assert!(outcome.err.contains("--timeout"), "{outcome:?}");
}

#[test]
fn signals_to_caperun_end_everything() {
    for (signal, code) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
        (Signal::SIGQUIT, 131),
    ] {
        let mut running = start(job("hang", "-n 3"));
        (0..3).for_each(|_| drop(running.out.wait_for("hangs")));
        running.signal(signal);
        let outcome = running.finish();
        assert_eq!((outcome.code(), outcome.err.as_str()), (code, ""));
    }
}

#[test]
fn a_signal_ends_ranks_that_ignore_it() {
    let mut running = start(job("stubborn", "-n 2"));
    (0..2).for_each(|_| drop(running.out.wait_for("stubborn")));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.finish().code(), 143);
    // The second one does not wait for any grace.
    let mut running = start(job("stubborn", "-n 2"));
    (0..2).for_each(|_| drop(running.out.wait_for("stubborn")));
    running.signal(Signal::SIGINT);
    let before = Instant::now();
    running.signal(Signal::SIGTERM);
    assert!([130, 143].contains(&running.finish().code()));
    assert!(before.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_killed_caperun_leaves_nothing() {
    for scenario in ["hang", "stubborn"] {
        for options in ["-n 3", "-n 3 --tag-output"] {
            let mut running = start(job(scenario, options));
            (0..3).for_each(|_| drop(running.out.wait_for("rank")));
            running.signal(Signal::SIGKILL);
            let outcome = running.finish();
            assert_eq!(outcome.status.code(), None, "{outcome:?}");
        }
    }
}

#[test]
fn ctrl_z_stops_ranks_and_they_go_on() {
    let mut running = start(job("echo", "-n 2 --verbose"));
    running.err.wait_for("all ranks joined");
    running.signal(Signal::SIGTSTP);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(running.child.id()).expect("pid"));
    let flags = nix::sys::wait::WaitPidFlag::WUNTRACED;
    let status = nix::sys::wait::waitpid(pid, Some(flags)).expect("waits");
    assert_eq!(
        status,
        nix::sys::wait::WaitStatus::Stopped(pid, Signal::SIGSTOP)
    );
    running.say("on");
    running.signal(Signal::SIGCONT);
    let outcome = running.finish();
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, "on\n"),
        "{outcome:?}"
    );
}

#[test]
fn other_signals_are_for_the_driver() {
    let mut running = start(job("signals", "-n 2"));
    running.out.wait_for("waiting");
    running.signal(Signal::SIGUSR1);
    let outcome = running.finish();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(outcome.out.ends_with("signalled\n"), "{outcome:?}");
}

#[test]
fn a_reader_that_leaves_ends_the_job_as_it_would_end_any_program() {
    let mut command = std::process::Command::new("/bin/sh");
    command.args([
        "-c",
        "\"$@\" | head -1",
        "sh",
        env!("CARGO_BIN_EXE_caperun"),
        "-n",
        "2",
        "--tag-output",
    ]);
    command
        .arg(caperun_support::rank_program())
        .env("CAPERUN_TEST", "output");
    let outcome = run(command);
    assert_eq!(outcome.out.lines().count(), 1, "{outcome:?}");
}
