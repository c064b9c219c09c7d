//! All links of a node, by token and by peer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::auth::Nonce;
use crate::link::{Link, Origin};
use crate::sys::Source;
use crate::{CloseReason, Contact, Peer};

/// Most connections that have not proved anything yet; above it one of them gives way to a new one.
///
/// An honest opener is a stranger only for as long as its first 80 bytes take to arrive, and tries again if it had to give way,
/// so this need not grow with the job.
pub(crate) const MAX_STRANGERS: usize = 64;

/// Tokens below it are listeners'.
pub(crate) const FIRST_LINK: u64 = 16;

/// What is known of a peer.
#[derive(Debug, Default)]
struct Acquaintance {
    whereabouts: Option<Contact>,
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
    /// By a link that has yet to be opened, to one of these addresses.
    Open(Contact),
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
    peers: HashMap<Peer, Acquaintance>,
    /// Links in the handshake, the oldest first.
    pending: Vec<Arc<Link>>,
    /// Nonces of the hellos that were proven: only peers can add to them, one for each connection they open.
    hellos: HashSet<Nonce>,
}

impl Mesh {
    /// A token for the next link. Never a listener's.
    pub(crate) fn next_token(&mut self) -> u64 {
        self.last_token = (self.last_token + 1).max(FIRST_LINK);
        self.last_token
    }

    pub(crate) fn introduce(&mut self, peer: Peer, whereabouts: Contact) {
        let contact = self.peers.entry(peer).or_default();
        contact.whereabouts = Some(whereabouts);
        contact.lost = None;
    }

    pub(crate) fn route(&self, to: Peer) -> Route {
        let Some(contact) = self.peers.get(&to) else {
            return Route::Unknown;
        };
        if let Some(link) = &contact.route {
            return Route::Link(Arc::clone(link));
        }
        match (&contact.lost, &contact.whereabouts) {
            (Some(reason), _) => Route::Lost(reason.clone()),
            (None, Some(whereabouts)) => Route::Open(whereabouts.clone()),
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

    /// Adds a stranger's link.
    pub(crate) fn add_stranger(&mut self, link: &Arc<Link>) {
        self.links.insert(link.token, Arc::clone(link));
        self.pending.push(Arc::clone(link));
    }

    /// Whether a stranger has to go.
    pub(crate) fn is_overrun(&self) -> bool {
        let strangers = self.pending.iter().filter_map(|link| link.stranger());
        strangers.count() > MAX_STRANGERS
    }

    /// Removes the link of some stranger: one of the source that has most of them, so that a flood pushes out its own, and there
    /// one at random (`lot` is a random number), so that nobody can time its connections to push out another's.
    pub(crate) fn evict(&mut self, lot: u64) -> Option<Arc<Link>> {
        let mut count = HashMap::<Source, usize>::new();
        let strangers = self.pending.iter().filter_map(|link| link.stranger());
        strangers.for_each(|source| *count.entry(source).or_default() += 1);
        let (&busiest, &most) = count.iter().max_by_key(|&(_, count)| count)?;
        let of_busiest = |link: &&Arc<Link>| link.stranger() == Some(busiest);
        let chosen = usize::try_from(lot % most as u64).expect("below a usize");
        let link = self
            .pending
            .iter()
            .filter(of_busiest)
            .nth(chosen)
            .cloned()?;
        self.forget(&link);
        Some(link)
    }

    /// A proven hello has come on `link`, which is no stranger's from now on. `false`: it is a recording.
    pub(crate) fn vouch(&mut self, link: &Link, nonce: Nonce) -> bool {
        let new = self.hellos.insert(nonce);
        if new {
            link.vouch();
        }
        new
    }

    /// The handshake of `link` is over: `peer` is at its other end.
    pub(crate) fn authenticated(&mut self, link: &Arc<Link>, peer: Peer) {
        link.set_authenticated(peer);
        self.pending.retain(|other| other.token != link.token);
        if matches!(link.origin, Origin::Accepted(_)) {
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

    /// The open links with `peer`.
    pub(crate) fn with(&self, peer: Peer) -> &[Arc<Link>] {
        self.peers.get(&peer).map_or(&[], |contact| &contact.links)
    }

    pub(crate) fn link(&self, token: u64) -> Option<Arc<Link>> {
        self.links.get(&token).cloned()
    }

    pub(crate) fn pending(&self) -> Vec<Arc<Link>> {
        self.pending.clone()
    }

    /// The links on which the handshake is over.
    pub(crate) fn established(&self) -> Vec<Arc<Link>> {
        let is_pending = |link: &Link| self.pending.iter().any(|other| other.token == link.token);
        let open = self.links.values().filter(|link| !is_pending(link));
        open.cloned().collect()
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
    use crate::Address;
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

    fn accepted(source: i32) -> Origin {
        Origin::Accepted(Source::Process(source))
    }

    #[test]
    fn strangers_of_the_busiest_source_give_way_but_no_link_of_ours() {
        let mut mesh = Mesh::default();
        let contact = vec![Address::Unix("x".to_owned())];
        let ours = link(&mut mesh, Origin::Opened(Peer::Rank(1), contact));
        mesh.add_opened(Peer::Rank(1), &ours);
        let known = link(&mut mesh, accepted(7));
        mesh.add_stranger(&known);
        assert!(mesh.vouch(&known, [1; 32]));
        let single = link(&mut mesh, accepted(1));
        mesh.add_stranger(&single);
        for _ in 1..MAX_STRANGERS {
            let next = link(&mut mesh, accepted(7));
            mesh.add_stranger(&next);
            assert!(!mesh.is_overrun());
        }
        let next = link(&mut mesh, accepted(7));
        mesh.add_stranger(&next);
        assert!(mesh.is_overrun());
        for lot in 1..MAX_STRANGERS as u64 {
            let evicted = mesh.evict(lot * 7919).unwrap();
            assert_eq!(evicted.stranger(), Some(Source::Process(7)));
            assert!(mesh.link(evicted.token).is_none());
        }
        // One of each source is left.
        assert!(mesh.link(single.token).is_some());
        assert!(mesh.evict(5).is_some() && mesh.evict(0).is_some());
        assert!(mesh.evict(0).is_none());
        assert!(mesh.link(ours.token).is_some() && mesh.link(known.token).is_some());
    }

    #[test]
    fn a_hello_counts_once() {
        let mut mesh = Mesh::default();
        let (first, second) = (link(&mut mesh, accepted(1)), link(&mut mesh, accepted(1)));
        assert!(mesh.vouch(&first, [1; 32]));
        assert!(!mesh.vouch(&second, [1; 32]));
        assert!(first.stranger().is_none() && second.stranger().is_some());
        assert!(mesh.vouch(&second, [2; 32]));
    }

    #[test]
    fn the_first_link_stays_the_route_and_loss_takes_all() {
        let mut mesh = Mesh::default();
        let peer = Peer::Rank(3);
        assert!(matches!(mesh.route(peer), Route::Unknown));
        let (first, second) = (link(&mut mesh, accepted(1)), link(&mut mesh, accepted(1)));
        for link in [&first, &second] {
            mesh.add_stranger(link);
            mesh.authenticated(link, peer);
        }
        assert!(mesh.pending().is_empty());
        assert!(matches!(mesh.route(peer), Route::Link(link) if link.token == first.token));
        assert_eq!(mesh.lose(peer, &CloseReason::Ended).len(), 2);
        assert!(matches!(mesh.route(peer), Route::Lost(CloseReason::Ended)));
        assert!(mesh.link(second.token).is_none());
        mesh.introduce(peer, Address::Unix("y".to_owned()).into());
        assert!(matches!(mesh.route(peer), Route::Open(_)));
    }
}
