//! Every program in `examples/` is a test, with the directives and the oracle of the cases.

use std::process::ExitCode;

mod support;

fn main() -> ExitCode {
    support::run_all("../examples")
}
