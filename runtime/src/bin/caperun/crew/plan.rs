//! Who starts whom: from the ranks of each host to a tree of agents. Pure.
//!
//! ```text
//! caperun ─┬─ ranks of its own host, up to OWN of them
//!          ├─ agents beside it, for the others of its host
//!          └─ agents of other hosts ─┬─ ranks, agents beside them
//!                                    └─ agents of further hosts
//! ```
//!
//! Nobody has more than [`OWN`] ranks, nor more than [`FAN_OUT`] agents on other hosts, nor more than as many on its own.

use super::Site;
use crate::hosts::mapping::Mapping;

/// Most ranks that one process starts itself.
pub const OWN: usize = 32;
/// Most agents that one process launches on other hosts, and most that it launches on its own.
pub const FAN_OUT: usize = 16;

/// Most processes that one process has links with: ranks, agents and its parent.
pub const MOST_LINKS: u32 = (OWN + 2 * FAN_OUT + 1) as u32;

/// The same where it starts up to `own` ranks.
pub fn most_links(own: usize) -> u32 {
    MOST_LINKS.saturating_add(u32::try_from(own.saturating_sub(OWN)).unwrap_or(u32::MAX))
}

/// A host and its ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// As the user calls it.
    pub host: String,
    /// `caperun` runs there.
    pub here: bool,
    /// Its ranks, ascending.
    pub ranks: Vec<u32>,
}

/// What `caperun` starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ranks of the job.
    pub ranks: u32,
    /// Those that it starts itself.
    pub here: Vec<u32>,
    /// The agents that it launches.
    pub below: Vec<Site>,
}

impl Plan {
    /// A tree over the hosts of `mapping`, in which nobody starts more than `own` ranks itself (ordinarily [`OWN`]).
    pub fn of(mapping: &Mapping, own: usize) -> Plan {
        let placed = mapping.places.iter().map(|place| Placed {
            host: place.host.destination(),
            here: place.here,
            ranks: place.ranks.clone(),
        });
        Plan::with(&placed.collect::<Vec<_>>(), own)
    }

    /// A rank for each of `size` tasks that another launcher has started; the first is `caperun`. `together`: all on one host.
    pub fn joined(size: u32, together: bool) -> Plan {
        let sites = (1..size).map(|rank| Site {
            agent: rank - 1,
            host: format!("of task {rank}"),
            beside: together,
            joins: true,
            before: 0,
            ranks: vec![rank],
            below: Vec::new(),
        });
        Plan {
            ranks: size,
            here: vec![0],
            below: tree(sites.collect()),
        }
    }

    /// The agent that looks after `rank`, and the one that is its parent, if that is not `caperun`.
    pub fn agent_of(&self, rank: u32) -> Option<(&Site, Option<&Site>)> {
        fn find<'a>(
            sites: &'a [Site],
            parent: Option<&'a Site>,
            rank: u32,
        ) -> Option<(&'a Site, Option<&'a Site>)> {
            sites.iter().find_map(|site| {
                if site.ranks.contains(&rank) {
                    Some((site, parent))
                } else {
                    find(&site.below, Some(site), rank)
                }
            })
        }
        find(&self.below, None, rank)
    }

    /// As [`Plan::of`], over `hosts`.
    pub fn with(hosts: &[Placed], most: usize) -> Plan {
        let mut numbers = 0..;
        let here: Vec<u32> = gather(hosts.iter().filter(|placed| placed.here));
        let own = here.len().min(most);
        let mut below = beside("localhost", &here[own..], most, &mut numbers);
        let elsewhere: Vec<Site> = hosts
            .iter()
            .filter(|placed| !placed.here && !placed.ranks.is_empty())
            .map(|placed| site(placed, most, &mut numbers))
            .collect();
        below.extend(tree(elsewhere));
        Plan {
            ranks: count(hosts.iter().map(|placed| placed.ranks.len()).sum()),
            here: here[..own].to_vec(),
            below,
        }
    }

    /// Number of agents.
    pub fn agents(&self) -> usize {
        self.below.iter().map(Site::agents).sum()
    }

    /// The host of `rank`, as the user calls it.
    pub fn host_of(&self, rank: u32) -> Option<&str> {
        fn find(sites: &[Site], rank: u32) -> Option<&str> {
            sites.iter().find_map(|site| {
                let own = site.ranks.contains(&rank).then_some(site.host.as_str());
                own.or_else(|| find(&site.below, rank))
            })
        }
        let here = self.here.contains(&rank).then_some("localhost");
        here.or_else(|| find(&self.below, rank))
    }

    /// Whether ranks run on several hosts.
    pub fn spans_hosts(&self) -> bool {
        self.below.iter().any(|site| !site.beside)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("at most as many as there are ranks")
}

fn gather<'a>(placed: impl Iterator<Item = &'a Placed>) -> Vec<u32> {
    let mut ranks: Vec<u32> = placed.flat_map(|one| one.ranks.iter().copied()).collect();
    ranks.sort_unstable();
    ranks
}

fn site(placed: &Placed, most: usize, numbers: &mut impl Iterator<Item = u32>) -> Site {
    let own = placed.ranks.len().min(most);
    Site {
        agent: numbers.next().expect("endless"),
        host: placed.host.clone(),
        beside: false,
        joins: false,
        before: 0,
        ranks: placed.ranks[..own].to_vec(),
        below: beside(&placed.host, &placed.ranks[own..], most, numbers),
    }
}

/// Agents for `ranks` on the host of whoever launches them.
fn beside(
    host: &str,
    ranks: &[u32],
    most: usize,
    numbers: &mut impl Iterator<Item = u32>,
) -> Vec<Site> {
    let sites = ranks.chunks(most).zip(1..).map(|(ranks, place)| Site {
        agent: numbers.next().expect("endless"),
        host: host.to_owned(),
        beside: true,
        joins: false,
        // Whoever launches these has as many itself.
        before: place * count(most),
        ranks: ranks.to_vec(),
        below: Vec::new(),
    });
    tree(sites.collect())
}

/// Lets sites launch others, so that nobody launches more than [`FAN_OUT`] of them.
fn tree(mut sites: Vec<Site>) -> Vec<Site> {
    if sites.len() <= FAN_OUT {
        return sites;
    }
    let mut heads: Vec<Site> = sites.drain(..FAN_OUT).collect();
    let share = sites.len().div_ceil(FAN_OUT);
    for head in &mut heads {
        let mine: Vec<Site> = sites.drain(..share.min(sites.len())).collect();
        head.below.extend(tree(mine));
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: u32, slots: u32, here: bool) -> Vec<Placed> {
        (0..count)
            .map(|host| Placed {
                host: format!("n{host}"),
                here: here && host == 0,
                ranks: (host * slots..(host + 1) * slots).collect(),
            })
            .collect()
    }

    fn check(site: &Site, depth: usize) -> usize {
        assert!(site.ranks.len() <= OWN, "{site:?}");
        let beside = site.below.iter().filter(|site| site.beside).count();
        assert!(beside <= FAN_OUT && site.below.len() - beside <= FAN_OUT);
        let below = site.below.iter().map(|site| check(site, depth + 1));
        below.max().unwrap_or(depth)
    }

    fn alone(ranks: u32) -> Plan {
        Plan::with(&hosts(1, ranks, true), OWN)
    }

    #[test]
    fn one_host_with_few_ranks_needs_no_agent() {
        let plan = alone(4);
        assert_eq!((plan.here.len(), plan.agents()), (4, 0));
        assert!(!plan.spans_hosts());
        let plan = alone(32);
        assert_eq!((plan.here.len(), plan.agents()), (32, 0));
    }

    #[test]
    fn many_ranks_of_one_host_are_shared_among_agents() {
        let plan = alone(256);
        assert_eq!((plan.here.len(), plan.agents()), (32, 7));
        assert!(plan.below.iter().all(|site| site.beside));
        assert!(!plan.spans_hosts());
        let plan = alone(4096);
        assert_eq!(plan.below.iter().map(|site| check(site, 1)).max(), Some(2));
        assert!(plan.below.len() <= FAN_OUT);
    }

    #[test]
    fn every_rank_is_started_once_and_the_tree_is_shallow() {
        for (count, slots, here) in [
            (4, 2, false),
            (4, 2, true),
            (300, 3, true),
            (1000, 40, false),
        ] {
            let plan = Plan::with(&hosts(count, slots, here), OWN);
            let mut ranks = plan.here.clone();
            ranks.extend(plan.below.iter().flat_map(Site::all_ranks));
            ranks.sort_unstable();
            assert_eq!(ranks, (0..count * slots).collect::<Vec<_>>());
            let depth = plan.below.iter().map(|site| check(site, 1)).max();
            assert!(depth <= Some(4), "{depth:?}");
            let remote = plan.below.iter().filter(|site| !site.beside).count();
            assert!(remote <= FAN_OUT);
        }
    }

    #[test]
    fn tasks_that_come_by_themselves_form_a_tree() {
        for size in [2, 17, 18, 300, 5000] {
            let plan = Plan::joined(size, false);
            assert_eq!((plan.agents(), plan.here.len()), (size as usize - 1, 1));
            assert!(plan.below.len() <= FAN_OUT);
            assert!(plan.below.iter().map(|site| check(site, 1)).max() <= Some(4));
            for rank in 1..size {
                let (site, parent) = plan.agent_of(rank).expect("every task has one");
                assert_eq!((site.agent + 1, &site.ranks[..]), (rank, &[rank][..]));
                let listed = parent.map_or(&plan.below, |parent| &parent.below);
                assert!(listed.contains(site));
            }
            assert!(plan.agent_of(0).is_none() && plan.agent_of(size).is_none());
        }
    }

    #[test]
    fn agents_have_numbers_of_their_own() {
        fn numbers(sites: &[Site], found: &mut Vec<u32>) {
            for site in sites {
                found.push(site.agent);
                numbers(&site.below, found);
            }
        }
        let plan = Plan::with(&hosts(300, 40, true), OWN);
        let mut found = Vec::new();
        numbers(&plan.below, &mut found);
        found.sort_unstable();
        assert_eq!(found.len(), plan.agents());
        found.dedup();
        assert_eq!(found.len(), plan.agents());
    }
}
