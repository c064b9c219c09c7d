//! `cape_parallel` (OpenMP 5.2, 10.1).

use std::ffi::{c_int, c_uint, c_void};

use crate::context::{self, Context, current};
use crate::distribution::Part;
use crate::failure::fatal;
use crate::ffi::site::Site;
use crate::icv::{self, TeamRequest};
use crate::region::{Outlined, fork_join};
use crate::tasks::schedule;
use crate::team::{self, Task};
use crate::{binding, session};

/// The version of `cape.h` this runtime implements.
#[unsafe(no_mangle)]
pub static cape_abi_3: u8 = 1;

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
    proc_bind: c_int,
) {
    let outer = current();
    let icvs = icv::current();
    let team = if parallel_if == 0 {
        1
    } else {
        icvs.team_size(TeamRequest {
            num_threads,
            active_levels: outer.active_level,
            busy: (team::wait::busy().saturating_sub(outer.others)).saturating_add(outer.elsewhere),
            slots: icv::process().all_slots(),
        })
    };
    let task = Task {
        outlined: region,
        environment,
        binding: binding::policy(icvs.bind, proc_bind),
    };
    if team == 1 {
        // SAFETY: capec generated the arguments.
        context::as_team_of_one(|| schedule::as_task_alone(|| unsafe { region(environment) }));
    } else if let Some(session) = session::get()
        && outer.is_serial()
        && !team::is_child()
        && session.part_of(team, 0).count < team
    {
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
        unsafe { fork_join(session, &*site, task, team, bound) };
    } else {
        let part = Part {
            first: 0,
            count: team,
        };
        // SAFETY: capec generated the arguments; the leader of the join applies what all threads, which wait for it, promised.
        unsafe { team::run(team, part, 0, task, |team| team.apply_contributions()) };
    }
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
    upper: c_int,
    thread_limit: c_int,
) {
    let process = icv::process();
    let given = |number: c_int| u32::try_from(number).ok().filter(|number| *number > 0);
    let league = given(upper).unwrap_or(process.num_teams().max(1));
    let outer = current();
    let icvs = icv::current();
    let limit = given(thread_limit).unwrap_or(process.teams_thread_limit());
    for league_number in 0..league {
        let context = Context {
            league,
            league_number,
            ..outer
        };
        icv::set(icvs.limited(limit));
        // SAFETY: capec generated the arguments.
        context::enter(context, || unsafe { region(environment) });
    }
    icv::set(icvs);
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_target_begin(thread_limit: c_int) {
    context::begin_target(u32::try_from(thread_limit).unwrap_or(0));
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_target_end() {
    context::end_target();
}
