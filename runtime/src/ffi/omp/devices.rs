//! Device information (18.7) and device memory (18.8): the host is the only device, number 0, and its memory is the image.

use std::ffi::{c_int, c_void};

use crate::ffi::alloc::{__wrap_free, __wrap_malloc};
use crate::icv;

const HOST: c_int = 0;

/// `omp_set_default_device`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_default_device(device: c_int) {
    icv::change(|icvs| icvs.default_device = device.max(0));
}

/// `omp_get_default_device`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_default_device() -> c_int {
    icv::current().default_device
}

/// `omp_get_num_devices`: devices other than the host.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_devices() -> c_int {
    0
}

/// `omp_get_device_num`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_device_num() -> c_int {
    HOST
}

/// `omp_get_initial_device`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_initial_device() -> c_int {
    HOST
}

/// `omp_is_initial_device`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_is_initial_device() -> c_int {
    1
}

/// `omp_pause_resource`: nothing is held that could be given back; nonzero for a device that does not exist or an unknown kind.
#[unsafe(no_mangle)]
pub extern "C" fn omp_pause_resource(kind: c_int, device: c_int) -> c_int {
    c_int::from(
        !(1..=2).contains(&kind) || device != HOST || super::threads::omp_in_parallel() != 0,
    )
}

/// `omp_pause_resource_all`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_pause_resource_all(kind: c_int) -> c_int {
    omp_pause_resource(kind, HOST)
}

/// `omp_target_alloc`: null for another device than the host.
#[unsafe(no_mangle)]
pub extern "C" fn omp_target_alloc(size: usize, device: c_int) -> *mut c_void {
    if device != HOST {
        return std::ptr::null_mut();
    }
    // SAFETY: any size may be asked for.
    unsafe { __wrap_malloc(size) }
}

/// `omp_target_free`.
///
/// # Safety
/// `block` is null or came from [`omp_target_alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_target_free(block: *mut c_void, device: c_int) {
    if device == HOST {
        // SAFETY: the caller's promise.
        unsafe { __wrap_free(block) };
    }
}

/// `omp_target_is_present`: everything is on the host.
#[unsafe(no_mangle)]
pub extern "C" fn omp_target_is_present(block: *const c_void, device: c_int) -> c_int {
    c_int::from(block.is_null() || device == HOST)
}

/// `omp_target_memcpy`: 0, or `EINVAL` for another device than the host.
///
/// # Safety
/// Both areas have `length` bytes from their offsets on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_target_memcpy(
    to: *mut c_void,
    from: *const c_void,
    length: usize,
    to_offset: usize,
    from_offset: usize,
    to_device: c_int,
    from_device: c_int,
) -> c_int {
    if to_device != HOST || from_device != HOST {
        return libc::EINVAL;
    }
    // SAFETY: the caller's promise.
    unsafe {
        std::ptr::copy(
            from.cast::<u8>().add(from_offset),
            to.cast::<u8>().add(to_offset),
            length,
        );
    }
    0
}

/// `omp_target_memcpy_rect`: 0, or `EINVAL`; without memory, the number of dimensions that are supported.
///
/// # Safety
/// The five arrays have `dimensions` elements; the two areas are as large as theirs say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_target_memcpy_rect(
    to: *mut c_void,
    from: *const c_void,
    element: usize,
    dimensions: c_int,
    volume: *const usize,
    to_offsets: *const usize,
    from_offsets: *const usize,
    to_dimensions: *const usize,
    from_dimensions: *const usize,
    to_device: c_int,
    from_device: c_int,
) -> c_int {
    if to.is_null() && from.is_null() {
        return c_int::MAX;
    }
    let Some(count) = usize::try_from(dimensions).ok().filter(|count| *count > 0) else {
        return libc::EINVAL;
    };
    if to_device != HOST || from_device != HOST {
        return libc::EINVAL;
    }
    // SAFETY: the caller's promise.
    let array = |pointer: *const usize| unsafe { std::slice::from_raw_parts(pointer, count) };
    let cuboid = Cuboid {
        volume: array(volume),
        to_offsets: array(to_offsets),
        from_offsets: array(from_offsets),
        to_dimensions: array(to_dimensions),
        from_dimensions: array(from_dimensions),
    };
    match cuboid.pieces(element) {
        Some(pieces) => {
            for (to_at, from_at, length) in pieces {
                // SAFETY: the caller's promise.
                unsafe {
                    std::ptr::copy(
                        from.cast::<u8>().add(from_at),
                        to.cast::<u8>().add(to_at),
                        length,
                    );
                }
            }
            0
        }
        None => libc::EINVAL,
    }
}

/// A box within two arrays.
struct Cuboid<'a> {
    volume: &'a [usize],
    to_offsets: &'a [usize],
    from_offsets: &'a [usize],
    to_dimensions: &'a [usize],
    from_dimensions: &'a [usize],
}

impl Cuboid<'_> {
    /// Its contiguous pieces: byte offsets in both areas, and bytes. `None`: an offset is not representable.
    fn pieces(&self, element: usize) -> Option<Vec<(usize, usize, usize)>> {
        let mut pieces = vec![(0_usize, 0_usize)];
        let last = self.volume.len() - 1;
        for k in 0..=last {
            let rows = if k == last { 1 } else { self.volume[k] };
            let mut next = Vec::with_capacity(pieces.len().checked_mul(rows)?);
            for (to, from) in &pieces {
                for row in 0..rows {
                    let at = |base: usize, dimension: usize, offset: usize| {
                        base.checked_mul(dimension)?
                            .checked_add(offset)?
                            .checked_add(row)
                    };
                    next.push((
                        at(*to, self.to_dimensions[k], self.to_offsets[k])?,
                        at(*from, self.from_dimensions[k], self.from_offsets[k])?,
                    ));
                }
            }
            pieces = next;
        }
        let length = self.volume[last].checked_mul(element)?;
        pieces
            .into_iter()
            .map(|(to, from)| Some((to.checked_mul(element)?, from.checked_mul(element)?, length)))
            .collect()
    }
}

/// `omp_target_associate_ptr`: the host cannot be associated with itself.
#[unsafe(no_mangle)]
pub extern "C" fn omp_target_associate_ptr(
    _host: *const c_void,
    _device: *const c_void,
    _size: usize,
    _offset: usize,
    _number: c_int,
) -> c_int {
    libc::EINVAL
}

/// `omp_target_disassociate_ptr`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_target_disassociate_ptr(_host: *const c_void, _number: c_int) -> c_int {
    libc::EINVAL
}

/// `omp_get_mapped_ptr`: on the host, the pointer itself.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_mapped_ptr(pointer: *const c_void, device: c_int) -> *mut c_void {
    if device == HOST {
        pointer.cast_mut()
    } else {
        std::ptr::null_mut()
    }
}

/// `omp_target_is_accessible`: the host's memory is accessible to it.
#[unsafe(no_mangle)]
pub extern "C" fn omp_target_is_accessible(
    _pointer: *const c_void,
    _size: usize,
    device: c_int,
) -> c_int {
    c_int::from(device == HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_copied_row_by_row() {
        let from: Vec<u16> = (0..24).collect();
        let mut to = vec![0_u16; 12];
        let (volume, to_offsets, from_offsets) = ([2, 2], [1, 1], [2, 3]);
        let (to_dimensions, from_dimensions) = ([3, 4], [4, 6]);
        // SAFETY: the arrays are as large as said.
        let result = unsafe {
            omp_target_memcpy_rect(
                to.as_mut_ptr().cast(),
                from.as_ptr().cast(),
                2,
                2,
                volume.as_ptr(),
                to_offsets.as_ptr(),
                from_offsets.as_ptr(),
                to_dimensions.as_ptr(),
                from_dimensions.as_ptr(),
                0,
                0,
            )
        };
        assert_eq!(result, 0);
        assert_eq!(to, [0, 0, 0, 0, 0, 15, 16, 0, 0, 21, 22, 0]);
    }
}
