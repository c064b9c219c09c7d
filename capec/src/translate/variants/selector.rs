//! Context selectors (OpenMP 5.2 section 7.1): `set = { trait(properties), ... }, ...`.

use std::ops::Range;

use super::super::directive::{DirectiveKind, lookup};
use super::super::problem::Problem;
use super::super::tokens::{Token, TokenKind, closing};
use super::context::Context;

/// What a selector asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trait {
    /// Constructs, outermost first.
    Constructs(Vec<DirectiveKind>),
    /// `kind`, `arch` or `isa` of the device: which of them, and whether the host has it.
    Device(u32, bool),
    /// Known to hold or not.
    Known(bool),
    /// `condition(expression)`, to be evaluated.
    Condition(Range<usize>),
}

/// A selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    all: Vec<(Trait, u128)>,
}

/// Whether a selector fits a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does not.
    No,
    /// It does if all `conditions` (bytes of expressions) are true.
    Yes {
        /// Greater ones are preferred.
        score: u128,
        /// What is to be evaluated.
        conditions: Vec<Range<usize>>,
    },
}

/// Index among `inside` of the first `wanted` outside of all brackets.
pub fn outside(text: &str, words: &[Token], inside: Range<usize>, wanted: &str) -> Option<usize> {
    let mut depth = 0_usize;
    inside.into_iter().find(|&index| {
        match words[index].text(text) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            word => return depth == 0 && word == wanted,
        }
        false
    })
}

/// The parts of `inside` between commas outside of all brackets.
fn listed(text: &str, words: &[Token], mut inside: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    while !inside.is_empty() {
        let end = outside(text, words, inside.clone(), ",").unwrap_or(inside.end);
        if inside.start < end {
            parts.push(inside.start..end);
        }
        inside.start = (end + 1).min(inside.end);
    }
    parts
}

fn malformed(words: &[Token], part: &Range<usize>, message: &str) -> Problem {
    let last = words[part.end.max(part.start + 1) - 1].range.end;
    Problem::new(words[part.start].range.start..last, message)
        .note("a context selector has the form set={trait(property), ...}, with the sets construct, device, implementation and user")
}

impl Selector {
    /// Whether it asks for the construct `simd`.
    pub fn is_for_simd(&self) -> bool {
        self.all.iter().any(|(one, _)| {
            matches!(one, Trait::Constructs(kinds) if kinds.contains(&DirectiveKind::Simd))
        })
    }

    /// Reads the selector that `inside` of `words` is.
    ///
    /// # Errors
    /// Where it is malformed.
    pub fn parse(text: &str, words: &[Token], inside: Range<usize>) -> Result<Self, Problem> {
        let mut selector = Selector::default();
        for set in listed(text, words, inside) {
            let word = |index: usize| words[index].text(text);
            let braced = set.len() >= 4 && word(set.start + 1) == "=" && word(set.start + 2) == "{";
            if !braced || closing(text, words, set.start + 2) != Some(set.end - 1) {
                return Err(malformed(words, &set, "this is no context selector"));
            }
            let traits = listed(text, words, set.start + 3..set.end - 1);
            match word(set.start) {
                "construct" => {
                    let mut constructs = Vec::new();
                    for part in &traits {
                        let names: Vec<&str> = part.clone().map(word).collect();
                        let Some((_, parts)) = lookup(&names) else {
                            return Err(malformed(words, part, "this is no construct"));
                        };
                        constructs.extend(parts);
                    }
                    selector.all.push((Trait::Constructs(constructs), 0));
                }
                name @ ("device" | "target_device" | "implementation" | "user") => {
                    for part in &traits {
                        selector.push(text, words, name, part)?;
                    }
                }
                _ => return Err(malformed(words, &set, "this is no set of traits")),
            }
        }
        Ok(selector)
    }

    fn push(
        &mut self,
        text: &str,
        words: &[Token],
        set: &str,
        part: &Range<usize>,
    ) -> Result<(), Problem> {
        let word = |index: usize| words[index].text(text);
        let mut inside = match part.len() {
            1 => part.end..part.end,
            _ if word(part.start + 1) == "("
                && closing(text, words, part.start + 1) == Some(part.end - 1) =>
            {
                part.start + 2..part.end - 1
            }
            _ => return Err(malformed(words, part, "this is no trait")),
        };
        let mut score = 0;
        if inside.len() > 4 && word(inside.start) == "score" {
            let close = closing(text, words, inside.start + 1);
            let value = words
                .get(inside.start + 2)
                .map(|word| word.text(text).parse());
            let (Some(close), Some(Ok(value))) = (close, value) else {
                return Err(malformed(words, part, "a score is an integer constant"));
            };
            score = value;
            inside.start = close + 2;
        }
        let properties: Vec<&str> = listed(text, words, inside.clone())
            .into_iter()
            .map(|property| word(property.start).trim_matches('"'))
            .collect();
        let all = |known: &[&str]| properties.iter().all(|property| known.contains(property));
        let found = match (set, word(part.start)) {
            ("user", "condition") if !inside.is_empty() => condition(text, words, &inside),
            ("device" | "target_device", "kind") => Trait::Device(0, all(&["host", "cpu", "any"])),
            ("device" | "target_device", "arch") => {
                Trait::Device(1, all(&[std::env::consts::ARCH, ARCH_ALIAS]))
            }
            // What else the host has depends on flags that this phase does not see: no variant that needs more is taken.
            ("device" | "target_device", "isa") => {
                Trait::Device(2, cfg!(target_arch = "x86_64") && all(&["sse", "sse2"]))
            }
            ("target_device", "device_num") => Trait::Known(false),
            ("implementation", "vendor") => Trait::Known(all(&["gnu"])),
            ("implementation", _) => Trait::Known(false),
            _ => return Err(malformed(words, part, "this is no trait")),
        };
        self.all.push((found, score));
        Ok(())
    }

    /// How many traits it names.
    pub fn traits(&self) -> usize {
        self.all
            .iter()
            .map(|(each, _)| match each {
                Trait::Constructs(constructs) => constructs.len(),
                _ => 1,
            })
            .sum()
    }

    /// Whether it fits `context`.
    pub fn matches(&self, context: &Context) -> Match {
        let around = &context.constructs;
        let mut score = 0_u128;
        let mut conditions = Vec::new();
        for (each, given) in &self.all {
            score = score.saturating_add(*given);
            match each {
                Trait::Known(true) => {}
                Trait::Known(false) | Trait::Device(_, false) => return Match::No,
                Trait::Device(which, true) => {
                    score = score.saturating_add(power(around.len()) << which);
                }
                Trait::Condition(range) => conditions.push(range.clone()),
                Trait::Constructs(wanted) => {
                    // Inner ones weigh more, so each is sought from within.
                    let mut end = around.len();
                    for construct in wanted.iter().rev() {
                        let Some(at) = around[..end].iter().rposition(|it| it == construct) else {
                            return Match::No;
                        };
                        score = score.saturating_add(power(at));
                        end = at;
                    }
                }
            }
        }
        Match::Yes { score, conditions }
    }
}

/// Another name of the host's architecture.
const ARCH_ALIAS: &str = if cfg!(target_arch = "x86_64") {
    "x86"
} else {
    ""
};

fn power(exponent: usize) -> u128 {
    1 << exponent.min(100)
}

/// A condition, evaluated if it is a literal.
fn condition(text: &str, words: &[Token], inside: &Range<usize>) -> Trait {
    let only = &words[inside.start];
    match (inside.len(), only.kind, only.text(text)) {
        (1, TokenKind::Number, value) if value.bytes().all(|byte| byte.is_ascii_digit()) => {
            Trait::Known(value.bytes().any(|byte| byte != b'0'))
        }
        (1, _, "true") => Trait::Known(true),
        (1, _, "false") => Trait::Known(false),
        _ => Trait::Condition(only.range.start..words[inside.end - 1].range.end),
    }
}
