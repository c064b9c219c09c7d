//! The status board: shared memory in which each rank notes what it is doing (see `control::board`).
//!
//! It is read with `pread`, never mapped: a rank that truncates it cannot hurt `caperun`.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::control::board::{SLOT, UNDER_WAY};
use crate::descriptors;
use crate::report::Failure;

/// The board of one job.
#[derive(Debug)]
pub struct Board {
    file: File,
}

impl Board {
    /// An empty board with a slot for each of `ranks` ranks.
    pub fn new(ranks: u32) -> Result<Board, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!(
                "cannot create the status board: {error}; raise ulimit -n or free some memory"
            ))
        };
        let memory: OwnedFd =
            memfd_create(c"cape-board", MFdFlags::MFD_CLOEXEC).map_err(|error| failed(&error))?;
        let file = File::from(descriptors::out_of_the_way(memory));
        file.set_len(u64::from(ranks) * SLOT as u64)
            .map_err(|error| failed(&error))?;
        Ok(Board { file })
    }

    /// The descriptor the ranks inherit.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Notes whether output that was taken from `rank` has not reached the user yet.
    pub fn output_under_way(&self, rank: u32, under_way: bool) {
        let at = u64::from(rank) * SLOT as u64 + UNDER_WAY as u64;
        // It may have been truncated by the rank, whose own order of output suffers.
        let _ = self.file.write_all_at(&[u8::from(under_way)], at);
    }

    /// The region that `rank` is in, as `file:line construct`; `None`: outside of regions.
    pub fn region(&self, rank: u32) -> Option<String> {
        let mut slot = [0; SLOT];
        let length = self
            .file
            .read_at(&mut slot, u64::from(rank) * SLOT as u64)
            .unwrap_or(0);
        text(&slot[..length.min(UNDER_WAY)])
    }
}

/// What a slot says: up to its NUL, printable on one line.
fn text(slot: &[u8]) -> Option<String> {
    let end = slot
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(slot.len());
    let text: String = String::from_utf8_lossy(&slot[..end])
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_read_by_rank() {
        let board = Board::new(3).expect("board");
        assert_eq!(board.region(1), None);
        board
            .file
            .write_all_at(b"cg.c:412 parallel for\0old", SLOT as u64)
            .expect("write");
        assert_eq!(board.region(1).as_deref(), Some("cg.c:412 parallel for"));
        assert_eq!((board.region(0), board.region(2)), (None, None));
        board.file.set_len(0).expect("truncate");
        assert_eq!(board.region(1), None);
    }

    #[test]
    fn anything_may_stand_in_a_slot() {
        assert_eq!(text(&[b'x'; SLOT]), Some("x".repeat(SLOT)));
        assert_eq!(text(b"a\n\x1b[2Jb\0"), Some("a??[2Jb".into()));
        assert_eq!(text(&[0xff, 0]), Some("\u{fffd}".into()));
    }
}
