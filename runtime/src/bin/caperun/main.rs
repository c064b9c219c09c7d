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

mod agent;
mod binding;
mod board;
mod cli;
mod compile;
mod crew;
mod descriptors;
mod dry_run;
mod ending;
mod environment;
mod hosts;
mod job;
mod launch;
mod memory;
mod output;
mod placement;
mod program;
mod ranks;
mod report;
mod roster;
mod service;
mod signals;
mod stats;
mod verdict;
mod wiring;

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

use crew::plan::{self, Plan};
use report::Failure;

/// Makes `caperun` an agent: what launch commands end with.
pub const AGENT_OPTION: &str = "--agent";

fn run() -> Result<u8, Failure> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == AGENT_OPTION) && arguments.next().is_none() {
        return agent::run();
    }
    let options = cli::options(std::env::args_os(), &environment::read()?)?;
    let limits = descriptors::make_room(options.ranks.min(plan::MOST_LINKS));
    let signals = signals::Signals::take_over()?;
    let prepared = compile::prepare(&options, &signals)?;
    let launching = crew::launching(&options)?;
    if options.placement.dry_run {
        let command = |place: &hosts::mapping::Place| launching.shown(&place.host.destination());
        print!("{}", dry_run::plan(&options, &prepared, command));
        return Ok(0);
    }
    let plan = Plan::of(&options.placement.mapping);
    job::run(&options, &plan, &launching, prepared, limits, &signals)
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
