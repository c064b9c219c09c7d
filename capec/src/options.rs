//! From a parsed command line to one resolved command: what to produce, from which inputs, with which flags in which step.
//!
//! The only file that reads the environment.

use crate::args::{Argument, Class, Mode};
use crate::error::Error;
use crate::response;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the environment says.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `CAPE_CC`, split into words like a response file: the host compiler and arguments that every call gets first.
    pub compiler: Vec<OsString>,
    /// `CAPE_HOME`: the prefix under which `lib/cape` and `include/cape` are; unset: found from capec's own place.
    pub home: Option<PathBuf>,
    /// A person reads standard error, on a terminal that knows colours.
    pub terminal: bool,
}

impl Environment {
    /// Reads `CAPE_CC` and `CAPE_HOME`.
    ///
    /// # Errors
    /// [`Error::EmptyCompiler`], [`Error::CompilerIsCapec`].
    pub fn read() -> Result<Self, Error> {
        let compiler = match std::env::var_os("CAPE_CC") {
            Some(text) => response::split(text.as_bytes()),
            None => vec!["gcc".into()],
        };
        match compiler.first() {
            Some(program) if is_capec(program) => return Err(Error::CompilerIsCapec),
            Some(program) if !program.is_empty() => {}
            _ => return Err(Error::EmptyCompiler),
        }
        let home = std::env::var_os("CAPE_HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from);
        let terminal = std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Ok(Self {
            compiler,
            home,
            terminal,
        })
    }
}

/// Whether running `program` would run this executable again.
fn is_capec(program: &OsStr) -> bool {
    let Ok(own) = std::env::current_exe().and_then(std::fs::canonicalize) else {
        return false;
    };
    let is_own = |path: PathBuf| std::fs::canonicalize(path).is_ok_and(|path| path == own);
    if program.as_bytes().contains(&b'/') {
        return is_own(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|place| place.join(program))
        .find(|place| place.is_file());
    found.is_some_and(is_own)
}

/// What kind of file an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C source.
    C,
    /// Preprocessed C.
    PreprocessedC,
    /// A header to be precompiled.
    Header,
    /// Assembly, an object, an archive: the host's business.
    Host,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As given; `-` is standard input.
    pub path: PathBuf,
    /// What it is.
    pub language: Language,
    /// The `-x` in force.
    pub explicit: Option<OsString>,
}

impl Input {
    /// Whether capec reads it as C.
    pub fn is_source(&self) -> bool {
        matches!(self.language, Language::C | Language::PreprocessedC)
    }

    /// Whether it is standard input.
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// A flag, as [`Argument::Flag`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// What it is for.
    pub class: Class,
    /// As spelled.
    pub words: Vec<OsString>,
    /// Its value.
    pub value: OsString,
}

/// One element of the command, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A file.
    Input(Input),
    /// A flag.
    Flag(Flag),
}

/// A step of the compilation, for choosing its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Source to the text that is translated.
    Preprocess,
    /// Translated text to object or assembly.
    CompileTranslated,
    /// Untranslated source to object or assembly.
    CompileOriginal,
}

/// The resolved command.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to produce.
    pub mode: Mode,
    /// `-o`.
    pub output: Option<PathBuf>,
    /// Inputs and flags in order.
    pub pieces: Vec<Piece>,
    /// Not `-fno-openmp`.
    pub openmp: bool,
    /// A question to the host compiler, or nothing to compile: the command is the host's.
    pub query: Option<Class>,
    /// `-v`.
    pub verbose: bool,
    /// `-###`.
    pub dry_run: bool,
}

impl Options {
    /// Resolves a command line.
    ///
    /// # Errors
    /// Inputs in other languages, and the combinations that gcc rejects too.
    pub fn resolve(arguments: Vec<Argument>) -> Result<Self, Error> {
        let mut options = Self {
            mode: Mode::Link,
            output: None,
            pieces: Vec::with_capacity(arguments.len()),
            openmp: true,
            query: None,
            verbose: false,
            dry_run: false,
        };
        let mut language = None;
        for argument in arguments {
            match argument {
                Argument::Input(path) => {
                    options
                        .pieces
                        .push(Piece::Input(input(path, language.clone())?));
                }
                Argument::Flag {
                    class: Class::Language,
                    value,
                    ..
                } => {
                    language = (value != "none").then_some(value);
                }
                Argument::Flag {
                    class,
                    words,
                    value,
                } => options.add(Flag {
                    class,
                    words,
                    value,
                }),
            }
        }
        let links_library = options.mode == Mode::Link && options.has(Class::Library);
        if options.inputs().next().is_none() && !links_library && options.query.is_none() {
            options.query = Some(Class::Query);
        }
        if options.query.is_none() {
            options.check()?;
        }
        Ok(options)
    }

    fn add(&mut self, flag: Flag) {
        match flag.class {
            Class::Mode(mode) if precedence(mode) > precedence(self.mode) => self.mode = mode,
            Class::Output => self.output = Some(PathBuf::from(&flag.value)),
            Class::OpenMp(on) => self.openmp = on,
            Class::Query | Class::Version | Class::Help => {
                self.query = self.query.or(Some(flag.class))
            }
            Class::Verbose => self.verbose = true,
            Class::DryRun => self.dry_run = true,
            _ => {}
        }
        self.pieces.push(Piece::Flag(flag));
    }

    fn check(&self) -> Result<(), Error> {
        let count = self.inputs().count();
        if self.output.is_some()
            && count > 1
            && !matches!(self.mode, Mode::Link | Mode::Check | Mode::Dependencies)
        {
            return Err(Error::OneOutputForManyInputs);
        }
        if self.mode == Mode::EmitC {
            if !self.openmp {
                return Err(Error::EmitWithoutOpenMp);
            }
            if let Some(other) = self.inputs().find(|input| input.language != Language::C) {
                return Err(Error::EmitOfNonSource(other.path.display().to_string()));
            }
        }
        if let Some(output) = &self.output
            && self
                .inputs()
                .any(|input| !input.is_stdin() && same_file(&input.path, output))
        {
            return Err(Error::OutputIsInput(output.display().to_string()));
        }
        let undecided = |input: &Input| input.is_stdin() && input.explicit.is_none();
        if self.mode != Mode::Preprocess && self.inputs().any(undecided) {
            return Err(Error::StdinWithoutLanguage);
        }
        Ok(())
    }

    /// The inputs in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Input(input) => Some(input),
            Piece::Flag(_) => None,
        })
    }

    /// The flags in order.
    pub fn flags(&self) -> impl Iterator<Item = &Flag> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Flag(flag) => Some(flag),
            Piece::Input(_) => None,
        })
    }

    /// Whether a flag of this class was given.
    pub fn has(&self, class: Class) -> bool {
        self.flags().any(|flag| flag.class == class)
    }

    /// The user's flags for one step, as spelled and in order.
    pub fn words(&self, step: Step) -> Vec<OsString> {
        self.flags()
            .filter(|flag| takes_part(flag.class, step))
            .flat_map(|flag| flag.words.iter().cloned())
            .collect()
    }
}

/// Which flag wins when several say what to produce; as in gcc, where `-E` beats `-S` beats `-c`.
fn precedence(mode: Mode) -> u8 {
    match mode {
        Mode::Link => 0,
        Mode::Object => 1,
        Mode::Assembly => 2,
        Mode::Check => 3,
        Mode::Preprocess => 4,
        Mode::Dependencies => 5,
        Mode::EmitC => 6,
    }
}

fn takes_part(class: Class, step: Step) -> bool {
    match class {
        Class::Any | Class::Compiler | Class::LinkerChoice => true,
        Class::Verbose => true,
        Class::Preprocessor => step != Step::CompileTranslated,
        Class::Auxiliary | Class::AuxiliaryName => step != Step::Preprocess,
        _ => false,
    }
}

/// Whether both are one regular file; `-x c /dev/null -o /dev/null` is a common way to try a flag.
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| {
        let data = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        Some((data.dev(), data.ino()))
    };
    identity(one).is_some_and(|file| identity(other) == Some(file))
}

fn input(path: OsString, explicit: Option<OsString>) -> Result<Input, Error> {
    let path = PathBuf::from(path);
    let kind = match &explicit {
        Some(name) => by_name(name),
        None if path.as_os_str() == "-" => Ok(Language::C),
        None => by_suffix(&path),
    };
    match kind {
        Ok(language) => Ok(Input {
            path,
            language,
            explicit,
        }),
        Err(language) => Err(Error::NotC {
            input: path.display().to_string(),
            language,
        }),
    }
}

fn by_name(name: &OsStr) -> Result<Language, String> {
    match name.as_bytes() {
        b"c" => Ok(Language::C),
        b"cpp-output" => Ok(Language::PreprocessedC),
        b"c-header" => Ok(Language::Header),
        b"assembler" | b"assembler-with-cpp" => Ok(Language::Host),
        _ => Err(format!("language '{}'", name.to_string_lossy())),
    }
}

/// gcc's suffixes, "Options Controlling the Kind of Output" in its manual.
fn by_suffix(path: &Path) -> Result<Language, String> {
    let Some(suffix) = path.extension().and_then(OsStr::to_str) else {
        return Ok(Language::Host);
    };
    match suffix {
        "c" => Ok(Language::C),
        "i" => Ok(Language::PreprocessedC),
        "h" => Ok(Language::Header),
        "C" | "cc" | "cp" | "cpp" | "CPP" | "cxx" | "c++" | "ii" | "H" | "hh" | "hp" | "hpp"
        | "HPP" | "hxx" | "h++" | "tcc" => Err("C++".into()),
        "m" | "mi" | "M" | "mm" | "mii" => Err("Objective-C".into()),
        "f" | "for" | "ftn" | "fi" | "F" | "FOR" | "FTN" | "fpp" | "FPP" | "f90" | "f95"
        | "f03" | "f08" | "F90" | "F95" | "F03" | "F08" => Err("Fortran".into()),
        "ads" | "adb" => Err("Ada".into()),
        "go" => Err("Go".into()),
        _ => Ok(Language::Host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    fn resolve(words: &[&str]) -> Result<Options, Error> {
        Options::resolve(args::parse(words.iter().map(OsString::from))?)
    }

    #[test]
    fn dash_e_beats_dash_s_beats_dash_c() {
        assert_eq!(resolve(&["-c", "a.c"]).unwrap().mode, Mode::Object);
        assert_eq!(resolve(&["-S", "-c", "a.c"]).unwrap().mode, Mode::Assembly);
        assert_eq!(
            resolve(&["-E", "-c", "-S", "a.c"]).unwrap().mode,
            Mode::Preprocess
        );
        assert_eq!(
            resolve(&["-MM", "-E", "a.c"]).unwrap().mode,
            Mode::Dependencies
        );
    }

    #[test]
    fn the_language_applies_to_what_follows() {
        let options =
            resolve(&["a.o", "-x", "c", "b.txt", "-xnone", "c.txt", "d.i", "e.c"]).unwrap();
        let kinds: Vec<_> = options.inputs().map(|input| input.language).collect();
        assert_eq!(
            kinds,
            [
                Language::Host,
                Language::C,
                Language::Host,
                Language::PreprocessedC,
                Language::C
            ]
        );
    }

    #[test]
    fn other_languages_are_errors() {
        for words in [&["a.cpp"][..], &["-xc++", "a.c"], &["a.f90"], &["a.C"]] {
            assert!(
                matches!(resolve(words), Err(Error::NotC { .. })),
                "{words:?}"
            );
        }
    }

    #[test]
    fn each_step_gets_its_flags_in_order() {
        let options = resolve(&[
            "-O3",
            "-DN=1",
            "-MMD",
            "-Iinc",
            "-fopenmp",
            "-P",
            "-lm",
            "a.c",
            "-fodd",
            "-Wl,-s",
            "-pie",
            "--coverage",
            "-c",
        ])
        .unwrap();
        let words = |step| {
            options
                .words(step)
                .join(OsStr::new(" "))
                .into_string()
                .unwrap()
        };
        assert_eq!(words(Step::Preprocess), "-O3 -DN=1 -Iinc -fodd");
        assert_eq!(words(Step::CompileTranslated), "-O3 -fodd --coverage");
        assert_eq!(
            words(Step::CompileOriginal),
            "-O3 -DN=1 -Iinc -fodd --coverage"
        );
    }

    #[test]
    fn the_last_openmp_flag_wins() {
        assert!(resolve(&["a.c"]).unwrap().openmp);
        assert!(!resolve(&["-fopenmp", "-fno-openmp", "a.c"]).unwrap().openmp);
        assert!(resolve(&["-fno-openmp", "-fopenmp", "a.c"]).unwrap().openmp);
    }

    #[test]
    fn combinations_that_gcc_rejects() {
        assert!(matches!(
            resolve(&["-c", "a.c", "b.c", "-o", "x"]),
            Err(Error::OneOutputForManyInputs)
        ));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.c");
        std::fs::write(&file, "").unwrap();
        let name = file.to_str().unwrap();
        assert!(matches!(
            resolve(&["-c", name, "-o", name]),
            Err(Error::OutputIsInput(_))
        ));
        assert!(resolve(&["-c", "-xc", "/dev/null", "-o", "/dev/null"]).is_ok());
        assert!(matches!(
            resolve(&["-c", "-"]),
            Err(Error::StdinWithoutLanguage)
        ));
        assert!(resolve(&["-E", "-"]).is_ok());
    }

    #[test]
    fn nothing_to_compile_is_the_hosts_business() {
        assert_eq!(resolve(&["-v"]).unwrap().query, Some(Class::Query));
        assert_eq!(
            resolve(&["-dumpmachine"]).unwrap().query,
            Some(Class::Query)
        );
        assert_eq!(
            resolve(&["a.c", "--version"]).unwrap().query,
            Some(Class::Version)
        );
    }
}
