//! Every diagnostic of the translator, compared with golden files; `CAPE_BLESS=1` rewrites them.
//!
//! `golden/errors/<name>.c` is a program, `<name>.stderr` what `capec -fsyntax-only -Wcape` says about it. A second test reads the sources of
//! capec and fails for a message that no golden contains, so that a new one cannot come without an example.

mod driver_support;
mod messages;
mod support;

use std::path::Path;
use std::process::Command;

use driver_support::text;
use messages::{Literal, literals};
use support::{sources, workspace};

const DIRECTORY: &str = "capec/tests/golden/errors";

/// Words that the scan takes for messages and that are none, or that no program can bring about.
const NO_GOLDEN: &[(&str, &str)] = &[
    (
        "in statically linked applications requires at runtime",
        "a line of the linker's that is left out",
    ),
    ("language '{}'", "a part of another message"),
    (
        "build it with 'cargo build --release' or reinstall, and set CAPE_HOME if it is under another prefix",
        "said of a broken installation",
    ),
    (
        "reinstall, or set CAPE_HOME to the prefix it is installed under",
        "said of a broken installation",
    ),
    ("if ({}) {{{copy}}} else ", "C code"),
];

fn blessing() -> bool {
    std::env::var_os("CAPE_BLESS").is_some_and(|value| value == "1")
}

/// What capec says about `source`, and whether it fails.
fn said(source: &str) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_capec"))
        .current_dir(workspace())
        .env_remove("CAPE_CC")
        .env_remove("CAPE_HOME")
        .env("LC_ALL", "C")
        .args([
            "-fsyntax-only",
            "-Wcape",
            "-fdiagnostics-color=never",
            source,
        ])
        .output()
        .expect("capec can be run");
    (text(&output.stderr), !output.status.success())
}

#[test]
fn diagnostics_are_as_in_the_golden_files() {
    let mut wrong = String::new();
    for source in sources(DIRECTORY) {
        let golden = workspace().join(source.replace(".c", ".stderr"));
        let (found, failed) = said(&source);
        assert_eq!(
            failed,
            found.lines().any(|line| line.starts_with("error: ")),
            "{source}: {found}"
        );
        if blessing() {
            std::fs::write(&golden, &found).expect("the golden can be written");
            continue;
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected != found {
            wrong += &format!(
                "--- {}, expected\n{expected}+++ found\n{found}\n",
                golden.display()
            );
        }
    }
    assert!(wrong.is_empty(), "CAPE_BLESS=1 rewrites them\n{wrong}");
}

#[test]
fn every_message_has_an_example() {
    let mut examples = String::new();
    for source in sources(DIRECTORY) {
        let golden = workspace().join(source.replace(".c", ".stderr"));
        examples += &std::fs::read_to_string(golden).unwrap_or_default();
    }
    let mut tests = String::new();
    for test in rust_files(&workspace().join("capec/tests")) {
        if test.contains("driver_") {
            tests += &std::fs::read_to_string(&test).expect("a test can be read");
        }
    }
    let (mut count, mut missing) = (0, Vec::new());
    for file in rust_files(&workspace().join("capec/src")) {
        let code = std::fs::read_to_string(&file).expect("a source can be read");
        // It writes C, and complains of nothing.
        if file.contains("/lower/") {
            continue;
        }
        let translator = file.contains("/translate");
        for Literal { line, text } in literals(&code).into_iter().filter(Literal::is_message) {
            count += 1;
            let excepted = NO_GOLDEN.iter().any(|(exception, _)| text == *exception);
            let shown = examples.lines().any(|line| resembles(line, &text));
            let tested = !translator && tests.lines().any(|line| quotes(line, &text));
            if !excepted && !shown && !tested {
                missing.push(format!("{file}:{line}: {text}"));
            }
        }
    }
    assert!(count > 200, "only {count} messages were found");
    assert!(
        missing.is_empty(),
        "no file of {DIRECTORY} makes capec say:\n{}",
        missing.join("\n")
    );
}

/// The constant parts of a format string.
fn constant_parts(format: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                parts.last_mut().expect("it is never empty").push(letter);
            }
            '{' => {
                letters.by_ref().find(|letter| *letter == '}');
                parts.push(String::new());
            }
            letter => parts.last_mut().expect("it is never empty").push(letter),
        }
    }
    parts
}

/// Whether `line` contains what `format` makes, whatever its holes are filled with.
fn resembles(line: &str, format: &str) -> bool {
    let mut rest = line;
    constant_parts(format).iter().all(|part| {
        let found = rest.find(part.as_str());
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

/// Whether a line of a test contains a telling part of `format`.
fn quotes(line: &str, format: &str) -> bool {
    let parts = constant_parts(format);
    let words = |part: &str| part.split_whitespace().count();
    parts.iter().any(|part| {
        let part = part.split([';', ',']).next().unwrap_or_default().trim();
        words(part) >= 2 && line.contains(part)
    })
}

fn rust_files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("an entry can be read").path();
        match path.extension() {
            None if path.is_dir() => found.extend(rust_files(&path)),
            Some(extension) if extension == "rs" => {
                found.push(path.to_str().expect("names are text").to_owned());
            }
            _ => {}
        }
    }
    found.sort();
    found
}
