//! `--dry-run`: what would be started where, and nothing is. Nothing secret is printed, for nothing secret exists yet.

use std::fmt::Write as _;

use crate::binding::{self, BindTo};
use crate::cli::Options;
use crate::compile::Prepared;
use crate::hosts::mapping::Place;
use crate::placement::{Placement, Source};

/// `0-3, 8`.
pub fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let texts = ranges.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Lays out rows of text in columns.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn origin(source: &Source) -> String {
    use crate::hosts::allocation::Origin;
    match source {
        Source::ThisMachine => "this machine".to_owned(),
        Source::Named => "as named".to_owned(),
        Source::Allocated(Origin::Slurm { job }) => format!("given by Slurm, job {job}"),
        Source::Allocated(Origin::Pbs) => "given by PBS".to_owned(),
        Source::Allocated(Origin::Lsf) => "given by LSF".to_owned(),
    }
}

/// The plan as text. `command` gives the command that starts a host's agent.
pub fn plan(options: &Options, prepared: &Prepared, command: impl Fn(&Place) -> String) -> String {
    let Placement {
        mapping,
        source,
        bind_to,
        directory,
        output,
        ..
    } = &options.placement;
    let mut text = format!(
        "program: {}\nranks: {} of {} threads\nhosts: {}\n",
        prepared.file.display(),
        mapping.ranks,
        options.threads,
        origin(source)
    );
    let arguments: Vec<String> = options
        .arguments
        .iter()
        .map(|argument| format!("{argument:?}"))
        .collect();
    if !arguments.is_empty() {
        let _ = writeln!(text, "arguments: {}", arguments.join(" "));
    }
    let directory = directory.clone().or_else(|| std::env::current_dir().ok());
    if let Some(directory) = directory {
        let _ = writeln!(text, "directory: {}", directory.display());
    }
    if let Some(output) = output {
        let _ = writeln!(text, "output: {}.RANK.out and .err", output.display());
    }
    for export in &options.exports {
        // What a variable holds may be a secret of the user's.
        let _ = writeln!(text, "variable: {}", export.name);
    }
    let spans = mapping.places.iter().any(|place| !place.here);
    let sockets = if spans {
        "tcp"
    } else {
        options.transport.name()
    };
    let _ = writeln!(
        text,
        "tracker: {}\ntransport: {sockets}",
        options.tracker.name()
    );
    if *bind_to != BindTo::None {
        let _ = writeln!(text, "bound to: {}{}", bind_to.name(), bound_here(options));
    }
    let head = ["host", "slots", "ranks", "started by"].map(str::to_owned);
    let rows = mapping.places.iter().map(|place| {
        let starter = if place.here {
            "caperun itself".to_owned()
        } else {
            command(place)
        };
        vec![
            place.host.destination(),
            place.host.slots.to_string(),
            ranges(&place.ranks),
            starter,
        ]
    });
    text + &columns(&[head.to_vec()].into_iter().chain(rows).collect::<Vec<_>>())
}

/// Processors of the ranks of this machine.
fn bound_here(options: &Options) -> String {
    let processors = binding::usable();
    let here = options
        .placement
        .mapping
        .places
        .iter()
        .filter(|place| place.here);
    let ranks = here.flat_map(|place| place.ranks.iter().zip(0..));
    let sets = ranks.filter_map(|(rank, index)| {
        let set = binding::of(
            options.placement.bind_to,
            index,
            options.threads,
            &processors,
        )?;
        Some(format!("rank {rank} to {}", ranges(&set)))
    });
    let sets: Vec<String> = sets.collect();
    if sets.is_empty() {
        String::new()
    } else {
        format!(" ({})", sets.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_shortly() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), "0-2, 7, 9-10");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = columns(&[row(["host", "n"]), row(["a", "10"])]);
        assert_eq!(text, "host  n\na     10\n");
    }
}
