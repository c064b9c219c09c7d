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
use super::tokens::{first_at, tokens_within};

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
    for range in declarations(program) {
        let members = members(program, &range);
        if !is_mixed(program, &members) || splittable(program, &range, &members) {
            continue;
        }
        for id in members {
            let found = &program.entities[id];
            if found.threadprivate {
                let message = format!(
                    "'{}' is declared together with variables that are not threadprivate",
                    found.name
                );
                let problem = Problem::new(found.place.clone(), message)
                    .note("give it a declaration of its own");
                problems.push(problem);
            }
        }
    }
}

/// The declarations that declare marked variables, each by its specifiers.
fn declarations(program: &Program<'_>) -> HashSet<Range<usize>> {
    let marked = (0..program.entities.len()).filter(|id| program.entities[*id].threadprivate);
    marked.filter_map(|id| specifiers(program, id)).collect()
}

/// What a declaration declares, in the order of the text.
fn members(program: &Program<'_>, range: &Range<usize>) -> Vec<EntityId> {
    let declares = |id: &EntityId| specifiers(program, *id).as_ref() == Some(range);
    let mut members: Vec<EntityId> = (0..program.entities.len()).filter(declares).collect();
    members.sort_by_key(|id| program.entities[*id].place.start);
    members
}

fn is_mixed(program: &Program<'_>, members: &[EntityId]) -> bool {
    members
        .iter()
        .any(|id| !program.entities[*id].threadprivate)
}

/// Whether every declarator can be given the specifiers anew: they define no type, and a comma comes before each but the first.
fn splittable(program: &Program<'_>, range: &Range<usize>, members: &[EntityId]) -> bool {
    !program.text[range.clone()].contains('{')
        && members
            .iter()
            .skip(1)
            .all(|id| comma(program, *id).is_some())
}

/// The comma before the declarator of an entity.
fn comma(program: &Program<'_>, id: EntityId) -> Option<Range<usize>> {
    let declarator = program.entities[id].declared.as_ref()?.declarator.start;
    let before = first_at(program.tokens, declarator).checked_sub(1)?;
    let token = &program.tokens[before];
    (token.text(program.text) == ",").then(|| token.range.clone())
}

fn specifiers(program: &Program<'_>, id: EntityId) -> Option<Range<usize>> {
    let declared = program.entities[id].declared.as_ref()?;
    Some(declared.specifiers.clone())
}

/// The declarations of the marked variables, made thread-local, and the directives, removed.
pub fn lower(program: &Program<'_>, directives: &[Directive]) -> Vec<Translated> {
    let declarations = declarations(program)
        .into_iter()
        .flat_map(|range| thread_local_declaration(program, range));
    let removed = directives
        .iter()
        .filter(|directive| !directive.is_for_host())
        .map(|directive| translated(directive.range.clone(), Code::default()));
    declarations.chain(removed).collect()
}

/// The specifiers of a declaration with marked variables, and the commas of one that has others too: `int a, b;` with `b` marked
/// becomes `int a; __thread int b;`.
fn thread_local_declaration(program: &Program<'_>, range: Range<usize>) -> Vec<Translated> {
    let members = members(program, &range);
    let Some(code) = thread_local(program, range.clone()) else {
        return Vec::new();
    };
    if !is_mixed(program, &members) {
        return vec![translated(range, code)];
    }
    let mut made = Vec::new();
    for (position, id) in members.into_iter().enumerate() {
        let specifiers = match program.entities[id].threadprivate {
            true => code.clone(),
            false => Code(vec![Piece::User(range.clone())]),
        };
        let place = if position == 0 {
            Some((range.clone(), Code::default()))
        } else {
            comma(program, id).map(|comma| (comma, Code::made("; ")))
        };
        if let Some((place, mut code)) = place {
            code.append(specifiers);
            made.push(translated(place, code));
        }
    }
    made
}

fn translated(range: Range<usize>, code: Code) -> Translated {
    Translated {
        range,
        before: Code::default(),
        code,
    }
}

/// `static double` as `static __thread double`; nothing if the user wrote that.
fn thread_local(program: &Program<'_>, range: Range<usize>) -> Option<Code> {
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
    Some(code)
}
