//! What the tests of `caperun` share: jobs whose ranks are this test executable itself.
//!
//! `caperun` starts the test executable as its ranks; a constructor sees that it runs as a rank and plays the scenario named by
//! `CAPERUN_TEST` instead of the tests. The fake ranks speak the control protocol and need neither runtime nor compiler.

#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../../src/control.rs"]
pub mod control;
pub mod fake;
mod marker;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest time any step of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The program under test.
pub fn caperun() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caperun"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAPE") {
            command.env_remove(name);
        }
    }
    command
}

/// This executable, which plays a rank.
pub fn rank_program() -> PathBuf {
    std::env::current_exe().expect("own path")
}

/// `caperun OPTIONS rank_program`, playing `scenario`.
pub fn job(scenario: &str, options: &str) -> Command {
    let mut command = caperun();
    command
        .args(options.split_whitespace())
        .arg(rank_program())
        .env("CAPERUN_TEST", scenario);
    command
}

/// A stream read by a thread, so that reading has a deadline.
pub struct Stream {
    lines: Receiver<String>,
    text: String,
}

impl Stream {
    fn of(source: impl Read + Send + 'static) -> Stream {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            loop {
                let mut line = Vec::new();
                match source.read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {
                        let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                    }
                }
            }
        });
        Stream {
            lines,
            text: String::new(),
        }
    }

    /// Reads on until a line contains `text`; returns that line.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.text.push_str(&line);
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {text:?} ({error}) in:\n{}", self.text),
            }
        }
    }

    /// Everything until the last process that can write here has ended.
    pub fn end(mut self) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.text.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return self.text,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("somebody still holds the stream; so far:\n{}", self.text)
                }
            }
        }
    }
}

/// A `caperun` that was started.
pub struct Running {
    /// Its process.
    pub child: Child,
    /// Its standard input.
    pub input: Option<ChildStdin>,
    /// Its standard output.
    pub out: Stream,
    /// Its standard error.
    pub err: Stream,
}

/// How a job ended.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Outcome {
    /// The exit code; a signal is a failure of the test.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("caperun died: {self:?}"))
    }
}

/// Starts `command` with its streams connected to the test.
pub fn start(mut command: Command) -> Running {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("start caperun");
    let out = Stream::of(child.stdout.take().expect("piped"));
    let err = Stream::of(child.stderr.take().expect("piped"));
    Running {
        input: child.stdin.take(),
        child,
        out,
        err,
    }
}

impl Running {
    /// Sends a signal to `caperun` alone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("pid"));
        kill(pid, signal).expect("caperun runs");
    }

    /// Writes a line to the job's input.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("input is open");
        writeln!(input, "{line}").expect("the job reads");
    }

    /// Waits until `caperun` *and every process that inherited its streams* have ended.
    pub fn finish(mut self) -> Outcome {
        drop(self.input.take());
        let out = self.out.end();
        let err = self.err.end();
        Outcome {
            status: self.child.wait().expect("waits"),
            out,
            err,
        }
    }
}

/// Runs `command` to its end with empty input.
pub fn run(command: Command) -> Outcome {
    start(command).finish()
}

/// A directory that is removed at the end of a test.
pub struct Directory(PathBuf);

impl Directory {
    /// A new, empty one.
    pub fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("caperun-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("create a directory");
        Directory(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Names in it.
    pub fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("list");
        entries
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
