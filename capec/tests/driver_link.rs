//! Linking: both ways of wrapping functions, with a stand-in for the runtime.

mod driver_support;

use driver_support::{Place, failed, succeeded};

/// Allocates in the program itself, in an archive and, through `fopen`, in libc: only the first two count.
const MAIN: &str = r#"
#include <stdio.h>
#include <stdlib.h>
int from_archive(void);
extern char __cape_data_start[], __cape_data_end[];
int mine = 1;
int main(int argc, char **argv)
{
    char *p = malloc(10);
    FILE *file = fopen("/dev/null", "r");
    printf("%d %d\n", p != 0, from_archive());
    fclose(file);
    free(p);
    printf("%s\n", (char *)&mine >= __cape_data_start && (char *)&mine < __cape_data_end ? "in image" : "outside");
    return argc - 1;
}
"#;

const ARCHIVED: &str = "#include <stdlib.h>\nint from_archive(void) { char *p = malloc(3); int r = p != 0; free(p); return r; }\n";

fn program() -> Place {
    let place = Place::new();
    place.prefix();
    place.write("main.c", MAIN);
    place.write("archived.c", ARCHIVED);
    succeeded(place.linking(["-c", "-O2", "archived.c"]));
    succeeded(place.host("ar", ["rcs", "lib archived.a", "archived.o"]));
    succeeded(place.host("ar", ["rcs", "libarchived.a", "archived.o"]));
    place
}

fn runs(place: &Place, expected: &str) {
    assert_eq!(succeeded(place.host("./prog", [""; 0])), expected);
    place.assert_clean();
}

#[test]
fn dynamic_programs_have_user_code_wrapped() {
    let place = program();
    succeeded(place.linking(["-g", "main.c", "lib archived.a", "-o", "prog"]));
    runs(&place, "1 1\nin image\nallocations 2\n");
}

#[test]
fn main_may_come_from_an_archive() {
    let place = program();
    succeeded(place.linking(["-c", "main.c"]));
    succeeded(place.host("ar", ["rcs", "libmain.a", "main.o", "archived.o"]));
    for how in ["-O1", "-static"] {
        succeeded(place.linking([how, "-L.", "-lmain", "-o", "prog"]));
        runs(&place, "1 1\nin image\nallocations 2\n");
    }
}

#[test]
fn exit_code_and_arguments_reach_main() {
    let place = program();
    succeeded(place.linking(["main.c", "archived.o", "-lm", "-o", "prog"]));
    failed(place.host("./prog", ["x", "y"]), 2);
}

#[test]
fn static_programs_have_only_user_code_wrapped() {
    let place = program();
    succeeded(place.linking(["-static", "main.c", "lib archived.a", "-o", "prog"]));
    runs(&place, "1 1\nin image\nallocations 2\n");
}

#[test]
fn static_programs_find_user_libraries_by_name() {
    let place = program();
    succeeded(place.linking(["-static", "main.c", "-L", ".", "-larchived", "-o", "prog"]));
    runs(&place, "1 1\nin image\nallocations 2\n");
}

#[test]
fn position_independent_objects_are_welcome() {
    let place = program();
    succeeded(place.linking(["-fPIC", "-c", "archived.c"]));
    succeeded(place.linking(["-fPIE", "-pie", "main.c", "archived.o", "-o", "prog"]));
    runs(&place, "1 1\nin image\nallocations 2\n");
    let header = succeeded(place.host("readelf", ["-h", "prog"]));
    assert!(header.contains("EXEC"), "{header}");
}

#[test]
fn link_time_optimisation_works() {
    let place = program();
    succeeded(place.linking(["-flto", "-O2", "-c", "archived.c"]));
    succeeded(place.linking(["-flto", "-O2", "main.c", "archived.o", "-o", "prog"]));
    runs(&place, "1 1\nin image\nallocations 2\n");
}

#[test]
fn link_time_optimisation_is_refused_in_a_static_link() {
    let place = program();
    let message = failed(
        place.linking(["-flto", "-static", "main.c", "archived.o", "-o", "prog"]),
        1,
    );
    assert!(message.contains("drop '-flto' or '-static'"), "{message}");
    assert!(!place.exists("prog"));
    place.assert_clean();
}

#[test]
fn a_function_the_program_defines_itself_is_not_wrapped() {
    let place = program();
    place.write(
        "own.c",
        "int getline(char *s, int n) { s[0] = 'x'; return n; }\n",
    );
    place.write(
        "main.c",
        "int getline(char *, int);\nint puts(const char *);\nint main(void) { char s[9]; return getline(s, 7) - 7; }\n",
    );
    for how in ["-O0", "-static", "-flto"] {
        succeeded(place.linking([how, "main.c", "own.c", "-o", "prog"]));
        runs(&place, "allocations 0\n");
    }
}

#[test]
fn a_variable_named_like_a_wrapped_function_stays_a_variable() {
    let place = Place::new();
    place.prefix();
    place.write("one.c", "int times[3];\nlong wait = 4;\n");
    place.write("main.c", "extern int times[];\nextern long wait;\nint main(void) { times[1] = 2; return (int)wait - 4; }\n");
    for how in ["-fno-common", "-fcommon", "-static"] {
        succeeded(place.linking([how, "main.c", "one.c", "-o", "prog"]));
        runs(&place, "allocations 0\n");
    }
}

#[test]
fn relocatable_outputs_get_no_runtime() {
    let place = program();
    succeeded(place.linking(["-r", "archived.o", "-o", "both.o"]));
    let undefined = succeeded(place.host("nm", ["both.o"]));
    assert!(undefined.contains("U malloc"), "{undefined}");
}

#[test]
fn shared_libraries_leave_the_runtime_to_the_program() {
    let place = program();
    for how in ["-O1", "-flto"] {
        for check in ["-Wl,-z,now", "-Wl,-z,defs"] {
            succeeded(place.linking([
                how,
                "-fPIC",
                "-shared",
                check,
                "archived.c",
                "-o",
                "libx.so",
            ]));
        }
        let dynamic = succeeded(place.host("nm", ["-D", "libx.so"]));
        assert!(
            dynamic.contains("U __wrap_malloc")
                && dynamic.contains("U cape_library_loaded")
                && !dynamic.contains("__cape_"),
            "{dynamic}"
        );
        let sections = succeeded(place.host("readelf", ["-SW", "libx.so"]));
        assert!(
            [".cape_data", ".cape_bss"]
                .iter()
                .all(|name| sections.contains(name)),
            "{sections}"
        );
    }
}

#[test]
fn another_openmp_runtime_is_left_out() {
    let place = program();
    succeeded(place.linking(["-fopenmp", "main.c", "archived.o", "-lgomp", "-o", "prog"]));
    let dynamic = succeeded(place.host("readelf", ["-d", "prog"]));
    assert!(!dynamic.contains("gomp"), "{dynamic}");
}

#[test]
fn without_openmp_the_host_links_alone() {
    let place = program();
    succeeded(place.linking(["-fno-openmp", "-DX", "archived.c", "-c", "-o", "plain.o"]));
    place.write("main.c", "#ifdef _OPENMP\n#error\n#endif\nint from_archive(void);\nint main(void) { return !from_archive(); }\n");
    succeeded(place.linking(["-fno-openmp", "main.c", "plain.o", "-o", "prog"]));
    runs(&place, "");
}

#[test]
fn a_missing_runtime_is_named() {
    let place = program();
    std::fs::remove_file(place.path("prefix/lib/cape/libcape_runtime.a")).unwrap();
    let message = failed(place.linking(["main.c", "archived.o", "-o", "prog"]), 1);
    assert!(
        message.contains("libcape_runtime.a") && message.contains("cargo build --release"),
        "{message}"
    );
    place.assert_clean();
}

#[test]
fn an_undefined_symbol_fails_the_link_and_leaves_nothing() {
    let place = program();
    let message = failed(place.linking(["main.c", "-o", "prog"]), 1);
    assert!(message.contains("from_archive"), "{message}");
    assert!(!place.exists("prog"));
    place.assert_clean();
}

#[test]
fn objects_for_another_openmp_runtime_are_named() {
    let place = program();
    place.write(
        "other.c",
        "void GOMP_barrier(void);\nvoid f(void)\n{\n#pragma omp barrier\n}\n",
    );
    succeeded(place.host("gcc", ["-fopenmp", "-c", "other.c"]));
    let message = failed(place.linking(["main.c", "archived.o", "other.o"]), 1);
    assert!(
        message.contains(
            "other.o was compiled for another OpenMP runtime (it refers to GOMP_barrier)"
        ),
        "{message}"
    );
}

#[test]
fn freestanding_programs_get_no_runtime() {
    let place = program();
    place.write(
        "free.c",
        "int answer = 1;\nvoid _start(void) { for (;;) answer++; }\n",
    );
    succeeded(place.linking(["-nostdlib", "-static", "free.c", "-o", "free"]));
    let symbols = succeeded(place.host("nm", ["free"]));
    assert!(
        symbols.contains("_start") && !symbols.contains("__wrap"),
        "{symbols}"
    );
}

#[test]
fn a_linker_that_cannot_place_sections_is_refused() {
    let place = program();
    let message = failed(place.linking(["-fuse-ld=gold", "main.c", "archived.o"]), 1);
    assert!(message.contains("-fuse-ld=gold"), "{message}");
}

#[test]
fn thousands_of_objects_fit_in_a_command() {
    let place = program();
    let deep = "d".repeat(200);
    std::fs::create_dir(place.path(&deep)).unwrap();
    std::fs::copy(place.path("libarchived.a"), place.path(&deep).join("x.a")).unwrap();
    let mut words = vec!["main.c".to_owned()];
    words.extend(std::iter::repeat_n(
        format!("{}/x.a", place.path(&deep).display()),
        8000,
    ));
    words.extend(["-o".to_owned(), "prog".to_owned()]);
    place.write("words", &words.join(" "));
    let words = ["@words"];
    succeeded(place.linking(words));
    runs(&place, "1 1\nin image\nallocations 2\n");
}
