//! Who gets in: accepts connections and lets strangers wait for no longer and in no greater number than is harmless.
//!
//! A connection begins as a stranger's. With its first message, which most bring along, it either proves that it comes from a
//! holder of the job's key or is closed, so only those who are slow to say anything wait: at most [`crate::mesh::MAX_STRANGERS`] of
//! them, for at most [`STRANGER`]. A flood costs the time to accept and close its connections, [`ACCEPTS`] between two
//! rounds of the links' own traffic, and pushes out nobody but itself.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth::Handshake;
use crate::engine::Turn;
use crate::key::random;
use crate::link::{Link, Origin, Phase, lock};
use crate::node::Node;
use crate::sys::{self, Interest, Ready, Source};
use crate::transport::Event;

/// Longest time for the handshake of a stranger.
const STRANGER: Duration = Duration::from_secs(5);

/// Pause of the listeners when no descriptors are left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Connections accepted per round and listener.
const ACCEPTS: usize = 16;

impl Node {
    pub(crate) fn accept(&self, turn: &mut Turn, token: u64, events: &mut Vec<Event>) {
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
    pub(crate) fn rest(&self, turn: &mut Turn) {
        turn.resting = Some(Instant::now() + OUT_OF_DESCRIPTORS);
        self.watch_listeners(Interest::Nothing);
    }

    pub(crate) fn watch_listeners(&self, interest: Interest) {
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

    pub(crate) fn dismiss(&self, link: &Arc<Link>) {
        lock(&self.mesh).forget(link);
        link.drop_stranger(&self.poller);
    }
}

/// Whether descriptors or memory ran out.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
