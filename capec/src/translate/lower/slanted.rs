//! The loops of `taskloop`, above all those whose bounds depend on each other: what the task that makes the others computes, and what each
//! of them does.
//!
//! Such a bound is linear in the variable of one outer loop (OpenMP 5.2, 4.4.1). Its value at that loop's origin and the slope, taken where the
//! construct stands, go to the tasks as numbers: the user's expression, whose variables a task need not have, is evaluated nowhere else.

use super::super::code::Code;
use super::super::program::{ConstructId, EntityId, Loop};
use super::super::template::lines;
use super::Lowerer;
use super::loops::{product, sign, stride, suffixes};

/// The two ends of a loop: what holds their value at the outer loop's origin, and what their slope, each before the loop's suffix.
const ENDS: [(&str, &str, &str); 2] = [
    ("cape_first", "cape_first_base", "cape_first_slope"),
    ("cape_bound", "cape_bound_base", "cape_bound_slope"),
];

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
    /// Of loops that depend on each other.
    pub(super) slanted: Option<Slanted>,
}

/// The parts of a nest that a task has to be told, and the code on both sides.
pub(super) struct Slanted {
    /// Values at the origins, slopes, strides, and the number of all iterations.
    pub(super) bounds: Code,
    /// As in `Nest`, for the loops that depend on another.
    pub(super) carried: Vec<(Option<EntityId>, String)>,
    /// What a task declares before its loops.
    pub(super) names: Code,
    /// The loops around the rows; inside, the innermost loop's bounds are computed.
    pub(super) rows: Code,
    /// Their closing braces.
    pub(super) end: String,
}

impl Lowerer<'_, '_> {
    /// The loops of a taskloop.
    pub(super) fn nest(&mut self, id: ConstructId) -> Nest {
        let program = self.program;
        let loops = &program.constructs[id].loops;
        let suffixes = suffixes(loops);
        let (mut bounds, mut carried, mut last) = (Vec::new(), Vec::new(), Vec::new());
        let slanted = loops.iter().any(|each| each.outer.is_some());
        let innermost = loops.len() - 1;
        for (level, (each, suffix)) in loops.iter().zip(&suffixes).enumerate() {
            if each.outer.is_none() {
                bounds.push(self.bounds(id, each, suffix, true));
                carried.push((Some(each.entity), format!("cape_first{suffix}")));
                carried.push((None, format!("cape_count{suffix}")));
            } else {
                bounds.push(Code::default());
            }
            let name = stride(each, suffix, program);
            if name.starts_with("cape_stride") {
                let kind = (!program.is_pointer(each.entity)).then_some(each.entity);
                carried.push((kind, name));
            }
            let ended = match slanted && level < innermost {
                true => format!("cape_index{suffix}"),
                false => format!("cape_count{suffix}"),
            };
            last.extend(self.last_value(id, each, suffix, &ended));
        }
        let construct = &program.constructs[id];
        for private in construct.private.iter().filter(|it| it.linear.is_some()) {
            let name = &program.entities[private.entity].name;
            carried.push((None, format!("cape_step_{name}")));
        }
        bounds.push(self.linear_steps(id));
        let slanted = slanted.then(|| {
            let slanted = self.slanted(id, loops, &suffixes, &mut bounds);
            carried.extend(slanted.carried.iter().cloned());
            slanted
        });
        if let Some(slanted) = &slanted {
            bounds = vec![slanted.bounds.clone(), bounds.pop().unwrap_or_default()];
        } else if loops.len() > 1 {
            bounds.push(Code::made(format!(
                "const unsigned long long cape_count = {};",
                product(&suffixes)
            )));
        }
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
            start: match slanted {
                None => lines([
                    self.linear_starts(id, "cape_chunk->first"),
                    Code::made(self.start(&loops[0], "", "cape_chunk->first")),
                ]),
                Some(_) => lines([
                    self.linear_starts(id, "cape_row + cape_first"),
                    Code::made(self.start(&loops[innermost], &suffixes[innermost], "cape_first")),
                ]),
            },
            slanted,
            step: Code::made(step),
            coordinates: (loops.len() > 1).then(|| {
                (
                    Code::made(format!("cape_count{}", suffixes[innermost])),
                    lines([
                        self.coordinates(loops, &suffixes),
                        self.linear_starts(id, "cape_point"),
                    ]),
                )
            }),
        }
    }

    /// The nest of a taskloop of which a loop depends on an outer one; `plain` declares the bounds of loop `level` if that does not.
    pub(super) fn slanted(
        &mut self,
        id: ConstructId,
        loops: &[Loop],
        suffixes: &[String],
        plain: &mut [Code],
    ) -> Slanted {
        let (mut bounds, mut carried, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (level, each) in loops.iter().enumerate() {
            let suffix = &suffixes[level];
            let Some(outer) = around(loops, level) else {
                bounds.push(std::mem::take(&mut plain[level]));
                continue;
            };
            bounds.push(self.stride_value(id, each, suffix));
            bounds.push(self.slopes(id, (each, suffix), (&loops[outer], &suffixes[outer])));
            names.push(self.row_names(id, each, suffix));
            for (_, base, slope) in ENDS {
                carried.push((Some(each.entity), format!("{base}{suffix}")));
                carried.push((None, format!("{slope}{suffix}")));
            }
        }
        let outermost = &suffixes[..suffixes.len() - 1];
        let indices: Vec<String> = outermost
            .iter()
            .map(|suffix| format!("cape_index{suffix}"))
            .collect();
        names.push(Code::made(format!(
            "unsigned long long {};",
            indices.join(", ")
        )));
        let names = lines(names);
        let variables = loops
            .iter()
            .map(|each| {
                let name = self.name(each).to_owned();
                let declared = self.copy_declaration(id, each.entity, &name);
                Code::made(format!("{declared};\n(void){name};"))
            })
            .collect::<Vec<_>>();
        let (counting, end) = self.slanted_rows(loops, suffixes, "");
        let mut all = Code::made("unsigned long long cape_count = 0;\n{\n");
        all.append(lines(variables));
        all.text("\n");
        all.append(names.clone());
        all.text("\n");
        all.append(counting);
        let inner = suffixes.last().map_or("", String::as_str);
        all.text(format!("cape_count += cape_count{inner};\n{end}\n}}"));
        bounds.push(all);
        let (rows, end) = self.slanted_rows(loops, suffixes, "cape_row < cape_chunk->end && ");
        Slanted {
            bounds: lines(bounds),
            carried,
            names,
            rows,
            end,
        }
    }

    /// Declares and computes the values at the origin of the loop around, and the slopes.
    fn slopes(&mut self, id: ConstructId, each: (&Loop, &str), outer: (&Loop, &str)) -> Code {
        let ((each, suffix), (outer, outer_suffix)) = (each, outer);
        let mut code = Code::default();
        for (_, base, slope) in ENDS {
            let declared = self.copy_declaration(id, each.entity, &format!("{base}{suffix}"));
            code.text(format!("{declared};\nlong long {slope}{suffix};\n"));
        }
        let name = self.name(outer).to_owned();
        let declared = self.copy_declaration(id, outer.entity, &name);
        code.text(format!(
            "{{\n{declared} = {};\n",
            origin(outer, outer_suffix)
        ));
        let ends = [&each.first, &each.bound];
        for ((_, base, _), end) in ENDS.iter().zip(ends) {
            code.text(format!("{base}{suffix} = "));
            code.append(self.user(end));
            code.text(";\n");
        }
        let sign = sign(outer);
        code.text(format!("{name} {sign}= 1;\n"));
        let integer = match self.program.is_pointer(each.entity) {
            true => "",
            false => "(long long)",
        };
        for ((_, base, slope), end) in ENDS.iter().zip(ends) {
            code.text(format!("{slope}{suffix} = {sign}({integer}"));
            code.append(self.parenthesized(end));
            code.text(format!(" - {integer}{base}{suffix});\n"));
        }
        code.text("}");
        code
    }

    /// Declares what the rows compute for a dependent loop.
    fn row_names(&self, id: ConstructId, each: &Loop, suffix: &str) -> Code {
        let [first, bound] = ENDS
            .map(|(name, ..)| self.copy_declaration(id, each.entity, &format!("{name}{suffix}")));
        Code::made(format!(
            "{first};\n{bound};\nunsigned long long cape_count{suffix};"
        ))
    }

    /// The loops around the rows, which go on while `condition`, and their closing braces.
    fn slanted_rows(&self, loops: &[Loop], suffixes: &[String], condition: &str) -> (Code, String) {
        let mut text = String::new();
        let innermost = loops.len() - 1;
        for (level, (each, suffix)) in loops.iter().zip(suffixes).enumerate() {
            if let Some(outer) = around(loops, level) {
                let (outer, outer_suffix) = (&loops[outer], &suffixes[outer]);
                let integer = match self.program.is_pointer(outer.entity) {
                    true => "",
                    false => "(long long)",
                };
                for (name, base, slope) in ENDS {
                    text += &format!(
                        "{name}{suffix} = {base}{suffix} + {slope}{suffix} * ({integer}{} - {integer}{});\n",
                        self.name(outer),
                        origin(outer, outer_suffix)
                    );
                }
                text += &format!("cape_count{suffix} = {};\n", self.count(each, suffix));
            }
            if level < innermost {
                let index = format!("cape_index{suffix}");
                text += &format!(
                    "for ({index} = 0; {condition}{index} < cape_count{suffix}; ++{index}) {{\n{}\n",
                    self.start(each, suffix, &index)
                );
            }
        }
        (Code::made(text), "}".repeat(innermost))
    }
}

/// The level of the loop that loop `level` depends on.
pub(super) fn around(loops: &[Loop], level: usize) -> Option<usize> {
    let entity = loops[level].outer?;
    loops[..level].iter().position(|each| each.entity == entity)
}

/// Where a bound that depends on `outer` is evaluated: its first value, or what that is at its own origin.
fn origin(outer: &Loop, suffix: &str) -> String {
    match outer.outer {
        None => format!("cape_first{suffix}"),
        Some(_) => format!("cape_first_base{suffix}"),
    }
}
