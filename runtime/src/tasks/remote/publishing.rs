//! What is published when tasks are given or come back: everything that tasks of this rank can have written or can refer to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use ckpt_incremental::ByteRange;

use super::REPORTED;
use crate::control::{Entry, LogPosition, Request};
use crate::layout::Span;
use crate::memory::{Memory, Occasion};
use crate::session::Session;
use crate::sync;
use crate::tasks::pool::Pool;

/// In this phase, tasks have come from another rank or gone to one.
static SHARED: AtomicBool = AtomicBool::new(false);
/// The lowest address on the stacks of threads of this rank that such tasks may refer to.
static LOWEST_FRAME: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Tasks leave for another rank, or have come from one: from now on, what they refer to is published with locks, too.
pub fn share(pool: &Pool) {
    LOWEST_FRAME.store(pool.lowest_frame(), SeqCst);
    SHARED.store(true, SeqCst);
}

/// All tasks are complete.
pub fn share_no_more() {
    SHARED.store(false, SeqCst);
}

/// What a thread that releases a lock, posts or flushes publishes: once tasks have left their rank, they may refer to stacks.
pub fn shared_scope(session: &Session, stack_bound: usize) -> Vec<ByteRange> {
    if SHARED.load(SeqCst) {
        scope(session, stack_bound, LOWEST_FRAME.load(SeqCst))
    } else {
        session.scope(stack_bound)
    }
}

/// Publishes all that this rank wrote, and sends the request that `make` builds from its position in the log, from the number of entries that
/// another rank is to count if this `finishes` tasks of that rank, and from what was published. What is streamed is named before it is
/// sent, so that it is applied there while it is being collected here.
pub fn publish_everything(
    session: &Session,
    pool: &Pool,
    finishes: bool,
    make: impl FnOnce(LogPosition, u64, Option<Entry>) -> Request,
) {
    crate::ffi::stdio::flush_output();
    let mut guard = session.state();
    let state = &mut *guard;
    share(pool);
    session.locks.publishing();
    let scope = scope(session, state.stack_bound, pool.lowest_frame());
    let (seen, sequence) = (state.memory.seen(), state.memory.sequence());
    let credit = if finishes {
        late(state.memory.appended() + 1)
    } else {
        0
    };
    let mut make = Some(make);
    let mut before_stream = || {
        let named = Entry {
            author: session.rank,
            sequence,
            inline: None,
        };
        if let Some(make) = make.take() {
            session.exchange.request(&make(seen, credit, Some(named)));
        }
    };
    let entry = state.memory.publish(
        &session.exchange,
        Occasion::Region,
        &scope,
        &mut state.watch,
        &mut before_stream,
    );
    if entry.is_some() {
        state.memory.count_appended();
    }
    state.memory.finish();
    let credit = if finishes {
        hand_over(&mut state.memory)
    } else {
        0
    };
    if let Some(make) = make {
        session.exchange.request(&make(seen, credit, entry));
    }
    sync::published(session);
}

/// How many pages [`publish_everything`] would have to look at.
pub fn dirty_pages(session: &Session, pool: &Pool) -> usize {
    let mut state = session.state();
    let scope = scope(session, state.stack_bound, pool.lowest_frame());
    state.memory.dirty_pages(&scope)
}

/// Of so many entries that this rank appended, those since it arrived, which are the owner's to count.
fn late(appended: u64) -> u64 {
    match REPORTED.load(SeqCst) {
        0 => 0,
        reported => appended.saturating_sub(reported - 1),
    }
}

/// Leaves these to the owner; returns their number.
fn hand_over(memory: &mut Memory) -> u64 {
    match REPORTED.load(SeqCst) {
        0 => 0,
        reported => memory.hand_over(reported - 1),
    }
}

/// All memory that tasks can have written or can refer to.
fn scope(session: &Session, stack_bound: usize, lowest_frame: usize) -> Vec<ByteRange> {
    let own = session.layout.stack(session.rank);
    let bound = if session.rank == 0 {
        stack_bound.min(lowest_frame.max(own.start))
    } else {
        session.layout.stack(0).start
    };
    let mut ranges = session.scope(bound);
    let layout = session.layout;
    let [before, own, behind] = layout.stacks(session.rank);
    // The driver's is in the scope already.
    let others = layout.stacks(0)[2];
    let own = Span {
        start: lowest_frame.clamp(own.start, own.end),
        end: own.end,
    };
    let stacks = [before, own, behind].map(|span| Span {
        start: span.start.max(others.start),
        end: span.end,
    });
    let spans = stacks.into_iter().chain([layout.tasks()]);
    ranges.extend(spans.filter(|span| !span.is_empty()).map(|span| ByteRange {
        start: span.start,
        end: span.end,
    }));
    ranges
}
