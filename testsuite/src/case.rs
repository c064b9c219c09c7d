//! A case: a C program and the directives in its comments. Reads files, starts nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;

/// How standard output is compared with the oracle's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// Byte by byte.
    #[default]
    Exact,
    /// Lines in any order within the blocks that lines beginning with `--` delimit.
    Sorted,
}

/// How several sources become one program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// All sources on one command line.
    #[default]
    Together,
    /// Each source to an object, then a link.
    Separate,
    /// As `Separate`, the further sources in an archive.
    Archive,
    /// As `Separate`, the further sources in a shared library.
    Shared,
}

/// A line that a message of the compiler must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The line, from 1.
    pub line: usize,
    /// Text that must be in the messages; may be empty.
    pub text: String,
    /// One of the lines marked so is enough.
    pub alternative: bool,
}

/// What the comments of a case ask for. See the table in the crate's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// What to run on only.
    pub shapes: Option<Vec<Shape>>,
    /// The only trackers to run with.
    pub trackers: Option<Vec<String>>,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Environment of the program.
    pub env: Vec<(String, String)>,
    /// Further options for caperun.
    pub caperun: Vec<String>,
    /// Options for both compilers.
    pub cflags: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// Further sources, as written.
    pub also: Vec<String>,
    /// How the sources become one program.
    pub build: Build,
    /// Expected exit status.
    pub exit: Option<i32>,
    /// How standard output is compared.
    pub comparison: Comparison,
    /// Files that must have been written.
    pub files: Vec<String>,
    /// Deadline of a run.
    pub timeout: Option<Duration>,
    /// The program checks itself.
    pub skip_oracle: bool,
    /// Texts that capec's messages must contain; not empty: it must fail.
    pub errors: Vec<String>,
    /// Texts that the failing run's standard error must contain.
    pub run_errors: Vec<String>,
}

/// One program of the suite.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<construct>/<name>`, by which tests are filtered.
    pub name: String,
    /// The C file.
    pub source: PathBuf,
    /// What its comments ask for.
    pub directives: Directives,
    /// Lines that must be named by compile errors.
    pub marks: Vec<Mark>,
}

impl Case {
    /// Reads the case at `source`.
    ///
    /// # Errors
    /// The file cannot be read, or a directive is unknown or malformed.
    pub fn read(name: &str, source: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(source)
            .map_err(|error| Failure::system(&format!("read {}", source.display()), &error))?;
        let (directives, marks) = parse(&text, source)?;
        Ok(Self {
            name: name.to_owned(),
            source: source.to_owned(),
            directives,
            marks,
        })
    }

    /// Whether capec is expected to reject the program.
    pub fn must_not_compile(&self) -> bool {
        !self.directives.errors.is_empty() || !self.marks.is_empty()
    }

    /// The further sources, as paths.
    pub fn also(&self) -> Vec<PathBuf> {
        let folder = self.source.parent().unwrap_or(Path::new("."));
        self.directives
            .also
            .iter()
            .map(|file| folder.join(file))
            .collect()
    }
}

/// Its name, and the case or what is wrong with it.
pub type Found = (String, Result<Case, Failure>);

/// All cases below `root`, by name; a broken one comes as its error. Files that are further sources of a case are left out.
///
/// # Errors
/// A folder cannot be read.
pub fn discover(root: &Path) -> Result<Vec<Found>, Failure> {
    let mut sources = Vec::new();
    collect(root, &mut sources)?;
    sources.sort();
    let cases: Vec<_> = sources
        .iter()
        .map(|source| {
            let name = source
                .strip_prefix(root)
                .unwrap_or(source)
                .with_extension("")
                .display()
                .to_string();
            let case = Case::read(&name, source);
            (name, source, case)
        })
        .collect();
    let further: Vec<PathBuf> = cases
        .iter()
        .filter_map(|(_, _, case)| case.as_ref().ok())
        .flat_map(Case::also)
        .collect();
    Ok(cases
        .into_iter()
        .filter(|(_, source, _)| !further.contains(source))
        .map(|(name, _, case)| (name, case))
        .collect())
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let complain =
        |error: std::io::Error| Failure::system(&format!("read {}", folder.display()), &error);
    for entry in std::fs::read_dir(folder).map_err(complain)? {
        let path = entry.map_err(complain)?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    Ok(())
}

/// The text of a directive: of `//# text` or, for C90, `/*# text */`.
fn directive(line: &str) -> Option<&str> {
    let line = line.trim();
    let c90 = || line.strip_prefix("/*#")?.strip_suffix("*/");
    line.strip_prefix("//#").or_else(c90).map(str::trim)
}

fn parse(text: &str, source: &Path) -> Result<(Directives, Vec<Mark>), Failure> {
    let mut directives = Directives::default();
    let mut marks = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(directive) = directive(line) {
            directives
                .apply(directive)
                .map_err(|reason| Failure::Directive {
                    file: source.display().to_string(),
                    line: index + 1,
                    reason,
                })?;
        } else if let Some((_, text)) = line.split_once("//~") {
            let alternative = text.starts_with('?');
            let text = text.trim_start_matches('?').trim().to_owned();
            marks.push(Mark {
                line: index + 1,
                text,
                alternative,
            });
        }
    }
    Ok((directives, marks))
}

impl Directives {
    fn apply(&mut self, directive: &str) -> Result<(), String> {
        let (key, value) = directive.split_once(':').unwrap_or((directive, ""));
        let value = value.trim();
        let words = || {
            value
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if value.is_empty() != (key == "skip-oracle") && key != "stdin" {
            return Err(format!(
                "directive '{key}' is unknown, or its value is missing or not wanted"
            ));
        }
        match key {
            "ranks" => self.shapes = Some(shapes(value)?),
            "trackers" => self.trackers = Some(words()),
            "args" => self.args.extend(words()),
            "env" => {
                let (name, value) = value.split_once('=').ok_or("'env' wants NAME=value")?;
                self.env.push((name.to_owned(), value.to_owned()));
            }
            "caperun" => self.caperun.extend(words()),
            "cflags" => self.cflags.extend(words()),
            "stdin" => {
                self.stdin.push_str(value);
                self.stdin.push('\n');
            }
            "also" => self.also.extend(words()),
            "build" => {
                self.build = match value {
                    "together" => Build::Together,
                    "separate" => Build::Separate,
                    "archive" => Build::Archive,
                    "shared" => Build::Shared,
                    _ => {
                        return Err(format!(
                            "'build' is together, separate, archive or shared, not '{value}'"
                        ));
                    }
                }
            }
            "exit" => {
                self.exit = Some(
                    value
                        .parse()
                        .map_err(|_| format!("'{value}' is not an exit status"))?,
                )
            }
            "compare" => {
                self.comparison = match value {
                    "exact" => Comparison::Exact,
                    "sorted" => Comparison::Sorted,
                    _ => return Err(format!("'compare' is exact or sorted, not '{value}'")),
                }
            }
            "files" => self.files.extend(words()),
            "timeout" => {
                let seconds = value
                    .parse()
                    .map_err(|_| format!("'{value}' is not a number of seconds"))?;
                self.timeout = Some(Duration::from_secs(seconds));
            }
            "skip-oracle" => self.skip_oracle = true,
            "error" => self.errors.push(value.to_owned()),
            "run-error" => self.run_errors.push(value.to_owned()),
            _ => return Err(format!("unknown directive '{key}'")),
        }
        Ok(())
    }
}

/// Ranks, and threads in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Processes.
    pub ranks: u32,
    /// OpenMP threads in each.
    pub threads: u32,
}

impl Shape {
    /// Threads of a team that takes all.
    pub fn team(&self) -> u32 {
        self.ranks * self.threads
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.threads {
            1 => write!(f, "{} ranks", self.ranks),
            threads => write!(f, "{} ranks x {threads} threads", self.ranks),
        }
    }
}

/// Numbers of ranks, or `ranks x threads` written without spaces, separated by commas or white space.
///
/// # Errors
/// A word is no such thing, or there is none.
pub fn shapes(text: &str) -> Result<Vec<Shape>, String> {
    let number = |word: &str| word.parse().ok().filter(|n| (1..=1024).contains(n));
    let shape = |word: &str| {
        let (ranks, threads) = word.split_once('x').unwrap_or((word, "1"));
        Some(Shape {
            ranks: number(ranks)?,
            threads: number(threads)?,
        })
    };
    let shapes: Vec<Shape> = text
        .split([',', ' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            shape(word).ok_or(format!(
                "'{word}' is neither a number of ranks nor RANKSxTHREADS"
            ))
        })
        .collect::<Result<_, _>>()?;
    if shapes.is_empty() {
        Err(format!("'{text}' holds no number"))
    } else {
        Ok(shapes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives(text: &str) -> Result<Directives, Failure> {
        parse(text, Path::new("x.c")).map(|(directives, _)| directives)
    }

    #[test]
    fn every_directive_is_understood() {
        let text = "//# ranks: 1 2x3\n//# trackers: sigsegv\n//# args: a b\n//# env: X=1=2\n//# caperun: --stats\n//# cflags: -lm\n\
                    //# stdin: one\n//# stdin:\n//# also: part.c\n//# build: archive\n//# exit: 3\n//# compare: sorted\n\
                    //# files: f\n//# timeout: 9\n//# skip-oracle\n//# error: e: f\n//# run-error: r\n";
        let expected = Directives {
            shapes: Some(vec![
                Shape {
                    ranks: 1,
                    threads: 1,
                },
                Shape {
                    ranks: 2,
                    threads: 3,
                },
            ]),
            trackers: Some(vec!["sigsegv".into()]),
            args: vec!["a".into(), "b".into()],
            env: vec![("X".into(), "1=2".into())],
            caperun: vec!["--stats".into()],
            cflags: vec!["-lm".into()],
            stdin: "one\n\n".into(),
            also: vec!["part.c".into()],
            build: Build::Archive,
            exit: Some(3),
            comparison: Comparison::Sorted,
            files: vec!["f".into()],
            timeout: Some(Duration::from_secs(9)),
            skip_oracle: true,
            errors: vec!["e: f".into()],
            run_errors: vec!["r".into()],
        };
        assert_eq!(directives(text).unwrap(), expected);
    }

    #[test]
    fn a_directive_that_is_wrong_is_named_with_its_line() {
        for wrong in [
            "rank: 1",
            "ranks: 0",
            "ranks: x",
            "ranks: 2x",
            "ranks:",
            "compare: loose",
            "build: static",
            "exit: x",
            "skip-oracle: 1",
            "env: X",
        ] {
            let error = directives(&format!("int x;\n//# {wrong}\n"))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("x.c:2: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn directives_may_be_c90_comments() {
        let parsed = directives("/*# cflags: -ansi */\n/* # exit: 3 */\n").unwrap();
        assert_eq!(
            (parsed.cflags, parsed.exit),
            (vec!["-ansi".to_owned()], None)
        );
    }

    #[test]
    fn marks_name_their_line() {
        let (_, marks) = parse("a\nb //~ text\nc //~?\n", Path::new("x.c")).unwrap();
        let mark = |line, text: &str, alternative| Mark {
            line,
            text: text.into(),
            alternative,
        };
        assert_eq!(marks, [mark(2, "text", false), mark(3, "", true)]);
    }
}
