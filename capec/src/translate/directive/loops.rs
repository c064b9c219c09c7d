//! Clauses of loops: `ordered`, `linear`, doacross dependences, what the host compiler is told about `simd`, and scans.

use std::ops::Range;

use super::{ClauseKind, Directive, DirectiveKind, Item, ListKind};

/// A clause that only loops and what belongs to them take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopClause {
    /// `ordered`, `ordered(n)` on a loop.
    Ordered(Option<usize>),
    /// `linear(items : step)`; absent: 1.
    Linear(Vec<Item>, Option<Range<usize>>),
    /// `safelen`, `simdlen`, `aligned`, `nontemporal`: advice that the host compiler reads. The flag: names variables.
    Host(Range<usize>, bool),
    /// `bind(kind)`
    Bind(Bind),
    /// `threads` on `ordered`.
    Threads,
    /// `simd` on `ordered`.
    Simd,
    /// `depend(source)`, `doacross(source:)`
    Source,
    /// `depend(sink: vector)`, `doacross(sink: vector)`
    Sink(Vec<SinkItem>),
    /// `depend(sink: omp_cur_iteration - 1)`
    SinkPrevious,
    /// `inclusive(list)`, `exclusive(list)`; the flag: inclusive.
    Scan(bool, Vec<Item>),
}

impl LoopClause {
    /// Whether the two may not be on one directive because there may be only one of the kind.
    pub fn clashes(&self, other: &Self) -> bool {
        let repeatable = matches!(
            self,
            Self::Linear(..) | Self::Host(..) | Self::Sink(_) | Self::SinkPrevious
        );
        !repeatable && std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What a `loop` construct binds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// `teams`
    Teams,
    /// `parallel`
    Parallel,
    /// `thread`
    Thread,
}

/// One component `i`, `i + 1` or `i - 1` of a sink vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkItem {
    /// The loop variable.
    pub name: Range<usize>,
    /// What is added: negative if the flag is set, and its value.
    pub offset: Option<(bool, Range<usize>)>,
}

impl Directive {
    /// Number of loops of `ordered(n)`.
    pub fn doacross(&self) -> Option<usize> {
        self.find(|kind| match kind {
            ClauseKind::Loop(LoopClause::Ordered(count)) => *count,
            _ => None,
        })
    }

    /// Whether the host compiler, which is told of simd directives, reads it in the translation.
    pub fn is_for_host(&self) -> bool {
        matches!(
            self.kind,
            DirectiveKind::DeclareSimd | DirectiveKind::DeclareReduction
        )
    }

    /// Whether it has the clause `ordered` without a number.
    pub fn ordered(&self) -> bool {
        self.clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Loop(LoopClause::Ordered(None)))
    }

    /// Whether a reduction of it is a scan.
    pub fn inscan(&self) -> bool {
        self.clauses
            .iter()
            .any(|clause| matches!(clause.kind, ClauseKind::List(ListKind::Inscan(_), _)))
    }
}
