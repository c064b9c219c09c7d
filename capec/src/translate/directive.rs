//! The grammar of `#pragma omp` lines: directives, clauses and list items, each with its bytes in the text.
//!
//! Names are resolved later ([`super::resolve`]), expressions stay ranges of the user's text.

mod loops;
mod names;
mod parser;
mod reductions;

use std::ops::Range;

use super::problem::Problem;
use super::tokens::tokens_within;
pub use loops::{Bind, LoopClause, SinkItem};
pub use names::{DirectiveKind, Form, lookup};
pub use reductions::Declaration;

/// Reduction identifiers of OpenMP 5.2 section 5.5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`, and `-`, which reduces in the same way
    Sum,
    /// `*`
    Product,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `&&`
    LogicalAnd,
    /// `||`
    LogicalOr,
    /// `min`
    Min,
    /// `max`
    Max,
    /// An identifier of `declare reduction`: first byte and end of its spelling.
    User(usize, usize),
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "+" | "-" => Self::Sum,
            "*" => Self::Product,
            "&" => Self::And,
            "|" => Self::Or,
            "^" => Self::Xor,
            "&&" => Self::LogicalAnd,
            "||" => Self::LogicalOr,
            "min" => Self::Min,
            "max" => Self::Max,
            _ => return None,
        })
    }

    /// Spelling of the language's own operators.
    pub fn symbol(self) -> Option<&'static str> {
        Some(match self {
            Self::Sum => "+",
            Self::Product => "*",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
            Self::LogicalAnd => "&&",
            Self::LogicalOr => "||",
            Self::Min => "min",
            Self::Max => "max",
            Self::User(..) => return None,
        })
    }

    /// Name in cape.h's combiners.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Product => "product",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::LogicalAnd => "land",
            Self::LogicalOr => "lor",
            Self::Min => "min",
            Self::Max => "max",
            Self::User(..) => "user",
        }
    }
}

/// Kinds of schedule, named as in cape.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// `static`
    Static,
    /// `dynamic`
    Dynamic,
    /// `guided`
    Guided,
    /// `auto`
    Auto,
    /// `runtime`
    Runtime,
}

impl Schedule {
    /// Enumerator of cape.h.
    pub fn constant(self) -> &'static str {
        match self {
            Self::Static => "CAPE_STATIC",
            Self::Dynamic => "CAPE_DYNAMIC",
            Self::Guided => "CAPE_GUIDED",
            Self::Auto => "CAPE_AUTO",
            Self::Runtime => "CAPE_RUNTIME",
        }
    }
}

/// `[lower:length]` of an array section; a plain subscript has `length` 1 and `single` set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Lower bound; absent: 0.
    pub lower: Option<Range<usize>>,
    /// Length; absent: to the end of the dimension.
    pub length: Option<Range<usize>>,
    /// `[i]` without a colon.
    pub single: bool,
}

/// A list item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The variable's name in the text.
    pub name: Range<usize>,
    /// Array section, outermost dimension first; empty: the whole variable, but see `part`.
    pub sections: Vec<Section>,
    /// In `map` and its like, where sections are not kept: the item is something reached through the variable.
    pub part: bool,
}

/// What a list does to its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `shared`
    Shared,
    /// `private`
    Private,
    /// `firstprivate`
    Firstprivate,
    /// `lastprivate`
    Lastprivate,
    /// `reduction`
    Reduction(Operator),
    /// `copyin`
    Copyin,
    /// The list of a `threadprivate` directive
    Threadprivate,
    /// `copyprivate`
    Copyprivate,
    /// `in_reduction`
    InReduction(Operator),
    /// `task_reduction`
    TaskReduction(Operator),
    /// `detach`
    Detach,
    /// The list of a `flush` directive
    Flush,
    /// A list of what a device is to hold, or of where it is: the clause's name
    Mapped(&'static str),
    /// `lastprivate(conditional:)`
    Conditional,
    /// `linear`
    Linear,
    /// `reduction(inscan, )`
    Inscan(Operator),
    /// `reduction(task, )`
    ReductionTask(Operator),
    /// `inclusive`, `exclusive` of `scan`
    Scan,
}

impl ListKind {
    /// Name of the clause.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Private => "private",
            Self::Firstprivate => "firstprivate",
            Self::Lastprivate => "lastprivate",
            Self::Reduction(_) => "reduction",
            Self::Copyin => "copyin",
            Self::Threadprivate => "threadprivate",
            Self::Copyprivate => "copyprivate",
            Self::InReduction(_) => "in_reduction",
            Self::TaskReduction(_) => "task_reduction",
            Self::Detach => "detach",
            Self::Flush => "flush",
            Self::Mapped(name) => name,
            Self::Conditional => "lastprivate",
            Self::Linear => "linear",
            Self::Inscan(_) | Self::ReductionTask(_) => "reduction",
            Self::Scan => "scan",
        }
    }

    /// The operator of a reduction.
    pub fn operator(self) -> Option<Operator> {
        match self {
            Self::Reduction(operator)
            | Self::Inscan(operator)
            | Self::ReductionTask(operator)
            | Self::InReduction(operator)
            | Self::TaskReduction(operator) => Some(operator),
            _ => None,
        }
    }
}

/// Kinds of dependence, named as in cape.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependKind {
    /// `in`
    In,
    /// `out`
    Out,
    /// `inout`
    Inout,
    /// `mutexinoutset`
    Mutexinoutset,
    /// `inoutset`
    Inoutset,
    /// `depobj`
    Depobj,
}

impl DependKind {
    /// The kind called `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "in" => Self::In,
            "out" => Self::Out,
            "inout" => Self::Inout,
            "mutexinoutset" => Self::Mutexinoutset,
            "inoutset" => Self::Inoutset,
            "depobj" => Self::Depobj,
            _ => return None,
        })
    }

    /// Enumerator of cape.h.
    pub fn constant(self) -> &'static str {
        match self {
            Self::In => "CAPE_IN",
            Self::Out => "CAPE_OUT",
            Self::Inout => "CAPE_INOUT",
            Self::Mutexinoutset => "CAPE_MUTEXINOUTSET",
            Self::Inoutset => "CAPE_INOUTSET",
            Self::Depobj => "CAPE_DEPOBJ",
        }
    }
}

/// One iterator of `depend(iterator(type name = begin : end : step), ...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependIterator {
    /// Its type; absent: `int`.
    pub kind: Option<Range<usize>>,
    /// Its name.
    pub name: Range<usize>,
    /// First value.
    pub begin: Range<usize>,
    /// The value before which it ends.
    pub end: Range<usize>,
    /// Step; absent: 1.
    pub step: Option<Range<usize>>,
}

/// A list item of `depend`: an lvalue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator {
    /// All of it; for `omp_all_memory` its name.
    pub range: Range<usize>,
    /// The array sections in it: bytes of each from `[` to `]`, with the lower bound if it is given.
    pub sections: Vec<(Range<usize>, Option<Range<usize>>)>,
    /// `omp_all_memory`
    pub all_memory: bool,
}

/// `depend(modifier, kind : locators)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depend {
    /// The kind of dependence.
    pub kind: DependKind,
    /// Iterators, outermost first.
    pub iterators: Vec<DependIterator>,
    /// The list.
    pub locators: Vec<Locator>,
}

/// What `cancel` and `cancellation point` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelKind {
    /// `parallel`
    Parallel,
    /// `for`
    For,
    /// `sections`
    Sections,
    /// `taskgroup`
    Taskgroup,
}

impl CancelKind {
    /// Enumerator of cape.h.
    pub fn constant(self) -> &'static str {
        match self {
            Self::Parallel => "CAPE_CANCEL_PARALLEL",
            Self::For => "CAPE_CANCEL_FOR",
            Self::Sections => "CAPE_CANCEL_SECTIONS",
            Self::Taskgroup => "CAPE_CANCEL_TASKGROUP",
        }
    }

    /// Name of the clause.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::For => "for",
            Self::Sections => "sections",
            Self::Taskgroup => "taskgroup",
        }
    }
}

/// Memory orders stronger than relaxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrder {
    /// `seq_cst`
    SequentiallyConsistent,
    /// `acq_rel`
    AcquireRelease,
    /// `acquire`
    Acquire,
    /// `release`
    Release,
}

/// Forms of `atomic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomicForm {
    /// `read`
    Read,
    /// `write`
    Write,
    /// `update`
    Update,
    /// `capture`
    Capture,
    /// `compare`
    Compare,
    /// `compare capture`
    CompareCapture,
}

/// What `default` says about the variables that no clause names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// `shared`
    Shared,
    /// `none`
    None,
    /// `private`
    Private,
    /// `firstprivate`
    Firstprivate,
}

/// What `defaultmap` says about the variables of a category that no clause names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultMap {
    /// The device uses the host's.
    Mapped,
    /// `firstprivate`
    Firstprivate,
    /// `none`
    None,
    /// `default`
    Default,
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClauseKind {
    /// `num_threads(expression)`
    NumThreads(Range<usize>),
    /// `if([constituent :] expression)`
    If(Option<DirectiveKind>, Range<usize>),
    /// `default(...)`
    Default(Default),
    /// `num_teams([lower :] upper)`
    NumTeams(Option<Range<usize>>, Range<usize>),
    /// `thread_limit(expression)`
    ThreadLimit(Range<usize>),
    /// `dist_schedule(static[, chunk])`
    DistSchedule(Option<Range<usize>>),
    /// `proc_bind(...)`, an omp_proc_bind_t
    ProcBind(i32),
    /// `defaultmap(behaviour[: category])`
    Defaultmap(DefaultMap, &'static str),
    /// `at(execution)` is true, `at(compilation)` false
    AtExecution(bool),
    /// `severity(fatal)` is true, `severity(warning)` false
    Fatal(bool),
    /// `message(expression)`
    Message(Range<usize>),
    /// A data-sharing list.
    List(ListKind, Vec<Item>),
    /// `schedule(modifier: kind, chunk)`; the modifier as cape.h's flag or empty.
    Schedule(Schedule, Option<Range<usize>>, &'static str),
    /// What `declare reduction` declares.
    Reduction(Declaration),
    /// What only loops and constructs that belong to them take.
    Loop(LoopClause),
    /// `collapse(n)`
    Collapse(usize),
    /// `nowait`
    Nowait,
    /// Which form of atomic.
    Atomic(AtomicForm),
    /// `compare`
    Compare,
    /// A memory order stronger than relaxed.
    Ordering(MemoryOrder),
    /// `order(reproducible: concurrent)`: the threads get the same iterations each time.
    Reproducible,
    /// `allocate(align(n) : list)`: the alignment and the names.
    Align(Range<usize>, Vec<Item>),
    /// Something that may be ignored: `hint`, `order(concurrent)`, `relaxed`.
    Advice,
    /// `untied`
    Untied,
    /// `mergeable`
    Mergeable,
    /// `nogroup`
    Nogroup,
    /// `final(expression)`
    Final(Range<usize>),
    /// `priority(expression)`
    Priority(Range<usize>),
    /// `depend(...)`
    Depend(Depend),
    /// `grainsize(expression)`, strict or not
    Grainsize(bool, Range<usize>),
    /// `num_tasks(expression)`, strict or not
    NumTasks(bool, Range<usize>),
    /// `filter(expression)`
    Filter(Range<usize>),
    /// What a cancellation names.
    Cancel(CancelKind),
    /// Memory order of `flush`, named as in cape.h.
    FlushOrder(&'static str),
    /// The `omp_depend_t` of `depobj`.
    Object(Range<usize>),
    /// `update(kind)` of `depobj`
    Update(DependKind),
    /// `destroy` of `depobj`
    Destroy,
}

/// A clause with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// What it says.
    pub kind: ClauseKind,
    /// Bytes of name and arguments.
    pub range: Range<usize>,
}

/// One `#pragma omp` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The construct; of a combined one the outermost constituent.
    pub kind: DirectiveKind,
    /// Spelling of the name.
    pub name: &'static str,
    /// The constituents, outermost first.
    pub parts: &'static [DirectiveKind],
    /// Bytes of the whole line, line feed excluded.
    pub range: Range<usize>,
    /// Clauses in order.
    pub clauses: Vec<Clause>,
    /// Name of a critical construct.
    pub critical: Option<Range<usize>>,
}

impl Directive {
    /// The first clause for which `pick` gives something.
    pub fn find<'a, T>(&'a self, pick: impl Fn(&'a ClauseKind) -> Option<T>) -> Option<T> {
        self.clauses.iter().find_map(|clause| pick(&clause.kind))
    }

    /// The expression of the `if` clause for constituent `kind`.
    pub fn condition(&self, kind: DirectiveKind) -> Option<&Range<usize>> {
        self.find(|clause| match clause {
            ClauseKind::If(modifier, range) if modifier.is_none_or(|named| named == kind) => {
                Some(range)
            }
            _ => None,
        })
    }

    /// What the `default` clause says.
    pub fn default(&self) -> Option<Default> {
        self.find(|clause| match clause {
            ClauseKind::Default(default) => Some(*default),
            _ => None,
        })
    }

    /// Whether it is an `error` that stops the compilation.
    pub fn raised(&self) -> bool {
        let says = |wanted| self.clauses.iter().any(|clause| clause.kind == wanted);
        self.kind == DirectiveKind::Error
            && !says(ClauseKind::AtExecution(true))
            && !says(ClauseKind::Fatal(false))
    }

    /// Whether `kind` is among the constituents.
    pub fn has(&self, kind: DirectiveKind) -> bool {
        self.parts.contains(&kind)
    }

    /// How the directive takes part in the grammar.
    pub fn form(&self) -> Form {
        // An error at compilation may stand anywhere; what is left of it here is a warning.
        let executed = self
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::AtExecution(true));
        let dependence = |clause: &Clause| {
            matches!(
                clause.kind,
                ClauseKind::Loop(
                    LoopClause::Source | LoopClause::Sink(_) | LoopClause::SinkPrevious
                )
            )
        };
        match self.kind {
            DirectiveKind::Error if !executed => Form::Declarative,
            DirectiveKind::Ordered if self.clauses.iter().any(dependence) => Form::StandAlone,
            kind => kind.form(),
        }
    }

    /// Whether the directive ends with a barrier that `nowait` would remove.
    pub fn nowait(&self) -> bool {
        self.clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Nowait)
    }
}

/// Parses the pragma at `range`. `None`: not an OpenMP pragma.
pub fn parse(text: &str, range: Range<usize>) -> Option<Result<Directive, Vec<Problem>>> {
    let words = tokens_within(text, range.clone());
    let is = |index: usize, word: &str| {
        words
            .get(index)
            .is_some_and(|token| token.text(text) == word)
    };
    if !(is(0, "#") && is(1, "pragma") && is(2, "omp")) {
        return None;
    }
    Some(parser::Parser::new(text, &words, range).directive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(line: &str) -> Directive {
        parse(line, 0..line.len())
            .expect("an OpenMP pragma")
            .expect("well formed")
    }

    fn message(line: &str) -> String {
        parse(line, 0..line.len())
            .expect("an OpenMP pragma")
            .expect_err("malformed")[0]
            .message
            .clone()
    }

    #[test]
    fn reads_clauses_and_items() {
        let line = "#pragma omp parallel for schedule(dynamic, n / 2) reduction(max : a, b[1:n]) collapse(2)";
        let parsed = directive(line);
        assert_eq!(parsed.parts, [DirectiveKind::Parallel, DirectiveKind::For]);
        let Some(chunk) = parsed.find(|kind| {
            if let ClauseKind::Schedule(_, chunk, _) = kind {
                chunk.clone()
            } else {
                None
            }
        }) else {
            panic!("no chunk");
        };
        assert_eq!(&line[chunk], "n / 2");
        let items = parsed.find(|kind| {
            if let ClauseKind::List(ListKind::Reduction(Operator::Max), items) = kind {
                Some(items)
            } else {
                None
            }
        });
        let items = items.expect("a reduction");
        assert_eq!(&line[items[1].name.clone()], "b");
        assert_eq!(
            items[1].sections[0]
                .length
                .clone()
                .map(|range| &line[range]),
            Some("n")
        );
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(
            message("#pragma omp interop"),
            "'#pragma omp interop' is not supported yet"
        );
        assert_eq!(
            message("#pragma omp interop"),
            "'#pragma omp interop' is not supported yet"
        );
        assert_eq!(
            message("#pragma omp paralel"),
            "unknown directive '#pragma omp paralel'"
        );
        assert_eq!(
            message("#pragma omp for shared(a)"),
            "clause 'shared' is not allowed on '#pragma omp for'"
        );
        assert_eq!(
            message("#pragma omp task nowait"),
            "clause 'nowait' is not allowed on '#pragma omp task'"
        );
        assert_eq!(
            message("#pragma omp parallel private(a b)"),
            "expected ',' or ')' in the list of 'private'"
        );
        assert_eq!(
            message("#pragma omp for schedule(static, 0)"),
            "the chunk size must be positive"
        );
        assert_eq!(
            message("#pragma omp parallel private(a"),
            "the '(' of clause 'private' is not closed"
        );
        assert_eq!(
            message("#pragma omp for nowait nowait"),
            "this clause may be given only once"
        );
    }

    #[test]
    fn other_pragmas_are_left_alone() {
        assert!(parse("#pragma GCC ivdep", 0..17).is_none());
    }
}
