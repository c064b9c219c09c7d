//! Tasks on their way: how one is packed, and made anew where it is to run.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::time::Instant;

use super::super::group::Group;
use super::super::pool::Pool;
use super::super::schedule;
use super::super::task::{Body, Chunk, Recipe, Task, flag};
use super::super::worker::is_cancelled;
use crate::control::tasks::Parcel;
use crate::session::Session;

/// The root of tasks that this rank was given together.
#[derive(Debug)]
#[repr(C)]
pub struct Root {
    /// First: pointers to it are pointers to the root.
    pub task: Task,
    /// Stands for the taskgroup they were made in, which is their owner's.
    pub group: Group,
    /// The rank whose they are.
    pub owner: u32,
    /// Its name for them.
    pub batch: u64,
    /// How many they were.
    pub tasks: usize,
    /// When they were there.
    pub began: Instant,
    /// Nanoseconds that it took to catch up with what they need.
    pub cost: u64,
}

impl Root {
    /// The root of a rank's batch of these tasks; it must not move any more.
    pub fn new(
        pool: &Pool,
        (owner, batch): (u32, u64),
        parcels: &[Parcel],
        cost: u64,
    ) -> *mut Root {
        let above = parcels
            .first()
            .map_or(0, |first| first.level.saturating_sub(1));
        let root = Box::into_raw(Box::new(Root {
            task: Task::implicit(pool),
            group: Group::new(std::ptr::null(), null_mut()),
            owner,
            batch,
            tasks: parcels.len(),
            began: Instant::now(),
            cost,
        }));
        // SAFETY: just made, and nobody else's.
        unsafe {
            (*root).task.level = above;
            (*root).task.set(flag::STOLEN);
            (*root).task.group.set(&raw mut (*root).group);
        }
        root
    }
}

/// Whether another rank can run this task.
pub fn may_leave(session: &Session, task: &Task) -> bool {
    const TIED: u32 = flag::DETACHED | flag::REDUCES | flag::UNDEFERRED | flag::STAYS;
    if task.flags.get() & TIED != 0 || task.sizes.is_null() || !task.icvs.get().is_null() {
        return false;
    }
    if is_cancelled(task) {
        return false;
    }
    // SAFETY: the taskgroup of a task that is not complete is alive.
    if unsafe { task.group.get().as_ref() }.is_some_and(|group| group.reduces()) {
        return false;
    }
    // SAFETY: made by a recipe.
    let environment = unsafe { Task::environment(std::ptr::from_ref(task).cast_mut()) };
    (0..task.captures() as usize).all(|k| {
        // SAFETY: as many elements.
        let (address, size) = unsafe { (*environment.add(k), *task.sizes.add(k)) };
        size != 0 || address.is_null() || session.in_image(address as usize)
    })
}

/// # Safety
/// The task was made by a recipe in a team over ranks, and is the caller's.
pub unsafe fn pack(task: *mut Task) -> Parcel {
    // SAFETY: the caller's promise.
    let this = unsafe { &*task };
    let captures = this.captures() as usize;
    // SAFETY: made by a recipe: as many elements.
    let environment = unsafe { std::slice::from_raw_parts(Task::environment(task), captures) };
    // SAFETY: kept by the recipe in a team over ranks.
    let sizes = unsafe { std::slice::from_raw_parts(this.sizes, captures) };
    let mut copies = Vec::new();
    for (address, size) in environment.iter().zip(sizes) {
        if *size != 0 {
            // SAFETY: the task's own copy.
            copies.extend_from_slice(unsafe {
                std::slice::from_raw_parts(address.cast::<u8>(), *size)
            });
        }
    }
    let chunk = this.has(flag::LOOP).then(|| {
        // SAFETY: the element after the captures.
        let chunk = unsafe { &*(*Task::environment(task).add(captures)).cast::<Chunk>() };
        (chunk.first, chunk.end, chunk.last != 0)
    });
    Parcel {
        body: this.body.map_or(0, |body| body as usize as u64),
        sizes: sizes.iter().map(|size| *size as u64).collect(),
        environment: environment.iter().map(|address| *address as u64).collect(),
        copies,
        chunk,
        flags: this.flags.get() & (flag::FINAL | flag::REDUCES),
        priority: this.priority,
        level: this.level,
    }
}

/// Makes the task of a parcel anew, below `root`.
///
/// # Safety
/// The parcel describes a task of this program; the root is alive.
pub unsafe fn unpack(parcel: &Parcel, root: *mut Task) {
    let sizes: Vec<usize> = parcel.sizes.iter().map(|size| *size as usize).collect();
    let mut copies = parcel.copies.as_ptr();
    let mut environment: Vec<*mut c_void> = Vec::with_capacity(sizes.len());
    for (address, size) in parcel.environment.iter().zip(&sizes) {
        if *size == 0 {
            environment.push(*address as *mut c_void);
        } else {
            environment.push(copies.cast_mut().cast());
            // SAFETY: the copies follow one another.
            copies = unsafe { copies.add(*size) };
        }
    }
    let recipe = Recipe {
        // SAFETY: the address of an outlined function of this program, which has the same address in all ranks.
        body: unsafe { std::mem::transmute::<usize, Body>(parcel.body as usize) },
        environment: environment.as_mut_ptr(),
        sizes: sizes.as_ptr(),
        captures: sizes.len() as u32,
        chunk: parcel.chunk.map(|(first, end, last)| Chunk {
            first,
            end,
            last: i32::from(last),
        }),
    };
    // SAFETY: the arrays have as many elements; the root is alive.
    unsafe { schedule::adopt(&recipe, root, parcel.flags, parcel.priority) };
}
