//! What each construct costs in a program that runs alone, without caperun, against the same program with libgomp.
//!
//! ```text
//! cargo bench -p testsuite --bench overheads [-- --rounds 7 --threads 2 --uses 20000]
//! ```
//!
//! `overheads.c` is built by `gcc -fopenmp` and by `capec` and run interleaved, a round at a time; the table shows the medians
//! in nanoseconds a use, and their ratio. It judges nothing: figures are for people.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;
use testsuite::tools::Tools;

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

/// Nanoseconds a use, by construct, one figure a round; in the order of the program's output.
#[derive(Debug, Default)]
struct Figures {
    order: Vec<String>,
    by_construct: BTreeMap<String, Vec<f64>>,
}

impl Figures {
    fn take(&mut self, output: &str) {
        for (name, figure) in output.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(figure) = figure.parse() else { continue };
            if !self.by_construct.contains_key(name) {
                self.order.push(name.to_owned());
            }
            self.by_construct
                .entry(name.to_owned())
                .or_default()
                .push(figure);
        }
    }

    fn median(&self, name: &str) -> f64 {
        let mut figures = self.by_construct.get(name).cloned().unwrap_or_default();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{command:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn measure(options: &Options) -> Result<(), String> {
    let tools = Tools::find(std::env::var_os("CAPE_BIN_DIR").as_deref().map(Path::new))
        .map_err(|error| error.to_string())?;
    let folder =
        tempfile::tempdir().map_err(|error| format!("cannot make a directory: {error}"))?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/overheads/overheads.c");
    let (shared, cape) = (folder.path().join("libgomp"), folder.path().join("cape"));
    run(Command::new(&tools.oracle)
        .args(["-O2", "-fopenmp"])
        .arg(&source)
        .arg("-o")
        .arg(&shared))?;
    run(Command::new(&tools.capec)
        .arg("-O2")
        .arg(&source)
        .arg("-o")
        .arg(&cape))?;
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..options.rounds {
        for (program, figures) in [&shared, &cape].into_iter().zip(&mut figures) {
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
    for name in &shared.order {
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
