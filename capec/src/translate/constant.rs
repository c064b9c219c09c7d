//! The value of an integer constant expression, as far as its text tells: numbers, operators and parentheses.
//!
//! Names (enumeration constants, `sizeof`) and casts are not evaluated: who asks refuses them, or leaves them to the host compiler.

use super::tokens::{Token, TokenKind, tokens_within};

/// The value of `text`; `None`: it is no such expression, or too large.
pub fn value(text: &str) -> Option<i128> {
    let tokens = tokens_within(text, 0..text.len());
    let mut reader = Reader {
        text,
        tokens: &tokens,
        at: 0,
    };
    let value = reader.binary(0)?;
    (reader.at == tokens.len()).then_some(value)
}

/// Binary operators with their precedence, the weakest first (C11 section 6.5).
const OPERATORS: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("==", 6),
    ("!=", 6),
    ("<", 7),
    (">", 7),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

struct Reader<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
}

impl Reader<'_> {
    fn word(&self) -> &str {
        self.tokens
            .get(self.at)
            .map_or("", |token| token.text(self.text))
    }

    /// Operators that bind stronger than `weakest`.
    fn binary(&mut self, weakest: u8) -> Option<i128> {
        let mut left = self.unary()?;
        loop {
            let word = self.word();
            let known = OPERATORS.iter().find(|(name, _)| *name == word);
            let Some((name, precedence)) = known.filter(|(_, precedence)| *precedence > weakest)
            else {
                return Some(left);
            };
            self.at += 1;
            let right = self.binary(*precedence)?;
            left = apply(name, left, right)?;
        }
    }

    fn unary(&mut self) -> Option<i128> {
        let token = self.tokens.get(self.at)?;
        let word = token.text(self.text);
        self.at += 1;
        match (token.kind, word) {
            (TokenKind::Number, _) => number(word),
            (_, "+") => self.unary(),
            (_, "-") => self.unary()?.checked_neg(),
            (_, "~") => self.unary().map(|value| !value),
            (_, "!") => self.unary().map(|value| i128::from(value == 0)),
            (_, "(") => {
                let value = self.binary(0)?;
                let closed = self.word() == ")";
                self.at += 1;
                closed.then_some(value)
            }
            _ => None,
        }
    }
}

fn apply(operator: &str, left: i128, right: i128) -> Option<i128> {
    let shift = || u32::try_from(right).ok().filter(|by| *by < 64);
    match operator {
        "||" => Some(i128::from(left != 0 || right != 0)),
        "&&" => Some(i128::from(left != 0 && right != 0)),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&" => Some(left & right),
        "==" => Some(i128::from(left == right)),
        "!=" => Some(i128::from(left != right)),
        "<" => Some(i128::from(left < right)),
        ">" => Some(i128::from(left > right)),
        "<=" => Some(i128::from(left <= right)),
        ">=" => Some(i128::from(left >= right)),
        "<<" => left.checked_mul(1 << shift()?),
        ">>" => Some(left >> shift()?),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        _ => None,
    }
}

/// An integer literal of any base and suffix.
fn number(word: &str) -> Option<i128> {
    let lower = word.to_ascii_lowercase();
    let digits = lower.trim_end_matches(['u', 'l']);
    let based = |digits: &str, base| i128::from_str_radix(digits, base).ok();
    if let Some(digits) = digits.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = digits.strip_prefix("0b") {
        return based(digits, 2);
    }
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => based(octal, 8),
        _ => based(digits, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn evaluates_what_c_evaluates() {
        assert_eq!(value("17 - 19 + 3"), Some(1));
        assert_eq!(value("2 + 3 * 4 % 5"), Some(4));
        assert_eq!(value("-(1 << 3) / 0x2UL"), Some(-4));
        assert_eq!(value("~0 & 017"), Some(15));
        assert_eq!(value("!(1 < 2) || 0b101 == 5"), Some(1));
        assert_eq!(value("10 - 4 - 3"), Some(3));
    }

    #[test]
    fn gives_up_on_the_rest() {
        for text in [
            "", "n", "1 +", "(2", "1.5", "4 / 0", "sizeof 1", "1 2", "0x",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
