//! Data environments: addresses of originals, private copies, reductions and last values.

use super::super::code::Code;
use super::super::declare::{attributes, declarator, expression, specifiers};
use super::super::directive::Item;
use super::super::program::{Base, ConstructId, EntityId, Private};
use super::super::sharing::is_spellable;
use super::super::template::lines;
use super::Lowerer;
use super::reductions::handed_over;

impl Lowerer<'_, '_> {
    /// Pointers to the originals of copies, named `cape_orig_<name>`, declared around the copies.
    pub(super) fn originals(&mut self, id: ConstructId) -> Code {
        let mut all = Vec::new();
        for private in &self.program.constructs[id].private {
            if !private.needs_original() {
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

    /// Declarations of the copies.
    pub(super) fn copies(&mut self, id: ConstructId) -> Code {
        let group = self.task_group(id);
        lines([self.declared_copies(id), group])
    }

    /// The copies alone.
    pub(super) fn declared_copies(&self, id: ConstructId) -> Code {
        lines(
            self.program.constructs[id]
                .private
                .iter()
                .map(|private| Code::made(self.copy(id, private))),
        )
    }

    pub(super) fn copy(&self, id: ConstructId, private: &Private) -> String {
        let name = &self.program.entities[private.entity].name;
        let aligned = private.align.as_ref().map_or_else(String::new, |range| {
            format!(" __attribute__((aligned({})))", self.program.slice(range))
        });
        let declaration = || self.copy_declaration(id, private.entity, name) + &aligned;
        let mut text = match &private.reduction {
            Some(_) => self.reduction_copy(private, &declaration()),
            None if private.first || private.linear.is_some() => {
                self.first_copy(private.entity, &declaration())
            }
            None => format!("{};", declaration()),
        };
        if private.linear.is_some() {
            text += &format!("\nconst __typeof__({name}) cape_linear_{name} = {name};");
        }
        if private.conditional {
            text += &format!("\nunsigned long long cape_when_{name} = 0;");
        }
        text
    }

    /// `T name`, without an initializer.
    pub(super) fn copy_declaration(&self, id: ConstructId, entity: EntityId, name: &str) -> String {
        if is_spellable(self.program, entity) {
            let scope = Some(id);
            return format!(
                "{} {}{}",
                specifiers(self.program, entity, scope),
                declarator(self.program, entity, name, &[], scope),
                attributes(self.program, entity)
            );
        }
        let construct = &self.program.constructs[id];
        let known = construct.leaf.is_region() && construct.captures.contains_key(&entity);
        let original = if known {
            format!("*cape_orig_{}", self.program.entities[entity].name)
        } else {
            expression(self.program, entity, construct.parent)
        };
        format!(
            "__typeof__({original}) {name}{}",
            attributes(self.program, entity)
        )
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

    /// Reductions of all threads, then `last` and last values by the one that has them.
    pub(super) fn results(&mut self, id: ConstructId, mut last: Vec<Code>) -> Code {
        let site = self.site_name(id);
        let construct = &self.program.constructs[id];
        let mut all = vec![self.cancelled(id)];
        if construct.private.iter().any(|private| private.tasks) {
            all.push(Code::made(format!("cape_taskgroup_end(&{site});")));
        }
        all.extend(
            construct
                .private
                .iter()
                .filter_map(|private| self.reduction(private, &site))
                .map(Code::made),
        );
        let moved =
            |private: &&Private| (private.last || private.linear.is_some()) && !private.conditional;
        for private in construct
            .private
            .iter()
            .filter(|private| private.conditional)
        {
            let name = &self.program.entities[private.entity].name;
            all.push(Code::made(handed_over(name, |value| {
                format!("cape_assign_conditional(&{site}, (void *)cape_orig_{name}, (const void *){value}, sizeof {name}, cape_when_{name});")
            })));
        }
        if construct.private.iter().any(|private| moved(&private)) {
            for private in construct.private.iter().filter(moved) {
                let name = &self.program.entities[private.entity].name;
                let call = |value: &str| {
                    format!(
                        "cape_assign(&{site}, (void *)cape_orig_{name}, (const void *){value}, sizeof {name});"
                    )
                };
                last.push(Code::made(match self.may_be_array(private.entity) {
                    true => call(&format!("&{name}")),
                    false => handed_over(name, call),
                }));
            }
            let mut code = Code::made("if (cape_chunk.last) {\n    ");
            code.append(lines(last).indented("    "));
            code.text("\n}");
            all.push(code);
        }
        lines(all)
    }
}

/// The item of a reduction over an array section.
pub(super) fn section_of(private: &Private) -> Option<&Item> {
    private
        .reduction
        .as_ref()
        .map(|(_, item)| item)
        .filter(|item| !item.sections.is_empty())
}
