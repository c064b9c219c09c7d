//! `caperun --probe`: what `caperun --check` starts on each host. Says what the host is like, and measures the way to others.
//!
//! Lines on standard input and output:
//!
//! ```text
//! < key HEX number 1 towards 10.0.0.1        the job's key, this host's number, an address of the checking host (or -)
//! > fact kernel 6.18.0                       one for each thing to know
//! > listening tcp:10.0.0.2:40123
//! < measure 0 tcp:10.0.0.1:40001             the way to number 0
//! > measured 0 0.000041 1234567890           seconds there, bytes per second
//! ```
//!
//! It ends with its input.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use transport::{Address, Event, Frame, JobKey, Listen, Node, Peer, Transport};

use crate::report::Failure;

/// Sent back as it comes.
const PING: u16 = 1;
const PONG: u16 = 2;
/// Counted; the last is answered with a pong.
const BULK: u16 = 3;
const LAST: u16 = 4;
/// Round trips measured; the fastest half counts.
const ROUNDS: usize = 200;
/// Bytes of one bulk frame.
const PIECE: usize = 256 << 10;
/// Bulk is sent for so long at most, and so much of it.
const BULK_TIME: Duration = Duration::from_millis(500);
const BULK_PIECES: usize = 512;
/// Bytes that may be queued.
const QUEUE: usize = 4 << 20;
/// What a measurement may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Any port: what is asked is the way to a host, not to a service.
const ANY_PORT: u16 = 9;

/// What a host is like: names and values, in a fixed order by name.
pub fn facts() -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    let system = nix::sys::utsname::uname();
    if let Ok(system) = &system {
        facts.insert("kernel", system.release().to_string_lossy().into_owned());
        facts.insert("machine", system.machine().to_string_lossy().into_owned());
        facts.insert("name", system.nodename().to_string_lossy().into_owned());
    }
    let tracker = ckpt_incremental::choose(None);
    let tracker = tracker.map_or_else(|error| format!("none: {error}"), |kind| kind.to_string());
    facts.insert("tracker", tracker);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    facts.insert("cores", cores.to_string());
    for (name, field) in [("memory", "MemTotal:"), ("free", "MemAvailable:")] {
        if let Some(bytes) = memory(field) {
            facts.insert(name, bytes.to_string());
        }
    }
    if let Ok(shared) = nix::sys::statvfs::statvfs("/dev/shm") {
        let bytes = shared.blocks_available() * shared.fragment_size();
        facts.insert("shm", bytes.to_string());
    }
    facts.insert("caperun", env!("CARGO_PKG_VERSION").to_owned());
    facts.insert("libc", library());
    let descriptors = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    if let Ok((_, hard)) = descriptors {
        facts.insert("descriptors", hard.to_string());
    }
    facts
}

/// A field of `/proc/meminfo` in bytes.
fn memory(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
fn library() -> String {
    // SAFETY: it takes nothing and gives a string that lives as long as the process.
    let text = unsafe { std::ffi::CStr::from_ptr(nix::libc::gnu_get_libc_version()) };
    format!("glibc-{}", text.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn library() -> String {
    "unknown".to_owned()
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.map_err(|error| Failure::new(format!("nobody reads what the probe says: {error}")))
}

/// The address by which this host reaches `other`: no packet is sent to find it out.
fn interface_towards(other: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match other {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(other, ANY_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The first line, taken apart.
fn introduction(line: &str) -> Option<(JobKey, u32, Option<IpAddr>)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let ["key", key, "number", number, "towards", towards] = words[..] else {
        return None;
    };
    let digits = key.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some((
        JobKey::from_bytes(bytes),
        number.parse().ok()?,
        towards.parse().ok(),
    ))
}

struct Probe {
    node: Arc<Node>,
    commands: Receiver<String>,
    events: Vec<Event>,
}

/// Runs until standard input ends.
pub fn run() -> Result<u8, Failure> {
    let mut first = String::new();
    let input = std::io::stdin().lock().read_line(&mut first);
    let introduced = input.ok().and_then(|_| introduction(&first));
    let Some((key, number, towards)) = introduced else {
        return Err(Failure::with_code("--probe is for caperun --check only", 2));
    };
    for (name, value) in facts() {
        say(&format!("fact {name} {value}"))?;
    }
    let address = towards.and_then(interface_towards);
    let listen = Listen::Tcp(address.unwrap_or(Ipv4Addr::LOCALHOST.into()));
    let node = Node::new(Peer::Rank(number), listen, key)
        .map_err(|error| Failure::new(format!("cannot listen for other hosts: {error}")))?;
    say(&format!("listening {}", node.address()))?;
    let node = Arc::new(node);
    let commands = listen_to_commands(Arc::clone(&node))?;
    let mut probe = Probe {
        node,
        commands,
        events: Vec::new(),
    };
    probe.serve()
}

fn listen_to_commands(node: Arc<Node>) -> Result<Receiver<String>, Failure> {
    let (sender, receiver) = channel();
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                return;
            }
            node.wake();
        }
        drop(sender);
        node.wake();
    };
    std::thread::Builder::new()
        .name("commands".into())
        .spawn(read)
        .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
    Ok(receiver)
}

impl Probe {
    fn serve(&mut self) -> Result<u8, Failure> {
        use std::sync::mpsc::TryRecvError;
        loop {
            match self.commands.try_recv() {
                Ok(line) => self.obey(&line)?,
                Err(TryRecvError::Disconnected) => return Ok(0),
                Err(TryRecvError::Empty) => drop(self.turn(None)?),
            }
        }
    }

    /// Waits for events and answers what asks for an answer; true: a pong has come.
    fn turn(&mut self, patience: Option<Duration>) -> Result<bool, Failure> {
        let mut events = std::mem::take(&mut self.events);
        self.node
            .poll(patience, &mut events)
            .map_err(|error| Failure::new(format!("lost the network: {error}")))?;
        let mut answered = false;
        for event in events.drain(..) {
            match event {
                Event::Frame { from, frame } if frame.kind == PING || frame.kind == LAST => {
                    // Who has gone meanwhile is not waiting.
                    let _ = self.node.send(
                        from,
                        Frame {
                            kind: PONG,
                            tag: 0,
                            payload: Bytes::new(),
                        },
                    );
                }
                Event::Frame { frame, .. } => answered |= frame.kind == PONG,
                Event::Closed { .. } => {}
            }
        }
        self.events = events;
        Ok(answered)
    }

    fn obey(&mut self, line: &str) -> Result<(), Failure> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let ["measure", number, address] = words[..] else {
            return Ok(());
        };
        let (Ok(peer), Ok(address)) = (number.parse::<u32>(), address.parse::<Address>()) else {
            return Ok(());
        };
        self.node.introduce(Peer::Rank(peer), address);
        match self.measure(Peer::Rank(peer))? {
            Some((latency, bandwidth)) => {
                say(&format!("measured {peer} {latency:.9} {bandwidth:.0}"))
            }
            None => say(&format!("unreachable {peer}")),
        }
    }

    fn measure(&mut self, peer: Peer) -> Result<Option<(f64, f64)>, Failure> {
        let mut trips = Vec::with_capacity(ROUNDS);
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            if !self.ask(peer, PING)? {
                return Ok(None);
            }
            trips.push(start.elapsed());
            // On slow links a few tell enough.
            if begin.elapsed() > BULK_TIME && trips.len() > 4 {
                break;
            }
        }
        trips.sort_unstable();
        let half = &trips[..trips.len().div_ceil(2)];
        let mean = half.iter().sum::<Duration>().as_secs_f64() / half.len() as f64;
        let payload = Bytes::from(vec![0x5a; PIECE]);
        let start = Instant::now();
        let mut sent = 0_u32;
        for _ in 0..BULK_PIECES {
            let frame = Frame {
                kind: BULK,
                tag: 0,
                payload: payload.clone(),
            };
            if self.node.send(peer, frame).is_err() {
                return Ok(None);
            }
            sent += 1;
            while self.node.queued() > QUEUE {
                self.turn(Some(PATIENCE))?;
                if start.elapsed() > PATIENCE {
                    return Ok(None);
                }
            }
            if start.elapsed() > BULK_TIME {
                break;
            }
        }
        if !self.ask(peer, LAST)? {
            return Ok(None);
        }
        let bytes = f64::from(sent) * PIECE as f64;
        Ok(Some((mean / 2.0, bytes / start.elapsed().as_secs_f64())))
    }

    /// Sends a frame that is answered; false: it was not.
    fn ask(&mut self, peer: Peer, kind: u16) -> Result<bool, Failure> {
        let frame = Frame {
            kind,
            tag: 0,
            payload: Bytes::new(),
        };
        if self.node.send(peer, frame).is_err() {
            return Ok(false);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            if self.turn(Some(left))? {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_what_matters() {
        let facts = facts();
        for name in [
            "kernel", "tracker", "cores", "memory", "free", "caperun", "libc", "machine",
        ] {
            assert!(
                facts.get(name).is_some_and(|value| !value.is_empty()),
                "{name}"
            );
        }
    }

    #[test]
    fn introductions_are_checked() {
        let key = "ab".repeat(32);
        let read = |text: &str| introduction(text).map(|(_, number, towards)| (number, towards));
        assert_eq!(
            read(&format!("key {key} number 3 towards -\n")),
            Some((3, None))
        );
        let towards = read(&format!("key {key} number 0 towards 10.0.0.1"));
        assert_eq!(towards, Some((0, Some(Ipv4Addr::new(10, 0, 0, 1).into()))));
        for wrong in ["", "key ab number 1 towards -", "key é number 1 towards -"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
