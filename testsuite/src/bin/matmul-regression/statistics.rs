//! Order statistics of a few wall-clock times: the median says what is typical, minimum and maximum how far to trust it.

use serde::Serialize;

/// Seconds of all runs of one variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Times {
    /// Every run, in the order of the rounds.
    pub(crate) seconds: Vec<f64>,
    /// The middle one (the mean of the middle two).
    pub(crate) median: f64,
    /// The shortest.
    pub(crate) min: f64,
    /// The longest.
    pub(crate) max: f64,
}

impl Times {
    /// Summarises `seconds`; `None` if there are none.
    pub(crate) fn new(seconds: Vec<f64>) -> Option<Self> {
        let mut sorted = seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Some(Self {
            seconds,
            median,
            min,
            max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_order_and_outliers() {
        let times = Times::new(vec![3.0, 1.0, 100.0]).expect("three values");
        assert_eq!((times.median, times.min, times.max), (3.0, 1.0, 100.0));
        assert_eq!(times.seconds, [3.0, 1.0, 100.0]);
        assert_eq!(
            Times::new(vec![4.0, 1.0, 2.0, 3.0])
                .expect("four values")
                .median,
            2.5
        );
        assert_eq!(Times::new(vec![]), None);
    }
}
