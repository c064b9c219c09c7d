//! The boundary to the operating system (Linux): the only unsafe code of this crate.
//!
//! Why not `mio` or the standard library's sockets? A program must keep the low descriptor numbers that it would have
//! without this runtime (`dup2(fd, 3)` is common), so every descriptor, the poller's too, has to move to a high number
//! when it is made; `mio::Poll` keeps the number that epoll_create1(2) gave it. And links want level-triggered events, which
//! allow to read a bounded amount per round without remembering who was cut short.

#![allow(unsafe_code)]

mod epoll;
pub(crate) mod mpi;
mod socket;

pub(crate) use epoll::{Interest, Poller, Ready};
pub(crate) use socket::{
    Listener, Source, Waiting, connect, connect_error, local_ip, receive, send, shut_down,
    unanswered, unsent,
};

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Descriptors of the runtime get numbers from here on, if the limit allows.
const FIRST_DESCRIPTOR: libc::c_int = 900;

/// Turns the result of a system call into an error if it is negative.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Moves a descriptor to a high number, close-on-exec. Stays where it is if the limit on open files is too low.
fn lift(low: OwnedFd) -> OwnedFd {
    // SAFETY: fcntl on a descriptor that `low` owns; no memory is involved.
    let lifted = unsafe { libc::fcntl(low.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) };
    if lifted < 0 {
        return low;
    }
    // SAFETY: the kernel has just made this descriptor; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(lifted) }
}

/// Owns the descriptor that a system call has returned, at a high number.
fn own(result: libc::c_int) -> io::Result<OwnedFd> {
    let descriptor = check(result)?;
    // SAFETY: the kernel has just made this descriptor; nobody else owns it.
    Ok(lift(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// A descriptor that is of no use but to be closed when there are no others.
pub(crate) fn spare() -> Option<OwnedFd> {
    // SAFETY: no memory is involved.
    own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_leave_the_low_numbers_free() {
        let poller = Poller::new().unwrap();
        let numbers = poller.descriptors();
        assert!(
            numbers.iter().all(|&number| number >= FIRST_DESCRIPTOR),
            "{numbers:?}"
        );
    }
}
