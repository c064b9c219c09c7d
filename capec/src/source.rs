//! The text of a C file on its way from the preprocessor to the translator and back to the compiler.
//!
//! The translator works on `str`, C files need not be UTF-8: such a file is read as Latin-1, byte by byte, and written back
//! the same way, which keeps every byte.
//!
//! `cape.h` is preprocessed apart, without the user's macros, and spliced in after the line markers that name the main file,
//! as a system header:
//!
//! ```text
//! # 0 "a.c"                     the main file's name and, with -g, the working directory: the compiler
//! # 1 "/home/u//"               takes them from the first lines only
//! # 1 "…/cape.h" 1 3            <- spliced
//! …
//! # 0 "a.c" 2                   <- spliced
//! # 0 "<built-in>"              the rest, as it was
//! ```

/// Text that may have come from bytes that are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The characters.
    pub content: String,
    latin1: bool,
}

impl Text {
    /// Decodes a file.
    pub fn decode(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(content) => Self {
                content,
                latin1: false,
            },
            Err(error) => {
                let content = error.into_bytes().into_iter().map(char::from).collect();
                Self {
                    content,
                    latin1: true,
                }
            }
        }
    }

    /// Encodes a text made from this one: the inverse of [`Text::decode`].
    pub fn encode(&self, content: String) -> Vec<u8> {
        if !self.latin1 {
            return content.into_bytes();
        }
        let mut bytes = Vec::with_capacity(content.len());
        for character in content.chars() {
            match u8::try_from(character) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend(character.to_string().bytes()),
            }
        }
        bytes
    }
}

/// Whether preprocessed text contains a pragma of OpenMP.
pub fn mentions_openmp(text: &str) -> bool {
    text.lines().any(is_openmp_pragma)
}

fn is_openmp_pragma(line: &str) -> bool {
    let after = |line: &str, word: &str| -> Option<String> {
        let rest = line.trim_start().strip_prefix(word)?;
        (!rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')).then(|| rest.to_owned())
    };
    let Some(directive) = line.trim_start().strip_prefix('#') else {
        return false;
    };
    after(directive, "pragma").is_some_and(|rest| after(&rest, "omp").is_some())
}

/// From the preprocessor's output for `#include <cape.h>`, the part that is the header: from the marker that enters it to the
/// one that leaves it, without the definitions that `-g3` adds. `None`: it is not there.
pub fn header_text(preprocessed: &str) -> Option<String> {
    let enters = |line: &&str| line.starts_with("# ") && line.contains("cape.h\" 1");
    let start = preprocessed.lines().position(|line| enters(&line))?;
    let text: Vec<&str> = preprocessed
        .lines()
        .skip(start)
        .take_while(|line| !(line.starts_with("# ") && line.contains("\"<stdin>\" 2")))
        .filter(|line| !line.starts_with("#define") && !line.starts_with("#undef"))
        .collect();
    Some(text.join("\n") + "\n")
}

/// Splices `header` into preprocessed text of the file called `name`, unless the text includes it already.
pub fn with_header(text: &str, header: &str, name: &str) -> String {
    let marker = header.lines().next().unwrap_or_default();
    let file = marker.split('"').nth(1).unwrap_or_default();
    if !file.is_empty() && text.contains(&format!("\"{file}\" 1")) {
        return text.to_owned();
    }
    let mut split = 0;
    let first = text.lines().next().filter(|line| is_marker(line));
    if let Some(first) = first {
        split = first.len() + 1;
        let second = text[split.min(text.len())..]
            .lines()
            .next()
            .unwrap_or_default();
        if is_marker(second) && second.ends_with("//\"") {
            split += second.len() + 1;
        }
    }
    let split = split.min(text.len());
    let first = first.map_or_else(|| format!("# 1 \"{}\"", escape(name)), str::to_owned);
    let head = if split == 0 {
        format!("{first}\n")
    } else {
        String::new()
    };
    format!(
        "{}{head}{header}{first} 2\n{}",
        &text[..split],
        &text[split..]
    )
}

fn is_marker(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next() == Some("#")
        && words
            .next()
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        && words.next().is_some_and(|file| file.starts_with('"'))
        && line.ends_with('"')
}

fn escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive() {
        for bytes in [b"caf\xc3\xa9".to_vec(), b"caf\xe9 \xff\x80".to_vec()] {
            let text = Text::decode(bytes.clone());
            assert_eq!(text.encode(text.content.clone()), bytes);
        }
    }

    #[test]
    fn finds_pragmas_in_every_spelling() {
        assert!(mentions_openmp("int x;\n#pragma omp parallel\n"));
        assert!(mentions_openmp("  #  pragma\tomp barrier"));
        assert!(!mentions_openmp(
            "#pragma ompx\n#pragma once\n// pragma omp\nchar *s = \"#pragma omp\";"
        ));
    }

    #[test]
    fn takes_only_the_header() {
        let text = "# 0 \"<stdin>\"\n#define A 1\n# 1 \"<stdin>\"\n# 1 \"/p/cape.h\" 1 3 4\nint a;\n#define B 2\n# 9 \"/p/cape.h\" 3 4\nint b;\n# 2 \"<stdin>\" 2\n";
        let header = header_text(text).unwrap();
        assert_eq!(
            header,
            "# 1 \"/p/cape.h\" 1 3 4\nint a;\n# 9 \"/p/cape.h\" 3 4\nint b;\n"
        );
        assert_eq!(header_text("# 1 \"x.h\" 1\n"), None);
    }

    #[test]
    fn the_header_follows_the_main_files_markers() {
        let header = "# 1 \"/p/cape.h\" 1 3\nint a;\n";
        let text = "# 0 \"a b.c\"\n# 1 \"/cwd//\"\n# 0 \"<built-in>\"\nint x;\n";
        assert_eq!(
            with_header(text, header, "a b.c"),
            "# 0 \"a b.c\"\n# 1 \"/cwd//\"\n# 1 \"/p/cape.h\" 1 3\nint a;\n# 0 \"a b.c\" 2\n# 0 \"<built-in>\"\nint x;\n"
        );
        assert_eq!(
            with_header("int x;\n", header, "p.i"),
            "# 1 \"p.i\"\n# 1 \"/p/cape.h\" 1 3\nint a;\n# 1 \"p.i\" 2\nint x;\n"
        );
        let included = "# 0 \"a.c\"\n# 1 \"/p/cape.h\" 1 3\nint a;\n";
        assert_eq!(with_header(included, header, "a.c"), included);
    }
}
