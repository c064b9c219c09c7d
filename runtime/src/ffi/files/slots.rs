//! Memory that all ranks of a host share, one slot for each shared file: a lock, what was read ahead and cannot be given back to the file,
//! and whether the file was closed or its end was met. Ranks that cannot map it have a slot's state sent with its lock.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::remote;

/// Files that can be shared at a time.
pub const SLOTS: usize = 64;
/// Bytes that can be given back to a slot: more than the C library reads ahead.
const CAPACITY: usize = 128 << 10;

#[repr(C)]
struct Raw {
    lock: libc::pthread_mutex_t,
    closed: AtomicU32,
    ended: AtomicU32,
    /// Where the bytes given back begin; they extend to the end of `pending`.
    first: usize,
    pending: [u8; CAPACITY],
}

/// All slots of the job on this host.
#[derive(Debug)]
pub struct Board {
    memory: OwnedFd,
    base: usize,
}

/// One of them. They are never unmapped.
#[derive(Clone, Copy, Debug)]
pub enum Slot {
    /// In memory that this process maps.
    Near(Near),
    /// On the driver, which this process cannot share memory with.
    Far(&'static Far),
}

/// A slot in memory.
#[derive(Clone, Copy, Debug)]
pub struct Near {
    raw: *mut Raw,
}

// SAFETY: what is in a slot is changed under its lock, or atomic.
unsafe impl Send for Near {}
// SAFETY: as above.
unsafe impl Sync for Near {}

/// A slot whose lock this thread holds.
#[derive(Debug)]
pub enum Held {
    /// A mutex in memory.
    Near(Near),
    /// A mutex that a thread of the driver's holds for this one.
    Far(&'static Far),
}

fn map(memory: &OwnedFd) -> io::Result<usize> {
    // SAFETY: maps new memory.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            SLOTS * size_of::<Raw>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            memory.as_raw_fd(),
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(base as usize)
}

impl Board {
    /// The driver's: new memory.
    pub fn create() -> io::Result<Board> {
        // SAFETY: the name is a string.
        let number = unsafe { libc::memfd_create(c"cape-files".as_ptr(), libc::MFD_CLOEXEC) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        let file = unsafe { File::from_raw_fd(number) };
        file.set_len((SLOTS * size_of::<Raw>()) as u64)?;
        let memory = OwnedFd::from(file);
        let base = map(&memory)?;
        Ok(Board { memory, base })
    }

    /// A worker's: what the driver sent.
    pub fn open(memory: OwnedFd) -> io::Result<Board> {
        let base = map(&memory)?;
        Ok(Board { memory, base })
    }

    /// What workers map.
    pub fn memory(&self) -> &OwnedFd {
        &self.memory
    }

    /// Slot `number`, which is below [`SLOTS`].
    pub fn slot(&self, number: usize) -> Slot {
        Slot::Near(self.near(number))
    }

    fn near(&self, number: usize) -> Near {
        assert!(number < SLOTS, "slot {number} does not exist");
        Near {
            raw: (self.base as *mut Raw).wrapping_add(number),
        }
    }

    /// Makes slot `number` ready for another file. Only the driver calls this, while nobody uses the slot.
    pub fn prepare(&self, number: usize) -> Slot {
        let slot = self.near(number);
        // SAFETY: all-zero is a valid place for the attributes.
        let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        // SAFETY: the attributes and the mutex are valid places, and nobody uses the mutex.
        unsafe {
            libc::pthread_mutexattr_init(&mut attributes);
            libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED);
            libc::pthread_mutex_init(&raw mut (*slot.raw).lock, &attributes);
            libc::pthread_mutexattr_destroy(&mut attributes);
            (*slot.raw).first = CAPACITY;
            (*slot.raw).closed.store(0, Relaxed);
            (*slot.raw).ended.store(0, Relaxed);
        }
        Slot::Near(slot)
    }
}

impl Slot {
    /// Waits for the slot's lock.
    pub fn lock(self) -> Held {
        match self {
            Slot::Near(near) => {
                // SAFETY: the driver initialised the mutex before it named the slot to anybody.
                unsafe { libc::pthread_mutex_lock(&raw mut (*near.raw).lock) };
            }
            Slot::Far(far) => far.lock(),
        }
        self.held()
    }

    /// The lock, which this thread took by [`Slot::lock`] and whose guard it gave up.
    pub fn held(self) -> Held {
        match self {
            Slot::Near(near) => Held::Near(near),
            Slot::Far(far) => Held::Far(far),
        }
    }

    /// Whether the file was closed: the slot may serve another one. Of a far slot: as of when this rank took its lock last.
    pub fn is_closed(self) -> bool {
        match self {
            // SAFETY: the slot is mapped.
            Slot::Near(near) => unsafe { &(*near.raw).closed }.load(Relaxed) != 0,
            Slot::Far(far) => far.view().closed,
        }
    }

    /// Marks the file as closed. Only the driver does.
    pub fn close(self) {
        if let Slot::Near(near) = self {
            // SAFETY: the slot is mapped.
            unsafe { &(*near.raw).closed }.store(1, Relaxed);
        }
    }

    /// Whether a read met the end of the file.
    pub fn has_ended(self) -> bool {
        match self {
            // SAFETY: the slot is mapped.
            Slot::Near(near) => unsafe { &(*near.raw).ended }.load(Relaxed) != 0,
            Slot::Far(far) => far.view().ended,
        }
    }

    /// Notes whether a read met the end of the file. The lock is held.
    pub fn set_ended(self, ended: bool) {
        match self {
            // SAFETY: the slot is mapped.
            Slot::Near(near) => unsafe { &(*near.raw).ended }.store(u32::from(ended), Relaxed),
            Slot::Far(far) => far.view().ended = ended,
        }
    }
}

impl Held {
    /// Gives the lock up without unlocking it; [`Slot::held`] takes it up again.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    /// Runs `action` on where the bytes begin that were given back, and on the memory at whose end they are.
    fn pending<T>(&mut self, action: impl FnOnce(&mut usize, &mut [u8]) -> T) -> T {
        match self {
            Held::Near(near) => {
                // SAFETY: the slot is mapped, and this thread holds its lock.
                let raw = unsafe { &mut *near.raw };
                action(&mut raw.first, &mut raw.pending)
            }
            Held::Far(far) => far.view().pending(action),
        }
    }

    /// Bytes that were given back.
    pub fn len(&mut self) -> usize {
        let first = match self {
            // SAFETY: the slot is mapped, and this thread holds its lock.
            Held::Near(near) => unsafe { (*near.raw).first },
            Held::Far(far) => far.view().first,
        };
        CAPACITY - first.min(CAPACITY)
    }

    /// Takes what was given back, as much as there is room for.
    pub fn take(&mut self, buffer: &mut [u8]) -> usize {
        let length = self.len().min(buffer.len());
        if length > 0 {
            self.pending(|first, pending| {
                buffer[..length].copy_from_slice(&pending[*first..*first + length]);
                *first += length;
            });
        }
        length
    }

    /// Gives `bytes` back: they are read before what was given back earlier. `false`: there is no room.
    pub fn give_back(&mut self, bytes: &[u8]) -> bool {
        self.pending(|first, pending| {
            let Some(start) = first.checked_sub(bytes.len()) else {
                return false;
            };
            pending[start..*first].copy_from_slice(bytes);
            *first = start;
            true
        })
    }

    /// Forgets what was given back: the offset was moved.
    pub fn clear(&mut self) {
        if self.len() > 0 {
            self.pending(|first, _| *first = CAPACITY);
        }
    }

    /// A copy of what was given back.
    pub fn given_back(&mut self) -> Vec<u8> {
        if self.len() == 0 {
            return Vec::new();
        }
        self.pending(|first, pending| pending[(*first).min(CAPACITY)..].to_vec())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self {
            // SAFETY: this thread holds the lock.
            Held::Near(near) => unsafe {
                libc::pthread_mutex_unlock(&raw mut (*near.raw).lock);
            },
            Held::Far(far) => far.unlock(),
        }
    }
}

/// A slot of the driver's, as the rank that holds its lock sees and changes it.
#[derive(Debug)]
pub struct Far {
    number: usize,
    view: Mutex<View>,
}

#[derive(Debug)]
struct View {
    closed: bool,
    ended: bool,
    first: usize,
    /// As long as what it stands for while there are bytes given back or to be given back, otherwise empty.
    pending: Vec<u8>,
    changed: bool,
}

impl View {
    fn pending<T>(&mut self, action: impl FnOnce(&mut usize, &mut [u8]) -> T) -> T {
        if self.pending.is_empty() {
            self.pending = vec![0; CAPACITY];
        }
        let before = self.first;
        let result = action(&mut self.first, &mut self.pending);
        self.changed |= self.first != before;
        result
    }
}

impl Far {
    /// The driver's slot `number`, which is below [`SLOTS`].
    pub fn numbered(number: usize) -> Slot {
        static ALL: [OnceLock<Far>; SLOTS] = [const { OnceLock::new() }; SLOTS];
        Slot::Far(ALL[number].get_or_init(|| Far {
            number,
            view: Mutex::new(View {
                closed: false,
                ended: false,
                first: CAPACITY,
                pending: Vec::new(),
                changed: false,
            }),
        }))
    }

    /// Only the thread that holds the lock looks, others of its rank at most in passing.
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) {
        let (state, bytes) = remote::lock(self.number);
        let mut view = self.view();
        view.closed = state.closed;
        view.ended = state.ended;
        view.first = CAPACITY;
        if (1..=CAPACITY).contains(&bytes.len()) {
            view.pending(|first, pending| {
                *first = pending.len() - bytes.len();
                pending[*first..].copy_from_slice(&bytes);
            });
        }
        view.changed = false;
    }

    fn unlock(&self) {
        let mut view = self.view();
        let given_back = view
            .changed
            .then(|| view.pending(|first, pending| pending[*first..].to_vec()));
        let ended = view.ended;
        view.pending = Vec::new();
        view.first = CAPACITY;
        drop(view);
        remote::unlock(self.number, ended, given_back.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_read_first() {
        let board = Board::create().expect("memory");
        let slot = board.prepare(3);
        let mut held = slot.lock();
        assert!(held.give_back(b"world") && held.give_back(b"hello "));
        let mut buffer = [0; 8];
        assert_eq!((held.take(&mut buffer), &buffer), (8, b"hello wo"));
        assert_eq!(
            (held.take(&mut buffer), &buffer[..3]),
            (3, b"rld".as_slice())
        );
        assert_eq!(held.take(&mut buffer), 0);
        assert!(!held.give_back(&vec![0; CAPACITY + 1]));
        drop(held);
        slot.close();
        assert!(slot.is_closed() && !board.prepare(3).is_closed());
    }

    #[test]
    fn all_who_map_the_memory_see_the_same() {
        let ours = Board::create().expect("memory");
        ours.prepare(0);
        let theirs = Board::open(ours.memory().try_clone().expect("descriptor")).expect("memory");
        assert!(theirs.slot(0).lock().give_back(b"x"));
        assert_eq!(ours.slot(0).lock().len(), 1);
        theirs.slot(0).set_ended(true);
        assert!(ours.slot(0).has_ended());
    }
}
