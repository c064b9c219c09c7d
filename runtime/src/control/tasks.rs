//! What ranks say about tasks: an idle one is given the oldest of another, and only that is published.
//!
//! ```text
//! owner                          coordinator                          thief
//!  | Surplus (once a phase) ------->|                                   |
//!  |                                |<-------------------------- Hungry |  nothing to do
//!  |<-------------------- Hunger ---|                                   |
//!  | Offer: tasks, entry ---------->| appends the entry ------ Given -->|  catches up, runs them and what they make
//!  |<---------------------- Done ---| appends the entry <-------- Done -|  publishes
//!  | catches up, completes them     |                                   |
//! ```
//!
//! A *phase* is the part of a region between two barriers; what is said about another phase than the present is out of date.

use serde::{Deserialize, Serialize};

use super::{Entry, LogPosition};

/// A phase: the count of forks and barriers before it.
pub type Phase = u64;

/// A task on its way to another rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Address of its outlined function.
    pub body: u64,
    /// For each capture: bytes to copy, or 0.
    pub sizes: Vec<u64>,
    /// The elements of its environment; where something was copied, anything.
    pub environment: Vec<u64>,
    /// The copies, one after the other.
    pub copies: Vec<u8>,
    /// A taskloop's iterations: first, end, and whether the last is among them.
    pub chunk: Option<(u64, u64, bool)>,
    /// Its flags.
    pub flags: u32,
    /// Its priority.
    pub priority: u32,
    /// Generations from an implicit task, over ranks.
    pub level: u32,
}

/// From a rank to the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskRequest {
    /// Has more tasks than it can run at once.
    Surplus {
        /// The sender's phase.
        phase: Phase,
    },
    /// Has nothing to do, or will soon have nothing.
    Hungry {
        /// The sender's phase.
        phase: Phase,
        /// Entries of the log that the sender has applied.
        seen: LogPosition,
    },
    /// Gives tasks to whoever has been hungry longest.
    Offer {
        /// The sender's phase.
        phase: Phase,
        /// The sender's name for them.
        batch: u64,
        /// The tasks.
        parcels: Vec<Parcel>,
        /// What the sender wrote before.
        entry: Option<Entry>,
        /// Entries of the log that the sender has applied.
        seen: LogPosition,
    },
    /// Tasks that the sender was given, and all that they made, are complete.
    Done {
        /// The rank whose they are.
        owner: u32,
        /// Its name for them.
        batch: u64,
        /// What the sender wrote until then.
        entry: Option<Entry>,
        /// Entries of the lock-ordered log that the sender appended and the owner is to count as its own.
        credit: u64,
        /// Nanoseconds that they took.
        duration: u64,
        /// Nanoseconds that the sender took to catch up with what they need.
        cost: u64,
        /// Entries of the log that the sender has applied.
        seen: LogPosition,
    },
    /// The sender was given tasks and cannot begin them: its threads are in others that do not end.
    Return {
        /// The rank whose they are.
        owner: u32,
        /// Its name for them.
        batch: u64,
    },
    /// The taskgroup of a batch is cancelled: its owner is to be told (`up`), or who has it.
    Cancel {
        /// The rank whose it is.
        owner: u32,
        /// Its name for it.
        batch: u64,
        /// The sender is who has it.
        up: bool,
    },
    /// Fulfils the event of a detached task of another rank.
    Fulfil {
        /// The rank whose it is.
        owner: u32,
        /// Its handle.
        event: u64,
        /// What the sender wrote until then.
        entry: Option<Entry>,
    },
}

/// From the coordinator to a rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskReply {
    /// Somebody has more tasks than it can run.
    Surplus {
        /// In this phase.
        phase: Phase,
    },
    /// So many ranks have nothing to do.
    Hunger {
        /// In this phase.
        phase: Phase,
        /// Their number.
        ranks: u32,
    },
    /// Tasks to run.
    Given {
        /// The rank whose they are.
        owner: u32,
        /// Its name for them.
        batch: u64,
        /// The tasks.
        parcels: Vec<Parcel>,
        /// The log from position `from` to where the owner offered them.
        entries: Vec<Entry>,
        /// See `entries`.
        from: LogPosition,
    },
    /// Nobody is hungry any more, or who was given the tasks has not begun them: they stay with their owner.
    Declined {
        /// The owner's name for it.
        batch: u64,
    },
    /// Tasks that another rank was given are complete.
    Done {
        /// The receiver's name for them.
        batch: u64,
        /// The log from position `from` to where they were complete.
        entries: Vec<Entry>,
        /// See `entries`.
        from: LogPosition,
        /// As in [`TaskRequest::Done`].
        credit: u64,
        /// As in [`TaskRequest::Done`].
        duration: u64,
        /// As in [`TaskRequest::Done`].
        cost: u64,
    },
    /// As in [`TaskRequest::Cancel`].
    Cancel {
        /// The rank whose it is.
        owner: u32,
        /// Its name for it.
        batch: u64,
        /// The receiver is the owner.
        up: bool,
    },
    /// Another rank fulfils an event of the receiver's.
    Fulfil {
        /// Its handle.
        event: u64,
        /// The log from position `from`.
        entries: Vec<Entry>,
        /// See `entries`.
        from: LogPosition,
    },
}
