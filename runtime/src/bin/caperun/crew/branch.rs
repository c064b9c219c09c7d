//! One agent that this process has launched: how far it is, and what waits to be sent to it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;
use transport::{Frame, Peer, Transport};

use super::command;
use crate::agent::briefing;
use crate::agent::protocol::{AGENT_FRAME, Briefing, Down, Launching, Order, Site};
use crate::descriptors;
use crate::launch::child;
use crate::output::{Origin, Source};

/// Bytes of what a launch command says that are kept: the last ones.
const NOISE: usize = 8 << 10;
/// Bytes of replies after which they are sent although more may follow.
const BATCH: usize = 1 << 20;
/// How often each end of a link says that it lives.
pub const BEAT: Duration = Duration::from_secs(1);
/// How long the exit status of a launch command may take after its agent's link is gone.
const STATUS: Duration = Duration::from_millis(300);

/// How far an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its link is awaited until then.
    Launched { until: Instant },
    /// It works.
    Present,
    /// Its link is gone; its launch command may say why until then.
    Closing { reason: String, until: Instant },
    /// It has said that nothing more will come.
    Done,
    /// It was given up.
    Gone,
}

/// An agent below this process.
#[derive(Debug)]
pub struct Branch {
    /// Its place in the tree.
    pub site: Site,
    /// How far it is.
    pub state: State,
    /// Process of its launch command, until it has ended.
    pid: Option<Pid>,
    /// How that ended.
    pub status: Option<ExitStatus>,
    /// What it said, the last of it.
    pub noise: Vec<u8>,
    /// Until when it may say more after it has ended; `None`: it runs.
    listening: Option<Instant>,
    /// It will not.
    silent: bool,
    /// It, for messages.
    pub command: String,
    /// Seconds it had to report.
    pub launch_patience: u64,
    heard: Instant,
    told: Instant,
    outbox: Vec<Order>,
    weight: usize,
}

/// What [`Branch::launch`] made.
pub struct Launched {
    /// The agent.
    pub branch: Branch,
    /// What its launch command says.
    pub noise: Option<Source>,
}

pub fn shown(words: &[OsString]) -> String {
    let quoted: Vec<OsString> = words.iter().map(|word| command::quoted(word)).collect();
    quoted.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

impl Branch {
    /// Awaits the agent of `site`, which another launcher has started, for so many seconds.
    pub fn awaited(site: Site, patience: u32) -> Branch {
        let now = Instant::now();
        Branch {
            command: String::new(),
            site,
            state: State::Launched {
                until: now + Duration::from_secs(patience.into()),
            },
            pid: None,
            status: None,
            noise: Vec::new(),
            listening: None,
            silent: true,
            launch_patience: patience.into(),
            heard: now,
            told: now,
            outbox: Vec::new(),
            weight: 0,
        }
    }

    /// Starts the launch command of `site`; the error is the system's.
    pub fn launch(
        site: Site,
        launching: &Launching,
        briefing: &Briefing,
        mask: SigSet,
    ) -> Result<Launched, (Site, String, std::io::Error)> {
        let words = if site.beside {
            command::installed(std::env::current_exe().unwrap_or_default().as_os_str())
        } else {
            launching.words(&site.host)
        };
        let fail = |error| (site.clone(), words[0].to_string_lossy().into_owned(), error);
        let mut process = Command::new(&words[0]);
        process
            .args(&words[1..])
            .stdin(Stdio::piped())
            .process_group(0);
        let noise = if site.beside && briefing.inherits {
            None
        } else {
            let pipe = descriptors::output_pipe()
                .and_then(|(read, write)| {
                    Ok((
                        read,
                        write
                            .try_clone()
                            .map_err(|error| crate::report::Failure::new(error.to_string()))?,
                        write,
                    ))
                })
                .map_err(|failure| fail(std::io::Error::other(failure.message)))?;
            let (read, out, err) = pipe;
            process.stdout(out).stderr(err);
            Some(Source::new(read, Origin::Agent(site.agent)))
        };
        child::prepare_tool(&mut process, mask);
        let mut started = process.spawn().map_err(fail)?;
        let input = started.stdin.take().expect("piped");
        speak(
            OwnedFd::from(input),
            briefing,
            launching.push && !site.beside,
        );
        let pid = i32::try_from(started.id()).expect("process ids are positive ints");
        let now = Instant::now();
        let until = now + Duration::from_secs(launching.patience.into());
        let branch = Branch {
            command: shown(&words),
            site,
            state: State::Launched { until },
            pid: Some(Pid::from_raw(pid)),
            status: None,
            noise: Vec::new(),
            listening: None,
            silent: noise.is_none(),
            launch_patience: launching.patience.into(),
            heard: now,
            told: now,
            outbox: Vec::new(),
            weight: 0,
        };
        Ok(Launched { branch, noise })
    }

    /// The agent as a peer.
    pub fn peer(&self) -> Peer {
        Peer::Agent(self.site.agent)
    }

    /// Whether it may still say something.
    pub fn works(&self) -> bool {
        matches!(
            self.state,
            State::Launched { .. } | State::Present | State::Closing { .. }
        )
    }

    /// A frame of its has arrived.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        if matches!(self.state, State::Launched { .. }) {
            self.state = State::Present;
        }
    }

    /// This process was asleep: the agent is not to blame for its silence.
    pub fn forgive(&mut self, now: Instant) {
        self.heard = now;
    }

    /// How long nothing was heard of it, where that means something: a host may be cut off, a neighbour's end is seen.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let counts = self.state == State::Present && !self.site.beside;
        counts.then(|| now.saturating_duration_since(self.heard))
    }

    /// When its silence will have lasted for `patience`.
    pub fn silent_at(&self, patience: Duration) -> Option<Instant> {
        let counts = self.state == State::Present && !self.site.beside;
        counts.then(|| self.heard + patience)
    }

    /// When the next sign of life is due.
    pub fn beat_at(&self) -> Option<Instant> {
        (self.state == State::Present).then(|| self.told + BEAT)
    }

    /// Its link is gone.
    pub fn closed(&mut self, reason: String) {
        match self.state {
            State::Done => self.state = State::Gone,
            State::Launched { .. } | State::Present => {
                self.state = State::Closing {
                    reason,
                    until: Instant::now() + STATUS,
                };
            }
            State::Closing { .. } | State::Gone => {}
        }
    }

    /// The process `pid` has ended; `false`: it was not its launch command.
    pub fn ended(&mut self, pid: Pid, status: ExitStatus) -> bool {
        if self.pid != Some(pid) {
            return false;
        }
        self.pid = None;
        self.status = Some(status);
        self.listening = Some(Instant::now() + STATUS);
        true
    }

    /// When everything is known that a launch command which has ended has to tell.
    pub fn explained_at(&self) -> Option<Instant> {
        let listening = self.listening?;
        Some(if self.silent {
            // In the past, so that it is due.
            listening - STATUS
        } else {
            listening
        })
    }

    /// Whether its launch command runs.
    pub fn runs(&self) -> bool {
        self.pid.is_some()
    }

    /// Ends the launch command and what it has started: a group of processes.
    pub fn kill(&self) {
        if let Some(pid) = self.pid {
            let _ = killpg(pid, Signal::SIGKILL);
        }
    }

    /// Its launch command says something.
    pub fn says(&mut self, bytes: &[u8]) {
        self.silent |= bytes.is_empty();
        self.noise.extend_from_slice(bytes);
        let excess = self.noise.len().saturating_sub(NOISE);
        self.noise.drain(..excess);
    }

    /// Sends an order with the next batch.
    pub fn order(&mut self, order: Order, node: &dyn Transport) {
        if !matches!(self.state, State::Present) {
            return;
        }
        if let Order::Reply { payload, .. } = &order {
            self.weight += payload.len();
        }
        self.outbox.push(order);
        if self.weight > BATCH {
            self.flush(node);
        }
    }

    /// Sends what was gathered.
    pub fn flush(&mut self, node: &dyn Transport) {
        if !self.outbox.is_empty() {
            self.weight = 0;
            let orders = Down::Orders(std::mem::take(&mut self.outbox));
            self.tell(&orders, node);
        }
    }

    /// Says that this process lives, if it has not said anything for long.
    pub fn beat(&mut self, now: Instant, node: &dyn Transport) {
        if self.beat_at().is_some_and(|due| due <= now) {
            self.tell(&Down::Beat, node);
        }
    }

    /// Sends a message at once, after what was gathered.
    pub fn say(&mut self, message: &Down, node: &dyn Transport) {
        self.flush(node);
        self.tell(message, node);
    }

    fn tell(&mut self, message: &Down, node: &dyn Transport) {
        self.told = Instant::now();
        let payload = postcard::to_stdvec(message).expect("orders are plain data");
        // If it cannot be reached, the event that says so is on its way.
        let _ = node.send(
            self.peer(),
            Frame {
                kind: AGENT_FRAME,
                tag: 0,
                payload: payload.into(),
            },
        );
    }
}

pub fn own_length() -> u64 {
    std::fs::metadata("/proc/self/exe").map_or(0, |data| data.len())
}

/// Gives the agent what it needs to know, `caperun` itself before it if `push` says so.
fn speak(input: OwnedFd, briefing: &Briefing, push: bool) {
    let briefing = briefing::encode(briefing);
    let speak = move || {
        let mut input = std::fs::File::from(input);
        if push {
            let mut own = std::fs::File::open("/proc/self/exe")?;
            std::io::copy(&mut own, &mut input)?;
        }
        input.write_all(&briefing)
    };
    // Who does not listen will be missed.
    if push {
        let _ = std::thread::Builder::new().name("push".into()).spawn(speak);
    } else {
        // Smaller than the smallest pipe: this does not block.
        let _ = speak();
    }
}
