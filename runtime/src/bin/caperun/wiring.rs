//! How the processes of a job find one another: who listens where.
//!
//! On one host everybody listens on Unix sockets with abstract names. Where ranks run on several hosts everybody listens on TCP as well,
//! at the address of the interface in use and no other: `caperun` at the one by which it reaches the other hosts, an agent at the one by which it
//! reaches its parent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use nix::net::if_::InterfaceFlags;
use transport::Listen;

use crate::agent::interface_towards;
use crate::cli::{Options, TransportChoice};
use crate::crew::plan::Plan;

/// Any port: what is asked is the way to a host, not to a service.
const ANY_PORT: u16 = 9;

/// How to listen where others reach this host at `interface`, if any do; `tcp`: by TCP only.
pub fn ways(interface: Option<IpAddr>, tcp: bool) -> Vec<Listen> {
    let interface = interface.or(tcp.then_some(Ipv4Addr::LOCALHOST.into()));
    let unix = (!tcp).then_some(Listen::Unix);
    unix.into_iter().chain(interface.map(Listen::Tcp)).collect()
}

/// Where `caperun` listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// Where it listens itself.
    pub listen: Vec<Listen>,
    /// Where its own ranks and agents do; `None`: as if alone on a host.
    pub interface: Option<IpAddr>,
}

impl Wiring {
    /// Decides for a job.
    pub fn decide(options: &Options, plan: &Plan) -> Wiring {
        let tcp = options.transport == TransportChoice::Tcp;
        let interface = plan.spans_hosts().then(|| match options.interface {
            Some(interface) => interface,
            None => towards(plan).unwrap_or_else(first_interface),
        });
        Wiring {
            listen: ways(interface, tcp),
            interface,
        }
    }
}

/// The address by which this host reaches the first of the others whose name means anything here.
fn towards(plan: &Plan) -> Option<IpAddr> {
    let hosts = plan.below.iter().filter(|site| !site.beside);
    hosts
        .take(3)
        .filter_map(|site| {
            let name = site.host.rsplit('@').next().unwrap_or(&site.host);
            let found: Vec<SocketAddr> = (name, ANY_PORT).to_socket_addrs().ok()?.collect();
            found.into_iter().find_map(interface_towards)
        })
        .find(|interface| !interface.is_loopback())
}

/// The first interface that is up and reaches further than this host; the loopback if there is none.
fn first_interface() -> IpAddr {
    let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    let found = nix::ifaddrs::getifaddrs().into_iter().flatten();
    found
        .filter(|one| one.flags.contains(up) && !one.flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .find_map(|one| Some(one.address?.as_sockaddr_in()?.ip().into()))
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}
