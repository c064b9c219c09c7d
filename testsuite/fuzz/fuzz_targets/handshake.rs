//! The handshake: what a stranger says, and what somebody in between changes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| transport::fuzzing::handshake(data));
