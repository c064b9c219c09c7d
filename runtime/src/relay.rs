//! Output that reaches the user through the coordinator: this rank's standard streams are pipes.
//!
//! What a rank prints before it synchronises with others must be read before what they print afterwards, as in one process. Where all
//! ranks write to the same place themselves this is so; through pipes of several hosts it is not. So a rank that has written something
//! waits, before others can learn of it, until that has arrived. Whether it has is seen from two system calls and a byte of the
//! status board: the coordinator sets the byte before it empties a pipe.

use std::os::fd::OwnedFd;

use crate::ffi::files::internal;
use crate::os::{self, BoardSlot};
use crate::session;

/// The pipes.
#[derive(Debug)]
pub struct Relay {
    pipes: Vec<OwnedFd>,
}

impl Relay {
    /// Over the standard streams as they are now.
    pub fn over_standard_streams() -> Relay {
        let _internal = internal();
        let pipes = [libc::STDOUT_FILENO, libc::STDERR_FILENO];
        Relay {
            pipes: pipes.into_iter().filter_map(os::copy_of_standard).collect(),
        }
    }

    /// Whether all that was written has reached the user.
    fn is_settled(&self, board: Option<&BoardSlot>) -> bool {
        let _internal = internal();
        // In this order: the coordinator sets the byte first, then reads.
        self.pipes.iter().all(|pipe| os::unread(pipe) == 0)
            && !board.is_some_and(BoardSlot::output_is_under_way)
    }
}

/// Waits until what this rank has written has reached the user.
pub fn settle() {
    if let Some(session) = session::get()
        && let Some(relay) = session.relay()
        && !relay.is_settled(session.board())
    {
        session.exchange.settle_output();
    }
}
