//! What the driver's tests share: a directory of their own, a host compiler that records how it is called, and a prefix
//! with a small stand-in for the runtime, so that linking can be tested without building the real one.

#![allow(dead_code, reason = "each test file uses a part")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Counts allocations that user code makes, and brackets `main`; the other wrapped functions go on to libc's.
const RUNTIME: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
const char cape_abi_3 = 1;
int stand_in_allocations;
int __real_main(int argc, char **argv, char **envp);
void *__real_malloc(size_t size);
ssize_t __real_getline(char **line, size_t *size, FILE *file);
void *__wrap_malloc(size_t size) { ++stand_in_allocations; return __real_malloc(size); }
ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
    stand_in_allocations += 100;
    return __real_getline(line, size, file);
}
int __wrap_main(int argc, char **argv, char **envp)
{
    int code = __real_main(argc, argv, envp);
    printf("allocations %d\n", stand_in_allocations);
    return code;
}
"#;

/// `__wrap_X` that jumps to `__real_X`, whatever the arguments, for each symbol of the list that `RUNTIME` leaves out.
fn trampolines(list: &str) -> String {
    let jump = if cfg!(target_arch = "x86_64") {
        "jmp"
    } else {
        "b"
    };
    let names = list.lines().filter_map(|line| line.strip_prefix("--wrap="));
    let names = names.filter(|name| !["main", "malloc", "getline"].contains(name));
    names
        .map(|name| {
            format!("__asm__(\".globl __wrap_{name}\\n__wrap_{name}: {jump} __real_{name}\");\n")
        })
        .collect()
}

/// A directory in which capec runs, removed afterwards. Temporary files of capec and the host go to `tmp` inside it.
pub struct Place {
    root: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            root: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.path("tmp")).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// capec, to be run here.
    pub fn capec<I: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.host(env!("CARGO_BIN_EXE_capec"), words);
        command.env_remove("CAPE_CC").env_remove("CAPE_HOME");
        command
    }

    /// Another program, to be run here.
    pub fn host<I: AsRef<OsStr>>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.root.path())
            .env("TMPDIR", self.path("tmp"))
            .env("LC_ALL", "C");
        command
    }

    /// Sets `CAPE_CC` to a compiler that appends its words to `calls` and does what gcc does.
    pub fn recording(&self, command: &mut Command) {
        self.write(
            "record.sh",
            "for word; do printf '<%s>' \"$word\"; done >>\"$CALLS\"; echo >>\"$CALLS\"; exec gcc \"$@\"\n",
        );
        command.env("CALLS", self.path("calls"));
        command.env(
            "CAPE_CC",
            format!("sh '{}'", self.path("record.sh").display()),
        );
    }

    /// What [`Place::recording`] saw: a call per line, each word in `<>`.
    pub fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    /// Nothing was left in the directory for temporary files.
    pub fn assert_clean(&self) {
        let left: Vec<_> = std::fs::read_dir(self.path("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Makes a prefix with the real headers and the stand-in runtime, and has `command` use it.
    pub fn prefix(&self) -> PathBuf {
        let prefix = self.path("prefix");
        let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/include");
        std::fs::create_dir_all(prefix.join("include/cape")).unwrap();
        for name in ["cape.h", "omp.h"] {
            std::fs::copy(headers.join(name), prefix.join("include/cape").join(name)).unwrap();
        }
        let link = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/link");
        std::fs::create_dir_all(prefix.join("lib/cape")).unwrap();
        for name in [
            "cape.ld",
            "cape-shared.ld",
            "exports.list",
            "library.c",
            "wrap.opts",
        ] {
            std::fs::copy(link.join(name), prefix.join("lib/cape").join(name)).unwrap();
        }
        let list = std::fs::read_to_string(link.join("wrap.opts")).unwrap();
        self.write(
            "prefix/runtime.c",
            &format!("{RUNTIME}{}", trampolines(&list)),
        );
        succeeded(self.host(
            "gcc",
            ["-O1", "-c", "prefix/runtime.c", "-o", "prefix/runtime.o"],
        ));
        succeeded(self.host(
            "ar",
            [
                "rcs",
                "prefix/lib/cape/libcape_runtime.a",
                "prefix/runtime.o",
            ],
        ));
        prefix
    }

    /// capec with that prefix; call [`Place::prefix`] first.
    pub fn linking<I: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.capec(words);
        command.env("CAPE_HOME", self.path("prefix"));
        command
    }
}

/// Runs a command that must succeed; returns its standard output.
pub fn succeeded(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs a command that must fail with `code`; returns its standard error.
pub fn failed(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{}",
        text(&output.stderr)
    );
    text(&output.stderr)
}

/// Runs a command, whatever comes of it.
pub fn output(mut command: Command) -> Output {
    command.output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
