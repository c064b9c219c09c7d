//! Branches into and out of structured blocks (OpenMP 5.2 section 2, "structured block") are errors.

use std::ops::Range;

use lang_c::ast::{Expression, Label, Statement};
use lang_c::span::{Node, Span};
use lang_c::visit::Visit;

use super::super::problem::Problem;
use super::super::program::ConstructId;
use super::Resolver;

/// What `break`, `continue`, `case` and `return` may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Loop,
    Switch,
    /// A structured block.
    Block,
    /// The body of an associated loop: may be continued, not broken out of.
    Associated,
}

/// Branches and labels of the function being resolved.
#[derive(Default)]
pub(super) struct Jumps {
    pub(super) frames: Vec<Frame>,
    gotos: Vec<(String, Range<usize>, Option<ConstructId>)>,
    labels: Vec<(String, Range<usize>, Option<ConstructId>)>,
}

impl<'a> Resolver<'a, '_> {
    pub(super) fn breakable(&mut self, statement: &Statement, inside: impl FnOnce(&mut Self)) {
        let frame = if matches!(statement, Statement::Switch(_)) {
            Frame::Switch
        } else {
            Frame::Loop
        };
        self.framed(frame, inside);
    }

    pub(super) fn framed(&mut self, frame: Frame, inside: impl FnOnce(&mut Self)) {
        self.jumps.frames.push(frame);
        inside(self);
        self.jumps.frames.pop();
    }

    pub(super) fn jump(&mut self, statement: &'a Statement, span: &'a Span) {
        match statement {
            Statement::Goto(label) => {
                let range = self.program.range(label.span);
                self.jumps
                    .gotos
                    .push((label.node.name.clone(), range, self.construct));
            }
            Statement::Return(_) if self.inside_block() => self.leaves(span, "return"),
            Statement::Break => {
                let target = self
                    .jumps
                    .frames
                    .iter()
                    .rev()
                    .find(|frame| **frame != Frame::Block);
                let nearest = self.jumps.frames.last();
                if nearest == Some(&Frame::Associated)
                    || (nearest == Some(&Frame::Block) && target.is_some())
                {
                    self.leaves(span, "break");
                }
            }
            Statement::Continue => {
                let nearest = self
                    .jumps
                    .frames
                    .iter()
                    .rev()
                    .find(|frame| **frame != Frame::Switch);
                if nearest == Some(&Frame::Block) {
                    self.leaves(span, "continue");
                }
            }
            _ => {}
        }
    }

    fn inside_block(&self) -> bool {
        self.jumps
            .frames
            .iter()
            .any(|frame| matches!(frame, Frame::Block | Frame::Associated))
    }

    fn leaves(&mut self, span: &Span, what: &str) {
        let range = self.program.range(*span);
        let mut problem = Problem::new(
            range,
            format!("'{what}' would leave the structured block of an OpenMP construct"),
        )
        .note("every thread must reach the end of the block; set a flag and test it instead");
        if let Some(construct) = self.construct {
            let directive = self.program.constructs[construct].directive;
            problem = problem.related(
                self.program.directives[directive].range.clone(),
                "the construct",
            );
        }
        self.problems.push(problem);
    }

    pub(super) fn label(&mut self, label: &'a Node<Label>) {
        match &label.node {
            Label::Identifier(name) => {
                let range = self.program.range(name.span);
                self.jumps
                    .labels
                    .push((name.node.name.clone(), range, self.construct));
            }
            Label::Case(_) | Label::CaseRange(_) | Label::Default => {
                let nearest = self
                    .jumps
                    .frames
                    .iter()
                    .rev()
                    .find(|frame| **frame != Frame::Loop);
                if matches!(nearest, Some(Frame::Block | Frame::Associated)) {
                    let range = self.program.range(label.span);
                    let problem = Problem::new(
                        range,
                        "a label of a switch statement would branch into the structured block of an OpenMP construct",
                    );
                    self.problems.push(problem);
                }
            }
        }
    }

    pub(super) fn finish_jumps(&mut self) {
        for (name, range, from) in std::mem::take(&mut self.jumps.gotos) {
            let Some((_, label, to)) = self
                .jumps
                .labels
                .iter()
                .find(|(label, _, _)| *label == name)
            else {
                continue;
            };
            if *to != from {
                let problem = Problem::new(range, format!("'goto {name}' would enter or leave the structured block of an OpenMP construct"))
                    .related(label.clone(), "the label");
                self.problems.push(problem);
            }
        }
    }

    /// A stand-alone directive must be a statement of a block, not of an `if`.
    pub(super) fn refuse_stand_alone(&mut self, statement: &'a Node<Statement>) {
        let Statement::Labeled(labeled) = &statement.node else {
            return;
        };
        let Some(directive) = super::directive_label(&labeled.node) else {
            return;
        };
        let directive = &self.program.directives[directive];
        if directive.form() == super::super::directive::Form::StandAlone {
            let problem = Problem::new(
                directive.range.clone(),
                format!(
                    "'#pragma omp {}' may only be used in a block",
                    directive.name
                ),
            )
            .note("put braces around it");
            self.problems.push(problem);
        }
    }

    /// Resolves names in an expression by the data environment around the current construct.
    pub(super) fn outside(&mut self, scope: Option<ConstructId>, expression: &'a Node<Expression>) {
        let inner = std::mem::replace(&mut self.construct, scope);
        self.visit_expression(&expression.node, &expression.span);
        self.construct = inner;
    }
}
