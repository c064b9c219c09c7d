//! Splits C text into tokens with byte ranges.
//!
//! Used on preprocessed text and, for readable output, on the user's own text; so comments and line splices are skipped
//! wherever they occur. A preprocessor directive is one token that covers its whole logical line. Nothing is evaluated
//! or unescaped here, and bytes that cannot start a token become one-byte punctuation: the host compiler judges them.

use std::ops::Range;

/// What a token is, as far as the translation needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Identifier or keyword.
    Word,
    /// Integer or floating constant.
    Number,
    /// String literal with its prefix.
    Text,
    /// Character constant with its prefix.
    Character,
    /// Operator or punctuation.
    Punctuation,
    /// A line that starts with `#`: marker, pragma or directive.
    Directive,
}

/// One token; its text is the range of the text that was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Class of the token.
    pub kind: TokenKind,
    /// Bytes in the text.
    pub range: Range<usize>,
}

impl Token {
    /// The token's characters.
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.range.clone()]
    }
}

/// Operators of more than one character, longest first.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "*=",
    "/=", "%=", "+=", "-=", "&=", "^=", "|=", "##", "<:", ":>",
];

/// Tokens of a whole file; lines that start with `#` are [`TokenKind::Directive`].
pub fn tokens(text: &str) -> Vec<Token> {
    Lexer {
        text,
        at: 0,
        line_start: true,
        lines: true,
    }
    .run(text.len())
}

/// Tokens of a piece of text that is not made of lines, such as a pragma's clauses.
pub fn tokens_within(text: &str, range: Range<usize>) -> Vec<Token> {
    Lexer {
        text,
        at: range.start,
        line_start: false,
        lines: false,
    }
    .run(range.end)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line_start: bool,
    lines: bool,
}

impl Lexer<'_> {
    fn run(mut self, end: usize) -> Vec<Token> {
        let mut found = Vec::new();
        loop {
            self.skip_blanks(end);
            if self.at >= end {
                return found;
            }
            let start = self.at;
            let kind = self.token(end);
            self.at = self.at.clamp(start + 1, end);
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
            self.line_start = false;
            found.push(Token {
                kind,
                range: start..self.at,
            });
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    fn skip_blanks(&mut self, end: usize) {
        while self.at < end {
            match (self.byte(0), self.byte(1)) {
                (b'\n', _) => {
                    self.line_start = true;
                    self.at += 1;
                }
                (b'\\', b'\n') => self.at += 2,
                (b'\\', b'\r') if self.byte(2) == b'\n' => self.at += 3,
                (b'/', b'*') => self.skip_past("*/", 2),
                (b'/', b'/') => {
                    self.at = self.logical_line_end();
                }
                (blank, _) if blank.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn skip_past(&mut self, closing: &str, opening: usize) {
        let from = (self.at + opening).min(self.text.len());
        self.at = self.text[from..]
            .find(closing)
            .map_or(self.text.len(), |found| from + found + closing.len());
    }

    /// End of the line, continuation lines included, line feed excluded.
    fn logical_line_end(&self) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while at < bytes.len() && bytes[at] != b'\n' {
            let splice = bytes[at] == b'\\';
            at += 1;
            if splice && bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') {
                at += 2;
            } else if splice && bytes.get(at) == Some(&b'\n') {
                at += 1;
            }
        }
        at
    }

    fn token(&mut self, end: usize) -> TokenKind {
        let byte = self.byte(0);
        if self.lines && self.line_start && byte == b'#' {
            self.directive();
            return TokenKind::Directive;
        }
        if is_word_start(byte) {
            return self.word(end);
        }
        match byte {
            b'"' => self.quoted(b'"', TokenKind::Text),
            b'\'' => self.quoted(b'\'', TokenKind::Character),
            b'0'..=b'9' => self.number(end),
            b'.' if self.byte(1).is_ascii_digit() => self.number(end),
            _ => self.operator(),
        }
    }

    fn directive(&mut self) {
        let start = self.at;
        self.at = self.logical_line_end();
        // A comment may go on past the end of the line.
        let line = &self.text[start..self.at];
        if let Some(open) = line
            .rfind("/*")
            .filter(|&open| !line[open..].contains("*/"))
        {
            self.at = start + open;
            self.skip_past("*/", 2);
            self.at = self.logical_line_end();
        }
    }

    fn word(&mut self, end: usize) -> TokenKind {
        let start = self.at;
        while self.at < end && is_word_part(self.byte(0)) {
            self.at += 1;
        }
        match (&self.text[start..self.at], self.byte(0)) {
            ("L" | "u" | "U" | "u8", b'"') => self.quoted(b'"', TokenKind::Text),
            ("L" | "u" | "U" | "u8", b'\'') => self.quoted(b'\'', TokenKind::Character),
            _ => TokenKind::Word,
        }
    }

    fn quoted(&mut self, quote: u8, kind: TokenKind) -> TokenKind {
        self.at += 1;
        while self.at < self.text.len() {
            let byte = self.byte(0);
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote || byte == b'\n' {
                break;
            }
        }
        kind
    }

    fn number(&mut self, end: usize) -> TokenKind {
        while self.at < end {
            let signed = matches!(self.byte(0), b'e' | b'E' | b'p' | b'P')
                && matches!(self.byte(1), b'+' | b'-');
            if signed && !(self.hexadecimal_exponent()) {
                self.at += 2;
            } else if is_word_part(self.byte(0)) || self.byte(0) == b'.' {
                self.at += 1;
            } else {
                break;
            }
        }
        TokenKind::Number
    }

    /// Whether the `e` at the current place is a hexadecimal digit, so that a sign after it is an operator.
    fn hexadecimal_exponent(&self) -> bool {
        let digits = self.text[..self.at]
            .rfind(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'))
            .map_or(0, |before| before + 1);
        let prefix = &self.text[digits..self.at];
        (prefix.starts_with("0x") || prefix.starts_with("0X"))
            && matches!(self.byte(0), b'e' | b'E')
    }

    fn operator(&mut self) -> TokenKind {
        let rest = &self.text[self.at..];
        self.at += OPERATORS
            .iter()
            .find(|operator| rest.starts_with(**operator))
            .map_or(1, |operator| operator.len());
        TokenKind::Punctuation
    }
}

/// Whether `byte` can begin an identifier (bytes of UTF-8 sequences and `$` included).
pub fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether `byte` can continue an identifier.
pub fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit()
}

/// Index of the first token that starts at or after `offset`.
pub fn first_at(tokens: &[Token], offset: usize) -> usize {
    tokens.partition_point(|token| token.range.start < offset)
}

/// Index of the token that closes the bracket at `open`, if the brackets match.
pub fn closing(text: &str, tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text(text) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text)
            .iter()
            .map(|token| &text[token.range.clone()])
            .collect()
    }

    #[test]
    fn splits_numbers_operators_and_literals() {
        assert_eq!(
            texts("a+=0x1e+3.5e-1L>>='\\''"),
            ["a", "+=", "0x1e", "+", "3.5e-1L", ">>=", "'\\''"]
        );
        assert_eq!(
            texts("L\"x\\\"y\" u8\"z\"...p->q"),
            ["L\"x\\\"y\"", "u8\"z\"", "...", "p", "->", "q"]
        );
    }

    #[test]
    fn skips_comments_and_keeps_directives_whole() {
        assert_eq!(
            texts("a /* # */ b // c \\\n d\n#define X \\\n 1\ne"),
            ["a", "b", "#define X \\\n 1", "e"]
        );
    }

    #[test]
    fn finds_the_matching_bracket() {
        let text = "f(a[1], {2})";
        assert_eq!(closing(text, &tokens(text), 1), Some(10));
    }
}
