//! What every tracker must do, on real pages.
#![allow(unsafe_code)]

mod support;

use ckpt_incremental::{
    ByteRange, Error, Image, Initial, MemoryRange, PAGE_SIZE, TrackedRange, TrackerKind, Use,
    pretouch,
};
use proptest::test_runner::{Config, TestRunner};
use support::{Memory, available, in_child, read_at, write_at};

/// One test per contract and tracker.
macro_rules! contracts {
    ($($contract:ident)*) => {
        mod wp_async {
            $(#[test] fn $contract() {
                if let Some(kind) = super::available(super::TrackerKind::WpAsync) { super::$contract(kind); }
            })*
        }
        mod sigsegv {
            $(#[test] fn $contract() {
                if let Some(kind) = super::available(super::TrackerKind::Sigsegv) { super::$contract(kind); }
            })*
        }
    };
}

contracts! {
    writes_are_found_once
    reads_are_not_writes
    an_old_value_written_back_after_an_injection_is_a_change
    injection_makes_nothing_dirty
    locally_dirty_pages_survive_an_injection
    stores_overwrite_and_leave_no_trace
    huge_sparse_ranges_cost_nothing
    initialised_data_is_tracked
    what_was_written_before_counts_as_changed
    the_kernel_may_write_after_pretouch
    an_own_stack_needs_no_pretouch
    scopes_are_clipped_to_bytes
    unrelated_scopes_are_ignored
    several_ranges_in_one_image
    malformed_segments_change_nothing
    threads_may_write_meanwhile
    a_forked_child_goes_on
    memory_is_plain_again_after_the_image
    exhausted_address_space_is_an_error
}

fn writes_are_found_once(kind: TrackerKind) {
    let memory = Memory::pages(64);
    let mut image = memory.track(kind);
    assert_eq!(image.kind(), kind);
    assert_eq!(memory.publish(&mut image), []);
    for round in 1..4_u8 {
        memory.write(5000, &[round, round]);
        memory.write(40 * PAGE_SIZE - 1, &[round, round]);
        let far = 40 * PAGE_SIZE;
        assert_eq!(
            memory.publish(&mut image),
            [(5000, round), (5001, round), (far - 1, round), (far, round)]
        );
        assert_eq!(memory.publish(&mut image), []);
    }
    // Written, but not changed.
    memory.write(5000, &[9]);
    memory.write(5000, &[3]);
    assert_eq!(memory.publish(&mut image), []);
    let mut baseline = [0; 3];
    image
        .baseline(memory.start() + 4999, &mut baseline)
        .unwrap();
    assert_eq!(baseline, [0, 3, 3]);
}

fn reads_are_not_writes(kind: TrackerKind) {
    let memory = Memory::pages(256);
    let mut image = memory.track(kind);
    assert!(
        memory
            .read(0, 256 * PAGE_SIZE)
            .iter()
            .all(|byte| *byte == 0)
    );
    let (statistics, changed) = memory.publish_scope(&mut image, &memory.scope());
    assert_eq!((statistics.pages_dirty, changed), (0, vec![]));
    // Nor do reads hide the write that follows.
    memory.write(200 * PAGE_SIZE + 17, &[1]);
    assert_eq!(memory.publish(&mut image), [(200 * PAGE_SIZE + 17, 1)]);
}

fn an_old_value_written_back_after_an_injection_is_a_change(kind: TrackerKind) {
    let memory = Memory::pages(4);
    let mut image = memory.track(kind);
    memory.write(100, &[1; 4]);
    memory.publish(&mut image);
    image.inject(&memory.segment([100], 4, 2)).unwrap();
    assert_eq!(memory.read(99, 6), [0, 2, 2, 2, 2, 0]);
    memory.write(101, &[1]);
    assert_eq!(memory.publish(&mut image), [(101, 1)]);
}

fn injection_makes_nothing_dirty(kind: TrackerKind) {
    let memory = Memory::pages(4096);
    let mut image = memory.track(kind);
    let page = |index: usize| index * PAGE_SIZE;
    // Written here before, only read, and fresh; runs and single pages; whole pages and a few bytes.
    (0..64).for_each(|index| memory.write(page(index), &[1]));
    memory.publish(&mut image);
    memory.read(page(64), 64 * PAGE_SIZE);
    let injections = [
        (memory.segment((0..200).map(page), PAGE_SIZE, 3), 200),
        (memory.segment((0..200).map(page), 7, 4), 200),
        (memory.segment((300..4096).step_by(9).map(page), 7, 5), 422),
        (
            memory.segment((300..4096).step_by(300).map(page), PAGE_SIZE, 6),
            13,
        ),
    ];
    for (segment, pages) in injections {
        let statistics = image.inject(&segment).unwrap();
        assert_eq!((statistics.pages, statistics.conflicts), (pages, 0));
        let (statistics, changed) = memory.publish_scope(&mut image, &memory.scope());
        assert_eq!((statistics.pages_dirty, changed), (0, vec![]));
    }
    assert_eq!(memory.read(page(199), 8), [4, 4, 4, 4, 4, 4, 4, 3]);
    assert_eq!(memory.read(page(300), 8), [6; 8]);
    assert_eq!(memory.read(page(309), 8), [5, 5, 5, 5, 5, 5, 5, 0]);
    // All of it is still tracked.
    for index in [0, 100, 199, 300, 309, 4080] {
        memory.write(page(index) + 9, &[77]);
        assert_eq!(memory.publish(&mut image), [(page(index) + 9, 77)]);
    }
}

fn locally_dirty_pages_survive_an_injection(kind: TrackerKind) {
    let memory = Memory::pages(64);
    let mut image = memory.track(kind);
    memory.write(20 * PAGE_SIZE, &[1, 1, 1, 1]);
    // Byte 1 is a conflict; bytes 4 to 6 are news.
    let segment = memory.segment((0..64).map(|page| page * PAGE_SIZE + 3), 4, 2);
    let statistics = image.inject(&segment).unwrap();
    assert_eq!(
        (statistics.pages, statistics.bytes, statistics.conflicts),
        (64, 256, 1)
    );
    assert_eq!(memory.read(20 * PAGE_SIZE, 8), [1, 1, 1, 1, 2, 2, 2, 0]);
    assert_eq!(memory.read(21 * PAGE_SIZE, 8), [0, 0, 0, 2, 2, 2, 2, 0]);
    let at = 20 * PAGE_SIZE;
    assert_eq!(
        memory.publish(&mut image),
        [(at, 1), (at + 1, 1), (at + 2, 1), (at + 3, 1)]
    );
    assert_eq!(memory.publish(&mut image), []);
}

fn stores_overwrite_and_leave_no_trace(kind: TrackerKind) {
    let memory = Memory::pages(8);
    let mut image = memory.track(kind);
    memory.write(4000, &[1; 200]);
    image.store(memory.start() + 4050, &[2; 100]).unwrap();
    image
        .store(memory.start() + 5 * PAGE_SIZE, &[3; 8])
        .unwrap();
    image.store(memory.start(), &[]).unwrap();
    assert_eq!(memory.read(4049, 3), [1, 2, 2]);
    let published = memory.publish(&mut image);
    assert!(
        published
            .iter()
            .all(|(at, value)| *value == 1 && (4000..4200).contains(at))
    );
    assert_eq!(published.len(), 100);
    assert!(matches!(
        image.store(memory.start() - 1, &[1, 1]),
        Err(Error::Foreign { len: 2, .. })
    ));
}

fn huge_sparse_ranges_cost_nothing(kind: TrackerKind) {
    const GIB: usize = 1 << 30;
    let memory = Memory::map(64 * GIB);
    let mut image = memory.track(kind);
    let places: Vec<usize> = (0..64).map(|gib| gib * GIB + gib * 12_345).collect();
    places.iter().for_each(|place| memory.write(*place, &[5]));
    let expected: Vec<_> = places.iter().map(|place| (*place, 5)).collect();
    assert_eq!(memory.publish(&mut image), expected);
    image
        .inject(&memory.segment(places.iter().map(|place| place + 7), 1, 8))
        .unwrap();
    assert_eq!(memory.publish(&mut image), []);
    assert!(
        image.contains(memory.start() + 64 * GIB - 1, 1)
            && !image.contains(memory.start() + 64 * GIB, 1)
    );
}

/// Pages of the executable's `.data`, for one test per tracker.
#[repr(C, align(4096))]
struct Globals([u8; 8 * PAGE_SIZE]);
static mut GLOBALS: [Globals; 2] = [const { Globals([7; 8 * PAGE_SIZE]) }; 2];

fn initialised_data_is_tracked(kind: TrackerKind) {
    let which = usize::from(kind == TrackerKind::Sigsegv);
    let start = (&raw mut GLOBALS).addr() + which * size_of::<Globals>();
    let range = MemoryRange::new(start, start + 8 * PAGE_SIZE).unwrap();
    write_at(start, &[1]);
    let tracked = TrackedRange {
        range,
        initial: Initial::Current,
        usage: Use::Data,
    };
    // SAFETY: a static; nobody else uses this part of it.
    let mut image = unsafe { Image::track(&[tracked], kind) }.unwrap();
    let scope = [ByteRange {
        start,
        end: range.end(),
    }];
    let publish = |image: &mut Image| {
        let emit = &mut |_| Vec::new();
        image
            .publish(&scope, ckpt_incremental::Exactness::Exact, 1 << 16, emit)
            .unwrap()
            .bytes_changed
    };
    assert_eq!(publish(&mut image), 0);
    write_at(start, &[1, 8]);
    write_at(start + 5 * PAGE_SIZE, &[7, 8, 9]);
    assert_eq!(publish(&mut image), 3);
    image.store(start + 6 * PAGE_SIZE, &[1, 2, 3]).unwrap();
    assert_eq!(publish(&mut image), 0);
    assert_eq!(read_at(start + 6 * PAGE_SIZE, 4), [1, 2, 3, 7]);
    let mut baseline = [0; 4];
    image
        .baseline(start + 5 * PAGE_SIZE, &mut baseline)
        .unwrap();
    assert_eq!(baseline, [7, 8, 9, 7]);
}

fn what_was_written_before_counts_as_changed(kind: TrackerKind) {
    let memory = Memory::pages(64);
    memory.write(30 * PAGE_SIZE + 1, &[4]);
    let mut image = memory.track(kind);
    assert_eq!(memory.publish(&mut image), [(30 * PAGE_SIZE + 1, 4)]);
    assert_eq!(memory.publish(&mut image), []);
}

/// Lets the kernel write `len` bytes of zeros at `address`, as `read(2)` does.
fn kernel_write(address: usize, len: usize) -> isize {
    let zero = std::fs::File::open("/dev/zero").unwrap();
    // SAFETY: the tests pass mapped memory.
    unsafe {
        libc::read(
            std::os::fd::AsRawFd::as_raw_fd(&zero),
            address as *mut _,
            len,
        )
    }
}

fn the_kernel_may_write_after_pretouch(kind: TrackerKind) {
    let memory = Memory::pages(64);
    let mut image = memory.track(kind);
    memory.write(3 * PAGE_SIZE, &[1; 40 * PAGE_SIZE]);
    memory.publish(&mut image);
    for round in 0..2 {
        let (at, len) = (4 * PAGE_SIZE + 100 + round, 30 * PAGE_SIZE);
        if round == 0 {
            pretouch(memory.start() + at, len);
        } else {
            image.pretouch(memory.start() + at, len);
        }
        assert_eq!(
            kernel_write(memory.start() + at, len),
            len as isize,
            "{}",
            std::io::Error::last_os_error()
        );
        let expected = if round == 0 {
            (at..at + len).map(|at| (at, 0)).collect()
        } else {
            vec![(at + len - 1, 0)]
        };
        assert!(memory.publish(&mut image) == expected);
    }
}

fn an_own_stack_needs_no_pretouch(kind: TrackerKind) {
    let memory = Memory::pages(32);
    let mut image = memory.track_as(kind, Initial::Zero, Use::OwnStack);
    memory.write(PAGE_SIZE, &[1; 200]);
    memory.publish(&mut image);
    assert_eq!(kernel_write(memory.start() + PAGE_SIZE + 100, 50), 50);
    let expected: Vec<_> = (100..150).map(|at| (PAGE_SIZE + at, 0)).collect();
    assert_eq!(memory.publish(&mut image), expected);
    image
        .inject(&memory.segment([PAGE_SIZE + 99], 2, 9))
        .unwrap();
    assert_eq!(memory.read(PAGE_SIZE + 98, 4), [1, 9, 9, 0]);
    assert_eq!(memory.publish(&mut image), []);
}

fn scopes_are_clipped_to_bytes(kind: TrackerKind) {
    let memory = Memory::pages(16);
    let mut image = memory.track(kind);
    let at = |offset| memory.start() + offset;
    memory.write(PAGE_SIZE, &[1; 3 * PAGE_SIZE]);
    let (from, to) = (PAGE_SIZE + 1000, 3 * PAGE_SIZE + 10);
    let (_, changed) = memory.publish_scope(
        &mut image,
        &[ByteRange {
            start: at(from),
            end: at(to),
        }],
    );
    assert!(changed == (from..to).map(|at| (at, 1)).collect::<Vec<_>>());
    // What lay outside is not lost, and is found piece by piece.
    let scope = [(PAGE_SIZE, 1), (PAGE_SIZE + 500, 2), (3 * PAGE_SIZE + 9, 2)];
    let scope = scope.map(|(offset, len)| ByteRange {
        start: at(offset),
        end: at(offset + len),
    });
    let (_, changed) = memory.publish_scope(&mut image, &scope);
    assert_eq!(
        changed,
        [
            PAGE_SIZE,
            PAGE_SIZE + 500,
            PAGE_SIZE + 501,
            3 * PAGE_SIZE + 10
        ]
        .map(|at| (at, 1))
    );
    assert_eq!(
        memory.publish(&mut image).len(),
        3 * PAGE_SIZE - (to - from) - 4
    );
    assert_eq!(memory.publish(&mut image), []);
}

fn unrelated_scopes_are_ignored(kind: TrackerKind) {
    let memory = Memory::pages(4);
    let mut image = memory.track(kind);
    memory.write(0, &[1]);
    let start = memory.start();
    let nothing = [
        (0, 10),
        (start + 10, start + 10),
        (start + 50, start),
        (start + 4 * PAGE_SIZE, usize::MAX),
    ];
    let nothing = nothing.map(|(start, end)| ByteRange { start, end });
    assert_eq!(memory.publish_scope(&mut image, &nothing).1, []);
    assert_eq!(memory.publish(&mut image), [(0, 1)]);
}

fn several_ranges_in_one_image(kind: TrackerKind) {
    let memory = Memory::pages(64);
    let part = |from: usize, to: usize, initial| TrackedRange {
        range: MemoryRange::new(
            memory.start() + from * PAGE_SIZE,
            memory.start() + to * PAGE_SIZE,
        )
        .unwrap(),
        initial,
        usage: Use::Data,
    };
    memory.write(20 * PAGE_SIZE, &[4]);
    let parts = [
        part(40, 50, Initial::Zero),
        part(3, 5, Initial::Zero),
        part(5, 21, Initial::Current),
    ];
    // SAFETY: mapped by `memory`.
    let mut image = unsafe { Image::track(&parts, kind) }.unwrap();
    for page in [0, 4, 5, 20, 22, 49, 50] {
        memory.write(page * PAGE_SIZE + 1, &[1]);
    }
    let found: Vec<_> = memory
        .publish(&mut image)
        .iter()
        .map(|(at, _)| at / PAGE_SIZE)
        .collect();
    assert_eq!(found, [4, 5, 20, 49]);
    let segment = memory.segment([4, 5, 20, 40].map(|page| page * PAGE_SIZE), 1, 6);
    assert_eq!(image.inject(&segment).unwrap().pages, 4);
    assert_eq!(memory.publish(&mut image), []);
    for page in [2, 21, 39, 50] {
        let segment = memory.segment([4 * PAGE_SIZE, page * PAGE_SIZE], 1, 7);
        assert!(matches!(image.inject(&segment), Err(Error::Foreign { .. })) || page < 4);
        assert_eq!(memory.read(4 * PAGE_SIZE, 1), [6]);
    }
}

fn malformed_segments_change_nothing(kind: TrackerKind) {
    use proptest::prelude::*;
    let memory = Memory::pages(40);
    let mut image = memory.track(kind);
    memory.write(0, &[1; 8 * PAGE_SIZE]);
    memory.publish(&mut image);
    let whole = memory.segment((0..8).map(|page| page * PAGE_SIZE), PAGE_SIZE, 2);
    let runs = memory.segment((0..40).step_by(3).map(|page| page * PAGE_SIZE + 9), 100, 3);
    let masked = {
        let mask = ckpt_incremental::delta::Mask([0x5555_1111_ffff_0001; 64]);
        let mut encoder = ckpt_incremental::delta::Encoder::new(Vec::new());
        for page in 0..4 {
            let address = memory.start() + page * PAGE_SIZE;
            encoder.add(
                address,
                &[8; PAGE_SIZE],
                &mask,
                ckpt_incremental::Exactness::Exact,
            );
        }
        encoder.finish()
    };
    for segment in [&whole, &runs, &masked] {
        image.inject(segment).unwrap();
    }
    let hostile = (
        prop_oneof![Just(whole), Just(runs), Just(masked)],
        prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), any::<bool>()),
            1..4,
        ),
        prop::option::of(any::<prop::sample::Index>()),
        prop::collection::vec(any::<u8>(), 0..30),
        any::<bool>(),
    );
    let image = std::cell::RefCell::new(image);
    let mut runner = TestRunner::new(Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&hostile, |(mut segment, changes, cut, tail, sealed)| {
        let len = segment.len();
        for (at, value, early) in changes {
            // Half of the changes in the header and the first page, where the structure is.
            let at = at.index(if early { 60 } else { len });
            segment[at] = value;
        }
        cut.inspect(|cut| segment.truncate(cut.index(len)));
        segment.extend_from_slice(&tail);
        if sealed && segment.len() >= 20 {
            let payload = (segment.len() - 20) as u32;
            segment[16..20].copy_from_slice(&payload.to_le_bytes());
            let checksum = crc32fast::hash(&segment[12..]);
            segment[8..12].copy_from_slice(&checksum.to_le_bytes());
        }
        let before = memory.read(0, 40 * PAGE_SIZE);
        let mut baseline = vec![0; before.len()];
        let mut image = image.borrow_mut();
        let result = image.inject(&segment);
        if result.is_err() {
            prop_assert!(memory.read(0, 40 * PAGE_SIZE) == before);
        }
        image.baseline(memory.start(), &mut baseline).unwrap();
        prop_assert!(memory.read(0, 40 * PAGE_SIZE) == baseline);
        Ok(())
    });
    result.unwrap();
    assert_eq!(memory.publish(&mut image.borrow_mut()), []);
}

fn threads_may_write_meanwhile(kind: TrackerKind) {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    const PAGES: usize = 512;
    const WRITERS: usize = 3;
    const ROUNDS: usize = 100;
    let memory = Memory::pages(PAGES);
    let mut image = memory.track(kind);
    let mut replayed = vec![0; PAGES * PAGE_SIZE];
    // Rounds that are over; and the two ends of the pause after each.
    let (over, paused) = (AtomicUsize::new(0), Barrier::new(WRITERS + 1));
    std::thread::scope(|scope| {
        // Writer w owns the bytes w modulo 8; the "other rank" owns byte 7.
        for writer in 0..WRITERS {
            let (memory, over, paused) = (&memory, &over, &paused);
            scope.spawn(move || {
                let mut state = writer as u64 + 1;
                for round in 0..ROUNDS {
                    while over.load(Ordering::Relaxed) <= round {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        let at = (state >> 33) as usize % (PAGES * PAGE_SIZE / 8) * 8 + writer;
                        memory.write(at, &[(state >> 25) as u8 % 4]);
                        // Slowly: a page that is written again hides what went wrong with it.
                        (0..500).for_each(|_| std::hint::spin_loop());
                    }
                    paused.wait();
                    paused.wait();
                }
            });
        }
        let replay = |image: &mut Image, replayed: &mut Vec<u8>| {
            for (at, value) in memory.publish(image) {
                // Only what this rank wrote may be published.
                replayed[at] = if at % 8 < WRITERS { value } else { !value };
            }
        };
        let mut lost: Vec<usize> = Vec::new();
        for round in 0..ROUNDS {
            replay(&mut image, &mut replayed);
            let offset = 8 * (round % 512) + 7;
            let segment = memory.segment(
                (0..PAGES).map(|page| page * PAGE_SIZE + offset),
                1,
                round as u8,
            );
            image.inject(&segment).unwrap();
            (0..PAGES).for_each(|page| replayed[page * PAGE_SIZE + offset] = round as u8);
            over.store(round + 1, Ordering::Relaxed);
            paused.wait();
            replay(&mut image, &mut replayed);
            // No panic here: the writers would wait for ever.
            if memory.read(0, PAGES * PAGE_SIZE) != replayed {
                lost.push(round);
            }
            paused.wait();
        }
        assert_eq!(lost, [], "rounds whose writes were not all published");
    });
    assert_eq!(memory.publish(&mut image), []);
}

fn a_forked_child_goes_on(kind: TrackerKind) {
    let memory = Memory::pages(64);
    let mut image = memory.track(kind);
    memory.write(0, &[1; 10 * PAGE_SIZE]);
    memory.publish(&mut image);
    let status = in_child(|| {
        memory.write(0, &[2; 64 * PAGE_SIZE]);
        i32::from(memory.read(5 * PAGE_SIZE, 1) != [2])
    });
    assert_eq!(status, 0);
    assert_eq!(memory.publish(&mut image), []);
    memory.write(9 * PAGE_SIZE, &[3]);
    memory.write(20 * PAGE_SIZE, &[3]);
    assert_eq!(
        memory.publish(&mut image),
        [(9 * PAGE_SIZE, 3), (20 * PAGE_SIZE, 3)]
    );
}

fn memory_is_plain_again_after_the_image(kind: TrackerKind) {
    let memory = Memory::pages(64);
    for round in 0..3 {
        let mut image = memory.track_as(kind, Initial::Current, Use::Data);
        memory.write(PAGE_SIZE, &[round + 1; 10]);
        assert_eq!(memory.publish(&mut image).len(), 10);
        drop(image);
        assert_eq!(kernel_write(memory.start() + PAGE_SIZE, 10), 10);
    }
}

fn exhausted_address_space_is_an_error(kind: TrackerKind) {
    let memory = Memory::map(64 << 30);
    let tracked = TrackedRange {
        range: memory.range(),
        initial: Initial::Zero,
        usage: Use::Data,
    };
    let status = in_child(|| {
        let limit = libc::rlimit {
            rlim_cur: 70 << 30,
            rlim_max: 70 << 30,
        };
        // SAFETY: limits the child only.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
        // SAFETY: mapped by `memory`.
        match unsafe { Image::track(&[tracked], kind) } {
            Err(Error::AddressSpace { wanted, .. }) if wanted >= 64 << 30 => 0,
            _ => 1,
        }
    });
    assert_eq!(status, 0);
}
