//! `mprotect`, and the fault handler that makes it a tracker. See [`crate::tracker::sigsegv`] for the protocol between the two.
//!
//! The handler is process-wide, as signals are; it finds the range of a faulting address in a fixed table of pointers. It must not allocate,
//! lock, log, panic or format: it may have interrupted anything. Other threads fault at the same time, and may publish meanwhile.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::range::MemoryRange;
use crate::sys::live::Live;
use crate::sys::map::Mapping;

/// Pages opened by one fault: aligned blocks of this many.
pub(crate) const BLOCK_PAGES: usize = 16;
/// Bytes of a block.
pub(crate) const BLOCK: usize = BLOCK_PAGES * PAGE_SIZE;
/// Ranges that can be tracked at the same time in one process.
pub(crate) const MAX_RANGES: usize = 256;

/// What the handler knows of a range.
#[derive(Debug)]
pub(crate) struct Guarded {
    range: MemoryRange,
    /// One bit per block, counted from the block that holds the range's start: open and dirty.
    open: Mapping,
}

static TABLE: [AtomicPtr<Guarded>; MAX_RANGES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_RANGES];
/// Handlers that may have opened a block and not yet noted it.
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// A range registered with the handler. Dropping it opens the range for good.
#[derive(Debug)]
pub(crate) struct Guard {
    guarded: *mut Guarded,
    slot: usize,
}

// SAFETY: Guarded is only read through the pointer, and its bits are atomics.
unsafe impl Send for Guard {}

/// Read-only or writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Changes the protection of `range`.
fn protect(range: MemoryRange, access: Access) -> io::Result<()> {
    let protection = match access {
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_READ | libc::PROT_WRITE,
    };
    // SAFETY: ranges come from a `Guarded`, whose creator promised that they are the program's data and that
    // making them read-only is noticed by nobody but the handler below.
    if unsafe { libc::mprotect(range.start() as *mut _, range.len(), protection) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

impl Guarded {
    fn blocks(&self) -> usize {
        self.range.end().div_ceil(BLOCK) - self.range.start() / BLOCK
    }

    fn block_of(&self, address: usize) -> usize {
        address / BLOCK - self.range.start() / BLOCK
    }

    /// The memory of blocks `from..to`.
    fn memory(&self, from: usize, to: usize) -> MemoryRange {
        let first = self.range.start() / BLOCK;
        let start = ((first + from) * BLOCK).max(self.range.start());
        MemoryRange::aligned(start, ((first + to) * BLOCK).min(self.range.end()))
    }

    /// Sets the bits of blocks `from..to`.
    fn mark(&self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let end = (at / 64 * 64 + 64).min(to);
            let bits = (u64::MAX >> (64 - (end - at))) << (at % 64);
            self.open.atomics()[at / 64].fetch_or(bits, SeqCst);
            at = end;
        }
    }

    /// Makes the block at `address` writable and dirty. If the process has too many mappings to split one more (vm.max_map_count), the smallest
    /// enclosing piece for which there are enough, in the end the whole range, which needs none. Async-signal-safe.
    ///
    /// The bits are set twice: before, so that no open block is ever unknown; and after, because a publication may have taken them in between.
    fn open_at(&self, address: usize) -> bool {
        let mut size = 1;
        loop {
            let first = self.range.start() / BLOCK;
            let start = (address / BLOCK / size * size).max(first) - first;
            let end = ((address / BLOCK / size + 1) * size - first).min(self.blocks());
            self.mark(start, end);
            let opened = protect(self.memory(start, end), Access::Write).is_ok();
            self.mark(start, end);
            if opened || (start == 0 && end == self.blocks()) {
                return opened;
            }
            size *= 16;
        }
    }
}

impl Guard {
    /// Registers a range with the fault handler, and installs that at the first call. Nothing is protected yet.
    ///
    /// The range must be data, not a stack this process runs on: from now on it may be protected at any time.
    pub(crate) fn new(live: &Live) -> Result<Guard, Error> {
        install()?;
        let range = live.range();
        let blocks = range.end().div_ceil(BLOCK) - range.start() / BLOCK;
        let open = Mapping::anonymous(blocks.div_ceil(64) * 8, "the fault handler's page map")?;
        let guarded = Box::into_raw(Box::new(Guarded { range, open }));
        for (slot, entry) in TABLE.iter().enumerate() {
            if entry
                .compare_exchange(ptr::null_mut(), guarded, SeqCst, SeqCst)
                .is_ok()
            {
                return Ok(Guard { guarded, slot });
            }
        }
        // SAFETY: it was made above and is in no table.
        drop(unsafe { Box::from_raw(guarded) });
        Err(Error::TooManyRanges { limit: MAX_RANGES })
    }

    fn guarded(&self) -> &Guarded {
        // SAFETY: made by `new`, freed by `drop` only.
        unsafe { &*self.guarded }
    }

    /// The range.
    pub(crate) fn range(&self) -> MemoryRange {
        self.guarded().range
    }

    /// Protects the whole range: no block is open.
    pub(crate) fn close_all(&self) -> Result<(), Error> {
        let range = self.range();
        protect(range, Access::Read).map_err(|source| Error::Kernel {
            operation: "protecting memory (mprotect)",
            address: range.start(),
            source,
        })
    }

    /// Opens the blocks that hold `address..address + len`.
    pub(crate) fn open(&self, address: usize, len: usize) {
        open_within(self.guarded(), address, len);
    }

    /// Calls `found` with the memory of each stretch of open blocks that touches `span`, in order; `take`: and closes them.
    ///
    /// A stretch that cannot be closed because the process has too many mappings stays open and dirty: it will be found again.
    pub(crate) fn opened(&self, span: MemoryRange, take: bool, found: &mut dyn FnMut(MemoryRange)) {
        let guarded = self.guarded();
        // Openings that any write before this call relied on are noted once no handler is in flight.
        while IN_FLIGHT.load(SeqCst) != 0 {
            std::thread::yield_now();
        }
        let (mut at, end) = (
            guarded.block_of(span.start()),
            guarded.block_of(span.end() - 1) + 1,
        );
        while let Some((from, to)) = self.next_stretch(at, end) {
            let memory = guarded.memory(from, to);
            if take {
                // First the bits, then the protection: what is written in between is part of what the caller copies after this call.
                self.unmark(from, to);
                if protect(memory, Access::Read).is_err() {
                    guarded.mark(from, to);
                }
            }
            found(memory);
            at = to;
        }
    }

    fn next_stretch(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        let start = self.find(from, to, 0)?;
        let end = self.find(start, to, u64::MAX).unwrap_or(to);
        Some((start, end))
    }

    /// The first block in `from..to` whose bit, xor a bit of `invert`, is set.
    fn find(&self, from: usize, to: usize, invert: u64) -> Option<usize> {
        let words = self.guarded().open.atomics();
        let mut at = from;
        while at < to {
            let word = (words[at / 64].load(SeqCst) ^ invert) >> (at % 64);
            if word != 0 {
                return Some(at + word.trailing_zeros() as usize).filter(|block| *block < to);
            }
            at = at / 64 * 64 + 64;
        }
        None
    }

    fn unmark(&self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let end = (at / 64 * 64 + 64).min(to);
            let bits = (u64::MAX >> (64 - (end - at))) << (at % 64);
            self.guarded().open.atomics()[at / 64].fetch_and(!bits, SeqCst);
            at = end;
        }
    }

    /// Makes exactly `run` writable or not, without noting it anywhere. False: the process has too many mappings.
    pub(crate) fn set_access(&self, run: MemoryRange, access: Access) -> Result<(), io::Error> {
        assert!(
            self.range().contains(run.start(), run.len()),
            "memory of this range"
        );
        protect(run, access)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Should it fail, faults in the range are no longer ours: the program ends with SIGSEGV instead of going on wrongly.
        let _ = protect(self.range(), Access::Write);
        TABLE[self.slot].store(ptr::null_mut(), SeqCst);
        while IN_FLIGHT.load(SeqCst) != 0 {
            std::thread::yield_now();
        }
        // SAFETY: made by Box::into_raw in `new`; no handler that saw it in the table is still running.
        drop(unsafe { Box::from_raw(self.guarded) });
    }
}

fn open_within(guarded: &Guarded, address: usize, len: usize) {
    let start = address.max(guarded.range.start());
    let end = address.saturating_add(len).min(guarded.range.end());
    let mut at = start;
    while at < end {
        guarded.open_at(at);
        at = at / BLOCK * BLOCK + BLOCK;
    }
}

/// As a fault at each page would: opens what is tracked of `address..address + len`. Async-signal-safe; any thread.
pub(crate) fn open_anywhere(address: usize, len: usize) {
    IN_FLIGHT.fetch_add(1, SeqCst);
    for entry in &TABLE {
        let guarded = entry.load(SeqCst);
        if !guarded.is_null() {
            // SAFETY: in the table after IN_FLIGHT was raised: `drop` waits before it frees.
            open_within(unsafe { &*guarded }, address, len);
        }
    }
    IN_FLIGHT.fetch_sub(1, SeqCst);
}

/// Opens the block of a fault. False: not ours.
fn resolve(address: usize) -> bool {
    IN_FLIGHT.fetch_add(1, SeqCst);
    let mut resolved = false;
    for entry in &TABLE {
        let guarded = entry.load(SeqCst);
        if guarded.is_null() {
            continue;
        }
        // SAFETY: as in `open_anywhere`.
        let guarded = unsafe { &*guarded };
        if guarded.range.contains(address, 1) {
            resolved = guarded.open_at(address);
            break;
        }
    }
    IN_FLIGHT.fetch_sub(1, SeqCst);
    resolved
}

/// The action that SIGSEGV had before ours.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);
// SAFETY: written once, under `Once`, before the handler that reads it is installed.
unsafe impl Sync for Previous {}
static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));

fn install() -> Result<(), Error> {
    static ONCE: Once = Once::new();
    static ERROR: AtomicUsize = AtomicUsize::new(0);
    ONCE.call_once(|| {
        // SAFETY: nobody reads it yet.
        let previous = unsafe { &mut *PREVIOUS.0.get() };
        // SAFETY: a null new action only asks; the old action is written in full.
        if unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), previous.as_mut_ptr()) } < 0 {
            ERROR.store(1, SeqCst);
            return;
        }
        // SAFETY: all-zero is a valid sigaction, filled in below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_fault as extern "C" fn(_, _, _) as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        // SAFETY: fills in a set that we own. All signals wait: the user's handlers must not run between the two marks of `open_at`.
        unsafe { libc::sigfillset(&mut action.sa_mask) };
        // SAFETY: the handler keeps to what signal-safety(7) allows.
        if unsafe { libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()) } < 0 {
            ERROR.store(1, SeqCst);
        }
    });
    if ERROR.load(SeqCst) != 0 {
        return Err(Error::Unavailable {
            kind: crate::probe::TrackerKind::Sigsegv,
            reason: "no handler for SIGSEGV can be installed".into(),
        });
    }
    Ok(())
}

/// The SIGSEGV handler.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: errno of this thread; saved because the interrupted code may be about to read it.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // SAFETY: as above.
    let ours = code == SEGV_ACCERR && unsafe { is_write(context) } && resolve(address);
    if !ours {
        // SAFETY: the kernel's own arguments, passed on.
        unsafe { chain(signal, info, context) };
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// <asm-generic/siginfo.h>: the mapping exists but does not permit the access.
const SEGV_ACCERR: libc::c_int = 2;

/// Whether the fault was a write, as opposed to a jump into data: opening the page would never resolve that.
///
/// # Safety
/// `context` is what the kernel passed to the handler.
#[cfg(target_arch = "x86_64")]
unsafe fn is_write(context: *mut libc::c_void) -> bool {
    /// Bit 1 of the page fault's error code (Intel SDM 3A, 4.7).
    const WRITE: i64 = 2;
    // SAFETY: the kernel passes a ucontext_t.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    context.uc_mcontext.gregs[libc::REG_ERR as usize] & WRITE != 0
}

/// # Safety
/// `context` is what the kernel passed to the handler.
#[cfg(target_arch = "aarch64")]
unsafe fn is_write(context: *mut libc::c_void) -> bool {
    // SAFETY: the kernel passes a ucontext_t.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    // Tracked memory is always readable: what is no write is a jump to the faulting address.
    context.uc_mcontext.pc != context.uc_mcontext.fault_address
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn is_write(_context: *mut libc::c_void) -> bool {
    true
}

/// Leaves a fault that is not ours to whoever handled faults before.
///
/// # Safety
/// The arguments are those of the signal handler.
unsafe fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: written before our handler was installed, never after.
    let previous = unsafe { (*PREVIOUS.0.get()).assume_init_ref() };
    // SAFETY: the kernel's pointer.
    let sent_by_a_process = unsafe { (*info).si_code } <= 0;
    match previous.sa_sigaction {
        libc::SIG_IGN if sent_by_a_process => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // Back in the program, the faulting instruction runs again and ends it where it belongs.
            // SAFETY: all-zero is the default action.
            let default: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: sigaction is async-signal-safe.
            unsafe { libc::sigaction(signal, &default, ptr::null_mut()) };
            if sent_by_a_process {
                // SAFETY: async-signal-safe; delivered when this handler returns.
                unsafe { libc::raise(signal) };
            }
        }
        handler => {
            let mut mask = previous.sa_mask;
            if previous.sa_flags & libc::SA_NODEFER == 0 {
                // SAFETY: a set that we own.
                unsafe { libc::sigaddset(&mut mask, signal) };
            }
            let mut ours = MaybeUninit::uninit();
            // SAFETY: valid sets; pthread_sigmask is async-signal-safe.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, ours.as_mut_ptr()) };
            if previous.sa_flags & libc::SA_SIGINFO != 0 {
                type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                // SAFETY: with SA_SIGINFO the action is a handler of three arguments.
                let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: without it, of one.
                let handler =
                    unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
                handler(signal);
            }
            // SAFETY: the set that pthread_sigmask filled in above.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, ours.as_ptr(), ptr::null_mut()) };
        }
    }
}
