//! Atomic updates that memory shows and the log does not yet: the *cells*.
//!
//! `atomic x += e` is seen by the threads of its rank at once, and by other ranks after synchronisation. So memory is ahead of the
//! baseline by what was added, which is carried as one operation per address, not as bytes:
//!
//! ```text
//!   cell x:  base 10 ── += 2, += 3 ──► memory 15, operand +5       publish: the entry carries "+5", the diff sees 10
//!            flying +5 (published, not yet executed by the log)   ── += 1 ──► memory 16, operand +1
//!            executed: baseline 15 + what other ranks added       memory = baseline + flying + operand
//! ```
//!
//! *base* is what memory held before the first operation: the baseline's value, unless the program has assigned to x plainly since the
//! last publication; then it is the assigned value, which is published as bytes. *after* is what memory held after the last
//! operation: if memory holds something else, the program has assigned to x since, and what it assigned stands.
//!
//! Everything that is known of the cells of a page is kept in one block, found and used under one of many spin locks; an update takes that
//! lock only. Threads go on updating while another publishes or catches up.
#![allow(unsafe_code)]

mod page;

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use std::sync::{Mutex, OnceLock, PoisonError};

use ckpt_incremental::{Mask, Overlay, PAGE_SIZE};

use crate::entry::Operation;
use crate::layout::Span;
use page::{CellPage, Outcome};

/// As in `cape.h`: `inout[k] = inout[k] OP in[k]` for `count` elements.
pub type Combiner = unsafe extern "C" fn(inout: *mut u8, operand: *const u8, count: usize);

/// The largest type that has a combiner, in bytes.
pub const LARGEST: usize = 32;
const SHARDS: usize = 4096;

/// The cells of some pages, and the lock under which these pages' cells are touched.
struct Shard {
    taken: AtomicBool,
    /// By address, so that looking for one touches no other.
    pages: UnsafeCell<Vec<(usize, Box<CellPage>)>>,
}

// SAFETY: `pages` is used by whoever has set `taken` only.
unsafe impl Sync for Shard {}

impl Shard {
    fn lock(&self) -> Locked<'_> {
        let mut looks = 0_u32;
        while self
            .taken
            .compare_exchange_weak(false, true, Acquire, Relaxed)
            .is_err()
        {
            while self.taken.load(Relaxed) {
                looks += 1;
                if looks.is_multiple_of(64) {
                    // The owner may have been descheduled.
                    std::thread::yield_now();
                }
                std::hint::spin_loop();
            }
        }
        Locked { shard: self }
    }
}

struct Locked<'a> {
    shard: &'a Shard,
}

impl Locked<'_> {
    fn pages(&mut self) -> &mut Vec<(usize, Box<CellPage>)> {
        // SAFETY: we have the lock, and the borrow of self makes this the only reference.
        unsafe { &mut *self.shard.pages.get() }
    }

    #[inline]
    fn page(&mut self, address: usize) -> Option<&mut CellPage> {
        let mut pages = self.pages().iter_mut();
        pages
            .find(|(page, _)| *page == address)
            .map(|(_, cells)| &mut **cells)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.shard.taken.store(false, Release);
    }
}

/// All cells of this rank.
pub struct Cells {
    shards: Box<[Shard]>,
    /// Pages that may have cells.
    active: Mutex<Vec<usize>>,
    /// At least as many as have cells: counted before the first cell of a page is made.
    pages: AtomicUsize,
    /// The memory that all ranks share; elsewhere there is nothing to carry.
    shared: OnceLock<Vec<Span>>,
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells")
            .field("pages", &self.active().len())
            .finish_non_exhaustive()
    }
}

impl Default for Cells {
    fn default() -> Self {
        let shard = || Shard {
            taken: AtomicBool::new(false),
            pages: UnsafeCell::new(Vec::new()),
        };
        Cells {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            active: Mutex::default(),
            pages: AtomicUsize::new(0),
            shared: OnceLock::new(),
        }
    }
}

fn page_of(address: usize) -> usize {
    address / PAGE_SIZE * PAGE_SIZE
}

/// Addresses of cells whose baseline has changed in the present catch-up.
pub type Touched = Vec<usize>;

impl Cells {
    /// Says which memory all ranks share: once, before the first update.
    pub fn set_shared(&self, spans: Vec<Span>) {
        self.shared.get_or_init(|| spans);
    }

    fn shard(&self, page: usize) -> &Shard {
        &self.shards[page / PAGE_SIZE % SHARDS]
    }

    fn active(&self) -> Vec<usize> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pages = active.clone();
        drop(active);
        pages.sort_unstable();
        pages
    }

    /// `*x = *x OP *operand`, seen here at once and elsewhere after synchronisation.
    ///
    /// # Safety
    /// `x` and `operand` point to `size` accessible bytes, at most [`LARGEST`], and `combiner` is the combiner of that type.
    pub unsafe fn update(&self, x: *mut u8, operand: *const u8, size: usize, combiner: Combiner) {
        let address = x as usize;
        let page = page_of(address);
        let mut locked = self.shard(page).lock();
        if let Some(cells) = locked.page(page) {
            // SAFETY: the caller's promise.
            return unsafe { cells.update(x, operand, size, combiner) };
        }
        let shared = self.shared.get().is_some_and(|spans| {
            spans
                .iter()
                .any(|span| span.contains(address) && span.contains(address + size - 1))
        });
        if !shared {
            // SAFETY: the caller's promise. Threads of this rank exclude one another by the lock.
            return unsafe { combiner(x, operand, 1) };
        }
        self.pages.fetch_add(1, SeqCst);
        let mut cells = CellPage::new(page);
        // SAFETY: the caller's promise.
        unsafe { cells.update(x, operand, size, combiner) };
        locked.pages().push((page, cells));
        drop(locked);
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(page);
    }

    /// Whether there is nothing to do for a publication or a catch-up.
    fn is_empty(&self) -> bool {
        // After whatever memory the caller has read: it shows no cell that is not counted.
        std::sync::atomic::fence(SeqCst);
        self.pages.load(SeqCst) == 0
    }

    /// Takes the operations that no publication carries yet; they are flying from here on. `assigned` is called with the address and size
    /// of flying cells that the program has assigned to since, which are cells no more.
    pub fn take(&self, mut assigned: impl FnMut(usize, usize)) -> Vec<Operation> {
        let mut operations = Vec::new();
        if self.is_empty() {
            return operations;
        }
        for page in self.active() {
            let mut locked = self.shard(page).lock();
            if let Some(cells) = locked.page(page) {
                cells.take(&mut operations, &mut assigned);
            }
        }
        operations
    }

    /// Whether the program has assigned to any of the cells since the last publication.
    pub fn assigned(&self, baseline: impl Fn(usize, &mut [u8])) -> bool {
        !self.is_empty()
            && self.active().into_iter().any(|page| {
                let mut locked = self.shard(page).lock();
                locked
                    .page(page)
                    .is_some_and(|cells| cells.assigned(&baseline))
            })
    }

    /// `memory`, a copy of what is at `address`, as it would be without the operations that the log has not executed.
    pub fn withdraw_from(&self, address: usize, memory: &mut [u8]) {
        let mut page = page_of(address);
        while page < address + memory.len() && !self.is_empty() {
            let mut copy = [0; PAGE_SIZE];
            let from = page.max(address);
            let to = (page + PAGE_SIZE).min(address + memory.len());
            copy[from - page..to - page].copy_from_slice(&memory[from - address..to - address]);
            self.withdraw_page(page, &mut copy);
            memory[from - address..to - address].copy_from_slice(&copy[from - page..to - page]);
            page += PAGE_SIZE;
        }
    }

    fn covers_page(&self, page: usize) -> bool {
        // A cell may begin at the end of the page before.
        [page, page.wrapping_sub(PAGE_SIZE)]
            .into_iter()
            .any(|page| self.shard(page).lock().page(page).is_some())
    }

    fn withdraw_page(&self, page: usize, now: &mut [u8; PAGE_SIZE]) -> bool {
        let mut again = false;
        for from in [page, page.wrapping_sub(PAGE_SIZE)] {
            let mut locked = self.shard(from).lock();
            if let Some(cells) = locked.page(from) {
                again |= cells.withdraw(page, now);
            }
        }
        again
    }

    fn touch(
        &self,
        page: usize,
        part: std::ops::Range<usize>,
        baseline: &[u8],
        held: &mut Mask,
        touched: &mut Touched,
    ) {
        for from in [page, page.wrapping_sub(PAGE_SIZE)] {
            let mut locked = self.shard(from).lock();
            if let Some(cells) = locked.page(from) {
                cells.touch(page, part.clone(), baseline, held, touched);
            }
        }
    }

    /// Memory at `address` takes `value`, which the log has computed from `before`, the baseline; the cells among it are noted in `touched`.
    /// Threads of this rank may be updating meanwhile.
    pub fn execute(&self, address: usize, before: &[u8], value: &[u8], touched: &mut Touched) {
        let end = address + value.len();
        let mut page = page_of(address);
        while page < end {
            let (from, to) = (page.max(address), (page + PAGE_SIZE).min(end));
            let part = from - page..to - page;
            // In this order wherever both are taken.
            let mut previous = self.shard(page.wrapping_sub(PAGE_SIZE)).lock();
            let mut locked = self.shard(page).lock();
            let mut held = Mask::EMPTY;
            let before = &before[from - address..to - address];
            for (locked, owner) in [
                (&mut previous, page.wrapping_sub(PAGE_SIZE)),
                (&mut locked, page),
            ] {
                if let Some(cells) = locked.page(owner) {
                    cells.touch(page, part.clone(), before, &mut held, touched);
                }
            }
            if held == Mask::EMPTY {
                let (value, len) = (&value[from - address..], to - from);
                // SAFETY: the caller read the baseline of these bytes, so that they are the image's.
                unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), from as *mut u8, len) };
                page += PAGE_SIZE;
                continue;
            }
            for at in from..to {
                let bit = at - page;
                if held.0[bit / 64] >> (bit % 64) & 1 == 0 {
                    // SAFETY: as above.
                    unsafe { (at as *mut u8).write(value[at - address]) };
                }
            }
            page += PAGE_SIZE;
        }
    }

    /// The log has executed an operation on the cell at `address`, or is not going to.
    pub fn landed(&self, address: usize) {
        let page = page_of(address);
        if let Some(cells) = self.shard(page).lock().page(page) {
            cells.landed(address);
        }
    }

    /// Brings the cells at the addresses in `touched` up to date: memory is the baseline, then what is flying (`flying` applies
    /// it to a value), then what is not published yet. `assigned` is called with address and size of flying cells that the
    /// program has assigned to.
    pub fn settle(
        &self,
        touched: &Touched,
        baseline: impl Fn(usize, &mut [u8]),
        flying: impl Fn(usize, &mut [u8]),
        mut assigned: impl FnMut(usize, usize),
    ) {
        for &address in touched {
            let page = page_of(address);
            let outcome = match self.shard(page).lock().page(page) {
                Some(cells) => cells.settle(address, &baseline, &flying),
                None => Outcome::Current,
            };
            if let Outcome::Assigned(size) = outcome {
                assigned(address, size);
            }
        }
    }

    /// Forgets pages that have no cells any more.
    pub fn tidy(&self) {
        if self.is_empty() {
            return;
        }
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.retain(|page| {
            let mut locked = self.shard(*page).lock();
            let empty = locked.page(*page).is_none_or(|cells| cells.is_empty());
            if empty {
                locked.pages().retain(|(address, _)| address != page);
                self.pages.fetch_sub(1, SeqCst);
            }
            !empty
        });
    }
}

/// The cells as the image sees them, and those that an injection touched.
pub struct Cover<'a> {
    /// All cells.
    pub cells: &'a Cells,
    /// Addresses of cells whose baseline has changed.
    pub touched: &'a mut Touched,
}

impl Overlay for Cover<'_> {
    fn covers(&self, page: usize) -> bool {
        !self.cells.is_empty() && self.cells.covers_page(page)
    }

    fn withdraw(&mut self, page: usize, now: &mut [u8; PAGE_SIZE]) -> bool {
        self.cells.withdraw_page(page, now)
    }

    fn hold(&mut self, page: usize, baseline: &[u8; PAGE_SIZE], held: &mut Mask) {
        self.cells
            .touch(page, 0..PAGE_SIZE, baseline, held, self.touched);
    }
}

/// Operands of published operations that the log has not executed, by the address of their cell.
#[derive(Debug, Default)]
pub struct Flying<'a>(HashMap<usize, Vec<(Combiner, &'a [u8])>>);

impl<'a> Flying<'a> {
    /// Adds an element.
    pub fn add(&mut self, address: usize, combiner: Combiner, operand: &'a [u8]) {
        self.0.entry(address).or_default().push((combiner, operand));
    }

    /// Applies what flies to the cell at `address` to `value`.
    pub fn apply(&self, address: usize, value: &mut [u8]) {
        for (combiner, operand) in self.0.get(&address).into_iter().flatten() {
            // SAFETY: both hold one element of the combiner's type, which is the cell's.
            unsafe { page::combine(*combiner, value, operand) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    unsafe extern "C" fn sum(inout: *mut u8, operand: *const u8, count: usize) {
        for k in 0..count {
            // SAFETY: the tests pass elements of that type.
            unsafe {
                *inout.cast::<u64>().add(k) =
                    (*inout.cast::<u64>().add(k)).wrapping_add(*operand.cast::<u64>().add(k));
            }
        }
    }

    /// Memory of two pages, its baseline, and a log that executes what one rank and its peers publish.
    struct Model {
        memory: usize,
        baseline: RefCell<Vec<u8>>,
    }

    impl Model {
        fn new() -> Model {
            let memory = Box::leak(vec![0_u64; 3 * PAGE_SIZE / 8].into_boxed_slice());
            Model {
                memory: (memory.as_ptr() as usize).next_multiple_of(PAGE_SIZE),
                baseline: RefCell::new(vec![0; 2 * PAGE_SIZE]),
            }
        }

        fn cells(&self) -> Cells {
            let cells = Cells::default();
            cells.set_shared(vec![Span {
                start: self.memory,
                end: self.memory + 2 * PAGE_SIZE,
            }]);
            cells
        }

        fn read(&self, address: usize, out: &mut [u8]) {
            let at = address - self.memory;
            out.copy_from_slice(&self.baseline.borrow()[at..at + out.len()]);
        }

        /// Executes an operation; `own`: it was taken from these cells.
        fn execute(&self, cells: &Cells, operation: &Operation, own: bool, touched: &mut Touched) {
            let address = operation.address as usize;
            let mut before = vec![0; operation.operand.len()];
            self.read(address, &mut before);
            let mut value = before.clone();
            let count = value.len() / 8;
            // SAFETY: both hold that many elements.
            unsafe { sum(value.as_mut_ptr(), operation.operand.as_ptr(), count) };
            cells.execute(address, &before, &value, touched);
            let at = address - self.memory;
            self.baseline.borrow_mut()[at..at + value.len()].copy_from_slice(&value);
            if own {
                (0..count).for_each(|k| cells.landed(address + 8 * k));
            }
        }

        fn settle(&self, cells: &Cells, touched: &Touched) {
            cells.settle(
                touched,
                |address, value| self.read(address, value),
                |_, _| {},
                |_, _| panic!("nobody assigns"),
            );
        }
    }

    fn add(cells: &Cells, address: usize, operand: u64) {
        let operand = (&raw const operand).cast();
        // SAFETY: both are u64.
        unsafe { cells.update(address as *mut u8, operand, 8, sum) };
    }

    #[test]
    fn nothing_is_lost_or_doubled_while_threads_update() {
        let model = Model::new();
        let cells = model.cells();
        let base = model.memory;
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..3_usize {
                let (cells, done) = (&cells, &done);
                scope.spawn(move || {
                    for k in 0..60_000 {
                        add(
                            cells,
                            base + (k * 7 + thread) % 1000 * 8,
                            1 + (k % 3) as u64,
                        );
                    }
                    done.fetch_add(1, SeqCst);
                });
            }
            // This rank's publications and those of another, which adds to the same cells.
            loop {
                let last = done.load(SeqCst) == 3;
                let mut touched = Touched::new();
                for operation in cells.take(|_, _| panic!("nobody assigns")) {
                    let remote = Operation {
                        operand: 5_u64.to_ne_bytes().to_vec(),
                        ..operation.clone()
                    };
                    model.execute(&cells, &remote, false, &mut touched);
                    model.execute(&cells, &operation, true, &mut touched);
                    let undo = Operation {
                        operand: 5_u64.wrapping_neg().to_ne_bytes().to_vec(),
                        ..operation
                    };
                    model.execute(&cells, &undo, false, &mut touched);
                }
                model.settle(&cells, &touched);
                cells.tidy();
                if last {
                    break;
                }
            }
        });
        let mut expected = vec![0_u64; 1000];
        for thread in 0..3 {
            (0..60_000).for_each(|k| expected[(k * 7 + thread) % 1000] += 1 + (k % 3) as u64);
        }
        for (k, expected) in expected.iter().enumerate() {
            // SAFETY: inside the model's memory, which nobody writes any more.
            let memory = unsafe { *((base + 8 * k) as *const u64) };
            let mut log = [0; 8];
            model.read(base + 8 * k, &mut log);
            assert_eq!((memory, u64::from_ne_bytes(log)), (*expected, *expected));
        }
        assert!(cells.is_empty(), "everything has landed");
    }

    #[test]
    fn a_publication_shows_what_was_there_before() {
        let model = Model::new();
        let cells = model.cells();
        let x = model.memory + 4092 - 4;
        // SAFETY: inside the model's memory.
        unsafe { (x as *mut u64).write(7) };
        add(&cells, x, 3);
        let mut copy = [0; 8];
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(x as *const u8, copy.as_mut_ptr(), 8) };
        assert_eq!(u64::from_ne_bytes(copy), 10, "seen at once");
        cells.withdraw_from(x, &mut copy);
        assert_eq!(u64::from_ne_bytes(copy), 7, "what was assigned before");
        assert!(cells.assigned(|address, value| model.read(address, value)));
        // SAFETY: as above.
        unsafe { (x as *mut u64).write(1) };
        let operations = cells.take(|_, _| panic!("nothing flies"));
        assert!(operations.is_empty(), "what was assigned since stands");
    }
}
