//! The binomial tree of a broadcast.
//!
//! Ranks are renumbered so that the root is 0. The parent of node *v* is *v* without its highest bit; its children are *v*
//! with one higher bit added. So the root of 8 ranks sends to 1, 2 and 4, node 1 to 3 and 5, node 3 to 7, node 2 to 6. Every
//! rank is reached in at most ⌈log₂ ranks⌉ hops, and no rank sends more than that many copies. Children come in the order
//! of the size of what hangs below them, the largest first.

/// The ranks to which `me` passes on a broadcast of `root` in a group of `ranks`. All are below `ranks`.
pub fn children(me: u32, root: u32, ranks: u32) -> impl Iterator<Item = u32> {
    let node = number(me, root, ranks);
    let first = if node == 0 { 0 } else { node.ilog2() + 1 };
    (first..u32::BITS)
        .map(move |bit| u64::from(node) | (1 << bit))
        .take_while(move |&child| child < u64::from(ranks))
        .map(move |child| rank(child, root, ranks))
}

/// The rank from which `me` receives a broadcast of `root`; `None` for the root itself.
pub fn parent(me: u32, root: u32, ranks: u32) -> Option<u32> {
    let node = number(me, root, ranks);
    (node != 0).then(|| rank(u64::from(node & !(1 << node.ilog2())), root, ranks))
}

/// The node number of a rank.
fn number(me: u32, root: u32, ranks: u32) -> u32 {
    debug_assert!(me < ranks && root < ranks);
    if me >= root {
        me - root
    } else {
        ranks - (root - me)
    }
}

/// The rank of a node number below `ranks`.
fn rank(node: u64, root: u32, ranks: u32) -> u32 {
    let rank = (node + u64::from(root)) % u64::from(ranks);
    u32::try_from(rank).expect("a remainder by a 32-bit number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_reached_once_and_by_its_parent() {
        for ranks in 1..40 {
            for root in 0..ranks {
                let mut reached = vec![0; ranks as usize];
                let mut depth = vec![0; ranks as usize];
                let mut open = vec![root];
                while let Some(me) = open.pop() {
                    for child in children(me, root, ranks) {
                        assert_eq!(parent(child, root, ranks), Some(me));
                        reached[child as usize] += 1;
                        depth[child as usize] = depth[me as usize] + 1;
                        open.push(child);
                    }
                }
                assert_eq!(parent(root, root, ranks), None);
                assert_eq!(reached[root as usize], 0);
                assert_eq!(reached.iter().sum::<u32>(), ranks - 1);
                assert!(reached.iter().all(|&count| count <= 1));
                assert!(*depth.iter().max().unwrap() <= ranks.next_power_of_two().ilog2());
            }
        }
    }

    #[test]
    fn the_root_of_eight_sends_to_the_powers_of_two() {
        assert_eq!(children(0, 0, 8).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(children(3, 2, 8).collect::<Vec<_>>(), [5, 7]);
        assert_eq!(children(1, 2, 8).count(), 0);
    }

    #[test]
    fn huge_groups_do_not_overflow() {
        let last = u32::MAX - 1;
        assert_eq!(parent(last, 0, u32::MAX), Some(last & !(1 << 31)));
        assert_eq!(children(last, 0, u32::MAX).count(), 0);
    }
}
