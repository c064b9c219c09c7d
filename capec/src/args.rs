//! gcc's command line as data: one sorted table of the flags that capec must understand, and the parser it drives.
//!
//! Only two things must be known of a flag: whether it eats the next word, and in which of the steps (preprocess, compile,
//! link) it belongs. A flag that is not in the table takes no separate value and belongs in every step, in the order given.

use crate::error::Error;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// How a flag takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// It has none: `-c`.
    None,
    /// In the same word, possibly empty: `-Wl,-s`.
    Joined,
    /// In the next word: `-Xlinker -s`.
    Separate,
    /// In the same word or the next: `-Iinc`, `-I inc`.
    Either,
}

/// What the whole command is to produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An executable (or a shared or relocatable object).
    Link,
    /// `-c`.
    Object,
    /// `-S`.
    Assembly,
    /// `-E`.
    Preprocess,
    /// `-M`, `-MM`.
    Dependencies,
    /// `-fsyntax-only`.
    Check,
    /// `--emit-c`.
    EmitC,
}

/// What a flag is for: decides in which steps it takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Decides what the preprocessor sees: preprocessing only.
    Preprocessor,
    /// Changes what `-E` prints: would spoil the text to be translated.
    Listing,
    /// `-MD` and its relatives, except for those with a class of their own.
    Dependency,
    /// `-MF`.
    DependencyFile,
    /// `-MT`, `-MQ`.
    DependencyTarget,
    /// Preprocessing and compiling.
    Compiler,
    /// Makes the compiler write further files, named after the output.
    Auxiliary,
    /// `-dumpbase` and the like: names those files.
    AuxiliaryName,
    /// Linking only.
    Linker,
    /// `-l`: linking, at its place among the inputs.
    Library,
    /// `-static`.
    Static,
    /// `-shared`.
    Shared,
    /// `-r`.
    Relocatable,
    /// Leaves the C library or its start-up files out of the link.
    Freestanding,
    /// `-fuse-ld=`.
    LinkerChoice,
    /// Position independence of the executable, which capec decides.
    Pie,
    /// `-o`.
    Output,
    /// `-x`.
    Language,
    /// What to produce.
    Mode(Mode),
    /// `-fopenmp` (true) and `-fno-openmp` (false).
    OpenMp(bool),
    /// Asks the host compiler something instead of compiling.
    Query,
    /// `--version`: a query that capec answers too.
    Version,
    /// `--help`: answered by capec.
    Help,
    /// `-v`.
    Verbose,
    /// `-###`.
    DryRun,
    /// A warning of capec's own.
    OwnWarning,
    /// Everything else: all steps.
    Any,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The flag without its value.
    pub name: &'static str,
    /// How it takes a value.
    pub value: Value,
    /// What it is for.
    pub class: Class,
}

const fn flag(name: &'static str, value: Value, class: Class) -> Flag {
    Flag { name, value, class }
}

/// Every flag whose value or class is not the default, sorted by name (byte order).
#[rustfmt::skip]
pub static FLAGS: &[Flag] = &[
    flag("-###",                     Value::None,     Class::DryRun),
    flag("--assemble",               Value::None,     Class::Mode(Mode::Assembly)),
    flag("--compile",                Value::None,     Class::Mode(Mode::Object)),
    flag("--coverage",               Value::None,     Class::Auxiliary),
    flag("--define-macro",           Value::Separate, Class::Preprocessor),
    flag("--define-macro=",          Value::Joined,   Class::Preprocessor),
    flag("--dependencies",           Value::None,     Class::Mode(Mode::Dependencies)),
    flag("--emit-c",                 Value::None,     Class::Mode(Mode::EmitC)),
    flag("--for-linker",             Value::Separate, Class::Linker),
    flag("--for-linker=",            Value::Joined,   Class::Linker),
    flag("--help",                   Value::None,     Class::Help),
    flag("--help=",                  Value::Joined,   Class::Query),
    flag("--include",                Value::Separate, Class::Preprocessor),
    flag("--include-directory",      Value::Separate, Class::Preprocessor),
    flag("--include-directory=",     Value::Joined,   Class::Preprocessor),
    flag("--include=",               Value::Joined,   Class::Preprocessor),
    flag("--language",               Value::Separate, Class::Language),
    flag("--language=",              Value::Joined,   Class::Language),
    flag("--library-directory",      Value::Separate, Class::Linker),
    flag("--library-directory=",     Value::Joined,   Class::Linker),
    flag("--output",                 Value::Separate, Class::Output),
    flag("--output=",                Value::Joined,   Class::Output),
    flag("--param",                  Value::Separate, Class::Any),
    flag("--pie",                    Value::None,     Class::Pie),
    flag("--preprocess",             Value::None,     Class::Mode(Mode::Preprocess)),
    flag("--print-",                 Value::Joined,   Class::Query),
    flag("--save-temps",             Value::None,     Class::Auxiliary),
    flag("--shared",                 Value::None,     Class::Shared),
    flag("--static",                 Value::None,     Class::Static),
    flag("--sysroot",                Value::Separate, Class::Any),
    flag("--target-help",            Value::None,     Class::Query),
    flag("--undefine-macro",         Value::Separate, Class::Preprocessor),
    flag("--undefine-macro=",        Value::Joined,   Class::Preprocessor),
    flag("--user-dependencies",      Value::None,     Class::Mode(Mode::Dependencies)),
    flag("--verbose",                Value::None,     Class::Verbose),
    flag("--version",                Value::None,     Class::Version),
    flag("--write-dependencies",     Value::None,     Class::Dependency),
    flag("--write-user-dependencies", Value::None,    Class::Dependency),
    flag("-A",                       Value::Either,   Class::Preprocessor),
    flag("-B",                       Value::Either,   Class::Any),
    flag("-C",                       Value::None,     Class::Listing),
    flag("-CC",                      Value::None,     Class::Listing),
    flag("-D",                       Value::Either,   Class::Preprocessor),
    flag("-E",                       Value::None,     Class::Mode(Mode::Preprocess)),
    flag("-H",                       Value::None,     Class::Preprocessor),
    flag("-I",                       Value::Either,   Class::Preprocessor),
    flag("-L",                       Value::Either,   Class::Linker),
    flag("-M",                       Value::None,     Class::Mode(Mode::Dependencies)),
    flag("-MD",                      Value::None,     Class::Dependency),
    flag("-MF",                      Value::Either,   Class::DependencyFile),
    flag("-MG",                      Value::None,     Class::Dependency),
    flag("-MM",                      Value::None,     Class::Mode(Mode::Dependencies)),
    flag("-MMD",                     Value::None,     Class::Dependency),
    flag("-MP",                      Value::None,     Class::Dependency),
    flag("-MQ",                      Value::Either,   Class::DependencyTarget),
    flag("-MT",                      Value::Either,   Class::DependencyTarget),
    flag("-P",                       Value::None,     Class::Listing),
    flag("-S",                       Value::None,     Class::Mode(Mode::Assembly)),
    flag("-T",                       Value::Either,   Class::Linker),
    flag("-U",                       Value::Either,   Class::Preprocessor),
    flag("-Wcape",                   Value::Joined,   Class::OwnWarning),
    flag("-Werror=cape",             Value::Joined,   Class::OwnWarning),
    flag("-Wl,",                     Value::Joined,   Class::Linker),
    flag("-Wno-cape",                Value::Joined,   Class::OwnWarning),
    flag("-Wno-error=cape",          Value::Joined,   Class::OwnWarning),
    flag("-Wp,",                     Value::Joined,   Class::Preprocessor),
    flag("-Xassembler",              Value::Separate, Class::Any),
    flag("-Xclang",                  Value::Separate, Class::Compiler),
    flag("-Xlinker",                 Value::Separate, Class::Linker),
    flag("-Xpreprocessor",           Value::Separate, Class::Preprocessor),
    flag("-aux-info",                Value::Separate, Class::Auxiliary),
    flag("-c",                       Value::None,     Class::Mode(Mode::Object)),
    flag("-d",                       Value::Joined,   Class::Auxiliary),
    flag("-dD",                      Value::None,     Class::Listing),
    flag("-dI",                      Value::None,     Class::Listing),
    flag("-dM",                      Value::None,     Class::Listing),
    flag("-dN",                      Value::None,     Class::Listing),
    flag("-dU",                      Value::None,     Class::Listing),
    flag("-dumpbase",                Value::Separate, Class::AuxiliaryName),
    flag("-dumpbase-ext",            Value::Separate, Class::AuxiliaryName),
    flag("-dumpdir",                 Value::Separate, Class::AuxiliaryName),
    flag("-dumpfullversion",         Value::None,     Class::Query),
    flag("-dumpmachine",             Value::None,     Class::Query),
    flag("-dumpspecs",               Value::None,     Class::Query),
    flag("-dumpversion",             Value::None,     Class::Query),
    flag("-e",                       Value::Either,   Class::Linker),
    flag("-fPIE",                    Value::None,     Class::Pie),
    flag("-fcallgraph-info",         Value::Joined,   Class::Auxiliary),
    flag("-fdirectives-only",        Value::None,     Class::Listing),
    flag("-fdump-",                  Value::Joined,   Class::Auxiliary),
    flag("-fno-PIE",                 Value::None,     Class::Pie),
    flag("-fno-openmp",              Value::None,     Class::OpenMp(false)),
    flag("-fno-pie",                 Value::None,     Class::Pie),
    flag("-fopenmp",                 Value::None,     Class::OpenMp(true)),
    flag("-fopenmp=",                Value::Joined,   Class::OpenMp(true)),
    flag("-fpie",                    Value::None,     Class::Pie),
    flag("-fpreprocessed",           Value::None,     Class::Listing),
    flag("-fprofile-arcs",           Value::None,     Class::Auxiliary),
    flag("-fstack-usage",            Value::None,     Class::Auxiliary),
    flag("-fsyntax-only",            Value::None,     Class::Mode(Mode::Check)),
    flag("-ftest-coverage",          Value::None,     Class::Auxiliary),
    flag("-fuse-ld=",                Value::Joined,   Class::LinkerChoice),
    flag("-gsplit-dwarf",            Value::None,     Class::Auxiliary),
    flag("-idirafter",               Value::Either,   Class::Preprocessor),
    flag("-imacros",                 Value::Either,   Class::Preprocessor),
    flag("-imultiarch",              Value::Separate, Class::Preprocessor),
    flag("-imultilib",               Value::Separate, Class::Preprocessor),
    flag("-include",                 Value::Either,   Class::Preprocessor),
    flag("-iprefix",                 Value::Either,   Class::Preprocessor),
    flag("-iquote",                  Value::Either,   Class::Preprocessor),
    flag("-isysroot",                Value::Either,   Class::Any),
    flag("-isystem",                 Value::Either,   Class::Preprocessor),
    flag("-iwithprefix",             Value::Either,   Class::Preprocessor),
    flag("-iwithprefixbefore",       Value::Either,   Class::Preprocessor),
    flag("-l",                       Value::Either,   Class::Library),
    flag("-mllvm",                   Value::Separate, Class::Compiler),
    flag("-no-pie",                  Value::None,     Class::Pie),
    flag("-nodefaultlibs",           Value::None,     Class::Freestanding),
    flag("-nolibc",                  Value::None,     Class::Freestanding),
    flag("-nostartfiles",            Value::None,     Class::Freestanding),
    flag("-nostdinc",                Value::None,     Class::Preprocessor),
    flag("-nostdlib",                Value::None,     Class::Freestanding),
    flag("-o",                       Value::Either,   Class::Output),
    flag("-pie",                     Value::None,     Class::Pie),
    flag("-print-",                  Value::Joined,   Class::Query),
    flag("-r",                       Value::None,     Class::Relocatable),
    flag("-rdynamic",                Value::None,     Class::Linker),
    flag("-s",                       Value::None,     Class::Linker),
    flag("-save-temps",              Value::None,     Class::Auxiliary),
    flag("-save-temps=",             Value::Joined,   Class::Auxiliary),
    flag("-shared",                  Value::None,     Class::Shared),
    flag("-shared-libgcc",           Value::None,     Class::Linker),
    flag("-static",                  Value::None,     Class::Static),
    flag("-static-libgcc",           Value::None,     Class::Linker),
    flag("-static-pie",              Value::None,     Class::Static),
    flag("-symbolic",                Value::None,     Class::Linker),
    flag("-t",                       Value::None,     Class::Linker),
    flag("-target",                  Value::Separate, Class::Any),
    flag("-traditional-cpp",         Value::None,     Class::Preprocessor),
    flag("-u",                       Value::Either,   Class::Linker),
    flag("-undef",                   Value::None,     Class::Preprocessor),
    flag("-v",                       Value::None,     Class::Verbose),
    flag("-wrapper",                 Value::Separate, Class::Any),
    flag("-x",                       Value::Either,   Class::Language),
    flag("-z",                       Value::Either,   Class::Linker),
];

/// One element of the command line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A file (or `-`).
    Input(OsString),
    /// A flag.
    Flag {
        /// What it is for.
        class: Class,
        /// As it was spelled: one word, or two if its value is separate.
        words: Vec<OsString>,
        /// Its value, empty if it has none.
        value: OsString,
    },
}

/// The table's row for `word`: the exact name, or the longest name that `word` continues with a joined value.
fn lookup(word: &[u8]) -> Option<&'static Flag> {
    let find = |name: &[u8]| {
        let at = FLAGS
            .binary_search_by(|row| row.name.as_bytes().cmp(name))
            .ok()?;
        FLAGS.get(at)
    };
    find(word).or_else(|| {
        (2..word.len())
            .rev()
            .filter_map(|length| find(&word[..length]))
            .find(|row| matches!(row.value, Value::Joined | Value::Either))
    })
}

/// Parses a command line whose response files are already expanded.
///
/// # Errors
/// [`Error::MissingValue`] when the last flag lacks its value.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Vec<Argument>, Error> {
    let mut words = words.into_iter();
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        if word.as_bytes().first() != Some(&b'-') || word == "-" {
            arguments.push(Argument::Input(word));
            continue;
        }
        let Some(row) = lookup(word.as_bytes()) else {
            arguments.push(Argument::Flag {
                class: Class::Any,
                words: vec![word],
                value: OsString::new(),
            });
            continue;
        };
        let rest = OsStr::from_bytes(&word.as_bytes()[row.name.len()..]).to_owned();
        let separate =
            row.value == Value::Separate || (row.value == Value::Either && rest.is_empty());
        let (value, spelled) = if separate {
            let next = words
                .next()
                .ok_or_else(|| Error::MissingValue(word.to_string_lossy().into_owned()))?;
            (next.clone(), vec![word, next])
        } else {
            (rest, vec![word])
        };
        arguments.push(Argument::Flag {
            class: row.class,
            words: spelled,
            value,
        });
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Vec<Argument> {
        parse(words.iter().map(OsString::from)).unwrap()
    }

    fn class_of(word: &str) -> Option<Class> {
        lookup(word.as_bytes()).map(|row| row.class)
    }

    #[test]
    fn table_is_sorted_and_unique() {
        for pair in FLAGS.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} before {}",
                pair[0].name,
                pair[1].name
            );
        }
    }

    #[test]
    fn longest_name_wins() {
        assert_eq!(class_of("-MMD"), Some(Class::Dependency));
        assert_eq!(class_of("-MFx.d"), Some(Class::DependencyFile));
        assert_eq!(class_of("-isystem/x"), Some(Class::Preprocessor));
        assert_eq!(class_of("-print-file-name=x"), Some(Class::Query));
        assert_eq!(class_of("-Wl,-s"), Some(Class::Linker));
        assert_eq!(class_of("-static-libgcc"), Some(Class::Linker));
        assert_eq!(class_of("-lm"), Some(Class::Library));
    }

    #[test]
    fn flags_without_a_value_do_not_match_longer_words() {
        for word in [
            "-std=gnu11",
            "-strange",
            "-cfoo",
            "-Esomething",
            "-vx",
            "-rpath",
            "-O3",
            "-Wall",
            "-fopenmp-simd",
        ] {
            assert_eq!(class_of(word), None, "{word}");
        }
    }

    #[test]
    fn separate_and_joined_values() {
        let flag = |class, words: &[&str], value: &str| Argument::Flag {
            class,
            words: words.iter().map(OsString::from).collect(),
            value: value.into(),
        };
        assert_eq!(
            parsed(&["-I", "a b", "-Ic", "-o", "-x", "-", "f.c", "-Xlinker", "-s"]),
            [
                flag(Class::Preprocessor, &["-I", "a b"], "a b"),
                flag(Class::Preprocessor, &["-Ic"], "c"),
                flag(Class::Output, &["-o", "-x"], "-x"),
                Argument::Input("-".into()),
                Argument::Input("f.c".into()),
                flag(Class::Linker, &["-Xlinker", "-s"], "-s"),
            ]
        );
    }

    #[test]
    fn a_missing_value_is_an_error() {
        assert!(
            matches!(parse([OsString::from("-o")]), Err(Error::MissingValue(name)) if name == "-o")
        );
    }
}
