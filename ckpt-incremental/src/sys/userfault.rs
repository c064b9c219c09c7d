//! userfaultfd in asynchronous write-protection mode (Linux 6.7, <linux/userfaultfd.h>): a write to a protected page just lifts the
//! protection; `PAGEMAP_SCAN` tells which pages have lost theirs. No monitor thread, no privilege.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::{ioctl_number, out_of_the_way};
use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::range::MemoryRange;

const UFFD_USER_MODE_ONLY: libc::c_int = 1;
const UFFD_API: u64 = 0xAA;
const FEATURE_PAGEFAULT_FLAG_WP: u64 = 1 << 0;
const FEATURE_WP_ASYNC: u64 = 1 << 15;
const REGISTER_MODE_WP: u64 = 1 << 1;
const WRITEPROTECT_MODE_DONTWAKE: u64 = 1 << 1;
const COPY_MODE_DONTWAKE: u64 = 1 << 0;
const COPY_MODE_WP: u64 = 1 << 1;

#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
struct Range {
    start: u64,
    len: u64,
}

#[repr(C)]
struct Register {
    range: Range,
    mode: u64,
    ioctls: u64,
}

#[repr(C)]
struct WriteProtect {
    range: Range,
    mode: u64,
}

#[repr(C)]
struct Copy {
    dst: u64,
    src: u64,
    len: u64,
    mode: u64,
    copied: i64,
}

const UFFDIO_API: libc::c_ulong = ioctl_number(3, 0xAA, 0x3F, size_of::<Api>());
const UFFDIO_REGISTER: libc::c_ulong = ioctl_number(3, 0xAA, 0x00, size_of::<Register>());
const UFFDIO_COPY: libc::c_ulong = ioctl_number(3, 0xAA, 0x03, size_of::<Copy>());
const UFFDIO_WRITEPROTECT: libc::c_ulong = ioctl_number(3, 0xAA, 0x06, size_of::<WriteProtect>());

/// An open userfaultfd. Closing it ends the tracking of all registered ranges.
#[derive(Debug)]
pub(crate) struct UserFault {
    fd: OwnedFd,
}

impl From<MemoryRange> for Range {
    fn from(range: MemoryRange) -> Range {
        Range {
            start: range.start() as u64,
            len: range.len() as u64,
        }
    }
}

impl UserFault {
    /// Opens one in asynchronous write-protection mode, or says why this kernel or container does not allow it.
    pub(crate) fn open() -> Result<UserFault, String> {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;
        // SAFETY: takes flags only.
        let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, flags) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0);
        let Some(fd) = fd else {
            return Err(format!("userfaultfd: {}", io::Error::last_os_error()));
        };
        // SAFETY: the system call has just returned this descriptor.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut api = Api {
            api: UFFD_API,
            features: FEATURE_PAGEFAULT_FLAG_WP | FEATURE_WP_ASYNC,
            ioctls: 0,
        };
        // SAFETY: the ioctl reads and writes one Api.
        if unsafe { libc::ioctl(fd.as_raw_fd(), UFFDIO_API, &mut api) } < 0 {
            let error = io::Error::last_os_error();
            return Err(format!(
                "userfaultfd without asynchronous write protection, which needs Linux 6.7 ({error})"
            ));
        }
        Ok(UserFault {
            fd: out_of_the_way(fd),
        })
    }

    /// Allows write protection in `range`.
    pub(crate) fn register(&self, range: MemoryRange) -> Result<(), Error> {
        let mut register = Register {
            range: range.into(),
            mode: REGISTER_MODE_WP,
            ioctls: 0,
        };
        // SAFETY: the ioctl reads and writes one Register; in this mode the contents and the access of the memory do not change.
        if unsafe { libc::ioctl(self.fd.as_raw_fd(), UFFDIO_REGISTER, &mut register) } < 0 {
            return Err(Error::last_os(
                "registering memory for tracking (UFFDIO_REGISTER)",
                range.start(),
            ));
        }
        Ok(())
    }

    /// Lifts the protection of `run`, so that writes cost no fault (and are not told from earlier ones).
    pub(crate) fn unprotect(&self, run: MemoryRange) -> Result<(), Error> {
        let mut argument = WriteProtect {
            range: run.into(),
            mode: WRITEPROTECT_MODE_DONTWAKE,
        };
        loop {
            // SAFETY: the ioctl reads one WriteProtect and changes no contents.
            if unsafe { libc::ioctl(self.fd.as_raw_fd(), UFFDIO_WRITEPROTECT, &mut argument) } == 0
            {
                return Ok(());
            }
            let source = io::Error::last_os_error();
            if source.kind() != io::ErrorKind::Interrupted
                && source.raw_os_error() != Some(libc::EAGAIN)
            {
                let operation = "lifting write protection (UFFDIO_WRITEPROTECT)";
                return Err(Error::Kernel {
                    operation,
                    address: run.start(),
                    source,
                });
            }
        }
    }

    /// Gives the absent pages of `run` the given contents, protected. Stops at the first page that is there already; returns how many pages were given.
    pub(crate) fn install(&self, run: MemoryRange, contents: &[u8]) -> usize {
        assert_eq!(run.len(), contents.len(), "contents of the run");
        let mut argument = Copy {
            dst: run.start() as u64,
            src: contents.as_ptr().addr() as u64,
            len: run.len() as u64,
            mode: COPY_MODE_DONTWAKE | COPY_MODE_WP,
            copied: 0,
        };
        // SAFETY: reads and writes one Copy, reads `contents`, and writes only pages of registered memory that nobody has touched yet.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), UFFDIO_COPY, &mut argument) };
        usize::try_from(argument.copied).unwrap_or(0) / PAGE_SIZE
    }
}
