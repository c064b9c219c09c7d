//! Fork, barrier and join: the meetings of a team.
//!
//! All three have one shape. Every rank publishes; what is small travels with its arrival message to the driver and from there, in one
//! bundle, to all; what is large each rank streams to all others itself, so that the driver relays no bulk data.
//!
//! ```text
//!            fork                         barrier                          join
//! driver     publish ─ Fork ─► all        publish; arrivals ─ Release ─►   arrivals; catch up
//! worker     catch up; run                publish ─ Arrival ─►; catch up   publish ─ Arrival ─►
//! ```
//!
//! The driver does not publish at a join: what thread 0 wrote travels with what the driver writes afterwards, at the next fork. What
//! the workers published at a join reaches the other workers with the next fork's order.
#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::context::{self, Context};
use crate::control::{Entry, LogPosition, Request};
use crate::entry::Part;
use crate::exchange::{Advance, Arrival, Fork, Meeting, Order};
use crate::failure::{exit_now, fatal};
use crate::ffi::site::Site;
use crate::icv::ICVS;
use crate::memory::Occasion;
use crate::session::{Session, State};

/// An outlined region.
pub type Outlined = unsafe extern "C" fn(environment: *mut *mut c_void);

/// Starts a region on the driver and returns when it is complete. `stack_bound`: the caller's frames lie above it.
///
/// # Safety
/// `outlined` and `environment` are what capec generated for `site`.
pub unsafe fn fork_join(
    session: &Session,
    site: &'static Site,
    outlined: Outlined,
    environment: *mut *mut c_void,
    team: u32,
    stack_bound: usize,
) {
    session.wait_for_all_ranks();
    let epoch = fork(session, site, outlined, environment, team, stack_bound);
    session.note(site.label());
    let clock = session.state().watch.started_computing();
    // SAFETY: the caller's promise.
    unsafe { run(outlined, environment, team, 0, epoch) };
    let mut state = session.state();
    state.watch.ended_computing(clock);
    join_as_driver(session, &mut state, site, team);
    state
        .watch
        .attribute(site.label(), session.exchange.node().counters());
    session.note("");
}

/// Runs this rank's thread of the team.
///
/// # Safety
/// As for [`fork_join`].
unsafe fn run(
    outlined: Outlined,
    environment: *mut *mut c_void,
    team: u32,
    number: u32,
    region: u64,
) {
    context::set(Context {
        level: 1,
        active_level: 1,
        team,
        number,
        outer_number: number,
        outer_team: team,
        outer_level: 1,
        region,
        loops: 0,
    });
    // SAFETY: the caller's promise.
    unsafe { outlined(environment) };
    context::set(Context::SERIAL);
}

fn fork(
    session: &Session,
    site: &'static Site,
    outlined: Outlined,
    environment: *mut *mut c_void,
    team: u32,
    stack_bound: usize,
) -> u64 {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    state.watch.forget();
    state.stack_bound = stack_bound;
    state.epoch += 1;
    let mut advance = std::mem::take(&mut state.unsent);
    advance.freed.extend(session.heap.take_foreign_frees());
    // What serial code published under locks comes after the last region's entries.
    state.appended[0] = state.memory.appended();
    let head = state.appended.iter().sum();
    let scope = session.scope(stack_bound);
    let mut settle = || {
        session
            .exchange
            .order(&Order::Settle(std::mem::take(&mut advance), head))
    };
    let entry = state.memory.publish(
        &session.exchange,
        Occasion::Fork,
        &scope,
        &mut state.watch,
        &mut settle,
    );
    state.memory.finish();
    let order = Order::Fork(Box::new(Fork {
        epoch: state.epoch,
        site: std::ptr::from_ref(site) as u64,
        function: outlined as *const () as u64,
        environment: environment as u64,
        team,
        stack_bound: stack_bound as u64,
        advance,
        entry,
        head,
        settings: ICVS.settings(),
        directory: crate::files::changed_directory(),
        files: crate::files::changed(),
    }));
    state.watch.moving(|| session.exchange.order(&order));
    state.epoch
}

fn join_as_driver(session: &Session, state: &mut State, site: &Site, team: u32) {
    crate::ffi::stdio::flush_output();
    let own = if state.memory.operations_overlap_changes() {
        publish(session, state, Occasion::Region)
    } else {
        state.memory.publish_operations()
    };
    let mut advance = Advance {
        entries: own.into_iter().collect(),
        ..Advance::default()
    };
    collect_arrivals(session, state, site, team, Meeting::Join, &mut advance);
    catch_up(session, state, &advance);
    state.unsent = advance;
}

/// A barrier of the innermost team.
pub fn barrier(session: &Session, site: &Site) {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    state.epoch += 1;
    let entry = publish(session, state, Occasion::Region);
    if session.rank == 0 {
        let mut advance = Advance {
            entries: entry.into_iter().collect(),
            ..Advance::default()
        };
        let team = context::current().team;
        collect_arrivals(session, state, site, team, Meeting::Barrier, &mut advance);
        advance.freed.extend(session.heap.take_foreign_frees());
        let order = Order::Release(advance);
        state.watch.moving(|| session.exchange.order(&order));
        let Order::Release(advance) = order else {
            unreachable!("made above")
        };
        catch_up(session, state, &advance);
    } else {
        arrive(session, state, site, Meeting::Barrier, entry);
        let order = state
            .watch
            .waiting(|| session.exchange.wait(|inbox| inbox.orders.pop_front()));
        match order {
            Order::Release(advance) => catch_up(session, state, &advance),
            other => fatal(format_args!(
                "rank {} waits at a barrier at {} and was sent {other:?}",
                session.rank,
                site.label()
            )),
        }
    }
}

fn publish(session: &Session, state: &mut State, occasion: Occasion) -> Option<Entry> {
    let scope = session.scope(state.stack_bound);
    state.memory.publish(
        &session.exchange,
        occasion,
        &scope,
        &mut state.watch,
        &mut || {},
    )
}

fn arrive(
    session: &Session,
    state: &mut State,
    site: &Site,
    meeting: Meeting,
    entry: Option<Entry>,
) {
    let arrival = Arrival {
        epoch: state.epoch,
        meeting,
        site: site.label().to_owned(),
        entry,
        appended: state.memory.appended(),
        freed: session.heap.take_foreign_frees(),
    };
    state.watch.moving(|| session.exchange.arrive(&arrival));
}

fn collect_arrivals(
    session: &Session,
    state: &mut State,
    site: &Site,
    team: u32,
    meeting: Meeting,
    advance: &mut Advance,
) {
    for rank in 1..team {
        let arrival = state.watch.waiting(|| {
            session.exchange.wait(|inbox| {
                inbox
                    .arrivals
                    .get_mut(&rank)
                    .and_then(|queue| queue.pop_front())
            })
        });
        if arrival.meeting != meeting || arrival.epoch != state.epoch {
            fatal(format_args!(
                "rank {rank} is at {} while rank 0 is at {}: all threads of a team must reach the same barriers",
                arrival.site,
                site.label()
            ));
        }
        advance.entries.extend(arrival.entry);
        advance.freed.extend(arrival.freed);
        state.appended[rank as usize] = arrival.appended;
    }
    state.appended[0] = state.memory.appended();
    advance.head = state.appended.iter().sum();
}

fn catch_up(session: &Session, state: &mut State, advance: &Advance) {
    state
        .memory
        .catch_up_to(&session.exchange, advance.head, &mut state.watch);
    for entry in &advance.entries {
        state
            .memory
            .apply(&session.exchange, entry, &mut state.watch);
    }
    state.memory.finish();
    if session.heap.free_own(&advance.freed).is_err() {
        fatal(
            "a rank freed an address that malloc did not return: check the program with gcc -fsanitize=address",
        );
    }
}

/// Applies the lock-ordered log up to `head`.
fn catch_up_log(session: &Session, state: &mut State, head: LogPosition) {
    state
        .memory
        .catch_up_to(&session.exchange, head, &mut state.watch);
    state.memory.finish();
}

enum Step {
    Order(Order),
    Early(bytes::Bytes),
    Shutdown,
}

/// A worker's life: carries out the driver's orders until the program has ended.
pub fn serve(session: &'static Session) -> ! {
    session.wait_for_all_ranks();
    loop {
        let mut guard = session.state();
        let state = &mut *guard;
        let early = state.settled.then(|| state.memory.next_of_driver());
        let step = state.watch.waiting(|| {
            session.exchange.wait(|inbox| {
                if let Some(order) = inbox.orders.pop_front() {
                    return Some(Step::Order(order));
                }
                if let Some(stream) = early.and_then(|key| inbox.streams.get_mut(&key))
                    && matches!(stream.parts.front(), Some(Part::Delta(_)))
                    && let Some(Part::Delta(delta)) = stream.parts.pop_front()
                {
                    return Some(Step::Early(delta));
                }
                inbox.shutdown.then_some(Step::Shutdown)
            })
        });
        match step {
            Step::Early(delta) => {
                let State { memory, watch, .. } = state;
                watch.moving(|| memory.apply_early(&delta));
            }
            Step::Order(Order::Settle(advance, head)) => {
                state.watch.forget();
                catch_up(session, state, &advance);
                catch_up_log(session, state, head);
                state.settled = true;
            }
            // This rank is not in the team; it keeps its image up to date all the same.
            Step::Order(Order::Release(advance)) => {
                state.epoch += 1;
                catch_up(session, state, &advance);
            }
            Step::Order(Order::Fork(fork)) => {
                drop(guard);
                take_part(session, *fork);
            }
            Step::Shutdown => {
                drop(guard);
                finish_worker(session)
            }
        }
    }
}

fn take_part(session: &Session, fork: Fork) {
    let mut guard = session.state();
    let state = &mut *guard;
    if !state.settled {
        state.watch.forget();
    }
    state.settled = false;
    state.epoch = fork.epoch;
    state.stack_bound = fork.stack_bound as usize;
    catch_up(session, state, &fork.advance);
    catch_up_log(session, state, fork.head);
    if let Some(entry) = &fork.entry {
        state
            .memory
            .apply(&session.exchange, entry, &mut state.watch);
        state.memory.finish();
    }
    ICVS.restore(&fork.settings);
    if let Some(directory) = &fork.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        fatal(format_args!(
            "rank {} cannot enter the directory {directory} ({error}), where serial code works: make it reachable on every host",
            session.rank
        ));
    }
    if let Some(files) = fork.files {
        crate::ffi::stdio::watch_output(&files);
        state.foreign_files = files;
    }
    if session.rank >= fork.team {
        return;
    }
    // SAFETY: the driver, of the same build, passes the address of a `static const struct cape_site`.
    let site: &'static Site = unsafe { &*(fork.site as *const Site) };
    session.note(site.label());
    let clock = state.watch.started_computing();
    drop(guard);
    // SAFETY: the driver passes the address of an outlined function of this program, and its argument lies in the image.
    unsafe {
        let outlined = std::mem::transmute::<usize, Outlined>(fork.function as usize);
        run(
            outlined,
            fork.environment as *mut *mut c_void,
            fork.team,
            session.rank,
            fork.epoch,
        );
    }
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    state.watch.ended_computing(clock);
    let entry = publish(session, state, Occasion::Region);
    arrive(session, state, site, Meeting::Join, entry);
    state
        .watch
        .attribute(site.label(), session.exchange.node().counters());
    session.note("");
}

fn finish_worker(session: &Session) -> ! {
    crate::ffi::stdio::flush_all();
    if session.statistics {
        let report = session.state().watch.report();
        session.exchange.request(&Request::Statistics(report));
    }
    session.exchange.close();
    exit_now(0)
}

/// The driver's program has ended: tells the coordinator.
pub fn finish_driver(session: &Session) {
    if session.statistics {
        let report = session.state().watch.report();
        session.exchange.request(&Request::Statistics(report));
    }
    session.exchange.request(&Request::Finalize);
    session.exchange.close();
}
