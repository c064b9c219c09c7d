//! What the coordinator answers, request by request.

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
    assert!(replies.is_empty());
    let Reply::Welcome { addresses } = service.greeting() else {
        panic!("no welcome")
    };
    assert_eq!(addresses.len(), ranks as usize);
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
            inline: Some(vec![7].into()),
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
                ..
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
    let recall = Reply::Recall {
        lock: 9,
        answer: false,
    };
    assert_eq!(ask(&mut service, 1, acquire(0)), [(0, recall)]);
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
    assert_eq!(ask(&mut service, 1, acquire(0)).len(), 1, "a recall");
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

#[test]
fn who_looks_in_vain_makes_owners_of_locks_publish() {
    let mut service = started(3);
    let look = |service: &mut Service, ticket, seen| {
        let request = Request::Flush {
            ticket,
            seen,
            entry: None,
            patience: 0,
        };
        ask(service, 1, request)
    };
    assert_eq!(look(&mut service, 1, 0).len(), 1, "nobody has a lock");
    ask(&mut service, 0, acquire(0));
    let replies = look(&mut service, 2, 0);
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[0], (0, Reply::Solicit));
    assert_eq!(look(&mut service, 3, 0).len(), 1, "it has been asked");
    let Request::Release { entry, .. } = release(0, 0) else {
        unreachable!("made above")
    };
    let published = Request::Publish {
        entry,
        solicited: true,
    };
    assert!(ask(&mut service, 0, published).is_empty());
    assert_eq!(look(&mut service, 4, 0).len(), 1, "there is news");
    assert_eq!(look(&mut service, 5, 1).len(), 2);
    let drop = Request::Drop { locks: vec![9] };
    assert!(ask(&mut service, 0, drop).is_empty());
    assert_eq!(
        granted(&ask(&mut service, 2, acquire(0))[0]),
        (2, vec![(0, 0)])
    );
}
