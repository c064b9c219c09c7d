//! Streams that several ranks use: each rank's own stream over the descriptor they share.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::slots::{Held, Slot};
use super::table::{self, Handle};
use super::words::How;
use super::{driver, internal, refuse, remote, worker};
use crate::{context, session};

// files.c
unsafe extern "C" {
    static mut cape_files_active: c_int;
    static mut cape_files_epoch: c_int;
    fn cape_open_own(cookie: *const c_void, mode: *const c_char) -> *mut c_void;
    fn cape_open_over(cookie: *const c_void, flags: c_int) -> *mut c_void;
    fn cape_close_over(stream: *mut c_void);
    fn cape_write_out(stream: *mut c_void) -> c_int;
    fn cape_read_ahead(stream: *mut c_void, bytes: *mut *const u8) -> usize;
    fn cape_purge(stream: *mut c_void);
    fn cape_met_end(stream: *mut c_void) -> c_int;
    fn cape_clear_end(stream: *mut c_void);
    fn cape_open_again(stream: *mut c_void) -> *mut c_void;
}

/// A stream of the driver's as this rank uses it.
#[derive(Debug)]
pub struct Mapped {
    /// The address by which the program knows it.
    pub handle: u64,
    /// This rank's stream: over `descriptor`, through the functions below.
    stream: *mut c_void,
    file: File,
    /// The descriptor's number on the driver, which the program may know.
    number: c_int,
    /// Where its lock is.
    pub slot: Slot,
    /// Its number.
    pub slot_number: usize,
    seekable: bool,
    /// Its name.
    pub name: String,
    /// Whether the last read was of what the slot holds, not of the file.
    from_slot: AtomicBool,
}

// SAFETY: the C library's streams have locks of their own, and an operation holds the slot's lock.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

/// What a stream is over.
#[derive(Debug)]
pub enum File {
    /// A descriptor of the driver's, on the driver.
    Own(c_int),
    /// A copy of one on another rank.
    Lent(OwnedFd),
    /// One that has to be used there.
    Remote(c_int),
}

impl File {
    fn here(&self) -> c_int {
        match self {
            File::Own(number) => *number,
            File::Lent(descriptor) => descriptor.as_raw_fd(),
            File::Remote(_) => -1,
        }
    }

    fn seek(&self, offset: i64, whence: c_int) -> i64 {
        match self {
            File::Remote(number) => remote::seek(*number, offset, whence),
            // SAFETY: lseek takes numbers.
            _ => unsafe { libc::lseek(self.here(), offset, whence) },
        }
    }

    /// # Safety
    /// There is room for `size` bytes at `buffer`.
    unsafe fn read(&self, buffer: *mut u8, size: usize) -> isize {
        match self {
            // SAFETY: the caller's promise.
            File::Remote(number) => unsafe { remote::read(*number, buffer, size, How::Here) },
            // SAFETY: as above.
            _ => unsafe { libc::read(self.here(), buffer.cast(), size) },
        }
    }

    fn write(&self, bytes: &[u8]) -> isize {
        match self {
            File::Remote(number) => remote::write(*number, bytes, How::Here),
            // SAFETY: the bytes are there.
            _ => unsafe { libc::write(self.here(), bytes.as_ptr().cast(), bytes.len()) },
        }
    }

    fn move_back(&self, bytes: usize) -> bool {
        i64::try_from(bytes).is_ok_and(|bytes| self.seek(-bytes, libc::SEEK_CUR) >= 0)
    }
}

/// What a stream is made from.
pub struct Parts {
    /// As in [`Mapped`].
    pub handle: u64,
    /// As in [`Mapped`].
    pub file: File,
    /// As in [`Mapped`].
    pub number: c_int,
    /// Status flags.
    pub flags: c_int,
    /// As in [`Mapped`].
    pub slot: (Slot, usize),
    /// As in [`Mapped`].
    pub name: String,
}

static STREAMS: Mutex<Option<HashMap<u64, &'static Mapped>>> = Mutex::new(None);

fn streams() -> MutexGuard<'static, Option<HashMap<u64, &'static Mapped>>> {
    STREAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This rank's stream for `handle`, if it has one.
pub fn known(handle: u64) -> Option<&'static Mapped> {
    streams().as_ref()?.get(&handle).copied()
}

/// From now on operations look whether their stream is one of other ranks, too.
pub fn activate() {
    // SAFETY: an aligned int that is only ever set to 1.
    unsafe { AtomicI32::from_ptr(&raw mut cape_files_active) }.store(1, SeqCst);
}

/// Makes this rank's stream.
pub fn map(parts: Parts) -> &'static Mapped {
    let seekable = parts.file.seek(0, libc::SEEK_CUR) >= 0;
    let mapped = Box::leak(Box::new(Mapped {
        handle: parts.handle,
        stream: std::ptr::null_mut(),
        file: parts.file,
        number: parts.number,
        slot: parts.slot.0,
        slot_number: parts.slot.1,
        seekable,
        name: parts.name,
        from_slot: AtomicBool::new(false),
    }));
    // SAFETY: the cookie lives until `unmap`.
    mapped.stream = unsafe { cape_open_over(std::ptr::from_ref(mapped).cast(), parts.flags) };
    if mapped.stream.is_null() {
        refuse("fopencookie", "stream", &mapped.name, "out of memory");
    }
    streams()
        .get_or_insert_default()
        .insert(parts.handle, mapped);
    activate();
    look_again();
    mapped
}

/// A stream of this rank's own over a descriptor that has to be used on the driver.
///
/// # Safety
/// `cookie` is one of [`remote::Over`], which lives until the stream is closed; `mode` is a string.
pub unsafe fn open_own(cookie: *const c_void, mode: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { cape_open_own(cookie, mode) }
}

/// What was found out about a stream may have changed.
fn look_again() {
    // SAFETY: an aligned int that is only incremented.
    unsafe { AtomicI32::from_ptr(&raw mut cape_files_epoch) }.fetch_add(1, SeqCst);
}

/// Ends this rank's stream for `handle`, whose buffer is empty and whose lock nobody on this rank holds.
pub fn unmap(handle: u64) -> Option<(Slot, usize)> {
    let mapped = streams().as_mut()?.remove(&handle)?;
    // SAFETY: it was made by cape_open_over, and nobody can find it any more.
    unsafe { cape_close_over(mapped.stream) };
    let slot = (mapped.slot, mapped.slot_number);
    // SAFETY: it was leaked by `map`, and removed from the only place where it can be found.
    drop(unsafe { Box::from_raw(std::ptr::from_ref(mapped).cast_mut()) });
    Some(slot)
}

/// Ends all of them.
pub fn unmap_all() {
    let handles: Vec<u64> = streams()
        .as_ref()
        .map_or_else(Vec::new, |streams| streams.keys().copied().collect());
    for handle in handles {
        unmap(handle);
    }
}

/// Empties the buffers of all of them: others come next.
pub fn settle() {
    let all: Vec<&'static Mapped> = streams()
        .as_ref()
        .map_or_else(Vec::new, |streams| streams.values().copied().collect());
    for mapped in all {
        mapped.settle(&mut mapped.slot.lock());
    }
}

/// Moves what `stream`, a stream of the driver's own, has in its buffer to where all ranks find it. The slot's lock is held.
///
/// # Safety
/// `stream` is open.
pub unsafe fn empty(stream: *mut c_void, file: &File, held: &mut Held, name: &str) {
    // SAFETY: the caller's promise.
    unsafe { cape_write_out(stream) };
    let mut bytes = std::ptr::null();
    // SAFETY: as above; the place is valid.
    let length = unsafe { cape_read_ahead(stream, &mut bytes) };
    if length > 0 && !file.move_back(length) {
        // SAFETY: the stream's buffer holds that many bytes from there.
        give_back(
            held,
            unsafe { std::slice::from_raw_parts(bytes, length) },
            name,
        );
    }
    // SAFETY: as above.
    unsafe { cape_purge(stream) };
}

fn give_back(held: &mut Held, bytes: &[u8], name: &str) {
    if !held.give_back(bytes) {
        refuse(
            "read",
            "stream",
            name,
            "more was read ahead of it than can be kept for other threads; give it a smaller buffer with setvbuf",
        );
    }
}

impl Mapped {
    /// Empties the buffer.
    fn settle(&self, held: &mut Held) {
        // SAFETY: the stream is open, and the slot's lock is held.
        unsafe { cape_write_out(self.stream) };
        let mut bytes = std::ptr::null();
        // SAFETY: as above; the place is valid.
        let length = unsafe { cape_read_ahead(self.stream, &mut bytes) };
        if length > 0 {
            let to_file = self.seekable && !self.from_slot.load(Relaxed);
            if !to_file || !self.file.move_back(length) {
                // SAFETY: the stream's buffer holds that many bytes from there.
                let bytes = unsafe { std::slice::from_raw_parts(bytes, length) };
                give_back(held, bytes, &self.name);
            }
        }
        // SAFETY: as above.
        unsafe { cape_purge(self.stream) };
    }

    fn seek(&self, held: &mut Held, offset: i64, whence: c_int) -> c_int {
        self.settle(held);
        let behind = if whence == libc::SEEK_CUR {
            i64::try_from(held.len()).unwrap_or(0)
        } else {
            0
        };
        if self.file.seek(offset - behind, whence) < 0 {
            return -1;
        }
        held.clear();
        self.slot.set_ended(false);
        // SAFETY: the stream is open.
        unsafe { cape_clear_end(self.stream) };
        0
    }

    fn tell(&self, held: &mut Held) -> i64 {
        self.settle(held);
        match self.file.seek(0, libc::SEEK_CUR) {
            at if at < 0 => -1,
            at => at - i64::try_from(held.len()).unwrap_or(0),
        }
    }
}

/// An operation in progress, as files.c has it.
#[repr(C)]
#[derive(Debug)]
pub struct Use {
    stream: *mut c_void,
    mapped: *const Mapped,
    epoch: c_int,
}

/// In serial code nobody else is at work: buffers are emptied at the next fork.
fn others_may_come() -> bool {
    session::get().is_some_and(|session| session.rank > 0) || !context::current().is_serial()
}

/// Called before an operation on a stream; takes the lock of one that is shared, and names the stream to use.
///
/// # Safety
/// `function` is a string, `stream` what the program passed to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_begin(
    stream: *mut c_void,
    is_stdin: c_int,
    function: *const c_char,
    epoch: c_int,
) -> Use {
    let _internal = internal();
    let plain = Use {
        stream,
        mapped: std::ptr::null(),
        epoch,
    };
    let Some(session) = session::get() else {
        return plain;
    };
    // SAFETY: the caller's promise.
    let function = unsafe { CStr::from_ptr(function) }.to_string_lossy();
    let handle = if is_stdin != 0 { 0 } else { stream as u64 };
    loop {
        let mapped = match known(handle) {
            Some(mapped) => mapped,
            None if table::is_own(Handle::Stream(handle)) => return plain,
            None if session.rank == 0 => {
                driver::refuse_foreign(handle, &function);
                return plain;
            }
            None => match worker::stream(handle, &function) {
                Some(mapped) => mapped,
                None => return plain,
            },
        };
        let held = mapped.slot.lock();
        if mapped.slot.is_closed() {
            drop(held);
            unmap(handle);
            continue;
        }
        held.keep();
        if !mapped.slot.has_ended() {
            // SAFETY: the stream is open.
            unsafe { cape_clear_end(mapped.stream) };
        }
        return Use {
            stream: mapped.stream,
            mapped,
            epoch,
        };
    }
}

/// Called after it.
///
/// # Safety
/// `mapped` is what [`cape_begin`] returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_end(mapped: *const Mapped) {
    let _internal = internal();
    let error = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    // SAFETY: the caller's promise; it lives while its lock is held.
    let mapped = unsafe { &*mapped };
    let mut held = mapped.slot.held();
    // SAFETY: the stream is open.
    if unsafe { cape_met_end(mapped.stream) } != 0 {
        mapped.slot.set_ended(true);
    }
    if others_may_come() {
        mapped.settle(&mut held);
    }
    drop(held);
    // SAFETY: the calling thread's errno.
    unsafe { *libc::__errno_location() = error };
}

/// Called on the driver after an operation during which a stream became shared: it may have been this one.
///
/// # Safety
/// `stream` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_late(stream: *mut c_void, is_stdin: c_int) {
    let _internal = internal();
    let handle = if is_stdin != 0 { 0 } else { stream as u64 };
    if let Some(mapped) = known(handle) {
        // SAFETY: the caller's promise.
        unsafe { empty(stream, &mapped.file, &mut mapped.slot.lock(), &mapped.name) };
    }
}

/// What the operations do that cannot be left to the C library.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Request {
    kind: c_int,
    whence: c_int,
    offset: i64,
}

/// Does one of them. The lock is held.
///
/// # Safety
/// `mapped` is what [`cape_begin`] returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_mapped(mapped: *const Mapped, request: Request) -> i64 {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let mapped = unsafe { &*mapped };
    let mut held = mapped.slot.held();
    let result = match request.kind {
        0 => i64::from(mapped.seek(&mut held, request.offset, request.whence)),
        1 => mapped.tell(&mut held),
        2 => i64::from(mapped.slot.has_ended()),
        3 => i64::from(mapped.number),
        4 => {
            // SAFETY: the stream is open.
            let failed = unsafe { cape_write_out(mapped.stream) };
            mapped.settle(&mut held);
            i64::from(failed)
        }
        5 => {
            mapped.settle(&mut held);
            let byte = u8::try_from(request.offset & 0xff).unwrap_or(0);
            give_back(&mut held, &[byte], &mapped.name);
            mapped.slot.set_ended(false);
            // SAFETY: the stream is open.
            unsafe { cape_clear_end(mapped.stream) };
            i64::from(byte)
        }
        _ => {
            mapped.slot.set_ended(false);
            0
        }
    };
    held.keep();
    result
}

/// Closes a shared stream everywhere, and gives its lock up; 1: the caller closes the driver's own stream, 0: that was done, with
/// the result in `result`.
///
/// # Safety
/// `mapped` is what [`cape_begin`] returned; `result` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_mapped_close(
    mapped: *const Mapped,
    process: c_int,
    result: *mut c_int,
) -> c_int {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let mapped = unsafe { &*mapped };
    let handle = mapped.handle;
    let mut held = mapped.slot.held();
    mapped.settle(&mut held);
    drop(held);
    if session::get().is_some_and(|session| session.rank == 0) {
        driver::release(handle);
        return 1;
    }
    let answer = worker::close_stream(handle, process != 0);
    unmap(handle);
    // SAFETY: the caller's promise.
    unsafe { result.write(answer) };
    0
}

/// Reads for a stream of [`map`]: first what was given back.
///
/// # Safety
/// `cookie` is the stream's, `buffer` has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_cookie_read(
    cookie: *const Mapped,
    buffer: *mut u8,
    size: usize,
) -> isize {
    let _internal = internal();
    // SAFETY: the caller's promise; an operation on the stream holds the lock.
    let mapped = unsafe { &*cookie };
    let mut held = mapped.slot.held();
    let taken = if held.len() > 0 {
        // SAFETY: the caller's promise.
        held.take(unsafe { std::slice::from_raw_parts_mut(buffer, size) })
    } else {
        0
    };
    held.keep();
    mapped.from_slot.store(taken > 0, Relaxed);
    if taken > 0 {
        return isize::try_from(taken).unwrap_or(isize::MAX);
    }
    // SAFETY: the caller's promise.
    unsafe { mapped.file.read(buffer, size) }
}

/// Writes all of `size` bytes for a stream of [`map`]; 0: it failed.
///
/// # Safety
/// `cookie` is the stream's, `buffer` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_cookie_write(
    cookie: *const Mapped,
    buffer: *const u8,
    size: usize,
) -> isize {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let (file, bytes) = unsafe { (&(*cookie).file, std::slice::from_raw_parts(buffer, size)) };
    let mut done = 0;
    while done < size {
        match usize::try_from(file.write(&bytes[done..])) {
            Ok(written) => done += written,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
    isize::try_from(size).unwrap_or(isize::MAX)
}

/// Moves the offset for a stream of [`map`]; the C library asks for it between reading and writing.
///
/// # Safety
/// `cookie` is the stream's, `offset` a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_cookie_seek(
    cookie: *const Mapped,
    offset: *mut i64,
    whence: c_int,
) -> c_int {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let at = unsafe { (*cookie).file.seek(offset.read(), whence) };
    if at < 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    unsafe { offset.write(at) };
    0
}

/// Called after the program opened a stream: the stream to give it, at an address that no other rank's has.
///
/// # Safety
/// `stream` is open, `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_opened_stream(
    mut stream: *mut c_void,
    name: *const c_char,
) -> *mut c_void {
    let _internal = internal();
    let Some(session) = session::get() else {
        return stream;
    };
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }
        .to_string_lossy()
        .into_owned();
    // They stay open until an address is found: those of closed ones would be the next to be given out again.
    let mut refused = Vec::new();
    loop {
        let taken = if session.rank == 0 {
            driver::is_elsewhere(stream as u64)
        } else {
            worker::opened(stream as u64, &name, session.rank)
        };
        if !taken {
            break;
        }
        // SAFETY: the stream is open.
        let again = unsafe { cape_open_again(stream) };
        if again.is_null() {
            refuse(
                "fopen",
                "stream",
                &name,
                "another rank has a stream at its address, and it cannot be opened again",
            );
        }
        refused.push(std::mem::replace(&mut stream, again));
    }
    for stream in refused {
        // SAFETY: open, and only this function has it.
        unsafe { cape_close_over(stream) };
    }
    table::note(Handle::Stream(stream as u64), &name);
    look_again();
    stream
}

/// Called before the program closes a stream of this rank's own.
#[unsafe(no_mangle)]
pub extern "C" fn cape_closing_stream(stream: *mut c_void, descriptor: c_int) {
    let _internal = internal();
    let Some(session) = session::get() else {
        return;
    };
    let handle = Handle::Stream(stream as u64);
    let own = table::is_own(handle);
    table::forget(handle);
    look_again();
    super::descriptors::closed(descriptor);
    if own && session.rank > 0 {
        worker::closed(stream as u64);
    }
}

/// Called when serial code gives a standard stream another file.
#[unsafe(no_mangle)]
pub extern "C" fn cape_reopened_standard(descriptor: c_int) {
    let _internal = internal();
    table::note_standard(descriptor);
}

/// Called when a worker reopens a stream of the driver's: other ranks would not know.
///
/// # Safety
/// `mapped` is what [`cape_begin`] returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_refuse_reopening(mapped: *const Mapped) {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let name = unsafe { &(*mapped).name };
    refuse(
        "freopen",
        "stream",
        name,
        "only serial code or thread 0 can reopen it, because rank 0 opened it",
    );
}
