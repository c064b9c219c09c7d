//! Critical sections and locks: acquire catches up to the lock's last release, release publishes.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::context;
use crate::control::Request;
use crate::memory::Occasion;
use crate::session::{Session, get};

/// Locks of a job of one rank (whose program may still use pthreads): held, or not there.
static LOCAL: (Mutex<Option<HashMap<u64, ()>>>, Condvar) = (Mutex::new(None), Condvar::new());

/// The lock of a critical section of this name: an FNV-1a hash, with the top bit set so that it differs from every address.
pub fn critical_lock(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash | 1 << 63
}

/// The one lock behind all atomic constructs that cannot be carried as operations.
pub const ATOMIC_LOCK: u64 = u64::MAX;

/// Takes `lock`; with `try_only`, says at once whether it could.
pub fn acquire(lock: u64, try_only: bool) -> bool {
    match get() {
        Some(session) => acquire_in_job(session, lock, try_only),
        None => acquire_locally(lock, try_only),
    }
}

/// Gives `lock` back, after everything this rank wrote before has been published.
pub fn release(lock: u64) {
    match get() {
        Some(session) => release_in_job(session, lock),
        None => release_locally(lock),
    }
}

fn acquire_in_job(session: &Session, lock: u64, try_only: bool) -> bool {
    session.wait_for_all_ranks();
    let mut guard = session.state();
    let state = &mut *guard;
    let seen = state.memory.seen();
    session.exchange.request(&Request::Acquire {
        lock,
        seen,
        try_only,
    });
    let (acquired, entries) = state
        .watch
        .waiting(|| session.exchange.wait(|inbox| inbox.granted.pop_front()));
    state.memory.begin();
    state
        .memory
        .catch_up_log(&session.exchange, seen, &entries, &mut state.watch);
    state.memory.finish();
    acquired
}

fn release_in_job(session: &Session, lock: u64) {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    // In serial code everything down to here is shared, and what is below will not outlive this call.
    let marker = 0_u8;
    let serial = context::current().active_level == 0 && session.rank == 0;
    let bound = if serial {
        std::ptr::from_ref(std::hint::black_box(&marker)) as usize
    } else {
        state.stack_bound
    };
    let scope = session.scope(bound);
    let entry = state.memory.publish(
        &session.exchange,
        Occasion::Region,
        &scope,
        &mut state.watch,
        &mut || {},
    );
    if entry.is_some() {
        state.memory.count_appended();
    }
    state.memory.finish();
    session.exchange.request(&Request::Release { lock, entry });
}

fn acquire_locally(lock: u64, try_only: bool) -> bool {
    let mut held = LOCAL.0.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let locks = held.get_or_insert_default();
        if locks.insert(lock, ()).is_none() {
            return true;
        }
        if try_only {
            return false;
        }
        held = LOCAL.1.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
}

fn release_locally(lock: u64) {
    let mut held = LOCAL.0.lock().unwrap_or_else(PoisonError::into_inner);
    held.get_or_insert_default().remove(&lock);
    LOCAL.1.notify_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_different_locks() {
        assert_ne!(critical_lock(""), critical_lock("a"));
        assert!(critical_lock("x") > u64::from(u32::MAX) << 31);
    }

    #[test]
    fn a_local_lock_is_exclusive() {
        assert!(acquire(1, false));
        assert!(!acquire(1, true));
        assert!(acquire(2, true));
        release(1);
        assert!(acquire(1, true));
        release(1);
        release(2);
    }
}
