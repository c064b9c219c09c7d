//! The conformance table: which directives and clauses of OpenMP the cases cover, counted from the cases themselves.
//!
//! A case counts for every directive that its pragmas (and `_Pragma` operators) name, together with the clauses written on it. Cases
//! that must not compile are counted apart: they show that what is wrong is refused. A configuration is one number of ranks and
//! threads with one tracker, each compared with `gcc -fopenmp`; what stands in the table has passed if the test suite passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::case::Case;
use crate::plan::Plan;

/// Around the table in README.md.
pub const BEGIN: &str = "<!-- conformance: begin (generated from testsuite/cases) -->";
/// See [`BEGIN`].
pub const END: &str = "<!-- conformance: end -->";

/// Directives of more than one word, and the words that may follow others in the name of a combined one.
const SECOND: [(&str, &[&str]); 9] = [
    ("parallel", &["for", "sections", "loop", "master", "masked"]),
    ("for", &["simd"]),
    ("taskloop", &["simd"]),
    ("master", &["taskloop"]),
    ("masked", &["taskloop"]),
    (
        "target",
        &[
            "parallel", "teams", "simd", "loop", "data", "enter", "exit", "update",
        ],
    ),
    ("teams", &["distribute", "loop"]),
    ("distribute", &["parallel", "simd"]),
    ("cancellation", &["point"]),
];

/// Words that go on after `declare`, `begin`, `end`, `enter` and `exit`.
const LATER: [(&str, &[&str]); 5] = [
    (
        "declare",
        &["target", "reduction", "simd", "mapper", "variant"],
    ),
    ("begin", &["declare", "assumes", "metadirective"]),
    ("end", &["declare", "assumes", "metadirective"]),
    ("enter", &["data"]),
    ("exit", &["data"]),
];

/// First words of directives: what other pragmas of cases (in text that is not compiled) begin with is not counted.
const FIRST: &str = "allocate assume assumes atomic barrier begin cancel cancellation critical declare depobj dispatch distribute end error \
                     flush for interop loop masked master metadirective nothing ordered parallel requires scan scope section sections \
                     simd single target task taskgroup taskloop taskwait taskyield teams threadprivate tile unroll";
/// Clauses, as above.
const CLAUSES: &str = "acq_rel acquire affinity align aligned allocate allocator at atomic_default_mem_order bind capture collapse compare \
                       copyin copyprivate default defaultmap depend destroy detach device device_type dist_schedule doacross \
                       dynamic_allocators enter exclusive fail filter final firstprivate for from full grainsize has_device_addr hint if \
                       in_reduction inbranch inclusive indirect initializer is_device_ptr lastprivate linear link map match mergeable \
                       message nocontext nogroup nontemporal notinbranch novariants nowait num_tasks num_teams num_threads order ordered \
                       otherwise parallel partial priority private proc_bind read reduction relaxed release reverse_offload safelen \
                       schedule sections seq_cst severity shared simd simdlen sizes task_reduction taskgroup thread_limit threads to \
                       unified_address unified_shared_memory uniform untied update use_device_addr use_device_ptr uses_allocators weak \
                       when write";

fn is_among(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// What is known of one directive.
#[derive(Clone, Debug, Default)]
struct Row {
    cases: BTreeSet<String>,
    runs: usize,
    refused: usize,
    clauses: BTreeMap<String, usize>,
}

/// A directive with its clauses, as a pragma names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pragma {
    /// `parallel for`
    pub directive: String,
    /// Names of the clauses.
    pub clauses: Vec<String>,
}

/// The pragmas in a C source: `#pragma omp` lines with their continuations, and `_Pragma("omp ...")`.
pub fn pragmas(source: &str) -> Vec<Pragma> {
    let joined = source.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start();
        let rest = rest.strip_prefix("pragma")?.trim_start();
        rest.strip_prefix("omp ").map(str::to_owned)
    });
    let operators = joined.split("_Pragma(\"omp ").skip(1).filter_map(|rest| {
        let end = rest.find("\")")?;
        Some(rest[..end].to_owned())
    });
    lines
        .chain(operators)
        .filter_map(|text| pragma(&text))
        .collect()
}

fn pragma(text: &str) -> Option<Pragma> {
    let text = text.split("//").next().unwrap_or(text);
    let words = words(text);
    let mut words = words.iter().map(String::as_str).peekable();
    let mut directive = words
        .next()
        .filter(|word| is_among(FIRST, word))?
        .to_owned();
    let mut last = directive.clone();
    let goes_on = |last: &str, next: &str| {
        let mut all = SECOND.iter().chain(&LATER);
        all.any(|(word, next_words)| *word == last && next_words.contains(&next))
    };
    while let Some(next) = words.peek().filter(|next| goes_on(&last, next)) {
        last = (*next).to_owned();
        let _ = write!(directive, " {next}");
        words.next();
    }
    let kinds = matches!(directive.as_str(), "cancel" | "cancellation point");
    let clauses = words
        .filter(|word| is_among(CLAUSES, word))
        .filter(|word| kinds || !matches!(*word, "for" | "parallel" | "sections" | "taskgroup"))
        .map(str::to_owned)
        .collect();
    Some(Pragma { directive, clauses })
}

/// The identifiers outside of all parentheses.
fn words(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let current = words.len() - 1;
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            letter if depth == 0 && (letter.is_ascii_alphanumeric() || letter == '_') => {
                words[current].push(letter);
                continue;
            }
            _ => {}
        }
        if !words[current].is_empty() {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The table for `cases` in Markdown: a line for each directive.
///
/// # Errors
/// A case's source cannot be read.
pub fn table(cases: &[Case]) -> Result<String, std::io::Error> {
    let plan = Plan::default();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = (0, 0);
    for case in cases {
        let source = std::fs::read_to_string(&case.source)?;
        let refused = case.must_not_compile();
        let runs = if refused {
            0
        } else {
            plan.shapes_of(case).len() * plan.trackers_of(case).len()
        };
        total = (total.0 + 1, total.1 + runs);
        for pragma in pragmas(&source) {
            let row = rows.entry(pragma.directive).or_default();
            if refused {
                row.refused += usize::from(row.cases.insert(format!("{} refused", case.name)));
                continue;
            }
            if row.cases.insert(case.name.clone()) {
                row.runs += runs;
            }
            for clause in pragma.clauses {
                *row.clauses.entry(clause).or_default() += 1;
            }
        }
    }
    let mut text = format!(
        "{} cases, {} runs, each compared with `gcc -fopenmp`. After a clause: how often the cases write it.\n\n\
         | directive | cases | runs | clauses |\n|---|---|---|---|\n",
        total.0, total.1
    );
    for (directive, row) in rows.iter().filter(|(_, row)| row.runs > 0) {
        let clauses: Vec<String> = row
            .clauses
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let cases = row.cases.len() - row.refused;
        let _ = writeln!(
            text,
            "| `{directive}` | {cases} | {} | {} |",
            row.runs,
            clauses.join(", ")
        );
    }
    Ok(text)
}

/// `readme` with the table between the markers; `None`: there are none.
pub fn replaced(readme: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pragmas_are_taken_apart() {
        let source = "#pragma omp parallel for private(a, for) \\\n  schedule(static, 3), nowait // x\n  # pragma omp critical(name)\n\
                      #define P _Pragma(\"omp target enter data map(to : a)\")\n#pragma omp declare reduction(+ : t : f(a))\n#pragma GCC ivdep\n";
        let found: Vec<(String, Vec<String>)> = pragmas(source)
            .into_iter()
            .map(|pragma| (pragma.directive, pragma.clauses))
            .collect();
        let expected = [
            ("parallel for", vec!["private", "schedule", "nowait"]),
            ("critical", vec![]),
            ("declare reduction", vec![]),
            ("target enter data", vec!["map"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(name, clauses)| {
                (
                    name.to_owned(),
                    clauses.into_iter().map(str::to_owned).collect(),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let readme = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(
            replaced(&readme, "new\n"),
            Some(format!("a\n{BEGIN}\nnew\n{END}\nb\n"))
        );
        assert_eq!(replaced("nothing", "new\n"), None);
    }
}
