//! A program that was sent to a host: it has no name there, and is gone when nobody executes it any more.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::report::Failure;

/// `MFD_EXEC` (Linux 6.3): executable although `vm.memfd_noexec` says otherwise where nothing is asked for.
const EXECUTABLE: u32 = 0x10;

/// The program, in memory.
#[derive(Debug)]
pub struct Program {
    file: File,
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!(
        "cannot keep the program that was sent: {error}; put it on a file system that all hosts share"
    ))
}

impl Program {
    /// An empty one.
    pub fn new() -> Result<Program, Failure> {
        let close = MFdFlags::MFD_CLOEXEC;
        let executable = MFdFlags::from_bits_retain(close.bits() | EXECUTABLE);
        let memory = memfd_create(c"cape-program", executable)
            .or_else(|_| memfd_create(c"cape-program", close))
            .map_err(|error| failed(&error))?;
        Ok(Program {
            file: File::from(memory),
        })
    }

    /// Adds bytes at its end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| failed(&error))
    }

    /// A name that this process and its children can execute.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }
}
