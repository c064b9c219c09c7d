//! `for` and what becomes of it: its shapes, bounds, schedules, ordered parts, and linear variables.
//!
//! Three shapes share the code below: one loop (templates/for.c), a rectangular nest (for-collapse.c), and a nest whose bounds
//! depend on outer variables (for-triangular.c). All enumerate the logical iterations 0 .. cape_count - 1.

use super::super::code::Code;
use super::super::directive::{ClauseKind, DirectiveKind, LoopClause, SinkItem};
use super::super::loops::Relation;
use super::super::program::{ConstructId, Leaf, Loop, Program};
use super::super::template::{self, lines};
use super::Lowerer;

impl Lowerer<'_, '_> {
    pub(super) fn worksharing_loop(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        if construct.scan.is_some() {
            return self.scanning_loop(id);
        }
        let all = &construct.loops;
        let suffixes = suffixes(all);
        let collapsed = construct.collapsed.clamp(1, all.len());
        let (loops, names) = (&all[..collapsed], &suffixes[..collapsed]);
        let triangular = loops.iter().any(|each| each.outer.is_some());
        let mut bounds: Vec<Code> = Vec::new();
        for (each, suffix) in all.iter().zip(&suffixes) {
            bounds.push(match each.outer.is_some() {
                true => self.bound_names(id, each, suffix),
                false => self.bounds(id, each, suffix, true),
            });
        }
        if all.len() > 1 && !triangular {
            bounds.push(Code::made(format!(
                "const unsigned long long cape_count = {};",
                product(names)
            )));
        }
        let (schedule, chunk) = self.schedule(id, triangular);
        let shares = self.program.constructs[id].has(DirectiveKind::Distribute)
            && self.program.constructs[id].has(DirectiveKind::For);
        let bounds = lines(bounds);
        let (around, bounds) = match shares && !triangular {
            true => (bounds, Code::default()),
            false => (Code::default(), bounds),
        };
        let (total, next) = match shares && !triangular {
            true => (
                "cape_share.end - cape_share.first",
                "cape_loop_next_of(&cape_chunk, &cape_share)",
            ),
            false => ("cape_count", "cape_loop_next(&cape_chunk)"),
        };
        let ended = |level: usize| match triangular && level + 1 < collapsed {
            true => format!("cape_index{}", names[level]),
            false => format!("cape_count{}", names[level]),
        };
        let last: Vec<Code> = (0..collapsed)
            .filter_map(|level| self.last_value(id, &loops[level], &names[level], &ended(level)))
            .collect();
        let mut fillings = vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.loop_originals(id)),
            ("BOUNDS", bounds),
            ("TOTAL", Code::made(total)),
            ("NEXT", Code::made(next)),
            ("PRIVATES", self.copies(id)),
            ("SCHEDULE", schedule),
            ("CHUNK", chunk),
            ("BODY", self.loop_body(id, collapsed > 1)),
            ("RESULTS", self.results(id, last)),
            ("BARRIER", self.barrier(id)),
        ];
        let innermost = (&loops[collapsed - 1], names[collapsed - 1].as_str());
        let point = match (triangular, collapsed) {
            (true, _) => "cape_point - cape_run",
            (false, 1) => "cape_chunk.first",
            (false, _) => "cape_point",
        };
        let linear = self.linear_starts(id, point);
        if !triangular {
            fillings.push(("DOACROSS", self.doacross_begin(id, &suffixes)));
        }
        if collapsed == 1 {
            let start = self.start(&loops[0], &names[0], "cape_chunk.first");
            let (start, header) = self.inner_loop(id, innermost, &start);
            fillings.push(("START", lines([linear, start])));
            fillings.push(("LOOP", header));
            return self.distributed(id, shares, false, around, template::FOR.fill(fillings));
        }
        let inner = format!("cape_count{}", names[collapsed - 1]);
        if triangular {
            let (open, close) = self.rows(id, loops, names);
            let index = self.start(innermost.0, innermost.1, "cape_first");
            let (start, header) = self.inner_loop(id, innermost, &index);
            let indices: Vec<String> = names[..collapsed - 1]
                .iter()
                .map(|suffix| format!("cape_index{suffix}"))
                .collect();
            fillings.push(("INDICES", Code::made(indices.join(", "))));
            fillings.push(("COUNTING", open.clone()));
            fillings.push(("ROWS", open));
            fillings.push(("END", Code::made(close)));
            fillings.push(("INNER", Code::made(inner)));
            fillings.push(("START", lines([linear, start])));
            fillings.push(("LOOP", header));
            let nest = template::FOR_TRIANGULAR.fill(fillings);
            return self.distributed(id, shares, true, around, nest);
        }
        let coordinates = self.coordinates(loops, names);
        let (start, header) = self.inner_loop(id, innermost, "");
        fillings.push(("INNER", Code::made(inner)));
        fillings.push(("COORDINATES", lines([coordinates, linear])));
        fillings.push(("START", start));
        fillings.push(("LOOP", header));
        self.distributed(
            id,
            shares,
            false,
            around,
            template::FOR_COLLAPSE.fill(fillings),
        )
    }

    /// The worksharing loop of a team, for each of its shares if there are any.
    fn distributed(
        &mut self,
        id: ConstructId,
        shares: bool,
        triangular: bool,
        bounds: Code,
        nest: Code,
    ) -> Code {
        if !shares {
            return nest;
        }
        let count = if triangular { "1" } else { "cape_count" };
        let chunk = if triangular {
            Code::made("0")
        } else {
            self.dist_chunk(id)
        };
        template::DISTRIBUTE.fill(vec![
            ("SITE", self.site(id)),
            ("BOUNDS", bounds),
            ("COUNT", Code::made(count)),
            ("CHUNK", chunk),
            ("LOOP", nest),
        ])
    }

    /// The chunk size of `dist_schedule`.
    fn dist_chunk(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let chunk = directive.find(|kind| match kind {
            ClauseKind::DistSchedule(Some(range)) => Some(range),
            _ => None,
        });
        chunk.map_or_else(|| Code::made("0"), |range| self.user(range))
    }

    /// What comes before the loop that runs `cape_run` iterations, and its header. Steps of one end below the user's bound, which the
    /// variable's type holds, and the host compiler makes the best of them. Others count down, so that it knows the trip count and the
    /// variable cannot overflow. A simd loop has to be in canonical form.
    fn inner_loop(&self, id: ConstructId, innermost: (&Loop, &str), start: &str) -> (Code, Code) {
        let (each, suffix) = innermost;
        let name = self.name(each).to_owned();
        let stride = stride(each, suffix, self.program);
        let sign = sign(each);
        let Some(pragma) = self.simd_pragma(id) else {
            let construct = &self.program.constructs[id];
            let numbered = construct.private.iter().any(|private| private.conditional);
            if stride != "1" || numbered || each.relation == Relation::NotEqual {
                let header = format!("for (; cape_run; --cape_run, {name} {sign}= {stride})");
                return (Code::made(start), Code::made(header));
            }
            let end = self.copy_declaration(id, each.entity, "cape_end");
            let start = format!("{start}\n{end} = {name} {sign} cape_run;");
            let relation = if each.upwards { "<" } else { ">" };
            let header = format!("for (; {name} {relation} cape_end; {sign}{sign}{name})");
            return (Code::made(start.trim_start()), Code::made(header));
        };
        let begin = self.copy_declaration(id, each.entity, "cape_begin");
        let last = self.copy_declaration(id, each.entity, "cape_last");
        let times = match stride.as_str() {
            "1" => String::new(),
            stride => format!(" * (unsigned long long){stride}"),
        };
        let start =
            format!("{start}\n{begin} = {name};\n{last} = {name} {sign} (cape_run - 1){times};");
        let relation = if each.upwards { "<=" } else { ">=" };
        let header = format!(
            "{pragma}\nfor ({name} = cape_begin; {name} {relation} cape_last; {name} {sign}= {stride})"
        );
        (Code::made(start.trim_start()), Code::made(header))
    }

    /// The loop's body; where a conditional lastprivate asks for it, with the number of the iteration.
    fn loop_body(&mut self, id: ConstructId, nest: bool) -> Code {
        let body = self.body(id);
        let construct = &self.program.constructs[id];
        if !construct.private.iter().any(|private| private.conditional) {
            return body;
        }
        let at = match nest {
            true => "cape_point - cape_run",
            false => "cape_chunk.end - cape_run",
        };
        let mut code = Code::made(format!(
            "{{\nconst unsigned long long cape_iteration = {at} + 1;\n"
        ));
        code.append(body);
        code.text("\n}");
        code
    }

    pub(super) fn name(&self, each: &Loop) -> &str {
        &self.program.entities[each.entity].name
    }

    /// Addresses of originals, and the steps of linear variables.
    pub(super) fn loop_originals(&mut self, id: ConstructId) -> Code {
        lines([self.originals(id), self.linear_steps(id)])
    }

    pub(super) fn linear_steps(&mut self, id: ConstructId) -> Code {
        let mut all = Vec::new();
        let construct = &self.program.constructs[id];
        for private in &construct.private {
            let Some(step) = &private.linear else {
                continue;
            };
            let name = &self.program.entities[private.entity].name;
            let mut code = Code::made(format!("const long long cape_step_{name} = "));
            code.append(match step {
                Some(range) => self.parenthesized(range),
                None => Code::made("1"),
            });
            code.text(";");
            all.push(code);
        }
        lines(all)
    }

    /// Sets linear variables for the chunk.
    pub(super) fn linear_starts(&self, id: ConstructId, at: &str) -> Code {
        let construct = &self.program.constructs[id];
        let linear = construct
            .private
            .iter()
            .filter(|private| private.linear.is_some());
        lines(linear.map(|private| {
            let name = &self.program.entities[private.entity].name;
            Code::made(format!(
                "{name} = cape_linear_{name} + cape_step_{name} * (long long)({at});"
            ))
        }))
    }

    /// First value, bound, stride and count of one loop; declared, or assigned to what [`Self::bound_names`] declares.
    pub(super) fn bounds(
        &mut self,
        id: ConstructId,
        each: &Loop,
        suffix: &str,
        declare: bool,
    ) -> Code {
        let declared = |name: String, this: &Self| match declare {
            true => this.copy_declaration(id, each.entity, &name),
            false => name,
        };
        let first = declared(format!("cape_first{suffix}"), self);
        let bound = declared(format!("cape_bound{suffix}"), self);
        let mut code = Code::made(format!("{first} = "));
        code.append(self.user(&each.first));
        code.text(format!(";\n{bound} = "));
        code.append(self.user(&each.bound));
        code.text(";\n");
        if declare {
            code.append(self.stride_value(id, each, suffix));
        }
        let constant = if declare {
            "const unsigned long long "
        } else {
            ""
        };
        code.text(format!(
            "{constant}cape_count{suffix} = {};",
            self.count(each, suffix)
        ));
        code
    }

    /// The stride, where it is no constant.
    pub(super) fn stride_value(&mut self, id: ConstructId, each: &Loop, suffix: &str) -> Code {
        let Some(amount) = &each.amount else {
            return Code::default();
        };
        if literal(self.program.slice(amount)).is_some() && each.subtracted != each.upwards {
            return Code::default();
        }
        let name = format!("cape_stride{suffix}");
        let declaration = if self.program.is_pointer(each.entity) {
            format!("long {name}")
        } else {
            self.copy_declaration(id, each.entity, &name)
        };
        let minus = if each.subtracted == each.upwards {
            "-"
        } else {
            ""
        };
        let mut code = Code::made(format!("{declaration} = {minus}"));
        code.append(self.parenthesized(amount));
        code.text(";\n");
        code
    }

    /// Declares what [`Self::bounds`] computes in each row.
    fn bound_names(&mut self, id: ConstructId, each: &Loop, suffix: &str) -> Code {
        let first = self.copy_declaration(id, each.entity, &format!("cape_first{suffix}"));
        let bound = self.copy_declaration(id, each.entity, &format!("cape_bound{suffix}"));
        let mut code = Code::made(format!("{first};\n{bound};\n"));
        code.append(self.stride_value(id, each, suffix));
        code.text(format!("unsigned long long cape_count{suffix};"));
        code
    }

    /// The number of iterations, computed without overflow.
    pub(super) fn count(&self, each: &Loop, suffix: &str) -> String {
        let (low, high) = if each.upwards {
            ("cape_first", "cape_bound")
        } else {
            ("cape_bound", "cape_first")
        };
        let (low, high) = (format!("{low}{suffix}"), format!("{high}{suffix}"));
        if each.away {
            return format!("((void){low}, (void){high}, 0)");
        }
        let inclusive = matches!(
            each.relation,
            Relation::LessOrEqual | Relation::GreaterOrEqual
        );
        let distance = self.distance(each, &low, &high);
        let stride = stride(each, suffix, self.program);
        let count = match (inclusive, stride.as_str()) {
            (true, "1") => format!("{distance} + 1"),
            (false, "1") => distance,
            (true, stride) => format!("{distance} / (unsigned long long){stride} + 1"),
            (false, stride) => format!("({distance} - 1) / (unsigned long long){stride} + 1"),
        };
        format!(
            "{low} {} {high} ? {count} : 0",
            if inclusive { "<=" } else { "<" }
        )
    }

    fn distance(&self, each: &Loop, low: &str, high: &str) -> String {
        if self.program.is_pointer(each.entity) {
            format!("(unsigned long long)({high} - {low})")
        } else {
            format!("((unsigned long long){high} - (unsigned long long){low})")
        }
    }

    pub(super) fn start(&self, each: &Loop, suffix: &str, index: &str) -> String {
        let name = self.name(each);
        match stride(each, suffix, self.program).as_str() {
            "1" => format!("{name} = cape_first{suffix} {} {index};", sign(each)),
            stride => format!(
                "{name} = cape_first{suffix} {} {index} * (unsigned long long){stride};",
                sign(each)
            ),
        }
    }

    pub(super) fn coordinates(&self, loops: &[Loop], suffixes: &[String]) -> Code {
        let each = loops
            .iter()
            .zip(suffixes)
            .rev()
            .enumerate()
            .map(|(level, (each, suffix))| {
                let outermost = level + 1 == loops.len();
                let index = match outermost {
                    true => "cape_rest".to_owned(),
                    false => format!("cape_rest % cape_count{suffix}"),
                };
                let next = match outermost {
                    true => String::new(),
                    false => format!("\ncape_rest /= cape_count{suffix};"),
                };
                Code::made(format!(
                    "cape_index = {index};\n{}{next}",
                    self.start(each, suffix, "cape_index")
                ))
            });
        lines(each)
    }

    /// The loops around the rows of a nest that is not rectangular, and their closing braces; inside, the innermost loop's
    /// bounds are computed.
    fn rows(&mut self, id: ConstructId, loops: &[Loop], suffixes: &[String]) -> (Code, String) {
        let mut code = Code::default();
        let outer = loops.len() - 1;
        for (level, (each, suffix)) in loops.iter().zip(suffixes).enumerate() {
            if each.outer.is_some() {
                code.append(self.bounds(id, each, suffix, false));
                code.text("\n");
            }
            if level < outer {
                code.text(format!(
                    "for (cape_index{suffix} = 0; cape_more && cape_index{suffix} < cape_count{suffix}; ++cape_index{suffix}) {{\n{}\n",
                    self.start(each, suffix, &format!("cape_index{suffix}"))
                ));
            }
        }
        (code, "}".repeat(outer))
    }

    /// After the loop its variable has the value that ended it.
    pub(super) fn last_value(
        &self,
        id: ConstructId,
        each: &Loop,
        suffix: &str,
        index: &str,
    ) -> Option<Code> {
        let last = self.program.constructs[id]
            .treatment(each.entity)
            .is_some_and(|private| private.last);
        last.then(|| Code::made(self.start(each, suffix, index)))
    }

    fn schedule(&mut self, id: ConstructId, triangular: bool) -> (Code, Code) {
        let construct = &self.program.constructs[id];
        if construct.has(DirectiveKind::Distribute) && !construct.has(DirectiveKind::For) {
            return (Code::made("CAPE_DISTRIBUTE"), self.dist_chunk(id));
        }
        let directive = &self.program.directives[construct.directive];
        let found = directive.find(|kind| {
            if let ClauseKind::Schedule(kind, chunk, modifier) = kind {
                Some((*kind, chunk, *modifier))
            } else {
                None
            }
        });
        let conditional = construct.private.iter().any(|private| private.conditional);
        let linear = construct
            .private
            .iter()
            .any(|private| private.linear.is_some());
        let forward = triangular || conditional || linear || directive.doacross().is_some();
        let reproducible = directive
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Reproducible);
        let (kind, chunk, modifier) = match found {
            Some((_, chunk, _)) if reproducible => ("CAPE_STATIC", chunk.as_ref(), ""),
            None => ("CAPE_STATIC", None, ""),
            Some((kind, chunk, modifier)) => (kind.constant(), chunk.as_ref(), modifier),
        };
        let modifier = match forward || directive.ordered() {
            true => " | CAPE_MONOTONIC",
            false => modifier,
        };
        let ordered = if directive.ordered() {
            " | CAPE_ORDERED"
        } else {
            ""
        };
        let chunk = chunk.map_or_else(|| Code::made("0"), |range| self.user(range));
        (Code::made(format!("{kind}{modifier}{ordered}")), chunk)
    }

    fn doacross_begin(&self, id: ConstructId, suffixes: &[String]) -> Code {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let Some(dimensions) = directive.doacross() else {
            return Code::default();
        };
        let counts: Vec<String> = suffixes
            .iter()
            .map(|suffix| format!("(long long)cape_count{suffix}"))
            .collect();
        Code::made(format!(
            "cape_doacross_begin(&cape_chunk, {dimensions}, (const long long[]){{{}}});",
            counts[..dimensions.min(counts.len())].join(", ")
        ))
    }

    /// `ordered` with a dependence: marks an iteration, or waits for some.
    pub(super) fn doacross(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let Some(outer) = construct.parent else {
            return Code::default();
        };
        let loops = &program.constructs[outer].loops;
        let suffixes = suffixes(loops);
        let mut all = Vec::new();
        for clause in &program.directives[construct.directive].clauses {
            let call = match &clause.kind {
                ClauseKind::Loop(LoopClause::Source) => "post",
                ClauseKind::Loop(LoopClause::Sink(_) | LoopClause::SinkPrevious) => "wait",
                _ => continue,
            };
            let items: &[SinkItem] = match &clause.kind {
                ClauseKind::Loop(LoopClause::Sink(items)) => items,
                _ => &[],
            };
            let mut code = Code::made("{\nlong long cape_vector[] = {");
            for (level, (each, suffix)) in loops.iter().zip(&suffixes).enumerate() {
                if level > 0 {
                    code.text(", ");
                }
                let item = items.get(level).and_then(|item| item.offset.as_ref());
                code.append(self.component(each, suffix, item));
            }
            code.text("};\n");
            if matches!(clause.kind, ClauseKind::Loop(LoopClause::SinkPrevious)) {
                code.text(previous(&suffixes));
            }
            code.text(format!(
                "cape_doacross_{call}(&cape_chunk, cape_vector);\n}}"
            ));
            all.push(code);
        }
        lines(all)
    }

    /// Logical number of a loop's iteration, `offset` away from the current one; -1, outside of the loop, where the offset is no
    /// multiple of the step.
    fn component(
        &mut self,
        each: &Loop,
        suffix: &str,
        offset: Option<&(bool, std::ops::Range<usize>)>,
    ) -> Code {
        let first = format!("cape_first{suffix}");
        let name = self.name(each).to_owned();
        let (low, high) = match each.upwards {
            true => (first.as_str(), name.as_str()),
            false => (name.as_str(), first.as_str()),
        };
        let stride = stride(each, suffix, self.program);
        let mut current = self.distance(each, low, high);
        if stride != "1" {
            current = format!("{current} / (unsigned long long){stride}");
        }
        let current = format!("(long long)({current})");
        let Some((negative, range)) = offset else {
            return Code::made(current);
        };
        let value = self.parenthesized(range);
        let sign = if *negative == each.upwards { "-" } else { "+" };
        if stride == "1" {
            let mut code = Code::made(format!("{current} {sign} "));
            code.append(value);
            return code;
        }
        let mut code = Code::default();
        code.append(value.clone());
        code.text(format!(" % (long long){stride} ? -1 : {current} {sign} "));
        code.append(value);
        code.text(format!(" / (long long){stride}"));
        code
    }

    /// `ordered` with a block.
    pub(super) fn ordered(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let around = construct
            .parent
            .map(|outer| &self.program.constructs[outer]);
        if around.is_some_and(|outer| outer.leaf == Leaf::Simd) {
            let mut code = Code::made("#pragma omp ordered simd\n");
            code.append(self.body(id));
            return code;
        }
        let directive = &self.program.directives[construct.directive];
        let has = |wanted: LoopClause| {
            let wanted = ClauseKind::Loop(wanted);
            directive.clauses.iter().any(|clause| clause.kind == wanted)
        };
        if has(LoopClause::Simd) && !has(LoopClause::Threads) {
            return self.body(id);
        }
        let fillings = vec![("SITE", self.site(id)), ("BODY", self.body(id))];
        template::ORDERED.fill(fillings)
    }
}

/// What tells the names of a loop's parts from those of the others.
pub(super) fn suffixes(loops: &[Loop]) -> Vec<String> {
    match loops.len() {
        1 => vec![String::new()],
        count => (1..=count).map(|level| format!("_{level}")).collect(),
    }
}

/// The number of points of a rectangular nest.
pub(super) fn product(suffixes: &[String]) -> String {
    let counts: Vec<String> = suffixes
        .iter()
        .map(|suffix| format!("cape_count{suffix}"))
        .collect();
    counts.join(" * ")
}

/// Makes `cape_vector` the iteration before it.
fn previous(suffixes: &[String]) -> String {
    let mut code = String::new();
    for (level, suffix) in suffixes.iter().enumerate().rev() {
        code += &match level {
            0 => "--cape_vector[0];\n".to_owned(),
            _ => format!(
                "if (--cape_vector[{level}] < 0) {{\ncape_vector[{level}] = (long long)cape_count{suffix} - 1;\n"
            ),
        };
    }
    code + &"}\n".repeat(suffixes.len() - 1)
}

/// A plain positive integer constant.
fn literal(text: &str) -> Option<u32> {
    text.parse().ok().filter(|value| *value > 0)
}

/// The step's magnitude: a constant or the name that holds it.
pub(super) fn stride(each: &Loop, suffix: &str, program: &Program<'_>) -> String {
    match &each.amount {
        None => "1".to_owned(),
        Some(amount) => match literal(program.slice(amount)) {
            Some(value) if each.subtracted != each.upwards => value.to_string(),
            _ => format!("cape_stride{suffix}"),
        },
    }
}

pub(super) fn sign(each: &Loop) -> &'static str {
    if each.upwards { "+" } else { "-" }
}
