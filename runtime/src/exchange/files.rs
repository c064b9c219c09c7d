//! Questions about the driver's files and its answers. They travel along the tree by which ranks report to the driver ([`crate::gather`]):
//! links that are there anyway, so that nobody needs a socket for each rank.
//!
//! A payload begins with the number of the rank that asks, four bytes, the lowest first; the frame's tag names its question.

use bytes::Bytes;
use transport::{Frame, Peer};

use super::{Exchange, FILE_ANSWER_FRAME, FILE_QUESTION_FRAME};
use crate::failure::fatal;
use crate::gather;

use std::sync::atomic::Ordering::Relaxed;

const RANK: usize = size_of::<u32>();

/// Who asks, and what.
fn parse(frame: &Frame) -> (u32, Bytes) {
    match frame.payload.first_chunk() {
        Some(rank) => (u32::from_le_bytes(*rank), frame.payload.slice(RANK..)),
        None => fatal("a message about files is too short: all ranks must run the same build"),
    }
}

/// To whom `me` passes what is for `rank`, which is below it.
fn towards(rank: u32, me: u32) -> Option<u32> {
    std::iter::successors(Some(rank), |&rank| gather::parent(rank))
        .find(|&rank| gather::parent(rank) == Some(me))
}

impl Exchange {
    /// Asks the driver, and returns its answer. On a worker; not in the thread that receives.
    pub fn ask_about_file(&self, question: &[u8]) -> Bytes {
        let tag = 1 + self.file_questions.fetch_add(1, Relaxed);
        self.send_file_question(tag, question);
        self.wait(|inbox| inbox.files.remove(&tag))
    }

    /// Tells the driver something that it does not answer. On a worker.
    pub fn tell_about_file(&self, news: &[u8]) {
        self.send_file_question(0, news);
    }

    fn send_file_question(&self, tag: u64, question: &[u8]) {
        let payload = [&self.me().to_le_bytes(), question].concat().into();
        self.pass_up(Frame {
            kind: FILE_QUESTION_FRAME,
            tag,
            payload,
        });
    }

    fn pass_up(&self, frame: Frame) {
        let parent = gather::parent(self.me()).expect("the driver asks nobody about its files");
        let sent = self.node.send(Peer::Rank(parent), frame);
        self.give(sent, &format!("rank {parent}"));
    }

    /// The driver's answer to the question `tag` of `rank`. A rank that is gone needs none.
    pub fn answer_about_file(&self, rank: u32, tag: u64, answer: &[u8]) {
        self.pass_down(Frame {
            kind: FILE_ANSWER_FRAME,
            tag,
            payload: [&rank.to_le_bytes(), answer].concat().into(),
        });
    }

    fn pass_down(&self, frame: Frame) {
        if let Some(next) = towards(parse(&frame).0, self.me()) {
            // If it cannot be reached, the event that says so is on its way.
            let _ = self.node.send(Peer::Rank(next), frame);
        }
    }

    pub(super) fn sort_file_question(&self, frame: Frame) {
        if self.me() > 0 {
            return self.pass_up(frame);
        }
        let (rank, question) = parse(&frame);
        crate::ffi::files::asked(rank, frame.tag, &question);
    }

    pub(super) fn sort_file_answer(&self, frame: Frame) {
        let (rank, answer) = parse(&frame);
        if rank != self.me() {
            return self.pass_down(frame);
        }
        self.look(|inbox| inbox.files.insert(frame.tag, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_way_back() {
        for rank in 1..5000 {
            let mut at = 0;
            while at != rank {
                let next = towards(rank, at).expect("all ranks are below the driver");
                assert_eq!(gather::parent(next), Some(at));
                at = next;
            }
        }
        assert_eq!(towards(3, 4), None);
    }
}
