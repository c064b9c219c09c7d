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
    deed: Deed,
}

const NONE: Contribution = Contribution {
    original: 0,
    bytes: 0,
    deed: Deed::Assign,
};

/// Aligned for every arithmetic type.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
struct Unit([u8; 16]);

/// One thread's list. Its buffers stay. What most regions need, one small value, is in one cache line: the leader reads it from the
/// thread's cache and gives it back.
#[derive(Debug)]
#[repr(C)]
pub struct Contributions {
    count: usize,
    first: Contribution,
    first_value: Unit,
    /// The further ones, with the first unit of each value.
    list: Vec<(Contribution, usize)>,
    values: Vec<Unit>,
    /// What the thread tells all others at the meeting.
    pub message: Vec<u8>,
}

const _: () = assert!(
    std::mem::offset_of!(Contributions, list) == 64,
    "one cache line"
);

impl Default for Contributions {
    fn default() -> Contributions {
        Contributions {
            count: 0,
            first: NONE,
            first_value: Unit::default(),
            list: Vec::new(),
            values: Vec::new(),
            message: Vec::new(),
        }
    }
}

impl Contributions {
    /// Adds a value for `original`.
    ///
    /// # Safety
    /// `value` points to `bytes` bytes, and `original` will at the meeting.
    pub unsafe fn add(&mut self, original: *mut u8, value: *const u8, bytes: usize, deed: Deed) {
        let contribution = Contribution {
            original: original as usize,
            bytes,
            deed,
        };
        let copy = if self.count == 0 && bytes <= size_of::<Unit>() {
            self.first = contribution;
            (&raw mut self.first_value).cast::<u8>()
        } else {
            if self.count == 0 {
                self.first = NONE;
                self.count = 1;
            }
            let at = self.values.len();
            let units = bytes.div_ceil(size_of::<Unit>());
            self.values.resize(at + units, Unit::default());
            self.list.push((contribution, at));
            self.values[at..].as_mut_ptr().cast()
        };
        self.count += 1;
        // SAFETY: there is room for `bytes` bytes; the value is the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(value, copy, bytes) };
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Contribution number `k`, below `count`, and its value.
    fn get(&self, k: usize) -> (Contribution, &[Unit]) {
        match k.checked_sub(1) {
            None => (self.first, std::slice::from_ref(&self.first_value)),
            Some(k) => {
                let (contribution, at) = self.list[k];
                (contribution, &self.values[at..])
            }
        }
    }

    /// Whether a later conditional assignment to the same address is among `others`: then this one is not made.
    fn is_outdone(contribution: &Contribution, others: &[&mut Contributions]) -> bool {
        let Deed::AssignIfLast { iteration } = contribution.deed else {
            return false;
        };
        let mut all = others
            .iter()
            .flat_map(|other| (0..other.count).map(|k| other.get(k).0));
        all.any(|other| {
            other.original == contribution.original
                && matches!(other.deed, Deed::AssignIfLast { iteration: later } if later > iteration)
        })
    }

    fn empty(&mut self) {
        if self.count > 1 {
            self.list.clear();
            self.values.clear();
        }
        self.count = 0;
    }
}

/// Applies the contributions of the threads of a team, given in thread order, to memory.
///
/// # Safety
/// The promises of [`Contributions::add`]; nobody else uses the originals meanwhile.
pub unsafe fn apply(threads: &mut [&mut Contributions]) {
    for thread in 0..threads.len() {
        for k in 0..threads[thread].count {
            let (contribution, value) = threads[thread].get(k);
            if Contributions::is_outdone(&contribution, threads) {
                continue;
            }
            let original = contribution.original as *mut u8;
            let value = value.as_ptr().cast::<u8>();
            match contribution.deed {
                _ if contribution.bytes == 0 => {}
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
        for k in 0..threads[thread].count {
            let (contribution, units) = threads[thread].get(k);
            if contribution.bytes == 0 || Contributions::is_outdone(&contribution, threads) {
                continue;
            }
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
