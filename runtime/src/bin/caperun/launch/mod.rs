//! Starts the ranks: one fork and exec each, with the environment that `control::env` describes.
//!
//! A rank learns the job's key from a pipe it inherits, so that neither `ps` nor `/proc/PID/environ` shows it.

pub mod child;

use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::personality::{self, Persona};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use transport::{Contact, JobKey};

use crate::board::Board;
use crate::cli::Options;
use crate::compile::Prepared;
use crate::control::env as names;
use crate::descriptors;
use crate::memory::{self, Limits, Size};
use crate::output::{Source, Stream};
use crate::report::{self, Failure};
use child::Inheritance;

/// What was decided for all ranks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of each heap arena.
    pub heap_size: u64,
    /// Soft and hard limit on descriptors.
    pub descriptors: (u64, u64),
}

impl Settings {
    /// Decides, and says so with `--verbose`; `descriptors` are the limits that were found.
    pub fn decide(
        options: &Options,
        prepared: &Prepared,
        descriptors: (u64, u64),
    ) -> Result<Settings, Failure> {
        let heap_size = memory::arena(
            options.ranks,
            prepared.image,
            options.heap_size,
            Limits::of_this_machine(),
        )?;
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
        Ok(Settings {
            heap_size,
            descriptors,
        })
    }
}

/// Everything a rank is given besides the program.
pub struct Bundle<'a> {
    /// The job's key.
    pub key: &'a JobKey,
    /// Where the coordinator listens.
    pub address: &'a Contact,
    /// The status board.
    pub board: &'a Board,
    /// Signal mask.
    pub mask: SigSet,
}

/// The ranks' processes, and the reading ends of their output if `caperun` writes it.
#[derive(Debug, Default)]
pub struct Launched {
    /// Process of each rank.
    pub pids: Vec<Pid>,
    /// Output to tag.
    pub sources: Vec<Source>,
}

/// Switches address randomisation off for this process's children: the same addresses in every rank.
fn same_addresses_everywhere(options: &Options) {
    let done =
        personality::get().and_then(|now| personality::set(now | Persona::ADDR_NO_RANDOMIZE));
    if let (Err(error), true) = (done, options.verbose) {
        // Not fatal: a static program does not need it, and the ranks compare where things are when they join.
        report::note(&format!("cannot switch address randomisation off: {error}"));
    }
}

/// Starts all ranks. If one cannot be started, those that were are ended again.
pub fn launch(
    options: &Options,
    settings: &Settings,
    prepared: &Prepared,
    bundle: &Bundle,
) -> Result<Launched, Failure> {
    same_addresses_everywhere(options);
    let mut launched = Launched::default();
    for rank in 0..options.ranks {
        if let Err(failure) = launch_one(rank, options, settings, prepared, bundle, &mut launched) {
            end(&launched.pids);
            return Err(failure);
        }
    }
    Ok(launched)
}

fn end(pids: &[Pid]) {
    for pid in pids {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    for pid in pids {
        let _ = waitpid(*pid, None);
    }
}

fn launch_one(
    rank: u32,
    options: &Options,
    settings: &Settings,
    prepared: &Prepared,
    bundle: &Bundle,
    launched: &mut Launched,
) -> Result<(), Failure> {
    let key = descriptors::holding(bundle.key.as_bytes())?;
    let mut command = Command::new(&prepared.file);
    command.arg0(&prepared.name).args(&options.arguments);
    if rank != 0 {
        command.stdin(Stdio::null());
    }
    set_environment(&mut command, rank, options, settings, bundle, &key);
    if options.tag_output {
        command.stdout(tagged(rank, Stream::Output, launched)?);
        command.stderr(tagged(rank, Stream::Error, launched)?);
    }
    let kept = [key.as_raw_fd(), bundle.board.descriptor().as_raw_fd()];
    child::prepare_rank(
        &mut command,
        Inheritance {
            mask: bundle.mask,
            descriptors: settings.descriptors,
            kept,
        },
    );
    let child = command
        .spawn()
        .map_err(|error| cannot_start(rank, prepared, &error))?;
    launched.pids.push(Pid::from_raw(
        i32::try_from(child.id()).expect("process ids are positive ints"),
    ));
    Ok(())
}

fn tagged(rank: u32, stream: Stream, launched: &mut Launched) -> Result<Stdio, Failure> {
    let (read, write) = descriptors::output_pipe()?;
    launched.sources.push(Source::new(read, rank, stream));
    Ok(Stdio::from(write))
}

fn set_environment(
    command: &mut Command,
    rank: u32,
    options: &Options,
    settings: &Settings,
    bundle: &Bundle,
    key: &OwnedFd,
) {
    for export in &options.exports {
        if let Some(value) = &export.value {
            command.env(&export.name, value);
        }
    }
    let switch = |on: bool| if on { "1" } else { "0" };
    command
        .env(names::RANK, rank.to_string())
        .env(names::SIZE, options.ranks.to_string())
        .env(names::THREADS, options.threads.to_string())
        .env(names::COORDINATOR, bundle.address.to_string())
        .env(names::KEY_FD, key.as_raw_fd().to_string())
        .env(
            names::BOARD_FD,
            bundle.board.descriptor().as_raw_fd().to_string(),
        )
        .env(names::TRACKER, options.tracker.name())
        .env(names::TRANSPORT, options.transport.name())
        .env(names::HEAP_SIZE, settings.heap_size.to_string())
        .env(names::SECURE, switch(options.secure))
        .env(names::STATS, switch(options.stats))
        .env(names::VERBOSE, switch(options.verbose));
}

fn cannot_start(rank: u32, prepared: &Prepared, error: &std::io::Error) -> Failure {
    let file = prepared.file.display();
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
