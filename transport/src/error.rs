//! What can go wrong, for the caller of a function and on a link.

use std::io;

use crate::{Address, Peer, Refusal, Violation};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listening socket, the poller or the source of random bytes cannot be had.
    #[error("cannot {doing}: {source}; check the limits on open files and on network access")]
    System {
        /// What was attempted.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A frame is for a peer of which no address is known and that has opened no link.
    #[error("the address of {0} is not known; introduce it first")]
    NotIntroduced(Peer),
    /// A frame is for a peer that was lost and has not come back.
    #[error("the link with {peer} is gone ({reason}); introduce it anew to open another")]
    Lost {
        /// The peer.
        peer: Peer,
        /// Why it was lost.
        reason: CloseReason,
    },
    /// A frame is for this end itself.
    #[error("{0} sends a frame to itself; use the data directly")]
    ToSelf(Peer),
    /// A broadcast by the coordinator, or by a rank outside of the group.
    #[error("{me} cannot broadcast to a group of {ranks} ranks; set the number of ranks first")]
    NotInGroup {
        /// This end.
        me: Peer,
        /// The group's size.
        ranks: u32,
    },
    /// A payload above [`crate::MAX_PAYLOAD`].
    #[error("a payload of {0} bytes is too large for a frame; split it")]
    TooLarge(usize),
    /// MPI has failed, or what came by it is no frame.
    #[error("MPI does not work: {0}; look for its own messages, or use --transport unix or tcp")]
    Mpi(String),
    /// The transport was closed.
    #[error("the transport is closed; create another one")]
    Closed,
}

impl Error {
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}

/// Why a peer was lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer closed the connection, or its process ended.
    #[error("it closed the connection")]
    Ended,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Nobody listens at its address any more, or it cannot be reached.
    #[error("cannot connect to {address}: {detail}")]
    Unreachable {
        /// The address.
        address: Address,
        /// The system's answer.
        detail: String,
    },
    /// Whoever answered at its address did not prove to be that peer.
    #[error("who answered is not that peer of this job: {0}")]
    Refused(Refusal),
    /// Who listens at its address closed every connection during the handshake: it is overrun, or of another job.
    #[error(
        "it refused every connection: it is of another job or another user, or this process does not hold its job's key"
    )]
    Rejected,
    /// None of its addresses can be reached from this host: they are Unix sockets of another.
    #[error("it listens on another host, and not on TCP; start it with --transport tcp")]
    Elsewhere,
    /// Its host has not acknowledged what was sent to it: it is down, or the network between is.
    #[error("its host has not answered for {0} seconds; check the host and the network to it")]
    Unresponsive(u64),
    /// It did not complete the handshake in time.
    #[error("it did not answer within {0} seconds")]
    Silent(u64),
    /// It sent something that is no frame.
    #[error("it sent a malformed frame: {0}")]
    Violated(Violation),
    /// A broadcast has to be relayed to it, but nobody said where it listens.
    #[error("its address is not known, so a broadcast could not be passed on; introduce it first")]
    NotIntroduced,
}
