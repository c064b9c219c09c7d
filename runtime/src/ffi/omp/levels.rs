//! Nesting (18.2.15 to 18.2.21).

use std::ffi::c_int;

use super::int;
use crate::context::{Context, current};
use crate::icv::{self, SUPPORTED_ACTIVE_LEVELS};

/// `omp_set_nested` (deprecated in 5.0).
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_nested(nested: c_int) {
    icv::change(|icvs| match (nested != 0, icvs.max_active_levels) {
        (true, ..=1) => icvs.max_active_levels = SUPPORTED_ACTIVE_LEVELS,
        (false, 2..) => icvs.max_active_levels = 1,
        _ => {}
    });
}

/// `omp_get_nested` (deprecated in 5.0).
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_nested() -> c_int {
    let icvs = icv::current();
    c_int::from(icvs.max_active_levels > 1 && icvs.max_active_levels > current().active_level)
}

/// `omp_get_supported_active_levels`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_supported_active_levels() -> c_int {
    int(SUPPORTED_ACTIVE_LEVELS)
}

/// `omp_set_max_active_levels`; a negative number is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_max_active_levels(levels: c_int) {
    if let Ok(levels) = u32::try_from(levels) {
        icv::change(|icvs| icvs.max_active_levels = levels.min(SUPPORTED_ACTIVE_LEVELS));
    }
}

/// `omp_get_max_active_levels`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_active_levels() -> c_int {
    int(icv::current().max_active_levels)
}

/// `omp_get_level`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_level() -> c_int {
    int(current().level)
}

fn ancestor(level: c_int) -> Option<Context> {
    current().at_level(u32::try_from(level).ok()?)
}

/// `omp_get_ancestor_thread_num`: -1 for a level that does not exist.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_ancestor_thread_num(level: c_int) -> c_int {
    ancestor(level).map_or(-1, |context| int(context.number))
}

/// `omp_get_team_size`: -1 for a level that does not exist.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_team_size(level: c_int) -> c_int {
    ancestor(level).map_or(-1, |context| int(context.team))
}

/// `omp_get_active_level`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_active_level() -> c_int {
    int(current().active_level)
}
