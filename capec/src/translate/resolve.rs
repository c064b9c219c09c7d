//! Resolves every name of the parsed file and finds the constructs.
//!
//! One walk over the tree with C's scopes. The tree has no types and needs none: a name is resolved as the language does
//! it, and how its declaration is spelled is remembered so that outlined functions can repeat it. Constructs come up as
//! the labels that [`super::copy`] put in place of pragmas ([`constructs`]); branches are checked on the way ([`jumps`]).

mod cancellation;
mod clauses;
mod constructs;
mod declarations;
mod jumps;
mod loops;

use std::collections::HashMap;
use std::ops::Range;

use lang_c::ast::{
    AsmStatement, BinaryOperator, Declaration, EnumType, Expression, FunctionDefinition,
    Identifier, LabeledStatement, Statement, StructType, TypeSpecifier, UnaryOperator,
};
use lang_c::ast::{Label, TranslationUnit};
use lang_c::span::{Node, Span};
use lang_c::visit::{self, Visit};

use super::copy::LABEL;
use super::problem::Problem;
use super::program::{ConstructId, EntityId, FunctionId, HoistId, Program, Use};
use jumps::Jumps;

#[derive(Default)]
struct Scope {
    ordinary: HashMap<String, EntityId>,
    tags: HashMap<String, EntityId>,
}

/// Fills `program` from the tree.
pub fn resolve<'a>(
    program: &mut Program<'a>,
    unit: &'a TranslationUnit,
    problems: &mut Vec<Problem>,
) {
    let mut resolver = Resolver {
        program,
        problems,
        scopes: vec![Scope::default()],
        function: None,
        construct: None,
        hoist: None,
        jumps: Jumps::default(),
    };
    resolver.visit_translation_unit(unit);
    program.uses.sort_by_key(|found| found.range.start);
}

struct Resolver<'a, 'p> {
    program: &'p mut Program<'a>,
    problems: &'p mut Vec<Problem>,
    scopes: Vec<Scope>,
    function: Option<FunctionId>,
    construct: Option<ConstructId>,
    hoist: Option<HoistId>,
    jumps: Jumps,
}

impl<'a> Resolver<'a, '_> {
    fn lookup(&self, name: &str) -> Option<EntityId> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.ordinary.get(name).copied())
    }

    fn lookup_tag(&self, name: &str) -> Option<EntityId> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.tags.get(name).copied())
    }

    fn record(&mut self, range: Range<usize>, entity: EntityId, written: bool) {
        let scope = self.construct;
        self.program.entities[entity].assigned |= written;
        self.program.uses.push(Use {
            range,
            entity,
            written,
            scope,
        });
    }

    fn used(&mut self, name: &Node<Identifier>, written: bool) {
        let range = self.program.range(name.span);
        if let Some(entity) = self.lookup(&name.node.name) {
            self.record(range, entity, written);
        } else if let Some(function) = self.function.filter(|_| is_function_name(&name.node.name)) {
            self.program.function_names.push((range, function));
        }
    }

    /// The operand of `&`, or an operand of `asm`: anything may happen to it.
    fn exposed(&mut self, expression: &Expression) {
        let mut next = expression;
        loop {
            match next {
                Expression::Member(member) => next = &member.node.expression.node,
                Expression::Identifier(name) => {
                    if let Some(entity) = self.lookup(&name.node.name) {
                        self.program.entities[entity].address_taken = true;
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    fn assigned(&mut self, target: &'a Node<Expression>) {
        match &target.node {
            Expression::Identifier(name) => self.used(name, true),
            _ => self.visit_expression(&target.node, &target.span),
        }
    }
}

fn assigns(operator: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        operator,
        Op::Assign
            | Op::AssignMultiply
            | Op::AssignDivide
            | Op::AssignModulo
            | Op::AssignPlus
            | Op::AssignMinus
            | Op::AssignShiftLeft
            | Op::AssignShiftRight
            | Op::AssignBitwiseAnd
            | Op::AssignBitwiseXor
            | Op::AssignBitwiseOr
    )
}

impl<'a> Visit<'a> for Resolver<'a, '_> {
    fn visit_function_definition(&mut self, definition: &'a FunctionDefinition, span: &'a Span) {
        self.define_function(definition, span);
    }

    fn visit_declaration(&mut self, declaration: &'a Declaration, span: &'a Span) {
        self.declare_all(declaration, span);
    }

    fn visit_struct_type(&mut self, definition: &'a StructType, _span: &'a Span) {
        self.struct_type(definition);
    }

    fn visit_enum_type(&mut self, definition: &'a EnumType, _span: &'a Span) {
        self.enum_type(definition);
    }

    fn visit_function_declarator(
        &mut self,
        declarator: &'a lang_c::ast::FunctionDeclarator,
        span: &'a Span,
    ) {
        self.prototype(declarator, span);
    }

    fn visit_type_specifier(&mut self, specifier: &'a TypeSpecifier, span: &'a Span) {
        if let TypeSpecifier::TypedefName(name) = specifier {
            self.used(name, false);
        }
        visit::visit_type_specifier(self, specifier, span);
    }

    fn visit_expression(&mut self, expression: &'a Expression, span: &'a Span) {
        match expression {
            Expression::Identifier(name) => self.used(name, false),
            Expression::UnaryOperator(unary) => {
                use UnaryOperator as Op;
                let operand = &unary.node.operand;
                match unary.node.operator.node {
                    Op::PostIncrement | Op::PostDecrement | Op::PreIncrement | Op::PreDecrement => {
                        self.assigned(operand)
                    }
                    Op::Address => {
                        self.exposed(&operand.node);
                        self.visit_expression(&operand.node, &operand.span);
                    }
                    _ => self.visit_expression(&operand.node, &operand.span),
                }
            }
            Expression::BinaryOperator(binary) if assigns(&binary.node.operator.node) => {
                self.assigned(&binary.node.lhs);
                self.visit_expression(&binary.node.rhs.node, &binary.node.rhs.span);
            }
            _ => visit::visit_expression(self, expression, span),
        }
    }

    fn visit_asm_statement(&mut self, statement: &'a AsmStatement, span: &'a Span) {
        if let AsmStatement::GnuExtended(extended) = statement {
            for operand in extended.outputs.iter().chain(&extended.inputs) {
                self.exposed(&operand.node.variable_name.node);
            }
        }
        visit::visit_asm_statement(self, statement, span);
    }

    fn visit_labeled_statement(&mut self, statement: &'a LabeledStatement, span: &'a Span) {
        if let Some(directive) = directive_label(statement) {
            self.construct(directive, &statement.statement);
            return;
        }
        self.label(&statement.label);
        visit::visit_labeled_statement(self, statement, span);
    }

    fn visit_statement(&mut self, statement: &'a Statement, span: &'a Span) {
        match statement {
            Statement::Compound(_) => {
                self.scoped(|this| visit::visit_statement(this, statement, span))
            }
            Statement::For(_)
            | Statement::While(_)
            | Statement::DoWhile(_)
            | Statement::Switch(_) => {
                self.breakable(statement, |this| {
                    this.scoped(|this| visit::visit_statement(this, statement, span))
                });
            }
            Statement::If(branch) => {
                self.refuse_stand_alone(&branch.node.then_statement);
                branch
                    .node
                    .else_statement
                    .iter()
                    .for_each(|other| self.refuse_stand_alone(other));
                visit::visit_statement(self, statement, span);
            }
            _ => {
                self.jump(statement, span);
                visit::visit_statement(self, statement, span);
            }
        }
    }
}

impl Resolver<'_, '_> {
    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::default());
        inside(self);
        self.scopes.pop();
    }
}

/// `__func__` and its like.
fn is_function_name(name: &str) -> bool {
    matches!(name, "__func__" | "__FUNCTION__" | "__PRETTY_FUNCTION__")
}

/// Number of the directive whose label this is.
fn directive_label(statement: &LabeledStatement) -> Option<usize> {
    match &statement.label.node {
        Label::Identifier(name) => name.node.name.strip_prefix(LABEL)?.parse().ok(),
        _ => None,
    }
}
