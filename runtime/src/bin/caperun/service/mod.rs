//! What the coordinator does for the ranks: state machines that take a request and return replies, and touch nothing else.

pub mod chunks;
pub mod events;
pub mod locks;
pub mod log;
pub mod membership;
pub mod tasks;

use std::time::{Duration, Instant};

use crate::control::tasks::{TaskReply, TaskRequest};
use crate::control::{Entry, LogPosition, RankStatistics, Reply, Request};
use chunks::{Chunks, Plan};
use events::{Events, Waiter};
use locks::{Answer, Locks};
use log::{Answered, Log};
use membership::{Member, Membership};
use tasks::Market;

/// Replies and the ranks they go to, in order.
pub type Replies = Vec<(u32, Reply)>;

/// What a request changed for the job as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Ordinary,
    /// All ranks have joined, and are to be welcomed: all with the same words, which grow with their number.
    Complete,
    /// The driver's program has ended; workers have been told to shut down.
    Finalizing,
}

/// The coordinator's state.
#[derive(Debug)]
pub struct Service {
    ranks: u32,
    membership: Membership,
    locks: Locks,
    /// Ranks that have been asked to publish and have not answered.
    solicited: Vec<bool>,
    log: Log,
    chunks: Chunks,
    market: Market,
    events: Events,
    statistics: Vec<Option<RankStatistics>>,
    finalizing: bool,
}

impl Service {
    /// A job of `ranks` ranks, none of which has joined.
    pub fn new(ranks: u32) -> Service {
        Service {
            ranks,
            membership: Membership::new(ranks),
            locks: Locks::default(),
            solicited: vec![false; ranks as usize],
            log: Log::new(ranks),
            chunks: Chunks::default(),
            market: Market::default(),
            events: Events::default(),
            statistics: vec![None; ranks as usize],
            finalizing: false,
        }
    }

    /// Serves one request of `rank`. The error ends the job; its text is complete.
    pub fn handle(
        &mut self,
        rank: u32,
        request: Request,
        replies: &mut Replies,
    ) -> Result<Progress, String> {
        if let Request::Fatal { message } = request {
            return Err(format!("rank {rank}: {message}"));
        }
        if let Request::Hello {
            pid,
            address,
            tracker,
            identity,
        } = request
        {
            return self.welcome(
                rank,
                Member {
                    pid,
                    address,
                    tracker,
                    identity,
                },
            );
        }
        // The driver may end before all have joined; whoever needs the others waits for its welcome.
        if !self.membership.has(rank) {
            return Err(format!(
                "rank {rank} sent a request before it joined the job: compile the program again with capec"
            ));
        }
        self.serve(rank, request, replies)
            .map_err(|error| format!("rank {rank} {error}"))
    }

    /// What all ranks are told once all have joined.
    pub fn greeting(&self) -> Reply {
        Reply::Welcome {
            addresses: self.membership.addresses(),
        }
    }

    fn welcome(&mut self, rank: u32, member: Member) -> Result<Progress, String> {
        if !self.membership.join(rank, member)? {
            return Ok(Progress::Ordinary);
        }
        Ok(Progress::Complete)
    }

    fn serve(
        &mut self,
        rank: u32,
        request: Request,
        replies: &mut Replies,
    ) -> Result<Progress, String> {
        match request {
            Request::Acquire {
                lock,
                seen,
                try_only,
            } => {
                self.log.check(seen).map_err(|error| error.to_string())?;
                self.log.note_applied(rank, seen);
                let answer = self.locks.acquire(lock, rank, seen, try_only);
                self.answer(lock, answer, replies);
            }
            Request::Release { lock, entry } => {
                self.append(entry, replies);
                self.release(rank, lock, replies)?;
            }
            Request::Busy { lock } => {
                let answer = self.locks.busy(lock, rank);
                self.answer(lock, answer, replies);
            }
            Request::Drop { locks } => {
                for lock in locks {
                    self.release(rank, lock, replies)?;
                }
            }
            Request::Publish { entry, solicited } => {
                self.append(entry, replies);
                if solicited {
                    self.solicited[rank as usize] = false;
                }
            }
            Request::FetchLog { ticket, seen, upto } => {
                self.log.note_applied(rank, seen);
                let found = self
                    .log
                    .fetch(rank, ticket, seen, upto)
                    .map_err(|error| error.to_string())?;
                replies.extend(found.map(reply));
            }
            Request::Flush {
                ticket,
                seen,
                entry,
                patience,
            } => {
                self.log.check(seen).map_err(|error| error.to_string())?;
                self.log.note_applied(rank, seen);
                self.append(entry, replies);
                let patience = Duration::from_micros(u64::from(patience));
                let until = (!patience.is_zero()).then(|| Instant::now() + patience);
                let found = self
                    .log
                    .flush(rank, ticket, seen, until)
                    .map_err(|error| error.to_string())?;
                if found.as_ref().is_none_or(|found| found.entries.is_empty()) {
                    self.solicit(rank, replies);
                }
                replies.extend(found.map(reply));
            }
            Request::Post {
                instance,
                position,
                entry,
            } => {
                self.append(entry, replies);
                for waiter in self.events.post(instance, position) {
                    replies.push(self.answer_waiter(waiter));
                }
            }
            Request::Await {
                ticket,
                instance,
                position,
                seen,
            } => {
                self.log.check(seen).map_err(|error| error.to_string())?;
                self.log.note_applied(rank, seen);
                let waiter = Waiter { rank, ticket, seen };
                if self.events.wait(instance, position, waiter) {
                    replies.push(self.answer_waiter(waiter));
                }
            }
            Request::Forget { instance, ranks } => self.events.forget(instance, ranks),
            Request::Applied { seen } => {
                self.log.check(seen).map_err(|error| error.to_string())?;
                self.log.note_applied(rank, seen);
            }
            Request::NextChunk {
                instance,
                team,
                iterations,
                chunk,
                kind,
            } => {
                let plan = Plan {
                    team,
                    iterations,
                    chunk,
                    kind,
                };
                let given = self
                    .chunks
                    .next(instance, rank, plan)
                    .map_err(|error| error.to_string())?;
                replies.push((
                    rank,
                    Reply::Chunk {
                        instance,
                        first: given.start,
                        end: given.end,
                    },
                ));
                return Ok(Progress::Ordinary);
            }
            Request::Task(request) => self.trade(rank, request, replies),
            Request::Statistics(statistics) => self.statistics[rank as usize] = Some(statistics),
            Request::Finalize => return self.finalize(rank, replies),
            Request::Hello { .. } | Request::Fatal { .. } => {
                unreachable!("handled before the job is complete")
            }
        }
        let pending = [
            self.locks.earliest_waiting(),
            self.events.earliest_waiting(),
        ];
        self.log.truncate(pending.into_iter().flatten().min());
        Ok(Progress::Ordinary)
    }

    fn trade(&mut self, rank: u32, request: TaskRequest, replies: &mut Replies) {
        let told = |(rank, ranks): (u32, u32), phase| {
            (rank, Reply::Task(TaskReply::Hunger { phase, ranks }))
        };
        match request {
            TaskRequest::Surplus { phase } => {
                if let Some(hunger) = self.market.surplus(rank, phase) {
                    replies.push(told((rank, hunger), phase));
                    let others = (0..self.ranks).filter(|other| *other != rank);
                    replies.extend(
                        others.map(|other| (other, Reply::Task(TaskReply::Surplus { phase }))),
                    );
                }
            }
            TaskRequest::Hungry { phase, seen } => {
                self.note_applied(rank, seen);
                let hungry = self.market.hungry(rank, phase);
                replies.extend(hungry.into_iter().map(|hunger| told(hunger, phase)));
            }
            TaskRequest::Offer {
                phase,
                batch,
                parcels,
                entry,
                seen,
            } => {
                self.note_applied(rank, seen);
                self.append(entry, replies);
                let (thief, others) = self.market.offer(rank, phase);
                replies.extend(others.into_iter().map(|hunger| told(hunger, phase)));
                let Some(thief) = thief else {
                    return replies.push((rank, Reply::Task(TaskReply::Declined { batch })));
                };
                let (from, entries) = self.log.news_for(thief);
                let given = TaskReply::Given {
                    owner: rank,
                    batch,
                    parcels,
                    entries,
                    from,
                };
                replies.push((thief, Reply::Task(given)));
            }
            TaskRequest::Done {
                owner,
                batch,
                entry,
                credit,
                duration,
                cost,
                seen,
            } => {
                self.note_applied(rank, seen);
                self.append(entry, replies);
                let (from, entries) = self.log.news_for(owner);
                let done = TaskReply::Done {
                    batch,
                    entries,
                    from,
                    credit,
                    duration,
                    cost,
                };
                replies.push((owner, Reply::Task(done)));
            }
            TaskRequest::Return { owner, batch } => {
                replies.push((owner, Reply::Task(TaskReply::Declined { batch })));
            }
            TaskRequest::Cancel { owner, batch, up } => {
                let concerned = (0..self.ranks).filter(|other| *other != rank);
                replies.extend(
                    concerned
                        .filter(|other| !up || *other == owner)
                        .map(|other| (other, Reply::Task(TaskReply::Cancel { owner, batch, up }))),
                );
            }
            TaskRequest::Fulfil {
                owner,
                event,
                entry,
            } => {
                self.append(entry, replies);
                let (from, entries) = self.log.news_for(owner);
                let fulfil = TaskReply::Fulfil {
                    event,
                    entries,
                    from,
                };
                replies.push((owner, Reply::Task(fulfil)));
            }
        }
    }

    /// What a rank says of itself in passing: positions that the log does not have are ignored.
    fn note_applied(&mut self, rank: u32, seen: LogPosition) {
        if self.log.check(seen).is_ok() {
            self.log.note_applied(rank, seen);
        }
    }

    fn append(&mut self, entry: Option<Entry>, replies: &mut Replies) {
        if let Some(entry) = entry {
            replies.extend(self.log.append(entry).into_iter().map(reply));
        }
    }

    /// All of the log that `waiter` lacks, which is at least what was published with the event.
    fn answer_waiter(&self, waiter: Waiter) -> (u32, Reply) {
        let Waiter { rank, ticket, seen } = waiter;
        let entries = self.log.range(seen, self.log.end());
        (rank, Reply::Log { ticket, entries })
    }

    /// When [`Service::expire`] is to be called next.
    pub fn deadline(&self) -> Option<Instant> {
        self.log.deadline()
    }

    /// Answers the requests whose time is up.
    pub fn expire(&mut self, now: Instant) -> Replies {
        self.log.expire(now).into_iter().map(reply).collect()
    }

    fn release(&mut self, rank: u32, lock: u64, replies: &mut Replies) -> Result<(), String> {
        let next = self
            .locks
            .release(lock, rank, self.log.end())
            .map_err(|error| error.to_string())?;
        self.answer(lock, next, replies);
        self.locks.forget(self.log.base());
        Ok(())
    }

    /// `rank` found nothing new: whoever keeps locks may keep what was written under them, too.
    fn solicit(&mut self, rank: u32, replies: &mut Replies) {
        for other in (0..self.ranks).filter(|other| *other != rank) {
            if self.locks.has_any(other) && !self.solicited[other as usize] {
                self.solicited[other as usize] = true;
                replies.push((other, Reply::Solicit));
            }
        }
    }

    fn answer(&self, lock: u64, answer: Option<Answer>, replies: &mut Replies) {
        replies.extend(answer.map(|answer| match answer {
            Answer::Granted {
                rank,
                seen,
                upto,
                whole,
                wanted,
            } => {
                let entries = self.log.range(seen, upto);
                let granted = Reply::Granted {
                    lock,
                    acquired: true,
                    whole,
                    wanted,
                    entries,
                };
                (rank, granted)
            }
            Answer::Taken { rank } => {
                let refused = Reply::Granted {
                    lock,
                    acquired: false,
                    whole: false,
                    wanted: false,
                    entries: Vec::new(),
                };
                (rank, refused)
            }
            Answer::Recall { rank, answer } => (rank, Reply::Recall { lock, answer }),
        }));
    }

    fn finalize(&mut self, rank: u32, replies: &mut Replies) -> Result<Progress, String> {
        if rank != 0 {
            return Err(
                "tried to end the job, which only rank 0 may: compile the program again with capec"
                    .to_owned(),
            );
        }
        if !self.finalizing {
            self.finalizing = true;
            replies.extend((1..self.ranks).map(|rank| (rank, Reply::Shutdown)));
        }
        Ok(Progress::Finalizing)
    }

    /// Whether the driver has said that its program ended.
    pub fn finalizing(&self) -> bool {
        self.finalizing
    }

    /// Who has joined.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// What each rank measured, as far as it has said so.
    pub fn statistics(&self) -> &[Option<RankStatistics>] {
        &self.statistics
    }

    /// What `rank` waits for here, in words that follow "rank 3 ".
    pub fn waits_for(&self, rank: u32) -> Option<String> {
        let lock = self
            .locks
            .waits_for(rank)
            .map(|(_, owner)| format!("waits for a lock that rank {owner} holds"));
        let entry = |upto: LogPosition| {
            format!(
                "waits for entry {upto} of the log, which has {}",
                self.log.end()
            )
        };
        let event = |position| format!("waits for iteration {position} of an ordered loop");
        lock.or_else(|| self.log.waits_for(rank).map(entry))
            .or_else(|| self.events.waits_for(rank).map(event))
    }
}

fn reply(answered: Answered) -> (u32, Reply) {
    let Answered {
        rank,
        ticket,
        entries,
    } = answered;
    (rank, Reply::Log { ticket, entries })
}

#[cfg(test)]
mod tests;
