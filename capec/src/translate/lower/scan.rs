//! `for` with reduction(inscan, ...) and the `scan` directive in its body.

use super::super::code::{Code, Piece};
use super::super::directive::{ClauseKind, LoopClause};
use super::super::program::{ConstructId, Private};
use super::super::template::{self, lines};
use super::Lowerer;
use super::loops::{product, suffixes};

impl Lowerer<'_, '_> {
    /// A loop whose body a scan directive divides.
    pub(super) fn scanning_loop(&mut self, id: ConstructId) -> Code {
        let program = self.program;
        let construct = &program.constructs[id];
        let loops = &construct.loops;
        let suffixes = suffixes(loops);
        let mut bounds: Vec<Code> = Vec::new();
        for (each, suffix) in loops.iter().zip(&suffixes) {
            bounds.push(self.bounds(id, each, suffix, true));
        }
        let point = match loops.len() {
            1 => Code::made(self.start(&loops[0], "", "cape_point")),
            _ => {
                let count = product(&suffixes);
                bounds.push(Code::made(format!(
                    "const unsigned long long cape_count = {count};"
                )));
                let mut code =
                    Code::made("unsigned long long cape_rest = cape_point, cape_index;\n");
                code.append(self.coordinates(loops, &suffixes));
                code
            }
        };
        let scan = construct.scan.clone().expect("asked for by the caller");
        let inclusive = program.constructs.iter().any(|part| {
            part.parent == Some(id)
                && program.directives[part.directive].range == scan
                && program.directives[part.directive]
                    .clauses
                    .iter()
                    .any(|clause| {
                        matches!(clause.kind, ClauseKind::Loop(LoopClause::Scan(true, _)))
                    })
        });
        let mut before = self.user(&(construct.body.start + 1..scan.start));
        before.push(Piece::Place(construct.range.start));
        let mut after = self.user(&(scan.end..construct.body.end - 1));
        after.push(Piece::Place(construct.range.start));
        let (mut input, mut phase) = match inclusive {
            true => (before, after),
            false => (after, before),
        };
        if construct.private.iter().any(|private| private.conditional) {
            for part in [&mut input, &mut phase] {
                let mut numbered =
                    Code::made("const unsigned long long cape_iteration = cape_point + 1;\n");
                numbered.append(std::mem::take(part));
                *part = numbered;
            }
        }
        let items: Vec<Private> = construct
            .private
            .iter()
            .filter(|private| private.inscan)
            .cloned()
            .collect();
        let site = self.site_name(id);
        let each = |make: &dyn Fn(&str, &Private, &super::reductions::Reduced) -> String| {
            lines(items.iter().filter_map(|private| {
                let reduced = self.reduced(private)?;
                Some(Code::made(make(
                    &program.entities[private.entity].name,
                    private,
                    &reduced,
                )))
            }))
        };
        let mut privates = vec![self.declared_copies(id)];
        privates.push(each(&|name, _, _| {
            format!(
                "__typeof__({name}) cape_total_{name}, cape_prefix_{name}, cape_sum_{name};\n\
                 __builtin_memcpy(&cape_total_{name}, &{name}, sizeof {name});\n\
                 __builtin_memcpy(&cape_prefix_{name}, &{name}, sizeof {name});\n\
                 __builtin_memcpy(&cape_sum_{name}, cape_orig_{name}, sizeof {name});\n\
                 __typeof__({name}) cape_fresh_{name};\n__builtin_memcpy(&cape_fresh_{name}, &{name}, sizeof {name});"
            )
        }));
        let combine = |into: &str, from: &str, reduced: &super::reductions::Reduced| {
            format!("{}(&{into}, &{from}, {});", reduced.combiner, reduced.count)
        };
        let add = each(&|name, _, reduced| {
            combine(
                &format!("cape_sum_{name}"),
                &format!("cape_scan_{name}[cape_point - cape_begin]"),
                reduced,
            )
        });
        let show = each(&|name, _, _| {
            format!("__builtin_memcpy(&{name}, &cape_sum_{name}, sizeof {name});")
        });
        let (begin, end) = match inclusive {
            true => (lines([add, show]), Code::default()),
            false => (show, add),
        };
        let scratch = each(&|name, _, _| {
            format!(
                "__typeof__({name}) *const cape_scan_{name} = cape_scratch((cape_end - cape_begin) * sizeof {name});"
            )
        });
        let fresh = each(&|name, _, _| {
            format!("__builtin_memcpy(&{name}, &cape_fresh_{name}, sizeof {name});")
        });
        let keep = each(&|name, _, reduced| {
            format!(
                "__builtin_memcpy(&cape_scan_{name}[cape_point - cape_begin], &{name}, sizeof {name});\n{}",
                combine(&format!("cape_total_{name}"), name, reduced)
            )
        });
        let prefix = each(&|name, _, reduced| {
            format!(
                "cape_scan(&{site}, &cape_prefix_{name}, &cape_total_{name}, (void *)0, sizeof {}, {}, {});\n{}",
                reduced.element,
                reduced.count,
                reduced.combiner,
                combine(
                    &format!("cape_sum_{name}"),
                    &format!("cape_prefix_{name}"),
                    reduced
                )
            )
        });
        let free = each(&|name, _, _| {
            format!(
                "cape_scratch_free(cape_scan_{name});\n__builtin_memcpy(&{name}, &cape_total_{name}, sizeof {name});"
            )
        });
        let last: Vec<Code> = loops
            .iter()
            .zip(&suffixes)
            .filter_map(|(each, suffix)| {
                self.last_value(id, each, suffix, &format!("cape_count{suffix}"))
            })
            .collect();
        let fillings = vec![
            ("SITE", self.site(id)),
            ("ORIGINALS", self.loop_originals(id)),
            ("BOUNDS", lines(bounds)),
            ("PRIVATES", lines(privates)),
            ("SCRATCH", scratch),
            ("POINT", point),
            ("FRESH", fresh),
            ("INPUT", input),
            ("KEEP", keep),
            ("PREFIX", prefix),
            ("BEFORE", begin),
            ("SCAN", phase),
            ("AFTER", end),
            ("FREE", free),
            ("RESULTS", self.results(id, last)),
            ("BARRIER", self.barrier(id)),
        ];
        template::FOR_SCAN.fill(fillings)
    }
}
