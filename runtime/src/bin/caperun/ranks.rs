//! The ranks as processes: which are alive, linked, or gone, and why.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::agent::protocol::Target;

/// How long a dead rank's last messages may take to be read where its link does not end with it (a child holds it open).
const LAST_WORDS: Duration = Duration::from_millis(250);
/// The same for a rank that had no link: a handshake may have been under way.
const FIRST_WORDS: Duration = Duration::from_millis(20);
/// How long a rank may live after its link is gone.
const UNLINKED: Duration = Duration::from_secs(2);

/// A rank's control link.
#[derive(Debug)]
enum Link {
    Never,
    Open,
    /// `noticed`: that its process lives on has been reported.
    Lost {
        reason: String,
        at: Instant,
        noticed: bool,
    },
}

/// One rank's process.
#[derive(Debug)]
struct Rank {
    pid: Pid,
    link: Link,
    exit: Option<(ExitStatus, Instant)>,
    judged: bool,
    /// It was ended by us, for a reason that is known: its exit status says nothing.
    dismissed: bool,
}

impl Rank {
    /// When its exit may be judged, given that it exited at `at`: when everything it said before has been heard.
    fn judgement(&self, at: Instant, alone: bool) -> Instant {
        match self.link {
            _ if self.dismissed => at,
            Link::Lost { .. } => at,
            Link::Never if alone => at,
            Link::Never => at + FIRST_WORDS,
            Link::Open => at + LAST_WORDS,
        }
    }
}

/// Ranks that this process has forked.
#[derive(Debug)]
pub struct Ranks {
    ranks: BTreeMap<u32, Rank>,
    /// The job has one rank.
    alone: bool,
}

/// A rank's end.
#[derive(Debug)]
pub struct Exit {
    /// The rank.
    pub rank: u32,
    /// Its process.
    pub pid: i32,
    /// Its status.
    pub status: ExitStatus,
    /// It was ended on purpose.
    pub dismissed: bool,
}

/// The next child that has ended, if any.
#[allow(unsafe_code)]
pub fn reap() -> Option<(Pid, ExitStatus)> {
    let mut status = 0;
    // SAFETY: the status is valid for the call to write; -1 with WNOHANG asks for any child without waiting. (nix's waitpid
    // loses the status of a child that died of a real-time signal.)
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then(|| (Pid::from_raw(pid), ExitStatus::from_raw(status)))
}

impl Ranks {
    /// The ranks that run as these processes, of a job of so many ranks.
    pub fn new(pids: &[(u32, Pid)], job: u32) -> Ranks {
        let rank = |pid: Pid| Rank {
            pid,
            link: Link::Never,
            exit: None,
            judged: false,
            dismissed: false,
        };
        Ranks {
            ranks: pids
                .iter()
                .map(|(number, pid)| (*number, rank(*pid)))
                .collect(),
            alone: job == 1,
        }
    }

    /// A message of `rank` has arrived; `false`: there is no such rank.
    pub fn heard(&mut self, rank: u32) -> bool {
        let Some(rank) = self.ranks.get_mut(&rank) else {
            return false;
        };
        if matches!(rank.link, Link::Never) {
            rank.link = Link::Open;
        }
        true
    }

    /// The link of `rank` is gone.
    pub fn unlinked(&mut self, rank: u32, reason: String) {
        if let Some(rank) = self.ranks.get_mut(&rank) {
            rank.link = Link::Lost {
                reason,
                at: Instant::now(),
                noticed: false,
            };
        }
    }

    /// The process `pid` has ended; `false`: it is no rank's.
    pub fn ended(&mut self, pid: Pid, status: ExitStatus) -> bool {
        match self.ranks.values_mut().find(|rank| rank.pid == pid) {
            Some(rank) => {
                rank.exit = Some((status, Instant::now()));
                true
            }
            None => false,
        }
    }

    /// Whether all ranks have ended and their ends were judged.
    pub fn all_judged(&self) -> bool {
        self.ranks.values().all(|rank| rank.judged)
    }

    /// Ranks that have not ended.
    pub fn alive(&self) -> Vec<u32> {
        let alive = self.ranks.iter().filter(|(_, rank)| rank.exit.is_none());
        alive.map(|(number, _)| *number).collect()
    }

    /// Those of `target` that have not ended.
    pub fn alive_of(&self, target: &Target) -> Vec<u32> {
        if let Target::One(rank) = target {
            let alive = self.ranks.get(rank).is_some_and(|rank| rank.exit.is_none());
            return alive.then_some(*rank).into_iter().collect();
        }
        let alive = self.alive();
        alive
            .into_iter()
            .filter(|rank| target.includes(*rank))
            .collect()
    }

    /// Sends `signal` to `rank` if it has not ended: its process id cannot have been given to another before it is reaped.
    pub fn signal(&self, rank: u32, signal: Signal) {
        if let Some(rank) = self.ranks.get(&rank).filter(|rank| rank.exit.is_none()) {
            let _ = kill(rank.pid, signal);
        }
    }

    /// From now on the end of `rank` is our own doing.
    pub fn dismiss(&mut self, rank: u32) {
        if let Some(rank) = self.ranks.get_mut(&rank) {
            rank.dismissed = true;
        }
    }

    /// The next end that may be judged at `now`; each is returned once.
    pub fn next_exit(&mut self, now: Instant) -> Option<Exit> {
        let alone = self.alone;
        self.ranks.iter_mut().find_map(|(number, rank)| {
            let (status, at) = rank.exit.filter(|_| !rank.judged)?;
            if rank.judgement(at, alone) > now {
                return None;
            }
            rank.judged = true;
            Some(Exit {
                rank: *number,
                pid: rank.pid.as_raw(),
                status,
                dismissed: rank.dismissed,
            })
        })
    }

    /// A rank that lives although its link has been gone for long at `now`, with the reason; each is returned once.
    pub fn next_cut_off(&mut self, now: Instant) -> Option<(u32, String)> {
        self.ranks
            .iter_mut()
            .find_map(|(number, rank)| match &mut rank.link {
                Link::Lost {
                    reason,
                    at,
                    noticed,
                } if rank.exit.is_none() && !*noticed && *at + UNLINKED <= now => {
                    *noticed = true;
                    Some((*number, reason.clone()))
                }
                _ => None,
            })
    }

    /// When [`Ranks::next_exit`] or [`Ranks::next_cut_off`] has something new to say without an event before.
    pub fn deadline(&self) -> Option<Instant> {
        let of_rank = |rank: &Rank| match (&rank.exit, &rank.link) {
            (Some((_, at)), _) => (!rank.judged).then(|| rank.judgement(*at, self.alone)),
            (
                None,
                Link::Lost {
                    at, noticed: false, ..
                },
            ) => Some(*at + UNLINKED),
            (None, _) => None,
        };
        self.ranks.values().filter_map(of_rank).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(count: u32) -> Ranks {
        let pids = (0..count).map(|rank| (rank, Pid::from_raw(1_000_000_000 + rank as i32)));
        Ranks::new(&pids.collect::<Vec<_>>(), count)
    }

    fn exits(ranks: &mut Ranks, rank: u32, at: Instant) {
        ranks.ranks.get_mut(&rank).expect("there").exit = Some((ExitStatus::from_raw(3 << 8), at));
    }

    #[test]
    fn an_exit_is_judged_once_when_its_link_has_ended() {
        let (mut ranks, now) = (ranks(2), Instant::now());
        assert!(ranks.heard(1) && !ranks.heard(2));
        exits(&mut ranks, 1, now);
        assert!(
            ranks.next_exit(now).is_none(),
            "its last words may be unread"
        );
        assert_eq!(ranks.deadline(), Some(now + LAST_WORDS));
        ranks.unlinked(1, "it closed".into());
        let exit = ranks.next_exit(now).expect("judged");
        assert_eq!(
            (exit.rank, exit.status.code(), exit.dismissed),
            (1, Some(3), false)
        );
        assert!(ranks.next_exit(now).is_none() && !ranks.all_judged());
        assert_eq!((ranks.alive(), ranks.deadline()), (vec![0], None));
    }

    #[test]
    fn a_link_that_outlives_its_rank_delays_but_does_not_hang() {
        let (mut ranks, now) = (ranks(1), Instant::now());
        ranks.heard(0);
        exits(&mut ranks, 0, now);
        assert!(ranks.next_exit(now + LAST_WORDS).is_some() && ranks.all_judged());
    }

    #[test]
    fn a_rank_without_a_link_is_noticed() {
        let (mut ranks, now) = (ranks(2), Instant::now());
        ranks.heard(1);
        ranks.unlinked(1, "it closed".into());
        assert_eq!(ranks.next_cut_off(now), None);
        assert!(ranks.deadline().is_some());
        let late = now + 2 * UNLINKED;
        assert_eq!(ranks.next_cut_off(late), Some((1, "it closed".into())));
        assert_eq!(
            (ranks.next_cut_off(late), ranks.deadline()),
            (None, None),
            "once"
        );
        exits(&mut ranks, 1, late);
        assert!(
            ranks.next_exit(late).is_some(),
            "its exit counts all the same"
        );
    }
}
