//! Where the calling thread is: its team, its number, how deep in regions. A context is a small value that its thread alone changes;
//! those of the enclosing regions stay where they were saved, and the inner ones refer to them.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};

use crate::ffi::loops::Loop;
use crate::icv;
use crate::team::{Team, wait};

/// The execution context of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Enclosing parallel regions, those of one thread included.
    pub level: u32,
    /// Enclosing parallel regions of more than one thread.
    pub active_level: u32,
    /// Threads of the innermost team, on all ranks.
    pub team: u32,
    /// This thread's number in it.
    pub number: u32,
    /// Which execution of a region over all ranks this is or is part of, counted by forks; 0: none.
    pub region: u64,
    /// This rank's part of the innermost team; `None` in a team of one.
    pub part: Option<&'static Team>,
    /// Whether the innermost team has threads on other ranks.
    pub spans_ranks: bool,
    /// Whether an enclosing region, this one included, has threads on other ranks: whether what is written here concerns them.
    pub within_job: bool,
    /// Teams of the league (`teams`), 1 outside.
    pub league: u32,
    /// The number of the team in it that this thread works for.
    pub league_number: u32,
    /// Active regions around the innermost `target` region, which hides them.
    pub hidden: u32,
    /// Threads of this rank at the begin of the innermost `target` region that belong to other contention groups.
    pub others: u32,
    /// Threads that the contention group's limit leaves to other ranks, theirs of the innermost team over ranks included.
    pub elsewhere: u32,
    /// Only [`Context::within`] sets it.
    pub(crate) outer: Outer,
}

/// The context outside of the innermost region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outer(*const Context);

impl Context {
    /// Serial code.
    pub const SERIAL: Context = Context {
        level: 0,
        active_level: 0,
        team: 1,
        number: 0,
        region: 0,
        part: None,
        spans_ranks: false,
        within_job: false,
        league: 1,
        league_number: 0,
        hidden: 0,
        others: 0,
        elsewhere: 0,
        outer: Outer(std::ptr::null()),
    };

    /// Whether this is outside of all regions that have other threads, those around `target` included.
    pub fn is_serial(&self) -> bool {
        self.active_level + self.hidden == 0
    }

    /// The context of a `target` region inside of this one: an initial task, which no region encloses. What it writes concerns the
    /// same ranks as before.
    #[must_use]
    pub fn of_target(&self) -> Context {
        Context {
            hidden: self.active_level + self.hidden,
            others: wait::busy().saturating_sub(1),
            region: self.region,
            within_job: self.within_job,
            ..Context::SERIAL
        }
    }

    /// Whether the innermost team has other members: only then there is anybody to synchronise with.
    #[inline]
    pub fn shares_work(&self) -> bool {
        self.team > 1
    }

    /// The context of the enclosing region at `level`, this one included; `None`: there is no such level.
    pub fn at_level(&self, level: u32) -> Option<Context> {
        let mut context = *self;
        while context.level > level {
            // SAFETY: `within` demands that the outer context outlives the inner.
            context = unsafe { context.outer.0.as_ref() }.copied()?;
        }
        (context.level == level).then_some(context)
    }

    /// A context inside of this one, as a region makes it.
    ///
    /// # Safety
    /// `self` stays where it is until the thread has left the new context, and all those that refer to it.
    pub unsafe fn within(&self) -> Context {
        Context {
            level: self.level + 1,
            team: 1,
            number: 0,
            part: None,
            spans_ranks: false,
            outer: Outer(std::ptr::from_ref(self)),
            ..*self
        }
    }
}

/// What a thread has met in the innermost region so far: the same in all threads of the team.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    /// Worksharing loops.
    loops: u64,
    /// Those of them that needed a place in the team's ring.
    shared_loops: u64,
    /// `single` constructs.
    singles: u32,
}

/// What a thread was doing when a `target` region began.
struct Suspended {
    context: Context,
    met: Met,
    ordered_loop: *mut Loop,
    icvs: icv::Outer,
}

thread_local! {
    /// For the `target` regions that the thread is in.
    static SUSPENDED: RefCell<Vec<Suspended>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread begins a `target` region: an initial task with the process's variables; `limit`: its *thread-limit-var*, 0: as the
/// process's.
pub fn begin_target(limit: u32) {
    let partition = icv::current().partition;
    let suspended = CURRENT.with(|current| {
        let context = current.context.get();
        current.context.set(context.of_target());
        Suspended {
            context,
            met: current.met.take(),
            ordered_loop: current.ordered_loop.replace(std::ptr::null_mut()),
            icvs: icv::begin(),
        }
    });
    let initial = icv::process().initial.limited(limit);
    icv::set(icv::Icvs {
        partition,
        ..initial
    });
    SUSPENDED.with_borrow_mut(|all| all.push(suspended));
}

/// The innermost `target` region of the calling thread ends.
pub fn end_target() {
    let suspended = SUSPENDED.with_borrow_mut(Vec::pop);
    let suspended = suspended.expect("capec pairs the calls");
    CURRENT.with(|current| {
        current.context.set(suspended.context);
        current.met.set(suspended.met);
        current.ordered_loop.set(suspended.ordered_loop);
    });
    icv::exchange_back(suspended.icvs);
}

struct Current {
    context: Cell<Context>,
    met: Cell<Met>,
    /// The innermost loop with the clause `ordered`; null: none.
    ordered_loop: Cell<*mut Loop>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            context: Cell::new(Context::SERIAL),
            met: Cell::new(Met { loops: 0, shared_loops: 0, singles: 0 }),
            ordered_loop: Cell::new(std::ptr::null_mut()),
        }
    };
}

/// The calling thread's context.
#[inline]
pub fn current() -> Context {
    CURRENT.with(|current| current.context.get())
}

/// Runs `body` in `context` and returns to the present one.
pub fn enter<T>(context: Context, body: impl FnOnce() -> T) -> T {
    CURRENT.with(|current| {
        let (outer, met) = (current.context.replace(context), current.met.take());
        let ordered_loop = current.ordered_loop.replace(std::ptr::null_mut());
        let result = body();
        current.context.set(outer);
        current.met.set(met);
        current.ordered_loop.set(ordered_loop);
        result
    })
}

/// The calling thread's innermost loop with the clause `ordered` in the innermost region; null: none.
pub fn ordered_loop() -> *mut Loop {
    CURRENT.with(|current| current.ordered_loop.get())
}

/// Changes [`ordered_loop`]; returns what it was.
pub fn set_ordered_loop(this: *mut Loop) -> *mut Loop {
    CURRENT.with(|current| current.ordered_loop.replace(this))
}

fn count<T>(count: impl FnOnce(&mut Met) -> T) -> T {
    CURRENT.with(|current| {
        let mut met = current.met.get();
        let result = count(&mut met);
        current.met.set(met);
        result
    })
}

/// Counts one more worksharing loop; returns its number in the region, from 1.
#[inline]
pub fn count_loop() -> u64 {
    count(|met| {
        met.loops += 1;
        met.loops
    })
}

/// The worksharing loops begun in the region: the number of the one that the calling thread is in.
pub fn loops() -> u64 {
    CURRENT.with(|current| current.met.get().loops)
}

/// Counts one more loop whose iterations are handed out; returns how many there were before.
#[inline]
pub fn count_shared_loop() -> u64 {
    count(|met| {
        met.shared_loops += 1;
        met.shared_loops - 1
    })
}

/// Counts one more `single`; returns how many there were before.
#[inline]
pub fn count_single() -> u32 {
    count(|met| {
        met.singles = met.singles.wrapping_add(1);
        met.singles.wrapping_sub(1)
    })
}

/// Runs `body` as the only member of a team inside the present context.
pub fn as_team_of_one(body: impl FnOnce()) {
    let outer = current();
    // SAFETY: `outer` lives until `enter` has returned; teams started inside end before.
    let inner = unsafe { outer.within() };
    let icvs = icv::current();
    icv::set(icvs.child(inner.level));
    enter(inner, body);
    icv::set(icvs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_and_left_again() {
        as_team_of_one(|| {
            assert_eq!(count_loop(), 1);
            as_team_of_one(|| {
                let context = current();
                assert_eq!((context.level, context.active_level), (2, 0));
                assert_eq!(context.at_level(1).map(|outer| outer.level), Some(1));
                assert_eq!(context.at_level(0).map(|outer| outer.level), Some(0));
                assert!(context.at_level(3).is_none());
                assert_eq!(count_loop(), 1);
            });
            assert_eq!(count_loop(), 2);
        });
        assert_eq!(current().level, 0);
        assert_eq!(count_single(), 0);
    }
}
