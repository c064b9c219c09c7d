//! The CAPE runtime. (the rest follows with ckpt-incremental)
pub mod control;
