//! Where a directive or a call stands: the constructs around it.

use super::super::directive::{DirectiveKind, Form, lookup};
use super::super::tokens::{Token, TokenKind, closing};
use super::pragma;

/// The constructs that enclose a place, outermost first, as far as selectors can ask for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Their constituents.
    pub constructs: Vec<DirectiveKind>,
}

impl Context {
    /// The context of the byte at `offset`.
    pub fn at(text: &str, all: &[Token], offset: usize) -> Self {
        let mut context = Context::default();
        let mut on_device = false;
        for (index, token) in all.iter().enumerate() {
            if token.range.start >= offset {
                break;
            }
            let Some(words) = pragma(text, token) else {
                continue;
            };
            let names: Vec<&str> = words.iter().skip(3).map(|word| word.text(text)).collect();
            match names.as_slice() {
                ["begin", "declare", "target", ..] | ["declare", "target"] => on_device = true,
                ["end", "declare", "target", ..] => on_device = false,
                _ => {}
            }
            let Some((_, parts)) = lookup(&names) else {
                continue;
            };
            let block = parts.iter().all(|part| part.form() == Form::Block);
            if block && offset < statement_end(text, all, index + 1) {
                let traits = parts.iter().filter(|part| is_trait(**part));
                context.constructs.extend(traits);
            }
        }
        if on_device && !context.constructs.contains(&DirectiveKind::Target) {
            context.constructs.insert(0, DirectiveKind::Target);
        }
        context
    }
}

/// Whether the construct trait set holds it (section 7.1).
fn is_trait(part: DirectiveKind) -> bool {
    use DirectiveKind as Kind;
    matches!(
        part,
        Kind::Target | Kind::Teams | Kind::Parallel | Kind::For | Kind::Simd
    )
}

/// The byte after the statement whose first token, pragmas included, is the one at `index`.
pub fn statement_end(text: &str, all: &[Token], index: usize) -> usize {
    let after = after_statement(text, all, index).clamp(1, all.len());
    all[after - 1].range.end
}

/// Index of the token after a statement.
fn after_statement(text: &str, all: &[Token], mut at: usize) -> usize {
    let word = |at: usize| all.get(at).map_or("", |token| token.text(text));
    while let Some(token) = all.get(at).filter(|it| it.kind == TokenKind::Directive) {
        let alone = pragma(text, token).is_some_and(|words| {
            let names: Vec<&str> = words.iter().skip(3).map(|word| word.text(text)).collect();
            lookup(&names).is_some_and(|(_, parts)| parts[0].form() == Form::StandAlone)
        });
        at += 1;
        if alone {
            return at;
        }
    }
    let past = |open: usize| match word(open) {
        "(" | "{" => closing(text, all, open).map_or(all.len(), |close| close + 1),
        _ => open + 1,
    };
    match word(at) {
        "" => all.len(),
        "{" => past(at),
        "if" => {
            let end = after_statement(text, all, past(at + 1));
            let next = (end..all.len()).find(|next| all[*next].kind != TokenKind::Directive);
            match next.filter(|next| word(*next) == "else") {
                Some(next) => after_statement(text, all, next + 1),
                None => end,
            }
        }
        "for" | "while" | "switch" => after_statement(text, all, past(at + 1)),
        "do" => past(after_statement(text, all, at + 1) + 1) + 1,
        _ if all[at].kind == TokenKind::Word && word(at + 1) == ":" => {
            after_statement(text, all, at + 2)
        }
        "case" => {
            let colon = (at..all.len()).find(|next| word(*next) == ":");
            after_statement(text, all, colon.map_or(all.len(), |colon| colon + 1))
        }
        _ => {
            while at < all.len() && word(at) != ";" {
                at = past(at);
            }
            (at + 1).min(all.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::tokens;
    use super::*;

    fn end(text: &str) -> &str {
        &text[..statement_end(text, &tokens(text), 0)]
    }

    #[test]
    fn statements_end_where_they_do() {
        for (statement, rest) in [
            ("x = (a; b);", " y;"),
            ("if (a) b; else if (c) d; else e;", " f;"),
            ("for (;;) { a; { b; } }", " c;"),
            ("do a; while (b);", " c;"),
            ("label: while (a) if (b) c;", " d;"),
            ("#pragma omp for\nfor (;;) a;", " b;"),
            ("#pragma omp barrier", "\nb;"),
        ] {
            assert_eq!(end(&format!("{statement}{rest}")), statement);
        }
    }

    #[test]
    fn constructs_enclose_their_statements() {
        let text = "void f() {\n#pragma omp target teams\n{\n#pragma omp single\n{ here; }\n}\n#pragma omp parallel\n;\n}";
        let offset = text.find("here").expect("in the text");
        assert_eq!(
            Context::at(text, &tokens(text), offset).constructs,
            [DirectiveKind::Target, DirectiveKind::Teams]
        );
    }
}
