//! Who peers are and where they listen.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Longest name of an abstract socket: `sun_path` less the leading zero byte (unix(7)).
const MAX_NAME: usize = 107;

/// A process of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// The control-plane process, `caperun`.
    Coordinator,
    /// A rank; below 2^31.
    Rank(u32),
    /// A sub-coordinator: relays between some of the ranks and the coordinator; below 2^31 - 1.
    Agent(u32),
}

impl Peer {
    /// The number that stands for the coordinator on the wire.
    const COORDINATOR: u32 = u32::MAX;

    /// The bit that tells agents from ranks on the wire.
    const AGENT: u32 = 1 << 31;

    pub(crate) fn to_wire(self) -> u32 {
        match self {
            Self::Coordinator => Self::COORDINATOR,
            Self::Rank(rank) => rank,
            Self::Agent(agent) => Self::AGENT | agent,
        }
    }

    pub(crate) fn from_wire(wire: u32) -> Self {
        match wire {
            Self::COORDINATOR => Self::Coordinator,
            agent if agent & Self::AGENT != 0 => Self::Agent(agent & !Self::AGENT),
            rank => Self::Rank(rank),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator => f.write_str("the coordinator"),
            Self::Rank(rank) => write!(f, "rank {rank}"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
        }
    }
}

/// Where a process listens. Written as `unix:@name` or `tcp:127.0.0.1:4711`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The name of a socket in Linux' abstract namespace, which leaves no file behind.
    Unix(String),
    /// An IP address and a port.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(name) => write!(f, "unix:@{name}"),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// A text is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address; write unix:@name or tcp:127.0.0.1:4711")]
pub struct ParseAddressError(String);

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseAddressError(text.to_owned());
        if let Some(name) = text.strip_prefix("unix:@") {
            let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
            if printable && (1..=MAX_NAME).contains(&name.len()) {
                return Ok(Self::Unix(name.to_owned()));
            }
        } else if let Some(address) = text.strip_prefix("tcp:") {
            return address.parse().map(Self::Tcp).map_err(|_| malformed());
        }
        Err(malformed())
    }
}

/// How to listen. The name or port is chosen when the socket is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On a Unix socket with an abstract, random name.
    Unix,
    /// On a port of this address of this host, which must be one interface's: never all of them (0.0.0.0).
    Tcp(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_printing() {
        for text in ["unix:@cape-1-ab", "tcp:127.0.0.1:4711", "tcp:[::1]:80"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let long = format!("unix:@{}", "x".repeat(MAX_NAME + 1));
        for text in [
            "",
            "unix:@",
            "unix:/tmp/x",
            "unix:@a b",
            "unix:@a\0",
            "tcp:host",
            "tcp:1.2.3.4",
            "x:1",
            &long,
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn peers_survive_the_wire() {
        for peer in [
            Peer::Coordinator,
            Peer::Rank(0),
            Peer::Rank(7),
            Peer::Agent(0),
            Peer::Agent(7),
        ] {
            assert_eq!(Peer::from_wire(peer.to_wire()), peer);
        }
    }
}
