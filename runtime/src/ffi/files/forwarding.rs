//! Standard output or error that serial code gave another file, on a rank of another host: what the rank writes goes through a pipe to a
//! thread of its own, which writes it to the driver's file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::words::{How, PIECE};
use super::{internal, remote};
use crate::failure::fatal;
use crate::os;

/// Pipes that are read, and how many bytes of each were read and are not yet written.
#[derive(Debug, Default)]
struct Pipes {
    open: Vec<OwnedFd>,
    busy: usize,
}

/// Whether there are any.
static FORWARDS: AtomicBool = AtomicBool::new(false);
static PIPES: Mutex<Option<Pipes>> = Mutex::new(None);
static WRITTEN: Condvar = Condvar::new();

fn pipes() -> MutexGuard<'static, Option<Pipes>> {
    PIPES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &std::io::Error) -> ! {
    fatal(format_args!(
        "cannot send output to the file that rank 0 gave standard output ({error}): raise the limits on descriptors and processes (ulimit)"
    ))
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made them for us.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Sends what is written to `number`, 1 or 2, to the driver's file of that number from now on.
pub fn redirect(number: i32) {
    let (read, write) = pipe().unwrap_or_else(|error| failed(&error));
    let watched = read.try_clone().unwrap_or_else(|error| failed(&error));
    // SAFETY: both are descriptors of this process; the pipe's other descriptor is closed when `write` is dropped.
    unsafe { libc::dup2(write.as_raw_fd(), number) };
    pipes().get_or_insert_default().open.push(watched);
    FORWARDS.store(true, Release);
    let started = os::with_signals_blocked(|| {
        crate::ffi::alloc::start_internal_thread("cape-forward", move || {
            let _internal = internal();
            crate::places::unbind();
            forward(File::from(read), number);
        })
    });
    if let Err(error) = started {
        failed(&error);
    }
}

/// Until nobody can write to the pipe any more.
fn forward(mut pipe: File, number: i32) {
    let mut buffer = vec![0; PIECE];
    loop {
        wait_for(&pipe);
        // Before it is read: see `settle`.
        count(true);
        let read = pipe.read(&mut buffer);
        if let Ok(length) = read {
            write_all(number, &buffer[..length]);
        }
        count(false);
        match read {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
        }
    }
    let watched = pipe.as_raw_fd();
    if let (Some(pipes), Ok(ours)) = (pipes().as_mut(), identity(watched)) {
        pipes
            .open
            .retain(|open| identity(open.as_raw_fd()).is_ok_and(|other| other != ours));
    }
}

/// What tells pipes apart.
fn identity(descriptor: i32) -> std::io::Result<u64> {
    // SAFETY: all-zero is a valid place for a file's status.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the place is valid.
    match unsafe { libc::fstat(descriptor, &mut status) } {
        0 => Ok(status.st_ino),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn wait_for(pipe: &File) {
    let mut one = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure. An interrupted wait is followed by a read that waits.
    unsafe { libc::poll(&raw mut one, 1, -1) };
}

fn count(begins: bool) {
    let mut guard = pipes();
    let pipes = guard.get_or_insert_default();
    if begins {
        pipes.busy += 1;
    } else {
        pipes.busy -= 1;
        WRITTEN.notify_all();
    }
}

/// What cannot be written is lost, as what a process writes to a full disk through its buffers.
fn write_all(number: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match usize::try_from(remote::write(number, bytes, How::Here)) {
            Ok(written @ 1..) => bytes = &bytes[written.min(bytes.len())..],
            _ => return,
        }
    }
}

/// Waits until what this rank has written has reached the driver's file. Not in the thread that receives, which would keep the answers
/// from arriving.
pub fn settle() {
    if !FORWARDS.load(Acquire) || crate::exchange::receives() {
        return;
    }
    let mut guard = pipes();
    loop {
        let Some(pipes) = guard.as_ref() else {
            return;
        };
        // In this order: whoever reads says so first.
        let read = pipes.open.iter().all(|pipe| os::unread(pipe) == 0);
        if read && pipes.busy == 0 {
            return;
        }
        guard = WRITTEN.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}
