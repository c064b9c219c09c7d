//! Reductions: private copies of variables and array sections, what they start with, and how they are combined.
//!
//! An operator is one of the language's (combiners and identities of cape.h), or one of `declare reduction`
//! ([`super::super::reductions`]), which is chosen by the type of the list item when the host compiler reads the translation:
//! the translator knows no types.

use std::ops::Range;

use super::super::code::Code;
use super::super::directive::{Item, Operator};
use super::super::program::{Base, EntityId, Layer, Private};
use super::super::reductions;
use super::Lowerer;
use super::environment::section_of;

/// What the reduction of one list item needs to know; all are expressions of C, valid where the copy is in scope.
pub(super) struct Reduced {
    /// Address of the copy's first element.
    pub copy: String,
    /// An element of the copy.
    pub element: String,
    /// The number of elements.
    pub count: String,
    /// The combiner, a `cape_combiner`.
    pub combiner: String,
    /// For an operator of `declare reduction`: the function that gives copies their first value.
    pub initialiser: Option<String>,
}

/// `call` of the address of a variable's value. The variable itself must not be known outside: the host compiler would keep it in
/// memory during the loop.
pub(super) fn handed_over(name: &str, call: impl Fn(&str) -> String) -> String {
    let value = format!("cape_value_{name}");
    format!(
        "{{\n    __typeof__({name}) {value} = {name};\n    {}\n}}",
        call(&format!("&{value}"))
    )
}

impl Lowerer<'_, '_> {
    /// The parts of `private`'s reduction; `None`: it is none.
    pub(super) fn reduced(&self, private: &Private) -> Option<Reduced> {
        let (operator, item) = private.reduction.as_ref()?;
        let name = &self.program.entities[private.entity].name;
        let (copy, element, count) = if !item.sections.is_empty() {
            let element = self.part_element(private.entity, item);
            let part = format!("cape_part_{name}");
            let count = format!("sizeof {part} / sizeof {element}");
            (part, element, count)
        } else if self.program.is_array(private.entity) {
            let element = self.element(private.entity);
            let count = format!("sizeof {name} / sizeof {element}");
            (format!("&{name}"), element, count)
        } else {
            (format!("&{name}"), name.clone(), "1".to_owned())
        };
        let declared = self.declared(*operator, private.entity, item);
        let combiner = match declared.is_empty() {
            true => format!("CAPE_COMBINER({}, {element})", operator.name()),
            false => reductions::chosen(self.program, &declared, &element, "combine"),
        };
        let initialiser = (!declared.is_empty())
            .then(|| reductions::chosen(self.program, &declared, &element, "initialise"));
        Some(Reduced {
            copy,
            element,
            count,
            combiner,
            initialiser,
        })
    }

    /// The `declare reduction` directives that `operator` may mean for a list item, innermost first; none: the language's own.
    pub(super) fn declared(&self, operator: Operator, entity: EntityId, item: &Item) -> Vec<usize> {
        let arithmetic = matches!(
            self.program.layers(entity).1,
            Base::Arithmetic | Base::Complex
        );
        if arithmetic && !matches!(operator, Operator::User(..)) {
            return Vec::new();
        }
        reductions::visible(self.program, operator, item.name.start)
    }

    /// Addresses and sizes of an array section: the lower bound, the number of its parts, and the address of the first.
    pub(super) fn section_original(&mut self, name: &str, outer: &str, item: &Item) -> Code {
        let mut code = Code::default();
        let mut path = outer.to_owned();
        let mut lengths = Vec::new();
        for (level, section) in item.sections.iter().enumerate() {
            let suffix = match level {
                0 => String::new(),
                _ => format!("_{}", level + 1),
            };
            let low = format!("cape_low_{name}{suffix}");
            let length = format!("cape_len_{name}{suffix}");
            code.text(format!("const long {low} = "));
            code.append(
                section
                    .lower
                    .as_ref()
                    .map_or_else(|| Code::made("0"), |range| self.parenthesized(range)),
            );
            code.text(format!(";\nconst unsigned long {length} = "));
            code.append(match (&section.length, section.single) {
                (Some(range), _) => self.parenthesized(range),
                (None, true) => Code::made("1"),
                (None, false) => Code::made(format!("sizeof {path} / sizeof {path}[0] - {low}")),
            });
            code.text(";\n");
            path = format!("{path}[{low}]");
            lengths.push(length);
        }
        code.text(format!(
            "__typeof__({path}) *const cape_orig_{name} = &{path};"
        ));
        if lengths.len() > 1 {
            code.text(format!(
                "\nconst unsigned long cape_len_{name}_all = {};\nconst long cape_off_{name} = (char *)cape_orig_{name} - (char *)&{outer}[0];\ntypedef __typeof__({outer}[0]) cape_row_{name};",
                lengths.join(" * ")
            ));
        }
        code
    }

    /// An expression of the user's in parentheses.
    pub(super) fn parenthesized(&mut self, range: &Range<usize>) -> Code {
        let mut code = Code::made("(");
        code.append(self.user(range));
        code.text(")");
        code
    }

    /// The declaration of a reduction's copy with its first value; `declaration` is `T name`.
    pub(super) fn reduction_copy(&self, private: &Private, declaration: &str) -> String {
        let (operator, item) = private
            .reduction
            .as_ref()
            .expect("called for reductions only");
        let name = &self.program.entities[private.entity].name;
        let reduced = self.reduced(private).expect("it is a reduction");
        let scalar = item.sections.is_empty() && !self.program.is_array(private.entity);
        let declaration = match item.sections.len() {
            0 if scalar && reduced.initialiser.is_none() => {
                return format!(
                    "{declaration} = CAPE_IDENTITY({}, {name});",
                    operator.name()
                );
            }
            0 => format!("{declaration};"),
            1 => format!(
                "__typeof__(*cape_orig_{name}) cape_part_{name}[cape_len_{name}];\n__typeof__(*cape_orig_{name}) *const {name} = cape_part_{name} - cape_low_{name};"
            ),
            _ => format!(
                "__typeof__(*cape_orig_{name}) cape_part_{name}[cape_len_{name}_all];\ncape_row_{name} *const {name} = (cape_row_{name} *)(void *)((char *)cape_part_{name} - cape_off_{name});"
            ),
        };
        format!("{declaration}\n{}", self.starting(private, &reduced))
    }

    /// Gives the copy, which is declared, its first value.
    pub(super) fn starting(&self, private: &Private, reduced: &Reduced) -> String {
        let Some((operator, item)) = &private.reduction else {
            return String::new();
        };
        let name = &self.program.entities[private.entity].name;
        let Reduced {
            copy,
            element,
            count,
            ..
        } = reduced;
        if let Some(initialiser) = &reduced.initialiser {
            let declared = self.declared(*operator, private.entity, item);
            let fits = reductions::fits(self.program, &declared, element);
            return format!(
                "_Static_assert({fits}, \"no 'declare reduction' of this name is for the type of '{name}'\");\n{initialiser}((void *){copy}, (const void *)cape_orig_{name}, {count});"
            );
        }
        if count == "1" {
            return format!("{name} = CAPE_IDENTITY({}, {name});", operator.name());
        }
        let array = copy.trim_start_matches('&');
        format!(
            "unsigned long cape_k_{name};\nfor (cape_k_{name} = 0; cape_k_{name} < {count}; ++cape_k_{name})\n    \
             ((__typeof__({element}) *){array})[cape_k_{name}] = CAPE_IDENTITY({}, {element});",
            operator.name()
        )
    }

    /// Whether the variable is an array, as far as its declaration tells.
    pub(super) fn may_be_array(&self, entity: EntityId) -> bool {
        self.program.is_array(entity) || self.program.layers(entity).1 == Base::Unknown
    }

    /// The first scalar of an array variable.
    fn element(&self, entity: EntityId) -> String {
        let arrays = self.arrays(entity, 0);
        format!(
            "{}{}",
            self.program.entities[entity].name,
            "[0]".repeat(arrays)
        )
    }

    /// The first scalar of the copy of an array section.
    fn part_element(&self, entity: EntityId, item: &Item) -> String {
        let arrays = self.arrays(entity, item.sections.len());
        format!(
            "cape_part_{}[0]{}",
            self.program.entities[entity].name,
            "[0]".repeat(arrays)
        )
    }

    /// Dimensions of `entity`'s array type after the first `skipped` steps from its name.
    pub(super) fn arrays(&self, entity: EntityId, skipped: usize) -> usize {
        let layers = self.program.layers(entity).0;
        layers
            .iter()
            .skip(skipped)
            .take_while(|layer| matches!(layer, Layer::Array(_)))
            .count()
    }

    /// Hands a copy to the runtime, which combines it into the original.
    pub(super) fn reduction(&self, private: &Private, site: &str) -> Option<String> {
        let reduced = self.reduced(private)?;
        let name = &self.program.entities[private.entity].name;
        let call = |copy: &str| {
            format!(
                "cape_reduce(&{site}, (void *)cape_orig_{name}, {copy}, sizeof {}, {}, {});",
                reduced.element, reduced.count, reduced.combiner
            )
        };
        let whole = section_of(private).is_none() && !private.tasks;
        Some(match whole && !self.may_be_array(private.entity) {
            true => handed_over(name, |value| call(value)),
            false => call(&reduced.copy),
        })
    }
}
