//! Iterations of dynamic and guided loops (OpenMP 5.2, 11.5.3), handed out to ranks in order.
//!
//! A message costs more than a small chunk, so a rank is given several chunks of a dynamic loop at once: a sixteenth of its
//! share of what remains, which shrinks to single chunks towards the end. The rank's threads take chunks from that.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::control::LoopKind;

/// Names one execution of a loop (see `Request::NextChunk`).
pub type Instance = (u64, u64);

/// Batches per rank and loop, roughly: balance against messages.
const BATCHES: u64 = 16;
/// Finished loops that are remembered, for requests of a rank that were on their way when its last answer left.
const REMEMBERED: usize = 256;

/// What every rank of a team must say alike about a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ranks that will ask.
    pub team: u32,
    /// Iterations in total.
    pub iterations: u64,
    /// Chunk size.
    pub chunk: u64,
    /// Schedule.
    pub kind: LoopKind,
}

#[derive(Debug)]
struct Progress {
    plan: Plan,
    next: u64,
    finished: Vec<u32>,
}

/// Two ranks described one loop differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "met loop {loop_number} of region {region} with {} iterations, chunk {} and a team of {} ranks, another rank with {}, {} and {}: \
     every thread of a team must meet the same loops with the same bounds", .mine.iterations, .mine.chunk, .mine.team,
    .other.iterations, .other.chunk, .other.team
)]
pub struct Disagreement {
    region: u64,
    loop_number: u64,
    mine: Plan,
    other: Plan,
}

/// All loops that are being executed.
#[derive(Debug, Default)]
pub struct Chunks {
    running: HashMap<Instance, Progress>,
    finished: VecDeque<Instance>,
}

impl Plan {
    /// Iterations to give to one rank when `remaining` are left; 0 only if none are.
    fn share(&self, remaining: u64) -> u64 {
        let (team, chunk) = (u64::from(self.team.max(1)), self.chunk.max(1));
        let size = match self.kind {
            LoopKind::Dynamic => (remaining.div_ceil(chunk) / (BATCHES * team))
                .max(1)
                .saturating_mul(chunk),
            LoopKind::Guided => chunk.max(remaining / (2 * team)),
        };
        size.min(remaining)
    }
}

impl Chunks {
    /// The next iterations for `rank`; empty: none left. The loop is forgotten when its whole team has been told so.
    pub fn next(
        &mut self,
        instance: Instance,
        rank: u32,
        plan: Plan,
    ) -> Result<Range<u64>, Disagreement> {
        if self.finished.contains(&instance) {
            return Ok(plan.iterations..plan.iterations);
        }
        let progress = self.running.entry(instance).or_insert_with(|| Progress {
            plan,
            next: 0,
            finished: Vec::new(),
        });
        if progress.plan != plan {
            let (region, loop_number) = instance;
            return Err(Disagreement {
                region,
                loop_number,
                mine: plan,
                other: progress.plan,
            });
        }
        let first = progress.next;
        progress.next = first + plan.share(plan.iterations - first);
        let given = first..progress.next;
        if given.is_empty() && !progress.finished.contains(&rank) {
            progress.finished.push(rank);
            if progress.finished.len() >= plan.team as usize {
                self.forget(instance);
            }
        }
        Ok(given)
    }

    fn forget(&mut self, instance: Instance) {
        self.running.remove(&instance);
        if self.finished.len() == REMEMBERED {
            self.finished.pop_front();
        }
        self.finished.push_back(instance);
    }

    /// Loops that somebody may still ask for.
    #[cfg(test)]
    pub fn running(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(kind: LoopKind, team: u32, iterations: u64, chunk: u64) -> Plan {
        Plan {
            team,
            iterations,
            chunk,
            kind,
        }
    }

    /// Ranks ask in turn until each is told that nothing is left; returns what was handed out.
    fn drain(chunks: &mut Chunks, instance: Instance, plan: Plan) -> Vec<Range<u64>> {
        let mut given = Vec::new();
        let mut asking: Vec<u32> = (0..plan.team).collect();
        while !asking.is_empty() {
            asking.retain(|rank| {
                let range = chunks.next(instance, *rank, plan).expect("same plan");
                let more = !range.is_empty();
                given.extend(more.then_some(range));
                more
            });
        }
        given
    }

    #[test]
    fn every_iteration_is_given_once_in_order() {
        for kind in [LoopKind::Dynamic, LoopKind::Guided] {
            for (team, iterations, chunk) in [
                (1, 0, 1),
                (1, 1, 1),
                (4, 1000, 1),
                (4, 1000, 7),
                (3, 10, 100),
                (16, 5, 1),
            ] {
                let mut chunks = Chunks::default();
                let given = drain(&mut chunks, (1, 0), plan(kind, team, iterations, chunk));
                let mut next = 0;
                for range in given {
                    assert_eq!(range.start, next);
                    next = range.end;
                }
                assert_eq!(next, iterations, "{kind:?} {team} {iterations} {chunk}");
                assert_eq!(chunks.running(), 0);
            }
        }
    }

    #[test]
    fn dynamic_gives_whole_chunks_and_ends_with_single_ones() {
        let mut chunks = Chunks::default();
        let given = drain(&mut chunks, (1, 0), plan(LoopKind::Dynamic, 2, 6403, 10));
        assert_eq!(given[0], 0..200, "641 chunks / 32");
        let (last, whole) = given.split_last().expect("some");
        assert!(
            whole
                .iter()
                .all(|range| (range.end - range.start) % 10 == 0)
        );
        assert_eq!(*last, 6400..6403);
        assert!(given.len() < 150, "{}", given.len());
    }

    #[test]
    fn guided_shrinks_to_the_chunk() {
        let mut chunks = Chunks::default();
        let sizes: Vec<u64> = drain(&mut chunks, (1, 0), plan(LoopKind::Guided, 2, 1000, 8))
            .iter()
            .map(|r| r.end - r.start)
            .collect();
        assert_eq!(sizes[0], 250);
        assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]));
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size >= 8));
    }

    #[test]
    fn the_largest_loops_do_not_overflow() {
        for (kind, chunk) in [
            (LoopKind::Dynamic, 1),
            (LoopKind::Dynamic, u64::MAX),
            (LoopKind::Dynamic, 1 << 60),
            (LoopKind::Guided, u64::MAX),
        ] {
            let given = drain(
                &mut Chunks::default(),
                (0, 0),
                plan(kind, 3, u64::MAX, chunk),
            );
            assert_eq!(given.last().map(|range| range.end), Some(u64::MAX));
        }
        let nobody = Plan {
            team: 0,
            iterations: 9,
            chunk: 0,
            kind: LoopKind::Dynamic,
        };
        assert_eq!(Chunks::default().next((0, 0), 0, nobody), Ok(0..1));
    }

    #[test]
    fn a_loop_is_kept_until_the_whole_team_knows() {
        let mut chunks = Chunks::default();
        let plan = plan(LoopKind::Dynamic, 2, 1, 1);
        assert_eq!(chunks.next((1, 0), 0, plan), Ok(0..1));
        assert!(chunks.next((1, 0), 0, plan).expect("plan").is_empty());
        assert!(
            chunks.next((1, 0), 0, plan).expect("plan").is_empty(),
            "a second thread of the same rank"
        );
        assert_eq!(chunks.running(), 1);
        assert!(chunks.next((1, 0), 1, plan).expect("plan").is_empty());
        assert_eq!(chunks.running(), 0);
        assert!(
            chunks.next((1, 0), 1, plan).expect("plan").is_empty(),
            "a late request starts nothing anew"
        );
        assert_eq!(chunks.next((1, 1), 1, plan), Ok(0..1), "the next loop does");
    }

    #[test]
    fn loops_of_different_shape_are_a_mistake() {
        let mut chunks = Chunks::default();
        chunks
            .next((3, 1), 0, plan(LoopKind::Guided, 2, 10, 1))
            .expect("first");
        let error = chunks
            .next((3, 1), 1, plan(LoopKind::Guided, 2, 11, 1))
            .expect_err("differs")
            .to_string();
        assert!(
            error.contains("loop 1 of region 3 with 11 iterations")
                && error.contains("another rank with 10"),
            "{error}"
        );
    }
}
