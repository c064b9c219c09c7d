//! `simd`: handed to the host compiler, which is told of simd directives (-fopenmp-simd), with clauses rebuilt so that they name
//! what the translated code names.

use super::super::code::Code;
use super::super::declare::{expression, in_pragma, spelled};
use super::super::directive::{ClauseKind, DirectiveKind, LoopClause, Operator};
use super::super::program::{ConstructId, EntityId, EntityKind, Leaf, Private, Program};
use super::super::template::{self, lines};
use super::Lowerer;

impl Lowerer<'_, '_> {
    /// The directive for the loop that runs a chunk of a worksharing loop with `simd`; `None`: it is run without, which is always
    /// right: something in it needs the iterations one after the other, or cannot be said to the host compiler.
    pub(super) fn simd_pragma(&self, id: ConstructId) -> Option<String> {
        let construct = &self.program.constructs[id];
        let directive = &self.program.directives[construct.directive];
        let in_order = directive.ordered() || directive.doacross().is_some() || directive.inscan();
        if !construct.parts.contains(&DirectiveKind::Simd) || in_order {
            return None;
        }
        let mut clauses = self.advice(id);
        for private in &construct.private {
            let name = &self.program.entities[private.entity].name;
            if private.loop_variable
                && construct.loops.last().map(|last| last.entity) == Some(private.entity)
            {
                continue;
            }
            if private.conditional || (private.first && private.last) {
                return None;
            }
            if let Some((operator, item)) = &private.reduction {
                let symbol = operator.symbol()?;
                if private.tasks
                    || item.sections.len() > 1
                    || self.reduced(private)?.initialiser.is_some()
                {
                    return None;
                }
                clauses.push(match item.sections.len() {
                    0 => format!("reduction({symbol}:{name})"),
                    _ => format!("reduction({symbol}:{name}[cape_low_{name}:cape_len_{name}])"),
                });
            } else if private.linear.is_some() {
                clauses.push(format!("linear({name}:cape_step_{name})"));
            } else if private.last && !private.loop_variable {
                clauses.push(format!("lastprivate({name})"));
            } else if !private.first && !private.loop_variable {
                clauses.push(format!("private({name})"));
            }
        }
        Some(pragma("simd", &clauses))
    }

    /// `safelen` and the like, as far as the names in them mean the same in the translation; `if`.
    fn advice(&self, id: ConstructId) -> Vec<String> {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let alone = self.program.constructs[id].leaf == Leaf::Simd;
        let mut clauses = Vec::new();
        for clause in &directive.clauses {
            match &clause.kind {
                ClauseKind::Loop(LoopClause::Host(range, named)) => {
                    let text = in_pragma(self.program, range);
                    if !*named || !text.contains("(*") {
                        clauses.push(text);
                    }
                }
                ClauseKind::If(part, range)
                    if *part == Some(DirectiveKind::Simd) || (part.is_none() && alone) =>
                {
                    clauses.push(format!("if({})", in_pragma(self.program, range)));
                }
                _ => {}
            }
        }
        clauses
    }

    /// A `simd` construct, or a `loop` of a thread's own.
    pub(super) fn simd(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let (mut originals, mut copies, mut results) = (Vec::new(), Vec::new(), Vec::new());
        let mut clauses = self.advice(id);
        if construct.loops.len() > 1 {
            clauses.push(format!("collapse({})", construct.loops.len()));
        }
        for private in &construct.private {
            let name = program.entities[private.entity].name.clone();
            let home = program.entities[private.entity].home == Some(id);
            let outer = expression(program, private.entity, construct.parent);
            let renamed = spelled(program, private.entity, construct.parent).is_some();
            let hidden =
                !home && (renamed || out_of_sight(program, private.entity, construct.parent));
            if hidden && private.needs_original() {
                originals.push(Code::made(format!(
                    "__typeof__({outer}) *const cape_orig_{name} = &{outer};"
                )));
                copies.push(Code::made(self.whole_copy(id, private)));
                if !program.is_pointer(private.entity) || private.reduction.is_none() {
                    results.push(Code::made(format!(
                        "__builtin_memcpy((void *)cape_orig_{name}, (const void *)&{name}, sizeof {name});"
                    )));
                }
            } else if hidden {
                copies.push(Code::made(format!(
                    "{};",
                    self.copy_declaration(id, private.entity, &name)
                )));
            }
            clauses.extend(self.simd_clause(id, private, &name, home));
        }
        let range = construct.header.clone();
        let fillings = vec![
            ("ORIGINALS", lines(originals)),
            ("PRIVATES", lines(copies)),
            ("PRAGMA", Code::made(pragma("simd", &clauses))),
            ("LOOP", self.user(&range)),
            ("RESULTS", lines(results)),
        ];
        template::SIMD.fill(fillings)
    }

    /// The clause that says to the host compiler what becomes of a variable.
    fn simd_clause(
        &self,
        id: ConstructId,
        private: &Private,
        name: &str,
        home: bool,
    ) -> Option<String> {
        let construct = &self.program.constructs[id];
        if let Some((operator, item)) = &private.reduction {
            let symbol = match operator {
                Operator::User(start, end) => &self.program.text[*start..*end],
                operator => operator.symbol()?,
            };
            let modifier = if private.inscan { "inscan, " } else { "" };
            let mut list = name.to_owned();
            for section in &item.sections {
                let part = |range: &Option<std::ops::Range<usize>>| {
                    range
                        .as_ref()
                        .map_or_else(String::new, |range| in_pragma(self.program, range))
                };
                let colon = if section.single { "" } else { ":" };
                list += &format!("[{}{colon}{}]", part(&section.lower), part(&section.length));
            }
            return Some(format!("reduction({modifier}{symbol}:{list})"));
        }
        if let Some(step) = &private.linear {
            let step = step
                .as_ref()
                .map_or_else(|| "1".to_owned(), |range| in_pragma(self.program, range));
            return Some(format!("linear({name}:{step})"));
        }
        if private.loop_variable {
            let listed = construct.listed.contains(&private.entity);
            return match (listed, private.last) {
                _ if home => None,
                (true, true) => Some(format!("lastprivate({name})")),
                (true, false) => Some(format!("private({name})")),
                _ => None,
            };
        }
        Some(match private.last {
            true if private.conditional => format!("lastprivate(conditional: {name})"),
            true => format!("lastprivate({name})"),
            false => format!("private({name})"),
        })
    }

    /// A copy that starts with the original's value.
    fn whole_copy(&self, id: ConstructId, private: &Private) -> String {
        let name = &self.program.entities[private.entity].name;
        let declaration = self.copy_declaration(id, private.entity, name);
        format!(
            "{declaration};\n__builtin_memcpy((void *)&{name}, (const void *)cape_orig_{name}, sizeof {name});"
        )
    }

    /// `scan` inside of a simd loop.
    pub(super) fn scan(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let clauses = directive.clauses.iter();
        let clauses: Vec<String> = clauses
            .map(|clause| in_pragma(self.program, &clause.range))
            .collect();
        Code::made(pragma("scan", &clauses) + "\n")
    }
}

fn pragma(name: &str, clauses: &[String]) -> String {
    let mut text = format!("#pragma omp {name}");
    for clause in clauses {
        text += " ";
        text += clause;
    }
    text
}

/// Whether the function outlined around `scope` has nothing of `entity`, a variable of the function that it was taken from: no use in
/// there is a use of that.
fn out_of_sight(program: &Program<'_>, entity: EntityId, scope: Option<ConstructId>) -> bool {
    let found = &program.entities[entity];
    if found.kind == EntityKind::Global {
        return false;
    }
    let mut next = scope;
    while let Some(id) = next.filter(|_| next != found.home) {
        let construct = &program.constructs[id];
        if construct.treatment(entity).is_some() || construct.captures.contains_key(&entity) {
            return false;
        }
        if construct.leaf.is_region() {
            return true;
        }
        next = construct.parent;
    }
    false
}
