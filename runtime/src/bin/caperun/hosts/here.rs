//! Whether a host is this machine: its ranks then need no agent.

use std::net::IpAddr;

use super::Host;

/// What this machine is called and where it is reached.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// `gethostname`, and what a batch system calls it.
    pub names: Vec<String>,
    /// Addresses of its interfaces.
    pub addresses: Vec<IpAddr>,
    /// The account that `caperun` runs under, if it has a name.
    pub user: Option<String>,
}

impl Here {
    /// Asks the system; `node` is what a batch system calls this machine.
    pub fn now(node: Option<&str>) -> Here {
        let name = nix::unistd::gethostname().unwrap_or_default();
        let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
        let addresses = interfaces
            .filter_map(|interface| interface.address)
            .filter_map(|address| {
                let four = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
                four.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
            })
            .collect();
        let user = nix::unistd::User::from_uid(nix::unistd::getuid())
            .ok()
            .flatten();
        Here {
            names: [Some(&*name.to_string_lossy()), node]
                .into_iter()
                .flatten()
                .map(str::to_ascii_lowercase)
                .collect(),
            addresses,
            user: user.map(|user| user.name),
        }
    }

    /// Whether `host` is this machine under this account. Names are compared, not looked up: a name that is only another word
    /// for this machine costs an agent, no more.
    pub fn is(&self, host: &Host) -> bool {
        if host.user.is_some() && host.user != self.user {
            return false;
        }
        if let Ok(address) = host.name.parse::<IpAddr>() {
            return address.is_loopback() || self.addresses.contains(&address);
        }
        let name = host.name.to_ascii_lowercase();
        name == "localhost" || self.names.iter().any(|own| same(&name, own))
    }
}

/// Whether two names in lower case are the same, where one may lack its domain.
fn same(one: &str, other: &str) -> bool {
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let one_is_short = !one.contains('.') || !other.contains('.');
    one == other || (one_is_short && !one.is_empty() && first(one) == first(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names() {
        let here = Here {
            names: vec!["n1.site.org".into(), "virtual3".into()],
            addresses: vec!["10.0.0.1".parse().expect("an address")],
            user: Some("me".into()),
        };
        for (name, user, expected) in [
            ("localhost", None, true),
            ("n1", None, true),
            ("N1.site.org", None, true),
            ("n1.other.org", None, false),
            ("n2", None, false),
            ("Virtual3", None, true),
            ("10.0.0.1", None, true),
            ("10.0.0.2", None, false),
            ("::1", None, true),
            ("n1", Some("me"), true),
            ("n1", Some("you"), false),
        ] {
            let host = Host {
                user: user.map(str::to_owned),
                ..Host::new(name, 1)
            };
            assert_eq!(here.is(&host), expected, "{name} {user:?}");
        }
        assert!(Here::now(None).is(&Host::new("127.0.0.1", 1)));
    }
}
