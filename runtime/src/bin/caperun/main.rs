//! The `caperun` binary: see the library's documentation.
fn main() {}
