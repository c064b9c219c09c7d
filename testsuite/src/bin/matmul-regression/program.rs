//! Builds the three variants, and runs one of them under a deadline.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testsuite::tools::Tools;

/// From asking a run that passed its deadline to end (so that caperun ends its ranks) to killing it.
const GRACE: Duration = Duration::from_secs(5);

/// One way to build and run the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// gcc, directives ignored.
    Sequential,
    /// gcc -fopenmp, threads in shared memory.
    SharedMemory,
    /// capec and caperun, processes with separate memories.
    Cape,
}

impl Variant {
    /// In the order of the first round.
    pub(crate) const ALL: [Self; 3] = [Self::Sequential, Self::SharedMemory, Self::Cape];

    fn file(self) -> &'static str {
        match self {
            Self::Sequential => "matmul-sequential",
            Self::SharedMemory => "matmul-openmp",
            Self::Cape => "matmul-cape",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sequential => "gcc -O3 (sequential)",
            Self::SharedMemory => "gcc -O3 -fopenmp",
            Self::Cape => "capec -O3, caperun",
        })
    }
}

/// The program built in all variants.
#[derive(Debug)]
pub(crate) struct Programs {
    tools: Tools,
    directory: PathBuf,
    ranks: u32,
    size: u32,
    deadline: Duration,
}

impl Programs {
    /// Compiles `source` three times into `directory`.
    pub(crate) fn build(
        tools: Tools,
        source: &Path,
        directory: &Path,
        (ranks, size): (u32, u32),
        deadline: Duration,
    ) -> Result<Self, String> {
        for variant in Variant::ALL {
            let mut command = match variant {
                Variant::Cape => Command::new(&tools.capec),
                Variant::Sequential | Variant::SharedMemory => Command::new(&tools.oracle),
            };
            command
                .arg("-O3")
                .arg(source)
                .arg("-o")
                .arg(directory.join(variant.file()));
            match variant {
                // Directives are ignored; omp_get_wtime is still wanted.
                Variant::Sequential => command.args(["-Wno-unknown-pragmas", "-lgomp"]),
                Variant::SharedMemory => command.arg("-fopenmp"),
                Variant::Cape => &mut command,
            };
            let output = run(&mut command, deadline)?;
            if !output.success {
                return Err(format!(
                    "building matmul with {variant} failed:\n{}",
                    output.stderr
                ));
            }
        }
        Ok(Self {
            tools,
            directory: directory.to_path_buf(),
            ranks,
            size,
            deadline,
        })
    }

    /// Runs one variant once; an unsuccessful exit is an error.
    pub(crate) fn run(&self, variant: Variant) -> Result<Output, String> {
        self.run_with(variant, &[])
    }

    /// Runs the job once more with `caperun --stats`.
    pub(crate) fn run_with_stats(&self) -> Result<Output, String> {
        self.run_with(Variant::Cape, &["--stats"])
    }

    fn run_with(&self, variant: Variant, caperun_options: &[&str]) -> Result<Output, String> {
        let program = self.directory.join(variant.file());
        let mut command = match variant {
            Variant::Sequential | Variant::SharedMemory => Command::new(program),
            Variant::Cape => {
                let mut command = Command::new(&self.tools.caperun);
                command
                    .arg("-n")
                    .arg(self.ranks.to_string())
                    .args(caperun_options)
                    .arg(program);
                command
            }
        };
        command
            .arg(self.size.to_string())
            .env("OMP_NUM_THREADS", self.ranks.to_string())
            .env("OMP_DYNAMIC", "false");
        let output = run(&mut command, self.deadline)?;
        if output.success {
            Ok(output)
        } else {
            Err(format!("matmul with {variant} failed:\n{}", output.stderr))
        }
    }
}

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Output {
    /// It exited with status 0.
    pub(crate) success: bool,
    /// From before its start to after its end.
    pub(crate) elapsed: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` to its end; one that passes the deadline is ended and is an error.
fn run(command: &mut Command, deadline: Duration) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.map_err(|error| format!("cannot run {name}: {error}"))?;
    let pid =
        Pid::from_raw(i32::try_from(child.id()).expect("process ids fit, see pid_max in proc(5)"));

    let (ended, watch) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || expire(pid, deadline, &watch));
    let output = child.wait_with_output();
    let elapsed = start.elapsed();
    drop(ended);
    let expired = watchdog.join().expect("the watchdog does not panic");

    let output = output.map_err(|error| format!("cannot wait for {name}: {error}"))?;
    if expired {
        return Err(format!(
            "{name} did not end within {} s; see --deadline",
            deadline.as_secs()
        ));
    }
    Ok(Output {
        success: output.status.success(),
        elapsed,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Ends process `pid` when the deadline passes before `watch` is hung up; says whether it did.
fn expire(pid: Pid, deadline: Duration, watch: &mpsc::Receiver<()>) -> bool {
    let waits = [(deadline, Signal::SIGTERM), (GRACE, Signal::SIGKILL)];
    for (fired, (wait, signal)) in waits.into_iter().enumerate() {
        if watch.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return fired > 0;
        }
        // A process that has just ended is not an error.
        let _ = kill(pid, signal);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collects_what_a_process_leaves() {
        let output = run(
            Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]),
            Duration::from_secs(60),
        );
        let output = output.expect("a shell");
        assert_eq!(
            (
                output.success,
                output.stdout.as_str(),
                output.stderr.as_str()
            ),
            (false, "out\n", "err\n")
        );
    }

    #[test]
    fn ends_a_process_that_passes_its_deadline() {
        let error = run(
            Command::new("sh").args(["-c", "exec sleep 1000"]),
            Duration::from_millis(50),
        );
        assert!(error.expect_err("it sleeps").contains("did not end"));
    }
}
