//! A spin lock for what is held for a few instructions: one atomic exchange to take, a store to give back.
//!
//! The holder may lose its processor, so whoever waits long gives up its own.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};

/// Rounds before a waiting thread gives up its processor.
const PATIENCE: u32 = 100;

/// `T`, used by one thread at a time.
#[derive(Debug, Default)]
pub struct Spin<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one reference at a time.
unsafe impl<T: Send> Sync for Spin<T> {}

impl<T> Spin<T> {
    /// An open lock.
    pub const fn new(value: T) -> Spin<T> {
        Spin {
            held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        let mut rounds = 0;
        while self.held.swap(true, Acquire) {
            while self.held.load(Relaxed) {
                rounds += 1;
                if rounds % PATIENCE == 0 {
                    std::thread::yield_now();
                }
                std::hint::spin_loop();
            }
        }
        Guard { lock: self }
    }

    /// Takes the lock if it is open.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        // Not `then_some`: a guard that is made opens the lock when it goes, whoever holds that.
        (!self.held.load(Relaxed) && !self.held.swap(true, Acquire)).then(|| Guard { lock: self })
    }
}

/// Exclusive use of what the lock protects.
#[derive(Debug)]
pub struct Guard<'a, T> {
    lock: &'a Spin<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for exclusive use.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard stands for exclusive use.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.lock.held.store(false, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time() {
        let count = Spin::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *count.lock() += 1));
            }
        });
        assert_eq!(*count.lock(), 40_000);
        let held = count.try_lock();
        assert!(held.is_some() && count.try_lock().is_none());
        assert!(count.try_lock().is_none(), "still held");
    }
}
