//! What a child does between fork and exec: only system calls, for nothing else is safe there (signal-safety(7)).

#![allow(unsafe_code)]

use std::io::{Error, Result};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::rlim_t;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::unistd::Pid;

/// What a rank needs beyond its environment.
#[derive(Clone, Debug)]
pub struct Inheritance {
    /// Signal mask.
    pub mask: SigSet,
    /// Soft and hard limit on descriptors.
    pub descriptors: (rlim_t, rlim_t),
    /// Processors that it may use; `None`: those of this process.
    pub processors: Option<CpuSet>,
    /// Descriptors that stay open across exec.
    pub kept: [RawFd; 2],
}

fn check(result: libc::c_int) -> Result<()> {
    if result == -1 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Asks the kernel to kill this process when its parent, the thread that forked it, ends.
fn die_with(parent: libc::pid_t) -> Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, Signal::SIGKILL as libc::c_ulong) })?;
    // SAFETY: getppid takes no arguments and cannot fail.
    if unsafe { libc::getppid() } != parent {
        // It ended before we asked: nobody waits for this error, but exec must not happen.
        return Err(Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

fn keep_open(descriptor: RawFd) -> Result<()> {
    // SAFETY: F_SETFD takes an int and touches no memory.
    check(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) })
}

fn limit_descriptors((soft, hard): (rlim_t, rlim_t)) -> Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the structure is valid for the call, which only reads it.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })
}

/// Makes `command` start a rank.
pub fn prepare_rank(command: &mut Command, inheritance: Inheritance) {
    let parent = i32::try_from(std::process::id()).expect("process ids are positive ints");
    let in_child = move || {
        die_with(parent)?;
        inheritance.kept.into_iter().try_for_each(keep_open)?;
        limit_descriptors(inheritance.descriptors)?;
        if let Some(processors) = &inheritance.processors {
            sched_setaffinity(Pid::from_raw(0), processors)?;
        }
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&inheritance.mask), None)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls on values it owns; it neither allocates nor locks.
    unsafe { command.pre_exec(in_child) };
}

/// Makes `command` start a tool that ends with `caperun`.
pub fn prepare_tool(command: &mut Command, mask: SigSet) {
    let parent = i32::try_from(std::process::id()).expect("process ids are positive ints");
    let in_child = move || {
        die_with(parent)?;
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls on values it owns; it neither allocates nor locks.
    unsafe { command.pre_exec(in_child) };
}
