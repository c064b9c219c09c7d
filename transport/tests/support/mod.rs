//! What the tests share: jobs on every backend, and waiting with a deadline.

#![allow(dead_code, missing_docs)]

pub mod mpi;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use transport::{
    CloseReason, Event, Frame, HostId, JobKey, Listen, Node, Peer, Settings, Transport, loopback,
};

/// No wait of a test lasts longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const TCP: Listen = Listen::Tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Unix,
    Tcp,
    /// TCP, encrypted.
    Secure,
    /// Unix sockets for some and TCP for others.
    Mixed,
    Loopback,
    /// Processes under mpirun; in tests/mpi.rs only, whose executable knows how to be one.
    Mpi(mpi::Mpi),
}

impl Backend {
    /// A job whose peers know one another: the ranks, then the coordinator, who is introduced to nobody.
    pub fn job(self, ranks: u32) -> Vec<Arc<dyn Transport>> {
        let nodes = match self {
            Self::Loopback => {
                return loopback::job(ranks)
                    .into_iter()
                    .map(|end| Arc::new(end) as Arc<dyn Transport>)
                    .collect();
            }
            Self::Mpi(mpi) => return mpi.job(ranks),
            Self::Unix => nodes(ranks, Listen::Unix),
            Self::Tcp => nodes(ranks, TCP),
            Self::Secure => nodes_with(ranks, |_| (vec![TCP], secure())),
            // Two ranks a host.
            Self::Mixed => nodes_with(ranks, |peer| {
                let host = match peer {
                    Peer::Rank(rank) => rank / 2,
                    _ => 0,
                };
                let settings = Settings {
                    host: Some(HostId::named(&host.to_string())),
                    ..Settings::default()
                };
                (vec![Listen::Unix, TCP], settings)
            }),
        };
        nodes
            .into_iter()
            .map(|node| node as Arc<dyn Transport>)
            .collect()
    }
}

pub fn secure() -> Settings {
    Settings {
        secure: true,
        ..Settings::default()
    }
}

pub fn nodes(ranks: u32, listen: Listen) -> Vec<Arc<Node>> {
    nodes_with(ranks, |_| (vec![listen], Settings::default()))
}

pub fn nodes_with(ranks: u32, how: impl Fn(Peer) -> (Vec<Listen>, Settings)) -> Vec<Arc<Node>> {
    let key = JobKey::generate().unwrap();
    let peers = (0..ranks).map(Peer::Rank).chain([Peer::Coordinator]);
    let nodes: Vec<_> = peers
        .map(|me| {
            let (listen, settings) = how(me);
            Arc::new(Node::with_settings(me, &listen, key.clone(), settings).unwrap())
        })
        .collect();
    for node in &nodes[..ranks as usize] {
        node.set_ranks(ranks);
        for other in &nodes {
            if other.me() != node.me() {
                node.introduce_at(other.me(), other.contact());
            }
        }
    }
    nodes
}

pub fn frame(kind: u16, tag: u64, payload: impl Into<Vec<u8>>) -> Frame {
    Frame {
        kind,
        tag,
        payload: Bytes::from(payload.into()),
    }
}

/// Bytes that differ along the payload and between tags: a cycle of 251, which no power of two divides.
pub fn pattern(tag: u64, length: usize) -> Vec<u8> {
    let start = (tag % 251) as usize;
    let cycle: Vec<u8> = (0..251).collect();
    let mut bytes = cycle[start..].to_vec();
    while bytes.len() < length {
        bytes.extend_from_slice(&cycle);
    }
    bytes.truncate(length);
    bytes
}

/// CPU time that the calling thread has used.
pub fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap())
}

/// One end, driven step by step.
pub struct End<'a> {
    pub transport: &'a dyn Transport,
    pub events: Vec<Event>,
}

impl<'a> End<'a> {
    pub fn new(transport: &'a dyn Transport) -> Self {
        Self {
            transport,
            events: Vec::new(),
        }
    }

    /// Polls once, briefly.
    pub fn turn(&mut self) {
        self.transport
            .poll(Some(Duration::from_millis(1)), &mut self.events)
            .unwrap();
    }

    pub fn frames(&self) -> Vec<(Peer, &Frame)> {
        let frame = |event| match event {
            &Event::Frame { from, ref frame } => Some((from, frame)),
            Event::Closed { .. } => None,
        };
        self.events.iter().filter_map(frame).collect()
    }

    pub fn closed(&self) -> Vec<(Peer, &CloseReason)> {
        let closed = |event| match event {
            &Event::Closed { peer, ref reason } => Some((peer, reason)),
            Event::Frame { .. } => None,
        };
        self.events.iter().filter_map(closed).collect()
    }
}

pub fn ends(job: &[Arc<dyn Transport>]) -> Vec<End<'_>> {
    job.iter().map(|end| End::new(end.as_ref())).collect()
}

/// Polls all ends in turn until `done`.
pub fn run_until(ends: &mut [End<'_>], what: &str, mut done: impl FnMut(&[End<'_>]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(ends) {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        for end in &mut *ends {
            end.turn();
        }
    }
}

/// Polls one end, sleeping in it, until `done`.
pub fn wait(
    transport: &dyn Transport,
    what: &str,
    mut done: impl FnMut(&[Event]) -> bool,
) -> Vec<Event> {
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    while !done(&events) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "waited in vain for {what}");
        transport.poll(Some(left), &mut events).unwrap();
    }
    events
}

/// Polls for so long an end to which nobody sends anything.
pub fn wait_in_vain(transport: &dyn Transport, time: Duration) {
    let mut events = Vec::new();
    transport.poll(Some(time), &mut events).unwrap();
    assert!(events.is_empty(), "{events:?}");
}
