//! `caperun` before and while a job runs: what it refuses, what ranks are given, and the services they use.

mod caperun_support;

use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Instant;

use caperun_support::{DEADLINE, Directory, caperun, job, rank_program, run, start};

fn refused(arguments: &[&str], code: i32, parts: &[&str]) {
    let mut command = caperun();
    command.args(arguments);
    let outcome = run(command);
    assert_eq!(outcome.code(), code, "{outcome:?}");
    assert!(outcome.err.starts_with("caperun: error: "), "{outcome:?}");
    for part in parts {
        assert!(outcome.err.contains(part), "{part}: {outcome:?}");
    }
}

#[test]
fn a_wrong_number_of_ranks_is_refused() {
    for number in ["0", "-3", "four", "1.5"] {
        refused(&["-n", number, "/bin/true"], 2, &[number, "at least 1"]);
        refused(&["-np", number, "/bin/true"], 2, &[number, "at least 1"]);
    }
}

#[test]
fn what_cannot_be_a_rank_is_refused_with_the_next_step() {
    refused(
        &["-n", "2", "./missing"],
        127,
        &["./missing: no such program", "compile it"],
    );
    refused(
        &["-n", "2", "no-such-program-anywhere"],
        127,
        &["not found in PATH"],
    );
    refused(
        &["-n", "2", "missing.c"],
        127,
        &["missing.c: no such source file"],
    );
    refused(&["-n", "2", "/"], 126, &["is a directory"]);
    refused(&["-n", "2", "/etc/passwd"], 126, &["is not executable"]);
    refused(
        &["-n", "2", "/bin/true"],
        126,
        &["was not built by capec: compile it with capec, or run it without caperun"],
    );
    refused(&["-n", "2", "true"], 126, &["was not built by capec"]);
    refused(&["-n", "2"], 2, &["no program was named"]);
    let directory = Directory::new();
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").expect("writes");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("sets");
    refused(&[script.to_str().expect("text")], 126, &["is a script"]);
    for (contents, text) in [
        ("\x7fELF", "is damaged"),
        ("", "is not an ELF executable"),
        ("MZ", "was not built by capec"),
    ] {
        std::fs::write(&script, contents).expect("writes");
        refused(&[script.to_str().expect("text")], 126, &[text]);
    }
}

#[test]
fn help_and_version_are_not_errors() {
    for (option, text) in [
        ("--help", "--tag-output"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ] {
        let mut command = caperun();
        command.arg(option);
        let outcome = run(command);
        assert_eq!((outcome.code(), outcome.err.as_str()), (0, ""));
        assert!(outcome.out.contains(text), "{outcome:?}");
    }
}

#[test]
fn too_little_address_space_is_refused() {
    let mut command = std::process::Command::new("/bin/sh");
    command
        .args([
            "-c",
            "ulimit -v 2000000; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_caperun"),
            "-n",
            "64",
        ])
        .arg(rank_program());
    let outcome = run(command);
    assert_eq!(outcome.code(), 1, "{outcome:?}");
    assert!(
        outcome.err.contains("raise ulimit -v or lower -n"),
        "{outcome:?}"
    );
}

#[test]
fn the_exit_code_is_the_programs() {
    for (transport, ranks, code) in [("unix", 1, 0), ("unix", 4, 42), ("tcp", 3, 255)] {
        let outcome = run(job(
            &format!("exit:{code}"),
            &format!("-n {ranks} --transport {transport}"),
        ));
        assert_eq!(outcome.code(), code, "{outcome:?}");
        assert_eq!(
            (outcome.out.as_str(), outcome.err.as_str()),
            ("serial output\n", "")
        );
    }
}

#[test]
fn sixteen_ranks_start_at_once() {
    let before = Instant::now();
    let outcome = run(job("exit:0", "-n 16"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, "serial output\n"),
        "{outcome:?}"
    );
    assert!(before.elapsed() < DEADLINE / 4, "{:?}", before.elapsed());
}

#[test]
fn locks_and_the_log_work_over_sockets() {
    let outcome = run(job("locks:200", "-n 5"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, "1000\n"),
        "{outcome:?}"
    );
}

#[test]
fn iterations_are_handed_out_once() {
    for kind in ["dynamic", "guided"] {
        let outcome = run(job(&format!("chunks:{kind}"), "-n 4"));
        assert_eq!(
            (outcome.code(), outcome.out.as_str()),
            (0, "true\n"),
            "{outcome:?}"
        );
    }
}

#[test]
fn input_goes_to_the_driver() {
    let mut running = start(job("echo", "-n 3"));
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
fn closed_streams_do_not_disturb() {
    let mut command = std::process::Command::new("/bin/sh");
    command.args([
        "-c",
        "exec \"$@\" <&-",
        "sh",
        env!("CARGO_BIN_EXE_caperun"),
        "-n",
        "2",
    ]);
    command.arg(rank_program()).env("CAPERUN_TEST", "echo");
    let outcome = run(command);
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, ""),
        "{outcome:?}"
    );
    let mut command = std::process::Command::new("/bin/sh");
    command.args([
        "-c",
        "exec \"$@\" >&- 2>&-",
        "sh",
        env!("CARGO_BIN_EXE_caperun"),
        "-n",
        "2",
        "--verbose",
    ]);
    command.arg(rank_program()).env("CAPERUN_TEST", "exit:3");
    assert_eq!(run(command).code(), 3);
}

#[test]
fn ranks_get_their_environment_and_arguments() {
    let mut command = job("environment:COLOUR", "-n 2 -x COLOUR=blue=green -x NOT_SET");
    command.args(["-n", "9", "--help"]);
    let outcome = run(command);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(
        outcome
            .out
            .contains(r#"COLOUR=Some("blue=green") arguments ["-n", "9", "--help"]"#),
        "{outcome:?}"
    );
    assert!(outcome.out.contains("fixed addresses: true"), "{outcome:?}");
    assert!(
        outcome.out.contains("low descriptors free: true"),
        "{outcome:?}"
    );
    assert!(
        outcome.out.contains("blocked signals: 0000000000000000"),
        "{outcome:?}"
    );
    assert!(
        outcome.err.contains("warning: -x NOT_SET: not set"),
        "{outcome:?}"
    );
}

#[test]
fn options_have_defaults_in_the_environment() {
    let mut command = job("environment:CAPE_TRACKER", "-n 2");
    command.env("CAPE_TRACKER", "sigsegv");
    assert!(run(command).out.contains(r#"CAPE_TRACKER=Some("sigsegv")"#));
    let mut command = job("exit:0", "-n 2");
    command.env("CAPE_TRACKER", "fastest");
    let outcome = run(command);
    assert_eq!(outcome.code(), 2);
    assert!(
        outcome
            .err
            .contains("CAPE_TRACKER=fastest: expected auto, wp-async or sigsegv"),
        "{outcome:?}"
    );
}

#[test]
fn output_is_tagged_line_by_line() {
    let outcome = run(job("output", "-n 3 --tag-output"));
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    for rank in 0..3 {
        let tag = format!("[{rank}]<stdout>: ");
        let lines: Vec<&str> = outcome
            .out
            .lines()
            .filter_map(|line| line.strip_prefix(&tag))
            .collect();
        let mut expected: Vec<String> = (0..100)
            .map(|line| format!("line {line} of {rank}"))
            .collect();
        expected.push("unfinished".into());
        assert_eq!(lines, expected);
        assert!(
            outcome
                .err
                .contains(&format!("[{rank}]<stderr>: error of {rank}\n")),
            "{outcome:?}"
        );
    }
    assert_eq!(outcome.out.lines().count(), 303);
}

#[test]
fn statistics_are_a_table_on_stderr() {
    let outcome = run(job("statistics", "-n 3 --stats"));
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, ""),
        "{outcome:?}"
    );
    let line = outcome
        .err
        .lines()
        .find(|line| line.starts_with("a.c:5 parallel for"))
        .expect("a line for the region");
    assert!(
        line.contains("1.50 s") && line.contains("30") && line.contains("6.0 KiB"),
        "{outcome:?}"
    );
    assert!(
        outcome.err.lines().any(|line| line.starts_with("total")),
        "{outcome:?}"
    );
    let verbose = run(job("statistics", "-n 3 --stats --verbose"));
    assert!(verbose.err.contains("rank 2  "), "{verbose:?}");
}

#[test]
fn verbose_says_what_was_decided_but_not_the_key() {
    let outcome = run(job("exit:0", "-n 2 --verbose --heap-size 128M"));
    for part in [
        "2 ranks",
        "tracker auto",
        "transport unix",
        "128 MiB",
        "coordinator at unix:@",
        "rank 1: pid",
        "tracker fake",
    ] {
        assert!(outcome.err.contains(part), "{part}: {outcome:?}");
    }
}

#[test]
fn strangers_at_the_rendezvous_are_ignored() {
    let mut running = start(job("echo", "-n 3 --verbose"));
    let line = running.err.wait_for("coordinator at unix:@");
    let name = line
        .trim_end()
        .rsplit_once('@')
        .expect("an address")
        .1
        .to_owned();
    running.err.wait_for("all ranks joined");
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let mut open = Vec::new();
    for size in [0, 1, 100, 100_000] {
        for byte in [0, 0xff, b'C'] {
            let mut stranger = UnixStream::connect_addr(&address).expect("listens");
            // It may be thrown out before it has said everything.
            let _ = stranger.write_all(&vec![byte; size]);
            open.push(stranger);
        }
    }
    running.say("still here");
    let outcome = running.finish();
    assert_eq!(
        (outcome.code(), outcome.out.as_str()),
        (0, "still here\n"),
        "{outcome:?}"
    );
    drop(open);
}

/// A directory with `caperun` and a `capec` that is this shell script.
///
/// A shell writes the files: were they open for writing here, a child that another test forks at that moment would hold them open,
/// and executing them would fail (ETXTBSY).
fn installation(script: &str) -> Directory {
    let directory = Directory::new();
    let commands = r#"cp "$1" caperun && printf '#!/bin/sh\n%s\n' "$2" > capec && chmod +x capec && touch prog.c && mkdir tmp"#;
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", commands, "sh", env!("CARGO_BIN_EXE_caperun"), script]);
    assert!(
        shell
            .current_dir(directory.path())
            .status()
            .expect("a shell")
            .success()
    );
    directory
}

fn compile_and_run(directory: &Directory) -> std::process::Command {
    let mut command = std::process::Command::new(directory.path().join("caperun"));
    command
        .args(["-n", "2", "prog.c", "argument"])
        .current_dir(directory.path())
        .env("TMPDIR", directory.path().join("tmp"));
    command
        .env("CAPERUN_TEST", "environment:_")
        .env("PROGRAM", rank_program());
    command
}

fn temporary_files(directory: &Directory) -> usize {
    std::fs::read_dir(directory.path().join("tmp"))
        .expect("lists")
        .count()
}

#[test]
fn a_source_file_is_compiled_first_and_leaves_nothing() {
    let directory = installation(r#"while [ "$1" != -o ]; do shift; done; cp "$PROGRAM" "$2""#);
    let outcome = run(compile_and_run(&directory));
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(
        outcome.out.contains(r#"arguments ["argument"]"#),
        "{outcome:?}"
    );
    assert_eq!(temporary_files(&directory), 0);
}

#[test]
fn a_failed_compilation_ends_it() {
    let directory = installation("echo prog.c:1: nonsense >&2; exit 4");
    let outcome = run(compile_and_run(&directory));
    assert_eq!(outcome.code(), 4, "{outcome:?}");
    assert!(
        outcome.err.contains("nonsense") && outcome.err.contains("prog.c was not compiled"),
        "{outcome:?}"
    );
    assert_eq!(temporary_files(&directory), 0);
}

#[test]
fn ctrl_c_during_compilation_leaves_nothing() {
    let directory = installation("echo compiling; sleep 1000");
    let mut running = start(compile_and_run(&directory));
    running.out.wait_for("compiling");
    running.signal(nix::sys::signal::Signal::SIGINT);
    let outcome = running.finish();
    assert_eq!(outcome.code(), 130, "{outcome:?}");
    assert_eq!(temporary_files(&directory), 0);
}
