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

use crate::context::{self, Context, current};
use crate::control::{Entry, LogPosition, Request};
use crate::entry::Part;
use crate::exchange::{Advance, Arrival, Fork, Meeting, Offer, Order};
use crate::failure::{exit_now, fatal};
use crate::ffi::site::Site;
use crate::icv;
use crate::memory::Occasion;
use crate::session::{Session, State};
use crate::sync;
use crate::tasks::remote;
use crate::team::{self, Taken, Task, Team};

/// An outlined region.
pub type Outlined = unsafe extern "C" fn(environment: *mut *mut c_void);

/// Starts a region on the driver and returns when it is complete. `stack_bound`: the caller's frames lie above it.
///
/// # Safety
/// `task` is what capec generated for `site`.
pub unsafe fn fork_join(
    session: &Session,
    site: &'static Site,
    task: Task,
    team: u32,
    stack_bound: usize,
) {
    session.wait_for_all_ranks();
    let epoch = fork(session, site, task, team, stack_bound);
    session.note(site.label());
    let clock = session.state().watch.started_computing();
    let join = |part: &Team| {
        remote::settle();
        let offer = contribute(session, part);
        session.state().watch.ended_computing(clock);
        join_as_driver(session, site, part, offer);
        session
            .state()
            .watch
            .attribute(site.label(), session.exchange.node().counters());
    };
    // SAFETY: the caller's promise.
    unsafe { team::run(team, session.part(team), epoch, task, join) };
    session.note("");
}

/// Takes what the threads of this rank, all of which wait for this one, have for the meeting. Returns what is not published.
fn contribute(session: &Session, part: &Team) -> Offer {
    let mut offer = Offer {
        messages: part.take_messages(),
        last: Vec::new(),
    };
    let take = |taken| match taken {
        Taken::Operation(operation) => session.state().memory.contribute(operation),
        Taken::IfLast(iteration, operation) => offer.last.push((iteration, operation)),
    };
    // SAFETY: called by the leader of a barrier or a join.
    unsafe { part.take_contributions(take) };
    offer
}

fn fork(session: &Session, site: &'static Site, task: Task, team: u32, stack_bound: usize) -> u64 {
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
    session.locks.publishing();
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
        function: task.outlined as *const () as u64,
        environment: task.environment as u64,
        team,
        league: (current().league, current().league_number),
        stack_bound: stack_bound as u64,
        advance,
        entry,
        head,
        settings: icv::current(),
        changed: icv::changed(),
        binding: task.binding,
        directory: crate::files::changed_directory(),
        reopened: crate::ffi::files::at_fork(),
    }));
    state.watch.moving(|| session.exchange.order(&order));
    sync::published(session);
    remote::enter_phase(state.epoch);
    state.epoch
}

fn join_as_driver(session: &Session, site: &Site, part: &Team, offer: Offer) {
    crate::ffi::stdio::flush_output();
    let overlap = session.state().memory.operations_overlap_changes();
    if overlap {
        // Other ranks, which are not here yet, may ask for a lock and must find this in the log.
        sync::publish_released(session);
    }
    let mut guard = session.state();
    let own = if overlap {
        publish(session, &mut guard, Occasion::Region)
    } else {
        guard.memory.publish_operations()
    };
    // What a barrier was given up with, because the region was cancelled.
    let mut advance = std::mem::take(&mut guard.abandoned);
    drop(guard);
    advance.entries.extend(own);
    advance.offer.extend(offer);
    collect_arrivals(session, site, part, Meeting::Join, &mut advance);
    let mut guard = session.state();
    catch_up(session, &mut guard, &advance);
    guard.unsent = advance;
}

/// A barrier of the innermost team, which has threads on other ranks: this rank's part meets the others. Called by the leader of the part.
/// Given up if the region is cancelled.
pub fn barrier(session: &Session, site: &Site, part: &Team) {
    remote::settle();
    sync::publish_released(session);
    let offer = contribute(session, part);
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    guard.epoch += 1;
    let entry = publish(session, &mut guard, Occasion::Region);
    if session.rank == 0 {
        drop(guard);
        let mut advance = Advance {
            entries: entry.into_iter().collect(),
            offer,
            ..Advance::default()
        };
        if !collect_arrivals(session, site, part, Meeting::Barrier, &mut advance) {
            session.state().abandoned = advance;
            return;
        }
        advance.freed.extend(session.heap.take_foreign_frees());
        let order = Order::Release(advance);
        let mut guard = session.state();
        guard.watch.moving(|| session.exchange.order(&order));
        let Order::Release(mut advance) = order else {
            unreachable!("made above")
        };
        part.deliver(std::mem::take(&mut advance.offer.messages));
        catch_up(session, &mut guard, &advance);
    } else {
        let ranks = session.ranks_in(part.size());
        arrive(
            session,
            &mut guard,
            site,
            ranks,
            Meeting::Barrier,
            entry,
            offer,
        );
        drop(guard);
        let order = remote::serve_until(session, part.tasks(), true, |inbox| {
            let order = inbox.orders.pop_front();
            (order.is_some() || part.region_is_cancelled()).then_some(order)
        });
        match order {
            Some(Order::Release(mut advance)) => {
                part.deliver(std::mem::take(&mut advance.offer.messages));
                catch_up(session, &mut session.state(), &advance);
            }
            // Cancelled: should the driver release this barrier all the same, that is the next order of this rank.
            None => {}
            Some(other) => fatal(format_args!(
                "rank {} waits at a barrier at {} and was sent {other:?}",
                session.rank,
                site.label()
            )),
        }
    }
    remote::enter_phase(session.state().epoch);
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
    ranks: u32,
    meeting: Meeting,
    entry: Option<Entry>,
    offer: Offer,
) {
    let arrival = Arrival {
        epoch: state.epoch,
        meeting,
        site: site.label().to_owned(),
        entry,
        appended: state.memory.appended(),
        freed: session.heap.take_foreign_frees(),
        offer,
        ranks,
    };
    remote::arrived(arrival.appended);
    state.watch.moving(|| session.exchange.arrive(arrival));
}

/// The driver: waits for all other ranks that have threads in the team. False: the region was cancelled before all were at the barrier.
fn collect_arrivals(
    session: &Session,
    site: &Site,
    part: &Team,
    meeting: Meeting,
    advance: &mut Advance,
) -> bool {
    let epoch = session.state().epoch;
    let mut rank = 0;
    while rank + 1 < session.ranks_in(part.size()) {
        rank += 1;
        if meeting == Meeting::Join && session.state().joined_early.contains(&rank) {
            continue;
        }
        let computes = meeting == Meeting::Barrier;
        let arrival = remote::serve_until(session, part.tasks(), computes, |inbox| {
            let queue = inbox.arrivals.get_mut(&rank);
            let arrival = queue.and_then(|queue| queue.pop_front());
            let given_up = meeting == Meeting::Barrier && part.region_is_cancelled();
            (arrival.is_some() || given_up).then_some(arrival)
        });
        let Some(arrival) = arrival else {
            return false;
        };
        let (reached, reached_epoch) = (arrival.meeting, arrival.epoch);
        advance.entries.extend(arrival.entry);
        advance.freed.extend(arrival.freed);
        advance.offer.extend(arrival.offer);
        session.state().appended[rank as usize] = arrival.appended;
        if team::cancellation() && (meeting, reached) == (Meeting::Barrier, Meeting::Join) {
            // It has heard of a cancellation earlier than this rank.
            part.cancel();
        }
        if part.region_is_cancelled() {
            // Ranks leave barriers of a cancelled region as they learn of it, and all come to the join.
            match (meeting, reached) {
                (Meeting::Join, Meeting::Barrier) => rank -= 1,
                (Meeting::Barrier, Meeting::Join) => {
                    session.state().joined_early.push(rank);
                    return false;
                }
                _ => {}
            }
        } else if reached != meeting || reached_epoch != epoch {
            fatal(format_args!(
                "rank {rank} is at {} while rank 0 is at {}: all threads of a team must reach the same barriers",
                arrival.site,
                site.label()
            ));
        }
    }
    let mut state = session.state();
    state.joined_early.clear();
    state.appended[0] = state.memory.appended();
    advance.head = state.appended.iter().sum();
    true
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
    for (_, operation) in &advance.offer.last {
        state.memory.execute(std::slice::from_ref(operation));
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
        let state = session.state();
        let early = state.settled.then(|| state.memory.next_of_driver());
        // The background thread may have to publish.
        drop(state);
        let step = session.waiting(|| {
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
        let mut guard = session.state();
        let state = &mut *guard;
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
    remote::enter_phase(fork.epoch);
    state.stack_bound = fork.stack_bound as usize;
    catch_up(session, state, &fork.advance);
    catch_up_log(session, state, fork.head);
    if let Some(entry) = &fork.entry {
        state
            .memory
            .apply(&session.exchange, entry, &mut state.watch);
        state.memory.finish();
    }
    icv::restore(&fork.settings);
    if let Some(changed) = &fork.changed {
        icv::take_over(changed);
    }
    if let Some(directory) = &fork.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        fatal(format_args!(
            "rank {} cannot enter the directory {directory} ({error}), where serial code works: make it reachable on every host",
            session.rank
        ));
    }
    crate::ffi::files::reopen_standard(&fork.reopened);
    let part = session.part(fork.team);
    if part.count == 0 {
        return;
    }
    // SAFETY: the driver, of the same build, passes the address of a `static const struct cape_site`.
    let site: &'static Site = unsafe { &*(fork.site as *const Site) };
    session.note(site.label());
    let clock = state.watch.started_computing();
    drop(guard);
    let task = Task {
        // SAFETY: the driver passes the address of an outlined function of this program.
        outlined: unsafe { std::mem::transmute::<usize, Outlined>(fork.function as usize) },
        environment: fork.environment as *mut *mut c_void,
        binding: fork.binding,
    };
    let join = |part: &Team| {
        remote::settle();
        sync::publish_released(session);
        let offer = contribute(session, part);
        crate::ffi::stdio::flush_output();
        crate::ffi::files::leave_region();
        let mut guard = session.state();
        let state = &mut *guard;
        state.watch.ended_computing(clock);
        let entry = publish(session, state, Occasion::Region);
        let ranks = session.ranks_in(fork.team);
        arrive(session, state, site, ranks, Meeting::Join, entry, offer);
        state
            .watch
            .attribute(site.label(), session.exchange.node().counters());
        drop(guard);
        // Other ranks may still have tasks to give, until the driver goes on.
        remote::serve_until(session, part.tasks(), false, |inbox| {
            (!inbox.orders.is_empty() || inbox.shutdown).then_some(())
        });
        session.state().watch.attribute_late(site.label());
    };
    let (league, league_number) = fork.league;
    let context = Context {
        league,
        league_number,
        ..current()
    };
    context::enter(context, || {
        // SAFETY: capec generated the function; its argument lies in the image.
        unsafe { team::run(fork.team, part, fork.epoch, task, join) }
    });
    session.note("");
}

fn finish_worker(session: &Session) -> ! {
    crate::ffi::stdio::flush_all();
    if session.statistics {
        let mut report = session.state().watch.report();
        report.locks = session.locks.counts();
        session.exchange.request(&Request::Statistics(report));
    }
    session.exchange.close();
    exit_now(0)
}

/// The driver's program has ended: tells the coordinator.
pub fn finish_driver(session: &Session) {
    if session.leaves_together {
        session.wait_for_all_ranks();
    }
    if session.statistics {
        let mut report = session.state().watch.report();
        report.locks = session.locks.counts();
        session.exchange.request(&Request::Statistics(report));
    }
    session.exchange.request(&Request::Finalize);
    session.exchange.close();
}
