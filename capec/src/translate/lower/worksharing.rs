//! `for`, `sections` and `single`.

use super::super::code::Code;
use super::super::directive::ClauseKind;
use super::super::loops::Relation;
use super::super::program::{ConstructId, EntityId, Loop};
use super::super::template::{self, lines};
use super::Lowerer;

/// The associated loops of a construct whose body is a function of its own.
pub(super) struct Nest {
    /// First value, bound, stride and number of iterations of each loop, and the number of all iterations.
    pub(super) bounds: Code,
    /// Those names that the function needs; each with the variable whose type it has (else as cape_count or a pointer's stride).
    pub(super) carried: Vec<(Option<EntityId>, String)>,
    /// Sets the loop variables that are lastprivate to their values after the loop.
    pub(super) last: Vec<Code>,
    /// Sets the variable of a single loop for the chunk.
    pub(super) start: Code,
    /// Steps the innermost loop's variable.
    pub(super) step: Code,
    /// Of several loops: the innermost one's number of iterations, and what sets all variables from cape_rest.
    pub(super) coordinates: Option<(Code, Code)>,
}

impl Lowerer<'_, '_> {
    pub(super) fn worksharing_loop(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let loops = &construct.loops;
        let suffixes: Vec<String> = match loops.len() {
            1 => vec![String::new()],
            count => (1..=count).map(|level| format!("_{level}")).collect(),
        };
        let mut bounds: Vec<Code> = Vec::new();
        for (each, suffix) in loops.iter().zip(&suffixes) {
            bounds.push(self.bounds(id, each, suffix));
        }
        if loops.len() > 1 {
            let product: Vec<String> = suffixes
                .iter()
                .map(|suffix| format!("cape_count{suffix}"))
                .collect();
            bounds.push(Code::made(format!(
                "const unsigned long long cape_count = {};",
                product.join(" * ")
            )));
        }
        let (schedule, chunk) = self.schedule(id);
        let last: Vec<Code> = loops
            .iter()
            .zip(&suffixes)
            .filter_map(|(each, suffix)| self.last_value(id, each, suffix))
            .collect();
        let innermost = loops.len() - 1;
        let step = format!(
            "{} {}= {}",
            self.name(&loops[innermost]),
            sign(&loops[innermost]),
            stride(&loops[innermost], &suffixes[innermost], program)
        );
        let mut fillings = vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.originals(id)),
            ("BOUNDS", lines(bounds)),
            ("PRIVATES", self.copies(id)),
            ("SCHEDULE", schedule),
            ("CHUNK", chunk),
            ("MOVE", Code::made(step)),
            ("BODY", self.body(id)),
            ("RESULTS", self.results(id, last)),
            ("BARRIER", self.barrier(id)),
        ];
        if loops.len() == 1 {
            fillings.push((
                "START",
                Code::made(self.start(&loops[0], "", "cape_chunk.first")),
            ));
            return template::FOR.fill(fillings);
        }
        fillings.push((
            "INNER",
            Code::made(format!("cape_count{}", suffixes[innermost])),
        ));
        fillings.push(("COORDINATES", self.coordinates(loops, &suffixes)));
        template::FOR_COLLAPSE.fill(fillings)
    }

    /// The loops of a taskloop.
    pub(super) fn nest(&mut self, id: ConstructId) -> Nest {
        let program = self.program;
        let loops = &program.constructs[id].loops;
        let suffixes: Vec<String> = match loops.len() {
            1 => vec![String::new()],
            count => (1..=count).map(|level| format!("_{level}")).collect(),
        };
        let (mut bounds, mut carried, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for (each, suffix) in loops.iter().zip(&suffixes) {
            bounds.push(self.bounds(id, each, suffix));
            carried.push((Some(each.entity), format!("cape_first{suffix}")));
            let name = stride(each, suffix, program);
            if name.starts_with("cape_stride") {
                let kind = (!program.is_pointer(each.entity)).then_some(each.entity);
                carried.push((kind, name));
            }
            carried.push((None, format!("cape_count{suffix}")));
            last.extend(self.last_value(id, each, suffix));
        }
        if loops.len() > 1 {
            let product: Vec<String> = suffixes
                .iter()
                .map(|suffix| format!("cape_count{suffix}"))
                .collect();
            bounds.push(Code::made(format!(
                "const unsigned long long cape_count = {};",
                product.join(" * ")
            )));
        }
        let innermost = loops.len() - 1;
        let step = format!(
            "{} {}= {}",
            self.name(&loops[innermost]),
            sign(&loops[innermost]),
            stride(&loops[innermost], &suffixes[innermost], program)
        );
        Nest {
            bounds: lines(bounds),
            carried,
            last,
            start: Code::made(self.start(&loops[0], "", "cape_chunk->first")),
            step: Code::made(step),
            coordinates: (loops.len() > 1).then(|| {
                (
                    Code::made(format!("cape_count{}", suffixes[innermost])),
                    self.coordinates(loops, &suffixes),
                )
            }),
        }
    }

    fn name(&self, each: &Loop) -> &str {
        &self.program.entities[each.entity].name
    }

    /// First value, bound, stride and count of one loop.
    fn bounds(&mut self, id: ConstructId, each: &Loop, suffix: &str) -> Code {
        let first = self.copy_declaration(id, each.entity, &format!("cape_first{suffix}"));
        let bound = self.copy_declaration(id, each.entity, &format!("cape_bound{suffix}"));
        let mut code = Code::made(format!("{first} = "));
        code.append(self.user(&each.first));
        code.text(format!(";\n{bound} = "));
        code.append(self.user(&each.bound));
        code.text(";\n");
        if let Some(amount) = &each.amount
            && (literal(self.program.slice(amount)).is_none() || each.subtracted == each.upwards)
        {
            let pointer = self.program.is_pointer(each.entity);
            let name = format!("cape_stride{suffix}");
            let declaration = if pointer {
                format!("long {name}")
            } else {
                self.copy_declaration(id, each.entity, &name)
            };
            code.text(format!(
                "{declaration} = {}",
                if each.subtracted == each.upwards {
                    "-"
                } else {
                    ""
                }
            ));
            code.append(self.parenthesized(amount));
            code.text(";\n");
        }
        code.text(format!(
            "const unsigned long long cape_count{suffix} = {};",
            self.count(each, suffix)
        ));
        code
    }

    /// The number of iterations, computed without overflow.
    fn count(&self, each: &Loop, suffix: &str) -> String {
        let (low, high) = if each.upwards {
            ("cape_first", "cape_bound")
        } else {
            ("cape_bound", "cape_first")
        };
        let (low, high) = (format!("{low}{suffix}"), format!("{high}{suffix}"));
        let inclusive = matches!(
            each.relation,
            Relation::LessOrEqual | Relation::GreaterOrEqual
        );
        let distance = if self.program.is_pointer(each.entity) {
            format!("(unsigned long long)({high} - {low})")
        } else {
            format!("((unsigned long long){high} - (unsigned long long){low})")
        };
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

    fn start(&self, each: &Loop, suffix: &str, index: &str) -> String {
        let name = self.name(each);
        match stride(each, suffix, self.program).as_str() {
            "1" => format!("{name} = cape_first{suffix} {} {index};", sign(each)),
            stride => format!(
                "{name} = cape_first{suffix} {} {index} * (unsigned long long){stride};",
                sign(each)
            ),
        }
    }

    fn coordinates(&self, loops: &[Loop], suffixes: &[String]) -> Code {
        let each = loops
            .iter()
            .zip(suffixes)
            .rev()
            .enumerate()
            .map(|(level, (each, suffix))| {
                let index = if level + 1 == loops.len() {
                    "cape_rest".to_owned()
                } else {
                    format!("cape_rest % cape_count{suffix}")
                };
                let next = if level + 1 == loops.len() {
                    String::new()
                } else {
                    format!("\ncape_rest /= cape_count{suffix};")
                };
                Code::made(format!(
                    "cape_index = {index};\n{}{next}",
                    self.start(each, suffix, "cape_index")
                ))
            });
        lines(each)
    }

    /// After the loop its variable has the value that ended it.
    fn last_value(&self, id: ConstructId, each: &Loop, suffix: &str) -> Option<Code> {
        let last = self.program.constructs[id]
            .treatment(each.entity)
            .is_some_and(|private| private.last);
        last.then(|| Code::made(self.start(each, suffix, &format!("cape_count{suffix}"))))
    }

    fn schedule(&mut self, id: ConstructId) -> (Code, Code) {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let found = directive.find(|kind| {
            if let ClauseKind::Schedule(kind, chunk) = kind {
                Some((*kind, chunk))
            } else {
                None
            }
        });
        match found {
            None => (Code::made("CAPE_STATIC"), Code::made("0")),
            Some((kind, None)) => (Code::made(kind.constant()), Code::made("0")),
            Some((kind, Some(chunk))) => (Code::made(kind.constant()), self.user(chunk)),
        }
    }

    /// The barrier at the end; a combined construct leaves it to the end of the region.
    pub(super) fn barrier(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        if construct.combined || self.program.directives[construct.directive].nowait() {
            return Code::default();
        }
        self.barrier_call(id)
    }

    pub(super) fn sections(&mut self, id: ConstructId) -> Code {
        let sections = self.program.constructs[id].sections.clone();
        let mut cases = Vec::new();
        for (number, range) in sections.iter().enumerate() {
            let mut code = Code::made(format!("case {number}: {{\n"));
            code.append(self.user(range));
            code.push(super::super::code::Piece::Place(
                self.program.constructs[id].range.start,
            ));
            code.text("\n} break;");
            cases.push(code);
        }
        let fillings = vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.originals(id)),
            ("PRIVATES", self.copies(id)),
            ("COUNT", Code::made(sections.len().to_string())),
            ("CASES", lines(cases)),
            ("RESULTS", self.results(id, Vec::new())),
            ("BARRIER", self.barrier(id)),
        ];
        template::SECTIONS.fill(fillings)
    }

    pub(super) fn single(&mut self, id: ConstructId) -> Code {
        if !self.program.constructs[id].copyprivate.is_empty() {
            return self.single_copyprivate(id);
        }
        let fillings = vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.originals(id)),
            ("PRIVATES", self.copies(id)),
            ("BODY", self.body(id)),
            ("BARRIER", self.barrier(id)),
        ];
        template::SINGLE.fill(fillings)
    }
}

/// A plain positive integer constant.
fn literal(text: &str) -> Option<u32> {
    text.parse().ok().filter(|value| *value > 0)
}

/// The step's magnitude: a constant or the name that holds it.
fn stride(each: &Loop, suffix: &str, program: &super::super::program::Program<'_>) -> String {
    match &each.amount {
        None => "1".to_owned(),
        Some(amount) => match literal(program.slice(amount)) {
            Some(value) if each.subtracted != each.upwards => value.to_string(),
            _ => format!("cape_stride{suffix}"),
        },
    }
}

fn sign(each: &Loop) -> &'static str {
    if each.upwards { "+" } else { "-" }
}
