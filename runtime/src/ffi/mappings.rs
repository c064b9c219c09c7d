//! `mmap` and its relatives, as the linker's `--wrap` names them (files.c calls what is here).
//!
//! The kernel would place a mapping in one process only. Two kinds need no kernel: zeroed private memory, and the bytes of a file that
//! this program cannot change through the mapping. Both are blocks of the shared heap, so that every rank sees them. Any other mapping
//! (shared and writable, executable, at a fixed address) exists on the rank that makes it: its address range is written down in the
//! image ([`crate::heap::Heap::note_mapping`]), and a rank that touches it says so before it ends ([`watch`]). Such mappings are placed
//! where no other rank has anything, so that they are never mistaken for something else.
//!
//! What is mapped from the heap cannot be taken apart: a part that `munmap` names stays until the whole is unmapped, and `mprotect`
//! has no effect but for code, which is refused.

use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::failure::fatal;
use crate::heap::Heap;
use crate::session;

// files.c: as the program calls them, so that a descriptor may be one of another rank's.
unsafe extern "C" {
    fn __wrap_fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
    fn __wrap_fstat(descriptor: c_int, status: *mut libc::stat) -> c_int;
    fn __wrap_pread64(descriptor: c_int, data: *mut c_void, size: usize, at: i64) -> isize;
}

const PAGE: usize = 4096;

/// Where mappings that are not shared are put: below all that the system places by itself.
const PRIVATE: usize = 0x4000_0000_0000;
/// Address space of a rank there.
const PRIVATE_PER_RANK: usize = 1 << 34;

/// What flags a mapping served from the heap may have: the others ask for what only the kernel has.
const SERVED: c_int = libc::MAP_PRIVATE
    | libc::MAP_SHARED
    | libc::MAP_ANONYMOUS
    | libc::MAP_NORESERVE
    | libc::MAP_POPULATE
    | libc::MAP_STACK;

fn shared(address: *mut c_void) -> Option<&'static Heap> {
    session::get()
        .map(|session| &session.heap)
        .filter(|heap| heap.contains(address as usize))
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the calling thread's errno.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// Whether `descriptor` is a file that cannot be changed through it.
fn is_read_only_file(descriptor: c_int) -> bool {
    // SAFETY: asks for flags only.
    let flags = unsafe { __wrap_fcntl(descriptor, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_ACCMODE == libc::O_RDONLY
}

fn is_regular_file(descriptor: c_int) -> bool {
    // SAFETY: all-zero is a valid place for a file's status.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the place is valid.
    let known = unsafe { __wrap_fstat(descriptor, &mut status) } == 0;
    known && status.st_mode & libc::S_IFMT == libc::S_IFREG
}

fn can_be_shared(protection: c_int, flags: c_int, descriptor: c_int, offset: i64) -> bool {
    let writable = protection & libc::PROT_WRITE != 0;
    if protection & libc::PROT_READ == 0
        || protection & !(libc::PROT_READ | libc::PROT_WRITE) != 0
        || flags & !SERVED != 0
    {
        return false;
    }
    let private = flags & libc::MAP_SHARED == 0;
    if flags & libc::MAP_ANONYMOUS != 0 {
        return private;
    }
    let constant = private || (!writable && is_read_only_file(descriptor));
    constant && offset % PAGE as i64 == 0 && offset >= 0 && is_regular_file(descriptor)
}

/// Fills the block with the file's bytes from `offset` on; what is beyond its end stays zero. Returns whether it could be read.
fn read_file(block: NonNull<u8>, length: usize, descriptor: c_int, offset: i64) -> bool {
    ckpt_incremental::pretouch(block.as_ptr() as usize, length);
    let mut done = 0;
    while done < length {
        // SAFETY: the rest of the block, which nobody else knows yet.
        let read = unsafe {
            __wrap_pread64(
                descriptor,
                block.as_ptr().add(done).cast(),
                length - done,
                offset + done as i64,
            )
        };
        match usize::try_from(read) {
            Ok(0) => return true,
            Ok(bytes) => done += bytes,
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// A mapping in the shared heap; null if it has to be the kernel's.
#[unsafe(no_mangle)]
extern "C" fn cape_map(
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    let Some(session) = session::get() else {
        return null_mut();
    };
    if length == 0 || !can_be_shared(protection, flags, descriptor, offset) {
        return null_mut();
    }
    let Some(block) = length
        .checked_next_multiple_of(PAGE)
        .and_then(|whole| session.heap.allocate_zeroed(whole, PAGE))
    else {
        return null_mut();
    };
    if flags & libc::MAP_ANONYMOUS == 0 && !read_file(block, length, descriptor, offset) {
        // A block just taken can be given back.
        let _ = session.heap.free(block);
        return null_mut();
    }
    block.as_ptr().cast()
}

/// Where the kernel should put a mapping of `length` bytes for which the program names no address; null: anywhere.
#[unsafe(no_mangle)]
extern "C" fn cape_mapping_hint(length: usize) -> *mut c_void {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let Some(session) = session::get() else {
        return null_mut();
    };
    let step = length.saturating_add(PAGE).next_multiple_of(PAGE);
    let from = USED.fetch_add(step.min(PRIVATE_PER_RANK), Relaxed);
    if from.saturating_add(step) > PRIVATE_PER_RANK {
        return null_mut();
    }
    (PRIVATE + session.rank as usize * PRIVATE_PER_RANK + from) as *mut c_void
}

/// Notes a mapping that the kernel made for this rank alone.
#[unsafe(no_mangle)]
extern "C" fn cape_note_mapping(address: *mut c_void, length: usize, descriptor: c_int) {
    let Some(session) = session::get() else {
        return;
    };
    let name = std::fs::read_link(format!("/proc/self/fd/{descriptor}"));
    let name = name.map_or_else(
        |_| "memory".to_owned(),
        |path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        },
    );
    session
        .heap
        .note_mapping(address as usize, length, name.as_bytes());
}

unsafe extern "C" {
    fn __real_munmap(address: *mut c_void, length: usize) -> c_int;
    fn __real_mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int;
    fn __real_madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
}

/// `munmap`.
///
/// # Safety
/// C's: nobody uses the range any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_munmap(address: *mut c_void, length: usize) -> c_int {
    let Some(heap) = shared(address) else {
        if let Some(session) = session::get() {
            session.heap.forget_mapping(address as usize, length);
        }
        // SAFETY: the system's contract.
        return unsafe { __real_munmap(address, length) };
    };
    if length == 0 || !(address as usize).is_multiple_of(PAGE) {
        return fail(libc::EINVAL);
    }
    let block = NonNull::new(address.cast::<u8>()).expect("the heap is not at address 0");
    let whole = heap
        .capacity(block)
        .is_ok_and(|capacity| length.next_multiple_of(PAGE) >= capacity);
    if whole && heap.free(block).is_err() {
        return fail(libc::EINVAL);
    }
    0
}

/// `mremap` of a mapping in the shared heap; null if it is not there, [`libc::MAP_FAILED`] if it cannot be.
///
/// # Safety
/// C's: `address` is a mapping of `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cape_remap(
    address: *mut c_void,
    length: usize,
    new_length: usize,
    flags: c_int,
) -> *mut c_void {
    let Some(heap) = shared(address) else {
        return null_mut();
    };
    let block = NonNull::new(address.cast::<u8>()).expect("the heap is not at address 0");
    let Ok(capacity) = heap.capacity(block) else {
        fail(libc::EINVAL);
        return libc::MAP_FAILED;
    };
    if new_length != 0 && new_length <= capacity {
        return address;
    }
    let fits = new_length.checked_next_multiple_of(PAGE).filter(|_| {
        new_length != 0 && flags & libc::MREMAP_MAYMOVE != 0 && flags & libc::MREMAP_FIXED == 0
    });
    let Some(new) = fits.and_then(|whole| heap.allocate_zeroed(whole, PAGE)) else {
        fail(if new_length == 0 {
            libc::EINVAL
        } else {
            libc::ENOMEM
        });
        return libc::MAP_FAILED;
    };
    // SAFETY: both blocks hold that many bytes and are distinct.
    unsafe { new.copy_from_nonoverlapping(block, length.min(capacity)) };
    // Known to be a block.
    let _ = heap.free(block);
    new.as_ptr().cast()
}

/// `mprotect`.
///
/// # Safety
/// C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_mprotect(
    address: *mut c_void,
    length: usize,
    protection: c_int,
) -> c_int {
    if shared(address).is_none() {
        // SAFETY: the system's contract.
        return unsafe { __real_mprotect(address, length, protection) };
    }
    if protection & libc::PROT_EXEC != 0 {
        fatal(format_args!(
            "mprotect({address:p}, {length}, PROT_EXEC): memory that all ranks share cannot hold code: ask mmap for PROT_EXEC at once, and use the code on the rank that makes it"
        ));
    }
    0
}

/// `madvise`: what is no longer needed must read as zero afterwards, on every rank.
///
/// # Safety
/// C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_madvise(
    address: *mut c_void,
    length: usize,
    advice: c_int,
) -> c_int {
    match (shared(address), advice) {
        (Some(_), libc::MADV_DONTNEED) => {
            // SAFETY: the program gives the bytes up.
            unsafe { address.cast::<u8>().write_bytes(0, length) };
            0
        }
        // The bytes may stay as they are.
        (Some(_), libc::MADV_FREE) => 0,
        // SAFETY: the system's contract.
        _ => unsafe { __real_madvise(address, length, advice) },
    }
}

/// Lets a fault in a mapping of another rank be explained. To be called before the trackers take the signal, which leave to this handler
/// what is not theirs.
pub fn watch() {
    // SAFETY: all-zero is a valid action.
    let (mut action, mut before): (libc::sigaction, libc::sigaction) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    action.sa_sigaction = on_fault as *const () as usize;
    // SAFETY: the actions are valid places. A handler that is already there (a profiler's) stays.
    unsafe {
        if libc::sigaction(libc::SIGSEGV, std::ptr::null(), &mut before) == 0
            && before.sa_sigaction == libc::SIG_DFL
        {
            libc::sigaction(libc::SIGSEGV, &action, null_mut());
        }
    }
}

/// A line being put together without memory from anywhere.
struct Line {
    text: [u8; 512],
    length: usize,
}

impl Line {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.text.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            }
        }
    }

    fn add_number(&mut self, number: usize, base: usize) {
        if number >= base {
            self.add_number(number / base, base);
        }
        self.add(&[b"0123456789abcdef"[number % base]]);
    }
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid pointer to an SA_SIGINFO handler.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if code > 0
        && let Some(session) = session::get()
        && let Some((owner, name)) = session.heap.mapping_at(address)
        && owner != session.rank
    {
        explain(session.rank, address, owner, name);
    }
    // Back in the program, the faulting instruction runs again and ends it where it belongs.
    // SAFETY: all-zero is the default action; sigaction and raise are async-signal-safe.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &default, null_mut());
        if code <= 0 {
            libc::raise(signal);
        }
    }
}

fn explain(rank: u32, address: usize, owner: u32, name: &[u8]) {
    let mut line = Line {
        text: [0; 512],
        length: 0,
    };
    line.add(b"cape: error: rank ");
    line.add_number(rank as usize, 10);
    line.add(b" used address 0x");
    line.add_number(address, 16);
    line.add(b", in a mapping of '");
    line.add(name);
    line.add(b"' by rank ");
    line.add_number(owner as usize, 10);
    line.add(b": a mapping that is shared and writable, executable or at a fixed address exists on the rank that called mmap only; map it with MAP_PRIVATE, or use malloc and read\n");
    // SAFETY: the bytes are there. Nothing can be done if they cannot be written.
    unsafe { libc::write(libc::STDERR_FILENO, line.text.as_ptr().cast(), line.length) };
}
