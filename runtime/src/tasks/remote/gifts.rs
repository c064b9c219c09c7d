//! Tasks that this rank was given by others: in the inbox, and taken up.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::parcel::Root;
use super::{ASKED, NEWS, economy, giver};
use crate::control::Request;
use crate::control::tasks::{TaskReply, TaskRequest};
use crate::session::Session;
use crate::tasks::spin::Spin;
use crate::tasks::task::Task;

/// Of the messages in `NEWS`, those that bring tasks.
static GIFTS: AtomicUsize = AtomicUsize::new(0);
/// When the first of the `GIFTS` arrived or the last one was taken up, as [`economy::now`] counts.
static GIFT_SINCE: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds after which gifts that nobody takes up are returned.
const UNTOUCHED: u64 = 50_000_000;

/// The roots of what this rank was given, by owner and name.
pub static ROOTS: Spin<Vec<Given>> = Spin::new(Vec::new());

/// A root in [`ROOTS`], which lives until it is taken out.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// Whose they are.
    pub owner: u32,
    /// Its name for them.
    pub batch: u64,
    /// Null: nobody has looked at them yet.
    pub root: *mut Root,
    /// Their taskgroup is cancelled.
    pub cancelled: bool,
}

impl Given {
    /// Whether this is that one.
    pub fn is(&self, owner: u32, batch: u64) -> bool {
        (self.owner, self.batch) == (owner, batch)
    }
}

// SAFETY: a root is looked at under the lock, or by whoever took it out.
unsafe impl Send for Given {}

/// Messages with tasks that nobody has looked at.
pub fn waiting() -> usize {
    GIFTS.load(SeqCst)
}

/// Such a message is about to be put into the inbox.
pub fn arrived(owner: u32, batch: u64) {
    ROOTS.lock().push(Given {
        owner,
        batch,
        root: std::ptr::null_mut(),
        cancelled: false,
    });
    if GIFTS.fetch_add(1, SeqCst) == 0 {
        GIFT_SINCE.store(economy::now(), SeqCst);
        giver::poke();
    }
}

/// Such a message was taken from the inbox.
pub fn taken_up() {
    GIFT_SINCE.store(economy::now(), SeqCst);
    GIFTS.fetch_sub(1, SeqCst);
}

/// Whoever hears from here on that the taskgroup of these tasks is cancelled finds it at `root`; whether somebody has before.
pub fn unpacked(owner: u32, batch: u64, root: *mut Root) -> bool {
    let mut roots = ROOTS.lock();
    let this = roots.iter_mut().find(|given| given.is(owner, batch));
    this.is_some_and(|given| {
        given.root = root;
        given.cancelled
    })
}

/// The tasks are complete: nobody finds `root` any more.
pub fn completed(root: *const Task) {
    let mut roots = ROOTS.lock();
    roots.retain(|given| !std::ptr::eq(given.root.cast_const().cast(), root));
}

/// Returns tasks that have lain in the inbox for too long; after which time to look again, if there are others.
pub fn return_untouched(session: &Session) -> Option<Duration> {
    if GIFTS.load(SeqCst) == 0 {
        return None;
    }
    let age = economy::now().saturating_sub(GIFT_SINCE.load(SeqCst));
    if age < UNTOUCHED {
        return Some(Duration::from_nanos(UNTOUCHED - age));
    }
    let gift = session.exchange.look(|inbox| {
        let is_gift = |news: &TaskReply| matches!(news, TaskReply::Given { .. });
        let at = inbox.tasks.iter().position(is_gift)?;
        inbox.tasks.remove(at)
    });
    if let Some(TaskReply::Given { owner, batch, .. }) = gift {
        GIFTS.fetch_sub(1, SeqCst);
        NEWS.fetch_sub(1, SeqCst);
        ROOTS.lock().retain(|given| !given.is(owner, batch));
        ASKED.store(0, SeqCst);
        let request = TaskRequest::Return { owner, batch };
        session.exchange.request(&Request::Task(request));
    }
    Some(Duration::ZERO)
}
