//! What the translator's tests share: preprocessing as the driver does it, and the host compiler.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use capec::translate::{self, Outcome, Unit, Wishes};

/// The workspace, in which sources are named relatively, so that goldens hold on every machine.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace is there")
}

/// gcc, run in the workspace.
pub fn gcc(arguments: &[&str]) -> Output {
    Command::new("gcc")
        .current_dir(workspace())
        .args(arguments)
        .output()
        .expect("gcc is installed")
}

/// Standard output of a gcc that must succeed.
pub fn gcc_succeeds(arguments: &[&str]) -> String {
    let output = gcc(arguments);
    assert!(
        output.status.success(),
        "gcc {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("gcc prints text")
}

/// `source` as the translator gets it.
pub fn preprocessed(source: &str) -> String {
    gcc_succeeds(&[
        "-E",
        "-fopenmp",
        "-std=gnu11",
        "-isystem",
        "runtime/include",
        "-include",
        "cape.h",
        source,
    ])
}

/// The translated text of `source`.
pub fn translated(source: &str) -> String {
    let text = preprocessed(source);
    let unit = Unit {
        preprocessed: &text,
        source: Path::new(source),
        wishes: &Wishes::default(),
    };
    match translate::translate(&unit) {
        Ok(Outcome::Translated(translation)) => translation.text,
        Ok(Outcome::Untouched) => panic!("{source} has constructs"),
        Err(errors) => panic!("{source}: {errors}"),
    }
}

/// What is wrong with `source`, which must have errors.
pub fn errors(source: &str) -> String {
    let text = preprocessed(source);
    let unit = Unit {
        preprocessed: &text,
        source: Path::new(source),
        wishes: &Wishes::default(),
    };
    match translate::translate(&unit) {
        Ok(_) => panic!("{source} was translated"),
        Err(errors) => errors.to_string(),
    }
}

/// The readable translation of `source`.
pub fn emitted(source: &str) -> String {
    let text = preprocessed(source);
    let original =
        std::fs::read_to_string(workspace().join(source)).expect("the source can be read");
    let unit = Unit {
        preprocessed: &text,
        source: Path::new(source),
        wishes: &Wishes::default(),
    };
    translate::emit_c(&unit, &original).unwrap_or_else(|errors| panic!("{source}: {errors}"))
}

/// C files of a directory of the workspace, in order.
pub fn sources(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join(directory)).expect("the directory is there");
    let names = entries.map(|entry| {
        entry
            .expect("an entry can be read")
            .file_name()
            .into_string()
            .expect("names are text")
    });
    let mut found: Vec<String> = names
        .filter(|name| name.ends_with(".c"))
        .map(|name| format!("{directory}/{name}"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{directory} has C files");
    found
}
