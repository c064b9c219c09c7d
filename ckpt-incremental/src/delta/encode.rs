//! Writing segments.

use super::{CHECKED_FROM, HEADER, MAGIC, MASKED, Mask, RUNS, VERSION, WHOLE};
use crate::image::Exactness;
use crate::page::{PAGE_SIZE, Page};
use crate::sys::simd::{self, Tally};

/// Fills a buffer with pages.
#[derive(Debug)]
pub struct Encoder {
    buffer: Vec<u8>,
    pages: u32,
}

impl Encoder {
    /// Starts a segment in `buffer`, whose contents are dropped and whose memory is used.
    pub fn new(mut buffer: Vec<u8>) -> Encoder {
        buffer.clear();
        buffer.extend_from_slice(&MAGIC);
        buffer.extend_from_slice(&VERSION.to_le_bytes());
        buffer.resize(HEADER, 0);
        Encoder { buffer, pages: 0 }
    }

    /// Bytes of the segment so far.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether it holds no page yet.
    pub fn is_empty(&self) -> bool {
        self.pages == 0
    }

    /// Adds the bytes of `mask` of the page at `address`, which is higher than that of all pages before. Returns the size of the mask.
    pub fn add(
        &mut self,
        address: usize,
        values: &Page,
        mask: &Mask,
        exactness: Exactness,
    ) -> usize {
        self.pages += 1;
        encode_page(address, values, mask, exactness, &mut self.buffer)
    }

    /// The buffer, without a segment.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The finished segment.
    pub fn finish(mut self) -> Vec<u8> {
        self.buffer[12..16].copy_from_slice(&self.pages.to_le_bytes());
        let payload =
            u32::try_from(self.buffer.len() - HEADER).expect("segments are far smaller than 4 GiB");
        self.buffer[16..20].copy_from_slice(&payload.to_le_bytes());
        let checksum = crc32fast::hash(&self.buffer[CHECKED_FROM..]);
        self.buffer[8..12].copy_from_slice(&checksum.to_le_bytes());
        self.buffer
    }
}

/// Appends the record of one page: the bytes of `mask`, which is not empty; with `SoleWriter` perhaps all bytes. Returns the size of the mask.
pub fn encode_page(
    address: usize,
    values: &Page,
    mask: &Mask,
    exactness: Exactness,
    out: &mut Vec<u8>,
) -> usize {
    let Tally {
        bytes,
        runs,
        blocks,
    } = mask.tally();
    let (as_runs, as_mask) = (2 + 4 * runs + bytes, 8 + 8 * blocks + bytes);
    let whole = match exactness {
        Exactness::Exact => bytes == PAGE_SIZE,
        Exactness::SoleWriter => 2 * as_runs.min(as_mask) >= PAGE_SIZE,
    };
    let address = address as u64;
    if whole {
        out.extend_from_slice(&(address | WHOLE).to_le_bytes());
        out.extend_from_slice(values);
    } else if as_runs <= as_mask {
        out.extend_from_slice(&(address | RUNS).to_le_bytes());
        encode_runs(values, mask, runs, out);
    } else {
        out.extend_from_slice(&(address | MASKED).to_le_bytes());
        encode_mask(values, mask, out);
    }
    bytes
}

fn encode_runs(values: &Page, mask: &Mask, count: usize, out: &mut Vec<u8>) {
    let narrow = |number: usize| {
        u16::try_from(number)
            .expect("at most the size of a page")
            .to_le_bytes()
    };
    out.extend_from_slice(&narrow(count));
    for (start, end) in mask.runs() {
        out.extend_from_slice(&narrow(start));
        out.extend_from_slice(&narrow(end - start));
    }
    for (start, end) in mask.runs() {
        out.extend_from_slice(&values[start..end]);
    }
}

fn encode_mask(values: &Page, mask: &Mask, out: &mut Vec<u8>) {
    let mut blocks = 0_u64;
    for (block, word) in mask.0.iter().enumerate() {
        blocks |= u64::from(*word != 0) << block;
    }
    out.extend_from_slice(&blocks.to_le_bytes());
    for word in mask.0.iter().filter(|word| **word != 0) {
        out.extend_from_slice(&word.to_le_bytes());
    }
    simd::pack(values, &mask.0, out);
}
