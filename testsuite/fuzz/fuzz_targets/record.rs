//! The records of an encrypted link, changed on the way.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| transport::fuzzing::records(data));
