//! The processes below this one: ranks that it has forked, and agents that look after others. The same for `caperun` and for agents.
//!
//! What happens to a rank is the same [`News`], and what is to be done about it the same [`Order`], whoever is its parent:
//!
//! ```text
//!            orders ──►  Crew  ──► news
//!                       ╱    ╲
//!      kill, frames: Ranks   Branches: frames from and to agents, each a Crew of its own
//! ```

mod beginning;
pub mod branch;
pub mod command;
pub mod input;
mod orders;
pub mod plan;
mod program;
mod trouble;
pub mod whereabouts;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;
use transport::{Event, Frame, JobKey, Node, Peer, Transport};

pub use crate::agent::protocol::{Down, End, Launching, News, Order, Site, Target, Up};

use crate::agent::protocol::AGENT_FRAME;
use crate::board::Board;
use crate::control::{CONTROL_FRAME, OUTPUT_FRAME};
use crate::output::{Origin, Piece, Reader};
use crate::ranks::{self, Ranks};
use crate::report::Failure;
use crate::signals::{Herald, Notice};
pub use beginning::launching;
use branch::{Branch, State};
use input::Input;
use program::Program;

/// A pause between two turns of the event loop after which this process must have been asleep.
const ASLEEP: Duration = Duration::from_secs(3);

/// Where this process stands.
pub struct Standing {
    /// Its number; `None`: `caperun` itself.
    pub agent: Option<u32>,
    /// The job's key.
    pub key: JobKey,
    /// Signal mask for children.
    pub mask: SigSet,
    /// Soft and hard limit on descriptors, for ranks.
    pub descriptors: (u64, u64),
    /// Its own output is the job's.
    pub inherits: bool,
    /// It runs on another host than `caperun`.
    pub elsewhere: bool,
    /// What its host is called there; `None`: it is that of `caperun`.
    pub place: Option<String>,
    /// The interface on which everybody of this host listens; `None`: Unix sockets, or the loopback.
    pub listen: Option<IpAddr>,
    /// Everybody listens on TCP only.
    pub tcp: bool,
    /// Links are encrypted.
    pub secure: bool,
    /// How long a host may be silent.
    pub patience: Duration,
    /// The plugin by which ranks use MPI, if they do.
    pub plugin: Option<PathBuf>,
    /// Say what was decided.
    pub verbose: bool,
}

/// The ranks that this process has forked.
struct Own {
    ranks: Ranks,
    board: Arc<Board>,
    input: Option<Input>,
    /// They have ended, and what they wrote is being read.
    finishing: bool,
    /// And that is complete.
    read: bool,
}

/// Everything below this process.
pub struct Crew {
    standing: Standing,
    node: Arc<Node>,
    herald: Herald,
    reader: Option<Reader>,
    own: Option<Own>,
    branches: Vec<Branch>,
    by_rank: HashMap<u32, usize>,
    by_agent: HashMap<u32, usize>,
    news: VecDeque<News>,
    pieces: VecDeque<Piece>,
    launching: Option<Launching>,
    program: Option<Program>,
    last_turn: Instant,
}

impl Crew {
    /// Nobody yet.
    pub fn new(standing: Standing, node: Arc<Node>, herald: Herald) -> Crew {
        Crew {
            standing,
            node,
            herald,
            reader: None,
            own: None,
            branches: Vec::new(),
            by_rank: HashMap::new(),
            by_agent: HashMap::new(),
            news: VecDeque::new(),
            pieces: VecDeque::new(),
            launching: None,
            program: None,
            last_turn: Instant::now(),
        }
    }

    /// Where this process stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    fn reader(&mut self) -> Result<&Reader, Failure> {
        if self.reader.is_none() {
            self.reader = Some(Reader::start(self.herald.clone())?);
        }
        Ok(self.reader.as_ref().expect("just made"))
    }

    // ---- what happens ----

    /// Takes what a signal or another thread says; gives back what does not concern the crew.
    pub fn heed(&mut self, notice: Notice) -> Option<Notice> {
        match notice {
            Notice::Child => self.reap(),
            Notice::Output(Origin::Rank(rank, stream), bytes) => self.pieces.push_back(Piece {
                agent: self.standing.agent,
                rank,
                stream,
                bytes,
                flush: false,
            }),
            Notice::Flush(rank, stream) => self.pieces.push_back(Piece {
                agent: self.standing.agent,
                rank,
                stream,
                bytes: Vec::new(),
                flush: true,
            }),
            Notice::Output(Origin::Agent(agent), bytes) => {
                if let Some(index) = self.by_agent.get(&agent) {
                    self.branches[*index].says(&bytes);
                }
            }
            Notice::OutputRead => {
                if let Some(own) = &mut self.own {
                    own.read = true;
                }
            }
            Notice::Settled(rank, tag) => self.tell_settled(rank, tag),
            Notice::Swallowed(bytes) => self.news.push_back(News::Swallowed(bytes)),
            other => return Some(other),
        }
        None
    }

    /// Takes the exit statuses of processes that have ended.
    fn reap(&mut self) {
        while let Some((pid, status)) = ranks::reap() {
            let rank = self
                .own
                .as_mut()
                .is_some_and(|own| own.ranks.ended(pid, status));
            if !rank {
                self.launcher_ended(pid, status);
            }
        }
    }

    fn launcher_ended(&mut self, pid: Pid, status: ExitStatus) {
        for branch in &mut self.branches {
            if branch.ended(pid, status) {
                return;
            }
        }
    }

    /// Takes what the network brings; gives back what does not come from below.
    pub fn take(&mut self, event: Event, now: Instant) -> Option<Event> {
        match event {
            Event::Frame {
                from: Peer::Rank(rank),
                frame,
            } => self.take_request(rank, frame),
            Event::Closed {
                peer: Peer::Rank(rank),
                reason,
            } => {
                if let Some(own) = &mut self.own {
                    own.ranks.unlinked(rank, reason.to_string());
                }
            }
            Event::Frame {
                from: Peer::Agent(agent),
                frame,
            } if self.child(agent).is_some() => self.take_message(agent, &frame, now),
            Event::Closed {
                peer: Peer::Agent(agent),
                reason,
            } if self.child(agent).is_some() => {
                let index = self.child(agent).expect("just looked");
                self.branches[index].closed(reason.to_string());
            }
            other => return Some(other),
        }
        None
    }

    /// The branch that begins with this agent.
    fn child(&self, agent: u32) -> Option<usize> {
        let index = *self.by_agent.get(&agent)?;
        (self.branches[index].site.agent == agent).then_some(index)
    }

    fn take_request(&mut self, rank: u32, frame: Frame) {
        // Who has the key but is no rank of ours has nothing to say here.
        if !self.own.as_mut().is_some_and(|own| own.ranks.heard(rank)) {
            return;
        }
        if frame.kind == OUTPUT_FRAME {
            return match &self.reader {
                Some(reader) => reader.settle(rank, frame.tag),
                None => self.tell_settled(rank, frame.tag),
            };
        }
        let payload = if frame.kind == CONTROL_FRAME {
            frame.payload.to_vec()
        } else {
            // No request decodes from nothing: it is answered as what is not understood.
            Vec::new()
        };
        self.news.push_back(News::Request { rank, payload });
    }

    fn tell_settled(&self, rank: u32, tag: u64) {
        let frame = Frame {
            kind: OUTPUT_FRAME,
            tag,
            payload: Default::default(),
        };
        // A rank that cannot be reached is dying: its exit says why.
        let _ = self.node.send(Peer::Rank(rank), frame);
    }

    fn take_message(&mut self, agent: u32, frame: &Frame, now: Instant) {
        let index = self.child(agent).expect("asked for by who calls");
        self.branches[index].heard(now);
        let understood = (frame.kind == AGENT_FRAME)
            .then(|| postcard::from_bytes::<Up>(&frame.payload).ok())
            .flatten();
        match understood {
            Some(Up::News(news)) => {
                for one in news {
                    self.welcome(index, &one);
                    self.news.push_back(one);
                }
            }
            Some(Up::Output {
                agent,
                rank,
                stream,
                bytes,
                flush,
            }) => self.pieces.push_back(Piece {
                agent: Some(agent),
                rank,
                stream,
                bytes,
                flush,
            }),
            Some(Up::Done) => self.branches[index].state = State::Done,
            Some(Up::Beat) => {}
            None => {
                let host = &self.branches[index].site.host;
                let message = format!(
                    "the agent on host {host} sent a message that is not understood: install the same release of caperun on all hosts"
                );
                self.news.push_back(News::Failed { message, code: 1 });
            }
        }
    }

    /// An agent that has just reported learns its place.
    fn welcome(&mut self, index: usize, news: &News) {
        let branch = &mut self.branches[index];
        if let (News::Present(presence), Some(launching)) = (news, &self.launching)
            && presence.agent == branch.site.agent
        {
            let recruit = Down::Recruit(branch.site.clone(), launching.clone());
            branch.say(&recruit, &*self.node);
        }
    }

    // ---- time ----

    /// Does what is due.
    pub fn turn(&mut self, now: Instant) {
        if now.saturating_duration_since(self.last_turn) > ASLEEP {
            self.branches
                .iter_mut()
                .for_each(|branch| branch.forgive(now));
        }
        self.last_turn = now;
        self.look_at_own(now);
        for index in 0..self.branches.len() {
            self.look_at(index, now);
        }
    }

    fn look_at_own(&mut self, now: Instant) {
        let Some(own) = &mut self.own else { return };
        while let Some(exit) = own.ranks.next_exit(now) {
            self.news.push_back(News::Ended(End {
                rank: exit.rank,
                pid: exit.pid,
                status: exit.status.into_raw(),
                dismissed: exit.dismissed,
                region: own.board.region(exit.rank),
            }));
        }
        while let Some((rank, reason)) = own.ranks.next_cut_off(now) {
            self.news.push_back(News::CutOff { rank, reason });
        }
        if own.ranks.all_judged() && !own.finishing {
            own.finishing = true;
            if let (false, Some(reader)) = (own.read, &self.reader) {
                reader.finish();
            }
        }
    }

    fn look_at(&mut self, index: usize, now: Instant) {
        let patience = self.standing.patience;
        let branch = &mut self.branches[index];
        branch.beat(now, &*self.node);
        let explained = branch.explained_at().is_some_and(|at| at <= now);
        let message = match &branch.state {
            State::Launched { .. } if explained => trouble::not_started(
                &branch.site,
                branch.status.expect("it has ended"),
                &branch.noise,
                &branch.command,
            ),
            State::Launched { until } if *until <= now && branch.site.joins => {
                trouble::absent(&branch.site, branch.launch_patience)
            }
            State::Launched { until } if *until <= now => trouble::silent_start(
                &branch.site,
                branch.launch_patience,
                &branch.noise,
                &branch.command,
            ),
            State::Closing { reason, until } if *until <= now || explained => {
                trouble::lost(&branch.site, reason, branch.status, &branch.noise)
            }
            State::Present if branch.silence(now).is_some_and(|time| time >= patience) => {
                trouble::silent(&branch.site, patience.as_secs())
            }
            _ => return,
        };
        branch.state = State::Gone;
        branch.kill();
        self.news.push_back(News::Lost {
            ranks: branch.site.all_ranks(),
            message,
        });
    }

    /// When [`Crew::turn`] has something to do without an event before.
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.own.as_ref().and_then(|own| own.ranks.deadline());
        let patience = self.standing.patience;
        let of_branch = |branch: &Branch| {
            let state = match &branch.state {
                State::Launched { until } | State::Closing { until, .. } => {
                    branch.explained_at().into_iter().chain([*until]).min()
                }
                _ => None,
            };
            [state, branch.beat_at(), branch.silent_at(patience)]
                .into_iter()
                .flatten()
                .min()
        };
        let branches = self.branches.iter().filter_map(of_branch).min();
        own.into_iter().chain(branches).min()
    }

    /// The next news, in order.
    pub fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// The next piece of output.
    pub fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    // ---- its end ----

    /// Whether nothing more will come: neither news nor output.
    pub fn quiet(&self) -> bool {
        let own = self
            .own
            .as_ref()
            .is_none_or(|own| own.finishing && own.read);
        own && !self.branches.iter().any(Branch::works)
            && self.news.is_empty()
            && self.pieces.is_empty()
    }

    /// Whether launch commands still run.
    pub fn has_launchers(&self) -> bool {
        self.branches.iter().any(Branch::runs)
    }

    /// Nobody waits any more for agents that have not reported.
    pub fn give_up_newcomers(&mut self) {
        for branch in &mut self.branches {
            if matches!(branch.state, State::Launched { .. }) {
                branch.state = State::Gone;
                branch.kill();
            }
        }
    }

    /// Ends what still runs of ranks and launch commands, by force.
    pub fn kill(&mut self) {
        if let Some(own) = &self.own {
            let alive = own.ranks.alive();
            alive
                .into_iter()
                .for_each(|rank| own.ranks.signal(rank, Signal::SIGKILL));
        }
        self.branches.iter().for_each(Branch::kill);
    }

    /// Whether ranks of this process are alive.
    pub fn has_ranks(&self) -> bool {
        self.own
            .as_ref()
            .is_some_and(|own| !own.ranks.alive().is_empty())
    }
}
