//! Options that say where ranks run, and what follows from them: the job's hosts, from the first of `--host` and `--hostfile`, the
//! batch system's allocation, and this machine alone.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::binding::BindTo;
use crate::environment::Environment;
use crate::hosts::allocation::{Allocation, Origin};
use crate::hosts::here::Here;
use crate::hosts::mapping::{self, MapBy, Mapping, Oversubscription};
use crate::hosts::{Host, Hosts, Mistake, hostfile, list};
use crate::rank_files::RankFiles;
use crate::report::{self, Failure};

/// The options themselves.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Hosts")]
#[group(id = "hosts")]
pub struct Arguments {
    /// Run on these hosts, with so many ranks each: a:4,b:4,user@node[01-08] (repeatable)
    #[arg(short = 'H', long, value_name = "LIST")]
    host: Vec<String>,
    /// Run on the hosts of a file: lines such as node01 slots=4
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    hostfile: Option<PathBuf>,
    /// slot: fill a host, then the next (default); node: one rank on each in turn
    #[arg(long, value_name = "HOW", value_parser = MapBy::from_str)]
    map_by: Option<MapBy>,
    /// More ranks than slots without a warning
    #[arg(long, conflicts_with = "nooversubscribe")]
    oversubscribe: bool,
    /// More ranks than slots are an error
    #[arg(long)]
    nooversubscribe: bool,
    /// Bind each rank to processors: none (default), core, socket or hwthread
    #[arg(long, value_name = "UNIT", value_parser = BindTo::from_str)]
    bind_to: Option<BindTo>,
    /// Start agents with this command instead of ssh: its words with {host}, and the agent's command behind them
    #[arg(long, value_name = "COMMAND")]
    launch_agent: Option<String>,
    /// Send caperun and the program to hosts where they are not
    #[arg(long)]
    push: bool,
    /// Working directory of the ranks; default: this one
    #[arg(long, value_name = "DIR")]
    wdir: Option<PathBuf>,
    /// Write each rank's output to PREFIX.RANK.out and PREFIX.RANK.err instead
    #[arg(long, value_name = "PREFIX")]
    output_filename: Option<PathBuf>,
    /// Print what would be started where, and end
    #[arg(long)]
    dry_run: bool,
}

/// Where the hosts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// None were named: this machine.
    ThisMachine,
    /// `--host` or `--hostfile`.
    Named,
    /// A batch system.
    Allocated(Origin),
}

/// What was decided.
#[derive(Debug)]
pub struct Placement {
    /// The hosts and their ranks.
    pub mapping: Mapping,
    /// Where the hosts come from.
    pub source: Source,
    /// Which processors each rank gets.
    pub bind_to: BindTo,
    /// The command that starts agents, if not the default one.
    pub launch_agent: Option<String>,
    /// Send `caperun` and the program.
    pub push: bool,
    /// The ranks' working directory, if not this one.
    pub directory: Option<PathBuf>,
    /// Prefix of the files for the ranks' output.
    pub output: Option<PathBuf>,
    /// Print the plan only.
    pub dry_run: bool,
}

/// Spellings of Open MPI and MPICH, which have one dash.
pub fn spelled_out(argument: OsString) -> OsString {
    let same = match argument.to_str() {
        Some("-np") => "--np",
        Some("-host" | "-hosts" | "--hosts") => "--host",
        Some("-hostfile" | "-machinefile" | "--machinefile") => "--hostfile",
        Some("-wdir") => "--wdir",
        Some("-oversubscribe") => "--oversubscribe",
        Some("-nooversubscribe" | "--no-oversubscribe") => "--nooversubscribe",
        _ => return argument,
    };
    same.into()
}

fn wrong(mistake: &Mistake) -> Failure {
    Failure::with_code(mistake.to_string(), 2)
}

impl Arguments {
    fn named(&self) -> Result<Option<Hosts>, Failure> {
        if let Some(file) = &self.hostfile {
            let shown = file.display().to_string();
            let refused = |error: &str| {
                Failure::with_code(
                    format!("--hostfile {shown}: {error}; name a readable file"),
                    2,
                )
            };
            let data = file
                .metadata()
                .map_err(|error| refused(&error.to_string()))?;
            if data.len() > hostfile::LONGEST {
                return Err(refused("it is too large for a list of hosts"));
            }
            let text =
                std::fs::read_to_string(file).map_err(|error| refused(&error.to_string()))?;
            return hostfile::parse(&shown, &text)
                .map(Some)
                .map_err(|mistake| wrong(&mistake));
        }
        if self.host.is_empty() {
            return Ok(None);
        }
        list::parse("--host", &self.host.join(","))
            .map(Some)
            .map_err(|mistake| wrong(&mistake))
    }

    /// Decides. `ranks` is what `-n` says, `processors` the number of them on this machine.
    pub fn decide(
        self,
        ranks: Option<u32>,
        processors: u32,
        environment: &Environment,
    ) -> Result<Placement, Failure> {
        let (hosts, asked, source) = match (self.named()?, &environment.allocation) {
            (Some(hosts), Some(Ok(allocation))) => {
                // The launcher of the allocation reaches its hosts, and no others.
                let inside = hosts.iter().all(|host| {
                    let mut known = allocation.hosts.iter();
                    host.user.is_none() && known.any(|other| other.name == host.name)
                });
                let source = if inside {
                    Source::Allocated(allocation.origin.clone())
                } else {
                    Source::Named
                };
                (hosts, ranks, source)
            }
            (Some(hosts), _) => (hosts, ranks, Source::Named),
            (None, Some(Err(mistake))) => return Err(wrong(mistake)),
            (None, Some(Ok(allocation))) => {
                let Allocation { hosts, origin, .. } = allocation.clone();
                (hosts, ranks.or(allocation.ranks), Source::Allocated(origin))
            }
            (None, None) => (this_machine(processors)?, ranks, Source::ThisMachine),
        };
        let oversubscription = match (self.nooversubscribe, self.oversubscribe) {
            (true, _) => Oversubscription::Refused,
            (_, true) => Oversubscription::Wanted,
            // Nobody said how many ranks this machine should have, so that there is nothing to warn of.
            _ if source == Source::ThisMachine => Oversubscription::Wanted,
            _ => Oversubscription::Warned,
        };
        let by = self.map_by.unwrap_or_default();
        let mut mapping = mapping::map(&hosts, asked, by, oversubscription)
            .map_err(|error| Failure::with_code(error, 2))?;
        if let Some(warning) = &mapping.warning {
            report::note(&format!("warning: {warning}"));
        }
        let here = Here::now(environment.node.as_deref());
        for place in &mut mapping.places {
            place.here = source == Source::ThisMachine || here.is(&place.host);
        }
        if let Some(prefix) = self.output_filename.as_deref().filter(|_| !self.dry_run) {
            RankFiles::check(prefix)?;
        }
        let launch_agent = self
            .launch_agent
            .or_else(|| environment.launch_agent.clone())
            .or_else(|| launcher(&source));
        Ok(Placement {
            mapping,
            source,
            bind_to: self.bind_to.unwrap_or_default(),
            launch_agent,
            push: self.push,
            directory: self.wdir,
            output: self.output_filename,
            dry_run: self.dry_run,
        })
    }
}

fn this_machine(processors: u32) -> Result<Hosts, Failure> {
    let mut hosts = Hosts::default();
    let host = Host::new("localhost", processors.max(1));
    hosts.add(host).map_err(Failure::new)?;
    Ok(hosts)
}

/// The launch command that belongs to a batch system.
///
/// Under Slurm each agent is a step of its own: a single step for all of them would be one command, but it gives every task the same
/// standard input, by which each agent gets its own place in the tree, and one failed node would say nothing of which. The steps
/// are started along the tree, so that `slurmctld` sees at most 16 at a time from each node. `--overlap`: the batch script's
/// step, or the user's own `srun`, holds the same processors; `--cpu-bind=none` and `--mem=0`: an agent is one task, but its ranks
/// shall have all that the job has on the node; `--mpi=none`: nothing of a plugin's set-up is wanted.
fn launcher(source: &Source) -> Option<String> {
    match source {
        Source::Allocated(Origin::Slurm { job }) => {
            let job = if job.is_empty() {
                String::new()
            } else {
                format!(" --jobid={job}")
            };
            Some(format!(
                "srun{job} --nodes=1 --ntasks=1 --nodelist={{host}} --overlap --mem=0 --cpu-bind=none --mpi=none --quiet --unbuffered"
            ))
        }
        Source::Allocated(Origin::Lsf) => Some("blaunch {host}".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(arguments: Arguments, ranks: Option<u32>, environment: &Environment) -> Placement {
        arguments
            .decide(ranks, 2, environment)
            .unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    fn hosts(list: &str) -> Arguments {
        Arguments {
            host: list.split(' ').map(str::to_owned).collect(),
            ..Arguments::default()
        }
    }

    fn in_slurm() -> Environment {
        let variable = |name: &str| match name {
            "SLURM_JOB_ID" => Some("17".to_owned()),
            "SLURM_JOB_NODELIST" => Some("n[1-3]".to_owned()),
            "SLURM_TASKS_PER_NODE" => Some("2(x3)".to_owned()),
            "SLURM_NTASKS" => Some("5".to_owned()),
            _ => None,
        };
        let around = crate::hosts::allocation::Surroundings {
            variable: &variable,
            file: &|_| Err("none".to_owned()),
        };
        Environment {
            allocation: crate::hosts::allocation::find(&around).transpose(),
            node: Some("n2".to_owned()),
            ..Environment::default()
        }
    }

    #[test]
    fn without_hosts_all_ranks_are_here() {
        let placement = decided(Arguments::default(), Some(70), &Environment::default());
        assert_eq!(placement.source, Source::ThisMachine);
        assert_eq!(
            (placement.mapping.places.len(), placement.mapping.ranks),
            (1, 70)
        );
        assert!(placement.mapping.places[0].here && placement.mapping.warning.is_none());
        assert_eq!(placement.launch_agent, None);
        let default = decided(Arguments::default(), None, &Environment::default());
        assert_eq!(default.mapping.ranks, 2);
    }

    #[test]
    fn lists_give_as_many_ranks_as_slots() {
        let placement = decided(hosts("a:2,b c:3"), None, &Environment::default());
        assert_eq!(
            (placement.mapping.ranks, placement.mapping.places.len()),
            (6, 3)
        );
        assert!(placement.mapping.places.iter().all(|place| !place.here));
        let local = decided(hosts("localhost:3"), None, &Environment::default());
        assert!(local.mapping.places[0].here);
    }

    #[test]
    fn an_allocation_is_used_unless_hosts_are_named() {
        let placement = decided(Arguments::default(), None, &in_slurm());
        assert_eq!(placement.mapping.ranks, 5);
        let here: Vec<bool> = placement
            .mapping
            .places
            .iter()
            .map(|place| place.here)
            .collect();
        assert_eq!(here, [false, true, false]);
        let command = placement.launch_agent.expect("srun");
        assert!(
            command.starts_with("srun --jobid=17 ") && command.contains("{host}"),
            "{command}"
        );
        let some = decided(hosts("n3:2"), None, &in_slurm());
        assert!(
            some.launch_agent
                .is_some_and(|command| command.starts_with("srun"))
        );
        let others = decided(hosts("x:2"), None, &in_slurm());
        assert_eq!((others.launch_agent, others.source), (None, Source::Named));
    }

    #[test]
    fn mistakes_end_it() {
        let refused = |arguments: Arguments, ranks| {
            let failure = arguments
                .decide(ranks, 2, &Environment::default())
                .expect_err("refused");
            assert_eq!(failure.code, 2);
            failure.message
        };
        assert!(refused(hosts("a:x"), None).contains("--host: expected a number of slots"));
        let strict = Arguments {
            nooversubscribe: true,
            ..hosts("a:2")
        };
        assert!(refused(strict, Some(3)).contains("--nooversubscribe"));
        let missing = Arguments {
            hostfile: Some("/nonexistent/hosts".into()),
            ..Arguments::default()
        };
        assert!(refused(missing, None).contains("/nonexistent/hosts"));
    }
}
