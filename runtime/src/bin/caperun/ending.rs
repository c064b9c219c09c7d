//! How a job is brought to its end: first it is asked, then told, then killed, and no wait is without a limit.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::verdict::Verdict;

/// What is done to the ranks that have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell them by message to exit at once.
    Abort,
    /// Send them a signal, and let those that are stopped go on to receive it.
    Signal(Signal),
    /// The driver has exited: end the workers that are in a region, which nobody waits for any more.
    EndRegions,
    /// The driver has exited long ago: kill the workers that have not, and say so.
    KillLate,
    /// Leave without them: even SIGKILL takes no effect while the kernel itself is stuck.
    GiveUp,
}

/// Actions and when they are due.
#[derive(Debug)]
pub struct Escalation {
    start: Instant,
    steps: std::vec::IntoIter<(Duration, Action)>,
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Escalation {
    /// For a job that ends with `verdict` before its time.
    pub fn of_failure(verdict: &Verdict, start: Instant) -> Escalation {
        let told = match verdict {
            // They may want to clean up after the signal that a user sent.
            Verdict::Interrupted { signal } => {
                [(ms(0), Action::Signal(*signal)), (ms(0), Action::Abort)]
            }
            _ => [
                (ms(0), Action::Abort),
                (ms(100), Action::Signal(Signal::SIGTERM)),
            ],
        };
        let killed = [
            (ms(700), Action::Signal(Signal::SIGKILL)),
            (ms(6000), Action::GiveUp),
        ];
        Escalation::new(start, told.into_iter().chain(killed).collect())
    }

    /// For workers after the driver has exited.
    pub fn of_workers(start: Instant) -> Escalation {
        let steps = vec![
            (ms(300), Action::EndRegions),
            (ms(10_000), Action::KillLate),
            (ms(15_000), Action::GiveUp),
        ];
        Escalation::new(start, steps)
    }

    fn new(start: Instant, steps: Vec<(Duration, Action)>) -> Escalation {
        Escalation {
            start,
            steps: steps.into_iter(),
        }
    }

    /// When the next action is due; `None`: all were taken.
    pub fn deadline(&self) -> Option<Instant> {
        self.steps
            .as_slice()
            .first()
            .map(|(after, _)| self.start + *after)
    }

    /// The next action, if it is due at `now`.
    pub fn due(&mut self, now: Instant) -> Option<Action> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.steps.next().map(|(_, action)| action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_come_in_order_and_when_due() {
        let start = Instant::now();
        let mut steps = Escalation::of_failure(&Verdict::TimedOut { limit: ms(1) }, start);
        assert_eq!(steps.due(start), Some(Action::Abort));
        assert_eq!(steps.due(start), None);
        assert_eq!(
            steps.due(start + ms(700)),
            Some(Action::Signal(Signal::SIGTERM))
        );
        assert_eq!(
            steps.due(start + ms(700)),
            Some(Action::Signal(Signal::SIGKILL))
        );
        assert_eq!(steps.due(start + ms(700)), None);
        assert_eq!(steps.deadline(), Some(start + ms(6000)));
        assert_eq!(steps.due(start + ms(6000)), Some(Action::GiveUp));
        assert_eq!(
            (steps.deadline(), steps.due(start + ms(9999))),
            (None, None)
        );
    }

    #[test]
    fn an_interrupted_job_gets_the_signal_itself() {
        let start = Instant::now();
        let mut steps = Escalation::of_failure(
            &Verdict::Interrupted {
                signal: Signal::SIGINT,
            },
            start,
        );
        assert_eq!(steps.due(start), Some(Action::Signal(Signal::SIGINT)));
        assert_eq!(steps.due(start), Some(Action::Abort));
        assert_eq!(
            steps.due(start + ms(700)),
            Some(Action::Signal(Signal::SIGKILL))
        );
    }

    #[test]
    fn every_way_ends() {
        let start = Instant::now();
        let verdict = Verdict::Interrupted {
            signal: Signal::SIGTERM,
        };
        for mut steps in [
            Escalation::of_failure(&verdict, start),
            Escalation::of_workers(start),
        ] {
            let mut last = None;
            while let Some(action) = steps.due(start + ms(60_000)) {
                last = Some(action);
            }
            assert_eq!(last, Some(Action::GiveUp));
        }
    }
}
