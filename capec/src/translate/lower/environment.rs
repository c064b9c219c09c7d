//! Data environments: addresses of originals, private copies, reductions and last values.

use std::ops::Range;

use super::super::code::Code;
use super::super::declare::{declarator, expression, specifiers};
use super::super::directive::{Item, Operator};
use super::super::program::{Base, ConstructId, EntityId, Layer, Private};
use super::super::sharing::is_spellable;
use super::super::template::lines;
use super::Lowerer;

impl Lowerer<'_, '_> {
    /// Pointers to the originals of copies, named `cape_orig_<name>`, declared around the copies.
    pub(super) fn originals(&mut self, id: ConstructId) -> Code {
        let mut all = Vec::new();
        for private in &self.program.constructs[id].private {
            if !private.first && !private.last && private.reduction.is_none() {
                continue;
            }
            let name = &self.program.entities[private.entity].name;
            let outer = expression(
                self.program,
                private.entity,
                self.program.constructs[id].parent,
            );
            all.push(match section_of(private) {
                None => Code::made(format!(
                    "__typeof__({outer}) *const cape_orig_{name} = &{outer};"
                )),
                Some(item) => self.section_original(name, &outer, item),
            });
        }
        lines(all)
    }

    /// For an array section: lower bound, length, and the address of the first element.
    pub(super) fn section_original(&mut self, name: &str, outer: &str, item: &Item) -> Code {
        let section = &item.sections[0];
        let mut code = Code::made(format!("const long cape_low_{name} = "));
        code.append(
            section
                .lower
                .as_ref()
                .map_or_else(|| Code::made("0"), |range| self.parenthesized(range)),
        );
        code.text(format!(";\nconst unsigned long cape_len_{name} = "));
        code.append(match (&section.length, section.single) {
            (Some(range), _) => self.parenthesized(range),
            (None, true) => Code::made("1"),
            (None, false) => Code::made(format!(
                "sizeof {outer} / sizeof {outer}[0] - cape_low_{name}"
            )),
        });
        code.text(format!(
            ";\n__typeof__({outer}[0]) *const cape_orig_{name} = &{outer}[cape_low_{name}];"
        ));
        code
    }

    /// An expression of the user's in parentheses.
    pub(super) fn parenthesized(&mut self, range: &Range<usize>) -> Code {
        let mut code = Code::made("(");
        code.append(self.user(range));
        code.text(")");
        code
    }

    /// Declarations of the copies.
    pub(super) fn copies(&self, id: ConstructId) -> Code {
        lines(
            self.program.constructs[id]
                .private
                .iter()
                .map(|private| Code::made(self.copy(id, private))),
        )
    }

    pub(super) fn copy(&self, id: ConstructId, private: &Private) -> String {
        let name = &self.program.entities[private.entity].name;
        let declaration = || self.copy_declaration(id, private.entity, name);
        match &private.reduction {
            Some((operator, item)) if !item.sections.is_empty() => {
                self.section_copy(private.entity, *operator)
            }
            Some((operator, _)) => self.reduction_copy(private.entity, &declaration(), *operator),
            None if private.first => self.first_copy(private.entity, &declaration()),
            None => format!("{};", declaration()),
        }
    }

    /// `T name`, without an initializer.
    pub(super) fn copy_declaration(&self, id: ConstructId, entity: EntityId, name: &str) -> String {
        if is_spellable(self.program, entity) {
            let scope = Some(id);
            return format!(
                "{} {}",
                specifiers(self.program, entity, scope),
                declarator(self.program, entity, name, &[], scope)
            );
        }
        let construct = &self.program.constructs[id];
        let known = construct.leaf.is_region() && construct.captures.contains_key(&entity);
        let original = if known {
            format!("*cape_orig_{}", self.program.entities[entity].name)
        } else {
            expression(self.program, entity, construct.parent)
        };
        format!("__typeof__({original}) {name}")
    }

    fn first_copy(&self, entity: EntityId, declaration: &str) -> String {
        let name = &self.program.entities[entity].name;
        if self.program.is_array(entity) || self.program.layers(entity).1 == Base::Unknown {
            format!(
                "{declaration};\n__builtin_memcpy((void *)&{name}, (const void *)cape_orig_{name}, sizeof {name});"
            )
        } else {
            format!("{declaration} = *cape_orig_{name};")
        }
    }

    fn reduction_copy(&self, entity: EntityId, declaration: &str, operator: Operator) -> String {
        let name = &self.program.entities[entity].name;
        if !self.program.is_array(entity) {
            return format!(
                "{declaration} = CAPE_IDENTITY({}, {name});",
                operator.name()
            );
        }
        format!(
            "{declaration};\n{}",
            identities(name, name, &self.element(entity), operator)
        )
    }

    /// The first scalar of an array variable.
    fn element(&self, entity: EntityId) -> String {
        let arrays = self
            .program
            .layers(entity)
            .0
            .iter()
            .take_while(|layer| matches!(layer, Layer::Array(_)))
            .count();
        format!(
            "{}{}",
            self.program.entities[entity].name,
            "[0]".repeat(arrays)
        )
    }

    /// The first scalar of the copy of an array section.
    fn part_element(&self, entity: EntityId) -> String {
        let layers = self.program.layers(entity).0;
        let arrays = layers
            .iter()
            .skip(1)
            .take_while(|layer| matches!(layer, Layer::Array(_)))
            .count();
        format!(
            "cape_part_{}[0]{}",
            self.program.entities[entity].name,
            "[0]".repeat(arrays)
        )
    }

    /// The copy of an array section: a pointer of the array's name into an array of the section's length.
    fn section_copy(&self, entity: EntityId, operator: Operator) -> String {
        let name = &self.program.entities[entity].name;
        let part = format!("cape_part_{name}");
        format!(
            "__typeof__(*cape_orig_{name}) {part}[cape_len_{name}];\n__typeof__(*cape_orig_{name}) *const {name} = {part} - cape_low_{name};\n{}",
            identities(name, &part, &self.part_element(entity), operator)
        )
    }

    /// Reductions of all threads, then `last` and last values by the one that has them.
    pub(super) fn results(&mut self, id: ConstructId, mut last: Vec<Code>) -> Code {
        let site = self.site_name(id);
        let construct = &self.program.constructs[id];
        let mut all = vec![self.cancelled(id)];
        all.extend(
            construct
                .private
                .iter()
                .filter_map(|private| self.reduction(private, &site))
                .map(Code::made),
        );
        if construct.private.iter().any(|private| private.last) {
            for private in construct.private.iter().filter(|private| private.last) {
                let name = &self.program.entities[private.entity].name;
                last.push(Code::made(format!("cape_assign(&{site}, (void *)cape_orig_{name}, (const void *)&{name}, sizeof {name});")));
            }
            let mut code = Code::made("if (cape_chunk.last) {\n    ");
            code.append(lines(last).indented("    "));
            code.text("\n}");
            all.push(code);
        }
        lines(all)
    }

    fn reduction(&self, private: &Private, site: &str) -> Option<String> {
        let (operator, item) = private.reduction.as_ref()?;
        let name = &self.program.entities[private.entity].name;
        let (partial, element, count) = if !item.sections.is_empty() {
            let element = self.part_element(private.entity);
            (
                format!("cape_part_{name}"),
                element.clone(),
                format!("sizeof cape_part_{name} / sizeof {element}"),
            )
        } else if self.program.is_array(private.entity) {
            let element = self.element(private.entity);
            (
                format!("&{name}"),
                element.clone(),
                format!("sizeof {name} / sizeof {element}"),
            )
        } else {
            (format!("&{name}"), name.clone(), "1".to_owned())
        };
        Some(format!(
            "cape_reduce(&{site}, (void *)cape_orig_{name}, {partial}, sizeof {element}, {count}, CAPE_COMBINER({}, {element}));",
            operator.name()
        ))
    }
}

/// Sets every element of `array` to the identity.
fn identities(name: &str, array: &str, element: &str, operator: Operator) -> String {
    format!(
        "unsigned long cape_k_{name};\nfor (cape_k_{name} = 0; cape_k_{name} < sizeof {array} / sizeof {element}; ++cape_k_{name})\n    \
         ((__typeof__({element}) *){array})[cape_k_{name}] = CAPE_IDENTITY({}, {element});",
        operator.name()
    )
}

/// The item of a reduction over an array section.
pub(super) fn section_of(private: &Private) -> Option<&Item> {
    private
        .reduction
        .as_ref()
        .map(|(_, item)| item)
        .filter(|item| !item.sections.is_empty())
}
