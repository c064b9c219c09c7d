//! Encryption of a link: the stream of frames, cut into sealed records.
//!
//! ```text
//!  0        2                          2 + length
//!  +--------+--------------------------+----- - -      length: u16, little endian, 16..=65535
//!  | length | ciphertext and its tag   | next          plaintext: the next length - 16 bytes of the stream
//!  +--------+--------------------------+----- - -
//! ```
//!
//! The keys come from a Noise handshake (`NNpsk0`, X25519, ChaCha20-Poly1305, BLAKE2s) that [`crate::auth`] carries in its own
//! messages, so each link has keys of its own, which nobody can recompute later from the job's key. Why `snow` and not TLS: both
//! ends hold the same secret, so certificates would prove nothing, and all of `snow` that is used here is Rust, which builds
//! wherever the rest does. Why ChaCha20-Poly1305: as fast as AES-GCM in Rust where the processor knows AES, and much faster where not.
//!
//! A record's nonce is its number, which never travels: records that are lost, repeated or swapped do not open. Both directions
//! change their key every [`REKEY`] records. Large payloads are sealed from where they lie and opened into where they
//! belong; only small frames are gathered first.
//!
//! This file is pure: bytes in, bytes out.

use std::sync::{Arc, PoisonError, RwLock};

use snow::StatelessTransportState;

use crate::Violation;

/// Bytes of a record's authentication tag.
const TAG: usize = 16;

/// Bytes of a record's length.
const LENGTH: usize = 2;

/// Most plaintext bytes of a record (the Noise specification, section 3).
pub(crate) const MAX_PLAIN: usize = 65_535 - TAG;

/// Bytes of the largest record.
const MAX_RECORD: usize = LENGTH + 65_535;

/// Records under one key, at most 4 GiB: far below every limit of the cipher.
const REKEY: u64 = 1 << 16;

/// Keys of a link, which its two directions share.
#[derive(Clone, Debug)]
pub(crate) struct Cipher(Arc<RwLock<StatelessTransportState>>);

impl Cipher {
    pub(crate) fn new(state: StatelessTransportState) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }

    pub(crate) fn sealer(&self) -> Sealer {
        Sealer {
            cipher: self.clone(),
            number: 0,
            gathered: Vec::new(),
        }
    }

    pub(crate) fn opener(&self) -> Opener {
        Opener {
            cipher: self.clone(),
            number: 0,
            buffer: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    fn with<T>(&self, action: impl FnOnce(&StatelessTransportState) -> T) -> T {
        action(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, action: impl FnOnce(&mut StatelessTransportState)) {
        action(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The outgoing direction.
#[derive(Debug)]
pub(crate) struct Sealer {
    cipher: Cipher,
    number: u64,
    /// Plaintext of the next record: small parts of frames.
    gathered: Vec<u8>,
}

impl Sealer {
    /// Takes bytes of the stream, not always all; returns how many. Complete records are appended to `records`.
    pub(crate) fn take(&mut self, part: &[u8], records: &mut Vec<u8>) -> usize {
        if part.len() >= MAX_PLAIN {
            // Large enough to be sealed in place; what was gathered precedes it.
            self.finish(records);
            self.seal(&part[..MAX_PLAIN], records);
            return MAX_PLAIN;
        }
        let now = part.len().min(MAX_PLAIN - self.gathered.len());
        self.gathered.extend_from_slice(&part[..now]);
        if self.gathered.len() == MAX_PLAIN {
            self.finish(records);
        }
        now
    }

    /// Seals what was gathered.
    pub(crate) fn finish(&mut self, records: &mut Vec<u8>) {
        if self.gathered.is_empty() {
            return;
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        self.seal(&gathered, records);
        gathered.clear();
        self.gathered = gathered;
    }

    fn seal(&mut self, plain: &[u8], records: &mut Vec<u8>) {
        let length = u16::try_from(plain.len() + TAG).expect("a record's plaintext is limited");
        records.extend_from_slice(&length.to_le_bytes());
        let start = records.len();
        records.resize(start + usize::from(length), 0);
        let sealed = &mut records[start..];
        self.cipher
            .with(|state| state.write_message(self.number, plain, sealed))
            .expect("the record has room for the plaintext and its tag");
        self.number += 1;
        if self.number.is_multiple_of(REKEY) {
            self.cipher.change(StatelessTransportState::rekey_outgoing);
        }
    }
}

/// The incoming direction.
#[derive(Debug)]
pub(crate) struct Opener {
    cipher: Cipher,
    number: u64,
    /// Received bytes are `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Opener {
    /// Where to put received bytes; never empty. Say how many with [`Opener::received`].
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            // Pages that are never written cost nothing.
            self.buffer = vec![0; 4 * MAX_RECORD];
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.end < MAX_RECORD {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.buffer[self.end..]
    }

    /// The first `count` bytes of the room were filled.
    pub(crate) fn received(&mut self, count: usize) {
        self.end += count;
        debug_assert!(self.end <= self.buffer.len());
    }

    /// Plaintext bytes of the next record; `None`: it is not complete.
    pub(crate) fn next_length(&self) -> Result<Option<usize>, Violation> {
        let got = &self.buffer[self.start..self.end];
        let Some((length, rest)) = got.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        let plain = length.checked_sub(TAG).ok_or(Violation::Sealed)?;
        Ok((rest.len() >= length).then_some(plain))
    }

    /// Opens the next record, which is complete, into `plain`, which has its length.
    pub(crate) fn open(&mut self, plain: &mut [u8]) -> Result<(), Violation> {
        let from = self.start + LENGTH;
        let to = from + plain.len() + TAG;
        let sealed = &self.buffer[from..to];
        self.cipher
            .with(|state| state.read_message(self.number, sealed, plain))
            .map_err(|_| Violation::Sealed)?;
        self.start = to;
        self.number += 1;
        if self.number.is_multiple_of(REKEY) {
            self.cipher.change(StatelessTransportState::rekey_incoming);
        }
        Ok(())
    }
}

/// The two ends of a link, for tests.
#[cfg(any(test, fuzzing))]
pub(crate) fn pair() -> (Cipher, Cipher) {
    let builder = || {
        let parameters = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"
            .parse()
            .expect("two ends that follow the pattern");
        snow::Builder::new(parameters)
            .psk(0, &[7; 32])
            .expect("two ends that follow the pattern")
    };
    let mut initiator = builder()
        .build_initiator()
        .expect("two ends that follow the pattern");
    let mut responder = builder()
        .build_responder()
        .expect("two ends that follow the pattern");
    let mut message = [0; 200];
    let length = initiator
        .write_message(&[], &mut message)
        .expect("two ends that follow the pattern");
    responder
        .read_message(&message[..length], &mut [])
        .expect("two ends that follow the pattern");
    let length = responder
        .write_message(&[], &mut message)
        .expect("two ends that follow the pattern");
    initiator
        .read_message(&message[..length], &mut [])
        .expect("two ends that follow the pattern");
    let end = |state: snow::HandshakeState| {
        Cipher::new(
            state
                .into_stateless_transport_mode()
                .expect("two ends that follow the pattern"),
        )
    };
    (end(initiator), end(responder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal(sealer: &mut Sealer, parts: &[&[u8]]) -> Vec<u8> {
        let mut records = Vec::new();
        for part in parts {
            let mut part = *part;
            while !part.is_empty() {
                part = &part[sealer.take(part, &mut records)..];
            }
        }
        sealer.finish(&mut records);
        records
    }

    fn open(opener: &mut Opener, mut records: &[u8], piece: usize) -> Result<Vec<u8>, Violation> {
        let mut plain = Vec::new();
        while !records.is_empty() {
            let room = opener.room();
            let now = records.len().min(piece).min(room.len());
            room[..now].copy_from_slice(&records[..now]);
            opener.received(now);
            records = &records[now..];
            while let Some(length) = opener.next_length()? {
                let start = plain.len();
                plain.resize(start + length, 0);
                opener.open(&mut plain[start..])?;
            }
        }
        Ok(plain)
    }

    #[test]
    fn both_directions_carry_bytes_of_all_sizes() {
        let (a, b) = pair();
        let big: Vec<u8> = (0..300_000u32).map(|k| k.to_le_bytes()[1]).collect();
        for (from, to) in [(&a, &b), (&b, &a)] {
            let (mut sealer, mut opener) = (from.sealer(), to.opener());
            for size in [0, 1, 32, MAX_PLAIN - 1, MAX_PLAIN, MAX_PLAIN + 1, 300_000] {
                let records = seal(&mut sealer, &[b"header", &big[..size], b"next"]);
                let expected = [b"header", &big[..size], b"next"].concat();
                assert!(
                    open(&mut opener, &records, 70_000).unwrap() == expected,
                    "{size}"
                );
            }
        }
    }

    #[test]
    fn keys_change_at_both_ends() {
        let (a, b) = pair();
        let (mut sealer, mut opener) = (a.sealer(), b.opener());
        for number in 0..2 * REKEY + 10 {
            let records = seal(&mut sealer, &[&number.to_le_bytes()]);
            assert_eq!(
                open(&mut opener, &records, 99).unwrap(),
                number.to_le_bytes()
            );
        }
    }

    #[test]
    fn repeated_swapped_and_lost_records_do_not_open() {
        let (a, b) = pair();
        let mut sealer = a.sealer();
        let records: Vec<_> = (0..3).map(|k| seal(&mut sealer, &[&[k; 10]])).collect();
        for order in [[0, 0], [1, 0], [0, 2]] {
            let mut opener = b.opener();
            let stream = order.map(|k: usize| records[k].clone()).concat();
            assert_eq!(open(&mut opener, &stream, 99), Err(Violation::Sealed));
        }
        // Sent back to who sealed it.
        assert_eq!(
            open(&mut a.opener(), &records[0], 99),
            Err(Violation::Sealed)
        );
    }

    proptest! {
        #[test]
        fn a_changed_record_does_not_open(size in 0usize..300, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let (a, b) = pair();
            let mut records = seal(&mut a.sealer(), &[&vec![5; size + 1]]);
            let at = at.index(records.len());
            records[at] ^= 1 << bit;
            // A changed length may leave the record incomplete.
            let opened = open(&mut b.opener(), &records, 99);
            prop_assert!(matches!(opened, Err(Violation::Sealed)) || opened == Ok(Vec::new()));
        }

        #[test]
        fn random_bytes_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 1..2000), piece in 1usize..100) {
            let (_, b) = pair();
            let opened = open(&mut b.opener(), &bytes, piece);
            prop_assert!(opened.is_err() || opened == Ok(Vec::new()));
        }
    }
}
