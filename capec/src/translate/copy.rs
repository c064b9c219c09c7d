//! The copy of the text that is parsed: pragmas become labels, and what the grammar lacks is rewritten.
//!
//! Only this copy is altered; what the translation emits is always the user's own text, found through
//! [`ParseCopy::range`]. An alteration may lose meaning that the translation does not need (attributes, the width of
//! `__int128`) but never a use of a variable.

use std::ops::Range;

use super::nested;
use super::tokens::{Token, TokenKind, closing};

/// Prefix of the labels that stand for pragmas.
pub const LABEL: &str = "__omp_";

/// How a directive takes part in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It belongs to the statement that follows.
    Statement,
    /// It is a statement of its own.
    StandAlone,
    /// It is not shown to the parser.
    Hidden,
}

/// Text to parse, with a map back to the original.
#[derive(Clone, Debug)]
pub struct ParseCopy {
    /// What the parser reads.
    pub text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
struct Piece {
    copy: usize,
    original: Range<usize>,
    verbatim: bool,
}

/// Replacement of a range of the original.
#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    text: String,
}

impl ParseCopy {
    /// Copies `text` with pragma `k` of `pragmas` (token index and binding) as label `__omp_k`.
    pub fn new(text: &str, tokens: &[Token], pragmas: &[(usize, Binding)]) -> Self {
        let mut edits: Vec<Edit> = pragmas
            .iter()
            .enumerate()
            .map(|(number, (token, binding))| Edit {
                range: tokens[*token].range.clone(),
                text: match binding {
                    Binding::Statement => format!("{LABEL}{number}:"),
                    Binding::StandAlone => format!("{LABEL}{number}:;"),
                    Binding::Hidden => String::new(),
                },
            })
            .collect();
        let nested = nested::untranslated(text, tokens);
        edits.extend(nested.iter().map(|range| Edit {
            range: range.clone(),
            text: ";".to_owned(),
        }));
        let hidden = |at: usize| nested.iter().any(|range| range.contains(&at));
        let grammar: Vec<Token> = tokens
            .iter()
            .filter(|token| token.kind != TokenKind::Directive && !hidden(token.range.start))
            .cloned()
            .collect();
        edits.extend(
            Filter {
                text,
                tokens: &grammar,
                edits: Vec::new(),
            }
            .run(),
        );
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        Self::apply(text, &edits)
    }

    fn apply(text: &str, edits: &[Edit]) -> Self {
        let mut copy = ParseCopy {
            text: String::with_capacity(text.len()),
            pieces: Vec::new(),
        };
        let mut at = 0;
        for edit in edits {
            if edit.range.start < at {
                continue; // inside something already rewritten
            }
            copy.push(text, at..edit.range.start, None);
            copy.push(text, edit.range.clone(), Some(&edit.text));
            at = edit.range.end;
        }
        copy.push(text, at..text.len(), None);
        copy
    }

    fn push(&mut self, text: &str, original: Range<usize>, replacement: Option<&str>) {
        self.pieces.push(Piece {
            copy: self.text.len(),
            original: original.clone(),
            verbatim: replacement.is_none(),
        });
        self.text.push_str(replacement.unwrap_or(&text[original]));
    }

    fn piece(&self, offset: usize) -> &Piece {
        let index = self
            .pieces
            .partition_point(|piece| piece.copy <= offset)
            .saturating_sub(1);
        &self.pieces[index]
    }

    /// Offset in the original of the byte at `offset` of the copy.
    pub fn offset(&self, offset: usize) -> usize {
        let piece = self.piece(offset);
        if piece.verbatim {
            piece.original.start + (offset - piece.copy)
        } else {
            piece.original.start
        }
    }

    /// Range in the original of a range of the copy.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.offset(range.start);
        if range.is_empty() {
            return start..start;
        }
        let last = self.piece(range.end - 1);
        let end = if last.verbatim {
            last.original.start + (range.end - last.copy)
        } else {
            last.original.end
        };
        start..end.max(start)
    }
}

/// Rewrites what lang-c's grammar lacks.
struct Filter<'a> {
    text: &'a str,
    tokens: &'a [Token],
    edits: Vec<Edit>,
}

impl Filter<'_> {
    fn run(mut self) -> Vec<Edit> {
        let mut index = 0;
        let mut depth = 0_usize;
        while index < self.tokens.len() {
            let next = self.rewrite(index, depth);
            for seen in index..next.max(index + 1) {
                match self.word(seen) {
                    "{" | "(" | "[" => depth += 1,
                    "}" | ")" | "]" => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            debug_assert!(next > index, "no progress");
            index = next;
        }
        self.edits
    }

    fn word(&self, index: usize) -> &str {
        self.tokens
            .get(index)
            .map_or("", |token| token.text(self.text))
    }

    fn before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |index| self.word(index))
    }

    fn replace(&mut self, tokens: Range<usize>, text: impl Into<String>) {
        let range = self.tokens[tokens.start].range.start..self.tokens[tokens.end - 1].range.end;
        self.edits.push(Edit {
            range,
            text: text.into(),
        });
    }

    /// Looks at the token at `index`; says where to go on.
    fn rewrite(&mut self, index: usize, depth: usize) -> usize {
        let one = index + 1;
        match self.word(index) {
            "__attribute__" | "__attribute" => return self.blank_with_arguments(index),
            "__extension__" | "__seg_fs" | "__seg_gs" => self.replace(index..one, " "),
            "__int128" | "__int128_t" | "__uint128_t" => self.replace(index..one, "long"),
            "__float128" => self.replace(index..one, "double"),
            "__thread" => self.replace(index..one, "_Thread_local"),
            "__auto_type" => self.replace(index..one, "int"),
            "__real__" | "__imag__" | "__real" | "__imag" => self.replace(index..one, "+"),
            "__label__" => return self.blank_statement(index),
            "__builtin_types_compatible_p" => self.types_compatible(index),
            "asm" | "__asm__" | "__asm"
                if depth == 0 && matches!(self.before(index), "" | ";" | "}") =>
            {
                return self.blank_statement(index);
            }
            "asm" | "__asm__" | "__asm" if depth == 0 => return self.blank_with_arguments(index),
            "inline" | "__inline" | "__inline__"
                if matches!(
                    self.before(index),
                    "asm" | "__asm__" | "volatile" | "__volatile__"
                ) && depth > 0 =>
            {
                self.replace(index..one, " ");
            }
            ";" if depth == 0 && self.stray_semicolon(index) => self.replace(index..one, " "),
            "[" if self.word(one) == "[" && !self.ends_operand(index) => {
                return self.blank_attribute(index);
            }
            "?" if self.word(one) == ":" => {
                self.replace(index..index + 2, "||");
                return index + 2;
            }
            "&&" if !self.ends_operand(index) => {
                self.replace(index..index + 2, "0");
                return index + 2;
            }
            _ => self.rewrite_by_kind(index, depth),
        }
        one
    }

    fn rewrite_by_kind(&mut self, index: usize, depth: usize) {
        let (kind, word) = (self.tokens[index].kind, self.word(index).to_owned());
        match kind {
            TokenKind::Number if word.ends_with(['q', 'Q']) => {
                self.replace(index..index + 1, format!("{}L", &word[..word.len() - 1]));
            }
            TokenKind::Word if word.contains('$') => {
                self.replace(index..index + 1, word.replace('$', "_S_"))
            }
            TokenKind::Word if depth == 0 && self.implicit_int(index) => {
                self.replace(index..index + 1, format!("int {word}"));
            }
            _ => {}
        }
    }

    /// Whether the token before `index` ends an operand, so that what follows is a binary operator or a subscript.
    fn ends_operand(&self, index: usize) -> bool {
        index
            .checked_sub(1)
            .is_some_and(|before| match self.tokens[before].kind {
                TokenKind::Word => self.word(before) != "return",
                TokenKind::Number | TokenKind::Text | TokenKind::Character => true,
                _ => matches!(self.word(before), ")" | "]" | "}"),
            })
    }

    fn blank_with_arguments(&mut self, index: usize) -> usize {
        let end = match self.word(index + 1) {
            "(" => closing(self.text, self.tokens, index + 1).map_or(index + 1, |close| close + 1),
            _ => index + 1,
        };
        self.replace(index..end, " ");
        end
    }

    fn blank_statement(&mut self, index: usize) -> usize {
        let mut end = index;
        while end < self.tokens.len() && self.word(end) != ";" {
            end += 1;
        }
        let end = (end + 1).min(self.tokens.len());
        self.replace(index..end, " ");
        end
    }

    fn blank_attribute(&mut self, index: usize) -> usize {
        match closing(self.text, self.tokens, index) {
            Some(close) if self.before(close) == "]" => {
                self.replace(index..close + 1, " ");
                close + 1
            }
            _ => index + 1,
        }
    }

    /// `f(T, U)` on types becomes `(sizeof(T)+sizeof(U))`, so that uses inside `typeof` stay visible.
    fn types_compatible(&mut self, index: usize) {
        let Some(close) = closing(self.text, self.tokens, index + 1) else {
            return;
        };
        let mut depth = 0;
        for at in index + 2..close {
            match self.word(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                "," if depth == 0 => self.replace(at..at + 1, ")+sizeof("),
                _ => {}
            }
        }
        self.replace(index..index + 2, "(sizeof(");
        self.replace(close..close + 1, "))");
    }

    fn stray_semicolon(&self, index: usize) -> bool {
        match self.before(index) {
            "" | ";" => true,
            "}" => self.ends_function(index - 1),
            _ => false,
        }
    }

    /// Whether the `}` at `close` ends a function's body rather than a type or an initializer.
    fn ends_function(&self, close: usize) -> bool {
        let mut depth = 0_usize;
        for at in (0..=close).rev() {
            match self.word(at) {
                "}" => depth += 1,
                "{" => {
                    depth -= 1;
                    if depth == 0 {
                        return self.before(at) == ")";
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// `main() {`: a function whose return type is left out.
    fn implicit_int(&self, index: usize) -> bool {
        let storage = |word: &str| matches!(word, "static" | "extern" | "inline" | "__inline");
        let mut start = index;
        while start > 0 && storage(self.before(start)) {
            start -= 1;
        }
        matches!(self.before(start), "" | ";" | "}")
            && !storage(self.word(index))
            && self.word(index + 1) == "("
            && !self.word(index).starts_with("_Static_assert")
            && closing(self.text, self.tokens, index + 1).is_some_and(|close| {
                self.word(close + 1) == "{"
                    || self
                        .tokens
                        .get(close + 1)
                        .is_some_and(|next| next.kind == TokenKind::Word)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn copy(text: &str) -> ParseCopy {
        ParseCopy::new(text, &tokens(text), &[])
    }

    #[test]
    fn every_rewriting_parses() {
        for text in [
            "typedef struct __attribute__((packed)) s { int a; } t; t x;",
            "__int128 a; __float128 b = 1.5Q; __thread int c; int f(int x) { return x ?: 3; }",
            "void f(void) { l: ; static void *t[] = { &&l }; goto *t[0]; }"
                .replace("goto *t[0];", "")
                .as_str(),
            "asm(\"nop\"); int a;; void f(void) { };",
            "main() { __auto_type z = 3; [[maybe_unused]] int y; return z; }",
            "int f(double _Complex z) { __label__ q; q: __real__ z = 1; return __builtin_types_compatible_p(__typeof__(z), int); }",
            "int a$b; __extension__ int g(int a) __attribute__((pure)); int h(void) { asm volatile inline(\"\"); return a$b; }",
        ] {
            let copy = copy(text);
            let parsed = lang_c::driver::parse_preprocessed(
                &lang_c::driver::Config::with_gcc(),
                copy.text.clone(),
            );
            assert!(parsed.is_ok(), "{text} became {}", copy.text);
        }
    }

    #[test]
    fn ranges_map_back() {
        let text = "__extension__ int abc; int x = a ?: bc;";
        let copy = copy(text);
        let find = |needle: &str| copy.text.find(needle).expect("in the copy");
        let at = find("abc");
        assert_eq!(&text[copy.range(at..at + 3)], "abc");
        let at = find(" bc;") + 1;
        assert_eq!(&text[copy.range(at..at + 2)], "bc");
        assert_eq!(&text[copy.range(find("||")..at + 2)], "?: bc");
    }

    #[test]
    fn pragmas_become_labels() {
        let text = "void f(void) {\n#pragma omp barrier\n#pragma omp critical\n;\n}";
        let tokens = tokens(text);
        let pragmas: Vec<usize> = (0..tokens.len())
            .filter(|&k| tokens[k].kind == TokenKind::Directive)
            .collect();
        let copy = ParseCopy::new(
            text,
            &tokens,
            &[
                (pragmas[0], Binding::StandAlone),
                (pragmas[1], Binding::Statement),
            ],
        );
        assert_eq!(copy.text, "void f(void) {\n__omp_0:;\n__omp_1:\n;\n}");
    }
}
