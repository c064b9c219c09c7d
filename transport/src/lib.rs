//! Authenticated, framed links between the processes of a job, and broadcast over them.
//!
//! This crate moves opaque frames. It never looks into a payload and knows nothing of OpenMP, deltas or regions. One
//! trait, [`Transport`], has two backends that the same contract test covers: [`Node`] (Unix and TCP sockets) and
//! [`loopback`] (in one process, for tests).
//!
//! ```text
//!  address   where a peer listens            key       the job's secret
//!  frame     what travels on a link          auth      who may speak on a link
//!  tree      who forwards a broadcast        link      one connection: queue out, decoder in
//!  mesh      all links, by peer              node      the socket backend
//!  engine    what its poll does              loopback  the in-process backend
//!  sys       the only unsafe code: epoll, sockets, scattered reads
//! ```
//!
//! # Links
//!
//! A link is opened by the first frame for a peer, unless that peer has opened one by then. Frames for a peer stay on the
//! link chosen first, so they arrive in the order they were sent. When two peers open links to each other at the same
//! moment there are two, each used in one direction; both work. Before anything else is parsed both ends prove that they
//! hold the [`JobKey`]. Strangers who cannot are dropped without a trace in [`Event`]s.
//!
//! A peer is lost as a whole: when one link with it fails, what its other links still hold is delivered, all of them are
//! closed, and one [`Event::Closed`] says why.
//!
//! # Threads
//!
//! One thread at a time polls. Any thread may send meanwhile: a frame goes to the kernel at once if the link is idle, else
//! into the link's queue, which whoever polls empties. So a process that sends must also poll, or its queue may stay.

#![deny(missing_docs)]

mod address;
mod auth;
mod cipher;
mod contact;
mod engine;
mod error;
mod frame;
mod key;
mod link;
pub mod loopback;
mod mesh;
mod node;
mod supervisor;
mod sys;
mod transport;
mod tree;

pub use address::{Address, Listen, ParseAddressError, Peer};
pub use auth::Refusal;
pub use contact::{Contact, HostId, ParseContactError};
pub use error::{CloseReason, Error};
pub use frame::{Frame, MAX_PAYLOAD, Violation};
pub use key::JobKey;
pub use node::{Node, Settings};
pub use transport::{Counters, Event, LOW_WATER, Transport};
