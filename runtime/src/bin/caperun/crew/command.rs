//! The command that starts an agent on another host. Pure.
//!
//! A launch command is a list of words: `ssh -o BatchMode=yes {host}`. The agent's own command follows it, as words of its own; where
//! the launcher hands them to a shell (as ssh does), quoted. `{command}` puts the whole command, quoted, elsewhere.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::control::env as names;

/// What starts agents unless something else is asked for.
pub const DEFAULT: &str = "ssh -o BatchMode=yes {host}";

/// Launchers that join their arguments and give them to a shell.
const JOINING: [&str; 4] = ["ssh", "rsh", "blaunch", "oarsh"];

/// Splits a launch command into words as a shell does: at blanks, unless they are quoted or escaped.
pub fn split(text: &str) -> Result<Vec<OsString>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(quoted) => word.push(quoted),
                        None => return Err("a ' is not closed".into()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => word.extend(characters.next()),
                        Some(quoted) => word.push(quoted),
                        None => return Err("a \" is not closed".into()),
                    }
                }
            }
            '\\' => match characters.next() {
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err("nothing follows the last \\".into()),
            },
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err("it is empty".into());
    }
    Ok(words.into_iter().map(OsString::from).collect())
}

/// `text` as one word of a shell's command.
pub fn quoted(text: &OsStr) -> OsString {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(byte);
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return text.to_owned();
    }
    let mut out = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
    OsString::from_vec(out)
}

fn replaced(word: &OsStr, what: &[u8], by: &OsStr) -> OsString {
    let mut rest = word.as_bytes();
    let mut out = Vec::new();
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by.as_bytes());
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out)
}

/// The whole command: `template` for `host`, then `agent`, the words of the agent's own command.
pub fn command(template: &[OsString], host: &str, agent: &[OsString]) -> Vec<OsString> {
    let line = agent
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(OsStr::new(" "));
    let holds = |word: &OsString| replaced(word, b"{command}", OsStr::new("")) != *word;
    let placed = template.iter().any(holds);
    let mut words: Vec<OsString> = template
        .iter()
        .map(|word| replaced(word, b"{host}", OsStr::new(host)))
        .map(|word| replaced(&word, b"{command}", &line))
        .collect();
    let joins = template
        .first()
        .and_then(|word| Path::new(word).file_name())
        .is_some_and(|name| JOINING.iter().any(|joining| name == *joining));
    match (placed, joins) {
        (true, _) => {}
        (false, true) => words.push(line),
        (false, false) => words.extend(agent.iter().cloned()),
    }
    words
}

/// The agent's command on a host where `caperun` is installed as `program`.
pub fn installed(program: &OsStr) -> Vec<OsString> {
    vec![program.to_owned(), crate::AGENT_OPTION.into()]
}

/// The agent's command on a host that is sent `length` bytes of `caperun` first, on standard input.
pub fn pushed(length: u64) -> Vec<OsString> {
    // head reads a pipe in blocks of its own choice, dd as it is told: nothing behind the program must be read.
    let script = format!(
        "umask 077; f=$(mktemp \"${{TMPDIR:-/tmp}}/caperun-XXXXXX\") && dd of=\"$f\" bs=65536 count={length} iflag=fullblock,count_bytes \
         2>/dev/null && chmod 700 \"$f\" && {}=\"$f\" exec \"$f\" --agent",
        names::PUSHED
    );
    vec!["sh".into(), "-c".into(), script.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let words = split(text).expect(text);
        words
            .into_iter()
            .map(|word| word.into_string().expect("text"))
            .collect()
    }

    #[test]
    fn launch_commands_are_split_as_by_a_shell() {
        assert_eq!(words(DEFAULT), ["ssh", "-o", "BatchMode=yes", "{host}"]);
        assert_eq!(
            words("  a 'b c' \"d \\\" e\" f\\ g '' h'i'j "),
            ["a", "b c", "d \" e", "f g", "", "hij"]
        );
        for wrong in ["", "  ", "a 'b", "a \"b", "a \\"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_reads_them() {
        for (text, quoted_text) in [
            ("/usr/bin/caperun", "/usr/bin/caperun"),
            ("/my programs/x", "'/my programs/x'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("$HOME;ls", "'$HOME;ls'"),
        ] {
            assert_eq!(quoted(OsStr::new(text)), OsString::from(quoted_text));
            let back = words(quoted_text);
            assert_eq!(back, [text]);
        }
    }

    #[test]
    fn the_agents_command_follows_the_launcher() {
        let of = |template: &str, program: &str| {
            let words = split(template).expect(template);
            let command = command(&words, "a", &installed(OsStr::new(program)));
            command
                .into_iter()
                .map(|word| word.into_string().expect("text"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(DEFAULT, "/x y/caperun"),
            ["ssh", "-o", "BatchMode=yes", "a", "'/x y/caperun' --agent"]
        );
        assert_eq!(
            of("env FAKE_HOST={host}", "/x y/caperun"),
            ["env", "FAKE_HOST=a", "/x y/caperun", "--agent"]
        );
        assert_eq!(
            of("sh -c '{command} & wait'", "/caperun"),
            ["sh", "-c", "/caperun --agent & wait"]
        );
    }
}
