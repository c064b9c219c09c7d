//! Jobs whose ranks are processes under `mpirun`, driven from the test: each rank serves calls that come over a Unix socket.
//!
//! ```text
//! test ── UnixStream, one call at a time ──► servant 0 (MpiNode) ── MPI ── servant 1 (MpiNode) ◄── UnixStream ── test
//!   └──────────── coordinator: a Node of the test's own ──────────────────────────┘
//! ```
//!
//! A servant is this very executable, started by `mpirun` with [`SERVANT`] in its environment.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::libc;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use transport::mpi::{ENTRY, MpiNode};
use transport::{
    Address, CloseReason, Contact, Counters, Error, Event, Frame, JobKey, Listen, Node, Peer,
    Transport,
};

use super::PATIENCE;

/// Names the socket by which a servant reports, in the environment of servants only.
pub const SERVANT: &str = "CAPE_TEST_SERVANT";
const PLUGIN: &str = "CAPE_TEST_PLUGIN";
/// No secret: this job is a test.
const KEY: [u8; 32] = [7; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mpi {
    Open,
    Mpich,
}

impl Mpi {
    pub const ALL: [Mpi; 2] = [Mpi::Open, Mpi::Mpich];

    pub fn name(self) -> &'static str {
        match self {
            Mpi::Open => "openmpi",
            Mpi::Mpich => "mpich",
        }
    }

    /// Compiles the plugin; an error says what is missing.
    pub fn plugin(self) -> Result<PathBuf, String> {
        static BUILT: [OnceLock<Result<PathBuf, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        BUILT[self as usize].get_or_init(|| self.build()).clone()
    }

    fn build(self) -> Result<PathBuf, String> {
        let run = format!("mpirun.{}", self.name());
        let there = Command::new(&run)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        there.map_err(|error| format!("{run}: {error}"))?;
        let compiler = format!("mpicc.{}", self.name());
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "mpi-{}-{}.so",
            self.name(),
            std::process::id()
        ));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("mpi/plugin.c");
        let output = Command::new(&compiler)
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"])
            .args(["-shared", "-fPIC", "-fvisibility=hidden", "-o"])
            .args([&file, &source])
            .output()
            .map_err(|error| format!("{compiler}: {error}"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{compiler}: {text}"));
        }
        Ok(file)
    }

    fn command(self, ranks: u32) -> Command {
        let mut command = Command::new(format!("mpirun.{}", self.name()));
        if self == Mpi::Open {
            command.args([
                "--allow-run-as-root",
                "--oversubscribe",
                "--bind-to",
                "none",
            ]);
        }
        command.args(["-n", &ranks.to_string()]);
        command
    }

    /// Ranks `0..ranks`, and a coordinator.
    pub fn job(self, ranks: u32) -> Vec<Arc<dyn Transport>> {
        let (ranks, coordinator) = self.ranks(ranks);
        let ends = ranks
            .into_iter()
            .map(|end| Arc::new(end) as Arc<dyn Transport>);
        ends.chain([Arc::new(coordinator) as Arc<dyn Transport>])
            .collect()
    }

    /// The same.
    pub fn ranks(self, ranks: u32) -> (Vec<Remote>, Node) {
        static JOBS: AtomicU32 = AtomicU32::new(0);
        let number = JOBS.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir();
        let path = directory.join(format!("cape-mpi-{}-{number}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let mpirun = self
            .command(ranks)
            .arg(std::env::current_exe().unwrap())
            .env(SERVANT, &path)
            .env(PLUGIN, self.plugin().unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mpirun = Arc::new(Running {
            child: Mutex::new(mpirun),
            files: (0..ranks).map(|rank| of_rank(&path, rank)).collect(),
        });
        let mut ends = Vec::new();
        let coordinator =
            Node::new(Peer::Coordinator, Listen::Unix, JobKey::from_bytes(KEY)).unwrap();
        let mut contacts = vec![None; ranks as usize];
        for stream in accept(&listener, &mpirun, ranks) {
            let mut words = Reader(stream);
            let rank = words.number() as u32;
            contacts[rank as usize] = Some(words.text());
        }
        std::fs::remove_file(&path).unwrap();
        for (rank, contact) in (0..).zip(contacts) {
            let end = Remote {
                me: Peer::Rank(rank),
                contact: contact.unwrap().parse().unwrap(),
                path: of_rank(&path, rank),
                idle: Mutex::default(),
                mpirun: Arc::clone(&mpirun),
            };
            end.set_ranks(ranks);
            end.introduce_at(Peer::Coordinator, coordinator.contact());
            ends.push(end);
        }
        (ends, coordinator)
    }
}

fn of_rank(path: &Path, rank: u32) -> PathBuf {
    path.with_extension(rank.to_string())
}

/// The servants' first words, as long as `mpirun` runs.
fn accept(listener: &UnixListener, mpirun: &Running, ranks: u32) -> Vec<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    listener.set_nonblocking(true).unwrap();
    let mut streams = Vec::new();
    while streams.len() < ranks as usize {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                streams.push(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(Instant::now() < deadline, "the servants do not report");
                let ended = mpirun.child.lock().unwrap().try_wait().unwrap();
                assert!(ended.is_none(), "mpirun has ended: {ended:?}");
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!("{error}"),
        }
    }
    streams
}

#[derive(Debug)]
struct Running {
    child: Mutex<Child>,
    files: Vec<PathBuf>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // All leave MPI together; who cannot be reached is ended by mpirun.
        let leaving: io::Result<Vec<UnixStream>> = self
            .files
            .iter()
            .map(|file| {
                let mut stream = UnixStream::connect(file)?;
                stream.write_all(&ask(EXIT).0)?;
                Ok(stream)
            })
            .collect();
        let child = self.child.get_mut().unwrap();
        if leaving.is_err() || std::thread::panicking() {
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
        }
        let _ = child.wait();
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

// ---- what calls look like: numbers and texts, each call answered by the same ----

struct Writer(Vec<u8>);

impl Writer {
    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        let mut written = self.number(bytes.len() as u64);
        written.0.extend_from_slice(bytes);
        written
    }

    fn peer(self, peer: Peer) -> Self {
        let (kind, number) = match peer {
            Peer::Coordinator => (0, 0),
            Peer::Rank(rank) => (1, rank),
            Peer::Agent(agent) => (2, agent),
        };
        self.number(kind).number(number.into())
    }

    fn frame(self, frame: &Frame) -> Self {
        self.number(frame.kind.into())
            .number(frame.tag)
            .bytes(&frame.payload)
    }

    fn reason(self, reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Ended => self.bytes(b""),
            other => self.bytes(other.to_string().as_bytes()),
        }
    }

    fn result(self, result: Result<(), Error>) -> Self {
        let Err(error) = result else {
            return self.number(0);
        };
        match error {
            Error::NotIntroduced(peer) => self.number(1).peer(peer),
            Error::Lost { peer, reason } => self.number(2).peer(peer).reason(&reason),
            Error::ToSelf(peer) => self.number(3).peer(peer),
            Error::NotInGroup { me, ranks } => self.number(4).peer(me).number(ranks.into()),
            Error::TooLarge(bytes) => self.number(5).number(bytes as u64),
            Error::Closed => self.number(6),
            other => self.number(7).bytes(other.to_string().as_bytes()),
        }
    }
}

struct Reader(UnixStream);

impl Reader {
    fn try_number(&mut self) -> Option<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    fn number(&mut self) -> u64 {
        self.try_number().expect("the other end lives")
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.number() as usize];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn peer(&mut self) -> Peer {
        let (kind, number) = (self.number(), self.number() as u32);
        match kind {
            0 => Peer::Coordinator,
            1 => Peer::Rank(number),
            _ => Peer::Agent(number),
        }
    }

    fn frame(&mut self) -> Frame {
        Frame {
            kind: self.number() as u16,
            tag: self.number(),
            payload: Bytes::from(self.bytes()),
        }
    }

    fn reason(&mut self) -> CloseReason {
        match self.text() {
            text if text.is_empty() => CloseReason::Ended,
            text => CloseReason::Broken(text),
        }
    }

    fn result(&mut self) -> Result<(), Error> {
        Err(match self.number() {
            0 => return Ok(()),
            1 => Error::NotIntroduced(self.peer()),
            2 => Error::Lost {
                peer: self.peer(),
                reason: self.reason(),
            },
            3 => Error::ToSelf(self.peer()),
            4 => Error::NotInGroup {
                me: self.peer(),
                ranks: self.number() as u32,
            },
            5 => Error::TooLarge(self.number() as usize),
            6 => Error::Closed,
            _ => Error::Mpi(self.text()),
        })
    }
}

const INTRODUCE: u64 = 1;
const SET_RANKS: u64 = 2;
const SEND: u64 = 3;
const BROADCAST: u64 = 4;
const QUEUED: u64 = 5;
const POLL: u64 = 6;
const WAKE: u64 = 7;
const COUNTERS: u64 = 8;
const CLOSE: u64 = 9;
const PROCESSOR_TIME: u64 = 10;
const EXIT: u64 = 11;

// ---- the test's side ----

/// A rank that a servant is.
#[derive(Debug)]
pub struct Remote {
    me: Peer,
    contact: Contact,
    path: PathBuf,
    /// Connections that wait for a call.
    idle: Mutex<Vec<UnixStream>>,
    mpirun: Arc<Running>,
}

impl Remote {
    fn call<T>(&self, request: Writer, read: impl FnOnce(&mut Reader) -> T) -> T {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = idle.unwrap_or_else(|| UnixStream::connect(&self.path).unwrap());
        stream.write_all(&request.0).unwrap();
        let mut reader = Reader(stream);
        let result = read(&mut reader);
        self.idle.lock().unwrap().push(reader.0);
        result
    }

    /// Processor time of the servant's process.
    pub fn processor_time(&self) -> Duration {
        let micros = self.call(ask(PROCESSOR_TIME), Reader::number);
        Duration::from_micros(micros)
    }
}

fn ask(call: u64) -> Writer {
    Writer(Vec::new()).number(call)
}

impl Transport for Remote {
    fn me(&self) -> Peer {
        self.me
    }

    fn contact(&self) -> Contact {
        self.contact.clone()
    }

    fn address(&self) -> Address {
        self.contact.addresses()[0].clone()
    }

    fn introduce_at(&self, peer: Peer, contact: Contact) {
        let request = ask(INTRODUCE).peer(peer);
        self.call(
            request.bytes(contact.to_string().as_bytes()),
            Reader::number,
        );
    }

    fn set_ranks(&self, ranks: u32) {
        self.call(ask(SET_RANKS).number(ranks.into()), Reader::number);
    }

    fn send(&self, to: Peer, frame: Frame) -> Result<(), Error> {
        self.call(ask(SEND).peer(to).frame(&frame), Reader::result)
    }

    fn broadcast(&self, frame: Frame) -> Result<(), Error> {
        self.call(ask(BROADCAST).frame(&frame), Reader::result)
    }

    fn queued(&self) -> usize {
        self.call(ask(QUEUED), Reader::number) as usize
    }

    fn poll(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Result<(), Error> {
        let limit = timeout.map_or(u64::MAX, |timeout| timeout.as_micros() as u64);
        self.call(ask(POLL).number(limit), |reader| {
            for _ in 0..reader.number() {
                events.push(match reader.number() {
                    0 => Event::Frame {
                        from: reader.peer(),
                        frame: reader.frame(),
                    },
                    _ => Event::Closed {
                        peer: reader.peer(),
                        reason: reader.reason(),
                    },
                });
            }
            reader.result()
        })
    }

    fn wake(&self) {
        self.call(ask(WAKE), Reader::number);
    }

    fn counters(&self) -> Counters {
        self.call(ask(COUNTERS), |reader| Counters {
            frames_sent: reader.number(),
            bytes_sent: reader.number(),
            frames_received: reader.number(),
            bytes_received: reader.number(),
        })
    }

    fn close(&self) {
        self.call(ask(CLOSE), Reader::number);
    }
}

// ---- the servant ----

/// What a servant does instead of testing.
pub fn serve() -> ! {
    let path = PathBuf::from(std::env::var_os(SERVANT).unwrap());
    let rank = ["OMPI_COMM_WORLD_RANK", "PMI_RANK"]
        .iter()
        .find_map(|name| std::env::var(name).ok()?.parse().ok())
        .unwrap();
    let me = Peer::Rank(rank);
    let node = Node::new(me, Listen::Unix, JobKey::from_bytes(KEY)).unwrap();
    let table = load(Path::new(&std::env::var_os(PLUGIN).unwrap()));
    // SAFETY: the table is the plugin's, which stays loaded.
    let node = unsafe { MpiNode::new(node, table, Duration::from_millis(50)) }.unwrap();
    let node: &'static MpiNode = Box::leak(Box::new(node));
    let listener = UnixListener::bind(of_rank(&path, rank)).unwrap();
    let report = Writer(Vec::new())
        .number(rank.into())
        .bytes(node.contact().to_string().as_bytes());
    UnixStream::connect(&path)
        .unwrap()
        .write_all(&report.0)
        .unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || while answer(node, &mut Reader(stream.try_clone().unwrap())) {});
    }
    unreachable!("a listener's connections have no end")
}

fn load(plugin: &Path) -> *const transport::mpi::PluginTable {
    let name = CString::new(plugin.as_os_str().as_bytes()).unwrap();
    // SAFETY: strings; the entry is a function of this type.
    unsafe {
        let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!handle.is_null(), "{} is not loaded", plugin.display());
        let entry = libc::dlsym(handle, ENTRY.as_ptr());
        assert!(!entry.is_null());
        std::mem::transmute::<
            *mut libc::c_void,
            unsafe extern "C" fn() -> *const transport::mpi::PluginTable,
        >(entry)()
    }
}

/// Serves one call; `false`: there are no more.
fn answer(node: &MpiNode, reader: &mut Reader) -> bool {
    let Some(call) = reader.try_number() else {
        return false;
    };
    let answer = Writer(Vec::new());
    let answer = match call {
        INTRODUCE => {
            let peer = reader.peer();
            node.introduce_at(peer, reader.text().parse().unwrap());
            answer.number(0)
        }
        SET_RANKS => {
            node.set_ranks(reader.number() as u32);
            answer.number(0)
        }
        SEND => {
            let to = reader.peer();
            answer.result(node.send(to, reader.frame()))
        }
        BROADCAST => answer.result(node.broadcast(reader.frame())),
        QUEUED => answer.number(node.queued() as u64),
        POLL => {
            let limit = reader.number();
            let limit = (limit < u64::MAX).then(|| Duration::from_micros(limit));
            let mut events = Vec::new();
            let result = node.poll(limit, &mut events);
            let mut answer = answer.number(events.len() as u64);
            for event in events {
                answer = match event {
                    Event::Frame { from, frame } => answer.number(0).peer(from).frame(&frame),
                    Event::Closed { peer, reason } => answer.number(1).peer(peer).reason(&reason),
                };
            }
            answer.result(result)
        }
        WAKE => {
            node.wake();
            answer.number(0)
        }
        COUNTERS => {
            let counters = node.counters();
            answer
                .number(counters.frames_sent)
                .number(counters.bytes_sent)
                .number(counters.frames_received)
                .number(counters.bytes_received)
        }
        CLOSE => {
            node.close();
            answer.number(0)
        }
        PROCESSOR_TIME => {
            let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
            let time = usage.user_time() + usage.system_time();
            answer.number(time.num_microseconds() as u64)
        }
        EXIT => {
            node.close();
            node.leave_within(PATIENCE);
            std::process::exit(0);
        }
        other => panic!("no call {other}"),
    };
    reader.0.write_all(&answer.0).is_ok()
}
