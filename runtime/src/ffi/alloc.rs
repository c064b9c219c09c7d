//! The allocation family, as the linker's `--wrap` names it: blocks of the user's objects come from the shared heap.
//!
//! In a job of one rank everything goes to libc. A pointer that is not the heap's (libc allocated it: `strdup` of a shared library, say)
//! is libc's to free, whoever asks.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};

use crate::failure::fatal;
use crate::heap::{Heap, InvalidPointer};
use crate::session;

// `__real_x` is libc's x in a program linked with `--wrap=x`; see shims.c for `caperun`, which is not.
unsafe extern "C" {
    fn __real_malloc(size: usize) -> *mut c_void;
    fn __real_calloc(count: usize, size: usize) -> *mut c_void;
    fn __real_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __real_free(block: *mut c_void);
    fn __real_posix_memalign(result: *mut *mut c_void, align: usize, size: usize) -> c_int;
    fn __real_malloc_usable_size(block: *mut c_void) -> usize;
}

/// The runtime's own memory is libc's: private to the process, never in the image.
struct Private;

#[global_allocator]
static PRIVATE: Private = Private;

// SAFETY: libc's allocator, which gives 16-byte alignment, and posix_memalign for more.
unsafe impl GlobalAlloc for Private {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= 16 {
            // SAFETY: any size may be asked for.
            return unsafe { __real_malloc(layout.size()) }.cast();
        }
        let mut block = null_mut();
        // SAFETY: the alignment is a power of two above sizeof(void *).
        match unsafe { __real_posix_memalign(&mut block, layout.align(), layout.size()) } {
            0 => block.cast(),
            _ => null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= 16 {
            // SAFETY: any size may be asked for.
            return unsafe { __real_calloc(1, layout.size()) }.cast();
        }
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: the block has that size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the block came from `alloc`.
        unsafe { __real_free(block.cast()) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= 16 {
            // SAFETY: the block came from `alloc`.
            return unsafe { __real_realloc(block.cast(), size) }.cast();
        }
        // SAFETY: the caller's promise; the new size with the old alignment is a valid layout by contract.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

fn heap() -> Option<&'static Heap> {
    session::get().map(|session| &session.heap)
}

thread_local! {
    /// What this thread allocates is the runtime's, whoever calls.
    static INTERNAL: Cell<bool> = const { Cell::new(false) };
}

/// The heap for what the user's code allocates. Rust's library allocates handles of threads by `malloc`, as the linker has it ours: such must not
/// be in the image, where each rank's would travel to all others.
fn heap_of_caller() -> Option<&'static Heap> {
    heap().filter(|_| !INTERNAL.get())
}

/// Starts a thread of the runtime's own, whose memory and whose handle are private to the process.
///
/// # Errors
/// The system's.
pub fn start_internal_thread(
    name: &str,
    life: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::Thread> {
    let before = INTERNAL.replace(true);
    let started = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            INTERNAL.set(true);
            life();
        });
    INTERNAL.set(before);
    started.map(|handle| handle.thread().clone())
}

fn set_errno(error: c_int) {
    // SAFETY: the calling thread's errno.
    unsafe { *libc::__errno_location() = error };
}

fn out_of_memory() -> *mut c_void {
    set_errno(libc::ENOMEM);
    null_mut()
}

fn to_c(block: Option<NonNull<u8>>) -> *mut c_void {
    block.map_or_else(out_of_memory, |block| block.as_ptr().cast())
}

fn shared_block(block: *mut c_void) -> Option<(&'static Heap, NonNull<u8>)> {
    let heap = heap()?;
    heap.contains(block as usize)
        .then(|| NonNull::new(block.cast()).map(|block| (heap, block)))
        .flatten()
}

fn invalid(function: &str, block: *mut c_void, _: InvalidPointer) -> ! {
    fatal(format_args!(
        "{function}({block:p}): not a block that malloc returned, or freed twice: check the program with gcc -fsanitize=address"
    ))
}

/// `malloc`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_malloc(size: usize) -> *mut c_void {
    match heap_of_caller() {
        Some(heap) => to_c(heap.allocate(size, 16)),
        // SAFETY: libc's contract.
        None => unsafe { __real_malloc(size) },
    }
}

/// `calloc`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_calloc(count: usize, size: usize) -> *mut c_void {
    match heap_of_caller() {
        Some(heap) => to_c(
            count
                .checked_mul(size)
                .and_then(|bytes| heap.allocate_zeroed(bytes, 16)),
        ),
        // SAFETY: libc's contract.
        None => unsafe { __real_calloc(count, size) },
    }
}

/// `realloc`.
///
/// # Safety
/// C's: `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        // SAFETY: as malloc.
        return unsafe { __wrap_malloc(size) };
    }
    match shared_block(block) {
        Some((heap, block)) if size == 0 => {
            heap.free(block)
                .unwrap_or_else(|error| invalid("realloc", block.as_ptr().cast(), error));
            null_mut()
        }
        Some((heap, block)) => to_c(
            heap.reallocate(block, size)
                .unwrap_or_else(|error| invalid("realloc", block.as_ptr().cast(), error)),
        ),
        // SAFETY: libc's block.
        None => unsafe { __real_realloc(block, size) },
    }
}

/// `reallocarray`.
///
/// # Safety
/// C's: `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_reallocarray(
    block: *mut c_void,
    count: usize,
    size: usize,
) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: as realloc.
        Some(bytes) => unsafe { __wrap_realloc(block, bytes) },
        None => out_of_memory(),
    }
}

/// `free`.
///
/// # Safety
/// C's: `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_free(block: *mut c_void) {
    match shared_block(block) {
        Some((heap, shared)) => heap
            .free(shared)
            .unwrap_or_else(|error| invalid("free", block, error)),
        // SAFETY: libc's block, or null.
        None => unsafe { __real_free(block) },
    }
}

/// `cfree`-less: `aligned_alloc`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return null_mut();
    }
    match heap_of_caller() {
        Some(heap) => to_c(heap.allocate(size, align)),
        None => {
            let mut block = null_mut();
            // SAFETY: the result has a place.
            match unsafe { __real_posix_memalign(&mut block, align.max(8), size) } {
                0 => block,
                error => {
                    set_errno(error);
                    null_mut()
                }
            }
        }
    }
}

/// `memalign`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memalign(align: usize, size: usize) -> *mut c_void {
    // SAFETY: none needed.
    unsafe { __wrap_aligned_alloc(align.next_power_of_two(), size) }
}

/// `valloc`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_valloc(size: usize) -> *mut c_void {
    // SAFETY: none needed.
    unsafe { __wrap_aligned_alloc(4096, size) }
}

/// `pvalloc`.
///
/// # Safety
/// None beyond C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_pvalloc(size: usize) -> *mut c_void {
    match size.checked_next_multiple_of(4096) {
        // SAFETY: none needed.
        Some(size) => unsafe { __wrap_aligned_alloc(4096, size) },
        None => out_of_memory(),
    }
}

/// `posix_memalign`.
///
/// # Safety
/// C's: `result` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_posix_memalign(
    result: *mut *mut c_void,
    align: usize,
    size: usize,
) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    match heap_of_caller() {
        Some(heap) => match heap.allocate(size, align) {
            Some(block) => {
                // SAFETY: the caller's promise.
                unsafe { result.write(block.as_ptr().cast()) };
                0
            }
            None => libc::ENOMEM,
        },
        // SAFETY: libc's contract.
        None => unsafe { __real_posix_memalign(result, align, size) },
    }
}

/// `malloc_usable_size`.
///
/// # Safety
/// C's: `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_malloc_usable_size(block: *mut c_void) -> usize {
    match shared_block(block) {
        Some((heap, shared)) => heap
            .capacity(shared)
            .unwrap_or_else(|error| invalid("malloc_usable_size", block, error)),
        // SAFETY: libc's block, or null.
        None => unsafe { __real_malloc_usable_size(block) },
    }
}

/// A copy of `bytes` and a terminating NUL in the shared heap.
pub(super) fn copy_string(bytes: &[u8]) -> *mut c_char {
    // SAFETY: none needed.
    let block = unsafe { __wrap_malloc(bytes.len() + 1) }.cast::<u8>();
    if !block.is_null() {
        // SAFETY: the block has room for the bytes and the NUL.
        unsafe {
            block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            block.add(bytes.len()).write(0);
        }
    }
    block.cast()
}

/// `strdup`.
///
/// # Safety
/// C's: `text` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strdup(text: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise.
    copy_string(unsafe { std::ffi::CStr::from_ptr(text) }.to_bytes())
}

/// `strndup`.
///
/// # Safety
/// C's: `text` has `length` bytes or a NUL before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strndup(text: *const c_char, length: usize) -> *mut c_char {
    // SAFETY: the caller's promise.
    let length = unsafe { libc::strnlen(text, length) };
    // SAFETY: that many bytes are there.
    copy_string(unsafe { std::slice::from_raw_parts(text.cast(), length) })
}

/// Moves a block that libc allocated for its caller (asprintf, getline, realpath) into the shared heap.
///
/// # Safety
/// `block` is null or a block of libc's malloc with `length` bytes; it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_adopt(block: *mut c_char, length: usize) -> *mut c_char {
    if block.is_null() || heap().is_none() {
        return block;
    }
    // SAFETY: the caller's promise.
    let copy = copy_string(unsafe { std::slice::from_raw_parts(block.cast(), length) });
    // SAFETY: the caller's promise.
    unsafe { __real_free(block.cast()) };
    copy
}
