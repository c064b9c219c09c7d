//! The scheduler under plain threads.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

use super::depend::Kind;
use super::group::Item;
use super::pool::Pool;
use super::schedule::{self, Wishes};
use super::spin::Spin;
use super::task::{Body, Recipe, flag};
use crate::context::{self, Context};
use crate::icv;

type Environment = *mut *mut c_void;

/// Runs `body(number)` in a team of `threads` threads, the last thing of which is a barrier.
fn team(threads: usize, body: impl Fn(usize) + Sync) {
    let pool = Pool::new(threads);
    let arrived = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for slot in 0..threads {
            let (pool, arrived, body) = (&pool, &arrived, &body);
            scope.spawn(move || {
                let region = Context {
                    level: 1,
                    ..Context::SERIAL
                };
                let task = || {
                    body(slot);
                    schedule::drain();
                    arrived.fetch_add(1, SeqCst);
                    while arrived.load(SeqCst) < threads {
                        if !schedule::help() {
                            std::thread::yield_now();
                        }
                    }
                };
                context::enter(region, || schedule::as_implicit_task(pool, slot, task));
            });
        }
    });
}

fn spawn(body: Body, environment: &mut [*mut c_void], sizes: &[usize], wishes: Wishes<'_>) {
    let recipe = Recipe {
        body,
        environment: environment.as_mut_ptr(),
        sizes: sizes.as_ptr(),
        captures: sizes.len() as u32,
        chunk: None,
    };
    // SAFETY: both arrays have as many elements; the bodies below fit.
    unsafe { schedule::spawn(&recipe, wishes) };
}

/// A shared variable as a capture.
fn shared<T>(value: &T) -> *mut c_void {
    std::ptr::from_ref(value).cast_mut().cast()
}

unsafe fn capture<'a, T>(environment: Environment, k: usize) -> &'a T {
    // SAFETY: what the test captured.
    unsafe { &*(*environment.add(k)).cast::<T>() }
}

fn fib(n: u64, flags: u32) -> u64 {
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: what `fib` captured.
        let (n, result, flags): (&u64, &AtomicU64, &u32) = unsafe {
            (
                capture(environment, 0),
                capture(environment, 1),
                capture(environment, 2),
            )
        };
        result.store(fib(*n, *flags), SeqCst);
    }
    if n < 2 {
        return n;
    }
    let (a, b) = (AtomicU64::new(0), AtomicU64::new(0));
    for (n, result) in [(n - 1, &a), (n - 2, &b)] {
        let wishes = Wishes {
            flags: if n < 4 { flags } else { 0 },
            ..Wishes::default()
        };
        let mut environment = [shared(&n), shared(result), shared(&flags)];
        spawn(body, &mut environment, &[8, 0, 4], wishes);
    }
    schedule::wait_for_children();
    a.load(SeqCst) + b.load(SeqCst)
}

#[test]
fn recursion_with_taskwait() {
    for threads in [1, 2, 3, 4, 8] {
        for flags in [0, flag::FINAL, flag::UNDEFERRED] {
            team(threads, |number| {
                if number == 0 {
                    assert_eq!(fib(17, flags), 1597);
                }
            });
        }
    }
    assert_eq!(fib(10, 0), 55, "outside of any team");
}

#[test]
fn a_barrier_completes_what_all_threads_made() {
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: the capture below.
        unsafe { capture::<AtomicU32>(environment, 0) }.fetch_add(1, SeqCst);
    }
    for threads in [1, 2, 5] {
        let count = AtomicU32::new(0);
        team(threads, |_| {
            for _ in 0..2000 {
                spawn(body, &mut [shared(&count)], &[0], Wishes::default());
            }
            schedule::drain();
        });
        assert_eq!(count.load(SeqCst), 2000 * threads as u32);
    }
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    unsafe extern "C" fn link(environment: Environment) {
        // SAFETY: the captures below.
        let (count, left) = unsafe {
            (
                capture::<AtomicU32>(environment, 0),
                capture::<u32>(environment, 1),
            )
        };
        count.fetch_add(1, SeqCst);
        if *left > 0 {
            let left = left - 1;
            let mut environment = [shared(count), shared(&left)];
            spawn(link, &mut environment, &[0, 4], Wishes::default());
        }
    }
    for threads in [1, 2] {
        let count = AtomicU32::new(0);
        team(threads, |number| {
            if number == 0 {
                schedule::group_begin();
                let mut environment = [shared(&count), shared(&200_000_u32)];
                spawn(link, &mut environment, &[0, 4], Wishes::default());
                schedule::group_end();
                assert_eq!(count.load(SeqCst), 200_001);
            }
        });
    }
}

#[test]
fn dependences_order_siblings() {
    unsafe extern "C" fn step(environment: Environment) {
        // SAFETY: the captures below.
        let (cell, expected) = unsafe {
            (
                capture::<AtomicU32>(environment, 0),
                capture::<u32>(environment, 1),
            )
        };
        assert_eq!(cell.swap(expected + 1, SeqCst), *expected);
    }
    for threads in [1, 2, 4] {
        let cells: Vec<AtomicU32> = (0..10).map(|_| AtomicU32::new(0)).collect();
        team(threads, |number| {
            if number != 0 {
                return;
            }
            for round in 0..100_u32 {
                for (k, cell) in cells.iter().enumerate() {
                    let depends = [(Kind::InOut, 8 * k + 8)];
                    let wishes = Wishes {
                        depends: &depends,
                        flags: if (round + k as u32).is_multiple_of(17) {
                            flag::UNDEFERRED
                        } else {
                            0
                        },
                        ..Wishes::default()
                    };
                    spawn(step, &mut [shared(cell), shared(&round)], &[0, 4], wishes);
                }
            }
            schedule::wait_for_children();
            assert!(cells.iter().all(|cell| cell.load(SeqCst) == 100));
        });
    }
}

#[test]
fn a_taskgroup_waits_for_descendants_a_taskwait_for_children() {
    unsafe extern "C" fn grandchild(environment: Environment) {
        // SAFETY: the capture below.
        unsafe { capture::<AtomicU32>(environment, 0) }.fetch_add(1, SeqCst);
    }
    unsafe extern "C" fn child(environment: Environment) {
        // SAFETY: the capture below.
        let count = unsafe { capture::<AtomicU32>(environment, 0) };
        for _ in 0..10 {
            spawn(grandchild, &mut [shared(count)], &[0], Wishes::default());
        }
    }
    for threads in [1, 2, 4] {
        let count = AtomicU32::new(0);
        team(threads, |number| {
            if number == 0 {
                for round in 1..=50 {
                    schedule::group_begin();
                    for _ in 0..4 {
                        spawn(child, &mut [shared(&count)], &[0], Wishes::default());
                    }
                    schedule::group_end();
                    assert_eq!(count.load(SeqCst), 40 * round);
                }
            }
        });
    }
}

#[test]
fn a_reduction_is_combined_at_the_end_of_its_taskgroup() {
    unsafe extern "C" fn add(inout: *mut u8, operand: *const u8, _: usize) {
        // SAFETY: one word each.
        unsafe { *inout.cast::<u64>() += *operand.cast::<u64>() };
    }
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: the capture below, shared as the original's address.
        let original = unsafe { *environment };
        let copy = schedule::reduction_copy(original).cast::<u64>();
        // SAFETY: the thread's copy.
        unsafe { *copy += 1 };
    }
    for threads in [1, 2, 4] {
        team(threads, |number| {
            if number == 0 {
                let sum = Cell::new(5_u64);
                schedule::group_begin();
                let item = Item {
                    original: shared(&sum),
                    shared: std::ptr::null_mut(),
                    size: 8,
                    count: 1,
                    initialise: None,
                    combine: add,
                };
                schedule::group_reduce([item].into_iter());
                for _ in 0..500 {
                    spawn(body, &mut [shared(&sum)], &[0], Wishes::default());
                }
                schedule::group_end();
                assert_eq!(sum.get(), 505);
            }
        });
    }
}

#[test]
fn a_detached_task_is_complete_when_its_event_is_fulfilled() {
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: the captures below.
        let (count, event) = unsafe {
            (
                capture::<AtomicU32>(environment, 0),
                capture::<*mut c_void>(environment, 1),
            )
        };
        count.fetch_add(1, SeqCst);
        // SAFETY: an event not fulfilled before.
        assert!(unsafe { super::event::fulfil(*event) }.is_ok());
    }
    unsafe extern "C" fn successor(environment: Environment) {
        // SAFETY: the capture below.
        let count = unsafe { capture::<AtomicU32>(environment, 0) };
        assert_eq!(count.fetch_add(10, SeqCst), 1, "after both others");
    }
    unsafe extern "C" fn nothing(_: Environment) {}
    for threads in [1, 2, 4] {
        for undeferred in [0, flag::UNDEFERRED] {
            let count = AtomicU32::new(0);
            team(threads, |number| {
                if number != 0 {
                    return;
                }
                let depends = [(Kind::InOut, 64)];
                let mut event = null_mut();
                let wishes = Wishes {
                    depends: &depends,
                    event: Some(&mut event),
                    ..Wishes::default()
                };
                spawn(nothing, &mut [], &[], wishes);
                let second = [(Kind::In, 128)];
                let wishes = Wishes {
                    depends: &second,
                    ..Wishes::default()
                };
                spawn(body, &mut [shared(&count), shared(&event)], &[0, 8], wishes);
                let wishes = Wishes {
                    depends: &depends,
                    flags: undeferred,
                    ..Wishes::default()
                };
                spawn(successor, &mut [shared(&count)], &[0], wishes);
                schedule::wait_for_children();
                assert_eq!(count.load(SeqCst), 11);
            });
        }
    }
}

#[test]
fn a_task_has_the_variables_of_its_creator_and_keeps_its_own_changes() {
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: the captures below.
        let (expected, failures) = unsafe {
            (
                capture::<u32>(environment, 0),
                capture::<AtomicU32>(environment, 1),
            )
        };
        let found = icv::current().threads;
        failures.fetch_add(u32::from(found != *expected), SeqCst);
        icv::change(|icvs| icvs.threads = found + 100);
        if *expected < 50 {
            let inner = found + 100;
            let mut environment = [shared(&inner), shared(failures)];
            spawn(body, &mut environment, &[4, 0], Wishes::default());
        }
    }
    for threads in [1, 2, 4] {
        let failures = AtomicU32::new(0);
        team(threads, |number| {
            let mut changed = 7;
            icv::change(|icvs| icvs.threads = changed);
            for _ in 0..200 {
                let mut environment = [shared(&changed), shared(&failures)];
                spawn(body, &mut environment, &[4, 0], Wishes::default());
                changed = 7 + (changed + 1) % 5 + number as u32;
                icv::change(|icvs| icvs.threads = changed);
            }
            schedule::drain();
            assert_eq!(icv::current().threads, changed);
        });
        assert_eq!(failures.load(SeqCst), 0);
    }
}

#[test]
fn urgent_tasks_run_first() {
    unsafe extern "C" fn body(environment: Environment) {
        // SAFETY: the captures below.
        let (order, priority) = unsafe {
            (
                capture::<Spin<Vec<u32>>>(environment, 0),
                capture::<u32>(environment, 1),
            )
        };
        order.lock().push(*priority);
    }
    // A pool for two threads, of which one is elsewhere: all tasks are deferred.
    let pool = Pool::new(2);
    let order: Spin<Vec<u32>> = Spin::default();
    schedule::as_implicit_task(&pool, 0, || {
        for priority in [0, 2, 9, 2, 5] {
            let wishes = Wishes {
                priority,
                ..Wishes::default()
            };
            let mut environment = [shared(&order), shared(&priority)];
            spawn(body, &mut environment, &[0, 4], wishes);
        }
        schedule::wait_for_children();
    });
    assert_eq!(*order.lock(), [9, 5, 2, 2, 0]);
}
