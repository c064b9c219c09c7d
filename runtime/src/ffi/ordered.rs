//! `cape_ordered_*` and `cape_doacross_*` (OpenMP 5.2, 15.10.2 and 15.9.6): iterations that wait for others.
//!
//! In a team of one rank the turns and marks are in the loop's place of the team's ring; over ranks they are events of [`crate::ordered`].
//! Chunks of an `ordered` loop take turns; the event of a chunk is the iteration after its last.

use std::ffi::{c_longlong, c_uint};

use super::loops::Loop;
use crate::context::{self, Context, current};
use crate::ffi::site::Site;
use crate::ordered;
use crate::session;
use crate::team::{Crosses, Team};

/// See `cape.h`.
///
/// # Safety
/// Called by translated code only, inside a loop of the calling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_ordered_enter(_site: *const Site) {
    // SAFETY: the loop is on the calling thread's stack; `cape_loop_end` unregisters it.
    if let Some(this) = unsafe { context::ordered_loop().as_mut() } {
        take_turn(this);
    }
}

/// See `cape.h`: the turn ends with the chunk.
///
/// # Safety
/// Called by translated code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_ordered_exit(_site: *const Site) {}

/// Waits until all chunks before the loop's present one are done.
fn take_turn(this: &mut Loop) {
    let context = current();
    if std::mem::replace(&mut this.has_turn, true) {
        return;
    }
    let Some(part) = context.part else { return };
    if !context.spans_ranks {
        part.place(this.turn)
            .wait_for_turn(this.first, || this.is_cancelled(part));
    } else if this.first > 0 {
        ordered::wait(this.instance(&context), this.first);
    }
}

/// The present chunk of an ordered loop, if there is one, is done: the next one's turn.
pub(super) fn pass_turn(this: &mut Loop) {
    let context = current();
    let Some(part) = context.part.filter(|_| this.first < this.end) else {
        return;
    };
    take_turn(this);
    this.has_turn = false;
    if context.spans_ranks {
        ordered::post(this.instance(&context), this.end);
    } else {
        part.place(this.turn).pass_turn(this.end);
    }
    this.first = this.end;
}

/// The loop's last thread on this rank has left.
pub(super) fn forget(this: &Loop, context: &Context) {
    if let Some(session) = session::get().filter(|_| context.spans_ranks) {
        ordered::finish(this.instance(context), session.ranks_in(context.team));
    }
}

/// The loops of a doacross nest: how iteration vectors are numbered.
#[derive(Debug)]
pub(super) struct Nest {
    counts: Vec<u64>,
    /// How many of them are distributed over threads: their product is the loop's number of iterations.
    outer: usize,
}

impl Nest {
    fn new(counts: Vec<u64>, iterations: u64) -> Nest {
        let mut product = 1_u64;
        let outer = counts.iter().position(|count| {
            product = product.saturating_mul(*count);
            product == iterations
        });
        Nest {
            outer: outer.map_or(1, |at| at + 1),
            counts,
        }
    }

    /// The number of the distributed iteration and that of the one inside it; `None`: there is no such iteration.
    fn number(&self, vector: &[i64]) -> Option<(u64, u64)> {
        let number = |range: std::ops::Range<usize>| {
            range.into_iter().try_fold(0_u64, |number, at| {
                let value = u64::try_from(vector[at]).ok()?;
                (value < self.counts[at])
                    .then(|| number.wrapping_mul(self.counts[at]).wrapping_add(value))
            })
        };
        Some((number(0..self.outer)?, number(self.outer..vector.len())?))
    }

    /// Iterations inside a distributed one.
    fn inner(&self) -> u64 {
        self.counts[self.outer..]
            .iter()
            .fold(1, |product: u64, count| product.wrapping_mul(*count))
    }
}

/// See `cape.h`.
///
/// # Safety
/// `this` was begun and `counts` has `dimensions` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_begin(
    this: *mut Loop,
    dimensions: c_uint,
    counts: *const c_longlong,
) {
    // SAFETY: the caller's promise.
    let (this, counts) = unsafe {
        (
            &mut *this,
            std::slice::from_raw_parts(counts, dimensions as usize),
        )
    };
    let context = current();
    let Some(part) = context.part else { return };
    let counts = counts
        .iter()
        .map(|count| u64::try_from(*count).unwrap_or(0))
        .collect();
    this.take_place();
    this.nest = Some(Box::new(Nest::new(counts, this.iterations)));
    if !context.spans_ranks {
        part.place(this.turn).crosses(this.iterations);
    }
}

/// The nest, the vector's number, and the team, unless there is nothing to do.
///
/// # Safety
/// `vector` has an element for each loop of the nest.
unsafe fn locate(
    this: &Loop,
    vector: *const c_longlong,
) -> Option<(&Nest, (u64, u64), Context, &'static Team)> {
    let nest = this.nest.as_deref()?;
    // SAFETY: the caller's promise.
    let vector = unsafe { std::slice::from_raw_parts(vector, nest.counts.len()) };
    let context = current();
    Some((nest, nest.number(vector)?, context, context.part?))
}

fn crosses<'a>(this: &Loop, part: &'a Team) -> &'a Crosses {
    part.place(this.turn).crosses(this.iterations)
}

/// See `cape.h`.
///
/// # Safety
/// `this` was begun by [`cape_doacross_begin`]; `vector` has an element for each loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_post(this: *mut Loop, vector: *const c_longlong) {
    // SAFETY: the caller's promise.
    let this = unsafe { &*this };
    // SAFETY: the caller's promise.
    let Some((nest, (outer, inner), context, part)) = (unsafe { locate(this, vector) }) else {
        return;
    };
    if context.spans_ranks {
        let position = outer.wrapping_mul(nest.inner()).wrapping_add(inner);
        ordered::post(this.instance(&context), position);
    } else {
        crosses(this, part).post(outer, inner);
    }
}

/// See `cape.h`.
///
/// # Safety
/// As for [`cape_doacross_post`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_doacross_wait(this: *mut Loop, vector: *const c_longlong) {
    // SAFETY: the caller's promise.
    let this = unsafe { &*this };
    // SAFETY: the caller's promise.
    let Some((nest, (outer, inner), context, part)) = (unsafe { locate(this, vector) }) else {
        return;
    };
    if context.spans_ranks {
        let position = outer.wrapping_mul(nest.inner()).wrapping_add(inner);
        ordered::wait(this.instance(&context), position);
    } else {
        crosses(this, part).wait(outer, inner, || this.is_cancelled(part));
    }
}

#[cfg(test)]
mod tests {
    use super::Nest;

    #[test]
    fn vectors_are_numbered_row_by_row() {
        let nest = Nest::new(vec![3, 4, 5], 3);
        assert_eq!(nest.number(&[2, 3, 4]), Some((2, 19)));
        assert_eq!(nest.number(&[2, 4, 0]), None);
        assert_eq!(nest.number(&[-1, 0, 0]), None);
        assert_eq!(nest.inner(), 20);
        let collapsed = Nest::new(vec![3, 4, 5], 12);
        assert_eq!(collapsed.number(&[2, 3, 4]), Some((11, 4)));
        let line = Nest::new(vec![7], 7);
        assert_eq!(line.number(&[6]), Some((6, 0)));
        assert_eq!(line.inner(), 1);
    }
}
