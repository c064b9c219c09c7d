//! Waiting in memory: spin for a while where a processor is free for it, then sleep in the kernel until woken. A thread that spins offers its
//! processor now and then; where another process takes it, threads stop spinning for a while.
//!
//! [`Gate`] is an event count: who waits looks at a condition of its own, and who makes it true says so afterwards. A waker makes a system
//! call only when somebody sleeps:
//!
//! ```text
//! waiter: sleepers += 1; see event; condition? no: sleep while the event is the one seen
//! waker:  condition = true; sleepers > 0? event += 1; wake
//! ```
//! All of these are sequentially consistent: either the waiter sees the condition or the waker sees the sleeper.
#![allow(unsafe_code)]

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::icv::WaitPolicy;

/// Keeps what different threads write on cache lines of their own; 128: processors fetch pairs of lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

/// Pauses of a thread that waits while every thread of this host has a processor: some milliseconds.
const PATIENT: u64 = 100_000;
/// Pauses when there are more threads than processors: whoever is waited for may need this one.
const IMPATIENT: u64 = 100;

/// Pauses after which a patient thread asks whether others want its processor: some 100 microseconds.
const PROBE: u64 = 4096;
/// A processor that comes back later than this after having been offered was used by somebody else.
const NOTICEABLE: Duration = Duration::from_micros(50);
/// Waits without patience after others were found to want a processor.
const MODESTY: u32 = 200;

/// Set by `OMP_WAIT_POLICY`; `u64::MAX`: by load.
static POLICY: AtomicU64 = AtomicU64::new(u64::MAX);
/// Threads of this process that execute regions.
static BUSY: AtomicU32 = AtomicU32::new(1);
/// Waits during which the processors are taken to be wanted by other processes.
static CROWDED: AtomicU32 = AtomicU32::new(0);
/// Processors for this process's threads.
static PROCESSORS: AtomicU32 = AtomicU32::new(1);

/// Tells how many processors this process has for itself, and how its threads wait; `None`: by load.
pub fn configure(processors: u32, policy: Option<WaitPolicy>) {
    PROCESSORS.store(processors, Relaxed);
    let pauses = match policy {
        None => u64::MAX,
        Some(WaitPolicy::Active) => 30_000_000_000,
        Some(WaitPolicy::Passive) => 0,
    };
    POLICY.store(pauses, Relaxed);
}

/// Threads of this process that execute regions, at least 1.
pub fn busy() -> u32 {
    BUSY.load(Relaxed)
}

/// Counts `more` threads that execute regions.
pub fn engage(more: u32) {
    BUSY.fetch_add(more, Relaxed);
}

/// Takes [`engage`] back.
pub fn disengage(fewer: u32) {
    BUSY.fetch_sub(fewer, Relaxed);
}

/// In a child of the process: only the thread that forked is there.
pub fn forget_busy() {
    BUSY.store(1, Relaxed);
}

/// How many pauses to spin before sleeping.
#[inline]
fn patience() -> u64 {
    match POLICY.load(Relaxed) {
        u64::MAX if BUSY.load(Relaxed) > PROCESSORS.load(Relaxed) => IMPATIENT,
        u64::MAX => match CROWDED.load(Relaxed) {
            0 => PATIENT,
            left => {
                // A lost count only makes the thread ask later.
                CROWDED.store(left - 1, Relaxed);
                IMPATIENT
            }
        },
        fixed => fixed,
    }
}

/// Offers the processor to others. True: somebody used it, perhaps the very thread that is waited for, so that spinning does harm.
#[cold]
fn is_crowded() -> bool {
    if POLICY.load(Relaxed) != u64::MAX {
        return false;
    }
    let before = Instant::now();
    std::thread::yield_now();
    let crowded = before.elapsed() > NOTICEABLE;
    if crowded {
        CROWDED.store(MODESTY, Relaxed);
    }
    crowded
}

/// Sleeps while `word` is `value`; may return early.
pub fn futex_wait(word: &AtomicU32, value: u32) {
    // SAFETY: the word lives as long as the reference; a null timeout waits for ever.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            std::ptr::null::<libc::timespec>(),
        )
    };
}

/// Wakes up to `count` threads that sleep on `word`.
pub fn futex_wake(word: &AtomicU32, count: i32) {
    // SAFETY: as above.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            count,
        )
    };
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gate {
    event: AtomicU32,
    sleepers: AtomicU32,
}

impl Gate {
    /// Waits until `done`. `idle` is asked for something useful to do meanwhile, and returns whether it found anything; what makes it
    /// find something must be followed by [`Gate::notify`], too.
    #[inline]
    pub fn wait(&self, mut done: impl FnMut() -> bool, mut idle: impl FnMut() -> bool) {
        let mut left = patience();
        loop {
            if done() {
                return;
            }
            if idle() {
                left = patience();
            } else if left > 0 {
                left -= 1;
                spin_loop();
                if left % PROBE == PROBE - 1 && is_crowded() {
                    left = 0;
                }
            } else {
                self.sleep(&mut done, &mut idle);
            }
        }
    }

    #[cold]
    fn sleep(&self, done: &mut impl FnMut() -> bool, idle: &mut impl FnMut() -> bool) {
        self.sleepers.fetch_add(1, SeqCst);
        let event = self.event.load(SeqCst);
        if !done() && !idle() {
            futex_wait(&self.event, event);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Says that a condition has become true, by a sequentially consistent store before.
    #[inline]
    pub fn notify(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            self.event.fetch_add(1, SeqCst);
            futex_wake(&self.event, i32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn nobody_oversleeps() {
        let shared = Arc::new((Gate::default(), AtomicU32::new(0)));
        let other = Arc::clone(&shared);
        let peer = std::thread::spawn(move || {
            for turn in 0..2000 {
                other
                    .0
                    .wait(|| other.1.load(SeqCst) == 2 * turn + 1, || false);
                other.1.store(2 * turn + 2, SeqCst);
                other.0.notify();
            }
        });
        for turn in 0..2000 {
            shared.1.store(2 * turn + 1, SeqCst);
            shared.0.notify();
            if turn % 2 == 0 {
                shared
                    .0
                    .sleep(&mut || shared.1.load(SeqCst) == 2 * turn + 2, &mut || false);
            }
            shared
                .0
                .wait(|| shared.1.load(SeqCst) == 2 * turn + 2, || false);
        }
        assert!(peer.join().is_ok());
    }
}
