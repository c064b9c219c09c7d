//! What a [`Node`]'s poll does on links that stand: reads, relays, writes, gives up. How links come to be is in
//! [`crate::gate`] and [`crate::opening`].
//!
//! Everything here runs in the one thread that holds the node's [`Turn`]. A round reads a bounded amount from each link that
//! is ready; what is left is reported again, as events are level-triggered.

use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cipher::Opener;
use crate::frame::{Decoder, HEADER, Header};
use crate::link::{Input, Link, Phase, broken, lock};
use crate::mesh::FIRST_LINK;
use crate::node::Node;
use crate::opening::MAX_REJECTIONS;
use crate::sys::{self, Interest, Ready};
use crate::transport::Event;
use crate::{CloseReason, Error, Peer, Violation, tree};

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
    /// The listeners rest until then.
    pub(crate) resting: Option<Instant>,
    /// Given up to accept a connection when there is no other descriptor.
    pub(crate) spare: Option<OwnedFd>,
    /// When the connections are to be looked at next.
    pub(crate) look: Option<Instant>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            ready: Vec::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            resting: None,
            spare: sys::spare(),
            look: None,
        }
    }
}

/// Why a link cannot go on.
pub(crate) enum Failure {
    /// For good.
    Lost(CloseReason),
    /// Before the handshake was over; another attempt may succeed.
    Overrun(CloseReason),
    /// The other end has read the hello and closed the connection.
    Rejected,
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Lost(CloseReason::Violated(violation))
    }
}

pub(crate) fn lost(error: &io::Error) -> Failure {
    Failure::Lost(broken(error))
}

pub(crate) fn overrun(error: &io::Error) -> Failure {
    Failure::Overrun(match broken(error) {
        CloseReason::Ended => CloseReason::Rejected,
        other => other,
    })
}

impl Node {
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
            if ready.token < FIRST_LINK {
                self.accept(turn, ready.token, events);
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

    pub(crate) fn advance(
        &self,
        turn: &mut Turn,
        link: &Arc<Link>,
        ready: Ready,
        events: &mut Vec<Event>,
    ) {
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

    /// Reads frames until the socket is drained or `quota` bytes were read.
    fn read(
        &self,
        turn: &mut Turn,
        link: &Link,
        input: &mut Input,
        mut quota: usize,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let (Some(socket), Phase::Open(receiver), Some(from)) =
            (&input.socket, &mut input.phase, link.peer())
        else {
            return Ok(());
        };
        let decoder = &mut receiver.decoder;
        if let Some(opener) = &mut receiver.opener {
            return self.read_sealed(turn, link, socket, (decoder, opener), quota, events);
        }
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
            link.hear(self.born);
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

    /// As [`Node::read`], on an encrypted link.
    fn read_sealed(
        &self,
        turn: &mut Turn,
        link: &Link,
        socket: &OwnedFd,
        receiver: (&mut Decoder, &mut Opener),
        mut quota: usize,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let (decoder, opener) = receiver;
        let Some(from) = link.peer() else {
            return Ok(());
        };
        loop {
            let room = opener.room();
            let asked = room.len();
            let got = match sys::receive(socket, None, room) {
                Ok((_, 0)) => return Err(Failure::Lost(CloseReason::Ended)),
                Ok((_, got)) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(lost(&error)),
            };
            link.hear(self.born);
            opener.received(got);
            while let Some(length) = opener.next_length()? {
                match decoder.hole() {
                    Some((body, missing)) if missing >= length && length >= DIRECT => {
                        let start = body.len();
                        body.resize(start + length, 0);
                        opener.open(&mut body[start..])?;
                        if let Some((header, payload)) = decoder.finished() {
                            self.deliver(from, header, payload, events)?;
                        }
                    }
                    _ => {
                        let plain = &mut turn.scratch[..length];
                        opener.open(plain)?;
                        decoder.push(plain, &mut |header, payload| {
                            self.deliver(from, header, payload, events)
                        })?;
                    }
                }
            }
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

    pub(crate) fn fail(
        &self,
        turn: &mut Turn,
        link: &Arc<Link>,
        failure: Failure,
        events: &mut Vec<Event>,
    ) {
        let Some(peer) = link.peer() else {
            return self.dismiss(link);
        };
        let (reason, attempts) = match failure {
            Failure::Lost(reason) => (reason, 0),
            Failure::Overrun(reason) => (reason, u32::MAX),
            Failure::Rejected => (CloseReason::Rejected, MAX_REJECTIONS),
        };
        if self.postpone(link, attempts) {
            return;
        }
        self.lose(turn, link, peer, reason, events);
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
        let idle = pending.is_empty() && turn.resting.is_none();
        if idle && !self.supervisor.is_busy() {
            turn.look = None;
            return None;
        }
        let now = Instant::now();
        if turn.resting.is_some_and(|until| until <= now) {
            turn.resting = None;
            turn.spare = turn.spare.take().or_else(sys::spare);
            self.watch_listeners(Interest::Read);
        }
        self.look_after_hosts(turn, now, events);
        let mut next = turn.resting.into_iter().chain(turn.look).min();
        for link in pending {
            if link.deadline <= now {
                let reason = CloseReason::Silent(self.settings.handshake.as_secs());
                self.fail(turn, &link, Failure::Lost(reason), events);
                continue;
            }
            let due = self
                .retry(turn, &link, now, events)
                .map_or(link.deadline, |retry| retry.min(link.deadline));
            next = next.into_iter().chain([due]).min();
        }
        next
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
        for listener in &self.listeners {
            self.poller.remove(listener.descriptor());
            // Who connects from now on is to be refused, not to wait for somebody to accept.
            sys::shut_down(listener.descriptor(), Shutdown::Both);
        }
    }
}
