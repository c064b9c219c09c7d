//! Why a job ends, what is said about it, and the status `caperun` exits with.
//!
//! One failure often shows in several ways: a rank dies, and others complain that it is gone. What names the cause is stronger
//! than what may follow from it, so a weak verdict is held for [`SETTLE`] in case a stronger one arrives.

use std::time::Duration;

use nix::sys::signal::Signal;

/// How long a verdict that may be a consequence is held back.
pub const SETTLE: Duration = Duration::from_millis(50);

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The driver's program ended with this status.
    Finished {
        /// Exit status.
        code: u8,
    },
    /// A worker's process exited in mid-job: the program called `exit` in a region.
    Exited {
        /// The worker.
        rank: u32,
        /// Its process.
        pid: i32,
        /// Its exit status.
        code: u8,
        /// Where, in words that follow the event.
        place: String,
    },
    /// A rank could not go on, or the job could not start.
    Failed {
        /// Complete text.
        message: String,
        /// Exit status of the job.
        code: u8,
    },
    /// A host cannot be reached any more, or its agent is gone, or could not be started.
    Lost {
        /// Complete text.
        message: String,
        /// Exit status of the job.
        code: u8,
    },
    /// A rank died of a signal.
    Died {
        /// The rank.
        rank: u32,
        /// Its process.
        pid: i32,
        /// The signal's number, real-time signals included.
        signal: i32,
        /// Whether a core was written.
        core: bool,
        /// Where, in words that follow the event.
        place: String,
    },
    /// The job took longer than `--timeout` allows.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// `caperun` was told to end.
    Interrupted {
        /// By this signal.
        signal: Signal,
    },
}

fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(
        |_| "real-time".to_owned(),
        |signal| signal.as_str().to_owned(),
    )
}

fn status_of_signal(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(255)
}

impl Verdict {
    /// A verdict replaces a weaker one.
    pub fn strength(&self) -> u8 {
        match self {
            Verdict::Finished { .. } => 0,
            Verdict::Exited { .. } => 1,
            Verdict::Failed { .. } => 2,
            Verdict::Died { .. } if self.may_follow_from_another() => 3,
            Verdict::Died { .. } | Verdict::Lost { .. } => 4,
            Verdict::TimedOut { .. } | Verdict::Interrupted { .. } => 5,
        }
    }

    /// Whether the cause may be something that is about to be noticed.
    pub fn may_follow_from_another(&self) -> bool {
        match self {
            Verdict::Exited { .. } | Verdict::Failed { .. } => true,
            // The terminal sends these to the ranks and to caperun alike.
            Verdict::Died { signal, .. } => [1, 2, 3, 15].contains(signal),
            Verdict::Finished { .. }
            | Verdict::Lost { .. }
            | Verdict::TimedOut { .. }
            | Verdict::Interrupted { .. } => false,
        }
    }

    /// Status that `caperun` exits with.
    pub fn code(&self) -> u8 {
        match self {
            Verdict::Finished { code }
            | Verdict::Exited { code, .. }
            | Verdict::Failed { code, .. }
            | Verdict::Lost { code, .. } => *code,
            Verdict::Died { signal, .. } => status_of_signal(*signal),
            Verdict::TimedOut { .. } => 124,
            Verdict::Interrupted { signal } => status_of_signal(*signal as i32),
        }
    }

    /// The error to print, and a hint about the next step; `None` where the end speaks for itself.
    pub fn message(&self) -> Option<String> {
        match self {
            Verdict::Finished { .. } | Verdict::Interrupted { .. } => None,
            Verdict::Exited {
                rank,
                pid,
                code,
                place,
            } => Some(format!(
                "rank {rank} (pid {pid}) exited with status {code} {place}, which ended the job: the program called exit there"
            )),
            Verdict::Failed { message, .. } | Verdict::Lost { message, .. } => {
                Some(message.clone())
            }
            Verdict::Died {
                rank,
                pid,
                signal,
                core,
                place,
            } => {
                let core = if *core { ", core dumped" } else { "" };
                Some(format!(
                    "rank {rank} (pid {pid}) died of signal {signal} ({}{core}) {place}: {}",
                    signal_name(*signal),
                    next_step(*signal)
                ))
            }
            Verdict::TimedOut { limit } => Some(format!(
                "the job did not end within {} s and was stopped: raise --timeout, or see below what each rank was doing",
                limit.as_secs_f64()
            )),
        }
    }
}

fn next_step(signal: i32) -> &'static str {
    match Signal::try_from(signal) {
        Ok(Signal::SIGKILL) => {
            "if nobody killed it, the system ran out of memory (see dmesg); use smaller data or fewer ranks"
        }
        Ok(Signal::SIGPIPE) => "the reader of its output is gone",
        Ok(Signal::SIGXCPU | Signal::SIGXFSZ) => "raise the limit that ulimit -a shows",
        Ok(
            Signal::SIGSEGV
            | Signal::SIGBUS
            | Signal::SIGFPE
            | Signal::SIGILL
            | Signal::SIGABRT
            | Signal::SIGTRAP,
        ) => {
            "compile with capec -g, allow core files (ulimit -c unlimited) and open the core in gdb"
        }
        _ => "find out who sent it, or run the program again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died(signal: i32) -> Verdict {
        Verdict::Died {
            rank: 2,
            pid: 123,
            signal,
            core: false,
            place: "in region at cg.c:412 parallel for".into(),
        }
    }

    #[test]
    fn a_death_names_rank_process_signal_and_place() {
        let message = died(11).message().expect("text");
        assert!(
            message.starts_with(
                "rank 2 (pid 123) died of signal 11 (SIGSEGV) in region at cg.c:412 parallel for: "
            ),
            "{message}"
        );
        assert_eq!(died(11).code(), 139);
        assert!(died(9).message().expect("text").contains("out of memory"));
        assert!(
            died(40)
                .message()
                .expect("text")
                .contains("signal 40 (real-time)")
        );
    }

    #[test]
    fn causes_are_stronger_than_consequences() {
        let exited = Verdict::Exited {
            rank: 1,
            pid: 1,
            code: 1,
            place: String::new(),
        };
        let failed = Verdict::Failed {
            message: "rank 1: lost rank 2".into(),
            code: 1,
        };
        let interrupted = Verdict::Interrupted {
            signal: Signal::SIGINT,
        };
        let order = [
            Verdict::Finished { code: 0 },
            exited,
            failed,
            died(2),
            died(11),
            interrupted,
        ];
        assert!(
            order
                .windows(2)
                .all(|pair| pair[0].strength() < pair[1].strength())
        );
        assert!(died(2).may_follow_from_another() && !died(11).may_follow_from_another());
    }

    #[test]
    fn statuses_are_those_of_a_shell() {
        assert_eq!(
            Verdict::Interrupted {
                signal: Signal::SIGINT
            }
            .code(),
            130
        );
        assert_eq!(
            Verdict::Interrupted {
                signal: Signal::SIGTERM
            }
            .code(),
            143
        );
        assert_eq!(
            Verdict::Interrupted {
                signal: Signal::SIGHUP
            }
            .code(),
            129
        );
        assert_eq!(
            Verdict::TimedOut {
                limit: Duration::from_secs(1)
            }
            .code(),
            124
        );
        assert_eq!(Verdict::Finished { code: 7 }.code(), 7);
    }
}
