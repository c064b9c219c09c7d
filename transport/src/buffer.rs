//! Buffers for large payloads, used again and again: fresh memory costs more, a fault and a cleared page for each four KiB, than what is
//! copied there, and memory used a moment ago is still in the processor's cache.

use std::sync::Mutex;

use bytes::Bytes;

use crate::link::lock;

/// Bytes that a buffer of the pool holds: a segment of a delta (256 KiB and a page) and something to spare.
const CAPACITY: usize = 288 << 10;

/// Smaller payloads are left to the allocator.
const SMALL: usize = 64 << 10;

/// Buffers kept at most.
const KEPT: usize = 12;

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty buffer for at least `len` bytes.
pub fn take(len: usize) -> Vec<u8> {
    if !(SMALL..=CAPACITY).contains(&len) {
        return Vec::with_capacity(len);
    }
    // The last one that was given back, which is likeliest to be in the cache.
    let kept = lock(&POOL).pop();
    kept.unwrap_or_else(|| Vec::with_capacity(CAPACITY))
}

/// The contents of a buffer, whose memory is used again once nobody refers to them.
pub fn into_bytes(buffer: Vec<u8>) -> Bytes {
    if buffer.capacity() == CAPACITY {
        Bytes::from_owner(Lent(buffer))
    } else {
        Bytes::from(buffer)
    }
}

/// A buffer of the pool while it is used.
struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        let mut pool = lock(&POOL);
        if pool.len() < KEPT {
            pool.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_nobody_refers_to_it() {
        let mut buffer = take(CAPACITY);
        assert!(buffer.is_empty() && buffer.capacity() >= CAPACITY);
        buffer.extend_from_slice(b"contents");
        let bytes = into_bytes(buffer);
        let part = bytes.slice(3..);
        drop(bytes);
        assert_eq!(&part[..], b"tents");
        drop(part);
        let again = take(SMALL);
        assert!(again.is_empty() && again.capacity() >= SMALL);
    }

    #[test]
    fn what_is_small_or_huge_comes_from_the_allocator() {
        assert!(take(10).capacity() < SMALL);
        let huge = take(CAPACITY + 1);
        assert!(huge.capacity() > CAPACITY);
        assert_eq!(into_bytes(huge).len(), 0);
    }
}
