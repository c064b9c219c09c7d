//! `caperun --selftest`: a known program, compiled here and run on one rank and on those asked for; says whether its results are right,
//! how much faster it is, and where the time went (the table of `--stats`).
//!
//! It runs `caperun` itself, so that what is tested is what users get.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::mkdtemp;

use crate::report::Failure;

/// The program.
const SOURCE: &str = include_str!("selftest.c");

/// A run's result.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outcome {
    threads: u32,
    seconds: f64,
    right: bool,
}

/// Removes the directory at its end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // A temporary directory is the system's to clean in the end.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn outcome(line: &str) -> Option<Outcome> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let value = |name: &str| {
        let place = words.iter().position(|word| *word == name)?;
        words.get(place + 1).copied()
    };
    Some(Outcome {
        threads: value("threads")?.parse().ok()?,
        seconds: value("seconds")?.parse().ok()?,
        right: value("primes")? == value("expected")? && value("wrong")? == "0",
    })
}

/// Compiles the program in `directory`.
fn build(compiler: &Path, directory: &Path) -> Result<PathBuf, Failure> {
    let source = directory.join("selftest.c");
    let program = directory.join("selftest");
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!(
            "cannot compile the program of --selftest with {}: {error}; is gcc installed?",
            compiler.display()
        ))
    };
    std::fs::write(&source, SOURCE).map_err(|error| failed(&error))?;
    let output = Command::new(compiler)
        .arg("-O2")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .output()
        .map_err(|error| failed(&error))?;
    if output.status.success() {
        Ok(program)
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Runs the program under `caperun` with `options`; `table`: its standard error, the table of `--stats`, is shown.
fn measure(options: &[OsString], program: &Path, table: bool) -> Result<Outcome, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find caperun itself: {error}")))?;
    let mut command = Command::new(own);
    command.args(options);
    if table {
        command.arg("--stats");
    }
    let output = command
        .arg("--")
        .arg(program)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cannot run caperun itself: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().find_map(outcome);
    found.ok_or_else(|| {
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        Failure::with_code(
            "the program of --selftest did not end as it should: see the message above; --check examines the hosts",
            code.filter(|code| *code != 0).unwrap_or(1),
        )
    })
}

/// Runs the test. `options` are those of the command line without `--selftest`; `shared`: other hosts must find the program, too.
pub fn run(
    options: &[OsString],
    compiler: &Path,
    temporary: &Path,
    shared: bool,
) -> Result<u8, Failure> {
    let parent = if shared {
        std::env::current_dir().unwrap_or_else(|_| temporary.to_owned())
    } else {
        temporary.to_owned()
    };
    let directory = mkdtemp(&parent.join("caperun-selftest-XXXXXX")).map_err(|error| {
        Failure::new(format!(
            "cannot create a directory in {}: {error}; set TMPDIR, or go to a writable directory",
            parent.display()
        ))
    })?;
    let directory = Scratch(directory);
    let program = build(compiler, &directory.0)?;
    let one = ["-n", "1", "--host", "localhost"].map(OsString::from);
    let alone = measure(&one, &program, false)?;
    let together = measure(options, &program, true)?;
    println!("{}", summary(alone, together));
    Ok(u8::from(!alone.right || !together.right))
}

fn summary(alone: Outcome, together: Outcome) -> String {
    let judged = |outcome: Outcome| if outcome.right { "right" } else { "WRONG" };
    let speed_up = alone.seconds / together.seconds.max(1e-9);
    format!(
        "selftest: results of 1 rank {}, of {} threads in all {}\nselftest: {:.3} s on 1 rank, {:.3} s on {} threads: speed-up {speed_up:.2}, {:.0} % of ideal",
        judged(alone),
        together.threads,
        judged(together),
        alone.seconds,
        together.seconds,
        together.threads,
        100.0 * speed_up * f64::from(alone.threads) / f64::from(together.threads.max(1)),
    )
}

/// The command line's options without the word that asks for this test.
pub fn remaining(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    arguments
        .filter(|word| word != OsStr::new("--selftest"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_judged() {
        let good = outcome("threads 2 primes 7 expected 7 wrong 0 seconds 0.5").expect("read");
        assert_eq!(
            good,
            Outcome {
                threads: 2,
                seconds: 0.5,
                right: true
            }
        );
        let bad = outcome("threads 2 primes 7 expected 8 wrong 0 seconds 0.5").expect("read");
        assert!(!bad.right);
        assert!(
            !outcome("threads 2 primes 7 expected 7 wrong 1 seconds 0.5")
                .expect("read")
                .right
        );
        assert_eq!(outcome("hello"), None);
        let alone = Outcome {
            threads: 1,
            seconds: 1.0,
            right: true,
        };
        let text = summary(alone, good);
        assert!(
            text.contains("speed-up 2.00, 100 % of ideal") && !text.contains("WRONG"),
            "{text}"
        );
        assert!(summary(alone, bad).contains("WRONG"));
    }
}
