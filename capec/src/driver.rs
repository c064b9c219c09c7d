//! Carries out one command: decides what each input needs, runs the steps, returns the exit code.
//!
//! ```text
//! C input ─► host -E -fopenmp ─┬─ no pragma ────────────────────────► host compiles the original
//!                              └─ translate ─► temporary .i ────────► host compiles the text
//! other input ─────────────────────────────────────────────────────► host
//! ```
//!
//! As with gcc, a file that fails does not keep the following ones from being compiled, but nothing is linked then.

use crate::args::{self, Class, Mode};
use crate::error::Error;
use crate::interrupt;
use crate::layout::Layout;
use crate::link;
use crate::messages::{self, Collector};
use crate::naming;
use crate::options::{Environment, Input, Language, Options, Step};
use crate::response;
use crate::source::{self, Text};
use crate::toolchain::{self, Captured, Toolchain};
use crate::translate::{self, Outcome, Style, Unit, Wishes};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The value of `_OPENMP` that gcc has had since version 6: OpenMP 4.5.
const OPENMP_VERSION: &str = "-D_OPENMP=201511";

/// Runs capec with these arguments (without the program's name) and returns its exit code.
///
/// # Errors
/// Errors of capec's own. What the host compiler or the translator reported is only in the exit code.
pub fn run(words: Vec<OsString>, environment: &Environment) -> Result<i32, Error> {
    let words = response::expand(words)?;
    let options = Options::resolve(args::parse(words.clone())?)?;
    let scratch = Scratch::new()?;
    let toolchain = Toolchain::new(
        &environment.compiler,
        scratch.path(),
        options.verbose && options.query.is_none(),
        options.dry_run && options.query.is_none(),
    )?;
    let executable = std::env::current_exe()
        .and_then(std::fs::canonicalize)
        .unwrap_or_default();
    let layout = Layout::find(environment.home.as_deref(), &executable);
    match options.query {
        Some(Class::Help) => return Ok(help()),
        Some(Class::Version) => return version(&toolchain, &words),
        Some(_) => return toolchain.run(&words, None),
        None if !options.openmp => return plain(&toolchain, &options, &words),
        None => {}
    }
    let wishes = messages::wishes(&options, environment.terminal)?;
    let session = Session {
        options,
        toolchain,
        layout,
        scratch: scratch.path().to_owned(),
        header: None,
        wishes,
        collector: None,
    };
    session.run()
}

/// The temporary directory, also known to the signal watcher.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix("capec-")
            .tempdir()
            .map_err(Error::Scratch)?;
        interrupt::set_scratch(Some(directory.path()));
        Ok(Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        interrupt::set_scratch(None);
    }
}

const HELP: &str = "\
usage: capec [options] file...

Compiles OpenMP C programs for CAPE. The command line is that of the host compiler (gcc);
`gcc --help` lists its options. OpenMP is always on. capec adds:

  --emit-c           print the translated C source instead of compiling (-o names a file)
  -fno-openmp        leave everything to the host compiler: no translation, no runtime
  -Wcape-race-prone  warn of writes to shared scalars that nothing protects (also by -Wall)
  -Wcape-serial      warn of constructs in loops that make the ranks take turns (also by -Wextra)

Environment:
  CAPE_CC        host compiler, with arguments if need be (default: gcc)
  CAPE_HOME      prefix under which lib/cape and include/cape are

Run the program with `caperun -n 4 ./prog`.
";

fn help() -> i32 {
    i32::from(io::stdout().write_all(HELP.as_bytes()).is_err())
}

/// The host's version first, since scripts that look for a known compiler read the first line.
fn version(toolchain: &Toolchain, words: &[OsString]) -> Result<i32, Error> {
    let code = toolchain.run(words, None)?;
    let line = format!(
        "capec {}, a translator for the compiler above\n",
        env!("CARGO_PKG_VERSION")
    );
    let printed = io::stdout().write_all(line.as_bytes());
    Ok(if printed.is_err() { 1 } else { code })
}

/// The command as it is, for the host alone.
fn plain(toolchain: &Toolchain, options: &Options, words: &[OsString]) -> Result<i32, Error> {
    let own: Vec<&OsString> = options
        .flags()
        .filter(|flag| flag.class == Class::OwnWarning)
        .flat_map(|flag| &flag.words)
        .collect();
    let for_host =
        |word: &&OsString| !(own.contains(word) || options.dry_run && word.as_os_str() == "-###");
    let words: Vec<OsString> = words.iter().filter(for_host).cloned().collect();
    toolchain.run(&words, None)
}

/// A compilation under way.
struct Session {
    options: Options,
    toolchain: Toolchain,
    layout: Layout,
    scratch: PathBuf,
    /// `cape.h`, preprocessed, once it has been needed.
    header: Option<String>,
    /// What the user wants to hear of capec's own messages.
    wishes: Wishes,
    /// With `-fdiagnostics-format=json`: what has been said about the input being compiled.
    collector: Option<Collector>,
}

/// What one input became.
struct Compiled {
    code: i32,
    translated: bool,
}

/// Text ready for the translator.
struct Prepared {
    text: Text,
    /// With `cape.h` in it.
    complete: String,
}

impl Session {
    fn run(mut self) -> Result<i32, Error> {
        match self.options.mode {
            Mode::Preprocess | Mode::Dependencies => self.preprocess_only(),
            Mode::EmitC => self.emit_c(),
            Mode::Link => self.link(),
            Mode::Object | Mode::Assembly | Mode::Check => self.compile_all(),
        }
    }

    /// What makes OpenMP visible to the preprocessor, before the user's own flags.
    fn openmp_flags(&self) -> Result<Vec<OsString>, Error> {
        let mut words: Vec<OsString> = vec!["-fno-pie".into(), "-fopenmp".into()];
        if self.toolchain.is_clang() {
            words.push("-fopenmp-version=45".into());
        }
        words.extend(["-isystem".into(), self.layout.headers()?.into_os_string()]);
        Ok(words)
    }

    fn preprocess_only(&self) -> Result<i32, Error> {
        let mut words = self.openmp_flags()?;
        let mut language = None;
        for piece in &self.options.pieces {
            match piece {
                crate::options::Piece::Input(input) => {
                    if input.explicit != language {
                        language.clone_from(&input.explicit);
                        let name = language.clone().unwrap_or_else(|| "none".into());
                        words.extend(["-x".into(), name]);
                    }
                    words.push(input.path.clone().into_os_string());
                }
                crate::options::Piece::Flag(flag) => {
                    if !matches!(
                        flag.class,
                        Class::OpenMp(_) | Class::OwnWarning | Class::DryRun
                    ) {
                        words.extend(flag.words.iter().cloned());
                    }
                }
            }
        }
        self.toolchain.run(&words, None)
    }

    fn emit_c(&mut self) -> Result<i32, Error> {
        let inputs: Vec<Input> = self.options.inputs().cloned().collect();
        let mut worst = 0;
        let mut emitted = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let stdin = self.spool(input, number)?;
            let captured = self.preprocess(input, stdin.as_deref())?;
            report(&captured.messages);
            if captured.code != 0 {
                worst = worst.max(captured.code);
                continue;
            }
            let path = stdin.unwrap_or_else(|| input.path.clone());
            let original = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
            if !source::mentions_openmp(&String::from_utf8_lossy(&captured.output)) {
                emitted.extend(original);
                continue;
            }
            let original = Text::decode(original);
            let prepared = self.prepare(input, captured.output)?;
            let unit = Unit {
                preprocessed: &prepared.complete,
                source: &input.path,
                wishes: &self.wishes,
            };
            match translate::emit_c(&unit, &original.content) {
                Ok(text) => emitted.extend(original.encode(text)),
                Err(errors) => {
                    report(errors.to_string().as_bytes());
                    worst = worst.max(1);
                }
            }
        }
        if worst == 0 {
            self.write_emitted(&emitted)?;
        }
        Ok(worst)
    }

    fn write_emitted(&self, text: &[u8]) -> Result<(), Error> {
        match &self.options.output {
            Some(path) if path.as_os_str() != "-" => write_whole(path, text),
            _ => {
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(text)
                    .and_then(|()| stdout.flush())
                    .map_err(|source| Error::Write {
                        path: "standard output".into(),
                        source,
                    })
            }
        }
    }

    fn compile_all(&mut self) -> Result<i32, Error> {
        let inputs: Vec<Input> = self.options.inputs().cloned().collect();
        let mut worst = 0;
        for (number, input) in inputs.iter().enumerate() {
            let output = self.options.output.clone();
            let code = if input.is_source() {
                let output =
                    output.unwrap_or_else(|| naming::default_output(input, self.options.mode));
                self.compile(input, number, &output)?.code
            } else {
                self.compile_original(input, None, output.as_deref())?
            };
            worst = worst.max(code);
        }
        Ok(worst)
    }

    fn link(&mut self) -> Result<i32, Error> {
        let inputs: Vec<Input> = self.options.inputs().cloned().collect();
        let mut worst = 0;
        let mut objects = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            if input.language == Language::Header {
                worst = worst.max(self.compile_original(input, None, None)?);
                continue;
            }
            if !input.is_source() {
                objects.push(link::Object::Given(input.clone()));
                continue;
            }
            let object = self.scratch.join(format!("{number}.o"));
            let compiled = self.compile(input, number, &object)?;
            worst = worst.max(compiled.code);
            if self.options.dry_run {
                write_file(&object, b"")?;
            }
            objects.push(link::Object::Compiled {
                source: input.path.clone(),
                object,
                translated: compiled.translated,
            });
        }
        if worst != 0 || (objects.is_empty() && !self.options.has(Class::Library)) {
            return Ok(worst);
        }
        let link = link::Link {
            options: &self.options,
            toolchain: &self.toolchain,
            layout: &self.layout,
            scratch: &self.scratch,
            objects,
        };
        link.run()
    }

    /// Compiles a C input to an object, to assembly, or to nothing (`-fsyntax-only`).
    fn compile(&mut self, input: &Input, number: usize, output: &Path) -> Result<Compiled, Error> {
        self.collector = (self.wishes.style == Style::Json).then(Collector::default);
        let compiled = self.compile_steps(input, number, output);
        if let Some(collector) = self.collector.take() {
            report(collector.finish().as_bytes());
        }
        compiled
    }

    /// Passes on what somebody had to say about the input being compiled.
    fn say(&mut self, messages: &[u8]) {
        match &mut self.collector {
            Some(collector) => report(&collector.take(messages)),
            None => report(messages),
        }
    }

    /// Runs the host compiler on the input being compiled.
    fn host(&mut self, words: &[OsString], stdin: Option<&Path>) -> Result<i32, Error> {
        if self.collector.is_none() || self.options.dry_run {
            return self.toolchain.run(words, stdin);
        }
        let captured = self.toolchain.capture(words, stdin)?;
        // Nothing can be done about a closed stdout.
        let _ = io::stdout().write_all(&captured.output);
        self.say(&captured.messages);
        Ok(captured.code)
    }

    fn compile_steps(
        &mut self,
        input: &Input,
        number: usize,
        output: &Path,
    ) -> Result<Compiled, Error> {
        let stdin = self.spool(input, number)?;
        let captured = self.preprocess(input, stdin.as_deref())?;
        if captured.code != 0 {
            self.say(&captured.messages);
            return Ok(Compiled {
                code: captured.code,
                translated: false,
            });
        }
        let mentions = source::mentions_openmp(&String::from_utf8_lossy(&captured.output));
        let outcome = if mentions {
            self.say(&captured.messages);
            let prepared = self.prepare(input, captured.output)?;
            let unit = Unit {
                preprocessed: &prepared.complete,
                source: &input.path,
                wishes: &self.wishes,
            };
            translate::translate(&unit).map(|outcome| (prepared.text, outcome))
        } else {
            // The host preprocesses again and repeats what it had to say.
            return self.untouched(input, stdin.as_deref(), output);
        };
        match outcome {
            Ok((_, Outcome::Untouched)) => self.untouched(input, stdin.as_deref(), output),
            Ok((text, Outcome::Translated(translation))) => {
                for warning in &translation.report {
                    self.say(warning.to_string().as_bytes());
                }
                if self.saves_temporaries() {
                    let preprocessed = text.encode(text.content.clone());
                    write_file(&naming::saved(&self.options, input, ".i"), &preprocessed)?;
                }
                self.compile_translated(input, number, &text.encode(translation.text), output)
            }
            Err(errors) => {
                self.say(errors.to_string().as_bytes());
                Ok(Compiled {
                    code: 1,
                    translated: false,
                })
            }
        }
    }

    /// Standard input, copied to a file; `None` for other inputs.
    fn spool(&self, input: &Input, number: usize) -> Result<Option<PathBuf>, Error> {
        if !input.is_stdin() {
            return Ok(None);
        }
        let path = self.scratch.join(format!("{number}.stdin"));
        toolchain::spool_stdin(&path)?;
        Ok(Some(path))
    }

    /// The preprocessor's output for an input, with dependency files written on the way.
    fn preprocess(&self, input: &Input, stdin: Option<&Path>) -> Result<Captured, Error> {
        if input.language == Language::PreprocessedC {
            let path = stdin.unwrap_or(&input.path);
            let output = std::fs::read(path).map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })?;
            return Ok(Captured {
                code: 0,
                output,
                messages: Vec::new(),
            });
        }
        let mut words = self.openmp_flags()?;
        words.extend(self.options.words(Step::Preprocess));
        if !self.options.dry_run {
            words.extend(naming::dependency_flags(&self.options, input));
        }
        words.extend([
            "-E".into(),
            "-x".into(),
            "c".into(),
            input.path.clone().into_os_string(),
        ]);
        self.toolchain.capture(&words, stdin)
    }

    fn prepare(&mut self, input: &Input, preprocessed: Vec<u8>) -> Result<Prepared, Error> {
        let header = match self.header.take() {
            Some(header) => header,
            None => self.preprocess_header()?,
        };
        let text = Text::decode(preprocessed);
        let complete = source::with_header(&text.content, &header, &input.path.to_string_lossy());
        self.header = Some(header);
        Ok(Prepared { text, complete })
    }

    fn preprocess_header(&self) -> Result<String, Error> {
        let headers = self.layout.headers()?;
        let request = self.scratch.join("header.c");
        write_file(&request, b"#include <cape.h>\n")?;
        let mut words: Vec<OsString> = vec![
            "-w".into(),
            "-isystem".into(),
            headers.clone().into_os_string(),
        ];
        words.extend(
            self.options
                .words(Step::CompileTranslated)
                .into_iter()
                .filter(shapes_header),
        );
        words.extend(["-E", "-x", "c", "-"].map(OsString::from));
        let captured = self.toolchain.capture(&words, Some(&request))?;
        let text = String::from_utf8_lossy(&captured.output);
        source::header_text(&text).filter(|_| captured.code == 0).ok_or_else(|| {
            let said = String::from_utf8_lossy(&captured.messages).trim().to_owned();
            Error::System(format!(
                "the host compiler cannot preprocess cape.h in {}: {said}; check CAPE_CC and reinstall",
                headers.display()
            ))
        })
    }

    fn untouched(
        &mut self,
        input: &Input,
        stdin: Option<&Path>,
        output: &Path,
    ) -> Result<Compiled, Error> {
        let code = self.compile_original(input, stdin, Some(output))?;
        Ok(Compiled {
            code,
            translated: false,
        })
    }

    /// Has the host compile (or assemble) an input as it is.
    fn compile_original(
        &mut self,
        input: &Input,
        stdin: Option<&Path>,
        output: Option<&Path>,
    ) -> Result<i32, Error> {
        let mut words: Vec<OsString> = Vec::new();
        if input.language != Language::Host {
            words.extend(
                [
                    "-fno-pie",
                    "-pthread",
                    "-fopenmp-simd",
                    OPENMP_VERSION,
                    "-isystem",
                ]
                .map(OsString::from),
            );
            words.push(self.layout.headers()?.into_os_string());
        }
        words.extend(self.options.words(Step::CompileOriginal));
        if self.options.mode == Mode::Link && input.is_source() {
            words.extend(naming::auxiliary_flags(&self.options, input));
        }
        if !input.is_source() {
            // Preprocessing was left to the host here.
            words.extend(naming::dependency_flags(&self.options, input));
        }
        words.extend(self.mode_flag(input));
        if let Some(language) = input.explicit.as_ref() {
            words.extend(["-x".into(), language.clone()]);
        }
        words.push(input.path.clone().into_os_string());
        words.extend(output_flag(output, self.options.mode));
        self.host(&words, stdin)
    }

    fn compile_translated(
        &mut self,
        input: &Input,
        number: usize,
        text: &[u8],
        output: &Path,
    ) -> Result<Compiled, Error> {
        let path = self.scratch.join(format!("{number}.i"));
        write_file(&path, text)?;
        if self.saves_temporaries() {
            write_file(&naming::saved(&self.options, input, ".cape.i"), text)?;
        }
        // Comments, which say that a case falls through, did not survive preprocessing.
        // What is left of OpenMP in the text is for the host's vectoriser.
        let mut words: Vec<OsString> = ["-fno-pie", "-pthread", "-fopenmp-simd"]
            .map(OsString::from)
            .into();
        words.extend(self.options.words(Step::CompileTranslated));
        words.push("-Wno-implicit-fallthrough".into());
        words.extend(naming::auxiliary_flags(&self.options, input));
        words.extend(self.mode_flag(input));
        words.extend(["-x".into(), "cpp-output".into(), path.into_os_string()]);
        words.extend(output_flag(Some(output), self.options.mode));
        let code = self.host(&words, None)?;
        Ok(Compiled {
            code,
            translated: true,
        })
    }

    fn saves_temporaries(&self) -> bool {
        let asks = |word: &OsString| word.to_string_lossy().contains("-save-temps");
        !self.options.dry_run && self.options.flags().any(|flag| flag.words.iter().any(asks))
    }

    fn mode_flag(&self, input: &Input) -> Option<OsString> {
        let word = match self.options.mode {
            Mode::Assembly => "-S",
            Mode::Check => "-fsyntax-only",
            Mode::Link if input.language == Language::Header => return None,
            _ => "-c",
        };
        Some(word.into())
    }
}

fn output_flag(output: Option<&Path>, mode: Mode) -> Vec<OsString> {
    match output {
        Some(path) if mode != Mode::Check => vec!["-o".into(), path.as_os_str().to_owned()],
        _ => Vec::new(),
    }
}

/// Flags that would put more than the header's text into the preprocessed header, or nothing but noise.
fn shapes_header(word: &OsString) -> bool {
    let word = word.as_os_str();
    let noisy = [
        OsStr::new("-v"),
        OsStr::new("--verbose"),
        OsStr::new("-save-temps"),
        OsStr::new("--save-temps"),
    ];
    !noisy.contains(&word) && !word.to_string_lossy().starts_with("-save-temps=")
}

/// Passes on what somebody else had to say.
fn report(messages: &[u8]) {
    // Nothing can be done about a closed stderr.
    let _ = io::stderr().write_all(messages);
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    std::fs::write(path, content).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that is either complete or not there.
fn write_whole(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_file(path, content).inspect_err(|_| {
        // Only what this call made may go; a device or a directory stays.
        if path.is_file() {
            let _ = std::fs::remove_file(path);
        }
    })
}
