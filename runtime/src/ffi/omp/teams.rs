//! Teams (18.4): the host executes a league as the specification allows, one team at a time.

use std::ffi::c_int;

use super::int;
use crate::context::current;
use crate::icv::process;

/// `omp_get_num_teams`: outside of a `teams` construct there is one.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_num_teams() -> c_int {
    int(current().league)
}

/// `omp_get_team_num`.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_team_num() -> c_int {
    int(current().league_number)
}

/// `omp_set_num_teams`; 0 or less: the implementation's choice.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_num_teams(teams: c_int) {
    if let Ok(teams) = u32::try_from(teams) {
        process().set_num_teams(teams);
    }
}

/// `omp_get_max_teams`: 0 where nobody set it, as in gcc's runtime.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_max_teams() -> c_int {
    int(process().num_teams())
}

/// `omp_set_teams_thread_limit`; 0 or less: none.
#[unsafe(no_mangle)]
pub extern "C" fn omp_set_teams_thread_limit(threads: c_int) {
    if let Ok(threads) = u32::try_from(threads) {
        process().set_teams_thread_limit(threads);
    }
}

/// `omp_get_teams_thread_limit`: 0 where nobody set it, as in gcc's runtime.
#[unsafe(no_mangle)]
pub extern "C" fn omp_get_teams_thread_limit() -> c_int {
    int(process().teams_thread_limit())
}
