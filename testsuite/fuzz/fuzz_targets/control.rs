//! Control messages: requests and replies; what decodes encodes to something that decodes to the same.
#![no_main]
#![allow(dead_code)]

#[path = "../../../runtime/src/control.rs"]
mod control;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = postcard::from_bytes::<control::Request>(data) {
        let bytes = postcard::to_stdvec(&request).unwrap();
        let again = postcard::from_bytes::<control::Request>(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&again).unwrap(), bytes);
    }
    if let Ok(reply) = postcard::from_bytes::<control::Reply>(data) {
        let bytes = postcard::to_stdvec(&reply).unwrap();
        let again = postcard::from_bytes::<control::Reply>(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&again).unwrap(), bytes);
    }
});
