//! The two verbs of the memory model: *publish* and *catch up*, over the image and its pending operations.
//!
//! Operations come in two kinds. A *contribution* (reduction, lastprivate) touches no memory until the log executes it. An *atomic
//! update* is seen by its own thread at once, so memory is ahead of the baseline by the operation; before memory is diffed or changed
//! from outside, all such operations are *withdrawn* (memory takes the value from before), and those that the log has not yet
//! executed are *reinstated* afterwards:
//!
//! ```text
//!   x:  baseline 10 ── atomic += 2 ──► memory 12, pending (+2, before 10)
//!   withdraw: memory 10 │ diff finds nothing │ the entry carries "+2" │ the log executes it: baseline 12, memory 12
//! ```
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use ckpt_incremental::{ByteRange, Exactness, Image};

use crate::control::{Entry, INLINE_LIMIT, LogPosition, Request};
use crate::entry::{InlineEntry, Operation, Part, encode};
use crate::exchange::Exchange;
use crate::failure::fatal;
use crate::layout::Span;
use crate::statistics::Stopwatch;

/// Target size of an encoded delta.
const SEGMENT: usize = 256 * 1024;

/// As in `cape.h`: `inout[k] = inout[k] OP in[k]` for `count` elements.
pub type Combiner = unsafe extern "C" fn(inout: *mut u8, operand: *const u8, count: usize);

/// An atomic update whose effect memory shows and the log does not yet.
#[derive(Debug)]
struct Ahead {
    operation: Operation,
    before: Vec<u8>,
    after: Vec<u8>,
    /// The publication that carries it, once published.
    sequence: Option<u64>,
}

/// Image, baseline and log position of this rank.
#[derive(Debug)]
pub struct Memory {
    image: Image,
    me: u32,
    text: Vec<Span>,
    /// Reductions and lastprivate values since the last publication.
    contributions: Vec<Operation>,
    ahead: Vec<Ahead>,
    /// The newest `ahead` entry of an address, if it is not yet published.
    newest: HashMap<u64, usize>,
    /// Operations of own publications that the log has not executed yet.
    published: HashMap<u64, Vec<Operation>>,
    sequence: u64,
    next_of_driver: u64,
    withdrawn: bool,
    seen: LogPosition,
    appended: u64,
}

/// When and to whom an entry is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The driver, at a fork: every other rank is idle and up to date.
    Fork,
    /// Anywhere inside a region.
    Region,
}

impl Memory {
    /// Over a tracked image; `text` is the program's code and its libraries', where combiners lie.
    pub fn new(image: Image, me: u32, text: Vec<Span>) -> Memory {
        Memory {
            image,
            me,
            text,
            contributions: Vec::new(),
            ahead: Vec::new(),
            newest: HashMap::new(),
            published: HashMap::new(),
            sequence: 0,
            next_of_driver: 0,
            withdrawn: false,
            seen: 0,
            appended: 0,
        }
    }

    /// Entries of the lock-ordered log that this rank has applied.
    pub fn seen(&self) -> LogPosition {
        self.seen
    }

    /// Entries of the lock-ordered log that this rank has appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Counts one more entry appended to the lock-ordered log.
    pub fn count_appended(&mut self) {
        self.appended += 1;
    }

    /// Whether the bytes are shared between ranks.
    pub fn shares(&self, address: usize, bytes: usize) -> bool {
        self.image.contains(address, bytes)
    }

    /// Queues a reduction or lastprivate value for the next publication.
    pub fn contribute(&mut self, operation: Operation) {
        self.contributions.push(operation);
    }

    /// `*x = *x OP *operand`, seen here at once and elsewhere after synchronisation.
    ///
    /// # Safety
    /// `x` and `operand` point to `size` accessible bytes, and `combiner` is the combiner of that type.
    pub unsafe fn update_atomically(
        &mut self,
        x: *mut u8,
        operand: *const u8,
        size: usize,
        combiner: Combiner,
    ) {
        let address = x as u64;
        // SAFETY: the caller's promise; the program orders its own accesses to x.
        let memory = unsafe { std::slice::from_raw_parts_mut(x, size) };
        if let Some(ahead) = self
            .newest
            .get(&address)
            .and_then(|at| self.ahead.get_mut(*at))
            && ahead.operation.combiner == combiner as *const () as u64
            && ahead.after == memory
        {
            // SAFETY: both hold one element of the combiner's type; Vec<u8> is aligned by malloc for every arithmetic type.
            unsafe { combiner(ahead.operation.operand.as_mut_ptr(), operand, 1) };
            // SAFETY: the caller's promise.
            unsafe { combiner(x, operand, 1) };
            ahead.after.copy_from_slice(memory);
            return;
        }
        let before = memory.to_vec();
        // SAFETY: the caller's promise.
        unsafe { combiner(x, operand, 1) };
        // SAFETY: the caller's promise.
        let operand = unsafe { std::slice::from_raw_parts(operand, size) }.to_vec();
        let operation = Operation {
            address,
            size: size as u64,
            combiner: combiner as *const () as u64,
            operand,
        };
        self.newest.insert(address, self.ahead.len());
        self.ahead.push(Ahead {
            operation,
            before,
            after: memory.to_vec(),
            sequence: None,
        });
    }

    fn withdraw(&mut self) {
        if std::mem::replace(&mut self.withdrawn, true) {
            return;
        }
        let mut assigned = Vec::new();
        for at in (0..self.ahead.len()).rev() {
            let ahead = &self.ahead[at];
            // SAFETY: the program updated these bytes through this address; they are still mapped (the image never shrinks).
            let memory = unsafe {
                std::slice::from_raw_parts_mut(
                    ahead.operation.address as *mut u8,
                    ahead.operation.size as usize,
                )
            };
            let overwritten = assigned
                .iter()
                .any(|later: &Ahead| later.operation.address == ahead.operation.address);
            if memory == ahead.after && !overwritten {
                memory.copy_from_slice(&ahead.before);
            } else {
                // The program has assigned to x since: what it assigned stands, and the update came before it.
                assigned.push(self.ahead.remove(at));
            }
        }
        for ahead in assigned.iter().rev() {
            self.settle(ahead);
        }
        self.newest.clear();
    }

    /// An update that is published but not yet executed here, and whose target the program has assigned to since: the baseline takes it at
    /// once, so that the assignment is seen as a change to it, and the log must not execute it over the assignment.
    fn settle(&mut self, ahead: &Ahead) {
        let operation = &ahead.operation;
        let waiting = ahead
            .sequence
            .and_then(|sequence| self.published.get_mut(&sequence));
        let Some(waiting) = waiting else {
            return;
        };
        let Some(at) = waiting.iter().position(|other| other == operation) else {
            return;
        };
        waiting.remove(at);
        let bytes = operation.size as usize;
        // SAFETY: as in `withdraw`.
        let memory = unsafe { std::slice::from_raw_parts_mut(operation.address as *mut u8, bytes) };
        let value = memory.to_vec();
        self.execute(std::slice::from_ref(operation));
        memory.copy_from_slice(&value);
    }

    fn reinstate(&mut self) {
        self.withdrawn = false;
        for at in 0..self.ahead.len() {
            let ahead = &mut self.ahead[at];
            let Some(combiner) = combiner_at(&self.text, ahead.operation.combiner) else {
                continue;
            };
            // SAFETY: as in `withdraw`.
            let memory = unsafe {
                std::slice::from_raw_parts_mut(
                    ahead.operation.address as *mut u8,
                    ahead.operation.size as usize,
                )
            };
            ahead.before.copy_from_slice(memory);
            // SAFETY: memory and operand hold one element of the combiner's type.
            unsafe { combiner(memory.as_mut_ptr(), ahead.operation.operand.as_ptr(), 1) };
            ahead.after.copy_from_slice(memory);
            if ahead.sequence.is_none() {
                self.newest.insert(ahead.operation.address, at);
            }
        }
    }

    /// Publishes what changed within `scope`. Small entries are returned to travel in the caller's message; large ones are streamed to
    /// all ranks from here, after `before_stream`.
    pub fn publish(
        &mut self,
        exchange: &Exchange,
        occasion: Occasion,
        scope: &[ByteRange],
        watch: &mut Stopwatch,
        before_stream: &mut dyn FnMut(),
    ) -> Option<Entry> {
        self.withdraw();
        let sequence = self.sequence;
        let exactness = if occasion == Occasion::Fork {
            Exactness::SoleWriter
        } else {
            Exactness::Exact
        };
        let mut first: Option<Vec<u8>> = None;
        let mut streaming = false;
        let mut moving = Duration::ZERO;
        let mut emit = |delta: Vec<u8>| {
            if !streaming && first.is_none() && delta.len() <= INLINE_LIMIT {
                first = Some(delta);
                return Vec::new();
            }
            let started = std::time::Instant::now();
            if !streaming {
                before_stream();
                streaming = true;
                if let Some(first) = first.take() {
                    exchange.stream(sequence, first);
                }
            }
            exchange.stream(sequence, delta);
            moving += started.elapsed();
            Vec::with_capacity(SEGMENT + SEGMENT / 8)
        };
        let result = self.image.publish(scope, exactness, SEGMENT, &mut emit);
        let statistics = result.unwrap_or_else(|error| {
            fatal(format_args!("cannot collect what this rank wrote: {error}"))
        });
        watch.published(&statistics, moving);

        let mut operations = std::mem::take(&mut self.contributions);
        let atomics = self
            .ahead
            .iter_mut()
            .filter(|ahead| ahead.sequence.is_none());
        operations.extend(atomics.map(|ahead| {
            ahead.sequence = Some(sequence);
            ahead.operation.clone()
        }));
        if first.is_none() && !streaming && operations.is_empty() {
            return None;
        }
        self.sequence += 1;
        if !operations.is_empty() {
            self.published.insert(sequence, operations.clone());
        }
        if !streaming {
            let entry = InlineEntry {
                deltas: first.into_iter().collect(),
                operations,
            };
            let bytes = encode(&entry);
            if bytes.len() <= 2 * INLINE_LIMIT {
                return Some(Entry {
                    author: self.me,
                    sequence,
                    inline: Some(bytes),
                });
            }
            before_stream();
            for delta in entry.deltas {
                exchange.stream(sequence, delta);
            }
            operations = entry.operations;
        }
        exchange.end_stream(sequence, &operations);
        Some(Entry {
            author: self.me,
            sequence,
            inline: None,
        })
    }

    /// Applies entries of the lock-ordered log that follow `seen`, as far as they are new.
    pub fn catch_up_log(
        &mut self,
        exchange: &Exchange,
        from: LogPosition,
        entries: &[Entry],
        watch: &mut Stopwatch,
    ) {
        for (position, entry) in (from..).zip(entries) {
            if position >= self.seen {
                self.apply(exchange, entry, watch);
                self.seen = position + 1;
            }
        }
    }

    /// Fetches and applies the lock-ordered log up to `head`.
    pub fn catch_up_to(&mut self, exchange: &Exchange, head: LogPosition, watch: &mut Stopwatch) {
        if self.seen >= head {
            return;
        }
        let from = self.seen;
        let ticket = exchange.ticket();
        exchange.request(&Request::FetchLog {
            ticket,
            seen: from,
            upto: head,
        });
        // Nobody needs this thread for that: what is named has been sent.
        let entries = watch.waiting(|| exchange.answer(ticket));
        self.catch_up_log(exchange, from, &entries, watch);
        exchange.request(&Request::Applied { seen: self.seen });
    }

    /// Applies entries with memory as the log has it: to be called between [`Memory::begin`] and [`Memory::finish`].
    pub fn apply(&mut self, exchange: &Exchange, entry: &Entry, watch: &mut Stopwatch) {
        if entry.author == self.me {
            // The bytes are here; only the operations have been waiting for their turn.
            let operations = self.published.remove(&entry.sequence).unwrap_or_default();
            self.ahead
                .retain(|ahead| ahead.sequence != Some(entry.sequence));
            self.execute(&operations);
            return;
        }
        if entry.author == 0 {
            self.next_of_driver = entry.sequence + 1;
        }
        let Some(bytes) = &entry.inline else {
            return self.apply_stream(exchange, (entry.author, entry.sequence), watch);
        };
        watch.moving(|| {
            let inline: InlineEntry = postcard::from_bytes(bytes).unwrap_or_else(|error| {
                fatal(format_args!(
                    "malformed entry of rank {}: {error}",
                    entry.author
                ))
            });
            for delta in &inline.deltas {
                self.inject(entry.author, delta);
            }
            self.execute(&inline.operations);
        });
    }

    fn apply_stream(&mut self, exchange: &Exchange, key: (u32, u64), watch: &mut Stopwatch) {
        loop {
            let part = watch
                .waiting(|| exchange.wait(|inbox| inbox.streams.get_mut(&key)?.parts.pop_front()));
            let last = matches!(part, Part::End(_));
            watch.moving(|| self.apply_part(key.0, &part));
            if last {
                exchange.wait(|inbox| Some(inbox.streams.remove(&key)));
                return;
            }
        }
    }

    fn apply_part(&mut self, author: u32, part: &Part) {
        match part {
            Part::Delta(delta) => self.inject(author, delta),
            Part::End(operations) => self.execute(operations),
        }
    }

    /// Which stream the driver's next publication would use: an idle worker applies it as it arrives.
    pub fn next_of_driver(&self) -> (u32, u64) {
        (0, self.next_of_driver)
    }

    /// Applies a delta of the driver's next publication ahead of its order.
    pub fn apply_early(&mut self, delta: &Bytes) {
        self.inject(0, delta);
    }

    /// Makes memory as the log has it, so that entries can be applied.
    pub fn begin(&mut self) {
        self.withdraw();
    }

    /// Shows this rank its own pending updates again.
    pub fn finish(&mut self) {
        self.reinstate();
    }

    /// Whether own operations wait whose target this rank has also changed otherwise since the last publication.
    pub fn operations_overlap_changes(&mut self) -> bool {
        self.withdraw();
        let ahead = self.ahead.iter().map(|ahead| &ahead.operation);
        let overlap = self.contributions.iter().chain(ahead).any(|operation| {
            let mut base = vec![0; operation.operand.len()];
            if self
                .image
                .baseline(operation.address as usize, &mut base)
                .is_err()
            {
                return false;
            }
            // SAFETY: `baseline` succeeded, so the bytes lie in the image.
            let now =
                unsafe { std::slice::from_raw_parts(operation.address as *const u8, base.len()) };
            now != base
        });
        self.reinstate();
        overlap
    }

    /// Turns own pending operations into an entry without looking at memory; see [`Memory::operations_overlap_changes`].
    pub fn publish_operations(&mut self) -> Option<Entry> {
        let mut operations = std::mem::take(&mut self.contributions);
        let sequence = self.sequence;
        for ahead in self
            .ahead
            .iter_mut()
            .filter(|ahead| ahead.sequence.is_none())
        {
            ahead.sequence = Some(sequence);
            operations.push(ahead.operation.clone());
        }
        self.newest.clear();
        if operations.is_empty() {
            return None;
        }
        self.sequence += 1;
        self.published.insert(sequence, operations.clone());
        let inline = encode(&InlineEntry {
            deltas: Vec::new(),
            operations,
        });
        Some(Entry {
            author: self.me,
            sequence,
            inline: Some(inline),
        })
    }

    fn inject(&mut self, author: u32, delta: &[u8]) {
        if let Err(error) = self.image.inject(delta) {
            fatal(format_args!(
                "cannot apply what rank {author} wrote: {error}"
            ));
        }
    }

    fn execute(&mut self, operations: &[Operation]) {
        for operation in operations {
            if let Err(reason) = self.execute_one(operation) {
                fatal(format_args!(
                    "cannot combine values at address {:#x}: {reason}",
                    operation.address
                ));
            }
        }
    }

    fn execute_one(&mut self, operation: &Operation) -> Result<(), String> {
        let address = usize::try_from(operation.address).map_err(|error| error.to_string())?;
        if operation.combiner == 0 {
            return self
                .image
                .store(address, &operation.operand)
                .map_err(|error| error.to_string());
        }
        let combiner = combiner_at(&self.text, operation.combiner)
            .ok_or("its operator is not part of this program")?;
        let size = usize::try_from(operation.size).map_err(|error| error.to_string())?;
        let count = operation
            .operand
            .len()
            .checked_div(size)
            .ok_or("its elements have no size")?;
        let mut value = vec![0; operation.operand.len()];
        self.image
            .baseline(address, &mut value)
            .map_err(|error| error.to_string())?;
        // SAFETY: value and operand hold `count` elements of the combiner's type; both buffers come from malloc, aligned for it.
        unsafe { combiner(value.as_mut_ptr(), operation.operand.as_ptr(), count) };
        self.image
            .store(address, &value)
            .map_err(|error| error.to_string())
    }
}

/// The combiner at this address, if it is code of the program.
fn combiner_at(text: &[Span], address: u64) -> Option<Combiner> {
    let address = usize::try_from(address)
        .ok()
        .filter(|address| text.iter().any(|span| span.contains(*address)))?;
    // SAFETY: an address inside the program's code that a rank of the same build, authenticated, named as its combiner.
    Some(unsafe { std::mem::transmute::<usize, Combiner>(address) })
}
