//! `caperun --agent`: looks after ranks on behalf of `caperun`, on another host or beside it where one process would have too many.
//!
//! An agent decides nothing: it starts what it is told to start, passes on what ranks and `caperun` say to each other, and reports
//! how ranks end. Without its parent it ends, and everything below it: its ranks and the launch commands of further agents ask the
//! kernel to be killed with it, and agents on other hosts notice that their parent is gone.

pub mod briefing;
pub mod protocol;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use transport::{Address, Contact, Event, Frame, JobKey, Node, Peer, Transport};

use crate::crew::branch::BEAT;
use crate::crew::{Crew, Standing};
use crate::descriptors;
use crate::memory::Limits;
use crate::report::{self, Failure};
use crate::signals::{Notice, Signals};
use crate::wiring::ways;
use protocol::{AGENT_FRAME, Briefing, Down, Launching, News, Order, Presence, Site, Target, Up};

/// How long what was killed may take to be gone.
const ENDING: Duration = Duration::from_secs(5);
/// Bytes of news after which they are sent although more may follow.
const BATCH: usize = 1 << 20;

/// Why an agent ends.
enum End {
    /// The parent has closed the link after the job's end.
    Released,
    /// The parent is gone or silent: nobody is left to be told anything but this process's standard error.
    Orphaned(String),
    /// A signal, or the network's end.
    Broken(String),
}

struct Agent {
    me: u32,
    host: String,
    parent: Peer,
    node: Arc<Node>,
    crew: Crew,
    site: Option<Site>,
    /// The ranks were started, or could not be.
    started: bool,
    /// The parent has been heard of at all.
    welcomed: bool,
    heard: Instant,
    told: Instant,
    /// The job is stopped, and the parent with it.
    paused: bool,
    patience: Duration,
    last_turn: Instant,
    outbox: Vec<News>,
    weight: usize,
    /// The exit code of a job in which a rank here has died of a signal.
    fate: u8,
    done: bool,
}

/// The address by which this host reaches `peer`: no packet is sent to find it out.
pub fn interface_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Runs an agent to its end; returns its exit status.
pub fn run() -> Result<u8, Failure> {
    let descriptors = descriptors::make_room(crate::crew::plan::OWN as u32);
    let signals = Signals::take_over()?;
    crate::environment::remove_pushed_file();
    let briefing = briefing::read(std::io::stdin())?;
    let node = open(&briefing)?;
    serve(&briefing, node, None, descriptors, &signals)
}

/// The contact of an agent's parent.
fn parent(briefing: &Briefing) -> Result<Contact, Failure> {
    let contact = briefing.contact.parse();
    contact.map_err(|error: transport::ParseContactError| Failure::new(error.to_string()))
}

/// The interface on which an agent listens, if others than those of its host are to reach it.
fn interface(briefing: &Briefing) -> Result<Option<IpAddr>, Failure> {
    let contact = parent(briefing)?;
    let towards = || {
        contact
            .addresses()
            .iter()
            .find_map(|address| match address {
                Address::Tcp(address) => interface_towards(*address),
                Address::Unix(_) => None,
            })
    };
    // A parent on this host listens on TCP only if other hosts have to reach it.
    let asked = briefing.elsewhere || briefing.listen.is_some();
    Ok(briefing.listen.or_else(towards).filter(|_| asked))
}

/// Where an agent listens for its ranks and for agents below it.
pub fn open(briefing: &Briefing) -> Result<Node, Failure> {
    let how = transport::Settings {
        secure: briefing.secure,
        detection: Duration::from_secs(briefing.patience.into()),
        ..Default::default()
    };
    Node::with_settings(
        Peer::Agent(briefing.agent),
        &ways(interface(briefing)?, briefing.tcp),
        JobKey::from_bytes(briefing.key),
        how,
    )
    .map_err(|error| Failure::new(format!("cannot open an agent's links: {error}")))
}

/// An agent that its parent did not launch.
pub struct Joined<'a> {
    /// Its place.
    pub site: &'a Site,
    /// How long to wait for those below it.
    pub launching: &'a Launching,
    /// The plugin by which its ranks use MPI, if they do.
    pub plugin: Option<PathBuf>,
}

/// Runs the agent that `briefing` describes, which listens at `node`, to its end; returns its exit status. `joined`: it was not launched by
/// its parent, nor are those below it, so that these may come before the parent has said anything.
pub fn serve(
    briefing: &Briefing,
    node: Node,
    joined: Option<Joined<'_>>,
    descriptors: (u64, u64),
    signals: &Signals,
) -> Result<u8, Failure> {
    let plugin = joined.as_ref().and_then(|joined| joined.plugin.clone());
    let by_mpi = plugin.is_some();
    let mut agent = Agent::new(briefing, node, plugin, descriptors, signals)?;
    if let Some(joined) = joined {
        let below = joined.site.below.clone();
        agent.crew.recruit(below, joined.launching)?;
    }
    let end = agent.serve(signals);
    agent.close(signals);
    match end {
        // MPICH's mpirun may kill all other tasks, the one that knows the job's exit code among them, as soon as a rank that uses MPI dies.
        End::Released => Ok(if by_mpi { agent.fate } else { 0 }),
        End::Orphaned(reason) | End::Broken(reason) => Err(Failure::new(format!(
            "agent on host {}: {reason}",
            agent.host
        ))),
    }
}

impl Agent {
    fn new(
        briefing: &Briefing,
        node: Node,
        plugin: Option<PathBuf>,
        descriptors: (u64, u64),
        signals: &Signals,
    ) -> Result<Agent, Failure> {
        let listen = interface(briefing)?;
        let key = JobKey::from_bytes(briefing.key);
        let contact = parent(briefing)?;
        let parent = briefing.parent.map_or(Peer::Coordinator, Peer::Agent);
        node.introduce_at(parent, contact);
        let node = Arc::new(node);
        signals.wake(Arc::clone(&node) as Arc<dyn Transport>);
        let patience = Duration::from_secs(briefing.patience.into());
        let standing = Standing {
            agent: Some(briefing.agent),
            key,
            mask: signals.original_mask(),
            descriptors,
            inherits: briefing.inherits,
            elsewhere: briefing.elsewhere,
            place: briefing.place.clone(),
            listen,
            tcp: briefing.tcp,
            secure: briefing.secure,
            plugin,
            patience,
            verbose: briefing.verbose,
        };
        let now = Instant::now();
        Ok(Agent {
            me: briefing.agent,
            host: briefing.host.clone(),
            parent,
            crew: Crew::new(standing, Arc::clone(&node), signals.herald()),
            node,
            site: None,
            started: false,
            welcomed: false,
            heard: now,
            told: now,
            paused: false,
            patience,
            last_turn: now,
            outbox: Vec::new(),
            weight: 0,
            fate: 0,
            done: false,
        })
    }

    fn serve(&mut self, signals: &Signals) -> End {
        self.report();
        let mut events = Vec::new();
        loop {
            while let Some(notice) = signals.next() {
                if let Some(Notice::End(signal)) = self.crew.heed(notice) {
                    return self.told_to_end(signal);
                }
            }
            let now = Instant::now();
            self.crew.turn(now);
            self.pass_on();
            if let Some(end) = self.look_at_parent(now) {
                return end;
            }
            let timeout = self.deadline().saturating_duration_since(Instant::now());
            if let Err(error) = self.node.poll(Some(timeout), &mut events) {
                return End::Broken(format!("lost the network: {error}"));
            }
            let now = Instant::now();
            for event in events.drain(..) {
                if let Some(event) = self.crew.take(event, now)
                    && let Err(end) = self.take(event, now)
                {
                    return end;
                }
            }
        }
    }

    /// Says that this agent is there.
    fn report(&mut self) {
        let limits = Limits::of_this_machine();
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let presence = Presence {
            agent: self.me,
            pid: std::process::id(),
            address_space: limits.address_space,
            physical: limits.physical,
            processors: u32::try_from(processors).unwrap_or(u32::MAX),
        };
        self.tell(&Up::News(vec![News::Present(presence)]));
    }

    fn told_to_end(&mut self, signal: Signal) -> End {
        self.outbox.push(News::Failed {
            message: format!(
                "host {}: the agent was told to end by {}: somebody there, or the batch system, has ended the job",
                self.host,
                signal.as_str()
            ),
            code: u8::try_from(128 + signal as i32).unwrap_or(1),
        });
        self.flush();
        End::Broken(format!("told to end by {}", signal.as_str()))
    }

    // ---- upwards ----

    fn tell(&mut self, message: &Up) {
        self.told = Instant::now();
        let payload = postcard::to_stdvec(message).expect("news are plain data");
        // If it cannot be reached, the event that says so is on its way.
        let _ = self.node.send(
            self.parent,
            Frame {
                kind: AGENT_FRAME,
                tag: 0,
                payload: payload.into(),
            },
        );
    }

    fn flush(&mut self) {
        if !self.outbox.is_empty() {
            self.weight = 0;
            let news = Up::News(std::mem::take(&mut self.outbox));
            self.tell(&news);
        }
    }

    /// Passes on what came from below.
    fn pass_on(&mut self) {
        while let Some(news) = self.crew.next_news() {
            match &news {
                News::Request { payload, .. } => self.weight += payload.len(),
                News::Ended(end) if !end.dismissed => {
                    let signal = ExitStatus::from_raw(end.status).signal();
                    let code = signal.and_then(|signal| u8::try_from(128 + signal).ok());
                    self.fate = code.unwrap_or(self.fate);
                }
                _ => {}
            }
            self.outbox.push(news);
            if self.weight > BATCH {
                self.flush();
            }
        }
        self.flush();
        while let Some(piece) = self.crew.next_piece() {
            self.tell(&Up::Output {
                agent: piece.agent.unwrap_or(self.me),
                rank: piece.rank,
                stream: piece.stream,
                bytes: piece.bytes,
                flush: piece.flush,
            });
        }
        self.crew.flush();
        if self.started && self.crew.quiet() && !self.done {
            self.done = true;
            self.tell(&Up::Done);
        }
    }

    // ---- from above ----

    fn take(&mut self, event: Event, now: Instant) -> Result<(), End> {
        match event {
            Event::Frame { from, frame } if from == self.parent => {
                self.heard = now;
                self.welcomed = true;
                let understood = (frame.kind == AGENT_FRAME)
                    .then(|| postcard::from_bytes::<Down>(&frame.payload).ok())
                    .flatten();
                match understood {
                    Some(message) => self.obey(message),
                    None => Err(End::Broken("does not understand its parent".into())),
                }
            }
            Event::Closed { peer, reason } if peer == self.parent => Err(if self.done {
                End::Released
            } else {
                End::Orphaned(format!("its parent is gone: {reason}"))
            }),
            // Who has the key but no business here.
            Event::Frame { .. } | Event::Closed { .. } => Ok(()),
        }
    }

    fn obey(&mut self, message: Down) -> Result<(), End> {
        let result = match message {
            Down::Recruit(site, launching) => {
                let result = if site.joins {
                    Ok(())
                } else {
                    self.crew.recruit(site.below.clone(), &launching)
                };
                self.site = Some(site);
                result
            }
            Down::Start(recipe) => match self.site.take() {
                Some(site) => {
                    self.started = true;
                    self.crew.start(&site.ranks, site.before, &recipe)
                }
                None => return Err(End::Broken("was told to start twice".into())),
            },
            Down::Program(bytes) => self.crew.send_program(bytes),
            Down::Orders(orders) => {
                for order in orders {
                    if let Order::Pause(paused) = order {
                        self.paused = paused;
                    }
                    self.crew.order(order);
                }
                Ok(())
            }
            Down::Written(receipt) => {
                self.crew.written(receipt);
                Ok(())
            }
            Down::Input(bytes) => {
                self.crew.feed(bytes);
                Ok(())
            }
            Down::Beat => Ok(()),
        };
        if let Err(failure) = result {
            let message = format!("host {}: {}", self.host, failure.message);
            let code = failure.code;
            self.outbox.push(News::Failed { message, code });
        }
        Ok(())
    }

    /// Whether the parent gives signs of life, and this agent gives some.
    fn look_at_parent(&mut self, now: Instant) -> Option<End> {
        if now.saturating_duration_since(self.last_turn) > 3 * BEAT {
            // This process was asleep: the parent is not to blame.
            self.heard = now;
        }
        self.last_turn = now;
        if now >= self.told + BEAT && self.welcomed {
            self.tell(&Up::Beat);
        }
        if self.paused || now < self.heard + self.patience || self.beside() {
            return None;
        }
        Some(End::Orphaned(format!(
            "no sign of life of its parent for {} s",
            self.patience.as_secs()
        )))
    }

    /// The parent is on this host: its end is seen at once, so that its silence means nothing.
    fn beside(&self) -> bool {
        self.welcomed && !self.crew.standing().elsewhere
    }

    fn deadline(&self) -> Instant {
        let parent = (self.heard + self.patience).max(Instant::now() + Duration::from_millis(1));
        let parent = if self.paused || self.beside() {
            self.told + BEAT
        } else {
            parent.min(self.told + BEAT)
        };
        parent.min(self.crew.deadline().unwrap_or(parent))
    }

    /// Ends everything below.
    fn close(&mut self, signals: &Signals) {
        self.crew.order(Order::Signal {
            to: Target::All,
            signal: Signal::SIGKILL as i32,
        });
        self.crew.flush();
        self.node.close();
        let deadline = Instant::now() + ENDING;
        while self.crew.has_ranks() {
            match signals.wait_until(Some(deadline)) {
                Some(notice) => drop(self.crew.heed(notice)),
                None => {
                    report::note("warning: some ranks do not end although they were killed");
                    break;
                }
            }
        }
        self.crew.kill();
    }
}
