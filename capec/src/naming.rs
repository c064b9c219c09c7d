//! What gcc calls the files it writes: outputs, auxiliary outputs (`-save-temps`, `--coverage`, …) and dependency files.
//!
//! Pure functions of the command line; checked against gcc itself in the tests of the driver.

use crate::args::{Class, Mode};
use crate::options::{Input, Options};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The output of compiling `input` in `mode` when there is no `-o`: the file's name in the current directory with another
/// suffix.
pub fn default_output(input: &Input, mode: Mode) -> PathBuf {
    let suffix = if mode == Mode::Assembly { "s" } else { "o" };
    let mut name = stem(input);
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn stem(input: &Input) -> OsString {
    input
        .path
        .file_stem()
        .unwrap_or(input.path.as_os_str())
        .to_owned()
}

/// The dependency flags for preprocessing `input` with `-E`, where gcc would take `-o` for the dependency file: the user's
/// own, made complete with the file and the target gcc would choose. Empty if no `-MD` or `-MMD` was given.
pub fn dependency_flags(options: &Options, input: &Input) -> Vec<OsString> {
    if !options.has(Class::Dependency) {
        return Vec::new();
    }
    let is_dependency = |class| {
        matches!(
            class,
            Class::Dependency | Class::DependencyFile | Class::DependencyTarget
        )
    };
    let mut words: Vec<OsString> = options
        .flags()
        .filter(|flag| is_dependency(flag.class))
        .flat_map(|flag| flag.words.iter().cloned())
        .collect();
    let target = options
        .output
        .clone()
        .unwrap_or_else(|| default_output(input, Mode::Object));
    if !options.has(Class::DependencyFile) {
        words.push("-MF".into());
        words.push(dependency_file(options, input).into_os_string());
    }
    if !options.has(Class::DependencyTarget) {
        words.push("-MQ".into());
        words.push(target.into_os_string());
    }
    words
}

fn dependency_file(options: &Options, input: &Input) -> PathBuf {
    match &options.output {
        Some(output) => output.with_extension("d"),
        None => default_output(input, Mode::Object).with_extension("d"),
    }
}

/// `-dumpdir`, `-dumpbase` and `-dumpbase-ext` that make a compilation of a temporary file name its auxiliary outputs as
/// gcc would when compiling `input` itself. Empty when there are none, so that old compilers need not know the flags.
pub fn auxiliary_flags(options: &Options, input: &Input) -> Vec<OsString> {
    if !options.has(Class::Auxiliary) || options.has(Class::AuxiliaryName) {
        return Vec::new();
    }
    let (directory, base, suffix) = auxiliary_parts(options, input);
    let mut words: Vec<OsString> = Vec::new();
    if !directory.is_empty() {
        words.extend(["-dumpdir".into(), directory]);
    }
    let mut full = base;
    full.push(&suffix);
    words.extend(["-dumpbase".into(), full, "-dumpbase-ext".into(), suffix]);
    words
}

/// `<directory><base><suffix>` of the auxiliary outputs of `input`, as in gcc 11 and later ("-dumpdir" in its manual).
fn auxiliary_parts(options: &Options, input: &Input) -> (OsString, OsString, OsString) {
    let dotted = |suffix: &OsStr| {
        let mut text = OsString::from(".");
        text.push(suffix);
        text
    };
    let suffix = input.path.extension().map(dotted).unwrap_or_default();
    match (&options.output, options.mode) {
        (Some(output), Mode::Link) => (link_prefix(output), stem(input), suffix),
        (None, Mode::Link) => ("a-".into(), stem(input), suffix),
        (Some(output), _) => {
            let base = output.file_stem().unwrap_or(output.as_os_str()).to_owned();
            (directory(output), base, suffix)
        }
        (None, _) => (OsString::new(), stem(input), suffix),
    }
}

fn link_prefix(output: &Path) -> OsString {
    let mut prefix = directory(output);
    let name = match output.extension() {
        Some(suffix) if suffix == "exe" || suffix == "out" => output.file_stem(),
        _ => output.file_name(),
    };
    prefix.push(name.unwrap_or(output.as_os_str()));
    prefix.push("-");
    prefix
}

fn directory(path: &Path) -> OsString {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            let mut text = parent.as_os_str().to_owned();
            text.push("/");
            text
        }
        _ => OsString::new(),
    }
}

/// Where `-save-temps` puts a file of `input` with this suffix.
pub fn saved(options: &Options, input: &Input, suffix: &str) -> PathBuf {
    let (mut name, base, _) = auxiliary_parts(options, input);
    name.push(base);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    fn check(words: &[&str], expected: &str) {
        let options =
            Options::resolve(args::parse(words.iter().map(OsString::from)).unwrap()).unwrap();
        let input = options.inputs().next().unwrap().clone();
        let words = dependency_flags(&options, &input).join(OsStr::new(" "));
        assert_eq!(words.into_string().unwrap(), expected);
    }

    /// What gcc 12 was seen to do.
    #[test]
    fn dependency_files_are_named_as_by_gcc() {
        check(&["-MMD", "a.c", "-o", "prog"], "-MMD -MF prog.d -MQ prog");
        check(
            &["-MMD", "-c", "a.c", "-o", "sub/x.y.o"],
            "-MMD -MF sub/x.y.d -MQ sub/x.y.o",
        );
        check(&["-MMD", "-c", "sub/b.c"], "-MMD -MF b.d -MQ b.o");
        check(&["-MMD", "-S", "a.c"], "-MMD -MF a.d -MQ a.o");
        check(
            &["-MD", "-MP", "-MT", "zz", "-c", "a.c"],
            "-MD -MP -MT zz -MF a.d",
        );
        check(
            &["-MD", "-MF", "k.d", "-c", "sub/b.c"],
            "-MD -MF k.d -MQ b.o",
        );
        check(&["-c", "a.c"], "");
    }
}
