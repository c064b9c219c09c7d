//! The hosts that a batch system gave this job: Slurm, PBS (Torque, OpenPBS) and LSF, from what they put into the environment.
//!
//! Node lists are expanded here and not by `scontrol show hostnames`: that costs a process and needs the program at hand.

use super::{Host, Hosts, Mistake, Wrong, hostfile, pattern};

/// Who gave the hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Slurm; the job's number.
    Slurm {
        /// `SLURM_JOB_ID`.
        job: String,
    },
    /// PBS: `PBS_NODEFILE`.
    Pbs,
    /// LSF: `LSB_MCPU_HOSTS` or `LSB_HOSTS`.
    Lsf,
}

/// What a batch system gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Who.
    pub origin: Origin,
    /// The hosts, with one slot a task.
    pub hosts: Hosts,
    /// Number of tasks asked for, where it is known apart from the slots.
    pub ranks: Option<u32>,
}

/// Where an allocation is described: the environment, and the files it names.
pub struct Surroundings<'a> {
    /// A variable's value.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// A file's text, or why it cannot be read.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl Surroundings<'_> {
    fn set(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }
}

/// The allocation this process runs in, if any; its description may be unusable.
pub fn find(around: &Surroundings) -> Result<Option<Allocation>, Mistake> {
    if let Some(list) = around
        .set("SLURM_JOB_NODELIST")
        .or_else(|| around.set("SLURM_NODELIST"))
    {
        return slurm(around, &list).map(Some);
    }
    if let Some(file) = around.set("PBS_NODEFILE") {
        let text = (around.file)(&file).map_err(|error| {
            let wrong = Wrong::new(
                0..file.len(),
                format!("cannot read it: {error}; --host names hosts instead"),
            );
            Mistake::new("PBS_NODEFILE", None, &file, wrong)
        })?;
        return Ok(Some(Allocation {
            origin: Origin::Pbs,
            hosts: hostfile::parse(&file, &text)?,
            ranks: None,
        }));
    }
    lsf(around)
}

fn slurm(around: &Surroundings, list: &str) -> Result<Allocation, Mistake> {
    const LIST: &str = "SLURM_JOB_NODELIST";
    let mut names = Vec::new();
    for at in pattern::pieces(list) {
        let entry =
            pattern::entry(list, at).map_err(|wrong| Mistake::new(LIST, None, list, wrong))?;
        names.extend(entry.names);
    }
    let counted = ["SLURM_TASKS_PER_NODE", "SLURM_JOB_CPUS_PER_NODE"]
        .into_iter()
        .find_map(|name| around.set(name).map(|value| (name, value)));
    let slots = match &counted {
        Some((name, value)) => {
            let slots = per_node(value).map_err(|wrong| Mistake::new(name, None, value, wrong))?;
            if slots.len() != names.len() {
                let message = format!(
                    "this is for {} nodes, but SLURM_JOB_NODELIST={list} has {}; --host names hosts instead",
                    slots.len(),
                    names.len()
                );
                let wrong = Wrong::new(0..value.len(), message);
                return Err(Mistake::new(name, None, value, wrong));
            }
            slots
        }
        None => vec![1; names.len()],
    };
    let expected = around.set("SLURM_JOB_NUM_NODES");
    if let Some(text) = expected.filter(|text| text.trim().parse() != Ok(names.len())) {
        let message = format!(
            "there are {} nodes here, but SLURM_JOB_NUM_NODES={text}; --host names hosts instead",
            names.len()
        );
        return Err(Mistake::new(
            LIST,
            None,
            list,
            Wrong::new(0..list.len(), message),
        ));
    }
    let mut hosts = Hosts::default();
    for (name, slots) in names.into_iter().zip(slots) {
        hosts.add(Host::new(name, slots)).map_err(|message| {
            Mistake::new(LIST, None, list, Wrong::new(0..list.len(), message))
        })?;
    }
    Ok(Allocation {
        origin: Origin::Slurm {
            job: around
                .set("SLURM_JOB_ID")
                .or_else(|| around.set("SLURM_JOBID"))
                .unwrap_or_default(),
        },
        hosts,
        ranks: around
            .set("SLURM_NTASKS")
            .or_else(|| around.set("SLURM_NPROCS"))
            .and_then(|text| text.trim().parse().ok())
            .filter(|ranks| *ranks > 0),
    })
}

/// Reads `2(x3),1`: a number for each node.
fn per_node(text: &str) -> Result<Vec<u32>, Wrong> {
    let mut numbers = Vec::new();
    for at in pattern::pieces(text) {
        let piece = &text[at.clone()];
        let (number, times) = match piece.split_once("(x") {
            Some((number, times)) => (
                number,
                times.strip_suffix(')').and_then(|times| times.parse().ok()),
            ),
            None => (piece, Some(1)),
        };
        let wrong = |message: &str| Wrong::new(at.start..at.end.max(at.start + 1), message);
        let times: usize = times
            .filter(|times| *times > 0)
            .ok_or_else(|| wrong("expected a number of tasks and of nodes, such as 2(x3)"))?;
        if numbers.len().saturating_add(times) > super::MOST_HOSTS {
            return Err(wrong("this is for too many nodes"));
        }
        let number = pattern::slots(number).map_err(|error| wrong(&error.message))?;
        numbers.extend(std::iter::repeat_n(number, times));
    }
    Ok(numbers)
}

/// `LSB_MCPU_HOSTS` (`a 2 b 4`), or `LSB_HOSTS` (`a a b b b b`).
fn lsf(around: &Surroundings) -> Result<Option<Allocation>, Mistake> {
    let (name, text, counted) = match (around.set("LSB_MCPU_HOSTS"), around.set("LSB_HOSTS")) {
        (Some(text), _) => ("LSB_MCPU_HOSTS", text, true),
        (None, Some(text)) => ("LSB_HOSTS", text, false),
        (None, None) => return Ok(None),
    };
    let mut hosts = Hosts::default();
    let mut words = text.split_ascii_whitespace();
    let mut at = 0;
    let place = |word: &str, from: usize| {
        let start = text[from..].find(word).map_or(from, |found| from + found);
        start..start + word.len()
    };
    while let Some(word) = words.next() {
        let mistake = |wrong| Mistake::new(name, None, &text, wrong);
        let range = place(word, at);
        let entry = pattern::entry(&text, range.clone()).map_err(mistake)?;
        at = range.end;
        let mut slots = 1;
        if counted {
            let count = words.next().unwrap_or_default();
            let range = place(count, at);
            slots = pattern::slots(count)
                .map_err(|wrong| mistake(Wrong::new(range.clone(), wrong.message)))?;
            at = range.end;
        }
        for host in entry.names {
            hosts
                .add(Host::new(host, slots))
                .map_err(|message| mistake(Wrong::new(range.clone(), message)))?;
        }
    }
    Ok(Some(Allocation {
        origin: Origin::Lsf,
        hosts,
        ranks: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<Option<Allocation>, Mistake> {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let file = |name: &str| match name {
            "/nodes" => Ok("a\na\nb\n".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        find(&Surroundings {
            variable: &variable,
            file: &file,
        })
    }

    fn hosts(variables: &[(&str, &str)]) -> Vec<(String, u32)> {
        let allocation = found(variables)
            .unwrap_or_else(|mistake| panic!("{mistake}"))
            .expect("an allocation");
        let hosts = allocation.hosts.iter();
        hosts.map(|host| (host.name.clone(), host.slots)).collect()
    }

    fn named(list: &[(&str, u32)]) -> Vec<(String, u32)> {
        list.iter()
            .map(|(name, slots)| ((*name).to_owned(), *slots))
            .collect()
    }

    #[test]
    fn slurm_lists_are_expanded() {
        let variables = [
            ("SLURM_JOB_ID", "17"),
            ("SLURM_JOB_NODELIST", "node[01-03],gpu7"),
            ("SLURM_TASKS_PER_NODE", "2(x3),1"),
            ("SLURM_JOB_NUM_NODES", "4"),
            ("SLURM_NTASKS", "7"),
        ];
        let expected = named(&[("node01", 2), ("node02", 2), ("node03", 2), ("gpu7", 1)]);
        assert_eq!(hosts(&variables), expected);
        let allocation = found(&variables).expect("read").expect("there");
        assert_eq!(allocation.origin, Origin::Slurm { job: "17".into() });
        assert_eq!(allocation.ranks, Some(7));
        assert_eq!(
            hosts(&[("SLURM_NODELIST", "a,b")]),
            named(&[("a", 1), ("b", 1)])
        );
        let processors = [
            ("SLURM_JOB_NODELIST", "a"),
            ("SLURM_JOB_CPUS_PER_NODE", "8"),
        ];
        assert_eq!(hosts(&processors), named(&[("a", 8)]));
    }

    #[test]
    fn slurm_variables_that_disagree_are_named() {
        let disagreeing = [
            ("SLURM_JOB_NODELIST", "a,b"),
            ("SLURM_TASKS_PER_NODE", "2(x3)"),
        ];
        let text = found(&disagreeing).expect_err("differ").to_string();
        assert!(
            text.contains("SLURM_TASKS_PER_NODE: this is for 3 nodes"),
            "{text}"
        );
        let count = [("SLURM_JOB_NODELIST", "a,b"), ("SLURM_JOB_NUM_NODES", "3")];
        assert!(found(&count).is_err());
        for wrong in ["2(x", "2(x0)", "x", "2(3)", "", "1,,1", "1(x99999999999)"] {
            let variables = [("SLURM_JOB_NODELIST", "a"), ("SLURM_TASKS_PER_NODE", wrong)];
            assert_eq!(found(&variables).is_err(), !wrong.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn pbs_and_lsf_are_read() {
        assert_eq!(
            hosts(&[("PBS_NODEFILE", "/nodes")]),
            named(&[("a", 2), ("b", 1)])
        );
        assert!(found(&[("PBS_NODEFILE", "/gone")]).is_err());
        assert_eq!(
            hosts(&[("LSB_HOSTS", "a a b")]),
            named(&[("a", 2), ("b", 1)])
        );
        assert_eq!(
            hosts(&[("LSB_MCPU_HOSTS", "a 2 b 4")]),
            named(&[("a", 2), ("b", 4)])
        );
        let text = found(&[("LSB_MCPU_HOSTS", "a 2 b x")])
            .expect_err("no number")
            .to_string();
        assert!(text.ends_with("\n  |       ^"), "{text}");
        assert!(found(&[("LSB_MCPU_HOSTS", "a")]).is_err());
        assert_eq!(found(&[]), Ok(None));
    }
}
