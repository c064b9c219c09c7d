//! The processes below this one: ranks that it has forked, and agents that look after others. The same for `caperun` and for agents.
//!
//! What happens to a rank is the same [`News`], and what is to be done about it the same [`Order`], whoever is its parent:
//!
//! ```text
//!            orders ──►  Crew  ──► news
//!                       ╱    ╲
//!      kill, frames: Ranks   Branches: frames from and to agents, each a Crew of its own
//! ```

pub mod branch;
pub mod command;
pub mod input;
pub mod plan;
mod trouble;
pub mod whereabouts;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;
use transport::{Event, Frame, JobKey, Node, Peer, Transport};

pub use crate::agent::protocol::{Down, End, Launching, News, Order, Site, Target, Up};

use crate::agent::protocol::{AGENT_FRAME, Briefing};
use crate::board::Board;
use crate::cli::Options;
use crate::control::CONTROL_FRAME;
use crate::launch::{self, Bundle, Recipe, Streams};
use crate::output::{Origin, Piece, Reader, Receipt};
use crate::ranks::{self, Ranks};
use crate::report::Failure;
use crate::signals::{Herald, Notice};
use branch::{Branch, State};
use input::Input;

/// A pause between two turns of the event loop after which this process must have been asleep.
const ASLEEP: Duration = Duration::from_secs(3);

/// How the agents of a job are started.
pub fn launching(options: &Options) -> Result<Launching, Failure> {
    let placement = &options.placement;
    let template = placement
        .launch_agent
        .as_deref()
        .unwrap_or(command::DEFAULT);
    let template = command::split(template).map_err(|error| {
        let message = format!(
            "--launch-agent \"{template}\": {error}; write a command such as \"{}\"",
            command::DEFAULT
        );
        Failure::with_code(message, 2)
    })?;
    Ok(Launching {
        template,
        program: std::env::current_exe().unwrap_or_default().into_os_string(),
        push: placement.push,
        patience: options.launch_patience,
    })
}

impl Launching {
    /// The command that starts an agent on `host`, for people.
    pub fn shown(&self, host: &str) -> String {
        branch::shown(&self.words(host))
    }

    fn words(&self, host: &str) -> Vec<OsString> {
        let agent = if self.push {
            command::pushed(branch::own_length())
        } else {
            command::installed(&self.program)
        };
        command::command(&self.template, host, &agent)
    }
}

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
    /// The interface on which everybody of this host listens; `None`: Unix sockets, or the loopback.
    pub listen: Option<IpAddr>,
    /// Everybody listens on TCP only.
    pub tcp: bool,
    /// Links are encrypted.
    pub secure: bool,
    /// How long a host may be silent.
    pub patience: Duration,
    /// Say what was decided.
    pub verbose: bool,
}

/// The ranks that this process has forked.
struct Own {
    ranks: Ranks,
    board: Board,
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

    // ---- beginning ----

    /// Launches the agents of `sites`. One that cannot be started is news.
    pub fn recruit(&mut self, sites: Vec<Site>, launching: &Launching) -> Result<(), Failure> {
        self.launching = Some(launching.clone());
        for site in sites {
            if site.joins {
                self.add(Branch::awaited(site, launching.patience));
                continue;
            }
            let briefing = Briefing {
                key: *self.standing.key.as_bytes(),
                agent: site.agent,
                parent: self.standing.agent,
                contact: self.node.contact().to_string(),
                host: site.host.clone(),
                inherits: self.standing.inherits && site.beside,
                elsewhere: self.standing.elsewhere || !site.beside,
                listen: self.standing.listen.filter(|_| site.beside),
                tcp: self.standing.tcp,
                secure: self.standing.secure,
                patience: u32::try_from(self.standing.patience.as_secs()).unwrap_or(u32::MAX),
                verbose: self.standing.verbose,
            };
            match Branch::launch(site, launching, &briefing, self.standing.mask) {
                Ok(launched) => {
                    if let Some(noise) = launched.noise {
                        self.reader()?.add(noise);
                    }
                    self.add(launched.branch);
                }
                Err((site, program, error)) => {
                    let message = trouble::no_launcher(&site, &program, &error);
                    self.news.push_back(News::Failed { message, code: 1 });
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, branch: Branch) {
        let index = self.branches.len();
        let ranks = branch.site.all_ranks().into_iter();
        self.by_rank.extend(ranks.map(|rank| (rank, index)));
        index_agents(&branch.site, index, &mut self.by_agent);
        self.branches.push(branch);
    }

    /// Has all agents start their ranks, and starts `ranks`, of whose host `before` others come before them.
    pub fn start(&mut self, ranks: &[u32], before: u32, recipe: &Recipe) -> Result<(), Failure> {
        let start = Down::Start(Box::new(recipe.clone()));
        for branch in &mut self.branches {
            branch.say(&start, &*self.node);
        }
        let board = Board::new(recipe.ranks)?;
        let streams = match (self.standing.agent, self.standing.inherits) {
            (None, _) if recipe.tag_output => Streams::Read,
            (None, _) => Streams::Inherited,
            (Some(_), true) if !recipe.tag_output => Streams::Inherited,
            (Some(_), _) => Streams::Relayed,
        };
        let bundle = Bundle {
            key: &self.standing.key,
            address: &self.node.contact(),
            agent: self.standing.agent,
            listen: self.standing.listen,
            board: &board,
            mask: self.standing.mask,
            descriptors: self.standing.descriptors,
            before,
            streams,
            elsewhere: self.standing.elsewhere,
        };
        let launched = launch::launch(ranks, recipe, &bundle)?;
        for (rank, pid) in &launched.pids {
            self.news.push_back(News::Started {
                rank: *rank,
                pid: pid.as_raw(),
            });
        }
        let read = launched.sources.is_empty();
        if !read {
            let reader = self.reader()?;
            launched
                .sources
                .into_iter()
                .for_each(|source| reader.add(source));
        }
        let input = launched
            .input
            .map(|pipe| Input::start(pipe, self.herald.clone()))
            .transpose()?;
        self.own = Some(Own {
            ranks: Ranks::new(&launched.pids, recipe.ranks),
            board,
            input,
            finishing: false,
            read,
        });
        Ok(())
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
        let payload = if frame.kind == CONTROL_FRAME {
            frame.payload.to_vec()
        } else {
            // No request decodes from nothing: it is answered as what is not understood.
            Vec::new()
        };
        self.news.push_back(News::Request { rank, payload });
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
            }) => self.pieces.push_back(Piece {
                agent: Some(agent),
                rank,
                stream,
                bytes,
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
        let message = match &branch.state {
            State::Launched { .. } if branch.status.is_some() => trouble::not_started(
                &branch.site,
                branch.status.expect("just looked"),
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
            State::Closing { reason, until } if *until <= now => {
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
                State::Launched { until } | State::Closing { until, .. } => Some(*until),
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

    // ---- what is done ----

    /// Does it here and below.
    pub fn order(&mut self, order: Order) {
        self.obey(&order);
        self.forward(order);
    }

    fn obey(&mut self, order: &Order) {
        let Some(own) = &mut self.own else { return };
        match order {
            Order::Reply { to, payload } => {
                for rank in own.ranks.alive_of(to) {
                    // A rank that cannot be reached is dying: its exit says why.
                    let frame = Frame {
                        kind: CONTROL_FRAME,
                        tag: 0,
                        payload: payload.clone().into(),
                    };
                    let _ = self.node.send(Peer::Rank(rank), frame);
                }
            }
            Order::Signal { to, signal } => {
                if let Ok(signal) = Signal::try_from(*signal) {
                    let ranks = own.ranks.alive_of(to);
                    ranks
                        .into_iter()
                        .for_each(|rank| own.ranks.signal(rank, signal));
                }
            }
            Order::Dismiss(to) => {
                let ranks = own.ranks.alive_of(to);
                ranks.into_iter().for_each(|rank| own.ranks.dismiss(rank));
            }
            Order::EndRegions => {
                for rank in own.ranks.alive_of(&Target::Workers) {
                    if own.board.region(rank).is_some() {
                        own.ranks.dismiss(rank);
                        own.ranks.signal(rank, Signal::SIGKILL);
                    }
                }
            }
            Order::Inquire => {
                for rank in own.ranks.alive() {
                    let region = own.board.region(rank);
                    self.news.push_back(News::Doing { rank, region });
                }
            }
            Order::Pause(_) => {}
        }
    }

    fn forward(&mut self, order: Order) {
        if self.branches.is_empty() {
            return;
        }
        let to = match &order {
            Order::Reply { to, .. } | Order::Signal { to, .. } | Order::Dismiss(to) => to.clone(),
            Order::EndRegions | Order::Inquire | Order::Pause(_) => Target::All,
        };
        match to {
            Target::One(rank) => {
                if let Some(index) = self.by_rank.get(&rank) {
                    self.branches[*index].order(order, &*self.node);
                }
            }
            Target::Some(ranks) => {
                for (index, part) in self.parts(&ranks) {
                    let part = with_target(&order, Target::Some(part));
                    self.branches[index].order(part, &*self.node);
                }
            }
            Target::All | Target::Workers => {
                for branch in &mut self.branches {
                    branch.order(order.clone(), &*self.node);
                }
            }
        }
    }

    fn parts(&self, ranks: &BTreeSet<u32>) -> HashMap<usize, BTreeSet<u32>> {
        let mut parts: HashMap<usize, BTreeSet<u32>> = HashMap::new();
        for rank in ranks {
            if let Some(index) = self.by_rank.get(rank) {
                parts.entry(*index).or_default().insert(*rank);
            }
        }
        parts
    }

    /// Sends what was gathered for agents.
    pub fn flush(&mut self) {
        for branch in &mut self.branches {
            branch.flush(&*self.node);
        }
    }

    /// A piece of output has been written: who read it may read more.
    pub fn written(&mut self, receipt: Receipt) {
        if receipt.agent == self.standing.agent {
            if let Some(reader) = &self.reader {
                reader.written(receipt.bytes);
                if receipt.refused {
                    reader.close(receipt.rank, receipt.stream);
                }
            }
        } else if let Some(index) = receipt.agent.and_then(|agent| self.by_agent.get(&agent)) {
            self.branches[*index].say(&Down::Written(receipt), &*self.node);
        }
    }

    /// Gives the driver input; nothing: its end.
    pub fn feed(&mut self, bytes: Vec<u8>) {
        if let Some(input) = self.own.as_mut().and_then(|own| own.input.as_mut()) {
            input.write(bytes);
        } else if let Some(index) = self.by_rank.get(&0) {
            self.branches[*index].say(&Down::Input(bytes), &*self.node);
        }
    }

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

fn index_agents(site: &Site, index: usize, agents: &mut HashMap<u32, usize>) {
    agents.insert(site.agent, index);
    for below in &site.below {
        index_agents(below, index, agents);
    }
}

fn with_target(order: &Order, to: Target) -> Order {
    match order {
        Order::Reply { payload, .. } => Order::Reply {
            to,
            payload: payload.clone(),
        },
        Order::Signal { signal, .. } => Order::Signal {
            to,
            signal: *signal,
        },
        Order::Dismiss(_) => Order::Dismiss(to),
        other => other.clone(),
    }
}
