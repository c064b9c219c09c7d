//! The only place with system calls, raw memory and processor-specific code. What leaves it is safe to use.
#![allow(unsafe_code)]

pub(crate) mod live;
pub(crate) mod map;
pub(crate) mod pagemap;
pub(crate) mod protect;
pub(crate) mod simd;
pub(crate) mod userfault;

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Descriptors of this crate are moved here, so that the program's own `open` returns the small numbers it expects.
const HIGH_DESCRIPTORS: [i32; 3] = [900, 200, 64];

/// Moves a descriptor to a high number, if the process's limit allows one.
fn out_of_the_way(fd: OwnedFd) -> OwnedFd {
    for least in HIGH_DESCRIPTORS {
        // SAFETY: duplicates a descriptor that we own; no memory is involved.
        let high = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
        if high >= 0 {
            // SAFETY: fcntl has just returned this descriptor, nobody else has it.
            return unsafe { OwnedFd::from_raw_fd(high) };
        }
    }
    fd
}

/// `_IOC` of <asm-generic/ioctl.h>: the number of an ioctl. `direction`: 1 write, 2 read, 3 both.
const fn ioctl_number(direction: u64, group: u8, number: u8, size: usize) -> libc::c_ulong {
    (direction << 30) | ((size as u64) << 16) | ((group as u64) << 8) | number as u64
}
