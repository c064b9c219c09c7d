//! Variables that no clause names and that a construct copies nevertheless: by `default(private)` and `default(firstprivate)`
//! (OpenMP 5.2 section 5.4.1), and on `target`, where scalars and pointers are firstprivate (section 5.8.1).

use super::super::directive::{
    ClauseKind, Default, DefaultMap, Directive, DirectiveKind, ListKind,
};
use super::super::problem::Problem;
use super::super::program::{
    Base, ConstructId, EntityId, EntityKind, Layer, Leaf, Private, Program,
};

/// The copy that construct `id` has of `entity`, which is used in it and which no clause of it names.
pub fn copy(program: &Program<'_>, id: ConstructId, entity: EntityId) -> Option<Private> {
    let construct = &program.constructs[id];
    let found = &program.entities[entity];
    if construct.listed.contains(&entity) || found.threadprivate {
        return None;
    }
    let directive = &program.directives[construct.directive];
    let first = if construct.leaf == Leaf::Target {
        maps_as_firstprivate(program, id, directive, entity).then_some(true)
    } else if construct.takes("default") {
        let global = found.kind == EntityKind::Global;
        match directive.default().filter(|_| !global) {
            Some(Default::Private) => Some(false),
            Some(Default::Firstprivate) => Some(true),
            _ => None,
        }
    } else {
        None
    }?;
    Some(Private {
        first,
        ..Private::of(entity)
    })
}

fn maps_as_firstprivate(
    program: &Program<'_>,
    id: ConstructId,
    directive: &Directive,
    entity: EntityId,
) -> bool {
    if program.constructs[id].bases.contains(&entity) {
        return !program.on_device.contains(&entity);
    }
    match behaviour(program, directive, entity) {
        DefaultMap::Mapped | DefaultMap::None => false,
        DefaultMap::Firstprivate => true,
        DefaultMap::Default => {
            category(program, entity) != "aggregate" && !program.on_device.contains(&entity)
        }
    }
}

fn behaviour(program: &Program<'_>, directive: &Directive, entity: EntityId) -> DefaultMap {
    let own = category(program, entity);
    let given = |wanted: &str| {
        directive.find(|kind| match kind {
            ClauseKind::Defaultmap(behaviour, category) if *category == wanted => Some(*behaviour),
            _ => None,
        })
    };
    given(own)
        .or_else(|| given("all"))
        .unwrap_or(DefaultMap::Default)
}

/// `defaultmap(none)`: the message about `entity`, used in construct `id` of that clause and named by no other.
pub fn unmapped(program: &Program<'_>, id: ConstructId, entity: EntityId) -> Option<String> {
    let construct = &program.constructs[id];
    let directive = &program.directives[construct.directive];
    let found = &program.entities[entity];
    let none = construct.leaf == Leaf::Target
        && !construct.listed.contains(&entity)
        && !construct.bases.contains(&entity)
        && !program.on_device.contains(&entity)
        && behaviour(program, directive, entity) == DefaultMap::None;
    none.then(|| {
        format!(
            "'{}' is not in a map or data-sharing clause of this defaultmap(none) construct",
            found.name
        )
    })
}

/// The category of `defaultmap` that a variable is in.
fn category(program: &Program<'_>, entity: EntityId) -> &'static str {
    if program.is_pointer(entity) {
        return "pointer";
    }
    let (layers, base) = program.layers(entity);
    let plain = !matches!(layers.first(), Some(Layer::Array(_) | Layer::Function));
    match base {
        Base::Record | Base::Unknown => "aggregate",
        _ if plain => "scalar",
        _ => "aggregate",
    }
}

/// Notes the variables that `declare target` puts on devices: those of its lists, and those declared between it and its end.
pub fn mark(program: &mut Program<'_>, directives: &[Directive], problems: &mut Vec<Problem>) {
    let mut open: Vec<&Directive> = Vec::new();
    for directive in directives {
        match directive.kind {
            DirectiveKind::DeclareTarget => {
                let listed = list(program, directive);
                if listed.is_empty() {
                    open.push(directive);
                }
                program.on_device.extend(listed);
            }
            DirectiveKind::EndDeclareTarget => match open.pop() {
                Some(begin) => {
                    let inside = begin.range.end..directive.range.start;
                    let declared = (0..program.entities.len())
                        .filter(|id| inside.contains(&program.entities[*id].place.start));
                    let names: Vec<String> = declared
                        .map(|id| program.entities[id].name.clone())
                        .collect();
                    let same = |id: &EntityId| names.contains(&program.entities[*id].name);
                    let all: Vec<EntityId> = (0..program.entities.len())
                        .filter(|id| program.entities[*id].kind == EntityKind::Global)
                        .filter(same)
                        .collect();
                    program.on_device.extend(all);
                }
                None => problems.push(Problem::new(
                    directive.range.clone(),
                    "'#pragma omp end declare target' without a 'declare target' before it",
                )),
            },
            _ => {}
        }
    }
    for directive in open {
        let problem = Problem::new(
            directive.range.clone(),
            "'#pragma omp declare target' has neither a list nor an 'end declare target'",
        );
        problems.push(problem);
    }
}

/// What the lists of a `declare target` name.
fn list(program: &Program<'_>, directive: &Directive) -> Vec<EntityId> {
    let items = directive
        .clauses
        .iter()
        .flat_map(|clause| match &clause.kind {
            ClauseKind::List(ListKind::Mapped(_), items) => items.as_slice(),
            _ => &[],
        });
    let named = |name: &str| {
        let program = &program;
        let name = name.to_owned();
        (0..program.entities.len()).filter(move |id| {
            let found = &program.entities[*id];
            let whole = matches!(
                found.kind,
                EntityKind::Global | EntityKind::Function | EntityKind::StaticLocal
            );
            whole && found.name == name
        })
    };
    items
        .flat_map(|item| named(program.slice(&item.name)).collect::<Vec<_>>())
        .collect()
}
