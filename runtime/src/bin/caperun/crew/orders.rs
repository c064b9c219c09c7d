//! What is done about ranks: here, and by the agents below.

use std::collections::{BTreeSet, HashMap};

use nix::sys::signal::Signal;
use transport::{Frame, Peer, Transport};

use super::{Crew, Down, News, Order, Target};
use crate::control::CONTROL_FRAME;
use crate::output::Receipt;

impl Crew {
    /// Does it here and below.
    pub fn order(&mut self, order: Order) {
        self.obey(&order);
        self.forward(order);
    }

    fn obey(&mut self, order: &Order) {
        let Some(own) = &mut self.own else { return };
        match order {
            Order::Reply { to, payload } => {
                for rank in own.ranks.alive_of(to) {
                    // A rank that cannot be reached is dying: its exit says why.
                    let frame = Frame {
                        kind: CONTROL_FRAME,
                        tag: 0,
                        payload: payload.clone().into(),
                    };
                    let _ = self.node.send(Peer::Rank(rank), frame);
                }
            }
            Order::Signal { to, signal } => {
                if let Ok(signal) = Signal::try_from(*signal) {
                    let ranks = own.ranks.alive_of(to);
                    ranks
                        .into_iter()
                        .for_each(|rank| own.ranks.signal(rank, signal));
                }
            }
            Order::Dismiss(to) => {
                let ranks = own.ranks.alive_of(to);
                ranks.into_iter().for_each(|rank| own.ranks.dismiss(rank));
            }
            Order::EndRegions => {
                for rank in own.ranks.alive_of(&Target::Workers) {
                    if own.board.region(rank).is_some() {
                        own.ranks.dismiss(rank);
                        own.ranks.signal(rank, Signal::SIGKILL);
                    }
                }
            }
            Order::Inquire => {
                for rank in own.ranks.alive() {
                    let region = own.board.region(rank);
                    self.news.push_back(News::Doing { rank, region });
                }
            }
            Order::Pause(_) => {}
        }
    }

    fn forward(&mut self, order: Order) {
        if self.branches.is_empty() {
            return;
        }
        let to = match &order {
            Order::Reply { to, .. } | Order::Signal { to, .. } | Order::Dismiss(to) => to.clone(),
            Order::EndRegions | Order::Inquire | Order::Pause(_) => Target::All,
        };
        match to {
            Target::One(rank) => {
                if let Some(index) = self.by_rank.get(&rank) {
                    self.branches[*index].order(order, &*self.node);
                }
            }
            Target::Some(ranks) => {
                for (index, part) in self.parts(&ranks) {
                    let part = with_target(&order, Target::Some(part));
                    self.branches[index].order(part, &*self.node);
                }
            }
            Target::All | Target::Workers => {
                for branch in &mut self.branches {
                    branch.order(order.clone(), &*self.node);
                }
            }
        }
    }

    fn parts(&self, ranks: &BTreeSet<u32>) -> HashMap<usize, BTreeSet<u32>> {
        let mut parts: HashMap<usize, BTreeSet<u32>> = HashMap::new();
        for rank in ranks {
            if let Some(index) = self.by_rank.get(rank) {
                parts.entry(*index).or_default().insert(*rank);
            }
        }
        parts
    }

    /// Sends what was gathered for agents.
    pub fn flush(&mut self) {
        for branch in &mut self.branches {
            branch.flush(&*self.node);
        }
    }

    /// A piece of output has been written: who read it may read more.
    pub fn written(&mut self, receipt: Receipt) {
        if receipt.agent == self.standing.agent {
            if let Some(reader) = &self.reader {
                reader.written(receipt.rank, receipt.bytes);
                if receipt.refused {
                    reader.close(receipt.rank, receipt.stream);
                }
            }
        } else if let Some(index) = receipt.agent.and_then(|agent| self.by_agent.get(&agent)) {
            self.branches[*index].say(&Down::Written(receipt), &*self.node);
        }
    }

    /// Gives the driver input; nothing: its end.
    pub fn feed(&mut self, bytes: Vec<u8>) {
        if let Some(input) = self.own.as_mut().and_then(|own| own.input.as_mut()) {
            input.write(bytes);
        } else if let Some(index) = self.by_rank.get(&0) {
            self.branches[*index].say(&Down::Input(bytes), &*self.node);
        }
    }
}

fn with_target(order: &Order, to: Target) -> Order {
    match order {
        Order::Reply { payload, .. } => Order::Reply {
            to,
            payload: payload.clone(),
        },
        Order::Signal { signal, .. } => Order::Signal {
            to,
            signal: *signal,
        },
        Order::Dismiss(_) => Order::Dismiss(to),
        other => other.clone(),
    }
}
