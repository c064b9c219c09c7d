//! Lays problems out for a terminal, with the user's own lines and carets.
//!
//! Preprocessing changes columns (comments, macros, the indentation of pragmas), so the user's file is read again and the
//! place is found in it token by token ([`super::align`]); where the file cannot be read, the preprocessed line is shown.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use codespan_reporting::diagnostic::{self as term_severity, Diagnostic as Layout, Label};
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::{self, Config, DisplayStyle, Styles, StylesWriter, termcolor};
use serde_json::{Value, json};

use super::align::Alignment;
use super::markers::SourceMap;
use super::problem::{Problem, Severity};
use super::tokens::Token;

/// Warnings of capec's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A write to a shared variable that nothing protects.
    RaceProne,
    /// A construct in a loop that makes the ranks take turns.
    Serial,
}

impl Warning {
    /// Each of them, in the order of their numbers.
    pub const ALL: [Warning; 2] = [Warning::RaceProne, Warning::Serial];

    /// The name after `-W`.
    pub fn name(self) -> &'static str {
        match self {
            Warning::RaceProne => "cape-race-prone",
            Warning::Serial => "cape-serial",
        }
    }
}

/// What becomes of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not given.
    Off,
    /// It is given.
    Warn,
    /// It is an error.
    Error,
}

/// What messages look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With the user's lines.
    Rich {
        /// In colours, by ANSI sequences.
        colour: bool,
    },
    /// One line each.
    Short {
        /// In colours.
        colour: bool,
    },
    /// An object a line, as in gcc's `-fdiagnostics-format=json`.
    Json,
}

/// What the user wants to hear, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// The looks.
    pub style: Style,
    /// The warnings; one that is missing is off.
    pub warnings: Vec<(Warning, Level)>,
    /// No warnings at all, whatever they are about: `-w`.
    pub quiet: bool,
}

impl Default for Wishes {
    /// The user's lines without colours, no warnings.
    fn default() -> Self {
        Self {
            style: Style::Rich { colour: false },
            warnings: Vec::new(),
            quiet: false,
        }
    }
}

impl Wishes {
    /// What becomes of `warning`.
    pub fn level(&self, warning: Warning) -> Level {
        self.warnings
            .iter()
            .find(|(one, _)| *one == warning)
            .map_or(Level::Off, |(_, level)| *level)
    }
}

/// One message, already laid out; ends with a line feed.
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
    /// Number of messages.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The messages.
    pub fn into_messages(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|one| one.fmt(f))
    }
}

impl std::error::Error for Diagnostics {}

/// Lays all problems out, in the order of the text.
pub fn report(
    mut problems: Vec<Problem>,
    text: &str,
    tokens: &[Token],
    map: &SourceMap<'_>,
    wishes: &Wishes,
) -> Diagnostics {
    problems.sort_by_key(|problem| problem.range.start);
    let mut sources = Sources {
        text,
        tokens,
        map,
        wishes,
        files: Vec::new(),
        by_name: HashMap::new(),
    };
    Diagnostics(
        problems
            .iter()
            .map(|problem| sources.lay_out(problem))
            .collect(),
    )
}

struct Sources<'a> {
    text: &'a str,
    tokens: &'a [Token],
    map: &'a SourceMap<'a>,
    wishes: &'a Wishes,
    files: Vec<Source>,
    by_name: HashMap<String, usize>,
}

/// A file of the user's, or one line of the preprocessed text.
struct Source {
    name: String,
    text: String,
    starts: Vec<usize>,
    first_line: usize,
    alignment: Option<Alignment>,
}

impl Sources<'_> {
    fn lay_out(&mut self, problem: &Problem) -> Diagnostic {
        match self.wishes.style {
            Style::Json => Diagnostic(self.json(problem)),
            Style::Rich { colour } => self.drawn(problem, DisplayStyle::Rich, colour),
            Style::Short { colour } => self.drawn(problem, DisplayStyle::Medium, colour),
        }
    }

    /// `error` or `warning`, and the option that controls it.
    fn kind(&self, problem: &Problem) -> (term_severity::Severity, Option<String>) {
        match problem.severity {
            Severity::Error => (term_severity::Severity::Error, None),
            Severity::Warning(warning) if self.wishes.level(warning) == Level::Error => (
                term_severity::Severity::Error,
                Some(format!("-Werror={}", warning.name())),
            ),
            Severity::Told => (term_severity::Severity::Warning, None),
            Severity::Warning(warning) => (
                term_severity::Severity::Warning,
                Some(format!("-W{}", warning.name())),
            ),
        }
    }

    fn drawn(&mut self, problem: &Problem, style: DisplayStyle, colour: bool) -> Diagnostic {
        let (file, range) = self.locate(&problem.range);
        let mut labels = vec![Label::primary(file, range)];
        for (range, text) in &problem.related {
            let (file, range) = self.locate(range);
            labels.push(Label::secondary(file, range).with_message(text));
        }
        let (severity, option) = self.kind(problem);
        let option = option.map(|option| format!(" [{option}]"));
        let message = format!("{}{}", problem.message, option.unwrap_or_default());
        let layout = Layout::new(severity)
            .with_message(&message)
            .with_labels(labels)
            .with_notes(problem.notes.clone());
        let config = Config {
            chars: codespan_reporting::term::Chars::ascii(),
            display_style: style,
            ..Config::default()
        };
        let drawn = if colour {
            let styles = Styles::default();
            let mut ansi = termcolor::Ansi::new(Vec::new());
            let mut writer = StylesWriter::new(&mut ansi, &styles);
            term::emit_to_write_style(&mut writer, &config, &*self, &layout)
                .map(|()| String::from_utf8_lossy(ansi.get_ref()).into_owned())
        } else {
            term::emit_into_string(&config, &*self, &layout)
        };
        let place = self.map.place(problem.range.start);
        let text =
            drawn.unwrap_or_else(|_| format!("{}:{}: error: {message}\n", place.file, place.line));
        Diagnostic(text.trim_end().to_owned() + "\n")
    }

    fn json(&mut self, problem: &Problem) -> String {
        let (severity, option) = self.kind(problem);
        let note = |message: &str, locations: Vec<Value>| json!({"kind": "note", "message": message, "locations": locations});
        let places = problem.related.clone();
        let mut children: Vec<Value> = places
            .iter()
            .map(|(range, text)| note(text, vec![self.json_location(range)]))
            .collect();
        children.extend(problem.notes.iter().map(|text| note(text, Vec::new())));
        let mut object = json!({
            "kind": if severity == term_severity::Severity::Error { "error" } else { "warning" },
            "message": problem.message,
            "column-origin": 1,
            "escape-source": false,
            "locations": [self.json_location(&problem.range)],
            "children": children,
        });
        if let (Some(option), Some(fields)) = (option, object.as_object_mut()) {
            fields.insert("option".into(), option.into());
        }
        format!("{object}\n")
    }

    fn json_location(&mut self, range: &Range<usize>) -> Value {
        let (file, range) = self.locate(range);
        let caret = self.json_point(file, range.start);
        let last = range.end.saturating_sub(1).max(range.start);
        json!({"caret": caret, "finish": self.json_point(file, last)})
    }

    fn json_point(&self, file: usize, byte: usize) -> Value {
        let index = self.line_index(file, byte).unwrap_or_default();
        let start = self.line_range(file, index).map_or(byte, |line| line.start);
        let column = byte - start + 1;
        let source = &self.files[file];
        let shown = source
            .text
            .get(start..byte)
            .map_or(column, |before| before.chars().count() + 1);
        json!({
            "file": source.name,
            "line": source.first_line + index,
            "column": shown,
            "byte-column": column,
            "display-column": shown,
        })
    }

    /// The file and the bytes in it that `range` of the preprocessed text comes from.
    fn locate(&mut self, range: &Range<usize>) -> (usize, Range<usize>) {
        let place = self.map.place(range.start);
        let file = self
            .by_name
            .get(place.file)
            .copied()
            .or_else(|| self.open(place.file));
        if let Some(file) = file
            && let Some(alignment) = &self.files[file].alignment
            && let Some(found) = alignment.original(range)
        {
            return (file, found);
        }
        let line = self.map.physical_line(self.text, range.start);
        self.files.push(Source {
            name: place.file.to_owned(),
            text: self.text[line.clone()].to_owned(),
            starts: vec![0],
            first_line: place.line,
            alignment: None,
        });
        (
            self.files.len() - 1,
            range.start - line.start..range.end.min(line.end) - line.start,
        )
    }

    fn open(&mut self, name: &str) -> Option<usize> {
        let text = std::fs::read_to_string(name).ok()?;
        let alignment = Alignment::new(self.text, self.tokens, self.map, name, &text);
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        self.files.push(Source {
            name: name.to_owned(),
            text,
            starts,
            first_line: 1,
            alignment: Some(alignment),
        });
        self.by_name.insert(name.to_owned(), self.files.len() - 1);
        Some(self.files.len() - 1)
    }
}

impl<'f> Files<'f> for Sources<'_> {
    type FileId = usize;
    type Name = &'f str;
    type Source = &'f str;

    fn name(&'f self, id: usize) -> Result<&'f str, Error> {
        Ok(&self.files.get(id).ok_or(Error::FileMissing)?.name)
    }

    fn source(&'f self, id: usize) -> Result<&'f str, Error> {
        Ok(&self.files.get(id).ok_or(Error::FileMissing)?.text)
    }

    fn line_index(&'f self, id: usize, byte: usize) -> Result<usize, Error> {
        let file = self.files.get(id).ok_or(Error::FileMissing)?;
        Ok(file
            .starts
            .partition_point(|start| *start <= byte)
            .saturating_sub(1))
    }

    fn line_number(&'f self, id: usize, index: usize) -> Result<usize, Error> {
        Ok(self.files.get(id).ok_or(Error::FileMissing)?.first_line + index)
    }

    fn line_range(&'f self, id: usize, index: usize) -> Result<Range<usize>, Error> {
        let file = self.files.get(id).ok_or(Error::FileMissing)?;
        let start = *file.starts.get(index).ok_or(Error::LineTooLarge {
            given: index,
            max: file.starts.len(),
        })?;
        Ok(start
            ..file
                .starts
                .get(index + 1)
                .copied()
                .unwrap_or(file.text.len()))
    }
}
