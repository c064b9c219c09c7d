//! The baseline of one range: a shadow of the same length that holds memory as of the last synchronisation.
//!
//! Reserved in one go, backed only where pages were written: ranges may be terabytes of address space. A page that is not *present*
//! in the baseline of a zero-filled range is all zeros, and neither read nor backed.
//!
//! Shadow memory is taken in huge pages where a whole group of 512 pages fills up at once, as it does for arrays: first touch is then four times
//! cheaper. Not elsewhere: one page per group would cost two MiB each.

use crate::bitmap::PageBitmap;
use crate::delta::Mask;
use crate::error::Error;
use crate::page::{PAGE_SIZE, Page, as_page, as_page_mut};
use crate::range::{Initial, MemoryRange};
use crate::sys::map::{HUGE_PAGE, Mapping};
use crate::tracker::{Population, Span};

/// Pages of a huge page.
const GROUP: usize = HUGE_PAGE / PAGE_SIZE;
/// Pages written to an empty group at once that make a huge page worth its memory.
const DENSE: usize = 48;
/// Separate stretches of huge pages: each costs two of the process's limited number of mappings (vm.max_map_count).
const MAX_STRETCHES: usize = 512;

/// Pages that are worth a call of the kernel rather than a fault each.
const MANY: usize = 4;

/// A page that nobody wrote.
pub(crate) static ZERO: Page = [0; PAGE_SIZE];

/// The baseline of one range.
#[derive(Debug)]
pub(crate) struct Baseline {
    range: MemoryRange,
    shadow: Mapping,
    /// Pages that were ever written to the shadow; `None`: all.
    present: Option<PageBitmap>,
    /// Where huge pages are allowed: bit = group, counted from the range's first group.
    huge: PageBitmap,
    stretches: usize,
}

impl Baseline {
    /// The baseline of a range that is zero, or whose contents are yet to be copied to [`Baseline::page_mut`] of every page.
    pub(crate) fn new(range: MemoryRange, initial: Initial) -> Result<Baseline, Error> {
        // The shadow's huge pages coincide with the range's groups of pages.
        let shadow = Mapping::congruent(range.len(), range.start(), "the baseline")?;
        let present = match initial {
            Initial::Zero => Some(PageBitmap::new(range.pages(), "the baseline's page map")?),
            Initial::Current => None,
        };
        let groups = range.end().div_ceil(HUGE_PAGE) - range.start() / HUGE_PAGE;
        let huge = PageBitmap::new(groups, "the baseline's page map")?;
        Ok(Baseline {
            range,
            shadow,
            present,
            huge,
            stretches: 0,
        })
    }

    fn index(&self, page: usize) -> usize {
        (page - self.range.start()) / PAGE_SIZE
    }

    /// Whether anything but zeros was ever written to the page at address `page`.
    pub(crate) fn is_present(&self, page: usize) -> bool {
        self.present
            .as_ref()
            .is_none_or(|present| present.get(self.index(page)))
    }

    /// Calls `visit` with the parts of `range`, in order, told apart by whether all their pages are present.
    pub(crate) fn by_population<E>(
        &self,
        range: MemoryRange,
        mut visit: impl FnMut(Span) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut part: Option<Span> = None;
        let mut at = range.start();
        while at < range.end() {
            let end = match &self.present {
                None => range.end(),
                // All groups before the next page that is present are alike.
                Some(present) => match present.first(self.index(at), self.index(range.end())) {
                    None => range.end(),
                    Some(next) => {
                        let group = group_of(self.range.start() + next * PAGE_SIZE);
                        let end = if group.start() > at {
                            group.start()
                        } else {
                            group.end()
                        };
                        end.min(range.end())
                    }
                },
            };
            let complete = |present: &PageBitmap| {
                present.count_in(self.index(at), self.index(end)) == (end - at) / PAGE_SIZE
            };
            let population = match &self.present {
                Some(present) if !complete(present) => Population::Unknown,
                _ => Population::Complete,
            };
            part = Some(match part {
                Some(part) if part.population == population => Span {
                    range: MemoryRange::aligned(part.range.start(), end),
                    population,
                },
                other => {
                    other.map_or(Ok(()), &mut visit)?;
                    Span {
                        range: MemoryRange::aligned(at, end),
                        population,
                    }
                }
            });
            at = end;
        }
        part.map_or(Ok(()), visit)
    }

    /// The contents of the page at address `page`.
    pub(crate) fn page(&self, page: usize) -> &Page {
        if !self.is_present(page) {
            return &ZERO;
        }
        let offset = page - self.range.start();
        as_page(&self.shadow.bytes()[offset..offset + PAGE_SIZE])
    }

    /// The contents of the page at address `page`, to be changed.
    pub(crate) fn page_mut(&mut self, page: usize) -> &mut Page {
        let index = self.index(page);
        if let Some(present) = &mut self.present {
            present.set(index);
        }
        let offset = page - self.range.start();
        as_page_mut(&mut self.shadow.bytes_mut()[offset..offset + PAGE_SIZE])
    }

    /// The 64-byte blocks of the page at address `page` that `changed` touches become those of `values`.
    pub(crate) fn update(&mut self, page: usize, values: &Page, changed: &Mask) {
        let baseline = self.page_mut(page);
        let blocks = baseline
            .chunks_exact_mut(64)
            .zip(values.chunks_exact(64))
            .zip(&changed.0);
        blocks
            .filter(|(_, bits)| **bits != 0)
            .for_each(|((baseline, value), _)| baseline.copy_from_slice(value));
    }

    /// The contents of all of `run`, which must be present.
    pub(crate) fn run(&self, run: MemoryRange) -> &[u8] {
        let offset = run.start() - self.range.start();
        &self.shadow.bytes()[offset..offset + run.len()]
    }

    /// Reads `out.len()` bytes at `address`, all inside the range.
    pub(crate) fn read(&self, address: usize, out: &mut [u8]) {
        let mut done = 0;
        while done < out.len() {
            let at = address + done;
            let offset = at % PAGE_SIZE;
            let len = (PAGE_SIZE - offset).min(out.len() - done);
            out[done..done + len].copy_from_slice(&self.page(at - offset)[offset..offset + len]);
            done += len;
        }
    }

    /// Says that all pages of `run` will be written now: one call of the kernel instead of a fault for each.
    pub(crate) fn populate(&mut self, run: MemoryRange) {
        if run.pages() >= MANY {
            self.shadow
                .populate(run.start() - self.range.start(), run.len());
        }
    }

    /// Says that about `pages` pages of the group that holds the page at address `page` will be written now.
    pub(crate) fn expect(&mut self, page: usize, pages: usize) {
        let group = page / HUGE_PAGE;
        let bit = group - self.range.start() / HUGE_PAGE;
        let whole = self.range.contains(group * HUGE_PAGE, HUGE_PAGE);
        if pages < DENSE || !whole || self.huge.get(bit) {
            return;
        }
        let lonely = !(bit > 0 && self.huge.get(bit - 1));
        if lonely && self.stretches == MAX_STRETCHES {
            return;
        }
        self.stretches += usize::from(lonely);
        self.huge.set(bit);
        self.shadow
            .advise_huge(group * HUGE_PAGE - self.range.start(), HUGE_PAGE);
    }
}

/// The group of pages that [`Baseline::expect`] is about.
pub(crate) fn group_of(page: usize) -> MemoryRange {
    let start = page / HUGE_PAGE * HUGE_PAGE;
    MemoryRange::aligned(start, start + GROUP * PAGE_SIZE)
}
