//! Failures on the way of a broadcast.

mod support;

use support::{End, frame, nodes, run_until};
use transport::{CloseReason, Error, JobKey, Listen, Node, Peer, Transport};

#[test]
fn a_relay_that_does_not_know_the_next_rank_says_so_once() {
    let key = JobKey::generate().unwrap();
    let job: Vec<_> = (0..4)
        .map(|rank| Node::new(Peer::Rank(rank), Listen::Unix, key.clone()).unwrap())
        .collect();
    // Rank 0 reaches rank 3 through rank 1, which was told of nobody.
    job[0].set_ranks(4);
    job[1..3]
        .iter()
        .for_each(|node| job[0].introduce(node.me(), node.address()));
    job[0].broadcast(frame(1, 1, *b"first")).unwrap();
    job[0].broadcast(frame(1, 2, *b"second")).unwrap();
    let mut ends: Vec<_> = job.iter().map(|node| End::new(node)).collect();
    run_until(&mut ends, "two frames", |ends| {
        ends[1].frames().len() == 2 && ends[2].frames().len() == 2
    });
    assert_eq!(
        ends[1].closed(),
        [(Peer::Rank(3), &CloseReason::NotIntroduced)]
    );
    assert!(ends[2].closed().is_empty());
}

#[test]
fn a_lost_child_does_not_keep_the_others_from_receiving() {
    let job = nodes(4, Listen::Unix);
    let mut ends: Vec<_> = job.iter().map(|node| End::new(node.as_ref())).collect();
    job[0].broadcast(frame(1, 1, *b"all")).unwrap();
    run_until(&mut ends, "the first broadcast", |ends| {
        ends[1..4].iter().all(|end| end.frames().len() == 1)
    });
    // A leaf of the tree.
    job[2].close();
    ends.remove(2);
    run_until(&mut ends[..1], "the loss", |ends| {
        !ends[0].closed().is_empty()
    });
    let result = job[0].broadcast(frame(1, 2, *b"the rest"));
    assert!(
        matches!(
            result,
            Err(Error::Lost {
                peer: Peer::Rank(2),
                ..
            })
        ),
        "{result:?}"
    );
    run_until(&mut ends, "the second broadcast", |ends| {
        ends[1..3].iter().all(|end| end.frames().len() == 2)
    });
}

#[test]
fn a_relay_reports_a_next_rank_that_is_gone() {
    let job = nodes(4, Listen::Unix);
    let mut ends: Vec<_> = job[..3]
        .iter()
        .map(|node| End::new(node.as_ref()))
        .collect();
    job[1].introduce(
        Peer::Rank(3),
        "unix:@cape-test-nobody-is-here".parse().unwrap(),
    );
    job[0].broadcast(frame(1, 1, *b"all")).unwrap();
    run_until(&mut ends, "the loss", |ends| {
        !ends[1].closed().is_empty() && ends[1].frames().len() == 1
    });
    assert!(matches!(
        ends[1].closed()[..],
        [(Peer::Rank(3), CloseReason::Unreachable { .. })]
    ));
    assert_eq!(job[1].queued(), 0);
}
