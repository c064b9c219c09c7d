//! Links from the first attempt to connect to the last message of the handshake.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth::{Handshake, MAX_MESSAGE, Step};
use crate::engine::{Failure, Turn, lost, overrun};
use crate::gate::is_exhaustion;
use crate::key::random;
use crate::link::{Input, Link, Origin, Phase, Receiver, lock, send_whole};
use crate::mesh::Mesh;
use crate::node::Node;
use crate::sys::{self, Interest};
use crate::transport::Event;
use crate::{Address, CloseReason, Contact, Peer, Refusal};

/// First pause before another attempt to connect; doubled each time.
const RETRY: Duration = Duration::from_millis(5);

/// The pause is doubled so often.
const RETRY_DOUBLED: u32 = 6;

/// Attempts to connect to who closes the connection after it has read the hello: it is hardly overrun.
pub(crate) const MAX_REJECTIONS: u32 = 3;

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

    /// The kernel has connected, or failed to.
    pub(crate) fn connected(&self, link: &Link, input: &mut Input) -> Result<(), Failure> {
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
    pub(crate) fn greet(&self, link: &Arc<Link>, input: &mut Input) -> Result<(), Failure> {
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

    /// Plans another attempt to connect, before the link's deadline. `false`: there were `most`.
    pub(crate) fn postpone(&self, link: &Link, most: u32) -> bool {
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

    /// Attempts to connect again if it is time. Returns when to attempt next, if an attempt is planned.
    pub(crate) fn retry(
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
}

fn unreachable(address: &Address, error: &io::Error) -> CloseReason {
    CloseReason::Unreachable {
        address: address.clone(),
        detail: error.to_string(),
    }
}
