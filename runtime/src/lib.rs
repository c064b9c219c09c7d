//! The CAPE runtime: what programs built by `capec` link, and what `caperun` shares with them.
//!
//! ```text
//!  translated C ──► ffi/*          cape.h, omp.h and the wrapped C library
//!                    │
//!        region  sync  loops       fork, barrier, join; locks; schedules
//!                    │
//!                 memory           publish and catch up: deltas and operations       ──► ckpt-incremental
//!                    │
//!                exchange          inbox, background polling, control protocol       ──► transport
//! ```
//!
//! A program runs `main` on the *driver* (rank 0); the other ranks, the *workers*, start in [`session::start`], never reach `main` and
//! carry out the driver's orders in [`region::serve`]. The addresses at which everything lies are in [`layout`].

pub mod binding;
pub mod cells;
pub mod config;
pub mod context;
pub mod control;
pub mod display;
pub mod distribution;
pub mod entry;
pub mod exchange;
pub mod failure;
pub mod ffi;
pub mod files;
pub mod gather;
pub mod heap;
pub mod icv;
pub mod identity;
pub mod joining;
pub mod layout;
pub mod libraries;
pub mod local;
pub mod locks;
pub mod loops;
pub mod marks;
pub mod memory;
pub mod nest;
pub mod ordered;
pub mod os;
pub mod outer;
pub mod places;
pub mod region;
pub mod relay;
pub mod session;
pub mod statistics;
pub mod sync;
pub mod tasks;
pub mod team;
pub mod waiting;
