//! Jobs of tens of thousands of ranks, without processes: how much each process sends, receives and is linked with.
//!
//! The tree of agents is the one that [`Plan`] makes, the requests are served by a real [`Service`], messages between agents are encoded as they
//! are on the wire, and ranks gather and broadcast along the runtime's own trees. What is simulated is time: everybody acts in
//! rounds, takes all that has arrived, and passes it on in one message for each link, as the event loops of agents do in one turn (and as they do, in
//! further messages where it is more than [`BATCH`]). Bytes are another matter: every rank is told where all others are, so that they grow with
//! the number of ranks. Turns that find less than a round make more messages of the same bytes.

use std::collections::{BTreeSet, HashSet};

use crate::agent::protocol::{Down, End, News, Order, Presence, Site, Target, Up};
use crate::control::{Reply, Request};
use crate::crew::plan::{OWN, Placed, Plan};
use crate::gather;
use crate::service::membership::tests::member;
use crate::service::{Progress, Replies, Service};

/// As agents have it.
const BATCH: usize = 1 << 20;
/// Bytes of an arrival in which nothing was written, about.
const ARRIVAL: usize = 48;
/// Bytes of an order in which nothing was written, about.
const ORDER: usize = 160;

/// What one process has to do.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    sent: usize,
    received: usize,
    bytes: usize,
    links: usize,
}

/// `caperun`, then agents, then ranks, as indices.
struct Job {
    ranks: u32,
    sites: Vec<Site>,
    /// Index of the process above each agent.
    above: Vec<usize>,
    /// Ranks of `caperun` itself.
    here: Vec<u32>,
    load: Vec<Load>,
    links: HashSet<(usize, usize)>,
    service: Service,
}

const ROOT: usize = 0;

impl Job {
    fn new(ranks: u32, per_host: u32) -> Job {
        let hosts = (0..ranks / per_host).map(|host| Placed {
            host: format!("node{host}"),
            here: host == 0,
            ranks: (host * per_host..(host + 1) * per_host).collect(),
        });
        let plan = Plan::with(&hosts.collect::<Vec<_>>(), OWN);
        let (mut sites, mut above) = (Vec::new(), Vec::new());
        let mut open: Vec<(usize, Site)> =
            plan.below.iter().map(|site| (ROOT, site.clone())).collect();
        while let Some((parent, site)) = open.pop() {
            let me = 1 + sites.len();
            open.extend(site.below.iter().map(|below| (me, below.clone())));
            above.push(parent);
            sites.push(site);
        }
        Job {
            ranks,
            load: vec![Load::default(); 1 + sites.len() + ranks as usize],
            links: HashSet::new(),
            here: plan.here,
            service: Service::new(ranks),
            sites,
            above,
        }
    }

    fn rank(&self, rank: u32) -> usize {
        1 + self.sites.len() + rank as usize
    }

    fn message(&mut self, from: usize, to: usize, bytes: usize) {
        self.load[from].sent += 1;
        self.load[to].received += 1;
        self.load[from].bytes += bytes;
        self.load[to].bytes += bytes;
        if self.links.insert((from.min(to), from.max(to))) {
            self.load[from].links += 1;
            self.load[to].links += 1;
        }
    }

    /// Each agent has news; they reach `caperun` round by round. Returned in the order of their arrival.
    fn up(&mut self, mut outboxes: Vec<Vec<News>>) -> Vec<News> {
        let mut arrived = Vec::new();
        while outboxes.iter().any(|news| !news.is_empty()) {
            let mut next = vec![Vec::new(); outboxes.len()];
            for (agent, news) in outboxes.into_iter().enumerate() {
                if news.is_empty() {
                    continue;
                }
                let message = Up::News(news);
                let mut bytes = encoded(&message);
                let (me, parent) = (1 + agent, self.above[agent]);
                while bytes > BATCH {
                    self.message(me, parent, BATCH);
                    bytes -= BATCH;
                }
                self.message(me, parent, bytes);
                let Up::News(news) = message else {
                    unreachable!("just made")
                };
                match parent {
                    ROOT => arrived.extend(news),
                    agent => next[agent - 1].extend(news),
                }
            }
            outboxes = next;
        }
        arrived
    }

    /// An order travels to all ranks that it is for, once on each link.
    fn down(&mut self, order: &Order) {
        for agent in 0..self.sites.len() {
            let parent = self.above[agent];
            let part = part_for(order, &self.sites[agent]);
            if let Some(part) = part {
                self.message(parent, 1 + agent, encoded(&Down::Orders(vec![part])));
            }
        }
        let Order::Reply { to, payload } = order else {
            return;
        };
        for (coordinator, ranks) in self.own_ranks() {
            for rank in ranks.into_iter().filter(|rank| to.includes(*rank)) {
                self.message(coordinator, self.rank(rank), payload.len());
            }
        }
    }

    /// Who looks after which ranks.
    fn own_ranks(&self) -> Vec<(usize, Vec<u32>)> {
        let agents = (1..).zip(self.sites.iter().map(|site| site.ranks.clone()));
        std::iter::once((ROOT, self.here.clone()))
            .chain(agents)
            .collect()
    }

    /// Each rank makes a request; they are served. Answers, and whether the job is complete.
    fn ask(&mut self, request: impl Fn(u32) -> Option<Request>) -> (Replies, bool) {
        let mut outboxes = vec![Vec::new(); self.sites.len()];
        let mut direct = Vec::new();
        for (coordinator, ranks) in self.own_ranks() {
            for rank in ranks {
                let Some(request) = request(rank) else {
                    continue;
                };
                let payload = postcard::to_stdvec(&request).expect("encodes");
                self.message(self.rank(rank), coordinator, payload.len());
                let news = News::Request { rank, payload };
                match coordinator {
                    ROOT => direct.push(news),
                    agent => outboxes[agent - 1].push(news),
                }
            }
        }
        direct.extend(self.up(outboxes));
        let (mut replies, mut complete) = (Replies::new(), false);
        for news in direct {
            let News::Request { rank, payload } = news else {
                unreachable!("only requests were made")
            };
            let request = postcard::from_bytes(&payload).expect("decodes");
            let progress = self.service.handle(rank, request, &mut replies);
            complete |= progress.expect("served") == Progress::Complete;
        }
        (replies, complete)
    }

    fn launch(&mut self) {
        // Level by level: an agent reports, and is told what is below it.
        let depth = |mut agent: usize, above: &[usize]| {
            std::iter::from_fn(|| {
                let parent = above[agent];
                agent = parent.checked_sub(1)?;
                Some(())
            })
            .count()
        };
        let depths: Vec<usize> = (0..self.sites.len())
            .map(|agent| depth(agent, &self.above))
            .collect();
        for level in 0..=depths.iter().copied().max().unwrap_or(0) {
            let mut outboxes = vec![Vec::new(); self.sites.len()];
            for agent in (0..self.sites.len()).filter(|agent| depths[*agent] == level) {
                outboxes[agent].push(News::Present(Presence {
                    agent: self.sites[agent].agent,
                    pid: 4_000_000,
                    address_space: None,
                    physical: 1 << 40,
                    processors: 64,
                }));
                let recruit = Down::Recruit(self.sites[agent].clone(), Default::default());
                self.message(self.above[agent], 1 + agent, encoded(&recruit));
            }
            self.up(outboxes);
        }
    }

    fn join(&mut self) {
        let (replies, complete) = self.ask(|rank| {
            let member = member(rank);
            Some(Request::Hello {
                pid: member.pid,
                address: format!("unix:@cape-{:07}-0123456789abcdef,tcp:10.1.2.3:45678", rank),
                tracker: "wp-async".into(),
                identity: member.identity,
            })
        });
        assert!(complete && replies.is_empty());
        let payload = postcard::to_stdvec(&self.service.greeting()).expect("encodes");
        self.down(&Order::Reply {
            to: Target::All,
            payload,
        });
        self.gather(0);
    }

    /// All ranks report to the driver along the tree.
    fn gather(&mut self, bytes: usize) {
        for rank in 1..self.ranks {
            let parent = gather::parent(rank).expect("not the driver");
            let below = if bytes == 0 {
                1
            } else {
                gather::subtree(rank, self.ranks).count()
            };
            self.message(self.rank(rank), self.rank(parent), bytes * below);
        }
    }

    /// The driver tells all.
    fn broadcast(&mut self) {
        for rank in 0..self.ranks {
            for child in transport::tree::children(rank, 0, self.ranks) {
                self.message(self.rank(rank), self.rank(child), ORDER);
            }
        }
    }

    fn region_with_a_barrier(&mut self) {
        self.broadcast();
        self.gather(ARRIVAL);
        self.broadcast();
        self.gather(ARRIVAL);
    }

    fn end(&mut self) {
        let (replies, _) = self.ask(|rank| (rank == 0).then_some(Request::Finalize));
        let told: BTreeSet<u32> = replies
            .iter()
            .filter(|(_, reply)| *reply == Reply::Shutdown)
            .map(|(rank, _)| *rank)
            .collect();
        assert_eq!(told.len() + 1, self.ranks as usize);
        let payload = postcard::to_stdvec(&Reply::Shutdown).expect("encodes");
        self.down(&Order::Reply {
            to: Target::Some(told),
            payload,
        });
        let ends = self.sites.iter().map(|site| {
            let ranks = site.ranks.iter();
            let end = |rank: &u32| {
                News::Ended(End {
                    rank: *rank,
                    pid: 4_000_000,
                    status: 0,
                    dismissed: false,
                    region: None,
                })
            };
            ranks.map(end).collect()
        });
        let ends = ends.collect();
        let heard = self.up(ends).len() + self.here.len();
        assert_eq!(heard, self.ranks as usize);
    }

    /// The most that any process of a kind has of everything.
    fn most(&self, processes: std::ops::Range<usize>) -> Load {
        self.load[processes]
            .iter()
            .fold(Load::default(), |most, load| Load {
                sent: most.sent.max(load.sent),
                received: most.received.max(load.received),
                bytes: most.bytes.max(load.bytes),
                links: most.links.max(load.links),
            })
    }
}

fn encoded(message: &impl serde::Serialize) -> usize {
    postcard::to_stdvec(message).expect("encodes").len()
}

/// What of an order concerns `site` and all below it.
fn part_for(order: &Order, site: &Site) -> Option<Order> {
    let Order::Reply {
        to: Target::Some(ranks),
        payload,
    } = order
    else {
        return Some(order.clone());
    };
    let part: BTreeSet<u32> = site
        .all_ranks()
        .into_iter()
        .filter(|rank| ranks.contains(rank))
        .collect();
    (!part.is_empty()).then(|| Order::Reply {
        to: Target::Some(part),
        payload: payload.clone(),
    })
}

/// The most of `caperun`, of an agent, of the driver and of a worker, from the job's first process to its last.
fn simulate(ranks: u32) -> [(&'static str, Load); 4] {
    let mut job = Job::new(ranks, 64);
    job.launch();
    job.join();
    job.region_with_a_barrier();
    job.end();
    let driver = job.rank(0);
    [
        ("caperun", job.most(0..1)),
        ("agent", job.most(1..driver)),
        ("driver", job.most(driver..driver + 1)),
        ("worker", job.most(driver + 1..job.load.len())),
    ]
}

#[test]
fn no_process_of_a_huge_job_has_much_to_say_or_many_links() {
    let sizes = [256, 4096, 16_384, 65_536];
    let results = sizes.map(simulate);
    println!("  ranks  process  messages sent  received       bytes  links");
    for (ranks, result) in sizes.iter().zip(&results) {
        for (kind, load) in result {
            println!(
                "{ranks:7}  {kind:7}  {:13}  {:8}  {:10}  {:5}",
                load.sent, load.received, load.bytes, load.links
            );
        }
    }
    for (ranks, result) in sizes.iter().zip(&results) {
        let levels = ranks.ilog2() as usize;
        for (kind, load) in result {
            // Its ranks, agents here and elsewhere, its parent; or data links of a rank: its places in two trees.
            assert!(load.links <= 68, "{ranks} ranks, {kind}: {load:?}");
            let messages = load.sent + load.received;
            assert!(messages <= 60 * levels, "{ranks} ranks, {kind}: {load:?}");
        }
    }
    // Four times the ranks, in trees of agents that are full at both sizes: one more level of these, two more of the broadcast. (A tree that
    // is not full, as at 4,096 ranks, has agents with few below them: there messages grow faster, up to the fan-out.)
    for (small, large) in results[2].iter().zip(&results[3]) {
        let messages = |load: &Load| load.sent + load.received;
        assert!(
            2 * messages(&large.1) <= 3 * messages(&small.1),
            "{small:?} {large:?}"
        );
        assert!(large.1.links <= small.1.links + 4, "{small:?} {large:?}");
    }
}
