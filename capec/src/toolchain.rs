//! Runs the host's compiler and binutils: the only place that starts processes.

use crate::error::Error;
use crate::interrupt;
use crate::response;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Commands longer than this go through a response file; Linux refuses some beyond 128 KiB per word and 2 MiB in total.
const LONG_COMMAND: usize = 100_000;

/// How the host is called.
#[derive(Clone, Debug)]
pub struct Toolchain {
    program: OsString,
    leading: Vec<OsString>,
    scratch: PathBuf,
    echo: bool,
    dry_run: bool,
}

/// What a captured call left.
#[derive(Debug)]
pub struct Captured {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub output: Vec<u8>,
    /// Standard error.
    pub messages: Vec<u8>,
}

impl Toolchain {
    /// `compiler`: the program and the arguments that every call gets first. `scratch`: an existing directory for temporary
    /// files, the caller's. `echo`: show each command on stderr. `dry_run`: have the host show what it would do instead.
    ///
    /// # Errors
    /// [`Error::EmptyCompiler`].
    pub fn new(
        compiler: &[OsString],
        scratch: &Path,
        echo: bool,
        dry_run: bool,
    ) -> Result<Self, Error> {
        let (program, leading) = compiler.split_first().ok_or(Error::EmptyCompiler)?;
        Ok(Self {
            program: program.clone(),
            leading: leading.to_vec(),
            scratch: scratch.to_owned(),
            echo: echo || dry_run,
            dry_run,
        })
    }

    /// Whether the host is clang, by its name (`ccache clang-19`).
    pub fn is_clang(&self) -> bool {
        let named = |word: &OsString| {
            let name = Path::new(word).file_name().unwrap_or_default();
            name.as_bytes().windows(5).any(|part| part == b"clang")
        };
        std::iter::once(&self.program)
            .chain(&self.leading)
            .any(named)
    }

    /// Runs the host with our own standard streams and returns its exit code. `input`, if given, becomes its stdin.
    ///
    /// # Errors
    /// When it cannot be started or is killed.
    pub fn run(&self, words: &[OsString], input: Option<&Path>) -> Result<i32, Error> {
        self.echo(words);
        let mut words = words.to_vec();
        if self.dry_run {
            words.push("-###".into());
        }
        let mut command = self.command(&words)?;
        redirect(&mut command, input)?;
        let mut child =
            interrupt::spawn(&mut command).map_err(|source| self.not_started(source))?;
        let status = child.wait();
        interrupt::ended();
        self.code(status)
    }

    /// Runs the host and returns what it wrote. Not affected by `dry_run`.
    ///
    /// # Errors
    /// As [`Toolchain::run`].
    pub fn capture(&self, words: &[OsString], input: Option<&Path>) -> Result<Captured, Error> {
        self.echo(words);
        let mut words = words.to_vec();
        if io::stderr().is_terminal()
            && !words
                .iter()
                .any(|word| word.as_bytes().starts_with(b"-fdiagnostics-color"))
        {
            words.push("-fdiagnostics-color=always".into());
        }
        let mut command = self.command(&words)?;
        redirect(&mut command, input)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = interrupt::spawn(&mut command).map_err(|source| self.not_started(source))?;
        let finished = child.wait_with_output();
        interrupt::ended();
        let finished = finished.map_err(|source| self.not_started(source))?;
        Ok(Captured {
            code: self.code(Ok(finished.status))?,
            output: finished.stdout,
            messages: finished.stderr,
        })
    }

    /// The host's own tool of this name (`objcopy`), as `-print-prog-name` finds it.
    ///
    /// # Errors
    /// As [`Toolchain::run`].
    pub fn tool(&self, name: &str) -> Result<PathBuf, Error> {
        let mut command = self.command(&[format!("-print-prog-name={name}").into()])?;
        let finished = command
            .output()
            .map_err(|source| self.not_started(source))?;
        let path = finished.stdout.trim_ascii();
        let path = if path.is_empty() {
            name.as_bytes()
        } else {
            path
        };
        Ok(PathBuf::from(OsStr::from_bytes(path)))
    }

    /// Runs a tool that is expected to work and to say nothing.
    ///
    /// # Errors
    /// [`Error::Tool`] with what it said.
    pub fn run_tool(&self, program: &Path, words: &[OsString]) -> Result<(), Error> {
        if self.echo {
            show(program.as_os_str(), words);
        }
        let failed = |reason: String| Error::Tool {
            program: program.display().to_string(),
            reason,
        };
        let mut command = Command::new(program);
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = interrupt::spawn(&mut command).map_err(|error| failed(error.to_string()))?;
        let finished = child.wait_with_output();
        interrupt::ended();
        let finished = finished.map_err(|error| failed(error.to_string()))?;
        if finished.status.success() {
            return Ok(());
        }
        Err(failed(
            String::from_utf8_lossy(finished.stderr.trim_ascii()).into_owned(),
        ))
    }

    fn command(&self, words: &[OsString]) -> Result<Command, Error> {
        let mut command = Command::new(&self.program);
        // Should the host be a script that ends up in capec again, that one has a compiler of its own.
        command.env_remove("CAPE_CC");
        let length: usize = words.iter().map(|word| word.len() + 1).sum();
        if length <= LONG_COMMAND {
            command.args(&self.leading).args(words);
        } else {
            let path = self.scratch.join("arguments");
            std::fs::write(&path, response::join(words)).map_err(|source| Error::Write {
                path: path.clone(),
                source,
            })?;
            let mut word = OsString::from("@");
            word.push(&path);
            command.args(&self.leading).arg(word);
        }
        Ok(command)
    }

    fn echo(&self, words: &[OsString]) {
        if self.echo {
            let all: Vec<OsString> = self.leading.iter().chain(words).cloned().collect();
            show(&self.program, &all);
        }
    }

    fn not_started(&self, source: io::Error) -> Error {
        Error::Host {
            program: self.program.to_string_lossy().into_owned(),
            source,
        }
    }

    fn code(&self, status: io::Result<ExitStatus>) -> Result<i32, Error> {
        let status = status.map_err(|source| self.not_started(source))?;
        status.code().ok_or_else(|| Error::HostKilled {
            program: self.program.to_string_lossy().into_owned(),
            signal: status.signal().unwrap_or_default(),
        })
    }
}

/// Copies what is left of our standard input to a file, since more than one child must read it.
///
/// # Errors
/// [`Error::Read`], [`Error::Write`].
pub fn spool_stdin(path: &Path) -> Result<(), Error> {
    let mut text = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut text)
        .map_err(|source| Error::Read {
            path: "standard input".into(),
            source,
        })?;
    std::fs::write(path, text).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn redirect(command: &mut Command, input: Option<&Path>) -> Result<(), Error> {
    if let Some(path) = input {
        let file = File::open(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        command.stdin(file);
    }
    Ok(())
}

/// Prints a command on stderr as gcc's `-###` does, every word that needs it in quotes.
fn show(program: &OsStr, words: &[OsString]) {
    let mut line = Vec::new();
    for word in std::iter::once(program).chain(words.iter().map(OsString::as_os_str)) {
        line.push(b' ');
        line.extend(quoted(word.as_bytes()));
    }
    line.push(b'\n');
    // Nothing can be done about a closed stderr.
    let _ = io::stderr().write_all(&line);
}

fn quoted(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./=+,:@%".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return word.to_vec();
    }
    let mut text = vec![b'"'];
    for &byte in word {
        if b"\"\\$`".contains(&byte) {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted(b"-DN=1"), b"-DN=1");
        assert_eq!(quoted(b""), b"\"\"");
        assert_eq!(quoted(b"a \"b\" $c"), b"\"a \\\"b\\\" \\$c\"");
    }
}
