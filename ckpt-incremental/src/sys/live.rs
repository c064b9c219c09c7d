//! Memory that user threads may be writing at any time.
//!
//! No Rust reference to it ever exists. Reading means copying a page once and working on the copy: what is published is then exactly what the
//! baseline gets. Writing touches exactly the bytes that are to change, never a neighbour: that may be another thread's.

use std::hint::black_box;

use crate::delta::Mask;
use crate::error::Error;
use crate::page::{PAGE_SIZE, Page};
use crate::range::MemoryRange;
use crate::sys::map::Mapping;

/// One tracked range of the program's memory.
#[derive(Debug)]
pub(crate) struct Live {
    range: MemoryRange,
    _owned: Option<Mapping>,
}

impl Live {
    /// # Safety
    /// The range is mapped readable and writable while the value lives, faults that a tracker causes are resolved by that tracker,
    /// and no Rust code holds references to it that assume that it does not change.
    pub(crate) unsafe fn new(range: MemoryRange) -> Live {
        Live {
            range,
            _owned: None,
        }
    }

    /// A mapping of this crate's own in the place of the program's memory: for self tests.
    pub(crate) fn owning(memory: Mapping) -> Live {
        let start = memory.bytes().as_ptr().addr();
        let range = MemoryRange::aligned(start, start + memory.bytes().len());
        Live {
            range,
            _owned: Some(memory),
        }
    }

    /// Where it is.
    pub(crate) fn range(&self) -> MemoryRange {
        self.range
    }

    fn check(&self, address: usize, len: usize) {
        assert!(self.range.contains(address, len), "memory of this range");
    }

    /// Copies the page at `address`.
    pub(crate) fn load_page(&self, address: usize, page: &mut Page) {
        self.check(address, PAGE_SIZE);
        // SAFETY: inside the range, which is readable (see `new`); the copy does not overlap it.
        unsafe {
            std::ptr::copy_nonoverlapping(address as *const u8, page.as_mut_ptr(), PAGE_SIZE)
        };
        // The compiler must not read the program's memory again instead of the copy.
        black_box(page);
    }

    /// Whether the page at `address` holds these bytes. Says nothing of a page that is written meanwhile: the tracker knows of it.
    pub(crate) fn holds(&self, address: usize, page: &Page) -> bool {
        self.check(address, PAGE_SIZE);
        // SAFETY: inside the range, which is readable (see `new`); the C library, unlike Rust, only reads what is there.
        unsafe { libc::memcmp(address as *const _, page.as_ptr().cast(), PAGE_SIZE) == 0 }
    }

    /// Writes exactly `bytes` at `address`.
    pub(crate) fn store(&self, address: usize, bytes: &[u8]) {
        self.check(address, bytes.len());
        // SAFETY: inside the range, which is writable (see `new`); `bytes` is not part of it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
    }

    /// Writes those bytes of `values` to the page at `address` that are in `mask`.
    pub(crate) fn store_masked(&self, address: usize, values: &Page, mask: &Mask) {
        self.check(address, PAGE_SIZE);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bw") {
            // SAFETY: the page is inside the range; the processor has the instructions.
            return unsafe { store_masked_avx512(values, address as *mut u8, mask) };
        }
        for (block, bits) in mask.0.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            let offset = block * 64;
            let (from, to) = (
                values[offset..offset + 64].as_ptr(),
                (address + offset) as *mut u8,
            );
            // SAFETY: both are 64 bytes, `to` inside the range.
            unsafe { store_block(from, to, *bits) };
        }
    }

    /// Declares that tracking needs small pages here. A hint.
    pub(crate) fn refuse_huge_pages(&self) {
        // SAFETY: the range is mapped; the advice does not change contents.
        unsafe {
            libc::madvise(
                self.range.start() as *mut _,
                self.range.len(),
                libc::MADV_NOHUGEPAGE,
            )
        };
    }

    /// Makes sure the kernel has given the range its own reverse map before it is split into many mappings, so that these can be joined again.
    pub(crate) fn settle(&self) {
        let first = self.range.start() as *mut u8;
        // SAFETY: inside the range, readable.
        let value = unsafe { first.read_volatile() };
        // SAFETY: inside the range, writable; called before tracking starts, while nobody else writes it.
        unsafe { first.write_volatile(value) };
    }

    /// Lets the kernel back `run` with zeroed pages at once, which is cheaper than a fault for each.
    pub(crate) fn populate(&self, run: MemoryRange) -> Result<(), Error> {
        self.check(run.start(), run.len());
        // SAFETY: inside the range; populating changes no contents.
        if unsafe { libc::madvise(run.start() as *mut _, run.len(), libc::MADV_POPULATE_WRITE) } < 0
        {
            return Err(Error::last_os("populating memory (madvise)", run.start()));
        }
        Ok(())
    }
}

/// As [`Live::store_masked`], by stores that leave out bytes (Intel SDM 2, VMOVDQU8): a dozen times faster than going from run to run.
///
/// Assembly, because the intrinsics came with a later version of Rust than the oldest that this crate supports.
///
/// # Safety
/// `to` is writable for a page, and the processor has AVX-512BW.
#[cfg(target_arch = "x86_64")]
unsafe fn store_masked_avx512(values: &Page, to: *mut u8, mask: &Mask) {
    for (block, bits) in mask.0.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        let (from, to) = (values[block * 64..].as_ptr(), to.wrapping_add(block * 64));
        // SAFETY: reads a block of `values` and writes those bytes of the block at `to` whose bits are set.
        unsafe {
            std::arch::asm!(
                "kmovq k1, {bits}",
                "vmovdqu64 zmm16, [{from}]",
                "vmovdqu8 [{to}]{{k1}}, zmm16",
                bits = in(reg) *bits,
                from = in(reg) from,
                to = in(reg) to,
                out("k1") _,
                out("xmm16") _,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// Bytes of a block that are written one by one: finding runs among them costs more.
const FEW: u32 = 16;

/// Copies the bytes whose bits are set.
///
/// # Safety
/// `from` is readable and `to` writable for 64 bytes.
#[inline]
unsafe fn store_block(from: *const u8, to: *mut u8, bits: u64) {
    if bits == u64::MAX {
        // SAFETY: the caller's promise.
        return unsafe { std::ptr::copy_nonoverlapping(from, to, 64) };
    }
    let mut rest = bits;
    if bits.count_ones() <= FEW {
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            // SAFETY: at is less than 64.
            unsafe { *to.add(at) = *from.add(at) };
            rest &= rest - 1;
        }
        return;
    }
    while rest != 0 {
        let start = rest.trailing_zeros();
        let len = (!(rest >> start)).trailing_zeros();
        let (from, to) = (
            from.wrapping_add(start as usize),
            to.wrapping_add(start as usize),
        );
        // SAFETY: start + len <= 64, since both come from the 64 bits.
        unsafe { store_run(from, to, len as usize) };
        // start + len < 64 wherever anything is left.
        rest = rest
            .checked_shr(start + len)
            .map_or(0, |high| high << (start + len));
    }
}

/// Copies `len` bytes, 1 to 63, in one or two overlapping moves if short: a call of memcpy costs more than most runs.
///
/// # Safety
/// `from` is readable and `to` writable for `len` bytes.
#[inline]
unsafe fn store_run(from: *const u8, to: *mut u8, len: usize) {
    /// # Safety
    /// Both pointers are good for `len` bytes, which is at least the size of `T`.
    #[inline]
    unsafe fn ends<T: Copy>(from: *const u8, to: *mut u8, len: usize) {
        let last = len - size_of::<T>();
        // SAFETY: the caller's promise; T is a plain integer.
        let (low, high) = unsafe {
            (
                from.cast::<T>().read_unaligned(),
                from.add(last).cast::<T>().read_unaligned(),
            )
        };
        // SAFETY: the caller's promise.
        unsafe { to.cast::<T>().write_unaligned(low) };
        // SAFETY: the caller's promise.
        unsafe { to.add(last).cast::<T>().write_unaligned(high) };
    }
    // SAFETY: in each arm, len is at least the size of the type; the rest is the caller's promise.
    unsafe {
        match len {
            1 => *to = *from,
            2..4 => ends::<u16>(from, to, len),
            4..8 => ends::<u32>(from, to, len),
            8..=16 => ends::<u64>(from, to, len),
            17..=32 => ends::<u128>(from, to, len),
            _ => std::ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_bytes_of_the_mask_are_written() {
        let from: Vec<u8> = (1..=64).collect();
        let mut state = 1_u64;
        for round in 0..5_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bits = state ^ (state >> 29);
            if round % 3 == 0 {
                bits &= bits << 1 | bits << 7;
            }
            if round % 5 == 0 {
                bits |= u64::MAX << (round % 64);
            }
            let mut to = [0_u8; 64];
            check_page(bits, round % 64, &from);
            // SAFETY: both are arrays of 64 bytes.
            unsafe { store_block(from.as_ptr(), to.as_mut_ptr(), bits) };
            for (at, byte) in to.iter().enumerate() {
                assert_eq!(
                    *byte,
                    if bits >> at & 1 == 1 { from[at] } else { 0 },
                    "{bits:#x} at {at}"
                );
            }
        }
    }
    /// The same with the fastest way to write a page.
    fn check_page(bits: u64, block: usize, from: &[u8]) {
        let live = Live::owning(Mapping::anonymous(PAGE_SIZE, "a test").unwrap());
        let (mut mask, mut values, mut expected) = (Mask::EMPTY, [9; PAGE_SIZE], [0; PAGE_SIZE]);
        mask.0[block] = bits;
        values[block * 64..][..64].copy_from_slice(from);
        (0..64)
            .filter(|at| bits >> at & 1 == 1)
            .for_each(|at| expected[block * 64 + at] = from[at]);
        live.store_masked(live.range().start(), &values, &mask);
        live.load_page(live.range().start(), &mut values);
        assert!(values == expected, "{bits:#x} in block {block}");
    }
}
