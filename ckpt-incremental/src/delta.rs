//! Deltas: the bytes that changed, in self-contained, checksummed segments.
//!
//! A segment, all numbers little endian, nothing aligned, no padding:
//!
//! ```text
//!  0        4        6        8          12       16               20
//! ┌────────┬────────┬────────┬──────────┬────────┬────────────────┬─ ─ ─ ─┬─ ─ ─ ─┬─ ─
//! │ "CAPD" │version │ zero   │ CRC-32   │ pages  │ bytes after 20 │ page  │ page  │ ...
//! │        │ u16    │ u16    │ u32      │ u32    │ u32            │       │       │
//! └────────┴────────┴────────┴──────────┴────────┴────────────────┴─ ─ ─ ─┴─ ─ ─ ─┴─ ─
//!                              of all that follows it
//!
//! page  ┌────────────────────────┬──────────────┐     in ascending order of addresses
//!       │ address | kind     u64 │ by kind      │     the address is page aligned: kind in the low 12 bits
//!       └────────────────────────┴──────────────┘
//! kind 1, whole   4096 bytes
//! kind 2, mask    blocks u64: bit b = block b of 64 bytes has changes
//!                 u64 for each such block: bit b = byte b of it changed; never zero
//!                 the changed bytes, in order
//! kind 3, runs    count u16, at least 1
//!                 count times: offset u16, length u16; ascending, not touching each other, never empty
//!                 the changed bytes, in order
//! ```
//!
//! Decoding trusts nothing: [`decode()`] checks all of this, and that all pages belong to the image, before it returns anything to apply.
//!
//! Which encoding a page gets is a matter of size alone: a run costs 4 bytes, a changed block 8, a whole page nothing. An
//! [`Exact`](crate::Exactness::Exact) delta never holds a byte that did not change. A [`SoleWriter`](crate::Exactness::SoleWriter) one may,
//! where sending the page whole costs at most twice the bytes: it is copied rather than taken apart and put together.

mod decode;
mod encode;
mod mask;

pub use decode::{Change, PageChange, decode};
pub use encode::{Encoder, encode_page};
pub use mask::Mask;

use crate::page::Page;
use crate::sys::simd;

const MAGIC: [u8; 4] = *b"CAPD";
const VERSION: u16 = 1;
/// Bytes before the first page.
pub(crate) const HEADER: usize = 20;
/// Bytes before what the checksum covers.
const CHECKED_FROM: usize = 12;

const WHOLE: u64 = 1;
const MASKED: u64 = 2;
const RUNS: u64 = 3;

/// The bytes in which two pages differ.
pub fn compare(current: &Page, baseline: &Page) -> Mask {
    Mask(simd::compare(current, baseline))
}
