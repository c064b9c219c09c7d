//! `capec`: a drop-in C compiler driver that translates OpenMP constructs into calls of the CAPE runtime.
//!
//! The pipeline, in order:
//!
//! ```text
//! command line ─► args (flag table, response files) ─► options (one resolved command)
//!                                                            │
//!      per C input:  driver ─► toolchain (gcc -E) ─► translate ─► toolchain (gcc -x cpp-output)
//!                                                            │
//!      at the end:   link (runtime library, linker fragment, wrapped symbols; layout says where they are)
//! ```
//!
//! `args` to `link` know gcc's command line and nothing of OpenMP; `translate` knows OpenMP and nothing of files or
//! processes. They meet in [`translate::Unit`] and [`translate::Outcome`]; [`messages`] says how both want to be heard.

pub mod args;
pub mod driver;
pub mod error;
pub mod interrupt;
pub mod layout;
pub mod link;
pub mod messages;
pub mod naming;
pub mod options;
pub mod response;
pub mod source;
pub mod symbols;
pub mod toolchain;
pub mod translate;
