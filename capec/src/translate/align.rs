//! Which bytes of the user's own file a range of the preprocessed text comes from.
//!
//! Preprocessing keeps lines and their order, so tokens are matched line by line: where a line has the same tokens in
//! both texts they correspond one to one; elsewhere (macros, inactive branches) common tokens at both ends of the
//! differing stretch do.

use std::collections::BTreeMap;
use std::ops::Range;

use super::markers::SourceMap;
use super::tokens::{Token, TokenKind, tokens, tokens_within};

/// Pairs of corresponding tokens, in order.
#[derive(Clone, Debug)]
pub struct Alignment {
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Alignment {
    /// Matches the tokens of `text` that come from `file` with those of `original`, the text of that file.
    pub fn new(text: &str, all: &[Token], map: &SourceMap<'_>, file: &str, original: &str) -> Self {
        let expanded = by_line(plain_tokens(text, all).into_iter().filter_map(|token| {
            let place = map.place(token.start);
            (place.file == file).then_some((place.line, token))
        }));
        let starts: Vec<usize> = std::iter::once(0)
            .chain(original.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let written = by_line(
            plain_tokens(original, &tokens(original))
                .into_iter()
                .map(|token| (logical_line(original, &starts, token.start), token)),
        );
        let mut pairs = Vec::new();
        for (line, tokens) in &expanded {
            let Some(others) = written.get(line) else {
                continue;
            };
            match_line(text, tokens, original, others, &mut pairs);
        }
        pairs.sort_by_key(|(one, _): &(Range<usize>, Range<usize>)| one.start);
        Alignment { pairs }
    }

    /// The bytes of the original that correspond to `range`, if its first token does.
    pub fn original(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let first = self
            .pairs
            .partition_point(|(one, _)| one.end <= range.start);
        let (one, other) = self
            .pairs
            .get(first)
            .filter(|(one, _)| one.start <= range.start || one.start < range.end)?;
        let start = other.start + range.start.saturating_sub(one.start);
        let last = self
            .pairs
            .partition_point(|(one, _)| one.start < range.end)
            .checked_sub(1)?;
        let (_, end) = &self.pairs[last.max(first)];
        Some(start..end.end.max(start))
    }

    /// Corresponding tokens, in order.
    pub fn pairs(&self) -> &[(Range<usize>, Range<usize>)] {
        &self.pairs
    }
}

/// Line on which the splice that `offset` is on begins, from 1.
fn logical_line(text: &str, starts: &[usize], offset: usize) -> usize {
    let mut line = starts.partition_point(|start| *start <= offset);
    while line > 1
        && text[..starts[line - 1]]
            .trim_end_matches(['\n', '\r'])
            .ends_with('\\')
        && text[..starts[line - 1]].ends_with('\n')
    {
        line -= 1;
    }
    line
}

/// Ranges of tokens, with pragmas split into theirs and other directives left out.
pub fn plain_tokens(text: &str, all: &[Token]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for token in all {
        match token.kind {
            TokenKind::Directive => {
                let inside = tokens_within(text, token.range.clone());
                if inside
                    .get(1)
                    .is_some_and(|word| word.text(text) == "pragma")
                {
                    out.extend(inside.into_iter().map(|token| token.range));
                }
            }
            _ => out.push(token.range.clone()),
        }
    }
    out
}

fn by_line(
    tokens: impl Iterator<Item = (usize, Range<usize>)>,
) -> BTreeMap<usize, Vec<Range<usize>>> {
    let mut lines: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
    for (line, token) in tokens {
        lines.entry(line).or_default().push(token);
    }
    lines
}

fn match_line(
    text: &str,
    tokens: &[Range<usize>],
    original: &str,
    others: &[Range<usize>],
    pairs: &mut Vec<(Range<usize>, Range<usize>)>,
) {
    let same = |(one, other): &(&Range<usize>, &Range<usize>)| {
        text[(*one).clone()] == original[(*other).clone()]
    };
    let front = tokens.iter().zip(others).take_while(same).count();
    let back = tokens[front..]
        .iter()
        .rev()
        .zip(others[front..].iter().rev())
        .take_while(same)
        .count();
    let pair = |(one, other): (&Range<usize>, &Range<usize>)| (one.clone(), other.clone());
    pairs.extend(tokens[..front].iter().zip(&others[..front]).map(pair));
    pairs.extend(
        tokens[tokens.len() - back..]
            .iter()
            .zip(&others[others.len() - back..])
            .map(pair),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_columns_behind_comments_macros_and_splices() {
        let original = "int a; /* c */ int b = N;\n    #pragma omp  parallel \\\n  private(x)\n";
        let text = "# 1 \"f.c\"\nint a; int b = 3;\n# 2 \"f.c\"\n#pragma omp parallel private(x)\n";
        let map = SourceMap::new(text);
        let alignment = Alignment::new(text, &tokens(text), &map, "f.c", original);
        let at = |needle: &str| {
            let start = text.find(needle).expect("in the text");
            alignment
                .original(&(start..start + needle.len()))
                .map(|range| &original[range])
        };
        assert_eq!(at("b = "), Some("b ="));
        assert_eq!(at("private(x)"), Some("private(x)"));
        assert_eq!(at("parallel"), Some("parallel"));
        assert_eq!(at("3"), None);
    }
}
