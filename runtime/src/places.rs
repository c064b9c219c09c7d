//! Places: sets of processors to which threads are bound (OpenMP 5.2, 21.1.6 and 10.1.3).
//!
//! Parsing and the policies are pure; what the machine has comes from `/sys` (sysfs-devices-system-cpu) through [`Topology`].
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::icv::{Binding, Partition};

/// Processors beyond this number are not addressed (`CPU_SETSIZE` of the C library).
const MOST: u32 = 1024;

/// A set of processors, never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place(Vec<u32>);

impl Place {
    fn new(processors: impl IntoIterator<Item = u32>) -> Option<Place> {
        let sorted: BTreeSet<u32> = processors.into_iter().collect();
        (!sorted.is_empty()).then(|| Place(sorted.into_iter().collect()))
    }

    /// The processors, in ascending order.
    pub fn processors(&self) -> &[u32] {
        &self.0
    }
}

/// Ranges of ascending numbers: each is (first, last).
pub fn ranges(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    ranges
}

impl std::fmt::Display for Place {
    /// As `OMP_PLACES` spells it: `{0:2,5}`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{")?;
        for (k, (first, last)) in ranges(&self.0).into_iter().enumerate() {
            let comma = if k > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                more => write!(f, "{comma}{first}:{}", more + 1)?,
            }
        }
        f.write_str("}")
    }
}

/// What an abstract name makes places of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Hardware threads.
    Threads,
    /// Cores.
    Cores,
    /// Sockets.
    Sockets,
    /// Last-level caches.
    Caches,
    /// NUMA domains.
    Domains,
}

/// What a machine consists of, as far as this process may use it.
pub trait Topology {
    /// Usable processors, ascending.
    fn usable(&self) -> Vec<u32>;
    /// All processors that share `unit` with `processor`.
    fn sharing(&self, unit: Unit, processor: u32) -> Vec<u32>;
}

/// `OMP_PLACES`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceSpec {
    /// An abstract name and how many places of it.
    Abstract(Unit, Option<u32>),
    /// A list.
    Explicit(Vec<Vec<u32>>),
}

/// Parses `OMP_PLACES`; `None`: malformed.
pub fn parse(text: &str) -> Option<PlaceSpec> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.starts_with(['{', '!']) {
        let mut rest = Scanner(&text);
        let places = rest.places()?;
        return (rest.0.is_empty() && !places.is_empty()).then_some(PlaceSpec::Explicit(places));
    }
    let (name, count) = match text.split_once('(') {
        Some((name, count)) => {
            let count: u32 = count.strip_suffix(')')?.parse().ok()?;
            (name, Some(count).filter(|count| *count > 0)?.into())
        }
        None => (text.as_str(), None),
    };
    let unit = match name.to_ascii_lowercase().as_str() {
        "threads" => Unit::Threads,
        "cores" => Unit::Cores,
        "sockets" => Unit::Sockets,
        "ll_caches" => Unit::Caches,
        "numa_domains" => Unit::Domains,
        _ => return None,
    };
    Some(PlaceSpec::Abstract(unit, count))
}

/// A recursive descent through the grammar of 21.1.6, white space removed.
struct Scanner<'a>(&'a str);

/// `lower:length:stride`, its parts as far as they are there.
struct Interval {
    length: u32,
    stride: i64,
}

impl Scanner<'_> {
    fn eat(&mut self, prefix: char) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn number(&mut self) -> Option<i64> {
        let sign = usize::from(self.0.starts_with(['-', '+']));
        let digits = self.0[sign..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        let (number, rest) = self.0.split_at(sign + digits);
        self.0 = rest;
        number.parse().ok()
    }

    fn interval(&mut self) -> Option<Interval> {
        let mut interval = Interval {
            length: 1,
            stride: 1,
        };
        if self.eat(':') {
            let length = u32::try_from(self.number()?).ok()?;
            interval.length = Some(length).filter(|n| (1..=MOST).contains(n))?;
            if self.eat(':') {
                interval.stride = self.number()?;
            }
        }
        Some(interval)
    }

    /// `{res, res:n:stride, !res}`
    fn place(&mut self) -> Option<BTreeSet<u32>> {
        if !self.eat('{') {
            return None;
        }
        let mut set = BTreeSet::new();
        loop {
            let exclude = self.eat('!');
            let first = self.number()?;
            let interval = self.interval()?;
            for k in 0..i64::from(interval.length) {
                let number = in_range(first.checked_add(interval.stride.checked_mul(k)?)?)?;
                if exclude {
                    set.remove(&number);
                } else {
                    set.insert(number);
                }
            }
            if self.eat('}') {
                return Some(set);
            }
            if !self.eat(',') {
                return None;
            }
        }
    }

    fn places(&mut self) -> Option<Vec<Vec<u32>>> {
        let mut places: Vec<Vec<u32>> = Vec::new();
        loop {
            let exclude = self.eat('!');
            let first = self.place()?;
            let interval = self.interval()?;
            for k in 0..i64::from(interval.length) {
                let offset = interval.stride.checked_mul(k)?;
                let shifted = first.iter().map(|n| in_range(i64::from(*n) + offset));
                let place: Vec<u32> = shifted
                    .collect::<Option<BTreeSet<u32>>>()?
                    .into_iter()
                    .collect();
                if exclude {
                    places.retain(|other| *other != place);
                } else {
                    places.push(place);
                }
            }
            if self.0.is_empty() {
                return Some(places);
            }
            if !self.eat(',') {
                return None;
            }
        }
    }
}

fn in_range(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|n| *n < MOST)
}

/// The places that `spec` means on this machine, and the processors it names that cannot be used.
pub fn resolve(spec: &PlaceSpec, topology: &dyn Topology) -> (Vec<Place>, Vec<u32>) {
    let usable = topology.usable();
    let mut missing = Vec::new();
    let places = match spec {
        PlaceSpec::Explicit(list) => list
            .iter()
            .filter_map(|place| {
                let (there, not): (Vec<u32>, Vec<u32>) =
                    place.iter().partition(|n| usable.contains(n));
                missing.extend(not);
                Place::new(there)
            })
            .collect(),
        PlaceSpec::Abstract(unit, count) => {
            let mut places = divide(*unit, &usable, topology);
            places.truncate(count.map_or(usize::MAX, |count| count as usize));
            places
        }
    };
    (places, missing)
}

fn divide(unit: Unit, usable: &[u32], topology: &dyn Topology) -> Vec<Place> {
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    let mut places = Vec::new();
    for processor in usable {
        if taken.contains(processor) {
            continue;
        }
        let mates = topology.sharing(unit, *processor);
        let mates = mates
            .into_iter()
            .filter(|mate| usable.contains(mate) && !taken.contains(mate));
        let place: Vec<u32> = mates.chain([*processor]).collect();
        taken.extend(&place);
        places.extend(Place::new(place));
    }
    places
}

/// This machine.
#[derive(Debug)]
pub struct Machine;

impl Topology for Machine {
    fn usable(&self) -> Vec<u32> {
        affinity().unwrap_or_default()
    }

    fn sharing(&self, unit: Unit, processor: u32) -> Vec<u32> {
        let cpu = format!("/sys/devices/system/cpu/cpu{processor}");
        let read = |name: &str| list_in(Path::new(&format!("{cpu}/topology/{name}")));
        let found = match unit {
            Unit::Threads => Some(vec![processor]),
            Unit::Cores => read("core_cpus_list").or_else(|| read("thread_siblings_list")),
            Unit::Sockets => read("package_cpus_list").or_else(|| read("core_siblings_list")),
            Unit::Caches => (0..10)
                .rev()
                .find_map(|k| list_in(Path::new(&format!("{cpu}/cache/index{k}/shared_cpu_list")))),
            Unit::Domains => (0..MOST).find_map(|node| {
                let file = format!("/sys/devices/system/node/node{node}/cpulist");
                list_in(Path::new(&file)).filter(|list| list.contains(&processor))
            }),
        };
        found.unwrap_or_else(|| match unit {
            Unit::Threads | Unit::Cores => vec![processor],
            // A machine that does not say has one of these.
            Unit::Sockets | Unit::Caches | Unit::Domains => self.usable(),
        })
    }
}

/// Reads a list as the kernel writes it: `0-3,8`.
fn list_in(file: &Path) -> Option<Vec<u32>> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut list = Vec::new();
    for item in text.trim().split(',').filter(|item| !item.is_empty()) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        list.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(list)
}

/// The processors that the calling thread may use, ascending.
pub fn affinity() -> io::Result<Vec<u32>> {
    // SAFETY: all-zero is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` has the size that is given.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the numbers are below CPU_SETSIZE.
    let numbers = (0..MOST).filter(|n| unsafe { libc::CPU_ISSET(*n as usize, &set) });
    Ok(numbers.collect())
}

/// How many processors the calling thread may use, at least 1.
pub fn processors() -> u32 {
    affinity().map_or(1, |list| u32::try_from(list.len().max(1)).unwrap_or(1))
}

/// The processors that the calling thread may use, as a place.
pub fn usable() -> Option<Place> {
    Place::new(affinity().ok()?)
}

/// Lets the calling thread, which inherited its creator's place, run wherever the process may.
pub fn unbind() {
    let process = crate::icv::process();
    if let Some(usable) = process
        .usable
        .as_ref()
        .filter(|_| !process.places.is_empty())
    {
        // It goes on where it is if the kernel refuses.
        let _ = bind(usable);
    }
}

/// Binds the calling thread to `place`.
pub fn bind(place: &Place) -> io::Result<()> {
    // SAFETY: all-zero is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for processor in &place.0 {
        // SAFETY: places hold numbers below CPU_SETSIZE.
        unsafe { libc::CPU_SET(*processor as usize, &mut set) };
    }
    // SAFETY: `set` has the size that is given.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The part of `places` places that rank `rank` of `ranks` on this host has: its own where there are enough, one shared with others
/// where there are not.
pub fn share(places: u32, rank: u32, ranks: u32) -> Partition {
    if places == 0 || ranks == 0 {
        return Partition::default();
    }
    if places < ranks {
        return Partition {
            first: rank % places,
            count: 1,
        };
    }
    let cut = |rank: u32| {
        let cut = u64::from(places) * u64::from(rank) / u64::from(ranks);
        u32::try_from(cut).expect("at most the number of places")
    };
    Partition {
        first: cut(rank),
        count: cut(rank + 1) - cut(rank),
    }
}

/// Where thread `number` of `threads` runs (10.1.3), and the partition it starts with. `primary`: the place of the thread that started
/// the team, in `partition`. `None`: threads are not bound.
pub fn assign(
    policy: Binding,
    partition: Partition,
    primary: u32,
    threads: u32,
    number: u32,
) -> Option<(u32, Partition)> {
    let Partition { first, count } = partition;
    if count == 0 || threads == 0 {
        return None;
    }
    let start = primary.wrapping_sub(first) % count;
    let at = |offset: u32| first + (start + offset) % count;
    match policy {
        Binding::False => None,
        Binding::Primary => Some((primary, partition)),
        Binding::True | Binding::Close if threads <= count => Some((at(number), partition)),
        Binding::True | Binding::Close => Some((at(crowded(threads, count, number)), partition)),
        Binding::Spread if threads <= count => {
            // Subpartitions of consecutive places, the first of which holds the primary thread's.
            let (each, extra) = (count / threads, count % threads);
            let offset = number * each + number.min(extra);
            let sub = Partition {
                first: first + (start + offset) % count,
                count: each + u32::from(number < extra),
            };
            // One that wraps around the end of the partition cannot be told as consecutive places.
            let sub = if sub.first + sub.count > first + count {
                Partition {
                    count: first + count - sub.first,
                    ..sub
                }
            } else {
                sub
            };
            Some((sub.first, sub))
        }
        Binding::Spread => {
            let place = at(crowded(threads, count, number));
            let sub = Partition {
                first: place,
                count: 1,
            };
            Some((place, sub))
        }
    }
}

/// With more threads than places: consecutive threads share one; the larger groups come first.
fn crowded(threads: u32, places: u32, number: u32) -> u32 {
    let (each, extra) = (threads / places, threads % places);
    let larger = extra * (each + 1);
    if number < larger {
        number / (each + 1)
    } else {
        extra + (number - larger) / each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sockets of two cores of two threads: core c has threads c and c + 4.
    struct Model;

    impl Topology for Model {
        fn usable(&self) -> Vec<u32> {
            (0..8).collect()
        }

        fn sharing(&self, unit: Unit, processor: u32) -> Vec<u32> {
            let same = |key: fn(u32) -> u32| (0..8).filter(|n| key(*n) == key(processor)).collect();
            match unit {
                Unit::Threads => vec![processor],
                Unit::Cores => same(|n| n % 4),
                Unit::Sockets | Unit::Caches => same(|n| n % 4 / 2),
                Unit::Domains => same(|_| 0),
            }
        }
    }

    fn shown(text: &str) -> String {
        let spec = parse(text).expect(text);
        let (places, _) = resolve(&spec, &Model);
        let shown: Vec<String> = places.iter().map(Place::to_string).collect();
        shown.join(",")
    }

    #[test]
    fn abstract_names() {
        assert_eq!(shown("threads(3)"), "{0},{1},{2}");
        assert_eq!(shown("cores"), "{0,4},{1,5},{2,6},{3,7}");
        assert_eq!(shown("Sockets"), "{0:2,4:2},{2:2,6:2}");
        assert_eq!(shown("ll_caches ( 1 )"), "{0:2,4:2}");
        assert_eq!(shown("numa_domains"), "{0:8}");
    }

    #[test]
    fn lists_and_intervals() {
        assert_eq!(shown("{0,1,2,3},{4,5}"), "{0:4},{4:2}");
        assert_eq!(shown("{0:4},{4:4}"), "{0:4},{4:4}");
        assert_eq!(shown("{0:2}:3:2"), "{0:2},{2:2},{4:2}");
        assert_eq!(shown("{0:3:2}"), "{0,2,4}");
        assert_eq!(shown("{7}:3:-2"), "{7},{5},{3}");
        assert_eq!(shown("{0:4,!2}"), "{0:2,3}");
        assert_eq!(shown("{0}:4,!{2}"), "{0},{1},{3}");
        assert_eq!(shown("{6}:4"), "{6},{7}");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for wrong in [
            "", "abc", "{", "{}", "{0", "{0}}", "{0},", "{0:0}", "{-1}", "cores(0)", "cores(",
            "cores(x)", "{0:2:}", "{0}:0", "{99999}", "{0}:9999", "!{0}",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn processors_that_are_not_there_are_named() {
        let spec = parse("{0,9},{77}").expect("well formed");
        let (places, missing) = resolve(&spec, &Model);
        assert_eq!((places.len(), missing), (1, vec![9, 77]));
    }

    fn placed(policy: Binding, count: u32, threads: u32, primary: u32) -> Vec<u32> {
        let partition = Partition { first: 0, count };
        let place = |number| assign(policy, partition, primary, threads, number);
        (0..threads)
            .map(|number| place(number).expect("bound").0)
            .collect()
    }

    #[test]
    fn policies_place_threads_as_the_specification_says() {
        assert_eq!(placed(Binding::Primary, 8, 3, 5), [5, 5, 5]);
        assert_eq!(placed(Binding::Close, 8, 3, 6), [6, 7, 0]);
        assert_eq!(placed(Binding::Close, 2, 5, 0), [0, 0, 0, 1, 1]);
        assert_eq!(placed(Binding::Spread, 8, 4, 0), [0, 2, 4, 6]);
        assert_eq!(placed(Binding::Spread, 8, 3, 0), [0, 3, 6]);
        assert_eq!(placed(Binding::Spread, 2, 4, 1), [1, 1, 0, 0]);
        let partition = Partition { first: 4, count: 4 };
        assert_eq!(
            assign(Binding::Spread, partition, 4, 2, 1),
            Some((6, Partition { first: 6, count: 2 }))
        );
        assert_eq!(assign(Binding::False, partition, 4, 2, 1), None);
    }

    #[test]
    fn ranks_divide_the_places_of_a_host() {
        let parts = |places, ranks| -> Vec<(u32, u32)> {
            (0..ranks)
                .map(|rank| share(places, rank, ranks))
                .map(|part| (part.first, part.count))
                .collect()
        };
        assert_eq!(parts(8, 2), [(0, 4), (4, 4)]);
        assert_eq!(parts(3, 2), [(0, 1), (1, 2)]);
        assert_eq!(parts(2, 4), [(0, 1), (1, 1), (0, 1), (1, 1)]);
        assert_eq!(parts(0, 2), [(0, 0), (0, 0)]);
    }
}
