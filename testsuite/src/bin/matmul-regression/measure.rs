//! The measurement itself: rounds of all variants, interleaved, then one run that counts bytes.

use std::env;
use std::path::Path;
use std::time::Duration;

use testsuite::tools::Tools;

use crate::Options;
use crate::machine::Machine;
use crate::program::{Programs, Variant};
use crate::report::Report;
use crate::statistics::Times;
use crate::traffic::{self, Traffic};

/// Builds, runs and counts; an error is a complete message.
pub(crate) fn measure(options: &Options) -> Result<Report, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("examples")
        .join("matmul.c");
    let directory = tempfile::tempdir()
        .map_err(|error| format!("cannot create a temporary directory: {error}"))?;
    let deadline = Duration::from_secs(options.deadline);
    let chosen = env::var_os("CAPE_BIN_DIR");
    let tools = Tools::find(chosen.as_deref().map(Path::new)).map_err(|error| error.to_string())?;
    let programs = Programs::build(
        tools,
        &source,
        directory.path(),
        (options.ranks, options.size),
        deadline,
    )?;

    let mut checksum = None;
    let mut seconds: [Vec<f64>; 3] = Default::default();
    for round in 0..=options.runs as usize {
        for position in 0..Variant::ALL.len() {
            // Each round starts with another variant, so that none always follows the same one.
            let index = (round + position) % Variant::ALL.len();
            let output = programs.run(Variant::ALL[index])?;
            same_result(&mut checksum, Variant::ALL[index], &output.stdout)?;
            if round > 0 {
                seconds[index].push(output.elapsed.as_secs_f64());
            }
        }
    }

    let counted = programs.run_with_stats()?;
    same_result(&mut checksum, Variant::Cape, &counted.stdout)?;
    let moved = traffic::bytes_sent(&counted.stderr)?;

    let [sequential, openmp, cape] =
        seconds.map(|seconds| Times::new(seconds).expect("at least one round was asked for"));
    Ok(Report {
        machine: Machine::describe(),
        size: options.size,
        ranks: options.ranks,
        runs: options.runs,
        checksum: checksum.expect("every variant has run"),
        sequential,
        openmp,
        cape,
        bound: options.bound,
        traffic: Traffic {
            moved,
            required: traffic::required(options.size, options.ranks),
        },
        bytes_bound: options.bytes_bound,
    })
}

/// All variants must print the same line.
fn same_result(
    expected: &mut Option<String>,
    variant: Variant,
    stdout: &str,
) -> Result<(), String> {
    let result = stdout.trim();
    match expected {
        Some(expected) if expected != result => Err(format!(
            "results differ: {variant} printed `{result}`, an earlier run `{expected}`"
        )),
        Some(_) => Ok(()),
        None => {
            *expected = Some(result.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_different_result_is_an_error() {
        let mut expected = None;
        same_result(&mut expected, Variant::Sequential, "checksum 1\n")
            .expect("the first one sets it");
        same_result(&mut expected, Variant::SharedMemory, "checksum 1\n").expect("the same");
        let error =
            same_result(&mut expected, Variant::Cape, "checksum 2\n").expect_err("another one");
        assert!(
            error.contains("checksum 2") && error.contains("checksum 1"),
            "{error}"
        );
    }
}
