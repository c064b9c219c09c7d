//! Input for a driver that does not inherit it: read where the user is, written where the driver is, each by a thread of its own, for
//! either may take its time.
//!
//! Never more than [`WINDOW`] bytes are on their way, so that a driver that reads nothing costs nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::report::Failure;
use crate::signals::{Herald, Notice};

/// Bytes read that the driver has not taken.
const WINDOW: usize = 256 << 10;
/// Bytes read at a time.
const READ_SIZE: usize = 16 << 10;

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(format!(
        "cannot start a thread for input: {error}; raise ulimit -u"
    ))
}

/// The thread that writes a driver's input.
#[derive(Debug)]
pub struct Input {
    pieces: Option<Sender<Vec<u8>>>,
}

impl Input {
    /// Starts it over the writing end of the driver's input. It says [`Notice::Swallowed`] for what the driver's pipe has taken.
    pub fn start(pipe: OwnedFd, herald: Herald) -> Result<Input, Failure> {
        let (pieces, receiver) = channel();
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || write_all(File::from(pipe), &receiver, &herald))
            .map_err(|error| cannot_start(&error))?;
        Ok(Input {
            pieces: Some(pieces),
        })
    }

    /// Writes; nothing: the input ends.
    pub fn write(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            self.pieces = None;
        } else if let Some(pieces) = &self.pieces {
            let _ = pieces.send(bytes);
        }
    }
}

fn write_all(mut pipe: File, pieces: &Receiver<Vec<u8>>, herald: &Herald) {
    let mut reads = true;
    while let Ok(bytes) = pieces.recv() {
        // A driver that has closed its input is not to hold up who types.
        reads = reads && pipe.write_all(&bytes).is_ok();
        herald.say(Notice::Swallowed(bytes.len()));
    }
}

/// The thread that reads the user's input.
#[derive(Debug)]
pub struct Typing {
    taken: Sender<usize>,
}

impl Typing {
    /// Starts it over this process's standard input. It says [`Notice::Input`].
    pub fn start(herald: Herald) -> Result<Typing, Failure> {
        let (taken, receiver) = channel();
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || read_all(&receiver, &herald))
            .map_err(|error| cannot_start(&error))?;
        Ok(Typing { taken })
    }

    /// The driver has taken so many bytes.
    pub fn swallowed(&self, bytes: usize) {
        // The thread ends with the input.
        let _ = self.taken.send(bytes);
    }
}

fn read_all(taken: &Receiver<usize>, herald: &Herald) {
    let mut under_way = 0;
    loop {
        let mut bytes = vec![0; READ_SIZE];
        let length = match std::io::stdin().read(&mut bytes) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        bytes.truncate(length);
        if !herald.say(Notice::Input(bytes)) || length == 0 {
            return;
        }
        under_way += length;
        while under_way >= WINDOW {
            match taken.recv() {
                Ok(bytes) => under_way = under_way.saturating_sub(bytes),
                Err(_) => return,
            }
        }
        while let Ok(bytes) = taken.try_recv() {
            under_way = under_way.saturating_sub(bytes);
        }
    }
}
