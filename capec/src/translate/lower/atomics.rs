//! `atomic`.

use std::ops::Range;

use super::super::code::{Code, Piece};
use super::super::directive::{AtomicForm, ClauseKind, MemoryOrder, Operator};
use super::super::program::{Atomic, ConstructId};
use super::super::template;
use super::super::tokens::{Token, tokens_within};
use super::Lowerer;

impl Lowerer<'_, '_> {
    pub(super) fn atomic(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let Some(atomic) = construct.atomic.clone() else {
            return Code::default();
        };
        if self.is_bit_field(&atomic.target) {
            let body = construct.body.clone();
            return template::ATOMIC_FIELD.fill(vec![
                ("SITE", self.site(id)),
                ("STATEMENT", self.user(&body)),
            ]);
        }
        let order = self.program.directives[construct.directive].find(|kind| match kind {
            ClauseKind::Ordering(order) => Some(*order),
            _ => None,
        });
        match &atomic.update {
            Some((_, Some(operand), _)) if self.reads(operand, &atomic.target) => {
                // Not what the specification allows (section 15.8.4), but other compilers read the newest value, too.
                let whole = Atomic {
                    operand: None,
                    ..atomic
                };
                self.atomic_statement(id, &whole, order)
            }
            Some((operator, operand, subtracted)) if order.is_none() => {
                self.atomic_update(id, &atomic, *operator, operand.as_ref(), *subtracted)
            }
            _ => self.atomic_statement(id, &atomic, order),
        }
    }

    /// Whether `operand` has the atomic lvalue `target` in it, spelled in the same way.
    fn reads(&self, operand: &Range<usize>, target: &Range<usize>) -> bool {
        let text = self.program.text;
        let tokens = [operand, target].map(|range| tokens_within(text, range.clone()));
        let [words, wanted] = tokens.each_ref().map(|tokens| {
            tokens
                .iter()
                .map(|token| token.text(text))
                .collect::<Vec<_>>()
        });
        let member = |at: usize| at > 0 && matches!(words[at - 1], "." | "->");
        words
            .windows(wanted.len().max(1))
            .enumerate()
            .any(|(at, window)| window == wanted && !member(at))
    }

    /// Whether the last name of an lvalue is that of a bit-field of some struct: of a member of the same name that is none, the slower
    /// code is right, too.
    fn is_bit_field(&self, target: &Range<usize>) -> bool {
        let words = tokens_within(self.program.text, target.clone());
        let word = |token: &Token| token.text(self.program.text);
        let mut last = words.iter().rev().skip_while(|token| word(token) == ")");
        last.next()
            .is_some_and(|token| self.program.bit_fields.contains(word(token)))
            && last
                .next()
                .is_some_and(|token| matches!(word(token), "." | "->"))
    }

    fn atomic_update(
        &mut self,
        id: ConstructId,
        atomic: &Atomic,
        operator: Operator,
        operand: Option<&Range<usize>>,
        subtracted: bool,
    ) -> Code {
        let target = self.user(&atomic.target);
        let operand = operand.map_or_else(|| Code::made("1"), |range| self.user(range));
        template::ATOMIC_UPDATE.fill(vec![
            ("SITE", self.site(id)),
            ("TARGET", target),
            ("OPERAND", operand),
            ("NAME", Code::made(operator.name())),
            ("SIGN", Code::made(if subtracted { "-" } else { "" })),
            ("OPERATOR", Code::made(assignment(operator, subtracted))),
        ])
    }

    fn atomic_statement(
        &mut self,
        id: ConstructId,
        atomic: &Atomic,
        order: Option<MemoryOrder>,
    ) -> Code {
        let body = self.program.constructs[id].body.clone();
        let mut operand = Code::default();
        if let Some(range) = &atomic.operand {
            operand.text("const __typeof__((");
            operand.append(self.user(range));
            operand.text(") + 0) cape_operand = (");
            operand.append(self.user(range));
            operand.text(");");
        }
        let kind = match atomic.form {
            AtomicForm::Read => "CAPE_ATOMIC_READ",
            _ => "CAPE_ATOMIC_CHANGE",
        };
        let target = self.user(&atomic.target);
        let private = self.with_target(&body, atomic, "cape_new");
        let shared = self.with_target(&body, atomic, "(*cape_target)");
        template::ATOMIC.fill(vec![
            ("SITE", self.site(id)),
            ("TARGET", target),
            ("OPERAND", operand),
            (
                "ORDER",
                Code::made(order.map_or("CAPE_RELAXED", |_| "CAPE_SEQ_CST")),
            ),
            ("KIND", Code::made(kind)),
            ("PRIVATE", private),
            ("SHARED", shared),
        ])
    }

    /// The statement with the atomic lvalue spelled `name`, and the operand that was evaluated before.
    fn with_target(&mut self, body: &Range<usize>, atomic: &Atomic, name: &str) -> Code {
        let places = atomic.places.iter().map(|place| (place, name));
        let operand = atomic.operand.iter().map(|place| (place, "cape_operand"));
        let mut edits: Vec<(&Range<usize>, &str)> = places.chain(operand).collect();
        edits.sort_by_key(|(place, _)| place.start);
        let mut code = Code::default();
        let mut at = body.start;
        for (place, text) in edits {
            code.append(self.user(&(at..place.start)));
            code.push(Piece::Made(text.to_owned()));
            at = place.end;
        }
        code.append(self.user(&(at..body.end)));
        code
    }
}

fn assignment(operator: Operator, subtracted: bool) -> &'static str {
    match operator {
        Operator::Product => "*=",
        Operator::And => "&=",
        Operator::Or => "|=",
        Operator::Xor => "^=",
        _ if subtracted => "-=",
        _ => "+=",
    }
}
