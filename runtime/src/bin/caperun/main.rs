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

mod binding;
mod board;
mod cli;
mod compile;
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
    if options.placement.dry_run {
        let command = |place: &hosts::mapping::Place| {
            let template = options.placement.launch_agent.as_deref();
            template
                .unwrap_or("ssh {host}")
                .replace("{host}", &place.host.destination())
        };
        print!("{}", dry_run::plan(&options, &prepared, command));
        return Ok(0);
    }
    let places = &options.placement.mapping.places;
    if let Some(place) = places.iter().find(|place| !place.here) {
        let host = place.host.destination();
        return Err(Failure::new(format!(
            "host {host} is another machine: not supported yet; leave it out"
        )));
    }
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
