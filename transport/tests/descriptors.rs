//! Descriptors: their numbers, their flags, and what happens when there are none left. One test, as it looks at and limits
//! the whole process.

mod support;

use std::collections::BTreeSet;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{End, cpu_time, frame, nodes, run_until};
use transport::{Address, Listen, Peer, Transport};

fn descriptors() -> BTreeSet<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = entries.map(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    });
    // The directory's own descriptor is gone by now.
    numbers
        .filter(|number| std::fs::exists(format!("/proc/self/fdinfo/{number}")).unwrap())
        .collect()
}

fn is_close_on_exec(number: i32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let flags = info
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .unwrap()
        .trim();
    i32::from_str_radix(flags, 8).unwrap() & nix::libc::O_CLOEXEC != 0
}

#[test]
fn descriptors_are_out_of_the_way_and_may_run_out() {
    let before = descriptors();
    let job = nodes(2, Listen::Unix);
    let mut ends: Vec<_> = job.iter().map(|node| End::new(node.as_ref())).collect();
    job[0].send(Peer::Rank(1), frame(1, 1, *b"open")).unwrap();
    run_until(&mut ends, "a link", |ends| ends[1].frames().len() == 1);
    let ours: Vec<_> = descriptors().difference(&before).copied().collect();
    assert!(
        ours.len() >= 3 * 3 + 2,
        "three nodes with at least three descriptors, and two ends: {ours:?}"
    );
    assert!(
        ours.iter()
            .all(|&number| number >= 900 && is_close_on_exec(number)),
        "{ours:?}"
    );

    // A stranger waits in the listener's queue, and no descriptor is left for it.
    let Address::Unix(name) = job[1].address() else {
        panic!()
    };
    let _stranger =
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
    let (started, cpu) = (Instant::now(), cpu_time());
    job[1]
        .poll(Some(Duration::from_millis(300)), &mut Vec::new())
        .unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(
        cpu_time() - cpu < Duration::from_millis(30),
        "the waiting connection must not keep the poller busy"
    );
    // Links that exist go on.
    job[0]
        .send(Peer::Rank(1), frame(1, 2, *b"still here"))
        .unwrap();
    run_until(&mut ends, "a frame", |ends| ends[1].frames().len() == 2);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    job[2].introduce(Peer::Rank(1), job[1].address());
    job[2].send(Peer::Rank(1), frame(1, 3, *b"new")).unwrap();
    run_until(&mut ends, "a new link", |ends| ends[1].frames().len() == 3);

    // No descriptor but the spare one: a stranger does not get it, a peer does.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let Address::Unix(name) = job[0].address() else {
        panic!()
    };
    let stranger = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap());
    job[2].introduce(Peer::Rank(0), job[0].address());
    job[2].send(Peer::Rank(0), frame(1, 4, *b"late")).unwrap();
    let highest = *descriptors().last().unwrap();
    setrlimit(
        Resource::RLIMIT_NOFILE,
        u64::try_from(highest).unwrap() + 1,
        hard,
    )
    .unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    run_until(&mut ends, "a link over the spare descriptor", |ends| {
        ends[0].frames().len() == 1
    });
    drop(taken);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    drop(stranger);
}
