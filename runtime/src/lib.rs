//! The CAPE runtime. (skeleton)
pub mod control;
