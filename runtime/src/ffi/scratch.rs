//! `cape_scratch`: memory of a thread's own, outside of the image, that nothing publishes.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ffi::c_void;

/// Bytes before the memory, which hold its size; as much as every type of C may be aligned to.
const HEADER: usize = 64;

fn layout(bytes: usize) -> Layout {
    let whole = bytes.checked_add(HEADER);
    let layout = whole.and_then(|whole| Layout::from_size_align(whole, HEADER).ok());
    layout.unwrap_or_else(|| handle_alloc_error(Layout::new::<u8>()))
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_scratch(bytes: usize) -> *mut c_void {
    let layout = layout(bytes);
    // SAFETY: the size is at least that of the header.
    let start = unsafe { alloc(layout) };
    if start.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: the header is the beginning of what was allocated, and aligned for a size.
    unsafe { start.cast::<usize>().write(bytes) };
    // SAFETY: the header is within what was allocated.
    unsafe { start.add(HEADER) }.cast()
}

/// See `cape.h`.
///
/// # Safety
/// `memory` was given by `cape_scratch` and not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_scratch_free(memory: *mut c_void) {
    // SAFETY: the header lies before the memory.
    let start = unsafe { memory.cast::<u8>().sub(HEADER) };
    // SAFETY: cape_scratch wrote the size there.
    let bytes = unsafe { start.cast::<usize>().read() };
    // SAFETY: allocated with the layout of the same size.
    unsafe { dealloc(start, layout(bytes)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_holds_what_is_written() {
        for bytes in [0, 1, 64, 100_000] {
            let memory = cape_scratch(bytes);
            assert_eq!(memory as usize % HEADER, 0);
            // SAFETY: the memory has `bytes` bytes.
            unsafe { memory.cast::<u8>().write_bytes(0xa5, bytes) };
            // SAFETY: given by cape_scratch.
            unsafe { cape_scratch_free(memory) };
        }
    }
}
