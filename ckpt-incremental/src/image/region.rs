//! One tracked range of the image: its memory, its baseline, and the dirty pages that the tracker no longer knows of.

use super::{InjectStatistics, Overlay, Segments};
use crate::baseline::{Baseline, group_of};
use crate::bitmap::PageBitmap;
use crate::delta::{self, Change, Mask, PageChange};
use crate::error::Error;
use crate::page::{PAGE_SIZE, Page};
use crate::range::{Initial, MemoryRange, TrackedRange};
use crate::scope::Scope;
use crate::sys::live::Live;
use crate::tracker::{Looked, Tracker};

/// A gap of this many bytes is gone along rather than by another call of the kernel.
const GAP: usize = 128 * PAGE_SIZE;

/// How a page takes an injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// Changed locally: byte by byte.
    Dirty,
    /// Never written here: perhaps not even populated.
    Fresh,
    /// Equal to the baseline.
    Clean,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Region {
    live: Live,
    tracked: TrackedRange,
    baseline: Baseline,
    /// Dirty pages that were taken from the tracker and not published yet.
    pending: PageBitmap,
}

/// Adds the pages of `run` to those of `range` that are pending.
fn note(pending: &mut PageBitmap, range: MemoryRange, run: MemoryRange) {
    let first = (run.start() - range.start()) / PAGE_SIZE;
    (first..first + run.pages()).for_each(|page| pending.set(page));
}

impl Region {
    pub(super) fn new(live: Live, tracked: TrackedRange) -> Result<Region, Error> {
        let baseline = Baseline::new(tracked.range, tracked.initial)?;
        let pending = PageBitmap::new(tracked.range.pages(), "the map of dirty pages")?;
        Ok(Region {
            live,
            tracked,
            baseline,
            pending,
        })
    }

    pub(super) fn range(&self) -> MemoryRange {
        self.tracked.range
    }

    pub(super) fn initial(&self) -> Initial {
        self.tracked.initial
    }

    /// What a tracker needs to know of it.
    pub(super) fn parts(&self) -> (&Live, TrackedRange) {
        (&self.live, self.tracked)
    }

    pub(super) fn read_baseline(&self, address: usize, out: &mut [u8]) {
        self.baseline.read(address, out);
    }

    /// The baseline becomes what memory holds.
    pub(super) fn copy_to_baseline(&mut self, scratch: &mut Page) {
        for page in (self.range().start()..self.range().end()).step_by(PAGE_SIZE) {
            self.live.load_page(page, scratch);
            self.baseline.page_mut(page).copy_from_slice(scratch);
        }
    }

    fn index(&self, page: usize) -> usize {
        (page - self.range().start()) / PAGE_SIZE
    }

    /// Notes the dirty pages of `span` as pending.
    pub(super) fn take(
        &mut self,
        tracker: &mut dyn Tracker,
        span: MemoryRange,
    ) -> Result<(), Error> {
        let (range, pending) = (self.range(), &mut self.pending);
        self.baseline.by_population(span, |span| {
            tracker.take(span, &mut |run| note(pending, range, run))
        })
    }

    /// How many pages of `span` a publication would look at. They stay dirty.
    pub(super) fn count_dirty(
        &mut self,
        tracker: &mut dyn Tracker,
        span: MemoryRange,
    ) -> Result<usize, Error> {
        let (range, pending) = (self.range(), &mut self.pending);
        let mut left = 0;
        self.baseline.by_population(span, |span| {
            let mut found = Vec::new();
            let looked = tracker.look(span, &mut |run| found.push(run))?;
            for run in found {
                match looked {
                    Looked::Taken => note(pending, range, run),
                    Looked::Left => {
                        let first = (run.start() - range.start()) / PAGE_SIZE;
                        left += run.pages() - pending.count_in(first, first + run.pages());
                    }
                }
            }
            Ok(())
        })?;
        let first = self.index(span.start());
        Ok(left + self.pending.count_in(first, first + span.pages()))
    }

    /// Baseline and memory take exactly these bytes.
    pub(super) fn store(&mut self, address: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = address + done;
            let offset = at % PAGE_SIZE;
            let piece = &bytes[done..bytes.len().min(done + PAGE_SIZE - offset)];
            self.baseline.page_mut(at - offset)[offset..offset + piece.len()]
                .copy_from_slice(piece);
            self.live.store(at, piece);
            done += piece.len();
        }
    }

    /// The baseline takes exactly these bytes.
    pub(super) fn store_baseline(&mut self, address: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = address + done;
            let offset = at % PAGE_SIZE;
            let piece = &bytes[done..bytes.len().min(done + PAGE_SIZE - offset)];
            self.baseline.page_mut(at - offset)[offset..offset + piece.len()]
                .copy_from_slice(piece);
            done += piece.len();
        }
    }

    /// Publishes the pending pages of `span`.
    pub(super) fn publish(
        &mut self,
        span: MemoryRange,
        scope: &Scope,
        scratch: &mut Page,
        out: &mut Segments,
    ) {
        let (mut at, end) = (
            self.index(span.start()),
            self.index(span.end() - PAGE_SIZE) + 1,
        );
        let mut group_end = 0;
        while let Some(index) = self.pending.first(at, end) {
            let page = self.range().start() + index * PAGE_SIZE;
            if page >= group_end {
                let group = group_of(page);
                group_end = group.end();
                let dirty = self
                    .pending
                    .count_in(index, end.min(index + (group_end - page) / PAGE_SIZE));
                self.baseline.expect(page, dirty);
            }
            at = index + 1;
            out.statistics.pages_dirty += 1;
            if !self.publish_page(page, scope, scratch, out) {
                self.pending.clear(index);
            }
        }
    }

    /// Publishes a page. True: it also has changes outside of the scope.
    fn publish_page(
        &mut self,
        page: usize,
        scope: &Scope,
        now: &mut Page,
        out: &mut Segments,
    ) -> bool {
        self.live.load_page(page, now);
        let again = out.overlay.covers(page) && out.overlay.withdraw(page, now);
        let mut changed = delta::compare(now, self.baseline.page(page));
        if changed.is_empty() {
            return again;
        }
        let Some(inside) = scope.mask(page) else {
            out.add(page, now, &changed, true);
            self.baseline.update(page, now, &changed);
            return again;
        };
        let mut outside = changed.clone();
        outside.subtract(&inside);
        changed.intersect(&inside);
        if !changed.is_empty() {
            out.add(page, now, &changed, false);
            let baseline = self.baseline.page_mut(page);
            changed
                .runs()
                .for_each(|(start, end)| baseline[start..end].copy_from_slice(&now[start..end]));
        }
        again || !outside.is_empty()
    }

    /// Applies changes of pages of this range, in ascending order.
    pub(super) fn inject(
        &mut self,
        tracker: &mut dyn Tracker,
        pages: &[PageChange],
        overlay: &mut dyn Overlay,
        scratch: &mut Page,
        statistics: &mut InjectStatistics,
    ) -> Result<(), Error> {
        let range = self.range();
        let runs: Vec<_> = pages
            .chunk_by(|a, b| a.address + PAGE_SIZE == b.address)
            .map(run_of)
            .collect();
        let (baseline, pending) = (&self.baseline, &mut self.pending);
        for span in join(&runs) {
            baseline.by_population(span, |span| {
                tracker.peek(span, &mut |run| note(pending, range, run))
            })?;
        }
        statistics.bytes += pages.iter().map(|page| page.change.count()).sum::<usize>();

        let mut opened = Vec::new();
        let mut rest = pages;
        while let Some(first) = rest.first() {
            let condition = self.condition(first.address, overlay);
            let together = |(at, page): (usize, &PageChange)| {
                page.address == first.address + at * PAGE_SIZE
                    && self.condition(page.address, overlay) == condition
            };
            let len = rest
                .iter()
                .enumerate()
                .take_while(|page| together(*page))
                .count();
            let (pages, after) = rest.split_at(len);
            rest = after;
            match condition {
                Condition::Dirty => {
                    for page in pages {
                        statistics.conflicts += self.merge(page, overlay, scratch);
                    }
                }
                Condition::Fresh => self.fill(tracker, pages, &mut opened)?,
                Condition::Clean => self.overwrite(tracker, pages, &mut opened)?,
            }
        }
        self.close(tracker, &opened)
    }

    fn condition(&self, page: usize, overlay: &dyn Overlay) -> Condition {
        if self.pending.get(self.index(page)) || overlay.covers(page) {
            Condition::Dirty
        } else if self.baseline.is_present(page) {
            Condition::Clean
        } else {
            Condition::Fresh
        }
    }

    /// Applies a change to a page that this process has changed too. Returns the number of bytes that both changed.
    fn merge(&mut self, page: &PageChange, overlay: &mut dyn Overlay, now: &mut Page) -> usize {
        self.live.load_page(page.address, now);
        let local = delta::compare(now, self.baseline.page(page.address));
        let mut taken = page.change.mask();
        let all = taken.count();
        taken.subtract(&local);
        if overlay.covers(page.address) {
            let mut held = Mask::EMPTY;
            overlay.hold(page.address, self.baseline.page(page.address), &mut held);
            taken.subtract(&held);
        }
        let baseline = self.baseline.page_mut(page.address);
        page.change.apply(baseline);
        self.live.store_masked(page.address, baseline, &taken);
        all - taken.count()
    }

    /// Applies changes to adjacent pages that nobody has written here.
    fn fill(
        &mut self,
        tracker: &mut dyn Tracker,
        pages: &[PageChange],
        opened: &mut Vec<MemoryRange>,
    ) -> Result<(), Error> {
        let run = run_of(pages);
        self.baseline.expect(run.start(), run.pages());
        self.baseline.populate(run);
        for page in pages {
            page.change.apply(self.baseline.page_mut(page.address));
        }
        let installed = tracker.install(run, self.baseline.run(run));
        let pages = &pages[installed.min(pages.len())..];
        if pages.is_empty() {
            return Ok(());
        }
        // The program has read these, or the tracker cannot do this.
        let run = run_of(pages);
        tracker.open(run)?;
        self.live.populate(run)?;
        opened.push(run);
        for page in pages {
            self.live.store_masked(
                page.address,
                self.baseline.page(page.address),
                &page.change.mask(),
            );
        }
        Ok(())
    }

    /// Applies changes to adjacent pages that equal the baseline.
    fn overwrite(
        &mut self,
        tracker: &mut dyn Tracker,
        pages: &[PageChange],
        opened: &mut Vec<MemoryRange>,
    ) -> Result<(), Error> {
        let run = run_of(pages);
        tracker.open(run)?;
        opened.push(run);
        for page in pages {
            let baseline = self.baseline.page_mut(page.address);
            page.change.apply(baseline);
            match &page.change {
                Change::Whole(values) => self.live.store(page.address, *values),
                Change::Masked { mask, .. } => self.live.store_masked(page.address, baseline, mask),
                runs => runs
                    .for_each_run(&mut |start, bytes| self.live.store(page.address + start, bytes)),
            }
        }
        Ok(())
    }

    /// Ends the injection into the opened runs. What other threads wrote there meanwhile is noted as pending.
    fn close(&mut self, tracker: &mut dyn Tracker, opened: &[MemoryRange]) -> Result<(), Error> {
        let (range, baseline, pending) = (self.range(), &self.baseline, &mut self.pending);
        for span in join(opened) {
            baseline.by_population(span, |span| {
                tracker.close(span, &mut |run| note(pending, range, run))
            })?;
        }
        for page in opened
            .iter()
            .flat_map(|run| (run.start()..run.end()).step_by(PAGE_SIZE))
        {
            let index = self.index(page);
            if self.live.holds(page, self.baseline.page(page)) {
                self.pending.clear(index);
            } else {
                self.pending.set(index);
            }
        }
        Ok(())
    }
}

/// The memory of adjacent pages; not empty.
fn run_of(pages: &[PageChange]) -> MemoryRange {
    let start = pages.first().expect("at least one page").address;
    MemoryRange::aligned(start, start + pages.len() * PAGE_SIZE)
}

/// Spans that cover the ascending `runs`, with the small gaps between them.
fn join(runs: &[MemoryRange]) -> impl Iterator<Item = MemoryRange> + '_ {
    let near = |a: &MemoryRange, b: &MemoryRange| b.start() - a.end() <= GAP;
    runs.chunk_by(near)
        .map(|runs| MemoryRange::aligned(runs[0].start(), runs[runs.len() - 1].end()))
}
