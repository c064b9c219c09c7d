//! Compiling: the preprocessor's part, dependency files, untouched sources, auxiliary outputs, interruption.

mod driver_support;

use driver_support::{Place, failed, output, succeeded, text};

#[test]
fn openmp_is_defined_unless_switched_off() {
    let place = Place::new();
    place.write(
        "on.c",
        "#if _OPENMP != 201511\n#error off\n#endif\n#include <omp.h>\nomp_lock_t lock;\n",
    );
    place.write("off.c", "#ifdef _OPENMP\n#error on\n#endif\n");
    for flag in ["-O0", "-fopenmp", "-fopenmp=libomp"] {
        succeeded(place.capec([flag, "-c", "on.c"]));
        succeeded(place.capec([flag, "-E", "on.c", "-o", "on.i"]));
    }
    succeeded(place.capec(["-fopenmp", "-fno-openmp", "-c", "off.c"]));
    failed(place.capec(["-fno-openmp", "-fopenmp", "-c", "off.c"]), 1);
}

#[test]
fn both_steps_agree_on_predefined_macros() {
    let place = Place::new();
    let source =
        "#if defined __PIE__ || defined __PIC__ || !defined _REENTRANT\n#error different\n#endif\n";
    place.write("a.c", source);
    succeeded(place.capec(["-c", "a.c"]));
    succeeded(place.capec(["-fPIE", "-c", "a.c"]));
    place.write("b.c", "#pragma omp nonsense\n#include \"a.c\"\n");
    let said = failed(place.capec(["-c", "b.c"]), 1);
    assert!(
        said.contains("nonsense") && !said.contains("different"),
        "{said}"
    );
}

#[test]
fn our_omp_header_is_the_one_found() {
    let place = Place::new();
    place.write("a.c", "#include <omp.h>\n");
    let listed = output(place.capec(["-H", "-c", "a.c"]));
    let listed = text(&listed.stderr);
    assert!(
        listed.contains("runtime/include/omp.h") || listed.contains("include/cape/omp.h"),
        "{listed}"
    );
}

#[test]
fn an_untouched_source_gives_the_hosts_object() {
    let place = Place::new();
    place.write(
        "a.c",
        "#include <assert.h>\nint f(int x) { assert(x); return __LINE__; }\n",
    );
    succeeded(place.capec(["-g", "-O2", "-c", "a.c", "-o", "ours.o"]));
    succeeded(place.host(
        "gcc",
        ["-fno-pie", "-g", "-O2", "-c", "a.c", "-o", "host.o"],
    ));
    let dump = |name: &str| {
        let text = succeeded(place.host(
            "objdump",
            ["-d", "-s", "-j", ".text", "-j", ".rodata", name],
        ));
        text.lines()
            .filter(|line| !line.contains("file format"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(dump("ours.o"), dump("host.o"));
}

#[test]
fn warnings_come_once_and_name_the_users_line() {
    let place = Place::new();
    place.write("a.c", "\n#warning attention\nstatic int unused;\n");
    let said = text(&output(place.capec(["-Wall", "-c", "a.c"])).stderr);
    assert_eq!(
        said.matches("#warning attention [-Wcpp]").count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("a.c:3:12: warning: 'unused' defined"),
        "{said}"
    );
}

#[test]
fn errors_of_the_preprocessor_come_once() {
    let place = Place::new();
    place.write("a.c", "#include \"missing.h\"\n");
    let said = failed(place.capec(["-c", "a.c"]), 1);
    assert_eq!(said.matches("fatal error: missing.h").count(), 1, "{said}");
    let said = failed(place.capec(["-c", "missing.c"]), 1);
    assert_eq!(said.matches("missing.c").count(), 1, "{said}");
    place.assert_clean();
}

/// Runs the same words with gcc and with capec in two directories; the files called `names` must have the same content.
fn same_dependencies(words: &[&str], names: &[&str]) {
    let places = [Place::new(), Place::new()];
    for (number, place) in places.iter().enumerate() {
        place.write(
            "a.c",
            "#include \"inc/h.h\"\n#include <stdio.h>\nint main(void) { return H; }\n",
        );
        place.write("sub/b.c", "#include \"../inc/h.h\"\nint b = H;\n");
        place.write("inc/h.h", "#define H 0\n");
        place.prefix();
        succeeded(if number == 0 {
            place.host("gcc", words)
        } else {
            place.linking(words)
        });
    }
    for name in names {
        assert_eq!(
            places[1].read(name),
            places[0].read(name),
            "{words:?}: {name}"
        );
    }
    let left = |place: &Place| {
        let entries = std::fs::read_dir(place.path(".")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(left(&places[1]), left(&places[0]), "{words:?}");
}

#[test]
fn dependency_files_are_those_of_gcc() {
    same_dependencies(&["-MMD", "-c", "a.c"], &["a.d"]);
    same_dependencies(&["-MMD", "-MP", "-c", "a.c", "-o", "sub/x.o"], &["sub/x.d"]);
    same_dependencies(
        &[
            "-MD", "-MF", "k.d", "-MT", "target", "-MQ", "$x", "-c", "sub/b.c",
        ],
        &["k.d"],
    );
    same_dependencies(&["-MMD", "a.c", "-o", "prog"], &["prog.d"]);
    same_dependencies(&["-MMD", "-S", "sub/b.c"], &["b.d"]);
    same_dependencies(&["-Wp,-MMD,w.d", "-c", "sub/b.c"], &["w.d"]);
    same_dependencies(&["-MM", "-MP", "a.c", "-o", "m.d"], &["m.d"]);
    same_dependencies(&["-M", "-MG", "sub/b.c", "-MF", "m.d"], &["m.d"]);
}

#[test]
fn auxiliary_outputs_are_named_as_by_gcc() {
    for words in [
        &["-fstack-usage", "-c", "a.c"][..],
        &["-fstack-usage", "a.c", "sub/b.c", "-o", "prog"],
        &["--coverage", "-c", "a.c", "-o", "sub/x.o"],
        &["-save-temps", "-c", "a.c"],
    ] {
        same_dependencies(words, &[]);
    }
}

#[test]
fn assembly_and_syntax_checks() {
    let place = Place::new();
    place.write("a.c", "int value = 41;\n");
    succeeded(place.capec(["-S", "a.c"]));
    assert!(place.read("a.s").contains("41"));
    assert!(succeeded(place.capec(["-S", "a.c", "-o", "-"])).contains("41"));
    std::fs::remove_file(place.path("a.s")).unwrap();
    succeeded(place.capec(["-fsyntax-only", "a.c"]));
    assert!(!place.exists("a.s") && !place.exists("a.o"));
    place.write("bad.c", "int int;\n");
    failed(place.capec(["-fsyntax-only", "bad.c"]), 1);
}

#[test]
fn preprocessing_alone_is_the_hosts() {
    let place = Place::new();
    place.write(
        "a.c",
        "#define N 3\n#pragma omp parallel num_threads(N)\nint x = N;\n",
    );
    let printed = succeeded(place.capec(["-E", "a.c"]));
    assert!(
        printed.contains("num_threads(3)") && !printed.contains("cape_parallel"),
        "{printed}"
    );
    let macros = succeeded(place.capec(["-E", "-dM", "a.c"]));
    assert!(macros.contains("#define N 3") && macros.contains("#define _OPENMP 201511"));
}

#[test]
fn precompiled_headers_are_the_hosts() {
    let place = Place::new();
    place.write("h.h", "enum { H = 5 };\n");
    succeeded(place.capec(["-c", "h.h"]));
    assert!(place.exists("h.h.gch"));
    place.write("a.c", "#include \"h.h\"\nint x = H;\n");
    succeeded(place.capec(["-Winvalid-pch", "-c", "a.c"]));
}

#[test]
fn text_that_is_not_utf8_survives() {
    let place = Place::new();
    std::fs::write(
        place.path("a.c"),
        b"/* caf\xe9 */ const char s[] = \"\xe9\xff\";\n",
    )
    .unwrap();
    succeeded(place.capec(["-c", "a.c"]));
    let emitted = output(place.capec(["--emit-c", "a.c"]));
    assert_eq!(emitted.stdout, std::fs::read(place.path("a.c")).unwrap());
}

#[test]
fn emit_c_goes_to_stdout_or_to_a_file() {
    let place = Place::new();
    place.write("a.c", "/* comment */\n#define N 3\nint x = N;\n");
    assert_eq!(
        succeeded(place.capec(["--emit-c", "a.c"])),
        place.read("a.c")
    );
    succeeded(place.capec(["--emit-c", "-O2", "a.c", "-o", "out.c"]));
    assert_eq!(place.read("out.c"), place.read("a.c"));
    place.write("bad.c", "#pragma omp parallel nonsense\nint x;\n");
    failed(place.capec(["--emit-c", "bad.c", "-o", "none.c"]), 1);
    assert!(!place.exists("none.c"));
    assert!(failed(place.capec(["--emit-c", "a.o"]), 1).contains("C sources only"));
    place.assert_clean();
}

#[test]
fn a_rejected_directive_fails_and_leaves_nothing() {
    let place = Place::new();
    place.write("a.c", "void f(void)\n{\n#pragma omp nonsense\n    ;\n}\n");
    let message = failed(place.capec(["-c", "a.c", "-o", "a.o"]), 1);
    assert!(
        message.contains("nonsense") && message.contains("a.c"),
        "{message}"
    );
    assert!(!place.exists("a.o"));
    place.assert_clean();
}

#[test]
fn interrupted_it_leaves_nothing_and_dies_of_the_signal() {
    use nix::sys::signal::{Signal, kill};
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::new();
        place.write("a.c", "int x;\n");
        // A host that tells when it runs and then waits: for a file that nobody writes to, until it is stopped.
        place.write("slow.sh", "echo running >&3\nexec sleep 600\n");
        succeeded(place.host("mkfifo", ["started"]));
        // Under nohup the tests would hand on an ignored SIGHUP.
        let words = [
            "--default-signal=INT,TERM,HUP",
            env!("CARGO_BIN_EXE_capec"),
            "-c",
            "a.c",
        ];
        let mut command = place.host("env", words);
        command.env("CAPE_CC", "sh -c 'exec sh slow.sh 3>started' sh");
        let child = command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(std::fs::File::open(place.path("started")).unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "running\n");
        kill(
            nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
            signal,
        )
        .unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(signal as i32));
        assert!(ended.stderr.is_empty(), "{}", text(&ended.stderr));
        place.assert_clean();
        assert!(!place.exists("a.o"));
    }
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    use nix::sys::signal::{Signal, kill};
    use std::io::{BufRead, BufReader, Write};
    let place = Place::new();
    place.write("a.c", "int x;\n");
    place.write(
        "slow.sh",
        "echo running >&3\nread line <&4\nexec gcc \"$@\"\n",
    );
    succeeded(place.host("mkfifo", ["started", "proceed"]));
    let both_ways = |name: &str| {
        std::fs::File::options()
            .read(true)
            .write(true)
            .open(place.path(name))
            .unwrap()
    };
    let (started, proceed) = (both_ways("started"), both_ways("proceed"));
    let words = [
        "-c",
        "trap '' HUP; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_capec"),
        "-c",
        "a.c",
    ];
    let mut command = place.host("sh", words);
    command.env(
        "CAPE_CC",
        "sh -c 'exec sh slow.sh \"$@\" 3>started 4<>proceed' sh",
    );
    let mut child = command.spawn().unwrap();
    BufReader::new(&started)
        .read_line(&mut String::new())
        .unwrap();
    kill(
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGHUP,
    )
    .unwrap();
    // Once for preprocessing, once for compiling.
    (&proceed).write_all(b"go\ngo\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(place.exists("a.o"));
}
