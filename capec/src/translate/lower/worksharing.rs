//! `sections` and `single`, and the barrier at the end of constructs that share out work.

use super::super::code::Code;
use super::super::directive::DirectiveKind;
use super::super::program::ConstructId;
use super::super::template::{self, lines};
use super::Lowerer;

impl Lowerer<'_, '_> {
    /// The barrier at the end; a combined construct leaves it to the end of the region, and so does one that ends with the region.
    pub(super) fn barrier(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let over_teams = construct.has(DirectiveKind::Distribute);
        if construct.combined
            || over_teams
            || self.program.directives[construct.directive].nowait()
            || self.program.ends_region(id)
        {
            return Code::default();
        }
        self.barrier_call(id)
    }

    pub(super) fn sections(&mut self, id: ConstructId) -> Code {
        let sections = self.program.constructs[id].sections.clone();
        let mut cases = Vec::new();
        for (number, range) in sections.iter().enumerate() {
            let mut code = Code::made(format!("case {number}: {{\n"));
            let construct = &self.program.constructs[id];
            if construct.private.iter().any(|private| private.conditional) {
                code.text("const unsigned long long cape_iteration = cape_section + 1;\n");
            }
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
