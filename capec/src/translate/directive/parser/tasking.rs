//! The clauses of tasks, cancellation, `flush` and `depobj`.

use std::ops::Range;

use super::super::super::problem::Problem;
use super::super::super::tokens::{TokenKind, closing};
use super::super::{
    CancelKind, Clause, ClauseKind, Depend, DependIterator, DependKind, DirectiveKind, ListKind,
    Locator,
};
use super::Parser;

impl Parser<'_> {
    /// The clause `name`; `None`: it is none of those.
    pub(super) fn tasking_clause(
        &mut self,
        kind: DirectiveKind,
        directive: &str,
        name: &str,
        arguments: &Option<Range<usize>>,
        range: &Range<usize>,
    ) -> Option<Option<ClauseKind>> {
        let cancels = matches!(
            kind,
            DirectiveKind::Cancel | DirectiveKind::CancellationPoint
        );
        let bare = match name {
            "untied" => Some(ClauseKind::Untied),
            "mergeable" => Some(ClauseKind::Mergeable),
            "nogroup" => Some(ClauseKind::Nogroup),
            "parallel" if cancels => Some(ClauseKind::Cancel(CancelKind::Parallel)),
            "for" if cancels => Some(ClauseKind::Cancel(CancelKind::For)),
            "sections" if cancels => Some(ClauseKind::Cancel(CancelKind::Sections)),
            "taskgroup" if cancels => Some(ClauseKind::Cancel(CancelKind::Taskgroup)),
            "destroy" => Some(ClauseKind::Destroy),
            "seq_cst" if kind == DirectiveKind::Flush => {
                Some(ClauseKind::FlushOrder("CAPE_FLUSH_STRONG"))
            }
            "acq_rel" if kind == DirectiveKind::Flush => {
                Some(ClauseKind::FlushOrder("CAPE_FLUSH_ACQ_REL"))
            }
            "acquire" if kind == DirectiveKind::Flush => {
                Some(ClauseKind::FlushOrder("CAPE_FLUSH_ACQUIRE"))
            }
            "release" if kind == DirectiveKind::Flush => {
                Some(ClauseKind::FlushOrder("CAPE_FLUSH_RELEASE"))
            }
            _ => None,
        };
        let found = match (bare, arguments) {
            (Some(kind), None) => Some(kind),
            (Some(ClauseKind::Destroy), Some(_)) => Some(ClauseKind::Destroy),
            (Some(_), Some(_)) => {
                self.malformed(range, format!("clause '{name}' takes no arguments"))
            }
            (None, Some(inside)) if !inside.is_empty() => {
                return self.tasking_arguments(kind, directive, name, inside.clone(), range);
            }
            (None, _) => return None,
        };
        Some(found)
    }

    fn tasking_arguments(
        &mut self,
        kind: DirectiveKind,
        directive: &str,
        name: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<Option<ClauseKind>> {
        let found = match name {
            "final" => Some(ClauseKind::Final(self.span(inside))),
            "priority" => Some(ClauseKind::Priority(self.span(inside))),
            "filter" => Some(ClauseKind::Filter(self.span(inside))),
            "grainsize" | "num_tasks" => {
                let strict =
                    self.word_at(inside.start) == "strict" && self.word_at(inside.start + 1) == ":";
                let start = inside.start + if strict { 2 } else { 0 };
                match (start < inside.end, name) {
                    (false, _) => {
                        self.malformed(range, format!("clause '{name}' needs an expression"))
                    }
                    (true, "grainsize") => {
                        Some(ClauseKind::Grainsize(strict, self.span(start..inside.end)))
                    }
                    (true, _) => Some(ClauseKind::NumTasks(strict, self.span(start..inside.end))),
                }
            }
            "depend" if kind != DirectiveKind::Ordered => self.depend(directive, inside, range),
            "update" if kind == DirectiveKind::Depobj => {
                match DependKind::parse(self.word_at(inside.start)) {
                    Some(DependKind::Depobj) | None => self.malformed(
                        &self.span(inside),
                        "clause 'update' takes in, out, inout, mutexinoutset or inoutset"
                            .to_owned(),
                    ),
                    Some(kind) => Some(ClauseKind::Update(kind)),
                }
            }
            "affinity" => Some(ClauseKind::Advice),
            "copyprivate" => self.list(ListKind::Copyprivate, inside),
            "detach" if inside.len() == 1 => self.list(ListKind::Detach, inside),
            "detach" => self.malformed(
                &self.span(inside),
                "clause 'detach' takes one variable of type omp_event_handle_t".to_owned(),
            ),
            "in_reduction" | "task_reduction" => self.participation(name, inside, range),
            _ => return None,
        };
        Some(found)
    }

    /// `in_reduction(operator : list)`, `task_reduction(operator : list)`
    fn participation(
        &mut self,
        name: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<ClauseKind> {
        let found = self.reduction(inside, range)?;
        let ClauseKind::List(ListKind::Reduction(operator), items) = found else {
            return Some(found);
        };
        let kind = match name {
            "in_reduction" => ListKind::InReduction(operator),
            _ => ListKind::TaskReduction(operator),
        };
        Some(ClauseKind::List(kind, items))
    }

    /// `depend([iterator(...),] kind : locators)`
    fn depend(
        &mut self,
        directive: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<ClauseKind> {
        let (mut start, mut iterators) = (inside.start, Vec::new());
        if self.word_at(start) == "iterator" && self.word_at(start + 1) == "(" {
            let close = closing(self.text, self.tokens, start + 1)?;
            for part in self.split(start + 2..close, ",") {
                iterators.push(self.iterator(part)?);
            }
            if self.word_at(close + 1) != "," {
                return self.malformed(range, "expected ',' after the iterators".to_owned());
            }
            start = close + 2;
        }
        let word = self.word_at(start.min(inside.end));
        if matches!(word, "source" | "sink") {
            let message = format!(
                "depend({word}) is for '#pragma omp ordered', not for '#pragma omp {directive}'"
            );
            return self.malformed(range, message);
        }
        let Some(kind) = DependKind::parse(word) else {
            let message = format!(
                "unknown dependence '{word}', expected in, out, inout, mutexinoutset, inoutset or depobj"
            );
            return self.malformed(range, message);
        };
        if self.word_at(start + 1) != ":" || start + 2 >= inside.end {
            return self.malformed(
                range,
                format!("clause 'depend' has the form depend({word} : list)"),
            );
        }
        let mut locators = Vec::new();
        for part in self.split(start + 2..inside.end, ",") {
            if part.is_empty() {
                return self.malformed(range, "expected a list item in 'depend'".to_owned());
            }
            locators.push(self.locator(part));
        }
        Some(ClauseKind::Depend(Depend {
            kind,
            iterators,
            locators,
        }))
    }

    /// `[type] name = begin : end [: step]`
    fn iterator(&mut self, part: Range<usize>) -> Option<DependIterator> {
        let equals = part.clone().find(|&index| self.word_at(index) == "=");
        let named = equals.filter(|&equals| {
            equals > part.start && self.tokens[equals - 1].kind == TokenKind::Word
        });
        let parts = named.map(|equals| self.split(equals + 1..part.end, ":"));
        match (named, parts.as_deref()) {
            (Some(equals), Some([begin, end, step @ ..]))
                if step.len() <= 1
                    && [begin, end]
                        .into_iter()
                        .chain(step)
                        .all(|part| !part.is_empty()) =>
            {
                Some(DependIterator {
                    kind: (equals - 1 > part.start).then(|| self.span(part.start..equals - 1)),
                    name: self.tokens[equals - 1].range.clone(),
                    begin: self.span(begin.clone()),
                    end: self.span(end.clone()),
                    step: step.first().map(|step| self.span(step.clone())),
                })
            }
            _ => {
                let range = match part.is_empty() {
                    true => self.range.clone(),
                    false => self.span(part),
                };
                self.malformed(
                    &range,
                    "an iterator has the form 'type name = begin : end : step'".to_owned(),
                );
                None
            }
        }
    }

    fn locator(&self, part: Range<usize>) -> Locator {
        let mut sections = Vec::new();
        let mut at = part.start;
        while at < part.end {
            if self.word_at(at) == "["
                && let Some(close) = closing(self.text, self.tokens, at)
            {
                let inside = self.section(at + 1..close);
                if !inside.single {
                    sections.push((self.span(at..close + 1), inside.lower));
                    at = close;
                }
            }
            at += 1;
        }
        Locator {
            all_memory: part.len() == 1 && self.word_at(part.start) == "omp_all_memory",
            range: self.span(part),
            sections,
        }
    }

    /// Token ranges between the separators that are not in brackets; `:` of a conditional expression is none.
    fn split(&self, inside: Range<usize>, separator: &str) -> Vec<Range<usize>> {
        let (mut parts, mut start, mut at) = (Vec::new(), inside.start, inside.start);
        let mut questions = 0;
        while at < inside.end {
            match self.word_at(at) {
                "(" | "[" | "{" => at = closing(self.text, self.tokens, at).unwrap_or(at),
                "?" => questions += 1,
                ":" if questions > 0 => questions -= 1,
                word if word == separator => {
                    parts.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        parts.push(start..inside.end.max(start));
        parts
    }

    /// The list of `flush`, which may be absent.
    pub(super) fn flush_list(&mut self) -> Option<Clause> {
        let start = self.at;
        if self.word() != "(" {
            return None;
        }
        match self.arguments(start - 1)? {
            Some(inside) if !inside.is_empty() => {
                let kind = self.list(ListKind::Flush, inside)?;
                let range = self.span(start..self.at);
                Some(Clause { kind, range })
            }
            _ => {
                let range = self.range.clone();
                self.malformed(&range, "the list of 'flush' is empty".to_owned());
                None
            }
        }
    }

    /// `depobj(object)`
    pub(super) fn depobj(&mut self) -> Option<Clause> {
        let start = self.at;
        match self.arguments(start - 1)? {
            Some(inside) if !inside.is_empty() => Some(Clause {
                kind: ClauseKind::Object(self.span(inside)),
                range: self.span(start..self.at),
            }),
            _ => {
                let range = self.range.clone();
                let message = "'depobj' takes an omp_depend_t in parentheses".to_owned();
                self.malformed(&range, message);
                None
            }
        }
    }

    /// Clauses that exclude or need each other.
    pub(super) fn check_tasking(&mut self, name: &str, kind: DirectiveKind, clauses: &[Clause]) {
        let first = |wanted: &dyn Fn(&ClauseKind) -> bool| {
            clauses.iter().find(|clause| wanted(&clause.kind))
        };
        let mut exclude = |one: &dyn Fn(&ClauseKind) -> bool,
                           other: &dyn Fn(&ClauseKind) -> bool,
                           message: &str| {
            if let (Some(one), Some(other)) = (first(one), first(other)) {
                let problem = Problem::new(one.range.clone(), message)
                    .related(other.range.clone(), "excluded by this clause");
                self.problems.push(problem);
            }
        };
        exclude(
            &|kind| matches!(kind, ClauseKind::Grainsize(..)),
            &|kind| matches!(kind, ClauseKind::NumTasks(..)),
            "'grainsize' and 'num_tasks' exclude each other",
        );
        exclude(
            &|kind| matches!(kind, ClauseKind::List(ListKind::Detach, _)),
            &|kind| *kind == ClauseKind::Mergeable,
            "'detach' and 'mergeable' exclude each other",
        );
        exclude(
            &|kind| *kind == ClauseKind::Nogroup,
            &|kind| matches!(kind, ClauseKind::List(ListKind::Reduction(_), _)),
            "'nogroup' and 'reduction' exclude each other",
        );
        exclude(
            &|kind| matches!(kind, ClauseKind::List(ListKind::Copyprivate, _)),
            &|kind| *kind == ClauseKind::Nowait,
            "'copyprivate' and 'nowait' exclude each other",
        );
        exclude(
            &|kind| matches!(kind, ClauseKind::List(ListKind::Flush, _)),
            &|kind| matches!(kind, ClauseKind::FlushOrder(_)),
            "a 'flush' with a list takes no memory order",
        );
        let count = |wanted: &dyn Fn(&ClauseKind) -> bool| {
            clauses.iter().filter(|clause| wanted(&clause.kind)).count()
        };
        let wrong = match kind {
            DirectiveKind::Cancel | DirectiveKind::CancellationPoint
                if count(&|kind| matches!(kind, ClauseKind::Cancel(_))) != 1 =>
            {
                Some("names one of parallel, for, sections and taskgroup")
            }
            DirectiveKind::Flush
                if count(&|kind| matches!(kind, ClauseKind::FlushOrder(_))) > 1 =>
            {
                Some("takes one memory order")
            }
            DirectiveKind::Taskwait
                if count(&|kind| *kind == ClauseKind::Nowait) > 0
                    && count(&|kind| matches!(kind, ClauseKind::Depend(_))) == 0 =>
            {
                Some("with 'nowait' needs a 'depend' clause")
            }
            DirectiveKind::Depobj
                if count(&|kind| {
                    matches!(
                        kind,
                        ClauseKind::Depend(_) | ClauseKind::Update(_) | ClauseKind::Destroy
                    )
                }) != 1 =>
            {
                Some("takes one of the clauses depend, update and destroy")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let message = format!("'#pragma omp {name}' {wrong}");
            self.problems
                .push(Problem::new(self.range.clone(), message));
        }
    }
}
