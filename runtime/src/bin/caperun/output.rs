//! `--tag-output`: whole lines of the ranks' output, each with the rank and the stream it comes from.
//!
//! One thread reads all pipes. When all ranks have ended, everything they wrote is in the pipes, so what is there then is the
//! rest: a process that a rank left in the background cannot keep the job from ending.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Sender;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::report::Failure;
use crate::signals::Notice;

/// A line longer than this is broken: one rank must not take all memory.
const LONGEST_LINE: usize = 16 << 20;
/// Bytes read at a time.
const READ_SIZE: usize = 64 << 10;

/// One of a rank's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Cuts a stream into lines and puts the tag before each.
#[derive(Debug)]
struct Lines {
    tag: Vec<u8>,
    unfinished: Vec<u8>,
}

impl Lines {
    fn new(rank: u32, stream: Stream) -> Lines {
        let name = match stream {
            Stream::Output => "stdout",
            Stream::Error => "stderr",
        };
        Lines {
            tag: format!("[{rank}]<{name}>: ").into_bytes(),
            unfinished: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                out.extend_from_slice(&self.tag);
                out.append(&mut self.unfinished);
            }
        }
        if self.unfinished.len() > LONGEST_LINE {
            self.finish(out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.unfinished.is_empty() {
            self.push(b"\n", out);
        }
    }
}

/// The reading end of one stream of one rank.
#[derive(Debug)]
pub struct Source {
    pipe: OwnedFd,
    stream: Stream,
    lines: Lines,
}

/// Whether a source may have more.
#[derive(PartialEq, Eq)]
enum More {
    Perhaps,
    NotNow,
    Never,
}

impl Source {
    /// A source over `pipe`, which does not block.
    pub fn new(pipe: OwnedFd, rank: u32, stream: Stream) -> Source {
        Source {
            pipe,
            stream,
            lines: Lines::new(rank, stream),
        }
    }

    /// Reads once and writes what is whole.
    fn transfer(&mut self) -> More {
        let mut buffer = vec![0; READ_SIZE];
        let mut out = Vec::new();
        let more = match nix::unistd::read(&self.pipe, &mut buffer) {
            Ok(0) => {
                self.lines.finish(&mut out);
                More::Never
            }
            Ok(length) => {
                self.lines.push(&buffer[..length], &mut out);
                More::Perhaps
            }
            Err(Errno::EAGAIN) => More::NotNow,
            Err(Errno::EINTR) => More::Perhaps,
            Err(_) => More::Never,
        };
        // If nobody reads our output, closing the pipe tells the rank as it would tell any program.
        if write(self.stream, &out).is_err() {
            More::Never
        } else {
            more
        }
    }

    /// Takes what is there and ends.
    fn drain(mut self) {
        while self.transfer() == More::Perhaps {}
        let mut out = Vec::new();
        self.lines.finish(&mut out);
        let _ = write(self.stream, &out);
    }
}

fn write(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    match stream {
        Stream::Output => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Error => io::stderr().lock().write_all(bytes),
    }
}

/// The thread that writes the ranks' output.
#[derive(Debug)]
pub struct Tagger {
    stop: OwnedFd,
}

impl Tagger {
    /// Starts it. It says [`Notice::OutputWritten`] at its end.
    pub fn start(sources: Vec<Source>, notices: Sender<Notice>) -> Result<Tagger, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("cannot start writing output: {error}"))
        };
        let (stopped, stop) =
            nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|error| failed(&error))?;
        let body = move || {
            run(sources, &stopped);
            // Nobody listens if the job did not wait for us.
            let _ = notices.send(Notice::OutputWritten);
        };
        std::thread::Builder::new()
            .name("output".into())
            .spawn(body)
            .map_err(|error| failed(&error))?;
        Ok(Tagger { stop })
    }

    /// All ranks have ended: what they left is written, then the thread ends.
    pub fn finish(self) {
        drop(self.stop);
    }
}

/// Copies until `stopped` hangs up, then drains.
fn run(mut sources: Vec<Source>, stopped: &OwnedFd) {
    loop {
        let mut waiting = vec![PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
        waiting.extend(
            sources
                .iter()
                .map(|source| PollFd::new(source.pipe.as_fd(), PollFlags::POLLIN)),
        );
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break,
        }
        let ready: Vec<bool> = waiting
            .iter()
            .map(|one| one.any().unwrap_or(false))
            .collect();
        if ready[0] {
            break;
        }
        let mut ready = ready.into_iter().skip(1);
        sources.retain_mut(|source| {
            !ready.next().unwrap_or(false) || source.transfer() != More::Never
        });
    }
    sources.into_iter().for_each(Source::drain);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> String {
        let mut lines = Lines::new(3, Stream::Output);
        let mut out = Vec::new();
        pieces
            .iter()
            .for_each(|piece| lines.push(piece.as_bytes(), &mut out));
        lines.finish(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        assert_eq!(lines(&["a\nb\n"]), "[3]<stdout>: a\n[3]<stdout>: b\n");
        assert_eq!(
            lines(&["a", "b", "\n", "\n"]),
            "[3]<stdout>: ab\n[3]<stdout>: \n"
        );
        assert_eq!(lines(&["a\nend"]), "[3]<stdout>: a\n[3]<stdout>: end\n");
        assert_eq!(lines(&[]), "");
    }

    #[test]
    fn an_endless_line_is_broken() {
        let mut lines = Lines::new(0, Stream::Error);
        let mut out = Vec::new();
        let piece = vec![b'x'; LONGEST_LINE];
        lines.push(&piece, &mut out);
        assert!(out.is_empty());
        lines.push(b"x", &mut out);
        assert!(
            out.starts_with(b"[0]<stderr>: x")
                && out.ends_with(b"x\n")
                && lines.unfinished.is_empty()
        );
    }
}
