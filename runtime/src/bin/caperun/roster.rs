//! What `caperun` knows of each rank, wherever it runs.

/// One rank.
#[derive(Clone, Debug, Default)]
struct Entry {
    pid: Option<i32>,
    ended: bool,
    /// Its end is our own doing.
    dismissed: bool,
    region: Option<String>,
    /// Whether `region` is an answer to the last question.
    answered: bool,
}

/// All ranks of the job.
#[derive(Debug)]
pub struct Roster {
    entries: Vec<Entry>,
    /// Ranks that were started and have not ended.
    alive: usize,
    /// Ranks that were started.
    started: usize,
}

impl Roster {
    /// `ranks` ranks, none of which was started.
    pub fn new(ranks: u32) -> Roster {
        Roster {
            entries: vec![Entry::default(); ranks as usize],
            alive: 0,
            started: 0,
        }
    }

    /// Number of ranks.
    pub fn count(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("as many as asked for with -n")
    }

    fn entry(&mut self, rank: u32) -> Option<&mut Entry> {
        self.entries.get_mut(rank as usize)
    }

    /// `rank` runs as `pid`. What an agent says of a rank that nobody asked for is ignored, here and below.
    pub fn started(&mut self, rank: u32, pid: i32) {
        if let Some(entry) = self.entry(rank).filter(|entry| entry.pid.is_none()) {
            entry.pid = Some(pid);
            self.alive += 1;
            self.started += 1;
        }
    }

    /// `rank` has ended. `false`: that was known.
    pub fn ended(&mut self, rank: u32, region: Option<String>) -> bool {
        let Some(entry) = self.entry(rank).filter(|entry| !entry.ended) else {
            return false;
        };
        entry.ended = true;
        entry.region = region;
        let counted = entry.pid.is_some();
        self.alive -= usize::from(counted);
        true
    }

    /// Whether all ranks were started.
    pub fn all_started(&self) -> bool {
        self.started == self.entries.len()
    }

    /// Whether no rank runs.
    pub fn all_ended(&self) -> bool {
        self.alive == 0
    }

    /// Ranks that run.
    pub fn alive(&self) -> Vec<u32> {
        (0u32..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.pid.is_some() && !entry.ended)
            .map(|(rank, _)| rank)
            .collect()
    }

    /// Whether `rank` has ended.
    pub fn has_ended(&self, rank: u32) -> bool {
        self.entries[rank as usize].ended
    }

    /// Process of `rank`, 0 if it was not started.
    pub fn pid(&self, rank: u32) -> i32 {
        self.entries[rank as usize].pid.unwrap_or(0)
    }

    /// From now on the end of `rank` is our own doing.
    pub fn dismiss(&mut self, rank: u32) {
        if let Some(entry) = self.entry(rank) {
            entry.dismissed = true;
        }
    }

    /// Whether it is.
    pub fn is_dismissed(&self, rank: u32) -> bool {
        self.entries[rank as usize].dismissed
    }

    /// The region that `rank` was in when it was last asked, or when it ended.
    pub fn region(&self, rank: u32) -> Option<&str> {
        self.entries[rank as usize].region.as_deref()
    }

    /// All are asked what they do.
    pub fn ask(&mut self) {
        self.entries
            .iter_mut()
            .for_each(|entry| entry.answered = false);
    }

    /// `rank` has answered.
    pub fn answer(&mut self, rank: u32, region: Option<String>) {
        if let Some(entry) = self.entry(rank) {
            entry.region = region;
            entry.answered = true;
        }
    }

    /// Whether all that run have answered.
    pub fn all_answered(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| entry.pid.is_none() || entry.ended || entry.answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_start_and_end_once() {
        let mut roster = Roster::new(2);
        assert!(roster.all_ended() && !roster.all_started());
        roster.started(1, 11);
        roster.started(1, 12);
        roster.started(7, 13);
        assert_eq!(
            (roster.alive(), roster.pid(1), roster.pid(0)),
            (vec![1], 11, 0)
        );
        assert!(roster.ended(1, Some("a.c:1".into())) && !roster.ended(1, None));
        assert!(!roster.ended(7, None));
        assert!(roster.all_ended() && roster.has_ended(1));
        assert_eq!(roster.region(1), Some("a.c:1"));
    }

    #[test]
    fn those_that_run_answer() {
        let mut roster = Roster::new(3);
        roster.started(0, 10);
        roster.started(1, 11);
        roster.ask();
        roster.answer(0, None);
        assert!(!roster.all_answered());
        roster.ended(1, None);
        assert!(roster.all_answered());
    }
}
