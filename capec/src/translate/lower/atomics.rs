//! `atomic`.

use super::super::code::Code;
use super::super::directive::{ClauseKind, Operator};
use super::super::program::ConstructId;
use super::super::template;
use super::Lowerer;

impl Lowerer<'_, '_> {
    pub(super) fn atomic(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let Some(atomic) = &construct.atomic else {
            return Code::default();
        };
        let ordered = self.program.directives[construct.directive]
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Ordering);
        let Some((operator, operand, subtracted)) = atomic.update.as_ref().filter(|_| !ordered)
        else {
            let fillings = vec![("SITE", self.site(id)), ("STATEMENT", self.body(id))];
            return template::ATOMIC.fill(fillings);
        };
        let target = self.user(&atomic.target);
        let operand = operand
            .as_ref()
            .map_or_else(|| Code::made("1"), |range| self.user(range));
        template::ATOMIC_UPDATE.fill(vec![
            ("SITE", self.site(id)),
            ("TARGET", target),
            ("OPERAND", operand),
            ("NAME", Code::made(operator.name())),
            ("SIGN", Code::made(if *subtracted { "-" } else { "" })),
            ("OPERATOR", Code::made(assignment(*operator, *subtracted))),
        ])
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
