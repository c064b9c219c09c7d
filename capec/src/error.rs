//! What can go wrong in the driver itself. What the host compiler rejects it reports itself; only its exit code matters.

use std::io;
use std::path::PathBuf;

/// An error of capec's own. The text lacks the `capec: error:` prefix and says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag that takes a value came last.
    #[error("missing argument to '{0}'")]
    MissingValue(String),
    /// `-o` cannot name several outputs.
    #[error(
        "cannot specify '-o' with '-c', '-S', '-E' or '--emit-c' and several files; drop '-o' or compile them one by one"
    )]
    OneOutputForManyInputs,
    /// `-o` names an input.
    #[error("input file '{0}' is the same as the output file; give '-o' another name")]
    OutputIsInput(String),
    /// A language other than C.
    #[error(
        "{input}: {language} is not supported, capec compiles C only; compile this file with its own compiler and give capec the object"
    )]
    NotC {
        /// The input as given.
        input: String,
        /// Its language.
        language: String,
    },
    /// `-` without `-x` and without `-E`.
    #[error("'-E' or '-x' is required when the input is standard input; add '-x c'")]
    StdinWithoutLanguage,
    /// `--emit-c` has nothing to translate.
    #[error(
        "'--emit-c' shows the translation of OpenMP, which '-fno-openmp' switches off; drop one of them"
    )]
    EmitWithoutOpenMp,
    /// `--emit-c` of something that is not a C source.
    #[error("{0}: '--emit-c' takes C sources only; drop this file from the command")]
    EmitOfNonSource(String),
    /// Response files that include one another.
    #[error("{0}: response files are nested too deeply; look for a file that includes itself")]
    ResponseNesting(PathBuf),
    /// A quoting error in `CAPE_CC`.
    #[error("CAPE_CC is empty; unset it or set it to a C compiler such as gcc")]
    EmptyCompiler,
    /// `CAPE_CC` is capec.
    #[error("CAPE_CC names capec itself; set it to the host's C compiler, such as gcc")]
    CompilerIsCapec,
    /// The host compiler cannot be started.
    #[error(
        "cannot run the host compiler '{program}': {source}; install it or set CAPE_CC to another C compiler"
    )]
    Host {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A tool of the host's binutils failed to start or to work.
    #[error("cannot run '{program}': {reason}; install binutils or link without '-static'")]
    Tool {
        /// Its name.
        program: String,
        /// Why.
        reason: String,
    },
    /// The host compiler was killed.
    #[error(
        "the host compiler '{program}' was killed by signal {signal}; if memory was short, compile with less optimisation or fewer jobs"
    )]
    HostKilled {
        /// Its name.
        program: String,
        /// The signal.
        signal: i32,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check its name and permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; check the directory and the space left")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory for temporary files.
    #[error("cannot create a temporary directory: {0}; set TMPDIR to a writable one")]
    Scratch(io::Error),
    /// A part of the product is missing.
    #[error("cannot find {what} (looked for {places}); {remedy}")]
    Missing {
        /// The file's name.
        what: String,
        /// Where it was sought.
        places: String,
        /// What to do.
        remedy: String,
    },
    /// An object that wants another OpenMP runtime.
    #[error(
        "{0} was compiled for another OpenMP runtime (it refers to {1}); compile it with capec, or without '-fopenmp'"
    )]
    OtherOpenMp(String, String),
    /// A warning that capec does not have.
    #[error(
        "unknown warning '{0}'; capec's own are -Wcape-race-prone and -Wcape-serial, and -Wcape for both"
    )]
    UnknownWarning(String),
    /// A linker that cannot do it.
    #[error("'{0}' cannot be used: the link needs GNU ld or lld; drop the flag")]
    Linker(String),
    /// LTO and `-static`.
    #[error(
        "{0} holds link-time optimisation code, whose calls cannot be redirected in a static link; drop '-flto' or '-static'"
    )]
    StaticLto(String),
    /// A thin archive in a static link.
    #[error(
        "{0} is a thin archive, which a static link cannot use; make it with 'ar rcs' instead of 'ar rcsT'"
    )]
    ThinArchive(String),
    /// The translator's thread could not be started or similar.
    #[error("{0}")]
    System(String),
}
