//! The backend over sockets: what callers see of it. What its poll does is in [`crate::engine`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::engine::Turn;
use crate::frame::{Group, HEADER, Header};
use crate::key::random;
use crate::link::{Backlog, Care, Link, Outgoing, lock};
use crate::mesh::{Mesh, Route};
use crate::sys::{Interest, Listener, Poller};
use crate::transport::{Counters, Event, Transport};
use crate::{Address, Error, Frame, JobKey, Listen, Peer};

/// The token under which the listener is polled.
pub(crate) const LISTENER: u64 = 0;

/// Longest time that [`Transport::close`] takes to send what is queued.
const CLOSING: Duration = Duration::from_secs(1);

/// One end of a job's communication over Unix or TCP sockets.
///
/// Its descriptors are close-on-exec and have high numbers, so that the program keeps the low ones. Dropping it closes all
/// links without sending what is queued; [`Transport::close`] sends it first.
#[derive(Debug)]
pub struct Node {
    pub(crate) me: Peer,
    pub(crate) key: JobKey,
    pub(crate) listener: Listener,
    pub(crate) poller: Poller,
    pub(crate) mesh: Mutex<Mesh>,
    pub(crate) backlog: Backlog,
    pub(crate) traffic: Traffic,
    pub(crate) woken: AtomicBool,
    pub(crate) closing: AtomicBool,
    /// Links that a sender found broken or could not open.
    pub(crate) attention: Mutex<Vec<Arc<Link>>>,
    /// Taken by whoever polls.
    pub(crate) turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
pub(crate) struct Traffic {
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
}

impl Traffic {
    fn sent(&self, bytes: usize) {
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.frames_received.fetch_add(1, Ordering::Relaxed);
        self.bytes_received
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn read(&self) -> Counters {
        Counters {
            frames_sent: self.frames_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            frames_received: self.frames_received.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
        }
    }
}

impl Node {
    /// Listens, under a name or port that nobody else has, as `me` of the job that has this key.
    ///
    /// # Errors
    /// The system gives no socket, poller or random numbers.
    pub fn new(me: Peer, listen: Listen, key: JobKey) -> Result<Self, Error> {
        let name = format!(
            "cape-{}-{:016x}",
            std::process::id(),
            u64::from_ne_bytes(random()?)
        );
        let listener = Listener::bind(listen, &name).map_err(Error::system("listen for peers"))?;
        let poller = Poller::new().map_err(Error::system("create a poller"))?;
        poller
            .add(listener.descriptor(), LISTENER, Interest::Read)
            .map_err(Error::system("poll for connections"))?;
        Ok(Self {
            me,
            key,
            listener,
            poller,
            mesh: Mutex::default(),
            backlog: Backlog::default(),
            traffic: Traffic::default(),
            woken: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            attention: Mutex::default(),
            turn: Mutex::default(),
        })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closing.load(Ordering::Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// Gives a frame to the link for `to`, which is opened if there is none.
    pub(crate) fn pass(&self, to: Peer, header: [u8; HEADER], payload: Bytes) -> Result<(), Error> {
        let bytes = payload.len();
        let link = {
            let mut mesh = lock(&self.mesh);
            match mesh.route(to) {
                Route::Link(link) => link,
                Route::Open(address) => self.open(&mut mesh, to, address),
                Route::Lost(reason) => return Err(Error::Lost { peer: to, reason }),
                Route::Unknown => return Err(Error::NotIntroduced(to)),
            }
        };
        let frame = Outgoing {
            header,
            payload,
            sent: 0,
        };
        let care = lock(&link.output)
            .accept(frame, link.token, &self.poller, &self.backlog)
            .map_err(|reason| Error::Lost { peer: to, reason })?;
        self.traffic.sent(bytes);
        if care == Care::Broke {
            self.attend(link);
        }
        Ok(())
    }

    /// Asks the polling thread to look after a link.
    pub(crate) fn attend(&self, link: Arc<Link>) {
        lock(&self.attention).push(link);
        self.poller.ring();
    }
}

impl Transport for Node {
    fn me(&self) -> Peer {
        self.me
    }

    fn address(&self) -> Address {
        self.listener.address().clone()
    }

    fn introduce(&self, peer: Peer, address: Address) {
        lock(&self.mesh).introduce(peer, address);
    }

    fn set_ranks(&self, ranks: u32) {
        lock(&self.mesh).ranks = ranks;
    }

    fn send(&self, to: Peer, frame: Frame) -> Result<(), Error> {
        self.check_open()?;
        if to == self.me {
            return Err(Error::ToSelf(to));
        }
        let header = Header::of(&frame, None).ok_or(Error::TooLarge(frame.payload.len()))?;
        self.pass(to, header.encode(), frame.payload)
    }

    fn broadcast(&self, frame: Frame) -> Result<(), Error> {
        self.check_open()?;
        let ranks = lock(&self.mesh).ranks;
        let root = match self.me {
            Peer::Rank(rank) if rank < ranks => rank,
            me => return Err(Error::NotInGroup { me, ranks }),
        };
        let header = Header::of(&frame, Some(Group { root, ranks }))
            .ok_or(Error::TooLarge(frame.payload.len()))?;
        let header = header.encode();
        // A child that is lost must not keep the frame from the others.
        let results: Vec<_> = crate::tree::children(root, root, ranks)
            .map(|child| self.pass(Peer::Rank(child), header, frame.payload.clone()))
            .collect();
        results.into_iter().collect()
    }

    fn queued(&self) -> usize {
        self.backlog.bytes()
    }

    fn poll(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Result<(), Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut turn = lock(&self.turn);
        let before = events.len();
        loop {
            self.check_open()?;
            self.attend_all(&mut turn, events);
            let timer = self.run_timers(&mut turn, events);
            let due = events.len() > before
                || self.woken.load(Ordering::Acquire)
                || self.backlog.drained().load(Ordering::Acquire);
            let until = if due {
                Some(Instant::now())
            } else {
                deadline.into_iter().chain(timer).min()
            };
            self.pass_once(&mut turn, until, events)
                .map_err(Error::system("wait for peers"))?;
            let woken = self.woken.swap(false, Ordering::AcqRel);
            let drained = self.backlog.drained().swap(false, Ordering::AcqRel);
            let expired = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if events.len() > before || woken || drained || expired {
                return Ok(());
            }
        }
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.poller.ring();
        }
    }

    fn counters(&self) -> Counters {
        self.traffic.read()
    }

    fn close(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.poller.ring();
        let mut turn = lock(&self.turn);
        self.send_the_rest(&mut turn, Instant::now() + CLOSING);
        self.retire_all();
    }
}
