//! Constructs: clause lists are resolved, associated loops and sections found, nesting checked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lang_c::ast::{BlockItem, Statement};
use lang_c::span::{Node, Span};
use lang_c::visit::Visit;

use super::super::atomic;
use super::super::directive::{
    AtomicForm, Bind, ClauseKind, Directive, DirectiveKind, Form, LoopClause,
};
use super::super::problem::Problem;
use super::super::program::{self, Construct, ConstructId, Leaf};
use super::jumps::Frame;
use super::{Resolver, directive_label};

impl<'a> Resolver<'a, '_> {
    /// Directive number `index`, which stands before `statement`.
    pub(super) fn construct(&mut self, index: usize, statement: &'a Node<Statement>) {
        let directives = self.program.directives;
        let Some(directive) = directives.get(index) else {
            return;
        };
        let constituents = constituents(directive.parts);
        let Some((outermost, _)) = constituents.first() else {
            if directive.kind != DirectiveKind::Section {
                let message = format!("'#pragma omp {}' is not supported yet", directive.name);
                let problem = Problem::new(directive.range.clone(), message);
                self.problems.push(problem);
                return;
            }
            self.problems.push(
                Problem::new(
                    directive.range.clone(),
                    "'#pragma omp section' outside of a sections construct",
                )
                .note(
                    "a section is a statement directly inside the block of '#pragma omp sections'",
                ),
            );
            self.visit_statement(&statement.node, &statement.span);
            return;
        };
        let missing = |part: &DirectiveKind| leaf(*part).is_none();
        if directive.parts.iter().any(missing) {
            let message = format!("'#pragma omp {}' is not supported yet", directive.name);
            self.problems
                .push(Problem::new(directive.range.clone(), message));
        }
        self.check_nesting(directive, *outermost);
        let around = self.construct;
        let mut all = Vec::new();
        for (leaf, parts) in constituents {
            let leaf = match leaf {
                Leaf::Ordered if directive.form() == Form::StandAlone => Leaf::Doacross,
                leaf => leaf,
            };
            let id = self.open(index, leaf, parts, statement, !all.is_empty());
            self.construct = Some(id);
            all.push(id);
        }
        self.construct = around;
        self.lists(directive, &all);
        self.alignments(directive, &all);
        self.expressions(directive, &all);
        let last = all[all.len() - 1];
        self.construct = Some(last);
        self.inside(last, statement);
        self.construct = around;
    }

    fn open(
        &mut self,
        directive: usize,
        leaf: Leaf,
        parts: Vec<DirectiveKind>,
        statement: &'a Node<Statement>,
        combined: bool,
    ) -> ConstructId {
        let body = self.program.range(statement.span);
        let found = &self.program.directives[directive];
        let pragma = &found.range;
        let end = if found.form() == Form::StandAlone {
            pragma.end
        } else {
            body.end
        };
        self.program.constructs.push(Construct {
            leaf,
            directive,
            parts,
            function: self.function.expect("statements are in functions"),
            parent: self.construct,
            combined,
            range: pragma.start..end,
            header: body.clone(),
            body,
            statement: Some(statement),
            private: Vec::new(),
            listed: HashSet::new(),
            bases: HashSet::new(),
            copyin: Vec::new(),
            loops: Vec::new(),
            collapsed: 0,
            scan: None,
            sections: Vec::new(),
            atomic: None,
            captures: BTreeMap::new(),
            hoists: BTreeSet::new(),
            registered: Vec::new(),
            copyprivate: Vec::new(),
            cancels: None,
            detach: None,
        });
        self.program.constructs.len() - 1
    }

    fn inside(&mut self, id: ConstructId, statement: &'a Node<Statement>) {
        if self.program.constructs[id].leaf == Leaf::Ordered {
            self.check_ordered(id);
        }
        match self.program.constructs[id].leaf {
            Leaf::Barrier
            | Leaf::TargetMove
            | Leaf::Error
            | Leaf::Taskwait
            | Leaf::Taskyield
            | Leaf::Depobj
            | Leaf::Flush => {}
            Leaf::Cancel => self.cancellation(id),
            Leaf::Doacross | Leaf::Scan => self.loop_part(id),
            Leaf::For | Leaf::Simd | Leaf::Taskloop => {
                self.bind(id);
                self.scoped(|this| this.loop_nest(id, statement));
            }
            Leaf::Sections => self.sections(id, statement),
            Leaf::Atomic => self.atomic(id, statement),
            _ => self.framed(Frame::Block, |this| {
                this.visit_statement(&statement.node, &statement.span)
            }),
        }
    }

    fn check_nesting(&mut self, directive: &Directive, leaf: Leaf) {
        // A loop construct inside of another construct is its thread's own.
        let own_loop = directive.has(DirectiveKind::Loop)
            && !directive.clauses.iter().any(|clause| {
                matches!(
                    clause.kind,
                    ClauseKind::Loop(LoopClause::Bind(Bind::Parallel | Bind::Teams))
                )
            });
        let mut next = self.construct;
        while let Some(id) = next {
            let outer = &self.program.constructs[id];
            let other = &self.program.directives[outer.directive];
            // Only what is strictly nested: a construct in between makes another region.
            let strictly = self.construct == Some(id);
            if let Some(note) = misplaced(directive, outer.leaf).filter(|_| strictly) {
                let message = format!(
                    "'#pragma omp {}' may not be nested inside '#pragma omp {}'",
                    directive.name, other.name
                );
                let problem = Problem::new(directive.range.clone(), message)
                    .related(other.range.clone(), "the outer construct")
                    .note(note);
                self.problems.push(problem);
                return;
            }
            if (outer.leaf.is_region() && !outer.leaf.makes_tasks()) || outer.leaf == Leaf::Target {
                return;
            }
            let same_name = || {
                let name = |directive: &Directive| {
                    directive
                        .critical
                        .clone()
                        .map(|range| self.program.slice(&range).to_owned())
                };
                name(directive) == name(other)
            };
            let worksharing = |leaf| matches!(leaf, Leaf::For | Leaf::Sections | Leaf::Single);
            let simd = |outer: &Construct<'_>| {
                outer.leaf == Leaf::Simd || outer.parts.contains(&DirectiveKind::Simd)
            };
            // The iterations of distribute are for initial threads, teams of their own.
            let distributes = outer.parts.contains(&DirectiveKind::Distribute)
                && !outer.parts.contains(&DirectiveKind::For);
            let forbidden = match leaf {
                _ if outer.leaf == Leaf::Atomic => true,
                _ if simd(outer) => {
                    !matches!(
                        leaf,
                        Leaf::Simd | Leaf::Ordered | Leaf::Doacross | Leaf::Scan | Leaf::Atomic
                    ) && !own_loop
                }
                Leaf::For if own_loop => false,
                _ if distributes => false,
                Leaf::For | Leaf::Sections | Leaf::Single | Leaf::Scope | Leaf::Barrier => {
                    outer.leaf != Leaf::Taskgroup && outer.leaf != Leaf::Scope
                }
                Leaf::Master => worksharing(outer.leaf) || outer.leaf.makes_tasks(),
                Leaf::Critical => outer.leaf == Leaf::Critical && same_name(),
                _ if outer.leaf.makes_tasks() => return,
                _ => false,
            };
            if forbidden {
                let message = format!(
                    "'#pragma omp {}' may not be nested inside '#pragma omp {}'",
                    directive.name, other.name
                );
                let problem = Problem::new(directive.range.clone(), message)
                    .related(other.range.clone(), "the outer construct")
                    .note("not all threads would reach it, or reach it in the same order");
                self.problems.push(problem);
                return;
            }
            next = outer.parent;
        }
    }

    fn sections(&mut self, id: ConstructId, statement: &'a Node<Statement>) {
        let Statement::Compound(items) = &statement.node else {
            let range = self.program.constructs[id].range.clone();
            self.problems.push(Problem::new(
                range,
                "a sections construct must be followed by a block",
            ));
            return;
        };
        self.scoped(|this| {
            this.framed(Frame::Block, |this| {
                for item in items {
                    this.section_item(id, item);
                }
            });
        });
    }

    fn section_item(&mut self, id: ConstructId, item: &'a Node<BlockItem>) {
        let labeled = match &item.node {
            BlockItem::Statement(Node {
                node: Statement::Labeled(labeled),
                ..
            }) => directive_label(&labeled.node)
                .filter(|index| self.program.directives[*index].kind == DirectiveKind::Section)
                .map(|_| &labeled.node.statement),
            _ => None,
        };
        let sections = &mut self.program.constructs[id].sections;
        match labeled {
            Some(statement) => {
                let range = self.program.range(statement.span);
                self.program.constructs[id].sections.push(range);
                self.visit_statement(&statement.node, &statement.span);
            }
            None => {
                let range = self.program.copy.range(item.span.start..item.span.end);
                let range = program::trimmed(self.program.tokens, range);
                match sections.last_mut() {
                    Some(section) => section.end = range.end,
                    None => sections.push(range),
                }
                self.visit_block_item(&item.node, &item.span);
            }
        }
    }

    fn atomic(&mut self, id: ConstructId, statement: &'a Node<Statement>) {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        // `update` may stand beside any of the others, and then says nothing (section 15.8.4).
        let form = directive.find(|kind| match kind {
            ClauseKind::Atomic(AtomicForm::Update) => None,
            ClauseKind::Atomic(form) => Some(*form),
            _ => None,
        });
        let compare = directive
            .find(|kind| matches!(kind, ClauseKind::Compare).then_some(()))
            .is_some();
        let form = match (form, compare) {
            (None, true) => AtomicForm::Compare,
            (Some(AtomicForm::Capture), true) => AtomicForm::CompareCapture,
            (form, _) => form.unwrap_or(AtomicForm::Update),
        };
        let range = |span: Span| self.program.range(span);
        match atomic::parse(form, &statement.node, self.program.text, &range) {
            Ok(found) => self.program.constructs[id].atomic = Some(found),
            Err(why) => {
                let place = self.program.range(statement.span);
                self.problems.push(
                    Problem::new(place, why).related(directive.range.clone(), "the construct"),
                );
            }
        }
        self.framed(Frame::Block, |this| {
            this.visit_statement(&statement.node, &statement.span)
        });
    }
}

/// Why a directive may not stand directly inside a construct of kind `outer`, as far as `teams` is concerned (OpenMP 5.2 section 10.2).
fn misplaced(directive: &Directive, outer: Leaf) -> Option<&'static str> {
    use DirectiveKind as Kind;
    let for_teams = matches!(
        directive.kind,
        Kind::Distribute | Kind::Parallel | Kind::Loop
    );
    if outer == Leaf::Teams && !for_teams {
        return Some(
            "only distribute, parallel and loop may stand directly inside teams; put a parallel construct around it",
        );
    }
    let inside = !matches!(outer, Leaf::Target | Leaf::TargetData);
    if directive.kind == Kind::Teams && inside {
        return Some("teams may stand directly inside target, or outside of every construct");
    }
    None
}

/// The constructs that are opened for a directive of constituents `parts`, outermost first, each with those it stands for: all
/// that associate loops are one, the innermost. None for `section`.
fn constituents(parts: &[DirectiveKind]) -> Vec<(Leaf, Vec<DirectiveKind>)> {
    let loops: Vec<DirectiveKind> = parts
        .iter()
        .copied()
        .filter(|part| is_loop(*part))
        .collect();
    let mut all: Vec<(Leaf, Vec<DirectiveKind>)> = parts
        .iter()
        .filter(|part| !is_loop(**part))
        .filter_map(|part| Some((leaf(*part)?, vec![*part])))
        .collect();
    all.extend(
        loops
            .iter()
            .find_map(|part| leaf(*part))
            .map(|leaf| (leaf, loops)),
    );
    all
}

/// Whether a constituent is about the associated loops.
fn is_loop(part: DirectiveKind) -> bool {
    use DirectiveKind as Kind;
    matches!(
        part,
        Kind::For | Kind::Simd | Kind::Loop | Kind::Distribute | Kind::Taskloop
    )
}

fn leaf(part: DirectiveKind) -> Option<Leaf> {
    Some(match part {
        DirectiveKind::Parallel => Leaf::Parallel,
        DirectiveKind::For | DirectiveKind::Distribute => Leaf::For,
        DirectiveKind::Sections => Leaf::Sections,
        DirectiveKind::Single => Leaf::Single,
        DirectiveKind::Master | DirectiveKind::Masked => Leaf::Master,
        DirectiveKind::Barrier => Leaf::Barrier,
        DirectiveKind::Critical => Leaf::Critical,
        DirectiveKind::Atomic => Leaf::Atomic,
        DirectiveKind::Target => Leaf::Target,
        DirectiveKind::TargetData => Leaf::TargetData,
        DirectiveKind::TargetEnterData
        | DirectiveKind::TargetExitData
        | DirectiveKind::TargetUpdate => Leaf::TargetMove,
        DirectiveKind::Teams => Leaf::Teams,
        DirectiveKind::Error => Leaf::Error,
        DirectiveKind::Task => Leaf::Task,
        DirectiveKind::Taskloop => Leaf::Taskloop,
        DirectiveKind::Taskwait => Leaf::Taskwait,
        DirectiveKind::Taskgroup => Leaf::Taskgroup,
        DirectiveKind::Taskyield => Leaf::Taskyield,
        DirectiveKind::Depobj => Leaf::Depobj,
        DirectiveKind::Cancel | DirectiveKind::CancellationPoint => Leaf::Cancel,
        DirectiveKind::Flush => Leaf::Flush,
        DirectiveKind::Scope => Leaf::Scope,
        DirectiveKind::Simd => Leaf::Simd,
        DirectiveKind::Loop => Leaf::For,
        DirectiveKind::Ordered => Leaf::Ordered,
        DirectiveKind::Scan => Leaf::Scan,
        _ => return None,
    })
}
