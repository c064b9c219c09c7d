//! What goes with tasks: dependences, `taskgroup`, `taskwait`, `depobj`, cancellation; and `flush`, `scope`, `copyprivate`.

use super::super::code::Code;
use super::super::declare::expression;
use super::super::directive::{ClauseKind, Depend, Directive, DirectiveKind, Locator};
use super::super::program::{ConstructId, Leaf};
use super::super::reductions;
use super::super::template::{self, lines};
use super::Lowerer;

impl Lowerer<'_, '_> {
    /// The array `cape_depend` of a directive's dependences, and the number of its elements.
    pub(super) fn depends(&mut self, directive: &Directive) -> (Code, String) {
        let all: Vec<&Depend> = directive
            .clauses
            .iter()
            .filter_map(|clause| match &clause.kind {
                ClauseKind::Depend(depend) => Some(depend),
                _ => None,
            })
            .collect();
        let fixed: usize = all
            .iter()
            .filter(|depend| depend.iterators.is_empty())
            .map(|depend| depend.locators.len())
            .sum();
        if all.iter().all(|depend| depend.iterators.is_empty()) {
            if fixed == 0 {
                return (Code::default(), "0".to_owned());
            }
            let mut code = Code::made("const struct cape_depend cape_depend[] = {");
            let mut first = true;
            for depend in all {
                for locator in &depend.locators {
                    code.text(if first { "{" } else { ", {" });
                    code.append(self.dependence(depend, locator));
                    code.text("}");
                    first = false;
                }
            }
            code.text("};");
            return (code, fixed.to_string());
        }
        let mut code = Code::made(format!("unsigned cape_depends = {fixed};\n"));
        for depend in all.iter().filter(|depend| !depend.iterators.is_empty()) {
            let count = depend.locators.len();
            code.append(self.iterated(depend, Code::made(format!("cape_depends += {count};"))));
            code.text("\n");
        }
        code.text("struct cape_depend cape_depend[cape_depends + 1];\ncape_depends = 0;");
        for depend in all {
            let each = depend.locators.iter().map(|locator| {
                let mut fill = Code::made("cape_depend[cape_depends++] = (struct cape_depend){");
                fill.append(self.dependence(depend, locator));
                fill.text("};");
                fill
            });
            let fill = lines(each.collect::<Vec<_>>());
            code.text("\n");
            code.append(self.iterated(depend, fill));
        }
        (code, "cape_depends".to_owned())
    }

    /// `inside` for every value of the iterators.
    fn iterated(&mut self, depend: &Depend, inside: Code) -> Code {
        let mut code = Code::default();
        for each in &depend.iterators {
            let name = self.program.slice(&each.name).to_owned();
            let kind = each
                .kind
                .as_ref()
                .map_or("int", |kind| self.program.slice(kind));
            code.text(format!("{{ {kind} {name}; for ({name} = "));
            code.append(self.parenthesized(&each.begin));
            code.text("; ");
            match &each.step {
                None => {
                    code.text(format!("{name} < "));
                    code.append(self.parenthesized(&each.end));
                    code.text(format!("; ++{name}) {{ "));
                }
                Some(step) => {
                    code.append(self.parenthesized(step));
                    code.text(format!(" > 0 ? {name} < "));
                    code.append(self.parenthesized(&each.end));
                    code.text(format!(" : {name} > "));
                    code.append(self.parenthesized(&each.end));
                    code.text(format!("; {name} += "));
                    code.append(self.parenthesized(step));
                    code.text(") { ");
                }
            }
        }
        code.append(inside);
        code.text(" } }".repeat(depend.iterators.len()));
        code
    }

    /// Kind and address of one list item.
    fn dependence(&mut self, depend: &Depend, locator: &Locator) -> Code {
        let mut code = Code::made(format!("{}, ", depend.kind.constant()));
        if locator.all_memory {
            code.text("(void *)-1");
            return code;
        }
        code.text("(void *)&(");
        let mut at = locator.range.start;
        for (section, lower) in &locator.sections {
            code.append(self.user(&(at..section.start)));
            code.text("[");
            code.append(
                lower
                    .as_ref()
                    .map_or_else(|| Code::made("0"), |lower| self.user(lower)),
            );
            code.text("]");
            at = section.end;
        }
        if at < locator.range.end {
            code.append(self.user(&(at..locator.range.end)));
        }
        code.text(")");
        code
    }

    pub(super) fn taskwait(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let (depends, count) = self.depends(directive);
        if depends.is_empty() {
            return template::TASKWAIT.fill(vec![
                ("NAME", Code::made("taskwait")),
                ("SITE", self.site(id)),
            ]);
        }
        if !directive.nowait() {
            return template::TASKWAIT_DEPEND.fill(vec![
                ("SITE", self.site(id)),
                ("DEPENDS", depends),
                ("COUNT", Code::made(count)),
            ]);
        }
        // A task that does nothing, but has the dependences.
        self.regions += 1;
        let function = self.program.constructs[id].function;
        let name = format!(
            "cape_task_{}_{}",
            self.regions, self.program.functions[function].name
        );
        self.outlined.push(Code::made(format!(
            "static void {name}(void **cape_env)\n{{\n    (void)cape_env;\n}}\n"
        )));
        let mut clauses = depends;
        clauses.text(format!(
            "\nconst struct cape_task_clauses cape_clauses = {{0, 0, {count}, cape_depend, 0}};"
        ));
        template::TASK.fill(vec![
            ("SITE", self.site(id)),
            ("TASK", Code::made(name)),
            ("DIMENSIONS", Code::default()),
            ("ENVIRONMENT", Code::default()),
            ("ADDRESSES", Code::made("(void **)0")),
            ("SIZES", Code::made("(const cape_size *)0")),
            ("COUNT", Code::made("0")),
            ("CLAUSES", clauses),
            ("GIVEN", Code::made("&cape_clauses")),
        ])
    }

    pub(super) fn taskyield(&mut self, id: ConstructId) -> Code {
        template::TASKWAIT.fill(vec![
            ("NAME", Code::made("taskyield")),
            ("SITE", self.site(id)),
        ])
    }

    pub(super) fn taskgroup(&mut self, id: ConstructId) -> Code {
        let mut reductions = Code::default();
        if !self.program.constructs[id].registered.is_empty() {
            reductions.text("{\n    ");
            let originals = self.reduced_sections(id);
            let inside = lines([originals, self.registration(id)]);
            reductions.append(inside.indented("    "));
            reductions.text("\n}");
        }
        template::TASKGROUP.fill(vec![
            ("SITE", self.site(id)),
            ("REDUCTIONS", reductions),
            ("BODY", self.body(id)),
        ])
    }

    /// Bounds and addresses of the array sections that a construct registers or takes part in.
    pub(super) fn reduced_sections(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let registered = construct
            .registered
            .iter()
            .map(|(entity, _, item)| (*entity, item));
        let taken = construct
            .private
            .iter()
            .filter_map(|private| Some((private.entity, &private.reduction.as_ref()?.1)));
        let mut all = Vec::new();
        let mut seen = Vec::new();
        for (entity, item) in registered.chain(taken) {
            if item.sections.is_empty() || seen.contains(&entity) {
                continue;
            }
            seen.push(entity);
            let outer = expression(program, entity, construct.parent);
            let name = &program.entities[entity].name;
            all.push(self.section_original(name, &outer, item));
        }
        lines(all)
    }

    /// For reduction(task, ...): the taskgroup around the thread's part of the construct, whose list items are the thread's copies.
    pub(super) fn task_group(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let mut items = Vec::new();
        for private in construct.private.iter().filter(|private| private.tasks) {
            let Some(reduced) = self.reduced(private) else {
                continue;
            };
            let operator = private
                .reduction
                .as_ref()
                .map_or("", |found| found.0.name());
            let initialiser = reduced
                .initialiser
                .unwrap_or_else(|| format!("CAPE_INITIALISER({operator}, {})", reduced.element));
            items.push(format!(
                "{{(void *){}, (void *)cape_orig_{}, sizeof {}, {}, {initialiser}, {}}}",
                reduced.copy,
                self.program.entities[private.entity].name,
                reduced.element,
                reduced.count,
                reduced.combiner
            ));
        }
        if items.is_empty() {
            return Code::default();
        }
        let site = self.site_name(id);
        Code::made(format!(
            "cape_taskgroup_begin(&{site});\n{{\n    const struct cape_task_reduction cape_items[] = {{{}}};\n    cape_task_reduction(&{site}, cape_items, {});\n}}",
            items.join(", "),
            items.len()
        ))
    }

    /// The call of cape_task_reduction.
    pub(super) fn registration(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let site = self.site_name(id);
        let mut items = Vec::new();
        for (entity, operator, item) in &construct.registered {
            let outer = expression(program, *entity, construct.parent);
            let name = &program.entities[*entity].name;
            let dimensions = program.array_dimensions(*entity);
            let (address, element, count) = if !item.sections.is_empty() {
                let below = self.arrays(*entity, item.sections.len());
                let element = format!("cape_orig_{name}[0]{}", "[0]".repeat(below));
                let length = match item.sections.len() {
                    1 => format!("cape_len_{name}"),
                    _ => format!("cape_len_{name}_all"),
                };
                let count = format!("{length} * (sizeof cape_orig_{name}[0] / sizeof {element})");
                (format!("(void *)cape_orig_{name}"), element, count)
            } else {
                let element = format!("{outer}{}", "[0]".repeat(dimensions));
                let count = format!("sizeof {outer} / sizeof {element}");
                (format!("(void *)&{outer}"), element, count)
            };
            let declared = self.declared(*operator, *entity, item);
            let (initialiser, combiner) = if declared.is_empty() {
                let operator = operator.name();
                (
                    format!("CAPE_INITIALISER({operator}, {element})"),
                    format!("CAPE_COMBINER({operator}, {element})"),
                )
            } else {
                let chosen = |what| reductions::chosen(program, &declared, &element, what);
                (chosen("initialise"), chosen("combine"))
            };
            items.push(format!(
                "{{{address}, (void *)0, sizeof {element}, {count}, {initialiser}, {combiner}}}"
            ));
        }
        Code::made(format!(
            "const struct cape_task_reduction cape_items[] = {{{}}};\ncape_task_reduction(&{site}, cape_items, {});",
            items.join(", "),
            items.len()
        ))
    }

    pub(super) fn depobj(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let object = directive.find(|kind| match kind {
            ClauseKind::Object(range) => Some(range),
            _ => None,
        });
        let Some(object) = object else {
            return Code::default();
        };
        let mut call = Code::default();
        let (depends, _) = self.depends(directive);
        let mut finish = ", cape_depend);".to_owned();
        let mut name = "init";
        for clause in &directive.clauses {
            match &clause.kind {
                ClauseKind::Update(kind) => {
                    name = "update";
                    finish = format!(", {});", kind.constant());
                }
                ClauseKind::Destroy => {
                    name = "destroy";
                    finish = ");".to_owned();
                }
                _ => {}
            }
        }
        call.text(format!("cape_depobj_{name}((void *)&"));
        call.append(self.parenthesized(object));
        call.text(finish);
        template::DEPOBJ.fill(vec![("DEPENDS", depends), ("CALL", call)])
    }

    pub(super) fn cancellation(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let kind = directive.find(|kind| match kind {
            ClauseKind::Cancel(kind) => Some(*kind),
            _ => None,
        });
        let (Some(kind), Some(target)) = (kind, construct.cancels) else {
            return Code::default();
        };
        let site = self.site_name(id);
        let mut call = if directive.kind == DirectiveKind::CancellationPoint {
            Code::made(format!(
                "cape_cancellation_point(&{site}, {}",
                kind.constant()
            ))
        } else {
            let mut call = Code::made(format!("cape_cancel(&{site}, {}, ", kind.constant()));
            match directive.find(|kind| match kind {
                ClauseKind::If(_, range) => Some(range),
                _ => None,
            }) {
                None => call.text("1"),
                Some(range) => {
                    call.append(self.parenthesized(range));
                    call.text(" != 0");
                }
            }
            call
        };
        call.text(")");
        template::CANCEL.fill(vec![("CALL", call), ("LABEL", Code::made(label(target)))])
    }

    /// Whether a cancellation leads out of construct `id`.
    fn is_cancelled(&self, id: ConstructId) -> bool {
        self.program
            .constructs
            .iter()
            .any(|construct| construct.cancels == Some(id))
    }

    /// The label to which cancellations of construct `id` lead, if there are any.
    pub(super) fn cancelled(&self, id: ConstructId) -> Code {
        match self.is_cancelled(id) {
            true => Code::made(format!("{}:;", label(id))),
            false => Code::default(),
        }
    }

    /// The barrier of construct `id`, at which the region around it may turn out to be cancelled.
    pub(super) fn barrier_call(&mut self, id: ConstructId) -> Code {
        let barrier = template::BARRIER.fill(vec![("SITE", self.site(id))]);
        let mut next = self.program.constructs[id].parent;
        while let Some(outer) = next {
            let construct = &self.program.constructs[outer];
            if construct.leaf == Leaf::Parallel && self.is_cancelled(outer) {
                let call = format!("cape_barrier(&{})", self.site_name(id));
                return template::CANCEL.fill(vec![
                    ("CALL", Code::made(call)),
                    ("LABEL", Code::made(label(outer))),
                ]);
            }
            next = construct.parent.filter(|_| !construct.leaf.is_region());
        }
        barrier
    }

    pub(super) fn flush(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let order = directive.find(|kind| match kind {
            ClauseKind::FlushOrder(order) => Some(*order),
            _ => None,
        });
        template::FLUSH.fill(vec![
            ("SITE", self.site(id)),
            ("ORDER", Code::made(order.unwrap_or("CAPE_FLUSH_STRONG"))),
        ])
    }

    pub(super) fn scope(&mut self, id: ConstructId) -> Code {
        template::SCOPE.fill(vec![
            ("ORIGINALS", self.originals(id)),
            ("PRIVATES", self.copies(id)),
            ("BODY", self.body(id)),
            ("RESULTS", self.results(id, Vec::new())),
            ("BARRIER", self.barrier(id)),
        ])
    }

    /// `master`, or `masked` with the thread that its filter names.
    pub(super) fn masked(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let filter = directive.find(|kind| match kind {
            ClauseKind::Filter(range) => Some(range),
            _ => None,
        });
        let filter = filter.map(|range| self.parenthesized(range));
        let body = self.body(id);
        match filter {
            None => template::MASTER.fill(vec![("BODY", body)]),
            Some(filter) => template::MASKED.fill(vec![("FILTER", filter), ("BODY", body)]),
        }
    }

    pub(super) fn single_copyprivate(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let outer: Vec<String> = construct
            .copyprivate
            .iter()
            .map(|(entity, _)| expression(program, *entity, construct.parent))
            .collect();
        let join = |each: &dyn Fn(&String) -> String| {
            outer.iter().map(each).collect::<Vec<_>>().join(", ")
        };
        let values = format!(
            "void *const cape_values[] = {{{}}};\nconst cape_size cape_sizes[] = {{{}}};",
            join(&|name| format!("(void *)&{name}")),
            join(&|name| format!("sizeof {name}"))
        );
        template::SINGLE_COPYPRIVATE.fill(vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.originals(id)),
            ("PRIVATES", self.copies(id)),
            ("BODY", self.body(id)),
            ("VALUES", Code::made(values)),
            ("COUNT", Code::made(outer.len().to_string())),
        ])
    }
}

/// The label at the end of construct `id`.
fn label(id: ConstructId) -> String {
    format!("cape_cancelled_{}", id + 1)
}
