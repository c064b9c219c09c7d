//! The driver's end for ranks that share no descriptors with it: threads that do with its files what `words.rs` describes.
//!
//! ```text
//! frame ─► asked (whichever thread receives: must not block)
//!            ├─ lock, unlock of a slot ──► the slot's keeper, a thread that holds the lock for the rank that was granted it
//!            ├─ regular files ───────────► one clerk: such calls end soon
//!            └─ pipes, terminals, … ─────► as many clerks as calls block at a time
//! ```
//!
//! All threads are started on first use. A lock is a mutex that ranks of this host share, so it must be released by the thread that
//! took it: hence the keepers.

use std::collections::{HashMap, VecDeque};
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::link::{Answer, Question};
use super::slots::{SLOTS, Slot};
use super::words::{self, Ask, Deed, How, PIECE, SlotState, Tell, WHOLE};
use super::{driver, internal};
use crate::failure::fatal;
use crate::{os, session};

/// A rank and what its question is called.
type Asker = (u32, u64);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(name: &str, life: impl FnOnce() + Send + 'static) {
    let started = os::with_signals_blocked(|| {
        crate::ffi::alloc::start_internal_thread(name, || {
            let _internal = internal();
            crate::places::unbind();
            life();
        })
    });
    if let Err(error) = started {
        fatal(format_args!(
            "cannot start a thread for files that ranks of other hosts use ({error}): raise the limit on processes (ulimit -u)"
        ));
    }
}

fn tell((rank, tag): Asker, head: &Tell, bytes: &[u8]) {
    if let Some(session) = session::get() {
        let answer = words::encode(head, bytes);
        session.exchange.answer_about_file(rank, tag, &answer);
    }
}

/// A question has arrived.
pub fn asked(rank: u32, tag: u64, message: &[u8]) {
    let _internal = internal();
    let asker = (rank, tag);
    let (ask, bytes) = words::decode::<Ask>(message).unwrap_or_else(|error| {
        fatal(format_args!(
            "malformed question of rank {rank} about a file ({error}): all ranks must run the same build"
        ))
    });
    match ask {
        Ask::Lock(slot) => keeper(slot).wait(asker),
        Ask::Unlock {
            slot,
            ended,
            changed,
        } => keeper(slot).release(Release {
            ended,
            given_back: changed.then(|| bytes.to_vec()),
        }),
        Ask::Collect(parcel) => {
            let mut parcels = lock(&PARCELS);
            let collected = parcels.get_or_insert_default();
            let parcel = collected.entry((rank, parcel)).or_default();
            parcel.bytes.extend_from_slice(bytes);
            drop(parcels);
            tell(asker, &Tell::Done(0, 0), &[]);
        }
        Ask::Fetch(parcel) => fetch(asker, parcel),
        Ask::About(question) => {
            BLOCKING.submit(move || tell(asker, &Tell::About(about(question)), &[]))
        }
        Ask::Do {
            number,
            deed,
            parcel,
        } => {
            let bytes = bytes.to_vec();
            let desk = if may_block(number, deed) {
                &BLOCKING
            } else {
                &PROMPT
            };
            desk.submit(move || perform(asker, number, deed, parcel, bytes));
        }
    }
}

/// What ranks of this host ask, too; a descriptor does not come along.
fn about(question: Question) -> Answer {
    driver::answer_to(question).map_or(Answer::Unknown, |(answer, _)| answer)
}

fn may_block(number: RawFd, deed: Deed) -> bool {
    match deed {
        Deed::Read { .. } | Deed::Write(_) => !is_regular(number),
        Deed::Sync(_) | Deed::Flock(_) | Deed::ControlLock(_) => true,
        _ => false,
    }
}

fn status(number: RawFd) -> Option<libc::stat> {
    // SAFETY: all-zero is a valid place for a file's status.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the place is valid.
    (unsafe { libc::fstat(number, &mut status) } == 0).then_some(status)
}

fn is_regular(number: RawFd) -> bool {
    status(number).is_some_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFREG)
}

// ---- clerks ----

type Errand = Box<dyn FnOnce() + Send>;

/// Threads that do what may take time.
struct Desk {
    errands: Mutex<Errands>,
    more: Condvar,
    /// Most of them.
    most: usize,
}

struct Errands {
    queue: VecDeque<Errand>,
    idle: usize,
    clerks: usize,
}

static PROMPT: Desk = Desk::of(1);
static BLOCKING: Desk = Desk::of(usize::MAX);

impl Desk {
    const fn of(most: usize) -> Desk {
        Desk {
            errands: Mutex::new(Errands {
                queue: VecDeque::new(),
                idle: 0,
                clerks: 0,
            }),
            more: Condvar::new(),
            most,
        }
    }

    fn submit(&'static self, errand: impl FnOnce() + Send + 'static) {
        let mut errands = lock(&self.errands);
        errands.queue.push_back(Box::new(errand));
        let short = errands.queue.len() > errands.idle && errands.clerks < self.most;
        errands.clerks += usize::from(short);
        drop(errands);
        if short {
            start("cape-clerk", || self.attend());
        }
        self.more.notify_one();
    }

    fn attend(&self) {
        let mut errands = lock(&self.errands);
        loop {
            match errands.queue.pop_front() {
                Some(errand) => {
                    drop(errands);
                    errand();
                    errands = lock(&self.errands);
                }
                None => {
                    errands.idle += 1;
                    errands = self
                        .more
                        .wait(errands)
                        .unwrap_or_else(PoisonError::into_inner);
                    errands.idle -= 1;
                }
            }
        }
    }
}

// ---- calls ----

/// What a rank has handed in of what it writes, or what was read for it; of that, up to where it has been sent.
#[derive(Default)]
struct Parcel {
    bytes: Vec<u8>,
    sent: usize,
}

impl Parcel {
    fn next(&mut self) -> &[u8] {
        let start = self.sent;
        self.sent = self.bytes.len().min(start + PIECE);
        &self.bytes[start..self.sent]
    }

    fn is_sent(&self) -> bool {
        self.sent == self.bytes.len()
    }
}

/// By rank and number.
static PARCELS: Mutex<Option<HashMap<(u32, u64), Parcel>>> = Mutex::new(None);

fn fetch(asker: Asker, parcel: u64) {
    let key = (asker.0, parcel);
    let known = lock(&PARCELS).get_or_insert_default().remove(&key);
    let Some(mut parcel) = known else {
        return tell(asker, &Tell::Done(0, 0), &[]);
    };
    let piece = parcel.next().to_vec();
    if !parcel.is_sent() {
        lock(&PARCELS).get_or_insert_default().insert(key, parcel);
    }
    tell(asker, &Tell::Done(0, 0), &piece);
}

fn outcome(result: i64) -> Tell {
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    Tell::Done(result, error)
}

fn perform(asker: Asker, number: RawFd, deed: Deed, parcel: u64, bytes: Vec<u8>) {
    match deed {
        Deed::Read { size, how } => {
            let mut buffer = vec![0_u8; size.min(WHOLE)];
            let result = read(number, &mut buffer, how);
            let head = outcome(result as i64);
            buffer.truncate(usize::try_from(result).unwrap_or(0));
            let mut read = Parcel {
                bytes: buffer,
                sent: 0,
            };
            // Before it can be asked for: the rank asks for more when it has the first piece.
            let first = read.next().to_vec();
            if !read.is_sent() {
                let key = (asker.0, parcel);
                lock(&PARCELS).get_or_insert_default().insert(key, read);
            }
            tell(asker, &head, &first);
        }
        Deed::Write(how) => {
            let collected = lock(&PARCELS)
                .get_or_insert_default()
                .remove(&(asker.0, parcel));
            let mut whole = collected.map_or_else(Vec::new, |parcel| parcel.bytes);
            whole.extend_from_slice(&bytes);
            let result = write(number, &whole, how);
            tell(asker, &outcome(result as i64), &[]);
        }
        Deed::Status => match status(number) {
            Some(status) => {
                // SAFETY: a structure of numbers, of which padding is zero since it was made.
                let bytes = unsafe {
                    std::slice::from_raw_parts(
                        (&raw const status).cast::<u8>(),
                        size_of::<libc::stat>(),
                    )
                };
                tell(asker, &Tell::Done(0, 0), bytes);
            }
            None => tell(asker, &outcome(-1), &[]),
        },
        Deed::ControlLock(command) => {
            let mut bytes = bytes;
            let result = control_lock(number, command, &mut bytes);
            tell(asker, &outcome(result), &bytes);
        }
        Deed::Path => {
            let path = std::fs::read_link(format!("/proc/self/fd/{number}"));
            match path {
                Ok(path) => {
                    let bytes = path.into_os_string().into_encoded_bytes();
                    tell(asker, &Tell::Done(0, 0), &bytes);
                }
                Err(_) => tell(asker, &Tell::Done(-1, libc::EBADF), &[]),
            }
        }
        plain => tell(asker, &outcome(call(number, plain)), &[]),
    }
}

fn call(number: RawFd, deed: Deed) -> i64 {
    // SAFETY: all of these take numbers only; that the descriptor is the program's, who asked made sure of.
    unsafe {
        match deed {
            Deed::Seek(offset, whence) => libc::lseek(number, offset, whence),
            Deed::Sync(true) => libc::fdatasync(number).into(),
            Deed::Sync(false) => libc::fsync(number).into(),
            Deed::Truncate(length) => libc::ftruncate(number, length).into(),
            Deed::Flock(operation) => libc::flock(number, operation).into(),
            Deed::Terminal => libc::isatty(number).into(),
            Deed::Control(command, argument) => libc::fcntl(number, command, argument).into(),
            _ => driver::duplicate(number).into(),
        }
    }
}

fn control_lock(number: RawFd, command: c_int, bytes: &mut [u8]) -> i64 {
    if bytes.len() != size_of::<libc::flock>() {
        return -1;
    }
    // SAFETY: a structure of numbers: any bytes will do.
    let mut lock: libc::flock = unsafe { bytes.as_ptr().cast::<libc::flock>().read_unaligned() };
    // SAFETY: the place is valid.
    let result = unsafe { libc::fcntl(number, command, &raw mut lock) };
    // SAFETY: the bytes have its length.
    unsafe {
        bytes
            .as_mut_ptr()
            .cast::<libc::flock>()
            .write_unaligned(lock)
    };
    result.into()
}

fn read(number: RawFd, buffer: &mut [u8], how: How) -> isize {
    let (to, size) = (buffer.as_mut_ptr().cast::<c_void>(), buffer.len());
    // SAFETY: the buffer has that length.
    unsafe {
        match how {
            How::Here => libc::read(number, to, size),
            How::At(offset) => libc::pread(number, to, size, offset),
            How::Socket(flags) => libc::recv(number, to, size, flags),
        }
    }
}

fn write(number: RawFd, bytes: &[u8], how: How) -> isize {
    let (from, size) = (bytes.as_ptr().cast::<c_void>(), bytes.len());
    // SAFETY: the bytes are there.
    unsafe {
        match how {
            How::Here => libc::write(number, from, size),
            How::At(offset) => libc::pwrite(number, from, size, offset),
            How::Socket(flags) => libc::send(number, from, size, flags),
        }
    }
}

// ---- keepers ----

struct Release {
    ended: bool,
    given_back: Option<Vec<u8>>,
}

/// Holds a slot's lock for ranks of other hosts, one after the other.
struct Keeper {
    book: Mutex<Book>,
    changed: Condvar,
}

struct Book {
    started: bool,
    busy: bool,
    waiting: VecDeque<Asker>,
    release: Option<Release>,
}

static KEEPERS: [Keeper; SLOTS] = [const {
    Keeper {
        book: Mutex::new(Book {
            started: false,
            busy: false,
            waiting: VecDeque::new(),
            release: None,
        }),
        changed: Condvar::new(),
    }
}; SLOTS];

fn keeper(slot: usize) -> &'static Keeper {
    let keeper = KEEPERS
        .get(slot)
        .unwrap_or_else(|| fatal(format_args!("slot {slot} of shared files does not exist")));
    let mut book = lock(&keeper.book);
    if !book.started {
        book.started = true;
        drop(book);
        start("cape-keeper", move || keeper.keep(slot));
    }
    keeper
}

/// Waits until no rank of another host has anything to do with a slot whose file was closed.
pub fn settle(slot: usize) {
    let keeper = &KEEPERS[slot];
    let mut book = lock(&keeper.book);
    while book.busy || !book.waiting.is_empty() {
        book = keeper.pause(book);
    }
}

impl Keeper {
    fn wait(&self, asker: Asker) {
        lock(&self.book).waiting.push_back(asker);
        self.changed.notify_all();
    }

    fn release(&self, release: Release) {
        lock(&self.book).release = Some(release);
        self.changed.notify_all();
    }

    fn pause<'a>(&self, book: MutexGuard<'a, Book>) -> MutexGuard<'a, Book> {
        self.changed
            .wait(book)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, number: usize) {
        let mut book = lock(&self.book);
        loop {
            let Some(asker) = book.waiting.pop_front() else {
                book = self.pause(book);
                continue;
            };
            book.busy = true;
            drop(book);
            if let Some(slot) = driver::slot(number) {
                self.serve(asker, slot);
            }
            book = lock(&self.book);
            book.busy = false;
            self.changed.notify_all();
        }
    }

    /// From the moment the lock is free until the rank gives it up.
    fn serve(&self, asker: Asker, slot: Slot) {
        let mut held = slot.lock();
        let state = SlotState {
            closed: slot.is_closed(),
            ended: slot.has_ended(),
        };
        tell(asker, &Tell::Locked(state), &held.given_back());
        let mut book = lock(&self.book);
        let release = loop {
            match book.release.take() {
                Some(release) => break release,
                None => book = self.pause(book),
            }
        };
        drop(book);
        slot.set_ended(release.ended);
        if let Some(bytes) = release.given_back {
            held.clear();
            held.give_back(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_comes_in_order() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let bytes: Vec<u8> = (0..size).map(|k| (k / 1000) as u8).collect();
            let mut parcel = Parcel {
                bytes: bytes.clone(),
                sent: 0,
            };
            let mut got = Vec::new();
            while !parcel.is_sent() {
                got.extend_from_slice(parcel.next());
            }
            assert!(got == bytes, "{size}");
        }
    }

    #[test]
    fn clerks_that_block_do_not_keep_others_waiting() {
        static DESK: Desk = Desk::of(usize::MAX);
        let (send, receive) = std::sync::mpsc::channel::<u32>();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let first = send.clone();
        DESK.submit(move || {
            wait.recv().expect("released");
            first.send(1).expect("listened to");
        });
        DESK.submit(move || send.send(2).expect("listened to"));
        assert_eq!(receive.recv(), Ok(2));
        release.send(()).expect("waited for");
        assert_eq!(receive.recv(), Ok(1));
    }
}
