//! `declare reduction`: its parts (OpenMP 5.2 section 5.5.11).

use std::ops::Range;

/// `(name : types : combiner) initializer(...)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The reduction identifier: a name or an operator.
    pub name: Range<usize>,
    /// The types it is declared for.
    pub types: Vec<Range<usize>>,
    /// The combiner, an expression of `omp_out` and `omp_in`.
    pub combiner: Range<usize>,
    /// The initializer; the flag: it is what follows `omp_priv =`, and not a call.
    pub initializer: Option<(bool, Range<usize>)>,
}
