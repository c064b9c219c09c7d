//! What is started: the program as it is, or, for `caperun prog.c`, what `capec` makes of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkdtemp};

use crate::cli::Options;
use crate::launch::child;
use crate::program;
use crate::report::{self, Failure};
use crate::signals::{Notice, Signals};
use crate::verdict::Verdict;

/// How long a compiler that was told to end may take.
const CLEANING_UP: Duration = Duration::from_secs(2);

/// A directory of our own that is removed with everything in it.
#[derive(Debug)]
pub struct TemporaryDirectory {
    path: PathBuf,
}

impl TemporaryDirectory {
    fn new(parent: &Path) -> Result<TemporaryDirectory, Failure> {
        let path = mkdtemp(&parent.join("caperun-XXXXXX")).map_err(|error| {
            Failure::new(format!(
                "cannot create a directory in {}: {error}; set TMPDIR to a writable directory",
                parent.display()
            ))
        })?;
        Ok(TemporaryDirectory { path })
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // It is in the system's temporary directory: what cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A program that has been checked.
#[derive(Debug)]
pub struct Prepared {
    /// The file to execute.
    pub file: PathBuf,
    /// What the program sees as its name.
    pub name: OsString,
    /// Bytes of memory of the program's own segments.
    pub image: u64,
    /// Where the file is, if it was compiled for this job; may be removed as soon as all ranks execute it.
    pub directory: Option<TemporaryDirectory>,
}

/// Finds and checks the program, after compiling it if it is C.
pub fn prepare(options: &Options, signals: &Signals) -> Result<Prepared, Failure> {
    let source = options.program.as_bytes().ends_with(b".c");
    if source && !program::is_elf(Path::new(&options.program)) {
        return compile(options, signals);
    }
    let file = program::find(&options.program, &options.path)?;
    let image = program::check(&file)?;
    Ok(Prepared {
        file,
        name: options.program.clone(),
        image,
        directory: None,
    })
}

/// `capec` beside `caperun`, in its prefix, or in `PATH`.
pub fn compiler(path: &OsStr) -> Result<PathBuf, Failure> {
    let myself = std::env::current_exe().unwrap_or_default();
    let beside = myself.parent().map(|dir| dir.join("capec"));
    let prefix = myself
        .parent()
        .and_then(Path::parent)
        .map(|dir| dir.join("bin/capec"));
    let found = beside.into_iter().chain(prefix).find(|file| file.is_file());
    found.map_or_else(|| program::find(OsStr::new("capec"), path), Ok).map_err(|_| {
        Failure::with_code("capec was not found beside caperun nor in PATH: install it there, or compile the program yourself", 127)
    })
}

fn compile(options: &Options, signals: &Signals) -> Result<Prepared, Failure> {
    let source = Path::new(&options.program);
    if !source.is_file() {
        return Err(Failure::with_code(
            format!("{}: no such source file", source.display()),
            127,
        ));
    }
    let compiler = compiler(&options.path)?;
    let directory = TemporaryDirectory::new(&options.temporary)?;
    let file = directory
        .path
        .join(source.file_stem().unwrap_or_else(|| OsStr::new("program")));
    let mut command = Command::new(&compiler);
    command
        .args(["-O2", "-g"])
        .arg(source)
        .arg("-o")
        .arg(&file)
        .arg("-lm");
    if options.verbose {
        report::note(&format!(
            "compiling {} with {}",
            source.display(),
            compiler.display()
        ));
    }
    child::prepare_tool(&mut command, signals.original_mask());
    let child = command.process_group(0).spawn().map_err(|error| {
        Failure::with_code(
            format!(
                "cannot start {}: {error}; install capec again",
                compiler.display()
            ),
            126,
        )
    })?;
    let status = wait(child, signals)?;
    if !status.success() {
        let code = status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        return Err(Failure::with_code(
            format!(
                "{} was not compiled: see the messages above",
                source.display()
            ),
            code,
        ));
    }
    let image = program::check(&file)?;
    Ok(Prepared {
        file,
        name: source.with_extension("").into(),
        image,
        directory: Some(directory),
    })
}

/// Waits for the compiler's group of processes. A signal to `caperun` is passed on to it, and enforced if that does not end it.
fn wait(mut child: Child, signals: &Signals) -> Result<ExitStatus, Failure> {
    let group = Pid::from_raw(-i32::try_from(child.id()).expect("process ids are positive ints"));
    let failed = |error: std::io::Error| Failure::new(format!("cannot wait for capec: {error}"));
    let mut interrupted: Option<(Signal, Instant)> = None;
    loop {
        let ended = child.try_wait().map_err(failed)?;
        match (ended, interrupted) {
            (Some(status), None) => return Ok(status),
            (Some(_), Some((signal, _))) => {
                return Err(Failure::with_code(
                    "",
                    Verdict::Interrupted { signal }.code(),
                ));
            }
            (None, _) => {}
        }
        match signals.wait_until(interrupted.map(|(_, deadline)| deadline)) {
            Some(Notice::End(signal)) if interrupted.is_none() => {
                // Its handlers remove its own temporary files.
                interrupted = Some((signal, Instant::now() + CLEANING_UP));
                let _ = kill(group, signal);
                let _ = kill(group, Signal::SIGCONT);
            }
            None | Some(Notice::End(_)) => {
                let _ = kill(group, Signal::SIGKILL);
                interrupted = interrupted.map(|(signal, _)| (signal, Instant::now() + CLEANING_UP));
            }
            Some(Notice::Stop) => {
                let _ = kill(group, Signal::SIGSTOP);
                signals.stop_myself();
            }
            Some(Notice::Continue) => {
                let _ = kill(group, Signal::SIGCONT);
            }
            Some(_) => {}
        }
    }
}
