//! Which ranks run on which host.
//!
//! Rank 0, the driver, always runs on the first host. With `--map-by slot` a host's ranks are consecutive numbers, so that
//! neighbours are near each other; with `--map-by node` they go round the hosts. Either way every host's slots are filled before
//! any host gets more than it has, and what is then left goes round the hosts in proportion to their slots.

use std::str::FromStr;

use super::{Host, Hosts, MOST_RANKS, MOST_SLOTS};

/// `--map-by`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapBy {
    /// Fill a host, then the next.
    #[default]
    Slot,
    /// One rank on each host in turn.
    Node,
}

impl FromStr for MapBy {
    type Err = String;

    fn from_str(text: &str) -> Result<MapBy, String> {
        match text {
            "slot" | "core" => Ok(MapBy::Slot),
            "node" => Ok(MapBy::Node),
            _ => Err("expected slot or node".to_owned()),
        }
    }
}

/// What happens with more ranks than slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversubscription {
    /// They run, with a warning.
    #[default]
    Warned,
    /// They run: `--oversubscribe`.
    Wanted,
    /// An error: `--nooversubscribe`.
    Refused,
}

/// A host and the ranks on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: Host,
    /// It is this machine. Not decided here: `false` at first.
    pub here: bool,
    /// Its ranks, ascending; at least one.
    pub ranks: Vec<u32>,
}

/// Where every rank of the job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The hosts that have ranks, in the order of the list; rank 0 is on the first.
    pub places: Vec<Place>,
    /// Ranks of the job.
    pub ranks: u32,
    /// More ranks than slots, in words, if that is to be warned of.
    pub warning: Option<String>,
}

/// Maps `ranks` ranks (`None`: as many as there are slots) to `hosts`, of which there is at least one.
pub fn map(
    hosts: &Hosts,
    ranks: Option<u32>,
    by: MapBy,
    oversubscription: Oversubscription,
) -> Result<Mapping, String> {
    let slots = hosts.slots();
    let ranks = ranks.unwrap_or(slots);
    if ranks > MOST_RANKS {
        return Err(format!(
            "{ranks} ranks: a job has {MOST_RANKS} at most; lower -n"
        ));
    }
    let mut warning = None;
    if ranks > slots {
        let text = format!(
            "{ranks} ranks on {slots} slots of {} hosts",
            hosts.iter().len()
        );
        match oversubscription {
            Oversubscription::Refused => {
                return Err(format!(
                    "{text}: --nooversubscribe does not allow that; lower -n or name more hosts or slots"
                ));
            }
            Oversubscription::Warned => {
                warning = Some(format!(
                    "{text}: they share processors (--oversubscribe: no warning)"
                ));
            }
            Oversubscription::Wanted => {}
        }
    }
    let counts = counts(hosts, ranks, by)?;
    Ok(Mapping {
        places: numbered(hosts, &counts, by),
        ranks,
        warning,
    })
}

/// What a host can still take when it has `count` ranks.
fn room(host: &Host, count: u32, full: bool) -> u32 {
    let most = if full {
        host.max_slots.unwrap_or(MOST_SLOTS)
    } else {
        host.slots
    };
    most.saturating_sub(count)
}

/// Ranks of each host.
fn counts(hosts: &Hosts, ranks: u32, by: MapBy) -> Result<Vec<u32>, String> {
    let mut counts = vec![0_u32; hosts.iter().len()];
    let mut left = ranks;
    let mut full = false;
    while left > 0 {
        let before = left;
        for (host, count) in hosts.iter().zip(&mut counts) {
            let share = if by == MapBy::Node { 1 } else { host.slots };
            let given = share.min(room(host, *count, full)).min(left);
            *count += given;
            left -= given;
        }
        if left == before {
            if full {
                return Err(format!(
                    "{ranks} ranks are more than the hosts may run ({}); lower -n or raise max_slots",
                    ranks - left
                ));
            }
            full = true;
        }
    }
    Ok(counts)
}

fn numbered(hosts: &Hosts, counts: &[u32], by: MapBy) -> Vec<Place> {
    let mut places: Vec<Place> = hosts
        .iter()
        .map(|host| Place {
            host: host.clone(),
            here: false,
            ranks: Vec::new(),
        })
        .collect();
    match by {
        MapBy::Slot => {
            let mut next = 0;
            for (place, count) in places.iter_mut().zip(counts) {
                place.ranks = (next..next + count).collect();
                next += count;
            }
        }
        MapBy::Node => {
            let (mut next, rounds) = (0, counts.iter().copied().max().unwrap_or(0));
            for round in 0..rounds {
                for (place, _) in places
                    .iter_mut()
                    .zip(counts)
                    .filter(|(_, count)| **count > round)
                {
                    place.ranks.push(next);
                    next += 1;
                }
            }
        }
    }
    places.retain(|place| !place.ranks.is_empty());
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hosts(list: &[(u32, Option<u32>)]) -> Hosts {
        let mut hosts = Hosts::default();
        for (number, (slots, max_slots)) in list.iter().enumerate() {
            let host = Host {
                max_slots: *max_slots,
                ..Host::new(format!("h{number}"), *slots)
            };
            hosts.add(host).expect("few");
        }
        hosts
    }

    fn mapped(list: &[(u32, Option<u32>)], ranks: u32, by: MapBy) -> Vec<Vec<u32>> {
        map(&hosts(list), Some(ranks), by, Oversubscription::Wanted)
            .expect("fits")
            .places
            .into_iter()
            .map(|place| place.ranks)
            .collect()
    }

    #[test]
    fn slots_are_filled_one_host_after_the_other() {
        let two = [(2, None), (2, None)];
        assert_eq!(mapped(&two, 3, MapBy::Slot), [vec![0, 1], vec![2]]);
        assert_eq!(mapped(&two, 2, MapBy::Slot), [vec![0, 1]]);
        assert_eq!(mapped(&two, 5, MapBy::Slot), [vec![0, 1, 2], vec![3, 4]]);
        let mapping =
            map(&hosts(&two), None, MapBy::Slot, Oversubscription::Refused).expect("fits");
        assert_eq!((mapping.ranks, mapping.warning), (4, None));
    }

    #[test]
    fn nodes_take_turns() {
        let three = [(1, None), (3, None), (2, None)];
        assert_eq!(
            mapped(&three, 6, MapBy::Node),
            [vec![0], vec![1, 3, 5], vec![2, 4]]
        );
        assert_eq!(
            mapped(&three, 8, MapBy::Node),
            [vec![0, 3], vec![1, 4, 6, 7], vec![2, 5]]
        );
    }

    #[test]
    fn too_many_are_warned_of_or_refused() {
        let one = hosts(&[(2, None)]);
        let warned = map(&one, Some(3), MapBy::Slot, Oversubscription::Warned).expect("runs");
        assert!(
            warned
                .warning
                .expect("warns")
                .contains("3 ranks on 2 slots")
        );
        assert!(map(&one, Some(3), MapBy::Slot, Oversubscription::Refused).is_err());
        let bounded = hosts(&[(2, Some(3)), (1, Some(1))]);
        assert!(map(&bounded, Some(4), MapBy::Slot, Oversubscription::Wanted).is_ok());
        let error =
            map(&bounded, Some(5), MapBy::Node, Oversubscription::Wanted).expect_err("full");
        assert!(error.contains("(4)"), "{error}");
    }

    proptest! {
        #[test]
        fn every_rank_has_one_place(
            slots in proptest::collection::vec((1_u32..5, proptest::option::of(0_u32..4)), 1..8),
            ranks in 1_u32..60,
            node in any::<bool>(),
        ) {
            let list: Vec<_> = slots.iter().map(|(slots, more)| (*slots, more.map(|more| slots + more))).collect();
            let by = if node { MapBy::Node } else { MapBy::Slot };
            let room: u64 = list.iter().map(|(_, max)| u64::from(max.unwrap_or(MOST_SLOTS))).sum();
            let result = map(&hosts(&list), Some(ranks), by, Oversubscription::Warned);
            prop_assert_eq!(result.is_ok(), u64::from(ranks) <= room);
            if let Ok(mapping) = result {
                let mut all: Vec<u32> = mapping.places.iter().flat_map(|place| place.ranks.clone()).collect();
                prop_assert_eq!(mapping.places[0].ranks[0], 0);
                if !node {
                    prop_assert!(all.is_sorted());
                }
                all.sort_unstable();
                prop_assert_eq!(all, (0..ranks).collect::<Vec<_>>());
                for place in &mapping.places {
                    let count = u32::try_from(place.ranks.len()).expect("small");
                    prop_assert!(count <= place.host.max_slots.unwrap_or(u32::MAX));
                    prop_assert!(place.ranks.is_sorted());
                    // Nobody has too much while another has room within its slots.
                    if count > place.host.slots {
                        prop_assert_eq!(mapping.places.len(), list.len());
                        prop_assert!(mapping.places.iter().all(|other| other.ranks.len() >= other.host.slots as usize));
                    }
                }
            }
        }
    }
}
