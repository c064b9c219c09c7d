//! Repeats declarations: the type of a captured or private variable is spelled again, with another declared name.

use std::ops::Range;

use super::constant;
use super::program::{AUTO_TYPE, ConstructId, EntityId, EntityKind, HoistId, Layer, Program};
use super::sharing::{typedefs, variable_dimensions};
use super::threadprivate;
use super::tokens::{TokenKind, closing, first_at, is_word_part, tokens_within};

/// How a variable is reached inside a region that captures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its value was copied at entry.
    Value,
    /// Through a pointer of its name.
    Pointer,
}

/// How region `id` reaches `entity`, which it captures and shares.
pub fn access(program: &Program<'_>, id: ConstructId, entity: EntityId) -> Access {
    if program.constructs[id].leaf.makes_tasks() {
        return task_access(program, id, entity);
    }
    let written = program.constructs[id]
        .captures
        .get(&entity)
        .copied()
        .unwrap_or(true);
    if !written && program.fits_register(entity) {
        Access::Value
    } else {
        Access::Pointer
    }
}

/// A task may run while others write what it shares: it is given the value only of what nobody ever writes, and of what the region
/// around it has as a value.
fn task_access(program: &Program<'_>, id: ConstructId, entity: EntityId) -> Access {
    let found = &program.entities[entity];
    if !found.assigned && program.fits_register(entity) {
        return Access::Value;
    }
    let mut next = program.constructs[id].parent;
    while let Some(outer) = next.filter(|_| next != found.home) {
        let construct = &program.constructs[outer];
        if construct.treatment(entity).is_some() {
            break;
        }
        if construct.leaf.is_region() && construct.captures.contains_key(&entity) {
            return access(program, outer, entity);
        }
        next = construct.parent;
    }
    Access::Pointer
}

/// How a use of `entity` is spelled in the data environment of `scope`; `None`: as the user did.
pub fn spelled(
    program: &Program<'_>,
    entity: EntityId,
    scope: Option<ConstructId>,
) -> Option<String> {
    let found = &program.entities[entity];
    if !found.kind.is_variable() {
        return None;
    }
    if threadprivate::is_moved(program, entity) {
        return threadprivate::moved_name(program, entity);
    }
    let mut next = scope;
    while let Some(id) = next.filter(|_| next != found.home) {
        let construct = &program.constructs[id];
        if let Some(private) = construct.treatment(entity) {
            return private
                .taken_part_in(construct.leaf)
                .then(|| format!("(*{})", found.name));
        }
        if construct.leaf.is_region() && construct.captures.contains_key(&entity) {
            let pointer = access(program, id, entity) == Access::Pointer;
            return pointer.then(|| format!("(*{})", found.name));
        }
        next = construct.parent;
    }
    None
}

/// `entity` as an expression in `scope`.
pub fn expression(program: &Program<'_>, entity: EntityId, scope: Option<ConstructId>) -> String {
    spelled(program, entity, scope).unwrap_or_else(|| program.entities[entity].name.clone())
}

/// The user's text on one line, without markers, with some ranges replaced and uses spelled for `scope`.
pub fn respelled(
    program: &Program<'_>,
    range: &Range<usize>,
    scope: Option<ConstructId>,
    replaced: &[(Range<usize>, String)],
) -> String {
    let mut out = String::new();
    let mut index = first_at(program.tokens, range.start);
    let mut before: Option<usize> = None;
    while let Some(token) = program
        .tokens
        .get(index)
        .filter(|token| token.range.start < range.end)
    {
        index += 1;
        if token.kind == TokenKind::Directive {
            continue;
        }
        let edit = replaced
            .iter()
            .find(|(range, _)| range.contains(&token.range.start));
        let word = match edit {
            Some((range, text)) if range.start == token.range.start => text.clone(),
            Some(_) => String::new(),
            None => use_at(program, token.range.start, scope)
                .unwrap_or_else(|| token.text(program.text).to_owned()),
        };
        let apart = before.is_some_and(|end| end < token.range.start);
        let glued = out.bytes().last().is_some_and(is_word_part)
            && word.bytes().next().is_some_and(is_word_part);
        if (apart || glued) && !word.is_empty() && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        out.push_str(&word);
        before = Some(token.range.end);
    }
    out.trim_end().to_owned()
}

/// Text of a pragma on one line, with uses spelled for the data environments they are evaluated in.
pub fn in_pragma(program: &Program<'_>, range: &Range<usize>) -> String {
    let mut out = String::new();
    let mut at = range.start;
    for token in &tokens_within(program.text, range.clone()) {
        if at < token.range.start {
            out.push(' ');
        }
        let uses = program.uses_in(&token.range);
        let found = uses
            .iter()
            .find_map(|found| spelled(program, found.entity, found.scope));
        out += &found.unwrap_or_else(|| token.text(program.text).to_owned());
        at = token.range.end;
    }
    out
}

fn use_at(program: &Program<'_>, offset: usize, scope: Option<ConstructId>) -> Option<String> {
    let found = program.uses_in(&(offset..offset + 1)).first()?;
    spelled(program, found.entity, scope)
}

/// Specifiers of `entity` without storage class and without the body of a type that is repeated elsewhere.
pub fn specifiers(program: &Program<'_>, entity: EntityId, scope: Option<ConstructId>) -> String {
    let Some(declared) = &program.entities[entity].declared else {
        return "int".to_owned();
    };
    let mut replaced: Vec<(Range<usize>, String)> = declared
        .dropped
        .iter()
        .map(|range| (range.clone(), String::new()))
        .collect();
    replaced.extend(
        declared
            .tagged_body
            .clone()
            .map(|body| (body, String::new())),
    );
    if let (Some(body), Some(hoist)) = (declared.untagged_body.clone(), declared.hoist) {
        replaced.push((body, tag(hoist)));
    }
    if let Some(initializer) = &declared.inferred {
        let place = first_at(program.tokens, declared.specifiers.start);
        let word = program.tokens[place..]
            .iter()
            .find(|token| token.text(program.text) == AUTO_TYPE);
        // The comma makes a value of it: an array a pointer, without qualifiers (as __auto_type does).
        let variables: Vec<(Range<usize>, String)> = program
            .uses_in(initializer)
            .iter()
            .filter(|found| program.entities[found.entity].kind.is_variable())
            .filter(|found| variable_dimensions(program, found.entity).is_empty())
            .map(|found| (found.range.clone(), unnamed(program, found.entity, scope)))
            .collect();
        let value = respelled(program, initializer, scope, &variables);
        // The tree counts the `=` to the initializer.
        let value = value.trim_start().trim_start_matches('=');
        let of_value = format!("__typeof__(((void)0, ({value})))");
        replaced.extend(word.map(|word| (word.range.clone(), of_value)));
    }
    let text = respelled(program, &declared.specifiers, scope, &replaced);
    match chosen_attributes(program, entity, &OF_TYPES).as_str() {
        "" => text,
        changed => format!("__typeof__({text}{changed})"),
    }
}

/// An lvalue of the type of `entity`, never to be evaluated, that does not depend on which names are declared already.
fn unnamed(program: &Program<'_>, entity: EntityId, scope: Option<ConstructId>) -> String {
    let base = specifiers(program, entity, scope);
    let pointer = declarator(program, entity, "(*)", &[], scope);
    format!("(*({base} {pointer})0)")
}

/// The declarator of `entity` with `name` in place of its own; `dimensions` names variable array sizes by layer.
pub fn declarator(
    program: &Program<'_>,
    entity: EntityId,
    name: &str,
    dimensions: &[(usize, String)],
    scope: Option<ConstructId>,
) -> String {
    let found = &program.entities[entity];
    let Some(declared) = &found.declared else {
        return name.to_owned();
    };
    let adjusted = found.kind == EntityKind::Parameter
        && matches!(
            declared.layers.first(),
            Some(Layer::Array(_) | Layer::Function)
        );
    let name = if adjusted {
        format!("(*{name})")
    } else {
        name.to_owned()
    };
    let mut replaced = vec![(found.place.clone(), name)];
    let attributes = attribute_groups(program, entity).into_iter();
    replaced.extend(
        attributes
            .filter(|range| declared.declarator.contains(&range.start))
            .map(|range| (range, String::new())),
    );
    for (index, layer) in declared.layers.iter().enumerate() {
        let Layer::Array(range) = layer else { continue };
        if adjusted && index == 0 {
            replaced.push((range.clone(), String::new()));
        } else if let Some((_, size)) = dimensions.iter().find(|(layer, _)| *layer == index) {
            replaced.push((range.clone(), format!("[{size}]")));
        }
    }
    respelled(program, &declared.declarator, scope, &replaced)
}

/// The attributes in a variable's declaration that its copies have to have, too: its alignment.
pub fn attributes(program: &Program<'_>, entity: EntityId) -> String {
    let mut text = chosen_attributes(program, entity, &["aligned", "__aligned__"]);
    let Some(declared) = &program.entities[entity].declared else {
        return text;
    };
    // `_Alignas` may not be repeated where a type alone is spelled.
    let start = first_at(program.tokens, declared.specifiers.start);
    let end = first_at(program.tokens, declared.specifiers.end);
    for index in start..end {
        if program.tokens[index].text(program.text) != "_Alignas" {
            continue;
        }
        if let Some(close) = closing(program.text, program.tokens, index + 1) {
            let inside = program.tokens[index + 1].range.end..program.tokens[close].range.start;
            let argument = program.slice(&inside);
            text += &match constant::value(argument) {
                Some(_) => format!(" __attribute__((aligned({argument})))"),
                None => format!(" __attribute__((aligned(__alignof__({argument}))))"),
            };
        }
    }
    text
}

/// Attributes of a declaration that have one of the names `wanted`.
fn chosen_attributes(program: &Program<'_>, entity: EntityId, wanted: &[&str]) -> String {
    let mut text = String::new();
    for range in attribute_groups(program, entity) {
        let words = tokens_within(program.text, range.clone());
        if words
            .iter()
            .any(|word| wanted.contains(&word.text(program.text)))
        {
            text += " ";
            text += &respelled(program, &range, None, &[]);
        }
    }
    text
}

/// Bytes of the attributes before and after a declaration's specifiers, and after its declarator.
fn attribute_groups(program: &Program<'_>, entity: EntityId) -> Vec<Range<usize>> {
    let Some(declared) = &program.entities[entity].declared else {
        return Vec::new();
    };
    let word = |index: usize| {
        let token = program.tokens.get(index);
        token.map_or("", |token| token.text(program.text))
    };
    let mut groups: Vec<Range<usize>> = Vec::new();
    let declarator = first_at(program.tokens, declared.declarator.start);
    let end = first_at(program.tokens, declared.declarator.end);
    let inside = (declarator..end).find(|index| ATTRIBUTE.contains(&word(*index)));
    for start in [
        first_at(program.tokens, declared.specifiers.end),
        inside.unwrap_or(end),
    ] {
        let mut at = start;
        while ATTRIBUTE.contains(&word(at)) {
            let Some(close) = closing(program.text, program.tokens, at + 1) else {
                break;
            };
            groups.push(at..close + 1);
            at = close + 1;
        }
    }
    let mut at = first_at(program.tokens, declared.specifiers.start);
    while at > 0 && word(at - 1) == ")" {
        let open = (0..at).rev().find(|open| {
            ATTRIBUTE.contains(&word(*open))
                && closing(program.text, program.tokens, open + 1) == Some(at - 1)
        });
        let Some(open) = open else { break };
        groups.push(open..at);
        at = open;
    }
    groups.sort_by_key(|group| group.start);
    groups.dedup();
    let bytes = |group: Range<usize>| {
        program.tokens[group.start].range.start..program.tokens[group.end - 1].range.end
    };
    groups.into_iter().map(bytes).collect()
}

/// What attributes begin with.
const ATTRIBUTE: [&str; 2] = ["__attribute__", "__attribute"];

/// Attributes that make a type another one.
const OF_TYPES: [&str; 4] = ["vector_size", "__vector_size__", "mode", "__mode__"];

/// Sizes of the variable dimensions of `entity`, as expressions in `scope`, by layer. A typedef's are found through a null
/// pointer that is never followed.
pub fn dimension_values(
    program: &Program<'_>,
    entity: EntityId,
    scope: Option<ConstructId>,
) -> Vec<(usize, String)> {
    let found = &program.entities[entity];
    let Some(declared) = &found.declared else {
        return Vec::new();
    };
    let wanted = variable_dimensions(program, entity);
    let mut path = match found.kind {
        EntityKind::Typedef => format!("(*({} *)0)", found.name),
        _ => expression(program, entity, scope),
    };
    let mut values = Vec::new();
    for (index, layer) in declared.layers.iter().enumerate() {
        if wanted.contains(&index) {
            values.push((index, format!("sizeof {path} / sizeof {path}[0]")));
        }
        match layer {
            Layer::Function => break,
            Layer::Array(_) | Layer::Pointer { .. } => path = format!("{path}[0]"),
        }
    }
    values
}

/// The name that holds the size of a variable dimension.
pub fn dimension_name(program: &Program<'_>, entity: EntityId, layer: usize) -> String {
    format!("cape_dim_{}_{}", program.entities[entity].name, layer + 1)
}

/// The tag that a local type without one is given, so that it can be named in two functions.
pub fn tag(hoist: HoistId) -> String {
    format!("cape_type_{}", hoist + 1)
}

/// A local type or prototype, to be repeated in `scope`.
pub fn hoisted(program: &Program<'_>, hoist: HoistId, scope: Option<ConstructId>) -> String {
    let found = &program.hoists[hoist];
    let end = if found.terminate { ";" } else { "" };
    let mut replaced: Vec<(Range<usize>, String)> = Vec::new();
    if let Some(brace) = &found.untagged {
        replaced.push((brace.clone(), format!("{} {{", tag(hoist))));
    }
    for entity in typedefs(program, hoist) {
        let layers = program.entities[entity]
            .declared
            .as_ref()
            .map_or(&[][..], |declared| &declared.layers);
        for layer in variable_dimensions(program, entity) {
            if let Layer::Array(range) = &layers[layer] {
                replaced.push((
                    range.clone(),
                    format!("[{}]", dimension_name(program, entity, layer)),
                ));
            }
        }
    }
    format!(
        "{}{end}",
        respelled(program, &found.range, scope, &replaced)
    )
}
