//! How capec's own messages look and which of its warnings are wanted, from gcc's flags and ours; and the joining of what several steps
//! say in JSON to the one array per input that gcc prints.
//!
//! | flag | effect |
//! |---|---|
//! | `-Wcape-race-prone`, `-Wcape-serial`, `-Wcape` (both) | warn; `-Wall` implies the first, `-Wextra` both |
//! | `-Wno-cape-…`, `-Werror=cape-…`, `-Wno-error=cape-…`, `-Werror`, `-w` | as gcc has it: the last one of a name wins |
//! | `-fdiagnostics-color[=auto\|always\|never]` | colours; auto: where a terminal reads it |
//! | `-fdiagnostics-format=json`, `json-stderr` | gcc's shape |
//! | `-fno-diagnostics-show-caret`, `-fdiagnostics-plain-output` | one line for each, `file:line:column: error: …` |

use crate::args::Class;
use crate::error::Error;
use crate::options::Options;
use crate::translate::{Level, Style, Warning, Wishes};
use serde_json::Value;

/// What the command line wants; `terminal`: a person reads standard error.
///
/// # Errors
/// [`Error::UnknownWarning`].
pub fn wishes(options: &Options, terminal: bool) -> Result<Wishes, Error> {
    Ok(Wishes {
        style: style(options, terminal),
        warnings: warnings(options)?,
        quiet: options
            .flags()
            .any(|flag| flag.words.iter().any(|word| word == "-w")),
    })
}

fn style(options: &Options, terminal: bool) -> Style {
    let mut colour = terminal;
    let mut json = false;
    let mut caret = true;
    for flag in options.flags() {
        let word = flag
            .words
            .first()
            .map(|word| word.to_string_lossy())
            .unwrap_or_default();
        match word.as_ref() {
            "-fdiagnostics-color" | "-fdiagnostics-color=always" | "-fcolor-diagnostics" => {
                colour = true
            }
            "-fno-diagnostics-color" | "-fdiagnostics-color=never" | "-fno-color-diagnostics" => {
                colour = false
            }
            "-fdiagnostics-color=auto" => colour = terminal,
            "-fdiagnostics-format=json" | "-fdiagnostics-format=json-stderr" => json = true,
            "-fdiagnostics-format=text" => json = false,
            "-fdiagnostics-show-caret" | "-fcaret-diagnostics" => caret = true,
            "-fno-diagnostics-show-caret" | "-fno-caret-diagnostics" => caret = false,
            "-fdiagnostics-plain-output" => (colour, caret, json) = (false, false, false),
            _ => {}
        }
    }
    match (json, caret) {
        (true, _) => Style::Json,
        (false, true) => Style::Rich { colour },
        (false, false) => Style::Short { colour },
    }
}

/// What the flags have said about one warning so far.
#[derive(Clone, Copy, Default)]
struct Said {
    /// By name.
    named: Option<bool>,
    /// By a group.
    implied: bool,
    /// `-Werror=` or `-Wno-error=` with its name.
    error: Option<bool>,
}

fn warnings(options: &Options) -> Result<Vec<(Warning, Level)>, Error> {
    let mut said = [Said::default(); Warning::ALL.len()];
    let (mut all_errors, mut silent) = (false, false);
    for flag in options.flags() {
        let word = flag
            .words
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        match word.as_str() {
            "-Wall" => said[Warning::RaceProne as usize].implied = true,
            "-Wextra" | "-W" => said.iter_mut().for_each(|one| one.implied = true),
            "-Werror" => all_errors = true,
            "-Wno-error" => all_errors = false,
            "-w" => silent = true,
            _ if flag.class == Class::OwnWarning => own(&word, &mut said)?,
            _ => {}
        }
    }
    let level = |one: Said| match one {
        _ if silent => Level::Off,
        Said {
            named: Some(false), ..
        } => Level::Off,
        Said {
            named: None,
            implied: false,
            ..
        } => Level::Off,
        Said { error, .. } if error.unwrap_or(all_errors) => Level::Error,
        _ => Level::Warn,
    };
    Ok(Warning::ALL.into_iter().zip(said.map(level)).collect())
}

/// `-Wcape…`, `-Wno-cape…`, `-Werror=cape…`, `-Wno-error=cape…`.
fn own(word: &str, said: &mut [Said]) -> Result<(), Error> {
    let cases = [
        ("-Wno-error=", None, Some(false)),
        ("-Werror=", Some(true), Some(true)),
        ("-Wno-", Some(false), None),
        ("-W", Some(true), None),
    ];
    for (prefix, named, error) in cases {
        let Some(name) = word.strip_prefix(prefix) else {
            continue;
        };
        let meant: Vec<Warning> = Warning::ALL
            .into_iter()
            .filter(|warning| name == "cape" || warning.name() == name)
            .collect();
        if meant.is_empty() {
            return Err(Error::UnknownWarning(word.to_owned()));
        }
        for warning in meant {
            let one = &mut said[warning as usize];
            one.named = named.or(one.named);
            one.error = error.or(one.error);
        }
        return Ok(());
    }
    Ok(())
}

/// Collects what the steps of one input say in JSON.
#[derive(Debug, Default)]
pub struct Collector {
    items: Vec<Value>,
}

impl Collector {
    /// Takes the arrays (the host's, one a line) or objects (our own) in `text`; returns what is neither.
    pub fn take(&mut self, text: &[u8]) -> Vec<u8> {
        let mut rest = Vec::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Value::Array(items)) => self.items.extend(items),
                Ok(item @ Value::Object(_)) => self.items.push(item),
                _ => rest.extend_from_slice(line),
            }
        }
        rest
    }

    /// One array of all, without repetitions: the host says of a file that it preprocesses twice what it has said before.
    pub fn finish(self) -> String {
        let mut distinct: Vec<Value> = Vec::new();
        for item in self.items {
            if !distinct.contains(&item) {
                distinct.push(item);
            }
        }
        format!("{}\n", Value::Array(distinct))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use std::ffi::OsString;

    fn wished(words: &[&str]) -> Wishes {
        let all = words.iter().chain(&["-c", "a.c"]).map(OsString::from);
        let options = Options::resolve(args::parse(all).unwrap()).unwrap();
        wishes(&options, false).unwrap()
    }

    fn level(words: &[&str], warning: Warning) -> Level {
        wished(words).level(warning)
    }

    #[test]
    fn warnings_follow_gccs_rules() {
        use Level::{Error, Off, Warn};
        let race = |words: &[&str]| level(words, Warning::RaceProne);
        assert_eq!(race(&[]), Off);
        assert_eq!(race(&["-Wall"]), Warn);
        assert_eq!(race(&["-Wall", "-Wno-cape-race-prone"]), Off);
        assert_eq!(race(&["-Wno-cape-race-prone", "-Wall"]), Off);
        assert_eq!(race(&["-Wno-cape", "-Wcape-race-prone"]), Warn);
        assert_eq!(race(&["-Wall", "-Werror"]), Error);
        assert_eq!(
            race(&["-Wall", "-Werror", "-Wno-error=cape-race-prone"]),
            Warn
        );
        assert_eq!(race(&["-Werror=cape-race-prone"]), Error);
        assert_eq!(race(&["-Wno-error=cape-race-prone"]), Off);
        assert_eq!(race(&["-Wcape", "-w"]), Off);
        assert_eq!(level(&["-Wall"], Warning::Serial), Off);
        assert_eq!(level(&["-Wextra"], Warning::Serial), Warn);
    }

    #[test]
    fn an_unknown_warning_of_ours_is_an_error() {
        let options =
            Options::resolve(args::parse(["-Wcape-rce", "a.c"].map(OsString::from)).unwrap());
        assert!(matches!(
            wishes(&options.unwrap(), false),
            Err(Error::UnknownWarning(_))
        ));
    }

    #[test]
    fn the_last_flag_decides_the_looks() {
        assert_eq!(wished(&[]).style, Style::Rich { colour: false });
        assert_eq!(
            wished(&["-fdiagnostics-color=never", "-fdiagnostics-color"]).style,
            Style::Rich { colour: true }
        );
        assert_eq!(
            wished(&["-fno-diagnostics-show-caret"]).style,
            Style::Short { colour: false }
        );
        assert_eq!(wished(&["-fdiagnostics-format=json"]).style, Style::Json);
    }

    #[test]
    fn arrays_and_objects_become_one_array() {
        let mut collector = Collector::default();
        let rest = collector.take(b"[]\ncc1: out of memory\n[{\"kind\": \"error\"}]\n");
        assert_eq!(rest, b"cc1: out of memory\n");
        assert_eq!(
            collector.take(b"{\"kind\":\"warning\"}\n{\"kind\":\"error\"}\n"),
            b""
        );
        assert_eq!(
            collector.finish(),
            "[{\"kind\":\"error\"},{\"kind\":\"warning\"}]\n"
        );
    }
}
