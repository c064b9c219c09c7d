//! `struct cape_site`: a construct in the source.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_uint};
use std::sync::{Mutex, PoisonError};

/// As declared in `cape.h`: generated as `static const`, so it and its strings live as long as the program.
#[repr(C)]
#[derive(Debug)]
pub struct Site {
    construct: *const c_char,
    file: *const c_char,
    line: c_uint,
}

// SAFETY: sites are constants of the program.
unsafe impl Sync for Site {}

static LABELS: Mutex<Option<HashMap<usize, &'static str>>> = Mutex::new(None);

impl Site {
    /// `file:line construct`.
    pub fn label(&self) -> &'static str {
        let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
        labels
            .get_or_insert_default()
            .entry(std::ptr::from_ref(self) as usize)
            .or_insert_with(|| {
                // SAFETY: capec generates string literals.
                let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_string_lossy();
                Box::leak(
                    format!("{}:{} {}", text(self.file), self.line, text(self.construct))
                        .into_boxed_str(),
                )
            })
    }
}
