//! What checkpointing costs, page by page; `cargo bench -p testsuite --bench checkpoint -- tracker` for one part.

mod delta;
mod memory;
mod tracker;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = tracker::first_write, tracker::clean_scan, delta::diff, delta::apply
}
criterion_main!(benches);
