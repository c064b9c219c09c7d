//! A job from its first process to its last: the event loop.
//!
//! ```text
//! Gathering ──► Running ──► Settling ──► Ending ──► over      a failure: wait whether a stronger reason shows, then end all ranks
//!                  └──────► Closing ───────────────► over      the driver exited: its workers exit too
//! ```
//!
//! One thread does everything here. It sleeps in the transport's poll, which a frame, a lost link, a signal (through
//! `signals`) or a deadline ends; there is no interval at which anything is looked at. Where a rank runs makes no difference here: its
//! news come from the [`Crew`], which also carries out what is ordered.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use transport::{Event, JobKey, Node, Peer, Transport};

use crate::cli::{Options, TransportChoice};
use crate::compile::Prepared;
use crate::crew::input::Typing;
use crate::crew::plan::Plan;
use crate::crew::whereabouts::with_hosts;
use crate::crew::{Crew, Launching, Standing};
use crate::ending::{Action, Escalation};
use crate::join::exchange::Exchange;
use crate::launch::Recipe;
use crate::memory::Limits;
use crate::output::Writer;
use crate::rank_files::RankFiles;
use crate::report::{self, Failure};
use crate::roster::Roster;
use crate::service::Service;
use crate::signals::{Herald, Notice, Signals};
use crate::verdict::Verdict;
use crate::wiring::Wiring;

mod end;
mod news;

/// How long all ranks may take to join.
const JOINING: Duration = Duration::from_secs(120);
/// How long our reader may take for the last output of a job that was ended.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// How long ranks on other hosts may take to say what they are doing.
const ANSWERS: Duration = Duration::from_secs(1);
/// Bytes of the program that are sent at a time.
const PROGRAM_PART: usize = 1 << 20;
/// How long launch commands may take to end after their agents.
const LAUNCHERS: Duration = Duration::from_secs(3);

#[derive(Debug)]
enum Phase {
    /// Agents are reporting: so many have not yet.
    Gathering {
        missing: usize,
    },
    Running,
    /// A failure, which may follow from another that is about to show.
    Settling {
        verdict: Verdict,
        until: Instant,
    },
    /// The job took too long; ranks are being asked what they are doing.
    Asking {
        verdict: Verdict,
        until: Instant,
    },
    /// The driver has exited with this status.
    Closing {
        code: u8,
        steps: Escalation,
    },
    /// The reason was printed; ranks are being ended.
    Ending {
        verdict: Verdict,
        steps: Escalation,
    },
    /// Some rank withstands.
    GivenUp {
        verdict: Verdict,
    },
}

impl Phase {
    fn due(&mut self, now: Instant) -> Option<Action> {
        match self {
            Phase::Closing { steps, .. } | Phase::Ending { steps, .. } => steps.due(now),
            _ => None,
        }
    }
}

struct Job<'a> {
    options: &'a Options,
    prepared: Prepared,
    plan: &'a Plan,
    launching: &'a Launching,
    name: String,
    node: Arc<Node>,
    crew: Crew,
    herald: Herald,
    service: Service,
    roster: Roster,
    /// What the hosts allow, those that have reported.
    limits: Limits,
    phase: Phase,
    started: Instant,
    /// When the ranks were started.
    ranks_started: Option<Instant>,
    writer: Option<Writer>,
    typing: Option<Typing>,
    /// The verdict is known; the last output is being written.
    finishing: bool,
    /// By this signal, while finishing.
    interrupted: Option<Signal>,
    /// See [`Rendezvous::exchange`].
    exchange: Option<Box<dyn Exchange>>,
}

/// Where the processes of a job find its coordinator.
pub struct Rendezvous {
    /// The job's key.
    pub key: JobKey,
    /// Who listens where.
    pub wiring: Wiring,
    /// The coordinator's end of all links.
    pub node: Node,
    /// How tasks that another launcher has started learn of it: cleared once they are all there.
    pub exchange: Option<Box<dyn Exchange>>,
    /// The plugin by which ranks use MPI, if they do.
    pub plugin: Option<PathBuf>,
}

impl Rendezvous {
    /// Opens it for the job that `plan` describes.
    pub fn open(options: &Options, plan: &Plan) -> Result<Rendezvous, Failure> {
        let network = |error| Failure::new(format!("cannot open the job's rendezvous: {error}"));
        let key = JobKey::generate().map_err(network)?;
        let wiring = Wiring::decide(options, plan);
        let how = transport::Settings {
            secure: options.secure,
            detection: options.silence,
            ..Default::default()
        };
        let node = Node::with_settings(Peer::Coordinator, &wiring.listen, key.clone(), how);
        Ok(Rendezvous {
            key,
            wiring,
            node: node.map_err(network)?,
            exchange: None,
            plugin: None,
        })
    }
}

/// Runs the job at `rendezvous`; returns the exit status.
pub fn run(
    rendezvous: Rendezvous,
    options: &Options,
    plan: &Plan,
    launching: &Launching,
    prepared: Prepared,
    descriptors: (u64, u64),
    signals: &Signals,
) -> Result<u8, Failure> {
    let Rendezvous {
        key,
        wiring,
        node,
        exchange,
        plugin,
    } = rendezvous;
    let node = Arc::new(node);
    node.set_ranks(options.ranks);
    if options.verbose {
        let encrypted = if options.secure {
            ", links encrypted"
        } else {
            ""
        };
        report::note(&format!("coordinator at {}{encrypted}", node.contact()));
    }
    let standing = Standing {
        agent: None,
        key,
        mask: signals.original_mask(),
        descriptors,
        inherits: true,
        elsewhere: false,
        place: None,
        listen: wiring.interface,
        patience: options.silence,
        tcp: options.transport == TransportChoice::Tcp,
        secure: options.secure,
        plugin,
        verbose: options.verbose,
    };
    let mut job = Job {
        options,
        prepared,
        plan,
        launching,
        name: node.address().to_string(),
        crew: Crew::new(standing, Arc::clone(&node), signals.herald()),
        herald: signals.herald(),
        node,
        service: Service::new(options.ranks),
        roster: Roster::new(options.ranks),
        limits: Limits::of_this_machine(),
        phase: Phase::Gathering {
            missing: plan.agents(),
        },
        started: Instant::now(),
        ranks_started: None,
        writer: None,
        typing: None,
        finishing: false,
        interrupted: None,
        exchange,
    };
    let result = job.begin(signals);
    let verdict = result.and_then(|()| job.serve(signals));
    let verdict = verdict.map(|verdict| job.finish(signals, verdict));
    job.node.close();
    job.dismiss_launchers(signals);
    let verdict = verdict?;
    if options.stats {
        job.print_statistics(&verdict);
    }
    Ok(verdict.code())
}

impl Job<'_> {
    fn begin(&mut self, signals: &Signals) -> Result<(), Failure> {
        self.crew.recruit(self.plan.below.clone(), self.launching)?;
        if self.plan.agents() == 0 {
            self.start_ranks()?;
        }
        signals.wake(Arc::clone(&self.node) as Arc<dyn Transport>);
        Ok(())
    }

    fn start_ranks(&mut self) -> Result<(), Failure> {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.clear();
        }
        let recipe = Recipe::decide(self.options, &self.prepared, self.name.clone(), self.limits)?;
        self.ranks_started = Some(Instant::now());
        self.phase = Phase::Running;
        if self.plan.spans_hosts() && (self.launching.push || self.prepared.directory.is_some()) {
            self.send_program()?;
        }
        self.crew.start(&self.plan.here, 0, &recipe)?;
        // Not before: input that comes to an agent before it has been told to start its ranks would have nowhere to go.
        if !self.plan.here.contains(&0) {
            self.typing = Some(Typing::start(self.herald.clone())?);
        }
        Ok(())
    }

    /// To hosts where it is not: asked for, or because it was compiled here for this job.
    fn send_program(&mut self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(format!(
                "cannot read {} to send it: {error}",
                self.prepared.file.display()
            ))
        };
        let program = std::fs::read(&self.prepared.file).map_err(failed)?;
        for part in program.chunks(PROGRAM_PART) {
            self.crew.send_program(part.to_vec())?;
        }
        Ok(())
    }

    fn serve(&mut self, signals: &Signals) -> Result<Verdict, Failure> {
        loop {
            self.turn(signals)?;
            if let Some(verdict) = self.over() {
                return Ok(verdict);
            }
            if let Err(error) = self.wait(self.deadline()) {
                return Ok(self.abandon(signals, format!("lost the job's rendezvous: {error}")));
            }
        }
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, signals: &Signals) -> Result<(), Failure> {
        while let Some(notice) = signals.next() {
            if let Some(notice) = self.crew.heed(notice) {
                self.heed(notice, signals);
            }
        }
        self.crew.turn(Instant::now());
        while let Some(news) = self.crew.next_news() {
            self.take(news)?;
        }
        self.pass_output(signals)?;
        self.keep_time(Instant::now());
        self.crew.flush();
        Ok(())
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), transport::Error> {
        let mut events: Vec<Event> = Vec::new();
        let deadline = deadline.into_iter().chain(self.crew.deadline()).min();
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        self.node.poll(timeout, &mut events)?;
        let now = Instant::now();
        for event in events {
            // A peer that has the key but is nobody of ours: nothing it says concerns the job.
            let _ = self.crew.take(event, now);
        }
        Ok(())
    }

    fn pass_output(&mut self, signals: &Signals) -> Result<(), Failure> {
        while let Some(piece) = self.crew.next_piece() {
            if self.writer.is_none() {
                let prefix = self.options.placement.output.as_deref();
                let files = prefix.map(RankFiles::new);
                let tagged = self.options.tag_output;
                self.writer = Some(Writer::start(tagged, files, signals.herald())?);
            }
            if let Some(writer) = &self.writer {
                writer.write(piece);
            }
        }
        Ok(())
    }

    fn over(&self) -> Option<Verdict> {
        match &self.phase {
            Phase::Closing { code, .. } if self.roster.all_ended() => {
                Some(Verdict::Finished { code: *code })
            }
            Phase::Ending { verdict, .. } if self.roster.all_ended() => Some(verdict.clone()),
            Phase::GivenUp { verdict } => Some(verdict.clone()),
            _ => None,
        }
    }

    /// Without a working poll: ends all ranks at once.
    fn abandon(&mut self, signals: &Signals, message: String) -> Verdict {
        report::error(&with_hosts(&message, self.plan));
        self.crew.kill();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.crew.has_ranks() {
            match signals.wait_until(Some(deadline)) {
                Some(notice) => drop(self.crew.heed(notice)),
                None => break,
            }
        }
        Verdict::Failed { message, code: 1 }
    }

    /// Waits until agents have nothing more to say and the ranks' last output is written; a signal, or the patience of a job that was
    /// ended, cuts it short.
    fn finish(&mut self, signals: &Signals, verdict: Verdict) -> Verdict {
        let patience = match verdict {
            _ if self.ranks_started.is_none() => return verdict,
            Verdict::TimedOut { .. } | Verdict::Interrupted { .. } => Some(LAST_OUTPUT),
            _ => None,
        };
        let deadline = patience.map(|limit| Instant::now() + limit);
        let late = || deadline.is_some_and(|deadline| deadline <= Instant::now());
        self.finishing = true;
        loop {
            if self.turn(signals).is_err() {
                return verdict;
            }
            if let Some(signal) = self.interrupted {
                return Verdict::Interrupted { signal };
            }
            if self.crew.quiet() || late() {
                break;
            }
            if self.wait(deadline).is_err() {
                return verdict;
            }
        }
        if let Some(writer) = self.writer.take() {
            writer.finish();
            loop {
                match signals.wait_until(deadline) {
                    Some(Notice::OutputWritten) => return verdict,
                    Some(Notice::End(signal)) => return Verdict::Interrupted { signal },
                    Some(Notice::Stop) => signals.stop_myself(),
                    Some(_) => {}
                    None => break,
                }
            }
        }
        if late() {
            report::note("warning: some output of the ranks could not be written in time");
        }
        verdict
    }

    /// Agents have ended, or end now that their links are closed; so do the commands that started them.
    fn dismiss_launchers(&mut self, signals: &Signals) {
        self.crew.give_up_newcomers();
        let deadline = Instant::now() + LAUNCHERS;
        while self.crew.has_launchers() {
            match signals.wait_until(Some(deadline)) {
                Some(notice) => drop(self.crew.heed(notice)),
                None => {
                    self.crew.kill();
                    break;
                }
            }
        }
    }
}
