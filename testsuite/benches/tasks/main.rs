//! How task programs fare on one rank and on two, and against libgomp with one thread.
//!
//! ```text
//! cargo bench -p testsuite --bench tasks [-- --rounds 5 --ranks 2 fib sort]
//! ```
//!
//! `tasks.c` is built by `gcc -fopenmp` and by `capec`; each shape runs in a process of its own, interleaved, a round at a time, and the table
//! shows the shortest times, which other load on the machine disturbs least. It judges nothing: figures are for people. `naps` and `nap-tree` sleep instead of
//! computing: they show how tasks are spread over the ranks even where there are fewer processors than ranks.

use std::process::{Command, ExitCode};

use clap::Parser;
use testsuite::Failure;
use testsuite::rounds::{Figures, Pair, run};

/// What `tasks.c` knows.
const SHAPES: [&str; 11] = [
    "fib",
    "tiny",
    "tiny-atomic",
    "queens-fine",
    "queens",
    "sort",
    "sparse-lu",
    "flat",
    "tree",
    "naps",
    "nap-tree",
];

/// Compares task programs on one rank with the same on several.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds; each runs every program once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Ranks to compare with one
    #[arg(long, default_value_t = 2)]
    ranks: u32,
    /// Shapes to run; none: all
    shapes: Vec<String>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn measure(options: &Options) -> Result<(), Failure> {
    let pair = Pair::build("benches/tasks/tasks.c")?;
    let job = |ranks: u32| {
        let mut command = Command::new(&pair.tools.caperun);
        command.arg("-n").arg(ranks.to_string()).arg(&pair.cape);
        command.env_remove("OMP_NUM_THREADS");
        command
    };
    let mut figures = [(); 3].map(|()| Figures::default());
    let all = SHAPES.map(str::to_owned).to_vec();
    let shapes = match options.shapes.is_empty() {
        true => &all,
        false => &options.shapes,
    };
    for shape in (0..options.rounds).flat_map(|_| shapes) {
        let mut alone = Command::new(&pair.oracle);
        alone.env("OMP_NUM_THREADS", "1");
        let commands = [alone, job(1), job(options.ranks)];
        for (mut command, figures) in commands.into_iter().zip(&mut figures) {
            command.arg(shape).env_remove("CAPE_TRACKER");
            figures.take(&run(&mut command)?);
        }
    }
    let [gcc, one, more] = figures;
    println!(
        "{:<12} {:>12} {:>12} {:>12} {:>9}",
        "shape",
        "libgomp ms",
        "1 rank ms",
        format!("{} ranks ms", options.ranks),
        "speed-up"
    );
    for name in one.names() {
        let [gcc, one, more] = [&gcc, &one, &more].map(|figures| figures.least(name) / 1e3);
        let speedup = one / more;
        println!("{name:<12} {gcc:>12.1} {one:>12.1} {more:>12.1} {speedup:>9.2}");
    }
    Ok(())
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tasks: error: {error}");
            ExitCode::FAILURE
        }
    }
}
