//! `caperun --check`: looks at every host of the list before a job is run on them: what each is like, whether they suit each other, how
//! fast the way between them is. One table, then each problem with the next step.
//!
//! It starts a probe ([`probe`]) on each host by the launch command, as a job would start its agents, all at once, and talks to them by
//! lines over their standard input and output.

pub mod probe;
mod verdicts;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use transport::JobKey;

use crate::dry_run::columns;
use crate::hosts::mapping::Place;
use crate::launch::child;
use crate::memory::Size;
use crate::report::{self, Failure};
use crate::signals::Signals;
use verdicts::problems;

/// How long a host may take to say what it is like.
const STARTING: Duration = Duration::from_secs(30);
/// How long a measurement may take.
const MEASURING: Duration = Duration::from_secs(45);
/// Bytes of a host's error messages that are kept.
const LONGEST: u64 = 4 << 10;

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// As the list names it.
    pub host: String,
    /// Ranks it would have.
    pub ranks: usize,
    /// What it says of itself.
    pub facts: BTreeMap<String, String>,
    /// Where its probe listens.
    pub address: Option<String>,
    /// Seconds to the first host, and bytes per second.
    pub way: Option<(f64, f64)>,
    /// The way to the first host is closed.
    pub unreachable: bool,
    /// Its probe did not work: why.
    pub trouble: Option<String>,
}

enum Said {
    Line(String),
    Ended,
}

struct Probed {
    child: Child,
    input: Option<ChildStdin>,
    error: std::thread::JoinHandle<String>,
}

/// How hosts are reached.
pub struct Reach<'a> {
    /// The command for a place.
    pub command: &'a dyn Fn(&Place) -> Vec<OsString>,
    /// An address of this host's that the others can go by.
    pub towards: Option<IpAddr>,
}

/// Checks `places` and prints what it finds; the status is 1 if there are problems that would keep a job from running.
pub fn run(places: &[Place], reach: &Reach, signals: &Signals) -> Result<u8, Failure> {
    let key = JobKey::generate().map_err(|error| Failure::new(error.to_string()))?;
    let (sender, said) = channel();
    let mut findings = Vec::new();
    let mut probes = Vec::new();
    for (number, place) in places.iter().enumerate() {
        let mut finding = Findings {
            host: place.host.destination(),
            ranks: place.ranks.len(),
            ..Findings::default()
        };
        let words = (reach.command)(place);
        match start(number, &words, &key, reach.towards, &sender, signals) {
            Ok(probe) => probes.push(Some(probe)),
            Err(error) => {
                let command = words[0].to_string_lossy();
                finding.trouble = Some(format!("cannot execute {command}: {error}"));
                probes.push(None);
            }
        }
        findings.push(finding);
    }
    drop(sender);
    hear_facts(&said, &mut findings, &mut probes);
    measure(&said, &mut findings, &mut probes);
    finish(probes, &mut findings);
    print(&findings);
    let (text, grave) = problems(&findings);
    if text.is_empty() {
        println!("no problems found");
    }
    for line in &text {
        println!("{line}");
    }
    Ok(u8::from(grave))
}

fn start(
    number: usize,
    words: &[OsString],
    key: &JobKey,
    towards: Option<IpAddr>,
    said: &Sender<(usize, Said)>,
    signals: &Signals,
) -> std::io::Result<Probed> {
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    child::prepare_tool(&mut command, signals.original_mask());
    let mut child = command.spawn()?;
    let mut input = child.stdin.take();
    let hexadecimal: String = key
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let towards = towards.map_or("-".to_owned(), |address| address.to_string());
    if let Some(input) = &mut input {
        // Who does not read it will be missed.
        let _ = writeln!(input, "key {hexadecimal} number {number} towards {towards}");
    }
    let output = child.stdout.take();
    let said = said.clone();
    std::thread::spawn(move || {
        let lines = output.map(|output| BufReader::new(output).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            if said.send((number, Said::Line(line))).is_err() {
                return;
            }
        }
        // Nobody listens if the check is over.
        let _ = said.send((number, Said::Ended));
    });
    let errors = child.stderr.take();
    let error = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut errors) = errors {
            let _ = errors.by_ref().take(LONGEST).read_to_end(&mut text);
            let _ = std::io::copy(&mut errors, &mut std::io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    Ok(Probed {
        child,
        input,
        error,
    })
}

/// Waits until every host has said where it listens, or has failed to.
fn hear_facts(
    said: &Receiver<(usize, Said)>,
    findings: &mut [Findings],
    probes: &mut [Option<Probed>],
) {
    let deadline = Instant::now() + STARTING;
    let waits = |finding: &Findings| finding.address.is_none() && finding.trouble.is_none();
    while findings.iter().any(waits) {
        match next(said, deadline) {
            Some((number, Said::Line(line))) => take(&mut findings[number], &line),
            Some((number, Said::Ended)) => lost(&mut findings[number], &mut probes[number]),
            None => break,
        }
    }
    for (finding, probe) in findings.iter_mut().zip(probes) {
        if waits(finding) {
            let seconds = STARTING.as_secs();
            finding.trouble = Some(format!("did not answer within {seconds} s"));
            end(probe);
        }
    }
}

fn next(said: &Receiver<(usize, Said)>, deadline: Instant) -> Option<(usize, Said)> {
    let left = deadline.saturating_duration_since(Instant::now());
    said.recv_timeout(left).ok()
}

fn take(finding: &mut Findings, line: &str) {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("fact"), Some(name), Some(value)) => {
            finding.facts.insert(name.to_owned(), value.to_owned());
        }
        (Some("listening"), Some(address), None) => finding.address = Some(address.to_owned()),
        (Some("measured"), Some(_), Some(values)) => {
            let mut numbers = values.split(' ').map(str::parse::<f64>);
            if let (Some(Ok(latency)), Some(Ok(bandwidth))) = (numbers.next(), numbers.next()) {
                finding.way = Some((latency, bandwidth));
            }
        }
        (Some("unreachable"), _, _) => finding.unreachable = true,
        // A greeting of the host's shell.
        _ => {}
    }
}

fn end(probe: &mut Option<Probed>) -> Option<(Option<i32>, String)> {
    let mut probe = probe.take()?;
    drop(probe.input.take());
    // Its standard error ends with it, unless something it started holds it.
    let _ = probe.child.kill();
    let status = probe.child.wait().ok().and_then(|status| status.code());
    let said = probe.error.join().unwrap_or_default();
    Some((status, said))
}

/// The host's probe has ended before its time.
fn lost(finding: &mut Findings, probe: &mut Option<Probed>) {
    if finding.trouble.is_some() {
        return;
    }
    let Some(mut taken) = probe.take() else {
        return;
    };
    drop(taken.input.take());
    let status = taken.child.wait().ok().and_then(|status| status.code());
    let said = taken.error.join().unwrap_or_default();
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let last = last.map_or_else(String::new, |line| format!(": {line}"));
    let status = status.map_or("a signal".to_owned(), |code| format!("status {code}"));
    finding.trouble = Some(format!("its launch command ended with {status}{last}"));
}

/// Has each host measure the way to the first, one after the other: they share it.
fn measure(
    said: &Receiver<(usize, Said)>,
    findings: &mut [Findings],
    probes: &mut [Option<Probed>],
) {
    let Some(first) = findings.first().and_then(|first| first.address.clone()) else {
        return;
    };
    for number in 1..findings.len() {
        let Some(input) = probes[number]
            .as_mut()
            .and_then(|probe| probe.input.as_mut())
        else {
            continue;
        };
        if writeln!(input, "measure 0 {first}").is_err() {
            continue;
        }
        let deadline = Instant::now() + MEASURING;
        loop {
            let finding = &findings[number];
            if finding.way.is_some() || finding.unreachable || finding.trouble.is_some() {
                break;
            }
            match next(said, deadline) {
                Some((number, Said::Line(line))) => take(&mut findings[number], &line),
                Some((number, Said::Ended)) => lost(&mut findings[number], &mut probes[number]),
                None => {
                    findings[number].unreachable = true;
                    break;
                }
            }
        }
    }
}

fn finish(probes: Vec<Option<Probed>>, findings: &mut [Findings]) {
    for (mut probe, finding) in probes.into_iter().zip(findings) {
        if end(&mut probe).is_some() && finding.address.is_none() && finding.trouble.is_none() {
            finding.trouble = Some("said nothing".to_owned());
        }
    }
}

/// Seconds in a readable unit.
fn shown_time(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.0} us", seconds * 1e6)
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}

fn print(findings: &[Findings]) {
    let head = [
        "host",
        "ranks",
        "kernel",
        "tracker",
        "cores",
        "free memory",
        "/dev/shm",
        "libc",
        "caperun",
        "latency",
        "bandwidth",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for finding in findings {
        let fact = |name: &str| finding.facts.get(name).cloned().unwrap_or("-".to_owned());
        let size = |name: &str| {
            let bytes = finding.facts.get(name).and_then(|text| text.parse().ok());
            bytes.map_or("-".to_owned(), |bytes: u64| Size(bytes).to_string())
        };
        let (latency, bandwidth) = match finding.way {
            Some((seconds, rate)) => (shown_time(seconds), format!("{:.0} MB/s", rate / 1e6)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        rows.push(vec![
            finding.host.clone(),
            finding.ranks.to_string(),
            fact("kernel"),
            fact("tracker"),
            fact("cores"),
            size("free"),
            size("shm"),
            fact("libc"),
            fact("caperun"),
            latency,
            bandwidth,
        ]);
    }
    print!("{}", columns(&rows));
    if findings.iter().any(|finding| finding.way.is_some()) {
        report::note(
            "latency and bandwidth: between each host and the first, over authenticated links",
        );
    }
}
