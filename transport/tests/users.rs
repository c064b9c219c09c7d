//! Other users of the host cannot connect to a Unix socket. One test, as it changes the user of the whole process.

mod support;

use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, geteuid, seteuid};
use support::{End, PATIENCE, frame, nodes, run_until};
use transport::{Address, Listen, Peer, Transport};

#[test]
fn another_user_is_refused_and_this_one_is_not() {
    if !geteuid().is_root() {
        assert!(
            std::env::var_os("CAPE_REQUIRE_ALL").is_none(),
            "only root can become another user"
        );
        eprintln!("skipped: only root can become another user");
        return;
    }
    let job = nodes(2, Listen::Unix);
    let Address::Unix(name) = job[0].address() else {
        panic!()
    };
    let address = SocketAddr::from_abstract_name(name).unwrap();
    seteuid(Uid::from_raw(65534)).unwrap();
    let mut other = UnixStream::connect_addr(&address).unwrap();
    seteuid(Uid::from_raw(0)).unwrap();
    other.set_nonblocking(true).unwrap();
    // Long before the deadline of a stranger.
    let deadline = Instant::now() + Duration::from_secs(3);
    while !matches!(other.read(&mut [0; 10]), Ok(0)) {
        assert!(Instant::now() < deadline.min(Instant::now() + PATIENCE));
        job[0]
            .poll(Some(Duration::from_millis(1)), &mut Vec::new())
            .unwrap();
    }
    job[1]
        .send(Peer::Rank(0), frame(1, 1, *b"it is me"))
        .unwrap();
    let mut ends: Vec<_> = job.iter().map(|node| End::new(node.as_ref())).collect();
    run_until(&mut ends, "a frame", |ends| ends[0].frames().len() == 1);
}
