//! Descriptors that several ranks use: on a worker, numbers of the driver's stand for what it lent.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::sync::OnceLock;

use super::table::{self, Handle};
use super::{driver, internal, refuse, worker};
use crate::session;

/// Numbers below this one are the driver's, as far as it gets by with them.
const FIRST: u64 = 256;

/// Which numbers the descriptors have that workers open: rank r's begin at `FIRST + r * each`.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    rank: u64,
    ranks: u64,
    each: u64,
}

static NUMBERS: OnceLock<Numbers> = OnceLock::new();

fn share(limit: u64, ranks: u64) -> u64 {
    (limit.saturating_sub(FIRST) / ranks.max(1)).min(4096)
}

/// How many numbers each rank has, and the soft limit that needs.
fn divide(soft: u64, hard: u64, ranks: u64) -> (u64, u64) {
    const ENOUGH: u64 = 64;
    if share(soft, ranks) >= ENOUGH {
        return (share(soft, ranks), soft);
    }
    let raised = (FIRST + ranks * ENOUGH).min(hard).max(soft);
    (share(raised, ranks), raised)
}

/// Sets a range of numbers apart for each rank. Where there are too few, a worker's limit is raised.
pub fn choose_numbers(rank: u32, ranks: u32) {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limits` is a valid place.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits) } != 0 {
        return;
    }
    let (each, soft) = divide(limits.rlim_cur, limits.rlim_max, ranks.into());
    if rank > 0 && soft > limits.rlim_cur {
        limits.rlim_cur = soft;
        // SAFETY: the structure is only read; what cannot be raised stays.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limits) };
    }
    if each > 0 {
        let _ = NUMBERS.set(Numbers {
            rank: rank.into(),
            ranks: ranks.into(),
            each,
        });
    }
}

/// Called after the program opened a descriptor: the number to give it.
///
/// # Safety
/// `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_opened_descriptor(descriptor: c_int, name: *const c_char) -> c_int {
    let _internal = internal();
    let Some(session) = session::get() else {
        return descriptor;
    };
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let number = if session.rank > 0 && descriptor > 2 {
        move_away(descriptor)
    } else {
        descriptor
    };
    if session.rank > 0 {
        worker::forget_descriptor(number);
    } else {
        driver::release_descriptor(number);
    }
    table::note(Handle::Descriptor(number), &name);
    number
}

/// Gives a worker's descriptor a number of its own range; where there is none left, it keeps its own.
fn move_away(descriptor: c_int) -> c_int {
    let Some(first) = NUMBERS
        .get()
        .and_then(|numbers| c_int::try_from(FIRST + numbers.rank * numbers.each).ok())
    else {
        return descriptor;
    };
    // SAFETY: F_GETFD takes no argument.
    let closes = unsafe { libc::fcntl(descriptor, libc::F_GETFD) } & libc::FD_CLOEXEC != 0;
    let command = if closes {
        libc::F_DUPFD_CLOEXEC
    } else {
        libc::F_DUPFD
    };
    // SAFETY: the argument is a number.
    let moved = unsafe { libc::fcntl(descriptor, command, first) };
    if moved < 0 {
        return descriptor;
    }
    // SAFETY: the descriptor was opened for the program, which has not seen its number.
    unsafe { libc::close(descriptor) };
    moved
}

/// On a worker: the descriptor that the program means by `number`.
///
/// # Safety
/// `function` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_local_descriptor(number: c_int, function: *const c_char) -> c_int {
    let _internal = internal();
    if number < 0 {
        return -1;
    }
    if (1..3).contains(&number) || table::is_own(Handle::Descriptor(number)) {
        return number;
    }
    // SAFETY: the caller's promise.
    worker::descriptor(
        number,
        &unsafe { CStr::from_ptr(function) }.to_string_lossy(),
    )
}

/// Called before the program closes `number`; 1: go on, 0: it was done, with the result in `result`.
///
/// # Safety
/// `result` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_closing_descriptor(number: c_int, result: *mut c_int) -> c_int {
    let _internal = internal();
    let own = table::is_own(Handle::Descriptor(number));
    closed(number);
    let worker = session::get().is_some_and(|session| session.rank > 0);
    if worker
        && !own
        && number != 1
        && number != 2
        && let Some(answer) = worker::close_descriptor(number)
    {
        // SAFETY: the caller's promise.
        unsafe { result.write(answer) };
        return 0;
    }
    1
}

/// Notes that the program closed `number`.
pub fn closed(number: c_int) {
    let Some(session) = session::get().filter(|_| number >= 0) else {
        return;
    };
    table::note_standard(number);
    table::forget(Handle::Descriptor(number));
    if session.rank == 0 {
        driver::release_descriptor(number);
    }
}

/// Called when a call on a descriptor failed: if another rank opened it, the job ends with its number.
///
/// # Safety
/// `function` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_check_descriptor(number: c_int, function: *const c_char) {
    let _internal = internal();
    let error = io::Error::last_os_error();
    let owner = NUMBERS.get().and_then(|numbers| {
        let rank = u64::try_from(number).ok()?.checked_sub(FIRST)? / numbers.each;
        (rank > 0 && rank < numbers.ranks && rank != numbers.rank).then_some(rank)
    });
    if let (Some(libc::EBADF), Some(rank)) = (error.raw_os_error(), owner) {
        // SAFETY: the caller's promise.
        let function = unsafe { CStr::from_ptr(function) }.to_string_lossy();
        refuse(
            &function,
            "descriptor",
            &number.to_string(),
            &format!(
                "rank {rank} opened it in a region, and it exists there only: open it in serial code or in a master construct"
            ),
        );
    }
    if let Some(code) = error.raw_os_error() {
        // SAFETY: the calling thread's errno.
        unsafe { *libc::__errno_location() = code };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_have_numbers_of_their_own() {
        assert_eq!(divide(1024, 1 << 20, 4), (192, 1024));
        assert_eq!(divide(1024, 1 << 20, 64), (64, 256 + 64 * 64));
        assert_eq!(divide(1024, 1024, 64), (12, 1024));
        assert_eq!(divide(64, 64, 2), (0, 64));
        assert_eq!(divide(1 << 20, 1 << 20, 2).0, 4096);
    }
}
