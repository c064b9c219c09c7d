//! How capec's messages look, on a terminal, in one line, in JSON; and its own warnings: what they find and what they are silent about.

mod driver_support;

use driver_support::{Place, failed, output, succeeded, text};
use serde_json::Value;

/// Standard error of a command that must succeed.
fn said(place: &Place, words: &[&str]) -> String {
    let finished = output(place.capec(words));
    let messages = text(&finished.stderr);
    assert!(finished.status.success(), "{messages}");
    messages
}

fn race_prone(place: &Place, body: &str) -> Vec<String> {
    place.write(
        "a.c",
        &format!(
            "#include <omp.h>\nextern int use(int);\nint counter, table[99];\nvoid f(int n, omp_lock_t *lock)\n{{\n    int x = 0, y = 0;\n    double sum = 0;\n{body}\n    use(x + y + (int)sum);\n}}\n"
        ),
    );
    said(
        place,
        &[
            "-fsyntax-only",
            "-fno-diagnostics-show-caret",
            "-Wcape-race-prone",
            "a.c",
        ],
    )
    .lines()
    .filter(|line| line.contains("-Wcape-race-prone"))
    .map(str::to_owned)
    .collect()
}

#[test]
fn unprotected_writes_of_shared_scalars_are_found() {
    let place = Place::new();
    for (body, variable) in [
        ("#pragma omp parallel\n    x = use(1);", "x"),
        (
            "#pragma omp parallel for\n    for (int i = 0; i < n; i++) sum += i;",
            "sum",
        ),
        (
            "#pragma omp parallel for\n    for (int i = 0; i < n; i++) counter++;",
            "counter",
        ),
        (
            "#pragma omp parallel for\n    for (int i = 0; i < n; i++) if (table[i] > x) x = table[i];",
            "x",
        ),
        (
            "#pragma omp parallel shared(y)\n    {\n#pragma omp for\n    for (int i = 0; i < n; i++) y = y * i;\n    }",
            "y",
        ),
        (
            "#pragma omp for\n    for (int i = 0; i < n; i++) counter += i;",
            "counter",
        ),
        (
            "#pragma omp parallel\n    { omp_set_lock(lock); x++; omp_unset_lock(lock); y++; }",
            "y",
        ),
    ] {
        let found = race_prone(&place, body);
        assert_eq!(found.len(), 1, "{body}\n{found:?}");
        assert!(
            found[0].contains(&format!("the shared variable '{variable}'")),
            "{found:?}"
        );
    }
}

#[test]
fn correct_programs_are_not_warned_of() {
    let place = Place::new();
    for body in [
        "#pragma omp parallel for reduction(+ : sum) lastprivate(x)\n    for (int i = 0; i < n; i++) { sum += i; x = i; }",
        "#pragma omp parallel private(x) firstprivate(y)\n    { x = use(1); y += x; }",
        "#pragma omp parallel\n    {\n#pragma omp critical\n    x = use(x);\n#pragma omp atomic\n    y++;\n#pragma omp single\n    counter = 3 * n;\n    }",
        "#pragma omp parallel\n    {\n#pragma omp master\n    x = use(x);\n    }",
        "#pragma omp parallel\n    {\n    int me = omp_get_thread_num();\n    if (me == 0) x = omp_get_num_threads();\n    if (!me) y = use(2);\n    if (n > 3 && omp_get_thread_num() == 0) counter++;\n    }",
        "#pragma omp parallel sections\n    {\n#pragma omp section\n    x = use(1);\n#pragma omp section\n    y = use(2);\n    }",
        "#pragma omp parallel\n    { omp_set_lock(lock); x++; omp_unset_lock(lock); }",
        "#pragma omp parallel\n    { x = 1; table[n] = n; int own = 0; own++; }",
        "#pragma omp parallel for\n    for (int i = 0; i < n; i++) { table[i] = i; if (i == n - 1) x = i; }",
        "#pragma omp parallel num_threads(1)\n    x = use(x);",
        "    volatile int flag;\n#pragma omp parallel\n    flag = use(1);",
        "    int own = 0;\n#pragma omp for\n    for (int i = 0; i < n; i++) own += i;",
        "    x = use(1);\n    counter++;",
    ] {
        let found = race_prone(&place, body);
        assert!(found.is_empty(), "{body}\n{found:?}");
    }
}

#[test]
fn a_race_is_shown_with_declaration_rule_and_remedy() {
    let place = Place::new();
    place.write(
        "a.c",
        "int f(int n)\n{\n    int sum = 0;\n#pragma omp parallel for\n    for (int i = 0; i < n; i++)\n        sum += i;\n    return sum;\n}\n",
    );
    let shown = said(&place, &["-c", "-Wall", "a.c"]);
    for part in [
        "warning: every thread of the team may write the shared variable 'sum' at the same time [-Wcape-race-prone]",
        "a.c:6:9",
        "'sum' is declared outside of the construct",
        "'sum' is shared here, since no clause says otherwise",
        "add reduction(+ : sum)",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(place.exists("a.o"));
    assert_eq!(said(&place, &["-c", "a.c"]), "");
    assert_eq!(said(&place, &["-c", "-Wall", "-w", "a.c"]), "");
    assert_eq!(
        said(&place, &["-c", "-Wall", "-Wno-cape-race-prone", "a.c"]),
        ""
    );
    let message = failed(place.capec(["-c", "-Werror=cape-race-prone", "a.c"]), 1);
    assert!(
        message.contains("error: every thread") && message.contains("[-Werror=cape-race-prone]"),
        "{message}"
    );
    let message = failed(place.capec(["-c", "-Wcape-rce", "a.c"]), 1);
    assert!(
        message.contains("unknown warning '-Wcape-rce'") && message.contains("-Wcape-serial"),
        "{message}"
    );
}

#[test]
fn turns_in_loops_are_found() {
    let place = Place::new();
    let warned = |body: &str| {
        place.write(
            "a.c",
            &format!("int x;\nint f(int n)\n{{\n    int v = 0;\n{body}\n    return v;\n}}\n"),
        );
        said(&place, &["-fsyntax-only", "-Wcape-serial", "a.c"])
    };
    let critical = warned(
        "#pragma omp parallel for\n    for (int i = 0; i < n; i++) {\n#pragma omp critical\n        x = x / 2 + i;\n    }",
    );
    assert!(
        critical.contains("'#pragma omp critical' in a loop makes the ranks take turns")
            && critical.contains("a.c:7:"),
        "{critical}"
    );
    let capture = warned(
        "#pragma omp parallel\n    for (int i = 0; i < n; i++) {\n        int mine;\n#pragma omp atomic capture\n        mine = x++;\n        v = mine;\n    }",
    );
    assert!(
        capture.contains("'#pragma omp atomic' in a loop"),
        "{capture}"
    );
    for quiet in [
        "#pragma omp parallel\n    {\n#pragma omp critical\n    x++;\n    }",
        "    for (int i = 0; i < n; i++) {\n#pragma omp parallel\n        {\n#pragma omp critical\n        x++;\n        }\n    }",
        "#pragma omp parallel for\n    for (int i = 0; i < n; i++) {\n#pragma omp atomic\n        x += i;\n    }",
    ] {
        assert_eq!(warned(quiet), "", "{quiet}");
    }
}

#[test]
fn messages_come_in_gccs_json() {
    let place = Place::new();
    place.write(
        "a.c",
        "int f(int n)\n{\n    int sum = 0, unused;\n    /* \u{e9} */ double x = \"text\";\n#pragma omp parallel for\n    for (int i = 0; i < n; i++)\n        sum += i;\n    return sum;\n}\n",
    );
    let shown = failed(
        place.capec(["-c", "-Wall", "-fdiagnostics-format=json", "a.c"]),
        1,
    );
    let list: Value = serde_json::from_str(&shown).expect("one array");
    let items = list.as_array().expect("an array");
    let find = |part: &str| {
        let mut found = items.iter().filter(|item| {
            item["message"]
                .as_str()
                .is_some_and(|text| text.contains(part))
        });
        let first = found.next().unwrap_or_else(|| panic!("{part} in {shown}"));
        assert!(found.next().is_none(), "{part} twice in {shown}");
        first
    };
    let race = find("the shared variable 'sum'");
    assert_eq!(race["kind"], "warning");
    assert_eq!(race["option"], "-Wcape-race-prone");
    let caret = &race["locations"][0]["caret"];
    assert_eq!(
        (&caret["file"], &caret["line"], &caret["column"]),
        (&"a.c".into(), &7.into(), &9.into())
    );
    assert_eq!(race["locations"][0]["finish"]["column"], 11);
    assert_eq!(race["children"][0]["kind"], "note");
    assert_eq!(find("incompatible types")["kind"], "error");
    assert_eq!(find("variable 'unused'")["option"], "-Wunused-variable");
    place.write(
        "b.c",
        "void f(void)\n{\n#pragma omp parallel privat(x)\n    ;\n}\n",
    );
    let shown = failed(place.capec(["-c", "-fdiagnostics-format=json", "b.c"]), 1);
    let list: Value = serde_json::from_str(&shown).expect("one array");
    assert_eq!(list[0]["kind"], "error");
    assert_eq!(list[0]["locations"][0]["caret"]["column"], 22);
}

#[test]
fn colours_and_short_messages_are_asked_for() {
    let place = Place::new();
    place.write("a.c", "void f(void)\n{\n#pragma omp parallel privat(x)\n    ;\n#pragma omp parallel shared(nowhere)\n    ;\n}\n");
    let plain = failed(place.capec(["-c", "a.c"]), 1);
    assert!(
        !plain.contains('\u{1b}') && plain.contains("^^^^^^"),
        "{plain}"
    );
    let coloured = failed(place.capec(["-c", "-fdiagnostics-color=always", "a.c"]), 1);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let short = failed(place.capec(["-c", "-fdiagnostics-plain-output", "a.c"]), 1);
    let lines: Vec<&str> = short
        .lines()
        .filter(|line| line.starts_with("a.c:"))
        .collect();
    assert_eq!(lines.len(), 2, "{short}");
    assert!(
        lines[0].starts_with("a.c:3:22: error: unknown clause 'privat'"),
        "{short}"
    );
    assert!(
        lines[1].starts_with("a.c:5:29: error: 'nowhere'"),
        "{short}"
    );
}

#[test]
fn our_flags_do_not_reach_the_host() {
    let place = Place::new();
    place.write(
        "a.c",
        "int x;\n#pragma omp threadprivate(x)\nint f(void) { return x; }\n",
    );
    for words in [
        vec!["-Wcape", "-Wno-error=cape", "-c", "a.c"],
        vec!["-Wcape", "-fno-openmp", "-c", "a.c"],
        vec!["-Wcape", "-E", "a.c"],
        vec![
            "-Wcape",
            "-shared",
            "-nostdlib",
            "-fPIC",
            "a.c",
            "-o",
            "a.so",
        ],
    ] {
        let mut command = place.capec(&words);
        place.recording(&mut command);
        succeeded(command);
    }
    let calls = place.calls();
    assert!(
        calls
            .iter()
            .all(|call| !call.contains("Wcape") && !call.contains("error=cape")),
        "{calls:?}"
    );
}

#[test]
fn what_the_program_wants_said_is_a_warning() {
    let place = Place::new();
    place.write(
        "a.c",
        "void f(void)\n{\n#pragma omp error at(compilation) severity(warning) message(\"an old way\")\n}\n",
    );
    let message = said(&place, &["-fsyntax-only", "a.c"]);
    assert!(
        message.contains("warning: '#pragma omp error' encountered: an old way")
            && message.contains("a.c:3"),
        "{message}"
    );
}

#[test]
fn a_flag_without_its_value_is_an_error() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    let message = failed(place.capec(["-c", "a.c", "-o"]), 1);
    assert!(message.contains("missing argument to '-o'"), "{message}");
}
