//! What the figures were measured on: without it they mean nothing later.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// A description of this machine; what cannot be found out reads "unknown".
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Processor model, as /proc/cpuinfo names it.
    pub(crate) cpu: String,
    /// Processors this process may use.
    pub(crate) cores: usize,
    /// Main memory in bytes, 0 if unknown.
    pub(crate) memory_bytes: u64,
    /// Kernel release.
    pub(crate) kernel: String,
    /// First line of `gcc --version`.
    pub(crate) gcc: String,
}

impl Machine {
    /// Asks the system.
    pub(crate) fn describe() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let gcc = Command::new("gcc").arg("--version").output();
        let gcc = gcc
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        Self {
            cpu: known(field(&cpuinfo, "model name")),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: field(&meminfo, "MemTotal").and_then(kibibytes).unwrap_or(0),
            kernel: known(kernel.lines().next()),
            gcc: known(gcc.lines().next()),
        }
    }
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// `"16384 kB"` in bytes.
fn kibibytes(value: &str) -> Option<u64> {
    value
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn known(value: Option<&str>) -> String {
    value.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_of_proc_files() {
        let text =
            "MemTotal:       16384 kB\nmodel name\t: Some CPU @ 3.0GHz\nmodel name\t: another\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 3.0GHz"));
        assert_eq!(
            field(text, "MemTotal").and_then(kibibytes),
            Some(16384 * 1024)
        );
        assert_eq!(field(text, "absent"), None);
    }
}
