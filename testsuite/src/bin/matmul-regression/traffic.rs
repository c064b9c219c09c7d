//! The bytes a job moved, from the table of `caperun --stats`, and those that the problem itself demands.

use serde::Serialize;

/// Payload bytes of the one parallel loop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Traffic {
    /// Sent by all ranks of the job.
    pub(crate) moved: u64,
    /// What a hand-written message-passing program must move.
    pub(crate) required: u64,
}

impl Traffic {
    /// How many times the required bytes were moved.
    pub(crate) fn ratio(&self) -> f64 {
        to_f64(self.moved) / to_f64(self.required)
    }
}

/// A and B to every worker, and every worker's rows of C back; `size` x `size` elements of an `int`.
///
/// A and B are initialised serially, so both travel once to each worker: a program that also sends only the needed rows of A
/// does better, and is not the measure here.
pub(crate) fn required(size: u32, ranks: u32) -> u64 {
    let (size, ranks) = (u64::from(size), u64::from(ranks));
    let matrix = size * size * 4;
    let driver_rows = size.div_ceil(ranks);
    (ranks - 1) * 2 * matrix + (size - driver_rows) * size * 4
}

/// The bytes in column `sent` of the line `total`, all ranks together.
///
/// Numbers are right-aligned under their headings, so a value ends where its heading ends:
///
/// ```text
/// region                   runs        computing   …   pages      sent  received
/// matmul.c:69 parallel for    1  max      350 ms   …  13,188  21.5 MiB  21.5 MiB
///                                mean     349 ms   …
/// total                       1  max      350 ms   …  13,188  21.5 MiB  21.5 MiB
/// ```
pub(crate) fn bytes_sent(table: &str) -> Result<u64, String> {
    find_sent(table).ok_or_else(|| {
        format!(
            "caperun --stats printed no table with a column `sent` and a line `total`:\n{table}"
        )
    })
}

fn find_sent(table: &str) -> Option<u64> {
    let mut lines = table.lines();
    let end = lines.by_ref().find_map(end_of_sent)?;
    let total = lines.find(|line| line.trim_start().starts_with("total"))?;
    let cell: String = total.chars().take(end).collect();
    let mut words = cell.split_whitespace().rev();
    let last = words.next()?;
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        parse_bytes(last, "B")
    } else {
        parse_bytes(words.next()?, last)
    }
}

/// In the heading line, the count of characters up to the end of the word `sent`.
fn end_of_sent(line: &str) -> Option<usize> {
    let has = |heading: &str| line.split_whitespace().any(|word| word == heading);
    if !has("region") || !has("received") {
        return None;
    }
    let start = line.find(" sent")?;
    Some(line[..start].chars().count() + " sent".len())
}

fn parse_bytes(number: &str, unit: &str) -> Option<u64> {
    let factor: f64 = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let value: f64 = number.replace(',', "").parse().ok()?;
    // Counts of bytes are far below 2^53 here, and not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (value >= 0.0).then_some((value * factor).round() as u64)
}

#[allow(clippy::cast_precision_loss)]
fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ranks_move_two_matrices_out_and_half_of_one_back() {
        assert_eq!(required(1500, 2), 2 * 9_000_000 + 4_500_000);
        assert_eq!(required(4, 1), 0);
        assert_eq!(required(5, 4), 3 * 200 + 3 * 20);
    }

    #[test]
    fn reads_the_total_with_and_without_a_separate_unit() {
        let table = "\
matmul: 0.350 s in the parallel loop
caperun: statistics of ./m on 2 ranks (1 of them sent none); times: the largest of any rank
region                   runs        computing    waiting   pages      sent   received
matmul.c:69 parallel for    1  max      350 ms    1.00 ms  13,188  21.5 MiB       12 B
                               mean     349 ms          0
total                       1  max      350 ms    1.00 ms  13,188  21.5 MiB       12 B
                               mean     349 ms          0
";
        assert_eq!(bytes_sent(table), Ok(22_544_384));
        let plain = "region   sent  received\nx       1,234         5\ntotal    1234         5\n";
        assert_eq!(bytes_sent(plain), Ok(1234));
    }

    #[test]
    fn a_table_in_another_form_is_an_error_that_shows_it() {
        assert!(
            bytes_sent("nothing here")
                .expect_err("no table")
                .contains("nothing here")
        );
        assert!(bytes_sent("region sent received\nonly 5 6\n").is_err());
        assert!(bytes_sent("region        sent received\ntotal   5 furlongs     5 B\n").is_err());
    }
}
