//! Nested functions (a GNU extension) of functions that have no OpenMP in them.
//!
//! lang-c's grammar has no nested functions. Where the function around them is not translated its text is kept as it is, so the copy that is
//! parsed can do without them. Anywhere else they are refused: a region is a function of its own, in which what they refer to has moved.

use std::ops::Range;

use super::tokens::{Token, TokenKind, closing};

/// Words that may stand before a `(` … `) {` that begins no function.
const NOT_FUNCTIONS: [&str; 12] = [
    "if",
    "for",
    "while",
    "switch",
    "else",
    "return",
    "sizeof",
    "_Alignof",
    "__alignof__",
    "__attribute__",
    "__typeof__",
    "typeof",
];

/// Bytes of the nested functions, specifiers included, of those functions of the file that contain no directive.
pub fn untranslated(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    let words: Vec<Token> = tokens
        .iter()
        .filter(|token| token.kind != TokenKind::Directive)
        .cloned()
        .collect();
    while at < words.len() {
        let opens = words[at].text(text) == "{";
        let Some(close) = opens.then(|| closing(text, &words, at)).flatten() else {
            at += 1;
            continue;
        };
        let body = words[at].range.start..words[close].range.end;
        let directive = |token: &&Token| {
            let written = token.kind == TokenKind::Directive && body.contains(&token.range.start);
            written && token.text(text).contains("omp")
        };
        if !tokens.iter().any(|token| directive(&token)) {
            found.extend(within(text, &words, at + 1..close));
        }
        at = close + 1;
    }
    found
}

/// Nested functions among the tokens of a block.
fn within(text: &str, words: &[Token], block: Range<usize>) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), block.start);
    while at < block.end {
        if words[at].text(text) == "{"
            && let Some(start) = head(text, words, block.start, at)
            && let Some(close) = closing(text, words, at)
        {
            found.push(words[start].range.start..words[close].range.end);
            at = close;
        }
        at += 1;
    }
    found
}

/// The first token of the function definition whose body begins at `open`; `None`: it is no such body.
fn head(text: &str, words: &[Token], first: usize, open: usize) -> Option<usize> {
    let word = |index: usize| words[index].text(text);
    let end = open.checked_sub(1).filter(|end| word(*end) == ")")?;
    let mut depth = 0_usize;
    let parameters = (first..=end).rev().find(|&index| {
        match word(index) {
            ")" => depth += 1,
            "(" => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    let name = parameters.checked_sub(1).filter(|name| *name > first)?;
    let named = words[name].kind == TokenKind::Word && !NOT_FUNCTIONS.contains(&word(name));
    let start = (first..name)
        .rev()
        .find(|&index| matches!(word(index), ";" | "{" | "}" | ":"))
        .map_or(first, |before| before + 1);
    let typed = start < name
        && (start..name).all(|index| words[index].kind == TokenKind::Word || word(index) == "*")
        && words[start].kind == TokenKind::Word
        && !NOT_FUNCTIONS.contains(&word(start));
    (named && typed).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let all = untranslated(text, &tokens(text));
        all.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn nested_functions_are_found_and_statements_are_not() {
        let text = "int f(int n) { int g(int x) { return x + n; } if (n) { n++; } for (;;) { } \
                    auto char *h(void) { return 0; } struct s y = (struct s){1}; do { } while (g(n)); \
                    return sizeof(int[]){1}; }";
        assert_eq!(
            found(text),
            [
                "int g(int x) { return x + n; }",
                "auto char *h(void) { return 0; }"
            ]
        );
    }

    #[test]
    fn functions_with_directives_keep_theirs() {
        let text = "int f(void) { int g(void) { return 1; }\n#pragma omp parallel\n g(); }\nint k(void) { int l(void) { return 2; } return l(); }";
        assert_eq!(found(text), ["int l(void) { return 2; }"]);
    }
}
