//! How task programs fare on one rank and on two, and against libgomp with one thread.
//!
//! ```text
//! cargo bench -p testsuite --bench tasks [-- --rounds 5 --ranks 2 fib sort]
//! ```
//!
//! `tasks.c` is built by `gcc -fopenmp` and by `capec`; the programs run interleaved, a round at a time, and the table shows the shortest
//! times, which other load on the machine disturbs least. It judges nothing: figures are for people. `naps` and `nap-tree` sleep instead of
//! computing: they show how tasks are spread over the ranks even where there are fewer processors than ranks.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;
use testsuite::tools::Tools;

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

/// Shortest microseconds by shape, and the shapes in the order of the output.
#[derive(Debug, Default)]
struct Figures {
    order: Vec<String>,
    shortest: BTreeMap<String, f64>,
}

impl Figures {
    fn take(&mut self, output: &str) {
        for (name, figure) in output.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(figure) = figure.parse::<f64>() else {
                continue;
            };
            match self.shortest.get_mut(name) {
                Some(shortest) => *shortest = shortest.min(figure),
                None => {
                    self.order.push(name.to_owned());
                    self.shortest.insert(name.to_owned(), figure);
                }
            }
        }
    }

    fn milliseconds(&self, name: &str) -> f64 {
        self.shortest.get(name).copied().unwrap_or(f64::NAN) / 1e3
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
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/tasks/tasks.c");
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
    let job = |ranks: u32| {
        let mut command = Command::new(&tools.caperun);
        command.arg("-n").arg(ranks.to_string()).arg(&cape);
        command
    };
    let mut figures = [(); 3].map(|()| Figures::default());
    for _ in 0..options.rounds {
        let commands = [Command::new(&shared), job(1), job(options.ranks)];
        for (mut command, figures) in commands.into_iter().zip(&mut figures) {
            command
                .args(&options.shapes)
                .env("OMP_NUM_THREADS", "1")
                .env_remove("CAPE_TRACKER");
            if command.get_program() != shared.as_os_str() {
                command.env_remove("OMP_NUM_THREADS");
            }
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
    for name in &one.order {
        let [gcc, one, more] = [&gcc, &one, &more].map(|figures| figures.milliseconds(name));
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
