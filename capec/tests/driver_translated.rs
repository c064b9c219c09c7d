//! Sources with OpenMP in them: what the driver adds around the translator must not show.

mod driver_support;

use driver_support::{Place, failed, output, succeeded, text};

const REGION: &str = "\
#include <stdio.h>
#include <omp.h>
#define TWICE(x) ((x) + (x))
static int choose(int x)
{
    switch (x) {
    case 1:
        x = 5;
        /* fall through */
    case 2:
        x = TWICE(x);
    }
    return x;
}
int main(void)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 10; i++)
        sum += choose(i);
    printf(\"%d\\n\", sum);
    return 0;
}
";

fn place() -> Place {
    let place = Place::new();
    place.write("a.c", REGION);
    place
}

/// Whether the translator knows `parallel` and `barrier`, without which there is nothing to see here. A skip says so;
/// `CAPE_REQUIRE_ALL=1` makes it a failure.
fn translates() -> bool {
    let place = Place::new();
    place.write(
        "a.c",
        "void f(void)\n{\n#pragma omp parallel\n    {\n#pragma omp barrier\n    }\n}\n",
    );
    let done = output(place.capec(["-c", "a.c"]));
    let works = done.status.success();
    if !works {
        let reason = text(&done.stderr);
        assert!(std::env::var_os("CAPE_REQUIRE_ALL").is_none(), "{reason}");
        eprintln!("skipped: the translator rejects a parallel region: {reason}");
    }
    works
}

#[test]
fn translated_code_calls_the_runtime() {
    if !translates() {
        return;
    }
    let place = place();
    let assembly = succeeded(place.capec(["-O2", "-S", "a.c", "-o", "-"]));
    assert!(
        assembly.contains("cape_parallel") && !assembly.contains("GOMP_"),
        "{assembly}"
    );
    place.assert_clean();
}

#[test]
fn strict_warnings_stay_silent() {
    if !translates() {
        return;
    }
    let place = place();
    for flags in [
        &["-std=c99", "-pedantic-errors", "-O2"][..],
        &["-std=gnu11", "-g3", "-Wunused", "-Wundef"],
        &[
            "-std=c11",
            "-pedantic",
            "-fopenmp",
            "-Wstrict-prototypes",
            "-Wmissing-prototypes",
        ],
    ] {
        let words = [flags, &["-Wall", "-Wextra", "-Werror", "-c", "a.c"]].concat();
        let done = output(place.capec(words));
        assert!(
            done.status.success() && done.stderr.is_empty(),
            "{flags:?}\n{}",
            text(&done.stderr)
        );
    }
}

#[test]
fn errors_and_warnings_name_the_users_lines_once() {
    if !translates() {
        return;
    }
    let place = Place::new();
    place.write(
        "a.c",
        "#warning attention\nvoid f(void)\n{\n#pragma omp parallel\n    {\n        int unused;\n        undeclared = 1;\n    }\n}\n",
    );
    let said = failed(place.capec(["-Wall", "-c", "a.c"]), 1);
    assert_eq!(
        said.matches("a.c:1:2: warning: #warning attention").count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("a.c:7:9: error: 'undeclared' undeclared"),
        "{said}"
    );
    assert!(
        said.contains("a.c:6:13: warning: unused variable 'unused'"),
        "{said}"
    );
    assert!(!said.contains("capec-"), "names a temporary file: {said}");
    place.assert_clean();
}

#[test]
fn objects_are_reproducible_and_name_no_temporary_file() {
    if !translates() {
        return;
    }
    let place = place();
    for name in ["1.o", "2.o"] {
        succeeded(place.capec(["-g", "-O2", "-c", "a.c", "-o", name]));
    }
    let object = std::fs::read(place.path("1.o")).unwrap();
    assert_eq!(object, std::fs::read(place.path("2.o")).unwrap());
    assert!(!text(&object).contains("capec-"));
    let files = succeeded(place.host("readelf", ["-s", "1.o"]));
    assert!(files.contains("FILE    LOCAL  DEFAULT  ABS a.c"), "{files}");
}

#[test]
fn debuggers_see_the_users_file_and_lines() {
    if !translates() {
        return;
    }
    let place = place();
    succeeded(place.capec(["-g", "-c", "a.c"]));
    let units = succeeded(place.host("readelf", ["--debug-dump=info", "a.o"]));
    let unit = units
        .lines()
        .find(|line| line.contains("DW_AT_name"))
        .unwrap();
    assert!(unit.ends_with(": a.c"), "{unit}");
    let here = place.path("").canonicalize().unwrap();
    assert!(
        units.contains(here.to_str().unwrap().trim_end_matches('/')),
        "no working directory"
    );
    let lines = succeeded(place.host("objdump", ["--dwarf=decodedline", "a.o"]));
    let loop_body =
        |line: &str| line.starts_with("a.c") && line.split_whitespace().nth(1) == Some("20");
    assert!(lines.lines().any(loop_body), "{lines}");
}

#[test]
fn preprocessed_and_piped_sources_are_translated_too() {
    if !translates() {
        return;
    }
    let place = place();
    succeeded(place.capec(["-E", "a.c", "-o", "b.i"]));
    succeeded(place.capec(["-E", "-P", "a.c", "-o", "c.i"]));
    succeeded(place.capec(["-c", "b.i", "c.i"]));
    let mut command = place.capec(["-x", "c", "-c", "-o", "d.o", "-"]);
    command.stdin(std::fs::File::open(place.path("a.c")).unwrap());
    succeeded(command);
    for name in ["b.o", "c.o", "d.o"] {
        let symbols = succeeded(place.host("nm", [name]));
        assert!(symbols.contains("U cape_parallel"), "{name}: {symbols}");
    }
    place.assert_clean();
}

#[test]
fn saved_temporaries_include_the_translation() {
    if !translates() {
        return;
    }
    let place = place();
    succeeded(place.capec(["-save-temps", "-c", "a.c"]));
    assert!(place.read("a.i").contains("#pragma omp"));
    assert!(
        !place.read("a.cape.i").contains("#pragma omp")
            && place.read("a.cape.i").contains("cape_parallel")
    );
    assert!(place.exists("a.s") && place.exists("a.o"));
    place.assert_clean();
}

#[test]
fn side_outputs_are_those_of_gcc() {
    if !translates() {
        return;
    }
    for words in [
        &["--coverage", "-c", "a.c"][..],
        &["--coverage", "-c", "a.c", "-o", "x.o"],
        &["-fstack-usage", "-MMD", "-MP", "-c", "a.c"],
        &["-gsplit-dwarf", "-g", "-c", "a.c", "-o", "x.y.o"],
        &["-MMD", "-MF", "deps", "-S", "a.c"],
    ] {
        let [ours, host] = [place(), place()];
        succeeded(ours.capec(words));
        let with_openmp = [&["-fopenmp"], words].concat();
        succeeded(host.host("gcc", with_openmp));
        assert_eq!(names(&ours), names(&host), "{words:?}");
        for name in ["a.d", "deps"] {
            if host.exists(name) {
                assert_eq!(ours.read(name), host.read(name), "{words:?}");
            }
        }
    }
}

fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn bytes_that_are_not_utf8_reach_the_object() {
    if !translates() {
        return;
    }
    let place = Place::new();
    let source = b"/* caf\xe9 */ const char s[] = \"<\xe9\xff\x80>\";\nvoid f(void)\n{\n#pragma omp barrier\n}\n";
    std::fs::write(place.path("a.c"), source).unwrap();
    succeeded(place.capec(["-c", "a.c"]));
    let object = std::fs::read(place.path("a.o")).unwrap();
    assert!(object.windows(5).any(|bytes| bytes == b"<\xe9\xff\x80>"));
}
