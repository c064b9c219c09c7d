//! The parser of the clauses of loops.

use std::ops::Range;

use super::super::super::constant;
use super::super::super::tokens::{TokenKind, closing};
use super::super::{Bind, ClauseKind, Item, ListKind, LoopClause, SinkItem};
use super::Parser;

impl Parser<'_> {
    /// The clause `name` of a loop or of a directive that belongs to one; `None`: it is no such clause.
    pub(super) fn loop_clause(
        &mut self,
        name: &str,
        arguments: Option<&Range<usize>>,
        range: &Range<usize>,
    ) -> Option<Option<ClauseKind>> {
        let inside = arguments.cloned();
        let given = inside.clone().filter(|inside| !inside.is_empty());
        let found = match (name, given) {
            ("ordered", None) if inside.is_none() => Some(LoopClause::Ordered(None)),
            ("ordered", Some(inside)) => {
                let count = self.positive(&inside);
                match count {
                    Some(count) => Some(LoopClause::Ordered(Some(count))),
                    None => {
                        return Some(
                            self.wrong(range, "clause 'ordered' takes a positive integer constant"),
                        );
                    }
                }
            }
            ("threads", None) if inside.is_none() => Some(LoopClause::Threads),
            ("simd", None) if inside.is_none() => Some(LoopClause::Simd),
            ("bind", Some(inside)) => match (inside.len(), self.word_at(inside.start)) {
                (1, "teams") => Some(LoopClause::Bind(Bind::Teams)),
                (1, "parallel") => Some(LoopClause::Bind(Bind::Parallel)),
                (1, "thread") => Some(LoopClause::Bind(Bind::Thread)),
                _ => {
                    return Some(
                        self.wrong(range, "clause 'bind' takes teams, parallel or thread"),
                    );
                }
            },
            ("safelen" | "simdlen", Some(inside)) => {
                let literal =
                    inside.len() == 1 && self.tokens[inside.start].kind == TokenKind::Number;
                if literal && self.positive(&inside).is_none() {
                    let message = format!("clause '{name}' takes a positive integer constant");
                    return Some(self.wrong(range, &message));
                }
                Some(LoopClause::Host(range.clone(), false))
            }
            ("aligned" | "nontemporal", Some(inside)) => {
                if self.tokens[inside.start].kind != TokenKind::Word {
                    let message = format!("expected a variable in the list of '{name}'");
                    return Some(self.wrong(&self.tokens[inside.start].range.clone(), &message));
                }
                Some(LoopClause::Host(range.clone(), true))
            }
            ("linear", Some(inside)) => self.linear(inside, range),
            ("depend" | "doacross", Some(inside)) => self.dependence(name, inside, range)?,
            ("inclusive" | "exclusive", Some(inside)) => self
                .items(ListKind::Scan, inside)
                .map(|items| LoopClause::Scan(name == "inclusive", items)),
            _ => return None,
        };
        Some(found.map(ClauseKind::Loop))
    }

    fn wrong(&mut self, range: &Range<usize>, message: &str) -> Option<ClauseKind> {
        self.malformed(range, message.to_owned())
    }

    pub(super) fn positive(&self, inside: &Range<usize>) -> Option<usize> {
        let value = constant::value(&self.text[self.span(inside.clone())])?;
        usize::try_from(value).ok().filter(|value| *value > 0)
    }

    /// Items of a list whose clause is not a [`ClauseKind::List`].
    fn items(&mut self, kind: ListKind, inside: Range<usize>) -> Option<Vec<Item>> {
        match self.list(kind, inside)? {
            ClauseKind::List(_, items) => Some(items),
            _ => None,
        }
    }

    /// `linear(list : step)`, `linear(val(list) : step)`, `linear(list : val, step(step))`
    fn linear(&mut self, inside: Range<usize>, range: &Range<usize>) -> Option<LoopClause> {
        let first = self.word_at(inside.start);
        let close = closing(self.text, self.tokens, inside.start + 1)
            .filter(|_| self.word_at(inside.start + 1) == "(");
        let (list, rest) = match close {
            Some(close) if matches!(first, "val" | "ref" | "uval") => {
                if first != "val" {
                    let message = format!(
                        "the modifier '{first}' is for 'declare simd' in C++ only; leave it out"
                    );
                    self.malformed(&self.tokens[inside.start].range.clone(), message);
                    return None;
                }
                (inside.start + 2..close, close + 1..inside.end)
            }
            _ => {
                let colon = inside.clone().find(|&index| self.word_at(index) == ":");
                let end = colon.unwrap_or(inside.end);
                (inside.start..end, end..inside.end)
            }
        };
        if list.is_empty() {
            self.malformed(
                range,
                "clause 'linear' has the form linear(list : step)".to_owned(),
            );
            return None;
        }
        let items = self.items(ListKind::Linear, list)?;
        if rest.is_empty() {
            return Some(LoopClause::Linear(items, None));
        }
        let mut step = rest.start + 1..rest.end;
        if self.word_at(step.start) == "val" && step.len() == 1 {
            return Some(LoopClause::Linear(items, None));
        }
        if self.word_at(step.start) == "val" && self.word_at(step.start + 1) == "," {
            step.start += 2;
        }
        if self.word_at(step.start) == "step" && self.word_at(step.start + 1) == "(" {
            step = step.start + 2..closing(self.text, self.tokens, step.start + 1)?;
        }
        if step.is_empty() {
            self.malformed(range, "expected the step after ':' in 'linear'".to_owned());
            return None;
        }
        Some(LoopClause::Linear(items, Some(self.span(step))))
    }

    /// `depend(source)`, `depend(sink: vector)` and their newer spellings; `None`: another kind of dependence.
    fn dependence(
        &mut self,
        name: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<Option<LoopClause>> {
        match self.word_at(inside.start) {
            "source" => {
                let rest = (inside.start + 1..inside.end).map(|index| self.word_at(index));
                let rest: Vec<&str> = rest.collect();
                if matches!(rest.as_slice(), [] | [":"] | [":", "omp_cur_iteration"]) {
                    return Some(Some(LoopClause::Source));
                }
                self.malformed(range, format!("'{name}(source)' takes no iteration"));
                Some(None)
            }
            "sink" if self.word_at(inside.start + 1) == ":" => {
                Some(self.sink(inside.start + 2..inside.end, range))
            }
            _ if name == "doacross" => {
                self.malformed(
                    range,
                    "clause 'doacross' takes source: or sink: iteration".to_owned(),
                );
                Some(None)
            }
            _ => None,
        }
    }

    fn sink(&mut self, inside: Range<usize>, range: &Range<usize>) -> Option<LoopClause> {
        let words: Vec<&str> = inside.clone().map(|index| self.word_at(index)).collect();
        if words == ["omp_cur_iteration", "-", "1"] {
            return Some(LoopClause::SinkPrevious);
        }
        let (mut items, mut at) = (Vec::new(), inside.start);
        loop {
            let end = (at..inside.end)
                .find(|&index| self.word_at(index) == ",")
                .unwrap_or(inside.end);
            let form = end > at && self.tokens[at].kind == TokenKind::Word;
            let signed = end > at + 2 && matches!(self.word_at(at + 1), "+" | "-");
            if !form || (end > at + 1 && !signed) {
                self.malformed(range, "'sink' takes one 'variable', 'variable + constant' or 'variable - constant' for each loop".to_owned());
                return None;
            }
            items.push(SinkItem {
                name: self.tokens[at].range.clone(),
                offset: signed.then(|| (self.word_at(at + 1) == "-", self.span(at + 2..end))),
            });
            if end == inside.end {
                return Some(LoopClause::Sink(items));
            }
            at = end + 1;
        }
    }
}
