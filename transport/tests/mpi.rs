//! The contract of [`transport::Transport`] over MPI, between processes that `mpirun` has started; with each MPI that is installed.
//!
//! An MPI that is not there makes its tests ignored, with the reason; with `CAPE_REQUIRE_ALL=1` they fail.

#[path = "contract.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "its tests are run here one by one"
)]
mod contract;

use std::process::ExitCode;
use std::time::Duration;

use contract::support::{self, Backend, mpi};
use libtest_mimic::{Arguments, Trial};
use mpi::Mpi;

/// Looks at the calling thread, which does not wait here: see [`an_idle_rank_uses_little`].
const NOT_HERE: &str = "an_idle_end_uses_no_cpu";

fn main() -> ExitCode {
    if std::env::var_os(mpi::SERVANT).is_some() {
        mpi::serve();
    }
    let arguments = Arguments::from_args();
    let required = std::env::var_os("CAPE_REQUIRE_ALL").is_some_and(|value| value == "1");
    let mut trials = Vec::new();
    for mpi in Mpi::ALL {
        let missing = if arguments.list {
            None
        } else {
            mpi.plugin().err()
        };
        let skipped = missing.is_some() && !required;
        if let (Some(reason), true) = (&missing, skipped) {
            eprintln!("skipped: {}: {reason}", mpi.name());
        }
        let tests = contract::CONTRACT.iter().copied();
        let own: (&str, fn(Backend)) = ("an_idle_rank_uses_little", an_idle_rank_uses_little);
        for (name, test) in tests.filter(|(name, _)| *name != NOT_HERE).chain([own]) {
            let missing = missing.clone();
            let trial = Trial::test(format!("{}::{name}", mpi.name()), move || {
                if let Some(reason) = missing {
                    return Err(reason.into());
                }
                test(Backend::Mpi(mpi));
                Ok(())
            });
            trials.push(trial.with_ignored_flag(skipped));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// There is nothing to wait for in MPI but time: a look now and then must cost next to nothing.
fn an_idle_rank_uses_little(backend: Backend) {
    let Backend::Mpi(mpi) = backend else {
        unreachable!("only for MPI")
    };
    let (ranks, _coordinator) = mpi.ranks(2);
    let before = ranks[0].processor_time();
    support::wait_in_vain(&ranks[0], Duration::from_millis(600));
    let spent = ranks[0].processor_time() - before;
    assert!(spent < Duration::from_millis(60), "{spent:?} of 600 ms");
}
