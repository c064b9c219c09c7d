//! An MPI library, as mpi/plugin.c shows it: a table of functions, and the buffers that MPI uses until a request is complete.
//!
//! Nothing here loads libraries: whoever has loaded the plugin passes its table.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;

use bytes::Bytes;

/// As in plugin.c.
const ABI: u32 = 1;

/// Bytes of a text that a plugin writes.
const TEXT: usize = 512;

/// The plugin's table, as in plugin.c. What it returns is negative if MPI has failed.
#[repr(C)]
#[allow(missing_debug_implementations, reason = "pointers to functions")]
pub struct PluginTable {
    abi: u32,
    size: u32,
    describe: unsafe extern "C" fn(*mut c_char, usize),
    explain: unsafe extern "C" fn(i32, *mut c_char, usize),
    start: unsafe extern "C" fn(*mut i32, *mut i32) -> i32,
    stop: unsafe extern "C" fn() -> i32,
    send: unsafe extern "C" fn(i32, i32, *const c_void, i32, *mut usize) -> i32,
    arrived: unsafe extern "C" fn(i32, *mut i32, *mut i32, *mut usize) -> i32,
    take: unsafe extern "C" fn(*mut usize, *mut c_void, i32, *mut usize) -> i32,
    receive: unsafe extern "C" fn(i32, i32, *mut c_void, i32, *mut usize) -> i32,
    done: unsafe extern "C" fn(*mut usize, *mut i32) -> i32,
}

/// A failed call: its name and MPI's own words.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) call: &'static str,
    pub(crate) reason: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.reason)
    }
}

/// The library. MPI allows one call at a time, from any thread: all methods that call it take `&mut self`.
pub(crate) struct Library {
    table: &'static PluginTable,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

/// Bytes on their way out, which must stay where they are until MPI has done with them.
#[derive(Debug)]
pub(crate) struct Sending {
    request: usize,
    // Kept from being freed when MPI is not done: see `Drop`.
    bytes: Bytes,
    done: bool,
}

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Receiving {
    request: usize,
    bytes: Vec<u8>,
    length: usize,
    done: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.done {
            // MPI may still read it: it stays for the rest of the process's life.
            std::mem::forget(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if !self.done {
            std::mem::forget(std::mem::take(&mut self.bytes));
        }
    }
}

/// A message that has arrived and was not taken yet.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) from: u32,
    pub(crate) length: usize,
    message: usize,
}

fn number(value: usize) -> i32 {
    i32::try_from(value).expect("frames and ranks are far smaller")
}

impl Library {
    /// Checks a plugin's table.
    ///
    /// # Safety
    /// `table` is null, or what a plugin's `cape_mpi_plugin` has returned; the plugin stays loaded.
    pub(crate) unsafe fn new(table: *const PluginTable) -> Result<Self, String> {
        // SAFETY: the caller's promise; the first two fields are the same in all versions.
        let (abi, size) = unsafe {
            match table.as_ref() {
                Some(table) => (table.abi, table.size),
                None => return Err("it has no table of functions".to_owned()),
            }
        };
        if abi != ABI || size as usize != size_of::<PluginTable>() {
            return Err(format!("it is of another version ({abi} instead of {ABI})"));
        }
        // SAFETY: of this version, and in a library that stays.
        let table = unsafe { &*table };
        Ok(Self { table })
    }

    fn text(write: impl FnOnce(*mut c_char, usize)) -> String {
        let mut text: [c_char; TEXT] = [0; TEXT];
        write(text.as_mut_ptr(), TEXT);
        text[TEXT - 1] = 0;
        // SAFETY: it ends with 0 within its bounds.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        text.to_string_lossy().trim().to_owned()
    }

    /// Name and version of the library.
    pub(crate) fn describe(&self) -> String {
        // SAFETY: room for so many bytes.
        Self::text(|text, room| unsafe { (self.table.describe)(text, room) })
    }

    fn check(&self, call: &'static str, result: i32) -> Result<i32, Failed> {
        if result >= 0 {
            return Ok(result);
        }
        // SAFETY: room for so many bytes.
        let reason = Self::text(|text, room| unsafe { (self.table.explain)(result, text, room) });
        Err(Failed { call, reason })
    }

    /// Waits for all ranks; says which one this is, and of how many.
    pub(crate) fn start(&mut self) -> Result<(u32, u32), Failed> {
        let (mut rank, mut ranks) = (0, 0);
        // SAFETY: places for two numbers.
        let result = unsafe { (self.table.start)(&raw mut rank, &raw mut ranks) };
        self.check("MPI_Init_thread", result)?;
        Ok((
            u32::try_from(rank).unwrap_or(0),
            u32::try_from(ranks).unwrap_or(0),
        ))
    }

    /// Waits for all ranks to do the same. Nothing may be called afterwards.
    pub(crate) fn stop(&mut self) -> Result<(), Failed> {
        // SAFETY: no arguments.
        let result = unsafe { (self.table.stop)() };
        self.check("MPI_Finalize", result).map(drop)
    }

    /// Begins to send.
    pub(crate) fn send(&mut self, to: u32, tag: i32, bytes: Bytes) -> Result<Sending, Failed> {
        let mut request = 0;
        // SAFETY: `Sending` keeps the bytes, which do not move with it, until the request is complete.
        let result = unsafe {
            (self.table.send)(
                number(to as usize),
                tag,
                bytes.as_ptr().cast(),
                number(bytes.len()),
                &raw mut request,
            )
        };
        self.check("MPI_Isend", result)?;
        Ok(Sending {
            request,
            bytes,
            done: false,
        })
    }

    /// The next message with this tag, from anybody.
    pub(crate) fn arrived(&mut self, tag: i32) -> Result<Option<Arrived>, Failed> {
        let (mut from, mut length, mut message) = (0, 0, 0);
        // SAFETY: places for three numbers.
        let result =
            unsafe { (self.table.arrived)(tag, &raw mut from, &raw mut length, &raw mut message) };
        if self.check("MPI_Improbe", result)? == 0 {
            return Ok(None);
        }
        Ok(Some(Arrived {
            from: u32::try_from(from).unwrap_or(u32::MAX),
            length: usize::try_from(length).unwrap_or(0),
            message,
        }))
    }

    /// Begins to receive a message that has arrived.
    pub(crate) fn take(&mut self, mut arrived: Arrived) -> Result<Receiving, Failed> {
        let mut receiving = Receiving::of(arrived.length);
        // SAFETY: the buffer has that capacity, and stays until the request is complete.
        let result = unsafe {
            (self.table.take)(
                &raw mut arrived.message,
                receiving.bytes.as_mut_ptr().cast(),
                number(arrived.length),
                &raw mut receiving.request,
            )
        };
        self.begun("MPI_Imrecv", result, receiving)
    }

    /// Begins to receive the next message of `from` with this tag, which has `length` bytes.
    pub(crate) fn receive(
        &mut self,
        from: u32,
        tag: i32,
        length: usize,
    ) -> Result<Receiving, Failed> {
        let mut receiving = Receiving::of(length);
        // SAFETY: as for `take`.
        let result = unsafe {
            (self.table.receive)(
                number(from as usize),
                tag,
                receiving.bytes.as_mut_ptr().cast(),
                number(length),
                &raw mut receiving.request,
            )
        };
        self.begun("MPI_Irecv", result, receiving)
    }

    fn begun(
        &self,
        call: &'static str,
        result: i32,
        receiving: Receiving,
    ) -> Result<Receiving, Failed> {
        self.check(call, result).map(|_| receiving)
    }

    /// How many bytes have come, if the request is complete: none for one to send.
    fn done(&mut self, request: &mut usize) -> Result<Option<usize>, Failed> {
        let mut length = 0;
        // SAFETY: a request that this library has made and that is not complete, and a place for a number.
        let result = unsafe { (self.table.done)(std::ptr::from_mut(request), &raw mut length) };
        let done = self.check("MPI_Test", result)? == 1;
        Ok(done.then_some(usize::try_from(length).unwrap_or(0)))
    }

    /// Whether the bytes have left.
    pub(crate) fn sent(&mut self, sending: &mut Sending) -> Result<bool, Failed> {
        if !sending.done {
            sending.done = self.done(&mut sending.request)?.is_some();
        }
        Ok(sending.done)
    }

    /// The message, if it is there; once.
    pub(crate) fn received(
        &mut self,
        receiving: &mut Receiving,
    ) -> Result<Option<Vec<u8>>, Failed> {
        if receiving.done {
            return Ok(None);
        }
        let Some(length) = self.done(&mut receiving.request)? else {
            return Ok(None);
        };
        receiving.done = true;
        let length = length.min(receiving.length);
        // SAFETY: the buffer has that capacity, and MPI has filled it so far.
        unsafe { receiving.bytes.set_len(length) };
        Ok(Some(std::mem::take(&mut receiving.bytes)))
    }
}

impl Receiving {
    fn of(length: usize) -> Self {
        Self {
            request: 0,
            bytes: Vec::with_capacity(length),
            length,
            done: false,
        }
    }
}
