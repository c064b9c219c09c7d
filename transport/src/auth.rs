//! The handshake: both ends prove that they hold the job's key before either parses anything else.
//!
//! ```text
//!  opener                                                        acceptor
//!    | hello      magic version mode opener acceptor nonce_o proof  |   proof = MAC(key, "hello" ‖ opener)
//!    |------------------------------------------------------------->|
//!    | challenge  magic version mode acceptor opener nonce_a proof  |   proof = MAC(key, "acceptor" ‖ opener ‖ acceptor)
//!    |<-------------------------------------------------------------|
//!    | answer     magic version mode opener acceptor nonce_o proof  |   proof = MAC(key, "opener" ‖ opener ‖ acceptor)
//!    |------------------------------------------------------------->|
//!    | frames                                              frames   |
//! ```
//!
//! Above, *opener* and *acceptor* stand for that end's mode, id, nonce and tail. The hello's proof tells strangers from peers by
//! their first 80 bytes, before anything is kept or computed for them; it does not prove that the opener is there now, as it
//! could be a recording, so who accepts remembers the nonces of proven hellos and refuses one that comes again. The other
//! two proofs cover the role of who gives them, so a message sent back to its author proves nothing; both nonces, so a recorded
//! message proves nothing in another connection; and both ids, so nobody is led to a peer it did not want. BLAKE3's keyed hash
//! is the MAC; `blake3::Hash` compares in constant time.
//!
//! On an encrypted link hello and challenge have a tail: the two messages of Noise `NNpsk0`, whose pre-shared key is derived
//! from the job's and whose prologue is the hello. The proofs cover them. Ends that disagree on encryption both learn
//! it: who accepts says its own mode in a challenge that the opener can verify, and both give up. A holder of the key who is
//! not the one that was wanted says so in the same way.
//!
//! All messages have known lengths, so each end reads a fixed number of bytes and never one that belongs to a frame. This file
//! is pure but for Noise's own random numbers: bytes in, bytes out; deadlines and sockets are the link's.

use std::sync::LazyLock;

use snow::params::NoiseParams;

use crate::cipher::Cipher;
use crate::{JobKey, Peer};

/// Bytes of every message of the handshake, less its tail.
pub(crate) const MESSAGE: usize = 80;

/// Bytes of the tail of hello and challenge on an encrypted link: an X25519 key and a tag.
const TAIL: usize = 48;

/// Bytes of the longest message.
pub(crate) const MAX_MESSAGE: usize = MESSAGE + TAIL;

const MAGIC: [u8; 4] = *b"CAPE";
const VERSION: u16 = 2;

/// The mode's bit that says: encrypted.
const SECURE: u16 = 1;

static NOISE: LazyLock<NoiseParams> = LazyLock::new(|| {
    let name = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
    name.parse().expect("a name that the crate knows")
});

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
        "it speaks version {0} of the protocol, not version {VERSION}; build all programs of a job with the same release"
    )]
    Version(u16),
    /// The other end is not who was wanted, or wants somebody else, or claims to be this end.
    #[error("it takes part in another conversation")]
    Identity,
    /// The other end does not hold the job's key.
    #[error("it does not hold the job's key")]
    Proof,
    /// The other end has said this very hello before: it is a recording.
    #[error("it repeats a conversation of the past")]
    Replay,
    /// One end encrypts its links and the other does not.
    #[error("it {} its links and this end {}; give --secure (or CAPE_SECURE=1) to all processes of a job or to none",
        if *theirs { "encrypts" } else { "does not encrypt" }, if *theirs { "does not" } else { "does" })]
    Encryption {
        /// Whether the other end encrypts.
        theirs: bool,
    },
}

/// What to do after a complete message.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send this and go on.
    Reply(Vec<u8>),
    /// Send this, for the other end to understand, and give up.
    Refuse(Vec<u8>, Refusal),
    /// Send this (if anything); the other end is `peer`.
    Done {
        peer: Peer,
        last: Option<Vec<u8>>,
        /// The keys of an encrypted link.
        cipher: Option<Cipher>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Opener,
    Acceptor,
}

/// What each end of every handshake knows.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) key: JobKey,
    pub(crate) me: Peer,
    /// Whether links are encrypted.
    pub(crate) secure: bool,
}

impl Identity {
    fn mode(&self) -> u16 {
        if self.secure { SECURE } else { 0 }
    }
}

/// One end of a handshake in progress.
#[derive(Debug)]
pub(crate) struct Handshake {
    role: Role,
    identity: Identity,
    /// The opener's view of whom it wants.
    wanted: Peer,
    /// The opener's part of the proofs: this end's hello, or the one that was accepted.
    hello: Option<Part>,
    nonce: Nonce,
    noise: Option<snow::HandshakeState>,
    /// The acceptor's proof to be expected in the answer.
    awaited: Option<blake3::Hash>,
    buffer: [u8; MESSAGE + TAIL],
    have: usize,
}

/// One end's part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    mode: u16,
    from: Peer,
    to: Peer,
    nonce: Nonce,
    tail: Vec<u8>,
}

impl Part {
    fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.mode.to_le_bytes());
        hasher.update(&self.from.to_wire().to_le_bytes());
        hasher.update(&self.to.to_wire().to_le_bytes());
        hasher.update(&self.nonce);
        hasher.update(&(self.tail.len() as u64).to_le_bytes());
        hasher.update(&self.tail);
    }

    fn encode(&self, proof: [u8; 32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MESSAGE + TAIL);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.mode.to_le_bytes());
        bytes.extend_from_slice(&self.from.to_wire().to_le_bytes());
        bytes.extend_from_slice(&self.to.to_wire().to_le_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&proof);
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    /// What precedes the tail, as both ends know it before Noise begins.
    fn prologue(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("cape link 2 prologue");
        let plain = Self {
            tail: Vec::new(),
            ..self.clone()
        };
        plain.hash(&mut hasher);
        hasher.finalize().into()
    }
}

struct Message {
    part: Part,
    proof: [u8; 32],
}

impl Message {
    fn decode(bytes: &[u8]) -> Self {
        Self {
            part: Part {
                mode: u16::from_le_bytes(field(bytes, 6)),
                from: Peer::from_wire(u32::from_le_bytes(field(bytes, 8))),
                to: Peer::from_wire(u32::from_le_bytes(field(bytes, 12))),
                nonce: field(bytes, 16),
                tail: bytes[MESSAGE..].to_vec(),
            },
            proof: field(bytes, 48),
        }
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("fields lie inside of the message")
}

/// The proof for which `label` stands, over these parts.
fn proof(key: &JobKey, label: &[u8], parts: &[&Part]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(b"cape link 2 ");
    hasher.update(label);
    for part in parts {
        part.hash(&mut hasher);
    }
    hasher.finalize()
}

const HELLO: &[u8] = b"hello";
const ACCEPTOR: &[u8] = b"acceptor";
const OPENER: &[u8] = b"opener";

/// Noise's part of an encrypted link.
fn noise(key: &JobKey, role: Role, hello: &Part) -> snow::HandshakeState {
    let secret = blake3::derive_key("cape link 2 pre-shared key of noise", key.as_bytes());
    let prologue = hello.prologue();
    let built = snow::Builder::new(NOISE.clone())
        .psk(0, &secret)
        .and_then(|builder| builder.prologue(&prologue))
        .and_then(|builder| match role {
            Role::Opener => builder.build_initiator(),
            Role::Acceptor => builder.build_responder(),
        });
    built.expect("the pattern needs what it was given and nothing else")
}

/// Noise's next message.
fn speak(noise: &mut snow::HandshakeState) -> Vec<u8> {
    let mut tail = vec![0; TAIL];
    let length = noise
        .write_message(&[], &mut tail)
        .expect("it is this end's turn, and the message has room");
    debug_assert_eq!(length, TAIL);
    tail
}

impl Handshake {
    /// Begins as the one who opened the connection, to reach `wanted`; the bytes are the hello to send. `nonce` must be
    /// fresh.
    pub(crate) fn open(identity: &Identity, wanted: Peer, nonce: Nonce) -> (Self, Vec<u8>) {
        let mut handshake = Self::new(Role::Opener, identity, wanted, nonce);
        let mut hello = Part {
            mode: identity.mode(),
            from: identity.me,
            to: wanted,
            nonce,
            tail: Vec::new(),
        };
        if identity.secure {
            let mut noise = noise(&identity.key, Role::Opener, &hello);
            hello.tail = speak(&mut noise);
            handshake.noise = Some(noise);
        }
        let bytes = hello.encode(proof(&identity.key, HELLO, &[&hello]).into());
        handshake.hello = Some(hello);
        (handshake, bytes)
    }

    /// Begins as the one who accepted the connection. `nonce` must be fresh.
    pub(crate) fn accept(identity: &Identity, nonce: Nonce) -> Self {
        Self::new(Role::Acceptor, identity, identity.me, nonce)
    }

    fn new(role: Role, identity: &Identity, wanted: Peer, nonce: Nonce) -> Self {
        Self {
            role,
            identity: identity.clone(),
            wanted,
            hello: None,
            nonce,
            noise: None,
            awaited: None,
            buffer: [0; MESSAGE + TAIL],
            have: 0,
        }
    }

    /// The nonce of the hello that was accepted, which must not be one of the past.
    pub(crate) fn hello_nonce(&self) -> Option<Nonce> {
        self.hello.as_ref().map(|hello| hello.nonce)
    }

    /// How many bytes the current message lacks; at least one.
    pub(crate) fn missing(&self) -> usize {
        self.length() - self.have
    }

    /// Bytes of the current message, as far as is known.
    fn length(&self) -> usize {
        let is_answer = self.awaited.is_some();
        if self.have >= MESSAGE
            && !is_answer
            && u16::from_le_bytes(field(&self.buffer, 6)) & SECURE != 0
        {
            MESSAGE + TAIL
        } else {
            MESSAGE
        }
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
        let version = u16::from_le_bytes(field(&self.buffer, 4));
        if version != VERSION {
            return self.other_version(version);
        }
        if u16::from_le_bytes(field(&self.buffer, 6)) & !SECURE != 0 {
            return Err(Refusal::Magic);
        }
        if end < self.length() {
            return Ok(None);
        }
        let message = Message::decode(&self.buffer[..end]);
        self.have = 0;
        match self.role {
            Role::Opener => self.challenged(&message),
            Role::Acceptor if self.awaited.is_none() => self.greeted(message),
            Role::Acceptor => self.answered(&message),
        }
        .map(Some)
    }

    /// Tells an opener of another version why it is refused; the header is the same in all versions.
    fn other_version(&self, version: u16) -> Result<Option<Step>, Refusal> {
        let refusal = Refusal::Version(version);
        if self.role == Role::Opener || self.awaited.is_some() {
            return Err(refusal);
        }
        let mut header = vec![0; MESSAGE];
        header[..4].copy_from_slice(&MAGIC);
        header[4..6].copy_from_slice(&VERSION.to_le_bytes());
        Ok(Some(Step::Refuse(header, refusal)))
    }

    fn challenged(&mut self, message: &Message) -> Result<Step, Refusal> {
        let hello = self.hello.as_ref().expect("an opener begins with a hello");
        let theirs = &message.part;
        if theirs.to != self.identity.me {
            return Err(Refusal::Identity);
        }
        let parts = [hello, theirs];
        if proof(&self.identity.key, ACCEPTOR, &parts) != message.proof {
            return Err(Refusal::Proof);
        }
        if theirs.from != self.wanted {
            return Err(Refusal::Identity);
        }
        if theirs.mode != hello.mode {
            return Err(Refusal::Encryption {
                theirs: theirs.mode & SECURE != 0,
            });
        }
        let cipher = self.listen_to(&theirs.tail)?;
        let hello = self.hello.as_ref().expect("checked above");
        let answer = proof(&self.identity.key, OPENER, &[hello, theirs]);
        let last = Part {
            tail: Vec::new(),
            ..hello.clone()
        };
        Ok(Step::Done {
            peer: self.wanted,
            last: Some(last.encode(answer.into())),
            cipher,
        })
    }

    /// Noise's message from the other end; the keys, if it was the last message.
    fn listen_to(&mut self, tail: &[u8]) -> Result<Option<Cipher>, Refusal> {
        let Some(mut noise) = self.noise.take() else {
            return Ok(None);
        };
        noise
            .read_message(tail, &mut [])
            .map_err(|_| Refusal::Proof)?;
        if !noise.is_handshake_finished() {
            self.noise = Some(noise);
            return Ok(None);
        }
        Ok(Some(keys(noise)))
    }

    fn greeted(&mut self, message: Message) -> Result<Step, Refusal> {
        let hello = message.part;
        if hello.from == self.identity.me
            || proof(&self.identity.key, HELLO, &[&hello]) != message.proof
        {
            return Err(Refusal::Proof);
        }
        let mut mine = Part {
            mode: self.identity.mode(),
            from: self.identity.me,
            to: hello.from,
            nonce: self.nonce,
            tail: Vec::new(),
        };
        let refusal = if hello.to != self.identity.me {
            Some(Refusal::Identity)
        } else if hello.mode != mine.mode {
            Some(Refusal::Encryption {
                theirs: hello.mode & SECURE != 0,
            })
        } else {
            None
        };
        if self.identity.secure && refusal.is_none() {
            self.noise = Some(noise(&self.identity.key, Role::Acceptor, &hello));
            self.listen_to(&hello.tail)?;
        }
        if let Some(noise) = &mut self.noise {
            mine.tail = speak(noise);
        } else if self.identity.secure {
            // Nothing will be sent on this link; the length has to fit the mode.
            mine.tail = vec![0; TAIL];
        }
        let parts = [&hello, &mine];
        let bytes = mine.encode(proof(&self.identity.key, ACCEPTOR, &parts).into());
        self.awaited = Some(proof(&self.identity.key, OPENER, &parts));
        self.hello = Some(hello);
        Ok(match refusal {
            Some(refusal) => Step::Refuse(bytes, refusal),
            None => Step::Reply(bytes),
        })
    }

    fn answered(&mut self, message: &Message) -> Result<Step, Refusal> {
        let hello = self.hello.as_ref().expect("an answer follows a hello");
        let (theirs, claimed) = (&message.part, hello);
        if (theirs.mode, theirs.from, theirs.to, theirs.nonce)
            != (claimed.mode, claimed.from, claimed.to, claimed.nonce)
        {
            return Err(Refusal::Identity);
        }
        if self.awaited != Some(blake3::Hash::from(message.proof)) {
            return Err(Refusal::Proof);
        }
        Ok(Step::Done {
            peer: theirs.from,
            last: None,
            cipher: self.noise.take().map(keys),
        })
    }
}

fn keys(noise: snow::HandshakeState) -> Cipher {
    let state = noise.into_stateless_transport_mode();
    Cipher::new(state.expect("both messages of the pattern were exchanged"))
}

#[cfg(test)]
#[path = "auth/tests.rs"]
mod tests;
