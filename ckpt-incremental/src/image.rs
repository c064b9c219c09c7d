//! The image: the memory that all ranks share by contract, with what this rank knows about it.
//!
//! Both operations leave one invariant: **memory equals the baseline, except in pages that the tracker will report or that are noted as
//! pending.** Publishing takes the dirty pages, then copies each once and publishes exactly what the baseline gets; injecting writes the baseline, and
//! memory where it has not been changed locally. User threads may be writing meanwhile: what they write between taking and copying is
//! published and found again (without a difference); what they write into a page while it is open for injection is found by comparing
//! after it has been closed.

mod region;

use std::time::{Duration, Instant};

use crate::delta::{self, Encoder, Mask};
use crate::error::Error;
use crate::page::{PAGE_SIZE, Page};
use crate::probe::TrackerKind;
use crate::range::{ByteRange, Initial, MemoryRange, TrackedRange};
use crate::scope::Scope;
use crate::sys::live::Live;
use crate::tracker::Tracker;
use crate::tracker::sigsegv::Sigsegv;
use crate::tracker::wp_async::WpAsync;
use region::Region;

/// What a published segment may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Exactly the bytes that changed: other ranks may have written their neighbours.
    Exact,
    /// No other rank holds unpublished writes, as the caller guarantees: a page may travel whole where that is cheaper.
    SoleWriter,
}

/// What a publication did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishStatistics {
    /// Pages that the tracker reported within the scope.
    pub pages_dirty: usize,
    /// Pages in which anything had changed.
    pub pages_changed: usize,
    /// Bytes that had changed.
    pub bytes_changed: usize,
    /// Bytes of all segments.
    pub bytes_encoded: usize,
    /// Segments emitted.
    pub segments: usize,
    /// Asking the tracker and re-arming it.
    pub tracking: Duration,
    /// Comparing, encoding, and whatever `emit` did.
    pub diffing: Duration,
}

/// What an injection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InjectStatistics {
    /// Pages of the segment.
    pub pages: usize,
    /// Address of the first of them; 0 if there is none.
    pub first: usize,
    /// Address of the end of the last of them; 0 if there is none.
    pub end: usize,
    /// Bytes of memory that the baseline took.
    pub bytes: usize,
    /// Bytes that memory kept because this process had changed them too: a data race of the program.
    pub conflicts: usize,
}

/// Bytes that memory holds on behalf of somebody else: values that are ahead of what the caller wants to be published as bytes.
///
/// While an overlay covers a page, the image neither publishes those bytes nor writes them to memory; its baseline takes them.
pub trait Overlay {
    /// Whether any byte of the page at address `page` is concerned.
    fn covers(&self, page: usize) -> bool;

    /// Gives those bytes of `now`, a copy of the page at address `page` as memory is, the values that are to be published and compared.
    /// True: the page has changes that must be looked at again.
    fn withdraw(&mut self, page: usize, now: &mut [u8; PAGE_SIZE]) -> bool;

    /// Adds to `held` the bytes of the page at address `page` that an injection must not write to memory. The page's baseline is
    /// about to change from `baseline`.
    fn hold(&mut self, page: usize, baseline: &[u8; PAGE_SIZE], held: &mut Mask);
}

/// No byte is anybody else's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Overlay for Plain {
    fn covers(&self, _page: usize) -> bool {
        false
    }

    fn withdraw(&mut self, _page: usize, _now: &mut [u8; PAGE_SIZE]) -> bool {
        false
    }

    fn hold(&mut self, _page: usize, _baseline: &[u8; PAGE_SIZE], _held: &mut Mask) {}
}

/// Tracked memory and its baseline.
#[derive(Debug)]
pub struct Image {
    /// Dropped first: it opens the memory again.
    tracker: Box<dyn Tracker>,
    kind: TrackerKind,
    /// In ascending order.
    regions: Vec<Region>,
    scratch: Box<Page>,
    spare: Vec<u8>,
}

impl Image {
    /// Starts tracking. The ranges need no order.
    ///
    /// # Safety
    /// The ranges are mapped readable and writable, as private anonymous or private file memory, and stay so while the image lives; nothing but
    /// the image changes their protection. No Rust reference to them exists that relies on their not changing.
    ///
    /// # Errors
    /// [`Error::Overlap`], [`Error::AddressSpace`], [`Error::Unavailable`], or what the kernel refused.
    #[allow(unsafe_code)]
    pub unsafe fn track(ranges: &[TrackedRange], kind: TrackerKind) -> Result<Image, Error> {
        // SAFETY: exactly the caller's promise.
        let lives = ranges
            .iter()
            .map(|tracked| unsafe { Live::new(tracked.range) })
            .collect();
        Image::start(ranges, lives, kind, |ranges| match kind {
            TrackerKind::WpAsync => Ok(Box::new(WpAsync::start(ranges)?)),
            TrackerKind::Sigsegv => Ok(Box::new(Sigsegv::start(ranges)?)),
        })
    }

    fn start(
        ranges: &[TrackedRange],
        lives: Vec<Live>,
        kind: TrackerKind,
        start: impl FnOnce(&[(&Live, TrackedRange)]) -> Result<Box<dyn Tracker>, Error>,
    ) -> Result<Image, Error> {
        let regions = lives
            .into_iter()
            .zip(ranges)
            .map(|(live, tracked)| Region::new(live, *tracked));
        let mut regions = regions.collect::<Result<Vec<Region>, Error>>()?;
        regions.sort_by_key(|region| region.range().start());
        if let Some(pair) = regions
            .windows(2)
            .find(|pair| pair[0].range().end() > pair[1].range().start())
        {
            return Err(Error::Overlap {
                address: pair[1].range().start(),
            });
        }
        let parts: Vec<_> = regions.iter().map(Region::parts).collect();
        let tracker = start(&parts)?;
        let mut scratch = Box::new([0; PAGE_SIZE]);
        for region in regions
            .iter_mut()
            .filter(|region| region.initial() == Initial::Current)
        {
            region.copy_to_baseline(&mut scratch);
        }
        Ok(Image {
            tracker,
            kind,
            regions,
            scratch,
            spare: Vec::new(),
        })
    }

    /// The tracker in use.
    pub fn kind(&self) -> TrackerKind {
        self.kind
    }

    /// Publishes what changed within `scope`: emits it as segments of about `segment_bytes`, each complete in itself, and brings the baseline up to date.
    ///
    /// `emit` takes a segment and returns a buffer to fill next, whose contents do not matter. Changes outside of `scope`, also on pages that are
    /// partly inside, are left for a later publication. Pieces of `scope` outside of the image are ignored.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the memory is not as promised to [`Image::track`]; nothing has been emitted then.
    pub fn publish(
        &mut self,
        scope: &[ByteRange],
        exactness: Exactness,
        segment_bytes: usize,
        emit: &mut dyn FnMut(Vec<u8>) -> Vec<u8>,
    ) -> Result<PublishStatistics, Error> {
        self.publish_with(scope, exactness, segment_bytes, &mut Plain, emit)
    }

    /// How many pages [`Image::publish`] would have to look at. They stay to be published.
    ///
    /// # Errors
    /// As for [`Image::publish`].
    pub fn dirty_pages(&mut self, scope: &[ByteRange]) -> Result<usize, Error> {
        let mut pages = 0;
        for region in &mut self.regions {
            for span in Scope::clip(scope, region.range()).spans() {
                pages += region.count_dirty(&mut *self.tracker, span)?;
            }
        }
        Ok(pages)
    }

    /// As [`Image::publish`], where some bytes are the overlay's.
    ///
    /// # Errors
    /// As for [`Image::publish`].
    pub fn publish_with(
        &mut self,
        scope: &[ByteRange],
        exactness: Exactness,
        segment_bytes: usize,
        overlay: &mut dyn Overlay,
        emit: &mut dyn FnMut(Vec<u8>) -> Vec<u8>,
    ) -> Result<PublishStatistics, Error> {
        let mut statistics = PublishStatistics::default();
        let started = Instant::now();
        let mut scopes = Vec::with_capacity(self.regions.len());
        for region in &mut self.regions {
            let scope = Scope::clip(scope, region.range());
            let spans = scope.spans();
            for span in &spans {
                region.take(&mut *self.tracker, *span)?;
            }
            scopes.push((scope, spans));
        }
        statistics.tracking = started.elapsed();

        let encoder = Some(Encoder::new(std::mem::take(&mut self.spare)));
        let mut segments = Segments {
            encoder,
            exactness,
            segment_bytes,
            overlay,
            emit,
            statistics: &mut statistics,
        };
        for (region, (scope, spans)) in self.regions.iter_mut().zip(&scopes) {
            for span in spans {
                region.publish(*span, scope, &mut self.scratch, &mut segments);
            }
        }
        self.spare = segments.finish();
        statistics.diffing = started.elapsed() - statistics.tracking;
        Ok(statistics)
    }

    /// Applies a segment that another rank published.
    ///
    /// The baseline takes every byte; memory takes it unless this process has changed that byte since it last published it. Pages that were clean stay
    /// clean, pages that were dirty stay dirty.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Foreign`]: nothing at all has been changed. [`Error::Kernel`]: the image is in an undefined state.
    pub fn inject(&mut self, segment: &[u8]) -> Result<InjectStatistics, Error> {
        self.inject_with(segment, &mut Plain)
    }

    /// As [`Image::inject`], where some bytes of memory are the overlay's.
    ///
    /// # Errors
    /// As for [`Image::inject`].
    pub fn inject_with(
        &mut self,
        segment: &[u8],
        overlay: &mut dyn Overlay,
    ) -> Result<InjectStatistics, Error> {
        let regions = &self.regions;
        let pages = delta::decode(segment, &|page| find(regions, page, PAGE_SIZE).is_some())?;
        let mut statistics = InjectStatistics {
            pages: pages.len(),
            first: pages.first().map_or(0, |page| page.address),
            end: pages.last().map_or(0, |page| page.address + PAGE_SIZE),
            ..InjectStatistics::default()
        };
        let mut rest = &pages[..];
        for region in &mut self.regions {
            let inside = rest.partition_point(|page| page.address < region.range().end());
            let (pages, after) = rest.split_at(inside);
            rest = after;
            if !pages.is_empty() {
                region.inject(
                    &mut *self.tracker,
                    pages,
                    overlay,
                    &mut self.scratch,
                    &mut statistics,
                )?;
            }
        }
        Ok(statistics)
    }

    /// Baseline and memory take exactly these bytes, whatever memory holds.
    ///
    /// Meant for single values, and made cheap for these: memory is written like the program would, so that a page may be found dirty
    /// next time; no byte of it will have changed.
    ///
    /// # Errors
    /// [`Error::Foreign`] if not all of the bytes lie in one tracked range; nothing has been changed then.
    pub fn store(&mut self, address: usize, bytes: &[u8]) -> Result<(), Error> {
        let at = index_of(&self.regions, address, bytes.len());
        let at = at.ok_or(Error::Foreign {
            address,
            len: bytes.len(),
        })?;
        self.regions[at].store(address, bytes);
        Ok(())
    }

    /// The baseline takes exactly these bytes; memory is left alone.
    ///
    /// # Errors
    /// [`Error::Foreign`] if not all of the bytes lie in one tracked range; nothing has been changed then.
    pub fn store_baseline(&mut self, address: usize, bytes: &[u8]) -> Result<(), Error> {
        let at = index_of(&self.regions, address, bytes.len());
        let at = at.ok_or(Error::Foreign {
            address,
            len: bytes.len(),
        })?;
        self.regions[at].store_baseline(address, bytes);
        Ok(())
    }

    /// Reads the baseline at `address`.
    ///
    /// # Errors
    /// [`Error::Foreign`] if not all of the bytes lie in one tracked range.
    pub fn baseline(&self, address: usize, out: &mut [u8]) -> Result<(), Error> {
        let region = find(&self.regions, address, out.len());
        let region = region.ok_or(Error::Foreign {
            address,
            len: out.len(),
        })?;
        region.read_baseline(address, out);
        Ok(())
    }

    /// The tracked ranges, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = MemoryRange> + '_ {
        self.regions.iter().map(Region::range)
    }

    /// Whether `len` bytes at `address` lie in one tracked range.
    pub fn contains(&self, address: usize, len: usize) -> bool {
        find(&self.regions, address, len).is_some()
    }

    /// Prepares memory for being written by a system call; see [`pretouch`](crate::pretouch), which needs no image.
    pub fn pretouch(&self, address: usize, len: usize) {
        self.tracker.pretouch(address, len);
    }
}

fn index_of(regions: &[Region], address: usize, len: usize) -> Option<usize> {
    let after = regions.partition_point(|region| region.range().end() <= address);
    regions
        .get(after)
        .is_some_and(|region| region.range().contains(address, len))
        .then_some(after)
}

fn find(regions: &[Region], address: usize, len: usize) -> Option<&Region> {
    index_of(regions, address, len).map(|at| &regions[at])
}

/// Segments being filled and emitted.
struct Segments<'a> {
    /// Always there, except while it is being exchanged.
    encoder: Option<Encoder>,
    exactness: Exactness,
    segment_bytes: usize,
    overlay: &'a mut dyn Overlay,
    emit: &'a mut dyn FnMut(Vec<u8>) -> Vec<u8>,
    statistics: &'a mut PublishStatistics,
}

impl Segments<'_> {
    /// Adds a page. `whole_page`: its bytes outside of `mask` may be published, too.
    fn add(&mut self, address: usize, values: &Page, mask: &Mask, whole_page: bool) {
        let exactness = if whole_page {
            self.exactness
        } else {
            Exactness::Exact
        };
        self.statistics.pages_changed += 1;
        let encoder = self.encoder.as_mut().expect("there is always an encoder");
        self.statistics.bytes_changed += encoder.add(address, values, mask, exactness);
        if encoder.len() >= self.segment_bytes {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let segment = self
            .encoder
            .take()
            .expect("there is always an encoder")
            .finish();
        self.statistics.segments += 1;
        self.statistics.bytes_encoded += segment.len();
        self.encoder = Some(Encoder::new((self.emit)(segment)));
    }

    /// Emits what is left; returns a buffer for the next publication.
    fn finish(mut self) -> Vec<u8> {
        if self
            .encoder
            .as_ref()
            .is_some_and(|encoder| !encoder.is_empty())
        {
            self.flush();
        }
        self.encoder.map(Encoder::into_buffer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
