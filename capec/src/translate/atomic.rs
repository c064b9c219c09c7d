//! The statements that may follow `#pragma omp atomic` (OpenMP 5.2 section 15.8.4).

use std::ops::Range;

use lang_c::ast::{BinaryOperator, BlockItem, Expression, Statement, UnaryOperator};
use lang_c::span::{Node, Span};

use super::directive::{AtomicForm, Operator};
use super::program::Atomic;
use super::tokens::tokens_within;

/// Finds the updated lvalue, everywhere it stands, and the operation where it can be carried as one.
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
        AtomicForm::Read => reader.read(statement),
        AtomicForm::Write => reader.write(statement),
        AtomicForm::Capture => reader.capture(statement),
        AtomicForm::Compare => reader.compare(statement),
        AtomicForm::CompareCapture => reader.compare_capture(statement),
    };
    let mut found = found.ok_or_else(|| expected(form).to_owned())?;
    found.places.sort_by_key(|place| place.start);
    let update = found.update.filter(|_| form == AtomicForm::Update);
    Ok(Atomic {
        target: found.target,
        places: found.places,
        operand: found.operand,
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
        AtomicForm::Compare => {
            "atomic compare takes if (x == e) { x = d; }, if (x < e) { x = e; }, x = x == e ? d : x or x = x < e ? e : x (or >)"
        }
        AtomicForm::CompareCapture => {
            "atomic compare capture takes a block of v = x and a comparison, if (x == e) { x = d; } else { v = x; }, \
             or { r = x == e; if (r) { x = d; } else { v = x; } }"
        }
    }
}

type Update = Option<(Operator, Option<Range<usize>>, bool)>;

/// What a statement does to which lvalue.
struct Found {
    target: Range<usize>,
    places: Vec<Range<usize>>,
    operand: Option<Range<usize>>,
    update: Update,
}

impl Found {
    fn new(target: Range<usize>) -> Found {
        Found {
            places: vec![target.clone()],
            target,
            operand: None,
            update: None,
        }
    }

    /// The lvalue also stands there.
    fn also(mut self, place: Range<usize>) -> Found {
        self.places.push(place);
        self
    }
}

struct Reader<'t, F> {
    text: &'t str,
    range: &'t F,
}

impl<F: Fn(Span) -> Range<usize>> Reader<'_, F> {
    fn place(&self, expression: &Node<Expression>) -> Range<usize> {
        (self.range)(expression.span)
    }

    /// The statement that is alone in a block, or itself.
    fn only<'s>(&self, statement: &'s Statement) -> &'s Statement {
        match statement {
            Statement::Compound(items) => match items.as_slice() {
                [
                    Node {
                        node: BlockItem::Statement(only),
                        ..
                    },
                ] => self.only(&only.node),
                _ => statement,
            },
            _ => statement,
        }
    }

    fn expression<'s>(&self, statement: &'s Statement) -> Option<&'s Node<Expression>> {
        match self.only(statement) {
            Statement::Expression(Some(expression)) => Some(expression),
            _ => None,
        }
    }

    /// The two statements of a block.
    fn pair<'s>(&self, statement: &'s Statement) -> Option<(&'s Statement, &'s Statement)> {
        let Statement::Compound(items) = self.only(statement) else {
            return None;
        };
        match items.as_slice() {
            [
                Node {
                    node: BlockItem::Statement(one),
                    ..
                },
                Node {
                    node: BlockItem::Statement(two),
                    ..
                },
            ] => Some((&one.node, &two.node)),
            _ => None,
        }
    }

    fn assignment<'s>(
        &self,
        statement: &'s Statement,
    ) -> Option<(&'s Node<Expression>, &'s Node<Expression>)> {
        self.assigned(self.expression(statement)?)
    }

    fn assigned<'s>(
        &self,
        expression: &'s Node<Expression>,
    ) -> Option<(&'s Node<Expression>, &'s Node<Expression>)> {
        match &expression.node {
            Expression::BinaryOperator(binary)
                if binary.node.operator.node == BinaryOperator::Assign =>
            {
                Some((&binary.node.lhs, &binary.node.rhs))
            }
            _ => None,
        }
    }

    /// `v = x`
    fn read(&self, statement: &Statement) -> Option<Found> {
        let (_, value) = self.assignment(statement)?;
        let lvalue = matches!(
            &value.node,
            Expression::Identifier(_) | Expression::Member(_)
        ) || matches!(&value.node, Expression::UnaryOperator(unary)
            if unary.node.operator.node == UnaryOperator::Indirection)
            || matches!(&value.node, Expression::BinaryOperator(binary)
                if binary.node.operator.node == BinaryOperator::Index);
        lvalue.then(|| Found::new(self.place(value)))
    }

    /// `x = e`
    fn write(&self, statement: &Statement) -> Option<Found> {
        let (target, value) = self.assignment(statement)?;
        let mut found = Found::new(self.place(target));
        found.operand = Some(self.place(value));
        Some(found)
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
                let mut found = Found::new(self.place(&unary.node.operand));
                found.update = Some((Operator::Sum, None, subtracted));
                Some(found)
            }
            Expression::BinaryOperator(binary) => {
                let target = self.place(&binary.node.lhs);
                let operator = &binary.node.operator.node;
                if *operator == BinaryOperator::Assign {
                    return self.assigned_operation(target, &binary.node.rhs);
                }
                let operand = self.place(&binary.node.rhs);
                let carried = compound(operator)?;
                let mut found = Found::new(target);
                found.update = carried
                    .map(|(operator, subtracted)| (operator, Some(operand.clone()), subtracted));
                found.operand = Some(operand);
                Some(found)
            }
            _ => None,
        }
    }

    /// `x = x op e` or `x = e op x`
    fn assigned_operation(&self, target: Range<usize>, value: &Node<Expression>) -> Option<Found> {
        let Expression::BinaryOperator(binary) = &value.node else {
            return None;
        };
        let (lhs, rhs) = (self.place(&binary.node.lhs), self.place(&binary.node.rhs));
        let operator = &binary.node.operator.node;
        if !arithmetic(operator) {
            return None;
        }
        let commutative = simple(operator);
        if self.same(&target, &lhs) {
            let mut found = Found::new(target).also(lhs);
            found.update =
                commutative.map(|(operator, subtracted)| (operator, Some(rhs.clone()), subtracted));
            found.operand = Some(rhs);
            return Some(found);
        }
        if self.same(&target, &rhs) {
            let mut found = Found::new(target).also(rhs);
            found.update = commutative
                .filter(|(_, subtracted)| !subtracted)
                .map(|(operator, _)| (operator, Some(lhs.clone()), false));
            found.operand = Some(lhs);
            return Some(found);
        }
        // x = x op a op b: carried out as it stands.
        let leftmost = self.leftmost(&binary.node.lhs, &target)?;
        Some(Found::new(target).also(leftmost))
    }

    fn leftmost(
        &self,
        expression: &Node<Expression>,
        target: &Range<usize>,
    ) -> Option<Range<usize>> {
        let place = self.place(expression);
        if self.same(target, &place) {
            return Some(place);
        }
        match &expression.node {
            Expression::BinaryOperator(binary) if arithmetic(&binary.node.operator.node) => {
                self.leftmost(&binary.node.lhs, target)
            }
            _ => None,
        }
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
            return self.update(value);
        }
        // { v = x; x op= e; }, { x op= e; v = x; } or { v = x; x = e; }
        let (one, two) = self.pair(statement)?;
        if let Some(copied) = self.copied(one)
            && let Some(found) = self.changed(two)
            && self.same(&copied, &found.target)
        {
            return Some(found.also(copied));
        }
        let found = self.update(self.expression(one)?)?;
        let copied = self.copied(two)?;
        self.same(&copied, &found.target)
            .then(|| found.also(copied))
    }

    /// `x` of `v = x`
    fn copied(&self, statement: &Statement) -> Option<Range<usize>> {
        self.assignment(statement)
            .map(|(_, value)| self.place(value))
    }

    fn changed(&self, statement: &Statement) -> Option<Found> {
        self.update(self.expression(statement)?)
            .or_else(|| self.write(statement))
    }

    /// `if (x == e) { x = d; }` and its like, or `x = x == e ? d : x`.
    fn compare(&self, statement: &Statement) -> Option<Found> {
        let Statement::If(branch) = self.only(statement) else {
            let (target, value) = self.assignment(statement)?;
            return self.chosen(target, value);
        };
        if branch.node.else_statement.is_some() {
            return None;
        }
        self.branch(&branch.node.condition, &branch.node.then_statement.node)
    }

    /// `if (condition) { x = d; }`
    fn branch(&self, condition: &Node<Expression>, then: &Statement) -> Option<Found> {
        let (target, value) = self.assignment(then)?;
        let target = self.place(target);
        let compared = self.compared(condition, &target, &self.place(value))?;
        Some(Found::new(target).also(compared))
    }

    /// `condition ? d : x`, assigned to x
    fn chosen(&self, target: &Node<Expression>, value: &Node<Expression>) -> Option<Found> {
        let Expression::Conditional(choice) = &value.node else {
            return None;
        };
        let target = self.place(target);
        let other = self.place(&choice.node.else_expression);
        let new = self.place(&choice.node.then_expression);
        let compared = self.compared(&choice.node.condition, &target, &new)?;
        self.same(&target, &other)
            .then(|| Found::new(target).also(other).also(compared))
    }

    /// Where x stands in `x == e`, or in `x < value` or the like.
    fn compared(
        &self,
        condition: &Node<Expression>,
        target: &Range<usize>,
        value: &Range<usize>,
    ) -> Option<Range<usize>> {
        let Expression::BinaryOperator(binary) = &condition.node else {
            return None;
        };
        let (lhs, rhs) = (self.place(&binary.node.lhs), self.place(&binary.node.rhs));
        let (x, other) = if self.same(target, &lhs) {
            (lhs, rhs)
        } else {
            (rhs, lhs)
        };
        let allowed = match binary.node.operator.node {
            BinaryOperator::Equals => true,
            BinaryOperator::Less | BinaryOperator::Greater => self.same(&other, value),
            _ => false,
        };
        (allowed && self.same(target, &x)).then_some(x)
    }

    fn compare_capture(&self, statement: &Statement) -> Option<Found> {
        // if (x == e) { x = d; } else { v = x; }
        if let Statement::If(branch) = self.only(statement) {
            let found = self.branch(&branch.node.condition, &branch.node.then_statement.node)?;
            let copied = self.copied(&branch.node.else_statement.as_ref()?.node)?;
            return self
                .same(&copied, &found.target)
                .then(|| found.also(copied));
        }
        // v = x = x < e ? e : x
        if let Some((_, value)) = self.assignment(statement) {
            let (target, value) = self.assigned(value)?;
            return self.chosen(target, value);
        }
        let (one, two) = self.pair(statement)?;
        if let Some(found) = self.remembered(one, two) {
            return Some(found);
        }
        let (found, copied) = match (self.compare(one), self.compare(two)) {
            (_, Some(found)) => (found, self.copied(one)?),
            (Some(found), None) => (found, self.copied(two)?),
            (None, None) => return None,
        };
        self.same(&copied, &found.target)
            .then(|| found.also(copied))
    }

    /// `r = x == e; if (r) { x = d; } else { v = x; }`, the last part optional
    fn remembered(&self, one: &Statement, two: &Statement) -> Option<Found> {
        let (result, condition) = self.assignment(one)?;
        let Statement::If(branch) = self.only(two) else {
            return None;
        };
        if !self.same(&self.place(result), &self.place(&branch.node.condition)) {
            return None;
        }
        let found = self.branch(condition, &branch.node.then_statement.node)?;
        match &branch.node.else_statement {
            None => Some(found),
            Some(other) => {
                let copied = self.copied(&other.node)?;
                self.same(&copied, &found.target)
                    .then(|| found.also(copied))
            }
        }
    }
}

/// Operators of `x = x op e`.
fn arithmetic(operator: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    simple(operator).is_some() || matches!(operator, Op::Divide | Op::ShiftLeft | Op::ShiftRight)
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
