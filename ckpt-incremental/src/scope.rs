//! What a publication looks at: arbitrary byte ranges, put in order, and turned into pages with a mask where a page is only partly in.

use crate::delta::Mask;
use crate::page::{PAGE_SIZE, page_of};
use crate::range::{ByteRange, MemoryRange};

/// Sorted, disjoint, non-adjacent, non-empty byte ranges.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pieces: Vec<ByteRange>,
}

impl Scope {
    /// The part of `scope` that lies in `within`.
    pub(crate) fn clip(scope: &[ByteRange], within: MemoryRange) -> Scope {
        let clipped = scope.iter().map(|piece| ByteRange {
            start: piece.start.max(within.start()),
            end: piece.end.min(within.end()),
        });
        let mut sorted: Vec<ByteRange> = clipped.filter(|piece| piece.start < piece.end).collect();
        sorted.sort_unstable_by_key(|piece| piece.start);
        let mut pieces: Vec<ByteRange> = Vec::with_capacity(sorted.len());
        for piece in sorted {
            match pieces.last_mut() {
                Some(last) if piece.start <= last.end => last.end = last.end.max(piece.end),
                _ => pieces.push(piece),
            }
        }
        Scope { pieces }
    }

    /// The pages that hold any byte of the scope, as ascending, non-adjacent ranges.
    pub(crate) fn spans(&self) -> Vec<MemoryRange> {
        let mut spans: Vec<MemoryRange> = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let (start, end) = (page_of(piece.start), piece.end.next_multiple_of(PAGE_SIZE));
            match spans.last_mut() {
                Some(last) if start <= last.end() => {
                    *last = MemoryRange::aligned(last.start(), last.end().max(end));
                }
                _ => spans.push(MemoryRange::aligned(start, end)),
            }
        }
        spans
    }

    /// Which bytes of the page at `page` are in scope; `None`: all of them.
    pub(crate) fn mask(&self, page: usize) -> Option<Mask> {
        let first = self.pieces.partition_point(|piece| piece.end <= page);
        let piece = self.pieces.get(first)?;
        if piece.start <= page && piece.end >= page + PAGE_SIZE {
            return None;
        }
        let mut mask = Mask::EMPTY;
        for piece in self.pieces[first..]
            .iter()
            .take_while(|piece| piece.start < page + PAGE_SIZE)
        {
            mask.set_run(
                piece.start.max(page) - page,
                piece.end.min(page + PAGE_SIZE) - page,
            );
        }
        Some(mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(pieces: &[(usize, usize)]) -> Scope {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|(start, end)| ByteRange {
                start: *start,
                end: *end,
            })
            .collect();
        Scope::clip(&pieces, MemoryRange::new(0x1000, 0x9000).unwrap())
    }

    #[test]
    fn pieces_are_sorted_clipped_and_joined() {
        let scope = scope(&[
            (0x5000, 0x5800),
            (0, 0x1010),
            (0x5800, 0x6001),
            (0x20, 0x10),
            (0x8fff, 0xffff),
        ]);
        let spans: Vec<_> = scope
            .spans()
            .iter()
            .map(|span| (span.start(), span.end()))
            .collect();
        assert_eq!(
            spans,
            [(0x1000, 0x2000), (0x5000, 0x7000), (0x8000, 0x9000)]
        );
        assert_eq!(scope.mask(0x1000).unwrap().count(), 0x10);
        assert!(scope.mask(0x5000).is_none());
        assert_eq!(scope.mask(0x6000).unwrap().count(), 1);
        assert_eq!(scope.mask(0x8000).unwrap().0[63], 1 << 63);
    }

    #[test]
    fn several_pieces_of_one_page() {
        let scope = scope(&[(0x3001, 0x3003), (0x3010, 0x3080)]);
        assert_eq!(scope.spans().len(), 1);
        let mask = scope.mask(0x3000).unwrap();
        assert_eq!(
            (mask.0[0], mask.0[1], mask.0[2]),
            (0xffff_ffff_ffff_0006, u64::MAX, 0)
        );
    }
}
