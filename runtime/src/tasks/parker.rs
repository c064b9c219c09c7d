//! Where a thread sleeps when it has no task to run, and how it is woken by its number alone.
//!
//! Parkers live as long as the process, so that whoever completes the last task somebody waits for needs nothing but the number that
//! the waiter left there: the task, its team and its pool may be gone by then.
//!
//! ```text
//! sleeper   prepare (word = 1) ─► announce its number ─► look once more ─► sleep while word == 1
//! waker     make the change ─► see the number ─► word = 0, wake
//! ```
#![allow(unsafe_code)]

use std::sync::atomic::{
    AtomicU32,
    Ordering::{Relaxed, SeqCst},
};

/// Numbers below this exist; threads beyond them do not sleep, they give up their processor again and again.
const PARKERS: usize = 1024;

#[repr(align(64))]
struct Word(AtomicU32);

static WORDS: [Word; PARKERS] = [const { Word(AtomicU32::new(0)) }; PARKERS];
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A thread's place to sleep. 0 is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parker(u16);

impl Parker {
    /// No place yet.
    pub const NONE: Parker = Parker(0);

    /// A new place, for the calling thread's whole life.
    pub fn claim() -> Parker {
        let number = TAKEN.fetch_add(1, Relaxed).saturating_add(1);
        match u16::try_from(number) {
            Ok(number) if usize::from(number) < PARKERS => Parker(number),
            _ => {
                TAKEN.store(PARKERS as u32, Relaxed);
                Parker::NONE
            }
        }
    }

    /// The parker with this number.
    pub fn of_number(number: u16) -> Parker {
        Parker(number)
    }

    /// Its number; 0: cannot be woken, and never sleeps.
    pub fn number(self) -> u16 {
        self.0
    }

    /// Whether it has been woken since [`Parker::prepare`].
    pub fn is_awake(self) -> bool {
        WORDS[usize::from(self.0)].0.load(SeqCst) == 0
    }

    /// About to sleep: a wake from here on is not lost.
    pub fn prepare(self) {
        WORDS[usize::from(self.0)].0.store(1, SeqCst);
    }

    /// Does not sleep after all.
    pub fn cancel(self) {
        WORDS[usize::from(self.0)].0.store(0, SeqCst);
    }

    /// Sleeps until woken; at once if that has happened since [`Parker::prepare`]. May return for no reason.
    pub fn sleep(self) {
        if self == Parker::NONE {
            return std::thread::yield_now();
        }
        let word = &WORDS[usize::from(self.0)].0;
        if word.load(SeqCst) == 1 {
            // SAFETY: the word is static; FUTEX_WAIT compares it and sleeps.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    word.as_ptr(),
                    libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                    1,
                    std::ptr::null::<libc::timespec>(),
                )
            };
        }
    }

    /// Wakes the thread if it sleeps or is about to.
    pub fn wake(self) {
        let word = &WORDS[usize::from(self.0)].0;
        if self != Parker::NONE && word.swap(0, SeqCst) == 1 {
            // SAFETY: the word is static; FUTEX_WAKE only uses its address.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    word.as_ptr(),
                    libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                    1,
                )
            };
            super::remote::wake_listeners();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_wake_after_prepare_is_not_lost() {
        let parker = Parker::claim();
        parker.prepare();
        parker.wake();
        parker.sleep();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                done.store(true, SeqCst);
                parker.wake();
            });
            while !done.load(SeqCst) {
                parker.prepare();
                if done.load(SeqCst) {
                    parker.cancel();
                } else {
                    parker.sleep();
                }
            }
        });
    }
}
