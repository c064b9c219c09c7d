//! What arrives from the coordinator and from other ranks, sorted into an inbox; and how threads wait for it.
//!
//! Somebody must always read the sockets, or a rank that computes would block those that talk to it: a *background thread* polls while
//! no thread waits. Of the threads that wait, one polls (it *leads*), sorts what arrives, and looks on behalf of all others whether it is
//! what they wait for, so that a message wakes the thread that needs it and no other:
//!
//! ```text
//! computing:   background polls                        | user code
//! waiting:     background parked, a leader polls       | wait(): enrolled, parked until served
//! served:      the leader hands the lead to another enrolled thread; the last one to the background
//! ```
//!
//! What a thread waits for may also be a local event: whoever causes it calls [`Exchange::wake`].
//!
//! Waits end: a message arrives, or the coordinator tells the rank to stop, or the link to the coordinator closes. In the last two
//! cases the process ends on the spot; there is nothing to save in a rank.

mod files;
mod inbox;
mod messages;

use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use transport::{CloseReason, Event, Frame, Peer, Transport};

use crate::control::tasks::TaskReply;
use crate::control::{CONTROL_FRAME, Entry, OUTPUT_FRAME, Reply, Request};
use crate::entry::{Part, encode, parse_stream_tag, stream_tag};
use crate::failure::{exit_now, fatal};
use crate::gather;
use crate::waiting::{Desk, Seat};

pub use inbox::{Inbox, Stream};
pub use messages::{Advance, Arrival, Cancelled, Fork, Meeting, Offer, Order};

const ARRIVAL_FRAME: u16 = 2;
const ORDER_FRAME: u16 = 7;
const STREAM_FRAME: u16 = 4;
const READY_FRAME: u16 = 5;
const CANCEL_FRAME: u16 = 6;
const FILE_QUESTION_FRAME: u16 = 8;
const FILE_ANSWER_FRAME: u16 = 9;
/// A sender waits for room beyond this many queued bytes.
const QUEUE_LIMIT: usize = 4 << 20;
/// How long the coordinator has to end a job one of whose ranks cannot be reached.
const LOST_PEER_GRACE: Duration = Duration::from_millis(1500);
/// The same where the peer's process has ended: whoever forked it knows how. At the end of a large job ranks close their links long before
/// the last one hears that the job is over.
const ENDED_PEER_GRACE: Duration = Duration::from_secs(60);

fn grace(reason: &CloseReason) -> Duration {
    match reason {
        CloseReason::Ended => ENDED_PEER_GRACE,
        _ => LOST_PEER_GRACE,
    }
}

/// This rank's end of the job's links.
pub struct Exchange {
    node: Box<dyn Transport>,
    /// Number of ranks of the job.
    ranks: u32,
    /// Who coordinates this rank: the root of the tree of coordinators, or an agent that relays to it.
    superior: Peer,
    desk: Desk<Inbox>,
    /// Where the background thread waits while others poll.
    resumed: Condvar,
    closed: AtomicBool,
    /// Held from receiving events until they are in the inbox.
    order: Mutex<()>,
    /// A rank that cannot be reached any more, and until when the coordinator, its parent, has to end the job.
    lost: Mutex<Option<(Instant, String)>>,
    tickets: AtomicU64,
    /// Questions about output that were asked.
    questions: AtomicU64,
    /// Questions about files that were asked.
    file_questions: AtomicU64,
    /// Held from taking arrivals out of the inbox until they are sent: those of one rank stay in order.
    reporting: Mutex<()>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("me", &self.node.me())
            .finish_non_exhaustive()
    }
}

thread_local! {
    /// Whether this thread is the one that receives.
    static RECEIVING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is the one that receives: it must not wait for what has to be received.
pub fn receives() -> bool {
    RECEIVING.get()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str, from: Peer) -> T {
    postcard::from_bytes(bytes).unwrap_or_else(|error| {
        fatal(format_args!("malformed {what} from {from:?} ({error}): all ranks must run the same build of the program"))
    })
}

impl Exchange {
    /// Wraps a connected transport of one of `ranks` ranks, which `superior` coordinates.
    pub fn new(node: Box<dyn Transport>, ranks: u32, superior: Peer) -> Exchange {
        Exchange {
            node,
            ranks,
            superior,
            desk: Desk::default(),
            resumed: Condvar::new(),
            closed: AtomicBool::new(false),
            order: Mutex::new(()),
            lost: Mutex::new(None),
            tickets: AtomicU64::new(0),
            questions: AtomicU64::new(0),
            file_questions: AtomicU64::new(0),
            reporting: Mutex::new(()),
        }
    }

    /// Sends what is queued and closes all links; the process is about to end.
    pub fn close(&self) {
        self.closed.store(true, Release);
        self.node.close();
    }

    /// Who coordinates this rank.
    pub fn superior(&self) -> Peer {
        self.superior
    }

    /// The transport, for its counters.
    pub fn node(&self) -> &dyn Transport {
        &*self.node
    }

    /// The background thread's life: see the module's documentation.
    pub fn poll_in_background(&self) -> ! {
        loop {
            let mut open = self.desk.open();
            while open.led() && !crate::sync::pending() {
                open = open.wait(&self.resumed);
            }
            let led = open.led();
            drop(open);
            if crate::sync::pending()
                && let Some(session) = crate::session::get()
            {
                crate::sync::attend(session);
            }
            if led {
                continue;
            }
            // A thread that has the lead by now may leave something to this one, which must not wait for it then.
            let order = match self.order.try_lock() {
                Ok(order) => order,
                Err(TryLockError::Poisoned(order)) => order.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::yield_now();
                    continue;
                }
            };
            if !crate::sync::pending() {
                self.receiving(order, |events| self.poll_and_sort(None, events));
            }
        }
    }

    /// There is something for the background thread to do besides receiving.
    pub fn wake_background(&self) {
        // It is asleep, or has not looked yet.
        drop(self.desk.open());
        self.resumed.notify_one();
    }

    /// Runs `action` as the only thread that receives: what was received first is sorted first.
    fn in_order<T>(&self, action: impl FnOnce(&mut Vec<Event>) -> T) -> T {
        self.receiving(lock(&self.order), action)
    }

    fn receiving<T>(
        &self,
        _order: MutexGuard<'_, ()>,
        action: impl FnOnce(&mut Vec<Event>) -> T,
    ) -> T {
        RECEIVING.set(true);
        let result = action(&mut Vec::new());
        RECEIVING.set(false);
        result
    }

    fn poll_and_sort(&self, limit: Option<Duration>, events: &mut Vec<Event>) {
        self.poll(limit, events);
        self.sort(events);
    }

    fn poll(&self, limit: Option<Duration>, events: &mut Vec<Event>) {
        let lost = lock(&self.lost).clone();
        let left = lost
            .as_ref()
            .map(|(deadline, _)| deadline.saturating_duration_since(Instant::now()));
        if let (Some(Duration::ZERO), Some((_, message))) = (left, lost) {
            // Whoever waits for that rank would wait for ever.
            fatal(message);
        }
        let timeout = left.into_iter().chain(limit).min();
        if let Err(error) = self.node.poll(timeout, events) {
            if self.closed.load(Acquire) {
                // The process is ending; this thread ends with it.
                loop {
                    std::thread::park();
                }
            }
            fatal(format_args!(
                "lost the network ({error}): check the system's limits on open files and memory"
            ));
        }
    }

    /// Waits until `ready` finds what it looks for in the inbox, or elsewhere (see [`Exchange::wake`]). Any number of threads may
    /// wait at once. `ready` is also called by other threads, while they hold the inbox: it must be quick, take no lock that
    /// is held by anybody who calls this type's functions, and end neither the job nor itself.
    pub fn wait<T: Send>(&self, ready: impl FnMut(&mut Inbox) -> Option<T> + Send) -> T {
        self.wait_until(None, ready)
            .expect("a wait without a deadline ends with a result")
    }

    /// As [`Exchange::wait`], but gives up at `deadline`.
    pub fn wait_until<T: Send>(
        &self,
        deadline: Option<Instant>,
        mut ready: impl FnMut(&mut Inbox) -> Option<T> + Send,
    ) -> Option<T> {
        let mut result = None;
        self.desk.seated(
            &mut |inbox| {
                result = ready(inbox);
                result.is_some()
            },
            |seat| {
                while !seat.served() {
                    if seat.leads() {
                        self.lead(seat, deadline);
                    } else {
                        seat.park(deadline);
                    }
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        break;
                    }
                }
            },
            || {
                self.resumed.notify_one();
            },
        );
        result
    }

    fn lead(&self, seat: &Seat, deadline: Option<Instant>) {
        // The background may be in its poll.
        self.node.wake();
        self.in_order(|events| {
            while !seat.served() {
                let left = deadline.map(|until| until.saturating_duration_since(Instant::now()));
                if left == Some(Duration::ZERO) {
                    return;
                }
                self.poll_and_sort(left, events);
            }
        });
    }

    /// Something that a waiting thread's predicate looks at, other than the inbox, has changed. Cheap if nobody waits.
    pub fn wake(&self) {
        if self.desk.serve() {
            self.node.wake();
        }
    }

    /// Waits until what this rank has written so far has reached the user. Not in the thread that receives, which nobody could answer.
    pub fn settle_output(&self) {
        if RECEIVING.get() {
            return;
        }
        let tag = 1 + self.questions.fetch_add(1, Relaxed);
        let frame = Frame {
            kind: OUTPUT_FRAME,
            tag,
            payload: Bytes::new(),
        };
        self.give(self.node.send(self.superior, frame), "the coordinator");
        self.wait(|inbox| (inbox.settled >= tag).then_some(()));
    }

    /// Looks into the inbox without waiting.
    pub fn look<T>(&self, action: impl FnOnce(&mut Inbox) -> T) -> T {
        self.desk.open().look(action)
    }

    /// A name for a request whose answer is log entries, which are kept for it from now on.
    pub fn ticket(&self) -> u64 {
        let ticket = self.tickets.fetch_add(1, Relaxed);
        self.look(|inbox| inbox.log.insert(ticket, None));
        ticket
    }

    /// Waits for the answer to the request with this ticket.
    pub fn answer(&self, ticket: u64) -> Vec<Entry> {
        self.wait(|inbox| inbox.answer(ticket))
    }

    /// Reads on for at most `time`, in whichever thread this is: the coordinator is about to end this process.
    pub fn linger(&self, time: Duration) {
        let deadline = Instant::now() + time;
        if RECEIVING.get() {
            let mut events = Vec::new();
            while let Some(left) = deadline.checked_duration_since(Instant::now()) {
                if self.node.poll(Some(left), &mut events).is_err() {
                    return;
                }
                self.sort(&mut events);
            }
        } else {
            std::thread::sleep(time);
        }
    }

    /// Waits until most of what was sent has left.
    fn wait_for_room(&self) {
        if self.node.queued() <= QUEUE_LIMIT {
            return;
        }
        self.wait(|_| (self.node.queued() <= QUEUE_LIMIT).then_some(()));
    }

    /// Sorts events into the inbox. Ends the process when the job is over for this rank.
    fn sort(&self, events: &mut Vec<Event>) {
        for event in events.drain(..) {
            match event {
                Event::Frame { from, frame } => self.sort_frame(from, frame),
                // The coordinator is gone: so is the job.
                Event::Closed { peer, .. } if peer == self.superior => exit_now(1),
                Event::Closed { peer, reason } => {
                    let message = format!("lost the link to {peer}: {reason}");
                    let until = Instant::now() + grace(&reason);
                    let mut lost = lock(&self.lost);
                    if lost.as_ref().is_none_or(|(known, _)| until < *known) {
                        *lost = Some((until, message));
                    }
                }
            }
        }
        // Also without events: the queue may have drained.
        self.desk.serve();
    }

    /// Decodes first and locks afterwards: a malformed message ends the job, which needs the inbox.
    fn sort_frame(&self, from: Peer, frame: Frame) {
        match (frame.kind, from) {
            (CONTROL_FRAME, from) if from == self.superior => {
                self.sort_reply(decode(&frame.payload, "reply", from))
            }
            (OUTPUT_FRAME, from) if from == self.superior => {
                self.look(|inbox| inbox.settled = inbox.settled.max(frame.tag));
            }
            (ARRIVAL_FRAME, Peer::Rank(_)) => {
                self.gather(decode(&frame.payload, "arrival", from));
            }
            (ORDER_FRAME, Peer::Rank(_)) => {
                let order = decode(&frame.payload, "order", from);
                self.look(|inbox| inbox.orders.push_back(order));
            }
            (STREAM_FRAME, Peer::Rank(author)) => {
                let (sequence, end) = parse_stream_tag(frame.tag);
                let part = if end {
                    Part::End(decode(&frame.payload, "operations", from))
                } else {
                    Part::Delta(frame.payload)
                };
                let key = (author, sequence);
                self.look(|inbox| inbox.streams.entry(key).or_default().parts.push_back(part));
            }
            (CANCEL_FRAME, Peer::Rank(_)) => {
                crate::team::was_cancelled(decode(&frame.payload, "cancellation", from));
                self.wake();
            }
            (READY_FRAME, Peer::Rank(_)) => self.note_ready(),
            (FILE_QUESTION_FRAME, Peer::Rank(_)) => self.sort_file_question(frame),
            (FILE_ANSWER_FRAME, Peer::Rank(_)) => self.sort_file_answer(frame),
            (kind, _) => fatal(format_args!(
                "unknown message {kind} from {from:?}: all ranks must run the same build"
            )),
        }
    }

    fn sort_reply(&self, reply: Reply) {
        if reply == Reply::Abort {
            exit_now(1);
        }
        match (&reply, crate::session::get()) {
            (
                Reply::Granted {
                    lock,
                    acquired: true,
                    whole,
                    wanted,
                    ..
                },
                Some(session),
            ) => session.locks.granted(*lock, *whole, *wanted),
            (Reply::Recall { lock, answer }, Some(session)) => {
                return crate::sync::recalled(session, *lock, *answer);
            }
            (Reply::Solicit, Some(session)) => return crate::sync::solicited(session),
            _ => {}
        }
        if let Reply::Task(TaskReply::Cancel { owner, batch, up }) = reply {
            return crate::tasks::remote::cancelled(owner, batch, up);
        }
        let concerns_tasks = matches!(reply, Reply::Task(_));
        self.look(|inbox| inbox.take_reply(reply));
        if concerns_tasks {
            crate::tasks::remote::ring();
        }
    }

    fn give(&self, result: Result<(), transport::Error>, to: &str) {
        if let Err(error) = result {
            // A rank that died is the coordinator's to report: it ends this process while it is at it.
            self.linger(LOST_PEER_GRACE);
            fatal(format_args!("cannot send to {to}: {error}"));
        }
    }

    /// Sends a request to the coordinator.
    pub fn request(&self, request: &Request) {
        let frame = Frame {
            kind: CONTROL_FRAME,
            tag: 0,
            payload: encode(request).into(),
        };
        self.give(self.node.send(self.superior, frame), "the coordinator");
    }

    fn me(&self) -> u32 {
        match self.node.me() {
            Peer::Rank(rank) => rank,
            Peer::Coordinator | Peer::Agent(_) => unreachable!("only ranks exchange deltas"),
        }
    }

    /// Notes that this rank knows where all others are, so that it can relay to them from now on, or that a rank which reports to it
    /// and all ranks below that one do; passes it on when all have said so.
    pub fn note_ready(&self) {
        let expected = self.ready_when_all_are();
        let complete = self.look(|inbox| {
            inbox.ready += 1;
            inbox.ready == expected
        });
        if let (true, Some(parent)) = (complete, gather::parent(self.me())) {
            let frame = Frame {
                kind: READY_FRAME,
                tag: 0,
                payload: Bytes::new(),
            };
            // A driver that needs no other rank may have ended by now: then the coordinator says so.
            let _ = self.node.send(Peer::Rank(parent), frame);
        }
    }

    /// The driver: waits until all ranks can relay.
    pub fn wait_until_all_are_ready(&self) {
        let expected = self.ready_when_all_are();
        self.wait(|inbox| (inbox.ready == expected).then_some(()));
    }

    fn ready_when_all_are(&self) -> u32 {
        1 + gather::children(self.me(), self.ranks).len() as u32
    }

    /// Tells the driver that this rank has arrived.
    pub fn arrive(&self, arrival: Arrival) {
        self.gather(vec![(self.me(), arrival)]);
    }

    /// Takes arrivals of this rank or of ranks below it, and passes on those that are complete.
    fn gather(&self, arrivals: Vec<(u32, Arrival)>) {
        let me = self.me();
        self.look(|inbox| {
            for (rank, arrival) in arrivals {
                inbox.arrivals.entry(rank).or_default().push_back(arrival);
            }
        });
        let Some(parent) = gather::parent(me) else {
            return;
        };
        let _reporting = lock(&self.reporting);
        let gathered = self.look(|inbox| inbox.take_gathered(me));
        let Some((_, first)) = gathered.first() else {
            return;
        };
        let frame = Frame {
            kind: ARRIVAL_FRAME,
            tag: first.epoch,
            payload: encode(&gathered).into(),
        };
        self.give(
            self.node.send(Peer::Rank(parent), frame),
            &format!("rank {parent}"),
        );
    }

    /// Tells all other ranks that something in a region was cancelled.
    pub fn cancel(&self, cancelled: Cancelled) {
        let frame = Frame {
            kind: CANCEL_FRAME,
            tag: 0,
            payload: encode(&cancelled).into(),
        };
        self.give(self.node.broadcast(frame), "the other ranks");
    }

    /// Sends an order of the driver to all ranks.
    pub fn order(&self, order: &Order) {
        let frame = Frame {
            kind: ORDER_FRAME,
            tag: 0,
            payload: encode(order).into(),
        };
        self.give(self.node.broadcast(frame), "the other ranks");
    }

    /// Sends one delta of a streamed entry to all ranks; waits while too much is queued.
    pub fn stream(&self, sequence: u64, delta: impl Into<Bytes>) {
        let frame = Frame {
            kind: STREAM_FRAME,
            tag: stream_tag(sequence, false),
            payload: delta.into(),
        };
        self.give(self.node.broadcast(frame), "the other ranks");
        self.wait_for_room();
    }

    /// Ends a streamed entry.
    pub fn end_stream(&self, sequence: u64, operations: &[crate::entry::Operation]) {
        let payload = encode(&operations).into();
        let frame = Frame {
            kind: STREAM_FRAME,
            tag: stream_tag(sequence, true),
            payload,
        };
        self.give(self.node.broadcast(frame), "the other ranks");
    }
}
