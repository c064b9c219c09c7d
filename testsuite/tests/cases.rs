//! Every program in `cases/` is a test: see the crate's documentation.

use std::process::ExitCode;

mod support;

fn main() -> ExitCode {
    support::run_all("cases")
}
