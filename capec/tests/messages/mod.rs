//! String literals of Rust code, and which of them are written for users.

/// A literal outside of comments and test modules.
#[derive(Debug)]
pub struct Literal {
    /// Line, from 1.
    pub line: usize,
    /// Its value.
    pub text: String,
}

impl Literal {
    /// Whether this is a sentence, or a part of one: some words, and neither C code nor the name of a directive.
    pub fn is_message(&self) -> bool {
        const CODE: [&str; 9] = [
            ";",
            "\n",
            "cape_",
            "$",
            "unsigned",
            "sizeof",
            "const long",
            "(long",
            "(void",
        ];
        const DIRECTIVES: [&str; 12] = [
            "target",
            "teams",
            "parallel",
            "distribute",
            "for",
            "simd",
            "master",
            "masked",
            "taskloop",
            "loop",
            "begin",
            "declare",
        ];
        let words: Vec<&str> = self.text.split([' ', ',', '(', ')']).collect();
        let lower = |word: &&&str| {
            let word = word.trim_matches(['\'', ':']);
            word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let plain = words.iter().filter(lower).count();
        let named = ["end", "begin", "target", "declare"].contains(&words[0]) && words.len() <= 3
            || words.iter().all(|word| DIRECTIVES.contains(word));
        plain >= 2
            && words.len() >= 3
            && !named
            && !CODE.iter().any(|code| self.text.contains(code))
    }
}

/// All literals of `code`, in order.
pub fn literals(code: &str) -> Vec<Literal> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or(code);
    let (mut found, mut at) = (Vec::new(), 0);
    let bytes = code.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'/' if code[at..].starts_with("//") => {
                at += code[at..].find('\n').unwrap_or(code.len() - at);
            }
            // A character, or a lifetime.
            b'\'' => {
                let escaped = bytes.get(at + 1) == Some(&b'\\');
                let end = code[at + 1..].char_indices().nth(1 + usize::from(escaped));
                let closed = end.filter(|(_, letter)| *letter == '\'');
                at += closed.map_or(1, |(offset, _)| offset + 2);
            }
            b'"' => {
                let line = code[..at].matches('\n').count() + 1;
                let before = code[..at].trim_end();
                let (text, end) = value(&code[at + 1..]);
                let internal = ["expect(", "panic!(", "reason =", "include_str!("]
                    .iter()
                    .any(|call| before.ends_with(call));
                if !internal {
                    found.push(Literal { line, text });
                }
                at += 1 + end;
            }
            _ => at += 1,
        }
    }
    found
}

/// The value of the literal whose text begins here, and where it ends.
fn value(code: &str) -> (String, usize) {
    let mut text = String::new();
    let mut letters = code.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (text, at + 1),
            '\\' => match letters.next().map(|(_, escaped)| escaped) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('\n') => {
                    while letters
                        .peek()
                        .is_some_and(|(_, letter)| letter.is_whitespace())
                    {
                        letters.next();
                    }
                }
                Some(escaped) => text.push(escaped),
                None => {}
            },
            letter => text.push(letter),
        }
    }
    (text, code.len())
}
