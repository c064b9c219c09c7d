//! Binding the calling thread to its place (OpenMP 5.2, 10.1.3); the policies themselves are in [`crate::places`].

use std::cell::Cell;

use crate::icv::{self, Binding, process};
use crate::places;

thread_local! {
    static PLACE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The place of the calling thread; `None`: it is not bound to one.
pub fn place() -> Option<u32> {
    PLACE.get()
}

/// Binds the calling thread to place `number`, unless it is there.
pub fn enter(number: u32) -> std::io::Result<()> {
    if PLACE.get() == Some(number) {
        return Ok(());
    }
    if let Some(place) = process().places.get(number as usize) {
        places::bind(place)?;
        PLACE.set(Some(number));
    }
    Ok(())
}

/// The policy of a region: its `proc_bind` clause (an `omp_proc_bind_t`, negative without one), unless *bind-var* of the task that
/// starts it says that threads are not bound.
pub fn policy(bind: Binding, clause: i32) -> Binding {
    match (bind, Binding::from_omp(clause)) {
        (Binding::False, _) => Binding::False,
        (_, Some(policy)) => policy,
        (_, None) => bind,
    }
}

/// Moves the calling thread, number `number` of the `threads` that this rank runs of a team, to its place, and gives its task the
/// partition that goes with it. `primary`: the place of the thread that started the team here. Call it after [`icv::set`].
pub fn settle(policy: Binding, primary: Option<u32>, threads: u32, number: u32) {
    let mut icvs = icv::current();
    let primary = primary.unwrap_or(icvs.partition.first);
    let Some((place, partition)) = places::assign(policy, icvs.partition, primary, threads, number)
    else {
        return;
    };
    icvs.partition = partition;
    icv::set(icvs);
    // A processor that was taken away since the start: the thread goes on where the kernel lets it.
    let _ = enter(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_has_no_effect_where_threads_are_not_bound() {
        assert_eq!(policy(Binding::False, 4), Binding::False);
        assert_eq!(policy(Binding::Close, 4), Binding::Spread);
        assert_eq!(policy(Binding::Close, -1), Binding::Close);
    }
}
