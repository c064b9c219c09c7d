//! What is wrong is said, all of it, with file, line and column of the user's own text, and the next step.

mod support;

use support::errors;

/// Messages for a program whose text is `body` inside of `main`, with some variables declared.
fn messages(body: &str) -> String {
    whole(&format!(
        "int g;\nint main(void)\n{{\n    int i, j, n = 3, a[9] = {{0}}; double d = 0;\n{body}\n    return a[0] + i + j + n + g + (int)d;\n}}\n"
    ))
}

fn whole(text: &str) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("wrong.c");
    std::fs::write(&file, text).expect("the source can be written");
    let path = file.to_str().expect("temporary names are text");
    errors(path).replace(path, "wrong.c")
}

#[track_caller]
fn says(body: &str, place: &str, message: &str) {
    let found = messages(body);
    assert!(found.contains(message), "{found}");
    assert!(found.contains(&format!("wrong.c:{place}\n")), "{found}");
}

#[test]
fn columns_are_those_of_the_users_file() {
    says(
        "    #pragma   omp /* c */ parallel  shared(n)  privat(i)\n    ;",
        "5:48",
        "unknown clause 'privat' of '#pragma omp parallel'",
    );
    says(
        "#pragma omp parallel \\\n    private(a, \\\n            nowhere)\n    ;",
        "7:13",
        "'nowhere' in 'private' is not declared here",
    );
}

#[test]
fn all_errors_of_a_file_are_shown() {
    let found = messages(
        "#pragma omp parallel privat(i)\n    ;\n#pragma omp tusk\n    ;\n#pragma omp parallel for\n    for (i = 0; i < n; i *= 2)\n        ;",
    );
    assert_eq!(found.matches("error: ").count(), 3, "{found}");
}

#[test]
fn clauses() {
    says(
        "#pragma omp parallel private(i) shared(i)\n    ;",
        "5:40",
        "'i' appears in more than one data-sharing clause",
    );
    says(
        "#pragma omp parallel private(main)\n    ;",
        "5:30",
        "'main' in 'private' is not a variable",
    );
    says(
        "    const int c = 1;\n#pragma omp parallel private(c)\n    ;",
        "6:30",
        "'c' is const and cannot be in 'private'",
    );
    says(
        "#pragma omp parallel default(none) shared(i)\n    n = i;",
        "6:5",
        "'n' is not in a data-sharing clause of this default(none) region",
    );
    says(
        "#pragma omp parallel default(none)\n    g = 1;",
        "6:5",
        "add shared(g), private(g) or firstprivate(g)",
    );
    says(
        "#pragma omp parallel for reduction(+ : i)\n    for (i = 0; i < n; i++)\n        ;",
        "6:14",
        "the loop variable 'i' may not be in 'reduction'",
    );
    says(
        "#pragma omp parallel private(n)\n#pragma omp for reduction(+ : n)\n    for (i = 0; i < 9; i++)\n        n++;",
        "6:1",
        "'n' is private in the enclosing region",
    );
    says(
        "    struct { int x; } s = {0};\n#pragma omp parallel reduction(+ : s)\n    s.x++;",
        "6:36",
        "'s' is a struct or union",
    );
}

#[test]
fn loops() {
    says(
        "#pragma omp parallel for\n    for (d = 0; d < 3; d++)\n        ;",
        "6:14",
        "the loop variable 'd' must be an integer or a pointer",
    );
    says(
        "#pragma omp parallel for collapse(2) schedule(static)\n    for (i = 0; i < 3; i++)\n        for (j = i; j < 3; j++)\n            ;",
        "7:18",
        "may not depend on an outer loop with the clause 'schedule'",
    );
    says(
        "#pragma omp parallel for\n    while (n)\n        n--;",
        "6:5",
        "'#pragma omp parallel for' must be followed by a for loop",
    );
}

#[test]
fn branches() {
    says(
        "#pragma omp parallel for\n    for (i = 0; i < n; i++)\n        if (i == 2) break;",
        "7:21",
        "'break' would leave the structured block",
    );
    says(
        "    for (;;) {\n#pragma omp parallel\n        { continue; }\n    }",
        "7:11",
        "'continue' would leave the structured block",
    );
    says(
        "#pragma omp parallel\n    { return 1; }",
        "6:7",
        "'return' would leave the structured block",
    );
    says(
        "#pragma omp parallel\n    { in: n++; }\n    goto in;",
        "7:10",
        "'goto in' would enter or leave",
    );
    says(
        "    switch (n) {\n#pragma omp critical\n        { case 1: n++; }\n    }",
        "7:11",
        "a label of a switch statement would branch into",
    );
}

#[test]
fn nesting() {
    says(
        "#pragma omp parallel for\n    for (i = 0; i < n; i++) {\n#pragma omp barrier\n    }",
        "7:1",
        "'#pragma omp barrier' may not be nested inside '#pragma omp parallel for'",
    );
    says(
        "#pragma omp critical\n    {\n#pragma omp critical\n        n++;\n    }",
        "7:1",
        "'#pragma omp critical' may not be nested inside '#pragma omp critical'",
    );
    says(
        "#pragma omp section\n    n++;",
        "5:1",
        "'#pragma omp section' outside of a sections construct",
    );
    says(
        "    if (n)\n#pragma omp barrier\n    ;",
        "6:1",
        "'#pragma omp barrier' may only be used in a block",
    );
}

#[test]
fn what_is_not_supported_yet_is_named() {
    let found = whole("int x;\n#pragma omp groupprivate(x)\nint main(void) { return x; }\n");
    assert!(
        found.contains("wrong.c:2:13")
            && found.contains("'#pragma omp groupprivate' is not supported yet"),
        "{found}"
    );
}

#[test]
fn reserved_names_and_unreadable_text() {
    let found =
        whole("int cape_env;\nint main(void)\n{\n#pragma omp parallel\n    ;\n    return 0;\n}\n");
    assert!(
        found.contains("wrong.c:1:5") && found.contains("reserved"),
        "{found}"
    );
    says(
        "#pragma omp parallel\n    int x;",
        "5:1",
        "'#pragma omp parallel' must be followed by a statement",
    );
    says(
        "    int inner(int x) { return x + n; }\n#pragma omp parallel\n    inner(1);",
        "5:22",
        "nested functions are not supported",
    );
}

#[test]
fn threadprivate() {
    let cases = [
        (
            "#pragma omp threadprivate(x)\nint x;\n",
            "'x' in 'threadprivate' is no variable declared before at file scope",
        ),
        (
            "int x;\n#pragma omp threadprivate\n",
            "'threadprivate' takes a list of variables in parentheses",
        ),
        (
            "struct s { int n; } x, y;\n#pragma omp threadprivate(x)\n",
            "'x' is declared together with variables that are not threadprivate",
        ),
        (
            "int f(void) {\n    int x = 0;\n#pragma omp threadprivate(x)\n    return x;\n}\n",
            "is no static variable declared before in this function",
        ),
        (
            "int x;\n#pragma omp threadprivate(x)\nvoid f(void) {\n#pragma omp parallel private(x)\n    x = 1;\n}\n",
            "'x' is threadprivate and can be in no data-sharing clause but 'copyin'",
        ),
        (
            "int x;\nvoid f(void) {\n#pragma omp parallel copyin(x)\n    x = 1;\n}\n",
            "'x' in 'copyin' is not threadprivate",
        ),
    ];
    for (text, message) in cases {
        let found = whole(&format!("{text}int main(void) {{ return 0; }}\n"));
        assert!(found.contains(message), "{found}");
    }
}
