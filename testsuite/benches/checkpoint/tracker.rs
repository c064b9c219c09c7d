//! What knowing the written pages costs: the first write of a page all-in, and a scan that finds nothing.
//!
//! `first write` is the whole life of one written page in a region: the fault, the scan that finds it, the comparison with
//! the baseline, the encoding, and arming it again. Times are per page.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ckpt_incremental::{PAGE_SIZE, TrackerKind};
use criterion::{BenchmarkId, Criterion};

use crate::memory::Tracked;

const KINDS: [TrackerKind; 2] = [TrackerKind::WpAsync, TrackerKind::Sigsegv];

/// Pages written in one round: 16 MiB.
const PAGES: usize = 4096;

/// Writes one byte into every page named by `page(0..PAGES)` and publishes, until `iterations` pages have been written.
///
/// `round` counts on over all calls, so that each write changes its byte.
fn first_writes(
    memory: &mut Tracked,
    round: &mut u8,
    iterations: u64,
    page: impl Fn(usize) -> usize,
) -> Duration {
    let pages = memory.pages() as u64;
    let rounds = iterations.div_ceil(pages);
    let start = Instant::now();
    for _ in 0..rounds {
        *round = round.wrapping_add(1);
        for index in 0..PAGES {
            // At a place that differs from page to page: the comparison has to search.
            memory.write(page(index) * PAGE_SIZE + (index * 72) % PAGE_SIZE, *round);
        }
        black_box(memory.publish());
    }
    start
        .elapsed()
        .mul_f64(iterations as f64 / (rounds * pages) as f64)
}

pub fn first_write(c: &mut Criterion) {
    let mut group = c.benchmark_group("tracker/first write");
    for kind in KINDS {
        let Some(mut memory) = Tracked::new(PAGES, kind) else {
            continue;
        };
        let mut round = 0;
        group.bench_function(BenchmarkId::new("sequential", kind), |b| {
            b.iter_custom(|iterations| {
                first_writes(&mut memory, &mut round, iterations, |index| index)
            });
        });
        // An odd multiplier permutes the pages.
        group.bench_function(BenchmarkId::new("scattered", kind), |b| {
            b.iter_custom(|iterations| {
                first_writes(&mut memory, &mut round, iterations, |index| {
                    index * 2731 % PAGES
                })
            });
        });
    }
    group.finish();
}

pub fn clean_scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("tracker/clean scan");
    for kind in KINDS {
        for (name, mebibytes) in [("16 MiB", 16), ("1 GiB", 1024)] {
            let Some(mut memory) = Tracked::new(mebibytes * 1024 * 1024 / PAGE_SIZE, kind) else {
                continue;
            };
            for page in 0..memory.pages() {
                memory.write(page * PAGE_SIZE, 1);
            }
            memory.publish();
            group.bench_function(BenchmarkId::new(name, kind), |b| {
                b.iter(|| memory.publish())
            });
        }
    }
    group.finish();
}
