//! `task` and `taskloop`: the call where the construct stands, and the function outlined from its body.

use super::super::code::{Code, Piece};
use super::super::declare::{Access, access, expression};
use super::super::directive::{ClauseKind, Directive, Item};
use super::super::program::{Base, ConstructId, EntityId, EntityKind, Layer, Private, Use};
use super::super::template::{self, lines};
use super::Lowerer;
use super::environment::section_of;
use super::regions::Environment;

/// What the templates of both constructs have in common where the construct stands.
struct Call {
    environment: Code,
    addresses: &'static str,
    sizes: &'static str,
    count: usize,
}

impl Lowerer<'_, '_> {
    pub(super) fn task(&mut self, id: ConstructId) -> Code {
        let name = self.task_name(id);
        let mut environment = self.captures(id);
        self.add_globals(id, &mut environment);
        let mut dimensions = std::mem::take(&mut environment.dimensions);
        dimensions.push(self.reduced_sections(id));
        let dimensions = lines(dimensions);
        let call = self.call(id, &environment);
        let captures = self.task_captures(id, environment);
        let body = self.body(id);
        let end = self.cancelled(id);
        let outlined = template::TASK_BODY.fill(vec![
            ("TASK", Code::made(name.clone())),
            ("CAPTURES", captures),
            ("BODY", body),
            ("END", end),
        ]);
        self.outline_task(id, outlined);

        let (clauses, given) = self.task_clauses(id, "");
        template::TASK.fill(vec![
            ("SITE", self.site(id)),
            ("TASK", Code::made(name)),
            ("DIMENSIONS", dimensions),
            ("ENVIRONMENT", call.environment),
            ("ADDRESSES", Code::made(call.addresses)),
            ("SIZES", Code::made(call.sizes)),
            ("COUNT", Code::made(call.count.to_string())),
            ("CLAUSES", clauses),
            ("GIVEN", Code::made(given)),
        ])
    }

    pub(super) fn taskloop(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let name = self.task_name(id);
        let nest = self.nest(id);
        let mut environment = self.captures(id);
        self.add_globals(id, &mut environment);
        self.add_bounds(id, &nest.carried, &mut environment);
        let dimensions = lines(std::mem::take(&mut environment.dimensions));
        let call = self.call(id, &environment);
        let captures = self.task_captures(id, environment);
        let mut fillings = vec![
            ("TASK", Code::made(name.clone())),
            ("CAPTURES", captures),
            ("COUNT", Code::made(call.count.to_string())),
            ("MOVE", nest.step),
            ("BODY", self.body(id)),
            ("RESULTS", self.task_results(id, nest.last)),
        ];
        let outlined = match (nest.slanted, nest.coordinates) {
            (Some(slanted), Some((inner, _))) => {
                fillings.push(("START", nest.start));
                fillings.push(("INNER", inner));
                fillings.push(("NAMES", slanted.names));
                fillings.push(("ROWS", slanted.rows));
                fillings.push(("END", Code::made(slanted.end)));
                template::TASKLOOP_BODY_SLANTED.fill(fillings)
            }
            (_, None) => {
                fillings.push(("START", nest.start));
                template::TASKLOOP_BODY.fill(fillings)
            }
            (None, Some((inner, coordinates))) => {
                fillings.push(("INNER", inner));
                fillings.push(("COORDINATES", coordinates));
                template::TASKLOOP_BODY_COLLAPSE.fill(fillings)
            }
        };
        self.outline_task(id, outlined);

        let directive = &program.directives[construct.directive];
        let strict = directive.clauses.iter().any(|clause| {
            matches!(
                clause.kind,
                ClauseKind::Grainsize(true, _) | ClauseKind::NumTasks(true, _)
            )
        });
        let nogroup = directive
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Nogroup);
        let grouped = !construct.registered.is_empty();
        let mut flags = String::new();
        if strict {
            flags.push_str(" | CAPE_TASK_STRICT");
        }
        if nogroup || grouped {
            flags.push_str(" | CAPE_TASK_NOGROUP");
        }
        let (clauses, given) = self.task_clauses(id, &flags);
        let number =
            |this: &mut Self, pick: &dyn Fn(&ClauseKind) -> Option<std::ops::Range<usize>>| {
                let found = directive
                    .clauses
                    .iter()
                    .find_map(|clause| pick(&clause.kind));
                found.map_or_else(|| Code::made("0"), |range| this.parenthesized(&range))
            };
        let grain = number(self, &|kind| match kind {
            ClauseKind::Grainsize(_, range) => Some(range.clone()),
            _ => None,
        });
        let tasks = number(self, &|kind| match kind {
            ClauseKind::NumTasks(_, range) => Some(range.clone()),
            _ => None,
        });
        let site = self.site_name(id);
        let (begin, end) = match grouped {
            false => (Code::default(), Code::default()),
            true => {
                let mut begin = Code::made(format!("cape_taskgroup_begin(&{site});\n"));
                begin.append(self.registration(id));
                (begin, Code::made(format!("cape_taskgroup_end(&{site});")))
            }
        };
        let originals = self.reduced_sections(id);
        template::TASKLOOP.fill(vec![
            ("SITE", self.site(id)),
            ("TASK", Code::made(name)),
            ("BOUNDS", nest.bounds),
            ("DIMENSIONS", dimensions),
            ("ORIGINALS", originals),
            ("ENVIRONMENT", call.environment),
            ("ADDRESSES", Code::made(call.addresses)),
            ("SIZES", Code::made(call.sizes)),
            ("COUNT", Code::made(call.count.to_string())),
            ("CLAUSES", clauses),
            ("GIVEN", Code::made(given)),
            ("BEGIN", begin),
            ("END", end),
            ("GRAIN", grain),
            ("TASKS", tasks),
        ])
    }

    fn task_name(&mut self, id: ConstructId) -> String {
        self.regions += 1;
        let function = self.program.constructs[id].function;
        format!(
            "cape_task_{}_{}",
            self.regions, self.program.functions[function].name
        )
    }

    fn outline_task(&mut self, id: ConstructId, outlined: Code) {
        let mut code = Code::default();
        code.push(Piece::Place(self.program.constructs[id].range.start));
        code.text("\n");
        code.append(outlined);
        code.text("\n");
        self.outlined.push(code);
    }

    /// The size of what a task copies of captured `entity`; `None`: it is given the address.
    pub(super) fn copied_size(&self, id: ConstructId, entity: EntityId) -> Option<String> {
        let program = self.program;
        let construct = &program.constructs[id];
        let copied = match construct.treatment(entity) {
            None => access(program, id, entity) == Access::Value,
            Some(private) => private.first,
        };
        copied.then(|| format!("sizeof {}", expression(program, entity, construct.parent)))
    }

    /// Adds what is copied of file-scope variables, where last values go, and the sections that are reduced.
    fn add_globals(&self, id: ConstructId, environment: &mut Environment) {
        let program = self.program;
        let construct = &program.constructs[id];
        for private in &construct.private {
            let entity = private.entity;
            let found = &program.entities[entity];
            let name = &found.name;
            let outer = expression(program, entity, construct.parent);
            let place = usize::MAX;
            let global = found.kind == EntityKind::Global;
            if global && private.first {
                let index = environment.addresses.len();
                environment.push(
                    place,
                    format!("__typeof__({name}) *const cape_orig_{name} = cape_env[{index}];"),
                    format!("(void *)&{outer}"),
                    Some(format!("sizeof {outer}")),
                );
            }
            if private.first && private.last {
                let index = environment.addresses.len();
                environment.push(
                    place,
                    format!("__typeof__(cape_orig_{name}) cape_last_{name} = cape_env[{index}];"),
                    format!("(void *)&{outer}"),
                    None,
                );
            }
            if let Some(item) = section_of(private) {
                let variable = match construct.captures.contains_key(&entity) {
                    true => format!("(*cape_var_{name})"),
                    false => name.clone(),
                };
                let index = environment.addresses.len();
                let (start, row) = section_start(name, item);
                let row = match row {
                    true => format!("typedef __typeof__({variable}[0]) cape_row_{name};\n"),
                    false => String::new(),
                };
                environment.push(
                    place,
                    format!(
                        "{row}__typeof__({variable}[0]) *const cape_orig_{name} = cape_env[{index}];"
                    ),
                    format!("(void *)cape_orig_{name}"),
                    None,
                );
                environment.push(
                    place,
                    format!(
                        "const long {start} = *(const long *)cape_env[{}];",
                        index + 1
                    ),
                    format!("(void *)&{start}"),
                    Some("sizeof(long)".to_owned()),
                );
            }
        }
    }

    /// Adds the values of a taskloop's bounds that its tasks need.
    fn add_bounds(
        &self,
        id: ConstructId,
        carried: &[(Option<EntityId>, String)],
        environment: &mut Environment,
    ) {
        for (kind, name) in carried {
            let declaration = match kind {
                Some(entity) => self.copy_declaration(id, *entity, name),
                None if name.contains("_slope") || name.starts_with("cape_step_") => {
                    format!("const long long {name}")
                }
                None if name.starts_with("cape_stride") => format!("long {name}"),
                None => format!("const unsigned long long {name}"),
            };
            let index = environment.addresses.len();
            environment.push(
                usize::MAX,
                format!("{declaration} = *(__typeof__({name}) *)cape_env[{index}];"),
                format!("(void *)&{name}"),
                Some(format!("sizeof {name}")),
            );
        }
    }

    /// The arrays of addresses and sizes.
    fn call(&self, id: ConstructId, environment: &Environment) -> Call {
        let count = environment.addresses.len();
        if count == 0 {
            return Call {
                environment: Code::default(),
                addresses: "(void **)0",
                sizes: "(const cape_size *)0",
                count,
            };
        }
        let program = self.program;
        let construct = &program.constructs[id];
        let copied = construct.private.iter().map(|private| private.entity);
        // The size of an array may have to be computed.
        let constant = construct
            .captures
            .keys()
            .copied()
            .chain(copied)
            .all(|entity| {
                let (layers, base) = program.layers(entity);
                let written_out = |layer: &Layer| match layer {
                    Layer::Array(range) => {
                        let uses = program.uses_in(range);
                        let plain =
                            |found: &Use| !program.entities[found.entity].kind.is_variable();
                        range.len() > 2 && uses.iter().all(plain)
                    }
                    _ => true,
                };
                base != Base::Unknown
                    && (!program.is_array(entity) || layers.iter().all(written_out))
            });
        let sizes: Vec<&str> = environment
            .sizes
            .iter()
            .map(|size| size.as_deref().unwrap_or("0"))
            .collect();
        Call {
            environment: Code::made(format!(
                "void *cape_env[] = {{{}}};\n{}const cape_size cape_sizes[] = {{{}}};",
                environment.addresses.join(", "),
                if constant { "static " } else { "" },
                sizes.join(", ")
            )),
            addresses: "cape_env",
            sizes: "cape_sizes",
            count,
        }
    }

    /// Declarations at the start of the outlined function.
    fn task_captures(&mut self, id: ConstructId, environment: Environment) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let nothing = environment.addresses.is_empty();
        let mut captures = environment.into_arguments();
        if nothing {
            captures.push(Code::made("(void)cape_env;"));
        }
        for private in &construct.private {
            let name = &program.entities[private.entity].name;
            let local = construct.captures.contains_key(&private.entity);
            let reached = (private.last && !private.first)
                || (private.reduction.is_some() && section_of(private).is_none());
            if !local && reached {
                captures.push(Code::made(format!(
                    "__typeof__({name}) *const cape_orig_{name} = &{name};"
                )));
            }
            captures.push(Code::made(self.task_copy(id, private)));
        }
        lines(captures)
    }

    pub(super) fn task_copy(&self, id: ConstructId, private: &Private) -> String {
        let name = &self.program.entities[private.entity].name;
        if private.reduction.is_none() {
            return self.copy(id, private);
        }
        let part = format!("cape_in_reduction((void *)cape_orig_{name})");
        match section_of(private).map(|item| section_start(name, item)) {
            Some((start, true)) => format!(
                "cape_row_{name} *const {name} = (cape_row_{name} *)(void *)((char *){part} - {start});"
            ),
            Some((start, false)) => format!(
                "__typeof__(*cape_orig_{name}) *const {name} = (__typeof__(*cape_orig_{name}) *){part} - {start};"
            ),
            None => format!(
                "__typeof__(*cape_orig_{name}) *const {name} = (__typeof__(*cape_orig_{name}) *){part};"
            ),
        }
    }

    /// The label to which a cancellation leads, then the last values.
    fn task_results(&mut self, id: ConstructId, mut last: Vec<Code>) -> Code {
        let construct = &self.program.constructs[id];
        let mut all = vec![self.cancelled(id)];
        if construct.private.iter().any(|private| private.last) {
            for private in construct.private.iter().filter(|private| private.last) {
                let name = &self.program.entities[private.entity].name;
                let to = if private.first { "last" } else { "orig" };
                last.push(Code::made(format!(
                    "__builtin_memcpy((void *)cape_{to}_{name}, (const void *)&{name}, sizeof {name});"
                )));
            }
            let mut code = Code::made("if (cape_chunk->last) {\n    ");
            code.append(lines(last).indented("    "));
            code.text("\n}");
            all.push(code);
        }
        lines(all)
    }

    /// Dependences and clauses, and what is passed on.
    fn task_clauses(&mut self, id: ConstructId, further: &str) -> (Code, &'static str) {
        let program = self.program;
        let construct = &program.constructs[id];
        let directive = &program.directives[construct.directive];
        let mut flags = Code::default();
        for (kind, flag) in [
            (ClauseKind::Untied, " | CAPE_TASK_UNTIED"),
            (ClauseKind::Mergeable, " | CAPE_TASK_MERGEABLE"),
        ] {
            if directive.clauses.iter().any(|clause| clause.kind == kind) {
                flags.text(flag);
            }
        }
        flags.text(further);
        if construct
            .private
            .iter()
            .any(|private| private.reduction.is_some())
        {
            flags.text(" | CAPE_TASK_REDUCES");
        }
        if let Some(condition) = self.own_condition(id, directive) {
            flags.text(" | (");
            flags.append(self.parenthesized(&condition));
            flags.text(" ? 0 : CAPE_TASK_UNDEFERRED)");
        }
        for clause in &directive.clauses {
            if let ClauseKind::Final(range) = &clause.kind {
                flags.text(" | (");
                flags.append(self.parenthesized(range));
                flags.text(" ? CAPE_TASK_FINAL : 0)");
            }
        }
        let priority = directive.find(|kind| match kind {
            ClauseKind::Priority(range) => Some(range),
            _ => None,
        });
        let (mut code, count) = self.depends(directive);
        if flags.is_empty() && priority.is_none() && count == "0" && construct.detach.is_none() {
            return (code, "(const struct cape_task_clauses *)0");
        }
        if !code.is_empty() {
            code.text("\n");
        }
        code.text("const struct cape_task_clauses cape_clauses = {0");
        code.append(flags);
        code.text(", ");
        code.append(priority.map_or_else(|| Code::made("0"), |range| self.parenthesized(range)));
        code.text(format!(
            ", {count}, {}, ",
            if count == "0" { "0" } else { "cape_depend" }
        ));
        code.text(match construct.detach {
            None => "0};".to_owned(),
            Some(event) => format!(
                "(void **)&{}}};",
                expression(program, event, construct.parent)
            ),
        });
        (code, "&cape_clauses")
    }

    /// The `if` clause that is for this construct, and not for one around it of the same directive.
    fn own_condition(
        &self,
        id: ConstructId,
        directive: &Directive,
    ) -> Option<std::ops::Range<usize>> {
        let construct = &self.program.constructs[id];
        let mut around = false;
        let mut next = construct.parent.filter(|_| construct.combined);
        while let Some(outer) = next {
            let construct = &self.program.constructs[outer];
            around |= construct.takes("if");
            next = construct.parent.filter(|_| construct.combined);
        }
        directive.find(|kind| match kind {
            ClauseKind::If(Some(part), range) if construct.parts.contains(part) => {
                Some(range.clone())
            }
            ClauseKind::If(None, range) if !around => Some(range.clone()),
            _ => None,
        })
    }
}

/// What tells how far the first element of section `item` is from where `name` points, and whether that is a number of bytes, as for
/// sections of several dimensions, where `name` points to rows.
fn section_start(name: &str, item: &Item) -> (String, bool) {
    match item.sections.len() {
        0 | 1 => (format!("cape_low_{name}"), false),
        _ => (format!("cape_off_{name}"), true),
    }
}
