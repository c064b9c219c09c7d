//! Source-to-source translation of one preprocessed C file.
//!
//! ```text
//! preprocessed text ─► tokens, markers (where each byte comes from)
//!        │                 └─► directive (pragmas: clauses and items with their bytes)
//!        ├─► copy (pragmas become labels) ─► lang-c ─► resolve (names, constructs) ─► sharing (captures)
//!        │                                                                              │
//!        └──────────────────────────────────────────────────────────► lower (templates) ┴─► code
//!                                                                                             ├─► compiled: for the host compiler
//!                                                                                             └─► readable: for people
//! ```
//!
//! The output is the user's text, edited; only the parser sees a copy that was altered. Every phase collects problems and
//! goes on, so that all errors of a file are shown at once.

mod align;
mod atomic;
mod code;
mod constant;
mod copy;
mod declare;
mod directive;
mod loops;
mod lower;
mod macros;
mod markers;
mod nested;
mod problem;
mod program;
mod readable;
mod reductions;
mod report;
mod resolve;
mod sharing;
mod template;
mod threadprivate;
mod tokens;
mod trailing;
mod variants;
mod warnings;

use std::collections::HashSet;
use std::path::Path;

use lang_c::driver::{Config, SyntaxError, parse_preprocessed};

use code::{Code, Piece};
use copy::{Binding, ParseCopy};
use directive::{ClauseKind, Directive, DirectiveKind, Form};
use lower::Translated;
use macros::Macros;
use markers::SourceMap;
use problem::{Problem, Severity};
use program::Program;
pub use report::{Diagnostic, Diagnostics, Level, Style, Warning, Wishes};
use tokens::{Token, TokenKind};

/// One C file to be translated.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Output of `gcc -E -fopenmp -include cape.h`, with line markers.
    pub preprocessed: &'a str,
    /// The source file as the user named it.
    pub source: &'a Path,
    /// What the user wants to hear, and how.
    pub wishes: &'a Wishes,
}

/// The translated file.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Preprocessed C with line markers; no macro is expanded in it any more.
    pub text: String,
    /// Warnings to show.
    pub report: Vec<Diagnostic>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// No OpenMP semantics in it: compile the original.
    Untouched,
    /// OpenMP constructs were replaced.
    Translated(Translation),
}

/// Translates a file.
///
/// # Errors
/// All errors of the file.
pub fn translate(unit: &Unit<'_>) -> Result<Outcome, Diagnostics> {
    let resolved = resolved(unit)?;
    let text = resolved.as_deref().unwrap_or(unit.preprocessed);
    let unit = &Unit {
        preprocessed: text,
        ..*unit
    };
    let Some((functions, map, report)) = analyse(unit)? else {
        return Ok(Outcome::Untouched);
    };
    let mut code = Code::default();
    let mut at = 0;
    for function in functions {
        code.push(Piece::User(at..function.range.start));
        code.append(function.before);
        code.append(function.code);
        at = function.range.end;
    }
    code.push(Piece::User(at..text.len()));
    let text = code::compiled(&code, text, &map, &Macros::of_cape_h());
    Ok(Outcome::Translated(Translation { text, report }))
}

/// The readable translation: `original` with constructs replaced.
///
/// # Errors
/// All errors of the file.
pub fn emit_c(unit: &Unit<'_>, original: &str) -> Result<String, Diagnostics> {
    let resolved = resolved(unit)?;
    let text = resolved.as_deref().unwrap_or(unit.preprocessed);
    let unit = &Unit {
        preprocessed: text,
        ..*unit
    };
    let Some((functions, map, _)) = analyse(unit)? else {
        return Ok(original.to_owned());
    };
    let tokens = tokens::tokens(text);
    Ok(readable::readable(
        &functions, text, &tokens, &map, original,
    ))
}

/// The text with variants chosen, if it has any.
fn resolved(unit: &Unit<'_>) -> Result<Option<String>, Diagnostics> {
    variants::resolved(unit.preprocessed).map_err(|(text, problems)| {
        let tokens = tokens::tokens(&text);
        let map = SourceMap::new(&text);
        report::report(problems, &text, &tokens, &map, unit.wishes)
    })
}

/// What replaces the functions with constructs, where the text comes from, and warnings.
type Analysis<'t> = (Vec<Translated>, SourceMap<'t>, Vec<Diagnostic>);

/// Runs all phases up to the lowering. `None`: there is no OpenMP in the file.
fn analyse<'t>(unit: &Unit<'t>) -> Result<Option<Analysis<'t>>, Diagnostics> {
    let text = unit.preprocessed;
    if !text.contains("#pragma omp") {
        return Ok(None);
    }
    let tokens = tokens::tokens(text);
    let map = SourceMap::new(text);
    let mut problems = Vec::new();
    let (directives, declarative, pragmas) = directives(text, &tokens, &mut problems);
    if directives.is_empty() && declarative.is_empty() && problems.is_empty() {
        return Ok(None);
    }
    check_names(text, &tokens, &map, &mut problems);
    let copy = ParseCopy::new(text, &tokens, &pragmas);
    let mut warned = Vec::new();
    let functions = match parse_preprocessed(&Config::with_gcc(), copy.text.clone()) {
        Ok(parsed) => {
            let reductions = reductions::declared(text, &tokens, &declarative, &mut problems);
            let mut program = Program {
                reductions,
                text,
                tokens: &tokens,
                copy: &copy,
                directives: &directives,
                declarative: &declarative,
                on_device: HashSet::new(),
                entities: Vec::new(),
                uses: Vec::new(),
                function_names: Vec::new(),
                constructs: Vec::new(),
                functions: Vec::new(),
                hoists: Vec::new(),
                bit_fields: HashSet::new(),
                told: Vec::new(),
            };
            resolve::resolve(&mut program, &parsed.unit, &mut problems);
            threadprivate::mark(&mut program, &declarative, &mut problems);
            sharing::implicit::mark(&mut program, &declarative, &mut problems);
            sharing::complete(&mut program, &mut problems);
            if problems.is_empty() {
                warned = suspicions(&program, &parsed.unit, unit.wishes, &map);
                warned.extend(told(text, &declarative));
                let accepted = std::mem::take(&mut program.told);
                warned.extend(accepted.into_iter().map(Problem::told));
                warned.retain(|problem| !unit.wishes.quiet || problem.severity != Severity::Told);
                let mut replaced = lower::lower(&program, &map);
                // Inside translated functions the lowering has removed them.
                let mut others = threadprivate::lower(&program, &declarative);
                others.retain(|other| {
                    let within = |each: &Translated| each.range.contains(&other.range.start);
                    !replaced.iter().any(within)
                });
                replaced.extend(others);
                replaced.extend(reductions::lower(&program));
                replaced.sort_by_key(|each| each.range.start);
                replaced
            } else {
                Vec::new()
            }
        }
        Err(error) => {
            problems.push(syntax_problem(text, &error, &copy, &directives, &tokens));
            Vec::new()
        }
    };
    let fatal = |warning: &Problem| match warning.severity {
        Severity::Error => true,
        Severity::Told => false,
        Severity::Warning(which) => unit.wishes.level(which) == Level::Error,
    };
    let failed = !problems.is_empty() || warned.iter().any(fatal);
    problems.extend(warned);
    let diagnostics = report::report(problems, text, &tokens, &map, unit.wishes);
    if failed {
        Err(diagnostics)
    } else {
        Ok(Some((functions, map, diagnostics.into_messages())))
    }
}

/// The warnings that are wanted, about the user's own files.
fn suspicions(
    program: &Program<'_>,
    unit: &lang_c::ast::TranslationUnit,
    wishes: &Wishes,
    map: &SourceMap<'_>,
) -> Vec<Problem> {
    let wanted = Warning::ALL
        .into_iter()
        .filter(|&warning| wishes.level(warning) != Level::Off);
    wanted
        .flat_map(|warning| warnings::find(warning, program, unit))
        .filter(|problem| !map.place(problem.range.start).system)
        .collect()
}

/// All OpenMP pragmas: executable ones, declarative ones, and how the parser is to see each. Those that are malformed are reported and
/// hidden from the parser, as are the declarative ones.
fn directives(
    text: &str,
    tokens: &[Token],
    problems: &mut Vec<Problem>,
) -> (Vec<Directive>, Vec<Directive>, Vec<(usize, Binding)>) {
    let (mut good, mut declarative) = (Vec::new(), Vec::new());
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    for (index, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == TokenKind::Directive)
    {
        match directive::parse(text, token.range.clone()) {
            None => {}
            Some(Err(found)) => {
                problems.extend(found);
                hidden.push((index, Binding::Hidden));
            }
            Some(Ok(directive)) if directive.raised() => {
                problems.push(raised(text, &directive));
                hidden.push((index, Binding::Hidden));
            }
            Some(Ok(directive)) if directive.form() == Form::Declarative => {
                declarative.push(directive);
                hidden.push((index, Binding::Hidden));
            }
            Some(Ok(directive)) => {
                let stand_alone = directive.form() == Form::StandAlone;
                shown.push((
                    index,
                    if stand_alone {
                        Binding::StandAlone
                    } else {
                        Binding::Statement
                    },
                ));
                good.push(directive);
            }
        }
    }
    shown.extend(hidden);
    (good, declarative, shown)
}

/// What `error` directives say at compilation without ending it.
fn told(text: &str, declarative: &[Directive]) -> Vec<Problem> {
    let warnings = declarative
        .iter()
        .filter(|directive| directive.kind == DirectiveKind::Error);
    warnings
        .map(|directive| raised(text, directive).told())
        .collect()
}

/// `error` at compilation (OpenMP 5.2 section 8.5).
fn raised(text: &str, directive: &Directive) -> Problem {
    let message = directive.find(|kind| match kind {
        ClauseKind::Message(range) => Some(text[range.clone()].trim_matches('"').to_owned()),
        _ => None,
    });
    let message = message.map_or_else(
        || "'#pragma omp error' encountered".to_owned(),
        |message| format!("'#pragma omp error' encountered: {message}"),
    );
    Problem::new(directive.range.clone(), message)
}

/// Beginnings of the names that the lowering makes up. (What cape.h declares is not among them: there the host compiler
/// reports a clash.)
const RESERVED: &[&str] = &[
    "cape_begin",
    "cape_bound",
    "cape_cancelled_",
    "cape_chunk",
    "cape_clauses",
    "cape_combine_",
    "cape_converted",
    "cape_count",
    "cape_depend",
    "cape_dim_",
    "cape_end",
    "cape_env",
    "cape_executed",
    "cape_first",
    "cape_fresh_",
    "cape_index",
    "cape_initialise_",
    "cape_items",
    "cape_iteration",
    "cape_k_",
    "cape_last",
    "cape_last_",
    "cape_len_",
    "cape_linear_",
    "cape_low_",
    "cape_more",
    "cape_off_",
    "cape_operand",
    "cape_orig_",
    "cape_original",
    "cape_part_",
    "cape_point",
    "cape_private_",
    "cape_prefix_",
    "cape_region_",
    "cape_rest",
    "cape_row",
    "cape_run",
    "cape_scan_",
    "cape_section",
    "cape_share",
    "cape_site_",
    "cape_sizes",
    "cape_step_",
    "cape_stride",
    "cape_sum_",
    "cape_target",
    "cape_task_",
    "cape_total_",
    "cape_type_",
    "cape_value_",
    "cape_values",
    "cape_var_",
    "cape_vector",
    "cape_when_",
];

/// The user's names must not be those that the lowering makes up.
fn check_names(text: &str, tokens: &[Token], map: &SourceMap<'_>, problems: &mut Vec<Problem>) {
    let reserved = |token: &&Token| {
        let word = token.text(text);
        word.starts_with("cape_") && RESERVED.iter().any(|beginning| word.starts_with(beginning))
    };
    for token in tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Word)
        .filter(reserved)
    {
        let place = map.place(token.range.start);
        let ours = place.system
            || ["cape.h", "omp.h"]
                .iter()
                .any(|header| Path::new(place.file).ends_with(header));
        if !ours {
            let message = format!(
                "the name '{}' is reserved for the translation",
                token.text(text)
            );
            problems.push(
                Problem::new(token.range.clone(), message)
                    .note("rename it, or compile this file with the host compiler"),
            );
            return;
        }
    }
}

fn syntax_problem(
    text: &str,
    error: &SyntaxError,
    copy: &ParseCopy,
    directives: &[Directive],
    tokens: &[Token],
) -> Problem {
    let offset = copy.offset(error.offset);
    let index = tokens.partition_point(|token| token.range.end <= offset);
    let at = tokens
        .get(index)
        .map_or(offset..offset, |token| token.range.clone());
    // Nothing but a few words between a pragma and the error: what follows is no statement.
    let since = tokens[..index]
        .iter()
        .rposition(|token| matches!(token.text(text), ";" | "{" | "}"));
    let start = since.map_or(0, |since| tokens[since].range.end);
    let directive = directives
        .iter()
        .rfind(|directive| directive.range.start >= start && directive.range.start < at.start);
    let after_parameters = index
        .checked_sub(1)
        .is_some_and(|before| tokens[before].text(text) == ")");
    if at.len() == 1 && &text[at.clone()] == "{" && after_parameters {
        return Problem::new(
            at,
            "nested functions are not supported in functions with OpenMP constructs",
        )
        .note("move the inner function out of the outer one, and hand it what it uses");
    }
    match directive {
        Some(directive) if directive.form() == Form::Block => {
            let name = directive.name;
            Problem::new(directive.range.clone(), format!("'#pragma omp {name}' must be followed by a statement"))
                .related(at, "found this instead")
        }
        _ => Problem::new(at, "this is not C that capec can read")
            .note("if the host compiler accepts it with -fopenmp, move it to a file without OpenMP constructs"),
    }
}
