//! `declare reduction` (OpenMP 5.2 section 5.5.11): which directive a reduction means, and the functions it becomes.
//!
//! A directive is visible from where it stands to the end of its block. For each of its types two functions are made, `cape_combine_`
//! and `cape_initialise_`, with the number of the directive and of the type: at file scope they follow the directive, in a function
//! they come before it. Which of several visible directives is meant depends on the type of the list item, which the host compiler
//! decides.

use std::ops::Range;

use super::code::{Code, Piece};
use super::directive::{ClauseKind, Declaration, Directive, Operator};
use super::lower::Translated;
use super::problem::Problem;
use super::program::Program;
use super::tokens::{Token, TokenKind, tokens_within};

/// A `declare reduction` directive.
#[derive(Clone, Debug)]
pub struct DeclaredReduction {
    /// Bytes of the pragma.
    pub place: Range<usize>,
    /// Where its block ends.
    pub end: usize,
    /// Whether it is in a function.
    pub local: bool,
    /// Its parts.
    pub parts: Declaration,
}

/// Words of which the types that the operators are predeclared for consist.
const ARITHMETIC: [&str; 12] = [
    "int",
    "char",
    "short",
    "long",
    "float",
    "double",
    "unsigned",
    "signed",
    "_Bool",
    "_Complex",
    "__complex__",
    "const",
];

/// The `declare reduction` directives among `directives`; reports what cannot be declared.
pub fn declared(
    text: &str,
    tokens: &[Token],
    directives: &[Directive],
    problems: &mut Vec<Problem>,
) -> Vec<DeclaredReduction> {
    let mut all: Vec<DeclaredReduction> = Vec::new();
    for directive in directives {
        let Some(parts) = directive.find(|kind| match kind {
            ClauseKind::Reduction(parts) => Some(parts.clone()),
            _ => None,
        }) else {
            continue;
        };
        let (end, local) = scope_end(text, tokens, directive.range.end);
        check(text, &parts, problems);
        for earlier in all.iter().filter(|earlier| earlier.end == end) {
            redeclared(text, &parts, earlier, problems);
        }
        all.push(DeclaredReduction {
            place: directive.range.clone(),
            end,
            local,
            parts,
        });
    }
    all
}

/// Where the block around `offset` ends, and whether there is one.
fn scope_end(text: &str, tokens: &[Token], offset: usize) -> (usize, bool) {
    let mut depth = 0;
    let start = tokens.partition_point(|token| token.range.start < offset);
    for token in tokens[start..]
        .iter()
        .filter(|token| token.kind == TokenKind::Punctuation)
    {
        match token.text(text) {
            "{" => depth += 1,
            "}" if depth == 0 => return (token.range.start, true),
            "}" => depth -= 1,
            _ => {}
        }
    }
    (text.len(), false)
}

fn check(text: &str, parts: &Declaration, problems: &mut Vec<Problem>) {
    let operator = matches!(
        &text[parts.name.clone()],
        "+" | "*" | "&" | "|" | "^" | "&&" | "||" | "min" | "max"
    );
    for range in &parts.types {
        let words = tokens_within(text, range.clone());
        let arithmetic = words
            .iter()
            .all(|word| ARITHMETIC.contains(&word.text(text)));
        if operator && arithmetic {
            let message = format!(
                "'{}' is predeclared for the arithmetic type '{}'",
                &text[parts.name.clone()],
                &text[range.clone()]
            );
            problems.push(
                Problem::new(range.clone(), message).note("choose another name for this reduction"),
            );
        }
        if words.iter().any(|word| {
            matches!(
                word.text(text),
                "[" | "const" | "volatile" | "restrict" | "_Atomic"
            )
        }) {
            let message =
                "a reduction is declared for neither arrays nor qualified types".to_owned();
            problems
                .push(Problem::new(range.clone(), message).note("declare it for the element type"));
        }
    }
}

fn redeclared(
    text: &str,
    parts: &Declaration,
    earlier: &DeclaredReduction,
    problems: &mut Vec<Problem>,
) {
    let spelling = |range: &Range<usize>| -> Vec<String> {
        let words = tokens_within(text, range.clone());
        words
            .iter()
            .map(|word| word.text(text).to_owned())
            .collect()
    };
    if text[parts.name.clone()] != text[earlier.parts.name.clone()] {
        return;
    }
    for range in &parts.types {
        if earlier
            .parts
            .types
            .iter()
            .any(|other| spelling(other) == spelling(range))
        {
            let message = format!(
                "the reduction '{}' is already declared for '{}'",
                &text[parts.name.clone()],
                &text[range.clone()]
            );
            problems.push(
                Problem::new(range.clone(), message)
                    .related(earlier.place.clone(), "declared here"),
            );
        }
    }
}

/// Directives that `operator` may mean at `offset`, those of inner blocks and later ones first.
pub fn visible(program: &Program<'_>, operator: Operator, offset: usize) -> Vec<usize> {
    let name = match operator {
        Operator::User(start, end) => &program.text[start..end],
        operator => operator.symbol().unwrap_or_default(),
    };
    let fits = |found: &DeclaredReduction| {
        found.place.end <= offset
            && offset < found.end
            && &program.text[found.parts.name.clone()] == name
    };
    let all = program.reductions.iter().enumerate().rev();
    all.filter(|(_, found)| fits(found))
        .map(|(index, _)| index)
        .collect()
}

/// The function `cape_<what>_` of that one of `declared` which is for the type of `element`, an expression.
pub fn chosen(program: &Program<'_>, declared: &[usize], element: &str, what: &str) -> String {
    let mut all = Vec::new();
    for &index in declared {
        for (number, range) in program.reductions[index].parts.types.iter().enumerate() {
            all.push((replaced(program, range, &[]), name(what, index, number)));
        }
    }
    if let [(_, only)] = all.as_slice() {
        return only.clone();
    }
    let mut text = "(void)0".to_owned();
    for (kind, function) in all.iter().rev() {
        text = format!(
            "__builtin_choose_expr(__builtin_types_compatible_p(__typeof__({element}), __typeof__({kind})), {function}, {text})"
        );
    }
    text
}

/// Whether one of `declared` is for the type of `element`: a constant expression.
pub fn fits(program: &Program<'_>, declared: &[usize], element: &str) -> String {
    let types = declared
        .iter()
        .flat_map(|index| &program.reductions[*index].parts.types);
    let all: Vec<String> = types
        .map(|range| {
            let kind = replaced(program, range, &[]);
            format!("__builtin_types_compatible_p(__typeof__({element}), __typeof__({kind}))")
        })
        .collect();
    all.join(" || ")
}

fn name(what: &str, index: usize, number: usize) -> String {
    format!("cape_{what}_{}_{}", index + 1, number + 1)
}

/// The functions of the directives at file scope.
pub fn lower(program: &Program<'_>) -> Vec<Translated> {
    let all = program.reductions.iter().enumerate();
    all.filter(|(_, found)| !found.local)
        .map(|(index, found)| Translated {
            range: found.place.end..found.place.end,
            before: Code::default(),
            code: functions(program, index),
        })
        .collect()
}

/// The functions of the directives within `range`, the definition of a function.
pub fn local(program: &Program<'_>, range: &Range<usize>) -> Vec<Code> {
    let all = program.reductions.iter().enumerate();
    all.filter(|(_, found)| found.local && range.contains(&found.place.start))
        .map(|(index, _)| functions(program, index))
        .collect()
}

/// Both functions for each of a directive's types.
fn functions(program: &Program<'_>, index: usize) -> Code {
    let found = &program.reductions[index];
    let mut code = Code::default();
    code.push(Piece::Place(found.place.start));
    code.text("\n");
    for (number, range) in found.parts.types.iter().enumerate() {
        let kind = format!("__typeof__({})", replaced(program, range, &[]));
        code.text(combiner(
            program,
            &found.parts,
            &kind,
            &name("combine", index, number),
        ));
        code.text(initialiser(
            program,
            &found.parts,
            &kind,
            &name("initialise", index, number),
        ));
    }
    code
}

fn combiner(program: &Program<'_>, parts: &Declaration, kind: &str, name: &str) -> String {
    let out = format!("(((({kind} *)cape_inout))[cape_k])");
    let operand = format!("(((({kind} *)cape_in))[cape_k])");
    let expression = replaced(
        program,
        &parts.combiner,
        &[("omp_out", &out), ("omp_in", &operand)],
    );
    format!(
        "static __inline__ __attribute__((unused)) void {name}(void *cape_inout, const void *cape_in, __typeof__(sizeof 0) cape_count)\n\
         {{\n    __typeof__(sizeof 0) cape_k;\n    for (cape_k = 0; cape_k < cape_count; ++cape_k)\n        {expression};\n}}\n"
    )
}

fn initialiser(program: &Program<'_>, parts: &Declaration, kind: &str, name: &str) -> String {
    let copy = format!("(((({kind} *)cape_copy))[cape_k])");
    let original = format!("(((({kind} *)cape_original))[cape_k])");
    let statement = match &parts.initializer {
        None => format!("__builtin_memset(&{copy}, 0, sizeof {copy});"),
        Some((false, range)) => {
            let call = replaced(
                program,
                range,
                &[("omp_priv", &copy), ("omp_orig", &original)],
            );
            format!("{call};")
        }
        Some((true, range)) => {
            let value = replaced(program, range, &[("omp_orig", &original)]);
            format!("{{\n        {kind} omp_priv = {value};\n        {copy} = omp_priv;\n    }}")
        }
    };
    format!(
        "static __inline__ __attribute__((unused)) void {name}(void *cape_copy, const void *cape_original, __typeof__(sizeof 0) cape_count)\n\
         {{\n    __typeof__(sizeof 0) cape_k;\n    (void)cape_original;\n    for (cape_k = 0; cape_k < cape_count; ++cape_k)\n    {statement}\n}}\n"
    )
}

/// The user's text with some names replaced.
fn replaced(program: &Program<'_>, range: &Range<usize>, names: &[(&str, &str)]) -> String {
    let words = tokens_within(program.text, range.clone());
    let mut text = String::new();
    let mut at = range.start;
    for word in &words {
        let gap = &program.text[at..word.range.start];
        text += if gap.is_empty() { "" } else { " " };
        let spelling = word.text(program.text);
        let known = names.iter().find(|(name, _)| *name == spelling);
        text += known.map_or(spelling, |(_, other)| other);
        at = word.range.end;
    }
    text
}
