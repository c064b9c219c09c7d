//! Clauses: names in lists and expressions are resolved, and each construct learns which variables it copies.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::directive::{ClauseKind, Directive, Item, ListKind};
use super::super::problem::Problem;
use super::super::program::{self, ConstructId, EntityId, Leaf, Private, Use};
use super::super::tokens::{Token, TokenKind, tokens_within};
use super::Resolver;

impl<'a> Resolver<'a, '_> {
    pub(super) fn lists(&mut self, directive: &'a Directive, all: &[ConstructId]) {
        let mut seen: BTreeMap<EntityId, (ListKind, Range<usize>)> = BTreeMap::new();
        for clause in &directive.clauses {
            let ClauseKind::List(kind, items) = &clause.kind else {
                continue;
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
                for id in all {
                    self.program.constructs[*id].listed.insert(entity);
                }
                if matches!(kind, ListKind::Mapped(_)) {
                    continue;
                }
                match seen.get(&entity) {
                    None => {
                        seen.insert(entity, (*kind, item.name.clone()));
                    }
                    Some((ListKind::Firstprivate, _)) if *kind == ListKind::Lastprivate => {}
                    Some((ListKind::Lastprivate, _)) if *kind == ListKind::Firstprivate => {}
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
        let private = Private {
            entity,
            first: false,
            last: false,
            reduction: None,
            loop_variable: false,
        };
        let mut at = self.receiver(all, kind);
        let mut merged = match kind {
            ListKind::Shared
            | ListKind::Copyin
            | ListKind::Threadprivate
            | ListKind::Copyprivate
            | ListKind::InReduction(_)
            | ListKind::TaskReduction(_)
            | ListKind::Detach
            | ListKind::Mapped(_)
            | ListKind::Flush => return,
            ListKind::Private => private,
            ListKind::Firstprivate => Private {
                first: true,
                ..private
            },
            ListKind::Lastprivate => Private {
                last: true,
                ..private
            },
            ListKind::Reduction(operator) => Private {
                reduction: Some((operator, item.clone())),
                ..private
            },
        };
        // A variable that is both firstprivate and lastprivate has one copy, where the last value is known.
        if kind == ListKind::Firstprivate {
            let last = self.receiver(all, ListKind::Lastprivate);
            let treatment = self.program.constructs[last].treatment(entity);
            if treatment.is_some_and(|private| private.last) {
                at = last;
            }
        }
        if kind == ListKind::Lastprivate {
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
            }
            None => list.push(merged),
        }
        // The copy is made from, or goes into, the variable of the environment around the construct.
        if kind != ListKind::Private {
            let written = matches!(kind, ListKind::Lastprivate | ListKind::Reduction(_));
            let scope = self.program.constructs[at].parent;
            self.program.uses.push(Use {
                range: item.name.clone(),
                entity,
                written,
                scope,
            });
        }
        let region = self.program.constructs[at].leaf.is_region();
        let scope = if region {
            Some(at)
        } else {
            self.program.constructs[at].parent
        };
        if item.sections.len() > 1 {
            let problem = Problem::new(
                item.name.clone(),
                "only the first dimension of an array section can be given",
            )
            .note("leave the other dimensions out: they are reduced whole");
            self.problems.push(problem);
        }
        for section in &item.sections {
            for part in [&section.lower, &section.length].into_iter().flatten() {
                self.expression(part, scope);
            }
        }
    }

    fn listed_variable(&mut self, name: &Range<usize>, kind: ListKind) -> Option<EntityId> {
        let text = self.program.slice(name).to_owned();
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
        let record = self.program.layers(entity).1 == program::Base::Record;
        if matches!(kind, ListKind::Reduction(_)) && record {
            let message =
                format!("'{text}' is a struct or union, which no reduction operator takes");
            self.problems.push(Problem::new(name.clone(), message));
            return None;
        }
        let written = !matches!(
            kind,
            ListKind::Shared | ListKind::Firstprivate | ListKind::Mapped(_)
        );
        let through_pointer =
            matches!(kind, ListKind::Reduction(_)) && self.program.is_pointer(entity);
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
                ClauseKind::Schedule(_, Some(range)) => (vec![range], "schedule"),
                ClauseKind::NumTeams(lower, upper) => {
                    (lower.iter().chain([upper]).collect(), "num_teams")
                }
                ClauseKind::ThreadLimit(range) => (vec![range], "num_teams"),
                ClauseKind::DistSchedule(Some(range)) => (vec![range], "dist_schedule"),
                ClauseKind::Message(range) => (vec![range], "message"),
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

    /// Resolves the names of an expression that is known only as tokens of a pragma.
    fn expression(&mut self, range: &Range<usize>, scope: Option<ConstructId>) {
        let tokens: Vec<Token> = tokens_within(self.program.text, range.clone());
        let mut before = "";
        for token in &tokens {
            let word = token.text(self.program.text);
            if token.kind == TokenKind::Word
                && !matches!(before, "." | "->")
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
