//! Lays problems out for a terminal, with the user's own lines and carets.
//!
//! Preprocessing changes columns (comments, macros, the indentation of pragmas), so the user's file is read again and the
//! place is found in it token by token ([`super::align`]); where the file cannot be read, the preprocessed line is shown.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use codespan_reporting::diagnostic::{Diagnostic as Layout, Label};
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::{self, Config};

use super::align::Alignment;
use super::markers::SourceMap;
use super::problem::Problem;
use super::tokens::Token;

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

/// Lays all problems out, in the order of the text.
pub fn report(
    mut problems: Vec<Problem>,
    text: &str,
    tokens: &[Token],
    map: &SourceMap<'_>,
) -> Diagnostics {
    problems.sort_by_key(|problem| problem.range.start);
    let mut sources = Sources {
        text,
        tokens,
        map,
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
        let (file, range) = self.locate(&problem.range);
        let mut labels = vec![Label::primary(file, range)];
        for (range, text) in &problem.related {
            let (file, range) = self.locate(range);
            labels.push(Label::secondary(file, range).with_message(text));
        }
        let layout = Layout::error()
            .with_message(&problem.message)
            .with_labels(labels)
            .with_notes(problem.notes.clone());
        let config = Config {
            chars: codespan_reporting::term::Chars::ascii(),
            ..Config::default()
        };
        let place = self.map.place(problem.range.start);
        let text = term::emit_into_string(&config, &*self, &layout).unwrap_or_else(|_| {
            format!(
                "{}:{}: error: {}\n",
                place.file, place.line, problem.message
            )
        });
        Diagnostic(text.trim_end().to_owned() + "\n")
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
