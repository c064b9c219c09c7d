//! The backend that moves frames between ranks by MPI, and everything else by sockets.
//!
//! ```text
//!  rank 1                                   rank 2
//!  MpiNode ── frames for ranks ── MPI ───── MpiNode
//!     └ Node ── frames for coordinators ──────┘└──────► caperun, agents
//! ```
//!
//! MPI is behind a plugin (mpi/plugin.c), of which whoever has loaded it passes the table of functions. Every rank of the job must be the
//! rank of the same number of one MPI job.
//!
//! # On the wire
//!
//! A frame is one message that begins with the header of `frame`, and for larger payloads a second one, under another
//! tag, that is the payload as it is: it is neither copied on its way out nor, where MPI can help it, on its way in. Messages of two ranks
//! do not overtake one another under one tag, so headers and payloads are each in order. A broadcast goes along the tree of [`crate::tree`].
//! An end that is closed takes leave of everybody it has exchanged frames with, by an empty message.
//!
//! # Waiting
//!
//! MPI has no descriptor to wait for. So [`Transport::poll`] looks at MPI again and again: at first without a pause but for others who
//! want the processor, then with pauses that grow with the time waited so far, up to two milliseconds. A wait takes a tenth longer
//! at most for it, and one that is long costs about a hundredth of a processor. In a pause it sleeps in the sockets' poller where it can, so what comes
//! from a coordinator, and [`Transport::wake`], end it.
//!
//! # What MPI does not do
//!
//! It does not say that a rank has died: the coordinators, who are the ranks' parents, do, and end the job. Nor does it encrypt: jobs that
//! want that use sockets.

mod fabric;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::frame::{Group, Header};
use crate::link::lock;
use crate::sys::mpi::{Failed, Library};
use crate::transport::{Counters, Event, LOW_WATER, Transport};
use crate::{Address, CloseReason, Contact, Error, Frame, Node, Peer, Violation, tree};

use fabric::{Arrival, Fabric, failed, violated};

pub use crate::sys::mpi::PluginTable;

/// The name of the function by which a plugin gives its table: `const struct cape_mpi *cape_mpi_plugin(void)`.
pub const ENTRY: &std::ffi::CStr = c"cape_mpi_plugin";

/// The plugin's source, to be compiled by an MPI's `mpicc` as a shared object.
pub const PLUGIN_SOURCE: &str = include_str!("../mpi/plugin.c");

/// How long a poll looks at MPI without a pause.
const EAGER: Duration = Duration::from_micros(40);

/// Pauses are this part of the time waited so far.
const PAUSE_PART: u32 = 10;

/// Longest pause between two looks at MPI.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// Pauses from here on are spent in the sockets' poller, which counts in milliseconds.
const IN_POLLER: Duration = Duration::from_millis(1);

/// Longest time that [`Transport::close`] takes to send what is queued, and then to receive what nobody will be told of.
const CLOSING: Duration = Duration::from_secs(1);

/// One rank's end of a job whose ranks exchange frames by MPI.
#[derive(Debug)]
pub struct MpiNode {
    me: u32,
    /// Ranks of the MPI job.
    size: u32,
    library: String,
    node: Node,
    patience: Duration,
    leaving: Mutex<Option<mpsc::Receiver<()>>>,
    fabric: Mutex<Option<Fabric>>,
    /// Bytes accepted and not yet sent.
    queued: AtomicUsize,
    /// They fell below the low-water mark, or to nothing.
    drained: AtomicBool,
    woken: AtomicBool,
    /// Something was sent, so that MPI must be looked at.
    stirred: AtomicBool,
    closing: AtomicBool,
    /// The group that a broadcast reaches.
    ranks: Mutex<u32>,
    traffic: Traffic,
}

#[derive(Debug, Default)]
struct Traffic {
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
}

impl MpiNode {
    /// Joins the MPI job, which waits for all its ranks. `node` is for everything but frames between ranks, and has to be a rank's; it is
    /// this rank's in the MPI job, too. MPI is left when all ranks leave it: `patience` limits how long [`Transport::close`] waits for that.
    ///
    /// # Errors
    /// The plugin does not fit, MPI fails, or its ranks are not those of the job.
    ///
    /// # Safety
    /// `table` is null, or what the function [`ENTRY`] of a plugin has returned, and the plugin stays loaded.
    #[allow(unsafe_code)]
    pub unsafe fn new(
        node: Node,
        table: *const PluginTable,
        patience: Duration,
    ) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        let library = unsafe { Library::new(table) };
        let mut library = library.map_err(Error::Mpi)?;
        let (rank, size) = library.start().map_err(|error| failed(&error))?;
        if node.me() != Peer::Rank(rank) {
            return Err(Error::Mpi(format!(
                "{} of the job is rank {rank} of {size} in MPI; start the job with mpirun, or with caperun",
                node.me()
            )));
        }
        Ok(Self {
            me: rank,
            size,
            library: library.describe(),
            node,
            patience,
            leaving: Mutex::default(),
            fabric: Mutex::new(Some(Fabric::new(library))),
            queued: AtomicUsize::new(0),
            drained: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            stirred: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            ranks: Mutex::new(0),
            traffic: Traffic::default(),
        })
    }

    /// Name and version of the MPI library.
    #[must_use]
    pub fn library(&self) -> &str {
        &self.library
    }

    /// Ranks of the MPI job.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Waits until MPI has been left, which begins with [`Transport::close`] and takes until all ranks do it; `false`: not within
    /// `patience`.
    pub fn leave_within(&self, patience: Duration) -> bool {
        let mut leaving = lock(&self.leaving);
        let waits = leaving.as_ref().map(|told| told.recv_timeout(patience));
        match waits {
            Some(Err(mpsc::RecvTimeoutError::Timeout)) => false,
            Some(_) => {
                *leaving = None;
                true
            }
            None => self.closing.load(Ordering::Acquire),
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closing.load(Ordering::Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// Uses MPI, alone.
    fn with<T>(&self, action: impl FnOnce(&mut Fabric) -> Result<T, Error>) -> Result<T, Error> {
        match &mut *lock(&self.fabric) {
            Some(fabric) => action(fabric),
            None => Err(Error::Closed),
        }
    }

    /// Gives a frame to MPI.
    fn pass(
        &self,
        fabric: &mut Fabric,
        to: u32,
        header: &Header,
        payload: Bytes,
    ) -> Result<(), Error> {
        if fabric.gone.contains(&to) {
            return Err(Error::Lost {
                peer: Peer::Rank(to),
                reason: CloseReason::Ended,
            });
        }
        let bytes = payload.len();
        self.traffic.frames_sent.fetch_add(1, Ordering::Relaxed);
        self.traffic
            .bytes_sent
            .fetch_add(bytes as u64, Ordering::Relaxed);
        self.queued.fetch_add(bytes, Ordering::AcqRel);
        fabric.met.insert(to);
        fabric.send(to, header, payload).map_err(|e| failed(&e))?;
        self.sent(fabric.flush(to).map_err(|e| failed(&e))?);
        Ok(())
    }

    /// So many bytes of payloads have left.
    fn sent(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.queued.fetch_sub(bytes, Ordering::AcqRel);
        let after = before - bytes;
        if after == 0 || (before >= LOW_WATER && after < LOW_WATER) {
            self.drained.store(true, Ordering::Release);
        }
    }

    /// Makes whoever polls look at MPI, if something is left to do there.
    fn stir(&self) {
        if self.queued.load(Ordering::Acquire) > 0 && !self.stirred.swap(true, Ordering::AcqRel) {
            self.node.wake();
        }
    }

    /// Looks at MPI once: whether anything has happened.
    fn progress(&self, events: &mut Vec<Event>) -> Result<bool, Error> {
        let before = events.len();
        let sent = self.with(|fabric| {
            let sent = fabric.flush_all().map_err(|e| failed(&e))?;
            for (from, arrival) in fabric.receive()? {
                match arrival {
                    Arrival::Frame(header, payload) => {
                        self.deliver(fabric, from, &header, payload, events)?;
                    }
                    Arrival::Farewell => events.push(fabric.lose(from)),
                }
            }
            Ok(sent)
        })?;
        self.sent(sent);
        Ok(sent > 0 || events.len() > before)
    }

    /// Relays a frame if it is a broadcast, then reports it.
    fn deliver(
        &self,
        fabric: &mut Fabric,
        sender: u32,
        header: &Header,
        payload: Bytes,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        fabric.met.insert(sender);
        self.traffic.frames_received.fetch_add(1, Ordering::Relaxed);
        self.traffic
            .bytes_received
            .fetch_add(payload.len() as u64, Ordering::Relaxed);
        let mut from = sender;
        if let Some(group) = header.group {
            if group.ranks > self.size || !group.leads(Peer::Rank(sender), Peer::Rank(self.me)) {
                return Err(violated(sender, Violation::WrongWay));
            }
            from = group.root;
            for child in tree::children(self.me, group.root, group.ranks) {
                match self.pass(fabric, child, header, payload.clone()) {
                    // A child that has taken leave wants nothing more.
                    Ok(()) | Err(Error::Lost { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        events.push(Event::Frame {
            from: Peer::Rank(from),
            frame: Frame {
                kind: header.kind,
                tag: header.tag,
                payload,
            },
        });
        Ok(())
    }

    /// Pauses, as long as the wait so far suggests; ends early for sockets where it can.
    fn pause(
        &self,
        waited: Duration,
        left: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let pause = (waited / PAUSE_PART).min(LONGEST_PAUSE);
        let pause = left.map_or(pause, |left| pause.min(left));
        if waited < EAGER || pause.is_zero() {
            std::thread::yield_now();
        } else if pause < IN_POLLER {
            std::thread::sleep(pause);
        } else {
            return self.node.poll(Some(pause), events);
        }
        self.node.poll(Some(Duration::ZERO), events)
    }

    /// Sends what is queued and takes leave.
    fn take_leave(&self, fabric: &mut Fabric) -> Result<(), Failed> {
        let deadline = Instant::now() + CLOSING;
        fabric.bid_farewell()?;
        while !fabric.idle() && Instant::now() < deadline {
            self.sent(fabric.flush_all()?);
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Transport for MpiNode {
    fn me(&self) -> Peer {
        self.node.me()
    }

    fn contact(&self) -> Contact {
        self.node.contact()
    }

    fn address(&self) -> Address {
        self.node.address()
    }

    /// Only coordinators have to be introduced: MPI knows the ranks.
    fn introduce_at(&self, peer: Peer, contact: Contact) {
        if !matches!(peer, Peer::Rank(_)) {
            self.node.introduce_at(peer, contact);
        }
    }

    fn set_ranks(&self, ranks: u32) {
        *lock(&self.ranks) = ranks;
        self.node.set_ranks(ranks);
    }

    fn send(&self, to: Peer, frame: Frame) -> Result<(), Error> {
        self.check_open()?;
        let rank = match to {
            to if to == self.me() => return Err(Error::ToSelf(to)),
            Peer::Rank(rank) if rank < self.size => rank,
            Peer::Rank(_) => return Err(Error::NotIntroduced(to)),
            Peer::Coordinator | Peer::Agent(_) => return self.node.send(to, frame),
        };
        let header = Header::of(&frame, None).ok_or(Error::TooLarge(frame.payload.len()))?;
        self.with(|fabric| self.pass(fabric, rank, &header, frame.payload))?;
        self.stir();
        Ok(())
    }

    fn broadcast(&self, frame: Frame) -> Result<(), Error> {
        self.check_open()?;
        let ranks = *lock(&self.ranks);
        let me = self.me;
        if me >= ranks || ranks > self.size {
            let me = Peer::Rank(me);
            return Err(Error::NotInGroup { me, ranks });
        }
        let header = Header::of(&frame, Some(Group { root: me, ranks }))
            .ok_or(Error::TooLarge(frame.payload.len()))?;
        self.with(|fabric| {
            // A child that has taken leave must not keep the frame from the others.
            let results: Vec<_> = tree::children(me, me, ranks)
                .map(|child| self.pass(fabric, child, &header, frame.payload.clone()))
                .collect();
            results.into_iter().collect::<Result<(), Error>>()
        })?;
        self.stir();
        Ok(())
    }

    fn queued(&self) -> usize {
        if self.queued.load(Ordering::Acquire) > 0 {
            // MPI says that something has left only when it is asked. If it fails, the poll will say so.
            let sent = self.with(|fabric| fabric.flush_all().map_err(|e| failed(&e)));
            self.sent(sent.unwrap_or(0));
        }
        self.queued.load(Ordering::Acquire) + self.node.queued()
    }

    fn poll(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Result<(), Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let before = events.len();
        let mut since = Instant::now();
        loop {
            self.check_open()?;
            if self.stirred.swap(false, Ordering::AcqRel) | self.progress(events)? {
                since = Instant::now();
            }
            let backlog = self.node.queued();
            let now = Instant::now();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
            let due = events.len() > before
                || self.woken.load(Ordering::Acquire)
                || self.drained.load(Ordering::Acquire)
                || left == Some(Duration::ZERO);
            if due {
                self.node.poll(Some(Duration::ZERO), events)?;
            } else {
                self.pause(now - since, left, events)?;
            }
            let woken = self.woken.swap(false, Ordering::AcqRel);
            let drained = self.drained.swap(false, Ordering::AcqRel);
            let after = self.node.queued();
            let room =
                backlog > after && (after == 0 || (backlog >= LOW_WATER && after < LOW_WATER));
            if due || woken || drained || room || events.len() > before {
                return Ok(());
            }
        }
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.node.wake();
        }
    }

    fn counters(&self) -> Counters {
        let control = self.node.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            frames_sent: control.frames_sent + read(&self.traffic.frames_sent),
            bytes_sent: control.bytes_sent + read(&self.traffic.bytes_sent),
            frames_received: control.frames_received + read(&self.traffic.frames_received),
            bytes_received: control.bytes_received + read(&self.traffic.bytes_received),
        }
    }

    /// Also leaves MPI, which waits for all ranks to do the same.
    fn close(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.node.wake();
        let fabric = lock(&self.fabric).take();
        if let Some(mut fabric) = fabric {
            // What fails here fails for a job that is over.
            let _ = self.take_leave(&mut fabric);
            *lock(&self.leaving) = Some(leave(fabric));
            self.leave_within(self.patience);
        }
        self.node.close();
    }
}

/// Leaves MPI, in a thread that may stay behind: where a rank has died, MPI would wait for ever.
fn leave(mut fabric: Fabric) -> mpsc::Receiver<()> {
    let (tell, told) = mpsc::channel();
    let leaving = move || {
        fabric.hear_out(Instant::now() + CLOSING);
        let _ = fabric.library.stop();
        // What MPI did not get rid of belongs to it.
        std::mem::forget(fabric);
        let _ = tell.send(());
    };
    // Without a thread MPI is not left, which it will notice; the process ends in any case.
    let _ = std::thread::Builder::new().spawn(leaving);
    told
}
