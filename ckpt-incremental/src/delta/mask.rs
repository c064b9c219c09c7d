//! Which bytes of a page changed.

use crate::page::PAGE_SIZE;
use crate::sys::simd::{self, BLOCKS, Tally};

/// A set of bytes of a page: bit `b` of word `w` stands for byte `64 w + b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(pub [u64; BLOCKS]);

impl Mask {
    /// No byte.
    pub const EMPTY: Mask = Mask([0; BLOCKS]);
    /// All bytes.
    pub const FULL: Mask = Mask([u64::MAX; BLOCKS]);

    /// Number of bytes in the set.
    pub fn count(&self) -> usize {
        self.tally().bytes
    }

    /// Whether no byte is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |any, word| any | word) == 0
    }

    /// Adds bytes `start..end`.
    ///
    /// # Panics
    /// If `end` lies beyond the page.
    pub fn set_run(&mut self, start: usize, end: usize) {
        assert!(end <= PAGE_SIZE, "bytes of a page");
        let mut at = start;
        while at < end {
            let stop = (at / 64 * 64 + 64).min(end);
            self.0[at / 64] |= (u64::MAX >> (64 - (stop - at))) << (at % 64);
            at = stop;
        }
    }

    /// Keeps only bytes that are also in `other`.
    pub fn intersect(&mut self, other: &Mask) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, other)| *word &= other);
    }

    /// Removes the bytes that are in `other`.
    pub fn subtract(&mut self, other: &Mask) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, other)| *word &= !other);
    }

    /// Number of bytes, of maximal runs of adjacent bytes, and of blocks of 64 that have any.
    pub(crate) fn tally(&self) -> Tally {
        simd::tally(&self.0)
    }

    /// The first set byte at or after `from`, if `invert` is 0; the first that is not set, if it is all ones.
    fn find(&self, from: usize, invert: u64) -> Option<usize> {
        let (block, rest) = (from / 64, self.0.get(from / 64..)?);
        let word = (rest.first()? ^ invert) >> (from % 64);
        if word != 0 {
            return Some(from + word.trailing_zeros() as usize);
        }
        let further = rest[1..].iter().position(|word| *word != invert)?;
        let word = rest[1 + further] ^ invert;
        Some((block + 1 + further) * 64 + word.trailing_zeros() as usize)
    }

    /// The maximal runs of adjacent bytes, as (start, end), in order.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = self.find(at, 0)?;
            at = self.find(start, u64::MAX).unwrap_or(PAGE_SIZE);
            Some((start, at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_an_array_of_bools(runs in prop::collection::vec((0..PAGE_SIZE, 0..300_usize), 0..40)) {
            let mut mask = Mask::EMPTY;
            let mut oracle = [false; PAGE_SIZE];
            for (start, len) in runs {
                let end = (start + len).min(PAGE_SIZE);
                mask.set_run(start, end);
                oracle[start..end].fill(true);
            }
            prop_assert_eq!(mask.count(), oracle.iter().filter(|set| **set).count());
            prop_assert_eq!(mask.is_empty(), !oracle.contains(&true));
            let mut rebuilt = [false; PAGE_SIZE];
            let mut last = None;
            for (start, end) in mask.runs() {
                prop_assert!(start < end && last.is_none_or(|last| last < start));
                last = Some(end);
                rebuilt[start..end].fill(true);
            }
            prop_assert!(rebuilt == oracle);
            prop_assert_eq!(mask.tally().runs, mask.runs().count());
        }
    }
}
