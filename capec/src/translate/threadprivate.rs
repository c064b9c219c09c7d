//! `threadprivate` (OpenMP 5.2 section 5.2): variables of which every thread has its own for the whole program.
//!
//! They become thread-local variables of C, which is all that is needed: a thread of a team is a thread of its rank and lives as
//! long as the program. Thread-local memory is not part of the image, so nothing of it travels except by `copyin`.

use std::collections::HashSet;
use std::ops::Range;

use super::code::{Code, Piece};
use super::declare::{self, respelled};
use super::directive::{ClauseKind, Directive, Item, ListKind};
use super::lower::Translated;
use super::problem::Problem;
use super::program::{EntityId, EntityKind, FunctionId, Program};
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
        .position(|function| function.range.contains(&at));
    if let Some(function) = inside {
        let near = (0..program.entities.len()).filter(|id| {
            let found = &program.entities[*id];
            found.kind == EntityKind::StaticLocal
                && found.function == Some(function)
                && found.name == name
                && found.place.end <= at
        });
        match near.max_by_key(|id| program.entities[*id].place.start) {
            Some(id) => program.entities[id].threadprivate = true,
            None => {
                let message = format!(
                    "'{name}' in 'threadprivate' is no static variable declared before in this function"
                );
                let problem = Problem::new(item.name.clone(), message)
                    .related(directive.range.clone(), "the directive");
                problems.push(problem);
            }
        }
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
    let again = |id: &EntityId| {
        let found = &program.entities[*id];
        found.kind == EntityKind::StaticLocal && found.name == name && is_extern(program, *id)
    };
    let again: Vec<EntityId> = (0..program.entities.len()).filter(again).collect();
    for id in all.into_iter().chain(again) {
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
                let items = directive
                    .clauses
                    .iter()
                    .flat_map(|clause| match &clause.kind {
                        ClauseKind::List(_, items) => items.as_slice(),
                        _ => &[],
                    });
                let named = items
                    .map(|item| item.name.clone())
                    .find(|place| program.slice(place) == found.name);
                let place = named.unwrap_or(directive.range.clone());
                problems.push(Problem::new(place, message));
            }
        }
    }
    for range in declarations(program) {
        let members = members(program, &range);
        let local = members
            .iter()
            .any(|id| program.entities[*id].kind == EntityKind::StaticLocal);
        let apart = !local && splittable(program, &range, &members);
        if !is_mixed(program, &members) || apart {
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
    let file_scope = |range: &Range<usize>| {
        !program
            .functions
            .iter()
            .any(|function| function.body.contains(&range.start))
    };
    let declarations = declarations(program)
        .into_iter()
        .filter(file_scope)
        .flat_map(|range| thread_local_declaration(program, range));
    let removed = directives
        .iter()
        .filter(|directive| file_scope(&directive.range))
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

fn is_extern(program: &Program<'_>, id: EntityId) -> bool {
    let range = specifiers(program, id);
    range.is_some_and(|range| {
        let words = tokens_within(program.text, range);
        words.iter().any(|word| word.text(program.text) == "extern")
    })
}

/// Whether `id` is a threadprivate variable of a function, which is declared before the function.
pub fn is_moved(program: &Program<'_>, id: EntityId) -> bool {
    let found = &program.entities[id];
    found.threadprivate && found.kind == EntityKind::StaticLocal
}

/// The name of a threadprivate variable of a function before that function; `None`: its own.
pub fn moved_name(program: &Program<'_>, id: EntityId) -> Option<String> {
    let name = &program.entities[id].name;
    (is_moved(program, id) && !is_extern(program, id)).then(|| format!("cape_private_{name}_{id}"))
}

/// The threadprivate variables of a function: for each declaration its bytes, and what stands before the function instead.
pub fn moved(program: &Program<'_>, function: FunctionId) -> Vec<(Range<usize>, String)> {
    let own =
        |id: &EntityId| is_moved(program, *id) && program.entities[*id].function == Some(function);
    let mut ranges: Vec<Range<usize>> = (0..program.entities.len())
        .filter(own)
        .filter_map(|id| specifiers(program, id))
        .collect();
    ranges.sort_by_key(|range| range.start);
    ranges.dedup();
    let mut all = Vec::new();
    for range in ranges {
        let mut text = String::new();
        let mut end = range.end;
        for id in members(program, &range) {
            let Some(declared) = &program.entities[id].declared else {
                continue;
            };
            end = end_of_declarator(program, declared.declarator.end);
            let class = if is_extern(program, id) {
                "extern"
            } else {
                "static"
            };
            let name = moved_name(program, id).unwrap_or_else(|| program.entities[id].name.clone());
            let initializer = respelled(program, &(declared.declarator.end..end), None, &[]);
            text.push_str(&format!(
                "{class} __thread {} {} {initializer};\n",
                declare::specifiers(program, id, None),
                declare::declarator(program, id, &name, &[], None)
            ));
        }
        let semicolon = program.tokens[first_at(program.tokens, end)].range.end;
        all.push((range.start..semicolon, text));
    }
    all
}

/// The `,` or `;` behind a declarator that ends at `from`, its initializer included.
fn end_of_declarator(program: &Program<'_>, from: usize) -> usize {
    let mut depth = 0_usize;
    for token in &program.tokens[first_at(program.tokens, from)..] {
        match token.text(program.text) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," | ";" if depth == 0 => return token.range.start,
            _ => {}
        }
    }
    from
}
