//! Which nest locks of a job of several ranks this rank's tasks own, and how often (OpenMP 5.2, 18.9).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

static OWNED: Mutex<Option<HashMap<u64, (u64, u32)>>> = Mutex::new(None);

fn owned() -> MutexGuard<'static, Option<HashMap<u64, (u64, u32)>>> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose a nest lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// The caller's, now this many times.
    Mine(u32),
    /// Somebody else's or nobody's.
    Other,
}

/// Takes `lock` once more if it is `owner`'s.
pub fn enter(lock: u64, owner: u64) -> Nesting {
    match owned().get_or_insert_default().get_mut(&lock) {
        Some((holder, depth)) if *holder == owner => {
            *depth += 1;
            Nesting::Mine(*depth)
        }
        _ => Nesting::Other,
    }
}

/// Notes that `owner` has acquired `lock`.
pub fn own(lock: u64, owner: u64) {
    owned().get_or_insert_default().insert(lock, (owner, 1));
}

/// Gives `lock` back once; how often it is still held. 0: it is to be released.
pub fn leave(lock: u64) -> u32 {
    let mut owned = owned();
    let locks = owned.get_or_insert_default();
    let Some((_, depth)) = locks.get_mut(&lock) else {
        return 0;
    };
    *depth -= 1;
    let left = *depth;
    if left == 0 {
        locks.remove(&lock);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_counted_for_its_owner() {
        assert_eq!(enter(1, 5), Nesting::Other);
        own(1, 5);
        assert_eq!(enter(1, 5), Nesting::Mine(2));
        assert_eq!(enter(1, 6), Nesting::Other);
        assert_eq!((leave(1), leave(1)), (1, 0));
        assert_eq!(enter(1, 5), Nesting::Other);
    }
}
