//! README.md shows the conformance table that the cases give; `CAPE_BLESS=1` rewrites it. The table is printed in any case.

use std::path::Path;

use testsuite::case::{Case, discover};
use testsuite::conformance::{replaced, table};

#[test]
fn the_readme_shows_what_the_cases_cover() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = discover(&root.join("cases")).expect("the folder of the cases can be read");
    let cases: Vec<Case> = found
        .into_iter()
        .filter_map(|(_, case)| case.ok())
        .collect();
    let table = table(&cases).expect("the cases can be read");
    println!("{table}");
    let path = root
        .parent()
        .expect("the crate is in the workspace")
        .join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md can be read");
    let wanted = replaced(&readme, &table).expect("README.md has the markers of the table");
    if std::env::var_os("CAPE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).expect("README.md can be written");
        return;
    }
    assert!(
        wanted == readme,
        "the conformance table of README.md is out of date: CAPE_BLESS=1 cargo test --release -p testsuite --test conformance rewrites it"
    );
}
