//! The interface of every backend.

use std::time::Duration;

use crate::{Address, CloseReason, Contact, Error, Frame, Peer};

/// Bytes below which the queue must fall for [`Transport::poll`] to return so that a sender can go on.
///
/// A sender that limits itself waits while [`Transport::queued`] is above a limit of its own, which should be larger.
pub const LOW_WATER: usize = 1 << 20;

/// What [`Transport::poll`] reports.
#[derive(Debug)]
pub enum Event {
    /// A frame has arrived.
    Frame {
        /// Who sent it first: for a broadcast its root, not the rank that relayed it.
        from: Peer,
        /// The frame.
        frame: Frame,
    },
    /// A peer with which there was a link, or to which one was being opened, is lost. Frames accepted for it and not yet
    /// given to the kernel are discarded. Everything it sent before has been reported.
    Closed {
        /// The peer.
        peer: Peer,
        /// Why.
        reason: CloseReason,
    },
}

/// Traffic since the start. Payload bytes only; a relayed frame counts once for each rank it is passed on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames accepted for sending.
    pub frames_sent: u64,
    /// Their payload bytes.
    pub bytes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Their payload bytes.
    pub bytes_received: u64,
}

/// Moves frames between the peers of one job.
///
/// Guarantees of every backend: frames sent to a peer arrive whole, once and in the order sent; so do the broadcasts of one
/// root. A broadcast and a frame sent to one peer take different paths and are not ordered among each other.
pub trait Transport: Send + Sync {
    /// Who this end is.
    fn me(&self) -> Peer;

    /// Where this end listens; what others pass to [`Transport::introduce_at`].
    fn contact(&self) -> Contact;

    /// The first of the addresses at which this end listens.
    fn address(&self) -> Address;

    /// Says where `peer` listens, for the first frame sent to it. A peer that was lost may be introduced anew.
    fn introduce_at(&self, peer: Peer, contact: Contact);

    /// As [`Transport::introduce_at`], for a peer with one address.
    fn introduce(&self, peer: Peer, address: Address) {
        self.introduce_at(peer, address.into());
    }

    /// Sets the group that [`Transport::broadcast`] reaches: ranks `0..ranks`.
    fn set_ranks(&self, ranks: u32);

    /// Accepts a frame for `to`; never blocks. It goes to the kernel at once if the link is open and idle, else as soon as
    /// somebody polls. Opens the link on first use; the handshake needs both ends to poll, so who sends the first frame to
    /// a peer and then stops polling before [`Transport::queued`] is 0 leaves it unsent.
    ///
    /// # Errors
    /// `to` is this end itself, was never introduced and has not opened a link, or is lost; the payload is too large; or
    /// this transport is closed. A failure that shows later is an [`Event::Closed`].
    fn send(&self, to: Peer, frame: Frame) -> Result<(), Error>;

    /// Accepts a frame for all other ranks; never blocks. Ranks pass it on to one another along a binomial tree, inside
    /// their `poll`, before they report it. Large data should come as many frames (of at most 256 KiB), which follow one
    /// another down the tree.
    ///
    /// # Errors
    /// This end is no rank of the group, or as for [`Transport::send`].
    fn broadcast(&self, frame: Frame) -> Result<(), Error>;

    /// Bytes accepted (relayed ones included) and not yet given to the kernel.
    fn queued(&self) -> usize;

    /// Waits for events and appends them to `events`. Returns when there is at least one, after [`Transport::wake`], when
    /// the queue has fallen below [`LOW_WATER`] or become empty, or after `timeout` (`None`: no limit). So it may return
    /// with no events. Calls are serialised.
    ///
    /// # Errors
    /// The operating system refuses to wait, or this transport is closed.
    fn poll(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> Result<(), Error>;

    /// Makes the current or the next [`Transport::poll`] return.
    fn wake(&self);

    /// Traffic since the start.
    fn counters(&self) -> Counters;

    /// Sends what is queued, for a second at most, then closes all links. Every later call that can fail does.
    fn close(&self);
}
