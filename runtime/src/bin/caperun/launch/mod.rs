//! Starts ranks: one fork and exec each, with the environment that `control::env` describes.
//!
//! A rank learns the job's key from a pipe it inherits, so that neither `ps` nor `/proc/PID/environ` shows it.

pub mod child;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sched::CpuSet;
use nix::sys::personality::{self, Persona};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use transport::{Contact, JobKey};

use crate::binding::{self, BindTo};
use crate::board::Board;
use crate::cli::Options;
use crate::compile::Prepared;
use crate::control::env as names;
use crate::descriptors;
use crate::environment;
use crate::memory::{self, Limits, Size};
use crate::output::{Origin, Source, Stream};
use crate::report::{self, Failure};
use child::Inheritance;

/// Everything that all ranks of a job have in common, on whatever host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Ranks of the job.
    pub ranks: u32,
    /// Names the job; no secret.
    pub job: String,
    /// The file to execute.
    pub file: OsString,
    /// What the program sees as its name.
    pub name: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Working directory.
    pub directory: OsString,
    /// Variables that were asked for.
    pub exports: Vec<(String, OsString)>,
    /// Variables that an agent on another host sets where ranks of `caperun`'s host inherit them.
    pub surroundings: Vec<(String, OsString)>,
    /// Threads of each rank.
    pub threads: u32,
    /// Tracker, as `CAPE_TRACKER` spells it.
    pub tracker: String,
    /// Transport, as `CAPE_TRANSPORT` spells it.
    pub transport: String,
    /// Links are encrypted.
    pub secure: bool,
    /// Seconds of silence after which a host that owes an answer is taken for dead.
    pub detection: u64,
    /// Bytes of each heap arena.
    pub heap_size: u64,
    /// Which processors each rank gets.
    pub bind_to: BindTo,
    /// Collect statistics.
    pub stats: bool,
    /// `caperun` tags or relays the output, so that it needs pipes everywhere.
    pub tag_output: bool,
    /// Say what was decided.
    pub verbose: bool,
}

impl Recipe {
    /// Decides, and says so with `--verbose`. `limits` are those of the hosts that take part.
    pub fn decide(
        options: &Options,
        prepared: &Prepared,
        job: String,
        limits: Limits,
    ) -> Result<Recipe, Failure> {
        let heap_size = memory::arena(options.ranks, prepared.image, options.heap_size, limits)?;
        for name in options.missing_exports() {
            report::note(&format!(
                "warning: -x {name}: not set, so it is not passed on; write -x {name}=value"
            ));
        }
        if options.verbose {
            report::note(&format!(
                "program {}, {} ranks of {} threads",
                prepared.file.display(),
                options.ranks,
                options.threads
            ));
            report::note(&format!(
                "tracker {}, transport {}, {} of address space for each rank's heap",
                options.tracker.name(),
                options.transport.name(),
                Size(heap_size)
            ));
        }
        let exports = options.exports.iter().filter_map(|export| {
            let value = match &export.value {
                Some(value) => OsString::from(value),
                None => environment::value(&export.name)?,
            };
            Some((export.name.clone(), value))
        });
        Ok(Recipe {
            ranks: options.ranks,
            job,
            file: absolute(&prepared.file),
            name: prepared.name.clone(),
            arguments: options.arguments.clone(),
            directory: directory(options)?,
            exports: exports.collect(),
            surroundings: environment::surroundings(),
            threads: options.threads,
            tracker: options.tracker.name().to_owned(),
            transport: options.transport.name().to_owned(),
            secure: options.secure,
            detection: options.silence.as_secs(),
            heap_size,
            stats: options.stats,
            bind_to: options.placement.bind_to,
            tag_output: options.tag_output || options.placement.output.is_some(),
            verbose: options.verbose,
        })
    }
}

fn directory(options: &Options) -> Result<OsString, Failure> {
    let named = &options.placement.directory;
    std::env::current_dir()
        .map(|here| {
            named
                .as_ref()
                .map_or(here.clone(), |named| here.join(named))
        })
        .map(PathBuf::into_os_string)
        .map_err(|error| {
            Failure::new(format!(
                "cannot tell the working directory: {error}; change to one that exists"
            ))
        })
}

/// The same file whatever the directory.
fn absolute(file: &Path) -> OsString {
    std::path::absolute(file).map_or_else(|_| file.into(), Into::into)
}

/// Where output and input of the ranks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// To where those of this process go; the driver's input too.
    Inherited,
    /// Output through pipes; the driver's input as that of this process.
    Read,
    /// All through pipes.
    Relayed,
}

/// What this process gives to the ranks it starts.
pub struct Bundle<'a> {
    /// The job's key.
    pub key: &'a JobKey,
    /// Where this process listens.
    pub address: &'a Contact,
    /// The number of this agent; `None`: `caperun` itself.
    pub agent: Option<u32>,
    /// The interface on which ranks listen, where that is not the loopback.
    pub listen: Option<IpAddr>,
    /// The status board.
    pub board: &'a Board,
    /// Signal mask.
    pub mask: SigSet,
    /// Soft and hard limit on descriptors.
    pub descriptors: (u64, u64),
    /// Ranks of this host that come before those that this process starts.
    pub before: u32,
    /// Where the program is on this host, if not where the recipe says.
    pub program: Option<&'a Path>,
    /// Their output and input.
    pub streams: Streams,
    /// This host is not where `caperun` was started: nothing of its environment is inherited.
    pub elsewhere: bool,
    /// What this host is called; `None`: it is that of `caperun`.
    pub place: Option<&'a str>,
    /// The plugin by which ranks use MPI, if they do.
    pub plugin: Option<&'a Path>,
}

/// The ranks' processes, and this process's ends of their streams.
#[derive(Debug, Default)]
pub struct Launched {
    /// Rank and process.
    pub pids: Vec<(u32, Pid)>,
    /// Output to read.
    pub sources: Vec<Source>,
    /// The driver's input.
    pub input: Option<OwnedFd>,
}

/// Switches address randomisation off for this process's children: the same addresses in every rank.
fn same_addresses_everywhere(verbose: bool) {
    let done =
        personality::get().and_then(|now| personality::set(now | Persona::ADDR_NO_RANDOMIZE));
    if let (Err(error), true) = (done, verbose) {
        // Not fatal: a static program does not need it, and the ranks compare where things are when they join.
        report::note(&format!("cannot switch address randomisation off: {error}"));
    }
}

/// Starts `ranks`. If one cannot be started, those that were are ended again.
pub fn launch(ranks: &[u32], recipe: &Recipe, bundle: &Bundle) -> Result<Launched, Failure> {
    same_addresses_everywhere(recipe.verbose);
    let mut launched = Launched::default();
    let processors = match recipe.bind_to {
        BindTo::None => Vec::new(),
        _ => binding::usable(),
    };
    for (rank, index) in ranks.iter().zip(bundle.before..) {
        let own = binding::of(recipe.bind_to, index, recipe.threads, &processors);
        let own = own.map(|own| binding::set(&own));
        if let Err(failure) = launch_one(*rank, own, recipe, bundle, &mut launched) {
            end(&launched.pids);
            return Err(failure);
        }
    }
    Ok(launched)
}

fn end(pids: &[(u32, Pid)]) {
    for (_, pid) in pids {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    for (_, pid) in pids {
        let _ = waitpid(*pid, None);
    }
}

fn launch_one(
    rank: u32,
    processors: Option<CpuSet>,
    recipe: &Recipe,
    bundle: &Bundle,
    launched: &mut Launched,
) -> Result<(), Failure> {
    let key = descriptors::holding(bundle.key.as_bytes())?;
    let mut command = Command::new(bundle.program.unwrap_or(Path::new(&recipe.file)));
    command
        .arg0(&recipe.name)
        .args(&recipe.arguments)
        .current_dir(&recipe.directory);
    match (rank, bundle.streams) {
        (0, Streams::Relayed) => {
            let (read, write) = descriptors::pipe()?;
            command.stdin(Stdio::from(read));
            launched.input = Some(write);
        }
        (0, _) => {}
        _ => drop(command.stdin(Stdio::null())),
    }
    set_environment(&mut command, rank, recipe, bundle, &key);
    if bundle.streams != Streams::Inherited {
        command.stdout(piped(rank, Stream::Output, launched)?);
        command.stderr(piped(rank, Stream::Error, launched)?);
    }
    let kept = [key.as_raw_fd(), bundle.board.descriptor().as_raw_fd()];
    child::prepare_rank(
        &mut command,
        Inheritance {
            mask: bundle.mask,
            descriptors: bundle.descriptors,
            processors,
            kept,
        },
    );
    let child = command
        .spawn()
        .map_err(|error| cannot_start(rank, recipe, bundle, &error))?;
    let pid = i32::try_from(child.id()).expect("process ids are positive ints");
    launched.pids.push((rank, Pid::from_raw(pid)));
    Ok(())
}

fn piped(rank: u32, stream: Stream, launched: &mut Launched) -> Result<Stdio, Failure> {
    let (read, write) = descriptors::output_pipe()?;
    launched
        .sources
        .push(Source::new(read, Origin::Rank(rank, stream)));
    Ok(Stdio::from(write))
}

fn set_environment(
    command: &mut Command,
    rank: u32,
    recipe: &Recipe,
    bundle: &Bundle,
    key: &OwnedFd,
) {
    if bundle.elsewhere {
        command.envs(
            recipe
                .surroundings
                .iter()
                .map(|(name, value)| (name, value)),
        );
    }
    command.envs(recipe.exports.iter().map(|(name, value)| (name, value)));
    let switch = |on: bool| if on { "1" } else { "0" };
    command
        .env_remove(names::PUSHED)
        .env(names::RANK, rank.to_string())
        .env(names::SIZE, recipe.ranks.to_string())
        .env(names::THREADS, recipe.threads.to_string())
        // What a rank starts is no task of the launcher that may have started this one.
        .env(crate::outer::NO_JOIN, "1")
        .env(names::COORDINATOR, bundle.address.to_string())
        .env(names::JOB, &recipe.job)
        .env(names::KEY_FD, key.as_raw_fd().to_string())
        .env(
            names::BOARD_FD,
            bundle.board.descriptor().as_raw_fd().to_string(),
        )
        .env(names::TRACKER, &recipe.tracker)
        .env(names::TRANSPORT, &recipe.transport)
        .env(names::HEAP_SIZE, recipe.heap_size.to_string())
        .env(names::SECURE, switch(recipe.secure))
        .env(names::DETECTION_TIME, recipe.detection.to_string())
        .env(names::STATS, switch(recipe.stats))
        .env(names::VERBOSE, switch(recipe.verbose));
    if bundle.streams != Streams::Inherited {
        command.env(names::RELAYED, "1");
    } else {
        command.env_remove(names::RELAYED);
    }
    match bundle.plugin {
        Some(plugin) => command
            .env(names::MPI_PLUGIN, plugin)
            // A rank is a copy of this task to Open MPI's server, which keeps one shared store for each task, and for no copy.
            .env("PMIX_GDS_MODULE", "hash")
            .env("PMIX_MCA_gds", "hash"),
        None => command.env_remove(names::MPI_PLUGIN),
    };
    match bundle.agent {
        Some(agent) => command.env(names::AGENT, agent.to_string()),
        None => command.env_remove(names::AGENT),
    };
    match bundle.place {
        Some(host) => command.env(names::HOST, host),
        None => command.env_remove(names::HOST),
    };
    match bundle.listen {
        Some(interface) => command.env(names::LISTEN, interface.to_string()),
        None => command.env_remove(names::LISTEN),
    };
}

fn cannot_start(rank: u32, recipe: &Recipe, bundle: &Bundle, error: &std::io::Error) -> Failure {
    let file = Path::new(&recipe.file).display();
    if bundle.elsewhere && bundle.program.is_none() && !Path::new(&recipe.file).exists() {
        let next = "put it on a file system that all hosts share, or let it be sent with --push";
        return Failure::with_code(format!("{file}: no such program there; {next}"), 127);
    }
    if !Path::new(&recipe.directory).is_dir() {
        return Failure::new(format!(
            "cannot start rank {rank} in {}: there is no such directory here; make it, or name another with --wdir",
            Path::new(&recipe.directory).display()
        ));
    }
    match error.kind() {
        ErrorKind::WouldBlock => Failure::new(format!(
            "cannot start rank {rank}: no more processes allowed; raise ulimit -u or lower -n"
        )),
        ErrorKind::OutOfMemory => {
            Failure::new(format!("cannot start rank {rank}: out of memory; lower -n"))
        }
        ErrorKind::NotFound => Failure::with_code(
            format!(
                "cannot start {file}: it vanished, or the dynamic linker it names is missing; link it with capec -static"
            ),
            127,
        ),
        _ => Failure::with_code(
            format!(
                "cannot start {file} as rank {rank}: {error}; compile it again on this machine"
            ),
            126,
        ),
    }
}
