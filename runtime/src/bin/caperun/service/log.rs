//! The log of lock-ordered entries: append, read a range, forget what every rank has applied.
//!
//! ```text
//! position:   0 ... base            base+k ...        end
//!             (dropped)  | entries held              |
//! ```
//!
//! Positions count entries over the whole job, so they never repeat. An entry may be dropped once no rank can ask for it: all
//! have said how far they got, and no unanswered request reaches further back.

use std::collections::VecDeque;
use std::time::Instant;

use crate::control::{Entry, LogPosition};

/// A rank that waits for entries which are not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fetch {
    rank: u32,
    ticket: u64,
    seen: LogPosition,
    upto: LogPosition,
    /// When it is answered anyway.
    until: Option<Instant>,
}

/// Entries for a rank that asked for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Who asked.
    pub rank: u32,
    /// Under which name.
    pub ticket: u64,
    /// In order.
    pub entries: Vec<Entry>,
}

/// The job's log, as far as anybody may still ask for it.
#[derive(Debug)]
pub struct Log {
    base: LogPosition,
    entries: VecDeque<Entry>,
    applied: Vec<LogPosition>,
    fetches: Vec<Fetch>,
}

/// A rank asked for entries that it had said it would never ask for, or for ones that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked for log entries from {seen} on, but the log holds {base} to {end}")]
pub struct OutOfRange {
    seen: LogPosition,
    base: LogPosition,
    end: LogPosition,
}

impl Log {
    /// An empty log that `ranks` ranks read.
    pub fn new(ranks: u32) -> Log {
        Log {
            base: 0,
            entries: VecDeque::new(),
            applied: vec![0; ranks as usize],
            fetches: Vec::new(),
        }
    }

    /// Position after the last entry.
    pub fn end(&self) -> LogPosition {
        self.base + self.entries.len() as LogPosition
    }

    /// Position of the first entry that is held: every rank has applied those before.
    pub fn base(&self) -> LogPosition {
        self.base
    }

    /// Entries held in memory.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    /// Whether a request may name `seen` as what its rank has applied.
    pub fn check(&self, seen: LogPosition) -> Result<(), OutOfRange> {
        if (self.base..=self.end()).contains(&seen) {
            Ok(())
        } else {
            Err(OutOfRange {
                seen,
                base: self.base,
                end: self.end(),
            })
        }
    }

    /// Adds an entry; returns the fetches it completes.
    pub fn append(&mut self, entry: Entry) -> Vec<Answered> {
        self.entries.push_back(entry);
        let end = self.end();
        let (ready, waiting): (Vec<Fetch>, Vec<Fetch>) =
            self.fetches.iter().partition(|fetch| fetch.upto <= end);
        self.fetches = waiting;
        ready.into_iter().map(|fetch| self.answer(fetch)).collect()
    }

    fn answer(&self, fetch: Fetch) -> Answered {
        Answered {
            rank: fetch.rank,
            ticket: fetch.ticket,
            entries: self.range(fetch.seen, fetch.upto),
        }
    }

    /// The entries from `seen` to `upto`; none if `upto` is not after `seen`. `seen` was checked.
    pub fn range(&self, seen: LogPosition, upto: LogPosition) -> Vec<Entry> {
        let index = |position: LogPosition| {
            usize::try_from(position.clamp(self.base, self.end()) - self.base)
                .expect("entries held fit into memory")
        };
        let (from, to) = (index(seen), index(upto));
        if from < to {
            self.entries.range(from..to).cloned().collect()
        } else {
            Vec::new()
        }
    }

    /// The entries from `seen` to `upto` if all exist; otherwise the rank waits for [`Log::append`] to return them.
    pub fn fetch(
        &mut self,
        rank: u32,
        ticket: u64,
        seen: LogPosition,
        upto: LogPosition,
    ) -> Result<Option<Answered>, OutOfRange> {
        self.check(seen)?;
        let fetch = Fetch {
            rank,
            ticket,
            seen,
            upto,
            until: None,
        };
        if upto <= self.end() {
            return Ok(Some(self.answer(fetch)));
        }
        self.fetches.push(fetch);
        Ok(None)
    }

    /// The entries from `seen` on if there are any; otherwise they are returned by the next [`Log::append`], or by [`Log::expire`]
    /// after `until`.
    pub fn flush(
        &mut self,
        rank: u32,
        ticket: u64,
        seen: LogPosition,
        until: Option<Instant>,
    ) -> Result<Option<Answered>, OutOfRange> {
        self.check(seen)?;
        let fetch = Fetch {
            rank,
            ticket,
            seen,
            upto: self.end().max(seen + 1),
            until,
        };
        if seen < self.end() || until.is_none() {
            return Ok(Some(self.answer(fetch)));
        }
        self.fetches.push(fetch);
        Ok(None)
    }

    /// When the next request has to be answered, whether there is anything new or not.
    pub fn deadline(&self) -> Option<Instant> {
        self.fetches.iter().filter_map(|fetch| fetch.until).min()
    }

    /// Answers the requests whose time is up.
    pub fn expire(&mut self, now: Instant) -> Vec<Answered> {
        let up = |fetch: &Fetch| fetch.until.is_some_and(|until| until <= now);
        let (ready, waiting): (Vec<Fetch>, Vec<Fetch>) =
            self.fetches.iter().partition(|fetch| up(fetch));
        self.fetches = waiting;
        ready.into_iter().map(|fetch| self.answer(fetch)).collect()
    }

    /// Everything that `rank` has not said it has applied, and where that begins. What it published itself it has.
    pub fn news_for(&self, rank: u32) -> (LogPosition, Vec<Entry>) {
        let applied = self.applied.get(rank as usize).copied();
        let from = applied.unwrap_or(0).max(self.base);
        let mut entries = self.range(from, self.end());
        for entry in entries.iter_mut().filter(|entry| entry.author == rank) {
            entry.inline = None;
        }
        (from, entries)
    }

    /// Notes that `rank` has applied everything before `seen`.
    pub fn note_applied(&mut self, rank: u32, seen: LogPosition) {
        if let Some(applied) = self.applied.get_mut(rank as usize) {
            *applied = seen.max(*applied);
        }
    }

    /// Drops entries that nobody can ask for any more; `pending` is the earliest `seen` of other unanswered requests.
    pub fn truncate(&mut self, pending: Option<LogPosition>) {
        let applied = self.applied.iter().copied().min().unwrap_or(0);
        let fetching = self.fetches.iter().map(|fetch| fetch.seen).min();
        let floor = [Some(applied), pending, fetching]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(0)
            .min(self.end());
        while self.base < floor {
            self.entries.pop_front();
            self.base += 1;
        }
    }

    /// Whether `rank` waits here, and for which position.
    pub fn waits_for(&self, rank: u32) -> Option<LogPosition> {
        self.fetches
            .iter()
            .find(|fetch| fetch.rank == rank)
            .map(|fetch| fetch.upto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64) -> Entry {
        Entry {
            author: 0,
            sequence,
            inline: None,
        }
    }

    fn sequences(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.sequence).collect()
    }

    fn log_of(ranks: u32, entries: u64) -> Log {
        let mut log = Log::new(ranks);
        (0..entries).for_each(|sequence| assert!(log.append(entry(sequence)).is_empty()));
        log
    }

    #[test]
    fn ranges_are_half_open_and_clamped() {
        let log = log_of(2, 5);
        assert_eq!(sequences(&log.range(1, 3)), [1, 2]);
        assert_eq!(sequences(&log.range(3, 3)), [0; 0]);
        assert_eq!(sequences(&log.range(4, 2)), [0; 0]);
        assert_eq!(sequences(&log.range(4, 99)), [4]);
    }

    #[test]
    fn a_fetch_waits_for_the_entry_it_needs() {
        let mut log = log_of(2, 2);
        assert_eq!(
            log.fetch(0, 7, 0, 2)
                .expect("in range")
                .map(|found| (found.ticket, sequences(&found.entries))),
            Some((7, vec![0, 1]))
        );
        assert_eq!(log.fetch(1, 8, 1, 4), Ok(None));
        assert_eq!(log.waits_for(1), Some(4));
        assert!(log.append(entry(2)).is_empty());
        let woken = log.append(entry(3));
        assert_eq!(woken.len(), 1);
        assert_eq!((woken[0].rank, woken[0].ticket), (1, 8));
        assert_eq!(sequences(&woken[0].entries), [1, 2, 3]);
        assert_eq!(log.waits_for(1), None);
    }

    #[test]
    fn entries_stay_until_the_slowest_rank_has_them() {
        let mut log = log_of(3, 4);
        log.note_applied(0, 4);
        log.note_applied(1, 3);
        log.truncate(None);
        assert_eq!(log.held(), 4, "rank 2 has applied nothing");
        log.note_applied(2, 3);
        log.truncate(Some(2));
        assert_eq!(log.held(), 2, "an unanswered request still needs entry 2");
        log.truncate(None);
        assert_eq!((log.held(), log.end()), (1, 4));
        assert!(
            log.check(2).is_err()
                && log.check(3).is_ok()
                && log.check(4).is_ok()
                && log.check(5).is_err()
        );
        log.note_applied(2, 1);
        log.truncate(None);
        assert_eq!(log.held(), 1, "positions do not go back");
    }

    #[test]
    fn a_waiting_fetch_keeps_its_entries() {
        let mut log = log_of(1, 3);
        assert_eq!(log.fetch(0, 9, 1, 4), Ok(None));
        log.note_applied(0, 3);
        log.truncate(None);
        assert_eq!(log.held(), 2);
        let woken = log.append(entry(3));
        assert_eq!(sequences(&woken[0].entries), [1, 2, 3]);
    }

    #[test]
    fn a_flush_without_news_is_held_back() {
        let mut log = log_of(2, 2);
        let start = Instant::now();
        let later = start + std::time::Duration::from_millis(1);
        let found = log.flush(0, 1, 1, Some(later)).expect("in range");
        assert_eq!(found.map(|found| sequences(&found.entries)), Some(vec![1]));
        let found = log.flush(0, 2, 2, None).expect("in range");
        assert_eq!(found.map(|found| found.entries.len()), Some(0), "at once");
        assert_eq!(log.flush(0, 3, 2, Some(later)), Ok(None));
        assert_eq!(log.deadline(), Some(later));
        assert!(log.expire(start).is_empty());
        assert_eq!(sequences(&log.append(entry(2))[0].entries), [2], "news");
        assert_eq!(log.flush(0, 4, 3, Some(later)), Ok(None));
        let expired = log.expire(later);
        assert_eq!((expired.len(), expired[0].ticket), (1, 4));
        assert_eq!((expired[0].entries.len(), log.deadline()), (0, None));
    }
}
