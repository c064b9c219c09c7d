//! The threads of this rank that are nobody's but the runtime's. A thread that starts teams keeps its *crew*, so that the same thread number
//! is the same thread in one region after the other (threadprivate variables stay); nested teams borrow idle ones.
//!
//! ```text
//! idle ──rung: team and number──► runs the region, waits at the join ──► idle: spins a while, then sleeps
//! ```
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::sync::atomic::{
    AtomicPtr, AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};
use std::sync::{Mutex, PoisonError};

use super::Team;
use super::wait::Gate;
use crate::failure::fatal;
use crate::layout::Span;
use crate::{os, session};

/// A thread of the pool. Never freed.
#[derive(Debug)]
#[repr(align(128))]
pub struct Worker {
    /// The team to join; null: none.
    team: AtomicPtr<Team>,
    number: AtomicU32,
    gate: Gate,
}

/// Workers and teams that nobody uses.
#[derive(Debug, Default)]
struct Idle {
    workers: Vec<&'static Worker>,
    teams: Vec<&'static Team>,
    /// Threads made so far: each has a stack of its own.
    made: u32,
}

/// Made when first needed, and anew in a child of the process: there the lock may have been held by a thread that is no more.
static IDLE: AtomicPtr<Mutex<Idle>> = AtomicPtr::new(std::ptr::null_mut());
/// How many forks of the program's lie between the process that was started and this one. In a child there are no threads but the one
/// that forked.
static FORKS: AtomicU32 = AtomicU32::new(0);

fn with_idle<T>(action: impl FnOnce(&mut Idle) -> T) -> T {
    let mut place = IDLE.load(Acquire);
    if place.is_null() {
        let new = Box::into_raw(Box::<Mutex<Idle>>::default());
        place = match IDLE.compare_exchange(place, new, AcqRel, Acquire) {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: it was made above and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
    }
    // SAFETY: what is stored there is never freed.
    let idle = unsafe { &*place };
    action(&mut idle.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The workers that a thread calls together for its teams.
#[derive(Debug, Default)]
pub struct Crew {
    workers: Vec<&'static Worker>,
    team: Option<&'static Team>,
    forks: u32,
}

struct Kept(RefCell<Option<Crew>>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(crew) = self.0.take() {
            crew.dismiss();
        }
    }
}

thread_local! {
    static KEPT: Kept = const { Kept(RefCell::new(None)) };
}

impl Crew {
    /// The calling thread's crew, or, while it is at work or in a nested region, a borrowed one, with at least `threads` workers.
    pub fn assemble(threads: u32, nested: bool) -> Crew {
        let kept = (!nested)
            .then(|| KEPT.try_with(|kept| kept.0.take()).ok().flatten())
            .flatten();
        let forks = FORKS.load(Relaxed);
        let mut crew = kept.filter(|crew| crew.forks == forks).unwrap_or(Crew {
            forks,
            ..Crew::default()
        });
        let wanted = threads as usize;
        if crew.workers.len() < wanted || crew.team.is_none() {
            crew.recruit(wanted);
        }
        crew
    }

    #[cold]
    fn recruit(&mut self, wanted: usize) {
        let numbers = with_idle(|idle| {
            let missing = wanted.saturating_sub(self.workers.len());
            let left = idle.workers.len() - missing.min(idle.workers.len());
            self.workers.extend(idle.workers.drain(left..).rev());
            let first = idle.made;
            idle.made += u32::try_from(wanted.saturating_sub(self.workers.len()))
                .expect("a team has a 32-bit number of threads");
            self.team = self.team.take().or_else(|| idle.teams.pop());
            first..idle.made
        });
        self.workers.extend(numbers.map(hire));
        self.team
            .get_or_insert_with(|| Box::leak(Box::new(Team::default())));
    }

    /// The team object that comes with the crew.
    pub fn team(&self) -> &'static Team {
        self.team.expect("a crew is assembled with a team")
    }

    /// Sends the first `count` workers into `team`, as its local threads 1, 2, ...
    pub fn send_into(&self, team: &'static Team, count: u32) {
        for (number, worker) in (1..=count).zip(&self.workers) {
            worker.number.store(number, Relaxed);
            worker
                .team
                .store(std::ptr::from_ref(team).cast_mut(), SeqCst);
            worker.gate.notify();
        }
    }

    /// The team's work is done: keeps the crew for the next one.
    pub fn keep(self, nested: bool) {
        if nested {
            return self.dismiss();
        }
        let mut crew = Some(self);
        // A thread that is ending has nothing to keep it in.
        let _ = KEPT.try_with(|kept| {
            let mut place = kept.0.borrow_mut();
            if place.is_none() {
                *place = crew.take();
            }
        });
        if let Some(crew) = crew {
            crew.dismiss();
        }
    }

    fn dismiss(self) {
        if self.forks == FORKS.load(Relaxed) {
            with_idle(|idle| {
                idle.workers.extend(self.workers.iter().rev());
                idle.teams.extend(self.team);
            });
        }
    }
}

unsafe extern "C" fn child_of_fork() {
    FORKS.fetch_add(1, Relaxed);
    IDLE.store(std::ptr::null_mut(), Relaxed);
    super::wait::forget_busy();
}

/// Arranges that a child which the program forks has threads of its own.
pub fn watch_forks() {
    // SAFETY: the handler is a plain function that lives as long as the program; without memory for it, the child cannot start teams.
    unsafe { libc::pthread_atfork(None, None, Some(child_of_fork)) };
}

/// Whether this process was forked by the program: then it is no member of a job.
pub fn is_child() -> bool {
    FORKS.load(Relaxed) > 0
}

fn hire(number: u32) -> &'static Worker {
    let worker: &'static Worker = Box::leak(Box::new(Worker {
        team: AtomicPtr::new(std::ptr::null_mut()),
        number: AtomicU32::new(0),
        gate: Gate::default(),
    }));
    let stack = session::get().and_then(|session| stack_in_image(session, number));
    os::start_thread(stack, super::stack_size(), worker, work).unwrap_or_else(|error| {
        fatal(format_args!(
            "cannot start thread {number} of this rank ({error}): ask for fewer threads (OMP_NUM_THREADS), for smaller stacks \
             (OMP_STACKSIZE), or raise the limit on processes (ulimit -u)"
        ))
    });
    worker
}

/// A stack at an address that no other rank uses, because other ranks may come to hold pointers into it.
fn stack_in_image(session: &session::Session, number: u32) -> Option<Span> {
    let span = session.layout.thread_stack(session.rank, number)?;
    os::reserve(span).ok()?;
    Some(span)
}

fn work(worker: &'static Worker) {
    loop {
        worker
            .gate
            .wait(|| !worker.team.load(SeqCst).is_null(), || false);
        let team = worker.team.swap(std::ptr::null_mut(), Acquire);
        // SAFETY: teams are never freed, and whoever stored this one waits for this thread.
        let team: &'static Team = unsafe { &*team };
        // SAFETY: the team was set up for this number before it was stored.
        unsafe { team.take_part(worker.number.load(Relaxed)) };
    }
}
