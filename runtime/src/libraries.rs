//! The user's shared libraries: those that `capec` linked. Their globals belong to the image, and operators defined in them may be
//! named by any rank, just as the program's own.
//!
//! ```text
//! loader ─► each library's constructor: register ─► the program's first constructor: session::start takes the list ─► user's constructors
//!                                                   └── from here on a library with regions comes too late for a job of several ranks
//! ```
//!
//! All ranks load the same libraries in the same order without address randomisation, so they lie at the same addresses; the
//! coordinator compares them. Variables of a library to which the program refers directly are in the program (copy relocations); the
//! linker fragment gives them a section of their own, which is part of the image if there is a library.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::layout::Span;

/// One library that capec linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// File name, as the loader has it.
    pub name: String,
    /// Initialised globals, page aligned; may be empty.
    pub data: Span,
    /// Zero-initialised globals, page aligned; may be empty.
    pub bss: Span,
    /// Its code.
    pub text: Vec<Span>,
    /// It contains general atomic constructs.
    pub mixes_atomics: bool,
}

#[derive(Debug)]
struct Known {
    libraries: Vec<Library>,
    started: bool,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    libraries: Vec::new(),
    started: false,
});

static MIXES_ATOMICS: AtomicBool = AtomicBool::new(false);

/// When a library was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// With the program: its constructors will be run by the program's.
    AtStart,
    /// Later, by `dlopen`.
    Late,
}

/// Notes a library.
pub fn register(library: Library) -> Loaded {
    if library.mixes_atomics {
        MIXES_ATOMICS.store(true, Ordering::Relaxed);
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.started {
        return Loaded::Late;
    }
    known.libraries.push(library);
    Loaded::AtStart
}

/// The libraries loaded with the program, in the order of their initialisation. Those that come later are late.
pub fn at_start() -> Vec<Library> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.started = true;
    known.libraries.clone()
}

/// Whether any library known so far contains general atomic constructs.
pub fn mix_atomics() -> bool {
    MIXES_ATOMICS.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_start_is_late() {
        let span = Span {
            start: 0x1000,
            end: 0x2000,
        };
        let library = Library {
            name: "libx.so".into(),
            data: span,
            bss: Span { start: 0, end: 0 },
            text: vec![span],
            mixes_atomics: true,
        };
        assert_eq!(register(library.clone()), Loaded::AtStart);
        assert!(mix_atomics());
        assert_eq!(at_start(), std::slice::from_ref(&library));
        assert_eq!(register(library), Loaded::Late);
        assert_eq!(at_start().len(), 1);
    }
}
