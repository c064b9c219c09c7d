//! One bit per page of a range that may be a terabyte long: backed by memory that exists only where bits were set.

use crate::error::Error;
use crate::sys::map::Mapping;

/// A set of page indices.
#[derive(Debug)]
pub(crate) struct PageBitmap {
    words: Mapping,
    /// Number of pages in the set.
    count: usize,
}

impl PageBitmap {
    /// The empty set over `pages` pages.
    pub(crate) fn new(pages: usize, what: &'static str) -> Result<PageBitmap, Error> {
        let words = Mapping::anonymous(pages.div_ceil(64) * size_of::<u64>(), what)?;
        Ok(PageBitmap { words, count: 0 })
    }

    /// Whether the set holds `page`.
    pub(crate) fn get(&self, page: usize) -> bool {
        self.count > 0 && self.words.words()[page / 64] >> (page % 64) & 1 == 1
    }

    /// Adds `page`.
    pub(crate) fn set(&mut self, page: usize) {
        let word = &mut self.words.words_mut()[page / 64];
        self.count += usize::from(*word >> (page % 64) & 1 == 0);
        *word |= 1 << (page % 64);
    }

    /// Removes `page`.
    pub(crate) fn clear(&mut self, page: usize) {
        if self.get(page) {
            self.words.words_mut()[page / 64] &= !(1 << (page % 64));
            self.count -= 1;
        }
    }

    /// The first page of the set in `from..to`.
    pub(crate) fn first(&self, from: usize, to: usize) -> Option<usize> {
        if self.count == 0 || from >= to {
            return None;
        }
        let words = self.words.words();
        let mut at = from / 64;
        let mut word = words[at] & (u64::MAX << (from % 64));
        while word == 0 {
            at += 1;
            if at * 64 >= to {
                return None;
            }
            word = words[at];
        }
        Some(at * 64 + word.trailing_zeros() as usize).filter(|page| *page < to)
    }

    /// Number of pages of the set in `from..to`.
    pub(crate) fn count_in(&self, from: usize, to: usize) -> usize {
        if self.count == 0 || from >= to {
            return 0;
        }
        let (first, last) = (from / 64, (to - 1) / 64);
        let words = &self.words.words()[first..=last];
        let total: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        let before = words[0] & !(u64::MAX << (from % 64));
        let after = words[last - first] & !(u64::MAX >> (63 - (to - 1) % 64));
        total - before.count_ones() as usize - after.count_ones() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_set() {
        let mut bitmap = PageBitmap::new(1000, "test").unwrap();
        let mut oracle = BTreeSet::new();
        for step in 0..3000_usize {
            let page = step * 7919 % 1000;
            if step % 3 == 0 {
                bitmap.clear(page);
                oracle.remove(&page);
            } else {
                bitmap.set(page);
                oracle.insert(page);
            }
            assert_eq!(bitmap.count, oracle.len());
            let (from, to) = (step * 31 % 1000, step * 57 % 1001);
            assert_eq!(bitmap.get(from), oracle.contains(&from));
            let expected = if from < to {
                oracle.range(from..to).next().copied()
            } else {
                None
            };
            assert_eq!(bitmap.first(from, to), expected);
            let expected = if from < to {
                oracle.range(from..to).count()
            } else {
                0
            };
            assert_eq!(bitmap.count_in(from, to), expected);
        }
    }
}
