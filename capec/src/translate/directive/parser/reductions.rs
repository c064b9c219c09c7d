//! The parser of `declare reduction`.

use std::ops::Range;

use super::super::super::tokens::{TokenKind, closing};
use super::super::{Clause, ClauseKind, Declaration, Operator};
use super::Parser;

const FORM: &str = "'declare reduction' has the form declare reduction(name : types : combiner)";

impl Parser<'_> {
    /// All of a `declare reduction` after its name.
    pub(super) fn declare_reduction(&mut self) -> Option<Clause> {
        let start = self.at;
        let whole = self.range.clone();
        let close = closing(self.text, self.tokens, self.at).filter(|_| self.word() == "(");
        let Some(close) = close else {
            self.at = self.tokens.len();
            self.malformed(&whole, FORM.to_owned());
            return None;
        };
        let colons = self.top_level(start + 1..close, ":");
        self.at = close + 1;
        let [first, second, ..] = colons.as_slice() else {
            self.at = self.tokens.len();
            self.malformed(&whole, FORM.to_owned());
            return None;
        };
        let (name, types, combiner) = (start + 1..*first, first + 1..*second, second + 1..close);
        let word = self.word_at(name.start);
        let named = name.len() == 1
            && (self.tokens[name.start].kind == TokenKind::Word
                || (Operator::parse(word).is_some() && word != "-"));
        if !named || types.is_empty() || combiner.is_empty() {
            self.at = self.tokens.len();
            self.malformed(&whole, FORM.to_owned());
            return None;
        }
        let mut all = Vec::new();
        let mut from = types.start;
        for end in self
            .top_level(types.clone(), ",")
            .into_iter()
            .chain([types.end])
        {
            if end <= from {
                self.malformed(&whole, "expected a type in 'declare reduction'".to_owned());
                return None;
            }
            all.push(self.span(from..end));
            from = end + 1;
        }
        let initializer = self.initializer(&whole);
        let declaration = Declaration {
            name: self.span(name),
            types: all,
            combiner: self.span(combiner),
            initializer,
        };
        Some(Clause {
            kind: ClauseKind::Reduction(declaration),
            range: whole,
        })
    }

    fn initializer(&mut self, whole: &Range<usize>) -> Option<(bool, Range<usize>)> {
        if self.word() != "initializer" {
            return None;
        }
        self.at += 1;
        let close = closing(self.text, self.tokens, self.at).filter(|_| self.word() == "(");
        let inside = close
            .map(|close| self.at + 1..close)
            .filter(|inside| !inside.is_empty());
        let Some(inside) = inside else {
            self.at = self.tokens.len();
            self.malformed(
                whole,
                "'initializer' takes 'omp_priv = value' or a call in parentheses".to_owned(),
            );
            return None;
        };
        self.at = inside.end + 1;
        let assigns =
            self.word_at(inside.start) == "omp_priv" && self.word_at(inside.start + 1) == "=";
        let value = match assigns {
            true => inside.start + 2..inside.end,
            false => inside,
        };
        if value.is_empty() || (!assigns && self.word_at(value.start + 1) != "(") {
            self.malformed(
                whole,
                "'initializer' takes 'omp_priv = value' or a call in parentheses".to_owned(),
            );
            return None;
        }
        Some((assigns, self.span(value)))
    }

    /// Indices of the tokens `word` that are in no brackets; the `:` of a conditional expression is none.
    fn top_level(&self, inside: Range<usize>, word: &str) -> Vec<usize> {
        let (mut found, mut at, mut questions) = (Vec::new(), inside.start, 0);
        while at < inside.end {
            match self.word_at(at) {
                "(" | "[" | "{" => at = closing(self.text, self.tokens, at).unwrap_or(at),
                "?" => questions += 1,
                ":" if questions > 0 => questions -= 1,
                other if other == word => found.push(at),
                _ => {}
            }
            at += 1;
        }
        found
    }
}
