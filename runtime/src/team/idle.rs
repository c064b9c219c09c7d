//! What a thread does while it waits for its team: the team's tasks.

use super::Team;

/// Runs something that the team has to do, in the calling thread; whether there was anything.
pub fn run_one(_team: &Team) -> bool {
    false
}

/// Whether the team has anything left that must be complete before its threads go on.
pub fn outstanding(_team: &Team) -> bool {
    false
}
