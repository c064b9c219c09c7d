//! What a message costs between two ranks: the round trip of a small frame, streams of small and large ones, a broadcast.
//!
//! Every rank is a thread of this process with a node of its own, so frames pass through the kernel as they do between
//! processes. Encoding and decoding show in the stream of small frames, where little else is done per frame. `loopback`, the
//! backend for tests, copies nothing: its round trip is what two threads need to wake each other, without sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use transport::{Event, Frame, JobKey, Listen, Node, Peer, Transport, loopback};

/// A control message.
const SMALL: usize = 64;

/// As the runtime cuts large deltas.
const LARGE: usize = 256 * 1024;

/// Bytes queued at which a sender waits for room, as the runtime does.
const WINDOW: usize = 4 * 1024 * 1024;

/// Sent back at once.
const PING: u16 = 1;
/// Counted; the last one (its tag is 1) is answered.
const BULK: u16 = 2;
/// Ends the rank's thread.
const STOP: u16 = 3;

type Endpoint = Box<dyn Transport>;

#[derive(Clone, Copy)]
enum Backend {
    Unix,
    Tcp,
    Loopback,
}

impl Backend {
    const SOCKETS: [(&'static str, Self); 2] = [("unix", Self::Unix), ("tcp", Self::Tcp)];

    /// The ranks of a new job, all introduced to one another.
    fn ranks(self, count: u32) -> Vec<Endpoint> {
        let listen = match self {
            Self::Unix => Listen::Unix,
            Self::Tcp => Listen::Tcp(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Self::Loopback => return loopback_ranks(count),
        };
        let key = JobKey::generate().expect("the kernel has random bytes");
        let nodes: Vec<Node> = (0..count)
            .map(|rank| {
                let key = JobKey::from_bytes(*key.as_bytes());
                Node::new(Peer::Rank(rank), listen, key).expect("a socket to listen on")
            })
            .collect();
        for node in &nodes {
            node.set_ranks(count);
            for other in nodes.iter().filter(|other| other.me() != node.me()) {
                node.introduce(other.me(), other.address());
            }
        }
        nodes
            .into_iter()
            .map(|node| Box::new(node) as Endpoint)
            .collect()
    }
}

fn loopback_ranks(count: u32) -> Vec<Endpoint> {
    let job = loopback::job(count)
        .into_iter()
        .filter(|endpoint| endpoint.me() != Peer::Coordinator);
    job.map(|endpoint| Box::new(endpoint) as Endpoint).collect()
}

/// Rank 0, with all other ranks answering in threads of their own.
struct Job {
    root: Endpoint,
    others: Vec<JoinHandle<()>>,
    events: Vec<Event>,
}

impl Job {
    fn start(backend: Backend, count: u32) -> Self {
        let mut ranks = backend.ranks(count).into_iter();
        let root = ranks.next().expect("a job has a rank 0");
        let others = ranks
            .map(|rank| thread::spawn(move || answer(&*rank)))
            .collect();
        Self {
            root,
            others,
            events: Vec::new(),
        }
    }

    fn send(&self, to: u32, kind: u16, tag: u64, payload: Bytes) {
        let sent = self.root.send(Peer::Rank(to), Frame { kind, tag, payload });
        sent.expect("the other rank is there until it is stopped");
    }

    /// Waits until `count` frames have come.
    fn receive(&mut self, mut count: usize) {
        while count > 0 {
            self.events.clear();
            self.root
                .poll(None, &mut self.events)
                .expect("the node works");
            for event in &self.events {
                match event {
                    Event::Frame { .. } => count -= 1,
                    Event::Closed { peer, reason } => panic!("{peer:?} closed the link: {reason}"),
                }
            }
        }
    }

    /// Lets the kernel take what is queued, down to the window.
    fn wait_for_room(&mut self) {
        while self.root.queued() > WINDOW {
            self.events.clear();
            self.root
                .poll(None, &mut self.events)
                .expect("the node works");
        }
    }

    fn bulk(&mut self, frames: u64, payload: &Bytes, send: impl Fn(&Self, u64, Bytes)) {
        for left in (1..=frames).rev() {
            self.wait_for_room();
            send(self, left, payload.clone());
        }
        self.receive(self.others.len());
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        for rank in 1..=self.others.len() {
            self.send(rank as u32, STOP, 0, Bytes::new());
        }
        self.root.close();
        for other in self.others.drain(..) {
            other.join().expect("an answering rank does not panic");
        }
    }
}

/// The life of a rank other than 0: see the kinds of frames above.
fn answer(rank: &dyn Transport) {
    let mut events = Vec::new();
    loop {
        rank.poll(None, &mut events).expect("the node works");
        for event in events.drain(..) {
            match event {
                Event::Frame { frame, .. } if frame.kind == STOP => return rank.close(),
                Event::Frame { from, frame } if frame.kind == PING || frame.tag == 1 => {
                    let payload = if frame.kind == PING {
                        frame.payload
                    } else {
                        Bytes::new()
                    };
                    let sent = rank.send(
                        from,
                        Frame {
                            kind: PING,
                            tag: 0,
                            payload,
                        },
                    );
                    sent.expect("rank 0 waits for the answer");
                }
                Event::Frame { .. } | Event::Closed { .. } => {}
            }
        }
    }
}

fn round_trip(c: &mut Criterion) {
    let mut group = c.benchmark_group("link/round trip of 64 bytes");
    for (name, backend) in Backend::SOCKETS
        .into_iter()
        .chain([("loopback", Backend::Loopback)])
    {
        let mut job = Job::start(backend, 2);
        let payload = Bytes::from(vec![7; SMALL]);
        group.bench_function(name, |b| {
            b.iter(|| {
                job.send(1, PING, 0, payload.clone());
                job.receive(1);
            });
        });
    }
    group.finish();
}

/// Time for `iterations` frames of `bytes` bytes, the answers to the last one included.
fn timed(
    job: &mut Job,
    iterations: u64,
    bytes: usize,
    send: impl Fn(&Job, u64, Bytes),
) -> Duration {
    let payload = Bytes::from(vec![7; bytes]);
    let start = Instant::now();
    job.bulk(iterations, &payload, send);
    start.elapsed()
}

fn stream(c: &mut Criterion) {
    let mut group = c.benchmark_group("link/stream");
    for (size, bytes) in [("64 B", SMALL), ("256 KiB", LARGE)] {
        group.throughput(Throughput::Bytes(bytes as u64));
        for (name, backend) in Backend::SOCKETS {
            let mut job = Job::start(backend, 2);
            group.bench_function(BenchmarkId::new(size, name), |b| {
                b.iter_custom(|iterations| {
                    timed(&mut job, iterations, bytes, |job, left, payload| {
                        job.send(1, BULK, left, payload)
                    })
                });
            });
        }
    }
    group.finish();
}

fn broadcast(c: &mut Criterion) {
    let mut group = c.benchmark_group("link/broadcast");
    group.throughput(Throughput::Bytes(LARGE as u64));
    for (name, backend) in Backend::SOCKETS {
        for ranks in [2, 4, 8] {
            let mut job = Job::start(backend, ranks);
            group.bench_function(BenchmarkId::new(name, ranks), |b| {
                b.iter_custom(|iterations| {
                    timed(&mut job, iterations, LARGE, |job, tag, payload| {
                        let frame = Frame {
                            kind: BULK,
                            tag,
                            payload,
                        };
                        job.root.broadcast(frame).expect("all ranks are there");
                    })
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = round_trip, stream, broadcast
}
criterion_main!(benches);
