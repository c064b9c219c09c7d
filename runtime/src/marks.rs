//! A set of iteration numbers that grows mostly in order: kept as intervals.

use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// First and last number of each interval; no two touch.
    intervals: BTreeMap<u64, u64>,
}

impl Marks {
    /// Adds a number.
    pub fn add(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let before = self.intervals.range(..number).next_back();
        let start = before
            .filter(|(_, last)| **last + 1 == number)
            .map_or(number, |(first, _)| *first);
        let after = number
            .checked_add(1)
            .and_then(|next| self.intervals.remove(&next));
        self.intervals.insert(start, after.unwrap_or(number));
    }

    /// Whether the number was added.
    pub fn contains(&self, number: u64) -> bool {
        let before = self.intervals.range(..=number).next_back();
        before.is_some_and(|(_, last)| *last >= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_remembered_in_any_order() {
        for step in [1, 3, 7, 11, 99] {
            let mut marks = Marks::default();
            for k in 0..100 {
                let number = k * step % 100;
                assert!(!marks.contains(number));
                marks.add(number);
                marks.add(number);
                assert!(marks.contains(number));
            }
            assert_eq!(marks.intervals.len(), 1, "step {step}");
            assert!(!marks.contains(100));
        }
        let mut marks = Marks::default();
        marks.add(u64::MAX);
        marks.add(0);
        assert!(marks.contains(u64::MAX) && !marks.contains(1));
    }
}
