//! What has arrived from the coordinator and from other ranks and has not been consumed: see [`crate::exchange`].

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::{Arrival, Order};
use crate::control::tasks::TaskReply;
use crate::control::{Entry, Reply};
use crate::entry::Part;
use crate::gather;

/// Parts received of a streamed entry.
#[derive(Debug, Default)]
pub struct Stream {
    /// In order; the last one of a complete stream is [`Part::End`].
    pub parts: VecDeque<Part>,
}

/// Everything received and not yet consumed.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Where each rank listens, once all are there.
    pub welcome: Option<Vec<String>>,
    /// This rank, if it can relay what the driver sends, and those that report to it with all below them.
    pub ready: u32,
    /// Answers to `Acquire` by lock; one thread of the rank at a time asks for a lock.
    pub granted: HashMap<u64, (bool, Vec<Entry>)>,
    /// Tickets of requests for log entries, and the answers. An answer to a ticket that is not here is not wanted any more.
    pub log: HashMap<u64, Option<Vec<Entry>>>,
    /// Answers to `NextChunk`.
    pub chunks: HashMap<(u64, u64), (u64, u64)>,
    /// Arrivals by rank: for the driver, or to be passed on towards it.
    pub arrivals: HashMap<u32, VecDeque<Arrival>>,
    /// The driver's orders, for the workers.
    pub orders: VecDeque<Order>,
    /// Streamed entries by author and sequence number.
    pub streams: HashMap<(u32, u64), Stream>,
    /// About tasks.
    pub tasks: VecDeque<TaskReply>,
    /// The last question about output that was answered.
    pub settled: u64,
    /// The driver's answers about its files, by question.
    pub files: HashMap<u64, Bytes>,
    /// The program has ended.
    pub shutdown: bool,
}

impl Inbox {
    /// Sorts a reply of the coordinator in.
    pub fn take_reply(&mut self, reply: Reply) {
        match reply {
            Reply::Welcome { addresses } => self.welcome = Some(addresses),
            Reply::Granted {
                lock,
                acquired,
                entries,
                ..
            } => {
                self.granted.insert(lock, (acquired, entries));
            }
            Reply::Log { ticket, entries } => {
                if let Some(answer) = self.log.get_mut(&ticket) {
                    *answer = Some(entries);
                }
            }
            Reply::Chunk {
                instance,
                first,
                end,
            } => {
                self.chunks.insert(instance, (first, end));
            }
            Reply::Task(news) => {
                if !crate::tasks::remote::note(&news) {
                    self.tasks.push_back(news);
                }
            }
            Reply::Shutdown | Reply::Abort => self.shutdown = true,
            Reply::Recall { .. } | Reply::Solicit => {}
        }
    }

    /// Takes the arrivals of `me` and of the ranks below it once all of them are there. Where a region may be cancelled, ranks leave
    /// barriers early and do not all arrive equally often: there nobody waits for others.
    pub fn take_gathered(&mut self, me: u32) -> Vec<(u32, Arrival)> {
        if crate::team::cancellation() {
            let all = self.arrivals.drain();
            return all
                .flat_map(|(rank, queue)| queue.into_iter().map(move |arrival| (rank, arrival)))
                .collect();
        }
        let Some(own) = self.arrivals.get(&me).and_then(VecDeque::front) else {
            return Vec::new();
        };
        let ranks = own.ranks;
        let waiting = |rank| self.arrivals.get(&rank).is_none_or(VecDeque::is_empty);
        if gather::subtree(me, ranks).any(waiting) {
            return Vec::new();
        }
        let mut take = |rank| self.arrivals.get_mut(&rank)?.pop_front();
        gather::subtree(me, ranks)
            .filter_map(|rank| take(rank).map(|arrival| (rank, arrival)))
            .collect()
    }

    /// The answer to the request with this ticket, once; the ticket is used up then.
    pub fn answer(&mut self, ticket: u64) -> Option<Vec<Entry>> {
        let answer = self.log.get_mut(&ticket)?.take()?;
        self.log.remove(&ticket);
        Some(answer)
    }

    /// The answer to the request with this ticket is not wanted any more.
    pub fn give_up(&mut self, ticket: u64) {
        self.log.remove(&ticket);
    }
}
