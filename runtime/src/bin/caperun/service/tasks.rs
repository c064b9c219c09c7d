//! Who has tasks to give and who has none to do, in the present phase (see `control::tasks`).

use std::collections::VecDeque;

use crate::control::tasks::Phase;

/// The market for tasks of the job.
#[derive(Debug, Default)]
pub struct Market {
    phase: Phase,
    /// In the order in which they fell idle.
    hungry: VecDeque<u32>,
    surplus: Vec<u32>,
}

/// A rank and how many ranks are hungry, as it is to be told.
pub type Hunger = (u32, u32);

impl Market {
    /// Forgets what was said in earlier phases; whether `phase` is not one of them itself.
    fn turn_to(&mut self, phase: Phase) -> bool {
        if phase > self.phase {
            *self = Market {
                phase,
                ..Market::default()
            };
        }
        phase == self.phase
    }

    fn hunger(&self) -> u32 {
        u32::try_from(self.hungry.len()).unwrap_or(u32::MAX)
    }

    /// `rank` has tasks to give. Whether that is news, and how many are hungry.
    pub fn surplus(&mut self, rank: u32, phase: Phase) -> Option<u32> {
        if !self.turn_to(phase) {
            return None;
        }
        if !self.surplus.contains(&rank) {
            self.surplus.push(rank);
        }
        Some(self.hunger())
    }

    /// `rank` has nothing to do; who is to be told.
    pub fn hungry(&mut self, rank: u32, phase: Phase) -> Vec<Hunger> {
        if !self.turn_to(phase) || self.hungry.contains(&rank) {
            return Vec::new();
        }
        self.hungry.push_back(rank);
        let hunger = self.hunger();
        let others = self.surplus.iter().filter(|other| **other != rank);
        others.map(|other| (*other, hunger)).collect()
    }

    /// `owner` offers tasks: to whom they go, if anybody wants them, and who is to be told that fewer are hungry.
    pub fn offer(&mut self, owner: u32, phase: Phase) -> (Option<u32>, Vec<Hunger>) {
        if !self.turn_to(phase) {
            return (None, Vec::new());
        }
        let at = self.hungry.iter().position(|rank| *rank != owner);
        let thief = at.and_then(|at| self.hungry.remove(at));
        let hunger = self.hunger();
        let others = self.surplus.iter().filter(|rank| **rank != owner);
        let told = match thief {
            Some(_) => others.map(|rank| (*rank, hunger)).collect(),
            None => Vec::new(),
        };
        (thief, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_rank_is_served_first() {
        let mut market = Market::default();
        assert_eq!(market.surplus(0, 4), Some(0));
        assert_eq!(market.hungry(2, 4), [(0, 1)]);
        assert_eq!(market.hungry(1, 4), [(0, 2)]);
        assert_eq!(market.hungry(1, 4), []);
        assert_eq!(market.surplus(3, 4), Some(2));
        assert_eq!(market.offer(0, 4), (Some(2), vec![(3, 1)]));
        assert_eq!(market.offer(3, 4), (Some(1), vec![(0, 0)]));
        assert_eq!(market.offer(0, 4), (None, vec![]));
    }

    #[test]
    fn nobody_is_given_its_own_tasks() {
        let mut market = Market::default();
        market.hungry(1, 1);
        assert_eq!(market.offer(1, 1), (None, vec![]));
        market.surplus(1, 1);
        assert_eq!(
            market.offer(0, 1).0,
            Some(1),
            "it may not be allowed to run its own"
        );
    }

    #[test]
    fn what_was_said_in_another_phase_is_forgotten() {
        let mut market = Market::default();
        market.surplus(0, 7);
        market.hungry(1, 7);
        assert_eq!(market.surplus(0, 8), Some(0));
        assert_eq!(market.hungry(1, 7), []);
        assert_eq!(market.offer(0, 8), (None, vec![]));
        assert_eq!(market.surplus(0, 7), None);
    }
}
