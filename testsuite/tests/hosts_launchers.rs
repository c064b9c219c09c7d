//! Programs under the launchers of others: `mpirun -n 4 ./prog` of Open MPI and of MPICH, `srun -n 4 ./prog` with and without PMI, and
//! `caperun` inside a Slurm allocation, and its options for several hosts, whose agents a launch command starts on this one. Slurm is a real one of several virtual nodes on this machine (`hosts/slurm.sh`).
//!
//! A test whose tools are missing is ignored and says which; with `CAPE_REQUIRE_ALL=1` it fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;
use testsuite::plan::Plan;
use testsuite::process::{Finished, Invocation};
use testsuite::tools::Tools;

/// A run may take this long: launchers start slowly on a loaded machine.
const LIMIT: Duration = Duration::from_secs(90);
const NODES: &str = "4";
const CORES: &str = "2";

const PROGRAM: &str = r#"
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cells[1000];

int main(int count, char **words) {
    int sum = 0, threads = 0;
    #pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 1000; i++) {
        cells[i] = i;
        sum += i;
    }
    #pragma omp parallel
    {
        #pragma omp atomic
        threads++;
        if (count > 1 && !strcmp(words[1], "die") && omp_get_thread_num() == 1)
            raise(SIGKILL);
    }
    for (int i = 0; i < 1000; i++)
        if (cells[i] != i)
            return 99;
    char line[100] = "";
    if (count > 1 && !strcmp(words[1], "read") && !fgets(line, sizeof line, stdin))
        return 98;
    printf("%s: %d threads, sum %d%s%s\n", strrchr(words[0], '/') + 1, threads, sum, *line ? ", read " : "", line);
    return count > 2 ? atoi(words[2]) : 0;
}
"#;

/// A launcher: its name, the tools it needs, its words before the program, whether it needs the test's Slurm.
struct Launcher {
    name: &'static str,
    tools: &'static [&'static str],
    words: &'static [&'static str],
    slurm: bool,
    /// Ranks exchange their data by this MPI.
    mpi: Option<&'static str>,
}

const SLURM: &[&str] = &["srun", "slurmctld", "slurmd", "munged"];

const LAUNCHERS: [Launcher; 9] = [
    Launcher {
        name: "options",
        tools: &[],
        words: &[],
        slurm: false,
        mpi: None,
    },
    Launcher {
        name: "mpich",
        tools: &["mpirun.mpich"],
        words: &["mpirun.mpich", "-n"],
        slurm: false,
        mpi: None,
    },
    Launcher {
        name: "openmpi",
        tools: &["mpirun.openmpi"],
        words: &["mpirun.openmpi", "--oversubscribe", "-n"],
        slurm: false,
        mpi: None,
    },
    Launcher {
        name: "data_by_mpich",
        tools: &["mpirun.mpich", "mpicc.mpich"],
        words: &["mpirun.mpich", "-n"],
        slurm: false,
        mpi: Some("mpich"),
    },
    Launcher {
        name: "data_by_openmpi",
        tools: &["mpirun.openmpi", "mpicc.openmpi"],
        words: &["mpirun.openmpi", "--oversubscribe", "-n"],
        slurm: false,
        mpi: Some("openmpi"),
    },
    Launcher {
        name: "srun",
        tools: SLURM,
        words: &["srun", "--mpi=none", "-n"],
        slurm: true,
        mpi: None,
    },
    Launcher {
        name: "srun_pmi2",
        tools: SLURM,
        words: &["srun", "--mpi=pmi2", "-n"],
        slurm: true,
        mpi: None,
    },
    Launcher {
        name: "srun_pmix",
        tools: SLURM,
        words: &["srun", "--mpi=pmix", "-n"],
        slurm: true,
        mpi: None,
    },
    Launcher {
        name: "allocation",
        tools: SLURM,
        words: &["salloc", "--quiet", "-n"],
        slurm: true,
        mpi: None,
    },
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(1));
    let required = std::env::var_os("CAPE_REQUIRE_ALL").is_some_and(|value| value == "1");
    let trials = LAUNCHERS.iter().map(|launcher| {
        let mut missing: Vec<&str> = launcher
            .tools
            .iter()
            .copied()
            .filter(|tool| !there(tool))
            .collect();
        if launcher.mpi.is_some_and(|mpi| !has_header(mpi)) {
            missing.push("its mpi.h");
        }
        if launcher.slurm && !nix::unistd::geteuid().is_root() {
            missing.push("root's rights");
        }
        let skipped = !missing.is_empty() && !required;
        if skipped {
            eprintln!(
                "skipped: {}: not there: {}",
                launcher.name,
                missing.join(", ")
            );
        }
        let reason = missing.join(", ");
        let trial = Trial::test(launcher.name, move || {
            if !reason.is_empty() {
                return Err(format!("not there: {reason}").into());
            }
            let bench = Bench::new(launcher)?;
            match launcher.name {
                "options" => bench.check_options(),
                _ if launcher.mpi.is_some() => bench.check().and_then(|()| bench.check_becoming()),
                _ => bench.check(),
            }
        });
        trial.with_ignored_flag(skipped)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(slurm)) = SLURM_RUNS.get() {
        slurm.stop();
    }
    conclusion.exit_code()
}

fn there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .any(|place| place.join(tool).is_file())
}

/// Whether programs can be compiled for this MPI.
fn has_header(mpi: &str) -> bool {
    let compiler = format!("mpicc.{mpi}");
    let output = Command::new(compiler)
        .args(["-E", "-include", "mpi.h", "-x", "c", "/dev/null"])
        .output();
    output.is_ok_and(|output| output.status.success())
}

/// The Slurm of this test, started when first needed.
struct Slurm {
    folder: TempDir,
    configuration: String,
}

static SLURM_RUNS: OnceLock<Result<Slurm, String>> = OnceLock::new();

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/slurm.sh")
}

impl Slurm {
    fn start() -> Result<Slurm, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let output = Command::new(script())
            .arg("start")
            .args([
                folder.path().as_os_str(),
                OsStr::new(NODES),
                OsStr::new(CORES),
            ])
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let configuration = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Slurm {
            folder,
            configuration,
        })
    }

    fn stop(&self) {
        let stopped = Command::new(script())
            .arg("stop")
            .arg(self.folder.path())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!(
                "the test's Slurm in {} did not stop",
                self.folder.path().display()
            );
        }
    }
}

struct Bench {
    launcher: &'static Launcher,
    folder: TempDir,
    tools: Tools,
    configuration: Option<String>,
}

impl Bench {
    fn new(launcher: &'static Launcher) -> Result<Bench, Failed> {
        let plan = Plan::from_environment().map_err(|error| error.to_string())?;
        let tools = Tools::find(plan.bin_dir.as_deref()).map_err(|error| error.to_string())?;
        let configuration = if launcher.slurm {
            let slurm = SLURM_RUNS.get_or_init(Slurm::start).as_ref();
            Some(
                slurm
                    .map_err(|error| error.to_string())?
                    .configuration
                    .clone(),
            )
        } else {
            None
        };
        let bench = Bench {
            launcher,
            folder: tempfile::tempdir()?,
            tools,
            configuration,
        };
        std::fs::write(bench.folder.path().join("prog.c"), PROGRAM)?;
        let capec = &bench.tools.capec;
        let built = Invocation::new(capec, ["-O2", "prog.c", "-o", "prog"], bench.folder.path())
            .run(LIMIT)
            .map_err(|error| error.to_string())?;
        if built.status != 0 {
            return Err(built.messages().into());
        }
        if let Some(mpi) = launcher.mpi {
            bench.build_plugin(mpi)?;
        }
        Ok(bench)
    }

    fn build_plugin(&self, mpi: &str) -> Result<(), Failed> {
        let option = format!("--build-mpi={}", self.folder.path().display());
        let built = Invocation::new(&self.tools.caperun, [option], self.folder.path())
            .env("MPICC", format!("mpicc.{mpi}"))
            .run(LIMIT)
            .map_err(|error| error.to_string())?;
        let file = self.plugin(mpi);
        if built.status == 0 && built.text() == format!("{file}\n") {
            return Ok(());
        }
        Err(format!("{file} was not built: {}{}", built.text(), built.messages()).into())
    }

    fn plugin(&self, mpi: &str) -> String {
        let file = format!("libcape_mpi_{mpi}.so");
        self.folder.path().join(file).display().to_string()
    }

    /// `tasks` tasks of the program with `words`.
    fn run(
        &self,
        tasks: u32,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Finished, Failed> {
        let (program, before) = self.launcher.words.split_first().ok_or("no launcher")?;
        let mut line: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
        line.push(tasks.to_string());
        if self.launcher.name == "allocation" {
            let nodes = if tasks > 4 { "-N4" } else { "-N2" };
            line.extend([nodes.to_owned(), self.tools.caperun.display().to_string()]);
        }
        line.push(self.folder.path().join("prog").display().to_string());
        line.extend(words.iter().map(|word| (*word).to_owned()));
        let mut invocation = Invocation::new(program, &line, self.folder.path())
            .env("CAPE_RUN", &self.tools.caperun)
            .env("CAPE_JOIN_DIR", self.folder.path())
            .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
            .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        // MPICH's mpiexec fails if a task ends before it has been handed its input.
        if words.contains(&"read") {
            invocation = invocation.stdin(b"hello\n");
        }
        if let Some(mpi) = self.launcher.mpi {
            invocation = invocation
                .env("CAPE_TRANSPORT", "mpi")
                .env("CAPE_MPI_PLUGIN", self.plugin(mpi));
        }
        for (name, value) in self
            .configuration
            .iter()
            .map(|file| ("SLURM_CONF", file.as_str()))
            .chain(variables.iter().copied())
        {
            invocation = invocation.env(name, value);
        }
        invocation
            .run(LIMIT)
            .map_err(|error| error.to_string().into())
    }

    fn expect(&self, finished: &Finished, status: i32, text: &str) -> Result<(), Failed> {
        // Launchers say what ended with which status on standard error; only the program writes to standard output.
        let relevant: String = finished
            .text()
            .lines()
            .filter(|line| line.starts_with("prog"))
            .map(|line| format!("{line}\n"))
            .collect();
        if finished.status == status && relevant == text {
            return Ok(());
        }
        Err(format!(
            "expected status {status} and\n{text}got status {} and\n{}{}",
            finished.status,
            finished.text(),
            finished.messages()
        )
        .into())
    }

    fn check(&self) -> Result<(), Failed> {
        let four = self.run(4, &[], &[])?;
        self.expect(&four, 0, "prog: 4 threads, sum 499500\n")?;
        let read = self.run(2, &["read"], &[])?;
        self.expect(&read, 0, "prog: 2 threads, sum 499500, read hello\n")?;
        let code = self.run(2, &["-", "3"], &[])?;
        self.expect(&code, 3, "prog: 2 threads, sum 499500\n")?;
        let dead = self.run(3, &["die"], &[])?;
        // When a task dies that has called MPI_Init, MPICH's mpiexec kills the others, and may do so before it has their exit codes.
        let own_code = self.launcher.name == "data_by_mpich";
        if (dead.status == 0 && !own_code)
            || !dead.messages().contains("rank 1")
            || !dead.messages().contains("signal 9")
        {
            return Err(format!(
                "rank 1 was killed; status {} and\n{}",
                dead.status,
                dead.messages()
            )
            .into());
        }
        if self.launcher.name != "allocation" {
            let apart = self.run(2, &[], &[("CAPE_NO_JOIN", "1"), ("OMP_NUM_THREADS", "1")])?;
            self.expect(&apart, 0, &"prog: 1 threads, sum 499500\n".repeat(2))?;
        }
        let many = self.run(8, &[], &[])?;
        self.expect(&many, 0, "prog: 8 threads, sum 499500\n")
    }

    /// `caperun` that becomes this MPI's launcher.
    fn check_becoming(&self) -> Result<(), Failed> {
        let by = |words: &[&str], plugin: &str| {
            Invocation::new(&self.tools.caperun, words, self.folder.path())
                .env("CAPE_MPIRUN", self.launcher.words[0])
                .env("CAPE_MPI_PLUGIN", plugin)
                .stdin(b"hello\n")
                .run(LIMIT)
                .map_err(|error| Failed::from(error.to_string()))
        };
        let plugin = self.plugin(self.launcher.mpi.unwrap_or_default());
        let line = ["--transport", "mpi", "-n", "3", "-x", "A=b c", "--verbose"];
        let run = by(&[&line[..], &["./prog", "read", "5"]].concat(), &plugin)?;
        self.expect(&run, 5, "prog: 3 threads, sum 499500, read hello\n")?;
        let messages = run.messages();
        if !messages.contains("ranks talk by") {
            return Err(format!("no word of MPI: {messages}").into());
        }
        let line = ["--transport", "mpi", "-n", "2", "./prog"];
        let lacking = by(&line, "/nowhere/plugin.so")?;
        if lacking.status != 1 || !lacking.messages().contains("caperun --build-mpi") {
            return Err(format!("no plugin: {}", lacking.messages()).into());
        }
        Ok(())
    }

    /// `caperun` with `words`, on hosts that are all this one.
    fn caperun(&self, words: &[&str]) -> Result<Finished, Failed> {
        Invocation::new(&self.tools.caperun, words, self.folder.path())
            .env("CAPE_LAUNCH_AGENT", "env FAKE_HOST={host}")
            .run(LIMIT)
            .map_err(|error| error.to_string().into())
    }

    fn check_options(&self) -> Result<(), Failed> {
        let file = self.folder.path().join("hosts");
        std::fs::write(&file, "# ours\na slots=2\nb[1-2]:1 # more\n")?;
        let place = Path::new("elsewhere");
        std::fs::create_dir(self.folder.path().join(place))?;
        let all = self.caperun(&["--hostfile", "hosts", "./prog"])?;
        self.expect(&all, 0, "prog: 4 threads, sum 499500\n")?;
        let turns = self.caperun(&[
            "--hostfile",
            "hosts",
            "--map-by",
            "node",
            "--dry-run",
            "./prog",
        ])?;
        for part in ["0, 3", "FAKE_HOST=b2", "as named"] {
            holds(&turns.text(), part)?;
        }
        let more = self.caperun(&["--hostfile", "hosts", "-n", "5", "./prog"])?;
        self.expect(&more, 0, "prog: 5 threads, sum 499500\n")?;
        holds(&more.messages(), "5 ranks on 4 slots")?;
        let strict = self.caperun(&[
            "--hostfile",
            "hosts",
            "-n",
            "5",
            "--nooversubscribe",
            "./prog",
        ])?;
        holds(&strict.messages(), "--nooversubscribe does not allow")?;
        std::fs::write(&file, "a slots=2\nb slots=two\n")?;
        let wrong = self.caperun(&["--hostfile", "hosts", "./prog"])?;
        holds(&wrong.messages(), "hosts:2:9: expected a number of slots")?;
        let filed = self.caperun(&[
            "--host",
            "a:1,b:1",
            "--wdir",
            "elsewhere",
            "--output-filename",
            "log",
            "--bind-to",
            "core",
            "./prog",
        ])?;
        self.expect(&filed, 0, "")?;
        let written = std::fs::read_to_string(self.folder.path().join("log.0.out"))?;
        holds(&written, "prog: 2 threads")?;
        self.check_mapping()?;
        let checked = self.caperun(&["--host", "a:1,b:1", "--check"])?;
        for part in ["latency", "glibc", "no problems found"] {
            holds(&checked.text(), part)?;
        }
        let tested = self.caperun(&["--selftest", "-n", "2"])?;
        holds(&tested.text(), "of 2 threads in all right")?;
        holds(&tested.text(), "speed-up")
    }

    /// What cannot be had of another host's file ends the job, and the message says what, who and where.
    fn check_mapping(&self) -> Result<(), Failed> {
        let folder = self.folder.path();
        std::fs::write(folder.join("map.c"), MAPPING)?;
        let words = ["-O1", "map.c", "-o", "map"];
        let built = Invocation::new(&self.tools.capec, words, folder)
            .run(LIMIT)
            .map_err(|error| error.to_string())?;
        self.expect(&built, 0, "")?;
        let together = self.caperun(&["-n", "2", "./map"])?;
        self.expect(&together, 0, "prog: mapped\n")?;
        let apart = self.caperun(&["--host", "a:1,b:1", "./map"])?;
        for part in [
            "mmap: the descriptor",
            "(map.c)' is used by rank 1, thread 1 on host b in the region at map.c:8",
            "on another host",
        ] {
            holds(&apart.messages(), part)?;
        }
        Ok(())
    }
}

/// A mapping of a file of the driver's that would have to be the kernel's.
const MAPPING: &str = r#"#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void) {
    int file = open("map.c", O_RDWR);
    #pragma omp parallel
    if (omp_get_thread_num() == 1) {
        void *view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        puts(view != MAP_FAILED ? "prog: mapped" : "prog: not mapped");
    }
    return 0;
}
"#;

fn holds(text: &str, part: &str) -> Result<(), Failed> {
    if text.contains(part) {
        Ok(())
    } else {
        Err(format!("expected \"{part}\" in\n{text}").into())
    }
}
