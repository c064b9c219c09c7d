//! The figures as a table for people and as JSON for programs, and the verdict.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use crate::machine::Machine;
use crate::program::Variant;
use crate::statistics::Times;
use crate::traffic::Traffic;

/// Everything one call measured. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) size: u32,
    pub(crate) ranks: u32,
    pub(crate) runs: u32,
    pub(crate) checksum: String,
    pub(crate) sequential: Times,
    pub(crate) openmp: Times,
    pub(crate) cape: Times,
    pub(crate) bound: f64,
    pub(crate) traffic: Traffic,
    pub(crate) bytes_bound: f64,
}

impl Report {
    /// Median of caperun to median of gcc -fopenmp.
    pub(crate) fn ratio(&self) -> f64 {
        self.cape.median / self.openmp.median
    }

    /// Both bounds are kept.
    pub(crate) fn within_bounds(&self) -> bool {
        self.ratio() <= self.bound && self.traffic.ratio() <= self.bytes_bound
    }

    /// All fields, and what follows from them.
    pub(crate) fn to_json(&self) -> String {
        let mut value =
            serde_json::to_value(self).expect("the report has string keys and finite numbers only");
        value["ratio"] = json!(self.ratio());
        value["ratio_of_minima"] = json!(self.cape.min / self.openmp.min);
        value["bytes_ratio"] = json!(self.traffic.ratio());
        value["within_bounds"] = json!(self.within_bounds());
        format!("{value:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            cores,
            memory_bytes,
            kernel,
            gcc,
        } = &self.machine;
        writeln!(
            f,
            "{cpu}, {cores} cores, {} MiB, Linux {kernel}, {gcc}",
            memory_bytes >> 20
        )?;
        writeln!(
            f,
            "matmul {}, {} ranks or threads, whole process, {} rounds",
            self.size, self.ranks, self.runs
        )?;
        writeln!(f, "{}\n", self.checksum)?;
        writeln!(
            f,
            "{:<22} {:>10} {:>10} {:>10} {:>8}",
            "", "median s", "min s", "max s", "ratio"
        )?;
        let rows = [&self.sequential, &self.openmp, &self.cape];
        for (variant, times) in Variant::ALL.into_iter().zip(rows) {
            let Times {
                median, min, max, ..
            } = times;
            let ratio = median / self.openmp.median;
            writeln!(
                f,
                "{variant:<22} {median:>10.4} {min:>10.4} {max:>10.4} {ratio:>8.3}"
            )?;
        }
        let verdict = |kept: bool| if kept { "kept" } else { "EXCEEDED" };
        let Traffic { moved, required } = self.traffic;
        writeln!(f)?;
        let kept = verdict(self.ratio() <= self.bound);
        writeln!(
            f,
            "time:  {:.3} x gcc -fopenmp, bound {:.3}: {kept}",
            self.ratio(),
            self.bound
        )?;
        let kept = verdict(self.traffic.ratio() <= self.bytes_bound);
        let ratio = self.traffic.ratio();
        writeln!(
            f,
            "bytes: {moved} moved, {required} needed by hand: {ratio:.3} x, bound {:.3}: {kept}",
            self.bytes_bound
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(openmp: f64, cape: f64, moved: u64) -> Report {
        let times = |seconds| Times::new(vec![seconds]).expect("one value");
        Report {
            machine: Machine {
                cpu: "c".into(),
                cores: 2,
                memory_bytes: 0,
                kernel: "k".into(),
                gcc: "g".into(),
            },
            size: 10,
            ranks: 2,
            runs: 1,
            checksum: "x".into(),
            sequential: times(2.0),
            openmp: times(openmp),
            cape: times(cape),
            bound: 1.10,
            traffic: Traffic {
                moved,
                required: 1000,
            },
            bytes_bound: 1.15,
        }
    }

    #[test]
    fn either_bound_fails_the_run() {
        assert!(report(1.0, 1.09, 1149).within_bounds());
        assert!(!report(1.0, 1.11, 1149).within_bounds());
        assert!(!report(1.0, 1.09, 1151).within_bounds());
    }

    #[test]
    fn the_table_and_the_json_carry_the_verdict() {
        let report = report(1.0, 1.2, 1000);
        assert!(
            report
                .to_string()
                .contains("time:  1.200 x gcc -fopenmp, bound 1.100: EXCEEDED")
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("valid JSON");
        assert_eq!(json["within_bounds"], json!(false));
        assert_eq!(json["cape"]["median"], json!(1.2));
        assert_eq!(json["machine"]["cores"], json!(2));
    }
}
