//! Measures links between two processes of this host: throughput with 256 KiB frames, latency with 64-byte frames;
//! and a broadcast of 256 KiB frames to three other ranks, here threads.
//!
//! `cargo run --release -p transport --example measure [unix|tcp|unix-secure|tcp-secure]`. Processor time is printed besides, which says
//! what a link costs where other programs run as well.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::time::Instant;

use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use transport::{
    Address, Event, Frame, JobKey, LOW_WATER, Listen, Node, Peer, Settings, Transport,
};

const BULK: usize = 256 << 10;
const BULK_FRAMES: u64 = 16_384;
const PINGS: u64 = 50_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[1..] {
        [role, kind, address] if role == "echo" => echo(kind, address.parse()?),
        [kind] => measure(kind),
        _ => measure("unix"),
    }
}

fn node(kind: &str, me: u32, key: JobKey) -> Result<Node, transport::Error> {
    let listen = if kind.starts_with("tcp") {
        Listen::Tcp(IpAddr::V4(Ipv4Addr::LOCALHOST))
    } else {
        Listen::Unix
    };
    let settings = Settings {
        secure: kind.ends_with("-secure"),
        ..Settings::default()
    };
    Node::with_settings(Peer::Rank(me), &[listen], key, settings)
}

/// Seconds of processor time that this process has used.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let time = usage.user_time() + usage.system_time();
    Ok(time.num_microseconds() as f64 / 1e6)
}

fn measure(kind: &str) -> Result<(), Box<dyn Error>> {
    let key = JobKey::generate()?;
    let node = node(kind, 0, key.clone())?;
    let mut echo = Command::new(std::env::current_exe()?)
        .args(["echo", kind, &node.address().to_string()])
        .stdin(Stdio::piped())
        .spawn()?;
    echo.stdin
        .take()
        .ok_or("no pipe")?
        .write_all(key.as_bytes())?;
    next(&node)?;

    let started = Instant::now();
    for tag in 0..PINGS {
        node.send(
            Peer::Rank(1),
            Frame {
                kind: 0,
                tag,
                payload: Bytes::from_static(&[1; 64]),
            },
        )?;
        next(&node)?;
    }
    let one_way = started.elapsed().as_secs_f64() * 1e6 / PINGS as f64 / 2.0;
    println!("{kind}: {one_way:.1} us one way, 64 bytes");

    let payload = Bytes::from(vec![3; BULK]);
    let (started, used) = (Instant::now(), cpu()?);
    let mut events = Vec::new();
    for tag in 0..BULK_FRAMES {
        node.send(
            Peer::Rank(1),
            Frame {
                kind: 1,
                tag,
                payload: payload.clone(),
            },
        )?;
        while node.queued() > 4 * LOW_WATER {
            node.poll(None, &mut events)?;
        }
    }
    node.send(Peer::Rank(1), Frame::default())?;
    next(&node)?;
    let rate = (BULK_FRAMES * BULK as u64) as f64 / started.elapsed().as_secs_f64() / 1e9;
    let per_cpu = (BULK_FRAMES * BULK as u64) as f64 / (cpu()? - used) / 1e9;
    println!(
        "{kind}: {rate:.2} GB/s, 256 KiB frames; {per_cpu:.2} GB per second of the sender's processor time"
    );
    node.close();
    echo.wait()?;
    broadcast(kind)
}

fn broadcast(kind: &str) -> Result<(), Box<dyn Error>> {
    const RANKS: u32 = 4;
    let key = JobKey::generate()?;
    let create = |rank| node(kind, rank, key.clone());
    let nodes = (0..RANKS).map(create).collect::<Result<Vec<_>, _>>()?;
    for node in &nodes {
        node.set_ranks(RANKS);
        nodes
            .iter()
            .for_each(|other| node.introduce(other.me(), other.address()));
    }
    let payload = Bytes::from(vec![3; BULK]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let receivers: Vec<_> = nodes[1..]
            .iter()
            .map(|node| scope.spawn(|| receive(node, BULK_FRAMES / 4)))
            .collect();
        let mut events = Vec::new();
        for tag in 0..BULK_FRAMES / 4 {
            nodes[0].broadcast(Frame {
                kind: 1,
                tag,
                payload: payload.clone(),
            })?;
            while nodes[0].queued() > 4 * LOW_WATER {
                nodes[0].poll(None, &mut events)?;
            }
        }
        while nodes[0].queued() > 0 {
            nodes[0].poll(None, &mut events)?;
        }
        for receiver in receivers {
            receiver.join().map_err(|_| "a receiver panicked")??;
        }
        let rate = (BULK_FRAMES / 4 * BULK as u64) as f64 / started.elapsed().as_secs_f64() / 1e9;
        println!(
            "{kind}: {rate:.2} GB/s to each of {} ranks, broadcast",
            RANKS - 1
        );
        Ok(())
    })
}

/// Takes `frames` frames and passes on what has to be.
fn receive(node: &Node, frames: u64) -> Result<(), transport::Error> {
    let (mut events, mut received) = (Vec::new(), 0);
    while received < frames || node.queued() > 0 {
        node.poll(None, &mut events)?;
        received += events.drain(..).count() as u64;
    }
    Ok(())
}

/// Waits for one frame.
fn next(node: &Node) -> Result<(), Box<dyn Error>> {
    let mut events = Vec::new();
    while events.is_empty() {
        node.poll(None, &mut events)?;
    }
    match events.pop() {
        Some(Event::Frame { .. }) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// Answers small frames, takes large ones.
fn echo(kind: &str, address: Address) -> Result<(), Box<dyn Error>> {
    let mut key = [0; 32];
    std::io::stdin().read_exact(&mut key)?;
    let node = node(kind, 1, JobKey::from_bytes(key))?;
    node.introduce(Peer::Rank(0), address);
    node.send(Peer::Rank(0), Frame::default())?;
    let mut events = Vec::new();
    loop {
        node.poll(None, &mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Frame { frame, .. } if frame.kind == 0 => node.send(Peer::Rank(0), frame)?,
                Event::Frame { frame, .. } => drop(std::hint::black_box(frame)),
                Event::Closed { .. } => return Ok(()),
            }
        }
    }
}
