//! Launchers of others that start a program several times at once: `srun -n 16 ./prog`, `mpirun -n 16 ./prog`.
//!
//! A program that finds itself one of N > 1 tasks, and no rank of a job of `caperun` yet, becomes `caperun --join`, which meets the other
//! tasks and starts the program as one rank of a common job. What it goes by is what the launchers put into the environment. Pure; used
//! by programs and by `caperun`, which must agree on it.

/// How the tasks find one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Open MPI's `mpirun`, `prterun`, `srun --mpi=pmix`: a PMIx server.
    Pmix,
    /// MPICH's `mpirun` (hydra), `srun --mpi=pmi2`: the PMI-1 protocol on a descriptor.
    Pmi,
    /// `srun` without any of these.
    Slurm,
}

/// One of several tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// How they find one another.
    pub launcher: Launcher,
    /// This one's number, from 0.
    pub rank: u32,
    /// How many there are: at least 2.
    pub size: u32,
    /// All of them run on this host.
    pub together: bool,
}

/// Makes a program under such a launcher run by itself: set by users, and by `caperun` for what ranks start.
pub const NO_JOIN: &str = "CAPE_NO_JOIN";
/// Where `caperun` is, for programs under such a launcher.
pub const RUN: &str = "CAPE_RUN";
/// A directory that the hosts of a job share, for `srun` without PMI.
pub const SHARED: &str = "CAPE_JOIN_DIR";

/// The task that this process is, by its environment.
pub fn task(variable: &dyn Fn(&str) -> Option<String>) -> Option<Task> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set(NO_JOIN).is_some_and(|value| value != "0") || set(crate::control::env::RANK).is_some() {
        return None;
    }
    let number = |name: &str| set(name).and_then(|text| text.parse::<u32>().ok());
    let (launcher, rank, size, beside) = if let (Some(rank), Some(size)) = (
        number("OMPI_COMM_WORLD_RANK"),
        number("OMPI_COMM_WORLD_SIZE"),
    ) {
        let beside = number("OMPI_COMM_WORLD_LOCAL_SIZE") == Some(size);
        (Launcher::Pmix, rank, size, beside)
    } else if let (Some(rank), Some(size), Some(_)) =
        (number("PMI_RANK"), number("PMI_SIZE"), number("PMI_FD"))
    {
        let nodes = number("SLURM_STEP_NUM_NODES").filter(|_| set("PMI_JOBID").is_some());
        let beside = number("MPI_LOCALNRANKS") == Some(size) || nodes == Some(1);
        (Launcher::Pmi, rank, size, beside)
    } else {
        // SLURM_NTASKS is set in batch scripts too, where there is one process: only a step's own variables count.
        let rank = number("SLURM_PROCID")?;
        let size = number("SLURM_STEP_NUM_TASKS")?;
        number("SLURM_STEP_ID").or_else(|| number("SLURM_STEPID"))?;
        let pmix = number("PMIX_RANK").is_some() && set("PMIX_NAMESPACE").is_some();
        let launcher = if pmix {
            Launcher::Pmix
        } else {
            Launcher::Slurm
        };
        (
            launcher,
            rank,
            size,
            number("SLURM_STEP_NUM_NODES") == Some(1),
        )
    };
    (size > 1 && rank < size).then_some(Task {
        launcher,
        rank,
        size,
        together: beside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<Task> {
        task(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const SRUN: [(&str, &str); 4] = [
        ("SLURM_PROCID", "3"),
        ("SLURM_STEP_NUM_TASKS", "4"),
        ("SLURM_STEP_ID", "0"),
        ("SLURM_STEP_NUM_NODES", "2"),
    ];

    fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        SRUN.into_iter().chain(more.iter().copied()).collect()
    }

    #[test]
    fn every_launcher_is_known() {
        let task = |launcher, rank, size, together| {
            Some(Task {
                launcher,
                rank,
                size,
                together,
            })
        };
        assert_eq!(found(&SRUN), task(Launcher::Slurm, 3, 4, false));
        let pmix = with(&[("PMIX_RANK", "3"), ("PMIX_NAMESPACE", "slurm.pmix.4.0")]);
        assert_eq!(found(&pmix), task(Launcher::Pmix, 3, 4, false));
        let pmi = [
            ("PMI_RANK", "1"),
            ("PMI_SIZE", "2"),
            ("PMI_FD", "6"),
            ("MPI_LOCALNRANKS", "2"),
        ];
        assert_eq!(found(&pmi), task(Launcher::Pmi, 1, 2, true));
        let open = [
            ("OMPI_COMM_WORLD_RANK", "0"),
            ("OMPI_COMM_WORLD_SIZE", "8"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "4"),
        ];
        assert_eq!(found(&open), task(Launcher::Pmix, 0, 8, false));
    }

    #[test]
    fn the_innermost_launcher_counts() {
        let pmi = with(&[("PMI_RANK", "1"), ("PMI_SIZE", "2"), ("PMI_FD", "6")]);
        assert_eq!(found(&pmi).map(|task| (task.rank, task.size)), Some((1, 2)));
    }

    #[test]
    fn a_single_process_runs_by_itself() {
        let batch = [
            ("SLURM_PROCID", "0"),
            ("SLURM_NTASKS", "16"),
            ("SLURM_JOB_ID", "3"),
        ];
        assert_eq!(found(&batch), None);
        assert_eq!(
            found(&[("PMI_RANK", "0"), ("PMI_SIZE", "1"), ("PMI_FD", "6")]),
            None
        );
        assert_eq!(found(&[]), None);
        assert_eq!(found(&with(&[(NO_JOIN, "1")])), None);
        assert_eq!(found(&with(&[("CAPE_RANK", "1")])), None);
        assert!(found(&with(&[(NO_JOIN, "0")])).is_some());
        assert_eq!(
            found(&[("PMI_RANK", "7"), ("PMI_SIZE", "2"), ("PMI_FD", "6")]),
            None
        );
    }
}
