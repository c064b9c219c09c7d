//! `cancel` and `cancellation point`: the construct they lead out of (OpenMP 5.2 section 16).

use super::super::directive::{CancelKind, ClauseKind};
use super::super::problem::Problem;
use super::super::program::{ConstructId, Leaf};
use super::Resolver;

impl Resolver<'_, '_> {
    /// The construct must stand directly inside the one that it cancels.
    pub(super) fn cancellation(&mut self, id: ConstructId) {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let kind = directive.find(|kind| {
            if let ClauseKind::Cancel(kind) = kind {
                Some(*kind)
            } else {
                None
            }
        });
        let Some(kind) = kind else { return };
        let around = construct.parent;
        let fits = around.is_some_and(|around| {
            let leaf = self.program.constructs[around].leaf;
            match kind {
                CancelKind::Parallel => leaf == Leaf::Parallel,
                CancelKind::For => leaf == Leaf::For,
                CancelKind::Sections => leaf == Leaf::Sections,
                CancelKind::Taskgroup => leaf.makes_tasks(),
            }
        });
        if fits {
            self.program.constructs[id].cancels = around;
            return;
        }
        let (name, wanted) = (
            directive.name,
            match kind {
                CancelKind::Taskgroup => "task",
                other => other.name(),
            },
        );
        let message = format!(
            "'#pragma omp {name} {}' must stand directly inside a '{wanted}' construct",
            kind.name()
        );
        let mut problem = Problem::new(directive.range.clone(), message);
        if let Some(around) = around {
            let outer = &self.program.directives[self.program.constructs[around].directive];
            problem = problem.related(outer.range.clone(), "it stands in this one");
        }
        self.problems.push(problem);
    }
}
