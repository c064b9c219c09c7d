//! `--bind-to`: which processors a rank may run on. The rank's threads stay inside that set, for `OMP_PLACES` is made of the
//! processors that a process may use.
//!
//! Ranks of a host take units in the order of their numbers, each as many as it has threads, and begin again at the first when there are
//! no more. Deciding is pure; what the machine has is read from sysfs (`Documentation/admin-guide/cputopology.rst`).

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a rank is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindTo {
    /// Nothing: the kernel moves it.
    #[default]
    None,
    /// As many cores as it has threads, with all their hardware threads.
    Core,
    /// The sockets of those cores.
    Socket,
    /// As many hardware threads as it has threads.
    HardwareThread,
}

impl FromStr for BindTo {
    type Err = String;

    fn from_str(text: &str) -> Result<BindTo, String> {
        match text {
            "none" => Ok(BindTo::None),
            "core" => Ok(BindTo::Core),
            "socket" | "package" => Ok(BindTo::Socket),
            "hwthread" => Ok(BindTo::HardwareThread),
            _ => Err("expected none, core, socket or hwthread".to_owned()),
        }
    }
}

impl BindTo {
    /// As the option spells it.
    pub fn name(self) -> &'static str {
        match self {
            BindTo::None => "none",
            BindTo::Core => "core",
            BindTo::Socket => "socket",
            BindTo::HardwareThread => "hwthread",
        }
    }
}

/// A processor as the kernel numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Its number.
    pub number: u32,
    /// The lowest number of the processors of its core.
    pub core: u32,
    /// Its socket.
    pub socket: u32,
}

/// The processors that this process may use, in the order of sockets and cores.
pub fn usable() -> Vec<Processor> {
    let mut processors: Vec<Processor> = allowed()
        .into_iter()
        .map(|number| {
            let folder = format!("/sys/devices/system/cpu/cpu{number}/topology");
            let read = |file: &str| std::fs::read_to_string(Path::new(&folder).join(file)).ok();
            let first = |text: String| {
                let end = text.find([',', '-', '\n']).unwrap_or(text.len());
                text[..end].trim().parse().ok()
            };
            // The second name is that of kernels before 5.6.
            let siblings = read("core_cpus_list").or_else(|| read("thread_siblings_list"));
            Processor {
                number,
                core: siblings.and_then(first).unwrap_or(number),
                socket: read("physical_package_id").and_then(first).unwrap_or(0),
            }
        })
        .collect();
    processors.sort_by_key(|one| (one.socket, one.core, one.number));
    processors
}

/// Numbers of the processors that the calling process may use.
fn allowed() -> Vec<u32> {
    let Ok(set) = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)) else {
        return Vec::new();
    };
    (0..nix::sched::CpuSet::count())
        .filter(|number| set.is_set(*number).unwrap_or(false))
        .filter_map(|number| u32::try_from(number).ok())
        .collect()
}

/// The processors of the `index`-th rank of this host (from 0), which has `threads` threads; `None`: it is not bound.
pub fn of(bind_to: BindTo, index: u32, threads: u32, processors: &[Processor]) -> Option<Vec<u32>> {
    let unit: fn(&Processor) -> u32 = match bind_to {
        BindTo::None => return None,
        BindTo::Core | BindTo::Socket => |one| one.core,
        BindTo::HardwareThread => |one| one.number,
    };
    let mut units: Vec<u32> = processors.iter().map(unit).collect();
    units.dedup();
    if units.is_empty() {
        return None;
    }
    let count = u64::try_from(units.len()).expect("a machine has few processors");
    let first = u64::from(index) * u64::from(threads);
    let mine: Vec<u32> = (first..first + u64::from(threads).min(count))
        .map(|place| units[usize::try_from(place % count).expect("below their number")])
        .collect();
    let chosen = processors.iter().filter(|one| mine.contains(&unit(one)));
    if bind_to != BindTo::Socket {
        return Some(chosen.map(|one| one.number).collect());
    }
    let sockets: Vec<u32> = chosen.map(|one| one.socket).collect();
    let whole = processors
        .iter()
        .filter(|one| sockets.contains(&one.socket));
    Some(whole.map(|one| one.number).collect())
}

/// A set that the kernel understands; numbers beyond what it can hold are left out.
pub fn set(processors: &[u32]) -> nix::sched::CpuSet {
    let mut set = nix::sched::CpuSet::new();
    for number in processors {
        // Beyond the set's size there is nothing that could be bound to.
        let _ = set.set(*number as usize);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sockets of two cores of two hardware threads, numbered as Linux does: siblings are 4 apart.
    fn machine() -> Vec<Processor> {
        let mut all: Vec<Processor> = (0..8)
            .map(|number| Processor {
                number,
                core: number % 4,
                socket: number % 4 / 2,
            })
            .collect();
        all.sort_by_key(|one| (one.socket, one.core, one.number));
        all
    }

    #[test]
    fn ranks_take_units_in_turn() {
        let of = |bind_to, index, threads| of(bind_to, index, threads, &machine());
        assert_eq!(of(BindTo::None, 0, 1), None);
        assert_eq!(of(BindTo::Core, 0, 1), Some(vec![0, 4]));
        assert_eq!(of(BindTo::Core, 3, 1), Some(vec![3, 7]));
        assert_eq!(of(BindTo::Core, 4, 1), Some(vec![0, 4]));
        assert_eq!(of(BindTo::Core, 1, 2), Some(vec![2, 6, 3, 7]));
        assert_eq!(of(BindTo::HardwareThread, 1, 1), Some(vec![4]));
        assert_eq!(of(BindTo::HardwareThread, 1, 2), Some(vec![1, 5]));
        assert_eq!(of(BindTo::Socket, 0, 1), Some(vec![0, 4, 1, 5]));
        assert_eq!(of(BindTo::Socket, 2, 1), Some(vec![2, 6, 3, 7]));
        assert_eq!(of(BindTo::Core, 0, 99).map(|all| all.len()), Some(8));
        assert_eq!(super::of(BindTo::Core, 0, 1, &[]), None);
    }

    #[test]
    fn this_machine_has_processors() {
        let processors = usable();
        assert!(!processors.is_empty());
        let bound = of(BindTo::HardwareThread, 0, 1, &processors).expect("bound");
        assert_eq!(bound, [processors[0].number]);
    }
}
