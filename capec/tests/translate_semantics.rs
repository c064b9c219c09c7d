//! Translated programs do what `gcc -fopenmp` makes of the same source.
//!
//! They are linked with `support/team.c`, whose threads are coroutines, and run with several team sizes. A case that begins
//! with `oracle: serial` is compared with the program without OpenMP instead.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{gcc_succeeds, sources, translated, workspace};

const DEADLINE: Duration = Duration::from_secs(60);

fn run(program: &Path, threads: u32) -> Output {
    let mut child = Command::new(program)
        .env("OMP_NUM_THREADS", threads.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir(program.parent().expect("a program is in a directory"))
        .spawn()
        .expect("the program starts");
    let started = Instant::now();
    // What the cases print fits a pipe.
    while child
        .try_wait()
        .expect("the child can be waited for")
        .is_none()
    {
        if started.elapsed() > DEADLINE {
            child.kill().expect("the child can be killed");
            panic!("{} did not end", program.display());
        }
        std::thread::yield_now();
    }
    child.wait_with_output().expect("the output can be read")
}

struct Built {
    directory: tempfile::TempDir,
}

impl Built {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name)
            .to_str()
            .expect("temporary names are text")
            .to_owned()
    }

    /// Builds `source` twice: `oracle` and `subject`.
    fn new(source: &str, optimisation: &str) -> Self {
        let built = Built {
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        let original =
            std::fs::read_to_string(workspace().join(source)).expect("the source can be read");
        let openmp = if original.contains("oracle: serial") {
            "-fno-openmp"
        } else {
            "-fopenmp"
        };
        gcc_succeeds(&[
            "-w",
            optimisation,
            openmp,
            source,
            "-lm",
            "-o",
            &built.text("oracle"),
        ]);
        std::fs::write(built.path("subject.i"), translated(source))
            .expect("the translation can be written");
        let team = "capec/tests/support/team.c";
        gcc_succeeds(&[
            "-w",
            "-g",
            optimisation,
            "-I",
            "runtime/include",
            "-c",
            team,
            "-o",
            &built.text("team.o"),
        ]);
        let text = built.text("subject.i");
        gcc_succeeds(&[
            "-Werror=implicit",
            "-g",
            optimisation,
            "-x",
            "cpp-output",
            &text,
            "-x",
            "none",
            &built.text("team.o"),
            "-lm",
            "-o",
            &built.text("subject"),
        ]);
        built
    }
}

fn same_as_the_oracle(source: &str, optimisation: &str) {
    let built = Built::new(source, optimisation);
    let expected = run(&built.path("oracle"), 4);
    for threads in [1, 3, 4, 7] {
        let actual = run(&built.path("subject"), threads);
        assert_eq!(
            String::from_utf8_lossy(&actual.stdout),
            String::from_utf8_lossy(&expected.stdout),
            "{source} {optimisation} with {threads} threads"
        );
        assert_eq!(
            actual.status.code(),
            expected.status.code(),
            "{source} with {threads} threads"
        );
    }
}

#[test]
fn cases_behave_as_with_gcc() {
    for source in sources("capec/tests/translate_cases") {
        same_as_the_oracle(&source, "-O0");
        same_as_the_oracle(&source, "-O2");
    }
}

#[test]
fn lines_stay_the_users() {
    let text = translated("examples/pi.c");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("broken.i");
    let broken = text.replacen("4.0 / (1.0 + x * x)", "4.0 / (1.0 + nowhere * x)", 1);
    assert_ne!(text, broken, "pi.c has the expression");
    std::fs::write(&file, broken).expect("the translation can be written");
    let output = support::gcc(&[
        "-fsyntax-only",
        "-x",
        "cpp-output",
        file.to_str().expect("temporary names are text"),
    ]);
    let original =
        std::fs::read_to_string(workspace().join("examples/pi.c")).expect("the source can be read");
    let line = 1 + original
        .lines()
        .position(|line| line.contains("4.0 / (1.0 + x * x)"))
        .expect("pi.c has the expression");
    let column = 1 + original
        .lines()
        .nth(line - 1)
        .and_then(|line| line.find("x * x"))
        .expect("pi.c has the expression");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        messages.contains(&format!("examples/pi.c:{line}:{column}: error: ‘nowhere’"))
            || messages.contains(&format!("examples/pi.c:{line}:{column}: error: 'nowhere'")),
        "{messages}"
    );
}
