//! The unit of tracking.

/// Bytes of a page. Fixed: deltas carry page addresses, so all ranks must agree on it.
pub const PAGE_SIZE: usize = 4096;

/// The contents of a page.
pub type Page = [u8; PAGE_SIZE];

/// The address of the page that holds `address`.
pub(crate) const fn page_of(address: usize) -> usize {
    address & !(PAGE_SIZE - 1)
}

/// A page's worth of a slice.
pub(crate) fn as_page(bytes: &[u8]) -> &Page {
    bytes.try_into().expect("the caller slices PAGE_SIZE bytes")
}

/// A page's worth of a slice.
pub(crate) fn as_page_mut(bytes: &mut [u8]) -> &mut Page {
    bytes.try_into().expect("the caller slices PAGE_SIZE bytes")
}
