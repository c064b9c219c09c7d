//! What the later phases know about a file: entities, their uses, functions and constructs.
//!
//! [`super::resolve`] builds it, [`super::sharing`] completes it, the lowering only reads it. All ranges are bytes of the
//! preprocessed text.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use lang_c::ast::{
    DeclarationSpecifier, Declarator, DeclaratorKind, DerivedDeclarator, PointerQualifier,
    Statement, TypeQualifier,
};
use lang_c::span::Node;

use super::copy::ParseCopy;
use super::directive::{AtomicForm, Directive, DirectiveKind, Item, Operator};
use super::loops::{Canonical, Relation};
use super::problem::Problem;
use super::reductions::DeclaredReduction;
use super::tokens::{Token, TokenKind, first_at};

/// The specifier of a variable that has its initializer's type.
pub const AUTO_TYPE: &str = "__auto_type";

/// Index into [`Program::entities`].
pub type EntityId = usize;
/// Index into [`Program::constructs`].
pub type ConstructId = usize;
/// Index into [`Program::functions`].
pub type FunctionId = usize;
/// Index into [`Program::hoists`].
pub type HoistId = usize;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// Variable at file scope.
    Global,
    /// Parameter of a function definition.
    Parameter,
    /// Variable of a block with automatic storage.
    Automatic,
    /// `static` or `extern` variable of a block.
    StaticLocal,
    /// Name of a type.
    Typedef,
    /// Enumeration constant.
    Enumerator,
    /// Function.
    Function,
    /// Tag of a struct, union or enumeration.
    Tag,
}

impl EntityKind {
    /// Whether it is a variable, which clauses can name.
    pub fn is_variable(self) -> bool {
        matches!(
            self,
            Self::Global | Self::Parameter | Self::Automatic | Self::StaticLocal
        )
    }
}

/// The part of a type that the declaration specifiers give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Integer, floating, enumeration.
    Arithmetic,
    /// Complex number.
    Complex,
    /// `struct` or `union`.
    Record,
    /// A typedef name.
    Typedef(EntityId),
    /// `typeof` and what is not known.
    Unknown,
}

/// One step from a declared name to its base type.
#[derive(Clone, Debug)]
pub enum Layer {
    /// Pointer, and whether the pointer itself is `const` or `volatile`.
    Pointer {
        /// `* const`
        constant: bool,
        /// `* volatile`
        volatile: bool,
    },
    /// Array; bytes of `[n]`.
    Array(Range<usize>),
    /// Function.
    Function,
}

/// How an entity was declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Bytes of the declaration specifiers.
    pub specifiers: Range<usize>,
    /// Parts of the specifiers that do not belong to the type: storage classes, `inline`.
    pub dropped: Vec<Range<usize>>,
    /// Body (`{...}`) of a tagged struct, union or enumeration among the specifiers.
    pub tagged_body: Option<Range<usize>>,
    /// Body of a type without a tag among the specifiers.
    pub untagged_body: Option<Range<usize>>,
    /// The local type definition that the specifiers are.
    pub hoist: Option<HoistId>,
    /// Bytes of the declarator, without attributes and initializer.
    pub declarator: Range<usize>,
    /// Steps from the name to the base type.
    pub layers: Vec<Layer>,
    /// Base type.
    pub base: Base,
    /// `const` among the specifiers.
    pub constant: bool,
    /// `volatile` or `_Atomic` among the specifiers.
    pub volatile: bool,
    /// `__auto_type`: the initializer, whose value has the type.
    pub inferred: Option<Range<usize>>,
    /// `register` keyword, if any.
    pub register: Option<Range<usize>>,
}

/// A declared name.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Spelling.
    pub name: String,
    /// Bytes of the name where it is declared.
    pub place: Range<usize>,
    /// What it is.
    pub kind: EntityKind,
    /// Function in which it is declared.
    pub function: Option<FunctionId>,
    /// Innermost construct in which it is declared.
    pub home: Option<ConstructId>,
    /// Its declaration, if it is a variable or typedef.
    pub declared: Option<Declared>,
    /// Its address is taken somewhere.
    pub address_taken: bool,
    /// It is assigned to somewhere, its initializer apart.
    pub assigned: bool,
    /// Each thread has its own, for the whole program.
    pub threadprivate: bool,
    /// The local type definition or prototype that declares it.
    pub hoist: Option<HoistId>,
}

/// A local definition of a type, or a local prototype, that outlined functions repeat.
#[derive(Clone, Debug)]
pub struct Hoist {
    /// Bytes to repeat.
    pub range: Range<usize>,
    /// `;` has to be added.
    pub terminate: bool,
    /// Bytes of the `{` before which a tag has to be put, so that the type can be named twice.
    pub untagged: Option<Range<usize>>,
    /// Innermost construct in which it is.
    pub home: Option<ConstructId>,
}

/// An occurrence of a name.
#[derive(Clone, Debug)]
pub struct Use {
    /// Bytes of the name.
    pub range: Range<usize>,
    /// What it resolves to.
    pub entity: EntityId,
    /// It is assigned to.
    pub written: bool,
    /// Innermost construct by whose data environment it is evaluated.
    pub scope: Option<ConstructId>,
}

/// What a construct does; a combined directive is several constructs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// `parallel`
    Parallel,
    /// `for`
    For,
    /// `sections`
    Sections,
    /// `single`
    Single,
    /// `master`
    Master,
    /// `barrier`
    Barrier,
    /// `critical`
    Critical,
    /// `atomic`
    Atomic,
    /// `target`
    Target,
    /// `target data`
    TargetData,
    /// `target enter data`, `target exit data`, `target update`
    TargetMove,
    /// `teams`
    Teams,
    /// `error`
    Error,
    /// `task`
    Task,
    /// `taskloop`
    Taskloop,
    /// `taskwait`
    Taskwait,
    /// `taskgroup`
    Taskgroup,
    /// `taskyield`
    Taskyield,
    /// `depobj`
    Depobj,
    /// `cancel`, `cancellation point`
    Cancel,
    /// `flush`
    Flush,
    /// `scope`
    Scope,
    /// `simd`, and `loop` bound to a thread: all iterations are the thread's own
    Simd,
    /// `ordered` with a block
    Ordered,
    /// `ordered` with `depend` or `doacross`
    Doacross,
    /// `scan`
    Scan,
}

impl Leaf {
    /// Whether the body is outlined into a function that is given an environment.
    pub fn is_region(self) -> bool {
        matches!(
            self,
            Self::Parallel | Self::Teams | Self::Task | Self::Taskloop
        )
    }

    /// Whether it makes tasks.
    pub fn makes_tasks(self) -> bool {
        matches!(self, Self::Task | Self::Taskloop)
    }
}

/// How a construct's data environment treats a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// The variable.
    pub entity: EntityId,
    /// The copy starts with the original's value.
    pub first: bool,
    /// The original gets the sequentially last value.
    pub last: bool,
    /// The original gets the value of the last iteration that assigned one.
    pub conditional: bool,
    /// It starts each chunk with the original's value plus so many steps; within: the step, absent: 1.
    pub linear: Option<Option<Range<usize>>>,
    /// Its reduction is a scan.
    pub inscan: bool,
    /// Tasks of the region take part in its reduction.
    pub tasks: bool,
    /// The copy is combined into the original.
    pub reduction: Option<(Operator, Item)>,
    /// It is an associated loop's variable.
    pub loop_variable: bool,
    /// The alignment that `allocate` asks for.
    pub align: Option<Range<usize>>,
}

impl Private {
    /// Whether it is a whole variable in whose reduction a task, or a target task, takes part, whose copy is reached through a pointer of the variable's name.
    pub fn taken_part_in(&self, leaf: Leaf) -> bool {
        let whole = matches!(&self.reduction, Some((_, item)) if item.sections.is_empty());
        whole && (leaf.makes_tasks() || leaf == Leaf::Target)
    }

    /// A copy that starts without a value.
    pub fn of(entity: EntityId) -> Self {
        Private {
            entity,
            first: false,
            last: false,
            conditional: false,
            linear: None,
            inscan: false,
            tasks: false,
            reduction: None,
            loop_variable: false,
            align: None,
        }
    }

    /// Whether the copy is made from the original, or the original gets something of it.
    pub fn needs_original(&self) -> bool {
        self.first || self.last || self.linear.is_some() || self.reduction.is_some()
    }
}

/// An associated loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Loop variable.
    pub entity: EntityId,
    /// First value.
    pub first: Range<usize>,
    /// Bound.
    pub bound: Range<usize>,
    /// Comparison.
    pub relation: Relation,
    /// Runs upwards.
    pub upwards: bool,
    /// The step is subtracted.
    pub subtracted: bool,
    /// Step; absent: 1.
    pub amount: Option<Range<usize>>,
    /// The variable of the loop around it that its first value or bound refers to.
    pub outer: Option<EntityId>,
    /// It moves away from its bound: it has no iteration.
    pub away: bool,
}

/// The statement of an atomic construct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atomic {
    /// Bytes of the updated (or read, written) lvalue.
    pub target: Range<usize>,
    /// Everywhere that lvalue stands in the statement, in order.
    pub places: Vec<Range<usize>>,
    /// The other operand, where there is one: evaluated once, before.
    pub operand: Option<Range<usize>>,
    /// `x op= operand` with a commutative operator; the flag: operand is subtracted.
    pub update: Option<(Operator, Option<Range<usize>>, bool)>,
    /// Form given by the clauses.
    pub form: AtomicForm,
}

/// A construct in a function.
#[derive(Clone, Debug)]
pub struct Construct<'a> {
    /// What it does.
    pub leaf: Leaf,
    /// Index into [`Program::directives`].
    pub directive: usize,
    /// The constituents of the directive that it stands for.
    pub parts: Vec<DirectiveKind>,
    /// Function it is in.
    pub function: FunctionId,
    /// Enclosing construct.
    pub parent: Option<ConstructId>,
    /// It is the inner half of a combined directive.
    pub combined: bool,
    /// From the pragma to the end of the statement.
    pub range: Range<usize>,
    /// The statement after the pragma.
    pub header: Range<usize>,
    /// The structured block (the innermost associated loop's body for `For`).
    pub body: Range<usize>,
    /// The structured block's tree.
    pub statement: Option<&'a Node<Statement>>,
    /// Variables with copies, in the order of the clauses.
    pub private: Vec<Private>,
    /// Variables named in any list of the directive.
    pub listed: HashSet<EntityId>,
    /// Pointers through which a clause of `target` names memory.
    pub bases: HashSet<EntityId>,
    /// Threadprivate variables that all threads get the driver's value of.
    pub copyin: Vec<(EntityId, Range<usize>)>,
    /// Associated loops, outermost first.
    pub loops: Vec<Loop>,
    /// How many of them share out their iterations; the others are run as they are, and only doacross dependences know them.
    pub collapsed: usize,
    /// Where a scan directive divides the body.
    pub scan: Option<Range<usize>>,
    /// Blocks of `sections`: the statements of each.
    pub sections: Vec<Range<usize>>,
    /// The atomic statement.
    pub atomic: Option<Atomic>,
    /// Locals of the surrounding function that a region refers to, and whether it writes them.
    pub captures: BTreeMap<EntityId, bool>,
    /// Local types that a region refers to.
    pub hoists: BTreeSet<HoistId>,
    /// Reductions that tasks take part in, with their names in the text: `task_reduction`, `reduction` of a taskloop.
    pub registered: Vec<(EntityId, Operator, Item)>,
    /// Variables that all threads get from the one that executes the block, with their names in the clause.
    pub copyprivate: Vec<(EntityId, Range<usize>)>,
    /// The construct that a cancellation leads out of.
    pub cancels: Option<ConstructId>,
    /// Variable that takes the event of a detachable task.
    pub detach: Option<EntityId>,
}

impl Construct<'_> {
    /// Whether it stands for constituent `part` of its directive.
    pub fn has(&self, part: DirectiveKind) -> bool {
        self.parts.contains(&part)
    }

    /// Whether a clause `name` of the directive is for this construct.
    pub fn takes(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.allowed().contains(&name))
    }

    /// How the data environment of this construct treats `entity`.
    pub fn treatment(&self, entity: EntityId) -> Option<&Private> {
        self.private.iter().find(|private| private.entity == entity)
    }
}

/// A function definition.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name.
    pub name: String,
    /// Entity of the name.
    pub entity: EntityId,
    /// Whole definition.
    pub range: Range<usize>,
    /// The compound statement.
    pub body: Range<usize>,
    /// Parameter names without types follow the name (K&R).
    pub old_style: bool,
}

/// A file after resolution.
#[derive(Debug)]
pub struct Program<'a> {
    /// Preprocessed text.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// The copy that was parsed.
    pub copy: &'a ParseCopy,
    /// OpenMP directives, in order.
    pub directives: &'a [Directive],
    /// Directives that belong to declarations, or to the file, in order.
    pub declarative: &'a [Directive],
    /// Variables and functions that `declare target` names.
    pub on_device: HashSet<EntityId>,
    /// Everything declared.
    pub entities: Vec<Entity>,
    /// Every resolved occurrence of a name, in the order of the text.
    pub uses: Vec<Use>,
    /// Occurrences of `__func__` and its like.
    pub function_names: Vec<(Range<usize>, FunctionId)>,
    /// Constructs, outer ones first.
    pub constructs: Vec<Construct<'a>>,
    /// `declare reduction` directives, in order.
    pub reductions: Vec<DeclaredReduction>,
    /// Function definitions in order.
    pub functions: Vec<Function>,
    /// Local types and prototypes.
    pub hoists: Vec<Hoist>,
    /// Names of bit-fields, of whatever structs.
    pub bit_fields: HashSet<String>,
    /// What is accepted, but is probably not meant.
    pub told: Vec<Problem>,
}

impl Program<'_> {
    /// Bytes of the original for a span of the tree, without what follows the last token.
    pub fn range(&self, span: lang_c::span::Span) -> Range<usize> {
        trimmed(self.tokens, self.copy.range(span.start..span.end))
    }

    /// The text of a range.
    pub fn slice(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// Steps from a variable to its scalar type and that type's base, typedefs followed.
    pub fn layers(&self, entity: EntityId) -> (Vec<Layer>, Base) {
        let mut layers = Vec::new();
        let mut next = entity;
        loop {
            let Some(declared) = &self.entities[next].declared else {
                return (layers, Base::Unknown);
            };
            layers.extend(declared.layers.iter().cloned());
            match declared.base {
                Base::Typedef(name) => next = name,
                base => return (layers, base),
            }
        }
    }

    /// Whether values of the variable are arrays (array parameters are pointers).
    pub fn is_array(&self, entity: EntityId) -> bool {
        self.entities[entity].kind != EntityKind::Parameter
            && matches!(self.layers(entity).0.first(), Some(Layer::Array(_)))
    }

    /// The number of array dimensions of the variable's values.
    pub fn array_dimensions(&self, entity: EntityId) -> usize {
        let layers = self.layers(entity).0;
        layers
            .iter()
            .skip(usize::from(!self.is_array(entity)))
            .take_while(|layer| matches!(layer, Layer::Array(_)))
            .count()
    }

    /// Whether values of the variable are pointers.
    pub fn is_pointer(&self, entity: EntityId) -> bool {
        let parameter = self.entities[entity].kind == EntityKind::Parameter;
        match self.layers(entity).0.first() {
            Some(Layer::Pointer { .. }) => true,
            Some(Layer::Array(_) | Layer::Function) => parameter,
            None => false,
        }
    }

    /// Whether the variable itself may not be assigned.
    pub fn is_constant(&self, entity: EntityId) -> bool {
        self.qualified(
            entity,
            |declared| declared.constant,
            |layer| matches!(layer, Layer::Pointer { constant: true, .. }),
        )
    }

    /// Whether the variable itself is volatile or atomic.
    pub fn is_volatile(&self, entity: EntityId) -> bool {
        self.qualified(
            entity,
            |declared| declared.volatile,
            |layer| matches!(layer, Layer::Pointer { volatile: true, .. }),
        )
    }

    fn qualified(
        &self,
        entity: EntityId,
        base: impl Fn(&Declared) -> bool,
        pointer: impl Fn(&Layer) -> bool,
    ) -> bool {
        let mut next = entity;
        loop {
            let Some(declared) = &self.entities[next].declared else {
                return false;
            };
            let mut layers = declared
                .layers
                .iter()
                .skip_while(|layer| matches!(layer, Layer::Array(_)));
            if let Some(layer) = layers.next() {
                return pointer(layer);
            }
            if base(declared) {
                return true;
            }
            match declared.base {
                Base::Typedef(name) => next = name,
                _ => return false,
            }
        }
    }

    /// Whether reading the variable's value once at the start of a region is as good as reading it each time.
    pub fn fits_register(&self, entity: EntityId) -> bool {
        let found = &self.entities[entity];
        let scalar = match self.layers(entity) {
            (layers, base) if layers.is_empty() => base == Base::Arithmetic,
            _ => self.is_pointer(entity),
        };
        let automatic = matches!(found.kind, EntityKind::Automatic | EntityKind::Parameter);
        scalar && automatic && !found.address_taken && !self.is_volatile(entity)
    }

    /// Uses whose names lie in `range`.
    pub fn uses_in(&self, range: &Range<usize>) -> &[Use] {
        let start = self
            .uses
            .partition_point(|found| found.range.start < range.start);
        let end = self
            .uses
            .partition_point(|found| found.range.start < range.end);
        &self.uses[start..end.max(start)]
    }
}

/// `range` without blanks, comments and markers at its end.
pub fn trimmed(tokens: &[Token], range: Range<usize>) -> Range<usize> {
    let mut index = first_at(tokens, range.end);
    while let Some(before) = index.checked_sub(1) {
        let token = &tokens[before];
        if token.range.start < range.start {
            break;
        }
        if token.kind != TokenKind::Directive {
            return range.start..token.range.end.min(range.end);
        }
        index = before;
    }
    range
}

/// Steps from the declared name outwards, as `declarator` spells them.
pub fn declarator_layers(
    declarator: &Declarator,
    range: &impl Fn(lang_c::span::Span) -> Range<usize>,
) -> Vec<Layer> {
    let mut layers = match &declarator.kind.node {
        DeclaratorKind::Declarator(inner) => declarator_layers(&inner.node, range),
        _ => Vec::new(),
    };
    for derived in &declarator.derived {
        match &derived.node {
            DerivedDeclarator::Array(_) => layers.push(Layer::Array(range(derived.span))),
            DerivedDeclarator::Function(_) | DerivedDeclarator::KRFunction(_) => {
                layers.push(Layer::Function)
            }
            _ => {}
        }
    }
    for derived in declarator.derived.iter().rev() {
        if let DerivedDeclarator::Pointer(qualifiers) = &derived.node {
            layers.push(Layer::Pointer {
                constant: pointer_has(qualifiers, |qualifier| {
                    matches!(qualifier, TypeQualifier::Const)
                }),
                volatile: pointer_has(qualifiers, |qualifier| {
                    matches!(qualifier, TypeQualifier::Volatile | TypeQualifier::Atomic)
                }),
            });
        }
    }
    layers
}

fn pointer_has(
    qualifiers: &[Node<PointerQualifier>],
    wanted: impl Fn(&TypeQualifier) -> bool,
) -> bool {
    qualifiers.iter().any(|qualifier| matches!(&qualifier.node, PointerQualifier::TypeQualifier(found) if wanted(&found.node)))
}

/// The identifier that a declarator declares.
pub fn declared_name(declarator: &Node<Declarator>) -> Option<&Node<lang_c::ast::Identifier>> {
    match &declarator.node.kind.node {
        DeclaratorKind::Identifier(name) => Some(name),
        DeclaratorKind::Declarator(inner) => declared_name(inner),
        DeclaratorKind::Abstract => None,
    }
}

/// Whether specifiers contain a storage class for which `wanted` holds.
pub fn has_storage(
    specifiers: &[Node<DeclarationSpecifier>],
    wanted: impl Fn(&lang_c::ast::StorageClassSpecifier) -> bool,
) -> bool {
    specifiers.iter().any(|specifier| matches!(&specifier.node, DeclarationSpecifier::StorageClass(class) if wanted(&class.node)))
}

/// Ties a canonical loop to its entity.
pub fn associated(program: &Program<'_>, form: &Canonical<'_>, entity: EntityId) -> Loop {
    Loop {
        entity,
        first: program.range(form.first.span),
        bound: program.range(form.bound.span),
        relation: form.relation,
        upwards: form.upwards,
        subtracted: form.step.subtracted,
        amount: form.step.amount.map(|amount| program.range(amount.span)),
        outer: None,
        away: form.away,
    }
}
