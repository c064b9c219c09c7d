//! Entries of the log: what one publication consists of.
//!
//! An entry holds byte-exact deltas (encoded by `ckpt-incremental`, opaque here) and *operations*: values that the compiler could name
//! (reductions, lastprivate, atomic updates), which are carried as operations on an address instead of bytes and are executed by
//! every rank in the log's order, so that every rank computes the same bits.

use serde::{Deserialize, Serialize};

/// `target[k] = target[k] COMBINE operand[k]`, or an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Address of the first element.
    pub address: u64,
    /// Bytes of one element.
    pub size: u64,
    /// Address of the combiner function, the same in every rank; 0: the operand is assigned.
    pub combiner: u64,
    /// `count * size` bytes.
    pub operand: Vec<u8>,
}

/// A publication small enough to travel inside other messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineEntry {
    /// Encoded deltas.
    pub deltas: Vec<bytes::Bytes>,
    /// Executed after the deltas.
    pub operations: Vec<Operation>,
}

/// One frame of a publication that is sent as a stream to all ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An encoded delta.
    Delta(bytes::Bytes),
    /// The end of the entry: its operations.
    End(Vec<Operation>),
}

/// Encodes anything of this protocol.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data serialises into memory")
}

/// The frame tag of part of the author's publication number `sequence`.
pub fn stream_tag(sequence: u64, end: bool) -> u64 {
    sequence << 1 | u64::from(end)
}

/// Inverse of [`stream_tag`].
pub fn parse_stream_tag(tag: u64) -> (u64, bool) {
    (tag >> 1, tag & 1 == 1)
}
