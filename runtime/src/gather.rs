//! The tree along which what all ranks have to say to the driver is gathered: no rank hears from more than [`FAN_OUT`] others.
//!
//! ```text
//!            0               parent of r: (r − 1) / FAN_OUT
//!      ┌─────┼──────┐        children:    FAN_OUT·r + 1 … FAN_OUT·r + FAN_OUT, as far as they are ranks
//!      1     2  …   16
//!   ┌──┴─┐   …               The ranks below a rank are those of one interval per level.
//!   17 … 32
//! ```
//!
//! The numbers of the ranks below a rank are greater than its own: a team that consists of the first ranks only gathers along the
//! same tree, cut off. Up to `FAN_OUT + 1` ranks all report to the driver itself. What the driver says to all goes down the
//! transport's binomial tree, which is deeper and spreads the copying; here it is hops that count.

use std::ops::Range;

/// Most ranks that report to one rank.
pub const FAN_OUT: u32 = 16;

/// To whom `rank` reports; `None` for the driver.
pub fn parent(rank: u32) -> Option<u32> {
    rank.checked_sub(1).map(|before| before / FAN_OUT)
}

/// Those of the first `ranks` ranks that report to `rank`.
pub fn children(rank: u32, ranks: u32) -> Range<u32> {
    below(&(rank..rank.saturating_add(1)), ranks)
}

/// `rank` and all of the first `ranks` ranks below it, level by level.
pub fn subtree(rank: u32, ranks: u32) -> impl Iterator<Item = u32> {
    let top = rank.min(ranks)..rank.saturating_add(1).min(ranks);
    std::iter::successors(Some(top), move |level| Some(below(level, ranks)))
        .take_while(|level| !level.is_empty())
        .flatten()
}

/// The next level of a part of the tree.
fn below(level: &Range<u32>, ranks: u32) -> Range<u32> {
    let first_child = |rank: u32| rank.saturating_mul(FAN_OUT).saturating_add(1).min(ranks);
    first_child(level.start)..first_child(level.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_a_child_of_its_parent_and_of_no_other() {
        for ranks in (1..300).chain([4096, 4097]) {
            let mut reporting = vec![0; ranks as usize];
            for rank in 0..ranks {
                for child in children(rank, ranks) {
                    assert_eq!(parent(child), Some(rank));
                    reporting[child as usize] += 1;
                }
            }
            assert_eq!((parent(0), reporting[0]), (None, 0));
            assert!(reporting[1..].iter().all(|&count| count == 1));
        }
    }

    #[test]
    fn the_subtrees_of_the_children_are_the_subtree() {
        for ranks in [1, 2, 16, 17, 18, 33, 290, 5000] {
            for rank in 0..ranks {
                let mut whole: Vec<_> = subtree(rank, ranks).collect();
                let parts = children(rank, ranks).flat_map(|child| subtree(child, ranks));
                let mut parts: Vec<_> = std::iter::once(rank).chain(parts).collect();
                whole.sort_unstable();
                parts.sort_unstable();
                assert_eq!(whole, parts);
            }
            assert_eq!(subtree(0, ranks).count(), ranks as usize);
            assert_eq!(subtree(ranks, ranks).count(), 0);
        }
    }

    #[test]
    fn few_ranks_report_to_the_driver_and_65536_are_five_levels() {
        assert!((1..=FAN_OUT).all(|rank| parent(rank) == Some(0)));
        let depth = |rank| std::iter::successors(parent(rank), |&rank| parent(rank)).count();
        assert_eq!(depth(65_535), 4);
        assert_eq!(children(u32::MAX - 1, u32::MAX), u32::MAX..u32::MAX);
    }
}
