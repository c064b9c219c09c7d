//! Fake ranks: scenarios that the tests name.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use transport::{Event, Frame, JobKey, Listen, Node, Peer, Transport};

use super::control::{
    CONTROL_FRAME, Entry, Identity, LoopKind, PROTOCOL_VERSION, RankStatistics, Reply, Request,
    SiteStatistics, board, env as names,
};

const LOCK: u64 = 77;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn number(name: &str) -> u32 {
    variable(name).parse().expect("a number")
}

#[allow(unsafe_code)]
fn inherited(name: &str) -> File {
    let descriptor: RawFd = variable(name).parse().expect("a descriptor");
    // SAFETY: caperun passes this descriptor to us, and each is taken once.
    File::from(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[allow(unsafe_code)]
fn ignore(number: Signal) {
    // SAFETY: no handler runs.
    unsafe { signal(number, SigHandler::SigIgn) }.expect("can be ignored");
}

#[allow(unsafe_code)]
fn leave(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { nix::libc::_exit(code) }
}

/// A rank's side of the control protocol.
struct Rank {
    rank: u32,
    size: u32,
    node: Node,
    superior: Peer,
    inbox: VecDeque<Reply>,
    /// It does not release them at once, and has to answer who tries.
    keeps_locks: bool,
}

impl Rank {
    fn join(odd: &str) -> Rank {
        let (rank, size) = (number(names::RANK), number(names::SIZE));
        let mut key = [0; 32];
        inherited(names::KEY_FD)
            .read_exact(&mut key)
            .expect("a key of 32 bytes");
        let tcp = variable(names::TRANSPORT) == "tcp";
        let interface = match std::env::var(names::LISTEN) {
            Ok(interface) => Some(interface.parse().expect("an address")),
            Err(_) => tcp.then_some(std::net::Ipv4Addr::LOCALHOST.into()),
        };
        let unix = (!tcp).then_some(Listen::Unix);
        let listen: Vec<Listen> = unix.into_iter().chain(interface.map(Listen::Tcp)).collect();
        let superior = match std::env::var(names::AGENT) {
            Ok(agent) => Peer::Agent(agent.parse().expect("a number")),
            Err(_) => Peer::Coordinator,
        };
        let settings = transport::Settings {
            secure: variable(names::SECURE) == "1",
            ..Default::default()
        };
        let key = JobKey::from_bytes(key);
        let node = Node::with_settings(Peer::Rank(rank), &listen, key, settings).expect("listens");
        node.introduce_at(
            superior,
            variable(names::COORDINATOR).parse().expect("a contact"),
        );
        let mut identity = Identity {
            libraries: Default::default(),
            protocol: PROTOCOL_VERSION,
            build_id: "one".into(),
            libc_base: 0x7000_0000,
            globals: (0x40_0000, 0x41_0000),
            heap_size: variable(names::HEAP_SIZE).parse().expect("a size"),
            stack_size: 8 << 20,
        };
        if rank == size - 1 {
            match odd {
                "build-id" => identity.build_id = "another".into(),
                "libc" => identity.libc_base += 4096,
                "protocol" => identity.protocol += 1,
                _ => {}
            }
        }
        let address = node.contact().to_string();
        let rank = Rank {
            rank,
            size,
            node,
            superior,
            inbox: VecDeque::new(),
            keeps_locks: false,
        };
        rank.ask(&Request::Hello {
            pid: std::process::id(),
            address,
            tracker: "fake".into(),
            identity,
        });
        rank
    }

    fn joined() -> Rank {
        let mut rank = Rank::join("");
        match rank.answer() {
            Reply::Welcome { addresses } => assert_eq!(addresses.len(), rank.size as usize),
            other => panic!("no welcome: {other:?}"),
        }
        rank
    }

    fn ask(&self, request: &Request) {
        let payload = postcard::to_stdvec(request).expect("encodes").into();
        self.node
            .send(
                self.superior,
                Frame {
                    kind: CONTROL_FRAME,
                    tag: 0,
                    payload,
                },
            )
            .expect("accepted");
    }

    fn answer(&mut self) -> Reply {
        let mut events = Vec::new();
        loop {
            if let Some(reply) = self.inbox.pop_front() {
                return reply;
            }
            self.node.poll(None, &mut events).expect("polls");
            for event in events.drain(..) {
                match event {
                    Event::Frame { from, frame } if from == self.superior => {
                        let reply = postcard::from_bytes(&frame.payload).expect("decodes");
                        if reply == Reply::Abort {
                            leave(1);
                        }
                        // What this rank acquires it releases, unless it says otherwise.
                        if !matches!(reply, Reply::Recall { .. }) || self.keeps_locks {
                            self.inbox.push_back(reply);
                        }
                    }
                    Event::Frame { from, .. } => panic!("a frame from {from}"),
                    Event::Closed { .. } => leave(1),
                }
            }
        }
    }

    fn acquire(&mut self, seen: u64) -> Vec<Entry> {
        self.ask(&Request::Acquire {
            lock: LOCK,
            seen,
            try_only: false,
        });
        match self.answer() {
            Reply::Granted {
                lock: LOCK,
                acquired: true,
                entries,
                ..
            } => entries,
            other => panic!("no grant: {other:?}"),
        }
    }

    /// Has acquired the lock for good: refuses a rank that tries.
    fn refuse(&mut self) {
        match self.answer() {
            Reply::Recall {
                lock: LOCK,
                answer: true,
            } => self.ask(&Request::Busy { lock: LOCK }),
            other => panic!("nobody tries: {other:?}"),
        }
    }

    fn release(&self, sequence: u64, value: u64) {
        let entry = Entry {
            author: self.rank,
            sequence,
            inline: Some(value.to_le_bytes().to_vec().into()),
        };
        self.ask(&Request::Release {
            lock: LOCK,
            entry: Some(entry),
        });
    }

    fn note(&self, text: &str) {
        let mut slot = text.as_bytes().to_vec();
        slot.push(0);
        inherited(names::BOARD_FD)
            .write_all_at(&slot, u64::from(self.rank) * board::SLOT as u64)
            .expect("writes");
    }

    /// The driver's program ends; a worker waits until it does.
    fn finish(mut self, code: i32) -> ! {
        if self.rank == 0 {
            self.ask(&Request::Finalize);
            self.node.close();
            exit(code);
        }
        match self.answer() {
            Reply::Shutdown => {
                self.node.close();
                leave(0)
            }
            other => panic!("no shutdown: {other:?}"),
        }
    }

    /// Waits for what never comes: ends with the job.
    fn hang(mut self) -> ! {
        let reply = self.answer();
        panic!("an answer to nothing: {reply:?}")
    }
}

fn value(entry: &Entry) -> u64 {
    let bytes = entry.inline.as_deref().expect("small");
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// Plays a rank and ends the process.
pub fn play(scenario: &str) -> ! {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("no core files");
    let (name, argument) = scenario.split_once(':').unwrap_or((scenario, ""));
    match name {
        "exit" => exit_with(argument.parse().expect("a status")),
        "die" => die(argument.parse().expect("a signal")),
        "hang" => {
            let rank = Rank::joined();
            println!("rank {} hangs", rank.rank);
            rank.note(if rank.rank == 1 {
                "cg.c:7 parallel"
            } else {
                ""
            });
            rank.hang()
        }
        "stubborn" => stubborn(false),
        "stubborn-joined" => stubborn(true),
        "mismatch" => Rank::join(argument).hang(),
        "locks" => locks(argument.parse().expect("rounds")),
        "deadlock" => deadlock(),
        "chunks" => chunks(argument),
        "fatal" => fatal(argument),
        "garbage" => garbage(),
        "exit-in-region" => exit_in_region(argument.parse().expect("a status")),
        "never-joins" => never_joins(argument.parse().expect("a status")),
        "early-end" => early_end(),
        "output" => output(),
        "flood" => flood(argument.parse().expect("lines")),
        "echo" => echo(),
        "environment" => environment(argument),
        "statistics" => statistics(),
        "busy-worker" => busy_worker(),
        "become" => become_another(),
        "slow-exit" => slow_exit(),
        "signals" => signals(),
        other => panic!("no scenario {other}"),
    }
}

fn exit_with(code: i32) -> ! {
    let rank = Rank::joined();
    if rank.rank == 0 {
        println!("serial output");
    }
    rank.finish(code)
}

fn die(number: i32) -> ! {
    let rank = Rank::joined();
    if rank.rank != rank.size - 1 {
        rank.hang();
    }
    println!("last words");
    rank.note("cg.c:412 parallel for");
    raise(Signal::try_from(number).expect("a signal")).expect("raises");
    panic!("survived signal {number}")
}

fn stubborn(quietly: bool) -> ! {
    ignore(Signal::SIGTERM);
    ignore(Signal::SIGINT);
    let rank = Rank::joined();
    if !quietly {
        println!("rank {} is stubborn", rank.rank);
    }
    loop {
        std::thread::park();
    }
}

/// Each rank adds 1 to a number `rounds` times, knowing it only through the log.
fn locks(rounds: u64) -> ! {
    let mut rank = Rank::joined();
    let (mut seen, mut number) = (0, 0);
    for sequence in 0..rounds {
        let entries = rank.acquire(seen);
        seen += entries.len() as u64;
        number = entries.last().map_or(number, value) + 1;
        rank.release(sequence, number);
    }
    if rank.rank == 0 {
        rank.ask(&Request::FetchLog {
            ticket: 1,
            seen,
            upto: rounds * u64::from(rank.size),
        });
        let Reply::Log { entries, .. } = rank.answer() else {
            panic!("no log")
        };
        println!("{}", entries.last().map_or(number, value));
    }
    rank.finish(0)
}

fn deadlock() -> ! {
    let mut rank = Rank::joined();
    if rank.rank == 1 {
        // Tries until it finds that rank 0 has the lock.
        loop {
            rank.ask(&Request::Acquire {
                lock: LOCK,
                seen: 0,
                try_only: true,
            });
            match rank.answer() {
                Reply::Granted {
                    acquired: false, ..
                } => break,
                Reply::Granted { .. } => rank.ask(&Request::Release {
                    lock: LOCK,
                    entry: None,
                }),
                other => panic!("no grant: {other:?}"),
            }
        }
        rank.note("bank.c:3 parallel");
    } else {
        rank.keeps_locks = true;
        rank.acquire(0);
        rank.refuse();
        rank.hang();
    }
    rank.acquire(0);
    rank.hang()
}

/// All ranks take iterations; what each took is summed up through the log.
fn chunks(kind: &str) -> ! {
    const ITERATIONS: u64 = 100_003;
    let mut rank = Rank::joined();
    let kind = if kind == "guided" {
        LoopKind::Guided
    } else {
        LoopKind::Dynamic
    };
    let mut sum = 0;
    loop {
        rank.ask(&Request::NextChunk {
            instance: (1, 0),
            team: rank.size,
            iterations: ITERATIONS,
            chunk: 3,
            kind,
        });
        let Reply::Chunk {
            instance: (1, 0),
            first,
            end,
        } = rank.answer()
        else {
            panic!("no chunk")
        };
        if first == end {
            break;
        }
        sum += (first..end).sum::<u64>();
    }
    rank.acquire(0);
    rank.release(0, sum);
    if rank.rank == 0 {
        rank.ask(&Request::FetchLog {
            ticket: 1,
            seen: 0,
            upto: u64::from(rank.size),
        });
        let Reply::Log { entries, .. } = rank.answer() else {
            panic!("no log")
        };
        let total: u64 = entries.iter().map(value).sum();
        println!("{}", total == ITERATIONS * (ITERATIONS - 1) / 2);
    }
    rank.finish(0)
}

fn fatal(message: &str) -> ! {
    let rank = Rank::joined();
    if rank.rank == 1 {
        rank.ask(&Request::Fatal {
            message: message.into(),
        });
    }
    rank.hang()
}

fn garbage() -> ! {
    let rank = Rank::joined();
    if rank.rank == 1 {
        let payload = vec![0xff; 100].into();
        rank.node
            .send(
                rank.superior,
                Frame {
                    kind: CONTROL_FRAME,
                    tag: 0,
                    payload,
                },
            )
            .expect("accepted");
    }
    rank.hang()
}

fn exit_in_region(code: i32) -> ! {
    let rank = Rank::joined();
    if rank.rank == 1 {
        rank.note("a.c:1 parallel");
        exit(code);
    }
    rank.hang()
}

fn never_joins(code: i32) -> ! {
    if number(names::RANK) == 1 {
        leave(code);
    }
    Rank::join("").hang()
}

/// The driver ends at once; the workers would never join.
fn early_end() -> ! {
    if number(names::RANK) == 0 {
        println!("quick");
        Rank::join("").finish(6);
    }
    loop {
        std::thread::park();
    }
}

fn output() -> ! {
    let rank = Rank::joined();
    let mut text = String::new();
    (0..100).for_each(|line| text.push_str(&format!("line {line} of {}\n", rank.rank)));
    text.push_str("unfinished");
    std::io::stdout()
        .write_all(text.as_bytes())
        .expect("writes");
    std::io::stdout().flush().expect("writes");
    eprintln!("error of {}", rank.rank);
    rank.finish(0)
}

/// Every rank writes much at once.
fn flood(lines: usize) -> ! {
    let rank = Rank::joined();
    let line = format!("{} {}\n", rank.rank, "x".repeat(100));
    let mut out = std::io::stdout().lock();
    for _ in 0..lines {
        out.write_all(line.as_bytes()).expect("writes");
    }
    out.flush().expect("writes");
    drop(out);
    rank.finish(0)
}

fn echo() -> ! {
    let rank = Rank::joined();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("reads");
    if rank.rank == 0 {
        print!("{text}");
    } else {
        assert_eq!(text, "", "the input is the driver's");
    }
    rank.finish(0)
}

fn environment(name: &str) -> ! {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rank = Rank::joined();
    if rank.rank == 0 {
        println!(
            "{name}={:?} arguments {arguments:?}",
            std::env::var(name).ok()
        );
        let personality = nix::sys::personality::get().expect("asks");
        println!(
            "fixed addresses: {}",
            personality.contains(nix::sys::personality::Persona::ADDR_NO_RANDOMIZE)
        );
        println!(
            "low descriptors free: {}",
            (3..10).all(|fd| !std::path::Path::new(&format!("/proc/self/fd/{fd}")).exists())
        );
        println!("blocked signals: {}", proc_status("SigBlk"));
    }
    rank.finish(0)
}

fn proc_status(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("reads");
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .expect("is there");
    line.split_whitespace().last().expect("a value").to_owned()
}

fn statistics() -> ! {
    let mut rank = Rank::joined();
    let site = SiteStatistics {
        site: "a.c:5 parallel for".into(),
        runs: 4,
        computing: 1.5,
        pages: 10,
        sent: 2048,
        ..Default::default()
    };
    assert_eq!(variable(names::STATS), "1");
    if rank.rank > 0 {
        assert_eq!(rank.answer(), Reply::Shutdown);
    }
    rank.ask(&Request::Statistics(RankStatistics {
        sites: vec![site],
        ..RankStatistics::default()
    }));
    if rank.rank == 0 {
        rank.finish(0);
    }
    rank.node.close();
    leave(0)
}

/// The driver calls exit while a worker is in a region.
fn busy_worker() -> ! {
    let mut rank = Rank::joined();
    if rank.rank == 1 {
        rank.note("a.c:9 parallel");
        rank.keeps_locks = true;
        rank.acquire(0);
        rank.refuse();
        loop {
            std::thread::park();
        }
    }
    loop {
        rank.ask(&Request::Acquire {
            lock: LOCK,
            seen: 0,
            try_only: true,
        });
        match rank.answer() {
            Reply::Granted {
                acquired: false, ..
            } => break,
            _ => rank.ask(&Request::Release {
                lock: LOCK,
                entry: None,
            }),
        }
    }
    rank.finish(7)
}

/// The driver replaces itself by another program.
fn become_another() -> ! {
    let rank = Rank::joined();
    if rank.rank == 0 {
        let error = Command::new("/bin/sh")
            .args(["-c", "echo another; sleep 3; exit 5"])
            .exec();
        panic!("{error}");
    }
    rank.hang()
}

/// The driver's process ends long after its program: longer than caperun trusts a rank without a link.
fn slow_exit() -> ! {
    let rank = Rank::joined();
    if rank.rank == 0 {
        rank.ask(&Request::Finalize);
        rank.node.close();
        let error = Command::new("/bin/sh")
            .args(["-c", "sleep 3; exit 8"])
            .exec();
        panic!("{error}");
    }
    rank.finish(0)
}

/// The driver is told by a signal to end.
fn signals() -> ! {
    let mut set = nix::sys::signal::SigSet::empty();
    set.add(Signal::SIGUSR1);
    set.thread_block().expect("blocks");
    let rank = Rank::joined();
    if rank.rank == 0 {
        println!("waiting");
        assert_eq!(set.wait().expect("waits"), Signal::SIGUSR1);
        println!("signalled");
    }
    rank.finish(0)
}
