//! Threads that wait, each for something of its own, in one shared place; see [`crate::exchange`], whose inbox that place is.
//!
//! A waiting thread leaves its predicate at the desk. Whoever changes the contents calls the predicates of all, and wakes exactly the
//! threads whose predicate said yes. One of the waiting threads *leads*: it is the one that waits in the network, the others are parked.
//!
//! ```text
//! seated ──► look once ──► enrolled, leads or parks ──► served: off the list, woken ──► the lead passes to the next enrolled thread
//! ```
#![allow(unsafe_code)]

use std::sync::atomic::{
    AtomicU8, AtomicUsize,
    Ordering::{Acquire, Release, SeqCst},
};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Instant;

/// The predicate has said yes; the thread is off the list.
const SERVED: u8 = 1;
/// The thread has the lead.
const LEADS: u8 = 2;

/// A predicate: true ends the wait.
type Look<'a, C> = dyn FnMut(&mut C) -> bool + Send + 'a;

/// One enrolled thread. The pointers are to the stack of that thread, which stays in [`Desk::seated`] until it is off the list.
struct Waiter<C> {
    look: *mut Look<'static, C>,
    state: *const AtomicU8,
    thread: Thread,
}

// SAFETY: the predicate is Send, the state an atomic; both are used under the desk's mutex only, while their owner stays.
unsafe impl<C> Send for Waiter<C> {}

struct Contents<C> {
    value: C,
    waiters: Vec<Waiter<C>>,
    /// Whether one of the waiting threads has the lead.
    led: bool,
}

impl<C> Contents<C> {
    /// Wakes the threads whose predicate says yes. True: the leader is one of them.
    fn serve(&mut self) -> bool {
        let mut leader = false;
        let mut at = 0;
        while let Some(waiter) = self.waiters.get(at) {
            // SAFETY: on the list, so that its owner stays in `seated`; we have the desk's mutex.
            if !unsafe { (*waiter.look)(&mut self.value) } {
                at += 1;
                continue;
            }
            let waiter = self.waiters.remove(at);
            // SAFETY: as above; the owner may leave as soon as the bit is set, so that this is the last use of it.
            leader |= unsafe { &*waiter.state }.fetch_or(SERVED, Release) & LEADS != 0;
            waiter.thread.unpark();
        }
        leader
    }

    /// Gives the lead to the longest waiting thread. False: there is none.
    fn pass_lead(&mut self) -> bool {
        self.led = match self.waiters.first() {
            Some(waiter) => {
                // SAFETY: on the list, under the mutex.
                unsafe { &*waiter.state }.fetch_or(LEADS, Release);
                waiter.thread.unpark();
                true
            }
            None => false,
        };
        self.led
    }

    fn leave(&mut self, state: &AtomicU8) {
        self.waiters
            .retain(|waiter| !std::ptr::eq(waiter.state, state));
    }
}

/// A place for contents of type `C`, and the threads that wait for something in it.
pub struct Desk<C> {
    contents: Mutex<Contents<C>>,
    /// Threads in [`Desk::seated`].
    waiting: AtomicUsize,
}

impl<C: Default> Default for Desk<C> {
    fn default() -> Self {
        Desk {
            contents: Mutex::new(Contents {
                value: C::default(),
                waiters: Vec::new(),
                led: false,
            }),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// A waiting thread's place.
#[derive(Debug, Default)]
pub struct Seat {
    state: AtomicU8,
}

impl Seat {
    /// Whether the wait is over.
    pub fn served(&self) -> bool {
        self.state.load(Acquire) & SERVED != 0
    }

    /// Whether this thread has the lead.
    pub fn leads(&self) -> bool {
        self.state.load(Acquire) & LEADS != 0
    }

    /// Waits until something about this seat changes, or `deadline`; may return early.
    pub fn park(&self, deadline: Option<Instant>) {
        if self.served() || self.leads() {
            return;
        }
        match deadline {
            Some(deadline) => {
                std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => std::thread::park(),
        }
    }
}

/// The desk, for one thread alone.
pub struct Open<'a, C>(MutexGuard<'a, Contents<C>>);

impl<'a, C> Open<'a, C> {
    /// Whether some waiting thread has the lead.
    pub fn led(&self) -> bool {
        self.0.led
    }

    /// Waits at `condition`.
    pub fn wait(self, condition: &Condvar) -> Open<'a, C> {
        Open(
            condition
                .wait(self.0)
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Uses the contents; waiting threads are not told: see [`Desk::serve`].
    pub fn look<T>(mut self, action: impl FnOnce(&mut C) -> T) -> T {
        action(&mut self.0.value)
    }
}

impl<C> Desk<C> {
    /// Exclusive use.
    pub fn open(&self) -> Open<'_, C> {
        Open(self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Contents<C>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the predicates of all waiting threads and wakes those whose predicate says yes. True: the leader is one of them, and may
    /// have to be fetched from where it waits.
    pub fn serve(&self) -> bool {
        // Pairs with the increment in `seated`: either that thread's first look sees what the caller changed, or this sees it wait.
        std::sync::atomic::fence(SeqCst);
        self.waiting.load(SeqCst) > 0 && self.lock().serve()
    }

    /// Waits for `look` to say yes: at once, or while `stay` runs, which returns when the seat is served or when it gives up.
    /// `unled`: nobody waits any more, the lead is free.
    pub fn seated(&self, look: &mut Look<'_, C>, stay: impl FnOnce(&Seat), unled: impl FnOnce()) {
        self.waiting.fetch_add(1, SeqCst);
        let mut contents = self.lock();
        if look(&mut contents.value) {
            self.waiting.fetch_sub(1, SeqCst);
            return;
        }
        let seat = Seat::default();
        // SAFETY: only the lifetime changes: `leaving` takes the pointer off the list before `look` ends, also when `stay` panics.
        let forever = unsafe {
            std::mem::transmute::<*mut Look<'_, C>, *mut Look<'static, C>>(std::ptr::from_mut(look))
        };
        contents.waiters.push(Waiter {
            look: forever,
            state: &raw const seat.state,
            thread: std::thread::current(),
        });
        if !std::mem::replace(&mut contents.led, true) {
            seat.state.store(LEADS, Release);
        }
        drop(contents);
        let leaving = Leaving {
            desk: self,
            seat: &seat,
        };
        stay(&seat);
        let free = leaving.leave();
        std::mem::forget(leaving);
        if free {
            unled();
        }
    }
}

struct Leaving<'a, C> {
    desk: &'a Desk<C>,
    seat: &'a Seat,
}

impl<C> Leaving<'_, C> {
    /// Takes the thread off the list. True: it had the lead, which nobody else wants.
    fn leave(&self) -> bool {
        let mut contents = self.desk.lock();
        contents.leave(&self.seat.state);
        self.desk.waiting.fetch_sub(1, SeqCst);
        self.seat.leads() && !contents.pass_lead()
    }
}

impl<C> Drop for Leaving<'_, C> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// As the exchange waits, but a leader is parked like everybody else.
    fn wait(desk: &Desk<Vec<u32>>, wanted: u32, deadline: Option<Instant>) -> bool {
        let mut found = false;
        desk.seated(
            &mut |values| {
                let at = values.iter().position(|value| *value == wanted);
                found = at.map(|at| values.remove(at)).is_some();
                found
            },
            |seat| {
                while !seat.served() {
                    std::thread::park_timeout(Duration::from_millis(1));
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        return;
                    }
                }
            },
            || {},
        );
        found
    }

    #[test]
    fn each_thread_gets_what_it_waits_for() {
        let desk = Desk::<Vec<u32>>::default();
        std::thread::scope(|scope| {
            for wanted in 0..8 {
                let desk = &desk;
                scope.spawn(move || (0..200).for_each(|_| assert!(wait(desk, wanted, None))));
            }
            for _ in 0..200 {
                for value in (0..8).rev() {
                    desk.open().look(|values| values.push(value));
                    desk.serve();
                }
            }
        });
        assert!(desk.open().look(|values| values.is_empty()));
        assert!(!desk.open().led(), "nobody waits, nobody leads");
    }

    #[test]
    fn who_gives_up_leaves_and_passes_the_lead_on() {
        let desk = Desk::<Vec<u32>>::default();
        std::thread::scope(|scope| {
            let desk = &desk;
            let soon = Instant::now() + Duration::from_millis(20);
            let patient = scope.spawn(move || wait(desk, 1, None));
            assert!(!wait(desk, 2, Some(soon)));
            desk.open().look(|values| values.extend([2, 1]));
            desk.serve();
            assert!(patient.join().expect("no panic"));
        });
        assert_eq!(desk.open().look(|values| values.clone()), [2]);
    }
}
