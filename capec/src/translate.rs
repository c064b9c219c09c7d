//! Source-to-source translation of one preprocessed C file.

use std::fmt;
use std::path::Path;

/// One C file to be translated.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Output of `gcc -E -fopenmp`, with line markers.
    pub preprocessed: &'a str,
    /// The source file as the user named it.
    pub source: &'a Path,
}

/// The translated file.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Preprocessed C with line markers; no macro is expanded in it any more.
    pub text: String,
    /// Warnings to show.
    pub report: Vec<Diagnostic>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// No OpenMP semantics in it: compile the original.
    Untouched,
    /// OpenMP constructs were replaced.
    Translated(Translation),
}

/// One message, already laid out for a terminal; ends with a line feed.
#[derive(Clone, Debug)]
pub struct Diagnostic(String);

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that is wrong with a file.
#[derive(Clone, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Number of errors.
    pub fn error_count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|one| one.fmt(f))
    }
}

impl std::error::Error for Diagnostics {}

fn check(unit: &Unit<'_>) -> Result<(), Diagnostics> {
    match unit
        .preprocessed
        .lines()
        .find(|line| line.starts_with("#pragma omp"))
    {
        None => Ok(()),
        Some(line) => {
            let text = format!(
                "{}: error: '{line}' is not supported yet\n",
                unit.source.display()
            );
            Err(Diagnostics(vec![Diagnostic(text)]))
        }
    }
}

/// Translates a file.
///
/// # Errors
/// All errors of the file.
pub fn translate(unit: &Unit<'_>) -> Result<Outcome, Diagnostics> {
    check(unit).map(|()| Outcome::Untouched)
}

/// The readable translation: `original` with constructs replaced.
///
/// # Errors
/// All errors of the file.
pub fn emit_c(unit: &Unit<'_>, original: &str) -> Result<String, Diagnostics> {
    check(unit).map(|()| original.to_owned())
}
