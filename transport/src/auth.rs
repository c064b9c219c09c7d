//! The handshake: both ends prove that they hold the job's key before either parses anything else.
//!
//! ```text
//!  opener                                                   acceptor
//!    | hello      magic version opener acceptor nonce_o        |
//!    |-------------------------------------------------------->|
//!    | challenge  magic version acceptor opener nonce_a proof  |   proof = keyed_hash(key, "acceptor" ‖ ids ‖ nonces)
//!    |<--------------------------------------------------------|
//!    | answer     magic version opener acceptor nonce_o proof  |   proof = keyed_hash(key, "opener" ‖ ids ‖ nonces)
//!    |-------------------------------------------------------->|
//!    | frames                                         frames   |
//! ```
//!
//! Each proof covers the role of who gives it, so a message sent back to its author proves nothing, and both nonces, so a
//! recorded message proves nothing in another connection. It covers both ids, so nobody is led to a peer it did not want.
//! BLAKE3's keyed hash is the MAC; `blake3::Hash` compares in constant time.
//!
//! All messages have the same layout and length (the hello's proof is zero), so each end reads a fixed number of bytes and
//! never one that belongs to a frame. This file is pure: bytes in, bytes out; deadlines and sockets are the link's.

use crate::{JobKey, Peer};

/// Bytes of every message of the handshake.
pub(crate) const MESSAGE: usize = 80;

const MAGIC: [u8; 4] = *b"CAPE";
const VERSION: u16 = 1;

/// A number used once: 32 random bytes.
pub(crate) type Nonce = [u8; 32];

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The other end does not speak this protocol.
    #[error("it does not speak this protocol")]
    Magic,
    /// The other end is of another version.
    #[error(
        "it speaks version {0} of the protocol; build all programs of a job with the same release"
    )]
    Version(u16),
    /// The other end is not who was wanted, or wants somebody else, or claims to be this end.
    #[error("it takes part in another conversation")]
    Identity,
    /// The other end does not hold the job's key.
    #[error("it does not hold the job's key")]
    Proof,
}

/// What to do after a complete message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this and go on.
    Reply([u8; MESSAGE]),
    /// Send this (if anything); the other end is `peer`.
    Done {
        peer: Peer,
        last: Option<[u8; MESSAGE]>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Opener,
    Acceptor,
}

/// One end of a handshake in progress.
#[derive(Debug)]
pub(crate) struct Handshake {
    role: Role,
    key: JobKey,
    me: Peer,
    /// The other end: wanted (opener) or claimed by its hello (acceptor).
    other: Option<(Peer, Nonce)>,
    nonce: Nonce,
    buffer: [u8; MESSAGE],
    have: usize,
}

struct Message {
    from: Peer,
    to: Peer,
    nonce: Nonce,
    proof: [u8; 32],
}

impl Message {
    fn encode(&self) -> [u8; MESSAGE] {
        let mut bytes = [0; MESSAGE];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.from.to_wire().to_le_bytes());
        bytes[12..16].copy_from_slice(&self.to.to_wire().to_le_bytes());
        bytes[16..48].copy_from_slice(&self.nonce);
        bytes[48..80].copy_from_slice(&self.proof);
        bytes
    }

    fn decode(bytes: &[u8; MESSAGE]) -> Result<Self, Refusal> {
        if bytes[0..4] != MAGIC || bytes[6..8] != [0; 2] {
            return Err(Refusal::Magic);
        }
        let version = u16::from_le_bytes(part(bytes, 4));
        if version != VERSION {
            return Err(Refusal::Version(version));
        }
        Ok(Self {
            from: Peer::from_wire(u32::from_le_bytes(part(bytes, 8))),
            to: Peer::from_wire(u32::from_le_bytes(part(bytes, 12))),
            nonce: part(bytes, 16),
            proof: part(bytes, 48),
        })
    }
}

fn part<const N: usize>(bytes: &[u8; MESSAGE], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("parts lie inside of the message")
}

/// The proof that `role` gives in the conversation of these two.
fn proof(
    key: &JobKey,
    role: Role,
    opener: (Peer, &Nonce),
    acceptor: (Peer, &Nonce),
) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(match role {
        Role::Opener => b"cape link 1 opener  ",
        Role::Acceptor => b"cape link 1 acceptor",
    });
    for (peer, nonce) in [opener, acceptor] {
        hasher.update(&peer.to_wire().to_le_bytes());
        hasher.update(nonce);
    }
    hasher.finalize()
}

impl Handshake {
    /// Begins as the one who opened the connection, to reach `wanted`; the bytes are the hello to send. `nonce` must be
    /// fresh.
    pub(crate) fn open(
        key: &JobKey,
        me: Peer,
        wanted: Peer,
        nonce: Nonce,
    ) -> (Self, [u8; MESSAGE]) {
        let hello = Message {
            from: me,
            to: wanted,
            nonce,
            proof: [0; 32],
        }
        .encode();
        (
            Self::new(Role::Opener, key, me, Some((wanted, [0; 32])), nonce),
            hello,
        )
    }

    /// Begins as the one who accepted the connection. `nonce` must be fresh.
    pub(crate) fn accept(key: &JobKey, me: Peer, nonce: Nonce) -> Self {
        Self::new(Role::Acceptor, key, me, None, nonce)
    }

    fn new(role: Role, key: &JobKey, me: Peer, other: Option<(Peer, Nonce)>, nonce: Nonce) -> Self {
        Self {
            role,
            key: key.clone(),
            me,
            other,
            nonce,
            buffer: [0; MESSAGE],
            have: 0,
        }
    }

    /// How many bytes the current message lacks; at least one.
    pub(crate) fn missing(&self) -> usize {
        MESSAGE - self.have
    }

    /// Takes received bytes, at most [`Handshake::missing`]. `None`: the message is not complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<Step>, Refusal> {
        let end = self.have + bytes.len();
        self.buffer[self.have..end].copy_from_slice(bytes);
        self.have = end;
        let magic = end.min(MAGIC.len());
        if self.buffer[..magic] != MAGIC[..magic] {
            return Err(Refusal::Magic);
        }
        if end < MESSAGE {
            return Ok(None);
        }
        self.have = 0;
        let message = Message::decode(&self.buffer)?;
        if message.to != self.me || message.from == self.me {
            return Err(Refusal::Identity);
        }
        match self.role {
            Role::Opener => self.challenged(&message),
            Role::Acceptor => self.greeted_or_answered(&message),
        }
        .map(Some)
    }

    fn challenged(&self, message: &Message) -> Result<Step, Refusal> {
        let (wanted, _) = self.other.expect("an opener knows whom it wants");
        if message.from != wanted {
            return Err(Refusal::Identity);
        }
        let (opener, acceptor) = ((self.me, &self.nonce), (wanted, &message.nonce));
        if proof(&self.key, Role::Acceptor, opener, acceptor) != message.proof {
            return Err(Refusal::Proof);
        }
        let answer = proof(&self.key, Role::Opener, opener, acceptor);
        let last = Message {
            from: self.me,
            to: wanted,
            nonce: self.nonce,
            proof: answer.into(),
        }
        .encode();
        Ok(Step::Done {
            peer: wanted,
            last: Some(last),
        })
    }

    fn greeted_or_answered(&mut self, message: &Message) -> Result<Step, Refusal> {
        let opener = (message.from, &message.nonce);
        let acceptor = (self.me, &self.nonce);
        let Some(claimed) = self.other else {
            if message.proof != [0; 32] {
                return Err(Refusal::Proof);
            }
            let challenge = proof(&self.key, Role::Acceptor, opener, acceptor);
            let reply = Message {
                from: self.me,
                to: message.from,
                nonce: self.nonce,
                proof: challenge.into(),
            };
            self.other = Some((message.from, message.nonce));
            return Ok(Step::Reply(reply.encode()));
        };
        if claimed != (message.from, message.nonce) {
            return Err(Refusal::Identity);
        }
        if proof(&self.key, Role::Opener, opener, acceptor) != message.proof {
            return Err(Refusal::Proof);
        }
        Ok(Step::Done {
            peer: message.from,
            last: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Peer = Peer::Rank(0);
    const B: Peer = Peer::Rank(1);

    fn key(byte: u8) -> JobKey {
        JobKey::from_bytes([byte; 32])
    }

    fn opened() -> (Handshake, [u8; MESSAGE]) {
        Handshake::open(&key(1), A, B, [2; 32])
    }

    fn accepting(nonce: u8) -> Handshake {
        Handshake::accept(&key(1), B, [nonce; 32])
    }

    fn reply(step: Result<Option<Step>, Refusal>) -> [u8; MESSAGE] {
        match step.unwrap().unwrap() {
            Step::Reply(bytes) => bytes,
            Step::Done { last, .. } => last.unwrap(),
        }
    }

    #[test]
    fn two_holders_of_the_key_meet() {
        let (mut opener, hello) = opened();
        let mut acceptor = accepting(3);
        let challenge = reply(acceptor.take(&hello));
        let done = opener.take(&challenge).unwrap().unwrap();
        let Step::Done {
            peer: B,
            last: Some(answer),
        } = done
        else {
            panic!("{done:?}")
        };
        assert_eq!(
            acceptor.take(&answer),
            Ok(Some(Step::Done {
                peer: A,
                last: None
            }))
        );
    }

    #[test]
    fn bytes_may_come_one_by_one() {
        let (_, hello) = opened();
        let mut acceptor = accepting(3);
        for (k, byte) in hello[..MESSAGE - 1].iter().enumerate() {
            assert_eq!(acceptor.missing(), MESSAGE - k);
            assert_eq!(acceptor.take(&[*byte]), Ok(None));
        }
        assert!(matches!(
            acceptor.take(&hello[MESSAGE - 1..]),
            Ok(Some(Step::Reply(_)))
        ));
    }

    #[test]
    fn another_key_is_refused_by_both_ends() {
        let (mut opener, hello) = opened();
        let challenge = reply(Handshake::accept(&key(9), B, [3; 32]).take(&hello));
        assert_eq!(opener.take(&challenge), Err(Refusal::Proof));

        let (mut stranger, hello) = Handshake::open(&key(9), A, B, [2; 32]);
        let mut acceptor = accepting(3);
        let challenge = reply(acceptor.take(&hello));
        assert_eq!(stranger.take(&challenge), Err(Refusal::Proof));
        let forged = Message {
            from: A,
            to: B,
            nonce: [2; 32],
            proof: [7; 32],
        }
        .encode();
        assert_eq!(acceptor.take(&forged), Err(Refusal::Proof));
    }

    #[test]
    fn a_replay_is_refused() {
        let (mut opener, hello) = opened();
        let challenge = reply(accepting(3).take(&hello));
        let answer = reply(opener.take(&challenge));
        // The same messages to the same peer later: it has another nonce.
        let mut later = accepting(4);
        assert_ne!(reply(later.take(&hello)), challenge);
        assert_eq!(later.take(&answer), Err(Refusal::Proof));
        // A recorded challenge to a later opener.
        let (mut again, _) = Handshake::open(&key(1), A, B, [5; 32]);
        assert_eq!(again.take(&challenge), Err(Refusal::Proof));
    }

    #[test]
    fn a_reflection_is_refused() {
        let (mut opener, hello) = opened();
        assert_eq!(opener.take(&hello), Err(Refusal::Identity));
        let mut acceptor = accepting(3);
        let challenge = reply(acceptor.take(&hello));
        assert_eq!(acceptor.take(&challenge), Err(Refusal::Identity));
        // With the ids turned round, the acceptor's own proof still is not the opener's.
        let mut turned = Message::decode(&challenge).unwrap();
        (turned.from, turned.to, turned.nonce) = (A, B, [2; 32]);
        assert_eq!(acceptor.take(&turned.encode()), Err(Refusal::Proof));
    }

    #[test]
    fn a_peer_for_somebody_else_is_refused() {
        let (_, hello) = Handshake::open(&key(1), A, Peer::Rank(7), [2; 32]);
        assert_eq!(accepting(3).take(&hello), Err(Refusal::Identity));
        let (mut opener, hello) = opened();
        let mut posing = Message::decode(&reply(accepting(3).take(&hello))).unwrap();
        posing.from = Peer::Rank(7);
        assert_eq!(opener.take(&posing.encode()), Err(Refusal::Identity));
    }

    #[test]
    fn other_versions_are_named() {
        let (_, mut hello) = opened();
        hello[4] = 9;
        assert_eq!(accepting(3).take(&hello), Err(Refusal::Version(9)));
    }

    proptest! {
        #[test]
        fn random_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 1..400), piece in 1usize..MESSAGE) {
            let (opener, _) = opened();
            for mut end in [opener, accepting(3)] {
                for chunk in bytes.chunks(piece) {
                    let now = chunk.len().min(end.missing());
                    match end.take(&chunk[..now]) {
                        Ok(step) => prop_assert!(step.is_none()),
                        Err(_) => break,
                    }
                }
            }
        }

        #[test]
        fn a_changed_message_never_completes(which in 0usize..3, at in 0usize..MESSAGE, bit in 0u8..8) {
            let (mut opener, mut hello) = opened();
            let mut acceptor = accepting(3);
            let flip = |bytes: &mut [u8; MESSAGE], me: usize| if me == which { bytes[at] ^= 1 << bit };
            flip(&mut hello, 0);
            let Ok(Some(Step::Reply(mut challenge))) = acceptor.take(&hello) else { return Ok(()) };
            flip(&mut challenge, 1);
            let Ok(Some(Step::Done { last: Some(mut answer), .. })) = opener.take(&challenge) else { return Ok(()) };
            flip(&mut answer, 2);
            prop_assert!(acceptor.take(&answer).is_err());
        }
    }
}
