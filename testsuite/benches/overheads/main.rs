//! What each construct costs in a program that runs alone, without caperun, against the same program with libgomp.
//!
//! ```text
//! cargo bench -p testsuite --bench overheads [-- --rounds 7 --threads 2 --uses 20000]
//! ```
//!
//! `overheads.c` is built by `gcc -fopenmp` and by `capec` and run interleaved, a round at a time; the table shows the medians
//! in nanoseconds a use, and their ratio. It judges nothing: figures are for people.

use std::process::{Command, ExitCode};

use clap::Parser;
use testsuite::Failure;
use testsuite::rounds::{Figures, Pair, run};

/// Compares the overheads of constructs with libgomp's.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds; each runs both programs once
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// OMP_NUM_THREADS
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// Uses of each construct in a run
    #[arg(long, default_value_t = 20_000)]
    uses: u32,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn measure(options: &Options) -> Result<(), Failure> {
    let pair = Pair::build("benches/overheads/overheads.c")?;
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..options.rounds {
        for (program, figures) in [&pair.oracle, &pair.cape].into_iter().zip(&mut figures) {
            let mut command = Command::new(program);
            command
                .arg(options.uses.to_string())
                .env("OMP_NUM_THREADS", options.threads.to_string());
            figures.take(&run(&mut command)?);
        }
    }
    let [shared, cape] = figures;
    println!(
        "{:<12} {:>12} {:>12} {:>7}",
        "construct", "libgomp ns", "capec ns", "ratio"
    );
    for name in shared.names() {
        let (gcc, ours) = (shared.median(name), cape.median(name));
        println!("{name:<12} {gcc:>12.1} {ours:>12.1} {:>7.2}", ours / gcc);
    }
    Ok(())
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overheads: error: {error}");
            ExitCode::FAILURE
        }
    }
}
