//! Locks between the threads of one process: what `omp_lock_t` and critical sections are in a job of one rank.
//!
//! A lock is one word in the program's own memory: 0 free, 1 taken, 2 taken and somebody sleeps (Drepper, "Futexes Are Tricky", mutex 3).
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Looks at a taken lock before the thread sleeps.
const LOOKS: u32 = 100;

/// A lock without an owner. All zero: free.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Lock(AtomicU32);

impl Lock {
    /// A free lock.
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(0))
    }

    /// Takes the lock, waiting for it if need be.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_slowly();
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
    }

    #[cold]
    fn acquire_slowly(&self) {
        static PATIENCE: OnceLock<u32> = OnceLock::new();
        let looks = *PATIENCE.get_or_init(|| {
            // On one processor nobody can release the lock while this thread looks.
            std::thread::available_parallelism()
                .map_or(0, |count| if count.get() > 1 { LOOKS } else { 0 })
        });
        for _ in 0..looks {
            if self.0.load(Relaxed) == 0 && self.try_acquire() {
                return;
            }
            std::hint::spin_loop();
        }
        while self.0.swap(2, Acquire) != 0 {
            futex(&self.0, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, 2);
        }
    }

    /// Gives the lock back.
    #[inline]
    pub fn release(&self) {
        if self.0.swap(0, Release) == 2 {
            futex(&self.0, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
        }
    }
}

fn futex(word: &AtomicU32, operation: i32, value: u32) {
    // SAFETY: futex(2) reads the word, which lives as long as the borrow; a null timeout means none. What it returns (EAGAIN, EINTR, a
    // count) makes no difference: callers look again.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            value,
            std::ptr::null::<libc::timespec>(),
        )
    };
}

/// A lock that its owner may take again. All zero: free.
#[derive(Debug, Default)]
#[repr(C)]
pub struct NestLock {
    lock: Lock,
    depth: AtomicU32,
    owner: AtomicU64,
}

impl NestLock {
    /// Takes the lock once more for `owner`; returns how often it has it now, 0 if it only tried and somebody else has it.
    pub fn acquire(&self, owner: u64, try_only: bool) -> u32 {
        // Only the owner itself can find its own number here.
        if self.owner.load(Relaxed) != owner {
            if try_only && !self.lock.try_acquire() {
                return 0;
            }
            if !try_only {
                self.lock.acquire();
            }
            self.owner.store(owner, Relaxed);
        }
        let depth = self.depth.load(Relaxed) + 1;
        self.depth.store(depth, Relaxed);
        depth
    }

    /// Gives the lock back once; true: that was the last time, or it was not taken.
    pub fn release(&self) -> bool {
        let depth = self.depth.load(Relaxed);
        self.depth.store(depth.saturating_sub(1), Relaxed);
        if depth == 1 {
            self.owner.store(0, Relaxed);
            self.lock.release();
        }
        depth <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time() {
        let lock = Lock::default();
        let count = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        lock.acquire();
                        count.store(count.load(Relaxed) + 1, Relaxed);
                        lock.release();
                    }
                });
            }
        });
        assert_eq!(count.load(Relaxed), 80_000);
        assert!(lock.try_acquire() && !lock.try_acquire());
    }

    #[test]
    fn a_nest_lock_is_its_owners_as_often_as_it_likes() {
        let lock = NestLock::default();
        let me = 7;
        assert_eq!(lock.acquire(me, false), 1);
        assert_eq!(lock.acquire(me, true), 2);
        assert_eq!(lock.acquire(me + 1, true), 0);
        assert!(!lock.release());
        assert!(lock.release());
        assert_eq!(lock.acquire(me + 1, true), 1);
    }
}
