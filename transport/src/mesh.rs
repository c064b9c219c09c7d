//! All links of a node, by token and by peer.

use std::collections::HashMap;
use std::sync::Arc;

use crate::link::{Link, Origin};
use crate::{Address, CloseReason, Peer};

/// Most connections that have not proved anything yet; the oldest gives way to a new one.
pub(crate) const MAX_STRANGERS: usize = 64;

/// What is known of a peer.
#[derive(Debug, Default)]
struct Contact {
    address: Option<Address>,
    /// The link on which frames for it go.
    route: Option<Arc<Link>>,
    links: Vec<Arc<Link>>,
    lost: Option<CloseReason>,
}

/// How to reach a peer.
#[derive(Debug)]
pub(crate) enum Route {
    /// By this link.
    Link(Arc<Link>),
    /// By a link that has yet to be opened, to this address.
    Open(Address),
    /// Not any more.
    Lost(CloseReason),
    /// Nobody knows.
    Unknown,
}

/// The tables. The first lock of a sender, held for a lookup.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    /// Size of the group that a broadcast reaches.
    pub(crate) ranks: u32,
    last_token: u64,
    links: HashMap<u64, Arc<Link>>,
    peers: HashMap<Peer, Contact>,
    /// Links in the handshake, the oldest first.
    pending: Vec<Arc<Link>>,
}

impl Mesh {
    /// A token for the next link. Never 0, which is the listener's.
    pub(crate) fn next_token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    pub(crate) fn introduce(&mut self, peer: Peer, address: Address) {
        let contact = self.peers.entry(peer).or_default();
        contact.address = Some(address);
        contact.lost = None;
    }

    pub(crate) fn route(&self, to: Peer) -> Route {
        let Some(contact) = self.peers.get(&to) else {
            return Route::Unknown;
        };
        if let Some(link) = &contact.route {
            return Route::Link(Arc::clone(link));
        }
        match (&contact.lost, &contact.address) {
            (Some(reason), _) => Route::Lost(reason.clone()),
            (None, Some(address)) => Route::Open(address.clone()),
            (None, None) => Route::Unknown,
        }
    }

    /// Adds a link that this end opens; frames for its peer go there from now on.
    pub(crate) fn add_opened(&mut self, peer: Peer, link: &Arc<Link>) {
        let contact = self.peers.entry(peer).or_default();
        contact.route = Some(Arc::clone(link));
        contact.links.push(Arc::clone(link));
        self.links.insert(link.token, Arc::clone(link));
        self.pending.push(Arc::clone(link));
    }

    /// Adds a stranger's link; returns the one that has to go if there are too many.
    pub(crate) fn add_stranger(&mut self, link: &Arc<Link>) -> Option<Arc<Link>> {
        let is_stranger = |link: &Arc<Link>| matches!(link.origin, Origin::Accepted);
        let strangers = self.pending.iter().filter(|link| is_stranger(link)).count();
        let oldest = (strangers >= MAX_STRANGERS)
            .then(|| self.pending.iter().find(|link| is_stranger(link)).cloned())
            .flatten();
        if let Some(oldest) = &oldest {
            self.forget(oldest);
        }
        self.links.insert(link.token, Arc::clone(link));
        self.pending.push(Arc::clone(link));
        oldest
    }

    /// The handshake of `link` is over: `peer` is at its other end.
    pub(crate) fn authenticated(&mut self, link: &Arc<Link>, peer: Peer) {
        link.set_authenticated(peer);
        self.pending.retain(|other| other.token != link.token);
        if matches!(link.origin, Origin::Accepted) {
            let contact = self.peers.entry(peer).or_default();
            contact.lost = None;
            contact.links.push(Arc::clone(link));
            contact.route.get_or_insert_with(|| Arc::clone(link));
        }
    }

    /// Removes a stranger's link.
    pub(crate) fn forget(&mut self, link: &Arc<Link>) {
        self.links.remove(&link.token);
        self.pending.retain(|other| other.token != link.token);
    }

    /// Notes that `peer` is lost; returns its links, which are no longer in any table.
    pub(crate) fn lose(&mut self, peer: Peer, reason: &CloseReason) -> Vec<Arc<Link>> {
        let contact = self.peers.entry(peer).or_default();
        contact.lost = Some(reason.clone());
        contact.route = None;
        let links = std::mem::take(&mut contact.links);
        for link in &links {
            self.forget(link);
        }
        links
    }

    pub(crate) fn link(&self, token: u64) -> Option<Arc<Link>> {
        self.links.get(&token).cloned()
    }

    pub(crate) fn pending(&self) -> Vec<Arc<Link>> {
        self.pending.clone()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.links.values().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.links.clear();
        self.pending.clear();
        self.peers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Phase;
    use std::time::Instant;

    fn link(mesh: &mut Mesh, origin: Origin) -> Arc<Link> {
        Arc::new(Link::new(
            mesh.next_token(),
            origin,
            Instant::now(),
            None,
            Phase::Closed,
        ))
    }

    #[test]
    fn the_oldest_stranger_gives_way_but_no_link_of_ours() {
        let mut mesh = Mesh::default();
        let address = Address::Unix("x".to_owned());
        let ours = link(&mut mesh, Origin::Opened(Peer::Rank(1), address));
        mesh.add_opened(Peer::Rank(1), &ours);
        let first = link(&mut mesh, Origin::Accepted);
        assert!(mesh.add_stranger(&first).is_none());
        for _ in 1..MAX_STRANGERS {
            let next = link(&mut mesh, Origin::Accepted);
            assert!(mesh.add_stranger(&next).is_none());
        }
        let next = link(&mut mesh, Origin::Accepted);
        assert_eq!(
            mesh.add_stranger(&next).map(|link| link.token),
            Some(first.token)
        );
        assert!(mesh.link(first.token).is_none());
        assert!(mesh.link(ours.token).is_some());
    }

    #[test]
    fn the_first_link_stays_the_route_and_loss_takes_all() {
        let mut mesh = Mesh::default();
        let peer = Peer::Rank(3);
        assert!(matches!(mesh.route(peer), Route::Unknown));
        let (first, second) = (
            link(&mut mesh, Origin::Accepted),
            link(&mut mesh, Origin::Accepted),
        );
        for link in [&first, &second] {
            mesh.add_stranger(link);
            mesh.authenticated(link, peer);
        }
        assert!(mesh.pending().is_empty());
        assert!(matches!(mesh.route(peer), Route::Link(link) if link.token == first.token));
        assert_eq!(mesh.lose(peer, &CloseReason::Ended).len(), 2);
        assert!(matches!(mesh.route(peer), Route::Lost(CloseReason::Ended)));
        assert!(mesh.link(second.token).is_none());
        mesh.introduce(peer, Address::Unix("y".to_owned()));
        assert!(matches!(mesh.route(peer), Route::Open(_)));
    }
}
