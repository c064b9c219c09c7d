//! One bit per page of a range that may be a terabyte long: backed by memory that exists only where bits were set.

use crate::error::Error;
use crate::sys::map::Mapping;

/// Pages of a chunk: of one in which no bit was ever set, nothing is read, so that huge ranges cost what is used of them.
const CHUNK: usize = 1 << 16;

/// A set of page indices.
#[derive(Debug)]
pub(crate) struct PageBitmap {
    words: Mapping,
    /// One bit per chunk: whether it ever held a page.
    used: Vec<u64>,
    /// Number of pages in the set.
    count: usize,
}

impl PageBitmap {
    /// The empty set over `pages` pages.
    pub(crate) fn new(pages: usize, what: &'static str) -> Result<PageBitmap, Error> {
        let words = Mapping::anonymous(pages.div_ceil(64) * size_of::<u64>(), what)?;
        let used = vec![0; pages.div_ceil(CHUNK * 64)];
        Ok(PageBitmap {
            words,
            used,
            count: 0,
        })
    }

    fn is_used(&self, chunk: usize) -> bool {
        self.used[chunk / 64] >> (chunk % 64) & 1 == 1
    }

    /// The first chunk of `from..to` that was ever used.
    fn next_used(&self, from: usize, to: usize) -> Option<usize> {
        let mut at = from;
        while at < to {
            let word = self.used[at / 64] >> (at % 64);
            if word != 0 {
                return Some(at + word.trailing_zeros() as usize).filter(|chunk| *chunk < to);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// The parts of `from..to` that lie in chunks that were ever used.
    fn used_parts(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
        let end = to.div_ceil(CHUNK);
        let mut chunk = from / CHUNK;
        std::iter::from_fn(move || {
            let found = self.next_used(chunk, end)?;
            chunk = found + 1;
            Some((from.max(found * CHUNK), to.min(chunk * CHUNK)))
        })
    }

    /// Whether the set holds `page`.
    pub(crate) fn get(&self, page: usize) -> bool {
        self.count > 0
            && self.is_used(page / CHUNK)
            && self.words.words()[page / 64] >> (page % 64) & 1 == 1
    }

    /// Adds `page`.
    pub(crate) fn set(&mut self, page: usize) {
        let chunk = page / CHUNK;
        self.used[chunk / 64] |= 1 << (chunk % 64);
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
        let mut parts = self.used_parts(from, to);
        parts.find_map(|(from, to)| self.first_in_part(from, to))
    }

    fn first_in_part(&self, from: usize, to: usize) -> Option<usize> {
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
        self.used_parts(from, to)
            .map(|(from, to)| self.count_in_part(from, to))
            .sum()
    }

    fn count_in_part(&self, from: usize, to: usize) -> usize {
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
    fn what_was_never_used_is_skipped() {
        let pages = 200 * CHUNK + 17;
        let mut bitmap = PageBitmap::new(pages, "test").unwrap();
        let held = [3, CHUNK - 1, CHUNK, 130 * CHUNK + 5, pages - 1];
        held.iter().for_each(|page| bitmap.set(*page));
        for (k, page) in held.iter().enumerate() {
            let from = k.checked_sub(1).map_or(0, |before| held[before] + 1);
            assert_eq!(bitmap.first(from, pages), Some(*page));
            assert_eq!(bitmap.first(from, *page), None);
            assert_eq!(bitmap.count_in(*page, pages), held.len() - k);
            assert_eq!(bitmap.count_in(0, *page), k);
        }
        assert!(!bitmap.get(70 * CHUNK) && bitmap.get(130 * CHUNK + 5));
        bitmap.clear(130 * CHUNK + 5);
        assert_eq!(bitmap.first(CHUNK + 1, pages), Some(pages - 1));
    }

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
