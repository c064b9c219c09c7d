//! What benchmarks of whole programs share: one source built by `gcc -fopenmp` and by `capec`, and the figures that its runs print.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;
use crate::tools::Tools;

/// A program in both builds.
#[derive(Debug)]
pub struct Pair {
    /// The tools it was built with.
    pub tools: Tools,
    /// Built by `gcc -O2 -fopenmp`.
    pub oracle: PathBuf,
    /// Built by `capec -O2`.
    pub cape: PathBuf,
    _folder: TempDir,
}

impl Pair {
    /// Builds `source`, relative to this crate, with the tools in `CAPE_BIN_DIR` or beside the benchmark.
    ///
    /// # Errors
    /// A tool is missing, or the source does not compile.
    pub fn build(source: &str) -> Result<Pair, Failure> {
        let tools = Tools::find(std::env::var_os("CAPE_BIN_DIR").as_deref().map(Path::new))?;
        let folder =
            tempfile::tempdir().map_err(|error| Failure::system("make a directory", &error))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let [oracle, cape] = ["libgomp", "cape"].map(|name| folder.path().join(name));
        for (compiler, options, program) in [
            (&tools.oracle, &["-O2", "-fopenmp"][..], &oracle),
            (&tools.capec, &["-O2"], &cape),
        ] {
            let mut command = Command::new(compiler);
            run(command
                .args(options)
                .arg(&source)
                .arg("-o")
                .arg(program)
                .arg("-lm"))?;
        }
        Ok(Pair {
            tools,
            oracle,
            cape,
            _folder: folder,
        })
    }
}

/// Runs `command`; what it printed.
///
/// # Errors
/// It cannot be run, or its exit status is not 0.
pub fn run(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|error| Failure::system(&format!("run {command:?}"), &error))?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::Mismatch(format!(
            "{command:?} failed:\n{messages}"
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Figures by name, one a round, in the order of the program's output, whose lines are `name figure`.
#[derive(Debug, Default)]
pub struct Figures {
    order: Vec<String>,
    by_name: BTreeMap<String, Vec<f64>>,
}

impl Figures {
    /// Takes the output of one more run.
    pub fn take(&mut self, output: &str) {
        for (name, figure) in output.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(figure) = figure.parse() else { continue };
            let figures = self.by_name.entry(name.to_owned()).or_insert_with(|| {
                self.order.push(name.to_owned());
                Vec::new()
            });
            figures.push(figure);
        }
    }

    /// The names, in the order of the output.
    pub fn names(&self) -> &[String] {
        &self.order
    }

    fn sorted(&self, name: &str) -> Vec<f64> {
        let mut figures = self.by_name.get(name).cloned().unwrap_or_default();
        figures.sort_by(f64::total_cmp);
        figures
    }

    /// The median of `name`'s figures; NaN if there are none.
    pub fn median(&self, name: &str) -> f64 {
        let figures = self.sorted(name);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The least of `name`'s figures; NaN if there are none.
    pub fn least(&self, name: &str) -> f64 {
        self.sorted(name).first().copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_summed_up_by_name() {
        let mut figures = Figures::default();
        for output in ["b 3\na 1.5\nnot a figure\n", "b 1\na 2.5\n", "b 2\na 0.5\n"] {
            figures.take(output);
        }
        assert_eq!(figures.names(), ["b", "a"]);
        assert_eq!((figures.median("b"), figures.least("a")), (2.0, 0.5));
        assert!(figures.median("c").is_nan());
    }
}
