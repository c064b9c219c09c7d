//! Emitted code: a sequence of generated text and ranges of the user's, laid out at the very end.
//!
//! So the same lowering serves both outputs. For the host compiler ([`compiled`]) generated text goes on one line that
//! is attributed to its pragma (as in a system header: it draws no warnings), and every range of the user's text gets a
//! line marker of its own. For people see [`super::readable`].

use std::fmt::Write as _;
use std::ops::Range;

use super::macros::Macros;
use super::markers::SourceMap;

/// A part of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Generated text.
    Made(String),
    /// The user's text, byte for byte.
    User(Range<usize>),
    /// Generated text in place of a few of the user's bytes on one line.
    Instead(Range<usize>, String),
    /// Generated text that only keeps the host compiler from warning.
    Quiet(String),
    /// Generated text that follows begins a line, with these blanks, where people read it.
    Line(String),
    /// Generated text that follows belongs to the line at this offset.
    Place(usize),
}

/// A sequence of pieces; adjacent generated texts are merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(pub Vec<Piece>);

impl Code {
    /// Generated text.
    pub fn made(text: impl Into<String>) -> Self {
        Code(vec![Piece::Made(text.into())])
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: Piece) {
        if let (Some(Piece::Made(before)), Piece::Made(text)) = (self.0.last_mut(), &piece) {
            before.push_str(text);
            return;
        }
        if !matches!(&piece, Piece::Made(text) if text.is_empty()) {
            self.0.push(piece);
        }
    }

    /// Appends generated text.
    pub fn text(&mut self, text: impl Into<String>) {
        self.push(Piece::Made(text.into()));
    }

    /// Appends code.
    pub fn append(&mut self, other: Code) {
        for piece in other.0 {
            self.push(piece);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same code with every generated line after the first indented by `blanks`.
    pub fn indented(mut self, blanks: &str) -> Self {
        for piece in &mut self.0 {
            if let Piece::Made(text) = piece {
                *text = text.replace('\n', &format!("\n{blanks}"));
            }
        }
        self
    }
}

/// Lays `code` out for the host compiler.
pub fn compiled(code: &Code, text: &str, map: &SourceMap<'_>, macros: &Macros) -> String {
    let mut layout = Layout {
        out: String::with_capacity(text.len() * 2),
        text,
        map,
        at: Some(0),
        place: 0,
    };
    for piece in &code.0 {
        match piece {
            Piece::Line(_) => {}
            Piece::Place(offset) => layout.place = *offset,
            Piece::Made(made) => layout.made(&macros.expand(made)),
            Piece::Quiet(made) => layout.made(made),
            Piece::User(range) => layout.user(range),
            Piece::Instead(range, made) => layout.instead(range, made),
        }
    }
    layout.out
}

struct Layout<'a> {
    out: String,
    text: &'a str,
    map: &'a SourceMap<'a>,
    /// Where the user's text can go on without a marker.
    at: Option<usize>,
    place: usize,
}

impl Layout<'_> {
    fn made(&mut self, text: &str) {
        let place = self.map.place(self.place);
        let _ = write!(self.out, "\n# {} \"{}\" 3\n", place.line, place.file);
        let mut fresh = true;
        for line in text.lines().map(str::trim) {
            let pragma = line.starts_with("#pragma");
            if pragma && !fresh {
                self.out.push('\n');
            } else if !fresh {
                self.out.push(' ');
            }
            self.out.push_str(line);
            fresh = pragma;
            if pragma {
                let _ = write!(self.out, "\n# {} \"{}\" 3\n", place.line, place.file);
            }
        }
        self.at = None;
    }

    fn user(&mut self, range: &Range<usize>) {
        self.resume(range.start);
        self.out.push_str(&self.text[range.clone()]);
        self.at = Some(range.end);
    }

    fn instead(&mut self, range: &Range<usize>, text: &str) {
        self.resume(range.start);
        self.out.push_str(text);
        self.at = Some(range.end);
    }

    fn resume(&mut self, offset: usize) {
        if self.at == Some(offset) {
            return;
        }
        let place = self.map.place(offset);
        let flags = if place.system { " 3 4" } else { "" };
        let _ = write!(self.out, "\n# {} \"{}\"{flags}\n", place.line, place.file);
        self.out.extend(std::iter::repeat_n(' ', place.column));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_attributed() {
        let text = "# 1 \"a.c\"\nint a;\n# 5 \"/usr/include/x.h\" 3 4\n  b = a;\n";
        let map = SourceMap::new(text);
        let find = |needle: &str| text.find(needle).expect("in the text");
        let (a, b) = (find("int a"), find("b = "));
        let code = Code(vec![
            Piece::User(0..a + 6),
            Piece::Place(a),
            Piece::Made("{\n    f();\n}".to_owned()),
            Piece::User(b..b + 4),
            Piece::Instead(b + 4..b + 5, "(*a)".to_owned()),
            Piece::User(b + 5..b + 6),
        ]);
        assert_eq!(
            compiled(&code, text, &map, &Macros::of_cape_h()),
            "# 1 \"a.c\"\nint a;\n# 1 \"a.c\" 3\n{ f(); }\n# 5 \"/usr/include/x.h\" 3 4\n  b = (*a);"
        );
    }
}
