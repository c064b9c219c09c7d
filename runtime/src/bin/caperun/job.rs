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

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use transport::{Event, JobKey, Node, Peer, Transport};

use crate::agent::protocol::Presence;
use crate::cli::{Options, TransportChoice};
use crate::compile::Prepared;
use crate::control::{Reply, Request};
use crate::crew::input::Typing;
use crate::crew::plan::Plan;
use crate::crew::whereabouts::with_hosts;
use crate::crew::{Crew, End, Launching, News, Order, Standing, Target};
use crate::ending::{Action, Escalation};
use crate::join::exchange::Exchange;
use crate::launch::Recipe;
use crate::memory::Limits;
use crate::output::Writer;
use crate::rank_files::RankFiles;
use crate::report::{self, Failure};
use crate::roster::Roster;
use crate::service::{Progress, Replies, Service};
use crate::signals::{Herald, Notice, Signals};
use crate::stats;
use crate::verdict::{SETTLE, Verdict};
use crate::wiring::Wiring;

/// How long all ranks may take to join.
const JOINING: Duration = Duration::from_secs(120);
/// How long our reader may take for the last output of a job that was ended.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// How long ranks on other hosts may take to say what they are doing.
const ANSWERS: Duration = Duration::from_secs(1);
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
    /// The driver runs elsewhere: whom to tell of input for it once it is started.
    typist: Option<Herald>,
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
        listen: wiring.interface,
        patience: options.silence,
        tcp: options.transport == TransportChoice::Tcp,
        secure: options.secure,
        verbose: options.verbose,
    };
    let mut job = Job {
        options,
        prepared,
        plan,
        launching,
        name: node.address().to_string(),
        crew: Crew::new(standing, Arc::clone(&node), signals.herald()),
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
        typist: None,
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
        if !self.plan.here.contains(&0) {
            self.typist = Some(signals.herald());
        }
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
        self.crew.start(&self.plan.here, 0, &recipe)?;
        // Not before: input that comes to an agent before it has been told to start its ranks would have nowhere to go.
        if let Some(herald) = self.typist.take() {
            self.typing = Some(Typing::start(herald)?);
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
        while !self.crew.quiet() && !late() {
            if let Some(signal) = self.interrupted {
                return Verdict::Interrupted { signal };
            }
            if self.turn(signals).is_err() || self.wait(deadline).is_err() {
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

    // ---- what happens ----

    fn heed(&mut self, notice: Notice, signals: &Signals) {
        match notice {
            Notice::End(signal) if self.finishing => self.interrupted = Some(signal),
            Notice::End(_) if matches!(self.phase, Phase::Ending { .. }) => {
                self.signal_all(Signal::SIGKILL)
            }
            Notice::End(signal) => self.conclude(Verdict::Interrupted { signal }),
            Notice::Stop => {
                // The driver may have a terminal to tidy up; a worker has no say.
                self.signal(Target::One(0), Signal::SIGTSTP);
                self.signal(Target::Workers, Signal::SIGSTOP);
                self.crew.order(Order::Pause(true));
                self.crew.flush();
                signals.stop_myself();
            }
            Notice::Continue => {
                self.crew.order(Order::Pause(false));
                self.signal_all(Signal::SIGCONT);
            }
            Notice::Forward(signal) => self.signal(Target::One(0), signal),
            Notice::Written(receipt) => self.crew.written(receipt),
            Notice::Input(bytes) => self.crew.feed(bytes),
            _ => {}
        }
    }

    fn take(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Started { rank, pid } => {
                self.roster.started(rank, pid);
                if self.roster.all_started() {
                    // All ranks execute the file by now, so that its name is not needed any more.
                    drop(self.prepared.directory.take());
                }
            }
            News::Request { rank, payload } => self.serve_request(rank, &payload),
            News::Ended(end) => {
                if self.roster.ended(end.rank, end.region.clone()) {
                    self.judge(&end);
                }
            }
            News::CutOff { rank, reason } => self.cut_off(rank, &reason),
            News::Doing { rank, region } => self.roster.answer(rank, region),
            News::Present(presence) => return self.gathered(&presence),
            News::Lost { ranks, message } => {
                for rank in ranks {
                    self.roster.ended(rank, None);
                }
                if !self.is_ending() {
                    self.conclude(Verdict::Lost { message });
                }
            }
            News::Failed { message, code } => self.conclude(Verdict::Failed { message, code }),
            News::Swallowed(bytes) => {
                if let Some(typing) = &self.typing {
                    typing.swallowed(bytes);
                }
            }
        }
        Ok(())
    }

    /// An agent has reported; when all have, ranks are started.
    fn gathered(&mut self, presence: &Presence) -> Result<(), Failure> {
        let Phase::Gathering { missing } = &mut self.phase else {
            return Ok(());
        };
        if self.options.verbose {
            report::note(&format!(
                "agent {}: pid {}, {} processors",
                presence.agent, presence.pid, presence.processors
            ));
        }
        *missing = missing.saturating_sub(1);
        let complete = *missing == 0;
        self.limits = self.limits.and(Limits {
            address_space: presence.address_space,
            physical: presence.physical,
        });
        if complete {
            self.start_ranks()?;
        }
        Ok(())
    }

    fn cut_off(&mut self, rank: u32, reason: &str) {
        match (rank, self.service.finalizing()) {
            _ if !matches!(self.phase, Phase::Running) => {}
            (_, true) => {}
            // It may have become another program, by exec: the workers are not needed, its exit status is.
            (0, false) => self.dismiss_workers(),
            (_, false) => {
                let pid = self.roster.pid(rank);
                self.fail(format!("rank {rank} (pid {pid}) runs on without its link to caperun ({reason}): run the program again"));
            }
        }
    }

    fn serve_request(&mut self, rank: u32, payload: &[u8]) {
        if self.is_ending() {
            return;
        }
        let Ok(request) = postcard::from_bytes::<Request>(payload) else {
            let next = "compile the program again with the capec that belongs to this caperun";
            return self.fail(format!(
                "rank {rank} sent a message that is not understood: {next}"
            ));
        };
        let mut replies = Replies::new();
        let progress = self.service.handle(rank, request, &mut replies);
        self.send(replies);
        match progress {
            Ok(Progress::Ordinary) => {}
            Ok(Progress::Complete) => self.report_members(),
            Ok(Progress::Finalizing) => self.dismiss_newcomers(),
            // The program has ended: what a worker still has to say about its peers is of no consequence.
            Err(_) if self.service.finalizing() => {}
            Err(message) => self.fail(message),
        }
    }

    /// Sends replies in order; those that are the same for several ranks once on each link.
    fn send(&mut self, replies: Replies) {
        let mut replies = replies.into_iter().peekable();
        while let Some((rank, reply)) = replies.next() {
            let mut ranks = BTreeSet::new();
            while let Some((rank, _)) = replies.next_if(|(_, other)| *other == reply) {
                ranks.insert(rank);
            }
            if ranks.is_empty() {
                self.reply(Target::One(rank), &reply);
            } else {
                ranks.insert(rank);
                self.reply(Target::Some(ranks), &reply);
            }
        }
    }

    fn reply(&mut self, to: Target, reply: &Reply) {
        let payload = postcard::to_stdvec(reply).expect("replies are plain data");
        self.crew.order(Order::Reply { to, payload });
    }

    /// The program ended before all ranks had joined: the others have nothing to do, not even to join.
    fn dismiss_newcomers(&mut self) {
        if !self.service.membership().complete() {
            self.dismiss_workers();
        }
    }

    fn dismiss_workers(&mut self) {
        self.dismiss(Target::Workers);
        let (joined, newcomers): (BTreeSet<u32>, BTreeSet<u32>) =
            (1..self.roster.count()).partition(|rank| self.service.membership().has(*rank));
        self.reply(Target::Some(joined), &Reply::Abort);
        self.signal(Target::Some(newcomers), Signal::SIGKILL);
    }

    fn dismiss(&mut self, target: Target) {
        for rank in self.roster.alive() {
            if target.includes(rank) {
                self.roster.dismiss(rank);
            }
        }
        self.crew.order(Order::Dismiss(target));
    }

    fn judge(&mut self, end: &End) {
        let End { rank, pid, .. } = *end;
        let status = ExitStatus::from_raw(end.status);
        if end.dismissed || self.roster.is_dismissed(rank) || self.is_ending() {
            return;
        }
        if let Some(signal) = status.signal() {
            let (core, place) = (status.core_dumped(), self.place(rank));
            return self.conclude(Verdict::Died {
                rank,
                pid,
                signal,
                core,
                place,
            });
        }
        let code = status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        let joined = self.service.membership().has(rank);
        if rank == 0 && (joined || self.roster.count() == 1) {
            self.driver_exited(code);
        } else if !joined {
            let message = format!(
                "rank {rank} (pid {pid}) exited with status {code} before it joined the job: see its message above, or compile the \
                 program again with capec"
            );
            self.conclude(Verdict::Failed {
                message,
                code: code.max(1),
            });
        } else if !self.service.finalizing() && !matches!(self.phase, Phase::Closing { .. }) {
            let place = self.place(rank);
            self.conclude(Verdict::Exited {
                rank,
                pid,
                code,
                place,
            });
        }
    }

    fn driver_exited(&mut self, code: u8) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        if !self.service.finalizing() {
            // Without a word, as by _exit.
            self.dismiss_workers();
        }
        self.phase = Phase::Closing {
            code,
            steps: Escalation::of_workers(Instant::now()),
        };
    }

    fn fail(&mut self, message: String) {
        self.conclude(Verdict::Failed { message, code: 1 });
    }

    // ---- how it ends ----

    fn conclude(&mut self, verdict: Verdict) {
        match &self.phase {
            Phase::Ending { .. } | Phase::GivenUp { .. } => return,
            Phase::Asking { .. } if !matches!(verdict, Verdict::Interrupted { .. }) => return,
            Phase::Settling { verdict: held, .. } if held.strength() >= verdict.strength() => {
                return;
            }
            _ => {}
        }
        if let (Verdict::TimedOut { .. }, Some(_)) = (&verdict, self.ranks_started) {
            self.roster.ask();
            self.crew.order(Order::Inquire);
            let until = Instant::now() + ANSWERS;
            self.phase = Phase::Asking { verdict, until };
        } else if verdict.may_follow_from_another() {
            self.phase = Phase::Settling {
                verdict,
                until: Instant::now() + SETTLE,
            };
        } else {
            self.end(verdict);
        }
    }

    fn end(&mut self, verdict: Verdict) {
        if let Some(message) = verdict.message() {
            report::error(&with_hosts(&message, self.plan));
        }
        if let (Verdict::TimedOut { .. }, Some(_)) = (&verdict, self.ranks_started) {
            (0..self.roster.count())
                .for_each(|rank| report::note(&format!("rank {rank} {}", self.activity(rank))));
        }
        let steps = Escalation::of_failure(&verdict, Instant::now());
        self.phase = Phase::Ending { verdict, steps };
        self.keep_time(Instant::now());
    }

    fn keep_time(&mut self, now: Instant) {
        match &self.phase {
            Phase::Settling { verdict, until } if *until <= now => {
                let verdict = verdict.clone();
                return self.end(verdict);
            }
            Phase::Asking { verdict, until } if *until <= now || self.roster.all_answered() => {
                let verdict = verdict.clone();
                return self.end(verdict);
            }
            Phase::Closing { .. } | Phase::Ending { .. } => {
                while let Some(action) = self.phase.due(now) {
                    self.act(action);
                }
            }
            Phase::Running => {
                self.look_for_the_missing(now);
                self.answer_late(now);
            }
            _ => {}
        }
        if let Some(limit) = self
            .options
            .timeout
            .filter(|limit| self.started + *limit <= now && !self.finishing)
        {
            self.conclude(Verdict::TimedOut { limit });
        }
    }

    /// Answers the requests that were held back for news that did not come.
    fn answer_late(&mut self, now: Instant) {
        if self.service.deadline().is_some_and(|due| due <= now) {
            let replies = self.service.expire(now);
            self.send(replies);
        }
    }

    fn look_for_the_missing(&mut self, now: Instant) {
        if self
            .joining_deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            let missing: Vec<String> = self
                .service
                .membership()
                .missing()
                .map(|rank| rank.to_string())
                .collect();
            let (ranks, seconds) = (missing.join(", "), JOINING.as_secs());
            self.fail(format!("rank {ranks} did not join the job within {seconds} s: is the machine overloaded? lower -n"));
        }
    }

    fn joining_deadline(&self) -> Option<Instant> {
        let joining = self.roster.count() > 1
            && !self.service.membership().complete()
            && !self.service.finalizing();
        self.ranks_started
            .filter(|_| joining)
            .map(|started| started + JOINING)
    }

    fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Running => [self.joining_deadline(), self.service.deadline()]
                .into_iter()
                .flatten()
                .min(),
            Phase::Settling { until, .. } | Phase::Asking { until, .. } => Some(*until),
            Phase::Closing { steps, .. } | Phase::Ending { steps, .. } => steps.deadline(),
            Phase::Gathering { .. } | Phase::GivenUp { .. } => None,
        };
        let limit = self
            .options
            .timeout
            .map(|limit| self.started + limit)
            .filter(|_| !self.is_ending());
        phase.into_iter().chain(limit).min()
    }

    fn is_ending(&self) -> bool {
        matches!(
            self.phase,
            Phase::Asking { .. } | Phase::Ending { .. } | Phase::GivenUp { .. }
        )
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Abort => self.reply(Target::All, &Reply::Abort),
            Action::Signal(signal) => self.signal_all(signal),
            Action::EndRegions => self.crew.order(Order::EndRegions),
            Action::KillLate => {
                let late = self.roster.alive();
                self.dismiss(Target::All);
                self.signal(Target::All, Signal::SIGKILL);
                report::note(&format!(
                    "warning: killed ranks that did not exit after the program's end: {late:?}"
                ));
            }
            Action::GiveUp => self.give_up(),
        }
    }

    fn give_up(&mut self) {
        let pids: Vec<i32> = self
            .roster
            .alive()
            .into_iter()
            .map(|rank| self.roster.pid(rank))
            .collect();
        report::note(&format!(
            "warning: these processes do not end although they were killed: {pids:?}"
        ));
        let verdict = match &self.phase {
            Phase::Ending { verdict, .. } => verdict.clone(),
            Phase::Closing { code, .. } => Verdict::Finished { code: *code },
            _ => Verdict::Finished { code: 1 },
        };
        self.phase = Phase::GivenUp { verdict };
    }

    fn signal(&mut self, to: Target, signal: Signal) {
        self.crew.order(Order::Signal {
            to,
            signal: signal as i32,
        });
    }

    fn signal_all(&mut self, signal: Signal) {
        self.signal(Target::All, signal);
        // A stopped process acts on a signal only when it goes on.
        if matches!(
            signal,
            Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP | Signal::SIGQUIT
        ) {
            self.signal(Target::All, Signal::SIGCONT);
        }
    }

    // ---- what is said ----

    fn place(&self, rank: u32) -> String {
        match self.roster.region(rank) {
            Some(region) => format!("in region at {region}"),
            None if self.roster.count() > 1 && !self.service.membership().has(rank) => {
                "before it joined the job".into()
            }
            None if rank == 0 => "in serial code".into(),
            None => "between regions".into(),
        }
    }

    /// What `rank` is doing, in words that follow "rank 3 ".
    fn activity(&self, rank: u32) -> String {
        let pid = self.roster.pid(rank);
        if self.roster.has_ended(rank) {
            return format!("(pid {pid}) has ended");
        }
        let place = self.place(rank);
        match self.service.waits_for(rank) {
            Some(wait) => format!("(pid {pid}) {wait}, {place}"),
            None => format!("(pid {pid}) was {place}"),
        }
    }

    fn report_members(&self) {
        if !self.options.verbose {
            return;
        }
        for rank in 0..self.roster.count() {
            if let Some(member) = self.service.membership().member(rank) {
                report::note(&format!(
                    "rank {rank}: pid {}, tracker {}, at {}",
                    member.pid, member.tracker, member.address
                ));
            }
        }
        report::note(&format!(
            "all ranks joined after {:.1} ms",
            self.started.elapsed().as_secs_f64() * 1e3
        ));
    }

    fn print_statistics(&self, verdict: &Verdict) {
        let ranks = self.service.statistics();
        if !matches!(verdict, Verdict::Finished { .. }) && ranks.iter().all(Option::is_none) {
            return;
        }
        let program = self.options.program.to_string_lossy();
        if self.roster.count() == 1 {
            return report::note(&format!(
                "statistics of {program}: one rank tracks and moves nothing; use -n 2 or more"
            ));
        }
        report::block(&stats::table(&program, ranks, self.options.verbose));
    }
}
