//! `mprotect`, and the fault handler that makes it a tracker. See [`crate::tracker::sigsegv`] for the protocol between the two.
//!
//! The handler is process-wide, as signals are; it finds the range of a faulting address in a fixed table of pointers. It must not allocate,
//! lock, log, panic or format: it may have interrupted anything. Other threads fault at the same time, and may publish meanwhile.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst};

use crate::error::Error;
use crate::page::PAGE_SIZE;
use crate::range::MemoryRange;
use crate::sys::live::Live;
use crate::sys::map::Mapping;

/// Pages opened by one fault where several are being written: aligned blocks of this many.
const BLOCK_PAGES: usize = 16;
/// Bytes of a block.
const BLOCK: usize = BLOCK_PAGES * PAGE_SIZE;
/// Closed pages that are protected again together with the open ones around them.
const GAP_PAGES: usize = 64;
/// Ranges that can be tracked at the same time in one process.
pub(crate) const MAX_RANGES: usize = 256;

/// What the handler knows of a range.
#[derive(Debug)]
pub(crate) struct Guarded {
    range: MemoryRange,
    /// One bit per page, counted from the start of the block that holds the range's start: open and dirty.
    open: Mapping,
}

static TABLE: [AtomicPtr<Guarded>; MAX_RANGES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_RANGES];
/// Handlers that may have opened a page and not yet noted it.
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
    // Not libc's function, which a program may have replaced by one that spares tracked memory.
    if unsafe { libc::syscall(libc::SYS_mprotect, range.start(), range.len(), protection) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

impl Guarded {
    /// The address that bit 0 stands for: bits of a block lie in one word.
    fn origin(&self) -> usize {
        self.range.start() / BLOCK * BLOCK
    }

    /// The bit of the page at `address`.
    fn bit(&self, address: usize) -> usize {
        (address - self.origin()) / PAGE_SIZE
    }

    /// The memory of bits `from..to`.
    fn memory(&self, from: usize, to: usize) -> MemoryRange {
        MemoryRange::aligned(
            self.origin() + from * PAGE_SIZE,
            self.origin() + to * PAGE_SIZE,
        )
    }

    /// Calls `change` with each word of the bits `from..to`, and which of its bits these are.
    fn for_each_word(&self, from: usize, to: usize, change: impl Fn(&AtomicU64, u64)) {
        let words = self.open.atomics();
        let mut at = from;
        while at < to {
            let end = (at / 64 * 64 + 64).min(to);
            change(
                &words[at / 64],
                (u64::MAX >> (64 - (end - at))) << (at % 64),
            );
            at = end;
        }
    }

    fn mark(&self, from: usize, to: usize) {
        self.for_each_word(from, to, |word, bits| {
            word.fetch_or(bits, SeqCst);
        });
    }

    fn unmark(&self, from: usize, to: usize) {
        self.for_each_word(from, to, |word, bits| {
            word.fetch_and(!bits, SeqCst);
        });
    }

    /// Makes pages writable and dirty. Async-signal-safe.
    ///
    /// The bits are set twice: before, so that no open page is ever unknown; and after, because a publication may have taken them in between.
    fn open_bits(&self, from: usize, to: usize) -> bool {
        self.mark(from, to);
        let opened = protect(self.memory(from, to), Access::Write).is_ok();
        self.mark(from, to);
        opened
    }

    /// Opens the page at `address`; if a page of its block, or the one before the block, is open already: the block. If the process has too many
    /// mappings to split one more (vm.max_map_count): the smallest enclosing piece for which there are enough, in the end the whole range, which
    /// needs none. Async-signal-safe.
    fn open_at(&self, address: usize) -> bool {
        let (low, high) = (
            self.bit(self.range.start()),
            self.bit(self.range.end() - 1) + 1,
        );
        let page = self.bit(address);
        let block = page / BLOCK_PAGES * BLOCK_PAGES;
        let word = |bit: usize| self.open.atomics()[bit / 64].load(SeqCst) >> (bit % 64);
        let busy =
            word(block) & ((1 << BLOCK_PAGES) - 1) != 0 || (block > 0 && word(block - 1) & 1 == 1);
        if !busy && self.open_bits(page, page + 1) {
            return true;
        }
        let mut size = BLOCK_PAGES;
        loop {
            let start = (page / size * size).max(low);
            let end = ((page / size + 1) * size).min(high);
            if self.open_bits(start, end) {
                return true;
            }
            if (start, end) == (low, high) {
                return false;
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
        let pages = range.end().div_ceil(BLOCK) * BLOCK_PAGES - range.start() / BLOCK * BLOCK_PAGES;
        let open = Mapping::anonymous(pages.div_ceil(64) * 8, "the fault handler's page map")?;
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

    /// Protects the whole range: no page is open.
    pub(crate) fn close_all(&self) -> Result<(), Error> {
        let range = self.range();
        protect(range, Access::Read).map_err(|source| Error::Kernel {
            operation: "protecting memory (mprotect)",
            address: range.start(),
            source,
        })
    }

    /// Opens the pages that hold `address..address + len`.
    pub(crate) fn open(&self, address: usize, len: usize) {
        open_within(self.guarded(), address, len);
    }

    /// Calls `found` with each stretch of open pages of `span`, in order.
    pub(crate) fn peek(&self, span: MemoryRange, found: &mut dyn FnMut(MemoryRange)) {
        wait_for_handlers();
        let (mut at, end) = self.bits(span);
        while let Some((from, to)) = self.next_stretch(at, end) {
            found(self.guarded().memory(from, to));
            at = to;
        }
    }

    /// Calls `found` with each stretch of open pages of `span`, in order, and closes them.
    ///
    /// What cannot be closed because the process has too many mappings stays open and dirty: it will be found again.
    pub(crate) fn take(&self, span: MemoryRange, found: &mut dyn FnMut(MemoryRange)) {
        let guarded = self.guarded();
        wait_for_handlers();
        let (mut at, end) = self.bits(span);
        let mut stretches = Vec::new();
        while let Some((from, to)) = self.next_stretch(at, end) {
            // Pages between stretches are closed: protecting them once more costs less than another call.
            stretches.clear();
            stretches.push((from, to));
            at = to;
            while let Some((from, to)) = self.next_stretch(at, end.min(at + GAP_PAGES)) {
                // The gap's limit may have cut the stretch short.
                let to = if to < end {
                    self.find(to, end, u64::MAX).unwrap_or(end)
                } else {
                    to
                };
                stretches.push((from, to));
                at = to;
            }
            // First the bits, then the protection: what is written in between is part of what the caller copies after this call.
            stretches
                .iter()
                .for_each(|(from, to)| guarded.unmark(*from, *to));
            if protect(guarded.memory(from, at), Access::Read).is_err() {
                stretches
                    .iter()
                    .for_each(|(from, to)| guarded.mark(*from, *to));
            }
            stretches
                .iter()
                .for_each(|(from, to)| found(guarded.memory(*from, *to)));
        }
    }

    fn bits(&self, span: MemoryRange) -> (usize, usize) {
        let guarded = self.guarded();
        (guarded.bit(span.start()), guarded.bit(span.end() - 1) + 1)
    }

    fn next_stretch(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        let start = self.find(from, to, 0)?;
        let end = self.find(start, to, u64::MAX).unwrap_or(to);
        Some((start, end))
    }

    /// The first page in `from..to` whose bit, xor a bit of `invert`, is set.
    fn find(&self, from: usize, to: usize, invert: u64) -> Option<usize> {
        let words = self.guarded().open.atomics();
        let mut at = from;
        while at < to {
            let word = (words[at / 64].load(SeqCst) ^ invert) >> (at % 64);
            if word != 0 {
                return Some(at + word.trailing_zeros() as usize).filter(|page| *page < to);
            }
            at = at / 64 * 64 + 64;
        }
        None
    }

    /// Makes exactly `run` writable or not, without noting it anywhere.
    pub(crate) fn set_access(&self, run: MemoryRange, access: Access) -> Result<(), io::Error> {
        assert!(
            self.range().contains(run.start(), run.len()),
            "memory of this range"
        );
        protect(run, access)
    }
}

/// Waits until every opening that an earlier write relied on has been noted: no handler is between its two marks.
fn wait_for_handlers() {
    while IN_FLIGHT.load(SeqCst) != 0 {
        std::thread::yield_now();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Should it fail, faults in the range are no longer ours: the program ends with SIGSEGV instead of going on wrongly.
        let _ = protect(self.range(), Access::Write);
        TABLE[self.slot].store(ptr::null_mut(), SeqCst);
        wait_for_handlers();
        // SAFETY: made by Box::into_raw in `new`; no handler that saw it in the table is still running.
        drop(unsafe { Box::from_raw(self.guarded) });
    }
}

fn open_within(guarded: &Guarded, address: usize, len: usize) {
    let start = address.max(guarded.range.start());
    let end = address.saturating_add(len).min(guarded.range.end());
    if start >= end || guarded.open_bits(guarded.bit(start), guarded.bit(end - 1) + 1) {
        return;
    }
    let mut at = start;
    while at < end {
        guarded.open_at(at);
        at = at / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE;
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

/// Opens the page of a fault. False: not ours.
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
        // SAFETY: fills in a set that we own. All signals wait: the user's handlers must not run between the two marks of `open_bits`.
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
