//! Where a peer can be reached: all its addresses, and the host to which the local ones belong.
//!
//! Written as `host:0123456789abcdef,unix:@name,tcp:10.0.0.1:4711`, or as a single address. Abstract Unix sockets do not cross
//! network namespaces (unix(7), network_namespaces(7)), so a host here is one boot of one kernel *and* one network namespace:
//! two containers of a machine are two hosts, and meet over TCP.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use crate::Address;

/// A host: within it, and only there, abstract Unix sockets reach everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostId(u64);

impl HostId {
    /// This host. `None` if the system does not say; then nobody is told, and peers elsewhere use TCP.
    #[must_use]
    pub fn here() -> Option<Self> {
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::metadata("/proc/self/ns/net").ok()?.ino();
        Some(Self::digest(&[&boot, &namespace.to_le_bytes()]))
    }

    /// A host of this name: lets processes of one machine behave as if they were on several.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::digest(&[b"named", name.as_bytes()])
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cape transport host id 1");
        for part in parts {
            hasher.update(part);
        }
        let bytes = hasher.finalize();
        let first = bytes.as_bytes()[..8].try_into();
        Self(u64::from_le_bytes(first.expect("a digest has 32 bytes")))
    }
}

/// How to reach a peer. Compares and prints as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contact {
    host: Option<HostId>,
    addresses: Vec<Address>,
}

impl Contact {
    /// Most addresses of a contact, and ways to listen of a process.
    pub const MAX_ADDRESSES: usize = 16;

    /// All these addresses, of which the Unix ones are for processes on `host`.
    pub(crate) fn new(host: Option<HostId>, addresses: Vec<Address>) -> Self {
        Self { host, addresses }
    }

    /// The addresses, the preferred first.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What a process on `here` should try, in this order. Without a host every address is tried.
    pub(crate) fn reachable_from(&self, here: Option<HostId>) -> Vec<Address> {
        let near = self.host.is_none() || self.host == here;
        let wanted = |address: &&Address| near || matches!(address, Address::Tcp(_));
        self.addresses.iter().filter(wanted).cloned().collect()
    }
}

impl From<Address> for Contact {
    fn from(address: Address) -> Self {
        Self::new(None, vec![address])
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(HostId(host)) = self.host {
            write!(f, "host:{host:016x}")?;
            separator = ",";
        }
        for address in &self.addresses {
            write!(f, "{separator}{address}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// A text is no [`Contact`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` says not where a peer listens; write unix:@name, tcp:127.0.0.1:4711 or both, with a comma between them"
)]
pub struct ParseContactError(String);

impl FromStr for Contact {
    type Err = ParseContactError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseContactError(text.chars().take(200).collect());
        let (host, list) = match text.strip_prefix("host:") {
            None => (None, text),
            Some(rest) => {
                let (host, list) = rest.split_once(',').ok_or_else(malformed)?;
                let digits = host.len() == 16 && host.bytes().all(|b| b.is_ascii_hexdigit());
                let host = u64::from_str_radix(host, 16).ok().filter(|_| digits);
                (Some(HostId(host.ok_or_else(malformed)?)), list)
            }
        };
        let addresses: Result<Vec<Address>, _> = list
            .split(',')
            .take(Self::MAX_ADDRESSES + 1)
            .map(str::parse)
            .collect();
        match addresses {
            Ok(addresses) if addresses.len() <= Self::MAX_ADDRESSES => Ok(Self { host, addresses }),
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "host:00000000000000ff,unix:@a,tcp:10.0.0.1:4711";

    #[test]
    fn contacts_survive_printing() {
        for text in [BOTH, "unix:@a", "tcp:[::1]:80,tcp:10.0.0.1:2"] {
            assert_eq!(text.parse::<Contact>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_contacts_are_refused() {
        let many = ["unix:@a"; Contact::MAX_ADDRESSES + 1].join(",");
        for text in [
            "",
            "host:00000000000000ff",
            "host:00000000000000ff,",
            "host:+0000000000000ff,unix:@a",
            "host:ff,unix:@a",
            "unix:@a,",
            "unix:@a,host:00000000000000ff",
            &many,
        ] {
            assert!(text.parse::<Contact>().is_err(), "{text}");
        }
    }

    #[test]
    fn neighbours_use_unix_and_others_tcp() {
        let contact: Contact = BOTH.parse().unwrap();
        let all = contact.addresses().to_vec();
        assert_eq!(contact.reachable_from(Some(HostId(255))), all);
        assert_eq!(contact.reachable_from(Some(HostId(1))), all[1..]);
        assert_eq!(contact.reachable_from(None), all[1..]);
        let single = Contact::from(all[0].clone());
        assert_eq!(single.reachable_from(None), all[..1]);
    }

    #[test]
    fn this_host_is_known_and_others_differ() {
        let here = HostId::here();
        assert!(here.is_some() && here == HostId::here());
        assert_ne!(here, Some(HostId::named("a")));
        assert_ne!(HostId::named("a"), HostId::named("b"));
    }
}
