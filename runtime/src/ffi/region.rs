//! `cape_parallel` (OpenMP 5.2, 10.1).

use std::ffi::{c_int, c_uint, c_void};

use crate::context::{self, current};
use crate::failure::fatal;
use crate::ffi::site::Site;
use crate::icv::ICVS;
use crate::region::{Outlined, fork_join};
use crate::session;

/// The version of `cape.h` this runtime implements.
#[unsafe(no_mangle)]
pub static cape_abi_2: u8 = 1;

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_parallel(
    site: *const Site,
    region: Outlined,
    environment: *mut *mut c_void,
    _captures: c_uint,
    num_threads: c_int,
    parallel_if: c_int,
    _proc_bind: c_int,
) {
    let team = if parallel_if == 0 || current().level > 0 {
        1
    } else {
        ICVS.team_size(num_threads)
    };
    let settings = ICVS.settings();
    match session::get() {
        Some(session) if team > 1 => {
            // The frames of the caller and its callers lie above this local.
            let marker = 0_u64;
            let bound = std::ptr::from_ref(std::hint::black_box(&marker)) as usize;
            if !session.layout.stack(0).contains(bound) {
                // SAFETY: sites are constants.
                let label = unsafe { &*site }.label();
                fatal(format_args!(
                    "{label}: started by a thread of the program's own, or before main: other ranks cannot see its stack: \
                     start regions from main's thread, or give it num_threads(1)"
                ));
            }
            // SAFETY: capec generated the arguments; sites are constants.
            unsafe { fork_join(session, &*site, region, environment, team, bound) };
        }
        // SAFETY: capec generated the arguments.
        _ => context::as_team_of_one(|| unsafe { region(environment) }),
    }
    ICVS.restore(&settings);
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_teams(
    _site: *const Site,
    region: Outlined,
    environment: *mut *mut c_void,
    _lower: c_int,
    _upper: c_int,
    _thread_limit: c_int,
) {
    // SAFETY: capec generated the arguments.
    unsafe { region(environment) };
}
