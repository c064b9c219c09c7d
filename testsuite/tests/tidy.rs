//! Reads the source tree itself: what the style guide asks for and no compiler checks.

use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const LONGEST: usize = 700;

/// The crates and folders whose files are read.
const FOLDERS: [&str; 7] = [
    "capec",
    "ckpt-incremental",
    "examples",
    "runtime",
    "templates",
    "testsuite",
    "transport",
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn is(&self, extension: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|found| found == extension)
    }

    /// The lines before the unit tests; none in an integration test, a bench or a fuzz target.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let path = self.path.to_string_lossy().into_owned();
        let is_test = ["/tests/", "/benches/", "/fuzz/"]
            .iter()
            .any(|folder| path.contains(folder))
            || path.ends_with("/tests.rs");
        self.text
            .lines()
            .take_while(move |line| !is_test && line.trim() != "#[cfg(test)]")
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in the workspace")
}

/// Every text file of the project.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut sources);
    }
    for file in ["README.md", "Cargo.toml"] {
        collect_file(&root().join(file), &mut sources);
    }
    assert!(
        sources.len() > 100,
        "only {} files found below {}",
        sources.len(),
        root().display()
    );
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, sources);
        } else {
            collect_file(&path, sources);
        }
    }
}

fn collect_file(path: &Path, sources: &mut Vec<Source>) {
    const KINDS: [&str; 9] = ["rs", "c", "h", "md", "toml", "ld", "opts", "txt", "S"];
    let kind = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if path.is_file() && KINDS.contains(&kind.as_str()) {
        sources.push(Source {
            path: path.to_owned(),
            text: std::fs::read_to_string(path).unwrap(),
        });
    }
}

/// Fails with all complaints at once.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn complain(source: &Source, line: usize, what: &str) -> String {
    format!(
        "{}:{line}: {what}",
        source
            .path
            .strip_prefix(root())
            .unwrap_or(&source.path)
            .display()
    )
}

#[test]
fn every_rust_file_begins_with_its_documentation() {
    let undocumented = |source: &&Source| source.is("rs") && !source.text.starts_with("//! ");
    report(
        &sources()
            .iter()
            .filter(undocumented)
            .map(|source| complain(source, 1, "does not begin with //!"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_is_empty_or_too_long() {
    let mut complaints = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if source.text.trim().is_empty() {
            complaints.push(complain(&source, 1, "is empty"));
        }
        if source.is("rs") && lines > LONGEST {
            complaints.push(complain(
                &source,
                lines,
                &format!("has more than {LONGEST} lines"),
            ));
        }
    }
    report(&complaints);
}

#[test]
fn nothing_is_left_undone() {
    // Composed, so that this file does not contain them.
    let words = [
        ["to", "do!("],
        ["unimpl", "emented!("],
        ["FIX", "ME"],
        ["XX", "X "],
        ["dbg", "!("],
    ]
    .map(|halves| halves.concat());
    let mut complaints = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.is("rs") || source.is("c") || source.is("h"))
    {
        for (at, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                complaints.push(complain(source, at + 1, &format!("contains {word}")));
            }
        }
    }
    report(&complaints);
}

#[test]
fn product_code_does_not_unwrap() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.is("rs")) {
        let unwraps = source
            .product_lines()
            .filter(|(_, line)| line.contains(".unwrap()") && !line.trim_start().starts_with("//"));
        complaints.extend(unwraps.map(|(at, _)| {
            complain(
                source,
                at,
                "unwraps outside of tests: use expect, and say why",
            )
        }));
    }
    report(&complaints);
}

#[test]
fn no_text_names_a_machine() {
    let paths = [["/wo", "rk/"], ["/ro", "ot/"]].map(|halves| halves.concat());
    let hosts = [
        ["index.", "crates.io"],
        ["static.", "crates.io"],
        ["127.0.0.1", ":80"],
    ]
    .map(|halves| halves.concat());
    let mut complaints = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            if let Some(word) = paths.iter().chain(&hosts).find(|word| line.contains(*word)) {
                complaints.push(complain(&source, at + 1, &format!("contains {word}")));
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_case_and_example_says_what_it_is_about() {
    let is_program = |source: &&Source| {
        source.is("c")
            && (source.path.starts_with(root().join("testsuite/cases"))
                || source.path.starts_with(root().join("examples")))
    };
    let described = |source: &Source| {
        let first = source
            .text
            .lines()
            .find(|line| !line.starts_with("//#") && !line.starts_with("/*#"));
        first.is_some_and(|line| line.starts_with("/* ") && line.len() > 20)
    };
    let complaints: Vec<String> = sources()
        .iter()
        .filter(is_program)
        .filter(|source| !described(source))
        .map(|source| {
            complain(
                source,
                1,
                "does not begin with a comment that says what it is about",
            )
        })
        .collect();
    report(&complaints);
}

#[test]
fn every_public_workspace_member_forbids_what_the_workspace_forbids() {
    let is_manifest = |source: &&Source| {
        source
            .path
            .file_name()
            .is_some_and(|name| name == "Cargo.toml")
            && source.path != root().join("Cargo.toml")
    };
    // The fuzz targets are a workspace of their own, which has no lints to take.
    let lints = |source: &Source| {
        ["[lints]\nworkspace = true", "\n[workspace]\n"]
            .iter()
            .any(|text| source.text.contains(text))
    };
    let complaints: Vec<String> = sources()
        .iter()
        .filter(is_manifest)
        .filter(|source| !lints(source))
        .map(|source| complain(source, 1, "does not take the workspace's lints"))
        .collect();
    report(&complaints);
}

#[test]
fn the_readme_mentions_every_construct_and_stays_short() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut complaints = Vec::new();
    let templates = std::fs::read_dir(root().join("templates")).unwrap();
    for template in templates
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "c"))
    {
        let name = template
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let construct = name.split('-').next().unwrap_or_default();
        if !readme.contains(&format!("`{construct}`")) {
            complaints.push(format!(
                "templates/{name}.c: README.md's table does not mention `{construct}`"
            ));
        }
    }
    // The table of what the cases cover grows with them.
    let generated = |line: &str| line.starts_with("| `") && line.matches('|').count() == 5;
    let lines = readme.lines().filter(|line| !generated(line)).count();
    if lines >= 190 {
        complaints.push(format!(
            "README.md: has {lines} lines beside the generated ones, 190 are too many"
        ));
    }
    report(&complaints);
}
