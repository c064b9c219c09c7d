//! The parser of pragmas: a recursive descent over their tokens that collects what is wrong.

mod loops;
mod offload;
mod reductions;
mod tasking;

use std::ops::Range;

use super::super::problem::Problem;
use super::super::tokens::{Token, TokenKind, closing};
use super::names;
use super::{
    AtomicForm, Clause, ClauseKind, Default, Directive, DirectiveKind, Item, ListKind, MemoryOrder,
    Operator, Schedule, Section,
};

/// Constituents that cannot be translated yet.
const UNSUPPORTED: &[DirectiveKind] = &[
    DirectiveKind::DeclareVariant,
    DirectiveKind::BeginDeclareVariant,
    DirectiveKind::EndDeclareVariant,
    DirectiveKind::Metadirective,
    DirectiveKind::Tile,
    DirectiveKind::Interop,
    DirectiveKind::Dispatch,
];

/// Clauses of OpenMP that exist but cannot be translated yet.
const UNSUPPORTED_CLAUSES: &[&str] = &[
    "adjust_args",
    "align",
    "append_args",
    "init",
    "match",
    "nocontext",
    "novariants",
    "otherwise",
    "sizes",
    "use",
    "when",
];

/// Reads one pragma, and goes on after an error where it can.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    range: Range<usize>,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn word(&self) -> &'a str {
        self.tokens
            .get(self.at)
            .map_or("", |token| token.text(self.text))
    }

    fn word_at(&self, index: usize) -> &'a str {
        self.tokens
            .get(index)
            .map_or("", |token| token.text(self.text))
    }

    /// Bytes of the current token, or of the end of the line.
    fn here(&self) -> Range<usize> {
        self.tokens
            .get(self.at)
            .map_or(self.range.end..self.range.end, |token| token.range.clone())
    }

    fn span(&self, tokens: Range<usize>) -> Range<usize> {
        self.tokens[tokens.start].range.start..self.tokens[tokens.end - 1].range.end
    }

    /// A parser of the pragma at `range`, whose tokens are `tokens`.
    pub(super) fn new(text: &'a str, tokens: &'a [Token], range: Range<usize>) -> Self {
        Parser {
            text,
            tokens,
            at: 3,
            range,
            problems: Vec::new(),
        }
    }

    pub(super) fn directive(mut self) -> Result<Directive, Vec<Problem>> {
        let Some((name, parts)) = self.name() else {
            return Err(self.problems);
        };
        let kind = parts[0];
        let critical = if kind == DirectiveKind::Critical {
            self.critical_name()
        } else {
            None
        };
        let mut clauses = Vec::new();
        match kind {
            DirectiveKind::Threadprivate => clauses.extend(self.threadprivate()),
            DirectiveKind::Flush => clauses.extend(self.flush_list()),
            DirectiveKind::Depobj => clauses.extend(self.depobj()),
            DirectiveKind::DeclareTarget
            | DirectiveKind::DeclareMapper
            | DirectiveKind::Allocate => clauses.extend(self.declared(kind)),
            DirectiveKind::DeclareReduction => clauses.extend(self.declare_reduction()),
            // The host compiler reads it.
            DirectiveKind::DeclareSimd => self.at = self.tokens.len(),
            _ => {}
        }
        while self.at < self.tokens.len() {
            if self.word() == "," {
                self.at += 1;
            }
            let before = self.at;
            clauses.extend(self.clause(name, parts));
            if self.at == before {
                self.at += 1;
            }
        }
        self.check_unique(&clauses);
        self.check_tasking(name, kind, &clauses);
        if self.problems.is_empty() {
            Ok(Directive {
                kind,
                name,
                parts,
                range: self.range,
                clauses,
                critical,
            })
        } else {
            Err(self.problems)
        }
    }

    /// The directive's name and constituents.
    fn name(&mut self) -> Option<(&'static str, &'static [DirectiveKind])> {
        let start = self.at;
        let words: Vec<&str> = (start..self.tokens.len().min(start + 8))
            .map(|index| self.word_at(index))
            .collect();
        let Some((name, parts)) = names::lookup(&words) else {
            self.unknown_directive(start);
            return None;
        };
        self.at += name.split(' ').count();
        if parts.iter().any(|part| UNSUPPORTED.contains(part)) {
            self.refuse_directive(start, name);
            return None;
        }
        Some((name, parts))
    }

    fn unknown_directive(&mut self, start: usize) {
        let first = self.word_at(start);
        let range = self
            .tokens
            .get(start)
            .map_or(self.range.clone(), |token| token.range.clone());
        let message = match first {
            "" => "'#pragma omp' without a directive name".to_owned(),
            _ if names::begins(first) => format!("'#pragma omp {first}' is not supported yet"),
            _ => format!("unknown directive '#pragma omp {first}'"),
        };
        self.problems.push(
            Problem::new(range, message)
                .note("see the OpenMP specification for the names of directives"),
        );
    }

    fn refuse_directive(&mut self, start: usize, name: &str) {
        let range = self.span(start..self.at);
        let problem = Problem::new(range, format!("'#pragma omp {name}' is not supported yet"))
            .note("express it with parallel, for, sections, single, critical or atomic, or compile this file with the host compiler");
        self.problems.push(problem);
    }

    fn critical_name(&mut self) -> Option<Range<usize>> {
        if self.word() != "(" {
            return None;
        }
        let close = closing(self.text, self.tokens, self.at);
        let named = close == Some(self.at + 2) && self.tokens[self.at + 1].kind == TokenKind::Word;
        if !named {
            self.problems.push(Problem::new(
                self.here(),
                "'critical' takes one name in parentheses",
            ));
            self.at = close.map_or(self.tokens.len(), |close| close + 1);
            return None;
        }
        self.at += 3;
        Some(self.tokens[self.at - 2].range.clone())
    }

    /// `(list)`
    fn threadprivate(&mut self) -> Option<Clause> {
        let start = self.at;
        match self.arguments(start - 1)? {
            Some(inside) if !inside.is_empty() => {
                let kind = self.list(ListKind::Threadprivate, inside)?;
                let range = self.span(start..self.at);
                Some(Clause { kind, range })
            }
            _ => {
                let message = "'threadprivate' takes a list of variables in parentheses".to_owned();
                let range = self.range.clone();
                self.malformed(&range, message);
                None
            }
        }
    }

    fn clause(
        &mut self,
        directive: &'static str,
        parts: &'static [DirectiveKind],
    ) -> Option<Clause> {
        let start = self.at;
        let name = self.word();
        if self.tokens[start].kind != TokenKind::Word {
            let problem = Problem::new(
                self.here(),
                format!("expected a clause of '#pragma omp {directive}', found '{name}'"),
            );
            self.problems.push(problem);
            self.at = self.tokens.len();
            return None;
        }
        self.at += 1;
        let arguments = self.arguments(start)?;
        let range = self.span(start..self.at);
        if !names::takes(parts, name) || self.is_unsupported(parts, name) {
            self.refuse_clause(directive, parts, name, range);
            return None;
        }
        // Dependences between iterations are those of `ordered` only.
        let of_loop = match name == "depend" && parts != [DirectiveKind::Ordered] {
            true => None,
            false => self.loop_clause(name, arguments.as_ref(), &range),
        };
        let known = of_loop
            .or_else(|| self.tasking_clause(parts[0], directive, name, &arguments, &range))
            .or_else(|| self.offload_clause(parts, name, &arguments, &range));
        let kind = match known {
            Some(found) => found?,
            None => self.clause_kind(parts, name, arguments, &range)?,
        };
        Some(Clause { kind, range })
    }

    fn is_unsupported(&self, parts: &[DirectiveKind], name: &str) -> bool {
        UNSUPPORTED_CLAUSES.contains(&name) && parts != [DirectiveKind::Ordered]
    }

    fn refuse_clause(
        &mut self,
        directive: &str,
        parts: &[DirectiveKind],
        name: &str,
        range: Range<usize>,
    ) {
        let message = if names::takes(parts, name) {
            format!("clause '{name}' of '#pragma omp {directive}' is not supported yet")
        } else if names::is_clause(name) {
            format!("clause '{name}' is not allowed on '#pragma omp {directive}'")
        } else {
            format!("unknown clause '{name}' of '#pragma omp {directive}'")
        };
        let allowed = names::allowed(parts);
        let note = if allowed.is_empty() {
            "it takes no clauses".to_owned()
        } else {
            format!("it takes {}", allowed.join(", "))
        };
        self.problems.push(Problem::new(range, message).note(note));
    }

    /// Token indices between the parentheses after the clause's name; `None` within `Some`: there are none.
    fn arguments(&mut self, start: usize) -> Option<Option<Range<usize>>> {
        if self.word() != "(" {
            return Some(None);
        }
        let Some(close) = closing(self.text, self.tokens, self.at) else {
            let name = self.word_at(start);
            self.problems.push(Problem::new(
                self.here(),
                format!("the '(' of clause '{name}' is not closed"),
            ));
            self.at = self.tokens.len();
            return None;
        };
        let inside = self.at + 1..close;
        self.at = close + 1;
        Some(Some(inside))
    }

    fn clause_kind(
        &mut self,
        parts: &[DirectiveKind],
        name: &str,
        arguments: Option<Range<usize>>,
        range: &Range<usize>,
    ) -> Option<ClauseKind> {
        let bare = match name {
            "nowait" => Some(ClauseKind::Nowait),
            "read" => Some(ClauseKind::Atomic(AtomicForm::Read)),
            "write" => Some(ClauseKind::Atomic(AtomicForm::Write)),
            "update" => Some(ClauseKind::Atomic(AtomicForm::Update)),
            "capture" => Some(ClauseKind::Atomic(AtomicForm::Capture)),
            "compare" => Some(ClauseKind::Compare),
            "relaxed" | "weak" => Some(ClauseKind::Advice),
            "seq_cst" => Some(ClauseKind::Ordering(MemoryOrder::SequentiallyConsistent)),
            "acq_rel" => Some(ClauseKind::Ordering(MemoryOrder::AcquireRelease)),
            "acquire" => Some(ClauseKind::Ordering(MemoryOrder::Acquire)),
            "release" => Some(ClauseKind::Ordering(MemoryOrder::Release)),
            _ => None,
        };
        match (bare, arguments) {
            (Some(kind), None) => Some(kind),
            (Some(_), Some(_)) => {
                self.malformed(range, format!("clause '{name}' takes no arguments"))
            }
            (None, Some(inside)) if !inside.is_empty() => {
                self.with_arguments(parts, name, inside, range)
            }
            (None, _) => self.malformed(
                range,
                format!("clause '{name}' needs arguments in parentheses"),
            ),
        }
    }

    fn malformed(&mut self, range: &Range<usize>, message: String) -> Option<ClauseKind> {
        self.problems.push(Problem::new(range.clone(), message));
        None
    }

    fn with_arguments(
        &mut self,
        parts: &[DirectiveKind],
        name: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<ClauseKind> {
        match name {
            "num_threads" => Some(ClauseKind::NumThreads(self.span(inside))),
            "if" => self.condition(parts, inside),
            "default" => match self.word_at(inside.start) {
                "shared" if inside.len() == 1 => Some(ClauseKind::Default(Default::Shared)),
                "none" if inside.len() == 1 => Some(ClauseKind::Default(Default::None)),
                "private" if inside.len() == 1 => Some(ClauseKind::Default(Default::Private)),
                "firstprivate" if inside.len() == 1 => {
                    Some(ClauseKind::Default(Default::Firstprivate))
                }
                _ => self.malformed(
                    range,
                    "clause 'default' takes shared, none, private or firstprivate".to_owned(),
                ),
            },
            "schedule" => self.schedule(inside),
            "collapse" => match self.positive(&inside) {
                Some(depth) => Some(ClauseKind::Collapse(depth)),
                None => self.malformed(
                    range,
                    "clause 'collapse' takes a positive integer constant".to_owned(),
                ),
            },
            "order" if self.word_at(inside.end - 1) == "concurrent" => {
                Some(match self.word_at(inside.start) {
                    "reproducible" => ClauseKind::Reproducible,
                    _ => ClauseKind::Advice,
                })
            }
            "order" => self.malformed(range, "clause 'order' takes concurrent".to_owned()),
            "hint" => Some(ClauseKind::Advice),
            // A weaker order than that of the construct, which serves for both outcomes.
            "fail" => match self.word_at(inside.start) {
                "seq_cst" | "acquire" | "relaxed" if inside.len() == 1 => Some(ClauseKind::Advice),
                _ => self.malformed(
                    range,
                    "clause 'fail' takes seq_cst, acquire or relaxed".to_owned(),
                ),
            },
            "reduction" => self.reduction(inside, range),
            "shared" => self.list(ListKind::Shared, inside),
            "private" => self.list(ListKind::Private, inside),
            "firstprivate" => self.list(ListKind::Firstprivate, inside),
            "copyin" => self.list(ListKind::Copyin, inside),
            "lastprivate"
                if self.word_at(inside.start) == "conditional"
                    && self.word_at(inside.start + 1) == ":" =>
            {
                self.list(ListKind::Conditional, inside.start + 2..inside.end)
            }
            "lastprivate" => self.list(ListKind::Lastprivate, inside),
            _ => None,
        }
    }

    /// `if([directive-name :] expression)`
    fn condition(&mut self, parts: &[DirectiveKind], inside: Range<usize>) -> Option<ClauseKind> {
        let words: Vec<&str> = inside.clone().map(|index| self.word_at(index)).collect();
        let named = names::lookup(&words)
            .filter(|(name, _)| words.get(name.split(' ').count()) == Some(&":"));
        let mut start = inside.start;
        let mut modifier = None;
        let word = self.tokens[start].kind == TokenKind::Word;
        if named.is_some() || (word && self.word_at(start + 1) == ":") {
            let name = named.map_or(words[0], |(name, _)| name);
            let part = named.map(|(_, named)| named[0]);
            match part.filter(|part| parts.contains(part)) {
                None => {
                    let message = format!("the modifier '{name}' does not name this construct");
                    return self.malformed(&self.tokens[start].range.clone(), message);
                }
                found => modifier = found,
            }
            start += name.split(' ').count() + 1;
        }
        if start >= inside.end {
            return self.malformed(
                &self.span(inside),
                "clause 'if' needs an expression".to_owned(),
            );
        }
        Some(ClauseKind::If(modifier, self.span(start..inside.end)))
    }

    /// `schedule([modifier[, modifier]:] kind[, chunk])`
    fn schedule(&mut self, inside: Range<usize>) -> Option<ClauseKind> {
        let mut start = inside.start;
        let mut modifier = "";
        while matches!(self.word_at(start), "monotonic" | "nonmonotonic" | "simd")
            && matches!(self.word_at(start + 1), ":" | ",")
        {
            let flag = match self.word_at(start) {
                "monotonic" => " | CAPE_MONOTONIC",
                "nonmonotonic" => " | CAPE_NONMONOTONIC",
                _ => modifier,
            };
            if !modifier.is_empty() && flag != modifier {
                let range = self.tokens[start].range.clone();
                return self.malformed(
                    &range,
                    "'monotonic' and 'nonmonotonic' exclude each other".to_owned(),
                );
            }
            modifier = flag;
            start += 2;
        }
        let kind = match self.word_at(start) {
            "static" => Schedule::Static,
            "dynamic" => Schedule::Dynamic,
            "guided" => Schedule::Guided,
            "auto" => Schedule::Auto,
            "runtime" => Schedule::Runtime,
            other => {
                let message = format!(
                    "unknown schedule '{other}', expected static, dynamic, guided, auto or runtime"
                );
                let range = self.tokens[start.min(inside.end - 1)].range.clone();
                return self.malformed(&range, message);
            }
        };
        let rest = start + 1..inside.end;
        if rest.is_empty() {
            return Some(ClauseKind::Schedule(kind, None, modifier));
        }
        if self.word_at(rest.start) != "," || rest.len() < 2 {
            return self.malformed(
                &self.span(rest),
                "expected ', chunk' after the kind of schedule".to_owned(),
            );
        }
        let chunk = self.span(rest.start + 1..rest.end);
        if matches!(kind, Schedule::Auto | Schedule::Runtime) {
            return self.malformed(
                &chunk,
                "schedule(auto) and schedule(runtime) take no chunk size".to_owned(),
            );
        }
        let first = self.word_at(rest.start + 1);
        if (first == "-" && rest.len() == 3) || (rest.len() == 2 && first.parse() == Ok(0)) {
            return self.malformed(&chunk, "the chunk size must be positive".to_owned());
        }
        Some(ClauseKind::Schedule(kind, Some(chunk), modifier))
    }

    /// `reduction([modifier,] operator : list)`
    fn reduction(&mut self, inside: Range<usize>, range: &Range<usize>) -> Option<ClauseKind> {
        let mut start = inside.start;
        let modified = self.word_at(start + 1) == ",";
        let kind: fn(Operator) -> ListKind = match self.word_at(start) {
            "inscan" if modified => ListKind::Inscan,
            "task" if modified => ListKind::ReductionTask,
            _ => ListKind::Reduction,
        };
        if modified && matches!(self.word_at(start), "inscan" | "task" | "default") {
            start += 2;
        }
        if self.word_at(start + 1) != ":" || start + 2 >= inside.end {
            return self.malformed(
                range,
                "clause 'reduction' has the form reduction(operator : list)".to_owned(),
            );
        }
        let token = &self.tokens[start];
        let user = (token.kind == TokenKind::Word)
            .then_some(Operator::User(token.range.start, token.range.end));
        let Some(operator) = Operator::parse(self.word_at(start)).or(user) else {
            let message = format!("'{}' is no reduction operator", self.word_at(start));
            let problem = Problem::new(token.range.clone(), message)
                .note("it takes + - * & | ^ && || min max or a name of 'declare reduction'");
            self.problems.push(problem);
            return None;
        };
        self.list(kind(operator), start + 2..inside.end)
    }

    fn list(&mut self, kind: ListKind, inside: Range<usize>) -> Option<ClauseKind> {
        let mut items = Vec::new();
        let mut at = inside.start;
        loop {
            let (item, next) = self.item(kind, at, inside.end)?;
            items.push(item);
            if next == inside.end {
                return Some(ClauseKind::List(kind, items));
            }
            if self.word_at(next) != "," {
                let message = format!("expected ',' or ')' in the list of '{}'", kind.name());
                return self.malformed(&self.tokens[next].range.clone(), message);
            }
            at = next + 1;
        }
    }

    fn item(&mut self, kind: ListKind, at: usize, end: usize) -> Option<(Item, usize)> {
        if at >= end || self.tokens[at].kind != TokenKind::Word {
            let range = self.tokens[at.min(self.tokens.len() - 1)].range.clone();
            self.malformed(
                &range,
                format!("expected a variable in the list of '{}'", kind.name()),
            );
            return None;
        }
        let name = self.tokens[at].range.clone();
        let (mut sections, mut next) = (Vec::new(), at + 1);
        while next < end && self.word_at(next) == "[" {
            let close = closing(self.text, self.tokens, next)?;
            sections.push(self.section(next + 1..close));
            next = close + 1;
        }
        if !sections.is_empty() && kind.operator().is_none() {
            self.malformed(
                &self.span(at..next),
                format!("clause '{}' takes no array sections", kind.name()),
            );
            return None;
        }
        Some((
            Item {
                name,
                sections,
                part: false,
            },
            next,
        ))
    }

    fn section(&self, inside: Range<usize>) -> Section {
        let mut depth = 0;
        let colon = inside.clone().find(|&index| {
            match self.word_at(index) {
                "(" | "[" | "?" => depth += 1,
                ")" | "]" => depth -= 1,
                ":" if depth == 0 => return true,
                ":" => depth -= 1,
                _ => {}
            }
            false
        });
        let part = |tokens: Range<usize>| (!tokens.is_empty()).then(|| self.span(tokens));
        match colon {
            None => Section {
                lower: part(inside),
                length: None,
                single: true,
            },
            Some(colon) => Section {
                lower: part(inside.start..colon),
                length: part(colon + 1..inside.end),
                single: false,
            },
        }
    }

    fn check_unique(&mut self, clauses: &[Clause]) {
        for (index, clause) in clauses.iter().enumerate() {
            let repeated = clauses[..index].iter().find(|earlier| {
                let lists = matches!(
                    clause.kind,
                    ClauseKind::List(..)
                        | ClauseKind::Advice
                        | ClauseKind::Align(..)
                        | ClauseKind::Depend(_)
                );
                let apart = match (&clause.kind, &earlier.kind) {
                    (ClauseKind::If(one, _), ClauseKind::If(other, _)) => one != other,
                    (ClauseKind::Defaultmap(_, one), ClauseKind::Defaultmap(_, other)) => {
                        one != other
                    }
                    (ClauseKind::Atomic(one), ClauseKind::Atomic(other)) => {
                        one != other && [one, other].contains(&&AtomicForm::Update)
                    }
                    _ => false,
                };
                let same = match (&earlier.kind, &clause.kind) {
                    (ClauseKind::Loop(earlier), ClauseKind::Loop(clause)) => {
                        clause.clashes(earlier)
                    }
                    (earlier, clause) => {
                        std::mem::discriminant(earlier) == std::mem::discriminant(clause)
                    }
                };
                !lists && !apart && same
            });
            if let Some(earlier) = repeated {
                let problem =
                    Problem::new(clause.range.clone(), "this clause may be given only once")
                        .related(earlier.range.clone(), "first given here");
                self.problems.push(problem);
            }
        }
    }
}
