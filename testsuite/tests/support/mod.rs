//! Turning programs into libtest-style tests.

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use testsuite::Failure;
use testsuite::case::discover;
use testsuite::plan::Plan;
use testsuite::runner::check;
use testsuite::tools::Tools;

/// Programs at a time, unless `--test-threads` says otherwise: each is itself parallel.
const AT_A_TIME: usize = 2;

/// Runs every program below `root` (relative to this crate) as a test.
pub fn run_all(root: &str) -> ExitCode {
    match trials(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root)) {
        Ok(trials) => {
            let mut arguments = Arguments::from_args();
            arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn trials(root: &Path) -> Result<Vec<Trial>, Failure> {
    let plan = Plan::from_environment()?;
    let trials: Vec<Trial> = discover(root)?
        .into_iter()
        .map(|(name, case)| {
            let plan = plan.clone();
            Trial::test(name, move || {
                let tools = Tools::find(plan.bin_dir.as_deref()).map_err(to_failed)?;
                check(&case.map_err(to_failed)?, &tools, &plan).map_err(to_failed)
            })
        })
        .collect();
    if trials.is_empty() {
        return Err(Failure::Setup(format!(
            "no program found below {}",
            root.display()
        )));
    }
    Ok(trials)
}

#[allow(clippy::needless_pass_by_value, reason = "the signature map_err wants")]
fn to_failed(failure: Failure) -> Failed {
    failure.to_string().into()
}
