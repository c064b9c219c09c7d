//! epoll(7), level-triggered, with an eventfd(2) to interrupt it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use super::{check, own};

/// What to wait for on a descriptor. Errors and hang-ups are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Nothing: errors only.
    Nothing,
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

/// What happened to the descriptor registered under `token`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    /// There is something to read, or an error or end to find by reading.
    pub(crate) readable: bool,
    /// There is room to write, or an error to find by writing.
    pub(crate) writable: bool,
}

/// An epoll instance. All methods may be called while another thread waits.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    bell: OwnedFd,
}

/// The token of the bell; never reported.
const BELL: u64 = u64::MAX;

/// Most events taken from the kernel at once.
const BATCH: usize = 64;

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let epoll = own(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: no memory is involved.
        let bell = own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let poller = Self { epoll, bell };
        poller.add(&poller.bell, BELL, Interest::Read)?;
        Ok(poller)
    }

    pub(crate) fn add(
        &self,
        descriptor: &OwnedFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, descriptor, token, interest)
    }

    pub(crate) fn change(
        &self,
        descriptor: &OwnedFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, descriptor, token, interest)
    }

    pub(crate) fn remove(&self, descriptor: &OwnedFd) {
        // Fails only if the descriptor is not registered, which is what is wanted.
        let _ = self.control(libc::EPOLL_CTL_DEL, descriptor, 0, Interest::Nothing);
    }

    fn control(
        &self,
        operation: libc::c_int,
        descriptor: &OwnedFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let events = match interest {
            Interest::Nothing => 0,
            Interest::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Interest::ReadWrite => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event {
            events: events.cast_unsigned(),
            u64: token,
        };
        // SAFETY: both descriptors are open, and `event` lives during the call.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                descriptor.as_raw_fd(),
                &raw mut event,
            )
        };
        check(result).map(drop)
    }

    /// Waits until something happens, at most `timeout` (rounded up to milliseconds; `None`: no limit), and replaces
    /// `ready`, which stays empty when the bell rang, a signal came or the time is over.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let milliseconds = timeout.map_or(-1, |timeout| {
            libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000))
                .unwrap_or(libc::c_int::MAX)
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        let capacity = libc::c_int::try_from(BATCH).expect("a small constant");
        // SAFETY: `events` has room for as many entries as the call is told.
        let result = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                events.as_mut_ptr(),
                capacity,
                milliseconds,
            )
        };
        let count = match check(result) {
            Ok(count) => usize::try_from(count).expect("checked not to be negative"),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        for event in &events[..count] {
            let (token, flags) = (event.u64, event.events.cast_signed());
            if token == BELL {
                self.silence();
                continue;
            }
            let failed = flags & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
            ready.push(Ready {
                token,
                readable: failed || flags & (libc::EPOLLIN | libc::EPOLLRDHUP) != 0,
                writable: failed || flags & libc::EPOLLOUT != 0,
            });
        }
        Ok(())
    }

    /// Makes the current or the next wait return.
    pub(crate) fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: reads eight bytes of `one`. Fails only if the counter is full, and then the bell rings already.
        let _ = unsafe { libc::write(self.bell.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    fn silence(&self) {
        let mut count = [0u8; 8];
        // SAFETY: writes eight bytes to `count`. Fails only if somebody has silenced it already.
        let _ = unsafe {
            libc::read(
                self.bell.as_raw_fd(),
                count.as_mut_ptr().cast(),
                count.len(),
            )
        };
    }

    /// The numbers of its descriptors.
    #[cfg(test)]
    pub(crate) fn descriptors(&self) -> [std::os::fd::RawFd; 2] {
        [self.epoll.as_raw_fd(), self.bell.as_raw_fd()]
    }
}
