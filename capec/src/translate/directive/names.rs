//! Names of directives, the constructs a combined directive consists of, and the clauses each of them takes.
//!
//! A combined or composite directive (OpenMP 5.2 section 17) is the sequence of its constituents, outermost first; what it
//! takes is what they take, and [`super::super::resolve`] gives each clause to the constituents it belongs to.

/// A directive, or a constituent of a combined one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectiveKind {
    /// `parallel`
    Parallel,
    /// `for`
    For,
    /// `simd`
    Simd,
    /// `loop`
    Loop,
    /// `sections`
    Sections,
    /// `section`
    Section,
    /// `single`
    Single,
    /// `scope`
    Scope,
    /// `master`
    Master,
    /// `masked`
    Masked,
    /// `barrier`
    Barrier,
    /// `critical`
    Critical,
    /// `ordered`, stand-alone with `depend` or `doacross`
    Ordered,
    /// `atomic`
    Atomic,
    /// `flush`
    Flush,
    /// `scan`
    Scan,
    /// `cancel`
    Cancel,
    /// `cancellation point`
    CancellationPoint,
    /// `task`
    Task,
    /// `taskloop`
    Taskloop,
    /// `taskgroup`
    Taskgroup,
    /// `taskwait`
    Taskwait,
    /// `taskyield`
    Taskyield,
    /// `depobj`
    Depobj,
    /// `target`
    Target,
    /// `target data`
    TargetData,
    /// `target enter data`
    TargetEnterData,
    /// `target exit data`
    TargetExitData,
    /// `target update`
    TargetUpdate,
    /// `teams`
    Teams,
    /// `distribute`
    Distribute,
    /// `threadprivate`, a declarative directive
    Threadprivate,
    /// `declare reduction`
    DeclareReduction,
    /// `declare simd`
    DeclareSimd,
    /// `declare target`, `begin declare target`
    DeclareTarget,
    /// `end declare target`
    EndDeclareTarget,
    /// `declare mapper`
    DeclareMapper,
    /// `declare variant`
    DeclareVariant,
    /// `begin declare variant`
    BeginDeclareVariant,
    /// `end declare variant`
    EndDeclareVariant,
    /// `requires`
    Requires,
    /// `error`
    Error,
    /// `nothing`
    Nothing,
    /// `assume`
    Assume,
    /// `assumes`, `begin assumes`
    Assumes,
    /// `end assumes`
    EndAssumes,
    /// `allocate`
    Allocate,
    /// `metadirective`
    Metadirective,
    /// `tile`
    Tile,
    /// `unroll`
    Unroll,
    /// `interop`
    Interop,
    /// `dispatch`
    Dispatch,
}

/// What a directive stands for in the grammar of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It belongs to the statement that follows.
    Block,
    /// It is a statement of its own.
    StandAlone,
    /// It belongs to declarations, or to the file; it may stand where a declaration may.
    Declarative,
}

use DirectiveKind as Kind;

/// Every directive of OpenMP 5.2 for C with its constituents, outermost first.
const NAMES: &[(&str, &[Kind])] = &[
    ("parallel", &[Kind::Parallel]),
    ("parallel for", &[Kind::Parallel, Kind::For]),
    (
        "parallel for simd",
        &[Kind::Parallel, Kind::For, Kind::Simd],
    ),
    ("parallel loop", &[Kind::Parallel, Kind::Loop]),
    ("parallel sections", &[Kind::Parallel, Kind::Sections]),
    ("parallel master", &[Kind::Parallel, Kind::Master]),
    ("parallel masked", &[Kind::Parallel, Kind::Masked]),
    (
        "parallel master taskloop",
        &[Kind::Parallel, Kind::Master, Kind::Taskloop],
    ),
    (
        "parallel master taskloop simd",
        &[Kind::Parallel, Kind::Master, Kind::Taskloop, Kind::Simd],
    ),
    (
        "parallel masked taskloop",
        &[Kind::Parallel, Kind::Masked, Kind::Taskloop],
    ),
    (
        "parallel masked taskloop simd",
        &[Kind::Parallel, Kind::Masked, Kind::Taskloop, Kind::Simd],
    ),
    ("for", &[Kind::For]),
    ("for simd", &[Kind::For, Kind::Simd]),
    ("simd", &[Kind::Simd]),
    ("loop", &[Kind::Loop]),
    ("sections", &[Kind::Sections]),
    ("section", &[Kind::Section]),
    ("single", &[Kind::Single]),
    ("scope", &[Kind::Scope]),
    ("master", &[Kind::Master]),
    ("master taskloop", &[Kind::Master, Kind::Taskloop]),
    (
        "master taskloop simd",
        &[Kind::Master, Kind::Taskloop, Kind::Simd],
    ),
    ("masked", &[Kind::Masked]),
    ("masked taskloop", &[Kind::Masked, Kind::Taskloop]),
    (
        "masked taskloop simd",
        &[Kind::Masked, Kind::Taskloop, Kind::Simd],
    ),
    ("barrier", &[Kind::Barrier]),
    ("critical", &[Kind::Critical]),
    ("ordered", &[Kind::Ordered]),
    ("atomic", &[Kind::Atomic]),
    ("flush", &[Kind::Flush]),
    ("scan", &[Kind::Scan]),
    ("cancel", &[Kind::Cancel]),
    ("cancellation point", &[Kind::CancellationPoint]),
    ("task", &[Kind::Task]),
    ("taskloop", &[Kind::Taskloop]),
    ("taskloop simd", &[Kind::Taskloop, Kind::Simd]),
    ("taskgroup", &[Kind::Taskgroup]),
    ("taskwait", &[Kind::Taskwait]),
    ("taskyield", &[Kind::Taskyield]),
    ("depobj", &[Kind::Depobj]),
    ("target", &[Kind::Target]),
    ("target parallel", &[Kind::Target, Kind::Parallel]),
    (
        "target parallel for",
        &[Kind::Target, Kind::Parallel, Kind::For],
    ),
    (
        "target parallel for simd",
        &[Kind::Target, Kind::Parallel, Kind::For, Kind::Simd],
    ),
    (
        "target parallel loop",
        &[Kind::Target, Kind::Parallel, Kind::Loop],
    ),
    ("target simd", &[Kind::Target, Kind::Simd]),
    ("target loop", &[Kind::Target, Kind::Loop]),
    ("target teams", &[Kind::Target, Kind::Teams]),
    (
        "target teams loop",
        &[Kind::Target, Kind::Teams, Kind::Loop],
    ),
    (
        "target teams distribute",
        &[Kind::Target, Kind::Teams, Kind::Distribute],
    ),
    (
        "target teams distribute simd",
        &[Kind::Target, Kind::Teams, Kind::Distribute, Kind::Simd],
    ),
    (
        "target teams distribute parallel for",
        &[
            Kind::Target,
            Kind::Teams,
            Kind::Distribute,
            Kind::Parallel,
            Kind::For,
        ],
    ),
    (
        "target teams distribute parallel for simd",
        &[
            Kind::Target,
            Kind::Teams,
            Kind::Distribute,
            Kind::Parallel,
            Kind::For,
            Kind::Simd,
        ],
    ),
    ("target data", &[Kind::TargetData]),
    ("target enter data", &[Kind::TargetEnterData]),
    ("target exit data", &[Kind::TargetExitData]),
    ("target update", &[Kind::TargetUpdate]),
    ("teams", &[Kind::Teams]),
    ("teams loop", &[Kind::Teams, Kind::Loop]),
    ("teams distribute", &[Kind::Teams, Kind::Distribute]),
    (
        "teams distribute simd",
        &[Kind::Teams, Kind::Distribute, Kind::Simd],
    ),
    (
        "teams distribute parallel for",
        &[Kind::Teams, Kind::Distribute, Kind::Parallel, Kind::For],
    ),
    (
        "teams distribute parallel for simd",
        &[
            Kind::Teams,
            Kind::Distribute,
            Kind::Parallel,
            Kind::For,
            Kind::Simd,
        ],
    ),
    ("distribute", &[Kind::Distribute]),
    ("distribute simd", &[Kind::Distribute, Kind::Simd]),
    (
        "distribute parallel for",
        &[Kind::Distribute, Kind::Parallel, Kind::For],
    ),
    (
        "distribute parallel for simd",
        &[Kind::Distribute, Kind::Parallel, Kind::For, Kind::Simd],
    ),
    ("threadprivate", &[Kind::Threadprivate]),
    ("declare reduction", &[Kind::DeclareReduction]),
    ("declare simd", &[Kind::DeclareSimd]),
    ("declare target", &[Kind::DeclareTarget]),
    ("begin declare target", &[Kind::DeclareTarget]),
    ("end declare target", &[Kind::EndDeclareTarget]),
    ("declare mapper", &[Kind::DeclareMapper]),
    ("declare variant", &[Kind::DeclareVariant]),
    ("begin declare variant", &[Kind::BeginDeclareVariant]),
    ("end declare variant", &[Kind::EndDeclareVariant]),
    ("requires", &[Kind::Requires]),
    ("error", &[Kind::Error]),
    ("nothing", &[Kind::Nothing]),
    ("assume", &[Kind::Assume]),
    ("assumes", &[Kind::Assumes]),
    ("begin assumes", &[Kind::Assumes]),
    ("end assumes", &[Kind::EndAssumes]),
    ("allocate", &[Kind::Allocate]),
    ("metadirective", &[Kind::Metadirective]),
    ("begin metadirective", &[Kind::Metadirective]),
    ("tile", &[Kind::Tile]),
    ("unroll", &[Kind::Unroll]),
    ("interop", &[Kind::Interop]),
    ("dispatch", &[Kind::Dispatch]),
];

/// Names of OpenMP 6, which are refused as such.
const LATER: [&str; 8] = [
    "fuse",
    "groupprivate",
    "interchange",
    "reverse",
    "stripe",
    "split",
    "taskgraph",
    "workdistribute",
];

/// The directive whose name begins at the first of `words`: the longest that fits, and its constituents.
pub fn lookup(words: &[&str]) -> Option<(&'static str, &'static [Kind])> {
    let fits = |name: &str| {
        let mut rest = words.iter();
        name.split(' ').all(|word| rest.next() == Some(&word))
    };
    NAMES
        .iter()
        .filter(|(name, _)| fits(name))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, parts)| (*name, *parts))
}

/// Whether `word` begins the name of a directive that this version of the specification, or a later one, has.
pub fn begins(word: &str) -> bool {
    let known = NAMES.iter().map(|(name, _)| *name).chain(LATER);
    known
        .into_iter()
        .any(|name| name.split(' ').next() == Some(word))
}

/// Whether a directive of constituents `parts` takes clause `name`.
pub fn takes(parts: &[Kind], name: &str) -> bool {
    allowed(parts).contains(&name)
}

/// Names of the clauses that a directive of constituents `parts` takes.
pub fn allowed(parts: &[Kind]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for part in parts {
        for name in part.allowed() {
            // The end of a region cannot be waived, except that of a target task (sections 17.2 and 17.3).
            let end = *name == "nowait" && parts[0] != *part && parts.len() > 1;
            let copyin = *name == "copyin" && parts[0] == Kind::Target;
            if !end && !copyin && !names.contains(name) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether some directive takes clause `name`.
pub fn is_clause(name: &str) -> bool {
    NAMES.iter().any(|(_, parts)| takes(parts, name))
}

impl DirectiveKind {
    /// How the directive takes part in the grammar; `ordered` and `taskwait` depend on more than their names.
    pub fn form(self) -> Form {
        match self {
            Self::Barrier
            | Self::Flush
            | Self::Scan
            | Self::Cancel
            | Self::CancellationPoint
            | Self::Taskwait
            | Self::Taskyield
            | Self::Depobj
            | Self::TargetEnterData
            | Self::TargetExitData
            | Self::TargetUpdate
            | Self::Error
            | Self::Interop => Form::StandAlone,
            Self::Threadprivate
            | Self::DeclareReduction
            | Self::DeclareSimd
            | Self::DeclareTarget
            | Self::EndDeclareTarget
            | Self::DeclareMapper
            | Self::DeclareVariant
            | Self::BeginDeclareVariant
            | Self::EndDeclareVariant
            | Self::Requires
            | Self::Assumes
            | Self::EndAssumes
            | Self::Nothing
            | Self::Assume
            | Self::Unroll
            | Self::Allocate => Form::Declarative,
            _ => Form::Block,
        }
    }

    /// Names of the clauses of this constituent.
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Parallel => &[
                "num_threads",
                "if",
                "proc_bind",
                "default",
                "shared",
                "private",
                "firstprivate",
                "reduction",
                "copyin",
                "allocate",
            ],
            Self::For => &[
                "private",
                "firstprivate",
                "lastprivate",
                "reduction",
                "schedule",
                "collapse",
                "ordered",
                "linear",
                "nowait",
                "order",
                "allocate",
            ],
            Self::Simd => &[
                "if",
                "safelen",
                "simdlen",
                "linear",
                "aligned",
                "nontemporal",
                "private",
                "lastprivate",
                "reduction",
                "collapse",
                "order",
            ],
            Self::Loop => &[
                "bind",
                "collapse",
                "order",
                "private",
                "lastprivate",
                "reduction",
            ],
            Self::Sections => &[
                "private",
                "firstprivate",
                "lastprivate",
                "reduction",
                "nowait",
                "allocate",
            ],
            Self::Single => &[
                "private",
                "firstprivate",
                "copyprivate",
                "nowait",
                "allocate",
            ],
            Self::Scope => &["private", "firstprivate", "reduction", "nowait", "allocate"],
            Self::Masked => &["filter"],
            Self::Critical => &["hint"],
            Self::Ordered => &["threads", "simd", "depend", "doacross"],
            Self::Atomic => &[
                "read", "write", "update", "capture", "compare", "weak", "fail", "seq_cst",
                "acq_rel", "acquire", "release", "relaxed", "hint",
            ],
            Self::Flush => &["seq_cst", "acq_rel", "acquire", "release"],
            Self::Scan => &["inclusive", "exclusive"],
            Self::Cancel => &["parallel", "for", "sections", "taskgroup", "if"],
            Self::CancellationPoint => &["parallel", "for", "sections", "taskgroup"],
            Self::Task => &[
                "if",
                "final",
                "untied",
                "mergeable",
                "default",
                "private",
                "firstprivate",
                "shared",
                "depend",
                "priority",
                "detach",
                "affinity",
                "in_reduction",
                "allocate",
            ],
            Self::Taskloop => &[
                "if",
                "final",
                "untied",
                "mergeable",
                "default",
                "private",
                "firstprivate",
                "lastprivate",
                "shared",
                "reduction",
                "in_reduction",
                "grainsize",
                "num_tasks",
                "collapse",
                "priority",
                "nogroup",
                "allocate",
            ],
            Self::Taskgroup => &["task_reduction", "allocate"],
            Self::Taskwait => &["depend", "nowait"],
            Self::Depobj => &["depend", "update", "destroy"],
            Self::Target => &[
                "if",
                "device",
                "thread_limit",
                "private",
                "firstprivate",
                "map",
                "is_device_ptr",
                "has_device_addr",
                "defaultmap",
                "depend",
                "nowait",
                "in_reduction",
                "uses_allocators",
                "allocate",
            ],
            Self::TargetData => &["if", "device", "map", "use_device_ptr", "use_device_addr"],
            Self::TargetEnterData | Self::TargetExitData => {
                &["if", "device", "map", "depend", "nowait"]
            }
            Self::TargetUpdate => &["if", "device", "to", "from", "depend", "nowait"],
            Self::Teams => &[
                "num_teams",
                "thread_limit",
                "default",
                "shared",
                "private",
                "firstprivate",
                "reduction",
                "allocate",
            ],
            Self::Distribute => &[
                "dist_schedule",
                "collapse",
                "private",
                "firstprivate",
                "lastprivate",
                "order",
                "allocate",
            ],
            Self::DeclareTarget => &["to", "enter", "link", "device_type", "indirect"],
            Self::DeclareMapper => &["map"],
            Self::DeclareReduction => &["initializer"],
            Self::DeclareSimd => &[
                "simdlen",
                "linear",
                "aligned",
                "uniform",
                "inbranch",
                "notinbranch",
            ],
            Self::DeclareVariant => &["match", "adjust_args", "append_args"],
            Self::BeginDeclareVariant => &["match"],
            Self::Requires => &[
                "reverse_offload",
                "unified_address",
                "unified_shared_memory",
                "dynamic_allocators",
                "atomic_default_mem_order",
            ],
            Self::Error => &["at", "severity", "message"],
            Self::Assume | Self::Assumes => &[
                "absent",
                "contains",
                "holds",
                "no_openmp",
                "no_openmp_routines",
                "no_parallelism",
            ],
            Self::Allocate => &["allocator", "align"],
            Self::Metadirective => &["when", "otherwise", "default"],
            Self::Tile => &["sizes"],
            Self::Unroll => &["full", "partial"],
            Self::Interop => &["init", "use", "destroy", "device", "depend", "nowait"],
            Self::Dispatch => &[
                "device",
                "depend",
                "is_device_ptr",
                "nocontext",
                "novariants",
                "nowait",
            ],
            Self::Section
            | Self::Master
            | Self::Barrier
            | Self::Taskyield
            | Self::Threadprivate
            | Self::EndDeclareTarget
            | Self::EndDeclareVariant
            | Self::EndAssumes
            | Self::Nothing => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_counts() {
        let found = |words: &[&str]| lookup(words).map(|(name, _)| name);
        assert_eq!(found(&["parallel", "for", "private"]), Some("parallel for"));
        assert_eq!(found(&["parallel", "private"]), Some("parallel"));
        assert_eq!(found(&["cancel", "parallel"]), Some("cancel"));
        assert_eq!(
            found(&["cancellation", "point"]),
            Some("cancellation point")
        );
        assert_eq!(found(&["declare"]), None);
    }

    #[test]
    fn combined_directives_take_what_their_constituents_take() {
        let parts = |words: &[&str]| lookup(words).expect("a directive").1;
        assert!(!takes(parts(&["parallel", "for"]), "nowait"));
        assert!(takes(parts(&["target", "parallel", "for"]), "nowait"));
        assert!(takes(parts(&["for", "simd"]), "nowait"));
        assert!(takes(
            parts(&["distribute", "parallel", "for"]),
            "dist_schedule"
        ));
        assert!(!takes(parts(&["target", "parallel"]), "copyin"));
        assert!(!takes(parts(&["for"]), "shared"));
    }
}
