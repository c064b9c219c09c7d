//! What a [`Node`]'s poll does: accepts, handshakes, reads, relays, writes, gives up.
//!
//! Everything here runs in the one thread that holds the node's [`Turn`]. A round reads a bounded amount from each link that
//! is ready; what is left is reported again, as events are level-triggered.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::auth::{Handshake, MESSAGE, Step};
use crate::frame::{Decoder, HEADER, Header};
use crate::key::random;
use crate::link::{Input, Link, Origin, Phase, broken, lock, send_whole};
use crate::mesh::Mesh;
use crate::node::{LISTENER, Node};
use crate::sys::{self, Interest, Ready};
use crate::transport::Event;
use crate::{Address, CloseReason, Error, Peer, Violation, tree};

/// Time for a handshake, attempts to connect included.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// First pause before another attempt to connect; doubled each time.
const RETRY: Duration = Duration::from_millis(5);

/// Attempts to connect to a listener that is overrun.
const MAX_ATTEMPTS: u32 = 8;

/// Pause of the listener when no descriptors are left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Connections accepted per round.
const ACCEPTS: usize = 16;

/// Bytes read from one link per round.
const READ_QUOTA: usize = 1 << 20;

/// Bytes read from a link that is given up: more than the kernel keeps for a socket.
const LAST_WORDS: usize = 64 << 20;

/// Bytes read at once where small frames are expected.
const SCRATCH: usize = 64 << 10;

/// A payload that lacks at least this much is read into its own buffer, without what follows it but a header.
const DIRECT: usize = 16 << 10;

/// What the polling thread keeps from round to round.
#[derive(Debug)]
pub(crate) struct Turn {
    ready: Vec<Ready>,
    scratch: Box<[u8]>,
    /// The listener rests until then.
    resting: Option<Instant>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            ready: Vec::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            resting: None,
        }
    }
}

/// Why a link cannot go on.
enum Failure {
    /// For good.
    Lost(CloseReason),
    /// Before the handshake was over; another attempt may succeed.
    Overrun(CloseReason),
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Lost(CloseReason::Violated(violation))
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::Lost(broken(error))
}

fn overrun(error: &io::Error) -> Failure {
    Failure::Overrun(match broken(error) {
        CloseReason::Ended => CloseReason::Rejected,
        other => other,
    })
}

impl Node {
    /// Begins to open a link to `peer`. A failure is left for the polling thread to report.
    pub(crate) fn open(&self, mesh: &mut Mesh, peer: Peer, address: Address) -> Arc<Link> {
        let token = mesh.next_token();
        let deadline = Instant::now() + HANDSHAKE;
        let link = Arc::new(Link::new(
            token,
            Origin::Opened(peer, address.clone()),
            deadline,
            None,
            Phase::Closed,
        ));
        let failed = {
            let mut input = lock(&link.input);
            match self.connect(&link, &mut input, peer, &address) {
                Ok(()) => false,
                Err(Failure::Overrun(_)) => {
                    input.phase = Phase::Waiting(Instant::now() + RETRY);
                    false
                }
                Err(Failure::Lost(reason)) => {
                    input.phase = Phase::Failed(reason);
                    true
                }
            }
        };
        mesh.add_opened(peer, &link);
        if failed {
            self.attend(Arc::clone(&link));
        } else {
            // The polling thread has to learn of the new deadline.
            self.poller.ring();
        }
        link
    }

    fn connect(
        &self,
        link: &Link,
        input: &mut Input,
        peer: Peer,
        address: &Address,
    ) -> Result<(), Failure> {
        let unreachable = |error: &io::Error| CloseReason::Unreachable {
            address: address.clone(),
            detail: error.to_string(),
        };
        let nonce =
            random().map_err(|error| Failure::Lost(CloseReason::Broken(error.to_string())))?;
        let connection = sys::connect(address).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::Overrun(unreachable(&error)),
            _ => Failure::Lost(unreachable(&error)),
        })?;
        let socket = Arc::new(connection.socket);
        let (handshake, hello) = Handshake::open(&self.key, self.me, peer, nonce);
        let (interest, phase) = if connection.complete {
            send_whole(&socket, &hello).map_err(|error| overrun(&error))?;
            (Interest::Read, Phase::Greeting(Box::new(handshake)))
        } else {
            (
                Interest::ReadWrite,
                Phase::Connecting(Box::new(handshake), hello),
            )
        };
        self.poller
            .add(&socket, link.token, interest)
            .map_err(|error| lost(&error))?;
        lock(&link.output).socket = Some(Arc::clone(&socket));
        input.socket = Some(socket);
        input.phase = phase;
        Ok(())
    }

    /// Waits until `until` at the latest and handles what happened.
    pub(crate) fn pass_once(
        &self,
        turn: &mut Turn,
        until: Option<Instant>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        self.poller.wait(timeout, &mut turn.ready)?;
        let mut batch = std::mem::take(&mut turn.ready);
        for ready in batch.drain(..) {
            if ready.token == LISTENER {
                self.accept(turn);
                continue;
            }
            // A link may have gone in this very round.
            let Some(link) = lock(&self.mesh).link(ready.token) else {
                continue;
            };
            self.advance(turn, &link, ready, events);
        }
        turn.ready = batch;
        Ok(())
    }

    fn accept(&self, turn: &mut Turn) {
        for _ in 0..ACCEPTS {
            match self.listener.accept() {
                Ok(socket) => self.admit(Arc::new(socket)),
                Err(error) if is_exhaustion(&error) => {
                    turn.resting = Some(Instant::now() + OUT_OF_DESCRIPTORS);
                    // Level-triggered: without this the poller would report the waiting connection again and again.
                    let _ =
                        self.poller
                            .change(self.listener.descriptor(), LISTENER, Interest::Nothing);
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The connection has gone before it was accepted (accept(2), "Error handling").
                Err(_) => {}
            }
        }
    }

    /// Begins the handshake with a stranger.
    fn admit(&self, socket: Arc<std::os::fd::OwnedFd>) {
        let Ok(nonce) = random() else { return };
        let handshake = Handshake::accept(&self.key, self.me, nonce);
        let phase = Phase::Greeting(Box::new(handshake));
        let deadline = Instant::now() + HANDSHAKE;
        let mut mesh = lock(&self.mesh);
        let token = mesh.next_token();
        if self.poller.add(&socket, token, Interest::Read).is_err() {
            return;
        }
        let link = Arc::new(Link::new(
            token,
            Origin::Accepted,
            deadline,
            Some(socket),
            phase,
        ));
        let oldest = mesh.add_stranger(&link);
        drop(mesh);
        if let Some(oldest) = oldest {
            oldest.retire(&CloseReason::Ended, &self.poller, &self.backlog);
        }
    }

    fn advance(&self, turn: &mut Turn, link: &Arc<Link>, ready: Ready, events: &mut Vec<Event>) {
        let result = self.step(turn, link, ready, events);
        if let Err(failure) = result {
            self.fail(turn, link, failure, events);
        }
    }

    fn step(
        &self,
        turn: &mut Turn,
        link: &Arc<Link>,
        ready: Ready,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let mut input = lock(&link.input);
        if matches!(input.phase, Phase::Connecting(..)) && ready.writable {
            self.connected(link, &mut input)?;
        }
        if matches!(input.phase, Phase::Greeting(_)) && ready.readable {
            self.greet(link, &mut input)?;
        }
        if matches!(input.phase, Phase::Open(_)) {
            if ready.writable {
                lock(&link.output)
                    .flush(link.token, &self.poller, &self.backlog)
                    .map_err(|error| lost(&error))?;
            }
            if ready.readable {
                self.read(turn, link, &mut input, READ_QUOTA, events)?;
            }
        }
        Ok(())
    }

    /// The kernel has connected, or failed to.
    fn connected(&self, link: &Link, input: &mut Input) -> Result<(), Failure> {
        let (Some(socket), Origin::Opened(_, address)) = (&input.socket, &link.origin) else {
            return Ok(());
        };
        sys::connect_error(socket).map_err(|error| {
            Failure::Lost(CloseReason::Unreachable {
                address: address.clone(),
                detail: error.to_string(),
            })
        })?;
        let Phase::Connecting(handshake, hello) =
            std::mem::replace(&mut input.phase, Phase::Closed)
        else {
            return Ok(());
        };
        send_whole(socket, &hello).map_err(|error| overrun(&error))?;
        self.poller
            .change(socket, link.token, Interest::Read)
            .map_err(|error| lost(&error))?;
        input.phase = Phase::Greeting(handshake);
        Ok(())
    }

    /// Goes on with the handshake. Reads not one byte beyond it.
    fn greet(&self, link: &Arc<Link>, input: &mut Input) -> Result<(), Failure> {
        let (Some(socket), Phase::Greeting(handshake)) = (&input.socket, &mut input.phase) else {
            return Ok(());
        };
        loop {
            let mut message = [0; MESSAGE];
            let missing = handshake.missing();
            let got = match sys::receive(socket, None, &mut message[..missing]) {
                Ok((_, 0)) => return Err(Failure::Overrun(CloseReason::Rejected)),
                Ok((_, got)) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(overrun(&error)),
            };
            let step = handshake
                .take(&message[..got])
                .map_err(|refusal| Failure::Lost(CloseReason::Refused(refusal)))?;
            match step {
                None => {}
                Some(Step::Reply(reply)) => {
                    send_whole(socket, &reply).map_err(|error| overrun(&error))?
                }
                Some(Step::Done { peer, last }) => {
                    let last = last.as_ref().map(|last| &last[..]);
                    // Before the tables know the link: whoever finds it there must find it open.
                    lock(&link.output)
                        .open(last, link.token, &self.poller, &self.backlog)
                        .map_err(|error| overrun(&error))?;
                    lock(&self.mesh).authenticated(link, peer);
                    input.phase = Phase::Open(Decoder::default());
                    return Ok(());
                }
            }
        }
    }

    /// Reads frames until the socket is drained or `quota` bytes were read.
    fn read(
        &self,
        turn: &mut Turn,
        link: &Link,
        input: &mut Input,
        mut quota: usize,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let (Some(socket), Phase::Open(decoder), Some(from)) =
            (&input.socket, &mut input.phase, link.peer())
        else {
            return Ok(());
        };
        loop {
            let hole = decoder.hole();
            let missing = hole.as_ref().map_or(0, |&(_, missing)| missing);
            let tail = if missing >= DIRECT { HEADER } else { SCRATCH };
            let tail = &mut turn.scratch[..tail];
            let asked = missing + tail.len();
            let (to_body, to_tail) = match sys::receive(socket, hole, tail) {
                Ok((0, 0)) => return Err(Failure::Lost(CloseReason::Ended)),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(lost(&error)),
            };
            if let Some((header, payload)) = decoder.finished() {
                self.deliver(from, header, payload, events)?;
            }
            decoder.push(&tail[..to_tail], &mut |header, payload| {
                self.deliver(from, header, payload, events)
            })?;
            let got = to_body + to_tail;
            quota = quota.saturating_sub(got);
            if got < asked || quota == 0 {
                return Ok(());
            }
        }
    }

    /// Relays a frame if it is a broadcast, then reports it.
    fn deliver(
        &self,
        sender: Peer,
        header: Header,
        payload: Bytes,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        self.traffic.received(payload.len());
        let mut from = sender;
        if let Some(group) = header.group {
            let Peer::Rank(me) = self.me else {
                return Err(Violation::WrongWay);
            };
            if !group.leads(sender, self.me) {
                return Err(Violation::WrongWay);
            }
            from = Peer::Rank(group.root);
            for child in tree::children(me, group.root, group.ranks) {
                self.relay(Peer::Rank(child), header.encode(), payload.clone(), events);
            }
        }
        let frame = crate::Frame {
            kind: header.kind,
            tag: header.tag,
            payload,
        };
        events.push(Event::Frame { from, frame });
        Ok(())
    }

    fn relay(&self, child: Peer, header: [u8; HEADER], payload: Bytes, events: &mut Vec<Event>) {
        // A child that is lost has been reported when it was lost.
        if let Err(Error::NotIntroduced(peer)) = self.pass(child, header, payload) {
            let reason = CloseReason::NotIntroduced;
            lock(&self.mesh).lose(peer, &reason);
            events.push(Event::Closed { peer, reason });
        }
    }

    fn fail(&self, turn: &mut Turn, link: &Arc<Link>, failure: Failure, events: &mut Vec<Event>) {
        let Some(peer) = link.peer() else {
            lock(&self.mesh).forget(link);
            link.retire(&CloseReason::Ended, &self.poller, &self.backlog);
            return;
        };
        let reason = match failure {
            Failure::Lost(reason) => reason,
            Failure::Overrun(reason) => match self.postpone(link) {
                true => return,
                false => reason,
            },
        };
        self.lose(turn, link, peer, reason, events);
    }

    /// Plans another attempt to connect. `false`: there were enough.
    fn postpone(&self, link: &Link) -> bool {
        let mut input = lock(&link.input);
        if matches!(link.origin, Origin::Accepted) || input.attempts >= MAX_ATTEMPTS {
            return false;
        }
        link.disconnect(&mut input, &self.poller);
        input.phase = Phase::Waiting(Instant::now() + RETRY * (1 << input.attempts));
        input.attempts += 1;
        true
    }

    /// Delivers what the peer's links still hold, closes them and says why.
    fn lose(
        &self,
        turn: &mut Turn,
        link: &Arc<Link>,
        peer: Peer,
        reason: CloseReason,
        events: &mut Vec<Event>,
    ) {
        if matches!(reason, CloseReason::Violated(_)) {
            lock(&link.input).phase = Phase::Closed;
        }
        let links = lock(&self.mesh).lose(peer, &reason);
        for link in &links {
            let mut input = lock(&link.input);
            // It ends with an error or with nothing more to read: the link is closed in either case.
            let _ = self.read(turn, link, &mut input, LAST_WORDS, events);
        }
        for link in &links {
            link.retire(&reason, &self.poller, &self.backlog);
        }
        events.push(Event::Closed { peer, reason });
    }

    /// Looks after the links that senders found broken or could not open.
    pub(crate) fn attend_all(&self, turn: &mut Turn, events: &mut Vec<Event>) {
        // Not in the loop's head, which would hold the lock while a relay may need it.
        let links = std::mem::take(&mut *lock(&self.attention));
        for link in links {
            // Gone since: reported.
            if lock(&self.mesh).link(link.token).is_none() {
                continue;
            }
            let unopened = match &lock(&link.input).phase {
                Phase::Failed(reason) => Some(reason.clone()),
                _ => None,
            };
            let reason = unopened.or_else(|| lock(&link.output).failure());
            if let (Some(reason), Some(peer)) = (reason, link.peer()) {
                self.lose(turn, &link, peer, reason, events);
            }
        }
    }

    /// Does what is due and returns when the next thing is.
    pub(crate) fn run_timers(&self, turn: &mut Turn, events: &mut Vec<Event>) -> Option<Instant> {
        let pending = lock(&self.mesh).pending();
        if pending.is_empty() && turn.resting.is_none() {
            return None;
        }
        let now = Instant::now();
        if turn.resting.is_some_and(|until| until <= now) {
            turn.resting = None;
            let _ = self
                .poller
                .change(self.listener.descriptor(), LISTENER, Interest::Read);
        }
        let mut next = turn.resting;
        for link in pending {
            if link.deadline <= now {
                let silent = Failure::Lost(CloseReason::Silent(HANDSHAKE.as_secs()));
                self.fail(turn, &link, silent, events);
                continue;
            }
            let due = self
                .retry(turn, &link, now, events)
                .map_or(link.deadline, |retry| retry.min(link.deadline));
            next = next.into_iter().chain([due]).min();
        }
        next
    }

    /// Attempts to connect again if it is time. Returns when to attempt next, if an attempt is planned.
    fn retry(
        &self,
        turn: &mut Turn,
        link: &Arc<Link>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Option<Instant> {
        let mut input = lock(&link.input);
        let Phase::Waiting(until) = input.phase else {
            return None;
        };
        let Origin::Opened(peer, address) = &link.origin else {
            return None;
        };
        if until > now {
            return Some(until);
        }
        let result = self.connect(link, &mut input, *peer, address);
        drop(input);
        if let Err(failure) = result {
            self.fail(turn, link, failure, events);
        }
        match lock(&link.input).phase {
            Phase::Waiting(until) => Some(until),
            _ => None,
        }
    }

    /// Sends what is queued, until `deadline`. Frames that still arrive are relayed, but nobody is told of them.
    pub(crate) fn send_the_rest(&self, turn: &mut Turn, deadline: Instant) {
        let mut unheard = Vec::new();
        let mut finishing = false;
        while Instant::now() < deadline {
            self.attend_all(turn, &mut unheard);
            let timer = self.run_timers(turn, &mut unheard);
            let mut until = deadline.min(timer.unwrap_or(deadline));
            if self.backlog.bytes() == 0 {
                let links = lock(&self.mesh).all();
                if !std::mem::replace(&mut finishing, true) {
                    links
                        .iter()
                        .filter_map(|link| lock(&link.input).socket.clone())
                        .for_each(|socket| sys::shut_down(&socket, Shutdown::Write));
                }
                // Closing a TCP socket that holds unread data resets the connection, and what the peer's host has not
                // acknowledged by then is lost. There is no event for the acknowledgement.
                if links.iter().all(|link| {
                    lock(&link.input)
                        .socket
                        .as_ref()
                        .is_none_or(|socket| sys::unsent(socket) == 0)
                }) {
                    return;
                }
                until = until.min(Instant::now() + Duration::from_millis(1));
            }
            unheard.clear();
            if self.pass_once(turn, Some(until), &mut unheard).is_err() {
                return;
            }
        }
    }

    pub(crate) fn retire_all(&self) {
        let links = lock(&self.mesh).all();
        lock(&self.mesh).clear();
        for link in links {
            link.retire(&CloseReason::Ended, &self.poller, &self.backlog);
        }
        self.poller.remove(self.listener.descriptor());
        // Who connects from now on is to be refused, not to wait for somebody to accept.
        sys::shut_down(self.listener.descriptor(), Shutdown::Both);
    }
}

/// Whether descriptors or memory ran out.
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
