//! The cells of one page; see [`crate::cells`]. Everything here happens under the lock of the page's shard.

use std::ops::Range;

use ckpt_incremental::{Mask, PAGE_SIZE};

use super::{Combiner, LARGEST};
use crate::entry::Operation;

/// There are operations that no publication carries.
const PENDING: u8 = 1;
/// There are published operations that the log has not executed.
const FLYING: u8 = 2;
/// Noted as touched by the present catch-up.
const TOUCHED: u8 = 4;
/// When touched, base was a value that the program had assigned, and not the baseline's.
const OWN: u8 = 8;

/// Operator and type of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    combiner: usize,
    size: usize,
}

/// Values by the offset of a cell's first byte; a cell may reach beyond the page.
#[repr(C, align(64))]
struct Values([u8; PAGE_SIZE + LARGEST]);

/// See the module.
pub(super) struct CellPage {
    /// Of the page.
    pub(super) address: usize,
    kinds: Vec<Kind>,
    /// By the offset of a cell's first byte: its kind, counted from 1; 0: no cell.
    kind: [u8; PAGE_SIZE],
    flags: [u8; PAGE_SIZE],
    base: Values,
    after: Values,
    operand: Values,
    /// Pending operations that came before those in `operand`, with another operator.
    earlier: Vec<(u16, Operation)>,
    /// Publications more than one that carry flying operations of a cell.
    extra: Vec<(u16, u32)>,
    /// Cells.
    count: usize,
}

/// What [`CellPage::settle`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Memory is up to date.
    Current,
    /// The program has assigned to the cell, of this size, while operations were flying; it is a cell no more.
    Assigned(usize),
}

/// `value = value OP operand`.
///
/// # Safety
/// Both hold one element of the combiner's type.
pub(super) unsafe fn combine(combiner: Combiner, value: &mut [u8], operand: &[u8]) {
    let mut here = Values::ZERO;
    let mut with = Values::ZERO;
    here.0[..value.len()].copy_from_slice(value);
    with.0[..operand.len()].copy_from_slice(operand);
    // SAFETY: the caller's promise; Values is aligned for every type.
    unsafe { combiner(here.0.as_mut_ptr(), with.0.as_ptr(), 1) };
    value.copy_from_slice(&here.0[..value.len()]);
}

impl Values {
    const ZERO: Values = Values([0; PAGE_SIZE + LARGEST]);

    fn at(&self, offset: usize, size: usize) -> &[u8] {
        &self.0[offset..offset + size]
    }

    fn set(&mut self, offset: usize, bytes: &[u8]) {
        match bytes.len() {
            4 => self.0[offset..offset + 4].copy_from_slice(&bytes[..4]),
            8 => self.0[offset..offset + 8].copy_from_slice(&bytes[..8]),
            size => self.0[offset..offset + size].copy_from_slice(bytes),
        }
    }
}

#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    fn word<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
        bytes.try_into().ok()
    }
    match one.len() {
        4 => word::<4>(one).map(u32::from_ne_bytes) == word(other).map(u32::from_ne_bytes),
        8 => word::<8>(one).map(u64::from_ne_bytes) == word(other).map(u64::from_ne_bytes),
        _ => one == other,
    }
}

impl CellPage {
    pub(super) fn new(address: usize) -> Box<CellPage> {
        Box::new(CellPage {
            address,
            kinds: Vec::new(),
            kind: [0; PAGE_SIZE],
            flags: [0; PAGE_SIZE],
            base: Values::ZERO,
            after: Values::ZERO,
            operand: Values::ZERO,
            earlier: Vec::new(),
            extra: Vec::new(),
            count: 0,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// See [`super::Cells::update`].
    ///
    /// # Safety
    /// As there; `x` points into this page.
    #[inline]
    pub(super) unsafe fn update(
        &mut self,
        x: *mut u8,
        operand: *const u8,
        size: usize,
        combiner: Combiner,
    ) {
        let offset = x as usize - self.address;
        let wanted = Kind {
            combiner: combiner as *const () as usize,
            size,
        };
        // SAFETY: the caller's promise; the program orders its own plain accesses to x, and updates are ordered by the lock.
        let memory = unsafe { std::slice::from_raw_parts_mut(x, size) };
        let kind = usize::from(self.kind[offset]);
        let pending = kind != 0
            && self.flags[offset] & PENDING != 0
            && self.kinds[kind - 1] == wanted
            && same(memory, self.after.at(offset, size));
        if !pending && !self.begin(offset, wanted, memory, operand) {
            // Bytes of a cell of another shape that is still flying: an update like any other write.
            // SAFETY: the caller's promise.
            return unsafe { combiner(x, operand, 1) };
        }
        if pending {
            // SAFETY: both hold one element of the combiner's type, aligned like x.
            unsafe { combiner(self.operand.0.as_mut_ptr().add(offset), operand, 1) };
        }
        // SAFETY: the caller's promise.
        unsafe { combiner(x, operand, 1) };
        self.after.set(offset, memory);
    }

    /// Makes a pending cell whose operand is `operand`. False: there is a flying one of another shape among the bytes.
    #[cold]
    fn begin(&mut self, offset: usize, wanted: Kind, memory: &[u8], operand: *const u8) -> bool {
        let size = wanted.size;
        let mut clear = true;
        for start in offset.saturating_sub(LARGEST - 1)..(offset + size).min(PAGE_SIZE) {
            let other = self.kind_at(start);
            let overlaps = other.is_some_and(|kind| start + kind.size > offset);
            if overlaps && (start != offset || other.is_some_and(|kind| kind.size != size)) {
                // The memory has become something else: what it holds stands.
                self.drop_pending(start);
                clear &= self.flags[start] & FLYING == 0;
            }
        }
        if !clear {
            return false;
        }
        let Some(kind) = self.number(wanted) else {
            return false;
        };
        if let Some(before) = self.kind_at(offset) {
            let assigned = !same(memory, self.after.at(offset, size));
            let pending = self.flags[offset] & PENDING != 0;
            if assigned {
                // What flies is dealt with when the assignment is published: base is not what the log will have.
                self.drop_pending(offset);
                if self.flags[offset] & FLYING != 0 {
                    return false;
                }
            } else if pending {
                let operation = Operation {
                    address: (self.address + offset) as u64,
                    size: size as u64,
                    combiner: before.combiner as u64,
                    operand: self.operand.at(offset, size).to_vec(),
                };
                self.earlier.push((offset as u16, operation));
            }
        }
        if self.kind[offset] == 0 {
            self.count += 1;
            self.base.set(offset, memory);
        }
        self.kind[offset] = kind;
        self.flags[offset] |= PENDING;
        // SAFETY: the caller of `update` promises `size` bytes.
        let operand = unsafe { std::slice::from_raw_parts(operand, size) };
        self.operand.set(offset, operand);
        true
    }

    fn number(&mut self, wanted: Kind) -> Option<u8> {
        let known = self.kinds.iter().position(|kind| *kind == wanted);
        let at = known.unwrap_or(self.kinds.len());
        let number = u8::try_from(at + 1).ok()?;
        if known.is_none() {
            self.kinds.push(wanted);
        }
        Some(number)
    }

    fn kind_at(&self, offset: usize) -> Option<Kind> {
        let number = usize::from(self.kind[offset]).checked_sub(1)?;
        Some(self.kinds[number])
    }

    fn memory(&self, offset: usize, size: usize, into: &mut [u8]) {
        // SAFETY: the program updated these bytes atomically through this address; they are still mapped (the image never shrinks).
        unsafe {
            std::ptr::copy_nonoverlapping(
                (self.address + offset) as *const u8,
                into.as_mut_ptr(),
                size,
            )
        };
    }

    /// Whether memory is what the last operation left.
    fn untouched(&self, offset: usize, size: usize) -> bool {
        let mut now = [0; LARGEST];
        self.memory(offset, size, &mut now);
        same(&now[..size], self.after.at(offset, size))
    }

    fn drop_pending(&mut self, offset: usize) {
        self.flags[offset] &= !PENDING;
        self.earlier.retain(|(at, _)| usize::from(*at) != offset);
        if self.flags[offset] & FLYING == 0 {
            self.remove(offset);
        }
    }

    fn remove(&mut self, offset: usize) {
        self.count -= usize::from(self.kind[offset] != 0);
        self.kind[offset] = 0;
        self.flags[offset] = 0;
        self.extra.retain(|(at, _)| usize::from(*at) != offset);
    }

    /// Offsets of the cells, in order.
    fn cells(&self) -> Vec<usize> {
        let words = self.kind.chunks_exact(8).enumerate();
        let busy = words.filter(|(_, word)| **word != [0; 8]);
        busy.flat_map(|(at, word)| {
            let cells = word.iter().enumerate().filter(|(_, kind)| **kind != 0);
            cells.map(move |(k, _)| at * 8 + k)
        })
        .collect()
    }

    /// See [`super::Cells::take`].
    pub(super) fn take(
        &mut self,
        operations: &mut Vec<Operation>,
        assigned: &mut impl FnMut(usize, usize),
    ) {
        for offset in self.cells() {
            let Some(kind) = self.kind_at(offset) else {
                continue;
            };
            let address = self.address + offset;
            if !self.untouched(offset, kind.size) {
                let flying = self.flags[offset] & FLYING != 0;
                self.earlier.retain(|(at, _)| usize::from(*at) != offset);
                self.remove(offset);
                if flying {
                    assigned(address, kind.size);
                }
            } else if self.flags[offset] & PENDING != 0 {
                let earlier = self
                    .earlier
                    .iter()
                    .filter(|(at, _)| usize::from(*at) == offset);
                let earlier: Vec<Operation> =
                    earlier.map(|(_, operation)| operation.clone()).collect();
                let published = earlier.len() as u32 + 1;
                operations.extend(earlier);
                self.earlier.retain(|(at, _)| usize::from(*at) != offset);
                let operand = self.operand.at(offset, kind.size);
                match operations.last_mut() {
                    Some(last) if continues(last, address, kind) => {
                        last.operand.extend_from_slice(operand)
                    }
                    _ => operations.push(Operation {
                        address: address as u64,
                        size: kind.size as u64,
                        combiner: kind.combiner as u64,
                        operand: operand.to_vec(),
                    }),
                }
                self.fly(offset, published);
            }
        }
    }

    fn fly(&mut self, offset: usize, operations: u32) {
        self.flags[offset] &= !PENDING;
        let more = if self.flags[offset] & FLYING == 0 {
            operations - 1
        } else {
            operations
        };
        self.flags[offset] |= FLYING;
        if more > 0 {
            let known = self
                .extra
                .iter_mut()
                .find(|(at, _)| usize::from(*at) == offset);
            match known {
                Some((_, count)) => *count += more,
                None => self.extra.push((offset as u16, more)),
            }
        }
    }

    /// See [`super::Cells::landed`].
    pub(super) fn landed(&mut self, address: usize) {
        let offset = address - self.address;
        let extra = self
            .extra
            .iter()
            .position(|(at, _)| usize::from(*at) == offset);
        if let Some(at) = extra {
            self.extra[at].1 -= 1;
            if self.extra[at].1 == 0 {
                self.extra.swap_remove(at);
            }
        } else {
            self.flags[offset] &= !FLYING;
        }
    }

    /// See [`super::Cells::assigned`].
    pub(super) fn assigned(&self, baseline: &impl Fn(usize, &mut [u8])) -> bool {
        self.cells().into_iter().any(|offset| {
            let size = self.kind_at(offset).map_or(0, |kind| kind.size);
            let mut value = [0; LARGEST];
            baseline(self.address + offset, &mut value[..size]);
            !self.untouched(offset, size) || !same(&value[..size], self.base.at(offset, size))
        })
    }

    /// The part of the cell at `offset` that lies in the page at `page`: offsets there, and the offset of the first in the cell.
    fn part_in(&self, offset: usize, size: usize, page: usize) -> Option<(Range<usize>, usize)> {
        let (start, end) = (self.address + offset, self.address + offset + size);
        let (from, to) = (start.max(page), end.min(page + PAGE_SIZE));
        (from < to).then(|| (from - page..to - page, from - start))
    }

    /// See [`ckpt_incremental::Overlay::withdraw`].
    pub(super) fn withdraw(&self, page: usize, now: &mut [u8; PAGE_SIZE]) -> bool {
        let mut again = false;
        for offset in self.cells() {
            let size = self.kind_at(offset).map_or(0, |kind| kind.size);
            if let Some((part, skip)) = self.part_in(offset, size, page) {
                let len = part.len();
                now[part].copy_from_slice(&self.base.at(offset, size)[skip..skip + len]);
                again |= !self.untouched(offset, size);
            }
        }
        again
    }

    /// Notes the cells with bytes in `part` of the page at `page`, and adds their bytes to `held`. `baseline` is that of the part, which is
    /// about to change.
    pub(super) fn touch(
        &mut self,
        page: usize,
        part: Range<usize>,
        baseline: &[u8],
        held: &mut Mask,
        touched: &mut Vec<usize>,
    ) {
        for offset in self.cells() {
            let size = self.kind_at(offset).map_or(0, |kind| kind.size);
            let Some((cell, skip)) = self.part_in(offset, size, page) else {
                continue;
            };
            let (from, to) = (cell.start.max(part.start), cell.end.min(part.end));
            if from >= to {
                continue;
            }
            held.set_run(cell.start, cell.end);
            let base = &self.base.at(offset, size)[skip + from - cell.start..][..to - from];
            let own = base != &baseline[from - part.start..to - part.start];
            if self.flags[offset] & TOUCHED == 0 {
                self.flags[offset] |= TOUCHED | if own { OWN } else { 0 };
                touched.push(self.address + offset);
            }
        }
    }

    /// See [`super::Cells::settle`].
    pub(super) fn settle(
        &mut self,
        address: usize,
        baseline: &impl Fn(usize, &mut [u8]),
        flying: &impl Fn(usize, &mut [u8]),
    ) -> Outcome {
        let offset = address - self.address;
        let Some(kind) = self.kind_at(offset) else {
            return Outcome::Current;
        };
        let (size, flags) = (kind.size, self.flags[offset]);
        if !self.untouched(offset, size) {
            self.earlier.retain(|(at, _)| usize::from(*at) != offset);
            self.remove(offset);
            return if flags & FLYING != 0 {
                Outcome::Assigned(size)
            } else {
                Outcome::Current
            };
        }
        self.flags[offset] &= !(TOUCHED | OWN);
        if flags & OWN == 0 {
            let mut value = [0; LARGEST];
            let value = &mut value[..size];
            baseline(address, value);
            self.base.set(offset, value);
            if flags & FLYING != 0 {
                flying(address, value);
            }
            self.replay(offset, kind, value);
            // SAFETY: as in `memory`; updates of other threads wait for the lock.
            unsafe {
                std::ptr::copy_nonoverlapping(value.as_ptr(), address as *mut u8, size);
            }
            self.after.set(offset, value);
        }
        if flags & (PENDING | FLYING) == 0 {
            self.remove(offset);
        }
        Outcome::Current
    }

    /// Applies what is pending to `value`.
    fn replay(&self, offset: usize, kind: Kind, value: &mut [u8]) {
        let earlier = self
            .earlier
            .iter()
            .filter(|(at, _)| usize::from(*at) == offset);
        for (_, operation) in earlier {
            apply(operation.combiner as usize, value, &operation.operand);
        }
        if self.flags[offset] & PENDING != 0 {
            apply(kind.combiner, value, self.operand.at(offset, kind.size));
        }
    }
}

fn continues(last: &Operation, address: usize, kind: Kind) -> bool {
    last.address + last.operand.len() as u64 == address as u64
        && last.size == kind.size as u64
        && last.combiner == kind.combiner as u64
}

fn apply(combiner: usize, value: &mut [u8], operand: &[u8]) {
    // SAFETY: kinds hold the combiners that `update` was given.
    let combiner = unsafe { std::mem::transmute::<usize, Combiner>(combiner) };
    // SAFETY: both hold one element of its type.
    unsafe { combine(combiner, value, operand) };
}
