//! Data sharing: what each region captures, which local types it repeats, and which variables a clause had to name.
//!
//! Every use of a name is followed outwards from the construct it is in, until a construct has a private copy of it or
//! it is declared; the regions passed on the way capture it (OpenMP 5.2 section 5.1).

pub mod implicit;
mod tasks;

use std::collections::BTreeSet;
use std::ops::Range;

use super::directive::Default;
use super::problem::Problem;
use super::program::{ConstructId, EntityId, EntityKind, HoistId, Layer, Leaf, Private, Program};

/// Completes `program` and reports violations.
pub fn complete(program: &mut Program<'_>, problems: &mut Vec<Problem>) {
    let mut sharing = Sharing {
        program,
        problems,
        unlisted: BTreeSet::new(),
    };
    for index in 0..sharing.program.uses.len() {
        let found = &sharing.program.uses[index];
        let (entity, scope, written, range) = (
            found.entity,
            found.scope,
            found.written,
            found.range.clone(),
        );
        sharing.require(entity, scope, written, Some(&range));
    }
    // Inner ones first: the originals of their copies may be copies of outer ones.
    for id in (0..sharing.program.constructs.len()).rev() {
        sharing.copies(id);
        sharing.check_copyprivate(id);
    }
}

struct Sharing<'a, 'p> {
    program: &'p mut Program<'a>,
    problems: &'p mut Vec<Problem>,
    unlisted: BTreeSet<(ConstructId, EntityId)>,
}

impl Sharing<'_, '_> {
    fn require(
        &mut self,
        entity: EntityId,
        scope: Option<ConstructId>,
        written: bool,
        place: Option<&Range<usize>>,
    ) {
        if let Some(hoist) = self.program.entities[entity].hoist {
            self.require_hoist(hoist, scope);
        }
        if !self.program.entities[entity].kind.is_variable() {
            return;
        }
        let home = self.program.entities[entity].home;
        let mut next = scope;
        while let Some(id) = next.filter(|_| next != home) {
            let construct = &self.program.constructs[id];
            if construct.treatment(entity).is_some() {
                return;
            }
            if let Some(private) = implicit::copy(self.program, id, entity) {
                let from_original = private.first;
                self.program.constructs[id].private.push(private);
                if from_original {
                    let parent = self.program.constructs[id].parent;
                    self.require(entity, parent, false, place);
                }
                return;
            }
            if let (Some(message), Some(place)) =
                (implicit::unmapped(self.program, id, entity), place)
                && self.unlisted.insert((id, entity))
            {
                let problem = Problem::new(place.clone(), message);
                self.problems.push(problem);
            }
            let construct = &self.program.constructs[id];
            next = construct.parent;
            if construct.leaf.is_region() {
                self.check_listed(id, entity, place);
                if tasks::is_firstprivate(self.program, id, entity) {
                    self.make_firstprivate(id, entity);
                    return;
                }
                self.capture(id, entity, written);
            }
        }
    }

    /// A variable that no clause of a task names, and that a task has a copy of.
    fn make_firstprivate(&mut self, id: ConstructId, entity: EntityId) {
        self.program.constructs[id].private.push(Private {
            first: true,
            ..Private::of(entity)
        });
        if self.program.entities[entity].kind != EntityKind::Global {
            self.program.constructs[id].captures.insert(entity, true);
        }
        let parent = self.program.constructs[id].parent;
        self.require(entity, parent, false, None);
        self.require_type(entity, Some(id));
    }

    fn capture(&mut self, region: ConstructId, entity: EntityId, written: bool) {
        let found = &self.program.entities[entity];
        let function = self.program.constructs[region].function;
        let global = found.kind == EntityKind::Global || found.function.is_none();
        if found.threadprivate || (global && !self.copied_around(region, entity)) {
            return;
        }
        if !global && found.function != Some(function) {
            return; // reported with the nested function
        }
        let known = self.program.constructs[region]
            .captures
            .insert(entity, written);
        match known {
            Some(before) => {
                self.program.constructs[region]
                    .captures
                    .insert(entity, written || before);
            }
            None => self.require_type(entity, Some(region)),
        }
    }

    /// Whether a construct around `region` has a copy of the variable: the region then means that, also where it is global.
    fn copied_around(&self, region: ConstructId, entity: EntityId) -> bool {
        let constructs = &self.program.constructs;
        let parents = std::iter::successors(constructs[region].parent, |id| constructs[*id].parent);
        parents
            .into_iter()
            .any(|outer| constructs[outer].treatment(entity).is_some())
    }

    fn require_hoist(&mut self, hoist: HoistId, scope: Option<ConstructId>) {
        let home = self.program.hoists[hoist].home;
        let mut next = scope;
        while let Some(id) = next.filter(|_| next != home) {
            next = self.program.constructs[id].parent;
            if self.program.constructs[id].leaf.is_region()
                && self.program.constructs[id].hoists.insert(hoist)
            {
                let range = self.program.hoists[hoist].range.clone();
                let sizes = variable_sizes(self.program, hoist);
                let inside = self.program.uses_in(&range).iter().filter(|found| {
                    let own = self.program.entities[found.entity].hoist == Some(hoist);
                    !own && !sizes.iter().any(|size| size.contains(&found.range.start))
                });
                let inside: Vec<EntityId> = inside.map(|found| found.entity).collect();
                for entity in inside {
                    self.require(entity, Some(id), false, None);
                }
            }
        }
    }

    /// What the declaration of `entity` needs where it is repeated inside `scope`.
    fn require_type(&mut self, entity: EntityId, scope: Option<ConstructId>) {
        let Some(declared) = self.program.entities[entity].declared.clone() else {
            return;
        };
        let initializer = declared.inferred.unwrap_or_default();
        let in_specifiers: Vec<EntityId> = self
            .program
            .uses_in(&declared.specifiers)
            .iter()
            .chain(self.program.uses_in(&initializer))
            .map(|found| found.entity)
            .collect();
        if let (Some(_), Some(hoist)) = (&declared.untagged_body, declared.hoist) {
            self.require_hoist(hoist, scope);
        }
        let mut in_declarator: Vec<EntityId> = self
            .program
            .uses_in(&declared.declarator)
            .iter()
            .map(|found| found.entity)
            .collect();
        for other in in_specifiers {
            self.require(other, scope, false, None);
        }
        in_declarator.retain(|other| !self.program.entities[*other].kind.is_variable());
        for other in in_declarator {
            self.require(other, scope, false, None);
        }
    }

    /// What the private copies of a construct need.
    fn copies(&mut self, id: ConstructId) {
        for private in self.program.constructs[id].private.clone() {
            let entity = private.entity;
            let leaf = self.program.constructs[id].leaf;
            let captured =
                leaf.is_region() && !leaf.makes_tasks() && self.copied_around(id, entity);
            let local = self.program.entities[entity].kind != EntityKind::Global || captured;
            let from_original = private.needs_original();
            let region = self.program.constructs[id].leaf.is_region();
            let through_pointer = matches!(&private.reduction, Some((_, item)) if !item.sections.is_empty())
                && self.program.is_pointer(entity);
            let mut result =
                private.last || private.linear.is_some() || private.reduction.is_some();
            let own = self.program.constructs[id].leaf == Leaf::Simd;
            if !region && !own && result && !through_pointer {
                // A loop variable that no clause names keeps its value where there is one for all threads to see.
                let implied =
                    private.loop_variable && !self.program.constructs[id].listed.contains(&entity);
                match implied && !self.is_shared_around(id, entity) {
                    true => {
                        self.forget_last(id, entity);
                        result = false;
                    }
                    false => self.check_shared_around(id, entity),
                }
            }
            if !local || self.program.entities[entity].home == Some(id) {
                continue;
            }
            let spellable = is_spellable(self.program, entity);
            if region && (from_original || !spellable) {
                self.program.constructs[id].captures.insert(entity, true);
            }
            if spellable {
                self.require_type(entity, Some(id));
            }
            if from_original || !spellable {
                let parent = self.program.constructs[id].parent;
                self.require(entity, parent, result, None);
                if region {
                    self.require_type(entity, Some(id));
                }
            }
        }
    }

    /// Whether all threads of the team share the original of a construct's copy.
    fn is_shared_around(&self, id: ConstructId, entity: EntityId) -> bool {
        let found = &self.program.entities[entity];
        let mut next = self.program.constructs[id].parent;
        while let Some(outer) = next {
            let construct = &self.program.constructs[outer];
            if construct.treatment(entity).is_some() || found.home == Some(outer) {
                return false;
            }
            if construct.leaf.is_region() {
                return true;
            }
            next = construct.parent;
        }
        !matches!(found.kind, EntityKind::Automatic | EntityKind::Parameter)
    }

    /// A loop variable's last value is of no use.
    fn forget_last(&mut self, id: ConstructId, entity: EntityId) {
        let all = &mut self.program.constructs[id].private;
        for private in all.iter_mut().filter(|private| private.entity == entity) {
            private.last = false;
        }
    }

    /// A variable whose original receives a result must not be private to a thread of the enclosing region.
    fn check_shared_around(&mut self, id: ConstructId, entity: EntityId) {
        let mut next = self.program.constructs[id].parent;
        let home = self.program.entities[entity].home;
        while let Some(outer) = next {
            let construct = &self.program.constructs[outer];
            let inside_region = home == Some(outer) && self.region_around(outer);
            if construct.treatment(entity).is_some() || inside_region {
                let directive = &self.program.directives[self.program.constructs[id].directive];
                let name = &self.program.entities[entity].name;
                let message = format!(
                    "'{name}' is private in the enclosing region, so '#pragma omp {}' cannot put a result into it",
                    directive.name
                );
                let range = directive.range.clone();
                let related = self.program.directives[construct.directive].range.clone();
                self.problems.push(
                    Problem::new(range, message)
                        .related(related, "the enclosing construct")
                        .note("share it, or reduce on the enclosing construct"),
                );
                return;
            }
            if construct.leaf.is_region() {
                return;
            }
            next = construct.parent;
        }
        // Orphaned: a local variable belongs to the thread that called the function.
        let found = &self.program.entities[entity];
        if !self.program.constructs[id].leaf.is_region()
            && matches!(found.kind, EntityKind::Automatic | EntityKind::Parameter)
        {
            let directive = &self.program.directives[self.program.constructs[id].directive];
            let (name, kind) = (&found.name, directive.name);
            let message = format!(
                "'{name}' is private to each thread that calls this function, so '#pragma omp {kind}' cannot put a result into it"
            );
            let problem = Problem::new(directive.range.clone(), message)
                .related(found.place.clone(), "declared here")
                .note("make it static or global, or reach it through a pointer; it is right only where no parallel region calls the function");
            self.program.told.push(problem);
        }
    }

    fn region_around(&self, id: ConstructId) -> bool {
        let mut next = Some(id);
        while let Some(outer) = next {
            if self.program.constructs[outer].leaf.is_region() {
                return true;
            }
            next = self.program.constructs[outer].parent;
        }
        false
    }

    /// `default(none)`: every variable used must be in a clause (section 5.4.1).
    fn check_listed(
        &mut self,
        region: ConstructId,
        entity: EntityId,
        place: Option<&Range<usize>>,
    ) {
        let construct = &self.program.constructs[region];
        let directive = &self.program.directives[construct.directive];
        if self.program.entities[entity].threadprivate {
            return;
        }
        let none = construct.takes("default")
            && match directive.default() {
                Some(Default::None) => true,
                // Section 5.4.1: what has static storage has to be listed then, too.
                Some(Default::Private | Default::Firstprivate) => {
                    self.program.entities[entity].kind == EntityKind::Global
                }
                _ => false,
            };
        let Some(place) = place.filter(|_| none && !construct.listed.contains(&entity)) else {
            return;
        };
        if self.program.is_constant(entity) || !self.unlisted.insert((region, entity)) {
            return;
        }
        let kind = match directive.default() {
            Some(Default::Private) => "private",
            Some(Default::Firstprivate) => "firstprivate",
            _ => "none",
        };
        let name = &self.program.entities[entity].name;
        let problem = Problem::new(
            place.clone(),
            format!("'{name}' is not in a data-sharing clause of this default({kind}) region"),
        )
        .related(
            directive.range.clone(),
            "default(none) asks for every variable",
        )
        .related(
            self.program.entities[entity].place.clone(),
            format!("'{name}' is declared here, outside of the region"),
        )
        .note(format!(
            "add shared({name}), private({name}) or firstprivate({name})"
        ));
        self.problems.push(problem);
    }
}

/// Array dimensions of `entity`'s declarator that are not constant or not written down, as indices of its layers.
pub fn variable_dimensions(program: &Program<'_>, entity: EntityId) -> Vec<usize> {
    let found = &program.entities[entity];
    let Some(declared) = &found.declared else {
        return Vec::new();
    };
    let parameter = found.kind == EntityKind::Parameter;
    let variable = |range: &Range<usize>| {
        let uses = program.uses_in(range);
        uses.iter()
            .any(|found| program.entities[found.entity].kind.is_variable())
    };
    // `int a[] = {1, 2};`: the initializer says how many.
    let counted = |index: usize, range: &Range<usize>| {
        index == 0
            && is_empty_size(program, range)
            && !program.slice(&declared.specifiers).contains("extern")
    };
    let unknown = |(index, layer): &(usize, &Layer)| match layer {
        Layer::Array(range) => {
            !(parameter && *index == 0) && (variable(range) || counted(*index, range))
        }
        _ => false,
    };
    declared
        .layers
        .iter()
        .enumerate()
        .filter(unknown)
        .map(|(index, _)| index)
        .collect()
}

/// `[]`
fn is_empty_size(program: &Program<'_>, range: &Range<usize>) -> bool {
    program
        .slice(range)
        .chars()
        .all(|letter| matches!(letter, '[' | ']' | ' '))
}

/// Bytes of the variable array sizes in the typedefs that local definition `hoist` declares.
fn variable_sizes(program: &Program<'_>, hoist: HoistId) -> Vec<Range<usize>> {
    let mut sizes = Vec::new();
    for entity in typedefs(program, hoist) {
        let Some(declared) = &program.entities[entity].declared else {
            continue;
        };
        for index in variable_dimensions(program, entity) {
            if let Layer::Array(range) = &declared.layers[index] {
                sizes.push(range.clone());
            }
        }
    }
    sizes
}

/// The typedef names that local definition `hoist` declares.
pub fn typedefs(program: &Program<'_>, hoist: HoistId) -> Vec<EntityId> {
    let all = program.entities.iter().enumerate();
    let own =
        all.filter(|(_, found)| found.kind == EntityKind::Typedef && found.hoist == Some(hoist));
    own.map(|(id, _)| id).collect()
}

/// Whether `entity`'s declaration can be written a second time with the same meaning.
pub fn is_spellable(program: &Program<'_>, entity: EntityId) -> bool {
    let found = &program.entities[entity];
    let Some(declared) = &found.declared else {
        return false;
    };
    let hidden_array = found.kind == EntityKind::Parameter
        && declared.layers.is_empty()
        && matches!(
            program.layers(entity).0.first(),
            Some(Layer::Array(_) | Layer::Function)
        );
    let unsized_array = matches!(declared.layers.first(), Some(Layer::Array(range)) if is_empty_size(program, range))
        && found.kind != EntityKind::Parameter;
    (declared.untagged_body.is_none() || declared.hoist.is_some())
        && declared.inferred.is_none()
        && !hidden_array
        && !unsized_array
        && variable_dimensions(program, entity).is_empty()
}
