//! Deltas: decoding never reads or names anything outside, and what decodes can be applied.
#![no_main]

use ckpt_incremental::{PAGE_SIZE, delta};
use libfuzzer_sys::fuzz_target;

/// The pages that belong to the image.
const IMAGE: std::ops::Range<usize> = 0x10_000..0x20_000;

fuzz_target!(|data: &[u8]| {
    let mut segment = data.to_vec();
    // With a right checksum and a right length the bytes behind them get looked at.
    if let Some(first) = data.first().filter(|_| data.len() >= 21) {
        segment.remove(0);
        if first & 1 == 1 {
            let length = u32::try_from(segment.len() - 20).unwrap();
            segment[0..8].copy_from_slice(b"CAPD\x01\0\0\0");
            segment[16..20].copy_from_slice(&length.to_le_bytes());
            let checksum = crc32(&segment[12..]);
            segment[8..12].copy_from_slice(&checksum.to_le_bytes());
        }
    }
    let contains = |address: usize| IMAGE.contains(&address) && address.is_multiple_of(PAGE_SIZE);
    let Ok(pages) = delta::decode(&segment, &contains) else {
        return;
    };
    for page in pages {
        assert!(contains(page.address));
        let mut target = [0; PAGE_SIZE];
        page.change.apply(&mut target);
        assert!(page.change.count() <= PAGE_SIZE);
    }
});

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}
