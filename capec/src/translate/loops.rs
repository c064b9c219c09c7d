//! The canonical form of associated loops (OpenMP 5.2 section 4.4.1): which expressions give the first value, the bound
//! and the step.

use lang_c::ast::{
    BinaryOperator, Declaration, DeclaratorKind, Expression, ForInitializer, ForStatement,
    Identifier, Initializer, Statement, UnaryOperator,
};
use lang_c::span::{Node, Span};

/// Where the loop variable is named.
#[derive(Clone, Copy, Debug)]
pub enum Variable<'a> {
    /// Declared earlier; `i = first`.
    Named(&'a Node<Identifier>),
    /// `int i = first`
    Declared(&'a Node<Declaration>),
}

/// Comparison of the loop variable (on the left) with the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `!=`
    NotEqual,
}

impl Relation {
    fn of(operator: &BinaryOperator) -> Option<Self> {
        Some(match operator {
            BinaryOperator::Less => Self::Less,
            BinaryOperator::LessOrEqual => Self::LessOrEqual,
            BinaryOperator::Greater => Self::Greater,
            BinaryOperator::GreaterOrEqual => Self::GreaterOrEqual,
            BinaryOperator::NotEquals => Self::NotEqual,
            _ => return None,
        })
    }

    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::NotEqual => Self::NotEqual,
        }
    }
}

/// How the loop variable moves.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// It is subtracted: `--`, `-=`, `v = v - e`.
    pub subtracted: bool,
    /// The amount; absent: 1.
    pub amount: Option<&'a Node<Expression>>,
}

/// A loop in canonical form.
#[derive(Clone, Copy, Debug)]
pub struct Canonical<'a> {
    /// The loop variable.
    pub variable: Variable<'a>,
    /// Its first value.
    pub first: &'a Node<Expression>,
    /// What it is compared with.
    pub bound: &'a Node<Expression>,
    /// How it is compared.
    pub relation: Relation,
    /// Whether the loop runs upwards.
    pub upwards: bool,
    /// Whether it moves away from its bound, by one.
    pub away: bool,
    /// How it moves.
    pub step: Step<'a>,
    /// The loop's body.
    pub body: &'a Node<Statement>,
}

/// Why a loop is not canonical, and where.
pub type Refusal = (Span, String);

/// Finds the parts of a canonical loop. `value` evaluates constant expressions.
///
/// # Errors
/// Names the part that is not canonical.
pub fn canonical<'a>(
    statement: &'a Node<ForStatement>,
    value: &impl Fn(Span) -> Option<i128>,
) -> Result<Canonical<'a>, Refusal> {
    let ForStatement {
        initializer,
        condition,
        step,
        statement: body,
    } = &statement.node;
    let (variable, name, first) = initial(initializer)?;
    let Some(condition) = condition else {
        return Err((statement.span, "the loop has no condition".to_owned()));
    };
    let Some(step) = step else {
        return Err((statement.span, "the loop has no increment".to_owned()));
    };
    let (relation, bound) = comparison(condition, name)?;
    let step_form = movement(step, name)?;
    let upwards = match relation {
        Relation::Less | Relation::LessOrEqual => true,
        Relation::Greater | Relation::GreaterOrEqual => false,
        Relation::NotEqual => unit_direction(&step_form, value).ok_or_else(|| {
            (
                step.span,
                format!("with '!=' the loop variable '{name}' must move by 1 or -1"),
            )
        })?,
    };
    Ok(Canonical {
        away: step_form.amount.is_none() && step_form.subtracted == upwards,
        variable,
        first,
        bound,
        relation,
        upwards,
        step: step_form,
        body,
    })
}

fn initial<'a>(
    initializer: &'a Node<ForInitializer>,
) -> Result<(Variable<'a>, &'a str, &'a Node<Expression>), Refusal> {
    let refuse = || {
        (
            initializer.span,
            "the loop must begin with 'variable = value'".to_owned(),
        )
    };
    match &initializer.node {
        ForInitializer::Expression(expression) => match &expression.node {
            Expression::BinaryOperator(binary)
                if binary.node.operator.node == BinaryOperator::Assign =>
            {
                match &binary.node.lhs.node {
                    Expression::Identifier(name) => {
                        Ok((Variable::Named(name), &name.node.name, &binary.node.rhs))
                    }
                    _ => Err(refuse()),
                }
            }
            _ => Err(refuse()),
        },
        ForInitializer::Declaration(declaration) => {
            let [only] = declaration.node.declarators.as_slice() else {
                return Err(refuse());
            };
            let DeclaratorKind::Identifier(name) = &only.node.declarator.node.kind.node else {
                return Err(refuse());
            };
            match only.node.initializer.as_ref().map(|value| &value.node) {
                Some(Initializer::Expression(first)) => {
                    Ok((Variable::Declared(declaration), &name.node.name, first))
                }
                _ => Err(refuse()),
            }
        }
        _ => Err(refuse()),
    }
}

fn names(expression: &Node<Expression>, variable: &str) -> bool {
    matches!(&expression.node, Expression::Identifier(name) if name.node.name == variable)
}

fn comparison<'a>(
    condition: &'a Node<Expression>,
    name: &str,
) -> Result<(Relation, &'a Node<Expression>), Refusal> {
    let refuse = || {
        (
            condition.span,
            format!("the condition must compare '{name}' with <, <=, >, >= or !="),
        )
    };
    let Expression::BinaryOperator(binary) = &condition.node else {
        return Err(refuse());
    };
    let relation = Relation::of(&binary.node.operator.node).ok_or_else(refuse)?;
    if names(&binary.node.lhs, name) {
        Ok((relation, &binary.node.rhs))
    } else if names(&binary.node.rhs, name) {
        Ok((relation.mirrored(), &binary.node.lhs))
    } else {
        Err(refuse())
    }
}

fn movement<'a>(step: &'a Node<Expression>, name: &str) -> Result<Step<'a>, Refusal> {
    let refuse = || {
        (
            step.span,
            format!(
                "the increment must be one of ++{name}, --{name}, {name} += e, {name} -= e, {name} = {name} + e, {name} = {name} - e"
            ),
        )
    };
    match &step.node {
        Expression::UnaryOperator(unary) if names(&unary.node.operand, name) => {
            match unary.node.operator.node {
                UnaryOperator::PreIncrement | UnaryOperator::PostIncrement => Ok(Step {
                    subtracted: false,
                    amount: None,
                }),
                UnaryOperator::PreDecrement | UnaryOperator::PostDecrement => Ok(Step {
                    subtracted: true,
                    amount: None,
                }),
                _ => Err(refuse()),
            }
        }
        Expression::BinaryOperator(binary) if names(&binary.node.lhs, name) => {
            match binary.node.operator.node {
                BinaryOperator::AssignPlus => Ok(Step {
                    subtracted: false,
                    amount: Some(&binary.node.rhs),
                }),
                BinaryOperator::AssignMinus => Ok(Step {
                    subtracted: true,
                    amount: Some(&binary.node.rhs),
                }),
                BinaryOperator::Assign => sum(&binary.node.rhs, name).ok_or_else(refuse),
                _ => Err(refuse()),
            }
        }
        _ => Err(refuse()),
    }
}

/// `v + e`, `e + v` or `v - e`
fn sum<'a>(value: &'a Node<Expression>, name: &str) -> Option<Step<'a>> {
    let Expression::BinaryOperator(binary) = &value.node else {
        return None;
    };
    let (lhs, rhs) = (&binary.node.lhs, &binary.node.rhs);
    match binary.node.operator.node {
        BinaryOperator::Plus if names(lhs, name) => Some(Step {
            subtracted: false,
            amount: Some(rhs),
        }),
        BinaryOperator::Plus if names(rhs, name) => Some(Step {
            subtracted: false,
            amount: Some(lhs),
        }),
        BinaryOperator::Minus if names(lhs, name) => Some(Step {
            subtracted: true,
            amount: Some(rhs),
        }),
        _ => None,
    }
}

/// Direction of a step by the constant 1 or -1.
fn unit_direction(step: &Step<'_>, value: &impl Fn(Span) -> Option<i128>) -> Option<bool> {
    let positive = match step.amount {
        None => true,
        Some(amount) => match value(amount.span)? {
            1 => true,
            -1 => false,
            _ => return None,
        },
    };
    Some(positive != step.subtracted)
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::*;
    use lang_c::driver::{Config, parse_preprocessed};
    use lang_c::visit::{self, Visit};

    struct First(Option<Result<(Relation, bool, bool), String>>, String);

    impl<'ast> Visit<'ast> for First {
        fn visit_statement(&mut self, statement: &'ast Statement, span: &'ast Span) {
            if let Statement::For(statement) = statement {
                let value = |span: Span| constant::value(&self.1[span.start..span.end]);
                let found = canonical(statement, &value)
                    .map(|form| (form.relation, form.upwards, form.step.subtracted));
                self.0 = Some(found.map_err(|(_, why)| why));
                return;
            }
            visit::visit_statement(self, statement, span);
        }
    }

    fn form(header: &str) -> Result<(Relation, bool, bool), String> {
        let text = format!("void f(void) {{ int i, n; for ({header}) ; }}");
        let parsed = parse_preprocessed(&Config::with_gcc(), text.clone()).expect("valid C");
        let mut first = First(None, text);
        first.visit_translation_unit(&parsed.unit);
        first.0.expect("a loop")
    }

    #[test]
    fn accepts_every_canonical_form() {
        assert_eq!(form("i = 0; i < n; i++"), Ok((Relation::Less, true, false)));
        assert_eq!(
            form("int k = 0; n >= k; k = 2 + k"),
            Ok((Relation::LessOrEqual, true, false))
        );
        assert_eq!(
            form("i = n; i > 0; i = i - 3"),
            Ok((Relation::Greater, false, true))
        );
        assert_eq!(
            form("i = n; i >= 0; i += -1"),
            Ok((Relation::GreaterOrEqual, false, false))
        );
        assert_eq!(
            form("i = n; i != 0; --i"),
            Ok((Relation::NotEqual, false, true))
        );
        assert_eq!(
            form("i = 0; i != n; i -= -1"),
            Ok((Relation::NotEqual, true, true))
        );
        assert_eq!(
            form("i = 0; i != n; i += 17 - 18 + 2"),
            Ok((Relation::NotEqual, true, false))
        );
    }

    #[test]
    fn says_which_part_is_wrong() {
        let why = |header| form(header).expect_err("not canonical");
        assert_eq!(
            why("; i < n; i++"),
            "the loop must begin with 'variable = value'"
        );
        assert_eq!(why("i = 0; ; i++"), "the loop has no condition");
        assert_eq!(why("i = 0; i < n;"), "the loop has no increment");
        assert_eq!(
            why("i = 0; i == n; i++"),
            "the condition must compare 'i' with <, <=, >, >= or !="
        );
        assert!(why("i = 0; i < n; i *= 2").starts_with("the increment must be one of"));
        assert_eq!(
            why("i = 0; i != n; i += 2"),
            "with '!=' the loop variable 'i' must move by 1 or -1"
        );
    }
}
