//! Compiles the C shims of the `--wrap`ped library functions: Rust cannot define variadic ones.

fn main() {
    for file in ["shims.c", "shims.h", "files.c"] {
        println!("cargo:rerun-if-changed=src/ffi/{file}");
    }
    // _FORTIFY_SOURCE and the like would turn the calls below into other functions than the ones named.
    cc::Build::new()
        .file("src/ffi/shims.c")
        .file("src/ffi/files.c")
        .flag("-U_FORTIFY_SOURCE")
        .flag("-fno-builtin")
        .warnings(true)
        .compile("cape_shims");
}
