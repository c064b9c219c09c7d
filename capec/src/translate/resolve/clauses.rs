//! Clauses: names in lists and expressions are resolved, and each construct learns which variables it copies.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::directive::{
    ClauseKind, Depend, Directive, DirectiveKind, Item, ListKind, LoopClause, Operator,
};
use super::super::problem::Problem;
use super::super::program::{self, ConstructId, EntityId, Leaf, Private, Use};
use super::super::tokens::{Token, TokenKind, tokens_within};
use super::Resolver;

impl<'a> Resolver<'a, '_> {
    pub(super) fn lists(&mut self, directive: &'a Directive, all: &[ConstructId]) {
        let mut seen: BTreeMap<EntityId, (ListKind, Range<usize>)> = BTreeMap::new();
        for clause in &directive.clauses {
            let (kind, items) = match &clause.kind {
                ClauseKind::List(kind, items) => (kind, items),
                ClauseKind::Loop(LoopClause::Linear(items, _)) => (&ListKind::Linear, items),
                _ => continue,
            };
            for item in items {
                let Some(entity) = self.listed_variable(&item.name, *kind) else {
                    continue;
                };
                if *kind == ListKind::Copyin {
                    let place = item.name.clone();
                    let at = self.receiver(all, *kind);
                    self.program.constructs[at].copyin.push((entity, place));
                    continue;
                }
                if matches!(kind, ListKind::Copyprivate | ListKind::Flush) {
                    let written = *kind == ListKind::Copyprivate;
                    self.named(item, entity, all, written);
                    continue;
                }
                // A pointer through which something is mapped is itself firstprivate (OpenMP 5.2 section 5.8.6).
                let base = item.part && self.program.is_pointer(entity);
                for id in all {
                    let construct = &mut self.program.constructs[*id];
                    if base {
                        construct.bases.insert(entity);
                    } else {
                        construct.listed.insert(entity);
                    }
                }
                if matches!(kind, ListKind::Mapped(_)) {
                    continue;
                }
                // The target task may take part in one reduction, and constructs combined with it make another.
                let of_target = matches!(kind, ListKind::InReduction(_))
                    && self.program.constructs[all[0]].leaf == Leaf::Target;
                match seen.get(&entity) {
                    _ if of_target => {}
                    None => {
                        seen.insert(entity, (*kind, item.name.clone()));
                    }
                    Some((ListKind::Firstprivate, _))
                        if matches!(kind, ListKind::Lastprivate | ListKind::Conditional) => {}
                    Some((ListKind::Lastprivate | ListKind::Conditional, _))
                        if *kind == ListKind::Firstprivate => {}
                    Some((earlier, place)) => {
                        let name = self.program.slice(&item.name);
                        let problem = Problem::new(
                            item.name.clone(),
                            format!("'{name}' appears in more than one data-sharing clause"),
                        )
                        .related(
                            place.clone(),
                            format!("already listed in '{}'", earlier.name()),
                        );
                        self.problems.push(problem);
                        continue;
                    }
                }
                self.list_item(*kind, item, entity, all);
                if let ClauseKind::Loop(LoopClause::Linear(_, step)) = &clause.kind {
                    self.linear_item(item, entity, step, all);
                }
            }
        }
    }

    /// `allocate(align(n) : list)`
    pub(super) fn alignments(&mut self, directive: &Directive, all: &[ConstructId]) {
        for clause in &directive.clauses {
            let ClauseKind::Align(alignment, items) = &clause.kind else {
                continue;
            };
            for item in items {
                let Some(entity) = self.listed_variable(&item.name, ListKind::Shared) else {
                    continue;
                };
                let mut found = false;
                for id in all {
                    let private = &mut self.program.constructs[*id].private;
                    for private in private.iter_mut().filter(|it| it.entity == entity) {
                        private.align = Some(alignment.clone());
                        found = true;
                    }
                }
                if !found {
                    let name = self.program.slice(&item.name);
                    let message = format!("'{name}' in 'allocate' has no copy on this construct");
                    let problem = Problem::new(item.name.clone(), message)
                        .note("name it in private, firstprivate, lastprivate or reduction");
                    self.problems.push(problem);
                }
            }
        }
    }

    /// The construct of a combined directive to which a list of `kind` is given (section 17.2): the innermost that takes it, but
    /// `parallel` makes the copies of `firstprivate` for the worksharing construct in it.
    fn receiver(&self, all: &[ConstructId], kind: ListKind) -> ConstructId {
        let constructs = &self.program.constructs;
        let taking = |id: &&ConstructId| constructs[**id].takes(kind.name());
        let innermost = all.iter().rev().find(taking).or(all.last());
        let innermost = *innermost.expect("a directive opens at least one construct");
        let outer = constructs[innermost]
            .parent
            .filter(|_| constructs[innermost].combined);
        match outer {
            Some(outer)
                if kind == ListKind::Firstprivate && constructs[outer].leaf == Leaf::Parallel =>
            {
                outer
            }
            _ => innermost,
        }
    }

    fn list_item(&mut self, kind: ListKind, item: &Item, entity: EntityId, all: &[ConstructId]) {
        let private = Private::of(entity);
        let mut at = self.receiver(all, kind);
        let mut merged = match kind {
            ListKind::Shared
            | ListKind::Copyin
            | ListKind::Threadprivate
            | ListKind::Copyprivate
            | ListKind::Mapped(_)
            | ListKind::Scan
            | ListKind::Flush => return,
            ListKind::TaskReduction(operator) => {
                self.program.constructs[at]
                    .registered
                    .push((entity, operator, item.clone()));
                self.item_uses(item, entity, true, self.program.constructs[at].parent);
                return;
            }
            ListKind::Detach => {
                self.program.constructs[at].detach = Some(entity);
                Private {
                    first: true,
                    ..private
                }
            }
            ListKind::Private => private,
            ListKind::Firstprivate => Private {
                first: true,
                ..private
            },
            ListKind::Lastprivate => Private {
                last: true,
                ..private
            },
            ListKind::Conditional => Private {
                last: true,
                conditional: true,
                ..private
            },
            ListKind::Linear => private,
            ListKind::Reduction(operator)
            | ListKind::Inscan(operator)
            | ListKind::InReduction(operator)
            | ListKind::ReductionTask(operator) => Private {
                reduction: Some((operator, item.clone())),
                inscan: matches!(kind, ListKind::Inscan(_)),
                tasks: matches!(kind, ListKind::ReductionTask(_)),
                ..private
            },
        };
        let takes_tasks = matches!(
            self.program.constructs[at].leaf,
            Leaf::Parallel | Leaf::For | Leaf::Sections | Leaf::Scope
        );
        let parts = &self.program.constructs[at].parts;
        let vectors = [DirectiveKind::Simd, DirectiveKind::Loop];
        if merged.tasks && (!takes_tasks || vectors.iter().any(|part| parts.contains(part))) {
            let problem = Problem::new(
                item.name.clone(),
                "the reduction modifier 'task' is for parallel, for, sections and scope only",
            )
            .note("leave the modifier out");
            self.problems.push(problem);
        }
        // A variable that is both firstprivate and lastprivate has one copy, where the last value is known.
        if kind == ListKind::Firstprivate {
            let last = self.receiver(all, ListKind::Lastprivate);
            let treatment = self.program.constructs[last].treatment(entity);
            if treatment.is_some_and(|private| private.last) {
                at = last;
            }
        }
        if matches!(kind, ListKind::Lastprivate | ListKind::Conditional) {
            for other in all.iter().filter(|other| **other != at) {
                let list = &mut self.program.constructs[*other].private;
                if let Some(earlier) = list.iter().position(|private| private.entity == entity) {
                    merged.first |= list.remove(earlier).first;
                }
            }
        }
        let list = &mut self.program.constructs[at].private;
        match list.iter_mut().find(|private| private.entity == entity) {
            Some(earlier) => {
                earlier.first |= merged.first;
                earlier.last |= merged.last;
                earlier.conditional |= merged.conditional;
            }
            None => list.push(merged),
        }
        // The copy is made from, or goes into, the variable of the environment around the construct.
        if kind != ListKind::Private {
            let written = kind != ListKind::Firstprivate;
            let scope = self.program.constructs[at].parent;
            self.program.entities[entity].assigned |= written;
            self.program.uses.push(Use {
                range: item.name.clone(),
                entity,
                written,
                scope,
            });
        }
        let leaf = self.program.constructs[at].leaf;
        if let (ListKind::Reduction(operator), true) = (kind, leaf == Leaf::Taskloop) {
            self.program.constructs[at]
                .registered
                .push((entity, operator, item.clone()));
        }
        let scope = if leaf.is_region() && !leaf.makes_tasks() {
            Some(at)
        } else {
            self.program.constructs[at].parent
        };
        self.section_uses(item, scope);
    }

    /// A variable that a clause names without giving it a data-sharing attribute.
    fn named(&mut self, item: &Item, entity: EntityId, all: &[ConstructId], written: bool) {
        let at = all[0];
        if written {
            self.program.constructs[at]
                .copyprivate
                .push((entity, item.name.clone()));
        }
        self.item_uses(item, entity, written, self.program.constructs[at].parent);
    }

    /// A list item and its section, evaluated in `scope`.
    fn item_uses(
        &mut self,
        item: &Item,
        entity: EntityId,
        written: bool,
        scope: Option<ConstructId>,
    ) {
        self.program.entities[entity].assigned |= written;
        self.program.uses.push(Use {
            range: item.name.clone(),
            entity,
            written,
            scope,
        });
        self.section_uses(item, scope);
    }

    fn section_uses(&mut self, item: &Item, scope: Option<ConstructId>) {
        for section in &item.sections {
            for part in [&section.lower, &section.length].into_iter().flatten() {
                self.expression(part, scope);
            }
        }
    }

    fn listed_variable(&mut self, name: &Range<usize>, kind: ListKind) -> Option<EntityId> {
        let text = self.program.slice(name).to_owned();
        let harmless = matches!(
            kind,
            ListKind::Shared | ListKind::Firstprivate | ListKind::Mapped(_)
        );
        if harmless && super::is_function_name(&text) {
            return None; // a constant
        }
        let Some(entity) = self.lookup(&text.replace('$', "_S_")) else {
            self.problems.push(Problem::new(
                name.clone(),
                format!("'{text}' in '{}' is not declared here", kind.name()),
            ));
            return None;
        };
        let found = &self.program.entities[entity];
        if !found.kind.is_variable() {
            self.problems.push(Problem::new(
                name.clone(),
                format!("'{text}' in '{}' is not a variable", kind.name()),
            ));
            return None;
        }
        let written = !matches!(
            kind,
            ListKind::Shared | ListKind::Firstprivate | ListKind::Mapped(_) | ListKind::Flush
        );
        let operator = kind.operator().filter(|operator| {
            super::super::reductions::visible(self.program, *operator, name.start).is_empty()
        });
        let record = self.program.layers(entity).1 == program::Base::Record;
        let message = match operator {
            Some(Operator::User(start, end)) => {
                let operator = &self.program.text[start..end];
                format!("no 'declare reduction' with the name '{operator}' is visible here")
            }
            Some(_) if record => format!(
                "'{text}' is a struct or union, for which no 'declare reduction' with this operator is visible"
            ),
            _ => String::new(),
        };
        if !message.is_empty() {
            self.problems.push(
                Problem::new(name.clone(), message)
                    .note("declare it before the construct, at file scope or in the same block"),
            );
            return None;
        }
        let through_pointer = kind.operator().is_some() && self.program.is_pointer(entity);
        if written && !through_pointer && self.program.is_constant(entity) {
            self.problems.push(Problem::new(
                name.clone(),
                format!("'{text}' is const and cannot be in '{}'", kind.name()),
            ));
            return None;
        }
        Some(entity)
    }

    /// Resolves the expressions of clauses, each by the data environment around the construct that it is for.
    pub(super) fn expressions(&mut self, directive: &Directive, all: &[ConstructId]) {
        for clause in &directive.clauses {
            let (ranges, name) = match &clause.kind {
                ClauseKind::NumThreads(range) => (vec![range], "num_threads"),
                ClauseKind::If(_, range) => (vec![range], "if"),
                ClauseKind::Schedule(_, Some(range), _) => (vec![range], "schedule"),
                ClauseKind::NumTeams(lower, upper) => {
                    (lower.iter().chain([upper]).collect(), "num_teams")
                }
                ClauseKind::ThreadLimit(range) => (vec![range], "num_teams"),
                ClauseKind::DistSchedule(Some(range)) => (vec![range], "dist_schedule"),
                ClauseKind::Message(range) => (vec![range], "message"),
                ClauseKind::Loop(LoopClause::Linear(_, Some(range))) => (vec![range], "linear"),
                ClauseKind::Loop(LoopClause::Host(range, _)) => {
                    let inside = range.start + clause_name(self.program.slice(range))..range.end;
                    self.expression(&inside, all.last().copied());
                    continue;
                }
                ClauseKind::Final(range) => (vec![range], "final"),
                ClauseKind::Priority(range) => (vec![range], "priority"),
                ClauseKind::Grainsize(_, range) => (vec![range], "grainsize"),
                ClauseKind::NumTasks(_, range) => (vec![range], "num_tasks"),
                ClauseKind::Filter(range) => (vec![range], "filter"),
                ClauseKind::Object(range) => (vec![range], "destroy"),
                ClauseKind::Depend(depend) => {
                    self.depend(depend, all);
                    continue;
                }
                _ => continue,
            };
            let taking = |id: &&ConstructId| {
                let construct = &self.program.constructs[**id];
                match &clause.kind {
                    ClauseKind::If(Some(part), _) => construct.parts.contains(part),
                    _ => construct.takes(name),
                }
            };
            // Of `if` on several constituents, only that of `parallel` changes anything on the host.
            let parallel = |id: &&ConstructId| {
                name == "if" && taking(id) && self.program.constructs[**id].leaf == Leaf::Parallel
            };
            let at = all
                .iter()
                .find(parallel)
                .or_else(|| all.iter().find(taking))
                .unwrap_or(&all[0]);
            let scope = self.program.constructs[*at].parent;
            for range in ranges {
                self.expression(range, scope);
            }
        }
    }

    /// `linear` makes the variable's copy one that moves.
    fn linear_item(
        &mut self,
        item: &Item,
        entity: EntityId,
        step: &Option<Range<usize>>,
        all: &[ConstructId],
    ) {
        let name = self.program.slice(&item.name);
        let (layers, base) = self.program.layers(entity);
        let scalar = layers.is_empty()
            && matches!(base, program::Base::Arithmetic | program::Base::Unknown)
            && !self.is_floating(entity);
        if !scalar && !self.program.is_pointer(entity) {
            let message = format!("'{name}' in 'linear' must be an integer or a pointer");
            self.problems.push(Problem::new(item.name.clone(), message));
        }
        let at = self.receiver(all, ListKind::Linear);
        let tasks = self.program.constructs[at].leaf == Leaf::Taskloop;
        let list = &mut self.program.constructs[at].private;
        if let Some(private) = list.iter_mut().find(|private| private.entity == entity) {
            private.linear = Some(step.clone());
            // A task begins with the value from before all of them.
            private.first |= tasks;
            private.last |= tasks;
        }
    }

    /// Resolves the names of an expression that is known only as tokens of a pragma.
    pub(super) fn expression(&mut self, range: &Range<usize>, scope: Option<ConstructId>) {
        self.expression_but(range, scope, &[]);
    }

    /// The locators and iterators of a `depend` clause.
    fn depend(&mut self, depend: &Depend, all: &[ConstructId]) {
        let taking = |id: &&ConstructId| self.program.constructs[**id].takes("depend");
        let at = all.iter().find(taking).unwrap_or(&all[0]);
        let scope = self.program.constructs[*at].parent;
        let names: Vec<String> = depend
            .iterators
            .iter()
            .map(|each| self.program.slice(&each.name).to_owned())
            .collect();
        for each in &depend.iterators {
            for part in [Some(&each.begin), Some(&each.end), each.step.as_ref()]
                .into_iter()
                .flatten()
            {
                self.expression_but(part, scope, &names);
            }
        }
        for locator in depend.locators.iter().filter(|each| !each.all_memory) {
            let word = self.program.slice(&locator.range).to_owned();
            if !names.contains(&word)
                && let Some(entity) = self.lookup(&word.replace('$', "_S_"))
            {
                self.program.entities[entity].address_taken = true;
            }
            self.expression_but(&locator.range, scope, &names);
        }
    }

    /// Resolves the names of an expression, those of iterators apart.
    fn expression_but(
        &mut self,
        range: &Range<usize>,
        scope: Option<ConstructId>,
        iterators: &[String],
    ) {
        let tokens: Vec<Token> = tokens_within(self.program.text, range.clone());
        let mut before = "";
        for token in &tokens {
            let word = token.text(self.program.text);
            if token.kind == TokenKind::Word
                && !matches!(before, "." | "->")
                && !iterators.iter().any(|name| name == word)
                && let Some(entity) = self.lookup(&word.replace('$', "_S_"))
            {
                let range = token.range.clone();
                self.program.uses.push(Use {
                    range,
                    entity,
                    written: false,
                    scope,
                });
            }
            before = word;
        }
    }
}

/// Length of the name that a clause begins with.
fn clause_name(clause: &str) -> usize {
    clause.find('(').unwrap_or(clause.len())
}
