//! The table of `--stats`: one block per `parallel` construct, over all ranks.

use std::fmt::Write;

use crate::control::{LockStatistics, RankStatistics, SiteStatistics};

const HEADINGS: [&str; 11] = [
    "region",
    "runs",
    "",
    "computing",
    "tracking",
    "diffing",
    "moving",
    "waiting",
    "pages",
    "sent",
    "received",
];

type Row = [String; HEADINGS.len()];

/// A time with three significant digits in a readable unit.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s <= 0.0 => return "0".into(),
        s if s < 1e-3 => (s * 1e6, "us"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = if count == 0 {
        0
    } else {
        count.ilog2() as usize / 10
    };
    if power == 0 {
        return format!("{count} B");
    }
    format!(
        "{:.1} {}",
        count as f64 / (1u64 << (10 * power)) as f64,
        units[power]
    )
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn times(site: &SiteStatistics) -> [f64; 5] {
    [
        site.computing,
        site.tracking,
        site.diffing,
        site.moving,
        site.waiting,
    ]
}

fn row(name: &str, runs: &str, label: &str, seconds: [f64; 5], counts: Option<[u64; 3]>) -> Row {
    let [computing, tracking, diffing, moving, waiting] = seconds.map(time);
    let [pages, sent, received] = match counts {
        Some([pages, sent, received]) => [grouped(pages), bytes(sent), bytes(received)],
        None => Default::default(),
    };
    [
        name.into(),
        runs.into(),
        label.into(),
        computing,
        tracking,
        diffing,
        moving,
        waiting,
        pages,
        sent,
        received,
    ]
}

/// The figures of one site, by rank, as far as they are known.
struct Site<'a> {
    name: &'a str,
    by_rank: Vec<(usize, &'a SiteStatistics)>,
}

fn sites(ranks: &[Option<RankStatistics>]) -> Vec<Site<'_>> {
    let mut found: Vec<Site> = Vec::new();
    for (rank, statistics) in ranks.iter().enumerate() {
        for site in statistics.iter().flat_map(|one| &one.sites) {
            match found.iter_mut().find(|known| known.name == site.site) {
                Some(known) => known.by_rank.push((rank, site)),
                None => found.push(Site {
                    name: &site.site,
                    by_rank: vec![(rank, site)],
                }),
            }
        }
    }
    found
}

fn largest(all: &[[f64; 5]]) -> [f64; 5] {
    all.iter().fold([0.0; 5], |most, one| {
        std::array::from_fn(|k| most[k].max(one[k]))
    })
}

fn mean(all: &[[f64; 5]]) -> [f64; 5] {
    let sum = all.iter().fold([0.0; 5], |sum, one| {
        std::array::from_fn(|k| sum[k] + one[k])
    });
    sum.map(|value| value / all.len().max(1) as f64)
}

fn counts<'a>(all: impl Iterator<Item = &'a SiteStatistics>) -> [u64; 3] {
    all.fold([0u64; 3], |[pages, sent, received], site| {
        [
            pages.saturating_add(site.pages),
            sent.saturating_add(site.sent),
            received.saturating_add(site.received),
        ]
    })
}

fn site_rows(site: &Site, verbose: bool) -> Vec<Row> {
    let runs = grouped(
        site.by_rank
            .iter()
            .map(|(_, one)| one.runs)
            .max()
            .unwrap_or(0),
    );
    let all: Vec<[f64; 5]> = site.by_rank.iter().map(|(_, one)| times(one)).collect();
    let total = counts(site.by_rank.iter().map(|(_, one)| *one));
    let mut rows = vec![
        row(site.name, &runs, "max", largest(&all), Some(total)),
        row("", "", "mean", mean(&all), None),
    ];
    if verbose {
        let of_rank = |(rank, one): &(usize, &SiteStatistics)| {
            row(
                "",
                &grouped(one.runs),
                &format!("rank {rank}"),
                times(one),
                Some([one.pages, one.sent, one.received]),
            )
        };
        rows.extend(site.by_rank.iter().map(of_rank));
    }
    rows
}

fn total_rows(ranks: &[Option<RankStatistics>]) -> Vec<Row> {
    let known = || ranks.iter().flatten();
    let all: Vec<[f64; 5]> = known()
        .map(|rank| {
            rank.sites.iter().map(times).fold([0.0; 5], |sum, one| {
                std::array::from_fn(|k| sum[k] + one[k])
            })
        })
        .collect();
    let runs = known()
        .map(|rank| rank.sites.iter().map(|site| site.runs).sum::<u64>())
        .max()
        .unwrap_or(0);
    let total = counts(known().flat_map(|rank| &rank.sites));
    vec![
        row("total", &grouped(runs), "max", largest(&all), Some(total)),
        row("", "", "mean", mean(&all), None),
    ]
}

/// Lays the table out. `ranks` has what each rank sent; `verbose` adds a line per rank.
pub fn table(program: &str, ranks: &[Option<RankStatistics>], verbose: bool) -> String {
    let mut text = format!("caperun: statistics of {program} on {} ranks", ranks.len());
    let silent = ranks.iter().filter(|rank| rank.is_none()).count();
    if silent > 0 {
        let _ = write!(text, " ({silent} of them sent none)");
    }
    text.push_str(
        "; times: the largest of any rank, and the mean; pages and bytes: sums over ranks\n",
    );
    let mut rows: Vec<Row> = vec![HEADINGS.map(String::from)];
    rows.extend(
        sites(ranks)
            .iter()
            .flat_map(|site| site_rows(site, verbose)),
    );
    rows.extend(total_rows(ranks));
    let widths: [usize; HEADINGS.len()] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Names to the left, numbers to the right.
            let _ = if column == 0 || column == 2 {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&lock_line(ranks));
    text
}

/// How often locks were acquired, and how often that took messages: nothing, if there were none.
fn lock_line(ranks: &[Option<RankStatistics>]) -> String {
    let sum = |count: fn(&LockStatistics) -> u64| {
        let each = ranks.iter().flatten().map(|rank| count(&rank.locks));
        each.fold(0, u64::saturating_add)
    };
    let [acquired, asked, given] = [
        sum(|locks| locks.acquired),
        sum(|locks| locks.asked),
        sum(|locks| locks.given),
    ];
    if acquired == 0 && asked == 0 {
        return String::new();
    }
    let per = |count: u64| count as f64 / acquired.max(1) as f64;
    format!(
        "locks: {} acquired, {} of them by a request to caperun ({:.4} each); {} given to a rank that asked for them\n",
        grouped(acquired),
        grouped(asked),
        per(asked),
        grouped(given)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str, computing: f64, sent: u64) -> SiteStatistics {
        SiteStatistics {
            site: name.into(),
            runs: 3,
            computing,
            sent,
            pages: 1500,
            ..SiteStatistics::default()
        }
    }

    #[test]
    fn units_are_readable() {
        let shown = [0.0, 2.5e-7, 4.2e-5, 0.00123, 0.1234, 1.0, 12.345, 123.4].map(time);
        assert_eq!(
            shown,
            [
                "0", "0.25 us", "42.0 us", "1.23 ms", "123 ms", "1.00 s", "12.3 s", "123 s"
            ]
        );
        assert_eq!(
            [0, 1023, 1024, 1 << 30, u64::MAX].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.0 GiB", "16.0 EiB"]
        );
        assert_eq!(
            [0, 999, 1000, 1234567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn ranks_are_put_together_by_site() {
        let ranks = [
            Some(RankStatistics {
                sites: vec![
                    site("a.c:1 parallel", 1.0, 1024),
                    site("a.c:9 parallel for", 2.0, 0),
                ],
                locks: LockStatistics {
                    acquired: 4000,
                    asked: 10,
                    given: 4,
                },
            }),
            Some(RankStatistics {
                sites: vec![site("a.c:1 parallel", 3.0, 1024)],
                ..RankStatistics::default()
            }),
            None,
        ];
        let text = table("./a", &ranks, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].contains("./a on 3 ranks (1 of them sent none)"),
            "{text}"
        );
        assert_eq!(lines.len(), 9, "{text}");
        assert_eq!(
            lines[8],
            "locks: 4,000 acquired, 10 of them by a request to caperun (0.0025 each); 4 given to a rank that asked for them"
        );
        let cells = |line: &str| {
            line.split_whitespace()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            cells(lines[2])[..6],
            ["a.c:1", "parallel", "3", "max", "3.00", "s"]
        );
        assert!(
            lines[2].contains("3,000") && lines[2].contains("2.0 KiB"),
            "{text}"
        );
        assert_eq!(cells(lines[3])[..3], ["mean", "2.00", "s"]);
        assert_eq!(cells(lines[6])[..5], ["total", "6", "max", "3.00", "s"]);
        let column = lines[1].find("runs").expect("heading") + 4;
        assert!(
            lines[2][..column].ends_with('3') && lines[6][..column].ends_with('6'),
            "columns line up:\n{text}"
        );
        assert!(table("./a", &ranks, true).lines().count() > lines.len());
    }

    #[test]
    fn no_region_is_a_table_too() {
        assert!(table("./a", &[None], false).contains("total"));
    }
}
