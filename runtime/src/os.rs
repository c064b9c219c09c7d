//! The runtime's own system calls: reserving the image's address range, switching to the user's stack, reading the key, the board.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

use crate::layout::Span;

/// Reserves `span` as private, zero, readable and writable memory without backing. Fails if any of it is in use.
pub fn reserve(span: Span) -> io::Result<()> {
    // SAFETY: MAP_FIXED_NOREPLACE maps nothing over existing memory.
    let mapped = unsafe {
        libc::mmap(
            span.start as *mut libc::c_void,
            span.len(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    if mapped as usize != span.start {
        // SAFETY: a kernel without MAP_FIXED_NOREPLACE put it elsewhere: undo.
        unsafe { libc::munmap(mapped, span.len()) };
        return Err(io::Error::from_raw_os_error(libc::EEXIST));
    }
    Ok(())
}

/// Unmaps what [`reserve`] mapped.
#[cfg(test)]
pub fn release(span: Span) {
    // SAFETY: tests release only what they reserved and no longer use.
    unsafe { libc::munmap(span.start as *mut libc::c_void, span.len()) };
}

/// Makes libc's allocator, which holds the runtime's messages, keep freed memory: giving it back and taking it again would cost a page
/// fault for each page of each message.
pub fn keep_freed_memory() {
    const LARGEST: libc::c_int = 32 << 20;
    const KEPT: libc::c_int = 512 << 20;
    // SAFETY: mallopt takes numbers only; what it refuses stays as it is.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST) };
    // SAFETY: as above.
    unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT) };
}

/// The soft limit on this resource in bytes, `None` if unlimited.
pub fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limits` is a valid place for the result.
    let failed = unsafe { libc::getrlimit(resource, &mut limits) } != 0;
    (!failed && limits.rlim_cur != libc::RLIM_INFINITY).then_some(limits.rlim_cur)
}

/// Calls `entry` on the stack `span` and never comes back: `entry` ends the process.
pub fn run_on_stack(span: Span, entry: extern "C" fn()) -> ! {
    // SAFETY: an all-zero ucontext_t is a valid argument of getcontext, which fills it.
    let mut context: libc::ucontext_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::getcontext(&mut context) };
    context.uc_stack.ss_sp = span.start as *mut libc::c_void;
    context.uc_stack.ss_size = span.len();
    context.uc_link = std::ptr::null_mut();
    // SAFETY: the stack is mapped and unused, and `entry` takes no arguments.
    unsafe { libc::makecontext(&mut context, entry, 0) };
    // SAFETY: the context was made above.
    unsafe { libc::setcontext(&context) };
    unreachable!("setcontext does not return")
}

/// Runs `action` with all signals blocked but those that a thread's own instructions raise; threads it starts inherit that.
pub fn with_signals_blocked<T>(action: impl FnOnce() -> T) -> T {
    // SAFETY: all-zero is a valid place for a signal set.
    let (mut blocked, mut before): (libc::sigset_t, libc::sigset_t) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both sets are valid places, the numbers valid signals.
    unsafe {
        libc::sigfillset(&mut blocked);
        for synchronous in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGABRT,
        ] {
            libc::sigdelset(&mut blocked, synchronous);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &blocked, &mut before);
    }
    let result = action();
    // SAFETY: `before` is what pthread_sigmask returned.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    result
}

/// Starts a thread that never ends and takes none of the program's signals. It runs on `stack`, which must be mapped and unused, or on one of
/// `stack_size` bytes of its own.
pub fn start_thread<T: Sync + 'static>(
    stack: Option<Span>,
    stack_size: usize,
    argument: &'static T,
    work: fn(&'static T),
) -> io::Result<()> {
    struct Start<T: 'static>(&'static T, fn(&'static T));
    extern "C" fn enter<T: Sync + 'static>(start: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: made below for this thread alone.
        let Start(argument, work) = *unsafe { Box::from_raw(start.cast::<Start<T>>()) };
        work(argument);
        std::ptr::null_mut()
    }
    // SAFETY: all-zero is a valid place for thread attributes, which pthread_attr_init fills.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    let check = |error: libc::c_int| match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    };
    // SAFETY: as above.
    check(unsafe { libc::pthread_attr_init(&mut attributes) })?;
    match stack {
        Some(span) => {
            let start = span.start as *mut libc::c_void;
            // SAFETY: the attributes were initialised; the stack is the caller's promise.
            check(unsafe { libc::pthread_attr_setstack(&mut attributes, start, span.len()) })?;
        }
        // SAFETY: the attributes were initialised.
        None => check(unsafe { libc::pthread_attr_setstacksize(&mut attributes, stack_size) })?,
    }
    let start = Box::into_raw(Box::new(Start(argument, work)));
    let mut thread = 0;
    // SAFETY: `enter` takes the box over; the attributes were initialised.
    let result = check(with_signals_blocked(|| unsafe {
        libc::pthread_create(&mut thread, &attributes, enter::<T>, start.cast())
    }));
    if result.is_err() {
        // SAFETY: there is no thread that could have taken it.
        drop(unsafe { Box::from_raw(start) });
    }
    // SAFETY: the attributes were initialised and are used no more.
    unsafe { libc::pthread_attr_destroy(&mut attributes) };
    result
}

/// Reads 32 bytes from `descriptor` and closes it.
pub fn read_key(descriptor: i32) -> io::Result<[u8; 32]> {
    use std::io::Read;
    use std::os::fd::FromRawFd;
    // SAFETY: the launcher made this descriptor for us alone; the file owns it from here on.
    let mut file = unsafe { std::fs::File::from_raw_fd(descriptor) };
    let mut key = [0; 32];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// One rank's slot of the status board.
#[derive(Debug)]
pub struct BoardSlot {
    bytes: *mut u8,
}

// SAFETY: the slot is written by the OpenMP thread of this process only and read by another process.
unsafe impl Send for BoardSlot {}
// SAFETY: as above; a torn read shows in a message only.
unsafe impl Sync for BoardSlot {}

impl BoardSlot {
    /// Maps the slot of `rank` of the board behind `descriptor`, and closes the descriptor.
    pub fn map(descriptor: i32, rank: u32, size: u32) -> io::Result<BoardSlot> {
        let length = size as usize * crate::control::board::SLOT;
        // SAFETY: maps new memory; the descriptor is the launcher's gift.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                descriptor,
                0,
            )
        };
        let error = io::Error::last_os_error();
        // SAFETY: nobody else uses it.
        unsafe { libc::close(descriptor) };
        if base == libc::MAP_FAILED {
            return Err(error);
        }
        Ok(BoardSlot {
            bytes: base
                .cast::<u8>()
                .wrapping_add(rank as usize * crate::control::board::SLOT),
        })
    }

    /// Notes what the rank is doing; empty: nothing.
    pub fn note(&self, text: &str) {
        let length = text.len().min(crate::control::board::UNDER_WAY - 1);
        // SAFETY: the slot has SLOT bytes, length is below, and so is the next byte, which is before the coordinator's.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.bytes, length);
            self.bytes.add(length).write(0);
        }
    }
}

impl BoardSlot {
    /// Whether the coordinator has taken output of this rank that has not reached the user.
    pub fn output_is_under_way(&self) -> bool {
        // SAFETY: the byte lies inside of the slot; the coordinator writes it, so that it may change at any time.
        unsafe {
            self.bytes
                .add(crate::control::board::UNDER_WAY)
                .read_volatile()
                != 0
        }
    }
}

/// Bytes that were written to a pipe and not yet read.
pub fn unread(pipe: &std::os::fd::OwnedFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD writes one integer (pipe(7)); either end may be asked.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    if result < 0 {
        0
    } else {
        usize::try_from(bytes).unwrap_or(0)
    }
}

/// Another descriptor of what a standard stream is now, whatever the program makes of that number; out of the program's way.
pub fn copy_of_standard(number: i32) -> Option<std::os::fd::OwnedFd> {
    const HIGH: i32 = 900;
    // SAFETY: fcntl takes numbers.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, HIGH) };
    // SAFETY: the kernel has just returned it, and nobody else knows it.
    (copy >= 0).then(|| unsafe { std::os::fd::OwnedFd::from_raw_fd(copy) })
}

/// Load address of the C library; 0 in a static program.
pub fn libc_base() -> u64 {
    // SAFETY: all-zero is a valid Dl_info.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let probe: unsafe extern "C" fn() -> libc::pid_t = libc::getpid;
    // SAFETY: any address may be asked for.
    let found = unsafe { libc::dladdr(probe as *const libc::c_void, &mut info) };
    let name = if found != 0 && !info.dli_fname.is_null() {
        // SAFETY: dladdr returned a string owned by the loader.
        unsafe { std::ffi::CStr::from_ptr(info.dli_fname) }
            .to_string_lossy()
            .into_owned()
    } else {
        String::new()
    };
    // In a dynamic executable getpid may resolve to its PLT; the loader's own list is reliable.
    if name.contains("libc.so") || name.contains("libc-") {
        info.dli_fbase as u64
    } else {
        libc_base_from_maps()
    }
}

fn libc_base_from_maps() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .find(|line| line.ends_with(".so.6") && line.contains("/libc") || line.contains("/ld-musl"))
        .and_then(|line| line.split('-').next())
        .and_then(|start| u64::from_str_radix(start, 16).ok())
        .unwrap_or(0)
}
