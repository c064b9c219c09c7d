//! The translation for people (`capec --emit-c`): the user's own file, with the functions that have constructs translated.
//!
//! Ranges of the preprocessed text are traced back to the user's file token by token ([`super::align`]), so comments and
//! macros survive wherever no edit falls inside them. Preprocessor conditionals inside a translated function do not: there
//! the active branch is shown. Functions that come from included files keep their pragmas; a comment at the top names them.

use std::collections::HashMap;
use std::ops::Range;

use super::align::{Alignment, plain_tokens};
use super::code::{Code, Piece};
use super::lower::Translated;
use super::markers::SourceMap;
use super::tokens::{Token, TokenKind, tokens};

/// Lays the translation of `original` out, whose preprocessed form is `text`.
pub fn readable(
    functions: &[Translated],
    text: &str,
    all: &[Token],
    map: &SourceMap<'_>,
    original: &str,
) -> String {
    let first_line = text.find('\n').map_or(0, |end| end + 1);
    let file = map.place(first_line).file;
    let alignment = Alignment::new(text, all, map, file, original);
    let reader = Reader::new(text, all, original, &alignment);
    let mut out = String::from("#include <cape.h>\n");
    for function in functions
        .iter()
        .filter(|function| map.place(function.range.start).file != file)
    {
        let place = map.place(function.range.start);
        let note = format!(
            "/* not translated here, but when compiled: the function at {}:{} */\n",
            place.file, place.line
        );
        out.push_str(&note);
    }
    let mut at = 0;
    for function in functions
        .iter()
        .filter(|function| map.place(function.range.start).file == file)
    {
        let Some(range) = reader
            .whole(&function.range)
            .filter(|range| range.start >= at)
        else {
            continue;
        };
        let insertion = paragraph(original, at, range.start);
        out.push_str(&original[at..insertion]);
        out.push_str(indent(&reader.code(&function.before)).trim_start());
        out.push('\n');
        out.push_str(&original[insertion..range.start]);
        out.push_str(&reader.code(&function.code));
        at = range.end;
    }
    out.push_str(&original[at..]);
    out
}

/// Start of the paragraph (a comment, say) that leads up to `end`.
fn paragraph(original: &str, start: usize, end: usize) -> usize {
    original[start..end]
        .rfind("\n\n")
        .map_or(end, |blank| start + blank + 2)
}

struct Reader<'a> {
    text: &'a str,
    original: &'a str,
    /// Tokens of the preprocessed text.
    tokens: Vec<Range<usize>>,
    /// Their counterparts by start.
    pairs: HashMap<usize, Range<usize>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, all: &[Token], original: &'a str, alignment: &Alignment) -> Self {
        let pairs = alignment
            .pairs()
            .iter()
            .map(|(one, other)| (one.start, other.clone()))
            .collect();
        Reader {
            text,
            original,
            tokens: plain_tokens(text, all),
            pairs,
        }
    }

    fn counterpart(&self, index: usize) -> Option<&Range<usize>> {
        self.pairs.get(&self.tokens.get(index)?.start)
    }

    /// The original's range for a range that begins and ends with tokens of it.
    fn whole(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let first = self
            .tokens
            .partition_point(|token| token.start < range.start);
        let last = self
            .tokens
            .partition_point(|token| token.end <= range.end)
            .checked_sub(1)?;
        Some(self.counterpart(first)?.start..self.counterpart(last)?.end)
    }

    fn code(&self, code: &Code) -> String {
        let mut out = String::new();
        for piece in &code.0 {
            match piece {
                Piece::Place(_) | Piece::Quiet(_) => {}
                Piece::Line(blanks) => begin_line(&mut out, blanks),
                Piece::Made(text) | Piece::Instead(_, text) => out.push_str(text),
                Piece::User(range) => self.user(range, &mut out),
            }
        }
        out
    }

    fn user(&self, range: &Range<usize>, out: &mut String) {
        let first = self
            .tokens
            .partition_point(|token| token.start < range.start);
        let end = self.tokens.partition_point(|token| token.start < range.end);
        let mut index = first;
        if first == end {
            out.push_str(&self.blanks(range));
            return;
        }
        let before = first
            .checked_sub(1)
            .map_or(range.start, |before| self.tokens[before].end);
        if range.start < self.tokens[first].start {
            let gap = if before == range.start {
                self.gap(first - 1, first)
            } else {
                None
            };
            out.push_str(
                &gap.unwrap_or_else(|| self.blanks(&(range.start..self.tokens[first].start))),
            );
        }
        while index < end {
            out.push_str(&self.text[self.tokens[index].clone()]);
            let next = (index + 1..end).find(|next| self.counterpart(*next).is_some());
            let macro_gap = next.and_then(|next| Some((next, self.gap(index, next)?)));
            match macro_gap {
                Some((next, gap)) => {
                    out.push_str(&gap);
                    index = next;
                }
                None => {
                    let follows = self
                        .tokens
                        .get(index + 1)
                        .map_or(range.end, |next| next.start);
                    let place = self.tokens[index].end..follows.min(range.end);
                    let trailing = index + 1 == end && follows <= range.end;
                    let gap = if trailing {
                        self.gap(index, index + 1)
                    } else {
                        None
                    };
                    out.push_str(&gap.unwrap_or_else(|| self.blanks(&place)));
                    index += 1;
                }
            }
        }
    }

    /// What the user wrote between two tokens that have counterparts, unless a directive is in it.
    fn gap(&self, one: usize, other: usize) -> Option<String> {
        let (one, other) = (self.counterpart(one)?, self.counterpart(other)?);
        let gap = self.original.get(one.end..other.start)?;
        let directive = tokens(&format!(" {gap}"))
            .iter()
            .any(|token| token.kind == TokenKind::Directive);
        (!directive).then(|| gap.to_owned())
    }

    /// The preprocessed text of a range, which holds no token, without its line markers.
    fn blanks(&self, range: &Range<usize>) -> String {
        let text = &self.text[range.clone()];
        if !text.contains('#') {
            return text.to_owned();
        }
        let lines: Vec<&str> = text
            .split('\n')
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let last = lines.last().copied().unwrap_or_default();
        if lines.len() > 1 {
            format!("\n{last}")
        } else {
            " ".to_owned()
        }
    }
}

/// If nothing is on the last line yet, begins it with `blanks`.
fn begin_line(out: &mut String, blanks: &str) {
    let start = out.rfind('\n').map_or(0, |line| line + 1);
    if out[start..].chars().all(char::is_whitespace) {
        out.truncate(start);
        out.push_str(blanks);
    }
}

/// Indents outlined functions, in which generated lines and the user's meet, by their brackets.
fn indent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut headers) = (0_usize, 0_usize);
    let mut comment = false;
    for line in text.lines().map(str::trim) {
        let closing = line
            .chars()
            .take_while(|letter| matches!(letter, '}' | ')'))
            .count();
        if line.starts_with('{') {
            headers = headers.saturating_sub(1);
        }
        let level = depth.saturating_sub(closing) + headers;
        if !line.is_empty() {
            out.push_str(&"    ".repeat(level));
            out.push_str(if comment && line.starts_with('*') {
                " "
            } else {
                ""
            });
            out.push_str(line);
        }
        out.push('\n');
        (depth, comment) = brackets(line, depth, comment);
        headers = if is_header(line) { headers + 1 } else { 0 };
    }
    out
}

/// A line that controls the next one: `for (...)`, `else`.
fn is_header(line: &str) -> bool {
    let keyword = [
        "for ", "for(", "while ", "while(", "if ", "if(", "else", "switch ", "switch(", "} else",
    ];
    keyword.iter().any(|word| line.starts_with(word))
        && (line.ends_with(')') || line.ends_with("else"))
}

/// Depth of brackets after `line`, and whether a comment goes on.
fn brackets(line: &str, mut depth: usize, mut comment: bool) -> (usize, bool) {
    let mut rest = line;
    if comment {
        match rest.split_once("*/") {
            None => return (depth, true),
            Some((_, after)) => rest = after,
        }
        comment = false;
    }
    for token in tokens(rest)
        .iter()
        .filter(|token| token.kind == TokenKind::Punctuation)
    {
        match token.text(rest) {
            "{" | "(" => depth += 1,
            "}" | ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if let Some(open) = rest.rfind("/*") {
        comment |= !rest[open..].contains("*/");
    }
    (depth, comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_indented_by_their_brackets() {
        let text =
            "void f(void)\n{\nfor (;;)\nif (x)\ng(\"{\");\n    /* {\n * two */\n{\nh();\n}\n}\n";
        let expected = "void f(void)\n{\n    for (;;)\n        if (x)\n            g(\"{\");\n    /* {\n     * two */\n    {\n        h();\n    }\n}\n";
        assert_eq!(indent(text), expected);
    }

    #[test]
    fn a_paragraph_includes_the_comment_before_it() {
        let text = "int a;\n\n/* f */\nint f(void);";
        assert_eq!(paragraph(text, 0, text.len() - 12), 8);
        assert_eq!(paragraph("int a; int f;", 0, 7), 7);
    }
}
