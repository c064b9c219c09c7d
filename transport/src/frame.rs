//! Frames and how they look on a link.
//!
//! ```text
//!  0        4      6       8            16       20        24       28       32
//!  +--------+------+-------+------------+--------+---------+--------+--------+----------- - -
//!  | magic  | kind | flags |    tag     |  root  |  ranks  | length | crc32  | length bytes of
//!  | "CAPf" | u16  |  u16  |    u64     |  u32   |   u32   |  u32   | 0..28  | payload
//!  +--------+------+-------+------------+--------+---------+--------+--------+----------- - -
//! ```
//!
//! Little endian. `flags` bit 0: a broadcast, whose root and number of ranks follow the tag; otherwise both are zero.
//! `length` is at most [`MAX_PAYLOAD`]; it is checked, as the header's checksum is, before anything is allocated. Payloads
//! have no checksum of their own here: the kernel does not corrupt local links, TCP has one, and what payloads hold is
//! checksummed by those who encode it.
//!
//! This file is pure: the decoder takes bytes in any pieces and never reads from anything.

use bytes::Bytes;

use crate::Peer;

/// Largest payload of a frame, in bytes (64 MiB).
pub const MAX_PAYLOAD: usize = 64 << 20;

/// Bytes of a header on the link.
pub(crate) const HEADER: usize = 32;

const MAGIC: [u8; 4] = *b"CAPf";
const BROADCAST: u16 = 1;

/// A unit of communication: opaque bytes with a kind and a tag, both of which belong to the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: u16,
    /// What it belongs to.
    pub tag: u64,
    /// The bytes.
    pub payload: Bytes,
}

/// What is wrong with the bytes on an authenticated link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The header does not begin as one.
    #[error("no frame begins here")]
    Magic,
    /// The header was damaged.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// Flags nobody has defined, or fields that do not go with the flags.
    #[error("the header's fields contradict one another")]
    Fields,
    /// The payload would exceed [`MAX_PAYLOAD`].
    #[error("a payload of {0} bytes is too large")]
    TooLarge(u32),
    /// A broadcast that does not come from this rank's parent in the tree, or is not for this rank.
    #[error("a broadcast took a wrong way")]
    WrongWay,
    /// A record of an encrypted link does not open: it was changed, repeated or lost on the way.
    #[error("an encrypted record does not open")]
    Sealed,
}

/// The group of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) root: u32,
    pub(crate) ranks: u32,
}

impl Group {
    /// Whether a broadcast of this group reaches rank `me` from `sender`.
    pub(crate) fn leads(self, sender: Peer, me: Peer) -> bool {
        let (Peer::Rank(sender), Peer::Rank(me)) = (sender, me) else {
            return false;
        };
        me < self.ranks && crate::tree::parent(me, self.root, self.ranks) == Some(sender)
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: u16,
    pub(crate) tag: u64,
    pub(crate) group: Option<Group>,
    pub(crate) length: u32,
}

impl Header {
    /// The header of `frame`; `None` if the payload is too large.
    pub(crate) fn of(frame: &Frame, group: Option<Group>) -> Option<Self> {
        let length = u32::try_from(frame.payload.len())
            .ok()
            .filter(|&n| n as usize <= MAX_PAYLOAD)?;
        Some(Self {
            kind: frame.kind,
            tag: frame.tag,
            group,
            length,
        })
    }

    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let Group { root, ranks } = self.group.unwrap_or(Group { root: 0, ranks: 0 });
        let flags = if self.group.is_some() { BROADCAST } else { 0 };
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.kind.to_le_bytes());
        bytes[6..8].copy_from_slice(&flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.tag.to_le_bytes());
        bytes[16..20].copy_from_slice(&root.to_le_bytes());
        bytes[20..24].copy_from_slice(&ranks.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.length.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER]) -> Result<Self, Violation> {
        if bytes[0..4] != MAGIC {
            return Err(Violation::Magic);
        }
        if crc32fast::hash(&bytes[..28]) != u32::from_le_bytes(field(bytes, 28)) {
            return Err(Violation::Checksum);
        }
        let root = u32::from_le_bytes(field(bytes, 16));
        let ranks = u32::from_le_bytes(field(bytes, 20));
        let group = match u16::from_le_bytes(field(bytes, 6)) {
            0 if root == 0 && ranks == 0 => None,
            BROADCAST if root < ranks => Some(Group { root, ranks }),
            _ => return Err(Violation::Fields),
        };
        let length = u32::from_le_bytes(field(bytes, 24));
        if length as usize > MAX_PAYLOAD {
            return Err(Violation::TooLarge(length));
        }
        Ok(Self {
            kind: u16::from_le_bytes(field(bytes, 4)),
            tag: u64::from_le_bytes(field(bytes, 8)),
            group,
            length,
        })
    }
}

fn field<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("fields lie inside of the header")
}

/// Turns a stream of bytes into frames.
///
/// While a large payload is incomplete the caller may read it directly into [`Decoder::hole`]; everything else goes through
/// [`Decoder::push`].
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    partial: [u8; HEADER],
    have: usize,
    body: Option<(Header, Vec<u8>)>,
}

impl Decoder {
    /// The buffer of the payload being received and how many bytes it lacks.
    pub(crate) fn hole(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        self.body.as_mut().map(|(header, buffer)| {
            let missing = header.length as usize - buffer.len();
            (buffer, missing)
        })
    }

    /// The frame whose payload has become complete, if there is one. To be asked after the hole was read into.
    pub(crate) fn finished(&mut self) -> Option<(Header, Bytes)> {
        let (header, buffer) = self
            .body
            .take_if(|(header, buffer)| buffer.len() == header.length as usize)?;
        Some((header, crate::buffer::into_bytes(buffer)))
    }

    /// Whether the stream may end here.
    #[cfg(test)]
    pub(crate) fn is_between_frames(&self) -> bool {
        self.have == 0 && self.body.is_none()
    }

    /// Takes the next bytes of the stream and passes each complete frame to `deliver`.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        deliver: &mut dyn FnMut(Header, Bytes) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        while !bytes.is_empty() {
            if let Some((buffer, missing)) = self.hole() {
                let (now, rest) = bytes.split_at(missing.min(bytes.len()));
                buffer.extend_from_slice(now);
                bytes = rest;
                if let Some((header, payload)) = self.finished() {
                    deliver(header, payload)?;
                }
                continue;
            }
            let (now, rest) = bytes.split_at((HEADER - self.have).min(bytes.len()));
            self.partial[self.have..self.have + now.len()].copy_from_slice(now);
            self.have += now.len();
            bytes = rest;
            if self.have == HEADER {
                self.have = 0;
                let header = Header::decode(&self.partial)?;
                let length = header.length as usize;
                if length <= bytes.len() {
                    let (payload, rest) = bytes.split_at(length);
                    bytes = rest;
                    deliver(header, Bytes::copy_from_slice(payload))?;
                } else {
                    self.body = Some((header, crate::buffer::take(length)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(frame: &Frame, group: Option<Group>) -> Vec<u8> {
        let mut bytes = Header::of(frame, group).unwrap().encode().to_vec();
        bytes.extend_from_slice(&frame.payload);
        bytes
    }

    fn decode(stream: &[u8], piece: usize) -> (Vec<(Header, Bytes)>, Result<(), Violation>) {
        let mut frames = Vec::new();
        let mut decoder = Decoder::default();
        for bytes in stream.chunks(piece) {
            let result = decoder.push(bytes, &mut |header, payload| {
                frames.push((header, payload));
                Ok(())
            });
            if result.is_err() {
                return (frames, result);
            }
        }
        let end = if decoder.is_between_frames() {
            Ok(())
        } else {
            Err(Violation::Magic)
        };
        (frames, end)
    }

    fn frames() -> impl Strategy<Value = Vec<(Frame, Option<Group>)>> {
        let group = proptest::option::of((1u32..9).prop_flat_map(|ranks| (0..ranks, Just(ranks))));
        let frame = (
            any::<u16>(),
            any::<u64>(),
            proptest::collection::vec(any::<u8>(), 0..200),
            group,
        );
        proptest::collection::vec(frame, 0..8).prop_map(|frames| {
            let build = |(kind, tag, payload, group): (u16, u64, Vec<u8>, Option<(u32, u32)>)| {
                let group = group.map(|(root, ranks)| Group { root, ranks });
                (
                    Frame {
                        kind,
                        tag,
                        payload: payload.into(),
                    },
                    group,
                )
            };
            frames.into_iter().map(build).collect()
        })
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(frames in frames(), piece in 1usize..300) {
            let stream: Vec<u8> = frames.iter().flat_map(|(frame, group)| encode(frame, *group)).collect();
            let (decoded, end) = decode(&stream, piece);
            prop_assert_eq!(end, Ok(()));
            let expected: Vec<_> =
                frames.iter().map(|(f, group)| (Header::of(f, *group).unwrap(), f.payload.clone())).collect();
            prop_assert_eq!(decoded, expected);
        }

        #[test]
        fn random_bytes_are_no_frame(stream in proptest::collection::vec(any::<u8>(), 1..500), piece in 1usize..64) {
            let (decoded, end) = decode(&stream, piece);
            prop_assert!(decoded.is_empty());
            prop_assert!(end.is_err());
        }

        #[test]
        fn a_changed_header_is_noticed(frames in frames(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            prop_assume!(!frames.is_empty());
            let at = at.index(frames.len() * HEADER);
            let (broken, offset) = (at / HEADER, at % HEADER);
            let mut stream = Vec::new();
            for (k, (frame, group)) in frames.iter().enumerate() {
                let mut bytes = encode(frame, *group);
                if k == broken {
                    bytes[offset] ^= 1 << bit;
                }
                stream.extend(bytes);
            }
            let (decoded, end) = decode(&stream, 50);
            prop_assert_eq!(decoded.len(), broken);
            prop_assert!(end.is_err());
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_allocation() {
        let header = Header {
            kind: 1,
            tag: 2,
            group: None,
            length: u32::MAX,
        };
        assert_eq!(
            Header::decode(&header.encode()),
            Err(Violation::TooLarge(u32::MAX))
        );
    }

    #[test]
    fn fields_must_go_with_the_flags() {
        let root_outside = Header {
            kind: 1,
            tag: 2,
            group: Some(Group { root: 3, ranks: 3 }),
            length: 0,
        };
        assert_eq!(
            Header::decode(&root_outside.encode()),
            Err(Violation::Fields)
        );
    }

    #[test]
    fn a_broadcast_comes_from_the_parent_only() {
        let group = Group { root: 0, ranks: 4 };
        assert!(group.leads(Peer::Rank(1), Peer::Rank(3)));
        assert!(!group.leads(Peer::Rank(0), Peer::Rank(3)));
        assert!(!group.leads(Peer::Rank(0), Peer::Rank(0)));
        assert!(!group.leads(Peer::Rank(0), Peer::Rank(4)));
        assert!(!group.leads(Peer::Coordinator, Peer::Rank(1)));
    }
}
