//! Memory that all ranks of a host share, one slot for each shared file: a lock, what was read ahead and cannot be given back to the file,
//! and whether the file was closed or its end was met.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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
pub struct Slot {
    raw: *mut Raw,
}

// SAFETY: what is in a slot is changed under its lock, or atomic.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

/// A slot whose lock this thread holds.
#[derive(Debug)]
pub struct Held {
    raw: *mut Raw,
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
        assert!(number < SLOTS, "slot {number} does not exist");
        Slot {
            raw: (self.base as *mut Raw).wrapping_add(number),
        }
    }

    /// Makes slot `number` ready for another file. Only the driver calls this, while nobody uses the slot.
    pub fn prepare(&self, number: usize) -> Slot {
        let slot = self.slot(number);
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
        slot
    }
}

impl Slot {
    /// Waits for the slot's lock.
    pub fn lock(self) -> Held {
        // SAFETY: the driver initialised the mutex before it named the slot to anybody.
        unsafe { libc::pthread_mutex_lock(&raw mut (*self.raw).lock) };
        Held { raw: self.raw }
    }

    /// The lock, which this thread took by [`Slot::lock`] and whose guard it gave up.
    pub fn held(self) -> Held {
        Held { raw: self.raw }
    }

    /// Whether the file was closed: the slot may serve another one.
    pub fn is_closed(self) -> bool {
        // SAFETY: the slot is mapped.
        unsafe { &(*self.raw).closed }.load(Relaxed) != 0
    }

    /// Marks the file as closed.
    pub fn close(self) {
        // SAFETY: the slot is mapped.
        unsafe { &(*self.raw).closed }.store(1, Relaxed);
    }

    /// Whether a read met the end of the file.
    pub fn has_ended(self) -> bool {
        // SAFETY: the slot is mapped.
        unsafe { &(*self.raw).ended }.load(Relaxed) != 0
    }

    /// Notes whether a read met the end of the file.
    pub fn set_ended(self, ended: bool) {
        // SAFETY: the slot is mapped.
        unsafe { &(*self.raw).ended }.store(u32::from(ended), Relaxed);
    }
}

impl Held {
    /// Gives the lock up without unlocking it; [`Slot::held`] takes it up again.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    fn pending(&mut self) -> (&mut usize, &mut [u8; CAPACITY]) {
        // SAFETY: the slot is mapped, and this thread holds its lock.
        let raw = unsafe { &mut *self.raw };
        (&mut raw.first, &mut raw.pending)
    }

    /// Bytes that were given back.
    pub fn len(&mut self) -> usize {
        CAPACITY - (*self.pending().0).min(CAPACITY)
    }

    /// Takes what was given back, as much as there is room for.
    pub fn take(&mut self, buffer: &mut [u8]) -> usize {
        let length = self.len().min(buffer.len());
        let (first, pending) = self.pending();
        buffer[..length].copy_from_slice(&pending[*first..*first + length]);
        *first += length;
        length
    }

    /// Gives `bytes` back: they are read before what was given back earlier. `false`: there is no room.
    pub fn give_back(&mut self, bytes: &[u8]) -> bool {
        let (first, pending) = self.pending();
        let Some(start) = first.checked_sub(bytes.len()) else {
            return false;
        };
        pending[start..*first].copy_from_slice(bytes);
        *first = start;
        true
    }

    /// Forgets what was given back: the offset was moved.
    pub fn clear(&mut self) {
        *self.pending().0 = CAPACITY;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: this thread holds the lock.
        unsafe { libc::pthread_mutex_unlock(&raw mut (*self.raw).lock) };
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
