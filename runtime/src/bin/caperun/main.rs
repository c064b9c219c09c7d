//! `caperun`: starts an OpenMP program that `capec` built as several processes and serves them until it ends.
//!
//! ```text
//!  cli, environment ──► program (check, compile) ──► launch (board, key, fork + exec) ──► job (event loop)
//!                                                                                          │
//!                              signals, output ──────────────────────────────────────────► │ ◄── transport
//!                                                                                          ▼
//!                                                     service: membership, locks, log, chunks (pure state machines)
//! ```
//!
//! `caperun` is the parent of every rank and the coordinator of the job. It holds no user data: the ranks exchange their deltas
//! directly. Whatever happens to it, no rank survives it: each asked the kernel to be killed with its parent.

mod board;
mod cli;
mod compile;
mod descriptors;
mod ending;
mod environment;
#[allow(dead_code)]
mod hosts;
mod job;
mod launch;
mod memory;
mod output;
mod program;
mod ranks;
mod report;
mod service;
mod signals;
mod stats;
mod verdict;

/// The protocol, compiled in from its one source: the launcher must not link the runtime library, whose allocator and start-up
/// code belong into programs that `capec` built.
#[allow(
    dead_code,
    reason = "the launcher uses one half of what the ranks and it share"
)]
#[path = "../../control.rs"]
mod control;
#[path = "../../marks.rs"]
mod marks;

use std::process::ExitCode;

use report::Failure;

fn run() -> Result<u8, Failure> {
    let options = cli::options(std::env::args_os(), &environment::read()?)?;
    let limits = descriptors::make_room(options.ranks);
    let signals = signals::Signals::take_over()?;
    let prepared = compile::prepare(&options, &signals)?;
    let settings = launch::Settings::decide(&options, &prepared, limits)?;
    job::run(&options, &settings, prepared, &signals)
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}
