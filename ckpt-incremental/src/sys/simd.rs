//! Comparing, packing and unpacking pages: a plain version of each, one for processors with AVX2 and BMI2, and for what moves bytes one for
//! AVX-512 with VBMI2, chosen at run time.
//!
//! All have the same signature and are tested against each other.

use crate::page::{PAGE_SIZE, Page};

/// 64-byte blocks of a page.
pub(crate) const BLOCKS: usize = PAGE_SIZE / 64;

/// Which bytes of a page: bit `b` of word `w` stands for byte `64 w + b`.
pub(crate) type Bits = [u64; BLOCKS];

/// The bytes in which two pages differ.
pub(crate) fn compare(a: &Page, b: &Page) -> Bits {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { x86::compare(a, b) };
    }
    plain::compare(a, b)
}

/// Appends the bytes of `page` whose bits are set.
pub(crate) fn pack(page: &Page, bits: &Bits, out: &mut Vec<u8>) {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_vbmi2() {
            // SAFETY: the processor has AVX-512BW, VBMI2 and POPCNT.
            return unsafe { x86::pack_wide(page, bits, out) };
        }
        if x86::has_bmi2() {
            // SAFETY: the processor has BMI2 and POPCNT.
            return unsafe { x86::pack(page, bits, out) };
        }
    }
    plain::pack(page, bits, out);
}

/// Puts the bytes of `packed`, one for each bit set, to their places in `page`.
///
/// # Panics
/// If `packed` is shorter than the number of bits.
pub(crate) fn unpack(packed: &[u8], bits: &Bits, page: &mut Page) {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_vbmi2() {
            // SAFETY: the processor has AVX-512BW, VBMI2, BMI2 and POPCNT.
            return unsafe { x86::unpack_wide(packed, bits, page) };
        }
        if x86::has_bmi2() {
            // SAFETY: the processor has BMI2 and POPCNT.
            return unsafe { x86::unpack(packed, bits, page) };
        }
    }
    plain::unpack(packed, bits, page);
}

/// What decides how a page is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Bits set.
    pub(crate) bytes: usize,
    /// Maximal runs of adjacent bits.
    pub(crate) runs: usize,
    /// Words that are not zero.
    pub(crate) blocks: usize,
}

/// Counts bytes, runs and blocks.
pub(crate) fn tally(bits: &Bits) -> Tally {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has POPCNT.
        return unsafe { x86::tally(bits) };
    }
    plain::tally(bits)
}

mod plain {
    use super::{BLOCKS, Bits, Tally};
    use crate::page::Page;

    #[inline]
    pub(super) fn tally(bits: &Bits) -> Tally {
        let mut tally = Tally {
            bytes: 0,
            runs: 0,
            blocks: 0,
        };
        let mut before = 0;
        for word in bits {
            tally.bytes += word.count_ones() as usize;
            // A run starts at a bit whose predecessor is not set.
            tally.runs += (word & !(word << 1 | before)).count_ones() as usize;
            tally.blocks += usize::from(*word != 0);
            before = word >> 63;
        }
        tally
    }

    /// Bit n: whether byte n of the word is not zero.
    fn nonzero_bytes(word: u64) -> u64 {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        // The high bit of each byte of `high` says whether that byte of `word` is not zero; no carry leaves a byte.
        let high = (((word & LOW) + LOW) | word) & !LOW;
        // Gathers the high bits: byte k's lands in bit 56 + k.
        (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }

    pub(super) fn compare(a: &Page, b: &Page) -> Bits {
        let mut bits = [0; BLOCKS];
        for ((word, a), b) in bits
            .iter_mut()
            .zip(a.chunks_exact(64))
            .zip(b.chunks_exact(64))
        {
            if a == b {
                continue;
            }
            for (lane, (a, b)) in a.chunks_exact(8).zip(b.chunks_exact(8)).enumerate() {
                let a = u64::from_le_bytes(a.try_into().expect("chunks of eight bytes"));
                let b = u64::from_le_bytes(b.try_into().expect("chunks of eight bytes"));
                *word |= nonzero_bytes(a ^ b) << (8 * lane);
            }
        }
        bits
    }

    pub(super) fn pack(page: &Page, bits: &Bits, out: &mut Vec<u8>) {
        for (word, block) in bits.iter().zip(page.chunks_exact(64)) {
            if *word == u64::MAX {
                out.extend_from_slice(block);
                continue;
            }
            let mut rest = *word;
            while rest != 0 {
                out.push(block[rest.trailing_zeros() as usize]);
                rest &= rest - 1;
            }
        }
    }

    pub(super) fn unpack(mut packed: &[u8], bits: &Bits, page: &mut Page) {
        for (word, block) in bits.iter().zip(page.chunks_exact_mut(64)) {
            let (bytes, rest) = packed.split_at(word.count_ones() as usize);
            packed = rest;
            if *word == u64::MAX {
                block.copy_from_slice(bytes);
                continue;
            }
            let mut left = *word;
            for byte in bytes {
                block[left.trailing_zeros() as usize] = *byte;
                left &= left - 1;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _pdep_u64, _pext_u64,
    };

    use super::{BLOCKS, Bits, Tally, plain};
    use crate::page::{PAGE_SIZE, Page};

    /// Whether the processor gathers and spreads bits.
    pub(super) fn has_bmi2() -> bool {
        std::arch::is_x86_feature_detected!("bmi2") && std::arch::is_x86_feature_detected!("popcnt")
    }

    /// Whether the processor gathers and spreads bytes of 64 at a time.
    pub(super) fn has_vbmi2() -> bool {
        std::arch::is_x86_feature_detected!("avx512vbmi2")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && has_bmi2()
    }

    /// The plain version, compiled for the instruction.
    #[target_feature(enable = "popcnt")]
    pub(super) fn tally(bits: &Bits) -> Tally {
        plain::tally(bits)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn compare(a: &Page, b: &Page) -> Bits {
        let mut bits = [0; BLOCKS];
        for ((word, a), b) in bits
            .iter_mut()
            .zip(a.chunks_exact(64))
            .zip(b.chunks_exact(64))
        {
            let low = equal_bytes(a[..32].as_ptr(), b[..32].as_ptr());
            let high = equal_bytes(a[32..].as_ptr(), b[32..].as_ptr());
            *word = !(u64::from(low) | u64::from(high) << 32);
        }
        bits
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn equal_bytes(a: *const u8, b: *const u8) -> u32 {
        // SAFETY: `compare`, the only caller, passes slices of 32 bytes.
        let a = unsafe { _mm256_loadu_si256(a.cast::<__m256i>()) };
        // SAFETY: as above.
        let b = unsafe { _mm256_loadu_si256(b.cast::<__m256i>()) };
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b)).cast_unsigned()
    }

    /// 0xff in each byte whose bit is set.
    #[target_feature(enable = "bmi2")]
    #[inline]
    fn spread(lane: u64) -> u64 {
        _pdep_u64(lane, 0x0101_0101_0101_0101).wrapping_mul(0xff)
    }

    #[target_feature(enable = "bmi2,popcnt")]
    pub(super) fn pack(page: &Page, bits: &Bits, out: &mut Vec<u8>) {
        // Each lane is written as eight bytes, of which those that are not in the mask are overwritten by the next: room for one more lane.
        let mut buffer = [0_u8; PAGE_SIZE + 8];
        let mut len = 0;
        for (word, block) in bits
            .iter()
            .zip(page.chunks_exact(64))
            .filter(|(word, _)| **word != 0)
        {
            if *word == u64::MAX {
                buffer[len..len + 64].copy_from_slice(block);
                len += 64;
                continue;
            }
            for (lane, bytes) in block.chunks_exact(8).enumerate() {
                let mask = word >> (8 * lane) & 0xff;
                let bytes = u64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
                buffer[len..len + 8].copy_from_slice(&_pext_u64(bytes, spread(mask)).to_le_bytes());
                len += mask.count_ones() as usize;
            }
        }
        out.extend_from_slice(&buffer[..len]);
    }

    #[target_feature(enable = "bmi2,popcnt")]
    pub(super) fn unpack(packed: &[u8], bits: &Bits, page: &mut Page) {
        let mut at = 0;
        for (word, block) in bits
            .iter()
            .zip(page.chunks_exact_mut(64))
            .filter(|(word, _)| **word != 0)
        {
            if *word == u64::MAX {
                block.copy_from_slice(&packed[at..at + 64]);
                at += 64;
                continue;
            }
            for (lane, bytes) in block.chunks_exact_mut(8).enumerate() {
                let mask = word >> (8 * lane) & 0xff;
                let count = mask.count_ones() as usize;
                let source = match packed.get(at..at + 8) {
                    Some(source) => {
                        u64::from_le_bytes(source.try_into().expect("a slice of eight bytes"))
                    }
                    None => tail(&packed[at..at + count]),
                };
                let (old, wide) = (
                    u64::from_le_bytes((&*bytes).try_into().expect("chunks of eight bytes")),
                    spread(mask),
                );
                bytes.copy_from_slice(&((old & !wide) | _pdep_u64(source, wide)).to_le_bytes());
                at += count;
            }
        }
    }

    /// Assembly, as in `live`: the intrinsics came with a later version of Rust than the oldest that this crate supports.
    #[target_feature(enable = "bmi2,popcnt")]
    pub(super) fn pack_wide(page: &Page, bits: &Bits, out: &mut Vec<u8>) {
        // A block is written as 64 bytes, of which those that are not in the mask are overwritten by the next: room for one more.
        out.reserve(PAGE_SIZE + 64);
        let start = out.len();
        let mut len = 0;
        for (word, block) in bits
            .iter()
            .zip(page.chunks_exact(64))
            .filter(|(word, _)| **word != 0)
        {
            let to = out.as_mut_ptr().wrapping_add(start + len);
            // SAFETY: reads a block of 64 bytes; writes 64 after less than a page of those that were reserved.
            unsafe {
                std::arch::asm!(
                    "kmovq k1, {bits}",
                    "vmovdqu64 zmm16, [{from}]",
                    "vpcompressb zmm16{{k1}}{{z}}, zmm16",
                    "vmovdqu64 [{to}], zmm16",
                    bits = in(reg) *word,
                    from = in(reg) block.as_ptr(),
                    to = in(reg) to,
                    out("k1") _,
                    out("xmm16") _,
                    options(nostack, preserves_flags),
                );
            }
            len += word.count_ones() as usize;
        }
        // SAFETY: so many bytes were written there.
        unsafe { out.set_len(start + len) };
    }

    /// Reads and writes no byte but those that are meant: a page that nobody has written yet is not looked at before.
    #[target_feature(enable = "bmi2,popcnt")]
    pub(super) fn unpack_wide(packed: &[u8], bits: &Bits, page: &mut Page) {
        let mut rest = packed;
        for (word, block) in bits
            .iter()
            .zip(page.chunks_exact_mut(64))
            .filter(|(word, _)| **word != 0)
        {
            let (bytes, after) = rest.split_at(word.count_ones() as usize);
            rest = after;
            // SAFETY: reads as many bytes as there are bits set, which `bytes` holds, and writes those of the block whose bits are set.
            unsafe {
                std::arch::asm!(
                    "kmovq k1, {bits}",
                    "kmovq k2, {first}",
                    "vmovdqu8 zmm16{{k2}}{{z}}, [{from}]",
                    "vpexpandb zmm16{{k1}}{{z}}, zmm16",
                    "vmovdqu8 [{to}]{{k1}}, zmm16",
                    bits = in(reg) *word,
                    first = in(reg) u64::MAX >> (64 - bytes.len()),
                    from = in(reg) bytes.as_ptr(),
                    to = in(reg) block.as_mut_ptr(),
                    out("k1") _,
                    out("k2") _,
                    out("xmm16") _,
                    options(nostack, preserves_flags),
                );
            }
        }
    }

    /// The last, less than eight, bytes.
    #[inline(never)]
    fn tail(bytes: &[u8]) -> u64 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(seed: u64, density: u64) -> Page {
        let mut state = seed | 1;
        std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if (state >> 40) % 100 < density {
                (state >> 33) as u8
            } else {
                0
            }
        })
    }

    proptest! {
        #[test]
        fn both_versions_agree(seed in any::<u64>(), other in any::<u64>(), density in 0..=100_u64, full in 0..64_usize) {
            let (a, mut b) = (page(seed, density), page(other, density / 2));
            b[full * 64..full * 64 + 64].copy_from_slice(&a.map(|byte| !byte)[full * 64..full * 64 + 64]);
            let bits = compare(&a, &b);
            prop_assert_eq!(bits, plain::compare(&a, &b));
            for at in 0..PAGE_SIZE {
                prop_assert_eq!(bits[at / 64] >> (at % 64) & 1 == 1, a[at] != b[at]);
            }
            prop_assert_eq!(tally(&bits), plain::tally(&bits));
            let (mut fast, mut slow) = (vec![9], vec![9]);
            pack(&a, &bits, &mut fast);
            plain::pack(&a, &bits, &mut slow);
            prop_assert_eq!(&fast, &slow);
            let (mut fast, mut plain) = (b, b);
            unpack(&slow[1..], &bits, &mut fast);
            plain::unpack(&slow[1..], &bits, &mut plain);
            prop_assert!(fast == a && plain == a);
            #[cfg(target_arch = "x86_64")]
            if x86::has_bmi2() {
                let (mut packed, mut unpacked) = (vec![9], b);
                // SAFETY: the processor has the instructions.
                unsafe { x86::pack(&a, &bits, &mut packed) };
                prop_assert_eq!(&packed, &slow);
                // SAFETY: as above.
                unsafe { x86::unpack(&slow[1..], &bits, &mut unpacked) };
                prop_assert!(unpacked == a);
            }
        }
    }
}
