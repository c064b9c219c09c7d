//! The C side: what translated code (`cape.h`), OpenMP programs (`omp.h`) and the linker's `--wrap` call. Every function here converts
//! its arguments, calls one safe function of the runtime, and converts back.
#![allow(unsafe_code)]

pub mod alloc;
pub mod error;
pub mod files;
pub mod libraries;
pub mod locks;
pub mod loops;
pub mod mappings;
pub mod mpi;
pub mod omp;
pub mod ordered;
pub mod region;
pub mod scratch;
pub mod site;
pub mod start;
pub mod stdio;
pub mod sync;
pub mod tasks;
