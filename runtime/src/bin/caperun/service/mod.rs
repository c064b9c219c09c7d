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
    /// All ranks have joined and have been welcomed.
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
                replies,
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

    fn welcome(
        &mut self,
        rank: u32,
        member: Member,
        replies: &mut Replies,
    ) -> Result<Progress, String> {
        if !self.membership.join(rank, member)? {
            return Ok(Progress::Ordinary);
        }
        let addresses = self.membership.addresses();
        // The driver last: its first region, which workers relay to one another, follows at once.
        replies.extend((1..self.ranks).chain([0]).map(|rank| {
            (
                rank,
                Reply::Welcome {
                    addresses: addresses.clone(),
                },
            )
        }));
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
                self.answer(rank, lock, answer, replies);
            }
            Request::Release { lock, entry } => {
                self.append(entry, replies);
                let next = self
                    .locks
                    .release(lock, rank, self.log.end())
                    .map_err(|error| error.to_string())?;
                if let Some(answer) = next {
                    self.answer(rank, lock, answer, replies);
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
            TaskRequest::Hungry { phase } => {
                let hungry = self.market.hungry(rank, phase);
                replies.extend(hungry.into_iter().map(|hunger| told(hunger, phase)));
            }
            TaskRequest::Offer {
                phase,
                batch,
                parcels,
                entry,
            } => {
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
            } => {
                self.append(entry, replies);
                let (from, entries) = self.log.news_for(owner);
                let done = TaskReply::Done {
                    batch,
                    entries,
                    from,
                    credit,
                    duration,
                };
                replies.push((owner, Reply::Task(done)));
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

    fn answer(&self, asking: u32, lock: u64, answer: Answer, replies: &mut Replies) {
        match answer {
            Answer::Granted { rank, seen, upto } => {
                replies.push((
                    rank,
                    Reply::Granted {
                        lock,
                        acquired: true,
                        entries: self.log.range(seen, upto),
                    },
                ));
            }
            Answer::Taken => replies.push((
                asking,
                Reply::Granted {
                    lock,
                    acquired: false,
                    entries: Vec::new(),
                },
            )),
            Answer::Queued => {}
        }
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
mod tests {
    use super::*;
    use crate::control::LoopKind;

    fn hello(pid: u32) -> Request {
        let Member {
            pid,
            address,
            tracker,
            identity,
        } = membership::tests::member(pid);
        Request::Hello {
            pid,
            address,
            tracker,
            identity,
        }
    }

    fn started(ranks: u32) -> Service {
        let mut service = Service::new(ranks);
        let mut replies = Replies::new();
        for rank in 0..ranks {
            let progress = service
                .handle(rank, hello(rank), &mut replies)
                .expect("joins");
            assert_eq!(progress == Progress::Complete, rank + 1 == ranks);
        }
        assert_eq!(replies.len(), ranks as usize);
        service
    }

    fn ask(service: &mut Service, rank: u32, request: Request) -> Replies {
        let mut replies = Replies::new();
        service.handle(rank, request, &mut replies).expect("served");
        replies
    }

    fn acquire(seen: LogPosition) -> Request {
        Request::Acquire {
            lock: 9,
            seen,
            try_only: false,
        }
    }

    fn release(author: u32, sequence: u64) -> Request {
        Request::Release {
            lock: 9,
            entry: Some(Entry {
                author,
                sequence,
                inline: Some(vec![7]),
            }),
        }
    }

    fn granted(reply: &(u32, Reply)) -> (u32, Vec<(u32, u64)>) {
        match reply {
            (
                rank,
                Reply::Granted {
                    lock: 9,
                    acquired: true,
                    entries,
                },
            ) => (
                *rank,
                entries
                    .iter()
                    .map(|entry| (entry.author, entry.sequence))
                    .collect(),
            ),
            other => panic!("expected a grant: {other:?}"),
        }
    }

    #[test]
    fn a_grant_carries_what_happened_before_the_last_release() {
        let mut service = started(3);
        assert_eq!(granted(&ask(&mut service, 0, acquire(0))[0]), (0, vec![]));
        assert!(ask(&mut service, 1, acquire(0)).is_empty());
        assert!(ask(&mut service, 2, acquire(0)).is_empty());
        assert_eq!(
            service.waits_for(2).as_deref(),
            Some("waits for a lock that rank 0 holds")
        );
        assert_eq!(
            granted(&ask(&mut service, 0, release(0, 0))[0]),
            (1, vec![(0, 0)])
        );
        assert_eq!(
            granted(&ask(&mut service, 1, release(1, 0))[0]),
            (2, vec![(0, 0), (1, 0)])
        );
        assert!(
            ask(
                &mut service,
                2,
                Request::Release {
                    lock: 9,
                    entry: None
                }
            )
            .is_empty()
        );
        assert_eq!(
            granted(&ask(&mut service, 0, acquire(1))[0]),
            (0, vec![(1, 0)])
        );
    }

    #[test]
    fn the_log_is_forgotten_once_all_have_applied_it_but_not_before() {
        let mut service = started(2);
        for sequence in 0..100 {
            ask(&mut service, 0, acquire(sequence));
            ask(&mut service, 0, release(0, sequence));
        }
        assert_eq!(service.log.held(), 100, "rank 1 has seen nothing");
        ask(&mut service, 1, Request::Applied { seen: 100 });
        assert_eq!(service.log.held(), 1, "rank 0 said 99 last");
        ask(&mut service, 0, Request::Applied { seen: 100 });
        assert_eq!((service.log.held(), service.log.end()), (0, 100));
        let error = service
            .handle(1, acquire(99), &mut Replies::new())
            .expect_err("forgotten");
        assert!(
            error.starts_with("rank 1 asked for log entries from 99"),
            "{error}"
        );
    }

    #[test]
    fn a_queued_acquire_keeps_the_entries_it_will_need() {
        let mut service = started(2);
        ask(&mut service, 0, acquire(0));
        assert!(ask(&mut service, 1, acquire(0)).is_empty());
        let other = Request::Release {
            lock: 5,
            entry: Some(Entry {
                author: 0,
                sequence: 0,
                inline: None,
            }),
        };
        ask(
            &mut service,
            0,
            Request::Acquire {
                lock: 5,
                seen: 0,
                try_only: true,
            },
        );
        ask(&mut service, 0, other);
        ask(&mut service, 0, Request::Applied { seen: 1 });
        ask(&mut service, 1, Request::Applied { seen: 1 });
        assert_eq!(
            granted(&ask(&mut service, 0, release(0, 1))[0]),
            (1, vec![(0, 0), (0, 1)])
        );
    }

    #[test]
    fn a_fetch_is_answered_when_its_entry_arrives() {
        let mut service = started(2);
        assert!(
            ask(
                &mut service,
                1,
                Request::FetchLog {
                    ticket: 5,
                    seen: 0,
                    upto: 1
                }
            )
            .is_empty()
        );
        assert!(service.waits_for(1).expect("waits").contains("entry 1"));
        ask(&mut service, 0, acquire(0));
        let replies = ask(&mut service, 0, release(0, 0));
        assert!(
            matches!(&replies[..], [(1, Reply::Log { ticket: 5, entries })] if entries.len() == 1),
            "{replies:?}"
        );
        let replies = ask(
            &mut service,
            1,
            Request::FetchLog {
                ticket: 6,
                seen: 1,
                upto: 1,
            },
        );
        assert!(
            matches!(&replies[..], [(1, Reply::Log { ticket: 6, entries })] if entries.is_empty()),
            "{replies:?}"
        );
    }

    #[test]
    fn an_event_brings_what_was_published_with_it() {
        let mut service = started(3);
        let wait = |rank: u32, seen| Request::Await {
            ticket: u64::from(rank),
            instance: (4, 1),
            position: 9,
            seen,
        };
        assert!(ask(&mut service, 1, wait(1, 0)).is_empty());
        assert!(service.waits_for(1).expect("waits").contains("iteration 9"));
        let post = Request::Post {
            instance: (4, 1),
            position: 9,
            entry: Some(Entry {
                author: 2,
                sequence: 0,
                inline: None,
            }),
        };
        let replies = ask(&mut service, 2, post);
        assert!(
            matches!(&replies[..], [(1, Reply::Log { ticket: 1, entries })] if entries.len() == 1),
            "{replies:?}"
        );
        let replies = ask(&mut service, 0, wait(0, 1));
        assert!(
            matches!(&replies[..], [(0, Reply::Log { ticket: 0, entries })] if entries.is_empty()),
            "{replies:?}"
        );
    }

    #[test]
    fn the_driver_ends_the_job_once() {
        let mut service = started(3);
        let replies = ask(&mut service, 0, Request::Finalize);
        assert_eq!(replies, [(1, Reply::Shutdown), (2, Reply::Shutdown)]);
        assert!(ask(&mut service, 0, Request::Finalize).is_empty());
        assert!(service.finalizing());
        assert!(
            service
                .handle(1, Request::Finalize, &mut Replies::new())
                .expect_err("worker")
                .contains("only rank 0")
        );
    }

    #[test]
    fn mistakes_end_the_job_with_the_rank_named() {
        let mut service = Service::new(2);
        let early = service
            .handle(1, acquire(0), &mut Replies::new())
            .expect_err("early");
        assert!(
            early.contains("rank 1") && early.contains("before it joined"),
            "{early}"
        );
        let fatal = Request::Fatal {
            message: "no more memory: lower N".into(),
        };
        assert_eq!(
            service.handle(1, fatal, &mut Replies::new()),
            Err("rank 1: no more memory: lower N".into())
        );
        let mut service = started(2);
        let error = service
            .handle(1, release(1, 0), &mut Replies::new())
            .expect_err("not owner");
        assert!(error.starts_with("rank 1 released lock 0x9"), "{error}");
        assert!(
            service
                .handle(1, hello(1), &mut Replies::new())
                .expect_err("twice")
                .contains("twice")
        );
    }

    #[test]
    fn statistics_and_chunks_pass_through() {
        let mut service = started(2);
        let request = Request::NextChunk {
            instance: (4, 2),
            team: 2,
            iterations: 3,
            chunk: 5,
            kind: LoopKind::Dynamic,
        };
        assert_eq!(
            ask(&mut service, 1, request),
            [(
                1,
                Reply::Chunk {
                    instance: (4, 2),
                    first: 0,
                    end: 3
                }
            )]
        );
        ask(
            &mut service,
            1,
            Request::Statistics(RankStatistics::default()),
        );
        assert_eq!(
            service.statistics(),
            [None, Some(RankStatistics::default())]
        );
    }
}
