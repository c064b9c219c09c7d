//! Files that one rank opened and another uses: streams and descriptors behave as in one process.
//!
//! The ranks of a host share a file by sharing its descriptor, and with it the offset: the driver's *service*, a thread that listens on
//! a Unix socket, hands it to the worker that touches it first (`SCM_RIGHTS`). A worker keeps it until the region ends, so that what
//! serial code closes is closed.
//!
//! ```text
//! worker: fprintf(f) ─► begin ─► known in this region? ──no──► service (driver): flush f, pass its descriptor and a slot
//!                         │ yes                                        │
//!                         ▼                                            ▼
//!                 lock the slot; fprintf(own stream over the descriptor); write it out; unlock
//! ```
//!
//! A stream's buffer belongs to one process, so between two operations on a shared stream all its buffers are empty: what was written is
//! written out, what was read ahead is given back, to the file (by moving the offset) or, where that is impossible, to the *slot*, a page of
//! memory that all ranks map and that also holds the stream's lock. From its first use elsewhere on the driver, too, uses its stream
//! this way; in serial code it keeps its buffer until the next fork.
//!
//! Where neither descriptors nor memory can be shared, because a rank is on another host, and where the driver would need a socket for
//! each of many ranks, a worker asks the driver call by call over the links that ranks have anyway (`remote.rs`, `office.rs`): its own
//! stream is then over functions that ask, and a descriptor's number remains the driver's.
//!
//! A handle means the same everywhere: a worker asks the service to note what it opens in a region, and opens it again if another rank's
//! stream has that address; the numbers of its descriptors come from a range of its own. So a handle that exists on another worker only
//! is an error that names it.

pub mod descriptors;
mod driver;
mod forwarding;
mod link;
mod office;
pub mod remote;
mod slots;
pub mod streams;
mod table;
mod words;
mod worker;

pub use forwarding::settle as settle_forwarded;
pub use office::asked;

use std::ffi::c_int;
use std::time::Duration;

use transport::{Address, Contact, Counters, Event, Frame, Peer, Transport};

use crate::failure::fatal;
use crate::session::{self, Session};

/// What stands for a descriptor that has to be used on the driver; files.c knows it as `CAPE_REMOTE`.
pub const REMOTE: c_int = c_int::MIN;

/// Most workers that the driver has a socket for.
const NEIGHBOURS: u32 = 16;

// files.c
unsafe extern "C" {
    fn cape_set_internal(on: c_int) -> c_int;
}

/// While it lives, what the calling thread does with descriptors is none of the program's business: the linker's `--wrap` sends the
/// runtime's own calls to the wrappers, too, and there a number of the runtime's would be taken for one of the driver's.
#[derive(Debug)]
pub struct Internal(c_int);

/// See [`Internal`].
pub fn internal() -> Internal {
    // SAFETY: it sets a variable of the calling thread's.
    Internal(unsafe { cape_set_internal(1) })
}

impl Drop for Internal {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { cape_set_internal(self.0) };
    }
}

/// The transport, whose sockets are the runtime's own.
pub struct Guarded(pub Box<dyn Transport>);

impl Transport for Guarded {
    fn me(&self) -> Peer {
        self.0.me()
    }

    fn address(&self) -> Address {
        self.0.address()
    }

    fn contact(&self) -> Contact {
        self.0.contact()
    }

    fn introduce_at(&self, peer: Peer, contact: Contact) {
        let _internal = internal();
        self.0.introduce_at(peer, contact);
    }

    fn set_ranks(&self, ranks: u32) {
        self.0.set_ranks(ranks);
    }

    fn send(&self, to: Peer, frame: Frame) -> Result<(), transport::Error> {
        let _internal = internal();
        self.0.send(to, frame)
    }

    fn broadcast(&self, frame: Frame) -> Result<(), transport::Error> {
        let _internal = internal();
        self.0.broadcast(frame)
    }

    fn queued(&self) -> usize {
        self.0.queued()
    }

    fn poll(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> Result<(), transport::Error> {
        let _internal = internal();
        self.0.poll(timeout, events)
    }

    fn wake(&self) {
        let _internal = internal();
        self.0.wake();
    }

    fn counters(&self) -> Counters {
        self.0.counters()
    }

    fn close(&self) {
        let _internal = internal();
        self.0.close();
    }
}

/// Called on every rank when its session begins.
pub fn start(session: &Session, job: &str) {
    let _internal = internal();
    let host = session.host.as_deref().unwrap_or_default();
    // A rank of a host of another name does not find it, even if that is the same machine.
    let address = format!("cape-files-{job}-{host}");
    table::initialise(session.rank);
    descriptors::choose_numbers(session.rank, session.size);
    if session.rank == 0 {
        driver::start(&address);
    } else {
        worker::start(address, session.rank <= NEIGHBOURS);
    }
}

/// Called by the driver before a region: empties the buffers that serial code used, and says which of the descriptors 0, 1 and 2 it gave
/// another meaning since the last call.
pub fn at_fork() -> Vec<i32> {
    let _internal = internal();
    streams::settle();
    driver::recycle();
    table::changed_standard()
}

/// Called by a worker when its part of a region is complete: gives back what the driver lent.
pub fn leave_region() {
    let _internal = internal();
    worker::leave_region();
}

/// Called by a worker when a region begins: serial code has reopened these of the descriptors 0, 1 and 2.
pub fn reopen_standard(descriptors: &[i32]) {
    let _internal = internal();
    worker::reopen_standard(descriptors);
}

/// Ends the job: `what` of `name` cannot be done here.
fn refuse(function: &str, kind: &str, name: &str, reason: &str) -> ! {
    let place = session::get().map_or_else(String::new, |session| {
        let host = session.host.as_ref();
        format!(
            "rank {}, thread {}{}",
            session.rank,
            crate::context::current().number,
            host.map_or_else(String::new, |host| format!(" on host {host}"))
        )
    });
    fatal(format_args!(
        "{function}: the {kind} '{name}' is used by {place}{}: {reason}",
        region()
    ))
}

fn region() -> String {
    match session::get().map(Session::whereabouts) {
        Some(label) if !label.is_empty() => format!(" in the region at {label}"),
        _ => " in serial code".to_owned(),
    }
}

/// Called after the program changed its directory.
#[unsafe(no_mangle)]
pub extern "C" fn cape_changed_directory() {
    crate::files::note_changed_directory();
}
