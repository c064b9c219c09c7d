//! Building a case with both compilers, running it, comparing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::Failure;
use crate::case::{Build, Case, Shape};
use crate::compare::{Outcome, difference};
use crate::plan::Plan;
use crate::process::{Finished, Invocation, files_in, read, tail};
use crate::tools::Tools;

/// Deadline of a compiler.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);

/// Deadline of a run that does not say otherwise.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// Name of the program in the folder it runs in, so that `argv[0]` is the same for oracle and product.
const PROGRAM: &str = "prog";

/// Builds and runs `case` as `plan` says.
///
/// # Errors
/// The case failed, or could not be run.
pub fn check(case: &Case, tools: &Tools, plan: &Plan) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("cape-case-")
        .tempdir()
        .map_err(|error| Failure::system("make a temporary directory", &error))?;
    let bench = Bench {
        case,
        tools,
        plan,
        folder: folder.path(),
    };
    let verdict = if case.must_not_compile() {
        bench.check_rejection()
    } else {
        bench.check_runs()
    };
    verdict.map_err(|failure| {
        if plan.keep {
            keep(failure, folder)
        } else {
            failure
        }
    })
}

/// One case on the workbench.
struct Bench<'a> {
    case: &'a Case,
    tools: &'a Tools,
    plan: &'a Plan,
    folder: &'a Path,
}

impl Bench<'_> {
    fn check_rejection(&self) -> Result<(), Failure> {
        let folder = self.subfolder("rejected")?;
        let compilation = self.compile(&self.tools.capec, &[], &folder)?;
        let messages = compilation.messages();
        let complain = |what: String| {
            Err(Failure::Mismatch(format!(
                "{what}; capec's messages:\n{}",
                tail(&messages)
            )))
        };
        if compilation.status == 0 {
            return complain("capec accepted the program".to_owned());
        }
        if compilation.status > 128 || messages.contains("panicked at") {
            return complain(format!(
                "capec crashed (exit status {})",
                compilation.status
            ));
        }
        if let Some((left, _)) = files_in(&folder, &[])?.first() {
            return complain(format!("capec left {left} behind"));
        }
        let marks = &self.case.marks;
        let texts = self
            .case
            .directives
            .errors
            .iter()
            .chain(marks.iter().map(|mark| &mark.text));
        if let Some(text) = texts.into_iter().find(|text| !messages.contains(*text)) {
            return complain(format!("'{text}' is not in the messages"));
        }
        let named = |line: usize| names_line(&messages, &file_name(&self.case.source), line);
        if let Some(mark) = marks
            .iter()
            .find(|mark| !mark.alternative && !named(mark.line))
        {
            return complain(format!("no message names line {}", mark.line));
        }
        let mut alternatives = marks.iter().filter(|mark| mark.alternative).peekable();
        if alternatives.peek().is_some() && !alternatives.any(|mark| named(mark.line)) {
            return complain("no message names one of the marked lines".to_owned());
        }
        Ok(())
    }

    fn check_runs(&self) -> Result<(), Failure> {
        let directives = &self.case.directives;
        let oracle = if directives.skip_oracle || !directives.run_errors.is_empty() {
            None
        } else {
            Some(self.build(&self.tools.oracle, &["-fopenmp"], "gcc")?)
        };
        let program = self.build(&self.tools.capec, &[], "capec")?;
        for &shape in self.plan.shapes_of(self.case) {
            let expected = oracle
                .as_ref()
                .map(|oracle| self.run_oracle(oracle, shape))
                .transpose()?;
            for tracker in self.plan.trackers_of(self.case) {
                for round in 1..=self.plan.repeat {
                    self.run_and_compare(&program, shape, &tracker, expected.as_ref())
                        .map_err(|failure| {
                            Failure::Mismatch(format!(
                                "{shape}, {tracker}, round {round} of {}: {failure}",
                                self.plan.repeat
                            ))
                        })?;
                }
            }
        }
        Ok(())
    }

    fn run_and_compare(
        &self,
        program: &Path,
        shape: Shape,
        tracker: &str,
        expected: Option<&Outcome>,
    ) -> Result<(), Failure> {
        let (outcome, messages) = self.run_product(program, shape, tracker)?;
        let directives = &self.case.directives;
        let complain = |what: String| {
            Err(Failure::Mismatch(format!(
                "{what}\n  standard error: {}",
                tail(&messages)
            )))
        };
        if !directives.run_errors.is_empty() {
            if outcome.status == 0 || directives.exit.is_some_and(|exit| exit != outcome.status) {
                return complain(format!(
                    "exit status {} instead of the expected failure",
                    outcome.status
                ));
            }
            return match directives
                .run_errors
                .iter()
                .find(|text| !messages.contains(*text))
            {
                Some(text) => complain(format!("'{text}' is not in the messages")),
                None => Ok(()),
            };
        }
        let status = directives.exit.unwrap_or(0);
        if outcome.status != status {
            return complain(format!(
                "exit status {}, expected {status}\n  standard output: {}",
                outcome.status,
                tail(&String::from_utf8_lossy(&outcome.stdout))
            ));
        }
        match expected.and_then(|expected| difference(expected, &outcome, directives.comparison)) {
            Some(text) => complain(text),
            None => Ok(()),
        }
    }

    fn run_oracle(&self, program: &Path, shape: Shape) -> Result<Outcome, Failure> {
        let folder = self.fresh_run_folder(program)?;
        let invocation =
            Invocation::new(format!("./{PROGRAM}"), &self.case.directives.args, &folder)
                .env("OMP_NUM_THREADS", shape.team().to_string())
                .env("OMP_DYNAMIC", "false")
                .env("OMP_WAIT_POLICY", "passive");
        let (outcome, messages) = self.run(invocation, &folder)?;
        let status = self.case.directives.exit.unwrap_or(0);
        let unwritten = self
            .case
            .directives
            .files
            .iter()
            .find(|name| !outcome.files.contains_key(*name));
        let wrong = if outcome.status == status {
            unwritten.map(|name| format!("does not write {name}"))
        } else {
            Some(format!("has exit status {}, not {status}", outcome.status))
        };
        match wrong {
            None => Ok(outcome),
            Some(what) => Err(Failure::Mismatch(format!(
                "the case is wrong: built by {} with {} threads it {what}\n  standard output: {}\n  standard error: {}",
                self.tools.oracle.display(),
                shape.team(),
                tail(&String::from_utf8_lossy(&outcome.stdout)),
                tail(&messages)
            ))),
        }
    }

    fn run_product(
        &self,
        program: &Path,
        shape: Shape,
        tracker: &str,
    ) -> Result<(Outcome, String), Failure> {
        let folder = self.fresh_run_folder(program)?;
        let directives = &self.case.directives;
        if let Some(launcher) = &self.plan.under
            && directives.caperun.is_empty()
        {
            let invocation = self.under(launcher, shape, tracker, &folder);
            return self.run(invocation, &folder);
        }
        let mut args = vec![
            "-n".to_owned(),
            shape.ranks.to_string(),
            "--threads".to_owned(),
            shape.threads.to_string(),
            "--tracker".to_owned(),
            tracker.to_owned(),
        ];
        args.extend(self.plan.launch.iter().cloned());
        if !self.plan.launch.is_empty() {
            // Not every way to another host hands the environment on.
            let names = directives.env.iter().map(|(name, _)| name.clone());
            args.extend(names.flat_map(|name| ["-x".to_owned(), name]));
        }
        args.extend(directives.caperun.iter().cloned());
        args.push(format!("./{PROGRAM}"));
        args.extend(directives.args.iter().cloned());
        self.run(Invocation::new(&self.tools.caperun, args, &folder), &folder)
    }

    /// The program under another launcher, which knows nothing of caperun's options: they come as variables.
    fn under(&self, launcher: &[String], shape: Shape, tracker: &str, folder: &Path) -> Invocation {
        let ranks = shape.ranks.to_string();
        let mut words = launcher.iter().map(|word| word.replace("{ranks}", &ranks));
        let program = words.next().unwrap_or_default();
        let args = words
            .chain([format!("./{PROGRAM}")])
            .chain(self.case.directives.args.iter().cloned());
        Invocation::new(program, args, folder)
            .env("CAPE_RUN", &self.tools.caperun)
            .env("CAPE_THREADS", shape.threads.to_string())
            .env("CAPE_TRACKER", tracker)
    }

    fn run(&self, mut invocation: Invocation, folder: &Path) -> Result<(Outcome, String), Failure> {
        for (name, value) in &self.case.directives.env {
            invocation = invocation.env(name, value);
        }
        let limit = self
            .case
            .directives
            .timeout
            .unwrap_or(RUN_LIMIT)
            .mul_f64(self.plan.patience);
        let finished = invocation
            .stdin(self.case.directives.stdin.as_bytes())
            .run(limit)?;
        let mut files = BTreeMap::new();
        for (name, path) in files_in(folder, &[PROGRAM])? {
            // Whether and where a core file is written is the machine's business.
            if !name.starts_with("core") {
                files.insert(name, read(&path)?);
            }
        }
        let messages = finished.messages();
        Ok((
            Outcome {
                status: finished.status,
                stdout: finished.stdout,
                files,
            },
            messages,
        ))
    }

    /// Builds the program with `compiler` into the subfolder `name`.
    fn build(&self, compiler: &Path, options: &[&str], name: &str) -> Result<PathBuf, Failure> {
        let folder = self.subfolder(name)?;
        let compilation = self.compile(compiler, options, &folder)?;
        let program = folder.join(PROGRAM);
        if compilation.status != 0 || !program.is_file() {
            return Err(Failure::Mismatch(format!(
                "{} failed (exit status {}):\n{}",
                compiler.display(),
                compilation.status,
                tail(&compilation.messages())
            )));
        }
        Ok(program)
    }

    /// All the compiler's commands; what the first that failed left, or the last.
    fn compile(
        &self,
        compiler: &Path,
        options: &[&str],
        folder: &Path,
    ) -> Result<Finished, Failure> {
        let (libraries, flags): (Vec<_>, Vec<_>) = self
            .case
            .directives
            .cflags
            .iter()
            .cloned()
            .partition(|flag| flag.starts_with("-l"));
        let mut common: Vec<String> = ["-O2", "-g"]
            .iter()
            .chain(options)
            .map(|&flag| flag.to_owned())
            .collect();
        common.extend(flags);
        let mut sources = vec![self.case.source.clone()];
        sources.extend(self.case.also());
        let mut inputs: Vec<String> = sources
            .iter()
            .map(|source| source.display().to_string())
            .collect();
        if self.case.directives.build != Build::Together {
            for source in &sources {
                let mut args = common.clone();
                if self.case.directives.build == Build::Shared {
                    args.push("-fPIC".to_owned());
                }
                args.extend([
                    "-c".to_owned(),
                    source.display().to_string(),
                    "-o".to_owned(),
                    object_name(source),
                ]);
                let compilation = self.invoke(compiler, &args, folder)?;
                if compilation.status != 0 {
                    return Ok(compilation);
                }
            }
            inputs = sources.iter().map(|source| object_name(source)).collect();
        }
        if self.case.directives.build == Build::Archive {
            let members = inputs.split_off(1);
            let mut args = vec!["rcs".to_owned(), "libpart.a".to_owned()];
            args.extend(members);
            self.invoke(Path::new("ar"), &args, folder)?;
            inputs.push("libpart.a".to_owned());
        }
        if self.case.directives.build == Build::Shared {
            let library = folder.join("libpart.so").display().to_string();
            let mut args = common.clone();
            args.extend(inputs.split_off(1));
            args.extend(["-shared", "-o", &library].map(str::to_owned));
            let link = self.invoke(compiler, &args, folder)?;
            if link.status != 0 {
                return Ok(link);
            }
            inputs.extend([library, format!("-Wl,-rpath,{}", folder.display())]);
        }
        let mut args = common;
        args.extend(inputs);
        args.extend(["-o".to_owned(), PROGRAM.to_owned()]);
        args.extend(libraries);
        self.invoke(compiler, &args, folder)
    }

    fn invoke(&self, program: &Path, args: &[String], folder: &Path) -> Result<Finished, Failure> {
        Invocation::new(program, args, folder).run(COMPILE_LIMIT.mul_f64(self.plan.patience))
    }

    /// An empty folder but for the program.
    fn fresh_run_folder(&self, program: &Path) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("run");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| Failure::system("clear the run directory", &error))?;
        }
        let folder = self.subfolder("run")?;
        std::fs::hard_link(program, folder.join(PROGRAM))
            .map_err(|error| Failure::system("link the program", &error))?;
        Ok(folder)
    }

    fn subfolder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder)
            .map_err(|error| Failure::system(&format!("make {}", folder.display()), &error))?;
        Ok(folder)
    }
}

/// Leaves the case's directory in place and says where it is.
fn keep(failure: Failure, folder: TempDir) -> Failure {
    Failure::Mismatch(format!("{failure}\n  kept: {}", folder.keep().display()))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn object_name(source: &Path) -> String {
    file_name(&source.with_extension("o"))
}

/// Whether `messages` hold `file:line` followed by no further digit.
fn names_line(messages: &str, file: &str, line: usize) -> bool {
    let place = format!("{file}:{line}");
    messages.match_indices(&place).any(|(at, _)| {
        !messages[at + place.len()..].starts_with(|next: char| next.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::names_line;

    #[test]
    fn a_line_is_named_exactly() {
        assert!(names_line("cases/x.c:12:3: error", "x.c", 12));
        assert!(names_line("x.c:12", "x.c", 12));
        assert!(!names_line("x.c:123: error", "x.c", 12));
        assert!(!names_line("y.c:12: error", "x.c", 12));
    }
}
