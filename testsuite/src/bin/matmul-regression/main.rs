//! The matmul regression: how far a job on separate memories is from shared memory, on the measurement of the CAPE papers.
//!
//! ```text
//! cargo build --release && cargo run --release -p testsuite --bin matmul-regression -- --size 1500 --json matmul.json
//! ```
//!
//! `examples/matmul.c` is built three ways (sequential, `gcc -fopenmp`, `capec`) and run interleaved, a round at a time,
//! whole processes by the wall clock: on a shared machine only what ran in the same minutes can be compared. One further
//! run with `caperun --stats` counts the bytes moved, against what a hand-written message-passing program must move.
//!
//! Exit status: 0 within the bounds; 1 a bound was exceeded; 2 it could not be measured, or the results differ.

mod machine;
mod measure;
mod program;
mod report;
mod statistics;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Compares matmul under caperun with gcc -fopenmp; exits 1 when a bound is exceeded.
#[derive(Debug, Parser)]
#[command(name = "matmul-regression", version)]
pub(crate) struct Options {
    /// Rounds; each runs every variant once, after a round that is not counted
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Rows of the matrices
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(1..=20000))]
    size: u32,
    /// Ranks of the job, and threads of gcc -fopenmp
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=1024))]
    ranks: u32,
    /// Largest accepted ratio of the medians, caperun to gcc -fopenmp
    #[arg(long, default_value_t = 1.10)]
    bound: f64,
    /// Largest accepted ratio of the bytes moved to those a hand-written program must move
    #[arg(long, default_value_t = 1.15)]
    bytes_bound: f64,
    /// Seconds after which a run counts as hung
    #[arg(long, default_value_t = 300)]
    deadline: u64,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let report = match measure::measure(&options) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("matmul-regression: error: {error}");
            return ExitCode::from(2);
        }
    };
    print!("{report}");
    if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, report.to_json())
    {
        eprintln!(
            "matmul-regression: error: cannot write {}: {error}",
            path.display()
        );
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(!report.within_bounds()))
}
