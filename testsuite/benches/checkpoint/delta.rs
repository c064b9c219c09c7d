//! Comparing pages with the baseline, and applying what was found: both should run at the speed of memory.
//!
//! Throughput is in bytes of *pages* looked at, whatever the number of changed bytes among them. `diff` counts the time that
//! the image itself spends comparing and encoding, so the tracker's part (see [`crate::tracker`]) is not in it.

use ckpt_incremental::{PAGE_SIZE, TrackerKind};
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::memory::Tracked;

/// 16 MiB: larger than the second-level cache, as a region's writes are.
const PAGES: usize = 4096;

/// How much of a page changes from one publication to the next.
#[derive(Clone, Copy)]
enum Change {
    /// One byte.
    Byte,
    /// Every 16th byte: what a mask is good at.
    Scattered,
    /// Everything.
    Whole,
}

impl Change {
    const ALL: [(&'static str, Self); 3] = [
        ("one byte", Self::Byte),
        ("every 16th byte", Self::Scattered),
        ("whole page", Self::Whole),
    ];

    /// Changes all pages; `round` selects the values, those of neighbouring rounds differ.
    fn apply(self, memory: &mut Tracked, round: u64) {
        let value = round as u8;
        for page in 0..memory.pages() {
            match self {
                Self::Byte => memory.write(page * PAGE_SIZE + (page * 8) % PAGE_SIZE, value),
                Self::Scattered => {
                    for offset in (0..PAGE_SIZE).step_by(16) {
                        memory.write(page * PAGE_SIZE + offset, value);
                    }
                }
                Self::Whole => memory.fill(page, value),
            }
        }
    }
}

/// Memory that has been written and published once, so that a baseline of all pages exists.
fn settled() -> Tracked {
    let kind = ckpt_incremental::choose(None).expect("every kernel has a tracker");
    let mut memory = Tracked::new(PAGES, kind).expect("the tracker was just chosen");
    Change::Whole.apply(&mut memory, u64::from(u8::MAX));
    memory.publish();
    memory
}

pub fn diff(c: &mut Criterion) {
    let mut group = c.benchmark_group("delta/diff");
    group.throughput(Throughput::Bytes((PAGES * PAGE_SIZE) as u64));
    for (name, change) in Change::ALL {
        let mut memory = settled();
        // Counts on over all calls of the closure: a value written twice in a row would be no change.
        let mut round = 0;
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                (0..iterations)
                    .map(|_| {
                        round += 1;
                        change.apply(&mut memory, round);
                        memory.publish().diffing
                    })
                    .sum()
            });
        });
    }
    group.finish();
}

pub fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("delta/apply");
    group.throughput(Throughput::Bytes((PAGES * PAGE_SIZE) as u64));
    for kind in [TrackerKind::WpAsync, TrackerKind::Sigsegv] {
        for (name, change) in Change::ALL {
            let Some(mut memory) = Tracked::new(PAGES, kind) else {
                continue;
            };
            // Deltas that lead from 2 to 1 and back: injected in turn, each changes all its bytes.
            let deltas = [2, 1, 2].map(|round| {
                change.apply(&mut memory, round);
                memory.publish_segments()
            });
            let mut turn = 0;
            group.bench_function(BenchmarkId::new(name, kind), |b| {
                b.iter(|| {
                    for segment in &deltas[1 + turn] {
                        memory.inject(segment);
                    }
                    turn = 1 - turn;
                });
            });
        }
    }
    group.finish();
}
