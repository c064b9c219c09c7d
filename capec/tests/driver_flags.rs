//! What the host compiler is given: order, response files, languages, queries, long and strange words.

mod driver_support;

use driver_support::{Place, failed, output, succeeded, text};

const PLAIN: &str = "int f(void) { return N; }\n";

/// The calls that compile or link (not those that only preprocess), without the words capec adds at the front.
fn compile_calls(place: &Place) -> Vec<String> {
    place
        .calls()
        .into_iter()
        .filter(|call| !call.contains("<-E>"))
        .collect()
}

#[test]
fn flags_keep_their_order_and_unknown_ones_pass() {
    let place = Place::new();
    place.write("a.c", PLAIN);
    place.write("inc/empty.h", "");
    let words = [
        "-O1",
        "-DN=1",
        "-fno-common",
        "-UM",
        "-I",
        "inc",
        "-O3",
        "-funroll-loops",
        "-Wall",
        "-include",
        "empty.h",
        "-std=gnu11",
        "-g",
        "-mno-red-zone",
        "-c",
        "a.c",
    ];
    let mut command = place.capec(words);
    place.recording(&mut command);
    succeeded(command);
    let expected = "<-O1><-DN=1><-fno-common><-UM><-I><inc><-O3><-funroll-loops><-Wall><-include><empty.h><-std=gnu11><-g><-mno-red-zone>";
    for call in place.calls() {
        assert!(call.contains(expected), "{call}");
    }
    assert!(place.exists("a.o"));
    place.assert_clean();
}

#[test]
fn a_flag_the_host_rejects_is_rejected_with_its_exit_code() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    let message = failed(place.capec(["-fno-such-flag", "-c", "a.c"]), 1);
    assert!(message.contains("-fno-such-flag"), "{message}");
    assert_eq!(
        message.matches("no-such-flag").count(),
        1,
        "said twice: {message}"
    );
    assert!(!place.exists("a.o"));
    place.assert_clean();
}

#[test]
fn the_hosts_exit_code_is_ours() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    let mut command = place.capec(["-c", "a.c"]);
    command.env("CAPE_CC", "sh -c 'exit 42' sh");
    failed(command, 42);
}

#[test]
fn spaces_and_quotes_survive() {
    let place = Place::new();
    place.write(
        "a dir/it's \"a\".c",
        "#include \"x y.h\"\nconst char *s = S;\nint n = N;\n",
    );
    place.write("b dir/x y.h", "enum { N = 1 };\n");
    place.write("a dir/user.c", "#include <string.h>\nextern const char *s;\nint main(void) { return strcmp(s, \"a b\"); }\n");
    place.prefix();
    succeeded(place.linking([
        "-DS=\"a b\"",
        "-Ib dir",
        "a dir/it's \"a\".c",
        "a dir/user.c",
        "-o",
        "a dir/my prog",
    ]));
    succeeded(place.host("a dir/my prog", [""; 0]));
    place.assert_clean();
}

#[test]
fn response_files_nest_and_quote() {
    let place = Place::new();
    place.write("a.c", "const char *s = S;\nint n = N;\n");
    place.write("outer", "-c \"-DS=\\\"a b\\\"\" @inner");
    place.write("inner", "'-DN=3'\n a.c\t-o\n'my object.o'");
    let mut command = place.capec(["@outer"]);
    place.recording(&mut command);
    succeeded(command);
    assert!(place.exists("my object.o"));
    let calls = compile_calls(&place);
    assert!(
        calls[0].contains("<-DS=\"a b\"><-DN=3><-c><a.c><-o><my object.o>"),
        "{calls:?}"
    );
}

#[test]
fn several_sources_compile_one_after_the_other() {
    let place = Place::new();
    place.write("a.c", "int a;\n");
    place.write("sub/b.c", "int b;\n");
    succeeded(place.capec(["-c", "a.c", "sub/b.c"]));
    assert!(place.exists("a.o") && place.exists("b.o"));
}

#[test]
fn one_bad_source_does_not_stop_the_others() {
    let place = Place::new();
    place.write("bad.c", "int int;\n");
    place.write("good.c", "int g;\n");
    failed(place.capec(["-c", "bad.c", "good.c"]), 1);
    assert!(place.exists("good.o") && !place.exists("bad.o"));
    place.assert_clean();
}

#[test]
fn languages_can_be_given() {
    let place = Place::new();
    place.write("a.txt", "int a = 1;\n");
    place.write("b.txt", ".globl b\n.data\nb: .long 2\n");
    place.write(
        "main.c",
        "extern int a, b;\nint main(void) { return a + b - 3; }\n",
    );
    place.prefix();
    let words = [
        "-x",
        "c",
        "a.txt",
        "-x",
        "assembler",
        "b.txt",
        "-xnone",
        "main.c",
        "-o",
        "prog",
    ];
    succeeded(place.linking(words));
    succeeded(place.host("./prog", [""; 0]));
    place.assert_clean();
}

#[test]
fn assembly_goes_to_the_host_with_its_macros() {
    let place = Place::new();
    place.write("a.S", ".globl a\n.data\na: .long VALUE\n");
    place.write(
        "main.c",
        "extern int a;\nint main(void) { return a - 7; }\n",
    );
    place.prefix();
    succeeded(place.linking(["-DVALUE=7", "a.S", "main.c", "-o", "prog"]));
    succeeded(place.host("./prog", [""; 0]));
    succeeded(place.linking(["-DVALUE=7", "-c", "a.S"]));
    assert!(place.exists("a.o"));
}

#[test]
fn other_languages_are_refused() {
    let place = Place::new();
    place.write("a.cpp", "int x;\n");
    let message = failed(place.capec(["-c", "a.cpp"]), 1);
    assert!(
        message.starts_with("capec: error: a.cpp: C++ is not supported"),
        "{message}"
    );
    failed(place.capec(["-x", "c++", "-c", "a.cpp"]), 1);
}

#[test]
fn standard_input_is_a_source() {
    use std::io::Write;
    let place = Place::new();
    let mut command = place.capec(["-x", "c", "-", "-c", "-o", "in.o", "-MMD", "-MF", "in.d"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"int from_stdin;\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(succeeded(place.host("nm", ["in.o"])).contains("from_stdin"));
    assert!(place.exists("in.d"));
    place.assert_clean();
}

#[test]
fn queries_are_answered_as_by_the_host() {
    let place = Place::new();
    for words in [
        &["-dumpversion"][..],
        &["-dumpmachine"],
        &["-print-file-name=libm.a"],
        &["-print-prog-name=ld"],
        &["-print-multiarch", "-O2"],
    ] {
        assert_eq!(
            succeeded(place.capec(words)),
            succeeded(place.host("gcc", words)),
            "{words:?}"
        );
    }
    let host = succeeded(place.host("gcc", ["--version"]));
    let ours = succeeded(place.capec(["--version"]));
    assert!(
        ours.starts_with(&host) && ours.contains("capec 0."),
        "{ours}"
    );
    assert!(succeeded(place.capec(["--help"])).contains("--emit-c"));
    let verbose = output(place.capec(["-v"]));
    assert!(verbose.status.success() && text(&verbose.stderr).contains("gcc version"));
    assert!(failed(place.capec([""; 0]), 1).contains("no input files"));
}

#[test]
fn dash_v_shows_the_steps_and_runs_them() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    let shown = output(place.capec(["-v", "-c", "a.c"]));
    assert!(shown.status.success() && place.exists("a.o"));
    let shown = text(&shown.stderr);
    assert!(
        shown.contains(" -c a.c -o a.o\n") && shown.contains("cc1"),
        "{shown}"
    );
}

#[test]
fn three_hashes_show_the_steps_and_run_none() {
    let place = Place::new();
    place.prefix();
    place.write("a.c", "int main(void) { return 0; }\n");
    let shown = output(place.linking(["-###", "-MMD", "a.c", "-o", "prog"]));
    assert!(shown.status.success());
    let shown = text(&shown.stderr);
    assert!(
        shown.contains("cc1") && shown.contains("collect2") && shown.contains("libcape_runtime.a"),
        "{shown}"
    );
    for file in ["a.o", "prog", "a.d", "prog.d"] {
        assert!(!place.exists(file), "{file}");
    }
    place.assert_clean();
}

#[test]
fn impossible_outputs_are_errors() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    place.write("b.c", "int y;\n");
    let message = failed(place.capec(["-c", "a.c", "-o", "no/such/dir/a.o"]), 1);
    assert!(message.contains("no/such/dir"), "{message}");
    let message = failed(place.capec(["-c", "a.c", "b.c", "-o", "x.o"]), 1);
    assert!(message.contains("cannot specify '-o'"), "{message}");
    let message = failed(place.capec(["-c", "a.c", "-o", "./a.c"]), 1);
    assert!(message.contains("same as the output file"), "{message}");
    assert_eq!(place.read("a.c"), "int x;\n");
    failed(place.capec(["-c", "a.c", "-o"]), 1);
    place.assert_clean();
}

#[test]
fn a_compiler_that_is_not_there_is_named() {
    let place = Place::new();
    place.write("a.c", "int x;\n");
    for (compiler, part) in [
        ("no-such-cc", "'no-such-cc'"),
        ("", "CAPE_CC is empty"),
        (env!("CARGO_BIN_EXE_capec"), "itself"),
    ] {
        let mut command = place.capec(["-c", "a.c"]);
        command.env("CAPE_CC", compiler);
        let message = failed(command, 1);
        assert!(message.contains(part), "{message}");
    }
}
