//! Memory allocators (OpenMP 5.2, 6 and 18.13): all memory spaces are the image's heap.
//!
//! ```text
//! block from malloc:  [ … padding … | Header | aligned memory of the user ]
//! ```
//!
//! An allocator that the program makes is itself a block of the image, so that every rank can use its handle. What its pool has given out
//! is counted under a lock where several ranks may do so.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use crate::failure::fatal;
use crate::ffi::alloc::{__wrap_free, __wrap_malloc};
use crate::ffi::sync::with_lock;
use crate::icv;

/// The largest handle of a predefined allocator.
const PREDEFINED: u64 = 8;
const DEFAULT_ALLOCATOR: u64 = 1;
const LEAST_ALIGNMENT: usize = size_of::<usize>();
const NO_LIMIT: usize = usize::MAX;
const DEFAULT_VALUE: usize = usize::MAX;

/// `omp_alloctrait_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Trait {
    key: c_int,
    value: usize,
}

/// What becomes of a request that cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Fallback {
    /// The default allocator is asked.
    Default = 11,
    Null = 12,
    Abort = 13,
    /// Another allocator is asked.
    Other = 14,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Traits {
    alignment: usize,
    pool: usize,
    used: usize,
    fallback: Fallback,
    other: u64,
}

impl Traits {
    const DEFAULT: Traits = Traits {
        alignment: 1,
        pool: NO_LIMIT,
        used: 0,
        fallback: Fallback::Default,
        other: 0,
    };

    /// `None`: a trait that does not exist, has no such value, or is not supported.
    fn parse(memory_space: u64, list: &[Trait]) -> Option<Traits> {
        // Nothing here is faster than the rest, nor ever swapped in: as in gcc's runtime, such an allocator is not made.
        const HIGH_BANDWIDTH: u64 = 3;
        let mut traits = Traits::DEFAULT;
        let mut pinned = false;
        for item in list {
            let value = item.value;
            let default = value == DEFAULT_VALUE;
            match item.key {
                // sync_hint: contended, uncontended, serialized, private.
                1 if default || (3..=6).contains(&value) => {}
                2 if default => traits.alignment = 1,
                2 if value.is_power_of_two() => traits.alignment = value,
                // access: all, thread, pteam, cgroup.
                3 if default || (7..=10).contains(&value) => {}
                4 if default => traits.pool = NO_LIMIT,
                4 if value > 0 => traits.pool = value,
                5 => {
                    traits.fallback = match value {
                        11 => Fallback::Default,
                        12 => Fallback::Null,
                        13 => Fallback::Abort,
                        14 => Fallback::Other,
                        _ if default => Fallback::Default,
                        _ => return None,
                    }
                }
                6 => traits.other = value as u64,
                7 if default || value <= 1 => pinned = value == 1,
                // partition: environment, nearest, blocked, interleaved.
                8 if default || (15..=18).contains(&value) => {}
                _ => return None,
            }
        }
        (!pinned && memory_space != HIGH_BANDWIDTH && memory_space <= 4).then_some(traits)
    }
}

/// What precedes each block.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Header {
    block: *mut c_void,
    /// Bytes of the block.
    taken: usize,
    /// Bytes that the user asked for.
    size: usize,
    allocator: u64,
}

/// `omp_init_allocator`: the null allocator (0) if a trait cannot be met.
///
/// # Safety
/// `traits` points to `count` traits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_init_allocator(
    memory_space: u64,
    count: c_int,
    traits: *const Trait,
) -> u64 {
    let list = match usize::try_from(count) {
        Ok(count) if count > 0 && !traits.is_null() => {
            // SAFETY: the caller's promise.
            unsafe { std::slice::from_raw_parts(traits, count) }
        }
        _ => &[],
    };
    let Some(traits) = Traits::parse(memory_space, list) else {
        return 0;
    };
    // SAFETY: any size may be asked for.
    let place = unsafe { __wrap_malloc(size_of::<Traits>()) }.cast::<Traits>();
    if !place.is_null() {
        // SAFETY: the block is new, and malloc aligns for any type.
        unsafe { place.write(traits) };
    }
    place as u64
}

/// `omp_destroy_allocator`.
///
/// # Safety
/// `allocator` came from [`omp_init_allocator`] and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_destroy_allocator(allocator: u64) {
    if allocator > PREDEFINED {
        // SAFETY: the caller's promise.
        unsafe { __wrap_free(allocator as *mut c_void) };
    }
}

/// `omp_set_default_allocator`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_default_allocator(allocator: u64) {
    let allocator = if allocator == 0 {
        DEFAULT_ALLOCATOR
    } else {
        allocator
    };
    icv::change(|icvs| icvs.allocator = allocator);
}

/// `omp_get_default_allocator`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_default_allocator() -> u64 {
    icv::current().allocator
}

unsafe fn traits_of(allocator: u64) -> Traits {
    if allocator <= PREDEFINED {
        return Traits::DEFAULT;
    }
    // SAFETY: the handle of an allocator of the program's is its address.
    unsafe { *(allocator as *const Traits) }
}

/// Changes what the allocator's pool has given out, if `accept` the present number.
unsafe fn account(allocator: u64, change: impl FnOnce(usize) -> Option<usize>) -> bool {
    let used = (allocator + std::mem::offset_of!(Traits, used) as u64) as *mut usize;
    let changed = with_lock(used as u64, || {
        // SAFETY: the allocator is the program's, alive, and locked where there are others.
        let changed = change(unsafe { *used });
        if let Some(now) = changed {
            // SAFETY: as above.
            unsafe { *used = now };
        }
        changed
    });
    changed.is_some()
}

/// Memory of the allocator's own; null if it has none.
unsafe fn take(allocator: u64, traits: &Traits, alignment: usize, size: usize) -> *mut c_void {
    let padding = alignment.max(align_of::<Header>());
    let Some(taken) = size.checked_add(size_of::<Header>() + padding) else {
        return null_mut();
    };
    let limited = traits.pool != NO_LIMIT;
    let within = |used: usize| used.checked_add(taken).filter(|sum| *sum <= traits.pool);
    // SAFETY: only an allocator of the program's has a limit.
    if limited && !unsafe { account(allocator, within) } {
        return null_mut();
    }
    // SAFETY: any size may be asked for.
    let block = unsafe { __wrap_malloc(taken) };
    if block.is_null() {
        if limited {
            // SAFETY: as above.
            unsafe { account(allocator, |used| Some(used.saturating_sub(taken))) };
        }
        return block;
    }
    let user = (block as usize + size_of::<Header>()).next_multiple_of(padding) as *mut c_void;
    let header = Header {
        block,
        taken,
        size,
        allocator,
    };
    // SAFETY: there is room for a header below the user's part, which is aligned for it.
    unsafe { user.cast::<Header>().sub(1).write(header) };
    user
}

unsafe fn allocate(mut alignment: usize, size: usize, allocator: u64) -> *mut c_void {
    if size == 0 {
        return null_mut();
    }
    let mut allocator = match allocator {
        0 => icv::current().allocator,
        other => other,
    };
    // A chain of fallbacks that leads in a circle ends like one that ends.
    for _ in 0..64 {
        // SAFETY: the caller's promise: the handle is valid.
        let traits = unsafe { traits_of(allocator) };
        alignment = alignment.max(traits.alignment).max(LEAST_ALIGNMENT);
        // SAFETY: as above.
        let memory = unsafe { take(allocator, &traits, alignment, size) };
        if !memory.is_null() {
            return memory;
        }
        match traits.fallback {
            Fallback::Default if allocator > PREDEFINED => allocator = DEFAULT_ALLOCATOR,
            Fallback::Other if traits.other != 0 => allocator = traits.other,
            Fallback::Abort => fatal(format_args!(
                "out of memory allocating {size} bytes: the allocator's fallback is omp_atv_abort_fb; give it a larger pool, or caperun a larger --heap-size"
            )),
            Fallback::Default | Fallback::Null | Fallback::Other => return null_mut(),
        }
    }
    null_mut()
}

/// `omp_alloc`.
///
/// # Safety
/// `allocator` is a valid handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_alloc(size: usize, allocator: u64) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { allocate(1, size, allocator) }
}

/// `omp_aligned_alloc`.
///
/// # Safety
/// As for [`omp_alloc`]; `alignment` is a power of two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_aligned_alloc(
    alignment: usize,
    size: usize,
    allocator: u64,
) -> *mut c_void {
    if !alignment.is_power_of_two() {
        return null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { allocate(alignment, size, allocator) }
}

/// `omp_calloc`.
///
/// # Safety
/// As for [`omp_alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_calloc(count: usize, size: usize, allocator: u64) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { omp_aligned_calloc(1, count, size, allocator) }
}

/// `omp_aligned_calloc`.
///
/// # Safety
/// As for [`omp_aligned_alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_aligned_calloc(
    alignment: usize,
    count: usize,
    size: usize,
    allocator: u64,
) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else {
        return null_mut();
    };
    // SAFETY: the caller's promise.
    let memory = unsafe { omp_aligned_alloc(alignment, bytes, allocator) };
    if !memory.is_null() {
        // SAFETY: it has that size.
        unsafe { memory.write_bytes(0, bytes) };
    }
    memory
}

/// `omp_realloc`.
///
/// # Safety
/// `memory` is null or came from these functions; the handles are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_realloc(
    memory: *mut c_void,
    size: usize,
    allocator: u64,
    free_allocator: u64,
) -> *mut c_void {
    if memory.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { omp_alloc(size, allocator) };
    }
    if size == 0 {
        // SAFETY: the caller's promise.
        unsafe { omp_free(memory, free_allocator) };
        return null_mut();
    }
    // SAFETY: the caller's promise: a header precedes it.
    let old = unsafe { memory.cast::<Header>().sub(1).read() };
    let allocator = if allocator == 0 {
        old.allocator
    } else {
        allocator
    };
    // The old block's room in the pool is the new one's, as where a block grows in its place.
    // SAFETY: memory is reallocated before its allocator is destroyed.
    unsafe { give_back(&old) };
    // SAFETY: the caller's promise.
    let new = unsafe { omp_alloc(size, allocator) };
    if new.is_null() {
        // SAFETY: as above.
        unsafe { take_again(&old) };
        return new;
    }
    // SAFETY: both have that many bytes, and one is new.
    unsafe { new.copy_from_nonoverlapping(memory, old.size.min(size)) };
    // SAFETY: the block came from __wrap_malloc.
    unsafe { __wrap_free(old.block) };
    new
}

unsafe fn is_limited(header: &Header) -> bool {
    // SAFETY: the caller's promise: the allocator exists.
    header.allocator > PREDEFINED && unsafe { traits_of(header.allocator) }.pool != NO_LIMIT
}

/// Its pool may give the room of this block to others.
unsafe fn give_back(header: &Header) {
    // SAFETY: the caller's promise: the allocator exists.
    if unsafe { is_limited(header) } {
        // SAFETY: as above.
        unsafe {
            account(header.allocator, |used| {
                Some(used.saturating_sub(header.taken))
            })
        };
    }
}

/// Takes [`give_back`] back; another thread may have used the room, which the pool then has lent twice until one of them is freed.
unsafe fn take_again(header: &Header) {
    // SAFETY: the caller's promise: the allocator exists.
    if unsafe { is_limited(header) } {
        // SAFETY: as above.
        unsafe {
            account(header.allocator, |used| {
                Some(used.saturating_add(header.taken))
            })
        };
    }
}

/// `omp_free`; the allocator is known from the memory.
///
/// # Safety
/// `memory` is null or came from these functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_free(memory: *mut c_void, _allocator: u64) {
    if memory.is_null() {
        return;
    }
    // SAFETY: the caller's promise: a header precedes it.
    let header = unsafe { memory.cast::<Header>().sub(1).read() };
    // SAFETY: memory is freed before its allocator is destroyed.
    unsafe { give_back(&header) };
    // SAFETY: the block came from __wrap_malloc.
    unsafe { __wrap_free(header.block) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(list: &[(c_int, usize)]) -> u64 {
        let list: Vec<Trait> = list
            .iter()
            .map(|(key, value)| Trait {
                key: *key,
                value: *value,
            })
            .collect();
        let count = c_int::try_from(list.len()).expect("few");
        // SAFETY: the list has that length.
        unsafe { omp_init_allocator(0, count, list.as_ptr()) }
    }

    #[test]
    fn pools_end_and_are_refilled() {
        let pool = with(&[(4, 4096), (5, 12)]);
        // SAFETY: valid handles and blocks throughout.
        unsafe {
            let first = omp_alloc(3000, pool);
            assert!(!first.is_null());
            assert!(omp_alloc(3000, pool).is_null());
            omp_free(first, pool);
            let again = omp_alloc(3000, pool);
            assert!(!again.is_null());
            omp_free(again, 0);
            omp_destroy_allocator(pool);
        }
    }

    #[test]
    fn fallbacks_are_followed() {
        let second = with(&[(2, 256)]);
        let first = with(&[
            (4, 100),
            (5, 14),
            (6, usize::try_from(second).expect("an address")),
        ]);
        let default = with(&[(4, 100)]);
        // SAFETY: valid handles and blocks throughout.
        unsafe {
            let memory = omp_alloc(1000, first);
            assert_eq!(memory as usize % 256, 0);
            omp_free(memory, 0);
            let memory = omp_alloc(1000, default);
            assert!(!memory.is_null());
            omp_free(memory, default);
            for allocator in [first, second, default] {
                omp_destroy_allocator(allocator);
            }
        }
    }

    #[test]
    fn memory_is_aligned_zeroed_and_moved() {
        // SAFETY: valid handles and blocks throughout.
        unsafe {
            let memory = omp_aligned_calloc(4096, 10, 10, 1).cast::<u8>();
            assert_eq!(memory as usize % 4096, 0);
            assert!((0..100).all(|k| *memory.add(k) == 0));
            memory.write(7);
            let larger = omp_realloc(memory.cast(), 9000, 0, 0).cast::<u8>();
            assert_eq!(larger.read(), 7);
            assert!(omp_realloc(larger.cast(), 0, 0, 0).is_null());
            assert!(omp_calloc(usize::MAX, 2, 0).is_null());
            assert!(omp_alloc(usize::MAX, 0).is_null());
            assert!(omp_alloc(0, 0).is_null());
            assert!(omp_aligned_alloc(3, 8, 0).is_null());
        }
    }

    #[test]
    fn traits_that_mean_nothing_are_refused() {
        for wrong in [
            (2, 3),
            (1, 2),
            (3, 1),
            (4, 0),
            (5, 1),
            (7, 2),
            (8, 1),
            (9, 0),
            (7, 1),
        ] {
            assert_eq!(with(&[wrong]), 0, "{wrong:?}");
        }
    }
}
