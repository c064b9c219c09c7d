//! Tests of the handshake: what two ends say to one another, and what nobody else can say.

use super::*;
use proptest::prelude::*;

const A: Peer = Peer::Rank(0);
const B: Peer = Peer::Rank(1);

fn identity(key: u8, me: Peer, secure: bool) -> Identity {
    Identity {
        key: JobKey::from_bytes([key; 32]),
        me,
        secure,
    }
}

fn opened_as(secure: bool) -> (Handshake, Vec<u8>) {
    Handshake::open(&identity(1, A, secure), B, [2; 32])
}

fn opened() -> (Handshake, Vec<u8>) {
    opened_as(false)
}

fn accepting_as(nonce: u8, secure: bool) -> Handshake {
    Handshake::accept(&identity(1, B, secure), [nonce; 32])
}

fn accepting(nonce: u8) -> Handshake {
    accepting_as(nonce, false)
}

/// Gives all of it, in pieces as the link would.
fn take(end: &mut Handshake, mut bytes: &[u8]) -> Result<Option<Step>, Refusal> {
    loop {
        let now = end.missing().min(bytes.len());
        let step = end.take(&bytes[..now])?;
        bytes = &bytes[now..];
        if step.is_some() || bytes.is_empty() {
            assert!(bytes.is_empty());
            return Ok(step);
        }
    }
}

fn reply(step: Result<Option<Step>, Refusal>) -> Vec<u8> {
    match step.unwrap().unwrap() {
        Step::Reply(bytes) => bytes,
        Step::Done { last, .. } => last.unwrap(),
        step => panic!("{step:?}"),
    }
}

fn refused(step: Result<Option<Step>, Refusal>) -> (Vec<u8>, Refusal) {
    match step.unwrap().unwrap() {
        Step::Refuse(bytes, refusal) => (bytes, refusal),
        step => panic!("{step:?}"),
    }
}

#[test]
fn two_holders_of_the_key_meet() {
    for secure in [false, true] {
        let (mut opener, hello) = opened_as(secure);
        let mut acceptor = accepting_as(3, secure);
        let challenge = reply(take(&mut acceptor, &hello));
        let done = take(&mut opener, &challenge).unwrap().unwrap();
        let Step::Done {
            peer: B,
            last: Some(answer),
            cipher: at_opener,
        } = done
        else {
            panic!("{done:?}")
        };
        let done = take(&mut acceptor, &answer).unwrap().unwrap();
        let Step::Done {
            peer: A,
            last: None,
            cipher: at_acceptor,
        } = done
        else {
            panic!("{done:?}")
        };
        assert!(at_opener.is_some() == secure && at_acceptor.is_some() == secure);
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    for secure in [false, true] {
        let (_, hello) = opened_as(secure);
        let mut acceptor = accepting_as(3, secure);
        let (last, rest) = hello.split_last().unwrap();
        for byte in rest {
            assert!(acceptor.missing() >= 1);
            assert!(acceptor.take(&[*byte]).unwrap().is_none());
        }
        assert_eq!(acceptor.missing(), 1);
        assert!(matches!(acceptor.take(&[*last]), Ok(Some(Step::Reply(_)))));
    }
}

#[test]
fn another_key_is_refused_by_its_first_message() {
    for secure in [false, true] {
        let (_, hello) = Handshake::open(&identity(9, A, secure), B, [2; 32]);
        let refusal = take(&mut accepting_as(3, secure), &hello).unwrap_err();
        assert_eq!(refusal, Refusal::Proof);

        // Who answers without the key cannot know the proof.
        let (mut opener, hello) = opened_as(secure);
        let challenge = reply(take(&mut accepting_as(3, secure), &hello));
        for at in 48..challenge.len() {
            let mut forged = challenge.clone();
            forged[at] ^= 1;
            let (mut opener, _) = (opened_as(secure), ());
            assert!(take(&mut opener.0, &forged).is_err());
        }
        if !secure {
            assert!(take(&mut opener, &challenge).is_ok());
        }
    }
}

#[test]
fn a_replay_is_refused() {
    for secure in [false, true] {
        let (mut opener, hello) = opened_as(secure);
        let challenge = reply(take(&mut accepting_as(3, secure), &hello));
        let answer = reply(take(&mut opener, &challenge));
        // The same messages to the same peer later: it has another nonce.
        let mut later = accepting_as(4, secure);
        assert_ne!(reply(take(&mut later, &hello)), challenge);
        assert_eq!(later.hello_nonce(), Some([2; 32]));
        assert_eq!(take(&mut later, &answer).unwrap_err(), Refusal::Proof);
        // A recorded challenge to a later opener.
        let (mut again, _) = Handshake::open(&identity(1, A, secure), B, [5; 32]);
        assert_eq!(take(&mut again, &challenge).unwrap_err(), Refusal::Proof);
    }
}

#[test]
fn a_reflection_is_refused() {
    let (mut opener, hello) = opened();
    assert_eq!(take(&mut opener, &hello).unwrap_err(), Refusal::Identity);
    let mut acceptor = accepting(3);
    let challenge = reply(take(&mut acceptor, &hello));
    assert_eq!(
        take(&mut acceptor, &challenge).unwrap_err(),
        Refusal::Identity
    );
    // With the ids turned round, the acceptor's own proof still is not the opener's.
    let mut turned = Message::decode(&challenge);
    (turned.part.from, turned.part.to, turned.part.nonce) = (A, B, [2; 32]);
    let turned = turned.part.encode(turned.proof);
    let mut acceptor = accepting(3);
    reply(take(&mut acceptor, &hello));
    assert_eq!(take(&mut acceptor, &turned).unwrap_err(), Refusal::Proof);
    // An end does not greet itself.
    let mut mirror = Handshake::accept(&identity(1, A, false), [3; 32]);
    assert_eq!(take(&mut mirror, &hello).unwrap_err(), Refusal::Proof);
}

#[test]
fn a_peer_for_somebody_else_is_told_so() {
    for secure in [false, true] {
        let (mut opener, hello) = Handshake::open(&identity(1, A, secure), Peer::Rank(7), [2; 32]);
        let (answer, refusal) = refused(take(&mut accepting_as(3, secure), &hello));
        assert_eq!(refusal, Refusal::Identity);
        assert_eq!(take(&mut opener, &answer).unwrap_err(), Refusal::Identity);
    }
}

#[test]
fn ends_that_disagree_on_encryption_both_learn_it() {
    for secure in [false, true] {
        let (mut opener, hello) = opened_as(secure);
        let (answer, refusal) = refused(take(&mut accepting_as(3, !secure), &hello));
        assert_eq!(refusal, Refusal::Encryption { theirs: secure });
        let refusal = take(&mut opener, &answer).unwrap_err();
        assert_eq!(refusal, Refusal::Encryption { theirs: !secure });
        assert!(refusal.to_string().contains("--secure"), "{refusal}");
    }
}

#[test]
fn other_versions_are_named_at_both_ends() {
    let (mut opener, mut hello) = opened();
    hello[4] = 9;
    let (mut answer, refusal) = refused(take(&mut accepting(3), &hello));
    assert_eq!(refusal, Refusal::Version(9));
    assert_eq!(answer.len(), MESSAGE);
    answer[4] = 9;
    assert_eq!(take(&mut opener, &answer).unwrap_err(), Refusal::Version(9));
}

proptest! {
    #[test]
    fn random_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 1..400), piece in 1usize..MESSAGE, valid in 0usize..48) {
        for secure in [false, true] {
            let (opener, hello) = opened_as(secure);
            for mut end in [opener, accepting_as(3, secure)] {
                let bytes = [&hello[..valid], &bytes].concat();
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let now = rest.len().min(end.missing()).min(piece);
                    match end.take(&rest[..now]) {
                        Ok(Some(Step::Refuse(..))) | Err(_) => break,
                        Ok(step) => prop_assert!(step.is_none()),
                    }
                    rest = &rest[now..];
                }
            }
        }
    }

    #[test]
    fn a_changed_message_never_completes(secure in any::<bool>(), which in 0usize..3, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (mut opener, mut hello) = opened_as(secure);
        let mut acceptor = accepting_as(3, secure);
        let flip = |bytes: &mut [u8], me: usize| if me == which { bytes[at.index(bytes.len())] ^= 1 << bit };
        flip(&mut hello, 0);
        let give = |end: &mut Handshake, mut bytes: &[u8]| loop {
            let now = end.missing().min(bytes.len());
            let step = end.take(&bytes[..now]);
            bytes = &bytes[now..];
            if bytes.is_empty() || !matches!(step, Ok(None)) { return step }
        };
        let Ok(Some(Step::Reply(mut challenge))) = give(&mut acceptor, &hello) else { return Ok(()) };
        flip(&mut challenge, 1);
        let Ok(Some(Step::Done { last: Some(mut answer), .. })) = give(&mut opener, &challenge) else { return Ok(()) };
        flip(&mut answer, 2);
        let end = give(&mut acceptor, &answer);
        prop_assert!(!matches!(end, Ok(Some(_))), "{:?}", end);
    }
}
