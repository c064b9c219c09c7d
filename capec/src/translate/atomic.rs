//! The statements that may follow `#pragma omp atomic` (OpenMP 5.2 section 15.8.4).

use std::ops::Range;

use lang_c::ast::{BinaryOperator, BlockItem, Expression, Statement, UnaryOperator};
use lang_c::span::{Node, Span};

use super::directive::{AtomicForm, Operator};
use super::program::Atomic;
use super::tokens::tokens_within;

/// Finds the updated lvalue, and the operation where it can be carried as one.
///
/// # Errors
/// Says which forms the clause allows.
pub fn parse(
    form: AtomicForm,
    statement: &Statement,
    text: &str,
    range: &impl Fn(Span) -> Range<usize>,
) -> Result<Atomic, String> {
    let reader = Reader { text, range };
    let found = match form {
        AtomicForm::Update => reader
            .expression(statement)
            .and_then(|expression| reader.update(expression)),
        AtomicForm::Read => reader
            .assignment(statement)
            .map(|(_, value)| reader.plain(value)),
        AtomicForm::Write => reader
            .assignment(statement)
            .map(|(target, _)| reader.plain(target)),
        AtomicForm::Capture => reader.capture(statement),
    };
    let (target, update) = found.ok_or_else(|| expected(form).to_owned())?;
    Ok(Atomic {
        target,
        update,
        form,
    })
}

fn expected(form: AtomicForm) -> &'static str {
    match form {
        AtomicForm::Update => {
            "atomic update takes x++, x--, ++x, --x, x op= e, x = x op e or x = e op x"
        }
        AtomicForm::Read => "atomic read takes v = x",
        AtomicForm::Write => "atomic write takes x = e",
        AtomicForm::Capture => {
            "atomic capture takes v = x++, v = x op= e, or a block that updates x and copies it to v"
        }
    }
}

type Update = Option<(Operator, Option<Range<usize>>, bool)>;
type Found = (Range<usize>, Update);

struct Reader<'t, F> {
    text: &'t str,
    range: &'t F,
}

impl<F: Fn(Span) -> Range<usize>> Reader<'_, F> {
    fn expression<'s>(&self, statement: &'s Statement) -> Option<&'s Node<Expression>> {
        match statement {
            Statement::Expression(Some(expression)) => Some(expression),
            Statement::Compound(items) => match items.as_slice() {
                [
                    Node {
                        node: BlockItem::Statement(only),
                        ..
                    },
                ] => self.expression(&only.node),
                _ => None,
            },
            _ => None,
        }
    }

    fn assignment<'s>(
        &self,
        statement: &'s Statement,
    ) -> Option<(&'s Node<Expression>, &'s Node<Expression>)> {
        match &self.expression(statement)?.node {
            Expression::BinaryOperator(binary)
                if binary.node.operator.node == BinaryOperator::Assign =>
            {
                Some((&binary.node.lhs, &binary.node.rhs))
            }
            _ => None,
        }
    }

    fn plain(&self, lvalue: &Node<Expression>) -> Found {
        ((self.range)(lvalue.span), None)
    }

    fn update(&self, expression: &Node<Expression>) -> Option<Found> {
        match &expression.node {
            Expression::UnaryOperator(unary) => {
                use UnaryOperator as Op;
                let subtracted = match unary.node.operator.node {
                    Op::PreIncrement | Op::PostIncrement => false,
                    Op::PreDecrement | Op::PostDecrement => true,
                    _ => return None,
                };
                Some((
                    (self.range)(unary.node.operand.span),
                    Some((Operator::Sum, None, subtracted)),
                ))
            }
            Expression::BinaryOperator(binary) => {
                let target = (self.range)(binary.node.lhs.span);
                let operator = &binary.node.operator.node;
                if *operator == BinaryOperator::Assign {
                    return self.assigned_operation(target, &binary.node.rhs);
                }
                let operand = (self.range)(binary.node.rhs.span);
                match compound(operator)? {
                    Some((operator, subtracted)) => {
                        Some((target, Some((operator, Some(operand), subtracted))))
                    }
                    None => Some((target, None)),
                }
            }
            _ => None,
        }
    }

    /// `x = x op e` or `x = e op x`
    fn assigned_operation(&self, target: Range<usize>, value: &Node<Expression>) -> Option<Found> {
        let Expression::BinaryOperator(binary) = &value.node else {
            return None;
        };
        let (lhs, rhs) = (
            (self.range)(binary.node.lhs.span),
            (self.range)(binary.node.rhs.span),
        );
        let commutative = simple(&binary.node.operator.node);
        if self.same(&target, &lhs) {
            return Some((
                target,
                commutative.map(|(operator, subtracted)| (operator, Some(rhs), subtracted)),
            ));
        }
        if self.same(&target, &rhs) {
            let update = commutative.filter(|(_, subtracted)| !subtracted);
            return Some((
                target,
                update.map(|(operator, _)| (operator, Some(lhs), false)),
            ));
        }
        // x = x op a op b: carried out under the lock as it stands.
        self.leftmost(&binary.node.lhs, &target)
            .then_some((target, None))
    }

    fn leftmost(&self, expression: &Node<Expression>, target: &Range<usize>) -> bool {
        self.same(target, &(self.range)(expression.span))
            || matches!(&expression.node, Expression::BinaryOperator(binary) if self.leftmost(&binary.node.lhs, target))
    }

    fn same(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        let words = |range: &Range<usize>| -> Vec<&str> {
            let mut words: Vec<&str> = tokens_within(self.text, range.clone())
                .iter()
                .map(|token| &self.text[token.range.clone()])
                .collect();
            while words.len() > 2
                && words[0] == "("
                && words[words.len() - 1] == ")"
                && !words[1..words.len() - 1].contains(&")")
            {
                words = words[1..words.len() - 1].to_vec();
            }
            words
        };
        words(one) == words(other)
    }

    fn capture(&self, statement: &Statement) -> Option<Found> {
        if let Some((_, value)) = self.assignment(statement) {
            return self.update(value).map(|(target, _)| (target, None));
        }
        let Statement::Compound(items) = statement else {
            return None;
        };
        let [
            Node {
                node: BlockItem::Statement(one),
                ..
            },
            Node {
                node: BlockItem::Statement(two),
                ..
            },
        ] = items.as_slice()
        else {
            return None;
        };
        // { v = x; x op= e; }, { x op= e; v = x; } or { v = x; x = e; }
        if let Some((_, value)) = self.assignment(&one.node) {
            let copied = (self.range)(value.span);
            if let Some((target, _)) = self.changed(&two.node)
                && self.same(&copied, &target)
            {
                return Some((target, None));
            }
        }
        let (target, _) = self.update(self.expression(&one.node)?)?;
        let (_, value) = self.assignment(&two.node)?;
        self.same(&target, &(self.range)(value.span))
            .then_some((target, None))
    }

    fn changed(&self, statement: &Statement) -> Option<Found> {
        let expression = self.expression(statement)?;
        self.update(expression).or_else(|| {
            self.assignment(statement)
                .map(|(target, _)| self.plain(target))
        })
    }
}

/// `op=`: the inner `None` is an operator that does not commute.
fn compound(operator: &BinaryOperator) -> Option<Option<(Operator, bool)>> {
    use BinaryOperator as Op;
    Some(match operator {
        Op::AssignPlus => Some((Operator::Sum, false)),
        Op::AssignMinus => Some((Operator::Sum, true)),
        Op::AssignMultiply => Some((Operator::Product, false)),
        Op::AssignBitwiseAnd => Some((Operator::And, false)),
        Op::AssignBitwiseOr => Some((Operator::Or, false)),
        Op::AssignBitwiseXor => Some((Operator::Xor, false)),
        Op::AssignDivide | Op::AssignShiftLeft | Op::AssignShiftRight => None,
        _ => return None,
    })
}

fn simple(operator: &BinaryOperator) -> Option<(Operator, bool)> {
    use BinaryOperator as Op;
    Some(match operator {
        Op::Plus => (Operator::Sum, false),
        Op::Minus => (Operator::Sum, true),
        Op::Multiply => (Operator::Product, false),
        Op::BitwiseAnd => (Operator::And, false),
        Op::BitwiseOr => (Operator::Or, false),
        Op::BitwiseXor => (Operator::Xor, false),
        _ => return None,
    })
}
