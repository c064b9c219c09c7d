//! The control protocol between the ranks and the coordinator (`caperun`).
//!
//! Small messages over each rank's authenticated link to the coordinator, encoded with postcard, one message per frame.
//! Bulk data never travels here: a delta larger than `INLINE_LIMIT` goes from rank to rank and is only *named* here.
//!
//! ```text
//! rank                                   coordinator
//!  | Hello ------------------------------>|   compares identities of all ranks
//!  |<------------------------- Welcome ---|   once all ranks have said hello
//!  | Acquire / Release / Drop ----------->|   locks, which stay with a rank until another one asks
//!  |<-------- Granted / Recall / Solicit -|
//!  | Publish / FetchLog ----------------->|   the log's entries
//!  | Flush / Post / Await --------------->|   flush, and events of ordered loops
//!  |<--------------------------- Log -----|
//!  | NextChunk -------------------------->|   dynamic and guided loops
//!  |<------------------------- Chunk -----|
//!  | Finalize (driver) ------------------>|
//!  |<------------------------ Shutdown ---|   to the workers
//!  | Statistics ------------------------->|
//! ```
//!
//! What happens when a peer dies: the coordinator sees the rank's exit status (it is the parent) and ends the job; a rank
//! whose control link closes ends itself. So no wait in the runtime outlives the job.

#[path = "control/tasks.rs"]
pub mod tasks;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bumped whenever a message changes.
pub const PROTOCOL_VERSION: u16 = 3;

/// The frame kind (see `transport::Frame`) that carries a [`Request`] or a [`Reply`].
pub const CONTROL_FRAME: u16 = 1;

/// The frame kind, without a payload, by which a rank whose output is relayed asks whether all that it has written has reached the user,
/// and by which its coordinator says so under the same tag: what others print after they have heard of this rank is to come later.
pub const OUTPUT_FRAME: u16 = 3;

/// Deltas up to this many bytes travel inside control messages; larger ones go from rank to rank.
pub const INLINE_LIMIT: usize = 16 * 1024;

/// Environment variables by which `caperun` tells a program which rank of which job it is. Their absence means: one rank.
pub mod env {
    /// This process's rank, a decimal number below `CAPE_SIZE`.
    pub const RANK: &str = "CAPE_RANK";
    /// Number of ranks of the job.
    pub const SIZE: &str = "CAPE_SIZE";
    /// The address of this rank's coordinator, as `transport::Address` prints it.
    pub const COORDINATOR: &str = "CAPE_COORDINATOR";
    /// The number of the agent that is this rank's coordinator; absent: `caperun` itself is.
    pub const AGENT: &str = "CAPE_AGENT";
    /// Set by the command that pushed `caperun` to a host: the file to remove once it runs.
    pub const PUSHED: &str = "CAPE_PUSHED";
    /// `1`: standard output and error are pipes to the coordinator.
    pub const RELAYED: &str = "CAPE_RELAYED";
    /// Names the job, the same in every rank; no secret.
    pub const JOB: &str = "CAPE_JOB";
    /// The address of this host at which ranks of other hosts reach this one; absent: there are none.
    pub const LISTEN: &str = "CAPE_LISTEN";
    /// What the host of this rank is called, where it is not that of `caperun`: ranks of hosts of other names share no descriptors with it.
    pub const HOST: &str = "CAPE_HOST";
    /// Descriptor from which the 32 bytes of the job's key are read; closed by the runtime afterwards.
    pub const KEY_FD: &str = "CAPE_KEY_FD";
    /// Descriptor of the status board (see [`super::board`]); absent: no board.
    pub const BOARD_FD: &str = "CAPE_BOARD_FD";
    /// Tracker to use: `wp-async`, `sigsegv` or `auto`.
    pub const TRACKER: &str = "CAPE_TRACKER";
    /// Bytes of address space reserved for each rank's heap arena; the same on every rank.
    pub const HEAP_SIZE: &str = "CAPE_HEAP_SIZE";
    /// Threads of each rank, at least 1; the same on every rank.
    pub const THREADS: &str = "CAPE_THREADS";
    /// `1`: collect statistics per region and send them at the end.
    pub const STATS: &str = "CAPE_STATS";
    /// `unix` (default) or `tcp`: how ranks of one host listen for one another; `mpi`: they use MPI instead.
    pub const TRANSPORT: &str = "CAPE_TRANSPORT";
    /// With `mpi`: the file of the plugin for the MPI of this job's launcher (transport/mpi/plugin.c).
    pub const MPI_PLUGIN: &str = "CAPE_MPI_PLUGIN";
    /// Seconds for which a host may be silent that owes an answer.
    pub const DETECTION_TIME: &str = "CAPE_DETECTION_TIME";
    /// `1`: all links of the job are encrypted; the same for all its processes.
    pub const SECURE: &str = "CAPE_SECURE";
    /// `1`: say on stderr what the runtime decided (tracker, addresses, sizes).
    pub const VERBOSE: &str = "CAPE_VERBOSE";
}

/// A position in the log of lock-ordered entries: how many of them precede it. Counts from 0 over the whole job.
pub type LogPosition = u64;

/// The block of locks that `lock` belongs to: those with near addresses are given to a rank together while nobody else has used any.
pub fn block(lock: u64) -> u64 {
    lock >> 12
}

/// What must be the same in every rank for addresses and code to mean the same; compared by the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// [`PROTOCOL_VERSION`] of the runtime that the program links.
    pub protocol: u16,
    /// GNU build-id (or a digest of the file) of the executable, in hexadecimal.
    pub build_id: String,
    /// Load address of the C library, 0 in a static program.
    pub libc_base: u64,
    /// Start and end of the program's global data.
    pub globals: (u64, u64),
    /// Shared libraries of the user's in loading order: name and address of their global data.
    pub libraries: Vec<(String, u64)>,
    /// Bytes of a heap arena.
    pub heap_size: u64,
    /// Bytes of a user stack.
    pub stack_size: u64,
}

/// One delta of the log: who published it, as which of its publications, and its bytes if they are few.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The rank that published it.
    pub author: u32,
    /// The author's count of publications before this one.
    pub sequence: u64,
    /// The encoded entry; `None`: too large, the author sends it to all ranks itself.
    pub inline: Option<Bytes>,
}

/// How a loop's iterations are handed out by the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoopKind {
    /// `schedule(dynamic, chunk)`.
    Dynamic,
    /// `schedule(guided, chunk)`.
    Guided,
}

/// From a rank to the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// The first message of a rank.
    Hello {
        /// Process id, for messages.
        pid: u32,
        /// Where this rank listens for its peers, as `transport::Address` prints it.
        address: String,
        /// Tracker in use, for `--verbose` and `--stats`.
        tracker: String,
        /// What must agree between ranks.
        identity: Identity,
    },
    /// Wants lock `lock`; answered by [`Reply::Granted`] when it is this rank's turn (first come, first served). The rank then has it
    /// until it gives it back, which it need not do before a [`Reply::Recall`].
    Acquire {
        /// Names the lock: a hash of a critical's name, or the address of an `omp_lock_t`.
        lock: u64,
        /// Log entries this rank has already applied.
        seen: LogPosition,
        /// `omp_test_lock`: answer at once.
        try_only: bool,
    },
    /// Gives lock `lock` back; `entry` is appended to the log and ordered before the lock's next grant.
    Release {
        /// The lock.
        lock: u64,
        /// What was published; `None` if nothing changed.
        entry: Option<Entry>,
    },
    /// Answer to a [`Reply::Recall`] that wants one: a thread owns the lock. It is given back as soon as that releases it.
    Busy {
        /// The lock.
        lock: u64,
    },
    /// Gives back locks that nobody asked for, after everything written under them has been published.
    Drop {
        /// The locks.
        locks: Vec<u64>,
    },
    /// Appends to the log what this rank wrote.
    Publish {
        /// What was published; `None` if nothing changed.
        entry: Option<Entry>,
        /// Whether this answers a [`Reply::Solicit`].
        solicited: bool,
    },
    /// Wants all entries from `seen` up to `upto`, which may not all have been appended yet. Answered by [`Reply::Log`].
    FetchLog {
        /// Names the request in its answer.
        ticket: u64,
        /// Log entries this rank has already applied.
        seen: LogPosition,
        /// Log entries that must exist before the answer is sent.
        upto: LogPosition,
    },
    /// Appends `entry` to the log, and wants everything from `seen` up to what the log holds then. Answered by [`Reply::Log`], at once
    /// if there is anything new, else when there is, or after `patience`: a thread that spins must not flood the coordinator.
    Flush {
        /// Names the request in its answer.
        ticket: u64,
        /// Log entries this rank has already applied.
        seen: LogPosition,
        /// What was published; `None` if nothing changed.
        entry: Option<Entry>,
        /// How long the answer may be held back, in microseconds; 0: not at all.
        patience: u32,
    },
    /// An event of a loop with ordered iterations: appends `entry` to the log and marks `position`. Not answered.
    Post {
        /// Names the loop's execution.
        instance: (u64, u64),
        /// The iteration that is marked.
        position: u64,
        /// What was published; `None` if nothing changed.
        entry: Option<Entry>,
    },
    /// Wants the log from `seen` up to where `position` was marked; answered by [`Reply::Log`] once it is.
    Await {
        /// Names the request in its answer.
        ticket: u64,
        /// Names the loop's execution.
        instance: (u64, u64),
        /// The iteration.
        position: u64,
        /// Log entries this rank has already applied.
        seen: LogPosition,
    },
    /// This rank will neither mark nor await an iteration of `instance` again; when `ranks` ranks have said so, it is forgotten.
    Forget {
        /// Names the loop's execution.
        instance: (u64, u64),
        /// Ranks that take part in it.
        ranks: u32,
    },
    /// This rank will never ask for entries below `seen` again.
    Applied {
        /// Log entries this rank has applied.
        seen: LogPosition,
    },
    /// Wants iterations of a loop. Every rank of the team asks until it is told there are none left.
    NextChunk {
        /// Names the loop's execution: region instance and the count of loops met in it, the same in every rank.
        instance: (u64, u64),
        /// Number of ranks that will ask; the coordinator forgets the loop when all have been told it is exhausted.
        team: u32,
        /// Logical iterations in total.
        iterations: u64,
        /// Chunk size, at least 1.
        chunk: u64,
        /// Schedule.
        kind: LoopKind,
    },
    /// About tasks for other ranks.
    Task(tasks::TaskRequest),
    /// The driver's program has ended (returned from `main` or called `exit`); workers are to be shut down.
    Finalize,
    /// Statistics of this rank, sent before it ends if they were asked for.
    Statistics(RankStatistics),
    /// This rank cannot go on: the job ends with this message (already complete: names what, where and the next step).
    Fatal {
        /// Text without the `caperun: error:` prefix.
        message: String,
    },
}

/// From the coordinator to a rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// All ranks are there; where each listens, by rank.
    Welcome {
        /// As `transport::Address` prints them.
        addresses: Vec<String>,
    },
    /// Answer to [`Request::Acquire`].
    Granted {
        /// The lock.
        lock: u64,
        /// `false` only for `try_only`: another rank has it.
        acquired: bool,
        /// Whether all other locks of its [`block`] come with it: nobody has used any.
        whole: bool,
        /// Whether another rank waits for it already, as if a [`Reply::Recall`] followed.
        wanted: bool,
        /// Entries from the requester's `seen` up to the lock's last release, in order.
        entries: Vec<Entry>,
    },
    /// Another rank wants a lock that this one has: it is to be released as soon as no thread owns it. Not for this rank if it has
    /// released the lock already.
    Recall {
        /// The lock.
        lock: u64,
        /// The other rank only tries: [`Request::Busy`] is wanted if a thread owns the lock.
        answer: bool,
    },
    /// Another rank looks at memory without a lock, and finds nothing new: what this rank wrote before it last released a lock is to be
    /// published. Answered by [`Request::Publish`].
    Solicit,
    /// Answer to [`Request::FetchLog`], [`Request::Flush`] and [`Request::Await`].
    Log {
        /// As in the request.
        ticket: u64,
        /// The entries, in order.
        entries: Vec<Entry>,
    },
    /// Answer to [`Request::NextChunk`]: logical iterations `first..end`; empty: none left.
    Chunk {
        /// As in the request.
        instance: (u64, u64),
        /// First iteration.
        first: u64,
        /// One past the last iteration.
        end: u64,
    },
    /// About tasks of other ranks.
    Task(tasks::TaskReply),
    /// The program has ended: send statistics if asked for, flush output, exit with status 0.
    Shutdown,
    /// The job is ending because of a failure elsewhere; the reason has been printed. Exit at once.
    Abort,
}

/// What one rank measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RankStatistics {
    /// One entry per construct that started regions, in the order of first execution.
    pub sites: Vec<SiteStatistics>,
    /// Locks, criticals and atomic constructs under a lock.
    pub locks: LockStatistics,
}

/// How often threads of a rank owned a lock, and what that took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockStatistics {
    /// Acquired, by any thread.
    pub acquired: u64,
    /// Requests to the coordinator for that: the rank did not have the lock.
    pub asked: u64,
    /// Given to another rank that asked.
    pub given: u64,
}

/// What one rank measured in all executions of one `parallel` construct. Times are in seconds of wall clock and do not
/// overlap; the time from the region's end to the next fork (serial code) is not counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteStatistics {
    /// `file:line construct`.
    pub site: String,
    /// Executions.
    pub runs: u64,
    /// In user code.
    pub computing: f64,
    /// Asking the tracker for dirty pages and re-arming it.
    pub tracking: f64,
    /// Comparing dirty pages with the baseline and encoding.
    pub diffing: f64,
    /// Sending, and applying what was received.
    pub moving: f64,
    /// Blocked on other ranks.
    pub waiting: f64,
    /// Pages found dirty.
    pub pages: u64,
    /// Payload bytes handed to the transport for others, relayed ones included.
    pub sent: u64,
    /// Payload bytes received.
    pub received: u64,
}

/// The status board: one shared page-sized memfd in which each rank notes what it is doing, so that the coordinator can name
/// the region in which a rank died even after SIGKILL. Slot `rank` starts at `rank * SLOT`; it holds a NUL-terminated string:
/// `file:line construct` inside a region, empty outside. Written by one rank, read by the coordinator after its death.
pub mod board {
    /// Bytes of one rank's slot.
    pub const SLOT: usize = 256;
    /// The slot's last byte is the coordinator's: not 0 while output that it has taken from the rank has not reached the user.
    pub const UNDER_WAY: usize = SLOT - 1;
}
