//! What happens to a job: signals, news of ranks, requests of ranks.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::{Job, Phase};
use crate::agent::protocol::Presence;
use crate::control::{Reply, Request};
use crate::crew::{End, News, Order, Target};
use crate::ending::Escalation;
use crate::memory::Limits;
use crate::report::{self, Failure};
use crate::service::{Progress, Replies};
use crate::signals::{Notice, Signals};
use crate::verdict::Verdict;

impl Job<'_> {
    pub(super) fn heed(&mut self, notice: Notice, signals: &Signals) {
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

    pub(super) fn take(&mut self, news: News) -> Result<(), Failure> {
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
                    self.conclude(Verdict::Lost { message, code: 1 });
                }
            }
            News::Failed { message, code } => self.conclude(Verdict::Lost { message, code }),
            News::Swallowed(bytes) => {
                if let Some(typing) = &self.typing {
                    typing.swallowed(bytes);
                }
            }
        }
        Ok(())
    }

    /// An agent has reported; when all have, ranks are started.
    pub(super) fn gathered(&mut self, presence: &Presence) -> Result<(), Failure> {
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

    pub(super) fn cut_off(&mut self, rank: u32, reason: &str) {
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

    pub(super) fn serve_request(&mut self, rank: u32, payload: &[u8]) {
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
            Ok(Progress::Complete) => {
                let greeting = self.service.greeting();
                self.reply(Target::All, &greeting);
                self.report_members();
            }
            Ok(Progress::Finalizing) => self.dismiss_newcomers(),
            // The program has ended: what a worker still has to say about its peers is of no consequence.
            Err(_) if self.service.finalizing() => {}
            Err(message) => self.fail(message),
        }
    }

    /// Sends replies in order; those that are the same for several ranks once on each link.
    pub(super) fn send(&mut self, replies: Replies) {
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

    pub(super) fn reply(&mut self, to: Target, reply: &Reply) {
        let payload = postcard::to_stdvec(reply).expect("replies are plain data");
        self.crew.order(Order::Reply { to, payload });
    }

    /// The program ended before all ranks had joined: the others have nothing to do, not even to join.
    pub(super) fn dismiss_newcomers(&mut self) {
        if !self.service.membership().complete() {
            self.dismiss_workers();
        }
    }

    pub(super) fn dismiss_workers(&mut self) {
        self.dismiss(Target::Workers);
        let (joined, newcomers): (BTreeSet<u32>, BTreeSet<u32>) =
            (1..self.roster.count()).partition(|rank| self.service.membership().has(*rank));
        self.reply(Target::Some(joined), &Reply::Abort);
        self.signal(Target::Some(newcomers), Signal::SIGKILL);
    }

    pub(super) fn dismiss(&mut self, target: Target) {
        for rank in self.roster.alive() {
            if target.includes(rank) {
                self.roster.dismiss(rank);
            }
        }
        self.crew.order(Order::Dismiss(target));
    }

    pub(super) fn judge(&mut self, end: &End) {
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

    pub(super) fn driver_exited(&mut self, code: u8) {
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

    pub(super) fn fail(&mut self, message: String) {
        self.conclude(Verdict::Failed { message, code: 1 });
    }
}
