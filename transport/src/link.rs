//! One connection: a queue of frames going out, a decoder of frames coming in.
//!
//! The two directions have a lock each. Whoever sends takes the output's; only the thread that polls takes the input's. Both
//! are held for a system call that does not block, never while waiting. Locks are taken in the order input, mesh, output.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::auth::Handshake;
use crate::cipher::{Cipher, MAX_PLAIN, Opener, Sealer};
use crate::frame::{Decoder, HEADER};
use crate::sys::{self, Interest, Poller, Source};
use crate::{Address, CloseReason, LOW_WATER, Peer};

/// Most frames given to the kernel by one call.
const FRAMES_PER_CALL: usize = 32;

/// Most bytes written to one link before others get their turn.
const WRITE_QUOTA: usize = 4 << 20;

/// Bytes sealed before the kernel is given them: so few that they are still in the processor's cache.
const SEALED_AT_ONCE: usize = 3 * MAX_PLAIN;

/// Locks, also if a thread has panicked while it held the lock: every value behind a lock of this crate is valid between
/// any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes accepted and not yet given to the kernel, over all links.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    drained: AtomicBool,
}

impl Backlog {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// Whether it fell below the low-water mark or became empty since this was last cleared.
    pub(crate) fn drained(&self) -> &AtomicBool {
        &self.drained
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    fn subtract(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        let after = before - bytes;
        if after == 0 || (before >= LOW_WATER && after < LOW_WATER) {
            self.drained.store(true, Ordering::Release);
        }
    }
}

/// How a link came to be.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Somebody connected.
    Accepted(Source),
    /// This end connected, to reach a peer at one of these addresses.
    Opened(Peer, Vec<Address>),
}

/// A connection, or the attempt to make one.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) token: u64,
    pub(crate) origin: Origin,
    /// When the handshake must be over.
    pub(crate) deadline: Instant,
    pub(crate) output: Mutex<Output>,
    pub(crate) input: Mutex<Input>,
    authenticated: OnceLock<Peer>,
    /// Accepted: a hello with a proof has come, so this is no stranger.
    vouched: AtomicBool,
    /// When something was last received, in milliseconds after the node's beginning, plus one; 0: never.
    heard: AtomicU64,
}

impl Link {
    pub(crate) fn new(
        token: u64,
        origin: Origin,
        deadline: Instant,
        socket: Option<Arc<OwnedFd>>,
        phase: Phase,
    ) -> Self {
        let output = Output {
            socket: socket.clone(),
            state: State::Opening,
            queue: VecDeque::new(),
            armed: false,
            sealing: None,
        };
        Self {
            token,
            origin,
            deadline,
            output: Mutex::new(output),
            input: Mutex::new(Input {
                socket,
                phase,
                attempts: 0,
                choice: 0,
                waiting: None,
            }),
            authenticated: OnceLock::new(),
            vouched: AtomicBool::new(false),
            heard: AtomicU64::new(0),
        }
    }

    /// Where the connection comes from if nothing has been proved on it yet.
    pub(crate) fn stranger(&self) -> Option<Source> {
        match self.origin {
            Origin::Accepted(source) if !self.vouched.load(Ordering::Relaxed) => Some(source),
            _ => None,
        }
    }

    pub(crate) fn vouch(&self) {
        self.vouched.store(true, Ordering::Relaxed);
    }

    /// Notes that something was received.
    pub(crate) fn hear(&self, born: Instant) {
        let now = u64::try_from(born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard.store(now + 1, Ordering::Relaxed);
    }

    /// When something was last received.
    pub(crate) fn heard(&self, born: Instant) -> Option<Instant> {
        let since = self.heard.load(Ordering::Relaxed).checked_sub(1)?;
        born.checked_add(Duration::from_millis(since))
    }

    /// Whose link it is: who proved to be at the other end, or who is to be reached. `None`: a stranger's.
    pub(crate) fn peer(&self) -> Option<Peer> {
        match self.origin {
            Origin::Opened(peer, _) => Some(peer),
            Origin::Accepted(_) => self.authenticated.get().copied(),
        }
    }

    pub(crate) fn set_authenticated(&self, peer: Peer) {
        // A handshake completes once, so there is no earlier value to lose.
        let _ = self.authenticated.set(peer);
    }

    /// Gives up the socket, so that another attempt can be made; what is queued stays.
    pub(crate) fn disconnect(&self, input: &mut Input, poller: &Poller) {
        if let Some(socket) = input.socket.take() {
            poller.remove(&socket);
        }
        lock(&self.output).socket = None;
    }

    /// Closes a stranger's connection. If what it sent was not read it learns so (ECONNRESET), and an honest opener tries again.
    pub(crate) fn drop_stranger(&self, poller: &Poller) {
        let mut input = lock(&self.input);
        self.disconnect(&mut input, poller);
        input.phase = Phase::Closed;
    }

    /// Closes it for good and discards what is queued.
    pub(crate) fn retire(&self, reason: &CloseReason, poller: &Poller, backlog: &Backlog) {
        let mut input = lock(&self.input);
        // Closing alone would not tell the peer if a child process still holds a copy of the descriptor.
        input
            .socket
            .as_deref()
            .inspect(|socket| sys::shut_down(socket, Shutdown::Both));
        self.disconnect(&mut input, poller);
        input.phase = Phase::Closed;
        let mut output = lock(&self.output);
        output.discard(backlog);
        output.state = State::Closed(reason.clone());
    }
}

/// The incoming direction; of the polling thread only.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) socket: Option<Arc<OwnedFd>>,
    pub(crate) phase: Phase,
    /// Connections attempted before the present one.
    pub(crate) attempts: u32,
    /// Which of the peer's addresses is tried.
    pub(crate) choice: usize,
    /// Since when each look has found that the other host owes an acknowledgement.
    pub(crate) waiting: Option<Instant>,
}

/// Turns what is received into frames.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    pub(crate) decoder: Decoder,
    /// On an encrypted link.
    pub(crate) opener: Option<Box<Opener>>,
}

/// How far a link is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The next attempt to connect is due then.
    Waiting(Instant),
    /// The kernel is connecting.
    Connecting(Box<Handshake>, Vec<u8>),
    /// The handshake.
    Greeting(Box<Handshake>),
    /// Frames.
    Open(Receiver),
    /// The attempt has failed; the polling thread has yet to see it.
    Failed(CloseReason),
    /// Nothing any more.
    Closed,
}

#[derive(Debug)]
enum State {
    /// Frames wait for the handshake.
    Opening,
    Open,
    /// Writing has failed; the polling thread reads what is left, then closes.
    Broken(CloseReason),
    Closed(CloseReason),
}

/// A frame on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) header: [u8; HEADER],
    pub(crate) payload: Bytes,
    /// Bytes of both that the kernel has taken.
    pub(crate) sent: usize,
}

impl Outgoing {
    fn remaining(&self) -> usize {
        HEADER + self.payload.len() - self.sent
    }

    fn parts(&self) -> [&[u8]; 2] {
        let header = &self.header[self.sent.min(HEADER)..];
        let payload = &self.payload[self.sent.saturating_sub(HEADER)..];
        [header, payload]
    }
}

/// Whether somebody has to look after a link to which a frame was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Fine,
    /// Writing failed just now: the polling thread must be told.
    Broke,
}

/// The outgoing direction.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) socket: Option<Arc<OwnedFd>>,
    state: State,
    queue: VecDeque<Outgoing>,
    /// Whether the poller waits for room.
    armed: bool,
    /// On an encrypted link.
    sealing: Option<Box<Sealing>>,
}

/// What an encrypted link has sealed and not yet given to the kernel.
#[derive(Debug)]
struct Sealing {
    sealer: Sealer,
    records: Vec<u8>,
    sent: usize,
    /// Bytes of frames in the records, which the backlog counts until all records are sent.
    covers: usize,
}

impl Sealing {
    /// Seals the next frames of the queue. All records before were sent.
    fn refill(&mut self, queue: &mut VecDeque<Outgoing>) {
        self.records.clear();
        self.sent = 0;
        self.covers = 0;
        while let Some(frame) = queue.front_mut() {
            while frame.remaining() > 0 && self.covers < SEALED_AT_ONCE {
                let part = frame.parts().into_iter().find(|part| !part.is_empty());
                let part = part.expect("bytes remain");
                let taken = self.sealer.take(part, &mut self.records);
                frame.sent += taken;
                self.covers += taken;
            }
            if frame.remaining() > 0 {
                break;
            }
            queue.pop_front();
        }
        self.sealer.finish(&mut self.records);
    }
}

impl Output {
    /// Takes a frame: to the kernel at once if nothing is before it, else to the queue.
    pub(crate) fn accept(
        &mut self,
        mut frame: Outgoing,
        token: u64,
        poller: &Poller,
        backlog: &Backlog,
    ) -> Result<Care, CloseReason> {
        match (&self.state, &self.socket) {
            (State::Closed(reason), _) => return Err(reason.clone()),
            // The event that says so is on its way.
            (State::Broken(_), _) => return Ok(Care::Fine),
            (State::Open, Some(_)) if self.sealing.is_some() => {
                let idle = self.is_empty();
                backlog.add(frame.remaining());
                self.queue.push_back(frame);
                if !idle {
                    // The poller waits for room already.
                    return Ok(Care::Fine);
                }
                return match self.flush(token, poller, backlog) {
                    Ok(()) => Ok(Care::Fine),
                    Err(error) => Ok(self.fail(&error, backlog)),
                };
            }
            (State::Open, Some(socket)) if self.queue.is_empty() => {
                let parts = frame.parts().map(IoSlice::new);
                let parts = if frame.payload.is_empty() {
                    &parts[..1]
                } else {
                    &parts[..]
                };
                match sys::send(socket, parts) {
                    Ok(sent) => frame.sent = sent,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Ok(self.fail(&error, backlog)),
                }
                if frame.remaining() == 0 {
                    return Ok(Care::Fine);
                }
            }
            _ => {}
        }
        backlog.add(frame.remaining());
        self.queue.push_back(frame);
        match self.arm(token, poller) {
            Ok(()) => Ok(Care::Fine),
            Err(error) => Ok(self.fail(&error, backlog)),
        }
    }

    /// The handshake is over: sends its last message (if any), then what is queued.
    pub(crate) fn open(
        &mut self,
        last: Option<&[u8]>,
        cipher: Option<&Cipher>,
        token: u64,
        poller: &Poller,
        backlog: &Backlog,
    ) -> io::Result<()> {
        if let (Some(last), Some(socket)) = (last, &self.socket) {
            send_whole(socket, last)?;
        }
        self.sealing = cipher.map(|cipher| {
            Box::new(Sealing {
                sealer: cipher.sealer(),
                records: Vec::new(),
                sent: 0,
                covers: 0,
            })
        });
        self.state = State::Open;
        self.flush(token, poller, backlog)
    }

    /// Whether the kernel has everything.
    fn is_empty(&self) -> bool {
        let sealed = |sealing: &Sealing| sealing.sent < sealing.records.len();
        self.queue.is_empty() && !self.sealing.as_deref().is_some_and(sealed)
    }

    /// Gives the kernel what it takes.
    pub(crate) fn flush(
        &mut self,
        token: u64,
        poller: &Poller,
        backlog: &Backlog,
    ) -> io::Result<()> {
        let (State::Open, Some(socket)) = (&self.state, &self.socket) else {
            return Ok(());
        };
        let socket = Arc::clone(socket);
        if self.sealing.is_some() {
            self.flush_sealed(&socket, backlog)?;
        } else {
            self.flush_plain(&socket, backlog)?;
        }
        if self.is_empty() {
            self.disarm(token, poller)
        } else {
            self.arm(token, poller)
        }
    }

    fn flush_plain(&mut self, socket: &OwnedFd, backlog: &Backlog) -> io::Result<()> {
        let mut quota = WRITE_QUOTA;
        while !self.queue.is_empty() && quota > 0 {
            let frames = self.queue.iter().take(FRAMES_PER_CALL);
            let parts: Vec<IoSlice<'_>> = frames
                .flat_map(Outgoing::parts)
                .filter(|part| !part.is_empty())
                .map(IoSlice::new)
                .collect();
            let offered: usize = parts.iter().map(|part| part.len()).sum();
            let sent = match sys::send(socket, &parts) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            self.advance(sent);
            backlog.subtract(sent);
            if sent < offered {
                break;
            }
            quota = quota.saturating_sub(sent);
        }
        Ok(())
    }

    fn flush_sealed(&mut self, socket: &OwnedFd, backlog: &Backlog) -> io::Result<()> {
        let Some(sealing) = self.sealing.as_deref_mut() else {
            return Ok(());
        };
        let mut quota = WRITE_QUOTA;
        loop {
            if sealing.sent == sealing.records.len() {
                backlog.subtract(std::mem::take(&mut sealing.covers));
                if self.queue.is_empty() || quota == 0 {
                    return Ok(());
                }
                sealing.refill(&mut self.queue);
            }
            let offered = &sealing.records[sealing.sent..];
            match sys::send(socket, &[IoSlice::new(offered)]) {
                Ok(sent) => {
                    sealing.sent += sent;
                    quota = quota.saturating_sub(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn advance(&mut self, mut sent: usize) {
        while let Some(frame) = self.queue.front_mut() {
            let now = frame.remaining().min(sent);
            frame.sent += now;
            sent -= now;
            if frame.remaining() > 0 {
                break;
            }
            self.queue.pop_front();
        }
    }

    fn arm(&mut self, token: u64, poller: &Poller) -> io::Result<()> {
        if let (State::Open, Some(socket), false) = (&self.state, &self.socket, self.armed) {
            poller.change(socket, token, Interest::ReadWrite)?;
            self.armed = true;
        }
        Ok(())
    }

    fn disarm(&mut self, token: u64, poller: &Poller) -> io::Result<()> {
        if let (Some(socket), true) = (&self.socket, self.armed) {
            poller.change(socket, token, Interest::Read)?;
            self.armed = false;
        }
        Ok(())
    }

    fn fail(&mut self, error: &io::Error, backlog: &Backlog) -> Care {
        self.discard(backlog);
        self.state = State::Broken(broken(error));
        Care::Broke
    }

    fn discard(&mut self, backlog: &Backlog) {
        backlog.subtract(self.queue.iter().map(Outgoing::remaining).sum());
        self.queue.clear();
        if let Some(sealing) = self.sealing.take() {
            backlog.subtract(sealing.covers);
        }
    }

    /// Why writing has failed, if it has.
    pub(crate) fn failure(&self) -> Option<CloseReason> {
        match &self.state {
            State::Broken(reason) => Some(reason.clone()),
            _ => None,
        }
    }
}

/// What an error of a read or write says about the peer.
pub(crate) fn broken(error: &io::Error) -> CloseReason {
    match error.kind() {
        // Both are what a process leaves behind that ended with something unread.
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CloseReason::Ended,
        _ => CloseReason::Broken(error.to_string()),
    }
}

/// Sends a message of the handshake. The buffer of a new connection has room for all of it.
pub(crate) fn send_whole(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    match sys::send(socket, &[IoSlice::new(message)])? {
        sent if sent == message.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partly_sent_frame_continues_where_it_stopped() {
        let payload = Bytes::from_static(b"payload");
        let mut frame = Outgoing {
            header: [7; HEADER],
            payload,
            sent: 0,
        };
        assert_eq!(frame.remaining(), HEADER + 7);
        frame.sent = HEADER - 1;
        assert_eq!(frame.parts(), [&[7][..], b"payload"]);
        frame.sent = HEADER + 3;
        assert_eq!(frame.parts(), [&[][..], b"load"]);
    }

    #[test]
    fn the_backlog_tells_when_it_drained() {
        let backlog = Backlog::default();
        backlog.add(LOW_WATER + 10);
        backlog.subtract(10);
        assert!(!backlog.drained().swap(false, Ordering::AcqRel));
        backlog.subtract(1);
        assert!(backlog.drained().swap(false, Ordering::AcqRel));
        backlog.subtract(1);
        assert!(!backlog.drained().swap(false, Ordering::AcqRel));
        backlog.subtract(LOW_WATER - 2);
        assert!(backlog.drained().swap(false, Ordering::AcqRel));
        assert_eq!(backlog.bytes(), 0);
    }
}
