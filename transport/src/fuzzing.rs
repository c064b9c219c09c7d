//! Entrances for the fuzz targets (`cargo fuzz`), which see only what is public. Compiled for them alone.

use std::str::FromStr;

use crate::auth::{Handshake, Identity, Step};
use crate::frame::{Decoder, HEADER, Header};
use crate::{Contact, JobKey, Peer};

/// A stream of bytes, cut as its first byte says, with the magic and checksum of every 32nd byte's header made right if it is odd.
pub fn frames(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let mut stream = data.to_vec();
    if first & 1 == 1 {
        for header in stream.chunks_exact_mut(HEADER) {
            header[..4].copy_from_slice(b"CAPf");
            let checksum = crc32fast::hash(&header[..28]);
            header[28..].copy_from_slice(&checksum.to_le_bytes());
        }
    }
    let piece = usize::from(first / 2) + 1;
    let (mut decoder, mut again) = (Decoder::default(), Vec::new());
    for bytes in stream.chunks(piece) {
        let result = decoder.push(bytes, &mut |header: Header, payload| {
            assert_eq!(header.length as usize, payload.len());
            again.extend_from_slice(&header.encode());
            again.extend_from_slice(&payload);
            Ok(())
        });
        if result.is_err() {
            break;
        }
    }
    assert!(stream.starts_with(&again));
}

/// The text of a contact.
pub fn contact(data: &[u8]) {
    if let Ok(contact) = Contact::from_str(&String::from_utf8_lossy(data)) {
        assert_eq!(contact.to_string().parse(), Ok(contact));
    }
}

/// Three messages of a handshake, all changed by the input; none but an unchanged conversation completes.
pub fn handshake(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let identity = |me| Identity {
        key: JobKey::from_bytes([1; 32]),
        me,
        secure: first & 1 == 1,
    };
    let (mut opener, hello) = Handshake::open(&identity(Peer::Rank(0)), Peer::Rank(1), [2; 32]);
    let mut acceptor = Handshake::accept(&identity(Peer::Rank(1)), [3; 32]);
    let piece = usize::from(first / 2) + 1;
    let mut changes = data.iter().copied().chain(std::iter::repeat(0));
    let mut changed = false;
    let mut give = |end: &mut Handshake, message: &[u8]| {
        let message: Vec<u8> = message
            .iter()
            .zip(changes.by_ref())
            .map(|(byte, change)| {
                changed |= change != 0;
                byte ^ change
            })
            .collect();
        let mut rest = &message[..];
        while !rest.is_empty() {
            let now = rest.len().min(end.missing()).min(piece);
            match end.take(&rest[..now]) {
                Ok(None) => rest = &rest[now..],
                Ok(Some(Step::Reply(reply))) => return Some((reply, changed)),
                Ok(Some(Step::Done { last, .. })) => {
                    return Some((last.unwrap_or_default(), changed));
                }
                Ok(Some(Step::Refuse(..))) | Err(_) => return None,
            }
        }
        None
    };
    let reply = give(&mut acceptor, &hello);
    let answer = reply.and_then(|(reply, changed)| {
        assert!(!changed, "a changed hello was answered");
        give(&mut opener, &reply)
    });
    if let Some((answer, changed)) = answer {
        assert!(!changed, "a changed challenge was answered");
        let done = give(&mut acceptor, &answer);
        assert!(done.is_none_or(|(_, changed)| !changed));
    }
}

/// Records that are sealed and changed on the way: whatever opens is what was sealed.
pub fn records(data: &[u8]) {
    let (sealing, opening) = crate::cipher::pair();
    let (mut sealer, mut opener) = (sealing.sealer(), opening.opener());
    let (plain, changes) = data.split_at(data.len() / 2);
    let mut stream = Vec::new();
    for part in plain.chunks(40) {
        let mut rest = part;
        while !rest.is_empty() {
            rest = &rest[sealer.take(rest, &mut stream)..];
        }
        sealer.finish(&mut stream);
    }
    stream
        .iter_mut()
        .zip(changes)
        .for_each(|(byte, change)| *byte ^= change);
    let mut opened = Vec::new();
    for bytes in stream.chunks(97) {
        opener.room()[..bytes.len()].copy_from_slice(bytes);
        opener.received(bytes.len());
        loop {
            match opener.next_length() {
                Ok(Some(length)) => {
                    let start = opened.len();
                    opened.resize(start + length, 0);
                    if opener.open(&mut opened[start..]).is_err() {
                        opened.truncate(start);
                        assert!(plain.starts_with(&opened));
                        return;
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    assert!(plain.starts_with(&opened));
}
