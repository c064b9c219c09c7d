//! The service: the driver's thread that lends its files to the workers.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::link::{self, Answer, Question};
use super::slots::{Board, SLOTS, Slot};
use super::streams::{self, File, Parts};
use super::table::{self, Handle};
use super::{descriptors, internal, office, refuse};
use crate::failure::fatal;
use crate::os;

// files.c
unsafe extern "C" {
    fn cape_stdin() -> *mut c_void;
    fn cape_lock_stream(stream: *mut c_void);
    fn cape_unlock_stream(stream: *mut c_void);
    fn cape_number_of(stream: *mut c_void) -> c_int;
    fn cape_really_close(stream: *mut c_void, process: c_int) -> c_int;
}

/// What the service knows.
#[derive(Debug)]
struct State {
    board: Board,
    /// Which slots are in use.
    used: Vec<bool>,
    /// Those of closed files, free from the next region on: workers may still look at them.
    closed: Vec<usize>,
    descriptors: HashMap<c_int, usize>,
    /// Streams that workers opened in regions: who, and their names.
    elsewhere: HashMap<u64, (u32, String)>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the service.
pub fn start(address: &str) {
    let failed = |what: &dyn std::fmt::Display| -> ! {
        fatal(format_args!(
            "cannot start the service for shared files ({what}): check the limits on memory, descriptors and processes (ulimit)"
        ))
    };
    let board = Board::create().unwrap_or_else(|error| failed(&error));
    let listener = link::listen_at(address).unwrap_or_else(|error| failed(&error));
    *state() = Some(State {
        board,
        used: vec![false; SLOTS],
        closed: Vec::new(),
        descriptors: HashMap::new(),
        elsewhere: HashMap::new(),
    });
    let spawned = os::with_signals_blocked(|| {
        crate::ffi::alloc::start_internal_thread("cape-files", move || {
            let _internal = internal();
            crate::places::unbind();
            serve(&listener)
        })
    });
    if let Err(error) = spawned {
        failed(&error);
    }
}

fn serve(listener: &OwnedFd) -> ! {
    let mut workers: Vec<OwnedFd> = Vec::new();
    loop {
        let mut waited: Vec<libc::pollfd> = std::iter::once(listener)
            .chain(&workers)
            .map(|socket| libc::pollfd {
                fd: socket.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            })
            .collect();
        // SAFETY: the array has that length. An interrupted wait finds nothing ready, and is repeated.
        unsafe { libc::poll(waited.as_mut_ptr(), waited.len() as libc::nfds_t, -1) };
        let ready: Vec<bool> = waited.iter().map(|one| one.revents != 0).collect();
        let mut flags = ready.iter().skip(1);
        // A worker that is gone, or whose packets make no sense, is not listened to any more.
        workers.retain(|worker| !flags.next().copied().unwrap_or(false) || attend(worker));
        if ready[0]
            && let Ok(Some(worker)) = link::accept_at(listener)
        {
            workers.push(worker);
        }
    }
}

/// Answers one question.
fn attend(worker: &OwnedFd) -> bool {
    let Ok(Some((question, _))) = link::receive::<Question>(worker) else {
        return false;
    };
    let sent = match answer_to(question) {
        Some(answered) => answer(worker, answered),
        None => match state().as_ref() {
            Some(state) => link::send(
                worker,
                &Answer::Done(0, 0),
                Some(state.board.memory().as_fd()),
            ),
            None => return false,
        },
    };
    sent.is_ok()
}

/// The answer, and the descriptor to lend with it; `None`: it is the memory of the slots that is wanted.
pub fn answer_to(question: Question) -> Option<(Answer, Option<c_int>)> {
    /// Ranks of this host and of others ask different threads, which must not give out two slots for one file.
    static ANSWERING: Mutex<()> = Mutex::new(());
    // What a call of the program's may take for ever to do is not done under the lock.
    if let Question::CloseStream(handle, process) = question {
        return Some((close_stream(handle, process), None));
    }
    let _answering = ANSWERING.lock().unwrap_or_else(PoisonError::into_inner);
    Some(match question {
        Question::Board | Question::CloseStream(..) => return None,
        Question::Stream(handle) => lend_stream(handle),
        Question::Descriptor(number) => lend_descriptor(number),
        Question::Opened { stream, name, rank } => (note_elsewhere(stream, rank, name), None),
        Question::Closed(stream) => {
            if let Some(state) = state().as_mut() {
                state.elsewhere.remove(&stream);
            }
            (Answer::Done(0, 0), None)
        }
        Question::CloseDescriptor(number) => {
            // SAFETY: the program closes a descriptor of its own.
            let result = unsafe { libc::close(number) };
            let error = last_error();
            descriptors::closed(number);
            (Answer::Done(result, error), None)
        }
    })
}

/// Duplicates a descriptor of the program's for a rank of another host; returns the new number, or -1.
pub fn duplicate(number: c_int) -> c_int {
    // SAFETY: dup takes a number.
    let copy = unsafe { libc::dup(number) };
    let error = last_error();
    if copy >= 0 {
        release_descriptor(copy);
        table::note(Handle::Descriptor(copy), "(duplicate)");
    }
    // SAFETY: the calling thread's errno.
    unsafe { *libc::__errno_location() = error };
    copy
}

/// Slot `number`, which is below [`SLOTS`].
pub fn slot(number: usize) -> Option<Slot> {
    state().as_ref().map(|state| state.board.slot(number))
}

fn last_error() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn answer(worker: &OwnedFd, (answer, number): (Answer, Option<c_int>)) -> std::io::Result<()> {
    // SAFETY: the program may close it meanwhile, which is an error of sendmsg and no more.
    let descriptor = number.map(|number| unsafe { BorrowedFd::borrow_raw(number) });
    match link::send(worker, &answer, descriptor) {
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
            link::send(worker, &Answer::Unknown, None)
        }
        other => other,
    }
}

fn free_slot() -> Option<(Slot, usize)> {
    let mut guard = state();
    let state = guard.as_mut()?;
    let number = state.used.iter().position(|used| !used)?;
    state.used[number] = true;
    Some((state.board.prepare(number), number))
}

fn flags_of(number: c_int) -> Option<c_int> {
    // SAFETY: F_GETFL takes no argument.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
    (flags >= 0).then_some(flags)
}

fn full(name: String) -> (Answer, Option<c_int>) {
    let reason = format!("{SLOTS} files are shared between ranks already; close some");
    (Answer::Refused { name, reason }, None)
}

/// Handle 0: standard input.
fn lend_stream(handle: u64) -> (Answer, Option<c_int>) {
    let stream = match handle {
        // SAFETY: it only returns the pointer.
        0 => unsafe { cape_stdin() },
        _ => handle as *mut c_void,
    };
    let own = match handle {
        0 => Some("standard input".to_owned()),
        _ => table::name(Handle::Stream(handle)),
    };
    let Some(name) = own else {
        let guard = state();
        let elsewhere = guard
            .as_ref()
            .and_then(|state| state.elsewhere.get(&handle));
        return match elsewhere.cloned() {
            Some((rank, name)) => (Answer::Elsewhere { rank, name }, None),
            None => (Answer::Unknown, None),
        };
    };
    // SAFETY: the program has it open.
    let number = unsafe { cape_number_of(stream) };
    let Some(flags) = flags_of(number) else {
        let reason = "it has no descriptor that could be passed to another process: use it in a master or serial part".to_owned();
        return (Answer::Refused { name, reason }, None);
    };
    let slot = match streams::known(handle) {
        Some(mapped) => mapped.slot_number,
        None => {
            let Some((slot, slot_number)) = free_slot() else {
                return full(name);
            };
            let parts = Parts {
                handle,
                file: File::Own(number),
                number,
                flags,
                slot: (slot, slot_number),
                name: name.clone(),
            };
            // SAFETY: the stream is open; an operation in progress is waited for.
            unsafe { cape_lock_stream(stream) };
            streams::map(parts);
            // SAFETY: as above.
            unsafe { streams::empty(stream, &File::Own(number), &mut slot.lock(), &name) };
            // SAFETY: locked above.
            unsafe { cape_unlock_stream(stream) };
            slot_number
        }
    };
    let lent = Answer::Lent {
        slot,
        number,
        flags,
        name,
    };
    (lent, Some(number))
}

fn lend_descriptor(number: c_int) -> (Answer, Option<c_int>) {
    let name = match number {
        0 => "standard input".to_owned(),
        1 => "standard output".to_owned(),
        2 => "standard error".to_owned(),
        _ => match table::name(Handle::Descriptor(number)) {
            Some(name) => name,
            None => return (Answer::Unknown, None),
        },
    };
    let Some(flags) = flags_of(number) else {
        return (Answer::Unknown, None);
    };
    let known = state()
        .as_ref()
        .and_then(|state| state.descriptors.get(&number).copied());
    let slot = match known {
        Some(slot) => slot,
        None => {
            let Some((_, slot)) = free_slot() else {
                return full(name);
            };
            if let Some(state) = state().as_mut() {
                state.descriptors.insert(number, slot);
            }
            slot
        }
    };
    let lent = Answer::Lent {
        slot,
        number,
        flags,
        name,
    };
    (lent, Some(number))
}

fn note_elsewhere(stream: u64, rank: u32, name: String) -> Answer {
    if table::is_own(Handle::Stream(stream)) {
        return Answer::Taken;
    }
    let mut guard = state();
    let Some(state) = guard.as_mut() else {
        return Answer::Unknown;
    };
    match state.elsewhere.get(&stream) {
        Some((other, _)) if *other != rank => Answer::Taken,
        _ => {
            state.elsewhere.insert(stream, (rank, name));
            streams::activate();
            Answer::Done(0, 0)
        }
    }
}

fn close_stream(handle: u64, process: bool) -> Answer {
    let stream = handle as *mut c_void;
    if !table::is_own(Handle::Stream(handle)) {
        return Answer::Unknown;
    }
    release(handle);
    table::forget(Handle::Stream(handle));
    // SAFETY: the program closes a stream of its own.
    let result = unsafe { cape_really_close(stream, c_int::from(process)) };
    Answer::Done(result, last_error())
}

/// Ends the sharing of a stream that the program closes or reopens.
pub fn release(handle: u64) {
    if let Some((slot, number)) = streams::unmap(handle) {
        slot.close();
        if let Some(state) = state().as_mut() {
            state.closed.push(number);
        }
    }
}

/// Ends the sharing of a descriptor that the program closed.
pub fn release_descriptor(number: c_int) {
    if let Some(state) = state().as_mut()
        && let Some(slot) = state.descriptors.remove(&number)
    {
        state.board.slot(slot).close();
        state.closed.push(slot);
    }
}

/// Between regions: no worker looks at the slots of closed files any more.
pub fn recycle() {
    let closed: Vec<usize> = state()
        .as_mut()
        .map_or_else(Vec::new, |state| state.closed.drain(..).collect());
    for slot in closed {
        office::settle(slot);
        if let Some(state) = state().as_mut() {
            state.used[slot] = false;
        }
    }
}

/// Whether a worker has a stream at that address.
pub fn is_elsewhere(stream: u64) -> bool {
    state()
        .as_ref()
        .is_some_and(|state| state.elsewhere.contains_key(&stream))
}

/// Ends the job if the driver uses a stream that a worker opened.
pub fn refuse_foreign(stream: u64, function: &str) {
    let foreign = state()
        .as_ref()
        .and_then(|state| state.elsewhere.get(&stream).cloned());
    if let Some((rank, name)) = foreign {
        refuse(
            function,
            "stream",
            &name,
            &format!(
                "rank {rank} opened it in a region, and it exists there only: open it in serial code or in a master construct"
            ),
        );
    }
}
