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
mod check;
mod cli;
mod compile;
mod crew;
mod descriptors;
mod dry_run;
mod ending;
mod environment;
mod hosts;
mod job;
mod join;
mod launch;
mod memory;
mod mpi;
mod output;
mod placement;
mod program;
mod rank_files;
mod ranks;
mod report;
mod roster;
mod selftest;
mod service;
mod signals;
#[cfg(test)]
mod simulation;
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
#[cfg(test)]
#[path = "../../gather.rs"]
mod gather;
#[path = "../../marks.rs"]
mod marks;
#[allow(
    dead_code,
    reason = "programs look for the launcher, the launcher does not"
)]
#[path = "../../outer.rs"]
mod outer;

use std::process::ExitCode;

use crew::plan::{self, Plan};
use report::Failure;

/// Makes `caperun` an agent: what launch commands end with.
pub const AGENT_OPTION: &str = "--agent";
/// Makes `caperun` what `--check` starts on each host.
pub const PROBE_OPTION: &str = "--probe";

fn run() -> Result<u8, Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    let rest = arguments.len();
    match (first.to_str(), rest) {
        (Some(AGENT_OPTION), 0) => return agent::run(),
        (Some(PROBE_OPTION), 0) => return check::probe::run(),
        (Some(join::OPTION), _) => return join::run(arguments),
        _ => {}
    }
    let environment = environment::read()?;
    let options = cli::options(std::env::args_os(), &environment)?;
    match &options.task {
        cli::Task::BuildMpi(directory) => {
            return mpi::build::run(directory.as_deref(), &environment);
        }
        cli::Task::Run if options.transport == cli::TransportChoice::Mpi => {
            return mpi::start::run(&options, &environment);
        }
        _ => {}
    }
    let limits = descriptors::make_room(options.ranks.min(plan::most_links(options.own_ranks)));
    let signals = signals::Signals::take_over()?;
    match options.task {
        cli::Task::Run | cli::Task::BuildMpi(_) => {}
        cli::Task::Check => return check_hosts(&options, &signals),
        cli::Task::SelfTest => return test_itself(&options),
    }
    let prepared = compile::prepare(&options, &signals)?;
    let launching = crew::launching(&options)?;
    if options.placement.dry_run {
        let command = |place: &hosts::mapping::Place| launching.shown(&place.host.destination());
        print!("{}", dry_run::plan(&options, &prepared, command));
        return Ok(0);
    }
    let plan = Plan::of(&options.placement.mapping, options.own_ranks);
    let rendezvous = job::Rendezvous::open(&options, &plan)?;
    job::run(
        rendezvous, &options, &plan, &launching, prepared, limits, &signals,
    )
}

fn check_hosts(options: &cli::Options, signals: &signals::Signals) -> Result<u8, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find caperun itself: {error}")))?;
    let launching = crew::launching(options)?;
    let command = |place: &hosts::mapping::Place| {
        let probe = [own.clone().into_os_string(), PROBE_OPTION.into()];
        if place.here {
            probe.to_vec()
        } else {
            crew::command::command(&launching.template, &place.host.destination(), &probe)
        }
    };
    let plan = Plan::of(&options.placement.mapping, options.own_ranks);
    let wiring = wiring::Wiring::decide(options, &plan);
    let reach = check::Reach {
        command: &command,
        towards: wiring.interface,
    };
    check::run(&options.placement.mapping.places, &reach, signals)
}

fn test_itself(options: &cli::Options) -> Result<u8, Failure> {
    let compiler = compile::compiler(&options.path)?;
    let spans = options
        .placement
        .mapping
        .places
        .iter()
        .any(|place| !place.here);
    let rest = selftest::remaining(std::env::args_os().skip(1));
    selftest::run(&rest, &compiler, &options.temporary, spans)
}

fn main() -> ExitCode {
    // Whichever thread it is: the kernel ends the ranks with their parent.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("caperun: internal error: {panic}; please report it");
        std::process::abort();
    }));
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}
