//! Data sharing of tasks (OpenMP 5.2 section 5.1.1): what no clause names is shared if all threads of the team share it, and otherwise
//! firstprivate.

use super::super::directive::Default;
use super::super::problem::Problem;
use super::super::program::{ConstructId, EntityId, EntityKind, Program};
use super::Sharing;

/// Whether task `id`, which uses `entity` and has no copy of it by a clause, gets one with the original's value.
pub(super) fn is_firstprivate(program: &Program<'_>, id: ConstructId, entity: EntityId) -> bool {
    let construct = &program.constructs[id];
    let found = &program.entities[entity];
    let local = matches!(found.kind, EntityKind::Automatic | EntityKind::Parameter);
    // What is global is shared, unless a construct around the task has a copy.
    if !local && (found.kind != EntityKind::Global || found.threadprivate) {
        return false;
    }
    if !construct.leaf.makes_tasks() || construct.listed.contains(&entity) {
        return false;
    }
    if let Some(default) = program.directives[construct.directive].default() {
        return local && default == Default::Firstprivate;
    }
    let mut next = construct.parent;
    while let Some(outer) = next.filter(|_| next != found.home) {
        let construct = &program.constructs[outer];
        if construct.treatment(entity).is_some() || is_firstprivate(program, outer, entity) {
            return true;
        }
        if construct.leaf.is_region() && !construct.leaf.makes_tasks() {
            return false;
        }
        next = construct.parent;
    }
    local
}

impl Sharing<'_, '_> {
    /// Section 5.7.2: each thread must have its own of what `copyprivate` names.
    pub(super) fn check_copyprivate(&mut self, id: ConstructId) {
        for (entity, place) in self.program.constructs[id].copyprivate.clone() {
            if self.is_private_around(id, entity) {
                continue;
            }
            let found = &self.program.entities[entity];
            let name = &found.name;
            let problem = Problem::new(
                place,
                format!("'{name}' in 'copyprivate' is shared by the threads of the team"),
            )
            .related(found.place.clone(), "declared here")
            .note("name a variable that is private to the enclosing region, or threadprivate");
            self.problems.push(problem);
        }
    }

    fn is_private_around(&self, id: ConstructId, entity: EntityId) -> bool {
        let found = &self.program.entities[entity];
        let mut next = self.program.constructs[id].parent;
        while let Some(outer) = next.filter(|_| next != found.home) {
            let construct = &self.program.constructs[outer];
            if construct.treatment(entity).is_some() {
                return true;
            }
            if construct.leaf.is_region() {
                return found.threadprivate;
            }
            next = construct.parent;
        }
        let local = matches!(found.kind, EntityKind::Automatic | EntityKind::Parameter);
        local || found.threadprivate
    }
}
