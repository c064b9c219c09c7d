//! Where a rank's time and traffic go, per construct that starts regions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ckpt_incremental::PublishStatistics;
use transport::Counters;

use crate::control::{RankStatistics, SiteStatistics};

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    computing: Duration,
    tracking: Duration,
    diffing: Duration,
    moving: Duration,
    waiting: Duration,
}

impl Times {
    fn overhead(&self) -> Duration {
        self.tracking + self.diffing + self.moving + self.waiting
    }
}

#[derive(Debug, Default)]
struct Site {
    runs: u64,
    times: Times,
    pages: u64,
    sent: u64,
    received: u64,
}

/// Attributes time to the region that is being started, executed or joined.
#[derive(Debug, Default)]
pub struct Stopwatch {
    now: Times,
    pages: u64,
    order: Vec<String>,
    sites: HashMap<String, Site>,
    counted: Counters,
}

impl Stopwatch {
    /// Runs `action`, which blocks on other ranks.
    pub fn waiting<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = action();
        self.now.waiting += started.elapsed();
        result
    }

    /// Accounts for time that a thread was blocked on other ranks.
    pub fn waited(&mut self, time: Duration) {
        self.now.waiting += time;
    }

    /// Runs `action`, which sends or applies.
    pub fn moving<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = action();
        self.now.moving += started.elapsed();
        result
    }

    /// Runs the user's code, of which what is accounted elsewhere meanwhile is not a part.
    pub fn started_computing(&self) -> (Instant, Duration) {
        (Instant::now(), self.now.overhead())
    }

    /// Ends what [`Stopwatch::started_computing`] began.
    pub fn ended_computing(&mut self, (started, overhead): (Instant, Duration)) {
        let meanwhile = self.now.overhead().saturating_sub(overhead);
        self.now.computing += started.elapsed().saturating_sub(meanwhile);
    }

    /// Accounts for one publication, of which `moving` was spent sending.
    pub fn published(&mut self, statistics: &PublishStatistics, moving: Duration) {
        self.now.tracking += statistics.tracking;
        self.now.diffing += statistics.diffing.saturating_sub(moving);
        self.now.moving += moving;
        self.pages += statistics.pages_dirty as u64;
    }

    /// Adds to `site` what this rank did for others after it was done with it. Not the time spent waiting, nor the traffic, which is that of the
    /// next region already.
    pub fn attribute_late(&mut self, site: &str) {
        self.now.waiting = Duration::ZERO;
        self.add(site, self.counted);
    }

    /// Adds what happened since the last call to `site`, of which an execution is complete.
    pub fn attribute(&mut self, site: &str, counters: Counters) {
        self.add(site, counters);
        if let Some(site) = self.sites.get_mut(site) {
            site.runs += 1;
        }
    }

    fn add(&mut self, site: &str, counters: Counters) {
        let times = std::mem::take(&mut self.now);
        let pages = std::mem::take(&mut self.pages);
        if !self.sites.contains_key(site) {
            self.order.push(site.to_owned());
        }
        let total = self.sites.entry(site.to_owned()).or_default();
        total.times.computing += times.computing;
        total.times.tracking += times.tracking;
        total.times.diffing += times.diffing;
        total.times.moving += times.moving;
        total.times.waiting += times.waiting;
        total.pages += pages;
        total.sent += counters.bytes_sent - self.counted.bytes_sent;
        total.received += counters.bytes_received - self.counted.bytes_received;
        self.counted = counters;
    }

    /// Forgets what is not attributed yet: it happened outside of regions.
    pub fn forget(&mut self) {
        self.now = Times::default();
        self.pages = 0;
    }

    /// Everything, in the order of first execution.
    pub fn report(&self) -> RankStatistics {
        let line = |name: &String| {
            let site = &self.sites[name];
            SiteStatistics {
                site: name.clone(),
                runs: site.runs,
                computing: site.times.computing.as_secs_f64(),
                tracking: site.times.tracking.as_secs_f64(),
                diffing: site.times.diffing.as_secs_f64(),
                moving: site.times.moving.as_secs_f64(),
                waiting: site.times.waiting.as_secs_f64(),
                pages: site.pages,
                sent: site.sent,
                received: site.received,
            }
        };
        RankStatistics {
            sites: self.order.iter().map(line).collect(),
            ..RankStatistics::default()
        }
    }
}
