//! `caperun --transport mpi` becomes `mpirun`, whose tasks are `caperun --join`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Flavour, PASSED, REMEDY, named, plugin};
use crate::cli::{Options, TransportChoice};
use crate::control::env as names;
use crate::crew::branch::shown;
use crate::crew::command::quoted;
use crate::environment::{self, Environment};
use crate::hosts::mapping::Place;
use crate::join;
use crate::placement::{Placement, Source};
use crate::program;
use crate::report::Failure;

/// Names under which an `mpirun` may be found, in this order.
const LAUNCHERS: [&str; 4] = ["mpirun", "mpirun.openmpi", "mpirun.mpich", "mpiexec.hydra"];

/// Runs the job; returns only after `--dry-run`, or if that fails.
pub fn run(options: &Options, environment: &Environment) -> Result<u8, Failure> {
    let file = program::find(&options.program, &options.path)?;
    let source = options.program.as_bytes().ends_with(b".c") && !program::is_elf(&file);
    if !source {
        program::check(&file)?;
    }
    let (launcher, flavour) = launcher(environment)?;
    let mut words = vec![launcher.clone()];
    words.extend(own_words(flavour, options)?);
    words.push(std::env::current_exe().unwrap_or_default().into_os_string());
    words.push(join::OPTION.into());
    words.push(std::path::absolute(&file).unwrap_or(file).into_os_string());
    words.push(options.program.clone());
    words.extend(options.arguments.iter().cloned());
    if options.placement.dry_run {
        println!("{}", shown(&words));
        return Ok(0);
    }
    let mut command = Command::new(&launcher);
    command
        .args(&words[1..])
        .env(names::TRANSPORT, TransportChoice::Mpi.name())
        .env(PASSED, passed(options));
    if options.verbose {
        command.env(names::VERBOSE, "1");
    }
    let error = command.exec();
    Err(Failure::new(format!(
        "cannot execute {}: {error}; set CAPE_MPIRUN to the mpirun of your MPI",
        launcher.display()
    )))
}

/// The `mpirun` to use: the one that was named, else the first for which there is a plugin.
fn launcher(environment: &Environment) -> Result<(OsString, Flavour), Failure> {
    let candidates = match &environment.mpirun {
        Some(named) => vec![named.clone()],
        None => LAUNCHERS.iter().map(OsString::from).collect(),
    };
    let mut lacking = None;
    for candidate in candidates {
        let Some(flavour) = flavour(&candidate) else {
            continue;
        };
        let there = match &environment.plugin {
            Some(file) => named(file),
            None => plugin(flavour),
        };
        match there {
            Ok(_) => return Ok((candidate, flavour)),
            Err(failure) => lacking = lacking.or(Some(failure)),
        }
    }
    Err(lacking.unwrap_or_else(|| match &environment.mpirun {
        Some(named) => Failure::new(format!(
            "CAPE_MPIRUN={}: neither Open MPI's mpirun nor MPICH's; name one, or use --transport unix or tcp",
            named.display()
        )),
        None => Failure::new(format!(
            "--transport mpi: no mpirun was found: install Open MPI or MPICH, or set CAPE_MPIRUN; then, where the plugin is missing, {REMEDY}"
        )),
    }))
}

/// Whose `mpirun` this is; `None`: it cannot be run, or is somebody else's.
fn flavour(launcher: &OsStr) -> Option<Flavour> {
    let output = Command::new(launcher)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    flavour_of(&String::from_utf8_lossy(&output.stdout))
}

fn flavour_of(version: &str) -> Option<Flavour> {
    let says = |name: &str| version.contains(name);
    if says("Open MPI") || says("OpenRTE") {
        Some(Flavour::Open)
    } else if says("HYDRA") || says("MPICH") || says("Intel") {
        Some(Flavour::Mpich)
    } else {
        None
    }
}

/// The options of `mpirun`.
fn own_words(flavour: Flavour, options: &Options) -> Result<Vec<OsString>, Failure> {
    let mut words: Vec<OsString> = vec!["-n".into(), options.ranks.to_string().into()];
    let hosts = hosts(&options.placement)?;
    if flavour == Flavour::Open {
        // caperun warns of too many ranks itself, and binds them if it is asked to.
        words.extend(["--oversubscribe", "--bind-to", "none"].map(OsString::from));
        if nix::unistd::geteuid().is_root() {
            words.push("--allow-run-as-root".into());
        }
        if hosts.is_some() {
            // MPICH's passes all of the environment to other hosts.
            for name in environment::surroundings()
                .into_iter()
                .map(|(name, _)| name)
            {
                words.extend(["-x".into(), name.into()]);
            }
            for name in [names::TRANSPORT, PASSED] {
                words.extend(["-x".into(), name.into()]);
            }
        }
    }
    if let Some(hosts) = hosts {
        let option = match flavour {
            Flavour::Open => "--host",
            Flavour::Mpich => "-hosts",
        };
        words.extend([option.into(), hosts.into()]);
    }
    Ok(words)
}

/// The hosts that `mpirun` is to use, as `a:4,b:4`; `None`: this one, or those of the batch system, which it knows.
fn hosts(placement: &Placement) -> Result<Option<String>, Failure> {
    let places = &placement.mapping.places;
    if placement.source != Source::Named || places.iter().all(|place| place.here) {
        return Ok(None);
    }
    if placement.launch_agent.is_some() || placement.push {
        return Err(Failure::with_code(
            "--launch-agent and --push do not go with --transport mpi, whose mpirun starts everything: leave them out",
            2,
        ));
    }
    let contiguous = |place: &Place| place.ranks.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if !places.iter().all(contiguous) {
        return Err(Failure::with_code(
            "--transport mpi: mpirun fills a host, then the next: use --map-by slot",
            2,
        ));
    }
    let each = places.iter().filter(|place| !place.ranks.is_empty());
    let texts = each.map(|place| format!("{}:{}", place.host.destination(), place.ranks.len()));
    Ok(Some(texts.collect::<Vec<_>>().join(",")))
}

/// The options that task 0 is to have, quoted.
fn passed(options: &Options) -> OsString {
    let mut words: Vec<OsString> = Vec::new();
    let mut with = |name: &str, value: &OsStr| words.extend([name.into(), value.to_owned()]);
    with("--transport", TransportChoice::Mpi.name().as_ref());
    with("--threads", options.threads.to_string().as_ref());
    with("--tracker", options.tracker.name().as_ref());
    with("--bind-to", options.placement.bind_to.name().as_ref());
    if let Some(size) = options.heap_size {
        with("--heap-size", size.0.to_string().as_ref());
    }
    if let Some(limit) = options.timeout {
        with("--timeout", limit.as_secs_f64().to_string().as_ref());
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory: Option<PathBuf> = options.placement.directory.as_deref().map(absolute);
    if let Some(directory) = directory {
        with("--wdir", directory.as_os_str());
    }
    if let Some(prefix) = options.placement.output.as_deref().map(absolute) {
        with("--output-filename", prefix.as_os_str());
    }
    for export in &options.exports {
        let text = match &export.value {
            Some(value) => format!("{}={value}", export.name),
            None => export.name.clone(),
        };
        with("-x", text.as_ref());
    }
    for (name, on) in [
        ("--stats", options.stats),
        ("--tag-output", options.tag_output),
        ("--verbose", options.verbose),
    ] {
        if on {
            words.push(name.into());
        }
    }
    let quoted: Vec<OsString> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(OsStr::new(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::crew::command::split;

    fn options(line: &str) -> Options {
        let words = line.split(' ').map(OsString::from);
        cli::options(words, &Environment::default()).expect(line)
    }

    #[test]
    fn launchers_are_told_apart() {
        assert_eq!(flavour_of("mpirun (Open MPI) 4.1.4\n"), Some(Flavour::Open));
        assert_eq!(
            flavour_of("mpirun.openmpi (OpenRTE) 4.1.4\n"),
            Some(Flavour::Open)
        );
        assert_eq!(flavour_of("HYDRA build details:\n"), Some(Flavour::Mpich));
        assert_eq!(flavour_of("Slurm 22"), None);
    }

    #[test]
    fn options_survive_the_launcher() {
        let first = options(
            "caperun --transport mpi -n 3 --threads 2 --tracker sigsegv -x A=it's -x B --timeout 1.5 --heap-size 96M --stats \
             --bind-to core --wdir /tmp --output-filename /tmp/out p",
        );
        let words = split(&passed(&first).into_string().expect("text")).expect("quoted");
        let line = ["caperun", "-n", "3"].map(OsString::from);
        let line = line.into_iter().chain(words).chain(["p".into()]);
        let second = cli::options(line, &Environment::default()).expect("understood");
        assert_eq!(
            format!("{:?}", first.exports),
            format!("{:?}", second.exports)
        );
        let facts = |options: &Options| {
            (
                (options.threads, options.tracker, options.transport),
                (
                    options.timeout,
                    options.heap_size,
                    options.stats,
                    options.verbose,
                ),
                (
                    options.placement.bind_to,
                    options.placement.directory.clone(),
                ),
                options.placement.output.clone(),
            )
        };
        assert_eq!(facts(&first), facts(&second));
    }

    #[test]
    fn hosts_are_mpiruns_affair() {
        let text = |line: &str| hosts(&options(line).placement).expect(line);
        assert_eq!(text("caperun --transport mpi -n 3 p"), None);
        assert_eq!(
            text("caperun --transport mpi --host far-a:2,far-b:2 p").as_deref(),
            Some("far-a:2,far-b:2")
        );
        let apart = options("caperun --transport mpi --host far-a:2,far-b:2 --map-by node p");
        let failure = hosts(&apart.placement).expect_err("not contiguous");
        assert!(failure.message.contains("--map-by slot"));
    }
}
