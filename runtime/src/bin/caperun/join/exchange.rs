//! How tasks that another launcher has started tell each other where they listen: put, fence, get.
//!
//! What is put is the text of a [`Card`]: letters and digits only, for some of the protocols below know no quotes.

use std::fmt::Write as _;

use crate::report::Failure;

/// A board on which every task may put texts that every other task can get.
pub trait Exchange {
    /// Puts `value` under `key`; others may see it after the next [`Exchange::fence`] of both.
    fn put(&mut self, key: &str, value: &str) -> Result<(), Failure>;
    /// Waits until all tasks are here.
    fn fence(&mut self) -> Result<(), Failure>;
    /// What was put under `key` by task `rank`.
    fn get(&mut self, rank: u32, key: &str) -> Result<String, Failure>;
    /// Takes leave of the launcher's server: the launcher then takes an exit for a regular one. Only what every task does alike may
    /// come after it.
    fn leave(&mut self) -> Result<(), Failure>;
    /// Instead of [`Exchange::leave`]: the rank that this task starts takes this task's place with the launcher's server.
    fn hand_on(&mut self) -> Result<(), Failure> {
        self.leave()
    }
    /// Everybody has got everything: what is left of it may go.
    fn clear(&mut self) {}
}

/// Where a task listens and, if it is the first, the job's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// As `transport::Contact` prints it.
    pub contact: String,
    /// The job's key; those that follow leave it out.
    pub key: Option<[u8; 32]>,
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let whole = text.len().is_multiple_of(2) && text.is_ascii();
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    whole.then(|| pairs.map(byte).collect()).flatten()
}

impl Card {
    /// As it is put: `h<contact>k<key>`, both in hexadecimal.
    pub fn encode(&self) -> String {
        let key = self.key.as_ref().map(|key| hexadecimal(key));
        format!(
            "h{}k{}",
            hexadecimal(self.contact.as_bytes()),
            key.unwrap_or_default()
        )
    }

    /// What `encode` made; `None`: something else.
    pub fn decode(text: &str) -> Option<Card> {
        let (contact, key) = text.strip_prefix('h')?.split_once('k')?;
        let key = if key.is_empty() {
            None
        } else {
            Some(bytes(key)?.try_into().ok()?)
        };
        Some(Card {
            contact: String::from_utf8(bytes(contact)?).ok()?,
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_survive() {
        for key in [None, Some([0xa5; 32])] {
            let card = Card {
                contact: "host:0123456789abcdef,unix:@cape-12345-0123456789abcdef,tcp:[fe80::1234:5678:9abc:def0%eth0]:47110".into(),
                key,
            };
            let text = card.encode();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(text.len() < 1024);
            assert!(Card::decode(&text) == Some(card));
        }
        for text in ["", "h", "hk00", "habk", "h6k", "hzzk", "x", "h61kéé"] {
            assert!(Card::decode(text).is_none(), "{text}");
        }
    }
}
