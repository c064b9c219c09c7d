//! How much address space a rank's heap arena gets.
//!
//! Every rank reserves the arenas of all ranks at the same addresses, and shadows them for its baseline: `ranks x arena x 2`
//! bytes of address space in each process, of which only what is written costs memory. Plenty is therefore free, unless
//! `ulimit -v` counts it.

use std::fmt;
use std::str::FromStr;

use nix::sys::resource::{Resource, getrlimit};

use crate::report::Failure;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// An arena smaller than this is not worth starting with.
pub const SMALLEST: u64 = 64 * MIB;
/// What is asked for where nothing limits it.
const ORDINARY: u64 = 64 * GIB;
/// All arenas together, of the 128 TiB that a process has; the baseline needs the same again.
const ARENAS_AT_MOST: u64 = 32 * TIB;
/// Kept free under a limit for libraries, stacks, buffers and what the program maps itself.
const SLACK: u64 = 512 * MIB;

/// A number of bytes as users write it: `4096`, `64M`, `1.5GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let wrong = || {
            "not a size: write a number of bytes, or one with K, M, G or T, such as 512M".to_owned()
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => KIB,
            "m" | "mb" | "mib" => MIB,
            "g" | "gb" | "gib" => GIB,
            "t" | "tb" | "tib" => TIB,
            _ => return Err(wrong()),
        };
        if let Ok(whole) = digits.parse::<u64>() {
            return whole.checked_mul(unit).map(Size).ok_or_else(wrong);
        }
        let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value = digits
            .parse::<f64>()
            .ok()
            .filter(|_| plain)
            .ok_or_else(wrong)?
            * unit as f64;
        if value >= u64::MAX as f64 {
            return Err(wrong());
        }
        Ok(Size(value as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..KIB => return write!(out, "{} B", self.0),
            KIB..MIB => (KIB, "KiB"),
            MIB..GIB => (MIB, "MiB"),
            GIB..TIB => (GIB, "GiB"),
            TIB.. => (TIB, "TiB"),
        };
        if self.0.is_multiple_of(unit) {
            return write!(out, "{} {name}", self.0 / unit);
        }
        write!(out, "{:.1} {name}", self.0 as f64 / unit as f64)
    }
}

/// What the machine and the user allow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Soft `RLIMIT_AS` in bytes, if finite.
    pub address_space: Option<u64>,
    /// Physical memory in bytes.
    pub physical: u64,
}

impl Limits {
    /// The tighter of both in everything: what holds on several hosts.
    pub fn and(self, other: Limits) -> Limits {
        let both = self.address_space.zip(other.address_space);
        Limits {
            address_space: both
                .map(|(one, two)| one.min(two))
                .or(self.address_space)
                .or(other.address_space),
            physical: self.physical.min(other.physical),
        }
    }

    /// Asks the kernel.
    pub fn of_this_machine() -> Limits {
        let address_space = getrlimit(Resource::RLIMIT_AS)
            .ok()
            .map(|(soft, _)| soft)
            .filter(|soft| *soft != nix::libc::RLIM_INFINITY);
        Limits {
            address_space,
            physical: physical_memory(),
        }
    }
}

fn physical_memory() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    let ask = |what| {
        sysconf(what)
            .ok()
            .flatten()
            .and_then(|value| u64::try_from(value).ok())
            .unwrap_or(0)
    };
    ask(SysconfVar::_PHYS_PAGES).saturating_mul(ask(SysconfVar::PAGE_SIZE))
}

fn power_of_two_at_most(value: u64) -> u64 {
    if value == 0 { 0 } else { 1 << value.ilog2() }
}

/// Bytes of each rank's arena. `program` is what the program's own segments take in memory; `wish` what the user asked for.
pub fn arena(ranks: u32, program: u64, wish: Option<Size>, limits: Limits) -> Result<u64, Failure> {
    let arenas = u64::from(ranks) * 2;
    let room = match limits.address_space {
        Some(limit) => (limit
            .saturating_sub(SLACK)
            .saturating_sub(program.saturating_mul(2))
            / arenas)
            .min(ARENAS_AT_MOST / u64::from(ranks)),
        None => ARENAS_AT_MOST / u64::from(ranks),
    };
    let wanted = match wish {
        Some(size) => size.0.max(1).next_multiple_of(2 * MIB),
        None => {
            let ordinary = ORDINARY
                .max(limits.physical.saturating_mul(2))
                .min(ARENAS_AT_MOST);
            power_of_two_at_most(room).min(ordinary.next_power_of_two())
        }
    };
    if wish.is_some() && wanted < SMALLEST {
        return Err(Failure::with_code(
            format!(
                "--heap-size {} is too small: give at least {}",
                Size(wanted),
                Size(SMALLEST)
            ),
            2,
        ));
    }
    if wanted <= room && wanted >= SMALLEST {
        return Ok(wanted);
    }
    let needed = wish
        .map_or(SMALLEST, |_| wanted)
        .saturating_mul(arenas)
        .saturating_add(SLACK + program.saturating_mul(2));
    let next = match (limits.address_space, wish) {
        (Some(_), Some(_)) => "raise ulimit -v, lower -n or ask for a smaller --heap-size",
        (Some(_), None) => "raise ulimit -v or lower -n",
        (None, Some(_)) => "lower -n or ask for a smaller --heap-size",
        (None, None) => "lower -n",
    };
    let allowed = limits.address_space.map_or_else(
        || format!("a process has room for {} of them", Size(ARENAS_AT_MOST)),
        |limit| format!("the limit on address space (ulimit -v) is {}", Size(limit)),
    );
    Err(Failure::new(format!(
        "{ranks} ranks with heaps of {} need {} of address space in each process, but {allowed}: {next}",
        Size(wish.map_or(SMALLEST, |_| wanted)),
        Size(needed)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Limits = Limits {
        address_space: None,
        physical: 8 * GIB,
    };

    fn limited(limit: u64) -> Limits {
        Limits {
            address_space: Some(limit),
            ..FREE
        }
    }

    #[test]
    fn sizes_are_read_as_written() {
        for (text, bytes) in [
            ("4096", 4096),
            ("64M", 64 * MIB),
            ("1.5GiB", 3 * GIB / 2),
            ("2t", 2 * TIB),
            ("1kb", KIB),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in [
            "",
            "M",
            "-1",
            "1Q",
            "1e3",
            "inf",
            "nan",
            "99999999999999999999",
            "99999999999T",
            "1 M",
            "0x10",
            "é",
        ] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
        assert_eq!(Size(64 * GIB).to_string(), "64 GiB");
        assert_eq!(Size(1536 * MIB).to_string(), "1.5 GiB");
        assert_eq!(Size(17).to_string(), "17 B");
    }

    #[test]
    fn plenty_where_nothing_limits_it() {
        assert_eq!(arena(4, 0, None, FREE), Ok(64 * GIB));
        assert_eq!(arena(16, 0, None, FREE), Ok(64 * GIB));
        assert_eq!(
            arena(
                2,
                0,
                None,
                Limits {
                    physical: 100 * GIB,
                    ..FREE
                }
            ),
            Ok(256 * GIB)
        );
        // Many ranks share the address space of a process.
        assert_eq!(arena(1024, 0, None, FREE), Ok(32 * GIB));
        assert_eq!(
            arena(
                1,
                0,
                None,
                Limits {
                    physical: u64::MAX,
                    ..FREE
                }
            ),
            Ok(32 * TIB)
        );
    }

    #[test]
    fn a_limit_shrinks_the_arenas_until_they_are_useless() {
        let four = arena(4, 0, None, limited(4 * GIB)).expect("fits");
        assert_eq!(four, 256 * MIB);
        assert!(four * 4 * 2 + SLACK <= 4 * GIB);
        assert_eq!(arena(2, 0, None, limited(GIB)), Ok(128 * MIB));
        // The program's own globals, and their baseline, count too.
        assert_eq!(arena(4, GIB, None, limited(4 * GIB)), Ok(128 * MIB));
        let error = arena(16, 0, None, limited(GIB))
            .expect_err("too small")
            .message;
        assert!(error.contains("raise ulimit -v or lower -n"), "{error}");
        assert!(
            error.contains("the limit on address space (ulimit -v) is 1 GiB"),
            "{error}"
        );
        assert!(arena(1, 0, None, limited(0)).is_err());
    }

    #[test]
    fn a_wish_is_followed_or_refused() {
        assert_eq!(arena(4, 0, Some(Size(100 * MIB + 1)), FREE), Ok(102 * MIB));
        assert_eq!(
            arena(4, 0, Some(Size(MIB)), FREE).expect_err("small").code,
            2
        );
        assert!(arena(4, 0, Some(Size(GIB)), limited(4 * GIB)).is_err());
        assert!(arena(4, 0, Some(Size(30 * TIB)), FREE).is_err());
        assert!(arena(u32::MAX, 0, None, FREE).is_err());
    }
}
