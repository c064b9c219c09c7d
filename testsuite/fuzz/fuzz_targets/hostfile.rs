//! Hosts: hostfiles, `--host` lists, and what batch systems put into the environment.
#![no_main]
#![allow(dead_code)]

#[path = "../../../runtime/src/bin/caperun/hosts/mod.rs"]
mod hosts;

use hosts::{allocation, hostfile, list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for parsed in [
        hostfile::parse("hosts", &text),
        list::parse("--host", &text),
    ] {
        match parsed {
            Ok(hosts) => assert!(!hosts.is_empty() && hosts.slots() > 0),
            // The excerpt with its caret must not depend on where the characters begin.
            Err(mistake) => assert!(!mistake.to_string().is_empty()),
        }
    }
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    for names in [
        ["SLURM_JOB_NODELIST", "SLURM_TASKS_PER_NODE"],
        ["PBS_NODEFILE", "none"],
        ["LSB_HOSTS", "LSB_MCPU_HOSTS"],
    ] {
        let variable = |name: &str| {
            let place = names.iter().position(|known| *known == name)?;
            Some([first, second][place].to_owned())
        };
        let around = allocation::Surroundings {
            variable: &variable,
            file: &|_| Ok(second.to_owned()),
        };
        if let Err(mistake) = allocation::find(&around) {
            assert!(!mistake.to_string().is_empty());
        }
    }
});
