//! What ranks say to one another at the start, inside and at the end of regions.

use serde::{Deserialize, Serialize};

use crate::control::{Entry, LogPosition};
use crate::entry::Operation;
use crate::icv::{Binding, Changeable, Settings};

/// Where in a region a rank has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Meeting {
    /// Explicit or implied barrier inside the region.
    Barrier,
    /// End of the region.
    Join,
}

/// What a rank's threads have for a meeting besides what they wrote: small, and handed to all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Offer {
    /// One of each thread, in thread order, where the construct exchanges such.
    pub messages: Vec<Vec<u8>>,
    /// Assignments of which that of the greatest number, the iteration, counts (`lastprivate(conditional)`).
    pub last: Vec<(u64, Operation)>,
}

impl Offer {
    /// Adds what the next rank has.
    pub fn extend(&mut self, other: Offer) {
        self.messages.extend(other.messages);
        for (iteration, operation) in other.last {
            let known = self
                .last
                .iter_mut()
                .find(|(_, known)| known.address == operation.address);
            match known {
                Some(known) if known.0 >= iteration => {}
                Some(known) => *known = (iteration, operation),
                None => self.last.push((iteration, operation)),
            }
        }
    }
}

/// Somebody has cancelled something in a region over ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The region, counted by forks.
    pub region: u64,
    /// The number of the worksharing loop in it; `None`: the region itself.
    pub number: Option<u64>,
}

/// A team member's message to the driver at a [`Meeting`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrival {
    /// Count of forks and barriers so far, the same in every rank.
    pub epoch: u64,
    /// Kind of meeting.
    pub meeting: Meeting,
    /// `file:line construct`, for messages.
    pub site: String,
    /// What the rank wrote since its last publication.
    pub entry: Option<Entry>,
    /// Entries it has appended to the lock-ordered log since the start of the job.
    pub appended: u64,
    /// Blocks of other ranks' arenas that it freed.
    pub freed: Vec<u64>,
    /// What its threads hand to all.
    pub offer: Offer,
    /// How many ranks meet: the first ones.
    pub ranks: u32,
}

/// Where every rank's log stands after a meeting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Advance {
    /// Entries of the lock-ordered log that precede `entries`.
    pub head: LogPosition,
    /// The meeting's entries, in rank order.
    pub entries: Vec<Entry>,
    /// Blocks to be freed by the owners of their arenas.
    pub freed: Vec<u64>,
    /// What the threads of all ranks hand to all.
    pub offer: Offer,
}

/// The start of a region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fork {
    /// As in [`Arrival`].
    pub epoch: u64,
    /// Address of the construct's `struct cape_site`.
    pub site: u64,
    /// Address of the outlined function.
    pub function: u64,
    /// Its argument, in the image.
    pub environment: u64,
    /// Threads of the team; ranks from here on only keep their image up to date.
    pub team: u32,
    /// Teams of the league that the driver executes, and the number of the team that forks.
    pub league: (u32, u32),
    /// The driver's stack is shared from here up.
    pub stack_bound: u64,
    /// What the last join left to catch up with.
    pub advance: Advance,
    /// What the driver wrote since its last publication.
    pub entry: Option<Entry>,
    /// Entries of the lock-ordered log that precede `entry`: what serial code published under locks follows `advance`.
    pub head: LogPosition,
    /// The driver's internal control variables.
    pub settings: Settings,
    /// The device's variables, if the program changed them since the last fork.
    pub changed: Option<Changeable>,
    /// Where the region's threads are to run.
    pub binding: Binding,
    /// The driver's working directory, if it changed since the last fork.
    pub directory: Option<String>,
    /// Which of the descriptors 0, 1 and 2 serial code reopened since the last fork.
    pub reopened: Vec<i32>,
}

/// From the driver to all ranks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// A barrier is complete.
    Release(Advance),
    /// The last region is complete, and the driver's stream for the next fork follows: both come before it, the region's entries first,
    /// then the lock-ordered log up to this position.
    Settle(Advance, LogPosition),
    /// A region begins.
    Fork(Box<Fork>),
}
