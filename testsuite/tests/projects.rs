//! Build systems take `capec` for the C compiler it says it is: the projects in `projects/`, ordinary packages that know nothing of
//! CAPE, are configured, built and checked with it, and their checks are run again under `caperun`. So are the tools that sit
//! before (`ccache`), behind (`clang`) and after (`gdb`) a compiler.
//!
//! A test whose tools are missing is ignored and says which; with `CAPE_REQUIRE_ALL=1` it fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;
use testsuite::plan::Plan;
use testsuite::process::Invocation;
use testsuite::tools::Tools;

/// A step of a build may take this long.
const LIMIT: Duration = Duration::from_secs(120);

type Check = fn(&Workshop) -> Result<(), Failed>;

/// Name, tools beyond a compiler that it needs, what it does.
const TESTS: [(&str, &[&str], Check); 8] = [
    ("cmake", &["cmake", "ctest", "make"], cmake),
    ("cmake_parallel_ninja", &["cmake", "ctest", "ninja"], ninja),
    (
        "autotools",
        &["autoreconf", "automake", "libtoolize", "make"],
        autotools,
    ),
    ("make", &["make"], make),
    ("ccache", &["ccache"], ccache),
    ("clang", &["clang"], clang),
    ("gdb", &["gdb"], gdb),
    ("large_file", &[], large_file),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(1));
    let required = std::env::var_os("CAPE_REQUIRE_ALL").is_some_and(|value| value == "1");
    let trials = TESTS
        .into_iter()
        .map(|(name, needed, check)| {
            let missing: Vec<&str> = needed.iter().copied().filter(|tool| !there(tool)).collect();
            let skipped = !missing.is_empty() && !required;
            if skipped {
                eprintln!("skipped: {name}: not installed: {}", missing.join(", "));
            }
            let reason = missing.join(", ");
            let trial = Trial::test(name, move || {
                if !reason.is_empty() {
                    return Err(format!("not installed: {reason}").into());
                }
                check(&Workshop::new()?)
            });
            trial.with_ignored_flag(skipped)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|place| place.join(tool).is_file())
}

/// A copy of a project, or an empty directory, and the tools under test.
struct Workshop {
    folder: TempDir,
    tools: Tools,
}

impl Workshop {
    fn new() -> Result<Self, Failed> {
        let plan = Plan::from_environment().map_err(|error| error.to_string())?;
        Ok(Self {
            folder: tempfile::tempdir()?,
            tools: Tools::find(plan.bin_dir.as_deref()).map_err(|error| error.to_string())?,
        })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Copies `projects/<name>` to here.
    fn unpack(&self, name: &str) -> Result<(), Failed> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("projects")
            .join(name);
        copy_tree(&source, self.path())
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failed> {
        let path = self.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn capec(&self) -> String {
        self.tools.capec.display().to_string()
    }

    fn caperun(&self) -> String {
        self.tools.caperun.display().to_string()
    }

    /// Runs a command here and returns what it printed, standard error last.
    fn run(&self, program: impl AsRef<OsStr>, words: &[&str]) -> Result<String, Failed> {
        self.run_with(program, words, &[])
    }

    fn run_with(
        &self,
        program: impl AsRef<OsStr>,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<String, Failed> {
        let mut invocation = Invocation::new(&program, words, self.path());
        for (name, value) in variables {
            invocation = invocation.env(name, value);
        }
        let finished = invocation.run(LIMIT).map_err(|error| error.to_string())?;
        let said = format!("{}{}", finished.text(), finished.messages());
        if finished.status == 0 {
            return Ok(said);
        }
        Err(format!(
            "{} {} ended with status {}:\n{said}",
            program.as_ref().display(),
            words.join(" "),
            finished.status
        )
        .into())
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn expect(text: &str, part: &str) -> Result<(), Failed> {
    if text.contains(part) {
        return Ok(());
    }
    Err(format!("'{part}' is not in:\n{text}").into())
}

fn cmake(here: &Workshop) -> Result<(), Failed> {
    cmake_with(here, "Unix Makefiles")
}

fn ninja(here: &Workshop) -> Result<(), Failed> {
    cmake_with(here, "Ninja")
}

fn cmake_with(here: &Workshop, generator: &str) -> Result<(), Failed> {
    here.unpack("cmake")?;
    let compiler = format!("-DCMAKE_C_COMPILER={}", here.capec());
    let said = here.run("cmake", &["-G", generator, "-B", "alone", &compiler])?;
    expect(&said, "The C compiler identification is GNU")?;
    expect(&said, "Found OpenMP_C: ")?;
    here.run("cmake", &["--build", "alone", "--parallel", "2"])?;
    expect(
        &here.run("ctest", &["--test-dir", "alone", "--output-on-failure"])?,
        "100% tests passed",
    )?;
    let emulator = format!("-DCMAKE_CROSSCOMPILING_EMULATOR={};-n;3", here.caperun());
    here.run(
        "cmake",
        &["-G", generator, "-B", "ranks", &compiler, &emulator],
    )?;
    here.run("cmake", &["--build", "ranks", "--parallel", "2"])?;
    let said = here.run("ctest", &["--test-dir", "ranks", "-V"])?;
    expect(&said, "caperun \"-n\" \"3\"")?;
    expect(&said, "100% tests passed")?;
    let prefix = here.path().join("installed");
    here.run(
        "cmake",
        &[
            "--install",
            "alone",
            "--prefix",
            &prefix.display().to_string(),
        ],
    )?;
    let library = prefix.join("lib").display().to_string();
    let program = prefix.join("bin/heat").display().to_string();
    let said = here.run_with(
        here.caperun(),
        &["-n", "2", &program, "64", "50"],
        &[("LD_LIBRARY_PATH", &library)],
    )?;
    expect(&said, "mean 6.589056, 3 surveys")
}

fn autotools(here: &Workshop) -> Result<(), Failed> {
    here.unpack("autotools")?;
    here.run("autoreconf", &["--install"])?;
    let compiler = format!("CC={}", here.capec());
    let said = here.run("sh", &["configure", &compiler])?;
    expect(&said, "support OpenMP... none needed")?;
    expect(&said, "whether to build shared libraries... yes")?;
    here.run("make", &["-j2"])?;
    expect(&here.run("make", &["check"])?, "# PASS:  2")?;
    let launcher = format!(
        "LOG_COMPILER=$(LIBTOOL) --mode=execute {} -n 3",
        here.caperun()
    );
    expect(&here.run("make", &["check", &launcher])?, "# PASS:  2")?;
    expect(
        &here.run("./primes", &["100000"])?,
        "9592 primes below 100000; last digits 1, 3, 7, 9: 2387 2402 2411 2390",
    )?;
    // A distribution is unpacked, configured, built and checked in a directory of its own.
    let flags = format!("DISTCHECK_CONFIGURE_FLAGS={compiler}");
    expect(
        &here.run("make", &["distcheck", &flags])?,
        "archives ready for distribution",
    )
}

fn make(here: &Workshop) -> Result<(), Failed> {
    here.unpack("make")?;
    let compiler = format!("CC={}", here.capec());
    here.run("make", &["-j2", &compiler, "check"])?;
    let runner = format!("RUN={} -n 3", here.caperun());
    here.run("make", &[&compiler, &runner, "check"])?;
    // The dependency files work: nothing to do, and everything again when the header changes.
    expect(&here.run("make", &[&compiler])?, "Nothing to be done")?;
    let header = here.path().join("events.h");
    let text = std::fs::read(&header)?;
    std::fs::write(&header, text)?;
    let said = here.run("make", &[&compiler])?;
    expect(&said, "-o events.o")?;
    expect(&said, "-o draws.o")
}

const SUM: &str = "#include <stdio.h>\n\
int main(void)\n\
{\n\
    long sum = 0;\n\
    #pragma omp parallel for reduction(+ : sum)\n\
    for (int i = 0; i < 1000; i++) {\n\
        sum += i;\n\
    }\n\
    printf(\"%ld\\n\", sum);\n\
    return 0;\n\
}\n";

fn ccache(here: &Workshop) -> Result<(), Failed> {
    here.write("sum.c", SUM)?;
    let store = here.path().join("store").display().to_string();
    let variables = [("CCACHE_DIR", store.as_str())];
    for _ in 0..2 {
        here.run_with(
            "ccache",
            &[&here.capec(), "-O1", "-MMD", "-c", "sum.c", "-o", "sum.o"],
            &variables,
        )?;
    }
    here.run_with("ccache", &[&here.capec(), "sum.o", "-o", "sum"], &variables)?;
    expect(&here.run(here.caperun(), &["-n", "2", "./sum"])?, "499500")?;
    let said = here.run_with("ccache", &["--print-stats"], &variables)?;
    let hits = said
        .lines()
        .filter(|line| line.contains("cache_hit"))
        .filter_map(|line| line.split_whitespace().last()?.parse::<u32>().ok())
        .sum::<u32>();
    if hits == 0 {
        return Err(format!("the second compilation was not found in the cache:\n{said}").into());
    }
    Ok(())
}

fn clang(here: &Workshop) -> Result<(), Failed> {
    here.write("sum.c", SUM)?;
    let clang = [("CAPE_CC", "clang")];
    for how in ["-O2", "-Wall", "-static"] {
        let said = here.run_with(here.capec(), &[how, "sum.c", "-o", "sum"], &clang)?;
        if !said.is_empty() {
            return Err(format!("with {how}, clang says:\n{said}").into());
        }
        expect(&here.run(here.caperun(), &["-n", "3", "./sum"])?, "499500")?;
        expect(&here.run("./sum", &[])?, "499500")?;
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(examples)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "c") {
            let source = path.display().to_string();
            here.run_with(
                here.capec(),
                &["-O1", &source, "-lm", "-o", "example"],
                &clang,
            )?;
        }
    }
    here.unpack("make")?;
    let compiler = format!("CC={}", here.capec());
    let runner = format!("RUN={} -n 2", here.caperun());
    here.run_with("make", &[&compiler, &runner, "check"], &clang)
        .map(drop)
}

/// A debugger stops at the user's line inside a region and shows the user's variables there, shared, private and reduced.
fn gdb(here: &Workshop) -> Result<(), Failed> {
    here.write(
        "look.c",
        "#include <stdio.h>\n\
         double grid[10];\n\
         int main(void)\n\
         {\n\
         \x20   int shared = 41, given = 5, own = 0;\n\
         \x20   long sum = 100;\n\
         \x20   #pragma omp parallel firstprivate(given) private(own) reduction(+ : sum)\n\
         \x20   {\n\
         \x20       own = given + 1;\n\
         \x20       grid[own] = shared;\n\
         \x20       sum += own;\n\
         \x20       printf(\"in the region\\n\");\n\
         \x20   }\n\
         \x20   return sum == 0;\n\
         }\n",
    )?;
    here.run(here.capec(), &["-g", "-O0", "look.c", "-o", "look"])?;
    let said = here.run_with(
        "gdb",
        &[
            "-batch",
            "-nx",
            "-ex",
            "set debuginfod enabled off",
            "-ex",
            "break look.c:12",
            "-ex",
            "run",
            "-ex",
            "info line",
            "-ex",
            "print shared",
            "-ex",
            "print given",
            "-ex",
            "print own",
            "-ex",
            "print sum",
            "-ex",
            "print grid[own]",
            "-ex",
            "up 3",
            "./look",
        ],
        &[("OMP_NUM_THREADS", "1")],
    )?;
    for part in [
        "look.c:12",
        "12\t",
        "$1 = 41",
        "$2 = 5",
        "$3 = 6",
        "$4 = 6",
        "$5 = 41",
    ] {
        expect(&said, part)?;
    }
    Ok(())
}

/// Ten thousand lines with two thousand constructs are translated and compiled in seconds.
fn large_file(here: &Workshop) -> Result<(), Failed> {
    let mut text = String::from("#include <stdio.h>\nint table[64];\n");
    for number in 0..1000 {
        text.push_str(&format!(
            "long f{number}(int n)\n{{\n    long sum = 0;\n#pragma omp parallel for reduction(+ : sum) schedule(static)\n    \
             for (int i = 0; i < n; i++) {{\n        sum += table[i % 64] * {number} + i;\n#pragma omp atomic\n        table[i % 64] += 0;\n    }}\n    \
             return sum;\n}}\n"
        ));
    }
    text.push_str(
        "int main(void)\n{\n    printf(\"%ld\\n\", f7(10) + f999(10));\n    return 0;\n}\n",
    );
    here.write("large.c", &text)?;
    here.run(here.capec(), &["-O0", "-c", "large.c", "-o", "large.o"])?;
    here.run(here.capec(), &["large.o", "-o", "large"])?;
    expect(&here.run(here.caperun(), &["-n", "2", "./large"])?, "90")?;
    let mut measured = Command::new(&here.tools.capec);
    measured
        .args(["-fsyntax-only", "large.c"])
        .current_dir(here.path());
    let start = std::time::Instant::now();
    let status = measured.status()?;
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() || seconds > 30.0 {
        return Err(format!("checking 11,000 lines took {seconds} s").into());
    }
    Ok(())
}
