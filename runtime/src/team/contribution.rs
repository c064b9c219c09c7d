//! What each thread has for its team's next meeting: reduction and lastprivate values. The meeting's leader takes them in thread order.
#![allow(unsafe_code)]

use crate::cells::Combiner;
use crate::entry::Operation;

/// What is done with a value.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// `original[k] = original[k] OP value[k]` for elements of `size` bytes.
    Combine {
        /// OP.
        combiner: Combiner,
        /// Bytes of an element.
        size: usize,
    },
    /// `original = value`.
    Assign,
    /// As `Assign`, unless another thread did so in a later iteration.
    AssignIfLast {
        /// Logical iteration + 1.
        iteration: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Contribution {
    original: usize,
    bytes: usize,
    /// First of the units that hold the value.
    at: usize,
    deed: Deed,
}

/// Aligned for every arithmetic type.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
struct Unit([u8; 16]);

/// One thread's list. Its buffers stay.
#[derive(Debug, Default)]
pub struct Contributions {
    list: Vec<Contribution>,
    values: Vec<Unit>,
    /// What the thread tells all others at the meeting.
    pub message: Vec<u8>,
}

impl Contributions {
    /// Adds a value for `original`.
    ///
    /// # Safety
    /// `value` points to `bytes` bytes, and `original` will at the meeting.
    pub unsafe fn add(&mut self, original: *mut u8, value: *const u8, bytes: usize, deed: Deed) {
        let at = self.values.len();
        self.values
            .resize(at + bytes.div_ceil(size_of::<Unit>()), Unit::default());
        if bytes > 0 {
            // SAFETY: the units behind `at` have room for `bytes`; the value is the caller's promise.
            unsafe {
                let copy = self.values.as_mut_ptr().add(at).cast::<u8>();
                std::ptr::copy_nonoverlapping(value, copy, bytes);
            }
        }
        self.list.push(Contribution {
            original: original as usize,
            bytes,
            at,
            deed,
        });
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a later conditional assignment to the same address is among `others`, or an equal one: then this one is not made.
    fn is_outdone(contribution: &Contribution, others: &[&mut Contributions]) -> bool {
        let Deed::AssignIfLast { iteration } = contribution.deed else {
            return false;
        };
        others.iter().flat_map(|other| &other.list).any(|other| {
            other.original == contribution.original
                && matches!(other.deed, Deed::AssignIfLast { iteration: later } if later > iteration)
        })
    }

    fn empty(&mut self) {
        self.list.clear();
        self.values.clear();
    }
}

/// Applies the contributions of the threads of a team, given in thread order, to memory.
///
/// # Safety
/// The promises of [`Contributions::add`]; nobody else uses the originals meanwhile.
pub unsafe fn apply(threads: &mut [&mut Contributions]) {
    for thread in 0..threads.len() {
        for k in 0..threads[thread].list.len() {
            let contribution = threads[thread].list[k];
            if Contributions::is_outdone(&contribution, threads) {
                continue;
            }
            let original = contribution.original as *mut u8;
            let value = threads[thread].values[contribution.at..]
                .as_ptr()
                .cast::<u8>();
            match contribution.deed {
                Deed::Combine { combiner, size } => {
                    let count = contribution.bytes.checked_div(size).unwrap_or(0);
                    // SAFETY: both hold `count` elements of the combiner's type, the caller's promise.
                    unsafe { combiner(original, value, count) };
                }
                // SAFETY: the caller's promise; the value is a copy.
                Deed::Assign | Deed::AssignIfLast { .. } => unsafe {
                    std::ptr::copy_nonoverlapping(value, original, contribution.bytes);
                },
            }
        }
    }
    threads.iter_mut().for_each(|thread| thread.empty());
}

/// What becomes of a contribution in a team over ranks.
#[derive(Debug)]
pub enum Taken {
    /// It is published.
    Operation(Operation),
    /// It is made if no other rank has a later iteration than this.
    IfLast(u64, Operation),
}

/// Takes the contributions of this rank's threads, given in thread order.
pub fn collect(threads: &mut [&mut Contributions], mut take: impl FnMut(Taken)) {
    for thread in 0..threads.len() {
        for contribution in &threads[thread].list {
            if Contributions::is_outdone(contribution, threads) {
                continue;
            }
            let units = &threads[thread].values[contribution.at..];
            let operation = |combiner, size| Operation {
                address: contribution.original as u64,
                size: size as u64,
                combiner,
                operand: units
                    .iter()
                    .flat_map(|unit| unit.0)
                    .take(contribution.bytes)
                    .collect(),
            };
            take(match contribution.deed {
                Deed::Combine { combiner, size } => {
                    Taken::Operation(operation(combiner as *const () as u64, size))
                }
                Deed::Assign => Taken::Operation(operation(0, contribution.bytes)),
                Deed::AssignIfLast { iteration } => {
                    Taken::IfLast(iteration, operation(0, contribution.bytes))
                }
            });
        }
    }
    threads.iter_mut().for_each(|thread| thread.empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn append(inout: *mut u8, operand: *const u8, count: usize) {
        let (x, y) = (inout.cast::<u64>(), operand.cast::<u64>());
        for k in 0..count {
            // SAFETY: the test's elements.
            unsafe { *x.add(k) = *x.add(k) * 10 + *y.add(k) };
        }
    }

    fn lists(x: &mut [u64; 2], y: &mut u64) -> Vec<Contributions> {
        (1..=3_u64)
            .map(|k| {
                let mut list = Contributions::default();
                let deed = Deed::Combine {
                    combiner: append,
                    size: 8,
                };
                let values = [k, k + 3];
                let iteration = [5, 9, 2][k as usize - 1];
                // SAFETY: all point to what the test owns.
                unsafe {
                    list.add(x.as_mut_ptr().cast(), values.as_ptr().cast(), 16, deed);
                    let late = Deed::AssignIfLast { iteration };
                    list.add(std::ptr::from_mut(y).cast(), (&raw const k).cast(), 8, late);
                }
                list
            })
            .collect()
    }

    #[test]
    fn values_are_combined_in_thread_order_and_the_last_iteration_wins() {
        let (mut x, mut y) = ([0_u64; 2], 0_u64);
        let mut lists = lists(&mut x, &mut y);
        let mut threads: Vec<_> = lists.iter_mut().collect();
        // SAFETY: the test's own memory.
        unsafe { apply(&mut threads) };
        assert_eq!((x, y), ([123, 456], 2));
        assert!(lists.iter().all(Contributions::is_empty));
    }

    #[test]
    fn a_rank_hands_on_only_its_last_conditional_value() {
        let (mut x, mut y) = ([0_u64; 2], 0_u64);
        let mut lists = lists(&mut x, &mut y);
        let mut threads: Vec<_> = lists.iter_mut().collect();
        let (mut operations, mut last) = (Vec::new(), Vec::new());
        collect(&mut threads, |taken| match taken {
            Taken::Operation(operation) => operations.push(operation),
            Taken::IfLast(iteration, operation) => last.push((iteration, operation)),
        });
        assert_eq!(operations.len(), 3);
        assert_eq!(operations[1].operand[8..], 5_u64.to_ne_bytes());
        assert_eq!(last.len(), 1);
        assert_eq!(
            (last[0].0, &last[0].1.operand[..]),
            (9, &2_u64.to_ne_bytes()[..])
        );
    }
}
