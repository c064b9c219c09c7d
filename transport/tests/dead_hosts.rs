//! Hosts that vanish without a word, and hosts that are only busy. The former needs network namespaces, so root and `ip`.

mod support;

use std::io::Write;
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::{PATIENCE, TCP, frame, nodes_with, pattern, wait};
use transport::{CloseReason, Event, JobKey, LOW_WATER, Listen, Node, Peer, Settings, Transport};

/// The shortest that keepalive, which counts in seconds, can do: one idle, three probes.
const DETECTION: Duration = Duration::from_secs(4);

fn settings() -> Settings {
    Settings {
        detection: DETECTION,
        ..Settings::default()
    }
}

/// A network namespace joined to this one by a pair of interfaces; gone when dropped.
struct Far {
    name: String,
    here: IpAddr,
}

fn ip(arguments: &str) -> bool {
    let status = Command::new("ip")
        .args(arguments.split(' '))
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

impl Far {
    /// `None`: not permitted here.
    fn new(number: u32) -> Option<Self> {
        let process = std::process::id();
        let name = format!("cape{process}n{number}");
        let (near, away) = (
            format!("cn{process}{number}"),
            format!("cf{process}{number}"),
        );
        // A network of two addresses that other runs of the tests hardly use.
        let network = format!("10.{}.{}", 64 + process / 256 % 128, process % 256);
        let (mine, theirs) = (4 * number + 1, 4 * number + 2);
        let far = Self {
            here: format!("{network}.{mine}").parse().unwrap(),
            name: name.clone(),
        };
        let made = ip(&format!("netns add {name}"))
            && ip(&format!(
                "link add {near} type veth peer name {away} netns {name}"
            ))
            && ip(&format!("addr add {network}.{mine}/30 dev {near}"))
            && ip(&format!("link set {near} up"))
            && ip(&format!(
                "-n {name} addr add {network}.{theirs}/30 dev {away}"
            ))
            && ip(&format!("-n {name} link set {away} up"));
        made.then_some(far)
    }

    fn number(&self) -> String {
        let (process, number) = self.name[4..].split_once('n').unwrap();
        format!("{process}{number}")
    }

    /// From now on nothing passes, and nobody is told.
    fn cut(&self) {
        assert!(ip(&format!(
            "-n {} link set cf{} down",
            self.name,
            self.number()
        )));
    }

    /// This test program's [`far_end`], in the namespace.
    fn start(&self, node: &Node, key: &JobKey) -> Child {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "far_end", "--ignored", "--nocapture"])
            .env("FAR_END", node.contact().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(key.as_bytes()).unwrap();
        child
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        ip(&format!("link del cn{}", self.number()));
        ip(&format!("netns del {}", self.name));
    }
}

/// Not a test: the other end of a link, which says when it loses its peer.
#[test]
#[ignore = "the far end of other tests"]
fn far_end() {
    let Ok(contact) = std::env::var("FAR_END") else {
        return;
    };
    let mut key = [0; 32];
    std::io::Read::read_exact(&mut std::io::stdin(), &mut key).unwrap();
    let listen = [Listen::Unix];
    let node = Node::with_settings(Peer::Rank(1), &listen, JobKey::from_bytes(key), settings());
    let node = node.unwrap();
    node.introduce_at(Peer::Rank(0), contact.parse().unwrap());
    node.send(Peer::Rank(0), frame(1, 1, *b"here")).unwrap();
    let events = wait(&node, "the loss", |events| {
        events
            .iter()
            .any(|event| matches!(event, Event::Closed { .. }))
    });
    println!("lost: {:?}", events.last());
}

#[test]
fn a_host_that_vanishes_is_noticed_in_time() {
    for (number, busy) in [(0, false), (1, true)] {
        let Some(far) = Far::new(number) else {
            assert!(
                std::env::var_os("CAPE_REQUIRE_ALL").is_none(),
                "no network namespace can be made"
            );
            eprintln!("skipped: no network namespace can be made");
            return;
        };
        let key = JobKey::generate().unwrap();
        let listen = [Listen::Tcp(far.here)];
        let node = Node::with_settings(Peer::Rank(0), &listen, key.clone(), settings()).unwrap();
        let child = far.start(&node, &key);
        wait(&node, "the far end", |events| !events.is_empty());
        assert!(node.silence(Peer::Rank(1)).unwrap() < DETECTION);
        assert_eq!(node.local_ip(Peer::Rank(1)), Some(far.here));
        far.cut();
        let cut = Instant::now();
        if busy {
            node.send(Peer::Rank(1), frame(1, 1, *b"are you there?"))
                .unwrap();
        }
        let events = wait(&node, "the loss", |events| !events.is_empty());
        let [Event::Closed { reason, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        let expected = matches!(reason, CloseReason::Unresponsive(4)) && busy
            || matches!(reason, CloseReason::Broken(_)) && !busy;
        assert!(expected, "{reason:?}");
        let noticed = cut.elapsed();
        assert!(
            noticed <= DETECTION + Duration::from_secs(2) && noticed >= DETECTION / 2,
            "{noticed:?}"
        );
        // The other end has noticed as well.
        let finished = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&finished.stdout);
        assert!(
            finished.status.success() && said.contains("lost: "),
            "{said}"
        );
    }
}

#[test]
fn a_peer_that_does_not_read_for_a_while_is_not_lost() {
    // The kernel answers two probes of a closed window within half a second only once, so shorter times mislead.
    const DETECTION: Duration = Duration::from_secs(3);
    const FRAMES: u64 = 48;
    let job = nodes_with(2, |_| {
        let settings = Settings {
            detection: DETECTION,
            ..Settings::default()
        };
        (vec![TCP], settings)
    });
    let meet: Vec<Arc<Node>> = job[..2].to_vec();
    job[1].send(Peer::Rank(0), frame(1, 0, *b"hello")).unwrap();
    let mut events = Vec::new();
    while events.is_empty() {
        for node in &meet {
            node.poll(Some(Duration::from_millis(1)), &mut events)
                .unwrap();
        }
    }
    events.clear();
    // More than all buffers take.
    for tag in 0..FRAMES {
        job[0]
            .send(Peer::Rank(1), frame(1, tag, pattern(tag, 1 << 20)))
            .unwrap();
    }
    let until = Instant::now() + 3 * DETECTION;
    while Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now());
        job[0].poll(Some(left), &mut events).unwrap();
        assert!(events.is_empty(), "{events:?}");
    }
    assert!(job[0].queued() > LOW_WATER, "the peer has not read");
    let deadline = Instant::now() + PATIENCE;
    let mut received = 0;
    while received < FRAMES {
        assert!(Instant::now() < deadline);
        for node in &meet {
            node.poll(Some(Duration::from_millis(1)), &mut events)
                .unwrap();
        }
        for event in events.drain(..) {
            assert!(matches!(event, Event::Frame { .. }), "{event:?}");
            received += 1;
        }
    }
}
