//! Events of loops with ordered iterations: `ordered` and doacross dependences (OpenMP 5.2, 15.9.6 and 15.10.2).
//!
//! An iteration is *posted* once, by the thread that ran it, and awaited by any number of others. Threads of one rank meet in memory;
//! between ranks, a post publishes and is marked at the coordinator, and a wait catches up to where in the log that was:
//!
//! ```text
//! post:  mark here, wake the rank's own waiters │ publish ─ Post ─► coordinator: append, mark, answer who awaits it
//! wait:  marked here? go on                     │ Await ─► ... Log: catch up   (whichever comes first)
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::control::Request;
use crate::marks::Marks;
use crate::session::Session;
use crate::sync;

/// Names one execution of a loop: the same in every thread of the team, never used again.
pub type Instance = (u64, u64);

/// Looks before a thread sleeps.
const LOOKS: u32 = 200;

/// What the threads of this rank know of one loop.
#[derive(Debug, Default)]
struct Events {
    marks: Mutex<Marks>,
    posted: Condvar,
    sleeping: AtomicU32,
}

static LOOPS: Mutex<Option<HashMap<Instance, Arc<Events>>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn events(instance: Instance) -> Arc<Events> {
    let mut loops = lock(&LOOPS);
    Arc::clone(loops.get_or_insert_default().entry(instance).or_default())
}

impl Events {
    fn marked(&self, position: u64) -> bool {
        lock(&self.marks).contains(position)
    }

    fn mark(&self, position: u64) {
        lock(&self.marks).add(position);
        if self.sleeping.load(SeqCst) > 0 {
            self.posted.notify_all();
        }
    }

    fn wait(&self, position: u64) {
        for look in 0..LOOKS {
            if self.marked(position) {
                return;
            }
            if look % 16 == 15 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        let mut marks = lock(&self.marks);
        self.sleeping.fetch_add(1, SeqCst);
        while !marks.contains(position) {
            marks = self
                .posted
                .wait(marks)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.sleeping.fetch_sub(1, SeqCst);
    }
}

/// Marks iteration `position` of the loop, after everything this rank has written so far has been published. To be called once for
/// each iteration. Does not wait for anybody.
pub fn post(instance: Instance, position: u64) {
    let events = events(instance);
    let Some(session) = sync::across_ranks() else {
        return events.mark(position);
    };
    // The rank's own threads have the memory already.
    events.mark(position);
    session.exchange.wake();
    sync::publish_with(session, |_, entry| Request::Post {
        instance,
        position,
        entry,
    });
}

/// Waits until iteration `position` of the loop has been posted, and sees everything that was written before.
pub fn wait(instance: Instance, position: u64) {
    let events = events(instance);
    match sync::across_ranks() {
        None => events.wait(position),
        Some(session) if !events.marked(position) => {
            wait_for_ranks(session, &events, instance, position)
        }
        Some(_) => {}
    }
}

fn wait_for_ranks(session: &Session, events: &Events, instance: Instance, position: u64) {
    let ticket = session.exchange.ticket();
    let from = sync::ask(session, |seen| Request::Await {
        ticket,
        instance,
        position,
        seen,
    });
    let answer = sync::waiting(session, || {
        session.exchange.wait(|inbox| {
            let answer = inbox.answer(ticket);
            if answer.is_some() {
                return Some(answer);
            }
            let here = events.marked(position);
            if here {
                inbox.give_up(ticket);
            }
            here.then_some(None)
        })
    });
    if let Some(entries) = answer {
        sync::catch_up(session, from, &entries);
        events.mark(position);
    }
}

/// Neither posts nor waits of this rank for the loop will follow; `ranks` ranks take part in it (1: this one alone).
pub fn finish(instance: Instance, ranks: u32) {
    if let Some(loops) = lock(&LOOPS).as_mut() {
        loops.remove(&instance);
    }
    if let Some(session) = sync::across_ranks().filter(|_| ranks > 1) {
        session
            .exchange
            .request(&Request::Forget { instance, ranks });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_rank_take_turns() {
        let instance = (u64::MAX, 1);
        let turns = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in (0..4).rev() {
                let turns = &turns;
                scope.spawn(move || {
                    for position in (number..100).step_by(4) {
                        if position > 0 {
                            wait(instance, position - 1);
                        }
                        lock(turns).push(position);
                        post(instance, position);
                    }
                });
            }
        });
        assert_eq!(lock(&turns).clone(), (0..100).collect::<Vec<u64>>());
        finish(instance, 1);
        assert!(
            !lock(&LOOPS)
                .as_ref()
                .is_some_and(|loops| loops.contains_key(&instance))
        );
    }
}
