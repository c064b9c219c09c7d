//! Response files (`@file`): expanded as gcc's libiberty does it, and written for the host when a command gets long.
//!
//! Words are separated by white space; `'…'` and `"…"` quote, a backslash takes the next byte literally everywhere, inside
//! quotes too. A file may name further ones. A file that cannot be read leaves the word as it is, as with gcc.

use crate::error::Error;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// libiberty gives up at the same depth-like bound (it counts expansions).
const DEEPEST: usize = 2000;

/// Replaces every `@file` among `words` by the words of the file, repeatedly.
///
/// # Errors
/// [`Error::ResponseNesting`] when files include one another without end.
pub fn expand(words: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Error> {
    let mut pending: Vec<OsString> = words.into_iter().collect();
    pending.reverse();
    let mut expanded = Vec::with_capacity(pending.len());
    let mut expansions = 0;
    while let Some(word) = pending.pop() {
        let Some(name) = word.as_bytes().strip_prefix(b"@") else {
            expanded.push(word);
            continue;
        };
        let path = PathBuf::from(OsStr::from_bytes(name));
        let Some(content) = regular_file(&path) else {
            expanded.push(word);
            continue;
        };
        expansions += 1;
        if expansions > DEEPEST {
            return Err(Error::ResponseNesting(path));
        }
        pending.extend(split(&content).into_iter().rev());
    }
    Ok(expanded)
}

fn regular_file(path: &PathBuf) -> Option<Vec<u8>> {
    if path.is_dir() {
        return None;
    }
    std::fs::read(path).ok()
}

/// Splits text into words by the rules in this module's description.
pub fn split(text: &[u8]) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote: Option<u8> = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => word.get_or_insert_default().extend(bytes.next()),
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(byte),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, _) if byte.is_ascii_whitespace() || byte == 0x0b => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from_vec).collect()
}

/// The text of a response file that [`split`] turns back into `words`.
pub fn join(words: &[OsString]) -> Vec<u8> {
    let mut text = Vec::new();
    for word in words {
        if word.is_empty() {
            text.extend_from_slice(b"\"\"");
        }
        for &byte in word.as_bytes() {
            if byte.is_ascii_whitespace() || matches!(byte, 0x0b | b'\\' | b'\'' | b'"') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<OsString> {
        list.iter().map(OsString::from).collect()
    }

    #[test]
    fn splits_like_gcc() {
        let text = b" -DA=\"x y\"  '-DB=\"q\"' back\\ slash \"in\\\"side\" '' \n\tlast";
        assert_eq!(
            split(text),
            words(&["-DA=x y", "-DB=\"q\"", "back slash", "in\"side", "", "last"])
        );
    }

    #[test]
    fn joined_words_split_into_the_same() {
        let list = words(&["a b", "", "c\"d'e\\f", "new\nline", "-DN=\"a b\"", "plain"]);
        assert_eq!(split(&join(&list)), list);
    }

    #[test]
    fn nested_files_expand_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("in ner");
        std::fs::write(&inner, "-b -c").unwrap();
        let outer = dir.path().join("outer");
        std::fs::write(&outer, format!("-a '@{}' -d", inner.display())).unwrap();
        let given = vec![
            "x".into(),
            OsString::from(format!("@{}", outer.display())),
            "@/no/such".into(),
        ];
        assert_eq!(
            expand(given).unwrap(),
            words(&["x", "-a", "-b", "-c", "-d", "@/no/such"])
        );
    }

    #[test]
    fn a_file_that_includes_itself_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loop");
        let word = format!("@{}", path.display());
        std::fs::write(&path, &word).unwrap();
        assert!(matches!(
            expand([OsString::from(word)]),
            Err(Error::ResponseNesting(_))
        ));
    }
}
