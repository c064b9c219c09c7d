//! What `caperun` and its agents say to each other: upwards news of ranks, downwards orders for them.
//!
//! ```text
//! parent (caperun or an agent)                          agent
//!  | launch command; stdin: Briefing --------------------->|  reads the key, opens its link to the parent
//!  |<------------------------------------ Up::Present -----|
//!  | Down::Recruit: its part of the tree ----------------->|  launches the agents below it
//!  |<------------------------------- Present of those -----|
//!  | Down::Start, once all agents of the job are there --->|  forks its ranks
//!  |<------------- Up::News: requests, ends of ranks ------|  in batches, as they are
//!  | Down::Orders: replies, signals ---------------------->|
//!  |<----------------------------------------- Output -----|  at most a window of it, until Down::Written
//!  |<------------------------------------------- Done -----|  its ranks have ended and said everything
//!  | closes the link ------------------------------------->|  ends
//! ```
//!
//! An agent neither knows nor changes what ranks and `caperun` say to each other: requests and replies pass as bytes. Both ends send a
//! beat each second, so that a host that is cut off is noticed by both sides.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::launch::Recipe;
use crate::output::{Receipt, Stream};

/// Bumped whenever a message between `caperun` and its agents changes.
pub const VERSION: u16 = 2;

/// The frame kind of everything between `caperun` and its agents.
pub const AGENT_FRAME: u16 = 2;

/// What an agent reads from its standard input, after a line that `briefing` describes.
#[derive(Clone, Serialize, Deserialize)]
pub struct Briefing {
    /// The job's key.
    pub key: [u8; 32],
    /// The agent's number.
    pub agent: u32,
    /// Its parent's number; `None`: `caperun` itself.
    pub parent: Option<u32>,
    /// Where the parent listens, as `transport::Contact` prints it.
    pub contact: String,
    /// What the host is called in the list of hosts.
    pub host: String,
    /// What its ranks are to call their host; `None`: they are on that of `caperun`.
    pub place: Option<String>,
    /// The agent's output is that of the job, so that its ranks may write there themselves.
    pub inherits: bool,
    /// It is on another host than `caperun`, or its parent is: nothing of `caperun`'s environment is there.
    pub elsewhere: bool,
    /// Where ranks and agents below are to listen; `None`: on the interface by which the parent is reached.
    pub listen: Option<IpAddr>,
    /// Everybody listens on TCP only.
    pub tcp: bool,
    /// Links are encrypted.
    pub secure: bool,
    /// Seconds without a sign of life from the parent after which the job is over.
    pub patience: u32,
    /// Say what was decided.
    pub verbose: bool,
}

/// One agent's place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its number.
    pub agent: u32,
    /// Its host, as the list of hosts names it.
    pub host: String,
    /// It runs on its parent's host: no launch command is needed.
    pub beside: bool,
    /// It comes by itself: another launcher has started it.
    pub joins: bool,
    /// Ranks of the same host that others look after and that come before its own.
    pub before: u32,
    /// Its own ranks, ascending.
    pub ranks: Vec<u32>,
    /// The agents it launches.
    pub below: Vec<Site>,
}

impl Site {
    /// All ranks of this agent and of those below it.
    pub fn all_ranks(&self) -> Vec<u32> {
        let mut ranks = self.ranks.clone();
        ranks.extend(self.below.iter().flat_map(Site::all_ranks));
        ranks
    }

    /// Agents from here down.
    pub fn agents(&self) -> usize {
        1 + self.below.iter().map(Site::agents).sum::<usize>()
    }
}

/// How agents on other hosts are started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launching {
    /// The launch command's words, with `{host}`.
    pub template: Vec<OsString>,
    /// Where `caperun` is on those hosts.
    pub program: OsString,
    /// Send `caperun` itself.
    pub push: bool,
    /// Seconds that an agent may take to report.
    pub patience: u32,
}

/// An agent is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Its number.
    pub agent: u32,
    /// Its process.
    pub pid: u32,
    /// Soft limit on address space in bytes, if there is one.
    pub address_space: Option<u64>,
    /// Physical memory in bytes.
    pub physical: u64,
    /// Processors it may use.
    pub processors: u32,
}

/// Which ranks an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// This one.
    One(u32),
    /// These.
    Some(BTreeSet<u32>),
    /// All but the driver.
    Workers,
    /// All.
    All,
}

impl Target {
    /// Whether `rank` is meant.
    pub fn includes(&self, rank: u32) -> bool {
        match self {
            Target::One(one) => *one == rank,
            Target::Some(some) => some.contains(&rank),
            Target::Workers => rank != 0,
            Target::All => true,
        }
    }
}

/// What is to be done about ranks, by whoever forked them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Pass this on, an encoded `Reply`.
    Reply {
        /// To these.
        to: Target,
        /// The bytes.
        payload: Vec<u8>,
    },
    /// Send a signal to those that have not ended.
    Signal {
        /// Them.
        to: Target,
        /// Its number.
        signal: i32,
    },
    /// From now on the ends of these are our own doing.
    Dismiss(Target),
    /// Kill the workers that are in a region.
    EndRegions,
    /// Say what each rank is doing.
    Inquire,
    /// The job stops as by Ctrl-Z (`true`), or goes on: the parent may be silent meanwhile.
    Pause(bool),
}

/// What happened to ranks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// It was started.
    Started {
        /// The rank.
        rank: u32,
        /// Its process.
        pid: i32,
    },
    /// It says something, an encoded `Request`.
    Request {
        /// The rank.
        rank: u32,
        /// The bytes.
        payload: Vec<u8>,
    },
    /// Its process has ended, and everything it said before has been passed on.
    Ended(End),
    /// It lives although its link has been gone for long.
    CutOff {
        /// The rank.
        rank: u32,
        /// Why the link is gone.
        reason: String,
    },
    /// The region it is in, if it is in one: the answer to [`Order::Inquire`].
    Doing {
        /// The rank.
        rank: u32,
        /// `file:line construct`.
        region: Option<String>,
    },
    /// An agent has reported for the first time.
    Present(Presence),
    /// An agent is gone, and its ranks and those of the agents below it with it.
    Lost {
        /// These ranks.
        ranks: Vec<u32>,
        /// Complete text: host, cause, next step.
        message: String,
    },
    /// Something else that ends the job.
    Failed {
        /// Complete text.
        message: String,
        /// Exit status of the job.
        code: u8,
    },
    /// The driver has taken so many bytes of its input.
    Swallowed(usize),
}

/// The end of a rank's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The rank.
    pub rank: u32,
    /// Its process.
    pub pid: i32,
    /// Its status, as `waitpid` gives it.
    pub status: i32,
    /// It was ended on purpose.
    pub dismissed: bool,
    /// The region it was in.
    pub region: Option<String>,
}

/// From an agent to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Up {
    /// What happened, in order.
    News(Vec<News>),
    /// A rank has written this.
    Output {
        /// The agent that read it, to which [`Down::Written`] goes.
        agent: u32,
        /// The rank.
        rank: u32,
        /// Where it wrote.
        stream: Stream,
        /// The bytes; none: the stream has ended.
        bytes: Vec<u8>,
        /// No bytes, but what is held back of a line is to be written.
        flush: bool,
    },
    /// Nothing more will come of this agent and those below it.
    Done,
    /// A sign of life.
    Beat,
}

/// From the parent to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Down {
    /// Its place in the tree, and how to launch the agents below it.
    Recruit(Site, Launching),
    /// The next bytes of the program, which is not on this host. They come before [`Down::Start`].
    Program(Vec<u8>),
    /// Start the ranks.
    Start(Box<Recipe>),
    /// What is to be done, in order.
    Orders(Vec<Order>),
    /// A piece of output has been written.
    Written(Receipt),
    /// Input for the driver; empty: its end.
    Input(Vec<u8>),
    /// A sign of life.
    Beat,
}
