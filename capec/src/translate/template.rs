//! The templates of `templates/`: one C file per construct with `$NAME` holes.

use std::collections::BTreeSet;

use super::code::{Code, Piece};
use super::tokens::is_word_part;

/// A template: its header comment is for readers, the rest is emitted.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    name: &'static str,
    text: &'static str,
}

/// Why a template cannot be filled; a mistake in capec itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A hole for which the lowering gave nothing.
    #[error("template {0}: nothing fills ${1}")]
    Unfilled(&'static str, String),
    /// A filling without a hole.
    #[error("template {0}: there is no hole ${1}")]
    Unknown(&'static str, &'static str),
}

macro_rules! templates {
    ($($constant:ident = $file:literal),* $(,)?) => {
        $(
            #[doc = concat!("`templates/", $file, ".c`")]
            pub const $constant: Template = Template {
                name: $file,
                text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/", $file, ".c")),
            };
        )*
        #[cfg(test)]
        const ALL: &[Template] = &[$($constant),*];
    };
}

templates! {
    ATOMIC = "atomic",
    ATOMIC_FIELD = "atomic-field",
    ATOMIC_UPDATE = "atomic-update",
    BARRIER = "barrier",
    CANCEL = "cancel",
    CRITICAL = "critical",
    DEPOBJ = "depobj",
    DISTRIBUTE = "distribute",
    ERROR = "error",
    FLUSH = "flush",
    FOR = "for",
    FOR_COLLAPSE = "for-collapse",
    FOR_SCAN = "for-scan",
    FOR_TRIANGULAR = "for-triangular",
    MASKED = "masked",
    MASTER = "master",
    ORDERED = "ordered",
    PARALLEL = "parallel",
    REGION = "parallel-region",
    SCOPE = "scope",
    SECTIONS = "sections",
    SIMD = "simd",
    SINGLE = "single",
    SINGLE_COPYPRIVATE = "single-copyprivate",
    TARGET = "target",
    TARGET_DATA = "target-data",
    TASK = "task",
    TASK_BODY = "task-body",
    TASKGROUP = "taskgroup",
    TASKLOOP = "taskloop",
    TASKLOOP_BODY = "taskloop-body",
    TASKLOOP_BODY_COLLAPSE = "taskloop-body-collapse",
    TASKLOOP_BODY_SLANTED = "taskloop-body-slanted",
    TASKWAIT = "taskwait",
    TASKWAIT_DEPEND = "taskwait-depend",
    TEAMS = "teams",
}

impl Template {
    fn body(&self) -> &'static str {
        self.text
            .split_once("*/\n")
            .map_or(self.text, |(_, body)| body)
            .trim_end()
    }

    /// The template with its holes filled; a line that holds nothing but an empty hole disappears.
    ///
    /// # Panics
    /// If holes and fillings do not match: a mistake in capec that the tests find.
    pub fn fill(&self, fillings: Vec<(&'static str, Code)>) -> Code {
        self.try_fill(fillings)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_fill(&self, fillings: Vec<(&'static str, Code)>) -> Result<Code, TemplateError> {
        let mut code = Code::default();
        let mut used = BTreeSet::new();
        for line in self.body().split_inclusive('\n') {
            let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
            let only = line
                .trim()
                .strip_prefix('$')
                .filter(|hole| hole.bytes().all(is_word_part));
            if let Some(hole) = only.filter(|hole| {
                fillings
                    .iter()
                    .any(|(name, code)| name == hole && code.is_empty())
            }) {
                used.insert(hole);
                continue;
            }
            let mut rest = line;
            while let Some((before, after)) = rest.split_once('$') {
                code.text(before);
                let end = after
                    .bytes()
                    .position(|byte| !is_word_part(byte))
                    .unwrap_or(after.len());
                let hole = &after[..end];
                let found = fillings.iter().find(|(name, _)| *name == hole);
                let (_, filling) =
                    found.ok_or_else(|| TemplateError::Unfilled(self.name, hole.to_owned()))?;
                used.insert(hole);
                code.append(filling.clone().indented(&indent));
                rest = &after[end..];
            }
            code.text(rest);
        }
        match fillings.iter().find(|(name, _)| !used.contains(name)) {
            Some((name, _)) => Err(TemplateError::Unknown(self.name, name)),
            None => Ok(code),
        }
    }
}

/// Lines of generated text, separated by line feeds.
pub fn lines(all: impl IntoIterator<Item = Code>) -> Code {
    let mut code = Code::default();
    for line in all.into_iter().filter(|line| !line.is_empty()) {
        if !code.is_empty() {
            code.push(Piece::Made("\n".to_owned()));
        }
        code.append(line);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_explains_itself() {
        for template in ALL {
            for needed in ["Given", "we emit", "OpenMP 5.2"] {
                assert!(
                    template.text.starts_with("/*") && template.text.contains(needed),
                    "{}: {needed}",
                    template.name
                );
            }
            assert!(template.text.lines().count() < 60, "{}", template.name);
        }
    }

    #[test]
    fn holes_and_fillings_must_match() {
        let template = Template {
            name: "t",
            text: "/* Given */\n{\n    $A\n    f($B);\n}\n",
        };
        let filled = template.try_fill(vec![("A", Code::made("x;\ny;")), ("B", Code::made("1"))]);
        assert_eq!(filled, Ok(Code::made("{\n    x;\n    y;\n    f(1);\n}")));
        let without = template.try_fill(vec![("A", Code::default()), ("B", Code::made("1"))]);
        assert_eq!(without, Ok(Code::made("{\n    f(1);\n}")));
        assert_eq!(
            template.try_fill(vec![("A", Code::made("x"))]),
            Err(TemplateError::Unfilled("t", "B".to_owned()))
        );
        let extra = vec![
            ("A", Code::made("x")),
            ("B", Code::made("1")),
            ("C", Code::made("2")),
        ];
        assert_eq!(
            template.try_fill(extra),
            Err(TemplateError::Unknown("t", "C"))
        );
    }
}
