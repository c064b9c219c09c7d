//! The cancellation of a taskgroup whose tasks are on several ranks: from whoever cancels up to their owner, and down to all who have some.
#![allow(unsafe_code)]

use super::gifts::{Given, ROOTS};
use super::{AWAY, Away, Batch};
use crate::control::Request;
use crate::control::tasks::TaskRequest;
use crate::session::{self, Session};
use crate::tasks::group::Group;

/// A batch whose tasks are cancelled: whose it is, its name, and whether its owner is to be told, or who has it.
type Told = (u32, u64, bool);

/// Who else has tasks of `group`, which was cancelled here, or whose they are.
fn concerned(away: Option<&Away>, roots: &[Given], me: u32, group: &Group) -> Vec<Told> {
    let batches = away.iter().flat_map(|away| &away.batches);
    let down = batches.filter_map(|(name, batch)| {
        // SAFETY: the taskgroup of a task that is not complete is alive, and it is not completed before it is taken out.
        let inner = unsafe { batch.group()?.as_ref() }?;
        inner.lies_in(group).then_some((me, *name, false))
    });
    let unpacked = roots.iter().filter(|given| !given.root.is_null());
    let up = unpacked.filter_map(|given| {
        // SAFETY: alive while it is in the list.
        let own = unsafe { &raw const (*given.root).group };
        std::ptr::eq(own, group).then_some((given.owner, given.batch, true))
    });
    down.chain(up).collect()
}

fn tell(session: &Session, told: Vec<Told>) {
    for (owner, batch, up) in told {
        session
            .exchange
            .request(&Request::Task(TaskRequest::Cancel { owner, batch, up }));
    }
}

/// A taskgroup that the calling thread's task is in was cancelled here: tells who else has tasks of it.
pub fn group_cancelled(group: &Group) {
    if let Some(session) = session::get() {
        let told = {
            let away = AWAY.lock();
            concerned(away.as_ref(), &ROOTS.lock(), session.rank, group)
        };
        tell(session, told);
    }
}

/// Another rank has cancelled the taskgroup of a batch that it was given by this one (`up`), or that it gave to this one. Called by the thread
/// that receives: a task that is in progress may end only when it sees this.
pub fn heed(session: &Session, owner: u32, batch: u64, up: bool) {
    let away = AWAY.lock();
    let mut roots = ROOTS.lock();
    let group = if up {
        let batch = away.as_ref().and_then(|away| away.batches.get(&batch));
        batch.and_then(Batch::group)
    } else {
        let mut all = roots.iter_mut();
        let this = all.find(|given| given.is(owner, batch));
        this.and_then(|given| {
            given.cancelled = true;
            // SAFETY: alive while it is in the list.
            (!given.root.is_null()).then(|| unsafe { &raw const (*given.root).group })
        })
    };
    // SAFETY: as above, and as in `concerned`; both locks are held.
    let Some(group) = group.and_then(|group| unsafe { group.as_ref() }) else {
        return;
    };
    if group.cancel() {
        let told = concerned(away.as_ref(), &roots, session.rank, group);
        drop((away, roots));
        tell(session, told);
    }
}
