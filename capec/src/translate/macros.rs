//! Expands cape.h's `CAPE_` macros in generated text.
//!
//! The text for the host compiler is preprocessed already, so what the lowering writes with those macros is expanded here,
//! from the definitions in cape.h itself. Only what that header uses is understood: macros with or without parameters,
//! `##`, empty arguments, rescanning.

use std::collections::HashMap;

use super::tokens::{TokenKind, closing, tokens, tokens_within};

/// Definitions by name.
#[derive(Clone, Debug)]
pub struct Macros {
    definitions: HashMap<String, Definition>,
}

#[derive(Clone, Debug)]
struct Definition {
    parameters: Option<Vec<String>>,
    body: Vec<String>,
}

/// cape.h, as it was when capec was built.
const HEADER: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../runtime/include/cape.h"
));

impl Macros {
    /// The macros of cape.h.
    pub fn of_cape_h() -> Self {
        Self::read(HEADER)
    }

    fn read(header: &str) -> Self {
        let directives = tokens(header)
            .into_iter()
            .filter(|token| token.kind == TokenKind::Directive);
        let definitions = directives
            .filter_map(|token| definition(&header[token.range]))
            .collect();
        Macros { definitions }
    }

    /// `text` with all macros expanded; tokens are separated by single blanks where one was expanded.
    pub fn expand(&self, text: &str) -> String {
        if !text.contains("CAPE_") {
            return text.to_owned();
        }
        let words = tokens_within(text, 0..text.len());
        let mut out = String::new();
        let (mut at, mut index) = (0, 0);
        while index < words.len() {
            let token = &words[index];
            let Some(definition) = self.definitions.get(token.text(text)) else {
                index += 1;
                continue;
            };
            let (arguments, next) = match &definition.parameters {
                None => (Vec::new(), index + 1),
                Some(_) => match closing(text, &words, index + 1) {
                    Some(close) if words[index + 1].text(text) == "(" => {
                        let inside: Vec<String> = words[index + 2..close]
                            .iter()
                            .map(|token| token.text(text).to_owned())
                            .collect();
                        (split(&inside), close + 1)
                    }
                    _ => {
                        index += 1;
                        continue;
                    }
                },
            };
            out.push_str(&text[at..token.range.start]);
            let replaced = self.rescan(self.substitute(definition, &arguments));
            out.push_str(&replaced.join(" "));
            at = words[next - 1].range.end;
            index = next;
        }
        out.push_str(&text[at..]);
        out
    }

    fn rescan(&self, words: Vec<String>) -> Vec<String> {
        let mut out = Vec::new();
        let mut index = 0;
        while index < words.len() {
            let Some(definition) = self.definitions.get(&words[index]) else {
                out.push(words[index].clone());
                index += 1;
                continue;
            };
            let close = (words.get(index + 1).map(String::as_str) == Some("("))
                .then(|| matching(&words, index + 1))
                .flatten();
            match (&definition.parameters, close) {
                (None, _) => {
                    out.extend(self.rescan(definition.body.clone()));
                    index += 1;
                }
                (Some(_), Some(close)) => {
                    let arguments = split(&words[index + 2..close]);
                    out.extend(self.rescan(self.substitute(definition, &arguments)));
                    index = close + 1;
                }
                (Some(_), None) => {
                    out.push(words[index].clone());
                    index += 1;
                }
            }
        }
        out
    }

    fn substitute(&self, definition: &Definition, arguments: &[Vec<String>]) -> Vec<String> {
        let parameters = definition.parameters.as_deref().unwrap_or_default();
        let argument = |word: &str| {
            parameters
                .iter()
                .position(|name| name == word)
                .and_then(|index| arguments.get(index))
        };
        let mut out: Vec<String> = Vec::new();
        let mut paste = false;
        for (index, word) in definition.body.iter().enumerate() {
            if word == "##" {
                paste = true;
                continue;
            }
            let pasted = paste
                || definition
                    .body
                    .get(index + 1)
                    .is_some_and(|next| next == "##");
            let replaced = match argument(word) {
                Some(words) if pasted => words.clone(),
                Some(words) => self.rescan(words.clone()),
                None => vec![word.clone()],
            };
            let mut replaced = replaced.into_iter();
            if paste && let (Some(last), Some(first)) = (out.last_mut(), replaced.next()) {
                last.push_str(&first);
            }
            out.extend(replaced);
            paste = false;
        }
        out
    }
}

fn definition(line: &str) -> Option<(String, Definition)> {
    let words = tokens_within(line, 0..line.len());
    let word = |index: usize| words.get(index).map_or("", |token| token.text(line));
    if word(1) != "define" || !word(2).starts_with("CAPE_") {
        return None;
    }
    let with_parameters = word(3) == "(" && words[3].range.start == words[2].range.end;
    let (parameters, body) = if with_parameters {
        let close = closing(line, &words, 3)?;
        let names = (4..close)
            .map(word)
            .filter(|name| *name != ",")
            .map(str::to_owned)
            .collect();
        (Some(names), close + 1)
    } else {
        (None, 3)
    };
    let body = (body..words.len())
        .map(|index| word(index).to_owned())
        .collect();
    Some((word(2).to_owned(), Definition { parameters, body }))
}

fn matching(words: &[String], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, word) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "(" => depth += 1,
            ")" => {
                depth -= 1;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// Arguments separated by commas outside of parentheses.
fn split(words: &[String]) -> Vec<Vec<String>> {
    let mut arguments = vec![Vec::new()];
    let mut depth = 0_usize;
    for word in words {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                arguments.push(Vec::new());
                continue;
            }
            _ => {}
        }
        arguments
            .last_mut()
            .expect("there is always one argument")
            .push(word.clone());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_nested_macros_and_pastes() {
        let header = "#define CAPE_EACH(X, op, e) X(op, int, e) \\\n X(op, long, e)\n\
                      #define CAPE_ONE(op, t, e) t: f_##op##_##t,\n#define CAPE_PICK(op, x) _Generic((x), CAPE_EACH(CAPE_ONE, op, ) char: 0)\n#define CAPE_TWO 2\n";
        let macros = Macros::read(header);
        assert_eq!(
            macros.expand("g(CAPE_PICK(sum, a[CAPE_TWO]), 1);"),
            "g(_Generic ( ( a [ 2 ] ) , int : f_sum_int , long : f_sum_long , char : 0 ), 1);"
        );
    }

    #[test]
    fn cape_h_has_what_the_lowering_uses() {
        let macros = Macros::of_cape_h();
        for text in [
            "CAPE_COMBINER(max, x)",
            "CAPE_COMMUTES(x, e)",
            "CAPE_IDENTITY(min, x)",
            "CAPE_OPERATION(sum, x)",
        ] {
            let expanded = macros.expand(text);
            assert!(!expanded.contains("CAPE_"), "{expanded}");
        }
    }
}
