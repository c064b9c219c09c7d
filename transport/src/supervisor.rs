//! Tells which hosts are gone although something was sent to them.
//!
//! The kernel's keepalive finds a dead host on an idle connection only; on one with something under way it retransmits for a
//! quarter of an hour (tcp(7), `tcp_retries2`). So while there is traffic, and only then, the poller looks now and then whether
//! some connection waits for an acknowledgement, and since when. An idle node has no timer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::CloseReason;
use crate::engine::{Failure, Turn};
use crate::link::lock;
use crate::node::Node;
use crate::sys::{Waiting, unanswered};
use crate::transport::Event;

/// Looks per detection time.
const LOOKS: u32 = 8;

/// Whether and when the connections have to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    /// Something was sent since all connections were seen to be at rest, or looks are planned.
    busy: AtomicBool,
}

impl Supervisor {
    /// Something was sent. `true`: the poller must be told.
    pub(crate) fn stir(&self) -> bool {
        // Nearly always set: a look must not cost each sender a cache line.
        !self.busy.load(Ordering::Relaxed) && !self.busy.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Called before a look that may find all at rest: what is sent during it stirs anew.
    pub(crate) fn rest(&self) {
        self.busy.store(false, Ordering::Release);
    }

    /// At least one connection waits: look again.
    pub(crate) fn stay_busy(&self) {
        self.busy.store(true, Ordering::Release);
    }
}

/// Time between two looks.
fn interval(detection: Duration) -> Duration {
    detection / LOOKS
}

/// Judges a connection at a look. `since`: from when on every look has found it waiting, or when its host was heard after that.
/// `true`: its host is gone.
fn judge(waiting: Waiting, since: &mut Option<Instant>, now: Instant, detection: Duration) -> bool {
    let (unheard, owes) = match waiting {
        Waiting::No => {
            *since = None;
            return false;
        }
        Waiting::Heard(unheard) => (unheard, false),
        Waiting::Since(unheard) => (unheard, true),
    };
    let first = *since.get_or_insert(now);
    let first = now
        .checked_sub(unheard)
        .map_or(first, |heard| first.max(heard));
    *since = Some(first);
    // Looks are an interval apart, and the first may have come one after the sending.
    let patience = detection - 2 * interval(detection);
    owes && now.saturating_duration_since(first) >= patience
}

impl Node {
    /// Looks, if it is time, whether a host is gone that owes an acknowledgement.
    pub(crate) fn look_after_hosts(&self, turn: &mut Turn, now: Instant, events: &mut Vec<Event>) {
        if !self.supervisor.is_busy() {
            turn.look = None;
            return;
        }
        let detection = self.settings.detection;
        let due = *turn.look.get_or_insert(now + interval(detection));
        if due > now {
            return;
        }
        turn.look = Some(now + interval(detection));
        self.supervisor.rest();
        let (mut waiting, mut dead) = (false, Vec::new());
        for link in lock(&self.mesh).established() {
            let mut input = lock(&link.input);
            let Some(socket) = input.socket.clone() else {
                continue;
            };
            let found = unanswered(&socket);
            waiting |= found != Waiting::No;
            if judge(found, &mut input.waiting, now, detection) {
                drop(input);
                dead.push(link);
            }
        }
        for link in dead {
            let reason = CloseReason::Unresponsive(detection.as_secs());
            self.fail(turn, &link, Failure::Lost(reason), events);
        }
        if waiting || self.backlog.bytes() > 0 {
            self.supervisor.stay_busy();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETECTION: Duration = Duration::from_secs(8);

    /// The look at which a connection is judged dead, for what looks a second apart find.
    fn dead_at(looks: impl IntoIterator<Item = Waiting>) -> Option<usize> {
        let (start, mut since) = (Instant::now(), None);
        looks.into_iter().enumerate().position(|(k, waiting)| {
            let now = start + Duration::from_secs(k as u64);
            judge(waiting, &mut since, now, DETECTION)
        })
    }

    fn unheard(seconds: u64) -> Waiting {
        Waiting::Since(Duration::from_secs(seconds))
    }

    #[test]
    fn a_host_that_never_answers_is_dead_in_time() {
        let dead = dead_at((0..20).map(unheard)).unwrap();
        assert!(dead <= 7, "{dead}");
        // After an idle hour the first look alone proves nothing.
        assert_eq!(dead_at((0..20).map(|k| unheard(3600 + k))), Some(6));
    }

    #[test]
    fn what_was_sent_right_after_an_answer_counts_from_then_on() {
        let early = (0..3).map(|k| Waiting::Heard(Duration::from_secs(k)));
        assert_eq!(dead_at(early.chain((3..20).map(unheard))), Some(6));
    }

    #[test]
    fn a_host_that_acknowledges_lives() {
        assert_eq!(dead_at((0..100).map(|k| unheard(k % 3))), None);
        // A window that is closed for long: each retransmission is answered, and the next one comes later and later.
        assert_eq!(
            dead_at((0..100).map(|k| Waiting::Heard(Duration::from_secs(k)))),
            None
        );
        let pauses = (0..100).map(|k| if k % 5 == 4 { Waiting::No } else { unheard(60) });
        assert_eq!(dead_at(pauses), None);
    }

    #[test]
    fn the_first_sender_rings_once() {
        let supervisor = Supervisor::default();
        assert!(supervisor.stir() && !supervisor.stir());
        supervisor.rest();
        assert!(supervisor.stir() && supervisor.is_busy());
    }
}
