//! Explicit tasks (OpenMP 5.2, chapter 12): pools of deferred tasks, dependences, taskgroups, reductions, completion events.
//!
//! ```text
//!              schedule       make, run, complete, wait
//!        ┌────────┼───────┬─────────┬───────┐
//!      worker     │     group     event   taskloop
//!        │        │       │         │
//!      pool    depend     │         │
//!        └────────┴───────┴─────────┘
//!            task  blocks     a block of memory and the counts that hang on it
//!           parker  spin      how threads sleep and exclude one another for a moment
//! ```

pub mod blocks;
pub mod depend;
pub mod event;
pub mod group;
pub mod parker;
pub mod pool;
pub mod remote;
pub mod schedule;
pub mod spin;
pub mod task;
pub mod taskloop;
mod worker;

#[cfg(test)]
#[allow(unsafe_code)]
mod tests;
