//! What connections that are not of the job can do: nothing.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use support::{PATIENCE, TCP, frame, nodes, nodes_with, secure, wait};
use transport::{
    Address, CloseReason, Event, JobKey, Listen, Node, Peer, Refusal, Settings, Transport,
    Violation,
};

/// A connection without a key.
fn stranger(node: &Node) -> TcpStream {
    let Address::Tcp(address) = node.address() else {
        panic!("{}", node.address())
    };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Polls `node` until the other end of `stream` is closed; nothing must be reported. Returns how many bytes came back.
fn wait_for_rejection(node: &Node, stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    let mut answered = 0;
    loop {
        node.poll(Some(Duration::from_millis(1)), &mut events)
            .unwrap();
        assert!(events.is_empty(), "{events:?}");
        match stream.read(&mut [0; 1000]) {
            Ok(0) => return answered,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return answered,
            Ok(count) => answered += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < deadline, "the stranger was not thrown out");
    }
}

/// A frame goes from each to the other.
fn talk(a: &Node, b: &Node) {
    std::thread::scope(|scope| {
        for (me, other) in [(a, b), (b, a)] {
            scope.spawn(|| {
                me.send(other.me(), frame(1, 1, *b"ping")).unwrap();
                let events = wait(me, "a frame", |events| {
                    !events.is_empty() && me.queued() == 0
                });
                assert!(
                    matches!(&events[..], [Event::Frame { from, .. }] if *from == other.me()),
                    "{events:?}"
                );
            });
        }
    });
}

#[test]
fn a_wrong_key_is_refused() {
    for listen in [Listen::Unix, TCP] {
        let job = nodes(2, listen);
        let intruder = Node::new(Peer::Rank(1), listen, JobKey::generate().unwrap()).unwrap();
        intruder.introduce(Peer::Rank(0), job[0].address());
        intruder
            .send(Peer::Rank(0), frame(1, 1, *b"let me in"))
            .unwrap();
        let mut unheard = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        while events.is_empty() {
            assert!(Instant::now() < deadline);
            job[0]
                .poll(Some(Duration::from_millis(1)), &mut unheard)
                .unwrap();
            intruder
                .poll(Some(Duration::from_millis(1)), &mut events)
                .unwrap();
        }
        let refused = CloseReason::Rejected;
        assert!(
            matches!(&events[..], [Event::Closed { peer: Peer::Rank(0), reason }] if *reason == refused),
            "{events:?}"
        );
        assert!(unheard.is_empty(), "{unheard:?}");
        talk(&job[0], &job[1]);
    }
}

#[test]
fn somebody_else_at_the_address_is_refused() {
    let job = nodes(3, Listen::Unix);
    job[0].introduce(Peer::Rank(1), job[2].address());
    job[0]
        .send(Peer::Rank(1), frame(1, 1, *b"for rank 1"))
        .unwrap();
    let mut unheard = Vec::new();
    let mut events = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while events.is_empty() {
        assert!(Instant::now() < deadline);
        job[2]
            .poll(Some(Duration::from_millis(1)), &mut unheard)
            .unwrap();
        job[0]
            .poll(Some(Duration::from_millis(1)), &mut events)
            .unwrap();
    }
    assert!(
        matches!(
            &events[..],
            [Event::Closed {
                peer: Peer::Rank(1),
                reason: CloseReason::Refused(Refusal::Identity)
            }]
        ),
        "{events:?}"
    );
    assert!(unheard.is_empty(), "{unheard:?}");
    assert_eq!(job[0].queued(), 0);
}

/// Stands between an opener and the node at `target`, once: what the opener sends goes through `tamper`. Returns where to
/// connect and, when the connection is over, what the opener sent.
fn proxy(
    target: &Node,
    mut tamper: impl FnMut(usize, &mut [u8]) + Send + 'static,
) -> (Address, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap());
    let mut there = stranger(target);
    let thread = std::thread::spawn(move || {
        let (mut here, _) = listener.accept().unwrap();
        here.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut back_from, mut back_to) = (there.try_clone().unwrap(), here.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            // Either end may be gone first.
            let _ = std::io::copy(&mut back_from, &mut back_to);
            let _ = back_to.shutdown(Shutdown::Both);
        });
        let mut recorded = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(got @ 1..) = here.read(&mut buffer) {
            recorded.extend_from_slice(&buffer[..got]);
            tamper(recorded.len() - got, &mut buffer[..got]);
            if there.write_all(&buffer[..got]).is_err() {
                break;
            }
        }
        let _ = there.shutdown(Shutdown::Write);
        back.join().unwrap();
        recorded
    });
    (address, thread)
}

#[test]
fn a_replayed_conversation_is_refused() {
    let job = nodes(2, TCP);
    let (address, recorder) = proxy(&job[0], |_, _| {});
    job[1].introduce(Peer::Rank(0), address);
    talk_through(&job[1], &job[0]);
    job[1].close();
    wait(&*job[0], "the end", |events| !events.is_empty());
    let recorded = recorder.join().unwrap();
    assert!(recorded.len() > 160, "hello, answer and a frame");

    let mut replay = stranger(&job[0]);
    // The node may throw the replay out before it has been written.
    let _ = replay.write_all(&recorded);
    assert_eq!(wait_for_rejection(&job[0], &mut replay), 0);
    // The hello alone, which has a valid proof.
    let mut replay = stranger(&job[0]);
    let _ = replay.write_all(&recorded[..80]);
    assert_eq!(wait_for_rejection(&job[0], &mut replay), 0);
}

#[test]
fn an_encrypted_conversation_shows_nothing_and_cannot_be_changed() {
    let words = b"nobody else is to read these words";
    // Where to change a bit: nowhere, or in the first record's length, bytes or tag, which follow hello and answer.
    for place in [None, Some(208), Some(210), Some(250), Some(285)] {
        let job = nodes_with(2, |_| (vec![TCP], secure()));
        let (address, recorder) = proxy(&job[0], move |at, bytes| {
            let byte = place.and_then(|place: usize| place.checked_sub(at));
            if let Some(byte) = byte.and_then(|k| bytes.get_mut(k)) {
                *byte ^= 1;
            }
        });
        job[1].introduce(Peer::Rank(0), address);
        job[1].send(Peer::Rank(0), frame(1, 1, *words)).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let (mut here, mut there) = (Vec::new(), Vec::new());
        while here.is_empty() {
            assert!(Instant::now() < deadline);
            for (end, events) in [(&job[1], &mut there), (&job[0], &mut here)] {
                end.poll(Some(Duration::from_millis(1)), events).unwrap();
            }
            if job[1].queued() == 0 && place == Some(208) {
                // A longer record would be waited for.
                job[1].close();
                break;
            }
        }
        match place {
            None => assert!(matches!(here[..], [Event::Frame { .. }]), "{here:?}"),
            Some(208) => {
                let events = wait(&*job[0], "the end", |events| !events.is_empty());
                assert!(matches!(events[..], [Event::Closed { .. }]), "{events:?}");
            }
            Some(place) => {
                let sealed = CloseReason::Violated(Violation::Sealed);
                assert!(
                    matches!(&here[..], [Event::Closed { reason, .. }] if *reason == sealed),
                    "{place}: {here:?}"
                );
            }
        }
        job[1].close();
        drop(job);
        let recorded = recorder.join().unwrap();
        assert!(recorded.len() >= 208 + 2 + 32 + words.len() + 16);
        assert!(
            !recorded
                .windows(8)
                .any(|seen| words.windows(8).any(|word| seen == word))
        );
    }
}

#[test]
fn ends_that_disagree_on_encryption_say_so() {
    for opener_encrypts in [false, true] {
        let job = nodes_with(2, |me| {
            let secure = (me == Peer::Rank(1)) == opener_encrypts;
            let settings = Settings {
                secure,
                ..Settings::default()
            };
            (vec![TCP], settings)
        });
        job[1].send(Peer::Rank(0), frame(1, 1, *b"hello")).unwrap();
        let (mut here, mut there) = (Vec::new(), Vec::new());
        let deadline = Instant::now() + PATIENCE;
        while there.is_empty() {
            assert!(Instant::now() < deadline);
            for (end, events) in [(&job[0], &mut here), (&job[1], &mut there)] {
                end.poll(Some(Duration::from_millis(1)), events).unwrap();
            }
        }
        assert!(here.is_empty(), "{here:?}");
        let [Event::Closed { reason, .. }] = &there[..] else {
            panic!("{there:?}")
        };
        let refusal = Refusal::Encryption {
            theirs: !opener_encrypts,
        };
        assert_eq!(*reason, CloseReason::Refused(refusal));
    }
}

/// A frame from `a` arrives at `b`.
fn talk_through(a: &Arc<Node>, b: &Arc<Node>) {
    a.send(b.me(), frame(1, 1, *b"ping")).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut events, mut unheard) = (Vec::new(), Vec::new());
    while events.is_empty() {
        assert!(Instant::now() < deadline, "no frame came through");
        a.poll(Some(Duration::from_millis(1)), &mut unheard)
            .unwrap();
        b.poll(Some(Duration::from_millis(1)), &mut events).unwrap();
    }
    assert!(matches!(events[..], [Event::Frame { .. }]), "{events:?}");
}

#[test]
fn a_damaged_frame_closes_the_link_with_a_reason() {
    let job = nodes(2, TCP);
    // Hello and answer are 80 bytes each; the first frame's tag begins eight bytes after them.
    let (address, recorder) = proxy(&job[0], |at, bytes| {
        if let Some(byte) = 168usize.checked_sub(at).and_then(|k| bytes.get_mut(k)) {
            *byte ^= 1;
        }
    });
    job[1].introduce(Peer::Rank(0), address);
    job[1].send(Peer::Rank(0), frame(1, 1, *b"ping")).unwrap();
    let (mut here, mut there) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + PATIENCE;
    while here.is_empty() || there.is_empty() {
        assert!(Instant::now() < deadline);
        job[1]
            .poll(Some(Duration::from_millis(1)), &mut there)
            .unwrap();
        job[0]
            .poll(Some(Duration::from_millis(1)), &mut here)
            .unwrap();
    }
    let violated = CloseReason::Violated(Violation::Checksum);
    assert!(
        matches!(&here[..], [Event::Closed { peer: Peer::Rank(1), reason }] if *reason == violated),
        "{here:?}"
    );
    assert!(
        matches!(
            &there[..],
            [Event::Closed {
                peer: Peer::Rank(0),
                ..
            }]
        ),
        "{there:?}"
    );
    recorder.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_bytes_lead_to_rejection(bytes in proptest::collection::vec(any::<u8>(), 80..3000), valid in 0usize..80) {
        let job = nodes(1, TCP);
        let mut stream = stranger(&job[0]);
        let mut bytes = bytes;
        // The beginning of a real hello from rank 1 to rank 0, up to any point.
        let hello = [*b"CAPE", [2, 0, 0, 0], [1, 0, 0, 0], [0; 4]].concat();
        let valid = valid.min(hello.len());
        bytes[..valid].copy_from_slice(&hello[..valid]);
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        wait_for_rejection(&job[0], &mut stream);
    }
}

/// Connects as somebody without a key; the stream outlives the next few hundred.
fn intrude(address: &Address) -> std::io::Result<Box<dyn Write>> {
    Ok(match address {
        Address::Unix(name) => {
            let address = SocketAddr::from_abstract_name(name)?;
            Box::new(UnixStream::connect_addr(&address)?)
        }
        Address::Tcp(address) => Box::new(TcpStream::connect(address)?),
    })
}

/// Connects again and again, with all that a stranger may say first, at least 10,000 times and until `over`.
fn flood(address: &Address, over: &AtomicBool) {
    let mut hello = [*b"CAPE", [2, 0, 0, 0], [1, 0, 0, 0], [0; 4]].concat();
    hello.resize(80, 7);
    let oversized = [&b"CAPf"[..], &[0xff; 60]].concat();
    let sayings = [&b""[..], b"C", b"CAPE", &hello, &oversized];
    let mut strangers = std::collections::VecDeque::new();
    let mut count = 0;
    while !over.load(Ordering::Acquire) || count < 10_000 {
        // A queue that is full makes this wait, so it floods as fast as the node accepts.
        if let Ok(mut stream) = intrude(address) {
            let _ = stream.write_all(sayings[count % sayings.len()]);
            strangers.push_back(stream);
        }
        count += 1;
        if strangers.len() > 200 {
            strangers.pop_front();
        }
    }
}

#[test]
fn a_flood_of_strangers_does_not_keep_the_job_from_working() {
    for listen in [Listen::Unix, TCP] {
        let job = &nodes(3, listen);
        let target = &job[0].address();
        let over = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let flood = scope.spawn(move || flood(target, over));
            let server = scope.spawn(move || {
                let mut echoed = 0;
                let mut events = Vec::new();
                while echoed < 400 || !flood.is_finished() {
                    job[0]
                        .poll(Some(Duration::from_millis(1)), &mut events)
                        .unwrap();
                    for event in events.drain(..) {
                        let Event::Frame { from, frame } = event else {
                            panic!("{event:?}")
                        };
                        job[0].send(from, frame).unwrap();
                        echoed += 1;
                    }
                }
            });
            let clients = [1, 2].map(|rank: usize| {
                scope.spawn(move || {
                    for tag in 0..200 {
                        job[rank]
                            .send(Peer::Rank(0), frame(1, tag, *b"echo"))
                            .unwrap();
                        let events = wait(&*job[rank], "an echo during the flood", |events| {
                            !events.is_empty()
                        });
                        assert!(
                            matches!(&events[..], [Event::Frame { frame, .. }] if frame.tag == tag),
                            "{events:?}"
                        );
                    }
                })
            });
            let results: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
            over.store(true, Ordering::Release);
            server.join().unwrap();
            results.into_iter().for_each(|result| result.unwrap());
        });
    }
}

#[test]
fn many_peers_meet_while_strangers_dawdle() {
    const PEERS: u32 = 150;
    for listen in [Listen::Unix, TCP] {
        let job = nodes(PEERS, listen);
        // More than are let wait, each with a byte said and the next never to come.
        let dawdlers: Vec<_> = (0..300)
            .map(|_| {
                let mut stream = intrude(&job[0].address()).unwrap();
                let _ = stream.write_all(b"C");
                stream
            })
            .collect();
        for peer in &job[1..PEERS as usize] {
            peer.send(Peer::Rank(0), frame(1, 1, *b"here")).unwrap();
        }
        let mut ends: Vec<_> = job
            .iter()
            .map(|node| support::End::new(node.as_ref()))
            .collect();
        support::run_until(&mut ends, "all peers", |ends| {
            ends[0].frames().len() == PEERS as usize - 1
        });
        assert!(ends.iter().all(|end| end.closed().is_empty()));
        drop(dawdlers);
    }
}

#[test]
fn the_silent_are_dropped_by_the_deadline() {
    let job = nodes(2, TCP);
    // Connects to this end and says half a word; never accepts this end's connection.
    let mut half_open = stranger(&job[0]);
    half_open.write_all(b"CA").unwrap();
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    job[0].introduce(Peer::Rank(1), Address::Tcp(deaf.local_addr().unwrap()));
    job[0].send(Peer::Rank(1), frame(1, 1, *b"hello?")).unwrap();
    let cpu = support::cpu_time();
    let events = wait(&*job[0], "the deadline", |events| !events.is_empty());
    assert!(
        matches!(
            &events[..],
            [Event::Closed {
                peer: Peer::Rank(1),
                reason: CloseReason::Silent(_)
            }]
        ),
        "{events:?}"
    );
    assert!(
        support::cpu_time() - cpu < Duration::from_millis(100),
        "waiting for a deadline must not be busy"
    );
    wait_for_rejection(&job[0], &mut half_open);
}

#[test]
fn nobody_at_the_address_is_reported_at_once() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [
        Address::Unix("cape-test-nobody".to_owned()),
        Address::Tcp(gone),
    ] {
        let job = nodes(2, TCP);
        job[0].introduce(Peer::Rank(1), address.clone());
        job[0].send(Peer::Rank(1), frame(1, 1, *b"hello?")).unwrap();
        let started = Instant::now();
        let events = wait(&*job[0], "the report", |events| !events.is_empty());
        let Event::Closed {
            peer: Peer::Rank(1),
            reason: CloseReason::Unreachable { address: named, .. },
        } = &events[0]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*named, address);
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn a_closed_end_is_reported_as_unreachable_at_once() {
    for listen in [Listen::Unix, TCP] {
        let job = nodes(2, listen);
        job[1].close();
        job[0].send(Peer::Rank(1), frame(1, 1, *b"hello?")).unwrap();
        let events = wait(&*job[0], "the report", |events| !events.is_empty());
        let unreachable = |reason: &CloseReason| matches!(reason, CloseReason::Unreachable { .. });
        assert!(
            matches!(&events[..], [Event::Closed { reason, .. }] if unreachable(reason)),
            "{events:?}"
        );
    }
}

#[test]
fn a_listener_with_a_full_queue_is_tried_again() {
    let name = format!("cape-test-full-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let job = nodes(2, Listen::Unix);
    let listener = UnixListener::bind_addr(&address).unwrap();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let occupant = UnixStream::connect_addr(&address).unwrap();
    job[0].introduce(Peer::Rank(1), Address::Unix(name));
    job[0]
        .send(Peer::Rank(1), frame(1, 1, *b"patience"))
        .unwrap();
    job[0]
        .poll(Some(Duration::from_millis(20)), &mut Vec::new())
        .unwrap();
    let (first, _) = listener.accept().unwrap();
    drop((first, occupant));
    std::thread::scope(|scope| {
        let listener = &listener;
        let acceptor = scope.spawn(move || {
            let (mut second, _) = listener.accept().unwrap();
            second.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut hello = [0; 80];
            second.read_exact(&mut hello).unwrap();
            hello
        });
        let deadline = Instant::now() + PATIENCE;
        while !acceptor.is_finished() {
            assert!(Instant::now() < deadline, "no second attempt");
            job[0]
                .poll(Some(Duration::from_millis(5)), &mut Vec::new())
                .unwrap();
        }
        assert_eq!(acceptor.join().unwrap()[..4], *b"CAPE");
    });
}
