//! The harness tested with stand-ins for the tools: it must pass what is right, and above all fail what is wrong.

use std::path::Path;
use std::process::Command;

use testsuite::Failure;
use testsuite::case::{Case, shapes};
use testsuite::plan::Plan;
use testsuite::runner::check;
use testsuite::tools::Tools;

const GCC: &str = "exec gcc -fopenmp \"$@\"";
const THREADS: &str = "n=$2; shift 6; OMP_NUM_THREADS=$n OMP_THREAD_LIMIT=$n exec \"$@\"";
const SUM: &str = "#include <stdio.h>\nint main(void) { int s = 0;\n#pragma omp parallel for reduction(+:s)\n\
                   for (int i = 0; i < 100; ++i) s += i;\nprintf(\"%d\\n\", s); return 0; }\n";

/// Checks `source` with shell scripts in the roles of capec and caperun.
fn verdict(capec: &str, caperun: &str, source: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    script(&folder.path().join("capec"), capec);
    script(&folder.path().join("caperun"), caperun);
    let file = folder.path().join("case.c");
    std::fs::write(&file, source).unwrap();
    let plan = Plan {
        shapes: shapes("1,2").unwrap(),
        patience: 0.1,
        ..Plan::default()
    };
    let tools = Tools::in_folder(folder.path()).unwrap();
    Case::read("case", &file)
        .and_then(|case| check(&case, &tools, &plan))
        .map_err(|failure: Failure| failure.to_string())
}

/// Written by another process: a descriptor open for writing here could be inherited by a program that a test running at
/// the same time starts, and would make the script "busy".
fn script(path: &Path, body: &str) {
    let written = Command::new("sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"",
            "sh",
        ])
        .args([path.as_os_str(), body.as_ref()])
        .status()
        .unwrap();
    assert!(written.success());
}

/// Asserts that the verdict is a failure whose text contains `expected`.
fn assert_fails(verdict: Result<(), String>, expected: &str) {
    let failure = verdict.expect_err("the harness must see this");
    assert!(
        failure.contains(expected),
        "wanted '{expected}' in:\n{failure}"
    );
}

#[test]
fn a_program_that_behaves_alike_passes() {
    assert_eq!(verdict(GCC, THREADS, SUM), Ok(()));
}

#[test]
fn different_output_fails() {
    let twice = "n=$2; shift 6; \"$@\" && exec \"$@\"";
    assert_fails(
        verdict(GCC, twice, SUM),
        "1 ranks, wp-async, round 1 of 1: standard output differs",
    );
}

#[test]
fn different_output_at_two_ranks_only_fails() {
    let wrong = format!("if [ $2 = 2 ]; then echo extra; fi; {THREADS}");
    assert_fails(verdict(GCC, &wrong, SUM), "2 ranks, wp-async");
}

#[test]
fn different_output_with_one_tracker_only_fails() {
    let wrong = format!("if [ $6 = sigsegv ]; then echo extra; fi; {THREADS}");
    assert_fails(verdict(GCC, &wrong, SUM), "1 ranks, sigsegv");
}

#[test]
fn a_different_exit_status_fails() {
    assert_fails(
        verdict(GCC, "shift 6; \"$@\"; exit 5", SUM),
        "exit status 5, expected 0",
    );
}

#[test]
fn a_death_by_signal_fails() {
    assert_fails(verdict(GCC, "kill -SEGV $$", SUM), "exit status 139");
}

#[test]
fn a_surplus_file_fails() {
    assert_fails(
        verdict(GCC, &format!("echo > left; {THREADS}"), SUM),
        "file left was written",
    );
}

#[test]
fn a_hang_fails_and_is_called_so() {
    assert_fails(verdict(GCC, "sleep 100", SUM), "hang: ");
}

#[test]
fn a_process_left_behind_fails() {
    let leaves = format!("setsid sleep 100 & {THREADS}");
    assert_fails(verdict(GCC, &leaves, SUM), "left processes behind");
}

#[test]
fn a_failing_compiler_fails() {
    assert_fails(
        verdict("echo no such flag >&2; exit 1", THREADS, SUM),
        "no such flag",
    );
}

#[test]
fn a_compiler_that_writes_nothing_fails() {
    assert_fails(
        verdict("exit 0", THREADS, SUM),
        "capec failed (exit status 0)",
    );
}

#[test]
fn a_case_that_fails_with_the_oracle_fails() {
    assert_fails(
        verdict(GCC, THREADS, "int main(void) { return 2; }"),
        "the case is wrong",
    );
}

#[test]
fn an_expected_exit_status_passes() {
    assert_eq!(
        verdict(GCC, THREADS, "//# exit: 2\nint main(void) { return 2; }"),
        Ok(())
    );
}

#[test]
fn an_unknown_directive_fails() {
    assert_fails(
        verdict(GCC, THREADS, "//# rank: 2\nint main(void) { return 0; }"),
        "case.c:1: unknown directive 'rank'",
    );
}

const REJECTED: &str =
    "//# error: task\nint main(void) {\n#pragma omp task //~\n{ }\nreturn 0; }\n";

#[test]
fn an_expected_rejection_passes() {
    assert_eq!(
        verdict(
            "echo 'case.c:3:9: error: task' >&2; exit 1",
            THREADS,
            REJECTED
        ),
        Ok(())
    );
}

#[test]
fn a_rejection_is_checked_for_text_line_and_status() {
    assert_fails(
        verdict(
            "echo 'case.c:3: error: tusk' >&2; exit 1",
            THREADS,
            REJECTED,
        ),
        "'task' is not in the messages",
    );
    assert_fails(
        verdict(
            "echo 'case.c:33: error: task' >&2; exit 1",
            THREADS,
            REJECTED,
        ),
        "no message names line 3",
    );
    assert_fails(
        verdict(
            "echo 'case.c:3: error: task' >&2; exit 0",
            THREADS,
            REJECTED,
        ),
        "accepted",
    );
    assert_fails(
        verdict(
            "echo 'case.c:3: error: task'; echo 'panicked at' >&2; exit 101",
            THREADS,
            REJECTED,
        ),
        "crashed",
    );
    assert_fails(
        verdict(
            "echo 'case.c:3: error: task' >&2; echo > x.o; exit 1",
            THREADS,
            REJECTED,
        ),
        "left x.o behind",
    );
}

#[test]
fn an_expected_failure_of_the_run_is_checked() {
    let source = "//# run-error: stream\nint main(void) { return 0; }\n";
    assert_eq!(
        verdict(GCC, "echo 'a stream of rank 0' >&2; exit 1", source),
        Ok(())
    );
    assert_fails(
        verdict(GCC, "echo 'nothing' >&2; exit 1", source),
        "'stream' is not in the messages",
    );
    assert_fails(
        verdict(GCC, THREADS, source),
        "instead of the expected failure",
    );
}
