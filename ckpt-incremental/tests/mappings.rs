//! A process whose mappings run out (vm.max_map_count): in a process of its own, because every thread of it is affected.
#![allow(unsafe_code)]

mod support;

use ckpt_incremental::{PAGE_SIZE, TrackerKind};
use support::{Memory, available};

/// Distance between written pages: more than the fault handler opens at a time.
const STRIDE: usize = 48 * PAGE_SIZE;

/// More pages than there are mappings for: each written one between protected ones takes two.
fn too_many() -> usize {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    limit.trim().parse::<usize>().unwrap() / 2 + 2000
}

fn isolated_pages(kind: TrackerKind) {
    let pages = too_many();
    if pages > 200_000 {
        return eprintln!("skipped: this system's limit of mappings is too high to reach");
    }
    let memory = Memory::map(pages * STRIDE);
    let mut image = memory.track(kind);
    for round in 1..3 {
        (0..pages).for_each(|page| memory.write(page * STRIDE + page % 4000, &[round]));
        let published = memory.publish(&mut image);
        assert_eq!(published.len(), pages);
        assert!(
            published
                .iter()
                .zip(0..)
                .all(|(found, page)| *found == (page * STRIDE + page % 4000, round))
        );
        assert_eq!(memory.publish(&mut image), []);
    }
    let segment = memory.segment((0..pages).map(|page| page * STRIDE + 4090), 6, 9);
    assert_eq!(image.inject(&segment).unwrap().conflicts, 0);
    assert_eq!(memory.publish(&mut image), []);
    assert_eq!(
        memory.read((pages - 1) * STRIDE + 4089, 7),
        [0, 9, 9, 9, 9, 9, 9]
    );
}

#[test]
fn many_isolated_pages() {
    for kind in TrackerKind::ALL {
        available(kind).into_iter().for_each(isolated_pages);
    }
}
