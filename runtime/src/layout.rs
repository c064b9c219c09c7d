//! Where the image lies: the same addresses in every rank of a job, so that pointers mean the same everywhere.
//!
//! ```text
//! 0x0000_0040_0000  the executable (not position independent)
//!                     .cape_data  .cape_bss      <- globals of the user's objects      tracked
//! 0x0f00_0000_0000  driver's stack               <- locals of serial code              tracked
//!                     stack of rank 1, 2, ...       private to their ranks
//!                     stacks of all ranks' further threads
//! 0x1000_0000_0000  heap arena of rank 0, 1, ...                                       tracked
//! 0x7f..            libc and other libraries, the system's stack, the runtime's memory
//! ```
//!
//! Everything is reserved without backing at start; pages appear when they are written.

/// First byte of the stacks' range.
const STACKS: usize = 0x0f00_0000_0000;
/// First byte of the heap's range.
const HEAP: usize = 0x1000_0000_0000;
/// What is above may be the kernel's choice for others.
const END: usize = 0x7000_0000_0000;
/// First byte of the tasks' range.
const TASKS: usize = 0x0e00_0000_0000;
/// Bytes of a rank's memory for tasks.
const TASK_MEMORY: usize = 256 << 20;
/// Unmapped space between stacks, so that an overflow faults.
const GUARD: usize = 1 << 20;
/// Threads of a rank that have stacks in the range, at most; less if there is no room for so many.
const THREADS: usize = 1024;

/// Whether some rank makes tasks at `address`.
pub fn is_task_memory(address: usize) -> bool {
    (TASKS..STACKS).contains(&address)
}

/// The address map of a job.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    ranks: usize,
    heap_size: usize,
    stack_size: usize,
    thread_stack_size: usize,
}

/// Half-open range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Span {
    /// Bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }
}

impl Layout {
    /// The map for `ranks` ranks with arenas of `heap_size` and stacks of `stack_size` bytes (multiples of the page size).
    pub fn new(ranks: u32, heap_size: usize, stack_size: usize) -> Layout {
        Layout {
            ranks: ranks as usize,
            heap_size,
            stack_size,
            thread_stack_size: stack_size,
        }
    }

    /// The same with stacks of `bytes` (a multiple of the page size) for the threads that a rank has besides its first.
    pub fn with_thread_stacks(self, bytes: usize) -> Layout {
        Layout {
            thread_stack_size: bytes,
            ..self
        }
    }

    /// The stack of the further thread `number`, from 0, of `rank`; `None`: there is no room for so many.
    pub fn thread_stack(&self, rank: u32, number: u32) -> Option<Span> {
        let first = self.stack(u32::try_from(self.ranks).ok()?).start;
        let stride = self.thread_stack_size.checked_add(GUARD)?;
        let room = HEAP.checked_sub(first)? / stride / self.ranks;
        let (rank, number) = (rank as usize, number as usize);
        if number >= room.min(THREADS) {
            return None;
        }
        let start = first + (rank * room.min(THREADS) + number) * stride;
        Some(Span {
            start,
            end: start + self.thread_stack_size,
        })
    }

    /// The stack on which the user's code of `rank` runs.
    pub fn stack(&self, rank: u32) -> Span {
        let start = STACKS + rank as usize * (self.stack_size + GUARD) + GUARD;
        Span {
            start,
            end: start + self.stack_size,
        }
    }

    /// Checks that everything has room in its range. The error says what has not, and the next step.
    pub fn check(&self) -> Result<(), String> {
        let most = (STACKS - TASKS) / TASK_MEMORY;
        if self.ranks > most {
            return Err(format!(
                "{} ranks have no room for their tasks' memory, only {most} have: lower -n",
                self.ranks
            ));
        }
        let room = HEAP - STACKS;
        let needed = (self.stack_size + GUARD).checked_mul(self.ranks);
        if needed.is_none_or(|needed| needed > room) {
            return Err(format!(
                "{} ranks have no room for stacks of {} MiB, only {} have: lower ulimit -s or -n",
                self.ranks,
                self.stack_size >> 20,
                room / (self.stack_size + GUARD)
            ));
        }
        let end = self.heap_size.checked_mul(self.ranks);
        if end.is_none_or(|size| size > END - HEAP) {
            return Err(format!(
                "{} ranks have no room for heaps of {} MiB: lower --heap-size or -n",
                self.ranks,
                self.heap_size >> 20
            ));
        }
        Ok(())
    }

    /// The memory that `rank` tracks for stacks: those of the ranks before it, with what is between them, its own, and those behind it. What is
    /// between other ranks' stacks is never used; as one range each they cost a rank no more when there are many.
    pub fn stacks(&self, rank: u32) -> [Span; 3] {
        let own = self.stack(rank);
        let before = Span {
            start: self.stack(0).start,
            end: own.start.saturating_sub(GUARD),
        };
        let behind = Span {
            start: own.end + GUARD,
            end: self.stack(self.ranks().saturating_sub(1)).end,
        };
        [before, own, behind]
    }

    /// What all ranks make their tasks in.
    pub fn tasks(&self) -> Span {
        Span {
            start: TASKS,
            end: self.task_memory(self.ranks()).start,
        }
    }

    /// Ranks of the job.
    pub fn ranks(&self) -> u32 {
        u32::try_from(self.ranks).expect("was a u32")
    }

    /// Where `rank` makes the tasks of teams over ranks.
    pub fn task_memory(&self, rank: u32) -> Span {
        let start = TASKS + rank as usize * TASK_MEMORY;
        Span {
            start,
            end: start + TASK_MEMORY,
        }
    }

    /// The arena from which `rank` allocates.
    pub fn arena(&self, rank: u32) -> Span {
        let start = HEAP + rank as usize * self.heap_size;
        Span {
            start,
            end: start + self.heap_size,
        }
    }

    /// All arenas.
    pub fn heap(&self) -> Span {
        Span {
            start: HEAP,
            end: HEAP + self.ranks * self.heap_size,
        }
    }

    /// Whose arena holds `address`.
    pub fn arena_owner(&self, address: usize) -> Option<u32> {
        let heap = self.heap();
        heap.contains(address)
            .then(|| ((address - heap.start) / self.heap_size) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rank_sees_all_stacks_in_three_ranges() {
        let layout = Layout::new(5, 1 << 30, 8 << 20);
        for me in 0..5 {
            let [before, own, behind] = layout.stacks(me);
            assert_eq!(own, layout.stack(me));
            assert!(before.end < own.start && own.end < behind.start);
            for other in 0..5 {
                let stack = layout.stack(other);
                let holders = [before, own, behind]
                    .into_iter()
                    .filter(|span| !span.is_empty())
                    .filter(|span| span.start <= stack.start && stack.end <= span.end);
                assert_eq!(holders.count(), 1, "{me} {other}");
            }
        }
        assert!(layout.stacks(0)[0].is_empty() && layout.stacks(4)[2].is_empty());
        assert_eq!(layout.tasks().end, layout.task_memory(4).end);
    }

    #[test]
    fn what_has_no_room_is_refused_with_the_next_step() {
        let (heap, stack) = (64 << 20, 8 << 20);
        assert_eq!(Layout::new(4096, heap, stack).check(), Ok(()));
        for (layout, part) in [
            (Layout::new(4097, heap, stack), "only 4096 have"),
            (Layout::new(1024, heap, 1 << 30), "ulimit -s"),
            (Layout::new(1024, 1 << 40, stack), "--heap-size"),
        ] {
            let error = layout.check().expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn nothing_overlaps() {
        let layout = Layout::new(16, 64 << 30, 8 << 20);
        for rank in 0..15 {
            assert!(layout.stack(rank).end < layout.stack(rank + 1).start);
            assert_eq!(layout.arena(rank).end, layout.arena(rank + 1).start);
        }
        assert!(layout.stack(15).end < layout.heap().start);
        assert_eq!(layout.arena_owner(layout.arena(7).start), Some(7));
        assert_eq!(layout.arena_owner(layout.arena(7).start - 1), Some(6));
        assert_eq!(layout.arena_owner(layout.heap().end), None);
        let last = layout.thread_stack(15, 1023).map(|span| span.end);
        assert!(last.is_some_and(|end| end < layout.heap().start));
        for (rank, number) in [(0, 0), (0, 1023), (3, 7)] {
            let (stack, next) = (
                layout.thread_stack(rank, number),
                layout.thread_stack(rank + 1, 0),
            );
            assert!(stack.is_some_and(|span| span.start > layout.stack(15).end));
            assert!(stack.zip(next).is_some_and(|(a, b)| a.end < b.start));
        }
        assert_eq!(layout.thread_stack(0, 1024), None);
        let large = Layout::new(64, 1 << 30, 1 << 30).with_thread_stacks(1 << 30);
        assert!(large.thread_stack(63, 5).is_some());
        assert_eq!(large.thread_stack(0, 500), None);
    }
}
