//! Clauses of `target`, `teams` and `distribute`, and those that state properties of the program.

use std::ops::Range;

use super::super::super::constant;
use super::super::super::problem::Problem;
use super::super::super::tokens::{TokenKind, closing};
use super::super::{Clause, ClauseKind, DefaultMap, DirectiveKind, Item, ListKind};
use super::Parser;

/// Clauses without arguments that change nothing on the host.
const PROPERTIES: [&str; 8] = [
    "reverse_offload",
    "unified_address",
    "unified_shared_memory",
    "dynamic_allocators",
    "no_openmp",
    "no_openmp_routines",
    "no_parallelism",
    "full",
];

/// Clauses with arguments that change nothing on the host: the process has one memory.
const ADVICE: [&str; 8] = [
    "device",
    "uses_allocators",
    "absent",
    "contains",
    "holds",
    "allocator",
    "indirect",
    "partial",
];

/// Lists of what a device is to hold.
const LISTS: [&str; 8] = [
    "is_device_ptr",
    "has_device_addr",
    "use_device_ptr",
    "use_device_addr",
    "to",
    "from",
    "enter",
    "link",
];

/// Other clauses of this file.
const OTHERS: [&str; 12] = [
    "map",
    "num_teams",
    "thread_limit",
    "dist_schedule",
    "proc_bind",
    "defaultmap",
    "device_type",
    "atomic_default_mem_order",
    "at",
    "severity",
    "message",
    "allocate",
];

/// Types of `map`, and its modifiers.
const MAP_TYPES: [&str; 6] = ["to", "from", "tofrom", "alloc", "release", "delete"];
const MAP_MODIFIERS: [&str; 3] = ["always", "close", "present"];

impl Parser<'_> {
    /// Clause `name` if it is one of this file's; what is wrong with it has been reported if there is nothing inside.
    pub(super) fn offload_clause(
        &mut self,
        parts: &[DirectiveKind],
        name: &str,
        arguments: &Option<Range<usize>>,
        range: &Range<usize>,
    ) -> Option<Option<ClauseKind>> {
        if PROPERTIES.contains(&name) {
            return Some(match arguments {
                None => Some(ClauseKind::Advice),
                Some(_) => self.malformed(range, format!("clause '{name}' takes no arguments")),
            });
        }
        if !ADVICE.contains(&name) && !LISTS.contains(&name) && !OTHERS.contains(&name) {
            return None;
        }
        let inside = match arguments {
            Some(inside) if !inside.is_empty() => inside.clone(),
            None if matches!(name, "partial" | "indirect") => {
                return Some(Some(ClauseKind::Advice));
            }
            _ => {
                let message = format!("clause '{name}' needs arguments in parentheses");
                return Some(self.malformed(range, message));
            }
        };
        Some(self.offload_arguments(parts, name, inside, range))
    }

    fn offload_arguments(
        &mut self,
        parts: &[DirectiveKind],
        name: &str,
        inside: Range<usize>,
        range: &Range<usize>,
    ) -> Option<ClauseKind> {
        let words: Vec<&str> = inside.clone().map(|index| self.word_at(index)).collect();
        let one_of = |words: &str| format!("clause '{name}' takes {words}");
        match name {
            "thread_limit" => Some(ClauseKind::ThreadLimit(self.span(inside))),
            "num_teams" => Some(match self.colon(&inside) {
                Some(colon) => ClauseKind::NumTeams(
                    Some(self.span(inside.start..colon)),
                    self.span(colon + 1..inside.end),
                ),
                None => ClauseKind::NumTeams(None, self.span(inside)),
            }),
            "dist_schedule" => match words.as_slice() {
                ["static"] => Some(ClauseKind::DistSchedule(None)),
                ["static", ",", _, ..] => Some(ClauseKind::DistSchedule(Some(
                    self.span(inside.start + 2..inside.end),
                ))),
                _ => self.malformed(range, one_of("static or static, chunk")),
            },
            "proc_bind" => match words.as_slice() {
                ["master" | "primary"] => Some(ClauseKind::ProcBind(2)),
                ["close"] => Some(ClauseKind::ProcBind(3)),
                ["spread"] => Some(ClauseKind::ProcBind(4)),
                _ => self.malformed(range, one_of("primary, master, close or spread")),
            },
            "device_type" => match words.as_slice() {
                ["host" | "nohost" | "any"] => Some(ClauseKind::Advice),
                _ => self.malformed(range, one_of("host, nohost or any")),
            },
            "atomic_default_mem_order" => match words.as_slice() {
                ["seq_cst" | "acq_rel" | "relaxed"] => Some(ClauseKind::Advice),
                _ => self.malformed(range, one_of("seq_cst, acq_rel or relaxed")),
            },
            "at" => match words.as_slice() {
                ["compilation"] => Some(ClauseKind::AtExecution(false)),
                ["execution"] => Some(ClauseKind::AtExecution(true)),
                _ => self.malformed(range, one_of("compilation or execution")),
            },
            "severity" => match words.as_slice() {
                ["fatal"] => Some(ClauseKind::Fatal(true)),
                ["warning"] => Some(ClauseKind::Fatal(false)),
                _ => self.malformed(range, one_of("fatal or warning")),
            },
            "message" => Some(ClauseKind::Message(self.span(inside))),
            "defaultmap" => self.defaultmap(&words, range),
            "allocate" => self.allocate(inside, range),
            "map" => self.map(parts[0], inside),
            _ if ADVICE.contains(&name) => Some(ClauseKind::Advice),
            _ => {
                let name = LISTS.iter().find(|other| **other == name)?;
                let list = match words.as_slice() {
                    ["present", ":", ..] => inside.start + 2..inside.end,
                    _ => self.after_mapper(inside),
                };
                self.locators(name, list)
            }
        }
    }

    /// The colon that ends the modifiers, outside of all brackets and conditional expressions.
    fn colon(&self, inside: &Range<usize>) -> Option<usize> {
        let mut depth = 0_i32;
        let found = inside.clone().find(|&index| {
            match self.word_at(index) {
                "(" | "[" | "?" => depth += 1,
                ")" | "]" => depth -= 1,
                ":" if depth == 0 => return true,
                _ => {}
            }
            false
        });
        found.filter(|colon| *colon > inside.start && colon + 1 < inside.end)
    }

    /// What follows `mapper(name):` or `iterator(...):`.
    fn after_mapper(&self, inside: Range<usize>) -> Range<usize> {
        match (self.word_at(inside.start), self.colon(&inside)) {
            ("mapper" | "iterator", Some(colon)) => colon + 1..inside.end,
            _ => inside,
        }
    }

    /// `defaultmap(behaviour[: category])`
    fn defaultmap(&mut self, words: &[&str], range: &Range<usize>) -> Option<ClauseKind> {
        let (behaviour, category) = match words {
            [behaviour] => (*behaviour, "all"),
            [behaviour, ":", category] => (*behaviour, *category),
            _ => ("", ""),
        };
        let category = ["all", "scalar", "aggregate", "pointer"]
            .into_iter()
            .find(|known| *known == category);
        let behaviour = match behaviour {
            "alloc" | "to" | "from" | "tofrom" | "present" => Some(DefaultMap::Mapped),
            "firstprivate" => Some(DefaultMap::Firstprivate),
            "none" => Some(DefaultMap::None),
            "default" => Some(DefaultMap::Default),
            _ => None,
        };
        if let (Some(behaviour), Some(category)) = (behaviour, category) {
            return Some(ClauseKind::Defaultmap(behaviour, category));
        }
        let problem = Problem::new(range.clone(), "clause 'defaultmap' has the form defaultmap(behaviour[: category])")
            .note("a behaviour is alloc, to, from, tofrom, firstprivate, present, none or default; a category is scalar, aggregate or pointer");
        self.problems.push(problem);
        None
    }

    /// `map([modifier, ...] [type:] list)`
    fn map(&mut self, directive: DirectiveKind, inside: Range<usize>) -> Option<ClauseKind> {
        let Some(colon) = self.colon(&inside) else {
            return self.locators("map", inside);
        };
        let mut at = inside.start;
        let mut seen = "tofrom";
        while at < colon {
            let word = self.word_at(at);
            if MAP_TYPES.contains(&word) {
                seen = word;
            } else if matches!(word, "mapper" | "iterator") {
                at = closing(self.text, self.tokens, at + 1)?;
            } else if !MAP_MODIFIERS.contains(&word) && word != "," {
                let message = format!("'{word}' is no map type and no modifier of 'map'");
                let problem = Problem::new(self.tokens[at].range.clone(), message).note(format!(
                    "it takes {}, and the modifiers {}",
                    MAP_TYPES.join(", "),
                    MAP_MODIFIERS.join(", ")
                ));
                self.problems.push(problem);
                return None;
            }
            at += 1;
        }
        let fits = match directive {
            DirectiveKind::TargetEnterData => matches!(seen, "to" | "tofrom" | "alloc"),
            DirectiveKind::TargetExitData => {
                matches!(seen, "from" | "tofrom" | "release" | "delete")
            }
            DirectiveKind::Target | DirectiveKind::TargetData => {
                !matches!(seen, "release" | "delete")
            }
            _ => true,
        };
        if !fits {
            let message = format!("map type '{seen}' is not allowed on this directive");
            return self.malformed(&self.span(inside.start..colon), message);
        }
        self.locators("map", colon + 1..inside.end)
    }

    /// A list of lvalues; of each only the variable it begins with is of interest.
    fn locators(&mut self, name: &'static str, inside: Range<usize>) -> Option<ClauseKind> {
        let mut items = Vec::new();
        let mut start = inside.start;
        while start < inside.end {
            let end = self.item_end(start..inside.end);
            let first = (start..end).find(|&index| self.tokens[index].kind == TokenKind::Word);
            let Some(first) = first else {
                let range = self.tokens[start.min(self.tokens.len() - 1)].range.clone();
                let message = format!("expected a variable in the list of '{name}'");
                return self.malformed(&range, message);
            };
            let next = self.word_at(first + 1);
            if first == start && first + 1 < end && !matches!(next, "[" | "." | "->") {
                let range = self.tokens[first + 1].range.clone();
                let message = format!("expected ',' or ')' in the list of '{name}'");
                return self.malformed(&range, message);
            }
            // `*p`, `((int (*)[3])p)[1]`: memory that no name stands for.
            if first == start {
                items.push(Item {
                    name: self.tokens[first].range.clone(),
                    sections: Vec::new(),
                    part: first + 1 < end,
                });
            }
            start = end + 1;
        }
        Some(ClauseKind::List(ListKind::Mapped(name), items))
    }

    /// The token before which the list item that begins at the first one ends.
    fn item_end(&self, tokens: Range<usize>) -> usize {
        let mut depth = 0_i32;
        let end = tokens.end;
        let mut tokens = tokens;
        tokens
            .find(|&index| {
                match self.word_at(index) {
                    "(" | "[" => depth += 1,
                    ")" | "]" => depth -= 1,
                    _ => {}
                }
                depth == 0 && self.word_at(index) == ","
            })
            .unwrap_or(end)
    }

    /// `allocate([allocator:] list)`: memory of every kind is the image's; `align` is honoured.
    fn allocate(&mut self, inside: Range<usize>, range: &Range<usize>) -> Option<ClauseKind> {
        let Some(colon) = self.colon(&inside) else {
            return Some(ClauseKind::Advice);
        };
        let aligned = (inside.start..colon)
            .find(|index| self.word_at(*index) == "align" && self.word_at(index + 1) == "(");
        let Some(aligned) = aligned else {
            return Some(ClauseKind::Advice);
        };
        let close = closing(self.text, self.tokens, aligned + 1)?;
        let alignment = self.text[self.span(aligned + 2..close.max(aligned + 3))].to_owned();
        let power = |value: &i128| *value > 0 && *value & (*value - 1) == 0;
        if constant::value(&alignment).filter(power).is_none() {
            let message = "the modifier 'align' of 'allocate' takes a power of two".to_owned();
            return self.malformed(range, message);
        }
        match self.list(ListKind::Private, colon + 1..inside.end)? {
            ClauseKind::List(_, items) => {
                Some(ClauseKind::Align(self.span(aligned + 2..close), items))
            }
            _ => None,
        }
    }

    /// The parentheses after the names of `declare target`, `declare mapper` and `allocate`.
    pub(super) fn declared(&mut self, kind: DirectiveKind) -> Option<Clause> {
        let start = self.at;
        if self.word() != "(" {
            return None;
        }
        let inside = self.arguments(start - 1)??;
        let range = self.span(start..self.at);
        if kind == DirectiveKind::DeclareMapper {
            return None;
        }
        let kind = self.locators("enter", inside)?;
        Some(Clause { kind, range })
    }
}
