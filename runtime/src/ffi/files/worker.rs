//! A worker's end: what the driver lent for this region.

use std::collections::HashMap;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::link::{self, Answer, Question};
use super::refuse;
use super::slots::{Board, Slot};
use super::streams::{self, Mapped, Parts};
use crate::failure::fatal;

/// A descriptor that the driver lent.
#[derive(Debug)]
struct Lent {
    descriptor: OwnedFd,
    slot: Slot,
}

#[derive(Debug)]
struct Client {
    address: String,
    link: Option<(OwnedFd, Board)>,
    /// `None`: nobody has noted that number, it is this rank's own.
    descriptors: HashMap<c_int, Option<Lent>>,
}

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

/// Held while a question is asked, and never while a stream is in use.
fn client() -> MutexGuard<'static, Option<Client>> {
    CLIENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes where the service is.
pub fn start(address: String) {
    *client() = Some(Client {
        address,
        link: None,
        descriptors: HashMap::new(),
    });
    streams::activate();
}

fn unreachable(error: &dyn std::fmt::Display) -> ! {
    fatal(format_args!(
        "cannot reach rank 0 about its open files ({error}): raise the limit on descriptors (ulimit -n)"
    ))
}

impl Client {
    fn link(&mut self) -> &(OwnedFd, Board) {
        if self.link.is_none() {
            let socket =
                link::connect_to(&self.address).unwrap_or_else(|error| unreachable(&error));
            let (_, memory) = exchange(&socket, &Question::Board);
            let memory = memory.unwrap_or_else(|| unreachable(&"no memory came along"));
            let board = Board::open(memory).unwrap_or_else(|error| unreachable(&error));
            self.link = Some((socket, board));
        }
        self.link.as_ref().expect("made above")
    }

    fn ask(&mut self, question: &Question) -> (Answer, Option<OwnedFd>) {
        exchange(&self.link().0, question)
    }
}

fn exchange(socket: &OwnedFd, question: &Question) -> (Answer, Option<OwnedFd>) {
    link::send(socket, question, None).unwrap_or_else(|error| unreachable(&error));
    match link::receive(socket) {
        Ok(Some(answer)) => answer,
        Ok(None) => unreachable(&"it has closed the connection"),
        Err(error) => unreachable(&error),
    }
}

fn ask(question: &Question) -> (Answer, Option<OwnedFd>) {
    match client().as_mut() {
        Some(client) => client.ask(question),
        None => (Answer::Unknown, None),
    }
}

/// This rank's stream for one of the driver's; `None`: nobody has noted it, so it is this rank's own.
pub fn stream(handle: u64, function: &str) -> Option<&'static Mapped> {
    // Another thread of this rank may be asking about the same.
    let mut guard = client();
    if let Some(mapped) = streams::known(handle) {
        return Some(mapped);
    }
    let client = guard.as_mut()?;
    match client.ask(&Question::Stream(handle)) {
        (
            Answer::Lent {
                slot,
                number,
                flags,
                name,
            },
            Some(descriptor),
        ) => Some(streams::map(Parts {
            handle,
            descriptor: descriptor.as_raw_fd(),
            lent: Some(descriptor),
            number,
            flags,
            slot: (client.link().1.slot(slot), slot),
            name,
        })),
        (Answer::Refused { name, reason }, _) => refuse(function, "stream", &name, &reason),
        (Answer::Elsewhere { rank, name }, _) => refuse(
            function,
            "stream",
            &name,
            &format!(
                "rank {rank} opened it in a region, and it exists there only: open it in serial code or in a master construct"
            ),
        ),
        _ => None,
    }
}

/// This rank's descriptor for one of the driver's; the number itself if nobody has noted it.
pub fn descriptor(number: c_int, function: &str) -> c_int {
    let mut guard = client();
    let Some(client) = guard.as_mut() else {
        return number;
    };
    match client.descriptors.get(&number) {
        Some(Some(lent)) if !lent.slot.is_closed() => return lent.descriptor.as_raw_fd(),
        Some(None) => return number,
        _ => {}
    }
    let lent = match client.ask(&Question::Descriptor(number)) {
        (Answer::Lent { slot, .. }, Some(descriptor)) => Some(Lent {
            descriptor,
            slot: client.link().1.slot(slot),
        }),
        (Answer::Refused { name, reason }, _) => {
            drop(guard);
            refuse(function, "descriptor", &name, &reason)
        }
        _ => None,
    };
    let local = lent
        .as_ref()
        .map_or(number, |lent| lent.descriptor.as_raw_fd());
    client.descriptors.insert(number, lent);
    local
}

/// Closes a descriptor of the driver's, there; `None`: it is not the driver's.
pub fn close_descriptor(number: c_int) -> Option<c_int> {
    let local = descriptor(number, "close");
    if local == number {
        return None;
    }
    if let Some(client) = client().as_mut() {
        client.descriptors.remove(&number);
    }
    Some(done(ask(&Question::CloseDescriptor(number)).0))
}

/// Closes a stream of the driver's, there.
pub fn close_stream(handle: u64, process: bool) -> c_int {
    done(ask(&Question::CloseStream(handle, process)).0)
}

fn done(answer: Answer) -> c_int {
    let (result, error) = match answer {
        Answer::Done(result, error) => (result, error),
        _ => (-1, libc::EBADF),
    };
    if result < 0 {
        // SAFETY: the calling thread's errno.
        unsafe { *libc::__errno_location() = error };
    }
    result
}

/// Notes that this rank opened a stream in a region; `true`: another rank has one at that address.
pub fn opened(stream: u64, name: &str, rank: u32) -> bool {
    let question = Question::Opened {
        stream,
        name: name.to_owned(),
        rank,
    };
    ask(&question).0 == Answer::Taken
}

/// Notes that this rank closed a stream that it opened.
pub fn closed(stream: u64) {
    ask(&Question::Closed(stream));
}

/// Notes that the program gave `number` a meaning on this rank.
pub fn forget_descriptor(number: c_int) {
    if let Some(client) = client().as_mut() {
        client.descriptors.remove(&number);
    }
}

/// Gives back what was lent.
pub fn leave_region() {
    streams::unmap_all();
    if let Some(client) = client().as_mut() {
        client.descriptors.clear();
    }
}

/// Takes over what the driver's descriptors of these numbers, all below 3, are now.
pub fn reopen_standard(numbers: &[c_int]) {
    for number in numbers.iter().copied().filter(|number| *number > 0) {
        let (_, descriptor) = ask(&Question::Descriptor(number));
        match descriptor {
            // SAFETY: both are descriptors of this process.
            Some(descriptor) => unsafe { libc::dup2(descriptor.as_raw_fd(), number) },
            // SAFETY: serial code closed it, so it is closed here.
            None => unsafe { libc::close(number) },
        };
    }
}
