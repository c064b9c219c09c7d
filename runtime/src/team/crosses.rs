//! The iterations of a doacross loop that are done, in a team of one rank. A distributed iteration is executed by one thread, which posts
//! the iterations inside of it in order: the last one posted says all.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::wait::Gate;

/// See the module.
#[derive(Debug)]
pub struct Crosses {
    /// For each distributed iteration, the number of the last inner one that was posted, plus 1.
    done: Box<[AtomicU64]>,
    gate: Gate,
}

impl Crosses {
    /// For this many distributed iterations.
    pub fn new(iterations: u64) -> Crosses {
        let length = usize::try_from(iterations).unwrap_or(usize::MAX);
        Crosses {
            done: std::iter::repeat_with(AtomicU64::default)
                .take(length)
                .collect(),
            gate: Gate::default(),
        }
    }

    /// Iteration `inner` of distributed iteration `outer` is done, and all before it in the latter.
    pub fn post(&self, outer: u64, inner: u64) {
        if let Some(done) = self.done.get(outer as usize) {
            done.store(inner + 1, SeqCst);
            self.gate.notify();
        }
    }

    /// Waits until it is, or it is `given_up`.
    pub fn wait(&self, outer: u64, inner: u64, given_up: impl Fn() -> bool) {
        if let Some(done) = self.done.get(outer as usize) {
            self.gate
                .wait(|| done.load(SeqCst) > inner || given_up(), || false);
        }
    }

    /// Wakes those who wait: they are to look whether it is given up.
    pub fn wake(&self) {
        self.gate.notify();
    }
}
