//! A backend inside one process, for tests of what is built on [`Transport`].
//!
//! Frames go straight into the receiver's mailbox, in the sender's thread: no sockets, no keys, nothing queued. A broadcast
//! goes to every rank directly.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::frame::MAX_PAYLOAD;
use crate::link::lock;
use crate::transport::{Counters, Event, Transport};
use crate::{Address, CloseReason, Contact, Error, Frame, Peer};

/// One end of a job inside this process.
#[derive(Debug)]
pub struct Loopback {
    me: Peer,
    ranks: Mutex<u32>,
    job: Arc<Job>,
}

#[derive(Debug)]
struct Job {
    /// By rank; the coordinator's comes last.
    boxes: Vec<Mailbox>,
}

#[derive(Debug, Default)]
struct Mailbox {
    contents: Mutex<Contents>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Contents {
    events: VecDeque<Event>,
    /// Peers with which a frame was exchanged: they learn when this end closes.
    met: BTreeSet<Peer>,
    woken: bool,
    closed: bool,
    counters: Counters,
}

/// The ends of a job of `ranks` ranks, in the order of their ranks; the coordinator's is the last. All know one another.
#[must_use]
pub fn job(ranks: u32) -> Vec<Loopback> {
    let boxes = (0..=ranks).map(|_| Mailbox::default()).collect();
    let job = Arc::new(Job { boxes });
    let peers = (0..ranks).map(Peer::Rank).chain([Peer::Coordinator]);
    peers
        .map(|me| Loopback {
            me,
            ranks: Mutex::new(ranks),
            job: Arc::clone(&job),
        })
        .collect()
}

impl Job {
    fn of(&self, peer: Peer) -> Option<&Mailbox> {
        let (coordinator, ranks) = self
            .boxes
            .split_last()
            .expect("there is always a coordinator");
        match peer {
            Peer::Coordinator => Some(coordinator),
            Peer::Rank(rank) => ranks.get(usize::try_from(rank).ok()?),
            // A job in one process has no use for them.
            Peer::Agent(_) => None,
        }
    }
}

impl Mailbox {
    fn put(&self, event: Event) {
        lock(&self.contents).events.push_back(event);
        self.filled.notify_all();
    }
}

impl Loopback {
    fn mine(&self) -> &Mailbox {
        self.job.of(self.me).expect("this end is of the job")
    }

    fn check(&self, frame: &Frame) -> Result<(), Error> {
        if lock(&self.mine().contents).closed {
            return Err(Error::Closed);
        }
        if frame.payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge(frame.payload.len()));
        }
        Ok(())
    }
}

impl Transport for Loopback {
    fn me(&self) -> Peer {
        self.me
    }

    fn contact(&self) -> Contact {
        self.address().into()
    }

    fn address(&self) -> Address {
        Address::Unix(match self.me {
            Peer::Coordinator => "loopback-coordinator".to_owned(),
            Peer::Rank(rank) => format!("loopback-{rank}"),
            Peer::Agent(agent) => format!("loopback-agent-{agent}"),
        })
    }

    fn introduce_at(&self, _peer: Peer, _contact: Contact) {}

    fn set_ranks(&self, ranks: u32) {
        *lock(&self.ranks) = ranks;
    }

    fn send(&self, to: Peer, frame: Frame) -> Result<(), Error> {
        self.check(&frame)?;
        if to == self.me {
            return Err(Error::ToSelf(to));
        }
        let theirs = self.job.of(to).ok_or(Error::NotIntroduced(to))?;
        let bytes = frame.payload.len() as u64;
        {
            let mut contents = lock(&theirs.contents);
            if contents.closed {
                return Err(Error::Lost {
                    peer: to,
                    reason: CloseReason::Ended,
                });
            }
            contents.met.insert(self.me);
            contents.counters.frames_received += 1;
            contents.counters.bytes_received += bytes;
        }
        let mut contents = lock(&self.mine().contents);
        contents.met.insert(to);
        contents.counters.frames_sent += 1;
        contents.counters.bytes_sent += bytes;
        drop(contents);
        theirs.put(Event::Frame {
            from: self.me,
            frame,
        });
        Ok(())
    }

    fn broadcast(&self, frame: Frame) -> Result<(), Error> {
        self.check(&frame)?;
        let ranks = *lock(&self.ranks);
        match self.me {
            Peer::Rank(rank) if rank < ranks => {}
            me => return Err(Error::NotInGroup { me, ranks }),
        }
        let others = (0..ranks).map(Peer::Rank).filter(|&peer| peer != self.me);
        let results: Vec<_> = others.map(|peer| self.send(peer, frame.clone())).collect();
        results.into_iter().collect()
    }

    fn queued(&self) -> usize {
        0
    }

    fn poll(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Result<(), Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mine = self.mine();
        let mut contents = lock(&mine.contents);
        loop {
            if contents.closed {
                return Err(Error::Closed);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let woken = std::mem::take(&mut contents.woken);
            if !contents.events.is_empty() || woken || left == Some(Duration::ZERO) {
                events.extend(contents.events.drain(..));
                return Ok(());
            }
            contents = match left {
                None => mine
                    .filled
                    .wait(contents)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    mine.filled
                        .wait_timeout(contents, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn wake(&self) {
        lock(&self.mine().contents).woken = true;
        self.mine().filled.notify_all();
    }

    fn counters(&self) -> Counters {
        lock(&self.mine().contents).counters
    }

    fn close(&self) {
        let met = {
            let mut contents = lock(&self.mine().contents);
            if std::mem::replace(&mut contents.closed, true) {
                return;
            }
            contents.events.clear();
            std::mem::take(&mut contents.met)
        };
        self.mine().filled.notify_all();
        let closed = || Event::Closed {
            peer: self.me,
            reason: CloseReason::Ended,
        };
        met.into_iter()
            .filter_map(|peer| self.job.of(peer))
            .for_each(|mailbox| mailbox.put(closed()));
    }
}
