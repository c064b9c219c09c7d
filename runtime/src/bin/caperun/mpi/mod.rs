//! `--transport mpi`: ranks that exchange their data by MPI. The job's control stays with `caperun`.
//!
//! ```text
//! caperun --transport mpi -n 4 ./prog                       mpirun -n 4 ./prog, with CAPE_TRANSPORT=mpi
//!      │ becomes                                                 │ becomes (runtime/src/joining.rs)
//!      └──► mpirun -n 4 caperun --join prog ◄────────────────────┘
//!                 └──► four tasks, each with one rank, which loads the plugin and is a rank of the MPI job, too
//! ```
//!
//! Every MPI has a plugin of its own, which must be the one of the `mpirun` that has started the tasks.

pub mod build;
pub mod start;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::crew::command;
use crate::environment::Environment;
use crate::outer::Launcher;
use crate::report::Failure;

/// The options that `caperun` was given, for the tasks of the `mpirun` that it has become.
pub const PASSED: &str = "CAPE_MPI_OPTIONS";

/// What to do where there is no plugin.
const REMEDY: &str = "build it with caperun --build-mpi (it needs the mpicc of that MPI), or set CAPE_MPI_PLUGIN to its file";

/// An implementation of MPI: those of one kind have the same ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Open MPI.
    Open,
    /// MPICH, and what descends from it.
    Mpich,
}

impl Flavour {
    /// All there are.
    pub const ALL: [Flavour; 2] = [Flavour::Open, Flavour::Mpich];

    /// As in the name of its plugin, and of Debian's commands.
    pub fn name(self) -> &'static str {
        match self {
            Flavour::Open => "openmpi",
            Flavour::Mpich => "mpich",
        }
    }

    /// The name of its plugin's file.
    fn file(self) -> String {
        format!("libcape_mpi_{}.so", self.name())
    }
}

/// Where plugins are, the first that has one counts: beside `caperun`, and in `lib` where that is in `bin`.
fn places() -> Vec<PathBuf> {
    let own = std::env::current_exe().unwrap_or_default();
    let Some(directory) = own.parent() else {
        return Vec::new();
    };
    let installed = directory.file_name().is_some_and(|name| name == "bin");
    let library = directory.parent().filter(|_| installed);
    let library = library.map(|prefix| prefix.join("lib"));
    library.into_iter().chain([directory.to_owned()]).collect()
}

/// The plugin for `flavour`; an error says where it is not.
fn plugin(flavour: Flavour) -> Result<PathBuf, Failure> {
    let places = places();
    let found = places
        .iter()
        .map(|place| place.join(flavour.file()))
        .find(|file| file.is_file());
    found.ok_or_else(|| {
        let looked: Vec<_> = places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        Failure::new(format!(
            "--transport mpi: {} is not in {}: {REMEDY}",
            flavour.file(),
            looked.join(" or ")
        ))
    })
}

/// The plugin that the user has named.
fn named(file: &Path) -> Result<PathBuf, Failure> {
    if file.is_file() {
        return Ok(std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    }
    Err(Failure::new(format!(
        "CAPE_MPI_PLUGIN={}: there is no such file: {REMEDY}",
        file.display()
    )))
}

/// The plugin for tasks that this launcher has started.
pub fn plugin_for(launcher: Launcher, environment: &Environment) -> Result<PathBuf, Failure> {
    if let Some(file) = &environment.plugin {
        return named(file);
    }
    match launcher {
        Launcher::Pmix => plugin(Flavour::Open),
        Launcher::Pmi => plugin(Flavour::Mpich),
        Launcher::Slurm => Err(Failure::new(
            "--transport mpi: srun was told nothing of MPI: use srun --mpi=pmix (Open MPI), srun --mpi=pmi2 (MPICH), or mpirun",
        )),
    }
}

/// The options that `caperun` had when it became `mpirun`.
pub fn passed_options(environment: &Environment) -> Result<Vec<OsString>, Failure> {
    let Some(text) = environment.passed.as_deref() else {
        return Ok(Vec::new());
    };
    command::split(text).map_err(|error| {
        Failure::with_code(
            format!("{PASSED}: {error}; unset it: it is caperun's own"),
            2,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_plugin_is_explained() {
        let environment = Environment {
            plugin: Some("/nowhere/at/all.so".into()),
            ..Environment::default()
        };
        let failure = plugin_for(Launcher::Pmi, &environment).expect_err("not there");
        assert!(
            failure.message.contains("/nowhere/at/all.so")
                && failure.message.contains("--build-mpi")
        );
        let plain = Environment::default();
        let failure = plugin_for(Launcher::Slurm, &plain).expect_err("no MPI");
        assert!(failure.message.contains("--mpi=pmix"));
    }
}
