//! File descriptors: enough of them, and out of the way of user programs, which expect the low numbers to be free.

use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::unistd::pipe2;

use crate::report::Failure;

/// Descriptors that ranks inherit have at least this number where the limit allows it.
const HIGH: i32 = 900;

/// Moves a descriptor to a high number; where that cannot be, it stays.
pub fn out_of_the_way(descriptor: OwnedFd) -> OwnedFd {
    match fcntl(&descriptor, FcntlArg::F_DUPFD_CLOEXEC(HIGH)) {
        Ok(number) => own(number),
        Err(_) => descriptor,
    }
}

#[allow(unsafe_code)]
fn own(number: i32) -> OwnedFd {
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Makes room for the descriptors of `ranks` ranks: raises the soft limit to the hard one, and lets the kernel enlarge the
/// table now. Once there are threads it would wait for an RCU grace period on doing so (`expand_fdtable`): 10 ms and more.
///
/// Returns the former soft and hard limits, for the ranks.
pub fn make_room(ranks: u32) -> (rlim_t, rlim_t) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    // What cannot be raised is found out, with a message, when descriptors run out.
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    // A link and a key for each rank, and the listener and its like.
    let last = i32::try_from(ranks).map_or(HIGH, |ranks| HIGH + 2 * ranks + 64);
    for number in [last, HIGH] {
        if let Ok(number) = fcntl(std::io::stderr(), FcntlArg::F_DUPFD_CLOEXEC(number)) {
            drop(own(number));
            break;
        }
    }
    (soft, hard)
}

/// The reading end of a pipe that holds `secret` and nothing else: whoever reads it is the only one to have it.
pub fn holding(secret: &[u8]) -> Result<OwnedFd, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "cannot hand over the job's key: {error}; raise ulimit -n"
        ))
    };
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|error| failed(error.into()))?;
    // A key is smaller than the smallest pipe, so this does not block.
    std::fs::File::from(write)
        .write_all(secret)
        .map_err(failed)?;
    Ok(out_of_the_way(read))
}

fn no_pipe(error: nix::Error) -> Failure {
    Failure::new(format!(
        "cannot create a pipe for a rank's output: {error}; raise ulimit -n or lower -n"
    ))
}

/// A pipe; both ends close on exec.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    pipe2(OFlag::O_CLOEXEC).map_err(no_pipe)
}

/// A pipe whose reading end does not block; both ends close on exec.
pub fn output_pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    let (read, write) = pipe()?;
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(no_pipe)?;
    Ok((read, write))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_secret_is_read_once() {
        let end = holding(b"0123456789").expect("pipe");
        assert!(end.as_raw_fd() >= HIGH);
        let mut text = String::new();
        std::fs::File::from(end)
            .read_to_string(&mut text)
            .expect("ends");
        assert_eq!(text, "0123456789");
    }
}
