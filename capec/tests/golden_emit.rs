//! `--emit-c`, compared with golden files; `CAPE_BLESS=1` rewrites them.
//!
//! `golden/<name>.c` holds a program and, after the line `/* emitted */`, what is expected of it; `golden/examples/` holds
//! what is expected of each example. Everything expected is compiled too.

mod support;

use std::path::PathBuf;

use support::{emitted, gcc, sources, workspace};

const DIVIDER: &str = "/* emitted */\n";

fn blessing() -> bool {
    std::env::var_os("CAPE_BLESS").is_some_and(|value| value == "1")
}

fn compiles(name: &str, text: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("emitted.c");
    let object = directory.path().join("emitted.o");
    std::fs::write(&file, text).expect("the text can be written");
    let paths = [&file, &object].map(|path| path.to_str().expect("temporary names are text"));
    let output = gcc(&[
        "-Wall",
        "-Wno-unused",
        "-Werror",
        "-I",
        "runtime/include",
        "-c",
        paths[0],
        "-o",
        paths[1],
    ]);
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn check(golden: &PathBuf, expected: &str, actual: &str, whole: &str) {
    if blessing() {
        std::fs::create_dir_all(golden.parent().expect("goldens are in a directory"))
            .expect("the directory can be made");
        std::fs::write(golden, whole).expect("the golden can be written");
        return;
    }
    let differs = expected
        .lines()
        .zip(actual.lines())
        .position(|(one, other)| one != other);
    assert_eq!(
        expected,
        actual,
        "{} differs from line {differs:?} on; CAPE_BLESS=1 rewrites it",
        golden.display()
    );
}

#[test]
fn constructs() {
    for source in sources("capec/tests/golden") {
        let golden = workspace().join(&source);
        let text = std::fs::read_to_string(&golden).expect("the golden can be read");
        let (input, expected) = text.split_once(DIVIDER).unwrap_or((&text, ""));
        let name = source.rsplit('/').next().expect("a path has a last part");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join(name);
        std::fs::write(&file, input).expect("the input can be written");
        let actual = emitted(file.to_str().expect("temporary names are text"))
            .replace(&*file.to_string_lossy(), name);
        check(
            &golden,
            expected,
            &actual,
            &format!("{input}{DIVIDER}{actual}"),
        );
        compiles(&source, &actual);
    }
}

#[test]
fn examples() {
    for source in sources("examples") {
        let golden = workspace().join(format!("capec/tests/golden/{source}"));
        let actual = emitted(&source);
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        check(&golden, &expected, &actual, &actual);
        compiles(&source, &actual);
    }
}
