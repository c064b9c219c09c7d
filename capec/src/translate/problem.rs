//! One thing that is wrong with the user's program, found at a place of the preprocessed text.
//!
//! Phases collect problems and go on, so that one run reports all of them; [`super::report`] lays them out for a terminal.

use std::ops::Range;

use super::report::Warning;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be translated.
    #[default]
    Error,
    /// It can, but may not do what is meant.
    Warning(Warning),
    /// It can; the program itself wants this to be said.
    Told,
}

/// An error or warning with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Lower-case sentence without a full stop.
    pub message: String,
    /// Bytes of the preprocessed text to point at.
    pub range: Range<usize>,
    /// Other places that matter, each with its text.
    pub related: Vec<(Range<usize>, String)>,
    /// What to do next.
    pub notes: Vec<String>,
}

impl Problem {
    /// A problem at `range`.
    pub fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            message: message.into(),
            range,
            related: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A warning at `range`.
    pub fn warning(warning: Warning, range: Range<usize>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Warning(warning),
            ..Problem::new(range, message)
        }
    }

    /// The same, as something that is only said.
    pub fn told(self) -> Self {
        Problem {
            severity: Severity::Told,
            ..self
        }
    }

    /// Adds another place.
    pub fn related(mut self, range: Range<usize>, text: impl Into<String>) -> Self {
        self.related.push((range, text.into()));
        self
    }

    /// Adds advice.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }
}
