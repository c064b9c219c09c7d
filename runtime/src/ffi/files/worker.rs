//! A worker's end: what the driver lent for this region. A worker that cannot reach the driver's socket asks over its links.

use std::collections::HashMap;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::link::{self, Answer, Question};
use super::slots::{Board, Far, Slot};
use super::streams::{self, File, Mapped, Parts};
use super::{REMOTE, forwarding, internal, refuse, remote};
use crate::failure::fatal;

/// A descriptor of the driver's.
#[derive(Debug)]
enum Lent {
    /// A copy of it, and where it is noted that the driver closed it.
    Copy { descriptor: OwnedFd, slot: Slot },
    /// It is the driver's to use.
    Remote,
}

/// How the driver is asked.
#[derive(Debug)]
enum Line {
    /// Perhaps it is on this host.
    Unasked,
    /// On this host.
    Near(OwnedFd, Board),
    /// On another one.
    Far,
}

#[derive(Debug)]
struct Client {
    /// Where the driver listens, if it is on this host.
    address: String,
    line: Line,
    /// `None`: nobody has noted that number, it is this rank's own.
    descriptors: HashMap<c_int, Option<Lent>>,
}

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

/// Held while a question is asked, and never while a stream is in use.
fn client() -> MutexGuard<'static, Option<Client>> {
    CLIENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes where the service is, if it is on this host; unless it is `near`, it is to be asked over the job's links even then.
pub fn start(address: String, near: bool) {
    *client() = Some(Client {
        address,
        line: if near { Line::Unasked } else { Line::Far },
        descriptors: HashMap::new(),
    });
    streams::activate();
}

fn unreachable(error: &dyn std::fmt::Display) -> ! {
    fatal(format_args!(
        "lost rank 0, which has the files that this region uses ({error}): see what it said, or whether it was killed"
    ))
}

impl Client {
    /// The socket to the driver and the slots, if it can be reached that way: it cannot from another host or network namespace, nor
    /// where this process or the driver may have no more descriptors.
    fn near(&mut self) -> Option<(&OwnedFd, &Board)> {
        if let Line::Unasked = self.line {
            self.line = match link::connect_to(&self.address) {
                Ok(socket) => meet(socket),
                Err(_) => Line::Far,
            };
        }
        match &self.line {
            Line::Near(socket, board) => Some((socket, board)),
            Line::Unasked | Line::Far => None,
        }
    }

    fn ask(&mut self, question: &Question) -> (Answer, Option<OwnedFd>) {
        match self.near() {
            Some((socket, _)) => exchange(socket, question),
            None => (remote::about(question), None),
        }
    }

    /// A slot of the driver's.
    fn slot(&mut self, number: usize) -> Slot {
        match self.near() {
            Some((_, board)) => board.slot(number),
            None => Far::numbered(number),
        }
    }
}

fn meet(socket: OwnedFd) -> Line {
    let (_, memory) = exchange(&socket, &Question::Board);
    match memory.map(Board::open) {
        Some(Ok(board)) => Line::Near(socket, board),
        // No descriptor or no memory was left to take it.
        _ => Line::Far,
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
            descriptor,
        ) => Some(streams::map(Parts {
            handle,
            file: descriptor.map_or(File::Remote(number), File::Lent),
            number,
            flags,
            slot: (client.slot(slot), slot),
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

/// This rank's descriptor for one of the driver's; [`REMOTE`] if it has to be used there; the number itself if nobody has noted it.
pub fn descriptor(number: c_int, function: &str) -> c_int {
    let mut guard = client();
    let Some(client) = guard.as_mut() else {
        return number;
    };
    match client.descriptors.get(&number) {
        Some(Some(Lent::Copy { descriptor, slot })) if !slot.is_closed() => {
            return descriptor.as_raw_fd();
        }
        Some(Some(Lent::Remote)) => return REMOTE,
        Some(None) => return number,
        _ => {}
    }
    let lent = match client.ask(&Question::Descriptor(number)) {
        (Answer::Lent { slot, .. }, Some(descriptor)) => Some(Lent::Copy {
            descriptor,
            slot: client.slot(slot),
        }),
        (Answer::Lent { .. }, None) => Some(Lent::Remote),
        (Answer::Refused { name, reason }, _) => {
            drop(guard);
            refuse(function, "descriptor", &name, &reason)
        }
        _ => None,
    };
    let local = match &lent {
        Some(Lent::Copy { descriptor, .. }) => descriptor.as_raw_fd(),
        Some(Lent::Remote) => REMOTE,
        None => number,
    };
    client.descriptors.insert(number, lent);
    local
}

/// A descriptor of the driver's that is otherwise used there, for what can be done with a copy only; -1: the driver is on another host.
#[unsafe(no_mangle)]
pub extern "C" fn cape_borrow(number: c_int) -> c_int {
    let _internal = internal();
    let guard = client();
    let Some(client) = guard.as_ref() else {
        return -1;
    };
    let Ok(socket) = link::connect_to(&client.address) else {
        return -1;
    };
    let (_, descriptor) = exchange(&socket, &Question::Descriptor(number));
    descriptor.map_or(-1, IntoRawFd::into_raw_fd)
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
        match ask(&Question::Descriptor(number)) {
            // SAFETY: both are descriptors of this process.
            (_, Some(descriptor)) => unsafe {
                libc::dup2(descriptor.as_raw_fd(), number);
            },
            (Answer::Lent { .. }, None) => forwarding::redirect(number),
            // SAFETY: serial code closed it, so it is closed here.
            _ => unsafe {
                libc::close(number);
            },
        }
    }
}
