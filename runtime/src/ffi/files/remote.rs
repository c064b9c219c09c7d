//! A rank that shares no descriptors with the driver uses the driver's files by asking it, call by call: `words.rs` has the messages,
//! `office.rs` the other end. The functions return what the system's return, and set `errno`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;

use super::link::{Answer, Question};
use super::words::{self, Ask, Deed, How, PIECE, SlotState, Tell, WHOLE};
use super::{internal, refuse, streams};
use crate::exchange::Exchange;
use crate::failure::fatal;
use crate::session;

fn exchange() -> &'static Exchange {
    let session = session::get().expect("only ranks of several ask for files");
    &session.exchange
}

/// Asks, and returns the head of the answer and where in it the bytes begin.
fn ask(head: &Ask, bytes: &[u8]) -> (Tell, Bytes) {
    let answer = exchange().ask_about_file(&words::encode(head, bytes));
    match words::decode::<Tell>(&answer) {
        Ok((tell, rest)) => {
            let start = answer.len() - rest.len();
            (tell, answer.slice(start..))
        }
        Err(error) => fatal(format_args!(
            "malformed answer of rank 0 about a file ({error}): all ranks must run the same build"
        )),
    }
}

fn misunderstood(tell: &Tell) -> ! {
    fatal(format_args!(
        "rank 0 answered {tell:?} to another question about a file: all ranks must run the same build"
    ))
}

/// As ranks of the driver's host ask.
pub fn about(question: &Question) -> Answer {
    match ask(&Ask::About(question.clone()), &[]) {
        (Tell::About(answer), _) => answer,
        (other, _) => misunderstood(&other),
    }
}

/// Waits for the lock of a slot; what was given back comes with it.
pub fn lock(slot: usize) -> (SlotState, Bytes) {
    match ask(&Ask::Lock(slot), &[]) {
        (Tell::Locked(state), bytes) => (state, bytes),
        (other, _) => misunderstood(&other),
    }
}

/// Gives it up, and says what changed.
pub fn unlock(slot: usize, ended: bool, given_back: Option<&[u8]>) {
    let head = Ask::Unlock {
        slot,
        ended,
        changed: given_back.is_some(),
    };
    exchange().tell_about_file(&words::encode(&head, given_back.unwrap_or_default()));
}

/// A call's result, and bytes that came with it.
fn done((tell, bytes): (Tell, Bytes)) -> (i64, Bytes) {
    match tell {
        Tell::Done(result, error) => {
            if result < 0 {
                // SAFETY: the calling thread's errno.
                unsafe { *libc::__errno_location() = error };
            }
            (result, bytes)
        }
        other => misunderstood(&other),
    }
}

fn next_parcel() -> u64 {
    static PARCELS: AtomicU64 = AtomicU64::new(0);
    PARCELS.fetch_add(1, Relaxed)
}

fn perform(number: c_int, deed: Deed, bytes: &[u8]) -> (i64, Bytes) {
    let parcel = next_parcel();
    done(ask(
        &Ask::Do {
            number,
            deed,
            parcel,
        },
        bytes,
    ))
}

/// Moves the offset.
pub fn seek(number: c_int, offset: i64, whence: c_int) -> i64 {
    perform(number, Deed::Seek(offset, whence), &[]).0
}

/// How the call after `done` bytes goes on.
fn further(how: How, done: usize) -> How {
    match how {
        How::At(offset) => How::At(offset.saturating_add(done as i64)),
        other => other,
    }
}

/// Does a transfer of `size` bytes in parts that one call of the kernel's can do; a part that is cut short is the last.
fn in_parts(size: usize, how: How, part: impl Fn(usize, usize, How) -> i64) -> isize {
    let mut done = 0;
    loop {
        let length = (size - done).min(WHOLE);
        let moved = match usize::try_from(part(done, length, further(how, done))) {
            Ok(moved) => moved.min(length),
            Err(_) if done > 0 => break,
            Err(_) => return -1,
        };
        done += moved;
        if done == size || moved < length || matches!(how, How::Socket(_)) {
            break;
        }
    }
    isize::try_from(done).unwrap_or(isize::MAX)
}

/// Writes `bytes`.
pub fn write(number: c_int, bytes: &[u8], how: How) -> isize {
    in_parts(bytes.len(), how, |done, length, how| {
        write_part(number, &bytes[done..done + length], how)
    })
}

fn write_part(number: c_int, bytes: &[u8], how: How) -> i64 {
    let parcel = next_parcel();
    let last = bytes.len().saturating_sub(1) / PIECE * PIECE;
    for piece in bytes[..last].chunks(PIECE) {
        done(ask(&Ask::Collect(parcel), piece));
    }
    let head = Ask::Do {
        number,
        deed: Deed::Write(how),
        parcel,
    };
    done(ask(&head, &bytes[last..])).0
}

/// Reads up to `size` bytes to `buffer`.
///
/// # Safety
/// There is room for them.
pub unsafe fn read(number: c_int, buffer: *mut u8, size: usize, how: How) -> isize {
    in_parts(size, how, |done, length, how| {
        // SAFETY: the caller's promise: this is a part of the buffer.
        unsafe { read_part(number, buffer.add(done), length, how) }
    })
}

/// # Safety
/// As [`read`].
unsafe fn read_part(number: c_int, buffer: *mut u8, size: usize, how: How) -> i64 {
    let parcel = next_parcel();
    let head = Ask::Do {
        number,
        deed: Deed::Read { size, how },
        parcel,
    };
    let (result, mut bytes) = done(ask(&head, &[]));
    let whole = usize::try_from(result).unwrap_or(0).min(size);
    let mut at = 0;
    while at < whole {
        let length = bytes.len().min(whole - at);
        // SAFETY: the caller's promise; `whole` is at most `size`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.add(at), length) };
        at += length;
        if at < whole {
            bytes = done(ask(&Ask::Fetch(parcel), &[])).1;
            if bytes.is_empty() {
                fatal("rank 0 has lost a part of what it read: all ranks must run the same build");
            }
        }
    }
    result
}

/// What files.c asks for, as it numbers them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Call {
    kind: c_int,
    /// Flags, whence, a command or an operation.
    extra: c_int,
    /// An offset, a length or an argument.
    at: i64,
}

/// Does a call with a descriptor of the driver's.
///
/// # Safety
/// `data` points to `size` bytes, which are written where the call is one that fills them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_remote(
    number: c_int,
    call: Call,
    data: *mut c_void,
    size: usize,
) -> i64 {
    let _internal = internal();
    let how = match call.kind {
        1 | 4 => How::At(call.at),
        2 | 5 => How::Socket(call.extra),
        _ => How::Here,
    };
    let deed = match call.kind {
        // SAFETY: the caller's promise.
        0..=2 => return unsafe { read(number, data.cast(), size, how) } as i64,
        3..=5 => {
            let bytes = match size {
                0 => &[][..],
                // SAFETY: the caller's promise.
                _ => unsafe { std::slice::from_raw_parts(data.cast_const().cast(), size) },
            };
            return write(number, bytes, how) as i64;
        }
        6 => Deed::Seek(call.at, call.extra),
        7 => Deed::Sync(call.extra != 0),
        8 => Deed::Truncate(call.at),
        9 => Deed::Flock(call.extra),
        10 => Deed::Status,
        11 => Deed::Terminal,
        12 => Deed::Control(call.extra, call.at),
        13 => Deed::ControlLock(call.extra),
        _ => Deed::Duplicate,
    };
    let given = match deed {
        // SAFETY: the caller's promise.
        Deed::ControlLock(_) => unsafe {
            std::slice::from_raw_parts(data.cast_const().cast::<u8>(), size)
        },
        _ => &[],
    };
    let (result, bytes) = perform(number, deed, given);
    if result >= 0 && !data.is_null() && bytes.len() == size {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), size) };
    }
    if matches!(deed, Deed::Duplicate) && result >= 0 {
        super::worker::forget_descriptor(c_int::try_from(result).unwrap_or(-1));
    }
    result
}

/// `readv` and `writev`.
///
/// # Safety
/// As of those.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_remote_pieces(
    number: c_int,
    pieces: *const libc::iovec,
    count: c_int,
    writes: c_int,
) -> isize {
    let _internal = internal();
    let count = usize::try_from(count).unwrap_or(0);
    let pieces = match count {
        0 => &[][..],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(pieces, count) },
    };
    let size = pieces.iter().map(|piece| piece.iov_len).sum();
    let mut bytes = vec![0_u8; size];
    let mut at = 0;
    if writes != 0 {
        for piece in pieces {
            // SAFETY: the caller's promise; the vector has room for all of them.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    piece.iov_base.cast(),
                    bytes.as_mut_ptr().add(at),
                    piece.iov_len,
                );
            }
            at += piece.iov_len;
        }
        return write(number, &bytes, How::Here);
    }
    // SAFETY: the vector has that length.
    let result = unsafe { read(number, bytes.as_mut_ptr(), size, How::Here) };
    let whole = usize::try_from(result).unwrap_or(0);
    for piece in pieces {
        let length = piece.iov_len.min(whole - at);
        // SAFETY: the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr().add(at), piece.iov_base.cast(), length)
        };
        at += length;
    }
    result
}

/// The path of a directory of the driver's, which is taken to be the same here; false: there is none, or no room for it.
///
/// # Safety
/// There is room for `room` bytes at `path`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_remote_path(number: c_int, path: *mut c_char, room: usize) -> c_int {
    let _internal = internal();
    let (result, bytes) = perform(number, Deed::Path, &[]);
    if result < 0 || bytes.len() >= room {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), path, bytes.len());
        path.add(bytes.len()).write(0);
    }
    1
}

/// Ends the job: what the program asks for cannot be done with a descriptor of another host's.
///
/// # Safety
/// Both are strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_refuse_remote(
    number: c_int,
    function: *const c_char,
    what: *const c_char,
) {
    let _internal = internal();
    let name = match about(&Question::Descriptor(number)) {
        Answer::Lent { name, .. } => format!("{number} ({name})"),
        _ => number.to_string(),
    };
    // SAFETY: the caller's promise.
    let (function, what) = unsafe { (CStr::from_ptr(function), CStr::from_ptr(what)) };
    refuse(
        &function.to_string_lossy(),
        "descriptor",
        &name,
        &format!(
            "rank 0 has it, on another host, and {}: do this in a master construct or in serial code, or open the file in the region",
            what.to_string_lossy()
        ),
    );
}

/// What a stream of [`cape_open_remote`] is over.
#[derive(Debug)]
pub struct Over {
    number: c_int,
}

/// `fdopen` of a descriptor of the driver's: a stream over a duplicate, which it closes.
///
/// # Safety
/// `mode` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_open_remote(number: c_int, mode: *const c_char) -> *mut c_void {
    let _internal = internal();
    let copy = perform(number, Deed::Duplicate, &[]).0;
    let Ok(number) = c_int::try_from(copy) else {
        return std::ptr::null_mut();
    };
    if number < 0 {
        return std::ptr::null_mut();
    }
    let over = Box::into_raw(Box::new(Over { number }));
    // SAFETY: the cookie lives until the stream is closed.
    unsafe { streams::open_own(over.cast_const().cast(), mode) }
}

/// Reads for such a stream.
///
/// # Safety
/// `over` is the stream's, `buffer` has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_over_read(over: *const Over, buffer: *mut u8, size: usize) -> isize {
    let _internal = internal();
    // SAFETY: the caller's promise.
    unsafe { read((*over).number, buffer, size, How::Here) }
}

/// Writes for such a stream.
///
/// # Safety
/// As [`cape_over_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_over_write(
    over: *const Over,
    buffer: *const u8,
    size: usize,
) -> isize {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let (number, bytes) = unsafe { ((*over).number, std::slice::from_raw_parts(buffer, size)) };
    write(number, bytes, How::Here).max(0)
}

/// Moves the offset for such a stream.
///
/// # Safety
/// `over` is the stream's, `offset` a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_over_seek(
    over: *const Over,
    offset: *mut i64,
    whence: c_int,
) -> c_int {
    let _internal = internal();
    // SAFETY: the caller's promise.
    let at = unsafe { seek((*over).number, offset.read(), whence) };
    if at < 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    unsafe { offset.write(at) };
    0
}

/// Closes for such a stream.
///
/// # Safety
/// `over` is the stream's, which does not use it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_over_close(over: *mut Over) -> c_int {
    let _internal = internal();
    // SAFETY: made by `cape_open_remote`.
    let over = unsafe { Box::from_raw(over) };
    match about(&Question::CloseDescriptor(over.number)) {
        Answer::Done(result, error) => {
            // SAFETY: the calling thread's errno.
            unsafe { *libc::__errno_location() = error };
            result
        }
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// The parts of a transfer of `size` bytes of which `there` can be had.
    fn parts(size: usize, there: usize, how: How) -> (isize, Vec<(usize, usize, How)>) {
        let asked = RefCell::new(Vec::new());
        let result = in_parts(size, how, |done, length, how| {
            asked.borrow_mut().push((done, length, how));
            length.min(there - done) as i64
        });
        (result, asked.into_inner())
    }

    #[test]
    fn a_transfer_ends_where_the_file_does() {
        assert_eq!(parts(10, 0, How::Here), (0, vec![(0, 10, How::Here)]));
        assert_eq!(parts(0, 0, How::Here).0, 0);
        let two = vec![
            (0, WHOLE, How::At(5)),
            (WHOLE, 7, How::At(5 + WHOLE as i64)),
        ];
        assert_eq!(
            parts(WHOLE + 7, 1 << 40, How::At(5)),
            (WHOLE as isize + 7, two.clone())
        );
        assert_eq!(parts(WHOLE + 7, WHOLE, How::At(5)), (WHOLE as isize, two));
        assert_eq!(parts(2 * WHOLE, 9, How::Here).1.len(), 1);
    }

    #[test]
    fn an_error_after_the_first_part_is_a_short_transfer() {
        let failing = |done: usize, length: usize, _| if done == 0 { length as i64 } else { -1 };
        assert_eq!(in_parts(3 * WHOLE, How::Here, failing), WHOLE as isize);
        assert_eq!(in_parts(5, How::Here, |_, _, _| -1), -1);
    }
}
