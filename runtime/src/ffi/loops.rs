//! `cape_loop_*`, `cape_single`, `cape_master` (OpenMP 5.2, chapter 11 and 10.5).

use std::ffi::{c_int, c_longlong, c_ulonglong};

use crate::context::{self, Context, current};
use crate::control::{LoopKind, Request};
use crate::failure::fatal;
use crate::ffi::ordered::{self, Nest};
use crate::ffi::site::Site;
use crate::icv::{self, Schedule, ScheduleKind};
use crate::loops::{self, Chunk, Share, share};
use crate::session;
use crate::team::{self, Supply, Team};

/// `struct cape_loop` of `cape.h`; the fields behind `last` are this file's.
#[repr(C)]
#[derive(Debug)]
pub struct Loop {
    pub(super) first: c_ulonglong,
    pub(super) end: c_ulonglong,
    last: c_int,
    /// Whether it has a place in the team's ring.
    has_place: bool,
    /// Whether it has the clause `ordered` without a parameter.
    ordered: bool,
    /// Whether the present chunk's turn in an ordered loop has come.
    pub(super) has_turn: bool,
    pub(super) iterations: u64,
    /// Counts the worksharing loops of the region, from 1.
    number: u64,
    /// Which place that is.
    pub(super) turn: u64,
    share: Share,
    /// The ordered loop around this one, if this one is ordered.
    outer: *mut Loop,
    /// Of a doacross loop.
    pub(super) nest: Option<Box<Nest>>,
}

const _: () = assert!(
    size_of::<Loop>() <= 8 * 13 && align_of::<Loop>() <= 8,
    "must fit struct cape_loop"
);

const CAPE_RUNTIME: c_int = 5;
const CAPE_DISTRIBUTE: c_int = 6;
const CAPE_ORDERED: c_int = 1 << 10;

/// See `cape.h`.
///
/// # Safety
/// `this` points to a `struct cape_loop`, `site` to a site.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_begin(
    this: *mut Loop,
    site: *const Site,
    iterations: c_ulonglong,
    schedule: c_int,
    chunk: c_longlong,
) {
    // SAFETY: the caller's promise.
    let site = unsafe { &*site };
    let context = current();
    let (team, number) = if schedule & 0xff == CAPE_DISTRIBUTE {
        (context.league, context.league_number)
    } else {
        (context.team, context.number)
    };
    let ordered = schedule & CAPE_ORDERED != 0 && context.part.is_some();
    let schedule = resolve(site, schedule, chunk);
    let share = share(schedule, iterations, team, number);
    let mut state = Loop {
        first: 0,
        end: 0,
        last: 0,
        has_place: false,
        ordered,
        has_turn: false,
        iterations,
        number: context::count_loop(),
        turn: 0,
        share,
        outer: std::ptr::null_mut(),
        nest: None,
    };
    if let (Share::Served { .. }, Some(part)) = (share, context.part) {
        state.take_place();
        if context.spans_ranks {
            let mut supply = part.place(state.turn).supply();
            if !supply.asked && !supply.exhausted && supply.stock.is_none() {
                state.ask(&context, &mut supply);
            }
        }
    }
    if ordered {
        state.take_place();
        state.outer = context::set_ordered_loop(this);
    }
    // SAFETY: the caller's promise; the size is asserted above.
    unsafe { this.write(state) };
}

fn resolve(site: &Site, schedule: c_int, chunk: c_longlong) -> Schedule {
    let schedule = schedule & 0xff;
    if schedule == CAPE_RUNTIME {
        return icv::current().schedule;
    }
    let kind = u32::try_from(schedule)
        .ok()
        .and_then(ScheduleKind::from_omp)
        .unwrap_or(ScheduleKind::Static);
    match u64::try_from(chunk) {
        Ok(chunk) => Schedule { kind, chunk },
        Err(_) => fatal(format_args!(
            "chunk size {chunk} at {}: it must be at least 1",
            site.label()
        )),
    }
}

impl Loop {
    /// Gives the loop a place in the team's ring, unless it has one.
    pub(super) fn take_place(&mut self) {
        if !std::mem::replace(&mut self.has_place, true) {
            self.turn = context::count_shared_loop();
        }
    }

    /// Whether the loop, or the region, was cancelled.
    pub(super) fn is_cancelled(&self, part: &Team) -> bool {
        part.is_cancelled(self.number)
    }

    /// The loop's name in the job.
    pub(super) fn instance(&self, context: &Context) -> (u64, u64) {
        (context.region, self.number)
    }

    /// Asks the coordinator for iterations, before they are needed.
    fn ask(&self, context: &Context, supply: &mut Supply) {
        if let (Share::Served { kind, chunk, total }, Some(session)) = (self.share, session::get())
        {
            session.exchange.request(&Request::NextChunk {
                instance: self.instance(context),
                team: session.ranks_in(context.team),
                iterations: total,
                chunk,
                kind,
            });
            supply.asked = true;
        }
    }

    /// Takes what the coordinator answers, and asks for more.
    fn receive(&self, context: &Context, supply: &mut Supply) {
        let Some(session) = session::get() else {
            return;
        };
        let instance = self.instance(context);
        let (first, end) = session.waiting(|| {
            session
                .exchange
                .wait(|inbox| inbox.chunks.remove(&instance))
        });
        supply.asked = false;
        if first < end {
            supply.stock = Some((first, end));
            self.ask(context, supply);
        } else {
            supply.exhausted = true;
        }
    }

    /// This thread's next iterations of a loop over ranks.
    fn take_from_supply(&self, context: &Context, part: &Team) -> Option<Chunk> {
        let Share::Served { kind, chunk, .. } = self.share else {
            return None;
        };
        let mut supply = part.place(self.turn).supply();
        loop {
            if let Some((first, end)) = supply.stock {
                let (chunk, rest) = loops::cut((first, end), kind, chunk, part.count());
                supply.stock = rest;
                return Some(chunk);
            }
            if supply.exhausted {
                return None;
            }
            self.receive(context, &mut supply);
        }
    }

    fn served(&self) -> Option<Chunk> {
        let Share::Served { kind, chunk, total } = self.share else {
            return None;
        };
        let context = current();
        let part = context.part?;
        if context.spans_ranks {
            return self.take_from_supply(&context, part);
        }
        match kind {
            LoopKind::Dynamic => part.place(self.turn).take_dynamic(total, chunk),
            LoopKind::Guided => part
                .place(self.turn)
                .take_guided(total, chunk, context.team),
        }
    }

    #[inline]
    fn next(&mut self) -> bool {
        if self.ordered {
            ordered::pass_turn(self);
        }
        if team::cancellation()
            && let Some(part) = current().part
            && self.is_cancelled(part)
        {
            return false;
        }
        let chunk = if let Share::Served { .. } = self.share {
            self.served()
        } else {
            let (chunk, rest) = self.share.take();
            self.share = rest;
            chunk
        };
        let Some((first, end)) = chunk else {
            return false;
        };
        (self.first, self.end) = (first, end);
        self.last |= c_int::from(end == self.iterations);
        true
    }

    fn finish(&mut self) {
        if self.ordered {
            ordered::pass_turn(self);
            context::set_ordered_loop(self.outer);
        }
        let context = current();
        if let Some(part) = context.part.filter(|_| self.has_place)
            && part.shares().leave(self.turn, part.count())
        {
            if context.spans_ranks {
                // Every request is answered: what is on its way must not be mistaken for another loop's.
                let mut supply = part.place(self.turn).supply();
                while supply.asked {
                    self.receive(&context, &mut supply);
                }
            }
            if self.ordered || self.nest.is_some() {
                ordered::forget(self, &context);
            }
            part.shares().pass_on(self.turn);
        }
        self.nest = None;
    }
}

/// See `cape.h`.
///
/// # Safety
/// `this` was given to [`cape_loop_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_next(this: *mut Loop) -> c_int {
    // SAFETY: the caller's promise.
    let this = unsafe { &mut *this };
    c_int::from(this.next())
}

/// See `cape.h`.
///
/// # Safety
/// `this` was given to [`cape_loop_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_loop_end(this: *mut Loop) {
    // SAFETY: the caller's promise.
    unsafe { &mut *this }.finish();
}

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_single(_site: *const Site) -> c_int {
    let context = current();
    c_int::from(
        context
            .part
            .is_none_or(|part| part.single(&context, context::count_single())),
    )
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_master() -> c_int {
    c_int::from(current().number == 0)
}

/// See `cape.h`.
#[unsafe(no_mangle)]
pub extern "C" fn cape_masked(filter: c_int) -> c_int {
    c_int::from(i64::from(current().number) == i64::from(filter))
}
