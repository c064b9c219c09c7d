//! End-to-end tests: every case is a C program that is built twice, by `gcc -fopenmp` (the oracle) and by `capec`, run as
//! threads and as ranks, and must print, write and return the same.
//!
//! ```text
//! cargo build --release && cargo test --release                          the tools must have been built before the tests
//! cargo test --release -p testsuite --test cases -- atomic               the cases whose name contains "atomic"
//! CAPE_RANKS=1,2,3,4,8,16 CAPE_REPEAT=20 cargo test --release --test cases         the acceptance run
//! ```
//!
//! The harness drives built binaries only: `capec` and `caperun` of the profile the tests were built for, or those in
//! `CAPE_BIN_DIR`. If they are missing every test fails and says what to build. Each case is built once and run at each
//! number of ranks with each tracker, every run in a fresh directory, with a deadline, and must leave no process behind.
//! A failing case leaves its directory for inspection when `CAPE_KEEP=1`.
//!
//! # Cases
//!
//! A case is `cases/<construct>/<name>.c`. It checks itself or prints what does not depend on timing, and says in a comment
//! what it is about. Lines that begin with `//#` (or, for C90, are `/*# … */`) direct the harness; an unknown one fails the
//! case.
//!
//! | directive | meaning |
//! |---|---|
//! | `//# ranks: 1 2 2x4` | the only numbers of ranks, or ranks x threads per rank, to run at (not overridden by `CAPE_RANKS`); default 1 2 3 4 8 2x2 1x4 |
//! | `//# trackers: wp-async` | the only trackers to run with; default both |
//! | `//# args: 100 x` | arguments of the program, separated by white space |
//! | `//# env: X=1` | environment of the program, one variable a line; also of caperun |
//! | `//# caperun: --transport tcp` | further options for caperun |
//! | `//# cflags: -O3 -lm` | options for both compilers, after `-O2 -g`; `-l…` goes behind the sources |
//! | `//# stdin: text` | standard input, one line a directive; default: empty |
//! | `//# also: part.c` | a further source, relative to the case; it is no case itself |
//! | `//# build: separate` | `together` (default): one command; `separate`: `-c`, then link; `archive`, `shared`: the further sources in a `.a`, in a `.so` |
//! | `//# exit: 3` | the exit status expected of both; 128 + signal for a death by signal; default 0 |
//! | `//# compare: sorted` | lines in any order, but each between the same two lines that begin with `--`; default `exact` |
//! | `//# files: a.ppm` | files that must have been written (all that are written are compared in any case) |
//! | `//# timeout: 60` | seconds a run may take; default 30 |
//! | `//# skip-oracle` | the program checks itself: only its exit status counts |
//! | `//# error: text` | capec must fail, and its message contain the text; a further directive, a further text |
//! | `//# run-error: text` | the run must fail, and its standard error contain the text; the oracle is not run |
//!
//! In a case with `error:` a line of code that ends in `//~` must be named by a message, as `name.c:<line>`; text after the
//! mark must be in the messages too. Of the lines marked `//~?` at least one must be named.
//!
//! # The oracle
//!
//! Runs with `OMP_NUM_THREADS` set to the number of threads that all ranks offer and `OMP_DYNAMIC=false`, so that a team has
//! as many threads as the job has places unless the program asks for another number. Its floating-point reductions combine in any order:
//! cases use values for which the order does not matter.

pub mod case;
pub mod compare;
pub mod conformance;
pub mod network;
pub mod plan;
pub mod process;
pub mod rounds;
pub mod runner;
pub mod tools;

/// Why a case failed: text for the person who reads the test's output, possibly of several lines.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The case itself cannot be used: a directive is unknown or malformed.
    #[error("{file}:{line}: {reason}")]
    Directive {
        /// The case.
        file: String,
        /// Line of the directive, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The machine or the checkout lacks something.
    #[error("{0}")]
    Setup(String),
    /// A process did not end before its deadline and was killed.
    #[error("hang: `{command}` had not ended after {seconds} s and was killed\n{output}")]
    Hang {
        /// The command line.
        command: String,
        /// The deadline.
        seconds: f64,
        /// What it had printed.
        output: String,
    },
    /// The product behaved differently than expected.
    #[error("{0}")]
    Mismatch(String),
}

impl Failure {
    /// An operating-system error met while doing `what`.
    pub fn system(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Setup(format!("cannot {what}: {error}"))
    }
}
