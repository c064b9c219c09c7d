//! Output that does not go from a rank straight to where `caperun`'s own goes: tagged, or of another host.
//!
//! ```text
//! rank ──pipe──► Reader (a thread of whoever forked the rank) ──notice──► crew ──link──► … ──► Writer (a thread of caperun)
//!                  ▲ stops at a window of unwritten bytes                                          │
//!                  └──────────────────────────────────── written ◄─────────────────────────────────┘
//! ```
//!
//! Neither the event loop nor a rank's neighbours wait for whoever reads the output: when it is slow, ranks that write much are. When
//! all ranks have ended, everything they wrote is in the pipes, so what is there then is the rest: a process that a rank left in
//! the background cannot keep the job from ending.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::rank_files::RankFiles;
use crate::report::Failure;
use crate::signals::{Herald, Notice};

/// A line longer than this is broken: one rank must not take all memory.
const LONGEST_LINE: usize = 16 << 20;
/// Bytes read at a time.
const READ_SIZE: usize = 64 << 10;
/// Bytes of ranks' output that a reader may have read and nobody written.
const WINDOW: usize = 512 << 10;

/// One of a rank's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A rank's: it counts against the window.
    Rank(u32, Stream),
    /// What an agent's launch command says.
    Agent(u32),
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Source {
    pipe: OwnedFd,
    origin: Origin,
}

impl Source {
    /// A source over `pipe`, which does not block.
    pub fn new(pipe: OwnedFd, origin: Origin) -> Source {
        Source { pipe, origin }
    }

    fn rank(&self) -> Option<u32> {
        match self.origin {
            Origin::Rank(rank, _) => Some(rank),
            Origin::Agent(_) => None,
        }
    }

    fn of_a_rank(&self) -> bool {
        self.rank().is_some()
    }
}

#[derive(Debug)]
enum Command {
    Add(Source),
    Board(Arc<Board>),
    Written(u32, usize),
    Settle(u32, u64),
    Close(Origin),
    Finish,
}

/// The thread that reads pipes, for whoever forked the processes that write to them.
#[derive(Debug)]
pub struct Reader {
    commands: Sender<Command>,
    bell: OwnedFd,
}

impl Reader {
    /// Starts it. What it reads it says as [`Notice::Output`].
    pub fn start(herald: Herald) -> Result<Reader, Failure> {
        let (heard, bell) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
            .map_err(|error| cannot_start(&error))?;
        let (commands, receiver) = channel();
        let reading = Reading {
            commands: receiver,
            bell: heard,
            herald,
            sources: Vec::new(),
            board: None,
            unwritten: 0,
            by_rank: HashMap::new(),
            unfinished: HashSet::new(),
            settling: Vec::new(),
            finishing: false,
        };
        std::thread::Builder::new()
            .name("reader".into())
            .spawn(move || reading.run())
            .map_err(|error| cannot_start(&error))?;
        Ok(Reader { commands, bell })
    }

    fn tell(&self, command: Command) {
        // The thread ends with this value only; a full pipe rings as well as one more byte would.
        let _ = self.commands.send(command);
        let _ = nix::unistd::write(&self.bell, &[0]);
    }

    /// Reads from `source`, too.
    pub fn add(&self, source: Source) {
        self.tell(Command::Add(source));
    }

    /// Notes on `board` whether output is under way.
    pub fn note_on(&self, board: Arc<Board>) {
        self.tell(Command::Board(board));
    }

    /// So many bytes of the output of `rank` have been written.
    pub fn written(&self, rank: u32, bytes: usize) {
        self.tell(Command::Written(rank, bytes));
    }

    /// Says [`Notice::Settled`] when all that `rank` has written until now has reached the user.
    pub fn settle(&self, rank: u32, tag: u64) {
        self.tell(Command::Settle(rank, tag));
    }

    /// Nobody reads the output of this rank: closing the pipe tells it, as it would tell any program.
    pub fn close(&self, rank: u32, stream: Stream) {
        self.tell(Command::Close(Origin::Rank(rank, stream)));
    }

    /// All ranks have ended: reads what they left, then says [`Notice::OutputRead`].
    pub fn finish(&self) {
        self.tell(Command::Finish);
    }
}

fn cannot_start(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!(
        "cannot start a thread for output: {error}; raise ulimit -u and ulimit -n"
    ))
}

struct Reading {
    commands: Receiver<Command>,
    bell: OwnedFd,
    herald: Herald,
    sources: Vec<Source>,
    board: Option<Arc<Board>>,
    unwritten: usize,
    /// As `unwritten`, of each rank that has some.
    by_rank: HashMap<u32, usize>,
    /// Streams of ranks whose last line has no end so far: the writer holds it back.
    unfinished: HashSet<(u32, Stream)>,
    /// Ranks that wait for their output to arrive, and the tags of their questions.
    settling: Vec<(u32, u64)>,
    finishing: bool,
}

/// Whether a source may have more.
#[derive(PartialEq, Eq)]
enum More {
    Perhaps,
    NotNow,
    Never,
}

impl Reading {
    fn run(mut self) {
        loop {
            let ready = match self.wait() {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            let mut bytes = [0; 64];
            while nix::unistd::read(&self.bell, &mut bytes).is_ok_and(|length| length > 0) {}
            if nix::unistd::read(&self.bell, &mut bytes) == Ok(0) {
                return;
            }
            self.transfer(&ready);
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            self.settle();
            if self.finishing {
                self.drain();
            }
        }
    }

    fn note(&self, rank: u32, under_way: bool) {
        if let Some(board) = &self.board {
            board.output_under_way(rank, under_way);
        }
    }

    /// Nothing of a rank's is under way but, perhaps, the beginning of a line.
    fn note_rest(&self, rank: u32) {
        let held = [Stream::Output, Stream::Error]
            .iter()
            .any(|stream| self.unfinished.contains(&(rank, *stream)));
        self.note(rank, held);
    }

    /// Has the beginnings of lines written that the writer holds back.
    fn flush(&mut self, rank: u32) {
        for stream in [Stream::Output, Stream::Error] {
            if self.unfinished.remove(&(rank, stream)) {
                self.unwritten += 1;
                *self.by_rank.entry(rank).or_default() += 1;
                self.herald.say(Notice::Flush(rank, stream));
            }
        }
    }

    fn may_read(&self, source: &Source) -> bool {
        self.unwritten < WINDOW || !source.of_a_rank()
    }

    /// Waits; which sources are ready.
    fn wait(&self) -> Result<Vec<bool>, Errno> {
        let mut waiting = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        let read: Vec<bool> = self.sources.iter().map(|one| self.may_read(one)).collect();
        for (source, read) in self.sources.iter().zip(&read) {
            if *read {
                waiting.push(PollFd::new(source.pipe.as_fd(), PollFlags::POLLIN));
            }
        }
        poll(&mut waiting, PollTimeout::NONE)?;
        let mut ready = waiting[1..].iter().map(|one| one.any().unwrap_or(false));
        Ok(read
            .into_iter()
            .map(|read| read && ready.next().unwrap_or(false))
            .collect())
    }

    fn transfer(&mut self, ready: &[bool]) {
        let mut sources = std::mem::take(&mut self.sources);
        let mut ready = ready.iter();
        sources
            .retain(|source| !*ready.next().unwrap_or(&false) || self.read(source) != More::Never);
        self.sources = sources;
    }

    fn read(&mut self, source: &Source) -> More {
        let mut buffer = vec![0; READ_SIZE];
        let rank = source.rank();
        // The rank must not find its pipe empty before it can see this.
        if let Some(rank) = rank.filter(|rank| !self.by_rank.contains_key(rank)) {
            self.note(rank, true);
        }
        let result = nix::unistd::read(&source.pipe, &mut buffer);
        match (rank, result) {
            (Some(rank), Ok(length @ 1..)) => {
                self.unwritten += length;
                *self.by_rank.entry(rank).or_default() += length;
            }
            (Some(rank), _) if !self.by_rank.contains_key(&rank) => self.note_rest(rank),
            _ => {}
        }
        if let (Origin::Rank(rank, stream), Ok(length @ 1..)) = (source.origin, result) {
            if buffer[length - 1] == b'\n' {
                self.unfinished.remove(&(rank, stream));
            } else {
                self.unfinished.insert((rank, stream));
            }
        }
        match result {
            Ok(length) => {
                buffer.truncate(length);
                self.herald.say(Notice::Output(source.origin, buffer));
                if length == 0 {
                    More::Never
                } else {
                    More::Perhaps
                }
            }
            Err(Errno::EAGAIN) => More::NotNow,
            Err(Errno::EINTR) => More::Perhaps,
            Err(_) => More::Never,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add(source) => self.sources.push(source),
            Command::Board(board) => self.board = Some(board),
            Command::Written(rank, bytes) => self.written(rank, bytes),
            Command::Settle(rank, tag) => self.settling.push((rank, tag)),
            Command::Close(origin) => self.sources.retain(|source| source.origin != origin),
            Command::Finish => self.finishing = true,
        }
    }

    fn written(&mut self, rank: u32, bytes: usize) {
        self.unwritten = self.unwritten.saturating_sub(bytes);
        let Some(left) = self.by_rank.get_mut(&rank) else {
            return;
        };
        *left = left.saturating_sub(bytes);
        if *left == 0 {
            self.by_rank.remove(&rank);
            self.note_rest(rank);
        }
    }

    /// Answers ranks whose output has arrived.
    fn settle(&mut self) {
        for (rank, tag) in std::mem::take(&mut self.settling) {
            let empty = self.empty(rank);
            if empty {
                self.flush(rank);
            }
            if empty && !self.by_rank.contains_key(&rank) {
                self.herald.say(Notice::Settled(rank, tag));
            } else {
                self.settling.push((rank, tag));
            }
        }
    }

    /// Reads what `rank` has written, as far as the window allows. `true`: nothing is left.
    fn empty(&mut self, rank: u32) -> bool {
        let mut sources = std::mem::take(&mut self.sources);
        let mut empty = true;
        sources.retain(|source| {
            if source.rank() != Some(rank) {
                return true;
            }
            loop {
                if !self.may_read(source) {
                    empty = false;
                    return true;
                }
                match self.read(source) {
                    More::Perhaps => {}
                    More::NotNow => return true,
                    More::Never => return false,
                }
            }
        });
        self.sources = sources;
        empty
    }

    /// Takes what ranks have left, as far as the window allows.
    fn drain(&mut self) {
        let mut sources = std::mem::take(&mut self.sources);
        sources.retain(|source| {
            if !source.of_a_rank() {
                return true;
            }
            while self.may_read(source) {
                if self.read(source) != More::Perhaps {
                    return false;
                }
            }
            true
        });
        self.sources = sources;
        if !self.sources.iter().any(Source::of_a_rank) {
            self.finishing = false;
            self.herald.say(Notice::OutputRead);
        }
    }
}

/// A piece of a rank's output, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The agent that read it; `None`: this process.
    pub agent: Option<u32>,
    /// The rank.
    pub rank: u32,
    /// Where it wrote.
    pub stream: Stream,
    /// The bytes; none: the stream has ended.
    pub bytes: Vec<u8>,
    /// No bytes, but what is held back of a line is to be written: the rank lets others go on.
    pub flush: bool,
}

/// What became of a [`Piece`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// As in the piece.
    pub agent: Option<u32>,
    /// As in the piece.
    pub rank: u32,
    /// As in the piece.
    pub stream: Stream,
    /// Its length, or 1 if it had none but was to flush a line.
    pub bytes: usize,
    /// Nobody reads it.
    pub refused: bool,
}

/// The thread that writes what ranks have written elsewhere.
#[derive(Debug)]
pub struct Writer {
    pieces: Sender<Piece>,
}

impl Writer {
    /// Starts it; with `tagged`, each line begins with the rank and the stream it comes from. It says [`Notice::Written`] for
    /// each piece, and [`Notice::OutputWritten`] at its end.
    /// `files`: there, instead of to this process's own output.
    pub fn start(
        tagged: bool,
        files: Option<RankFiles>,
        herald: Herald,
    ) -> Result<Writer, Failure> {
        let (pieces, receiver) = channel();
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write_all(&receiver, tagged, files, &herald))
            .map_err(|error| cannot_start(&error))?;
        Ok(Writer { pieces })
    }

    /// Writes a piece.
    pub fn write(&self, piece: Piece) {
        // The thread lives as long as this value.
        let _ = self.pieces.send(piece);
    }

    /// There will be no more: what is unfinished is written, then the thread ends.
    pub fn finish(self) {
        drop(self.pieces);
    }
}

fn write_all(
    pieces: &Receiver<Piece>,
    tagged: bool,
    mut files: Option<RankFiles>,
    herald: &Herald,
) {
    let mut unfinished: HashMap<(u32, Stream), Lines> = HashMap::new();
    while let Ok(piece) = pieces.recv() {
        let Piece {
            agent,
            rank,
            stream,
            bytes,
            flush,
        } = piece;
        let lines = unfinished
            .entry((rank, stream))
            .or_insert_with(|| Lines::new(rank, stream, tagged));
        let mut out = Vec::new();
        if flush {
            lines.flush(&mut out);
        } else if bytes.is_empty() {
            lines.finish(&mut out);
        } else {
            lines.push(&bytes, &mut out);
        }
        let written = match &mut files {
            Some(files) => files.write(rank, stream, &out),
            None => write(stream, &out),
        };
        let refused = written.is_err();
        herald.say(Notice::Written(Receipt {
            agent,
            rank,
            stream,
            bytes: bytes.len() + usize::from(flush),
            refused,
        }));
    }
    for ((rank, stream), mut lines) in unfinished {
        let mut out = Vec::new();
        lines.finish(&mut out);
        // Nobody is left to be told.
        let _ = match &mut files {
            Some(files) => files.write(rank, stream, &out),
            None => write(stream, &out),
        };
    }
    // Nobody listens if the job did not wait for us.
    herald.say(Notice::OutputWritten);
}

/// Cuts a stream into lines, so that those of several ranks do not mix, and tags them.
#[derive(Debug)]
struct Lines {
    tag: Vec<u8>,
    /// Parts of lines are passed on: the driver may ask its user something.
    at_once: bool,
    tagged: bool,
    unfinished: Vec<u8>,
}

impl Lines {
    fn new(rank: u32, stream: Stream, tagged: bool) -> Lines {
        let name = match stream {
            Stream::Output => "stdout",
            Stream::Error => "stderr",
        };
        let tag = if tagged {
            format!("[{rank}]<{name}>: ").into_bytes()
        } else {
            Vec::new()
        };
        Lines {
            tag,
            tagged,
            at_once: rank == 0 && !tagged,
            unfinished: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.at_once {
            return out.extend_from_slice(bytes);
        }
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

    /// The rank has synchronised with others, whose output comes behind this. Tagged lines stay whole.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.tagged {
            self.finish(out);
        }
    }

    /// What is not a whole line: tagged it becomes one, else it stays what the rank wrote.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.unfinished.is_empty() {
            return;
        }
        out.extend_from_slice(&self.tag);
        out.append(&mut self.unfinished);
        if self.tagged {
            out.push(b'\n');
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rank: u32, tagged: bool, pieces: &[&str]) -> String {
        let mut lines = Lines::new(rank, Stream::Output, tagged);
        let mut out = Vec::new();
        pieces
            .iter()
            .for_each(|piece| lines.push(piece.as_bytes(), &mut out));
        lines.finish(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        assert_eq!(
            lines(3, true, &["a\nb\n"]),
            "[3]<stdout>: a\n[3]<stdout>: b\n"
        );
        assert_eq!(
            lines(3, true, &["a", "b", "\n", "\n"]),
            "[3]<stdout>: ab\n[3]<stdout>: \n"
        );
        assert_eq!(
            lines(3, true, &["a\nend"]),
            "[3]<stdout>: a\n[3]<stdout>: end\n"
        );
        assert_eq!(lines(3, true, &[]), "");
        assert_eq!(lines(3, false, &["a", "b\nend"]), "ab\nend");
    }

    #[test]
    fn what_a_rank_wrote_before_it_synchronised_is_written() {
        let mut out = Vec::new();
        let mut lines = Lines::new(3, Stream::Output, false);
        lines.push(b"a, ", &mut out);
        assert_eq!(out, b"");
        lines.flush(&mut out);
        lines.push(b"b\n", &mut out);
        assert_eq!(out, b"a, b\n");
        let mut tagged = Lines::new(3, Stream::Output, true);
        tagged.push(b"a", &mut out);
        tagged.flush(&mut out);
        assert_eq!(out, b"a, b\n");
    }

    #[test]
    fn the_driver_may_ask_in_the_middle_of_a_line() {
        let mut out = Vec::new();
        Lines::new(0, Stream::Output, false).push(b"how many? ", &mut out);
        assert_eq!(out, b"how many? ");
        Lines::new(1, Stream::Output, false).push(b"how many? ", &mut out);
        assert_eq!(out, b"how many? ");
    }

    #[test]
    fn an_endless_line_is_broken() {
        let mut lines = Lines::new(0, Stream::Error, true);
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
