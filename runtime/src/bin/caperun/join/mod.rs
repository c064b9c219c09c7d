//! `caperun --join`: what a program becomes that another launcher has started several times (`srun -n 16 ./prog`, `mpirun -n 16 ./prog`).
//!
//! Every task looks after one rank, its own. Task 0 is the job's coordinator, each other one an agent that nobody had to launch: they find
//! one another by what their launcher offers for it.
//!
//! ```text
//! task 0                          board of the launcher                     task 7
//!  makes the job's key, listens
//!  | put cape-0: address, key ------->|
//!  |------------- fence ------------->|<--------------- fence -----------------|
//!  |                                  |----------- get cape-0 ---------------->|  listens
//!  |                                  |<---------- put cape-7: address --------|  if it has agents below it
//!  |------------- fence ------------->|<--------------- fence -----------------|  in large jobs only
//!  |                                  |----------- get that of its parent ---->|
//!  |<------------------ link, then as any other agent ------------------------>|
//! ```
//!
//! The board is as secret as the launcher keeps it, as is everything of an MPI job that goes over it. Signals, input and output stay
//! the launcher's affair: it passes signals to all tasks, task 0 has its input, and each rank writes to its own task's output.

pub mod exchange;
mod files;
mod pmi;
mod pmix;

use transport::Transport;

use crate::agent::protocol::{Briefing, Launching};
use crate::agent::{self, Joined};
use crate::cli::{self, TransportChoice};
use crate::compile;
use crate::crew::{self, plan, plan::Plan};
use crate::descriptors;
use crate::environment::{self, Environment};
use crate::job::{self, Rendezvous};
use crate::mpi;
use crate::outer::{Launcher, Task};
use crate::report::{self, Failure};
use crate::signals::Signals;
use exchange::{Card, Exchange};
use files::Files;
use pmi::Pmi;
use pmix::Pmix;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Makes `caperun` join: what a program built by capec executes.
pub const OPTION: &str = "--join";

/// The program, as its launcher has started it.
struct Program {
    file: OsString,
    name: OsString,
    arguments: Vec<OsString>,
}

/// Runs this task to its end; `words` are the program's file, its name and its arguments.
pub fn run(mut words: impl Iterator<Item = OsString>) -> Result<u8, Failure> {
    let (Some(file), Some(name)) = (words.next(), words.next()) else {
        return Err(Failure::with_code(
            "--join is for programs that were started by srun or mpirun",
            2,
        ));
    };
    let program = Program {
        file,
        name,
        arguments: words.collect(),
    };
    let mut environment = environment::read()?;
    // The launcher has placed the tasks: the batch job's hosts are its affair.
    environment.allocation = None;
    let Some(task) = environment.task else {
        return Err(Failure::with_code(
            "--join: this process is not one of several tasks; start the program through caperun",
            2,
        ));
    };
    environment.threads = environment.threads.or(environment.task_threads);
    let descriptors = descriptors::make_room(plan::MOST_LINKS);
    // Before any thread of a library's: all threads must leave the signals to ours.
    let signals = Signals::take_over()?;
    let plugin = match environment.transport {
        Some(TransportChoice::Mpi) => Some(mpi::plugin_for(task.launcher, &environment)?),
        _ => None,
    };
    let meeting = Meeting {
        task,
        exchange: open(task, &environment, plugin.is_some())?,
        plugin,
        descriptors,
    };
    let result = if task.rank == 0 {
        coordinate(meeting, program, &environment, &signals)
    } else {
        look_after_one(meeting, &environment, &signals)
    };
    result.map_err(|failure| Failure {
        message: match failure.message.as_str() {
            "" => String::new(),
            text => format!("task {} of {}: {text}", task.rank, task.size),
        },
        ..failure
    })
}

/// What a task has to meet the others with.
struct Meeting {
    task: Task,
    exchange: Box<dyn Exchange>,
    /// The plugin by which ranks use MPI, if they do.
    plugin: Option<PathBuf>,
    descriptors: (u64, u64),
}

impl Meeting {
    /// All that was put is known.
    fn over(&mut self) -> Result<(), Failure> {
        if self.plugin.is_some() {
            self.exchange.hand_on()
        } else {
            self.exchange.leave()
        }
    }
}

/// `shared`: the rank that this task starts is to use the launcher's server, too.
fn open(task: Task, environment: &Environment, shared: bool) -> Result<Box<dyn Exchange>, Failure> {
    Ok(match task.launcher {
        Launcher::Pmix => Box::new(Pmix::new()?),
        Launcher::Pmi => Box::new(Pmi::new(server(shared)?)?),
        Launcher::Slurm => Box::new(Files::new(
            meeting_place(task, environment)?,
            task.rank == 0,
        )?),
    })
}

/// The descriptor that `PMI_FD` names; `shared`: another that means the same.
#[allow(unsafe_code)]
fn server(shared: bool) -> Result<UnixStream, Failure> {
    use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
    let wrong = || {
        Failure::new("PMI_FD names no open descriptor: start the program by mpirun or srun itself")
    };
    let number = environment::pmi_descriptor().ok_or_else(wrong)?;
    // Not one of the standard streams, and open.
    if number <= 2 || !std::path::Path::new(&format!("/proc/self/fd/{number}")).exists() {
        return Err(wrong());
    }
    if shared {
        // SAFETY: open, and nothing closes it.
        let own = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        return own.map(Into::into).map_err(|_| wrong());
    }
    // SAFETY: the launcher made it for this process, and nothing here has used it yet.
    Ok(unsafe { OwnedFd::from_raw_fd(number) }.into())
}

/// Where the tasks of a step without PMI meet: on this host if all are here, else in the user's home, which clusters share.
fn meeting_place(task: Task, environment: &Environment) -> Result<PathBuf, Failure> {
    let parent = match (&environment.shared, task.together, &environment.home) {
        (Some(named), _, _) => named.clone(),
        (None, true, _) => PathBuf::from("/dev/shm"),
        (None, false, Some(home)) => home.clone(),
        (None, false, None) => {
            return Err(Failure::new(
                "there is no place to meet: set CAPE_JOIN_DIR to a directory that the hosts share, or use srun --mpi=pmi2",
            ));
        }
    };
    let user = nix::unistd::geteuid();
    let step = environment.step.as_deref().unwrap_or("0.0");
    Ok(parent.join(format!(".cape-{user}-{step}")))
}

fn card_name(rank: u32) -> String {
    format!("cape-{rank}")
}

/// Whether agents have agents below them, so that they must find these, too.
fn deep(task: Task) -> bool {
    usize::try_from(task.size).unwrap_or(usize::MAX) - 1 > plan::FAN_OUT
}

/// Task 0.
fn coordinate(
    mut meeting: Meeting,
    program: Program,
    environment: &Environment,
    signals: &Signals,
) -> Result<u8, Failure> {
    let task = meeting.task;
    let size = task.size.to_string();
    let own = ["caperun", "-n", size.as_str(), "--oversubscribe"].map(OsString::from);
    let words = own
        .into_iter()
        .chain(mpi::passed_options(environment)?)
        .chain([OsString::from("--")])
        .chain([program.file])
        .chain(program.arguments);
    let options = cli::options(words, environment)?;
    let plan = Plan::joined(task.size, task.together);
    let mut rendezvous = Rendezvous::open(&options, &plan)?;
    let card = Card {
        contact: rendezvous.node.contact().to_string(),
        key: Some(*rendezvous.key.as_bytes()),
    };
    meeting.exchange.put(&card_name(0), &card.encode())?;
    meeting.exchange.fence()?;
    if deep(task) {
        meeting.exchange.fence()?;
    }
    meeting.over()?;
    let mut prepared = compile::prepare(&options, signals)?;
    prepared.name = program.name;
    if options.verbose {
        report::note(&format!("{} tasks have met", task.size));
    }
    rendezvous.exchange = Some(meeting.exchange);
    rendezvous.plugin = meeting.plugin;
    let launching = crew::launching(&options)?;
    job::run(
        rendezvous,
        &options,
        &plan,
        &launching,
        prepared,
        meeting.descriptors,
        signals,
    )
}

/// Any other task.
fn look_after_one(
    mut meeting: Meeting,
    environment: &Environment,
    signals: &Signals,
) -> Result<u8, Failure> {
    let task = meeting.task;
    meeting.exchange.fence()?;
    let first = card(&mut *meeting.exchange, 0)?;
    let key = first.key.ok_or_else(|| unreadable(0))?;
    let plan = Plan::joined(task.size, task.together);
    let (site, parent) = plan
        .agent_of(task.rank)
        .ok_or_else(|| unreadable(task.rank))?;
    let mut briefing = Briefing {
        key,
        agent: site.agent,
        parent: parent.map(|parent| parent.agent),
        contact: first.contact,
        host: site.host.clone(),
        // Each task's output has a way of its own through the launcher, on which it would overtake that of others.
        inherits: false,
        elsewhere: !task.together,
        place: (!task.together).then(|| site.host.clone()),
        listen: environment.interface.filter(|_| !task.together),
        tcp: environment.transport == Some(TransportChoice::Tcp),
        secure: environment.secure,
        patience: environment.silence,
        verbose: environment.verbose,
    };
    let node = agent::open(&briefing)?;
    if deep(task) {
        if !site.below.is_empty() {
            let card = Card {
                contact: node.contact().to_string(),
                key: None,
            };
            meeting
                .exchange
                .put(&card_name(task.rank), &card.encode())?;
        }
        meeting.exchange.fence()?;
        if let Some(parent) = parent {
            briefing.contact = card(&mut *meeting.exchange, parent.ranks[0])?.contact;
        }
    }
    meeting.over()?;
    drop(meeting.exchange);
    // Nobody here launches anybody: only how long to wait for those below matters.
    let launching = Launching {
        template: Vec::new(),
        program: OsString::new(),
        push: false,
        patience: environment.launch_patience,
    };
    let joined = Joined {
        site,
        launching: &launching,
        plugin: meeting.plugin,
    };
    agent::serve(&briefing, node, Some(joined), meeting.descriptors, signals)
}

fn unreadable(rank: u32) -> Failure {
    Failure::new(format!(
        "what task {rank} has left is not understood: install the same release of caperun on all hosts"
    ))
}

fn card(exchange: &mut dyn Exchange, rank: u32) -> Result<Card, Failure> {
    let text = exchange.get(rank, &card_name(rank))?;
    Card::decode(&text).ok_or_else(|| unreadable(rank))
}
