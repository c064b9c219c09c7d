//! `metadirective` and `declare variant` (OpenMP 5.2 sections 7.4 and 7.5), resolved before anything else looks at the text.
//!
//! Which directive or function is meant depends on what encloses it ([`context`]), on the host, and on conditions. What can be
//! decided here is: the pragma then keeps its place, with the chosen variant's bytes where they were, so that messages point
//! at them. A condition that is known only at run time becomes an `if` over copies of the statement, each under its variant.

mod context;
mod selector;

use std::ops::Range;

use super::directive::{Form, lookup};
use super::markers::SourceMap;
use super::problem::Problem;
use super::tokens::{Token, TokenKind, closing, tokens, tokens_within};
use context::Context;
use selector::{Match, Selector};

/// A candidate of a metadirective.
struct Candidate {
    /// What has to hold at run time.
    conditions: Vec<Range<usize>>,
    rank: (u128, usize),
    /// Bytes of the directive variant; empty: none.
    variant: Range<usize>,
}

/// The text with metadirectives and calls of variants resolved; `None`: there are none.
///
/// # Errors
/// What is malformed or cannot be resolved, with places in `text` as far as it was resolved, which comes along.
pub fn resolved(text: &str) -> Result<Option<String>, (String, Vec<Problem>)> {
    if !text.contains("metadirective") && !text.contains("variant") {
        return Ok(None);
    }
    let mut current = text.to_owned();
    while let Some(next) = without_first_metadirective(&current) {
        current = next.map_err(|problem| (current.clone(), vec![problem]))?;
    }
    match without_variants(&current) {
        Ok(Some(next)) => current = next,
        Ok(None) => {}
        Err(problem) => return Err((current, vec![problem])),
    }
    Ok((current != text).then_some(current))
}

/// The words of a pragma that is OpenMP's, `#pragma omp` included.
fn pragma(text: &str, token: &Token) -> Option<Vec<Token>> {
    if token.kind != TokenKind::Directive {
        return None;
    }
    let words = tokens_within(text, token.range.clone());
    let is = |index: usize, word: &str| words.get(index).is_some_and(|it| it.text(text) == word);
    (is(0, "#") && is(1, "pragma") && is(2, "omp")).then_some(words)
}

fn without_first_metadirective(text: &str) -> Option<Result<String, Problem>> {
    let all = tokens(text);
    all.iter().enumerate().find_map(|(index, token)| {
        let words = pragma(text, token)?;
        let word = words.get(3)?.text(text);
        (word == "metadirective").then(|| metadirective(text, &all, index, &words))
    })
}

fn metadirective(
    text: &str,
    all: &[Token],
    index: usize,
    words: &[Token],
) -> Result<String, Problem> {
    let context = Context::at(text, all, all[index].range.start);
    let mut candidates = Vec::new();
    let mut otherwise = None;
    let mut at = 4;
    while at < words.len() {
        let name = words[at].text(text);
        if name == "," {
            at += 1;
            continue;
        }
        let open = words.get(at + 1).filter(|word| word.text(text) == "(");
        let close = open.and_then(|_| closing(text, words, at + 1));
        let (Some(close), true) = (close, matches!(name, "when" | "otherwise" | "default")) else {
            return Err(Problem::new(
                words[at].range.clone(),
                format!("unknown clause '{name}' of '#pragma omp metadirective'"),
            )
            .note("it takes when(selector : directive) and otherwise(directive)"));
        };
        let inside = at + 2..close;
        if name == "when" {
            candidates.extend(candidate(text, words, inside, &context)?);
        } else {
            otherwise = Some(bytes(words, inside));
        }
        at = close + 1;
    }
    let none = words[2].range.end..words[2].range.end;
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
    let certain = candidates
        .iter()
        .position(|candidate| candidate.conditions.is_empty());
    let last = match certain {
        Some(position) => candidates[position].variant.clone(),
        None => otherwise.unwrap_or(none),
    };
    candidates.truncate(certain.unwrap_or(candidates.len()));
    if candidates.is_empty() {
        let mut chosen = text[..all[index].range.start].to_owned();
        chosen += &in_place(text, words, &all[index].range, &last);
        chosen += &text[all[index].range.end..];
        return Ok(chosen);
    }
    Ok(branches(text, all, index, &candidates, &last))
}

/// `selector : variant`; `None`: it cannot match here.
fn candidate(
    text: &str,
    words: &[Token],
    inside: Range<usize>,
    context: &Context,
) -> Result<Option<Candidate>, Problem> {
    let colon = selector::outside(text, words, inside.clone(), ":").ok_or_else(|| {
        Problem::new(
            bytes(words, inside.clone()),
            "clause 'when' has the form when(selector : directive)",
        )
    })?;
    let selector = Selector::parse(text, words, inside.start..colon)?;
    Ok(match selector.matches(context) {
        Match::No => None,
        Match::Yes { score, conditions } => Some(Candidate {
            conditions,
            rank: (score, selector.traits()),
            variant: bytes(words, colon + 1..inside.end),
        }),
    })
}

fn bytes(words: &[Token], inside: Range<usize>) -> Range<usize> {
    match inside.is_empty() {
        true => words[inside.start].range.start..words[inside.start].range.start,
        false => words[inside.start].range.start..words[inside.end - 1].range.end,
    }
}

/// The pragma with nothing but its variant left, every byte at its place.
fn in_place(text: &str, words: &[Token], range: &Range<usize>, variant: &Range<usize>) -> String {
    let head = words[0].range.start..words[2].range.end;
    let kept = |at: &usize| !variant.is_empty() && (head.contains(at) || variant.contains(at));
    let all = range.clone().zip(text[range.clone()].bytes());
    let blanked = all.map(|(at, byte)| if kept(&at) { byte } else { b' ' });
    String::from_utf8(blanked.collect()).unwrap_or_default()
}

/// `if` and `else` over copies of the statement.
fn branches(
    text: &str,
    all: &[Token],
    index: usize,
    candidates: &[Candidate],
    last: &Range<usize>,
) -> String {
    let map = SourceMap::new(text);
    let pragma = &all[index].range;
    let marker = |offset: usize| {
        let place = map.place(offset);
        format!("\n# {} \"{}\"\n", place.line, place.file)
    };
    let stands_alone = |variant: &Range<usize>| {
        let words = tokens_within(text, variant.clone());
        let words: Vec<&str> = words.iter().map(|word| word.text(text)).collect();
        lookup(&words).is_some_and(|(_, parts)| parts[0].form() == Form::StandAlone)
    };
    let alone = candidates
        .iter()
        .map(|each| &each.variant)
        .chain([last])
        .any(stands_alone);
    let end = match alone {
        true => pragma.end,
        false => context::statement_end(text, all, index + 1),
    };
    let statement = pragma.end..end;
    let under = |variant: &Range<usize>| {
        let mut copy = marker(pragma.start);
        if !variant.is_empty() {
            copy += &format!("#pragma omp {}", &text[variant.clone()]);
        }
        if alone {
            copy += &marker(pragma.start);
            copy += ";";
        } else {
            copy += &marker(statement.start);
            copy += &text[statement.clone()];
        }
        copy += &marker(pragma.start);
        copy
    };
    let mut out = text[..pragma.start].to_owned();
    for candidate in candidates {
        let conditions: Vec<String> = candidate
            .conditions
            .iter()
            .map(|range| format!("({})", &text[range.clone()]))
            .collect();
        let copy = under(&candidate.variant);
        out += &format!("if ({}) {{{copy}}} else ", conditions.join(" && "));
    }
    out += &format!("{{{}}}", under(last));
    out += &marker(end);
    out += &" ".repeat(map.place(end).column);
    out += &text[end..];
    out
}

/// One `declare variant`.
struct Variant {
    base: String,
    function: String,
    selector: Selector,
}

/// Blanks `declare variant`, and lets calls name the variants. `None`: there is no such directive.
fn without_variants(text: &str) -> Result<Option<String>, Problem> {
    let all = tokens(text);
    let mut variants = Vec::new();
    let mut blanked = Vec::new();
    let mut skipped: Option<usize> = None;
    for (index, token) in all.iter().enumerate() {
        let Some(words) = pragma(text, token) else {
            continue;
        };
        let names: Vec<&str> = words.iter().skip(3).map(|word| word.text(text)).collect();
        match names.as_slice() {
            ["begin", "declare", "variant", ..] => {
                let others = begins(text, &words, &token.range)?;
                skipped = skipped.or(others.then_some(token.range.start));
            }
            ["end", "declare", "variant", ..] => {
                if let Some(start) = skipped.take() {
                    blanked.push(start..token.range.end);
                }
            }
            ["declare", "variant", ..] => {
                variants.push(declared(text, &all, index, &words)?);
                blanked.push(token.range.clone());
            }
            _ => {}
        }
    }
    if variants.is_empty() && blanked.is_empty() {
        return Ok(None);
    }
    let calls = calls(text, &all, &variants);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut edits: Vec<(Range<usize>, Option<String>)> = blanked
        .into_iter()
        .map(|range| (range, None))
        .chain(calls.into_iter().map(|(range, name)| (range, Some(name))))
        .collect();
    edits.sort_by_key(|(range, _)| range.start);
    for (range, name) in edits {
        if range.start < at {
            continue;
        }
        out += &text[at..range.start];
        match name {
            Some(name) => out += &name,
            None => out.extend(
                text[range.clone()]
                    .chars()
                    .map(|letter| if letter == '\n' { '\n' } else { ' ' }),
            ),
        }
        at = range.end;
    }
    out += &text[at..];
    Ok(Some(out))
}

/// Whether what `begin declare variant` encloses is for other targets.
fn begins(text: &str, words: &[Token], range: &Range<usize>) -> Result<bool, Problem> {
    let open = 7;
    let close = words
        .get(open)
        .filter(|word| word.text(text) == "(" && words[open - 1].text(text) == "match")
        .and_then(|_| closing(text, words, open));
    let Some(close) = close else {
        let message = "'begin declare variant' takes match(selector)";
        return Err(Problem::new(range.clone(), message));
    };
    let selector = Selector::parse(text, words, open + 1..close)?;
    match selector.matches(&Context::default()) {
        Match::No => Ok(true),
        Match::Yes { .. } => Err(Problem::new(
            range.clone(),
            "'#pragma omp begin declare variant' for this target is not supported",
        )
        .note("name the function with '#pragma omp declare variant(name) match(...)' instead")),
    }
}

fn declared(text: &str, all: &[Token], index: usize, words: &[Token]) -> Result<Variant, Problem> {
    let range = all[index].range.clone();
    let word = |at: usize| words.get(at).map_or("", |word| word.text(text));
    let open = if word(8) == "," { 10 } else { 9 };
    let well = word(5) == "(" && word(7) == ")" && word(open - 1) == "match" && word(open) == "(";
    let close = well.then(|| closing(text, words, open)).flatten();
    let Some(close) = close else {
        let message = "'declare variant' has the form declare variant(function) match(selector)";
        return Err(Problem::new(range, message));
    };
    if let Some(other) = words[close + 1..]
        .iter()
        .find(|word| word.text(text) != ",")
    {
        let message = format!(
            "clause '{}' of '#pragma omp declare variant' is not supported",
            other.text(text)
        );
        return Err(Problem::new(other.range.clone(), message)
            .note("give the variant the parameters of its base function"));
    }
    let base = declared_function(text, all, index).ok_or_else(|| {
        Problem::new(
            range,
            "'declare variant' must be followed by the declaration of its base function",
        )
    })?;
    Ok(Variant {
        base,
        function: word(6).to_owned(),
        selector: Selector::parse(text, words, open + 1..close)?,
    })
}

/// Name of the function whose declaration follows a pragma.
fn declared_function(text: &str, all: &[Token], index: usize) -> Option<String> {
    let mut at = index + 1;
    while let Some(token) = all.get(at) {
        let word = token.text(text);
        let called = all.get(at + 1).is_some_and(|next| next.text(text) == "(");
        match word {
            ";" | "{" | "}" | "=" => return None,
            _ if token.kind == TokenKind::Word && called => {
                if !word.starts_with("__") {
                    return Some(word.to_owned());
                }
                at = closing(text, all, at + 1)? + 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// Names of called base functions, and what replaces them.
fn calls(text: &str, all: &[Token], variants: &[Variant]) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (index, token) in all.iter().enumerate() {
        match token.text(text) {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let called = all
            .get(index + 1)
            .is_some_and(|next| next.text(text) == "(");
        if depth == 0 || index == 0 || token.kind != TokenKind::Word || !called {
            continue;
        }
        let before = &all[index - 1];
        let declares = match before.kind {
            TokenKind::Word => !matches!(before.text(text), "return" | "else" | "do"),
            _ => matches!(before.text(text), "." | "->"),
        };
        let own: Vec<&Variant> = variants
            .iter()
            // One for simd takes vectors: it is for the host compiler's simd loops alone.
            .filter(|variant| !variant.selector.is_for_simd())
            .filter(|variant| !declares && variant.base == token.text(text))
            .collect();
        if own.is_empty() {
            continue;
        }
        let context = Context::at(text, all, token.range.start);
        let mut fitting: Vec<(u128, usize, &str, Vec<Range<usize>>)> = Vec::new();
        for variant in own {
            if let Match::Yes { score, conditions } = variant.selector.matches(&context) {
                fitting.push((
                    score,
                    variant.selector.traits(),
                    &variant.function,
                    conditions,
                ));
            }
        }
        fitting.sort_by_key(|(score, traits, ..)| (*score, *traits));
        let mut name = token.text(text).to_owned();
        for (_, _, function, conditions) in fitting {
            name = match conditions.is_empty() {
                true => function.to_owned(),
                // It is a constant expression, which the host compiler evaluates.
                false => {
                    let all: Vec<String> = conditions
                        .iter()
                        .map(|range| format!("({})", &text[range.clone()]))
                        .collect();
                    format!(
                        "__builtin_choose_expr({}, {function}, {name})",
                        all.join(" && ")
                    )
                }
            };
        }
        if name != token.text(text) {
            found.push((token.range.clone(), name));
        }
    }
    found
}
