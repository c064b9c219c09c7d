//! The two verbs of the memory model: *publish* and *catch up*, over the image and its pending operations.
//!
//! Operations come in two kinds. A *contribution* (reduction, lastprivate) touches no memory until the log executes it. An *atomic
//! update* is seen by its rank at once, so that memory is ahead of the baseline by the operation: see [`crate::cells`].
#![allow(unsafe_code)]

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ckpt_incremental::{ByteRange, Exactness, Image};
use transport::buffer;

use crate::cells::{Cells, Combiner, Cover, Flying, Touched};
use crate::control::{Entry, INLINE_LIMIT, LogPosition, Request};
use crate::entry::{InlineEntry, Operation, Part, encode};
use crate::exchange::Exchange;
use crate::failure::fatal;
use crate::layout::Span;
use crate::statistics::Stopwatch;

/// Target size of an encoded delta.
const SEGMENT: usize = 256 * 1024;

/// Operations of an own publication that the log has not executed here yet.
#[derive(Debug, Default)]
struct Published {
    contributions: Vec<Operation>,
    /// Atomic updates: what their cells' memory is ahead by.
    updates: Vec<Operation>,
}

/// Image, baseline and log position of this rank.
#[derive(Debug)]
pub struct Memory {
    image: Image,
    me: u32,
    text: Vec<Span>,
    /// Reductions and lastprivate values since the last publication, by thread of this rank.
    contributions: Vec<Operation>,
    cells: Arc<Cells>,
    touched: Touched,
    published: BTreeMap<u64, Published>,
    /// Sequence and address of updates in `published` that the baseline has already.
    executed: HashSet<(u64, u64)>,
    sequence: u64,
    next_of_driver: u64,
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
    pub fn new(image: Image, me: u32, text: Vec<Span>, cells: Arc<Cells>) -> Memory {
        Memory {
            image,
            me,
            text,
            contributions: Vec::new(),
            cells,
            touched: Touched::new(),
            published: BTreeMap::new(),
            executed: HashSet::new(),
            sequence: 0,
            next_of_driver: 0,
            seen: 0,
            appended: 0,
        }
    }

    /// Entries of the lock-ordered log that this rank has applied.
    pub fn seen(&self) -> LogPosition {
        self.seen
    }

    /// The number of this rank's next publication.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Entries of the lock-ordered log that this rank has appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Counts entries that another rank appended for this one.
    pub fn add_appended(&mut self, entries: u64) {
        self.appended += entries;
    }

    /// Leaves the count of the entries appended after the first `reported` to another rank; returns their number.
    pub fn hand_over(&mut self, reported: u64) -> u64 {
        let late = self.appended.saturating_sub(reported);
        self.appended -= late;
        late
    }

    /// Counts one more entry appended to the lock-ordered log.
    pub fn count_appended(&mut self) {
        self.appended += 1;
    }

    /// Queues a reduction or lastprivate value for the next publication; to be called in thread order.
    pub fn contribute(&mut self, operation: Operation) {
        self.contributions.push(operation);
    }

    /// Takes the atomic updates since the last publication.
    fn take_updates(&mut self) -> Vec<Operation> {
        let mut assigned = Vec::new();
        let updates = self
            .cells
            .take(|address, size| assigned.push((address, size)));
        for (address, size) in assigned {
            self.settle_assigned(address, size);
        }
        updates
    }

    /// Updates that are published but not yet executed here, and whose target the program has assigned to since: the baseline takes them
    /// at once, so that the assignment is seen as a change to it, and the log must not execute them over the assignment.
    fn settle_assigned(&mut self, address: usize, size: usize) {
        let mut value = vec![0; size];
        if self.image.baseline(address, &mut value).is_err() {
            return;
        }
        for (sequence, published) in &self.published {
            for (at, combiner, operand) in elements(&published.updates) {
                if at == address as u64
                    && operand.len() == size
                    && self.executed.insert((*sequence, at))
                    && let Some(combiner) = combiner_at(&self.text, combiner)
                {
                    // SAFETY: both hold one element of the combiner's type; vectors are aligned for it.
                    unsafe { combiner(value.as_mut_ptr(), operand.to_vec().as_ptr(), 1) };
                }
            }
        }
        self.image
            .store_baseline(address, &value)
            .expect("the baseline was read");
    }

    fn note_published(&mut self, contributions: &[Operation], updates: &[Operation]) {
        if !contributions.is_empty() || !updates.is_empty() {
            let published = Published {
                contributions: contributions.to_vec(),
                updates: updates.to_vec(),
            };
            self.published.insert(self.sequence, published);
        }
    }

    /// How many pages a publication would look at.
    pub fn dirty_pages(&mut self, scope: &[ByteRange]) -> usize {
        self.image.dirty_pages(scope).unwrap_or_else(|error| {
            fatal(format_args!("cannot find what this rank wrote: {error}"))
        })
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
        let sequence = self.sequence;
        let updates = self.take_updates();
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
            exchange.stream(sequence, buffer::into_bytes(delta));
            moving += started.elapsed();
            buffer::take(SEGMENT + SEGMENT / 16)
        };
        let mut cover = Cover {
            cells: &self.cells,
            touched: &mut self.touched,
        };
        let result = self
            .image
            .publish_with(scope, exactness, SEGMENT, &mut cover, &mut emit);
        let statistics = result.unwrap_or_else(|error| {
            fatal(format_args!("cannot collect what this rank wrote: {error}"))
        });
        watch.published(&statistics, moving);

        let contributions = std::mem::take(&mut self.contributions);
        self.note_published(&contributions, &updates);
        let mut operations = contributions;
        operations.extend(updates);
        if first.is_none() && !streaming && operations.is_empty() {
            return None;
        }
        self.sequence += 1;
        if !streaming {
            let entry = InlineEntry {
                deltas: first.into_iter().map(Bytes::from).collect(),
                operations,
            };
            let bytes = encode(&entry);
            if bytes.len() <= 2 * INLINE_LIMIT {
                return Some(Entry {
                    author: self.me,
                    sequence,
                    inline: Some(bytes.into()),
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

    /// Applies entries with memory as the log has it: to be followed by [`Memory::finish`].
    pub fn apply(&mut self, exchange: &Exchange, entry: &Entry, watch: &mut Stopwatch) {
        if entry.author == self.me {
            // The bytes are here; only the operations have been waiting for their turn.
            let published = self.published.remove(&entry.sequence).unwrap_or_default();
            self.execute(&published.contributions);
            self.execute_own(entry.sequence, &published.updates);
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

    /// Shows this rank its own pending updates on top of what was applied: to be called after entries have been applied, before the
    /// program goes on.
    pub fn finish(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return;
        }
        let mut flying = Flying::default();
        for (sequence, published) in &self.published {
            for (address, combiner, operand) in elements(&published.updates) {
                if !self.executed.contains(&(*sequence, address))
                    && let Some(combiner) = combiner_at(&self.text, combiner)
                {
                    flying.add(address as usize, combiner, operand);
                }
            }
        }
        let mut assigned = Vec::new();
        let image = &self.image;
        self.cells.settle(
            &touched,
            |address, value| {
                image
                    .baseline(address, value)
                    .expect("cells lie in the image")
            },
            |address, value| flying.apply(address, value),
            |address, size| assigned.push((address, size)),
        );
        drop(flying);
        for (address, size) in assigned {
            self.settle_assigned(address, size);
        }
        self.cells.tidy();
    }

    /// Whether own operations wait whose target this rank has also changed otherwise since the last publication.
    pub fn operations_overlap_changes(&mut self) -> bool {
        let image = &self.image;
        let assigned = self.cells.assigned(|address, value| {
            image
                .baseline(address, value)
                .expect("cells lie in the image")
        });
        assigned
            || self.contributions.iter().any(|operation| {
                let address = operation.address as usize;
                let mut base = vec![0; operation.operand.len()];
                if image.baseline(address, &mut base).is_err() {
                    return false;
                }
                // SAFETY: `baseline` succeeded, so the bytes lie in the image.
                let mut now =
                    unsafe { std::slice::from_raw_parts(address as *const u8, base.len()) }
                        .to_vec();
                self.cells.withdraw_from(address, &mut now);
                now != base
            })
    }

    /// Turns own pending operations into an entry without looking at memory; see [`Memory::operations_overlap_changes`].
    pub fn publish_operations(&mut self) -> Option<Entry> {
        let updates = self.take_updates();
        let contributions = std::mem::take(&mut self.contributions);
        self.note_published(&contributions, &updates);
        let mut operations = contributions;
        operations.extend(updates);
        if operations.is_empty() {
            return None;
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let inline = encode(&InlineEntry {
            deltas: Vec::new(),
            operations,
        });
        Some(Entry {
            author: self.me,
            sequence,
            inline: Some(inline.into()),
        })
    }

    fn inject(&mut self, author: u32, delta: &[u8]) {
        let mut cover = Cover {
            cells: &self.cells,
            touched: &mut self.touched,
        };
        match self.image.inject_with(delta, &mut cover) {
            Ok(done) => {
                if let Some(session) = crate::session::get() {
                    session.heap.note_changed(done.first, done.end);
                }
            }
            Err(error) => fatal(format_args!(
                "cannot apply what rank {author} wrote: {error}"
            )),
        }
    }

    /// Executes operations that all ranks execute here.
    pub fn execute(&mut self, operations: &[Operation]) {
        for operation in operations {
            if let Err(reason) = self.execute_one(operation) {
                fatal(format_args!(
                    "cannot combine values at address {:#x}: {reason}",
                    operation.address
                ));
            }
        }
    }

    /// Executes updates of an own publication, except for those that the baseline has already.
    fn execute_own(&mut self, sequence: u64, updates: &[Operation]) {
        if self.executed.is_empty() {
            self.execute(updates);
            for (address, ..) in elements(updates) {
                self.cells.landed(address as usize);
            }
            return;
        }
        for (address, combiner, operand) in elements(updates) {
            if !self.executed.remove(&(sequence, address)) {
                self.execute(&[Operation {
                    address,
                    size: operand.len() as u64,
                    combiner,
                    operand: operand.to_vec(),
                }]);
                self.cells.landed(address as usize);
            }
        }
    }

    fn execute_one(&mut self, operation: &Operation) -> Result<(), String> {
        let address = usize::try_from(operation.address).map_err(|error| error.to_string())?;
        let mut before = vec![0; operation.operand.len()];
        self.image
            .baseline(address, &mut before)
            .map_err(|error| error.to_string())?;
        let value = self.combined(operation, &before)?;
        self.cells
            .execute(address, &before, &value, &mut self.touched);
        self.image
            .store_baseline(address, &value)
            .map_err(|error| error.to_string())
    }

    /// What `operation` makes of `before`.
    fn combined(&self, operation: &Operation, before: &[u8]) -> Result<Vec<u8>, String> {
        if operation.combiner == 0 {
            return Ok(operation.operand.clone());
        }
        let combiner = combiner_at(&self.text, operation.combiner)
            .ok_or("its operator is not part of this program")?;
        let size = usize::try_from(operation.size).map_err(|error| error.to_string())?;
        let count = before
            .len()
            .checked_div(size)
            .ok_or("its elements have no size")?;
        let mut value = before.to_vec();
        // SAFETY: value and operand hold `count` elements of the combiner's type; both buffers come from malloc, aligned for it.
        unsafe { combiner(value.as_mut_ptr(), operation.operand.as_ptr(), count) };
        Ok(value)
    }
}

/// Address, combiner and operand of each element that the operations are about.
fn elements(operations: &[Operation]) -> impl Iterator<Item = (u64, u64, &[u8])> {
    operations.iter().flat_map(|operation| {
        let size = (operation.size as usize).max(1);
        let elements = operation.operand.chunks_exact(size);
        let addresses = (operation.address..).step_by(size);
        addresses
            .zip(elements)
            .map(|(address, operand)| (address, operation.combiner, operand))
    })
}

/// The combiner at this address, if it is code of the program.
fn combiner_at(text: &[Span], address: u64) -> Option<Combiner> {
    let address = usize::try_from(address)
        .ok()
        .filter(|address| text.iter().any(|span| span.contains(*address)))?;
    // SAFETY: an address inside the program's code that a rank of the same build, authenticated, named as its combiner.
    Some(unsafe { std::mem::transmute::<usize, Combiner>(address) })
}
