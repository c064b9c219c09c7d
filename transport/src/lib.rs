//! Authenticated, framed links between the processes of a job, and broadcast over them.
//!
//! This crate moves opaque frames. It never looks into a payload and knows nothing of OpenMP, deltas or regions. One
//! trait, [`Transport`], has three backends that the same contract test covers: [`Node`] (Unix and TCP sockets), [`mpi`] (an MPI library between ranks) and
//! [`loopback`] (in one process, for tests).
//!
//! ```text
//!  address     where a process listens          contact   all addresses of a peer, and its host
//!  key         the job's secret                 auth      who may speak on a link
//!  frame       what travels on a link           cipher    the same, sealed in records
//!  tree        who forwards a broadcast         link      one connection: queue out, decoder in
//!  mesh        all links, by peer               node      the socket backend
//!  gate        who gets in                      opening   attempts to connect, and the handshake
//!  engine      what its poll does               supervisor  which hosts are gone
//!  mpi         the backend over MPI             buffer    memory of large payloads
//!  loopback    the in-process backend           sys       the only unsafe code: epoll, sockets, scattered reads, MPI
//! ```
//!
//! # Links
//!
//! A process listens in one or several ways: on a Unix socket for peers on its own host (one boot of one kernel, one network
//! namespace), on TCP for others. A link is opened by the first frame for a peer, unless that peer has opened one by then. Frames for a peer stay on the
//! link chosen first, so they arrive in the order they were sent. When two peers open links to each other at the same
//! moment there are two, each used in one direction; both work. Before anything else is parsed both ends prove that they
//! hold the [`JobKey`]. Strangers who cannot are dropped without a trace in [`Event`]s.
//!
//! # Security
//!
//! Against whom: anybody who can connect to a job's sockets, or sees, changes and repeats what passes on the network, and does not
//! hold the job's key. Such a stranger gets nothing parsed but the 80 bytes of a hello, whose keyed proof is checked before
//! anything is allocated or computed for it; a recorded hello is refused because its nonce is known ([`Refusal::Replay`]). Strangers
//! who say nothing are few and do not stay; when descriptors run out, a spare one lets those in who hold the key. On a Unix
//! socket the kernel names the connecting user, who must be this one or root. TCP listeners are bound to an interface.
//! With [`Settings::secure`] links are encrypted and authenticated for their whole life (Noise), with keys that are
//! forgotten when the link ends; without it, who can change packets on the way can change frames after the handshake.
//! Not covered: who holds the key is trusted, and who can cut the network can end the job.
//!
//! # Dead hosts
//!
//! A process that ends closes its links. A host that vanishes does not: keepalive finds it on an idle TCP link, a look at
//! unacknowledged bytes on a busy one, both within [`Settings::detection`]. [`Node::silence`] tells when a peer was last heard of.
//!
//! A peer is lost as a whole: when one link with it fails, what its other links still hold is delivered, all of them are
//! closed, and one [`Event::Closed`] says why.
//!
//! # Threads
//!
//! One thread at a time polls. Any thread may send meanwhile: a frame goes to the kernel at once if the link is idle, else
//! into the link's queue, which whoever polls empties. So a process that sends must also poll, or its queue may stay.

#![deny(missing_docs)]
// cargo-fuzz sets `fuzzing`, which cargo does not know.
#![allow(unexpected_cfgs)]

mod address;
mod auth;
pub mod buffer;
mod cipher;
mod contact;
mod engine;
mod error;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod key;
mod link;
pub mod loopback;
mod mesh;
pub mod mpi;
mod node;
mod opening;
mod supervisor;
mod sys;
mod transport;
pub mod tree;

pub use address::{Address, Listen, ParseAddressError, Peer};
pub use auth::Refusal;
pub use contact::{Contact, HostId, ParseContactError};
pub use error::{CloseReason, Error};
pub use frame::{Frame, MAX_PAYLOAD, Violation};
pub use key::JobKey;
pub use node::{Node, Settings};
pub use transport::{Counters, Event, LOW_WATER, Transport};
