//! How much is run: the environment of the test run, read here and nowhere else.
//!
//! | variable | meaning |
//! |---|---|
//! | `CAPE_BIN_DIR` | folder of `capec` and `caperun` |
//! | `CAPE_RANKS` | numbers of ranks, or ranks `x` threads per rank, to run at, instead of 1,2,3,4,8,2x2,1x4 |
//! | `CAPE_TRACKERS` | trackers to run with, instead of wp-async,sigsegv |
//! | `CAPE_REPEAT` | how often each run is repeated, instead of 1 |
//! | `CAPE_TIMEOUT` | a factor for all deadlines: larger on slow machines |
//! | `CAPE_CASE_UNDER` | start the ranks by another launcher, `mpirun.mpich -n {ranks}` or `srun -n {ranks}`, instead of caperun |
//! | `CAPE_CASE_LAUNCH` | further options for every caperun of the cases, such as `--host a:2,b:2 --launch-agent 'env HOST={host}'` |
//! | `CAPE_KEEP` | `1`: keep the directories of failing cases |

use std::path::PathBuf;

use crate::Failure;
use crate::case::{Case, Shape, shapes};

/// What a test run does with each case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Folder of the tools; `None`: beside the test.
    pub bin_dir: Option<PathBuf>,
    /// What to run on.
    pub shapes: Vec<Shape>,
    /// Trackers.
    pub trackers: Vec<String>,
    /// Runs of each combination.
    pub repeat: u32,
    /// Factor for deadlines.
    pub patience: f64,
    /// Further options for caperun.
    pub launch: Vec<String>,
    /// Keep the directories of failing cases.
    pub keep: bool,
    /// Words that start a program under another launcher, `{ranks}` standing for the number of ranks.
    pub under: Option<Vec<String>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            bin_dir: None,
            shapes: shapes("1,2,3,4,8,2x2,1x4").expect("as the table above says"),
            trackers: vec!["wp-async".to_owned(), "sigsegv".to_owned()],
            repeat: 1,
            patience: 1.0,
            launch: Vec::new(),
            keep: false,
            under: None,
        }
    }
}

impl Plan {
    /// The plan that the environment asks for.
    ///
    /// # Errors
    /// A variable's value is malformed.
    pub fn from_environment() -> Result<Self, Failure> {
        let mut plan = Self::default();
        let wrong = |name: &str, reason: String| Failure::Setup(format!("{name}: {reason}"));
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        plan.bin_dir = get("CAPE_BIN_DIR").map(PathBuf::from);
        if let Some(text) = get("CAPE_RANKS") {
            plan.shapes = shapes(&text).map_err(|reason| wrong("CAPE_RANKS", reason))?;
        }
        if let Some(text) = get("CAPE_TRACKERS") {
            plan.trackers = text.split(',').map(str::to_owned).collect();
        }
        if let Some(text) = get("CAPE_REPEAT") {
            plan.repeat = text
                .parse()
                .map_err(|_| wrong("CAPE_REPEAT", format!("'{text}' is not a number")))?;
        }
        if let Some(text) = get("CAPE_TIMEOUT") {
            let factor: Option<f64> = text
                .parse()
                .ok()
                .filter(|&factor| factor > 0.0 && factor < 1e6);
            plan.patience = factor.ok_or_else(|| {
                wrong("CAPE_TIMEOUT", format!("'{text}' is not a positive factor"))
            })?;
        }
        plan.under =
            get("CAPE_CASE_UNDER").map(|text| text.split_whitespace().map(str::to_owned).collect());
        if let Some(text) = get("CAPE_CASE_LAUNCH") {
            plan.launch = words(&text).map_err(|reason| wrong("CAPE_CASE_LAUNCH", reason))?;
        }
        plan.keep = get("CAPE_KEEP").is_some_and(|value| value != "0");
        Ok(plan)
    }

    /// What `case` runs on.
    pub fn shapes_of<'a>(&'a self, case: &'a Case) -> &'a [Shape] {
        case.directives.shapes.as_deref().unwrap_or(&self.shapes)
    }

    /// The trackers with which `case` runs: those it allows of those that are asked for.
    pub fn trackers_of(&self, case: &Case) -> Vec<String> {
        let allowed = case.directives.trackers.as_ref();
        self.trackers
            .iter()
            .filter(|tracker| allowed.is_none_or(|names| names.contains(tracker)))
            .cloned()
            .collect()
    }
}

/// Splits `text` at blanks, except inside of quotes, single or double.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), quoted) => word.get_or_insert_default().push(quoted),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    match quote {
        Some(quote) => Err(format!("a {quote} is not closed")),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        let options =
            words("--host a:2,b:2  --launch-agent 'env X={host}' \"\"").expect("well formed");
        assert_eq!(
            options,
            ["--host", "a:2,b:2", "--launch-agent", "env X={host}", ""]
        );
        assert!(words("'a").is_err());
    }
}
