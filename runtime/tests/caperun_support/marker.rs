//! Makes the test executable pass for a program that `capec` built, and play a rank when `caperun` starts it.

#![allow(unsafe_code)]

/// The section that `caperun` looks for.
#[used]
#[unsafe(link_section = ".cape_data")]
static GLOBALS: [u8; 16] = *b"a user's globals";

/// Runs before `main`, and so before the test harness reads its arguments.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    // Referring to it keeps the linker from dropping the section.
    std::hint::black_box(&GLOBALS);
    if let (Ok(scenario), true) = (
        std::env::var("CAPERUN_TEST"),
        std::env::var_os("CAPE_RANK").is_some(),
    ) {
        super::fake::play(&scenario);
    }
}
