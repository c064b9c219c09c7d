//! `threadprivate` (OpenMP 5.2 section 5.2): variables of which every thread has its own for the whole program.
//!
//! They become thread-local variables of C, which is all that is needed: a thread of a team is a thread of its rank and lives as
//! long as the program. Thread-local memory is not part of the image, so nothing of it travels except by `copyin`.

use std::collections::HashSet;
use std::ops::Range;

use super::code::{Code, Piece};
use super::directive::{ClauseKind, Directive, Item, ListKind};
use super::lower::Translated;
use super::problem::Problem;
use super::program::{EntityId, EntityKind, Program};
use super::tokens::tokens_within;

/// Marks the variables that `directives` name, and reports what cannot be threadprivate.
pub fn mark(program: &mut Program<'_>, directives: &[Directive], problems: &mut Vec<Problem>) {
    for directive in directives {
        for item in items(directive) {
            mark_item(program, directive, item, problems);
        }
    }
    check_clauses(program, problems);
}

fn items(directive: &Directive) -> impl Iterator<Item = &Item> {
    directive
        .clauses
        .iter()
        .flat_map(|clause| match &clause.kind {
            ClauseKind::List(ListKind::Threadprivate, items) => items.as_slice(),
            _ => &[],
        })
}

fn mark_item(
    program: &mut Program<'_>,
    directive: &Directive,
    item: &Item,
    problems: &mut Vec<Problem>,
) {
    let name = program.slice(&item.name).to_owned();
    let at = item.name.start;
    let inside = program
        .functions
        .iter()
        .any(|function| function.range.contains(&at));
    if inside {
        let problem = Problem::new(
            directive.range.clone(),
            format!("'{name}': threadprivate variables of a function are not supported yet"),
        )
        .note("move the variable and its directive to file scope");
        problems.push(problem);
        return;
    }
    let named = |id: &EntityId| {
        let found = &program.entities[*id];
        found.kind == EntityKind::Global && found.name == name
    };
    let all: Vec<EntityId> = (0..program.entities.len()).filter(named).collect();
    let declared_before = all.iter().any(|id| program.entities[*id].place.end <= at);
    if !declared_before {
        let message =
            format!("'{name}' in 'threadprivate' is no variable declared before at file scope");
        problems.push(Problem::new(item.name.clone(), message));
        return;
    }
    let used = program.uses.iter().find(|found| {
        all.contains(&found.entity) && found.range.start < at && found.scope.is_some()
    });
    if let Some(used) = used {
        let message = format!("'{name}' is used before it is made threadprivate");
        problems.push(
            Problem::new(item.name.clone(), message).related(used.range.clone(), "used here"),
        );
    }
    for id in all {
        program.entities[id].threadprivate = true;
    }
}

/// Sections 5.2 and 5.7.1: threadprivate variables are for `copyin`, and only they.
fn check_clauses(program: &Program<'_>, problems: &mut Vec<Problem>) {
    for construct in &program.constructs {
        for (entity, place) in &construct.copyin {
            let found = &program.entities[*entity];
            if !found.threadprivate {
                let message = format!("'{}' in 'copyin' is not threadprivate", found.name);
                let problem = Problem::new(place.clone(), message)
                    .note("use firstprivate for a variable that is private to the construct");
                problems.push(problem);
            }
        }
        for entity in &construct.listed {
            let found = &program.entities[*entity];
            if found.threadprivate && !construct.combined {
                let directive = &program.directives[construct.directive];
                let message = format!(
                    "'{}' is threadprivate and can be in no data-sharing clause but 'copyin'",
                    found.name
                );
                problems.push(Problem::new(directive.range.clone(), message));
            }
        }
    }
    let shared_declaration = |id: &EntityId| {
        let found = &program.entities[*id];
        found.threadprivate
            && neighbours(program, *id).any(|other| !program.entities[other].threadprivate)
    };
    for id in (0..program.entities.len()).filter(shared_declaration) {
        let found = &program.entities[id];
        let message = format!(
            "'{}' is declared together with variables that are not threadprivate",
            found.name
        );
        let problem =
            Problem::new(found.place.clone(), message).note("give it a declaration of its own");
        problems.push(problem);
    }
}

/// Variables declared by the same declaration.
fn neighbours<'p>(program: &'p Program<'_>, id: EntityId) -> impl Iterator<Item = EntityId> + 'p {
    let specifiers = specifiers(program, id);
    (0..program.entities.len()).filter(move |other| {
        let kind = program.entities[*other].kind;
        kind == EntityKind::Global
            && specifiers.is_some()
            && self::specifiers(program, *other) == specifiers
    })
}

fn specifiers(program: &Program<'_>, id: EntityId) -> Option<Range<usize>> {
    let declared = program.entities[id].declared.as_ref()?;
    Some(declared.specifiers.clone())
}

/// The declarations of the marked variables, made thread-local, and the directives, removed.
pub fn lower(program: &Program<'_>, directives: &[Directive]) -> Vec<Translated> {
    let marked = (0..program.entities.len()).filter(|id| program.entities[*id].threadprivate);
    let places: HashSet<Range<usize>> = marked.filter_map(|id| specifiers(program, id)).collect();
    let declarations = places
        .into_iter()
        .filter_map(|range| thread_local(program, range));
    let removed = directives.iter().map(|directive| Translated {
        range: directive.range.clone(),
        before: Code::default(),
        code: Code::default(),
    });
    declarations.chain(removed).collect()
}

/// `static double` as `static __thread double`.
fn thread_local(program: &Program<'_>, range: Range<usize>) -> Option<Translated> {
    let mut at = range.start;
    for token in tokens_within(program.text, range.clone()) {
        match token.text(program.text) {
            "__thread" | "_Thread_local" | "thread_local" => return None,
            "static" | "extern" => at = token.range.end,
            _ => {}
        }
    }
    let mut code = Code::default();
    if range.start < at {
        code.push(Piece::User(range.start..at));
        code.text(" __thread");
    } else {
        code.text("__thread ");
    }
    code.push(Piece::User(at..range.end));
    Some(Translated {
        range,
        before: Code::default(),
        code,
    })
}
