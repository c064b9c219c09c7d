//! Distribution of a worksharing loop's logical iterations over the threads of a team (OpenMP 5.2, 11.5.3).
//!
//! Static schedules are arithmetic. Dynamic and guided ones are served: in a team of one rank from a common counter; over ranks by the
//! coordinator, always one request ahead of what is being computed, and the rank's threads share what it gives.

use crate::control::LoopKind;
use crate::icv::{Schedule, ScheduleKind};

/// Half-open range of logical iterations.
pub type Chunk = (u64, u64);

/// What remains of a loop for one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Nothing (any more).
    Done,
    /// One contiguous block.
    Block(Chunk),
    /// Chunks of `chunk` iterations, every `stride` iterations, starting at `next`.
    Cyclic {
        /// First iteration of the next chunk.
        next: u64,
        /// Iterations of a chunk.
        chunk: u64,
        /// From one chunk of this thread to the next.
        stride: u64,
        /// Iterations of the loop.
        total: u64,
    },
    /// Chunks come from a store: the team's, or over ranks the coordinator's.
    Served {
        /// How they are cut.
        kind: LoopKind,
        /// Chunk size, at least 1.
        chunk: u64,
        /// Iterations of the loop.
        total: u64,
    },
}

/// The share of thread `number` of `team` in a loop of `total` iterations.
pub fn share(schedule: Schedule, total: u64, team: u32, number: u32) -> Share {
    if team == 1 {
        return Share::Block((0, total));
    }
    let chunk = schedule.chunk.max(1);
    match schedule.kind {
        ScheduleKind::Static | ScheduleKind::Auto if schedule.chunk == 0 => {
            Share::Block(block(total, team, number))
        }
        ScheduleKind::Static | ScheduleKind::Auto => cyclic(chunk, total, team, number),
        ScheduleKind::Dynamic => Share::Served {
            kind: LoopKind::Dynamic,
            chunk,
            total,
        },
        ScheduleKind::Guided => Share::Served {
            kind: LoopKind::Guided,
            chunk,
            total,
        },
    }
}

/// Blocks that differ by one iteration at most, the larger ones first: gcc's division, so that threads get the iterations they would
/// get there.
fn block(total: u64, team: u32, number: u32) -> Chunk {
    let (team, number) = (u64::from(team), u64::from(number));
    let (each, extra) = (total / team, total % team);
    let first = number * each + number.min(extra);
    (first, first + each + u64::from(number < extra))
}

fn cyclic(chunk: u64, total: u64, team: u32, number: u32) -> Share {
    let stride = chunk.saturating_mul(u64::from(team));
    match chunk.checked_mul(u64::from(number)) {
        Some(next) if next < total => Share::Cyclic {
            next,
            chunk,
            stride,
            total,
        },
        _ => Share::Done,
    }
}

impl Share {
    /// The next chunk that needs no asking, and what remains then.
    pub fn take(self) -> (Option<Chunk>, Share) {
        match self {
            Share::Block((first, end)) if first < end => (Some((first, end)), Share::Done),
            Share::Cyclic {
                next,
                chunk,
                stride,
                total,
            } => {
                let end = next.saturating_add(chunk).min(total);
                let rest = match next.checked_add(stride) {
                    Some(next) if next < total => Share::Cyclic {
                        next,
                        chunk,
                        stride,
                        total,
                    },
                    _ => Share::Done,
                };
                (Some((next, end)), rest)
            }
            other => (None, other),
        }
    }
}

/// Cuts what one thread takes off a rank's stock of iterations, which `threads` share: a chunk of a dynamic loop, half of a thread's share
/// of a guided one. Chunks lie on multiples of the chunk size, except at the end of the loop.
pub fn cut(
    (first, end): Chunk,
    kind: LoopKind,
    chunk: u64,
    threads: u32,
) -> (Chunk, Option<Chunk>) {
    let size = match kind {
        _ if threads == 1 => end - first,
        LoopKind::Dynamic => chunk,
        LoopKind::Guided => chunk.max((end - first) / (2 * u64::from(threads))),
    };
    let middle = first.saturating_add(size).min(end);
    ((first, middle), (middle < end).then_some((middle, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_is_cut_into_chunks() {
        let dynamic = LoopKind::Dynamic;
        assert_eq!(cut((6, 12), dynamic, 3, 2), ((6, 9), Some((9, 12))));
        assert_eq!(cut((9, 12), dynamic, 3, 2), ((9, 12), None));
        assert_eq!(cut((9, 11), dynamic, 3, 2), ((9, 11), None));
        assert_eq!(cut((6, 12), dynamic, 3, 1), ((6, 12), None));
        assert_eq!(
            cut((0, 80), LoopKind::Guided, 3, 4),
            ((0, 10), Some((10, 80)))
        );
        assert_eq!(
            cut((70, 80), LoopKind::Guided, 3, 4),
            ((70, 73), Some((73, 80)))
        );
    }

    fn chunks(schedule: Schedule, total: u64, team: u32, number: u32) -> Vec<Chunk> {
        let mut rest = share(schedule, total, team, number);
        std::iter::from_fn(|| {
            let (chunk, next) = rest.take();
            rest = next;
            chunk
        })
        .collect()
    }

    #[test]
    fn every_iteration_is_given_once() {
        for chunk in [0, 1, 3, 7, 100] {
            let schedule = Schedule {
                kind: ScheduleKind::Static,
                chunk,
            };
            for total in [0, 1, 2, 5, 16, 17, 99] {
                for team in [1, 2, 3, 4, 8] {
                    let mut all: Vec<Chunk> = (0..team)
                        .flat_map(|number| chunks(schedule, total, team, number))
                        .collect();
                    all.sort_unstable();
                    let mut next = 0;
                    for (first, end) in all {
                        assert_eq!(first, next);
                        assert!(end > first && (chunk == 0 || team == 1 || end - first <= chunk));
                        next = end;
                    }
                    assert_eq!(next, total);
                }
            }
        }
    }

    #[test]
    fn the_largest_loops_do_not_overflow() {
        let schedule = Schedule {
            kind: ScheduleKind::Static,
            chunk: u64::MAX / 2,
        };
        assert_eq!(chunks(schedule, u64::MAX, 3, 0), [(0, u64::MAX / 2)]);
        assert_eq!(chunks(schedule, u64::MAX, 3, 2), [(u64::MAX - 1, u64::MAX)]);
        assert_eq!(block(u64::MAX, 2, 1).1, u64::MAX);
    }
}
