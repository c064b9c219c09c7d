//! Discontinuous incremental checkpointing: which bytes of a process's memory changed since they were last agreed upon, and how to
//! make another process's memory agree.
//!
//! ```text
//!            user threads write                           other ranks' deltas
//!                   │                                            │
//!            ┌──────▼──────┐  dirty pages   ┌──────────┐         │
//!            │   tracker   ├───────────────►│          │ publish │
//!            │ wp-async or │                │  Image   ├────────►│ segments
//!            │   sigsegv   │◄───────────────┤          │◄────────┘
//!            └─────────────┘  open / close  └────┬─────┘ inject
//!                                                │
//!                                          ┌─────▼────┐
//!                                          │ baseline │  memory as of the last synchronisation
//!                                          └──────────┘
//! ```
//!
//! [`Image::publish`] compares the dirty pages with the baseline, writes the differences as a [`delta`] and brings the baseline up to
//! date; [`Image::inject`] applies such a delta to baseline and memory. This crate is a leaf: it knows pages and bytes, but no network,
//! no OpenMP, no environment variables. Everything unsafe, and every system call, is below `sys`.

mod baseline;
mod bitmap;
pub mod delta;
mod error;
mod image;
mod page;
mod probe;
mod range;
mod scope;
mod sys;
mod tracker;

pub use delta::Mask;
pub use error::Error;
pub use image::{Exactness, Image, InjectStatistics, Overlay, Plain, PublishStatistics};
pub use page::{PAGE_SIZE, Page};
pub use probe::{TrackerKind, choose, choose_with};
pub use range::{ByteRange, Initial, MemoryRange, TrackedRange, Use};
pub use tracker::sigsegv::pretouch;
