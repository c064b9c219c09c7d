//! A team's part on this rank: its threads meet in memory, and one of them, the *leader*, speaks for all where ranks meet.
//!
//! ```text
//!          thread 0 (who started the team, or serves)      other threads of the pool
//! fork     set_up; ring everybody's bell ────────────────► take_part
//! barrier  arrive; wait ◄───────────── the last to arrive leads: contributions in thread order, meeting of the ranks, release
//! join     wait for all; contributions; meeting of ranks ─► release: back to the pool
//! ```
//!
//! Team objects are never freed: a thread may still be leaving a join when the object serves the next region.
#![allow(unsafe_code)]

mod contribution;
mod crosses;
mod pool;
mod shares;
pub mod wait;

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Mutex, PoisonError};

pub use contribution::{Contributions, Deed, Taken};
pub use crosses::Crosses;
pub use pool::is_child;
pub use shares::{Share, Supply};

use crate::context::{self, Context};
use crate::distribution::Part;
use crate::exchange::Cancelled;
use crate::icv::{self, Binding, Icvs};
use crate::region::Outlined;
use crate::tasks::pool::Pool;
use crate::tasks::schedule;
use crate::{binding, os};
use pool::Crew;
use shares::Shares;
use wait::{Gate, Padded};

/// What all threads of a team run, and as what.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The outlined region.
    pub outlined: Outlined,
    /// Its argument.
    pub environment: *mut *mut c_void,
    /// Where its threads are to run.
    pub binding: Binding,
}

/// What a region is executed as; set before the threads start.
#[derive(Clone, Copy, Debug)]
struct Setup {
    task: Option<Task>,
    /// The context of local thread 0.
    context: Context,
    part: Part,
    /// What the implicit tasks start with.
    icvs: Icvs,
    /// The place of local thread 0.
    place: Option<u32>,
}

/// See the module.
#[derive(Debug)]
pub struct Team {
    setup: UnsafeCell<Setup>,
    /// Grows only while no other thread is in the team.
    contributions: UnsafeCell<Vec<Padded<UnsafeCell<Contributions>>>>,
    shares: Shares,
    tasks: UnsafeCell<Pool>,
    singles: Padded<AtomicU32>,
    /// What was cancelled: [`PARALLEL`], and above it the number of a loop.
    cancelled: AtomicU64,
    /// Whether the threads exchange messages at the present barrier.
    exchanging: AtomicBool,
    /// The messages of all threads of the team, in order; written by the leader.
    received: UnsafeCell<Vec<Vec<u8>>>,
    /// Threads at the present barrier.
    arrived: Padded<AtomicU32>,
    /// Threads at the join.
    joined: Padded<AtomicU32>,
    /// Threads at the join that look for tasks just now.
    helping: Padded<AtomicU32>,
    release: Padded<Release>,
}

#[derive(Debug, Default)]
struct Release {
    /// Counts barriers and joins; never set back.
    generation: AtomicU32,
    gate: Gate,
}

// SAFETY: `setup` and the vector of lists change only in `set_up`, when no other thread is in the team; a list is used by its thread, and by
// the leader while that thread waits.
unsafe impl Sync for Team {}
// SAFETY: as above; the context's pointers are valid for all threads of the team.
unsafe impl Send for Team {}

impl Default for Team {
    fn default() -> Team {
        Team {
            setup: UnsafeCell::new(Setup {
                task: None,
                context: Context::SERIAL,
                part: Part::default(),
                icvs: Icvs::INITIAL,
                place: None,
            }),
            contributions: UnsafeCell::default(),
            shares: Shares::default(),
            tasks: UnsafeCell::new(Pool::new(1)),
            singles: Padded::default(),
            cancelled: AtomicU64::default(),
            exchanging: AtomicBool::default(),
            received: UnsafeCell::default(),
            arrived: Padded::default(),
            joined: Padded::default(),
            helping: Padded::default(),
            release: Padded::default(),
        }
    }
}

/// Looks at threads that are about to leave a join before this one gives up its processor.
const LOOKS: u32 = 200;

/// In [`Team::cancelled`]: the region itself.
const PARALLEL: u64 = 1;

/// Whether cancellation was asked for (`OMP_CANCELLATION`).
#[inline]
pub fn cancellation() -> bool {
    CANCELLATION.load(Relaxed)
}

static CANCELLATION: AtomicBool = AtomicBool::new(false);

/// The most that a thread's stack gets where nobody asks for more.
const LARGEST_DEFAULT_STACK: u64 = 64 << 20;

/// Bytes of a pool thread's stack: `OMP_STACKSIZE`, or as much as the process's own.
pub fn stack_size() -> usize {
    let own = os::limit(libc::RLIMIT_STACK).unwrap_or(LARGEST_DEFAULT_STACK);
    let asked = icv::process().config.stack_size;
    let size = asked.unwrap_or(own.min(LARGEST_DEFAULT_STACK));
    usize::try_from(size)
        .unwrap_or(usize::MAX >> 1)
        .max(libc::PTHREAD_STACK_MIN)
}

/// Gets ready to start teams: to be called once the process's variables are known.
pub fn prepare() {
    pool::watch_forks();
    let process = icv::process();
    CANCELLATION.store(process.config.cancellation, Relaxed);
    // For all that is known, the job has this host alone, and all its ranks are here.
    wait::configure(
        process.processors / process.ranks,
        process.config.wait_policy,
    );
}

/// Runs `task` in a new team of `size` threads, of which this rank has `part`, and returns when they are done and `meet_others` has been
/// called, which joins the parts of a team on several ranks. `region` is the number of its fork, 0 in a team of this rank alone.
///
/// # Safety
/// `task` is what capec generated.
pub unsafe fn run(size: u32, part: Part, region: u64, task: Task, meet_others: impl FnOnce(&Team)) {
    let outer = context::current();
    let nested = !outer.is_serial();
    let workers = part.count - 1;
    // Before threads are made: they would spin for the processor that makes the others.
    wait::engage(workers);
    let crew = Crew::assemble(workers, nested);
    let team = crew.team();
    // SAFETY: `outer` lives until this function returns, and then no thread of the team uses it.
    let inner = unsafe { outer.within() };
    let spans_ranks = part.count < size;
    let parent = icv::current();
    let context = Context {
        active_level: outer.active_level + u32::from(size > 1),
        team: size,
        number: part.first,
        region: if spans_ranks { region } else { outer.region },
        part: Some(team),
        spans_ranks,
        within_job: spans_ranks || outer.within_job,
        elsewhere: if spans_ranks {
            part.limit_elsewhere(size, parent.thread_limit)
        } else {
            outer.elsewhere
        },
        ..inner
    };
    // SAFETY: the crew is this thread's alone, and its last team is complete.
    unsafe {
        team.set_up(Setup {
            task: Some(task),
            context,
            part,
            icvs: parent.child(context.level),
            place: binding::place(),
        })
    };
    if spans_ranks {
        OVER_RANKS.store(std::ptr::from_ref(team).cast_mut(), SeqCst);
        // A cancellation that arrived between the two found nobody.
        let early = pending_cancellation(region);
        if early & PARALLEL != 0 {
            team.cancel();
        }
        if early > PARALLEL {
            team.cancel_loop(early >> 1);
        }
    }
    crew.send_into(team, workers);
    context::enter(context, || {
        team.equip(0);
        schedule::as_implicit_task(team.tasks(), 0, || {
            // SAFETY: the caller's promise.
            unsafe { (task.outlined)(task.environment) };
            schedule::drain();
            team.gather();
            meet_others(team);
        });
    });
    if spans_ranks {
        OVER_RANKS.store(std::ptr::null_mut(), SeqCst);
    }
    team.dismiss();
    wait::disengage(workers);
    crew.keep(nested);
    icv::set(parent);
}

impl Team {
    /// # Safety
    /// The last region is complete: its other threads have been released from the join, if they have not left it.
    unsafe fn set_up(&self, setup: Setup) {
        self.wait_for_helpers();
        // SAFETY: the caller's promise.
        unsafe { *self.setup.get() = setup };
        // SAFETY: the caller's promise.
        let lists = unsafe { &mut *self.contributions.get() };
        if lists.len() < setup.part.count as usize {
            lists.resize_with(setup.part.count as usize, Padded::default);
        }
        // SAFETY: the caller's promise.
        let tasks = unsafe { &mut *self.tasks.get() };
        tasks.prepare(
            setup.part.count as usize,
            setup.context.spans_ranks,
            &raw const self.release.0.gate,
        );
        self.shares.reset();
        self.singles.0.store(0, Relaxed);
        self.cancelled.store(0, Relaxed);
        self.exchanging.store(false, Relaxed);
        self.arrived.0.store(0, Relaxed);
        self.joined.0.store(0, Relaxed);
    }

    /// A thread that was released from the last join may still be looking for tasks.
    fn wait_for_helpers(&self) {
        let mut looks = 0_u32;
        while self.helping.0.load(SeqCst) > 0 {
            looks += 1;
            if looks > LOOKS {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Runs a task at the join of `generation`, unless that is over: then the pool may serve another region already.
    fn help_at_join(&self, generation: u32, spans_ranks: bool) -> bool {
        if !self.tasks().used() && !spans_ranks {
            return false;
        }
        // Whoever sets up the next region has changed the generation before it looks at this count.
        self.helping.0.fetch_add(1, SeqCst);
        let helped = self.generation() == generation && schedule::help();
        self.helping.0.fetch_sub(1, SeqCst);
        helped
    }

    fn setup(&self) -> &Setup {
        // SAFETY: it changes only while no thread is in the team.
        unsafe { &*self.setup.get() }
    }

    /// The tasks of this rank's threads.
    pub fn tasks(&self) -> &Pool {
        // SAFETY: as for `setup`.
        unsafe { &*self.tasks.get() }
    }

    /// Threads that this rank has in the team.
    pub fn count(&self) -> u32 {
        self.setup().part.count
    }

    /// The team number of this rank's first thread.
    pub fn first(&self) -> u32 {
        self.setup().part.first
    }

    /// Threads of the team on all ranks.
    pub fn size(&self) -> u32 {
        self.setup().context.team
    }

    /// Whether it has threads on other ranks.
    pub fn spans_ranks(&self) -> bool {
        self.setup().context.spans_ranks
    }

    /// A pool thread's part in the region, as local thread `local`.
    ///
    /// # Safety
    /// The team is set up, and `local` is this thread's alone.
    unsafe fn take_part(&'static self, local: u32) {
        let setup = *self.setup();
        let context = Context {
            number: setup.part.first + local,
            ..setup.context
        };
        context::enter(context, || {
            self.equip(local);
            schedule::as_implicit_task(self.tasks(), local as usize, || {
                if let Some(task) = setup.task {
                    // SAFETY: the promise made to `run`.
                    unsafe { (task.outlined)(task.environment) };
                }
                schedule::drain();
                let generation = self.generation();
                if self.joined.0.fetch_add(1, SeqCst) + 2 == setup.part.count {
                    self.release.0.gate.notify();
                }
                self.wait_for(generation, setup.context.spans_ranks);
            });
        });
    }

    /// Gives the calling thread, local thread `local`, its variables and its place.
    fn equip(&self, local: u32) {
        let setup = self.setup();
        icv::set(setup.icvs);
        if let Some(task) = setup.task
            && task.binding != Binding::False
        {
            binding::settle(task.binding, setup.place, setup.part.count, local);
        }
        crate::ffi::omp::display::show_affinity();
    }

    fn generation(&self) -> u32 {
        self.release.0.generation.load(SeqCst)
    }

    /// Waits to be released from the join.
    fn wait_for(&self, generation: u32, spans_ranks: bool) {
        self.release.0.gate.wait(
            || self.generation() != generation,
            || self.help_at_join(generation, spans_ranks),
        );
    }

    fn open(&self) {
        let next = self.generation().wrapping_add(1);
        self.release.0.generation.store(next, SeqCst);
        self.release.0.gate.notify();
    }

    /// Wakes the threads that wait at a barrier or the join, because there is something for them to do.
    pub fn wake_waiting(&self) {
        self.release.0.gate.notify();
    }

    /// A barrier of all threads that this rank has in the team. The last to arrive runs `lead` while the others wait. True: the region is
    /// cancelled, and not all threads may have arrived.
    pub fn barrier(&self, lead: impl FnOnce(&Team)) -> bool {
        schedule::drain();
        if self.region_is_cancelled() {
            return true;
        }
        let count = self.count();
        if count > 1 {
            let generation = self.generation();
            if self.arrived.0.fetch_add(1, SeqCst) + 1 < count {
                self.release.0.gate.wait(
                    || self.generation() != generation || self.region_is_cancelled(),
                    schedule::help,
                );
                return self.region_is_cancelled();
            }
            self.arrived.0.store(0, Relaxed);
        }
        lead(self);
        if count > 1 {
            self.open();
        }
        self.region_is_cancelled()
    }

    /// A barrier at which every thread tells all others `message`; `read` is given those of all, in thread order, and is not called
    /// if the region is cancelled. `lead` must call [`Team::deliver`] with the messages of all ranks.
    pub fn exchange(
        &self,
        number: u32,
        message: Vec<u8>,
        lead: impl FnOnce(&Team),
        read: impl FnOnce(&[Vec<u8>]),
    ) {
        // SAFETY: the list is the calling thread's.
        unsafe { (*self.list(number)).message = message };
        self.exchanging.store(true, Relaxed);
        if self.barrier(lead) {
            return;
        }
        // SAFETY: the leader has written it, and does so again only after the barrier below.
        read(unsafe { &*self.received.get() });
        self.barrier(|_| {});
    }

    /// The leader: takes the messages of this rank's threads, if they exchange any.
    pub fn take_messages(&self) -> Vec<Vec<u8>> {
        if !self.exchanging.swap(false, Relaxed) {
            return Vec::new();
        }
        let numbers = self.first()..self.first() + self.count();
        // SAFETY: all threads wait for the leader.
        numbers
            .map(|number| unsafe { std::mem::take(&mut (*self.list(number)).message) })
            .collect()
    }

    /// The leader: hands the messages of all threads of the team to those of this rank.
    pub fn deliver(&self, messages: Vec<Vec<u8>>) {
        // SAFETY: all threads wait for the leader.
        unsafe { *self.received.get() = messages };
    }

    /// Thread 0: waits until all other threads are at the join.
    fn gather(&self) {
        let others = self.count() - 1;
        if others > 0 {
            self.release
                .0
                .gate
                .wait(|| self.joined.0.load(SeqCst) == others, schedule::help);
        }
    }

    /// Thread 0: lets the threads at the join go.
    fn dismiss(&self) {
        if self.count() > 1 {
            self.open();
        }
    }

    /// Whether the calling thread, at its `single` number `before`, is the one that executes it. In a team over ranks thread 0 is: it may
    /// use what serial code opened.
    #[inline]
    pub fn single(&self, context: &Context, before: u32) -> bool {
        if self.spans_ranks() {
            return context.number == 0;
        }
        self.singles.0.load(Relaxed) == before
            && self
                .singles
                .0
                .compare_exchange(before, before.wrapping_add(1), Relaxed, Relaxed)
                .is_ok()
    }

    /// The ring for loops whose iterations are handed out.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The place of the ring that serves the region's loop number `turn` of those whose iterations are handed out.
    pub fn place(&self, turn: u64) -> &Share {
        self.shares
            .place(turn, || self.cancelled.load(SeqCst) & PARALLEL != 0)
    }

    /// Cancels the region. Threads that wait in it go on to its end.
    pub fn cancel(&self) {
        self.cancelled.fetch_or(PARALLEL, SeqCst);
        self.release.0.gate.notify();
        self.shares.wake();
    }

    /// Cancels the worksharing loop or sections construct that is number `number` of the region.
    pub fn cancel_loop(&self, number: u64) {
        let later = |before| Some(merge(before, number << 1));
        // The closure never refuses.
        let _ = self.cancelled.fetch_update(SeqCst, SeqCst, later);
        self.shares.wake();
    }

    /// Whether the region is cancelled.
    pub fn region_is_cancelled(&self) -> bool {
        cancellation() && self.cancelled.load(SeqCst) & PARALLEL != 0
    }

    /// The number of the region's fork.
    pub fn region(&self) -> u64 {
        self.setup().context.region
    }

    /// Whether loop `number` of the region is cancelled, or the region.
    pub fn is_cancelled(&self, number: u64) -> bool {
        if !cancellation() {
            return false;
        }
        let cancelled = self.cancelled.load(SeqCst);
        cancelled & PARALLEL != 0 || cancelled >> 1 == number
    }

    /// Adds to what the thread with team number `number` has for the next meeting.
    ///
    /// # Safety
    /// Called by this thread; as for [`Contributions::add`].
    pub unsafe fn contribute(
        &self,
        number: u32,
        original: *mut u8,
        value: *const u8,
        bytes: usize,
        deed: Deed,
    ) {
        // SAFETY: the list is the calling thread's; the rest is the caller's promise.
        unsafe { (*self.list(number)).add(original, value, bytes, deed) };
    }

    fn list(&self, number: u32) -> *mut Contributions {
        // SAFETY: the vector changes only in `set_up`.
        let lists = unsafe { &*self.contributions.get() };
        lists[(number - self.first()) as usize].0.get()
    }

    /// All threads' lists, in order, if any holds something.
    ///
    /// # Safety
    /// All threads wait for the calling one.
    unsafe fn lists<T>(&self, action: impl FnOnce(&mut [&mut Contributions]) -> T) -> Option<T> {
        // SAFETY: as in `contribute`.
        let lists = unsafe { &*self.contributions.get() };
        let lists = &lists[..self.count() as usize];
        // SAFETY: the caller's promise; every list is taken once.
        let threads = lists.iter().map(|list| unsafe { &mut *list.0.get() });
        // In the common case nobody has anything, and nothing is allocated.
        let mut threads = threads.peekable();
        while threads.peek()?.is_empty() {
            threads.next();
        }
        let mut threads: Vec<_> = threads.collect();
        Some(action(&mut threads))
    }

    /// The leader of a team of this rank alone: gives all contributions their effect.
    ///
    /// # Safety
    /// All threads wait for the calling one; the promises of [`Team::contribute`].
    pub unsafe fn apply_contributions(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.lists(|threads| contribution::apply(threads)) };
    }

    /// The leader of a part of a team over ranks: takes all contributions, in thread order.
    ///
    /// # Safety
    /// All threads wait for the calling one.
    pub unsafe fn take_contributions(&self, take: impl FnMut(Taken)) {
        // SAFETY: the caller's promise.
        unsafe { self.lists(|threads| contribution::collect(threads, take)) };
    }
}

/// This rank's part of the team over ranks, while there is one.
static OVER_RANKS: AtomicPtr<Team> = AtomicPtr::new(std::ptr::null_mut());
/// What another rank cancelled: the region, and the bits of [`Team::cancelled`]. This rank may not have come to that region yet.
static CANCELLATIONS: Mutex<(u64, u64)> = Mutex::new((0, 0));

fn pending_cancellation(region: u64) -> u64 {
    if !cancellation() {
        return 0;
    }
    let (known, bits) = *CANCELLATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if known == region { bits } else { 0 }
}

/// Another rank has cancelled something.
pub fn was_cancelled(cancelled: Cancelled) {
    let bits = cancelled.number.map_or(PARALLEL, |number| number << 1);
    let mut pending = CANCELLATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    *pending = match *pending {
        (region, before) if region == cancelled.region => (region, merge(before, bits)),
        (region, before) if region > cancelled.region => (region, before),
        _ => (cancelled.region, bits),
    };
    drop(pending);
    // SAFETY: teams are never freed.
    let team = unsafe { OVER_RANKS.load(SeqCst).as_ref() };
    if let Some(team) = team.filter(|team| team.setup().context.region == cancelled.region) {
        match cancelled.number {
            Some(number) => team.cancel_loop(number),
            None => team.cancel(),
        }
    }
}

/// The bits of two cancellations in a region: the later loop counts.
fn merge(one: u64, other: u64) -> u64 {
    (one | other) & PARALLEL | (one & !PARALLEL).max(other & !PARALLEL)
}
