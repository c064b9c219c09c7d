//! `caperun --build-mpi`: compiles the plugin for every MPI of this machine.
//!
//! The plugin's source is part of `caperun`: an installation needs nothing but the `mpicc` of an MPI.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Flavour, places};
use crate::environment::Environment;
use crate::report::Failure;

/// Compilers to look for: Debian's names of both, and what others call the only one.
const COMPILERS: [&str; 3] = ["mpicc.openmpi", "mpicc.mpich", "mpicc"];

/// Asks a compiler whose it is.
const QUESTION: &str = "#include <mpi.h>
#if defined OPEN_MPI
cape_mpi_is openmpi
#elif defined MPICH_VERSION || defined MPICH_NAME || defined I_MPI_VERSION
cape_mpi_is mpich
#endif
";

/// Builds all plugins that can be built, in `directory` if it is given, and says where they are.
pub fn run(directory: Option<&Path>, environment: &Environment) -> Result<u8, Failure> {
    let directory = directory
        .map(Path::to_owned)
        .or_else(|| places().into_iter().next());
    let directory = directory.unwrap_or_default();
    let compilers: Vec<PathBuf> = match &environment.mpicc {
        Some(named) => vec![named.into()],
        None => COMPILERS.iter().map(PathBuf::from).collect(),
    };
    let mut built = Vec::new();
    for compiler in &compilers {
        let Some(flavour) = flavour(compiler) else {
            continue;
        };
        if built.contains(&flavour) {
            continue;
        }
        let file = compile(compiler, flavour, &directory)?;
        println!("{}", file.display());
        built.push(flavour);
    }
    if !built.is_empty() {
        return Ok(0);
    }
    let tried: Vec<_> = compilers
        .iter()
        .map(|one| one.display().to_string())
        .collect();
    Err(Failure::new(format!(
        "no compiler of Open MPI or MPICH works here (tried {}): install one (Debian: libopenmpi-dev, libmpich-dev), or set MPICC",
        tried.join(", ")
    )))
}

fn flavour(compiler: &Path) -> Option<Flavour> {
    let mut child = Command::new(compiler)
        .args(["-E", "-P", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It may have ended without reading; what it has printed tells.
    let _ = child.stdin.take()?.write_all(QUESTION.as_bytes());
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = |flavour: &Flavour| {
        let line = format!("cape_mpi_is {}", flavour.name());
        output.status.success() && text.lines().any(|found| found == line)
    };
    Flavour::ALL.into_iter().find(answer)
}

fn compile(compiler: &Path, flavour: Flavour, directory: &Path) -> Result<PathBuf, Failure> {
    let file = directory.join(flavour.file());
    let unfinished = directory.join(format!(".{}-{}", flavour.file(), std::process::id()));
    let failed = |what: String| {
        let _ = std::fs::remove_file(&unfinished);
        Failure::new(format!(
            "cannot build {}: {what}; name a directory of yours (caperun --build-mpi=DIR), and set CAPE_MPI_PLUGIN to the file",
            file.display()
        ))
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new(compiler)
        .args([
            "-std=gnu11",
            "-O2",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ])
        .args(["-x", "c", "-", "-o"])
        .arg(&unfinished)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{}: {error}", compiler.display())))?;
    if let Some(mut input) = child.stdin.take() {
        // If it does not read, it says why.
        let _ = input.write_all(transport::mpi::PLUGIN_SOURCE.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", compiler.display(), text.trim())));
    }
    // Under its name when it is complete: ranks that run have the old one open.
    std::fs::rename(&unfinished, &file).map_err(|error| failed(error.to_string()))?;
    Ok(file)
}
