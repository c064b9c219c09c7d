//! How an agent learns what it belongs to: from its standard input, which nobody else can read.
//!
//! ```text
//! cape-agent <version of the protocol> <version of caperun> <bytes>\n  then so many bytes of Briefing
//! ```
//!
//! The line stays the same in all versions, so that two that differ can say so.

use std::io::Read;

use super::protocol::{Briefing, VERSION};
use crate::report::Failure;

/// Longest line, and most bytes of a briefing.
const LONGEST: usize = 200;
const MOST: usize = 64 << 10;

const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What an agent is to read.
pub fn encode(briefing: &Briefing) -> Vec<u8> {
    let body = postcard::to_stdvec(briefing).expect("a briefing is plain data");
    let mut bytes = format!("cape-agent {VERSION} {RELEASE} {}\n", body.len()).into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

/// Reads a briefing, and not one byte behind it.
pub fn read(mut input: impl Read) -> Result<Briefing, Failure> {
    let strange = |what: &str| {
        Failure::with_code(
            format!("caperun --agent is started by caperun on another host, not by hand: {what}"),
            2,
        )
    };
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LONGEST {
        match input.read(&mut byte) {
            Ok(1) if byte[0] == b'\n' => break,
            Ok(1) => line.push(byte[0]),
            Ok(_) => return Err(strange("its standard input has ended")),
            Err(error) => return Err(strange(&format!("its standard input: {error}"))),
        }
    }
    let line = String::from_utf8_lossy(&line);
    let words: Vec<&str> = line.split(' ').collect();
    let ["cape-agent", version, release, length] = words[..] else {
        return Err(strange("its standard input holds something else"));
    };
    if version != VERSION.to_string() {
        return Err(Failure::new(format!(
            "caperun is version {RELEASE} (protocol {VERSION}) on this host but {release} (protocol {version}) where the job was started: \
             install the same release on both, or let it be sent with --push"
        )));
    }
    let length = length.parse().ok().filter(|length| *length <= MOST);
    let mut body = vec![0; length.ok_or_else(|| strange("its standard input is damaged"))?];
    input
        .read_exact(&mut body)
        .map_err(|error| strange(&format!("its standard input: {error}")))?;
    postcard::from_bytes(&body).map_err(|error| strange(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn briefing() -> Briefing {
        Briefing {
            key: [7; 32],
            agent: 3,
            parent: None,
            contact: "tcp:127.0.0.1:1".into(),
            host: "a".into(),
            inherits: false,
            elsewhere: true,
            place: Some("a".into()),
            listen: None,
            tcp: false,
            secure: false,
            patience: 8,
            verbose: false,
        }
    }

    #[test]
    fn a_briefing_is_read_and_nothing_behind_it() {
        let mut bytes = encode(&briefing());
        bytes.extend_from_slice(b"rest");
        let mut input = &bytes[..];
        let read = read(&mut input).expect("reads");
        assert_eq!((read.key, read.agent, input), ([7; 32], 3, &b"rest"[..]));
    }

    #[test]
    fn another_version_is_named() {
        let text = format!("cape-agent {} 9.9.9 0\n", VERSION + 1);
        let message = read(text.as_bytes()).err().expect("refused").message;
        assert!(
            message.contains("9.9.9") && message.contains("same release"),
            "{message}"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "\n",
            "hello\n",
            "cape-agent 1 0 99999999\n",
            "cape-agent 1 0 -1\n",
            "cape-agent 1 0 5\nab",
            &"x".repeat(300),
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
