//! What a rank that shares no descriptors with the driver says to it, and the answers: a head, then bytes of a file where there are some.
//!
//! Of a large transfer no more than a [`PIECE`] is under way for a thread: what is written is collected on the driver until it is
//! complete, what was read is fetched from there. So one call remains one call of the kernel's, and what it writes is not mixed with
//! what others write.

use serde::{Deserialize, Serialize};

use super::link::{Answer, Question};

/// Most bytes of a file in one message.
pub const PIECE: usize = 256 << 10;
/// Most bytes that are read or written by one call of the kernel's; longer ones are several.
pub const WHOLE: usize = 16 << 20;

/// Which call transfers bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// `read`, `write`.
    Here,
    /// `pread`, `pwrite`.
    At(i64),
    /// `recv`, `send`, with their flags.
    Socket(i32),
}

/// What is to be done with a descriptor of the driver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// `size` bytes are to be read; the answer carries the first ones.
    Read {
        /// How many, at most [`WHOLE`].
        size: usize,
        /// By which call.
        how: How,
    },
    /// The bytes that follow, and those handed in before, are to be written.
    Write(How),
    /// `lseek`: offset and whence.
    Seek(i64, i32),
    /// `fsync`; true: `fdatasync`.
    Sync(bool),
    /// `ftruncate`.
    Truncate(i64),
    /// `flock`.
    Flock(i32),
    /// `fstat`; the answer carries the structure.
    Status,
    /// `isatty`.
    Terminal,
    /// `fcntl` with a number.
    Control(i32, i64),
    /// `fcntl` with the `struct flock` that follows; the answer carries it.
    ControlLock(i32),
    /// `dup`; the new number is one of the driver's.
    Duplicate,
    /// Its path.
    Path,
}

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// As ranks of the driver's host ask.
    About(Question),
    /// The lock of a slot, please.
    Lock(usize),
    /// The lock is no longer needed.
    Unlock {
        /// The slot.
        slot: usize,
        /// Whether the end of the file was met.
        ended: bool,
        /// What was given back, changed: it follows.
        changed: bool,
    },
    /// What follows is the next part of what this thread will write.
    Collect(u64),
    /// More of what was read.
    Fetch(u64),
    /// Something is to be done.
    Do {
        /// With this descriptor.
        number: i32,
        /// Namely.
        deed: Deed,
        /// Names what was collected or is to be fetched, of this rank's.
        parcel: u64,
    },
}

/// The state of a slot whose lock was granted; what was given back follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// The file was closed.
    pub closed: bool,
    /// A read met its end.
    pub ended: bool,
}

/// From the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// To [`Ask::About`].
    About(Answer),
    /// The lock is granted.
    Locked(SlotState),
    /// What a call returned, and `errno`.
    Done(i64, i32),
}

/// A message of `head` and `bytes`.
pub fn encode<T: Serialize>(head: &T, bytes: &[u8]) -> Vec<u8> {
    let mut message = postcard::to_allocvec(head).expect("plain data can always be encoded");
    message.extend_from_slice(bytes);
    message
}

/// The head of a message, and the bytes behind it.
///
/// # Errors
/// It is none of this build's.
pub fn decode<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<(T, &'a [u8]), postcard::Error> {
    postcard::take_from_bytes(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_the_head() {
        let ask = Ask::Do {
            number: 5,
            deed: Deed::Write(How::At(1 << 40)),
            parcel: 9,
        };
        let message = encode(&ask, b"text");
        let (head, bytes) = decode::<Ask>(&message).expect("well formed");
        assert_eq!((head, bytes), (ask, &b"text"[..]));
        assert!(decode::<Ask>(&[0xff; 20]).is_err());
    }
}
