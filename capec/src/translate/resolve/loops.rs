//! Associated loops: their canonical form, their variables, and the directives that belong inside of them.

use std::ops::Range;

use lang_c::ast::{BlockItem, ForStatement, Statement};
use lang_c::span::Node;
use lang_c::visit::Visit;

use super::super::constant;
use super::super::directive::{Bind, ClauseKind, DirectiveKind, LoopClause, SinkItem};
use super::super::loops::{self, Variable};
use super::super::problem::Problem;
use super::super::program::{self, ConstructId, EntityId, EntityKind, Leaf, Private};
use super::Resolver;
use super::jumps::Frame;

impl<'a> Resolver<'a, '_> {
    /// The loops of construct `id`: those that `collapse` and `ordered(n)` associate.
    pub(super) fn loop_nest(&mut self, id: ConstructId, statement: &'a Node<Statement>) {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let name = directive.name;
        let collapsed = directive
            .find(|kind| match kind {
                ClauseKind::Collapse(depth) => Some(*depth),
                _ => None,
            })
            .unwrap_or(1);
        let depth = directive.doacross().unwrap_or(1).max(collapsed);
        if let (Some(count), true) = (directive.doacross(), depth == collapsed)
            && count < collapsed
        {
            let message = format!("ordered({count}) must not be less than collapse({collapsed})");
            self.problems
                .push(Problem::new(directive.range.clone(), message));
        }
        self.program.constructs[id].collapsed = collapsed;
        let clause = if depth > collapsed {
            "ordered"
        } else {
            "collapse"
        };
        let mut next = statement;
        for level in 0..depth {
            let nested = perfectly_nested(next, level);
            let Statement::For(header) = &nested.node else {
                let what = match level {
                    0 => format!("'#pragma omp {name}' must be followed by a for loop"),
                    _ => format!(
                        "{clause}({depth}) needs {depth} perfectly nested loops, found {level}"
                    ),
                };
                self.refuse_loop(
                    id,
                    next,
                    self.program.range(next.span),
                    what,
                    "the construct",
                );
                return;
            };
            let value = |span| {
                let range = self.program.range(span);
                constant::value(self.program.slice(&range))
            };
            let form = match loops::canonical(header, &value) {
                Ok(form) => form,
                Err((span, why)) => {
                    let related = "the loop of this construct must be in canonical form";
                    self.refuse_loop(id, next, self.program.range(span), why, related);
                    return;
                }
            };
            self.header(id, &form);
            if form.away {
                self.moves_away(id, header);
            }
            if level < collapsed {
                next = form.body;
                self.program.constructs[id].body = self.program.range(next.span);
                self.program.constructs[id].statement = Some(next);
            } else {
                next = form.body;
            }
        }
        let body = self.program.constructs[id]
            .statement
            .expect("each level has set it");
        self.framed(Frame::Associated, |this| {
            this.visit_statement(&body.node, &body.span)
        });
    }

    /// Such a loop is accepted by compilers, and has no iterations where it is right.
    fn moves_away(&mut self, id: ConstructId, header: &Node<ForStatement>) {
        let place = header.node.step.as_ref().map(|step| step.span);
        let place = self.program.range(place.unwrap_or(header.span));
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let problem = Problem::new(place, "the increment moves the loop away from its bound")
            .related(directive.range.clone(), "the construct")
            .note("it runs no iteration here; exchange ++ and --, or < and >");
        self.program.told.push(problem);
    }

    fn refuse_loop(
        &mut self,
        id: ConstructId,
        statement: &'a Node<Statement>,
        place: Range<usize>,
        message: String,
        related: &str,
    ) {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        self.problems
            .push(Problem::new(place, message).related(directive.range.clone(), related));
        self.framed(Frame::Associated, |this| {
            this.visit_statement(&statement.node, &statement.span)
        });
    }

    fn header(&mut self, id: ConstructId, form: &loops::Canonical<'a>) {
        let scope = self.program.constructs[id].parent;
        let from = self.program.uses.len();
        for expression in [form.first, form.bound] {
            self.outside(scope, expression);
        }
        let outer = self.depends(id, from);
        if let Some(amount) = form.step.amount {
            let from = self.program.uses.len();
            self.outside(scope, amount);
            if self.depends(id, from).is_some() {
                let message = "the increment of a collapsed loop may not depend on the variable of an outer one";
                let place = self.program.range(amount.span);
                self.problems.push(Problem::new(place, message));
            }
        }
        let own = matches!(form.variable, Variable::Declared(_));
        let entity = match form.variable {
            Variable::Named(name) => self.lookup(&name.node.name),
            Variable::Declared(declaration) => {
                let specifiers = &declaration.node.specifiers;
                for specifier in specifiers {
                    self.visit_declaration_specifier(&specifier.node, &specifier.span);
                }
                let declarator = &declaration.node.declarators[0].node.declarator;
                self.declare(specifiers, declarator, EntityKind::Automatic)
            }
        };
        let Some(entity) = entity else {
            self.problems.push(Problem::new(
                self.program.range(form.first.span),
                "the loop variable is not declared",
            ));
            return;
        };
        self.check_loop_type(entity, &self.program.range(form.first.span));
        let mut found = program::associated(self.program, form, entity);
        found.outer = outer;
        let inner =
            self.program.constructs[id].loops.len() >= self.program.constructs[id].collapsed;
        if !inner || !own {
            self.loop_variable(id, entity, &found.first, own);
        }
        self.program.constructs[id].loops.push(found);
    }

    /// Whether the variable, or what it is an array of or points to, is declared with `float` or `double`.
    pub(super) fn is_floating(&self, entity: EntityId) -> bool {
        let declared = self.program.entities[entity].declared.as_ref();
        declared.is_some_and(|declared| {
            let specifiers = self.program.slice(&declared.specifiers);
            self.program.layers(entity).1 == program::Base::Arithmetic
                && (specifiers.contains("float") || specifiers.contains("double"))
        })
    }

    fn check_loop_type(&mut self, entity: EntityId, place: &Range<usize>) {
        let (layers, base) = self.program.layers(entity);
        let found = &self.program.entities[entity];
        let floating = self.is_floating(entity);
        if layers.is_empty()
            && (floating || matches!(base, program::Base::Record | program::Base::Complex))
        {
            let message = format!(
                "the loop variable '{}' must be an integer or a pointer",
                found.name
            );
            let problem =
                Problem::new(place.clone(), message).related(found.place.clone(), "declared here");
            self.problems.push(problem);
        }
    }

    /// The variable of an outer loop of the nest that uses recorded since `from` name: those are evaluated inside of it.
    fn depends(&mut self, id: ConstructId, from: usize) -> Option<EntityId> {
        let outer: Vec<EntityId> = self.program.constructs[id]
            .loops
            .iter()
            .map(|outer| outer.entity)
            .collect();
        let mut on = Vec::new();
        for found in &mut self.program.uses[from..] {
            if outer.contains(&found.entity) {
                found.scope = Some(id);
                on.push((found.entity, found.range.clone()));
            }
        }
        if let Some((_, place)) = on.iter().find(|(entity, _)| *entity != on[0].0) {
            let message =
                "the bounds of a collapsed loop may depend on the variable of one outer loop only";
            self.problems.push(Problem::new(place.clone(), message));
        }
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let clause = directive.doacross().is_some() || construct.loops.len() >= construct.collapsed;
        let scheduled = directive.find(|kind| match kind {
            ClauseKind::Loop(LoopClause::Ordered(_)) => Some("ordered"),
            ClauseKind::Schedule(..) => Some("schedule"),
            _ => None,
        });
        if let (Some((_, place)), Some(other)) =
            (on.first(), scheduled.or(clause.then_some("ordered")))
        {
            let message = format!(
                "the bounds of a loop may not depend on an outer loop with the clause '{other}'"
            );
            let problem = Problem::new(place.clone(), message)
                .related(directive.range.clone(), "the construct")
                .note(
                    "OpenMP 5.2 section 4.4.4; leave the clause or the inner loop's collapse out",
                );
            self.problems.push(problem);
        }
        on.first().map(|(entity, _)| *entity)
    }

    fn loop_variable(
        &mut self,
        id: ConstructId,
        entity: EntityId,
        place: &Range<usize>,
        own: bool,
    ) {
        let construct = &self.program.constructs[id];
        let outer = self.combined_with(id);
        let name = self.program.entities[entity].name.clone();
        let treatment = construct.treatment(entity).or_else(|| {
            outer
                .iter()
                .find_map(|outer| self.program.constructs[*outer].treatment(entity))
        });
        let wrong = match treatment {
            Some(private) if private.first && private.linear.is_none() => Some("firstprivate"),
            Some(private) if private.reduction.is_some() => Some("reduction"),
            Some(private)
                if private.linear.is_some() && !construct.parts.contains(&DirectiveKind::Simd) =>
            {
                Some("linear")
            }
            _ => None,
        };
        // Accepted by compilers: the loop variable is private all the same, and its last value is that of the last iteration.
        let ignored = match treatment {
            Some(private) if private.conditional => Some("lastprivate(conditional:)"),
            None if construct.listed.contains(&entity) => Some("shared"),
            _ => None,
        };
        if let Some(clause) = ignored {
            let directive = &self.program.directives[construct.directive];
            let message = format!("'{clause}' has no effect on the loop variable '{name}'");
            let problem = Problem::new(place.clone(), message)
                .related(directive.range.clone(), "the construct")
                .note("loop variables are private; remove it from the clause");
            self.program.told.push(problem);
        }
        if let Some(clause) = wrong {
            let directive = &self.program.directives[construct.directive];
            self.problems.push(
                Problem::new(
                    place.clone(),
                    format!("the loop variable '{name}' may not be in '{clause}'"),
                )
                .related(directive.range.clone(), "the construct")
                .note("loop variables are private; remove it from the clause"),
            );
        }
        // After a simd construct its variable has its last value (section 5.1.1).
        let simd = construct.parts.contains(&DirectiveKind::Simd);
        let keeps = (simd || construct.leaf == Leaf::Simd) && !own && treatment.is_none();
        self.program.entities[entity].assigned |= keeps;
        for outer in outer {
            self.program.constructs[outer]
                .private
                .retain(|private| private.entity != entity);
        }
        let list = &mut self.program.constructs[id].private;
        match list.iter_mut().find(|private| private.entity == entity) {
            Some(private) => {
                private.loop_variable = true;
                private.conditional = false;
                if private.linear.take().is_some() {
                    private.first = false;
                    private.last = true;
                }
            }
            None => list.push(Private {
                loop_variable: true,
                last: keeps,
                ..Private::of(entity)
            }),
        }
    }

    /// The other constructs of the combined directive whose innermost construct is `id`.
    fn combined_with(&self, id: ConstructId) -> Vec<ConstructId> {
        let mut outer = Vec::new();
        let mut at = id;
        while let (true, Some(parent)) = (
            self.program.constructs[at].combined,
            self.program.constructs[at].parent,
        ) {
            outer.push(parent);
            at = parent;
        }
        outer
    }

    /// What a `loop` construct binds to: its clause, or what it is nested in (section 11.7). Bound to a thread, it is that
    /// thread's alone.
    pub(super) fn bind(&mut self, id: ConstructId) {
        let construct = &self.program.constructs[id];
        if !construct.parts.contains(&DirectiveKind::Loop) {
            return;
        }
        let directive = &self.program.directives[construct.directive];
        let given = directive.find(|kind| match kind {
            ClauseKind::Loop(LoopClause::Bind(bind)) => Some(*bind),
            _ => None,
        });
        let around = construct
            .parent
            .map(|outer| &self.program.constructs[outer]);
        let bind = given.or_else(|| {
            around.map(|outer| match outer.parts.as_slice() {
                [DirectiveKind::Parallel] => Bind::Parallel,
                [DirectiveKind::Teams] => Bind::Teams,
                _ => Bind::Thread,
            })
        });
        if bind.is_none() {
            let problem = Problem::new(
                directive.range.clone(),
                "a loop construct outside of any other construct needs the clause 'bind'",
            )
            .note("add bind(parallel) or bind(thread)");
            self.problems.push(problem);
        }
        if bind == Some(Bind::Thread) {
            self.program.constructs[id].leaf = Leaf::Simd;
        }
        if bind == Some(Bind::Teams) {
            self.program.constructs[id].parts =
                vec![DirectiveKind::Distribute, DirectiveKind::Loop];
        }
    }

    /// The innermost loop construct around the current one, nothing but blocks of C between them.
    fn enclosing_loop(&self, id: ConstructId) -> Option<ConstructId> {
        let outer = self.program.constructs[id].parent?;
        matches!(self.program.constructs[outer].leaf, Leaf::For | Leaf::Simd).then_some(outer)
    }

    /// `ordered` with a dependence and `scan`: each belongs to the loop around it.
    pub(super) fn loop_part(&mut self, id: ConstructId) {
        let directives = self.program.directives;
        let directive = &directives[self.program.constructs[id].directive];
        let outer = self.enclosing_loop(id);
        for clause in &directive.clauses {
            match (&clause.kind, outer) {
                (ClauseKind::Loop(LoopClause::Sink(items)), Some(outer)) => {
                    self.sink(id, outer, items, &clause.range)
                }
                (ClauseKind::Loop(LoopClause::Scan(_, items)), Some(outer)) => {
                    for item in items {
                        let name = self.program.slice(&item.name).to_owned();
                        let entity = self.lookup(&name.replace('$', "_S_"));
                        let fits = entity.is_some_and(|entity| {
                            self.program.constructs[outer]
                                .treatment(entity)
                                .is_some_and(|private| private.inscan)
                        });
                        if !fits {
                            let message = format!(
                                "'{name}' is in no reduction(inscan, ...) of the loop around this scan"
                            );
                            self.problems.push(Problem::new(item.name.clone(), message));
                        }
                    }
                }
                _ => {}
            }
        }
        let around = outer.map(|outer| &directives[self.program.constructs[outer].directive]);
        if directive.kind == DirectiveKind::Scan {
            let place = directive.range.clone();
            match outer {
                Some(outer) if around.is_some_and(|around| around.inscan()) => {
                    self.program.constructs[outer].scan = Some(place);
                }
                _ => self.problems.push(
                    Problem::new(
                        place,
                        "'#pragma omp scan' outside of a loop with reduction(inscan, ...)",
                    )
                    .note("put it directly into the body of such a loop"),
                ),
            }
        } else if around.is_none_or(|around| around.doacross().is_none()) {
            let mut problem = Problem::new(
                directive.range.clone(),
                "'#pragma omp ordered' with a dependence must be directly inside a loop with the clause ordered(n)",
            );
            if let Some(around) = around {
                problem = problem.related(around.range.clone(), "the loop around it");
            }
            self.problems.push(problem);
        }
    }

    fn sink(
        &mut self,
        id: ConstructId,
        outer: ConstructId,
        items: &[SinkItem],
        place: &Range<usize>,
    ) {
        let loops = self.program.constructs[outer].loops.clone();
        let directive = &self.program.directives[self.program.constructs[outer].directive];
        let count = directive.doacross().unwrap_or(items.len());
        if items.len() != count {
            let message = format!(
                "the vector of 'sink' has {} components, ordered({count}) needs {count}",
                items.len()
            );
            self.problems.push(
                Problem::new(place.clone(), message).related(directive.range.clone(), "the loop"),
            );
        }
        for (item, each) in items.iter().zip(&loops) {
            let name = self.program.slice(&item.name).to_owned();
            let found = self.lookup(&name.replace('$', "_S_"));
            let place = |entity: EntityId| self.program.entities[entity].place.clone();
            if found.map(place) != Some(place(each.entity)) {
                let expected = self.program.entities[each.entity].name.clone();
                let message =
                    format!("expected the loop variable '{expected}' in 'sink', found '{name}'");
                self.problems.push(Problem::new(item.name.clone(), message));
            }
            if let Some((_, range)) = &item.offset {
                self.expression(range, Some(id));
            }
        }
    }

    /// Checks that an `ordered` block is inside a loop that allows it (section 15.10.2), where the loop can be seen.
    pub(super) fn check_ordered(&mut self, id: ConstructId) {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let simd = directive
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Loop(LoopClause::Simd));
        if let Some(outer) = construct.parent {
            let around = &self.program.constructs[outer];
            let other = &self.program.directives[around.directive];
            let why = match around.leaf {
                Leaf::Parallel if !simd => return,
                Leaf::Simd if simd => return,
                Leaf::For if simd && around.parts.contains(&DirectiveKind::Simd) => return,
                Leaf::For if simd => "'ordered simd' must be inside a loop with 'simd'",
                Leaf::For if other.doacross().is_some() => {
                    "a loop with ordered(n) takes no 'ordered' block"
                }
                Leaf::For if other.ordered() => return,
                Leaf::For => "the loop around 'ordered' needs the clause 'ordered'",
                Leaf::Parallel | Leaf::Sections | Leaf::Single | Leaf::Master => {
                    "'ordered' must be directly inside a loop"
                }
                Leaf::Critical | Leaf::Ordered | Leaf::Atomic | Leaf::Simd => {
                    "'ordered' may not be nested in this construct"
                }
                _ => return,
            };
            let problem = Problem::new(directive.range.clone(), why)
                .related(other.range.clone(), "the construct around it");
            self.problems.push(problem);
        }
    }
}

/// Inside collapsed loops, a block that holds nothing but the next loop.
fn perfectly_nested(statement: &Node<Statement>, level: usize) -> &Node<Statement> {
    match &statement.node {
        Statement::Compound(items) if level > 0 => match items.as_slice() {
            [
                Node {
                    node: BlockItem::Statement(only),
                    ..
                },
            ] => perfectly_nested(only, level),
            _ => statement,
        },
        _ => statement,
    }
}
