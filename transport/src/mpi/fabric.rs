//! Frames as messages of MPI: one at a time uses it, and nothing here waits. See [`crate::mpi`] for how they look.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::frame::{HEADER, Header};
use crate::sys::mpi::{Failed, Library, Receiving, Sending};
use crate::transport::Event;
use crate::{CloseReason, Error, Peer, Violation};

/// The tag of messages that begin with a header, and of payloads.
const HEADS: i32 = 1;
const BODIES: i32 = 2;

/// Largest payload that travels with its header: below what MPI libraries send without asking the receiver.
pub(super) const INLINE: usize = 3 << 10;

/// Bytes of payloads under way to this end above which no further ones are begun.
const MOST_INCOMING: usize = 16 << 20;

/// How often an end that takes leave looks for what others still send.
const BETWEEN_LOOKS: Duration = Duration::from_micros(100);

/// One message of a frame on its way out.
#[derive(Debug)]
struct Outgoing {
    sending: Sending,
    /// Bytes of the frame's payload that count as queued until it has left.
    payload: usize,
}

/// A frame on its way in.
#[derive(Debug)]
enum Incoming {
    Head(Receiving),
    Body(Header, Receiving),
    Whole(Header, Bytes),
    Farewell,
}

/// What has arrived from a rank.
pub(super) enum Arrival {
    Frame(Header, Bytes),
    Farewell,
}

/// What only one thread at a time uses.
#[derive(Debug)]
pub(super) struct Fabric {
    pub(super) library: Library,
    /// By rank, in the order sent.
    outgoing: BTreeMap<u32, VecDeque<Outgoing>>,
    /// By rank, in the order arrived.
    incoming: BTreeMap<u32, VecDeque<Incoming>>,
    /// Bytes of payloads under way to this end.
    awaited: usize,
    /// Ranks with which frames were exchanged.
    pub(super) met: BTreeSet<u32>,
    /// Ranks that have taken leave.
    pub(super) gone: BTreeSet<u32>,
    /// Ranks of which this one has taken leave.
    told: BTreeSet<u32>,
}

pub(super) fn failed(failed: &Failed) -> Error {
    Error::Mpi(failed.to_string())
}

pub(super) fn violated(from: u32, violation: Violation) -> Error {
    Error::Mpi(format!("rank {from} sent a malformed frame: {violation}"))
}

impl Fabric {
    pub(super) fn new(library: Library) -> Self {
        Self {
            library,
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            awaited: 0,
            met: BTreeSet::new(),
            gone: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Takes leave of everybody with whom frames were exchanged.
    pub(super) fn bid_farewell(&mut self) -> Result<(), Failed> {
        self.told = std::mem::take(&mut self.met);
        for to in self.told.clone() {
            self.post(to, HEADS, Bytes::new(), 0)?;
        }
        Ok(())
    }

    /// Receives what those who were told farewell have sent before theirs, for MPI wants no message to be left over.
    pub(super) fn hear_out(&mut self, deadline: Instant) {
        while !self.told.is_subset(&self.gone) && Instant::now() < deadline {
            let Ok(arrivals) = self.receive() else { return };
            for (from, arrival) in arrivals {
                if matches!(arrival, Arrival::Farewell) {
                    self.gone.insert(from);
                }
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Whether everything has left.
    pub(super) fn idle(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// As [`Fabric::flush`], for all ranks.
    pub(super) fn flush_all(&mut self) -> Result<usize, Failed> {
        let busy: Vec<u32> = self.outgoing.keys().copied().collect();
        busy.into_iter().map(|to| self.flush(to)).sum()
    }

    pub(super) fn send(&mut self, to: u32, header: &Header, payload: Bytes) -> Result<(), Failed> {
        let (length, head) = (payload.len(), header.encode());
        if length > INLINE {
            self.post(to, HEADS, Bytes::copy_from_slice(&head), 0)?;
            return self.post(to, BODIES, payload, length);
        }
        let mut message = BytesMut::with_capacity(HEADER + length);
        message.extend_from_slice(&head);
        message.extend_from_slice(&payload);
        self.post(to, HEADS, message.freeze(), length)
    }

    fn post(&mut self, to: u32, tag: i32, bytes: Bytes, payload: usize) -> Result<(), Failed> {
        let sending = self.library.send(to, tag, bytes)?;
        let queue = self.outgoing.entry(to).or_default();
        queue.push_back(Outgoing { sending, payload });
        Ok(())
    }

    /// `rank` has taken leave.
    pub(super) fn lose(&mut self, rank: u32) -> Event {
        self.gone.insert(rank);
        self.met.remove(&rank);
        Event::Closed {
            peer: Peer::Rank(rank),
            reason: CloseReason::Ended,
        }
    }

    /// Lets go of what has left for `to`; returns how many bytes of payloads that is.
    pub(super) fn flush(&mut self, to: u32) -> Result<usize, Failed> {
        let Some(queue) = self.outgoing.get_mut(&to) else {
            return Ok(0);
        };
        let mut bytes = 0;
        while let Some(first) = queue.front_mut() {
            if !self.library.sent(&mut first.sending)? {
                return Ok(bytes);
            }
            bytes += first.payload;
            queue.pop_front();
        }
        self.outgoing.remove(&to);
        Ok(bytes)
    }

    /// The frames that have become complete, those of each rank in order.
    pub(super) fn receive(&mut self) -> Result<Vec<(u32, Arrival)>, Error> {
        while self.awaited < MOST_INCOMING {
            let Some(arrived) = self.library.arrived(HEADS).map_err(|e| failed(&e))? else {
                break;
            };
            let from = arrived.from;
            if arrived.length > HEADER + INLINE {
                return Err(violated(from, Violation::Fields));
            }
            let head = self.library.take(arrived).map_err(|e| failed(&e))?;
            let queue = self.incoming.entry(from).or_default();
            queue.push_back(Incoming::Head(head));
            self.advance(from)?;
        }
        let mut whole = Vec::new();
        let busy: Vec<u32> = self.incoming.keys().copied().collect();
        for from in busy {
            self.advance(from)?;
            let queue = self.incoming.get_mut(&from).expect("a key of this map");
            while let Some(Incoming::Whole(..) | Incoming::Farewell) = queue.front() {
                match queue.pop_front() {
                    Some(Incoming::Whole(header, payload)) => {
                        whole.push((from, Arrival::Frame(header, payload)));
                    }
                    _ => whole.push((from, Arrival::Farewell)),
                }
            }
            if queue.is_empty() {
                self.incoming.remove(&from);
            }
        }
        Ok(whole)
    }

    /// Takes what has come of the frames of `from`.
    fn advance(&mut self, from: u32) -> Result<(), Error> {
        let Some(queue) = self.incoming.get_mut(&from) else {
            return Ok(());
        };
        for incoming in queue {
            let next = match incoming {
                Incoming::Whole(..) | Incoming::Farewell => continue,
                Incoming::Head(head) => {
                    let received = self.library.received(head).map_err(|e| failed(&e))?;
                    let Some(bytes) = received else {
                        // Payloads are asked for in the order of their headers.
                        return Ok(());
                    };
                    Self::headed(&mut self.library, &mut self.awaited, from, bytes)?
                }
                Incoming::Body(header, body) => {
                    let received = self.library.received(body).map_err(|e| failed(&e))?;
                    let Some(bytes) = received else { continue };
                    self.awaited -= header.length as usize;
                    if bytes.len() != header.length as usize {
                        return Err(violated(from, Violation::Fields));
                    }
                    Incoming::Whole(*header, Bytes::from(bytes))
                }
            };
            *incoming = next;
        }
        Ok(())
    }

    /// A header has come, with its payload if that is small.
    fn headed(
        library: &mut Library,
        awaited: &mut usize,
        from: u32,
        bytes: Vec<u8>,
    ) -> Result<Incoming, Error> {
        if bytes.is_empty() {
            return Ok(Incoming::Farewell);
        }
        let start = bytes.first_chunk::<HEADER>();
        let start = start.ok_or_else(|| violated(from, Violation::Fields))?;
        let header = Header::decode(start).map_err(|error| violated(from, error))?;
        let length = header.length as usize;
        if length > INLINE && bytes.len() == HEADER {
            *awaited += length;
            let body = library.receive(from, BODIES, length);
            return Ok(Incoming::Body(header, body.map_err(|e| failed(&e))?));
        }
        if bytes.len() != HEADER + length {
            return Err(violated(from, Violation::Fields));
        }
        let mut bytes = Bytes::from(bytes);
        Ok(Incoming::Whole(header, bytes.split_off(HEADER)))
    }
}
