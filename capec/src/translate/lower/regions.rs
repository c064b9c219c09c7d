//! `parallel`: the call where the construct stands, and the function outlined from its body.

use super::super::code::{Code, Piece};
use super::super::declare::{
    Access, access, declarator, dimension_name, dimension_values, expression, hoisted, specifiers,
};
use super::super::directive::{ClauseKind, DirectiveKind};
use super::super::program::{ConstructId, EntityId, EntityKind, Layer};
use super::super::sharing::{is_spellable, typedefs};
use super::super::template::{self, lines};
use super::Lowerer;
use super::environment::section_of;

/// What a region is given, in the making.
#[derive(Default)]
pub(super) struct Environment {
    /// Addresses that the call passes.
    pub(super) addresses: Vec<String>,
    /// For each address, how much of what is there a task copies; `None`: nothing.
    pub(super) sizes: Vec<Option<String>>,
    /// Declarations in the region, each with the place of what it repeats.
    arguments: Vec<(usize, Code)>,
    /// Sizes of variable-length arrays, computed before the call.
    pub(super) dimensions: Vec<Code>,
}

impl Environment {
    /// Adds an address, its size and the declaration by which the region reaches it.
    pub(super) fn push(
        &mut self,
        place: usize,
        argument: String,
        address: String,
        size: Option<String>,
    ) {
        self.arguments.push((place, Code::made(argument)));
        self.addresses.push(address);
        self.sizes.push(size);
    }

    /// The declarations in the order of the source, so that each finds what it refers to.
    pub(super) fn into_arguments(mut self) -> Vec<Code> {
        self.arguments.sort_by_key(|(place, _)| *place);
        self.arguments.into_iter().map(|(_, code)| code).collect()
    }
}

/// A call of an outlined function, in parts.
pub(super) struct Region {
    /// Name of the function.
    pub(super) region: Code,
    /// Statements before the call.
    pub(super) dimensions: Code,
    /// The array of addresses, if there are any.
    pub(super) environment: Code,
    /// The array's name, or a null pointer.
    pub(super) addresses: Code,
    /// Number of addresses.
    pub(super) count: usize,
    /// Statements after the call.
    pub(super) cleanup: Code,
}

impl Lowerer<'_, '_> {
    /// Outlines the body of `id` into a function.
    pub(super) fn region(&mut self, id: ConstructId) -> Region {
        self.regions += 1;
        let program = self.program;
        let construct = &program.constructs[id];
        let region = format!(
            "cape_region_{}_{}",
            self.regions, program.functions[construct.function].name
        );
        let mut environment = self.captures(id);
        let copyin: Vec<String> = construct
            .copyin
            .iter()
            .map(|(entity, _)| expression(program, *entity, None))
            .collect();
        for name in &copyin {
            let index = environment.addresses.len();
            environment.dimensions.push(Code::made(format!(
                "void *const cape_copyin_{name} = __builtin_memcpy(__builtin_malloc(sizeof {name}), (const void *)&{name}, sizeof {name});"
            )));
            environment.arguments.push((
                0,
                Code::made(format!(
                    "__builtin_memcpy((void *)&{name}, cape_env[{index}], sizeof {name});"
                )),
            ));
            environment.addresses.push(format!("cape_copyin_{name}"));
            environment.sizes.push(None);
        }
        let cleanup = copyin
            .iter()
            .map(|name| Code::made(format!("__builtin_free(cape_copyin_{name});")));
        let cleanup = lines(cleanup);
        let addresses = std::mem::take(&mut environment.addresses);
        let dimensions = std::mem::take(&mut environment.dimensions);
        let arguments = environment.into_arguments();
        self.outline(id, &region, arguments, addresses.is_empty());

        let environment = match addresses.is_empty() {
            true => Code::default(),
            false => Code::made(format!("void *cape_env[] = {{{}}};", addresses.join(", "))),
        };
        Region {
            region: Code::made(region),
            dimensions: lines(dimensions),
            environment,
            addresses: Code::made(if addresses.is_empty() {
                "(void **)0"
            } else {
                "cape_env"
            }),
            count: addresses.len(),
            cleanup,
        }
    }

    pub(super) fn parallel(&mut self, id: ConstructId) -> Code {
        let site = self.site(id);
        let called = self.region(id);
        let program = self.program;
        let construct = &program.constructs[id];
        let directive = &program.directives[construct.directive];
        let threads = directive.find(|kind| {
            if let ClauseKind::NumThreads(range) = kind {
                Some(range)
            } else {
                None
            }
        });
        let condition = directive.condition(DirectiveKind::Parallel);
        let bind = directive.find(|kind| {
            if let ClauseKind::ProcBind(bind) = kind {
                Some(*bind)
            } else {
                None
            }
        });
        let threads = threads.map_or_else(|| Code::made("0"), |range| self.parenthesized(range));
        let condition = match condition {
            None => Code::made("1"),
            Some(range) => {
                let mut code = self.parenthesized(range);
                code.text(" != 0");
                code
            }
        };
        template::PARALLEL.fill(vec![
            ("SITE", site),
            ("REGION", called.region),
            ("DIMENSIONS", called.dimensions),
            ("ENVIRONMENT", called.environment),
            ("ADDRESSES", called.addresses),
            ("COUNT", Code::made(called.count.to_string())),
            ("THREADS", threads),
            ("CONDITION", condition),
            ("BIND", Code::made(bind.unwrap_or(-1).to_string())),
            ("CLEANUP", called.cleanup),
        ])
    }

    /// What construct `id`, which is outlined, is given of the locals around it.
    pub(super) fn captures(&self, id: ConstructId) -> Environment {
        let program = self.program;
        let construct = &program.constructs[id];
        let captures: Vec<EntityId> = construct.captures.keys().copied().collect();

        let mut environment = Environment::default();
        for &entity in &captures {
            let outer = expression(program, entity, construct.parent);
            let place = program.entities[entity].place.start;
            let sizes = self.capture_sizes(id, entity, place, &mut environment);
            let declaration = self.captured(id, entity, environment.addresses.len(), &sizes);
            environment.arguments.push((place, Code::made(declaration)));
            environment.addresses.push(format!("(void *)&{outer}"));
            environment.sizes.push(self.copied_size(id, entity));
        }
        for &hoist in &construct.hoists {
            let place = program.hoists[hoist].range.start;
            for entity in typedefs(program, hoist) {
                self.capture_sizes(id, entity, place, &mut environment);
            }
            environment
                .arguments
                .push((place, Code::made(hoisted(program, hoist, Some(id)))));
        }
        environment
    }

    /// Captures the sizes of `entity`'s variable dimensions; gives their names in the region, by layer.
    fn capture_sizes(
        &self,
        id: ConstructId,
        entity: EntityId,
        place: usize,
        environment: &mut Environment,
    ) -> Vec<(usize, String)> {
        let program = self.program;
        let mut names = Vec::new();
        for (layer, value) in dimension_values(program, entity, program.constructs[id].parent) {
            let name = dimension_name(program, entity, layer);
            let index = environment.addresses.len();
            environment
                .dimensions
                .push(Code::made(format!("const unsigned long {name} = {value};")));
            let argument =
                format!("const unsigned long {name} = *(const unsigned long *)cape_env[{index}];");
            environment.arguments.push((place, Code::made(argument)));
            environment.addresses.push(format!("(void *)&{name}"));
            environment.sizes.push(Some(format!("sizeof {name}")));
            names.push((layer, name));
        }
        names
    }

    /// The declaration by which the region reaches captured variable `entity`, at `index` of the environment.
    fn captured(
        &self,
        id: ConstructId,
        entity: EntityId,
        index: usize,
        sizes: &[(usize, String)],
    ) -> String {
        let program = self.program;
        let construct = &program.constructs[id];
        let name = &program.entities[entity].name;
        let by_value =
            construct.treatment(entity).is_none() && access(program, id, entity) == Access::Value;
        if by_value && is_spellable(program, entity) {
            let declaration = self.copy_declaration(id, entity, name);
            return format!("{declaration} = *(__typeof__({name}) *)cape_env[{index}];");
        }
        let pointer = match construct.treatment(entity) {
            None => format!("*{name}"),
            Some(private) if section_of(private).is_some() => format!("*cape_var_{name}"),
            Some(_) => format!("*cape_orig_{name}"),
        };
        let suffixed = |layer: &Layer| matches!(layer, Layer::Array(_) | Layer::Function);
        let layers = program.entities[entity]
            .declared
            .as_ref()
            .map(|declared| &declared.layers);
        let pointer = match layers.is_some_and(|layers| layers.iter().any(suffixed)) {
            true => format!("({pointer})"),
            false => pointer,
        };
        let base = self.pointer_base(id, entity);
        let spell = |name: &str| match &base {
            Some(base) => format!("{base} {name}"),
            None => format!(
                "{} {}",
                specifiers(program, entity, Some(id)),
                declarator(program, entity, name, sizes, Some(id))
            ),
        };
        if by_value {
            return format!(
                "{} = *(__typeof__({name}) *)cape_env[{index}];",
                spell(name)
            );
        }
        let declaration = spell(&pointer);
        format!("{declaration} = cape_env[{index}];")
    }

    /// For a parameter whose typedef hides an array: the type it is adjusted to.
    fn pointer_base(&self, id: ConstructId, entity: EntityId) -> Option<String> {
        let found = &self.program.entities[entity];
        let declared = found.declared.as_ref()?;
        let hidden = found.kind == EntityKind::Parameter
            && declared.layers.is_empty()
            && self.program.is_pointer(entity);
        let typedef_pointer =
            !matches!(self.program.layers(entity).0.first(), Some(Layer::Array(_)));
        (hidden && !typedef_pointer).then(|| {
            format!(
                "__typeof__(&(*({} *)0)[0])",
                specifiers(self.program, entity, Some(id))
            )
        })
    }

    fn outline(&mut self, id: ConstructId, region: &str, captured: Vec<Code>, nothing: bool) {
        let program = self.program;
        let construct = &program.constructs[id];
        let mut captures = captured;
        if nothing {
            captures.push(Code::made("(void)cape_env;"));
        }
        for private in &construct.private {
            let name = &program.entities[private.entity].name;
            let local = construct.captures.contains_key(&private.entity);
            match section_of(private) {
                Some(item) => {
                    let outer = if local {
                        format!("(*cape_var_{name})")
                    } else {
                        name.clone()
                    };
                    captures.push(self.section_original(name, &outer, item));
                }
                None if !local && (private.first || private.reduction.is_some()) => {
                    captures.push(Code::made(format!(
                        "__typeof__({name}) *const cape_orig_{name} = &{name};"
                    )));
                }
                None => {}
            }
            captures.push(Code::made(self.copy(id, private)));
        }
        captures.push(self.task_group(id));
        let body = self.body(id);
        let results = self.results(id, Vec::new());
        let mut code = Code::default();
        code.push(Piece::Place(construct.range.start));
        code.text("\n");
        code.append(template::REGION.fill(vec![
            ("REGION", Code::made(region)),
            ("CAPTURES", lines(captures)),
            ("BODY", body),
            ("RESULTS", results),
        ]));
        code.text("\n");
        self.outlined.push(code);
    }

    /// The inner half of a combined construct.
    pub(super) fn inner(&self, id: ConstructId) -> Option<ConstructId> {
        let next = self.program.constructs.get(id + 1)?;
        (next.combined && next.parent == Some(id)).then_some(id + 1)
    }
}
