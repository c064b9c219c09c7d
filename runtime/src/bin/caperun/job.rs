//! A job from its first process to its last: the event loop.
//!
//! ```text
//! Running ──► Settling ──► Ending ──► over      a failure: wait whether a stronger reason shows, then end all ranks
//!    └──────► Closing ───────────────► over      the driver exited: its workers exit too
//! ```
//!
//! One thread does everything here. It sleeps in the transport's poll, which a frame, a lost link, a signal (through
//! `signals`) or a deadline ends; there is no interval at which anything is looked at.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use transport::{Event, Frame, JobKey, Listen, Node, Peer, Transport};

use crate::board::Board;
use crate::cli::{Options, TransportChoice};
use crate::compile::Prepared;
use crate::control::{CONTROL_FRAME, Reply, Request};
use crate::ending::{Action, Escalation};
use crate::launch::{self, Bundle, Settings};
use crate::output::Tagger;
use crate::ranks::{Exit, Ranks};
use crate::report::{self, Failure};
use crate::service::{Progress, Replies, Service};
use crate::signals::{Notice, Signals};
use crate::stats;
use crate::verdict::{SETTLE, Verdict};

/// How long all ranks may take to join.
const JOINING: Duration = Duration::from_secs(120);
/// How long our reader may take for the last output of a job that was ended.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Phase {
    Running,
    /// A failure, which may follow from another that is about to show.
    Settling {
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
            Phase::Running | Phase::Settling { .. } | Phase::GivenUp { .. } => None,
        }
    }
}

struct Job<'a> {
    options: &'a Options,
    node: Arc<Node>,
    board: &'a Board,
    service: Service,
    ranks: Ranks,
    phase: Phase,
    started: Instant,
}

/// Runs the job; returns the exit status.
pub fn run(
    options: &Options,
    settings: &Settings,
    mut prepared: Prepared,
    signals: &Signals,
) -> Result<u8, Failure> {
    let network = |error| Failure::new(format!("cannot open the job's rendezvous: {error}"));
    let key = JobKey::generate().map_err(network)?;
    let listen = match options.transport {
        TransportChoice::Unix => Listen::Unix,
        TransportChoice::Tcp => Listen::Tcp(Ipv4Addr::LOCALHOST.into()),
    };
    let how = transport::Settings {
        secure: options.secure,
        ..Default::default()
    };
    let node = Node::with_settings(Peer::Coordinator, &[listen], key.clone(), how);
    let node = Arc::new(node.map_err(network)?);
    node.set_ranks(options.ranks);
    if options.verbose {
        report::note(&format!(
            "coordinator at {}{}",
            node.contact(),
            if options.secure {
                ", links encrypted"
            } else {
                ""
            }
        ));
    }
    let board = Board::new(options.ranks)?;
    let started = Instant::now();
    let bundle = Bundle {
        key: &key,
        address: &node.contact(),
        board: &board,
        mask: signals.original_mask(),
    };
    let launched = launch::launch(options, settings, &prepared, &bundle)?;
    // All ranks execute the file by now, so that its name is not needed any more.
    drop(prepared.directory.take());
    let tagger = if options.tag_output {
        Some(Tagger::start(launched.sources, signals.sender())?)
    } else {
        None
    };
    signals.wake(Arc::clone(&node) as Arc<dyn Transport>);
    let ranks = Ranks::new(&launched.pids);
    let service = Service::new(options.ranks);
    let mut job = Job {
        options,
        node,
        board: &board,
        service,
        ranks,
        phase: Phase::Running,
        started,
    };
    let verdict = job.serve(signals);
    job.node.close();
    let verdict = finish_output(tagger, signals, verdict);
    if options.stats {
        job.print_statistics(&verdict);
    }
    Ok(verdict.code())
}

/// Waits until the ranks' last output is written; a signal, or the patience of a job that was ended, cuts it short.
fn finish_output(tagger: Option<Tagger>, signals: &Signals, verdict: Verdict) -> Verdict {
    let Some(tagger) = tagger else { return verdict };
    let patience = matches!(
        verdict,
        Verdict::TimedOut { .. } | Verdict::Interrupted { .. }
    )
    .then_some(LAST_OUTPUT);
    let deadline = patience.map(|limit| Instant::now() + limit);
    tagger.finish();
    loop {
        match signals.wait_until(deadline) {
            Some(Notice::OutputWritten) => return verdict,
            Some(Notice::End(signal)) => return Verdict::Interrupted { signal },
            Some(Notice::Stop) => signals.stop_myself(),
            Some(_) => {}
            None => {
                report::note("warning: some output of the ranks could not be written in time");
                return verdict;
            }
        }
    }
}

impl Job<'_> {
    fn serve(&mut self, signals: &Signals) -> Verdict {
        let mut events = Vec::new();
        loop {
            while let Some(notice) = signals.next() {
                self.heed(notice, signals);
            }
            while let Some(exit) = self.ranks.next_exit(Instant::now()) {
                self.judge(&exit);
            }
            self.keep_time(Instant::now());
            if let Some(verdict) = self.over() {
                return verdict;
            }
            let timeout = self
                .deadline()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if let Err(error) = self.node.poll(timeout, &mut events) {
                return self.abandon(signals, format!("lost the job's rendezvous: {error}"));
            }
            for event in events.drain(..) {
                self.take(event);
            }
        }
    }

    fn over(&self) -> Option<Verdict> {
        match &self.phase {
            Phase::Closing { code, .. } if self.ranks.all_judged() => {
                Some(Verdict::Finished { code: *code })
            }
            Phase::Ending { verdict, .. } if self.ranks.all_judged() => Some(verdict.clone()),
            Phase::GivenUp { verdict } => Some(verdict.clone()),
            _ => None,
        }
    }

    /// Without a working poll: ends all ranks at once.
    fn abandon(&mut self, signals: &Signals, message: String) -> Verdict {
        report::error(&message);
        self.signal_all(Signal::SIGKILL);
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.ranks.alive().is_empty() && signals.wait_until(Some(deadline)).is_some() {
            self.ranks.reap();
        }
        Verdict::Failed { message, code: 1 }
    }

    // ---- what happens ----

    fn heed(&mut self, notice: Notice, signals: &Signals) {
        match notice {
            Notice::Child => self.ranks.reap(),
            Notice::End(_) if matches!(self.phase, Phase::Ending { .. }) => {
                self.signal_all(Signal::SIGKILL)
            }
            Notice::End(signal) => self.conclude(Verdict::Interrupted { signal }),
            Notice::Stop => {
                // The driver may have a terminal to tidy up; a worker has no say.
                self.ranks.signal(0, Signal::SIGTSTP);
                (1..self.ranks.count()).for_each(|rank| self.ranks.signal(rank, Signal::SIGSTOP));
                signals.stop_myself();
            }
            Notice::Continue => self.signal_all(Signal::SIGCONT),
            Notice::Forward(signal) => self.ranks.signal(0, signal),
            Notice::OutputWritten => {}
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Frame {
                from: Peer::Rank(rank),
                frame,
            } if self.ranks.heard(rank) => self.serve_frame(rank, &frame),
            Event::Closed {
                peer: Peer::Rank(rank),
                reason,
            } => self.ranks.unlinked(rank, reason.to_string()),
            // A peer that has the key but is no rank of ours: nothing it says concerns the job.
            Event::Frame { .. } | Event::Closed { .. } => {}
        }
    }

    fn serve_frame(&mut self, rank: u32, frame: &Frame) {
        if matches!(self.phase, Phase::Ending { .. } | Phase::GivenUp { .. }) {
            return;
        }
        let request = match postcard::from_bytes::<Request>(&frame.payload) {
            Ok(request) if frame.kind == CONTROL_FRAME => request,
            _ => {
                let next = "compile the program again with the capec that belongs to this caperun";
                return self.fail(format!(
                    "rank {rank} sent a message that is not understood: {next}"
                ));
            }
        };
        let mut replies = Replies::new();
        let progress = self.service.handle(rank, request, &mut replies);
        for (rank, reply) in replies {
            self.reply(rank, &reply);
        }
        match progress {
            Ok(Progress::Ordinary) => {}
            Ok(Progress::Complete) => self.report_members(),
            Ok(Progress::Finalizing) => self.dismiss_newcomers(),
            // The program has ended: what a worker still has to say about its peers is of no consequence.
            Err(_) if self.service.finalizing() => {}
            Err(message) => self.fail(message),
        }
    }

    fn reply(&self, rank: u32, reply: &Reply) {
        let payload = postcard::to_stdvec(reply).expect("replies are plain data");
        // A rank that cannot be reached is dying: its exit says why.
        let _ = self.node.send(
            Peer::Rank(rank),
            Frame {
                kind: CONTROL_FRAME,
                tag: 0,
                payload: payload.into(),
            },
        );
    }

    /// The program ended before all ranks had joined: the others have nothing to do, not even to join.
    fn dismiss_newcomers(&mut self) {
        if !self.service.membership().complete() {
            self.dismiss_workers();
        }
    }

    fn dismiss_workers(&mut self) {
        for rank in 1..self.ranks.count() {
            self.ranks.dismiss(rank);
            if self.service.membership().has(rank) {
                self.reply(rank, &Reply::Abort);
            } else {
                self.ranks.signal(rank, Signal::SIGKILL);
            }
        }
    }

    fn judge(&mut self, exit: &Exit) {
        use std::os::unix::process::ExitStatusExt;
        let Exit { rank, pid, .. } = *exit;
        if exit.dismissed || matches!(self.phase, Phase::Ending { .. } | Phase::GivenUp { .. }) {
            return;
        }
        if let Some(signal) = exit.status.signal() {
            let (core, place) = (exit.status.core_dumped(), self.place(rank));
            return self.conclude(Verdict::Died {
                rank,
                pid,
                signal,
                core,
                place,
            });
        }
        let code = exit
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        let joined = self.service.membership().has(rank);
        if rank == 0 && (joined || self.ranks.count() == 1) {
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
            Phase::Settling { verdict: held, .. } if held.strength() >= verdict.strength() => {
                return;
            }
            _ => {}
        }
        if verdict.may_follow_from_another() {
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
            report::error(&message);
        }
        if let Verdict::TimedOut { .. } = verdict {
            (0..self.ranks.count())
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
            Phase::Closing { .. } | Phase::Ending { .. } => {
                while let Some(action) = self.phase.due(now) {
                    self.act(action);
                }
            }
            Phase::Running => {
                self.look_for_the_missing(now);
                self.answer_late(now);
            }
            Phase::Settling { .. } | Phase::GivenUp { .. } => {}
        }
        if let Some(limit) = self
            .options
            .timeout
            .filter(|limit| self.started + *limit <= now)
        {
            self.conclude(Verdict::TimedOut { limit });
        }
    }

    /// Answers the requests that were held back for news that did not come.
    fn answer_late(&mut self, now: Instant) {
        if self.service.deadline().is_some_and(|due| due <= now) {
            for (rank, reply) in self.service.expire(now) {
                self.reply(rank, &reply);
            }
        }
    }

    fn look_for_the_missing(&mut self, now: Instant) {
        if let Some((rank, reason)) = self.ranks.next_cut_off(now) {
            match (rank, self.service.finalizing()) {
                (_, true) => {}
                // It may have become another program, by exec: the workers are not needed, its exit status is.
                (0, false) => self.dismiss_workers(),
                (_, false) => {
                    let pid = self.ranks.pid(rank);
                    self.fail(format!("rank {rank} (pid {pid}) runs on without its link to caperun ({reason}): run the program again"));
                }
            }
        } else if self
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
        let joining = self.ranks.count() > 1
            && !self.service.membership().complete()
            && !self.service.finalizing();
        joining.then(|| self.started + JOINING)
    }

    fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Running => [self.joining_deadline(), self.service.deadline()]
                .into_iter()
                .flatten()
                .min(),
            Phase::Settling { until, .. } => Some(*until),
            Phase::Closing { steps, .. } | Phase::Ending { steps, .. } => steps.deadline(),
            Phase::GivenUp { .. } => None,
        };
        let limit = self
            .options
            .timeout
            .map(|limit| self.started + limit)
            .filter(|_| !self.is_ending());
        [phase, limit, self.ranks.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. } | Phase::GivenUp { .. })
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Abort => self
                .ranks
                .alive()
                .into_iter()
                .for_each(|rank| self.reply(rank, &Reply::Abort)),
            Action::Signal(signal) => self.signal_all(signal),
            Action::EndRegions => self.end_workers(|job, rank| job.board.region(rank).is_some()),
            Action::KillLate => {
                let late = self.ranks.alive();
                self.end_workers(|_, _| true);
                report::note(&format!(
                    "warning: killed ranks that did not exit after the program's end: {late:?}"
                ));
            }
            Action::GiveUp => self.give_up(),
        }
    }

    fn end_workers(&mut self, chosen: impl Fn(&Self, u32) -> bool) {
        for rank in self.ranks.alive() {
            if chosen(self, rank) {
                self.ranks.dismiss(rank);
                self.ranks.signal(rank, Signal::SIGKILL);
            }
        }
    }

    fn give_up(&mut self) {
        let pids: Vec<i32> = self
            .ranks
            .alive()
            .into_iter()
            .map(|rank| self.ranks.pid(rank))
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

    fn signal_all(&self, signal: Signal) {
        for rank in self.ranks.alive() {
            self.ranks.signal(rank, signal);
            // A stopped process acts on a signal only when it goes on.
            if matches!(
                signal,
                Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP | Signal::SIGQUIT
            ) {
                self.ranks.signal(rank, Signal::SIGCONT);
            }
        }
    }

    // ---- what is said ----

    fn place(&self, rank: u32) -> String {
        match self.board.region(rank) {
            Some(region) => format!("in region at {region}"),
            None if self.ranks.count() > 1 && !self.service.membership().has(rank) => {
                "before it joined the job".into()
            }
            None if rank == 0 => "in serial code".into(),
            None => "between regions".into(),
        }
    }

    /// What `rank` is doing, in words that follow "rank 3 ".
    fn activity(&self, rank: u32) -> String {
        let pid = self.ranks.pid(rank);
        if self.ranks.ended(rank) {
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
        for rank in 0..self.ranks.count() {
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
        if self.ranks.count() == 1 {
            return report::note(&format!(
                "statistics of {program}: one rank tracks and moves nothing; use -n 2 or more"
            ));
        }
        report::block(&stats::table(&program, ranks, self.options.verbose));
    }
}
