//! The backend over sockets: what callers see of it. What its poll does is in [`crate::engine`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::auth::Identity;
use crate::engine::Turn;
use crate::frame::{Group, HEADER, Header};
use crate::key::random;
use crate::link::{Backlog, Care, Link, Outgoing, lock};
use crate::mesh::{FIRST_LINK, Mesh, Route};
use crate::supervisor::Supervisor;
use crate::sys::{self, Interest, Listener, Poller};
use crate::transport::{Counters, Event, Transport};
use crate::{Address, Contact, Error, Frame, HostId, JobKey, Listen, Peer};

/// Longest time that [`Transport::close`] takes to send what is queued.
const CLOSING: Duration = Duration::from_secs(1);

/// How a [`Node`] deals with others.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Links are encrypted. All processes of a job have to agree.
    pub secure: bool,
    /// How long a host may be silent that owes an answer on TCP, before its peers are lost. At least a second is needed to
    /// tell, and below four, a slow network may look like a dead one.
    pub detection: Duration,
    /// Time for a handshake, attempts to connect included.
    pub handshake: Duration,
    /// Where this process is. Peers with the same host reach one another by Unix sockets.
    pub host: Option<HostId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secure: false,
            detection: Duration::from_secs(8),
            handshake: Duration::from_secs(15),
            host: HostId::here(),
        }
    }
}

/// One end of a job's communication over Unix or TCP sockets.
///
/// Its descriptors are close-on-exec and have high numbers, so that the program keeps the low ones. Dropping it closes all
/// links without sending what is queued; [`Transport::close`] sends it first.
#[derive(Debug)]
pub struct Node {
    pub(crate) me: Peer,
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    /// When it began: what links note of time is relative to it.
    pub(crate) born: Instant,
    /// Polled under the tokens from 0.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) poller: Poller,
    pub(crate) supervisor: Supervisor,
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
    /// As for [`Node::with_settings`].
    pub fn new(me: Peer, listen: Listen, key: JobKey) -> Result<Self, Error> {
        Self::with_settings(me, &[listen], key, Settings::default())
    }

    /// Listens in each of these ways, the preferred first: a process that has peers on its host and on others listens on a
    /// Unix socket for the former and on TCP for the latter.
    ///
    /// # Errors
    /// The system gives no socket, poller or random numbers; or `listen` is empty, names an address that is not this
    /// host's or all of them at once, or has more ways than [`Contact`]s hold.
    pub fn with_settings(
        me: Peer,
        listen: &[Listen],
        key: JobKey,
        settings: Settings,
    ) -> Result<Self, Error> {
        let poller = Poller::new().map_err(Error::system("create a poller"))?;
        let mut listeners = Vec::new();
        if listen.is_empty() || listen.len() > Contact::MAX_ADDRESSES {
            let invalid = std::io::ErrorKind::InvalidInput.into();
            return Err(Error::system("listen nowhere, or in so many ways")(invalid));
        }
        for (token, &listen) in (0..FIRST_LINK).zip(listen) {
            let name = format!(
                "cape-{}-{:016x}",
                std::process::id(),
                u64::from_ne_bytes(random()?)
            );
            let listener = Listener::bind(listen, &name, settings.detection)
                .map_err(Error::system("listen for peers"))?;
            poller
                .add(listener.descriptor(), token, Interest::Read)
                .map_err(Error::system("poll for connections"))?;
            listeners.push(listener);
        }
        Ok(Self {
            me,
            identity: Identity {
                key,
                me,
                secure: settings.secure,
            },
            settings,
            born: Instant::now(),
            listeners,
            poller,
            supervisor: Supervisor::default(),
            mesh: Mutex::default(),
            backlog: Backlog::default(),
            traffic: Traffic::default(),
            woken: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            attention: Mutex::default(),
            turn: Mutex::default(),
        })
    }

    /// How long ago something was last received from `peer`: the pulse by which a supervisor tells that it is alive. `None`:
    /// there is no link with it, or nothing has come since it was opened.
    #[must_use]
    pub fn silence(&self, peer: Peer) -> Option<Duration> {
        let mesh = lock(&self.mesh);
        let heard = mesh
            .with(peer)
            .iter()
            .filter_map(|link| link.heard(self.born));
        heard.max().map(|at| at.elapsed())
    }

    /// This host's address as the host of `peer` knows it: at which others near that peer can be asked to connect. `None`:
    /// there is no link with it, or it is on this host.
    #[must_use]
    pub fn local_ip(&self, peer: Peer) -> Option<std::net::IpAddr> {
        let links: Vec<_> = lock(&self.mesh).with(peer).to_vec();
        let sockets = links
            .iter()
            .filter_map(|link| lock(&link.output).socket.clone());
        sockets
            .into_iter()
            .find_map(|socket| sys::local_ip(&socket))
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
                Route::Open(contact) => self.open(&mut mesh, to, &contact),
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
        if self.supervisor.stir() {
            self.poller.ring();
        }
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

    fn contact(&self) -> Contact {
        let addresses = self.listeners.iter().map(Listener::address).cloned();
        let host = (self.listeners.len() > 1).then_some(self.settings.host);
        Contact::new(host.flatten(), addresses.collect())
    }

    fn address(&self) -> Address {
        let first = self.listeners.first();
        first.expect("checked when it began").address().clone()
    }

    fn introduce_at(&self, peer: Peer, contact: Contact) {
        lock(&self.mesh).introduce(peer, contact);
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
