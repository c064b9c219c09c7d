//! The command line: options up to the program's name, everything after it is the program's.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::control::env as names;
use crate::crew::plan;
use crate::environment::{self, Environment};
use crate::hosts::MOST_RANKS;
use crate::memory::Size;
use crate::placement::{self, Placement};
use crate::report::Failure;

/// Which tracker the ranks use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerChoice {
    /// The best that the kernel has.
    Auto,
    /// userfaultfd write protection, asynchronous.
    WpAsync,
    /// mprotect and SIGSEGV.
    Sigsegv,
}

impl TrackerChoice {
    /// As `CAPE_TRACKER` spells it.
    pub fn name(self) -> &'static str {
        match self {
            TrackerChoice::Auto => "auto",
            TrackerChoice::WpAsync => "wp-async",
            TrackerChoice::Sigsegv => "sigsegv",
        }
    }
}

impl FromStr for TrackerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<TrackerChoice, String> {
        [
            TrackerChoice::Auto,
            TrackerChoice::WpAsync,
            TrackerChoice::Sigsegv,
        ]
        .into_iter()
        .find(|choice| choice.name() == text)
        .ok_or_else(|| "expected auto, wp-async or sigsegv".to_owned())
    }
}

/// How the processes of the job talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportChoice {
    /// Unix sockets with abstract names: they leave no file.
    Unix,
    /// TCP over the loopback interface.
    Tcp,
    /// As `unix`, but ranks exchange their data by MPI.
    Mpi,
}

impl TransportChoice {
    /// As `CAPE_TRANSPORT` spells it.
    pub fn name(self) -> &'static str {
        match self {
            TransportChoice::Unix => "unix",
            TransportChoice::Tcp => "tcp",
            TransportChoice::Mpi => "mpi",
        }
    }
}

impl FromStr for TransportChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<TransportChoice, String> {
        [
            TransportChoice::Unix,
            TransportChoice::Tcp,
            TransportChoice::Mpi,
        ]
        .into_iter()
        .find(|choice| choice.name() == text)
        .ok_or_else(|| "expected unix, tcp or mpi".to_owned())
    }
}

/// A variable of the ranks' environment, from `-x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Name.
    pub name: String,
    /// Value; `None`: what it is in `caperun`'s own environment.
    pub value: Option<String>,
}

impl FromStr for Export {
    type Err = String;

    fn from_str(text: &str) -> Result<Export, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("expected NAME or NAME=value".to_owned());
        }
        if [
            names::RANK,
            names::SIZE,
            names::COORDINATOR,
            names::AGENT,
            names::JOB,
            names::LISTEN,
            names::KEY_FD,
            names::BOARD_FD,
            names::MPI_PLUGIN,
        ]
        .contains(&name)
        {
            return Err(format!("{name} is set by caperun itself"));
        }
        Ok(Export {
            name: name.to_owned(),
            value,
        })
    }
}

fn ranks(text: &str) -> Result<NonZeroU32, String> {
    let wrong = || "expected the number of ranks, at least 1".to_owned();
    let number = text.parse::<NonZeroU32>().map_err(|_| wrong())?;
    if number.get() > MOST_RANKS {
        return Err(format!("a job has {MOST_RANKS} ranks at most"));
    }
    Ok(number)
}

/// Reads a number of threads per rank, for `--threads` and `CAPE_THREADS`.
pub fn threads(text: &str) -> Result<NonZeroU32, String> {
    const MOST: u32 = 4096;
    let number = text.parse::<NonZeroU32>().ok();
    number
        .filter(|number| number.get() <= MOST)
        .ok_or_else(|| format!("expected the number of threads of each rank, 1 to {MOST}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value = text
        .parse::<f64>()
        .ok()
        .filter(|value| *value > 0.0 && *value <= 1e9);
    value
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

/// Run an OpenMP program built by capec on several processes with separate memories.
///
/// Options come before the program; everything after it belongs to the program. A C source (prog.c) is compiled first.
#[derive(Parser, Debug)]
#[command(name = "caperun", version, override_usage = "caperun [options] program [arguments...]", after_help = AFTER_HELP)]
struct Arguments {
    /// Number of ranks (processes); default: one per slot of the hosts, or per processor. Also -np N
    #[arg(short = 'n', long = "np", value_name = "N", value_parser = ranks, allow_hyphen_values = true)]
    ranks: Option<NonZeroU32>,
    /// OpenMP threads of each rank (processors the team may use there); default: 1
    #[arg(long, value_name = "N", value_parser = threads, allow_hyphen_values = true)]
    threads: Option<NonZeroU32>,
    /// How writes are noticed: auto, wp-async or sigsegv
    #[arg(long, value_name = "NAME", value_parser = TrackerChoice::from_str)]
    tracker: Option<TrackerChoice>,
    /// Print a table of times, pages and bytes per parallel region at the end
    #[arg(long)]
    stats: bool,
    /// Begin each line of output with the rank it comes from
    #[arg(long)]
    tag_output: bool,
    /// Set a variable in the environment of the ranks (repeatable)
    #[arg(short = 'x', value_name = "NAME[=VALUE]", value_parser = Export::from_str)]
    export: Vec<Export>,
    /// End the job with status 124 if it takes longer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// How the ranks talk: unix, tcp (loopback), or mpi (started by mpirun; see --build-mpi)
    #[arg(long, value_name = "NAME", value_parser = TransportChoice::from_str)]
    transport: Option<TransportChoice>,
    /// Encrypt all links between the processes of the job
    #[arg(long)]
    secure: bool,
    /// Address space for each rank's heap, such as 4G
    #[arg(long, value_name = "SIZE", value_parser = Size::from_str, allow_hyphen_values = true)]
    heap_size: Option<Size>,
    /// Say what was decided, and print statistics for each rank
    #[arg(long)]
    verbose: bool,
    /// Examine the hosts instead of running a program: a table, and what is wrong
    #[arg(long, conflicts_with = "selftest")]
    check: bool,
    /// Run a known program instead: are its results right, how much faster is it, where does the time go
    #[arg(long)]
    selftest: bool,
    /// Build the plugins of --transport mpi for the MPIs of this machine instead, beside caperun or in DIR
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, conflicts_with_all = ["selftest", "check"])]
    build_mpi: Option<Option<PathBuf>>,
    #[command(flatten)]
    placement: placement::Arguments,
}

const AFTER_HELP: &str = "\
Environment: CAPE_THREADS, CAPE_TRACKER, CAPE_TRANSPORT, CAPE_HEAP_SIZE, CAPE_LAUNCH_AGENT, CAPE_SECURE=1, CAPE_STATS=1 and CAPE_VERBOSE=1 are defaults for the options.
OMP_NUM_THREADS and the other OMP_* variables are passed on: they speak of the team, which by default has ranks x threads.

Exit status: the program's; 128 + the signal's number if a rank died of a signal; 124 after --timeout; 126 or 127 if the
program cannot be run; 2 for a wrong command line; 1 if the job failed otherwise.";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Run a program.
    Run,
    /// `--check`.
    Check,
    /// `--selftest`.
    SelfTest,
    /// `--build-mpi`, in this directory.
    BuildMpi(Option<PathBuf>),
}

/// What was asked for, defaults of the environment included.
#[derive(Debug)]
pub struct Options {
    /// What is to be done.
    pub task: Task,
    /// Number of ranks.
    pub ranks: u32,
    /// Where they run.
    pub placement: Placement,
    /// Threads of each rank.
    pub threads: u32,
    /// Tracker of the ranks.
    pub tracker: TrackerChoice,
    /// Transport of the job.
    pub transport: TransportChoice,
    /// Encrypt all links.
    pub secure: bool,
    /// Bytes of each heap arena, if asked for.
    pub heap_size: Option<Size>,
    /// Print the table of statistics.
    pub stats: bool,
    /// Tag lines of output.
    pub tag_output: bool,
    /// Variables to set.
    pub exports: Vec<Export>,
    /// Longest time the job may take.
    pub timeout: Option<Duration>,
    /// Ranks that one process starts itself, before it has an agent start the others.
    pub own_ranks: usize,
    /// Seconds that an agent on another host may take to report.
    pub launch_patience: u32,
    /// How long a host may be silent before it counts as lost.
    pub silence: Duration,
    /// The address at which this host listens for others, if not to be found out.
    pub interface: Option<std::net::IpAddr>,
    /// Say what was decided.
    pub verbose: bool,
    /// The program as the user named it; empty if none is to be run.
    pub program: OsString,
    /// The program's arguments.
    pub arguments: Vec<OsString>,
    /// `PATH`.
    pub path: OsString,
    /// Directory for temporary files.
    pub temporary: std::path::PathBuf,
}

/// `caperun`'s own part of a command line, and the program with its arguments.
struct Split {
    /// `caperun` and its options, `-np` spelled out: clap would take it for `-n p`.
    own: Vec<OsString>,
    /// The program and its arguments.
    program: Vec<OsString>,
}

/// Finds the program: the first word that is neither an option nor the value of one.
fn split(mut arguments: impl Iterator<Item = OsString>) -> Split {
    let command = Arguments::command();
    let takes_value = |argument: &OsStr| {
        let text = argument.to_string_lossy();
        command.get_opts().any(|option| {
            let long = option
                .get_long()
                .is_some_and(|long| text.strip_prefix("--") == Some(long));
            let short = option
                .get_short()
                .is_some_and(|short| text == format!("-{short}"));
            (long || short) && option.get_action().takes_values()
        })
    };
    let mut own: Vec<OsString> = arguments.next().into_iter().collect();
    let mut program = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        if !argument.as_encoded_bytes().starts_with(b"-") || argument == "-" {
            program.push(argument);
            break;
        }
        own.push(placement::spelled_out(argument));
        if own.last().is_some_and(|option| takes_value(option)) {
            own.extend(arguments.next());
        }
    }
    program.extend(arguments);
    Split { own, program }
}

fn usage(error: &clap::Error) -> Failure {
    if !error.use_stderr() {
        let _ = error.print();
        return Failure::with_code("", 0);
    }
    let text = error.to_string();
    let message = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    Failure::with_code(message, 2)
}

/// Reads the command line; `--help` and `--version` end with a silent failure of status 0.
pub fn options(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<Options, Failure> {
    let Split { own, program } = split(arguments);
    let matches = Arguments::command()
        .try_get_matches_from(own)
        .map_err(|error| usage(&error))?;
    let raw = Arguments::from_arg_matches(&matches).map_err(|error| usage(&error))?;
    let mut words = program.into_iter();
    let task = match (raw.check, raw.selftest, raw.build_mpi) {
        (true, ..) => Task::Check,
        (_, true, _) => Task::SelfTest,
        (_, _, Some(directory)) => Task::BuildMpi(directory),
        _ => Task::Run,
    };
    let program = match (words.next().filter(|word| !word.is_empty()), &task) {
        (Some(program), Task::Run) => program,
        (None, Task::Check | Task::SelfTest | Task::BuildMpi(_)) => OsString::new(),
        (Some(program), _) => {
            let program = program.to_string_lossy();
            let message = format!(
                "--check, --selftest and --build-mpi run no program of yours: leave {program} out"
            );
            return Err(Failure::with_code(message, 2));
        }
        (None, Task::Run) => {
            return Err(Failure::with_code(
                "no program was named: caperun [options] program [arguments...]; caperun --help explains",
                2,
            ));
        }
    };
    let asked = raw.ranks.map(NonZeroU32::get);
    let placement = raw.placement.decide(asked, processors(), environment)?;
    let transport = raw
        .transport
        .or(environment.transport)
        .unwrap_or(TransportChoice::Unix);
    let secure = raw.secure || environment.secure;
    if secure && transport == TransportChoice::Mpi {
        return Err(Failure::with_code(
            "--secure encrypts sockets, and with --transport mpi the ranks' data would travel as it is: leave one of them out",
            2,
        ));
    }
    // A job of one rank has nobody to talk to.
    let alone = placement.mapping.ranks == 1;
    let transport = match transport {
        TransportChoice::Mpi if alone => TransportChoice::Unix,
        transport => transport,
    };
    Ok(Options {
        task,
        ranks: placement.mapping.ranks,
        placement,
        threads: raw
            .threads
            .or(environment.threads)
            .map_or(1, NonZeroU32::get),
        tracker: raw
            .tracker
            .or(environment.tracker)
            .unwrap_or(TrackerChoice::Auto),
        transport,
        secure,
        heap_size: raw.heap_size.or(environment.heap_size),
        stats: raw.stats || environment.stats,
        tag_output: raw.tag_output,
        exports: raw.export,
        timeout: raw.timeout,
        own_ranks: environment.fan_out.unwrap_or(plan::OWN),
        launch_patience: environment.launch_patience,
        silence: Duration::from_secs(environment.silence.into()),
        interface: environment.interface,
        verbose: raw.verbose || environment.verbose,
        program,
        arguments: words.collect(),
        path: environment.path.clone(),
        temporary: environment.temporary.clone(),
    })
}

fn processors() -> u32 {
    std::thread::available_parallelism()
        .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
        .min(4096)
}

impl Options {
    /// Names given with `-x NAME` that are not set: passed on as nothing.
    pub fn missing_exports(&self) -> impl Iterator<Item = &str> {
        self.exports
            .iter()
            .filter(|export| export.value.is_none() && environment::value(&export.name).is_none())
            .map(|export| export.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        options(line.split(' ').map(OsString::from), &Environment::default())
    }

    fn refused(line: &str) -> String {
        let failure = parse(line).expect_err(line);
        assert_eq!(failure.code, 2, "{line}");
        failure.message
    }

    #[test]
    fn every_way_to_give_the_number_of_ranks() {
        for line in [
            "caperun -n 4 p",
            "caperun -np 4 p",
            "caperun --np 4 p",
            "caperun -n4 p",
            "caperun --np=4 p",
        ] {
            assert_eq!(parse(line).expect(line).ranks, 4, "{line}");
        }
        assert!(parse("caperun p").expect("default").ranks >= 1);
        for wrong in ["0", "-1", "x", "1.5", "70000", "99999999999999"] {
            let message = refused(&format!("caperun -n {wrong} p"));
            assert!(
                message.contains("rank") && message.contains(wrong),
                "{message}"
            );
        }
    }

    #[test]
    fn what_follows_the_program_is_the_programs() {
        let options =
            parse("caperun -n 2 --tracker sigsegv prog -np 7 -n 3 --help -x").expect("parses");
        assert_eq!(
            (options.ranks, options.tracker),
            (2, TrackerChoice::Sigsegv)
        );
        assert_eq!(options.program, "prog");
        assert_eq!(
            options.arguments,
            ["-np", "7", "-n", "3", "--help", "-x"].map(OsString::from)
        );
        assert_eq!(
            parse("caperun -x A=-np -np 2 p -np")
                .expect("parses")
                .arguments,
            ["-np"]
        );
        assert_eq!(
            parse("caperun -n 2 -- -odd").expect("parses").program,
            "-odd"
        );
    }

    #[test]
    fn options_have_their_values() {
        let options =
            parse("caperun -x A=1=2 -x B --timeout 1.5 --heap-size 128M --transport tcp --stats p")
                .expect("parses");
        assert_eq!(
            options.exports[0],
            Export {
                name: "A".into(),
                value: Some("1=2".into())
            }
        );
        assert_eq!(
            options.exports[1],
            Export {
                name: "B".into(),
                value: None
            }
        );
        assert_eq!(options.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(options.heap_size, Some(Size(128 << 20)));
        assert_eq!(options.transport, TransportChoice::Tcp);
        assert!(options.stats && !options.verbose);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refused("caperun --timeout 0 p").contains("seconds above 0"));
        assert!(refused("caperun --timeout nan p").contains("seconds above 0"));
        assert!(refused("caperun --tracker fast p").contains("wp-async"));
        assert!(refused("caperun -x =1 p").contains("NAME=value"));
        assert!(refused("caperun -x CAPE_KEY_FD=3 p").contains("caperun itself"));
        assert!(refused("caperun --frobnicate p").contains("--frobnicate"));
        assert!(refused("caperun -n 2").to_lowercase().contains("program"));
        assert!(refused("caperun --threads 0 p").contains("threads of each rank"));
        assert!(refused("caperun --threads -1 p").contains("threads of each rank"));
        assert!(refused("caperun --check p").contains("leave p out"));
        assert_eq!(parse("caperun --version").expect_err("prints").code, 0);
    }

    #[test]
    fn the_environment_gives_defaults_that_options_override() {
        let environment = Environment {
            threads: NonZeroU32::new(3),
            tracker: Some(TrackerChoice::Sigsegv),
            stats: true,
            heap_size: Some(Size(1 << 30)),
            ..Environment::default()
        };
        let from = |line: &str| {
            options(line.split(' ').map(OsString::from), &environment).expect("parses")
        };
        assert_eq!(from("caperun p").threads, 3);
        assert_eq!(from("caperun --threads 8 p").threads, 8);
        assert_eq!(parse("caperun p").expect("parses").threads, 1);
        let plain = from("caperun p");
        assert_eq!(
            (plain.tracker, plain.stats, plain.heap_size),
            (TrackerChoice::Sigsegv, true, Some(Size(1 << 30)))
        );
        assert_eq!(
            from("caperun --tracker auto p").tracker,
            TrackerChoice::Auto
        );
    }
}
