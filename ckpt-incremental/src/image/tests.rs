//! Two ranks over the model tracker, against a naive oracle. Real pages are the business of `tests/`.

use proptest::prelude::*;

use super::*;
use crate::range::Use;
use crate::sys::map::Mapping;
use crate::tracker::model::Model;

const PAGES: usize = 5;
const BYTES: usize = PAGES * PAGE_SIZE;

/// A rank: its image, and what it should hold.
struct Rank {
    image: Image,
    model: Model,
    start: usize,
    memory: Vec<u8>,
    baseline: Vec<u8>,
}

impl Rank {
    fn new(initial: Initial) -> Rank {
        let live = Live::owning(Mapping::anonymous(BYTES, "a test").unwrap());
        let tracked = TrackedRange {
            range: live.range(),
            initial,
            usage: Use::Data,
        };
        let (start, model) = (live.range().start(), Model::default());
        let tracker = Box::new(model.clone());
        let image = Image::start(&[tracked], vec![live], TrackerKind::Sigsegv, |_| {
            Ok(tracker)
        })
        .unwrap();
        Rank {
            image,
            model,
            start,
            memory: vec![0; BYTES],
            baseline: vec![0; BYTES],
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.model.note_write(self.start + at, bytes.len());
        self.image.regions[0]
            .parts()
            .0
            .store(self.start + at, bytes);
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn scope(&self, from: usize, to: usize) -> Vec<ByteRange> {
        vec![ByteRange {
            start: self.start + from,
            end: self.start + to,
        }]
    }

    /// Publishes `from..to`; returns the segments and what the oracle says they hold.
    fn publish(
        &mut self,
        from: usize,
        to: usize,
        exactness: Exactness,
    ) -> (Vec<Vec<u8>>, Vec<(usize, u8)>) {
        let mut segments = Vec::new();
        let scope = self.scope(from, to);
        let emit = &mut |segment| {
            segments.push(segment);
            vec![1, 2, 3]
        };
        let statistics = self.image.publish(&scope, exactness, 2000, emit).unwrap();
        assert_eq!(statistics.segments, segments.len());
        let changed = (from..to).filter(|at| self.memory[*at] != self.baseline[*at]);
        let changed: Vec<_> = changed.map(|at| (at, self.memory[at])).collect();
        assert_eq!(statistics.bytes_changed, changed.len());
        changed
            .iter()
            .for_each(|(at, byte)| self.baseline[*at] = *byte);
        (segments, changed)
    }

    fn receive(&mut self, sender: usize, segments: &[Vec<u8>], changed: &[(usize, u8)]) {
        let mut conflicts = 0;
        for segment in segments {
            conflicts += self
                .image
                .inject(&rebase(segment, sender, self.start))
                .unwrap()
                .conflicts;
        }
        let mut expected = 0;
        for (at, byte) in changed {
            if self.memory[*at] == self.baseline[*at] {
                self.memory[*at] = *byte;
            } else {
                expected += 1;
            }
            self.baseline[*at] = *byte;
        }
        assert_eq!(conflicts, expected);
    }

    fn check(&self) {
        let mut page = [0; PAGE_SIZE];
        for at in (0..BYTES).step_by(PAGE_SIZE) {
            self.image.regions[0]
                .parts()
                .0
                .load_page(self.start + at, &mut page);
            assert!(
                page == self.memory[at..at + PAGE_SIZE],
                "memory of page {}",
                at / PAGE_SIZE
            );
        }
        let mut baseline = vec![0; BYTES];
        self.image.baseline(self.start, &mut baseline).unwrap();
        assert!(baseline == self.baseline, "baseline");
    }
}

/// The same segment for an image at another address.
fn rebase(segment: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    for page in delta::decode(segment, &|_| true).unwrap() {
        let mut values = [0; PAGE_SIZE];
        page.change.apply(&mut values);
        encoder.add(
            page.address - from + to,
            &values,
            &page.change.mask(),
            Exactness::Exact,
        );
    }
    encoder.finish()
}

#[derive(Clone, Debug)]
enum Step {
    /// Rank, where, bytes of this value.
    Write(usize, usize, usize, u8),
    /// Rank, and the bounds of the scope.
    Publish(usize, usize, usize),
    /// Both ranks.
    Store(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    // Few places and few values, so that bytes meet and old values return.
    let place = prop_oneof![0..BYTES - 600, 4000..4200_usize, 8190..8194_usize];
    prop_oneof![
        4 => (0..2_usize, place.clone(), prop_oneof![1..9_usize, 1..600_usize], 0..3_u8)
            .prop_map(|(rank, at, len, value)| Step::Write(rank, at, len, value)),
        2 => (0..2_usize, prop_oneof![Just(0), 0..BYTES], prop_oneof![Just(BYTES), 0..BYTES])
            .prop_map(|(rank, a, b)| Step::Publish(rank, a.min(b), a.max(b))),
        1 => (place, 0..3_u8).prop_map(|(at, value)| Step::Store(at, value)),
    ]
}

proptest! {
    #[test]
    fn two_ranks_agree_with_the_oracle(steps in prop::collection::vec(step(), 1..60), current in any::<bool>()) {
        let initial = if current { Initial::Current } else { Initial::Zero };
        let mut ranks = [Rank::new(initial), Rank::new(initial)];
        for step in steps {
            match step {
                Step::Write(rank, at, len, value) => ranks[rank].write(at, &vec![value; len]),
                Step::Publish(rank, from, to) => {
                    let (segments, changed) = ranks[rank].publish(from, to, Exactness::Exact);
                    let sender = ranks[rank].start;
                    ranks[1 - rank].receive(sender, &segments, &changed);
                }
                Step::Store(at, value) => for rank in &mut ranks {
                    rank.image.store(rank.start + at, &[value; 3]).unwrap();
                    rank.memory[at..at + 3].fill(value);
                    rank.baseline[at..at + 3].fill(value);
                }
            }
        }
        ranks.iter().for_each(Rank::check);
        // Once all is published, both hold the same, and there is nothing left.
        for rank in 0..2 {
            let (segments, changed) = ranks[rank].publish(0, BYTES, Exactness::Exact);
            let sender = ranks[rank].start;
            ranks[1 - rank].receive(sender, &segments, &changed);
        }
        ranks.iter().for_each(Rank::check);
        prop_assert!(ranks[0].baseline == ranks[1].baseline);
        prop_assert!(ranks[0].publish(0, BYTES, Exactness::Exact).0.is_empty());
    }

    #[test]
    fn a_sole_writer_is_understood(writes in prop::collection::vec((0..BYTES - 3000, 1..3000_usize, 0..255_u8), 1..20)) {
        let mut ranks = [Rank::new(Initial::Zero), Rank::new(Initial::Zero)];
        for (at, len, value) in writes {
            ranks[0].write(at, &(0..len).map(|byte| value.wrapping_mul(byte as u8)).collect::<Vec<_>>());
            let (segments, changed) = ranks[0].publish(0, BYTES, Exactness::SoleWriter);
            let sender = ranks[0].start;
            ranks[1].receive(sender, &segments, &changed);
        }
        ranks.iter().for_each(Rank::check);
    }
}

#[test]
fn segments_are_about_as_large_as_asked() {
    let mut rank = Rank::new(Initial::Zero);
    rank.write(0, &[7; BYTES]);
    let (segments, _) = rank.publish(0, BYTES, Exactness::SoleWriter);
    assert_eq!(segments.len(), PAGES);
    assert!(
        segments
            .iter()
            .all(|segment| segment.len() <= 2000 + PAGE_SIZE + 64)
    );
}

#[test]
fn counted_pages_are_still_published() {
    let mut rank = Rank::new(Initial::Zero);
    rank.write(10, &[1]);
    rank.write(3 * PAGE_SIZE, &[2]);
    let count = |rank: &mut Rank, from, to| {
        let scope = rank.scope(from, to);
        rank.image.dirty_pages(&scope).unwrap()
    };
    assert_eq!(count(&mut rank, 0, BYTES), 2);
    assert_eq!(count(&mut rank, 0, PAGE_SIZE), 1);
    let (_, changed) = rank.publish(0, BYTES, Exactness::Exact);
    assert_eq!(changed.len(), 2);
    assert_eq!(count(&mut rank, 0, BYTES), 0);
}

#[test]
fn stores_reach_over_pages_and_stay_inside() {
    let mut rank = Rank::new(Initial::Zero);
    rank.image.store(rank.start + 4090, &[5; 10_000]).unwrap();
    rank.memory[4090..14_090].fill(5);
    rank.baseline[4090..14_090].fill(5);
    rank.check();
    let outside = rank.image.store(rank.start + BYTES - 1, &[1, 2]);
    assert!(matches!(outside, Err(Error::Foreign { len: 2, .. })));
    rank.check();
}

#[test]
fn overlapping_ranges_are_refused() {
    let live = || Live::owning(Mapping::anonymous(BYTES, "a test").unwrap());
    let (one, two) = (live(), live());
    let tracked = TrackedRange {
        range: one.range(),
        initial: Initial::Zero,
        usage: Use::Data,
    };
    let start = |_: &[(&Live, TrackedRange)]| -> Result<Box<dyn Tracker>, Error> {
        Ok(Box::new(Model::default()))
    };
    let result = Image::start(
        &[tracked, tracked],
        vec![one, two],
        TrackerKind::Sigsegv,
        start,
    );
    assert!(matches!(result, Err(Error::Overlap { .. })));
}
