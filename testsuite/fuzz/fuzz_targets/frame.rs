//! Frames: a stream cut in any way, and addresses as peers write them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    transport::fuzzing::frames(data);
    transport::fuzzing::contact(data);
});
