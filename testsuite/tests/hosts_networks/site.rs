//! A folder with programs, and hosts of their own to run them on.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testsuite::network::{Link, Network};
use testsuite::plan::Plan;
use testsuite::process::{Finished, Invocation, Running};
use testsuite::tools::Tools;

use super::{HOSTS, SLOTS};

/// For whatever is not the matter of a test.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Time in which a job must have ended, everywhere, after something broke.
const DETECTION: Duration = Duration::from_secs(10);

/// Every thread says that it is there, then all meet again and again until there is a file `go`.
pub const MEETS: &str = r#"#include <unistd.h>
int main(void) {
    static int sum[1000], done;
#pragma omp parallel
    {
        write(2, "in\n", 3);
        while (!done) {
#pragma omp for
            for (int i = 0; i < 1000; i++)
                sum[i] += i;
            usleep(1000);
#pragma omp single
            done = access("go", F_OK) == 0;
        }
    }
    return sum[999] % 999 != 0;
}
"#;

/// Prints a sum, with the help of a further source.
pub const ADDS: &str = r#"#include <stdio.h>
int part(int);
int main(void) {
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 100; i++)
        sum += part(i);
    printf("%d\n", sum);
    return 0;
}
"#;

pub struct Site {
    pub network: Network,
    pub tools: Tools,
    caperun: PathBuf,
    folder: TempDir,
    patience: f64,
}

impl Site {
    pub fn new() -> Site {
        let plan = Plan::from_environment().unwrap();
        let tools = Tools::find(plan.bin_dir.as_deref()).unwrap();
        let network = Network::new(HOSTS, Link::default()).unwrap();
        Site {
            caperun: network.caperun(&tools.caperun).unwrap(),
            network,
            tools,
            folder: tempfile::tempdir().unwrap(),
            patience: plan.patience,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Builds `source` with further words of the command line.
    pub fn build(&self, source: &str, name: &str, words: &[&str]) {
        let file = format!("{name}.c");
        std::fs::write(self.path().join(&file), source).unwrap();
        let mut args = vec!["-g", &file, "-o", name];
        args.extend(words);
        let compiled = Invocation::new(&self.tools.capec, args, self.path());
        let compiled = compiled.run(LIMIT).unwrap();
        assert_eq!(compiled.status, 0, "{}", compiled.messages());
    }

    /// A launch command that does something else for one host: `$host` is its name, `$@` the agent's command, and `hide A B` puts the
    /// file or folder A in the place of B, for that host only.
    pub fn launcher(&self, host: u32, script: &str) -> String {
        let path = self.path().join("launch");
        let text = format!(
            "#!/bin/sh\nhost=$1; shift\n\
             hide() {{ exec ip netns exec $host unshare --mount sh -c 'mount --bind \"$0\" \"$1\" && shift && exec \"$@\"' \"$@\"; }}\n\
             if [ $host = {} ]; then\n{script}\nfi\nexec ip netns exec $host \"$@\"\n",
            self.network.host(host)
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        format!("{} {{host}}", path.display())
    }

    /// caperun over all hosts, with `launcher`.
    pub fn by(&self, launcher: &str, args: &[&str]) -> Invocation {
        let hosts = self.network.list(SLOTS);
        let mut all = vec!["--host", &hosts, "--launch-agent", launcher];
        all.extend(args);
        Invocation::new(&self.caperun, all, self.path())
    }

    /// Starts [`MEETS`] on all hosts and returns when all ranks are in its region.
    pub fn meeting(&self) -> Running {
        self.build(MEETS, "prog", &[]);
        let ranks = usize::try_from(HOSTS * SLOTS).unwrap();
        let mut job = self
            .by(&self.network.launcher(), &["./prog"])
            .start()
            .unwrap();
        job.wait_until(LIMIT, |job| {
            job.stderr().matches("in\n").count() >= ranks || job.has_ended()
        })
        .unwrap();
        assert!(!job.has_ended(), "the job ended early: {}", job.stderr());
        job
    }

    /// Waits for the end of a job in which something has just been broken.
    #[track_caller]
    pub fn ends(&self, mut job: Running) -> Finished {
        let broken = Instant::now();
        let limit = DETECTION.mul_f64(self.patience);
        let finished = job.wait(limit).unwrap();
        let left = limit.saturating_sub(broken.elapsed());
        if let Err(failure) = self.network.expect_no_process(left) {
            panic!("{failure}\n{}", finished.messages());
        }
        finished
    }

    /// Runs a job that cannot start: it must say why, once, with all of `texts`, and leave nothing.
    #[track_caller]
    pub fn refused(&self, invocation: Invocation, texts: &[&str]) -> Finished {
        let finished = invocation.run(LIMIT).unwrap();
        said(&finished, texts);
        assert_ne!(finished.status, 0);
        self.network.expect_no_process(LIMIT).unwrap();
        finished
    }
}

/// Sees that there is one message of caperun, and what it says.
#[track_caller]
pub fn said(finished: &Finished, texts: &[&str]) {
    let messages = finished.messages();
    let errors: Vec<&str> = messages
        .lines()
        .filter(|line| line.starts_with("caperun: error: "))
        .collect();
    assert_eq!(errors.len(), 1, "one message was expected: {messages}");
    for text in texts {
        assert!(errors[0].contains(text), "'{text}' is not in: {messages}");
    }
}
