//! Warnings of capec's own about a file that can be translated: `-Wcape-race-prone` and `-Wcape-serial`.
//!
//! Both are judgements by rule, made to be silent about correct programs rather than to find every wrong one:
//!
//! - *race-prone*: in a region, a shared scalar is assigned outside of every construct that admits one thread, and not
//!   - in a branch for one thread (`if (omp_get_thread_num() == 0)`, `if (me == 0)`, `switch (me)` with a private `me`),
//!   - between calls that set and unset a lock,
//!   - a constant (all threads then write the same),
//!   - `volatile` or `_Atomic` (a protocol of the program's own).
//! - *serial*: a critical or ordered construct, or an atomic one that is no commutative update, inside a loop of a region:
//!   each turn of it moves a lock, and what was written before it, from one rank to the next.

use std::collections::BTreeSet;
use std::ops::Range;

use lang_c::ast::{
    BinaryOperator, BinaryOperatorExpression, Expression, Statement, TranslationUnit, UnaryOperator,
};
use lang_c::span::{Node, Span};
use lang_c::visit::{self, Visit};

use super::problem::Problem;
use super::program::{Construct, ConstructId, EntityId, Leaf, Program, Use};
use super::report::Warning;

/// Everything that `warning` has to say of the file.
pub fn find(warning: Warning, program: &Program<'_>, unit: &TranslationUnit) -> Vec<Problem> {
    let mut survey = Survey {
        program,
        single: Vec::new(),
        constant: Vec::new(),
        combined: Vec::new(),
        loops: Vec::new(),
    };
    survey.visit_translation_unit(unit);
    match warning {
        Warning::RaceProne => survey.races(),
        Warning::Serial => survey.serial(),
    }
}

/// Parts of the text, by what is known of them.
struct Survey<'a, 'p> {
    program: &'p Program<'a>,
    /// Statements that run in one thread because of a condition.
    single: Vec<Range<usize>>,
    /// Targets of assignments of constants.
    constant: Vec<Range<usize>>,
    /// Targets of assignments that combine, with the operator that would be the reduction's.
    combined: Vec<(Range<usize>, &'static str)>,
    /// Bodies of loops.
    loops: Vec<Range<usize>>,
}

fn within(ranges: &[Range<usize>], place: &Range<usize>) -> bool {
    ranges
        .iter()
        .any(|range| range.start <= place.start && place.end <= range.end)
}

impl Survey<'_, '_> {
    fn races(&self) -> Vec<Problem> {
        let mut told: BTreeSet<(ConstructId, EntityId)> = BTreeSet::new();
        let mut found = Vec::new();
        for each in self.program.uses.iter().filter(|each| each.written) {
            let Some(region) = self.unprotected(each) else {
                continue;
            };
            if told.insert((region, each.entity)) {
                found.push(self.race(each, region));
            }
        }
        found
    }

    /// The construct whose threads all may execute this write of a shared scalar.
    fn unprotected(&self, each: &Use) -> Option<ConstructId> {
        let entity = &self.program.entities[each.entity];
        let in_clause = |directive: &super::directive::Directive| {
            within(std::slice::from_ref(&directive.range), &each.range)
        };
        let silent = !entity.kind.is_variable()
            || self.program.directives.iter().any(in_clause)
            || entity.threadprivate
            || self.program.is_volatile(each.entity)
            || within(&self.single, &each.range)
            || within(&self.constant, &each.range);
        if silent {
            return None;
        }
        let mut next = each.scope;
        let mut sharing = None;
        while let Some(id) = next.filter(|_| next != entity.home) {
            let construct = &self.program.constructs[id];
            if construct.treatment(each.entity).is_some() || self.admits_one(construct) {
                return None;
            }
            match construct.leaf {
                Leaf::Parallel => {
                    sharing = Some(id);
                    break;
                }
                Leaf::For => sharing = sharing.or(Some(id)),
                _ => {}
            }
            next = construct.parent;
        }
        let region = sharing?;
        let orphan = self.program.constructs[region].leaf != Leaf::Parallel;
        // Locals of the function that contains an orphaned construct are each thread's own.
        if orphan && entity.function.is_some() && !self.outlives_call(each.entity) {
            return None;
        }
        (!self.locked(&self.program.constructs[region].body, each)).then_some(region)
    }

    fn outlives_call(&self, entity: EntityId) -> bool {
        self.program.entities[entity].kind == super::program::EntityKind::StaticLocal
    }

    /// Whether only one thread at a time, or only one at all, is in the construct.
    fn admits_one(&self, construct: &Construct<'_>) -> bool {
        match construct.leaf {
            Leaf::Parallel => self.one_thread(construct),
            Leaf::For | Leaf::Scope => false,
            _ => true,
        }
    }

    /// `num_threads(1)`, `if(0)`.
    fn one_thread(&self, construct: &Construct<'_>) -> bool {
        let directive = &self.program.directives[construct.directive];
        let text: String = self
            .program
            .slice(&directive.range)
            .split_whitespace()
            .collect();
        ["num_threads(1)", "if(0)", "if(parallel:0)"]
            .iter()
            .any(|clause| text.contains(clause))
    }

    /// Whether a lock was set, and not unset, between the beginning of the region and here.
    fn locked(&self, region: &Range<usize>, each: &Use) -> bool {
        let before = region.start..each.range.start;
        let names = super::tokens::tokens_within(self.program.text, before);
        let last = names
            .iter()
            .rev()
            .map(|token| token.text(self.program.text))
            .find(|name| is_lock(name) || is_unlock(name));
        last.is_some_and(is_lock)
    }

    fn race(&self, each: &Use, region: ConstructId) -> Problem {
        let entity = &self.program.entities[each.entity];
        let construct = &self.program.constructs[region];
        let directive = &self.program.directives[construct.directive];
        let name = &entity.name;
        let combined = self
            .combined
            .iter()
            .find(|(range, _)| *range == each.range)
            .map(|(_, operator)| *operator);
        let next = match combined {
            Some(operator) => format!(
                "add reduction({operator} : {name}), or put '#pragma omp atomic' before the statement"
            ),
            None => format!(
                "if each thread needs its own, add private({name}) or declare it inside; otherwise let one thread write it (single, masked), \
                 or protect it (critical)"
            ),
        };
        let rule = if construct.listed.contains(&each.entity) {
            format!("'{name}' is shared here by a clause")
        } else {
            format!("'{name}' is shared here, since no clause says otherwise")
        };
        Problem::warning(
            Warning::RaceProne,
            each.range.clone(),
            format!(
                "every thread of the team may write the shared variable '{name}' at the same time"
            ),
        )
        .related(directive.range.clone(), rule)
        .related(
            entity.place.clone(),
            format!("'{name}' is declared outside of the construct"),
        )
        .note(next)
    }

    fn serial(&self) -> Vec<Problem> {
        let constructs = self.program.constructs.iter();
        constructs
            .filter_map(|construct| {
                let what = match construct.leaf {
                    Leaf::Critical => "critical",
                    Leaf::Atomic if !commutes(construct) => "atomic",
                    _ => return None,
                };
                let region = self.region_around(construct);
                let bodies = self.loops.iter().chain(
                    self.program
                        .constructs
                        .iter()
                        .filter(|other| other.leaf == Leaf::For && !other.loops.is_empty())
                        .map(|other| &other.body),
                );
                let place = &construct.range;
                let body = bodies
                    .filter(|body| body.start <= place.start && place.end <= body.end)
                    .filter(|body| region.as_ref().is_none_or(|region| region.start <= body.start))
                    .max_by_key(|body| body.start)?;
                let directive = &self.program.directives[construct.directive];
                let head = body.start..(body.start + 1).min(body.end);
                let next = match what {
                    "critical" => "collect in a private variable and combine once after the loop, or use a reduction or an atomic update",
                    _ => "an atomic update whose value is not read (x += n) needs no turn",
                };
                Some(
                    Problem::warning(
                        Warning::Serial,
                        directive.range.clone(),
                        format!("'#pragma omp {what}' in a loop makes the ranks take turns, with messages for each turn"),
                    )
                    .related(head, "the loop's body begins here")
                    .note(next),
                )
            })
            .collect()
    }

    fn region_around(&self, construct: &Construct<'_>) -> Option<Range<usize>> {
        let mut next = construct.parent;
        while let Some(id) = next {
            let around = &self.program.constructs[id];
            if around.leaf == Leaf::Parallel {
                return Some(around.range.clone());
            }
            next = around.parent;
        }
        None
    }

    /// Whether a condition lets one thread pass: `me == 0`, `!me`, `omp_get_thread_num() == 0`.
    fn picks_one(&self, condition: &Node<Expression>) -> bool {
        match &condition.node {
            Expression::BinaryOperator(binary) => match binary.node.operator.node {
                BinaryOperator::Equals => {
                    self.tells_threads_apart(&binary.node.lhs)
                        || self.tells_threads_apart(&binary.node.rhs)
                }
                BinaryOperator::LogicalAnd => {
                    self.picks_one(&binary.node.lhs) || self.picks_one(&binary.node.rhs)
                }
                _ => false,
            },
            Expression::UnaryOperator(unary) => {
                unary.node.operator.node == UnaryOperator::Negate
                    && self.tells_threads_apart(&unary.node.operand)
            }
            _ => false,
        }
    }

    /// The thread's number, or a variable that is not shared.
    fn tells_threads_apart(&self, expression: &Node<Expression>) -> bool {
        match &expression.node {
            Expression::Call(call) => matches!(&call.node.callee.node,
                Expression::Identifier(name) if name.node.name == "omp_get_thread_num"),
            Expression::Identifier(_) => {
                let place = self.program.range(expression.span);
                self.program
                    .uses_in(&place)
                    .first()
                    .is_some_and(|found| self.is_own(found))
            }
            _ => false,
        }
    }

    /// Whether each thread has its own of the variable.
    fn is_own(&self, found: &Use) -> bool {
        let entity = &self.program.entities[found.entity];
        let mut next = found.scope;
        while let Some(id) = next.filter(|_| next != entity.home) {
            let construct = &self.program.constructs[id];
            if construct.treatment(found.entity).is_some() {
                return true;
            }
            if construct.leaf == Leaf::Parallel {
                return entity.threadprivate;
            }
            next = construct.parent;
        }
        entity.threadprivate || entity.function.is_some() && !self.outlives_call(found.entity)
    }

    fn assignment(&mut self, binary: &BinaryOperatorExpression) {
        let target = self.program.range(binary.lhs.span);
        if let Some(operator) = combination(&binary.operator.node) {
            self.combined.push((target, operator));
            return;
        }
        if binary.operator.node != BinaryOperator::Assign {
            return;
        }
        if is_constant(&binary.rhs.node) {
            self.constant.push(target);
            return;
        }
        // x = x + e
        if let Expression::BinaryOperator(value) = &binary.rhs.node
            && let Some(operator) = plain_combination(&value.node.operator.node)
        {
            let name = self.program.slice(&target).to_owned();
            let repeated = [&value.node.lhs, &value.node.rhs]
                .iter()
                .any(|side| self.program.slice(&self.program.range(side.span)) == name);
            if repeated {
                self.combined.push((target, operator));
            }
        }
    }
}

fn commutes(construct: &Construct<'_>) -> bool {
    construct
        .atomic
        .as_ref()
        .is_some_and(|atomic| atomic.update.is_some())
}

fn is_lock(name: &str) -> bool {
    matches!(
        name,
        "omp_set_lock"
            | "omp_set_nest_lock"
            | "omp_test_lock"
            | "omp_test_nest_lock"
            | "pthread_mutex_lock"
    )
}

fn is_unlock(name: &str) -> bool {
    matches!(
        name,
        "omp_unset_lock" | "omp_unset_nest_lock" | "pthread_mutex_unlock"
    )
}

fn is_constant(expression: &Expression) -> bool {
    match expression {
        Expression::Constant(_) | Expression::StringLiteral(_) => true,
        Expression::UnaryOperator(unary) => is_constant(&unary.node.operand.node),
        Expression::Cast(cast) => is_constant(&cast.node.expression.node),
        _ => false,
    }
}

fn combination(operator: &BinaryOperator) -> Option<&'static str> {
    match operator {
        BinaryOperator::AssignPlus | BinaryOperator::AssignMinus => Some("+"),
        BinaryOperator::AssignMultiply => Some("*"),
        BinaryOperator::AssignBitwiseAnd => Some("&"),
        BinaryOperator::AssignBitwiseOr => Some("|"),
        BinaryOperator::AssignBitwiseXor => Some("^"),
        _ => None,
    }
}

fn plain_combination(operator: &BinaryOperator) -> Option<&'static str> {
    match operator {
        BinaryOperator::Plus | BinaryOperator::Minus => Some("+"),
        BinaryOperator::Multiply => Some("*"),
        BinaryOperator::BitwiseAnd => Some("&"),
        BinaryOperator::BitwiseOr => Some("|"),
        BinaryOperator::BitwiseXor => Some("^"),
        BinaryOperator::LogicalAnd => Some("&&"),
        BinaryOperator::LogicalOr => Some("||"),
        _ => None,
    }
}

impl<'t> Visit<'t> for Survey<'_, '_> {
    fn visit_statement(&mut self, statement: &'t Statement, span: &'t Span) {
        match statement {
            Statement::If(branch) if self.picks_one(&branch.node.condition) => self
                .single
                .push(self.program.range(branch.node.then_statement.span)),
            Statement::Switch(switch) if self.tells_threads_apart(&switch.node.expression) => self
                .single
                .push(self.program.range(switch.node.statement.span)),
            Statement::For(each) => self
                .loops
                .push(self.program.range(each.node.statement.span)),
            Statement::While(each) => self
                .loops
                .push(self.program.range(each.node.statement.span)),
            Statement::DoWhile(each) => self
                .loops
                .push(self.program.range(each.node.statement.span)),
            _ => {}
        }
        visit::visit_statement(self, statement, span);
    }

    fn visit_expression(&mut self, expression: &'t Expression, span: &'t Span) {
        match expression {
            Expression::BinaryOperator(binary) => self.assignment(&binary.node),
            Expression::UnaryOperator(unary) => {
                use UnaryOperator as Op;
                if matches!(
                    unary.node.operator.node,
                    Op::PostIncrement | Op::PreIncrement | Op::PostDecrement | Op::PreDecrement
                ) {
                    let target = self.program.range(unary.node.operand.span);
                    self.combined.push((target, "+"));
                }
            }
            _ => {}
        }
        visit::visit_expression(self, expression, span);
    }
}
