//! Iterations that the threads of a rank take from a common store: dynamic and guided loops, sections.
//!
//! A team has a ring of places. The loops of a region that need one take the places in turn, in the order in which every thread meets them.
//! With `nowait` threads may be in different loops; a thread that is a whole ring ahead waits for the slowest.
//!
//! ```text
//! place       0    1    2   ...  7
//! serves loop 0    1    2        7      then 8 (when all threads have left loop 0), 9, ...
//! ```

#![allow(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
};

use super::crosses::Crosses;
use super::wait::{Gate, Padded};
use crate::loops::Chunk;

const PLACES: usize = 8;

/// What a rank has of a loop whose chunks come from the coordinator.
#[derive(Debug, Default)]
pub struct Supply {
    /// Received, not yet given to a thread.
    pub stock: Option<Chunk>,
    /// A request is on its way.
    pub asked: bool,
    /// The coordinator has none left.
    pub exhausted: bool,
}

/// A place of the ring.
#[derive(Debug)]
pub struct Share {
    /// The loop it serves.
    turn: AtomicU64,
    /// First iteration not yet given out.
    next: AtomicU64,
    /// Threads that have left.
    left: AtomicU32,
    /// In a loop over ranks.
    supply: Mutex<Supply>,
    /// In an ordered loop: the iterations before this one are done.
    done: AtomicU64,
    turns: Gate,
    /// In a doacross loop.
    crosses: AtomicPtr<Crosses>,
}

/// See the module.
#[derive(Debug)]
pub struct Shares {
    places: [Padded<Share>; PLACES],
    used: AtomicBool,
    gate: Gate,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares {
            places: std::array::from_fn(|k| {
                Padded(Share {
                    turn: AtomicU64::new(k as u64),
                    next: AtomicU64::new(0),
                    left: AtomicU32::new(0),
                    supply: Mutex::default(),
                    done: AtomicU64::new(0),
                    turns: Gate::default(),
                    crosses: AtomicPtr::default(),
                })
            }),
            used: AtomicBool::new(false),
            gate: Gate::default(),
        }
    }
}

impl Shares {
    /// Makes the ring fit for a new region; no thread is in it.
    pub fn reset(&self) {
        if !self.used.swap(false, Relaxed) {
            return;
        }
        for (k, Padded(place)) in (0..).zip(&self.places) {
            place.turn.store(k, Relaxed);
            place.next.store(0, Relaxed);
            place.left.store(0, Relaxed);
            place.clear();
        }
    }

    /// The place of the region's loop number `turn`, from 0; waits until it is free. `given_up`: it never will be.
    pub fn place(&self, turn: u64, given_up: impl Fn() -> bool) -> &Share {
        let Padded(place) = &self.places[(turn % PLACES as u64) as usize];
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
        if place.turn.load(Acquire) != turn {
            self.gate
                .wait(|| place.turn.load(SeqCst) == turn || given_up(), || false);
        }
        place
    }

    /// The calling thread, one of `count`, asks the place of loop `turn` no more. Whether it is the last: then it must pass the place on.
    pub fn leave(&self, turn: u64, count: u32) -> bool {
        let Padded(place) = &self.places[(turn % PLACES as u64) as usize];
        place.left.fetch_add(1, AcqRel) + 1 == count
    }

    /// Frees the place of loop `turn` for the next loop.
    pub fn pass_on(&self, turn: u64) {
        let Padded(place) = &self.places[(turn % PLACES as u64) as usize];
        place.next.store(0, Relaxed);
        place.left.store(0, Relaxed);
        place.clear();
        place.turn.store(turn + PLACES as u64, SeqCst);
        self.gate.notify();
    }

    /// Wakes those who wait for a place or in a loop: they are to look whether it is given up.
    pub fn wake(&self) {
        self.gate.notify();
        self.places.iter().for_each(|Padded(place)| place.wake());
    }
}

impl Share {
    /// The rank's stock of a loop over ranks.
    pub fn supply(&self) -> std::sync::MutexGuard<'_, Supply> {
        self.supply
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes the place fit for another loop; no thread uses it.
    fn clear(&self) {
        self.done.store(0, Relaxed);
        let crosses = self.crosses.swap(std::ptr::null_mut(), Relaxed);
        if !crosses.is_null() {
            // SAFETY: `crosses` made it, and nobody uses it any more.
            drop(unsafe { Box::from_raw(crosses) });
        }
        let mut supply = self.supply();
        if supply.exhausted || supply.asked || supply.stock.is_some() {
            *supply = Supply::default();
        }
    }

    /// Waits until all iterations before `first` of an ordered loop are done, or it is `given_up`.
    pub fn wait_for_turn(&self, first: u64, given_up: impl Fn() -> bool) {
        self.turns
            .wait(|| self.done.load(SeqCst) == first || given_up(), || false);
    }

    /// All iterations before `end` of an ordered loop are done.
    pub fn pass_turn(&self, end: u64) {
        self.done.store(end, SeqCst);
        self.turns.notify();
    }

    /// The marks of a doacross loop that hands out `iterations` iterations.
    pub fn crosses(&self, iterations: u64) -> &Crosses {
        let mut crosses = self.crosses.load(Acquire);
        if crosses.is_null() {
            let new = Box::into_raw(Box::new(Crosses::new(iterations)));
            crosses = match self.crosses.compare_exchange(crosses, new, AcqRel, Acquire) {
                Ok(_) => new,
                Err(other) => {
                    // SAFETY: made above, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    other
                }
            };
        }
        // SAFETY: it stays until all threads have left the loop.
        unsafe { &*crosses }
    }

    /// Wakes those who wait in this loop: they are to look whether it is given up.
    fn wake(&self) {
        self.turns.notify();
        // SAFETY: as in `crosses`; who wakes is in the loop's region.
        if let Some(crosses) = unsafe { self.crosses.load(Acquire).as_ref() } {
            crosses.wake();
        }
    }

    /// The next `chunk` iterations of `total`.
    #[inline]
    pub fn take_dynamic(&self, total: u64, chunk: u64) -> Option<Chunk> {
        // Threads that come too late go on adding: far from overflow that does no harm.
        if total < 1 << 62 && chunk < 1 << 40 {
            let first = self.next.fetch_add(chunk, Relaxed);
            return (first < total).then(|| (first, (first + chunk).min(total)));
        }
        self.take(total, |_| chunk)
    }

    /// The next iterations of `total`: the remaining ones divided by `team`, but at least `chunk`.
    pub fn take_guided(&self, total: u64, chunk: u64, team: u32) -> Option<Chunk> {
        self.take(total, |rest| rest.div_ceil(u64::from(team)).max(chunk))
    }

    fn take(&self, total: u64, size: impl Fn(u64) -> u64) -> Option<Chunk> {
        let mut first = self.next.load(Relaxed);
        loop {
            if first >= total {
                return None;
            }
            let end = first.saturating_add(size(total - first)).min(total);
            match self
                .next
                .compare_exchange_weak(first, end, Release, Relaxed)
            {
                Ok(_) => return Some((first, end)),
                Err(other) => first = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_turns() {
        let shares = Shares::default();
        for turn in 0..20 {
            let place = shares.place(turn, || false);
            assert_eq!(place.take_dynamic(3, 2), Some((0, 2)));
            assert_eq!(place.take_dynamic(3, 2), Some((2, 3)));
            assert_eq!(place.take_dynamic(3, 2), None);
            assert!(!shares.leave(turn, 2));
            assert!(shares.leave(turn, 2));
            shares.pass_on(turn);
        }
        shares.reset();
        assert_eq!(shares.place(0, || false).take_dynamic(1, 1), Some((0, 1)));
    }

    #[test]
    fn guided_chunks_shrink_to_the_chunk_size_and_large_loops_end() {
        let shares = Shares::default();
        let place = shares.place(0, || false);
        let sizes: Vec<u64> = std::iter::from_fn(|| place.take_guided(100, 8, 4))
            .map(|(first, end)| end - first)
            .collect();
        assert_eq!(sizes, [25, 19, 14, 11, 8, 8, 8, 7]);
        let place = shares.place(1, || false);
        let half = 1 << 63;
        assert_eq!(place.take_dynamic(u64::MAX, half), Some((0, half)));
        assert_eq!(place.take_dynamic(u64::MAX, half), Some((half, u64::MAX)));
        assert_eq!(place.take_dynamic(u64::MAX, half), None);
    }
}
