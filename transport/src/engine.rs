//! What a [`Node`]'s poll does: accepts, handshakes, reads, relays, writes, gives up.
//!
//! Everything here runs in the one thread that holds the node's [`Turn`]. A round reads a bounded amount from each link that
//! is ready; what is left is reported again, as events are level-triggered.

use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::auth::{Handshake, MAX_MESSAGE, Step};
use crate::cipher::Opener;
use crate::frame::{Decoder, HEADER, Header};
use crate::key::random;
use crate::link::{Input, Link, Origin, Phase, Receiver, broken, lock, send_whole};
use crate::mesh::{FIRST_LINK, Mesh};
use crate::node::Node;
use crate::supervisor;
use crate::sys::{self, Interest, Ready, Source};
use crate::transport::Event;
use crate::{Address, CloseReason, Contact, Error, Peer, Refusal, Violation, tree};

/// Longest time for the handshake of a stranger.
const STRANGER: Duration = Duration::from_secs(5);

/// First pause before another attempt to connect; doubled each time.
const RETRY: Duration = Duration::from_millis(5);

/// The pause is doubled so often.
const RETRY_DOUBLED: u32 = 6;

/// Attempts to connect to who closes the connection after it has read the hello: it is hardly overrun.
const MAX_REJECTIONS: u32 = 3;

/// Pause of the listeners when no descriptors are left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Connections accepted per round and listener.
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
    /// The listeners rest until then.
    resting: Option<Instant>,
    /// Given up to accept a connection when there is no other descriptor.
    spare: Option<OwnedFd>,
    /// When the connections are to be looked at next.
    look: Option<Instant>,
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
enum Failure {
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
    pub(crate) fn open(&self, mesh: &mut Mesh, peer: Peer, contact: &Contact) -> Arc<Link> {
        let token = mesh.next_token();
        let deadline = Instant::now() + self.settings.handshake;
        let addresses = contact.reachable_from(self.settings.host);
        let link = Arc::new(Link::new(
            token,
            Origin::Opened(peer, addresses),
            deadline,
            None,
            Phase::Closed,
        ));
        let failed = {
            let mut input = lock(&link.input);
            match self.connect(&link, &mut input, peer) {
                Ok(()) => false,
                Err(Failure::Overrun(_) | Failure::Rejected) => {
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

    /// Connects to the first of the peer's addresses, from the present one on, that can be connected to.
    fn connect(&self, link: &Link, input: &mut Input, peer: Peer) -> Result<(), Failure> {
        let Origin::Opened(_, addresses) = &link.origin else {
            return Ok(());
        };
        let mut last = CloseReason::Elsewhere;
        while let Some(address) = addresses.get(input.choice) {
            match self.connect_to(link, input, peer, address) {
                Err(Failure::Lost(reason @ CloseReason::Unreachable { .. })) => last = reason,
                other => return other,
            }
            input.choice += 1;
        }
        Err(Failure::Lost(last))
    }

    fn connect_to(
        &self,
        link: &Link,
        input: &mut Input,
        peer: Peer,
        address: &Address,
    ) -> Result<(), Failure> {
        let nonce =
            random().map_err(|error| Failure::Lost(CloseReason::Broken(error.to_string())))?;
        let connection =
            sys::connect(address, self.settings.detection).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => Failure::Overrun(unreachable(address, &error)),
                _ if is_exhaustion(&error) => Failure::Overrun(unreachable(address, &error)),
                _ => Failure::Lost(unreachable(address, &error)),
            })?;
        let socket = Arc::new(connection.socket);
        let (handshake, hello) = Handshake::open(&self.identity, peer, nonce);
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

    fn accept(&self, turn: &mut Turn, token: u64, events: &mut Vec<Event>) {
        let index = usize::try_from(token).expect("the tokens of listeners are small");
        let Some(listener) = self.listeners.get(index) else {
            return;
        };
        for _ in 0..ACCEPTS {
            match listener.accept() {
                Ok((socket, source)) => {
                    self.admit(turn, socket, source, events);
                }
                Err(error) if is_exhaustion(&error) => {
                    if !self.evict() && !self.accept_on_the_spare(turn, listener, events) {
                        self.rest(turn);
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Another user's, or gone before it was accepted (accept(2), "Error handling").
                Err(_) => {}
            }
        }
    }

    /// No descriptor is left: uses the spare one to see who has connected. A peer whose hello is there gets it, anybody else gives
    /// it back at once. `false`: there is no spare any more.
    fn accept_on_the_spare(
        &self,
        turn: &mut Turn,
        listener: &sys::Listener,
        events: &mut Vec<Event>,
    ) -> bool {
        if turn.spare.take().is_none() {
            return false;
        }
        if let Ok((socket, source)) = listener.accept() {
            let link = self.admit(turn, socket, source, events);
            if let Some(link) = link.filter(|link| link.stranger().is_some()) {
                self.dismiss(&link);
            }
        }
        turn.spare = sys::spare();
        turn.spare.is_some()
    }

    /// Looks at no listener for a while: they are level-triggered, and would be reported again and again.
    fn rest(&self, turn: &mut Turn) {
        turn.resting = Some(Instant::now() + OUT_OF_DESCRIPTORS);
        self.watch_listeners(Interest::Nothing);
    }

    fn watch_listeners(&self, interest: Interest) {
        for (token, listener) in (0..).zip(&self.listeners) {
            let _ = self.poller.change(listener.descriptor(), token, interest);
        }
    }

    /// Begins the handshake with a stranger. Its hello may be there already: then it is no stranger when this returns, or gone.
    fn admit(
        &self,
        turn: &mut Turn,
        socket: OwnedFd,
        source: Source,
        events: &mut Vec<Event>,
    ) -> Option<Arc<Link>> {
        let handshake = Handshake::accept(&self.identity, random().ok()?);
        let phase = Phase::Greeting(Box::new(handshake));
        let deadline = Instant::now() + self.settings.handshake.min(STRANGER);
        let socket = Arc::new(socket);
        let link = {
            let mut mesh = lock(&self.mesh);
            let token = mesh.next_token();
            self.poller.add(&socket, token, Interest::Read).ok()?;
            let origin = Origin::Accepted(source);
            let link = Arc::new(Link::new(token, origin, deadline, Some(socket), phase));
            mesh.add_stranger(&link);
            link
        };
        let ready = Ready {
            token: link.token,
            readable: true,
            writable: false,
        };
        self.advance(turn, &link, ready, events);
        if lock(&self.mesh).is_overrun() {
            self.evict();
        }
        Some(link)
    }

    /// Makes some stranger give way. `false`: there is none.
    fn evict(&self) -> bool {
        let lot = random().map_or(0, u64::from_ne_bytes);
        let evicted = lock(&self.mesh).evict(lot);
        evicted
            .inspect(|link| link.drop_stranger(&self.poller))
            .is_some()
    }

    fn dismiss(&self, link: &Arc<Link>) {
        lock(&self.mesh).forget(link);
        link.drop_stranger(&self.poller);
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
        let (Some(socket), Origin::Opened(peer, addresses)) = (&input.socket, &link.origin) else {
            return Ok(());
        };
        if let Err(error) = sys::connect_error(socket) {
            let reason = unreachable(&addresses[input.choice], &error);
            input.choice += 1;
            if input.choice == addresses.len() {
                return Err(Failure::Lost(reason));
            }
            link.disconnect(input, &self.poller);
            return self.connect(link, input, *peer);
        }
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
            let mut message = [0; MAX_MESSAGE];
            let missing = handshake.missing();
            let got = match sys::receive(socket, None, &mut message[..missing]) {
                Ok((_, 0)) => return Err(Failure::Rejected),
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
                    let nonce = handshake.hello_nonce();
                    let nonce = nonce.expect("who replies has taken a hello");
                    if !lock(&self.mesh).vouch(link, nonce) {
                        return Err(Failure::Lost(CloseReason::Refused(Refusal::Replay)));
                    }
                    send_whole(socket, &reply).map_err(|error| overrun(&error))?;
                }
                Some(Step::Refuse(why, refusal)) => {
                    send_whole(socket, &why).map_err(|error| overrun(&error))?;
                    return Err(Failure::Lost(CloseReason::Refused(refusal)));
                }
                Some(Step::Done { peer, last, cipher }) => {
                    let last = last.as_deref();
                    // Before the tables know the link: whoever finds it there must find it open.
                    lock(&link.output)
                        .open(
                            last,
                            cipher.as_ref(),
                            link.token,
                            &self.poller,
                            &self.backlog,
                        )
                        .map_err(|error| overrun(&error))?;
                    link.hear(self.born);
                    lock(&self.mesh).authenticated(link, peer);
                    input.phase = Phase::Open(Receiver {
                        decoder: Default::default(),
                        opener: cipher.map(|cipher| Box::new(cipher.opener())),
                    });
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

    fn fail(&self, turn: &mut Turn, link: &Arc<Link>, failure: Failure, events: &mut Vec<Event>) {
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

    /// Plans another attempt to connect, before the link's deadline. `false`: there were `most`.
    fn postpone(&self, link: &Link, most: u32) -> bool {
        let mut input = lock(&link.input);
        if matches!(link.origin, Origin::Accepted(_)) || input.attempts >= most {
            return false;
        }
        link.disconnect(&mut input, &self.poller);
        let pause = RETRY * (1 << input.attempts.min(RETRY_DOUBLED));
        input.phase = Phase::Waiting(Instant::now() + pause);
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

    /// Looks, if it is time, whether a host is gone that owes an acknowledgement.
    fn look_after_hosts(&self, turn: &mut Turn, now: Instant, events: &mut Vec<Event>) {
        if !self.supervisor.is_busy() {
            turn.look = None;
            return;
        }
        let detection = self.settings.detection;
        let due = *turn
            .look
            .get_or_insert(now + supervisor::interval(detection));
        if due > now {
            return;
        }
        turn.look = Some(now + supervisor::interval(detection));
        self.supervisor.rest();
        let (mut waiting, mut dead) = (false, Vec::new());
        for link in lock(&self.mesh).established() {
            let mut input = lock(&link.input);
            let Some(socket) = input.socket.clone() else {
                continue;
            };
            let found = sys::unanswered(&socket);
            waiting |= found != sys::Waiting::No;
            if supervisor::judge(found, &mut input.waiting, now, detection) {
                drop(input);
                dead.push(link);
            }
        }
        for link in dead {
            let reason = CloseReason::Unresponsive(detection.as_secs());
            self.fail(turn, &link, Failure::Lost(reason), events);
        }
        if waiting || self.backlog.bytes() > 0 {
            self.supervisor.stay_busy();
        }
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
        let Origin::Opened(peer, _) = &link.origin else {
            return None;
        };
        if until > now {
            return Some(until);
        }
        let result = self.connect(link, &mut input, *peer);
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
        for listener in &self.listeners {
            self.poller.remove(listener.descriptor());
            // Who connects from now on is to be refused, not to wait for somebody to accept.
            sys::shut_down(listener.descriptor(), Shutdown::Both);
        }
    }
}

fn unreachable(address: &Address, error: &io::Error) -> CloseReason {
    CloseReason::Unreachable {
        address: address.clone(),
        detail: error.to_string(),
    }
}

/// Whether descriptors or memory ran out.
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
