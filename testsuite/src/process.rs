//! Running a program with a deadline, and seeing that nothing of it stays behind.
//!
//! Every program gets a process group and an environment variable of its own. The variable is inherited by whatever it
//! starts, so descendants are found even if they have left the group. Output goes to unnamed files, not pipes: a process
//! that was left behind cannot keep the harness waiting for the end of a pipe.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::Failure;

/// The variable by which descendants are recognised.
const MARKER: &str = "CAPE_TESTSUITE_RUN";

/// Time in which everything a program started must be gone after its end.
const GRACE: Duration = Duration::from_secs(5);

/// A program to run.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    stdin: Vec<u8>,
}

/// What a program that has ended left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit status; 128 + signal for a death by signal.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Standard error as text.
    pub fn messages(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Invocation {
    /// `program` with `args`, run in `folder`. OpenMP's and CAPE's variables of the harness itself are not passed on.
    pub fn new<I, S>(program: impl AsRef<OsStr>, args: I, folder: &Path) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        Self {
            command,
            stdin: Vec::new(),
        }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives the program `bytes` to read.
    pub fn stdin(mut self, bytes: &[u8]) -> Self {
        self.stdin = bytes.to_vec();
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut self) -> Result<Running, Failure> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let line = command_line(&self.command);
        let complain = |error: std::io::Error| Failure::system(&format!("start `{line}`"), &error);
        let marker = format!(
            "{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let (stdout, stderr) = (
            tempfile::tempfile().map_err(complain)?,
            tempfile::tempfile().map_err(complain)?,
        );
        let mut stdin = tempfile::tempfile().map_err(complain)?;
        stdin
            .write_all(&self.stdin)
            .and_then(|()| stdin.rewind())
            .map_err(complain)?;
        let child = self
            .command
            .env(MARKER, &marker)
            .stdin(stdin)
            .stdout(Stdio::from(stdout.try_clone().map_err(complain)?))
            .stderr(Stdio::from(stderr.try_clone().map_err(complain)?))
            .process_group(0)
            .spawn()
            .map_err(complain)?;
        Ok(Running {
            child,
            stdout,
            stderr,
            marker,
            line,
            ended: None,
        })
    }

    /// Runs the program to its end, which must come before `limit` has passed, and leave no process.
    ///
    /// # Errors
    /// It cannot be started, does not end, or leaves a process.
    pub fn run(self, limit: Duration) -> Result<Finished, Failure> {
        let mut running = self.start()?;
        let finished = running.wait(limit)?;
        running.expect_no_process()?;
        Ok(finished)
    }
}

/// A program that was started. Dropping it kills what is left of it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
    marker: String,
    line: String,
    ended: Option<ExitStatus>,
}

impl Running {
    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&mut self) -> String {
        String::from_utf8_lossy(&contents(&mut self.stdout)).into_owned()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&mut self) -> String {
        String::from_utf8_lossy(&contents(&mut self.stderr)).into_owned()
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// `limit` passed first.
    pub fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        while !ready(self) {
            if Instant::now() > deadline {
                return Err(self.hang(limit));
            }
            pause();
        }
        Ok(())
    }

    /// Waits for the program's end.
    ///
    /// # Errors
    /// `limit` passed first: the program and all it started have been killed.
    pub fn wait(&mut self, limit: Duration) -> Result<Finished, Failure> {
        self.wait_until(limit, Self::has_ended)?;
        let status = self.ended.expect("wait_until returned only after the end");
        let status = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Ok(Finished {
            status,
            stdout: contents(&mut self.stdout),
            stderr: contents(&mut self.stderr),
        })
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap_or(None);
        }
        self.ended.is_some()
    }

    /// Sends `signal` to the program itself (not to its group).
    ///
    /// # Errors
    /// The program has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        send(self.pid(), signal)
    }

    /// Processes this program started, itself included, that still run: process id and environment.
    pub fn processes(&self) -> Vec<(u32, Vec<String>)> {
        let wanted = format!("{MARKER}={}", self.marker);
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid: u32| Some((pid, environment(pid)?)))
            .filter(|(_, environment)| environment.contains(&wanted))
            .collect()
    }

    /// The process id of a rank, once it runs.
    pub fn rank(&self, rank: u32) -> Option<u32> {
        let wanted = format!("CAPE_RANK={rank}");
        self.processes()
            .into_iter()
            .find(|(_, environment)| environment.contains(&wanted))
            .map(|(pid, _)| pid)
    }

    /// Sees that nothing the program started runs any more.
    ///
    /// # Errors
    /// Something does, a grace period after the program's end; it has been killed.
    pub fn expect_no_process(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + GRACE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let pids: Vec<String> = left.iter().map(|(pid, _)| pid.to_string()).collect();
                self.kill_all();
                return Err(Failure::Mismatch(format!(
                    "`{}` left processes behind: {}",
                    self.line,
                    pids.join(" ")
                )));
            }
            pause();
        }
    }

    fn hang(&mut self, limit: Duration) -> Failure {
        let output = format!(
            "  standard output so far: {}\n  standard error so far: {}",
            tail(&self.stdout()),
            tail(&self.stderr())
        );
        self.kill_all();
        Failure::Hang {
            command: self.line.clone(),
            seconds: limit.as_secs_f64(),
            output,
        }
    }

    fn kill_all(&mut self) {
        if !self.has_ended() {
            let group = Pid::from_raw(i32::try_from(self.pid()).expect("a pid is an int"));
            // Whatever the answer, the processes are looked for below.
            let _ = killpg(group, Signal::SIGKILL);
            self.ended = self.child.wait().ok();
        }
        for (pid, _) in self.processes() {
            let _ = send(pid, Signal::SIGKILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Sends `signal` to process `pid`.
///
/// # Errors
/// There is no such process, or it is not ours.
pub fn send(pid: u32, signal: Signal) -> Result<(), Failure> {
    let target = Pid::from_raw(
        i32::try_from(pid).map_err(|error| Failure::system("name a process", &error))?,
    );
    kill(target, signal)
        .map_err(|error: Errno| Failure::system(&format!("send {signal} to process {pid}"), &error))
}

/// The files in `folder` whose names do not begin with `except`.
///
/// # Errors
/// One cannot be read.
pub fn files_in(folder: &Path, except: &[&str]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let complain =
        |error: std::io::Error| Failure::system(&format!("read {}", folder.display()), &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(complain)? {
        let entry = entry.map_err(complain)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if except.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().map_err(complain)?.is_dir() {
            let below = files_in(&entry.path(), &[])?;
            files.extend(
                below
                    .into_iter()
                    .map(|(inner, path)| (format!("{name}/{inner}"), path)),
            );
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(files)
}

/// The last part of a long text.
pub fn tail(text: &str) -> String {
    const SHOWN: usize = 2000;
    match text.char_indices().rev().nth(SHOWN) {
        Some((at, _)) => format!("… {}", &text[at..]),
        None if text.is_empty() => "(nothing)".to_owned(),
        None => text.to_owned(),
    }
}

fn is_ours(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("OMP_") || name.starts_with("GOMP_") || name.starts_with("CAPE_")
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn environment(pid: u32) -> Option<Vec<String>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    Some(
        bytes
            .split(|&byte| byte == 0)
            .map(|variable| String::from_utf8_lossy(variable).into_owned())
            .collect(),
    )
}

fn contents(file: &mut File) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    // read_at leaves the offset alone, at which the program is still writing.
    while let Ok(count) = file.read_at(&mut buffer, bytes.len() as u64) {
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
    bytes
}

/// Between two looks at a condition that has a deadline.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Reads a whole file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| Failure::system(&format!("read {}", path.display()), &error))?;
    Ok(bytes)
}
