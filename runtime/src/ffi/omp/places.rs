//! Thread affinity (18.3): the places of the process, and where the calling thread is among them.

use std::ffi::c_int;

use super::int;
use crate::icv::{self, process};

/// `omp_get_proc_bind`: the policy for regions that the calling task starts.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_proc_bind() -> c_int {
    icv::current().bind as c_int
}

/// `omp_get_num_places`: 0 where threads are not bound.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_places() -> c_int {
    c_int::try_from(process().places.len()).unwrap_or(c_int::MAX)
}

fn processors(place: c_int) -> &'static [u32] {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| process().places.get(place))
        .map_or(&[], |place| place.processors())
}

/// `omp_get_place_num_procs`: 0 for a place that does not exist.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_place_num_procs(place: c_int) -> c_int {
    c_int::try_from(processors(place).len()).unwrap_or(c_int::MAX)
}

/// `omp_get_place_proc_ids`.
///
/// # Safety
/// `ids` has room for as many numbers as `omp_get_place_num_procs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_get_place_proc_ids(place: c_int, ids: *mut c_int) {
    for (k, processor) in processors(place).iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { ids.add(k).write(int(*processor)) };
    }
}

/// `omp_get_place_num`: -1 where threads are not bound.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_place_num() -> c_int {
    crate::binding::place().map_or(-1, int)
}

/// `omp_get_partition_num_places`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_partition_num_places() -> c_int {
    int(icv::current().partition.count)
}

/// `omp_get_partition_place_nums`.
///
/// # Safety
/// `numbers` has room for as many as `omp_get_partition_num_places` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omp_get_partition_place_nums(numbers: *mut c_int) {
    let partition = icv::current().partition;
    for k in 0..partition.count {
        // SAFETY: the caller's promise.
        unsafe { numbers.add(k as usize).write(int(partition.first + k)) };
    }
}
