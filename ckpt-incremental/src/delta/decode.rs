//! Reading segments, which may come from anybody: everything is checked before anything is returned.

use super::{CHECKED_FROM, HEADER, MAGIC, MASKED, Mask, RUNS, VERSION, WHOLE};
use crate::error::Error;
use crate::page::{PAGE_SIZE, Page};
use crate::sys::simd;

/// What happened to one page.
#[derive(Clone, Debug)]
pub struct PageChange<'a> {
    /// The page's address.
    pub address: usize,
    /// Its new bytes.
    pub change: Change<'a>,
}

/// New bytes of a page.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// All of them.
    Whole(&'a Page),
    /// Those of a mask, packed.
    Masked {
        /// Which.
        mask: Box<Mask>,
        /// As many bytes as the mask has.
        packed: &'a [u8],
    },
    /// Runs of adjacent bytes.
    Runs {
        /// Offset and length of each, little endian.
        table: &'a [[u8; 4]],
        /// Their bytes, one run after the other.
        packed: &'a [u8],
    },
}

impl<'a> Change<'a> {
    /// Number of bytes.
    pub fn count(&self) -> usize {
        match self {
            Change::Whole(page) => page.len(),
            Change::Masked { packed, .. } | Change::Runs { packed, .. } => packed.len(),
        }
    }

    /// Which bytes.
    pub fn mask(&self) -> Mask {
        match self {
            Change::Whole(_) => Mask::FULL,
            Change::Masked { mask, .. } => (**mask).clone(),
            Change::Runs { .. } => {
                let mut mask = Mask::EMPTY;
                self.for_each_run(&mut |start, bytes| mask.set_run(start, start + bytes.len()));
                mask
            }
        }
    }

    /// Puts the bytes to their places.
    pub fn apply(&self, page: &mut Page) {
        match self {
            Change::Whole(values) => page.copy_from_slice(*values),
            Change::Masked { mask, packed } => simd::unpack(packed, &mask.0, page),
            Change::Runs { .. } => {
                self.for_each_run(&mut |start, bytes| {
                    page[start..start + bytes.len()].copy_from_slice(bytes)
                });
            }
        }
    }

    /// Calls `visit` with offset and bytes of each run of a `Runs`; does nothing for the others.
    pub(crate) fn for_each_run(&self, visit: &mut dyn FnMut(usize, &'a [u8])) {
        let Change::Runs { table, packed } = self else {
            return;
        };
        let mut rest = *packed;
        for entry in *table {
            let (start, len) = run(entry);
            let (bytes, after) = rest.split_at(len);
            visit(start, bytes);
            rest = after;
        }
    }
}

fn run(entry: &[u8; 4]) -> (usize, usize) {
    let [a, b, c, d] = *entry;
    (
        usize::from(u16::from_le_bytes([a, b])),
        usize::from(u16::from_le_bytes([c, d])),
    )
}

/// What is left to read, and where it is.
struct Reader<'a> {
    segment: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, Error> {
        Err(Error::Malformed {
            offset: self.at,
            reason,
        })
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let Some(bytes) = self.segment[self.at..].get(..len) else {
            return self.fail("it ends in the middle of a page");
        };
        self.at += len;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        Ok(self
            .take(N)?
            .try_into()
            .expect("take returns the length asked for"))
    }

    fn word(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(*self.array()?))
    }
}

/// Decodes a segment. `contains` says whether the page at an address belongs to the image.
///
/// # Errors
/// [`Error::Malformed`] if anything at all is wrong with it, [`Error::Foreign`] if a page is not the image's.
pub fn decode<'a>(
    segment: &'a [u8],
    contains: &dyn Fn(usize) -> bool,
) -> Result<Vec<PageChange<'a>>, Error> {
    let count = check_header(segment)?;
    let mut reader = Reader {
        segment,
        at: HEADER,
    };
    // A page takes at least 15 bytes: a lying header cannot make this allocate more than a small multiple of the segment.
    let mut pages: Vec<PageChange> = Vec::with_capacity(count.min(segment.len() / 15));
    for _ in 0..count {
        let start = reader.at;
        let page = decode_page(&mut reader)?;
        if pages
            .last()
            .is_some_and(|last| last.address >= page.address)
        {
            return Err(Error::Malformed {
                offset: start,
                reason: "its pages are not in ascending order",
            });
        }
        if !contains(page.address) {
            return Err(Error::Foreign {
                address: page.address,
                len: PAGE_SIZE,
            });
        }
        pages.push(page);
    }
    if reader.at != segment.len() {
        return reader.fail("bytes follow the last page");
    }
    Ok(pages)
}

fn check_header(segment: &[u8]) -> Result<usize, Error> {
    let fail = |offset, reason| Err(Error::Malformed { offset, reason });
    let word = |at: usize| {
        u32::from_le_bytes(
            segment[at..at + 4]
                .try_into()
                .expect("four bytes of the header"),
        )
    };
    if segment.len() < HEADER {
        return fail(segment.len(), "it is shorter than its header");
    }
    if segment[..4] != MAGIC {
        return fail(0, "it does not start with the mark of a delta");
    }
    if segment[4..6] != VERSION.to_le_bytes() || segment[6..8] != [0, 0] {
        return fail(4, "its version is unknown");
    }
    if usize::try_from(word(16)).is_ok_and(|payload| payload != segment.len() - HEADER) {
        return fail(16, "its length is not the length it states");
    }
    if crc32fast::hash(&segment[CHECKED_FROM..]) != word(8) {
        return fail(8, "its checksum does not match");
    }
    Ok(word(12) as usize)
}

fn decode_page<'a>(reader: &mut Reader<'a>) -> Result<PageChange<'a>, Error> {
    let word = reader.word()?;
    let kind = word % PAGE_SIZE as u64;
    let Ok(address) = usize::try_from(word - kind) else {
        return reader.fail("an address is too large");
    };
    let change = match kind {
        WHOLE => Change::Whole(reader.array()?),
        MASKED => decode_mask(reader)?,
        RUNS => decode_runs(reader)?,
        _ => return reader.fail("the kind of a page is unknown"),
    };
    Ok(PageChange { address, change })
}

fn decode_mask<'a>(reader: &mut Reader<'a>) -> Result<Change<'a>, Error> {
    let blocks = reader.word()?;
    if blocks == 0 {
        return reader.fail("a mask is empty");
    }
    let mut mask = Box::new(Mask::EMPTY);
    let mut rest = blocks;
    while rest != 0 {
        let word = reader.word()?;
        if word == 0 {
            return reader.fail("the mask of a changed block is empty");
        }
        mask.0[rest.trailing_zeros() as usize] = word;
        rest &= rest - 1;
    }
    let packed = reader.take(mask.count())?;
    Ok(Change::Masked { mask, packed })
}

fn decode_runs<'a>(reader: &mut Reader<'a>) -> Result<Change<'a>, Error> {
    let count = usize::from(u16::from_le_bytes(*reader.array()?));
    if count == 0 {
        return reader.fail("a page has no runs");
    }
    let (table, _) = reader.take(4 * count)?.as_chunks::<4>();
    let (mut total, mut free) = (0, 0);
    for entry in table {
        let (start, len) = run(entry);
        if len == 0 || start + len > PAGE_SIZE {
            return reader.fail("a run is empty or leaves its page");
        }
        if start < free {
            return reader.fail("runs touch or are not in ascending order");
        }
        free = start + len + 1;
        total += len;
    }
    Ok(Change::Runs {
        table,
        packed: reader.take(total)?,
    })
}
