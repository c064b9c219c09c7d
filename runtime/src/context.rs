//! Where the calling thread is: its team, its number, how deep in regions.

use std::cell::Cell;

/// The execution context of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Enclosing parallel regions, those of one thread included.
    pub level: u32,
    /// Enclosing parallel regions of more than one thread: 0 or 1.
    pub active_level: u32,
    /// Threads of the innermost team.
    pub team: u32,
    /// This thread's number in it.
    pub number: u32,
    /// Number in the enclosing active region, for `omp_get_ancestor_thread_num`; 0 outside.
    pub outer_number: u32,
    /// Size of the enclosing active team.
    pub outer_team: u32,
    /// Level of the enclosing active region.
    pub outer_level: u32,
    /// Which execution of a region this is, counted by forks.
    pub region: u64,
    /// Worksharing loops begun in the region.
    pub loops: u64,
}

impl Context {
    /// Serial code.
    pub const SERIAL: Context = Context {
        level: 0,
        active_level: 0,
        team: 1,
        number: 0,
        outer_number: 0,
        outer_team: 1,
        outer_level: 0,
        region: 0,
        loops: 0,
    };

    /// Whether the innermost team has other members: only then there is anybody to synchronise with.
    pub fn shares_work(&self) -> bool {
        self.team > 1
    }
}

thread_local! {
    static CURRENT: Cell<Context> = const { Cell::new(Context::SERIAL) };
}

/// The calling thread's context.
pub fn current() -> Context {
    CURRENT.get()
}

/// Changes the calling thread's context.
pub fn set(context: Context) {
    CURRENT.set(context);
}

/// Runs `body` as the only member of a team inside the present context.
pub fn as_team_of_one(body: impl FnOnce()) {
    let outer = current();
    set(Context {
        level: outer.level + 1,
        team: 1,
        number: 0,
        ..outer
    });
    body();
    set(outer);
}
