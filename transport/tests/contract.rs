//! What every backend must do.

pub mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{Backend, PATIENCE, ends, frame, pattern, run_until, wait};
use transport::{CloseReason, Error, Event, Frame, LOW_WATER, MAX_PAYLOAD, Peer, Transport};

/// Instantiates each test for each backend.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod unix { $(#[test] fn $test() { super::$test(super::Backend::Unix); })* }
        mod tcp { $(#[test] fn $test() { super::$test(super::Backend::Tcp); })* }
        mod secure { $(#[test] fn $test() { super::$test(super::Backend::Secure); })* }
        mod mixed { $(#[test] fn $test() { super::$test(super::Backend::Mixed); })* }
        mod loopback { $(#[test] fn $test() { super::$test(super::Backend::Loopback); })* }
        /// For tests/mpi.rs, whose backends need not be there.
        pub const CONTRACT: &[(&str, fn(Backend))] = &[$((stringify!($test), $test)),*];
    };
}

contract! {
    frames_arrive_in_order,
    all_sizes_arrive_whole,
    the_largest_payload_arrives,
    a_payload_above_the_limit_is_refused,
    many_frames_in_both_directions_at_once,
    every_root_reaches_every_rank,
    a_pipelined_broadcast_arrives_in_order,
    all_ranks_broadcast_at_once,
    simultaneous_first_sends_arrive,
    the_coordinator_answers_whom_it_was_not_introduced_to,
    the_end_of_a_peer_is_reported_once_after_its_frames,
    a_lost_peer_cannot_be_sent_to,
    wake_interrupts_an_endless_poll,
    wake_is_remembered,
    a_poll_without_events_ends_in_time,
    close_sends_what_is_queued,
    a_closed_end_refuses,
    mistaken_addressees_are_errors,
    senders_and_a_sleeping_poller_do_not_wait_for_one_another,
    counters_count_payloads,
    a_sender_hears_when_its_queue_has_drained,
    an_idle_end_uses_no_cpu,
}

fn frames_arrive_in_order(backend: Backend) {
    let job = backend.job(2);
    let mut ends = ends(&job);
    for tag in 0..5000 {
        job[0]
            .send(
                Peer::Rank(1),
                frame(7, tag, pattern(tag, (tag % 100) as usize)),
            )
            .unwrap();
    }
    run_until(&mut ends, "5000 frames", |ends| {
        ends[1].frames().len() == 5000
    });
    for (tag, (from, got)) in (0..).zip(ends[1].frames()) {
        assert_eq!(
            (from, got),
            (
                Peer::Rank(0),
                &frame(7, tag, pattern(tag, (tag % 100) as usize))
            )
        );
    }
}

fn all_sizes_arrive_whole(backend: Backend) {
    let job = backend.job(2);
    let mut ends = ends(&job);
    let around = [0, 32, 64, 1 << 12, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
    let sizes: Vec<usize> = around
        .iter()
        .flat_map(|&size: &usize| [size.saturating_sub(1), size, size + 1])
        .collect();
    for (tag, &size) in (0..).zip(&sizes) {
        job[0]
            .send(Peer::Rank(1), frame(1, tag, pattern(tag, size)))
            .unwrap();
    }
    run_until(&mut ends, "all sizes", |ends| {
        ends[1].frames().len() == sizes.len()
    });
    for ((tag, &size), (_, got)) in (0..).zip(&sizes).zip(ends[1].frames()) {
        assert!(
            got.tag == tag && got.payload == pattern(tag, size),
            "{size} bytes"
        );
    }
}

fn the_largest_payload_arrives(backend: Backend) {
    let job = backend.job(2);
    let mut ends = ends(&job);
    let payload = pattern(3, MAX_PAYLOAD);
    job[0]
        .send(Peer::Rank(1), frame(1, 2, payload.clone()))
        .unwrap();
    run_until(&mut ends, "64 MiB", |ends| !ends[1].frames().is_empty());
    assert!(ends[1].frames()[0].1.payload == payload);
    assert_eq!(job[0].queued(), 0);
}

fn a_payload_above_the_limit_is_refused(backend: Backend) {
    let job = backend.job(2);
    let large = frame(1, 2, vec![0; MAX_PAYLOAD + 1]);
    assert!(
        matches!(job[0].send(Peer::Rank(1), large.clone()), Err(Error::TooLarge(n)) if n == MAX_PAYLOAD + 1)
    );
    assert!(matches!(job[0].broadcast(large), Err(Error::TooLarge(_))));
}

fn many_frames_in_both_directions_at_once(backend: Backend) {
    const FRAMES: u64 = 400;
    let job = backend.job(2);
    std::thread::scope(|scope| {
        for (me, other) in [(0, 1), (1, 0)] {
            let end = &job[me];
            scope.spawn(move || {
                let mut events = Vec::new();
                for tag in 0..FRAMES {
                    end.send(Peer::Rank(other), frame(2, tag, pattern(tag, 40_000)))
                        .unwrap();
                    let deadline = Instant::now() + PATIENCE;
                    while end.queued() > 2 * LOW_WATER {
                        assert!(Instant::now() < deadline, "no room");
                        end.poll(Some(PATIENCE), &mut events).unwrap();
                    }
                }
                let got = events.len();
                events.extend(wait(end.as_ref(), "all frames", |more| {
                    got + more.len() == FRAMES as usize && end.queued() == 0
                }));
                for (tag, event) in (0..).zip(&events) {
                    let Event::Frame { frame, .. } = event else {
                        panic!("{event:?}")
                    };
                    assert!(frame.tag == tag && frame.payload == pattern(tag, 40_000));
                }
            });
        }
    });
}

fn every_root_reaches_every_rank(backend: Backend) {
    for ranks in [1, 2, 3, 5, 8] {
        let job = backend.job(ranks);
        let mut ends = ends(&job);
        for root in 0..ranks {
            let sent = frame(9, root.into(), pattern(root.into(), 100_000));
            job[root as usize].broadcast(sent.clone()).unwrap();
            run_until(&mut ends, "a broadcast", |ends| {
                (0..ranks as usize)
                    .all(|rank| ends[rank].frames().len() == usize::from(rank != root as usize))
            });
            for end in &mut ends {
                for (from, got) in end.frames() {
                    assert_eq!((from, got), (Peer::Rank(root), &sent));
                }
                end.events.clear();
            }
        }
    }
}

fn a_pipelined_broadcast_arrives_in_order(backend: Backend) {
    const FRAMES: u64 = 64;
    let job = backend.job(5);
    let mut ends = ends(&job);
    for tag in 0..FRAMES {
        job[3]
            .broadcast(frame(9, tag, pattern(tag, 256 << 10)))
            .unwrap();
    }
    let all = |end: &support::End<'_>| end.frames().len() == FRAMES as usize;
    run_until(&mut ends, "16 MiB at 4 ranks", |ends| {
        [0, 1, 2, 4].iter().all(|&rank: &usize| all(&ends[rank]))
    });
    for rank in [0, 1, 2, 4] {
        for (tag, (from, got)) in (0..).zip(ends[rank].frames()) {
            assert!(
                from == Peer::Rank(3) && got.tag == tag && got.payload == pattern(tag, 256 << 10)
            );
        }
    }
}

fn all_ranks_broadcast_at_once(backend: Backend) {
    const RANKS: u32 = 4;
    const FRAMES: u64 = 30;
    let job = backend.job(RANKS);
    std::thread::scope(|scope| {
        for me in 0..RANKS {
            let end = &job[me as usize];
            scope.spawn(move || {
                for tag in 0..FRAMES {
                    end.broadcast(frame(4, tag, pattern(u64::from(me) + tag, 100_000)))
                        .unwrap();
                }
                let events = wait(end.as_ref(), "all broadcasts", |events| {
                    events.len() == (RANKS as usize - 1) * FRAMES as usize && end.queued() == 0
                });
                let mut next = HashMap::new();
                for event in events {
                    let Event::Frame {
                        from: Peer::Rank(root),
                        frame,
                    } = event
                    else {
                        panic!("{event:?}")
                    };
                    let tag = next.entry(root).or_insert(0);
                    assert!(
                        frame.tag == *tag
                            && frame.payload == pattern(u64::from(root) + *tag, 100_000)
                    );
                    *tag += 1;
                }
            });
        }
    });
}

fn simultaneous_first_sends_arrive(backend: Backend) {
    for _ in 0..20 {
        let job = backend.job(2);
        let mut ends = ends(&job);
        for tag in 0..3 {
            job[0]
                .send(Peer::Rank(1), frame(1, tag, *b"from 0"))
                .unwrap();
            job[1]
                .send(Peer::Rank(0), frame(1, tag, *b"from 1"))
                .unwrap();
        }
        run_until(&mut ends, "both", |ends| {
            ends[0].frames().len() == 3 && ends[1].frames().len() == 3
        });
        for (end, other) in ends[..2].iter().zip([1, 0]) {
            let tags: Vec<_> = end
                .frames()
                .iter()
                .map(|(from, frame)| (*from, frame.tag))
                .collect();
            assert_eq!(tags, [0, 1, 2].map(|tag| (Peer::Rank(other), tag)));
        }
    }
}

fn the_coordinator_answers_whom_it_was_not_introduced_to(backend: Backend) {
    let job = backend.job(2);
    let mut ends = ends(&job);
    job[1]
        .send(Peer::Coordinator, frame(1, 5, *b"hello"))
        .unwrap();
    run_until(&mut ends, "hello", |ends| !ends[2].frames().is_empty());
    assert_eq!(ends[2].frames(), [(Peer::Rank(1), &frame(1, 5, *b"hello"))]);
    job[2]
        .send(Peer::Rank(1), frame(1, 6, *b"welcome"))
        .unwrap();
    run_until(&mut ends, "welcome", |ends| !ends[1].frames().is_empty());
    assert_eq!(
        ends[1].frames(),
        [(Peer::Coordinator, &frame(1, 6, *b"welcome"))]
    );
}

/// Links in both directions between the first two ranks.
fn acquaint(job: &[Arc<dyn Transport>]) {
    let mut ends = ends(job);
    job[0].send(Peer::Rank(1), frame(0, 0, *b"")).unwrap();
    job[1].send(Peer::Rank(0), frame(0, 0, *b"")).unwrap();
    run_until(&mut ends, "acquaintance", |ends| {
        ends[..2].iter().all(|end| end.frames().len() == 1)
    });
}

fn the_end_of_a_peer_is_reported_once_after_its_frames(backend: Backend) {
    let job = backend.job(2);
    acquaint(&job);
    for tag in 0..50 {
        job[1]
            .send(Peer::Rank(0), frame(1, tag, pattern(tag, 1000)))
            .unwrap();
    }
    // Something unread at the end that closes must not keep its last words from the other.
    job[0].send(Peer::Rank(1), frame(1, 0, *b"unread")).unwrap();
    job[1].close();
    let mut end = vec![support::End::new(job[0].as_ref())];
    run_until(&mut end, "the end", |ends| !ends[0].closed().is_empty());
    assert_eq!(end[0].frames().len(), 50);
    assert_eq!(end[0].closed(), [(Peer::Rank(1), &CloseReason::Ended)]);
    assert!(matches!(end[0].events.last(), Some(Event::Closed { .. })));
    for _ in 0..5 {
        end[0].turn();
    }
    assert_eq!(end[0].closed().len(), 1);
}

fn a_lost_peer_cannot_be_sent_to(backend: Backend) {
    let job = backend.job(2);
    acquaint(&job);
    job[1].close();
    wait(job[0].as_ref(), "the end", |events| !events.is_empty());
    let result = job[0].send(Peer::Rank(1), frame(1, 1, *b"too late"));
    assert!(
        matches!(
            result,
            Err(Error::Lost {
                peer: Peer::Rank(1),
                ..
            })
        ),
        "{result:?}"
    );
    assert_eq!(job[0].queued(), 0);
}

fn wake_interrupts_an_endless_poll(backend: Backend) {
    let job = backend.job(1);
    let end = &job[0];
    std::thread::scope(|scope| {
        let poller = scope.spawn(|| {
            let mut events = Vec::new();
            end.poll(None, &mut events).unwrap();
            assert!(events.is_empty());
        });
        end.wake();
        poller.join().unwrap();
    });
}

fn wake_is_remembered(backend: Backend) {
    let job = backend.job(1);
    let mut events = Vec::new();
    job[0].wake();
    job[0].wake();
    job[0].poll(None, &mut events).unwrap();
    let started = Instant::now();
    job[0]
        .poll(Some(Duration::from_millis(20)), &mut events)
        .unwrap();
    assert!(
        started.elapsed() >= Duration::from_millis(20),
        "two wakes before a poll are one"
    );
}

fn a_poll_without_events_ends_in_time(backend: Backend) {
    let job = backend.job(1);
    let mut events = Vec::new();
    let started = Instant::now();
    job[0].poll(Some(Duration::ZERO), &mut events).unwrap();
    job[0]
        .poll(Some(Duration::from_millis(30)), &mut events)
        .unwrap();
    assert!(events.is_empty());
    assert!((Duration::from_millis(30)..PATIENCE).contains(&started.elapsed()));
}

fn close_sends_what_is_queued(backend: Backend) {
    let job = backend.job(2);
    acquaint(&job);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            wait(job[1].as_ref(), "the end", |events| {
                matches!(events.last(), Some(Event::Closed { .. }))
            })
        });
        for tag in 0..20 {
            job[0]
                .send(Peer::Rank(1), frame(1, tag, pattern(tag, 1 << 20)))
                .unwrap();
        }
        job[0].close();
        let events = reader.join().unwrap();
        assert_eq!(events.len(), 21);
    });
}

fn a_closed_end_refuses(backend: Backend) {
    let job = backend.job(2);
    job[0].close();
    job[0].close();
    assert!(matches!(
        job[0].send(Peer::Rank(1), Frame::default()),
        Err(Error::Closed)
    ));
    assert!(matches!(
        job[0].broadcast(Frame::default()),
        Err(Error::Closed)
    ));
    assert!(matches!(
        job[0].poll(None, &mut Vec::new()),
        Err(Error::Closed)
    ));
}

fn mistaken_addressees_are_errors(backend: Backend) {
    let job = backend.job(2);
    let to_self = job[0].send(Peer::Rank(0), Frame::default());
    assert!(matches!(to_self, Err(Error::ToSelf(Peer::Rank(0)))));
    assert!(matches!(
        job[0].send(Peer::Rank(7), Frame::default()),
        Err(Error::NotIntroduced(Peer::Rank(7)))
    ));
    job[0].set_ranks(0);
    assert!(matches!(
        job[0].broadcast(Frame::default()),
        Err(Error::NotInGroup { ranks: 0, .. })
    ));
    job[2].set_ranks(2);
    assert!(matches!(
        job[2].broadcast(Frame::default()),
        Err(Error::NotInGroup {
            me: Peer::Coordinator,
            ..
        })
    ));
}

fn senders_and_a_sleeping_poller_do_not_wait_for_one_another(backend: Backend) {
    let job = backend.job(2);
    let all_sent = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pollers = [0, 1].map(|me: usize| {
            let (end, all_sent) = (&job[me], &all_sent);
            scope.spawn(move || {
                let mut events = Vec::new();
                // Who sends must poll until the queue is empty, not only until all has arrived here.
                while events.len() < 100 || !all_sent.load(Ordering::Acquire) || end.queued() > 0 {
                    end.poll(None, &mut events).unwrap();
                }
                events
            })
        });
        // Both sides sleep in an endless poll; another thread of each process sends.
        for (me, other) in [(0, 1), (1, 0)] {
            for tag in 0..100 {
                job[me]
                    .send(Peer::Rank(other), frame(1, tag, pattern(tag, 50_000)))
                    .unwrap();
            }
        }
        all_sent.store(true, Ordering::Release);
        job.iter().for_each(|end| end.wake());
        for poller in pollers {
            assert_eq!(poller.join().unwrap().len(), 100);
        }
    });
}

fn counters_count_payloads(backend: Backend) {
    let job = backend.job(3);
    let mut ends = ends(&job);
    job[0].broadcast(frame(1, 1, pattern(1, 1000))).unwrap();
    job[0]
        .send(Peer::Rank(1), frame(1, 1, pattern(1, 10)))
        .unwrap();
    run_until(&mut ends, "three", |ends| {
        ends[1].frames().len() == 2 && ends[2].frames().len() == 1
    });
    let counters: Vec<_> = job.iter().map(|end| end.counters()).collect();
    assert_eq!(
        (counters[1].frames_received, counters[1].bytes_received),
        (2, 1010)
    );
    assert_eq!(
        (counters[2].frames_received, counters[2].bytes_received),
        (1, 1000)
    );
    assert_eq!(counters.iter().map(|c| c.frames_sent).sum::<u64>(), 3);
    assert_eq!(counters.iter().map(|c| c.bytes_sent).sum::<u64>(), 2010);
}

fn a_sender_hears_when_its_queue_has_drained(backend: Backend) {
    let job = backend.job(2);
    acquaint(&job);
    let mut sent = 0;
    // Nobody reads yet, so sockets fill up.
    while sent < 64 && job[0].queued() < 4 * LOW_WATER {
        job[0]
            .send(Peer::Rank(1), frame(1, sent, pattern(sent, 1 << 20)))
            .unwrap();
        sent += 1;
    }
    assert_eq!(
        job[0].queued() >= 4 * LOW_WATER,
        backend != Backend::Loopback
    );
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait(job[1].as_ref(), "all frames", |events| {
                events.len() as u64 == sent
            })
        });
        let started = Instant::now();
        while job[0].queued() >= LOW_WATER {
            job[0].poll(Some(PATIENCE), &mut Vec::new()).unwrap();
        }
        while job[0].queued() > 0 {
            job[0].poll(Some(PATIENCE), &mut Vec::new()).unwrap();
        }
        assert!(
            started.elapsed() < PATIENCE,
            "no poll returned for the queue's sake"
        );
    });
}

fn an_idle_end_uses_no_cpu(backend: Backend) {
    let job = backend.job(2);
    acquaint(&job);
    let before = support::cpu_time();
    job[0]
        .poll(Some(Duration::from_millis(300)), &mut Vec::new())
        .unwrap();
    assert!(support::cpu_time() - before < Duration::from_millis(30));
}
