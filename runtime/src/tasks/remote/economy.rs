//! What giving tasks to other ranks has brought so far, for each outlined function: how many to give at a time, and when to leave it.
//!
//! What was learned of one task construct says nothing of the next: a program that makes a million small tasks here and ten large ones there
//! must not be kept from giving the large ones. Functions share a fixed table by their addresses; where two meet, the later one starts anew.

#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Instant;

/// A batch that takes less (in nanoseconds) was not worth its messages.
const WORTH: u64 = 300_000;
/// Nanoseconds without an offer after the first batch that was not worth it; twice as long after each further one.
const SHORTEST_BACK_OFF: u64 = 4_000_000;
/// As above, at most, unless a single attempt costs more than a twentieth of it.
const LONGEST_BACK_OFF: u64 = 100_000_000;
/// What a batch should take, in nanoseconds: the rank that has it does not wait for the next one for long by comparison.
const HORIZON: u64 = 20_000_000;
/// Tasks in a batch at most.
const LARGEST_BATCH: u64 = 128;
const PLACES: usize = 64;
/// Levels of a recursion that are told apart.
const LEVELS: usize = 32;
/// A task that takes less, in nanoseconds, is small beside two looks at the clock and their bookkeeping.
const SMALL: u64 = 10_000;
/// Of so many small tasks, one is timed.
const SELDOM: u64 = 16;
/// What a dirty page costs, in nanoseconds: found, compared, sent, applied, and written again.
const PAGE: u64 = 8_000;

/// What is known of one function's tasks.
#[derive(Debug)]
struct Site {
    body: AtomicUsize,
    /// Nanoseconds that one task took, with all it made; 0: not known.
    each: AtomicU64,
    /// Batches in a row that cost more than they took, of each of the two ranks.
    dear: AtomicU64,
    /// For how long giving was left off last.
    back_off: AtomicU64,
    /// When it is to be tried again, as [`now`] counts.
    quiet_until: AtomicU64,
    /// Nanoseconds that a task of a level of the recursion took here, with what it made and waited for; 0: not known.
    levels: [AtomicU64; LEVELS],
}

static SITES: [Site; PLACES] = [const {
    Site {
        body: AtomicUsize::new(0),
        each: AtomicU64::new(0),
        dear: AtomicU64::new(0),
        back_off: AtomicU64::new(0),
        quiet_until: AtomicU64::new(0),
        levels: [const { AtomicU64::new(0) }; LEVELS],
    }
}; PLACES];

fn site(body: usize) -> &'static Site {
    let hash = (body as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let site = &SITES[(hash >> 32) as usize % PLACES];
    if site.body.load(Acquire) != body {
        site.each.store(0, Relaxed);
        site.dear.store(0, Relaxed);
        site.back_off.store(0, Relaxed);
        site.quiet_until.store(0, Relaxed);
        site.levels.iter().for_each(|level| level.store(0, Relaxed));
        site.body.store(body, Release);
    }
    site
}

/// Nanoseconds since this was called first.
pub fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// How long after `now` tasks of this function are not to be given; 0: they may be.
pub fn quiet(body: usize, now: u64) -> u64 {
    site(body).quiet_until.load(Relaxed).saturating_sub(now)
}

/// Whether the duration of one more task of this function at this level is worth two looks at the clock: of those that take less than the
/// looks are worth, few are looked at.
#[inline]
pub fn wants_duration(body: usize, level: u32) -> bool {
    static PASSED_OVER: AtomicU64 = AtomicU64::new(0);
    let known = site(body).levels.get(level as usize);
    let known = known.map_or(1, |known| known.load(Relaxed));
    if known == 0 || known > SMALL {
        return true;
    }
    // A lost count only makes a thread look earlier or later.
    let passed = PASSED_OVER.load(Relaxed) + 1;
    PASSED_OVER.store(passed, Relaxed);
    passed.is_multiple_of(SELDOM)
}

/// A task of this function at this level took so long.
pub fn note_duration(body: usize, level: u32, duration: u64) {
    if let Some(known) = site(body).levels.get(level as usize) {
        let before = known.load(Relaxed);
        let after = if before == 0 {
            duration
        } else {
            before / 4 * 3 + duration / 4
        };
        known.store(after.max(1), Relaxed);
    }
}

/// What such a task will take; `None`: not known.
pub fn expected(body: usize, level: u32) -> Option<u64> {
    let known = site(body).levels.get(level as usize)?.load(Relaxed);
    (known > 0).then_some(known)
}

/// Nanoseconds that giving costs while so many pages are dirty.
pub fn price(pages: usize) -> u64 {
    WORTH / 2 + PAGE.saturating_mul(pages as u64)
}

/// Whether giving tasks of this function has been worth it last.
pub fn is_proven(body: usize) -> bool {
    let site = site(body);
    site.each.load(Relaxed) > 0 && site.dear.load(Relaxed) == 0
}

/// For how long not to give what will take `duration`, at this price, to a rank that has waited for so long. What costs too much may be what
/// all tasks need and is sent only once, the data that they read, say: as in renting or buying skis, it is paid when as much has been lost
/// by waiting. `proven`: such tasks have been worth giving before.
pub fn wait(duration: u64, price: u64, waited: u64, proven: bool) -> u64 {
    if duration >= if proven { price } else { 2 * price } {
        0
    } else {
        price.saturating_sub(waited)
    }
}

/// How many of `queued` tasks to give at once, of which each will take so long here, if that is known.
pub fn batch(body: usize, expected: Option<u64>, queued: usize) -> usize {
    let each = match site(body).each.load(Relaxed) {
        0 => expected.unwrap_or(0),
        known => known,
    };
    let wanted = HORIZON
        .checked_div(each)
        .unwrap_or(1)
        .clamp(1, LARGEST_BATCH);
    queued
        .div_ceil(2)
        .min(usize::try_from(wanted).unwrap_or(usize::MAX))
}

/// Nanoseconds for which the calling thread has had a processor.
pub fn processor_time() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid place for the result; the clock exists since Linux 2.6.12.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

/// Learns from a batch of `tasks` that took `duration` on the other rank; `cost` is what giving it and taking back what it wrote took of both
/// ranks' processors (all in nanoseconds). The first batch often carries what all tasks need, so that one alone that costs too much says
/// little.
pub fn judge(body: usize, tasks: usize, duration: u64, cost: u64) {
    let site = site(body);
    let each = (duration / tasks.max(1) as u64).max(1);
    site.each.store(each, Relaxed);
    let dear = if cost > 2 * duration {
        site.dear.load(Relaxed) + 1
    } else {
        0
    };
    site.dear.store(dear, Relaxed);
    let before = site.back_off.load(Relaxed);
    let cost = if dear > 1 { cost / 2 } else { 0 };
    let back_off = back_off(before, duration, cost);
    site.back_off.store(back_off, Relaxed);
    let until = if back_off > 0 { now() + back_off } else { 0 };
    site.quiet_until.store(until, Relaxed);
}

/// For how long to leave it after such a batch.
fn back_off(before: u64, duration: u64, cost: u64) -> u64 {
    if duration >= WORTH.max(cost) {
        return 0;
    }
    let longest = LONGEST_BACK_OFF.max(20 * cost);
    (before * 2).clamp(SHORTEST_BACK_OFF.max(5 * cost).min(longest), longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tasks_are_left_alone_for_longer_and_longer() {
        let first = back_off(0, 1000, 100_000);
        assert_eq!(first, SHORTEST_BACK_OFF);
        assert_eq!(back_off(first, 1000, 100_000), 2 * SHORTEST_BACK_OFF);
        assert_eq!(
            back_off(LONGEST_BACK_OFF, 1000, 100_000),
            LONGEST_BACK_OFF,
            "but not for ever"
        );
        assert_eq!(back_off(first, 2 * WORTH, 100_000), 0, "large after all");
    }

    #[test]
    fn tasks_whose_data_costs_more_than_they_take_are_left_alone() {
        assert_eq!(back_off(0, 5_000_000, 4_000_000), 0);
        assert_eq!(back_off(0, 5_000_000, 6_000_000), 30_000_000);
        assert_eq!(back_off(LONGEST_BACK_OFF, 0, 10_000_000), 200_000_000);
    }

    #[test]
    fn what_is_known_of_one_function_is_not_applied_to_another() {
        let (small, large) = (0x40_1000, 0x40_2000);
        assert_eq!(batch(small, None, 100), 1, "nothing is known");
        assert_eq!(batch(small, Some(HORIZON / 7), 100), 7);
        judge(small, 1, 1000, 100_000);
        assert!(quiet(small, now()) > 0 && quiet(large, now()) == 0);
        judge(large, 2, 10_000_000, 100_000);
        assert_eq!(batch(large, None, 100), 4);
        assert_eq!(batch(large, None, 3), 2, "half stays");
        assert_eq!(quiet(large, now()), 0);
        judge(large, 2, 10_000_000, 100_000_000);
        assert_eq!(quiet(large, now()), 0, "it may not be so dear again");
        judge(large, 2, 10_000_000, 100_000_000);
        assert!(quiet(large, now()) > 0);
    }

    #[test]
    fn what_costs_much_is_given_when_as_much_was_lost_by_waiting() {
        assert_eq!(wait(10, 5, 0, false), 0);
        assert_eq!(wait(9, 5, 0, false), 5);
        assert_eq!(wait(9, 5, 4, false), 1);
        assert_eq!(wait(1, 5, 6, false), 0);
        assert_eq!((wait(5, 5, 0, true), wait(4, 5, 3, true)), (0, 2));
    }

    #[test]
    fn each_level_of_a_recursion_has_a_duration() {
        let body = 0x40_3000;
        assert_eq!(expected(body, 3), None);
        note_duration(body, 3, 1000);
        note_duration(body, 3, 2000);
        assert_eq!(expected(body, 3), Some(1250));
        assert_eq!((expected(body, 2), expected(body, 99)), (None, None));
        let looks = |level| (0..64).filter(|_| wants_duration(body, level)).count();
        assert_eq!(looks(2), 64, "nothing is known yet");
        assert!(looks(3) < 32, "small");
        note_duration(body, 4, 1_000_000);
        assert_eq!(looks(4), 64, "large");
    }
}
