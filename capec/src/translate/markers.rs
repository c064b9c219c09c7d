//! Where each byte of the preprocessed text comes from, as its line markers (`# 12 "file.c" 3`) say.

use std::ops::Range;

/// A line of the user's sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// File name as the marker spells it, escapes included.
    pub file: &'a str,
    /// Line number, from 1.
    pub line: usize,
    /// The line belongs to a system header, where the host compiler does not warn.
    pub system: bool,
    /// Bytes between the start of the physical line and the place.
    pub column: usize,
}

#[derive(Clone, Debug)]
struct Line<'a> {
    start: usize,
    file: &'a str,
    line: usize,
    system: bool,
}

/// The physical lines of the preprocessed text with their origins.
#[derive(Clone, Debug)]
pub struct SourceMap<'a> {
    lines: Vec<Line<'a>>,
}

impl<'a> SourceMap<'a> {
    /// Reads the markers of `text`; lines before the first one belong to no file.
    pub fn new(text: &'a str) -> Self {
        let (mut lines, mut start) = (Vec::new(), 0);
        let (mut file, mut number, mut system) = ("", 1, false);
        for physical in text.split_inclusive('\n') {
            lines.push(Line {
                start,
                file,
                line: number,
                system,
            });
            start += physical.len();
            match marker(physical) {
                Some((line, name, is_system)) => (number, file, system) = (line, name, is_system),
                None => number += 1,
            }
        }
        if lines.is_empty() {
            lines.push(Line {
                start: 0,
                file,
                line: number,
                system,
            });
        }
        SourceMap { lines }
    }

    /// Origin of the byte at `offset`.
    pub fn place(&self, offset: usize) -> Place<'a> {
        let index = self
            .lines
            .partition_point(|line| line.start <= offset)
            .saturating_sub(1);
        let line = &self.lines[index];
        Place {
            file: line.file,
            line: line.line,
            system: line.system,
            column: offset - line.start,
        }
    }

    /// Bytes of the physical line that contains `offset`, line feed excluded.
    pub fn physical_line(&self, text: &str, offset: usize) -> Range<usize> {
        let index = self
            .lines
            .partition_point(|line| line.start <= offset)
            .saturating_sub(1);
        let start = self.lines[index].start;
        start..start + text[start..].find('\n').unwrap_or(text.len() - start)
    }
}

/// `# 12 "file.c" 1 3` as line, file and whether the system flag is set.
fn marker(line: &str) -> Option<(usize, &str, bool)> {
    let rest = line
        .strip_prefix("# ")
        .or_else(|| line.strip_prefix("#line "))?;
    let (number, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let close = rest.rfind('"')?;
    let system = rest[close + 1..]
        .split_ascii_whitespace()
        .any(|flag| flag == "3");
    Some((number.parse().ok()?, &rest[..close], system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_markers() {
        let text = "# 1 \"a.c\"\nint a;\n# 7 \"/usr/include/x.h\" 1 3 4\nint b;\nint c;\n# 3 \"a.c\" 2\nint d;";
        let map = SourceMap::new(text);
        let at = |needle: &str| map.place(text.find(needle).expect("in the text"));
        assert_eq!(
            at("a;"),
            Place {
                file: "a.c",
                line: 1,
                system: false,
                column: 4
            }
        );
        assert_eq!(
            at("int c"),
            Place {
                file: "/usr/include/x.h",
                line: 8,
                system: true,
                column: 0
            }
        );
        assert_eq!(at("int d").line, 3);
    }
}
