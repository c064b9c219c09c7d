//! How a job ends, and what is said about it.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::{ANSWERS, JOINING, Job, Phase};
use crate::control::Reply;
use crate::crew::whereabouts::with_hosts;
use crate::crew::{Order, Target};
use crate::ending::{Action, Escalation};
use crate::report;
use crate::stats;
use crate::verdict::{SETTLE, Verdict};

impl Job<'_> {
    pub(super) fn conclude(&mut self, verdict: Verdict) {
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

    pub(super) fn end(&mut self, verdict: Verdict) {
        match (&verdict, verdict.message()) {
            // It begins with the host.
            (Verdict::Lost { .. }, Some(message)) => report::error(&message),
            (_, Some(message)) => report::error(&with_hosts(&message, self.plan)),
            (_, None) => {}
        }
        if let (Verdict::TimedOut { .. }, Some(_)) = (&verdict, self.ranks_started) {
            (0..self.roster.count())
                .for_each(|rank| report::note(&format!("rank {rank} {}", self.activity(rank))));
        }
        let steps = Escalation::of_failure(&verdict, Instant::now());
        self.phase = Phase::Ending { verdict, steps };
        self.keep_time(Instant::now());
    }

    pub(super) fn keep_time(&mut self, now: Instant) {
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
    pub(super) fn answer_late(&mut self, now: Instant) {
        if self.service.deadline().is_some_and(|due| due <= now) {
            let replies = self.service.expire(now);
            self.send(replies);
        }
    }

    pub(super) fn look_for_the_missing(&mut self, now: Instant) {
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

    pub(super) fn joining_deadline(&self) -> Option<Instant> {
        let joining = self.roster.count() > 1
            && !self.service.membership().complete()
            && !self.service.finalizing();
        self.ranks_started
            .filter(|_| joining)
            .map(|started| started + JOINING)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
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

    pub(super) fn is_ending(&self) -> bool {
        matches!(
            self.phase,
            Phase::Asking { .. } | Phase::Ending { .. } | Phase::GivenUp { .. }
        )
    }

    pub(super) fn act(&mut self, action: Action) {
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

    pub(super) fn give_up(&mut self) {
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

    pub(super) fn signal(&mut self, to: Target, signal: Signal) {
        self.crew.order(Order::Signal {
            to,
            signal: signal as i32,
        });
    }

    pub(super) fn signal_all(&mut self, signal: Signal) {
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

    pub(super) fn place(&self, rank: u32) -> String {
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
    pub(super) fn activity(&self, rank: u32) -> String {
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

    pub(super) fn report_members(&self) {
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

    pub(super) fn print_statistics(&self, verdict: &Verdict) {
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
