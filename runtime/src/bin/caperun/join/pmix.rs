//! PMIx: the library of the machine, loaded when it is needed (Open MPI's `mpirun`, `srun --mpi=pmix`).
//!
//! Its protocol is private to it, so that it has to be the library itself; nothing links it, as it is on few machines. The calls and
//! structures used have been the same since PMIx 2 (`pmix.h`, `pmix_common.h` of release 2 to 5).
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use nix::libc;

use super::exchange::Exchange;
use crate::report::Failure;

/// The name under which every release since 2 is installed.
const LIBRARY: &CStr = c"libpmix.so.2";
/// `PMIX_MAX_NSLEN + 1`.
const NAME_SIZE: usize = 256;
/// `PMIX_MAX_KEYLEN + 1`.
const KEY_SIZE: usize = 512;
/// `PMIX_STRING`.
const STRING: u16 = 3;
/// `PMIX_GLOBAL`: for tasks on this host and on others.
const GLOBAL: u8 = 3;
/// `PMIX_SUCCESS`.
const SUCCESS: c_int = 0;

/// `pmix_proc_t`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Process {
    space: [c_char; NAME_SIZE],
    rank: u32,
}

/// `pmix_value_t`; its union is as large as three pointers in all releases, here with room to spare.
#[repr(C)]
struct Value {
    kind: u16,
    text: *mut c_char,
    rest: [usize; 6],
}

type Init = unsafe extern "C" fn(*mut Process, *mut c_void, usize) -> c_int;
type Put = unsafe extern "C" fn(u8, *const c_char, *mut Value) -> c_int;
type Commit = unsafe extern "C" fn() -> c_int;
type Fence = unsafe extern "C" fn(*const Process, usize, *const c_void, usize) -> c_int;
type Get = unsafe extern "C" fn(
    *const Process,
    *const c_char,
    *const c_void,
    usize,
    *mut *mut Value,
) -> c_int;
type Finalize = unsafe extern "C" fn(*const c_void, usize) -> c_int;

/// The library, and this process as its server knows it.
pub struct Pmix {
    me: Process,
    put: Put,
    commit: Commit,
    fence: Fence,
    get: Get,
    finalize: Finalize,
}

fn checked(call: &str, status: c_int) -> Result<(), Failure> {
    if status == SUCCESS {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{call} of libpmix.so.2 failed (status {status}): is it the release that the launcher uses? look for its own message above, \
         or use caperun instead of the launcher"
    )))
}

/// The function `name` of the library `handle`.
///
/// # Safety
/// `F` is the type of that function, a pointer.
unsafe fn function<F: Copy>(handle: *mut c_void, name: &CStr) -> Result<F, Failure> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: a handle from dlopen and a string.
    let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if found.is_null() {
        let name = name.to_string_lossy();
        return Err(Failure::new(format!(
            "libpmix.so.2 lacks {name}: it is no PMIx of release 2 or later; use caperun instead of the launcher"
        )));
    }
    // SAFETY: of the same size; the caller answers for the type.
    Ok(unsafe { std::mem::transmute_copy(&found) })
}

fn key(text: &str) -> [c_char; KEY_SIZE] {
    let mut key = [0; KEY_SIZE];
    for (place, byte) in key.iter_mut().zip(text.bytes().take(KEY_SIZE - 1)) {
        *place = byte.cast_signed();
    }
    key
}

impl Pmix {
    /// Loads the library and introduces this process to its server.
    pub fn new() -> Result<Pmix, Failure> {
        // SAFETY: a string; the library's constructors are its own affair.
        let handle = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if handle.is_null() {
            return Err(Failure::new(
                "libpmix.so.2, by which this launcher's tasks meet, is not found: install it (Debian: libpmix2) or add its directory to \
                 LD_LIBRARY_PATH, or use caperun instead of the launcher",
            ));
        }
        let mut me = Process {
            space: [0; NAME_SIZE],
            rank: 0,
        };
        // SAFETY: the types are those of pmix.h.
        let (init, pmix) = unsafe {
            let init: Init = function(handle, c"PMIx_Init")?;
            (
                init,
                Pmix {
                    me,
                    put: function(handle, c"PMIx_Put")?,
                    commit: function(handle, c"PMIx_Commit")?,
                    fence: function(handle, c"PMIx_Fence")?,
                    get: function(handle, c"PMIx_Get")?,
                    finalize: function(handle, c"PMIx_Finalize")?,
                },
            )
        };
        // SAFETY: room for the process; no directives.
        checked("PMIx_Init", unsafe {
            init(&raw mut me, std::ptr::null_mut(), 0)
        })?;
        Ok(Pmix { me, ..pmix })
    }
}

impl Exchange for Pmix {
    fn put(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let text = CString::new(value).map_err(|error| Failure::new(error.to_string()))?;
        let mut value = Value {
            kind: STRING,
            text: text.as_ptr().cast_mut(),
            rest: [0; 6],
        };
        // SAFETY: a string and a value, which the library copies.
        checked("PMIx_Put", unsafe {
            (self.put)(GLOBAL, key(name).as_ptr(), &raw mut value)
        })?;
        // SAFETY: no arguments.
        checked("PMIx_Commit", unsafe { (self.commit)() })
    }

    fn fence(&mut self) -> Result<(), Failure> {
        // SAFETY: no processes means all, no directives.
        checked("PMIx_Fence", unsafe {
            (self.fence)(std::ptr::null(), 0, std::ptr::null(), 0)
        })
    }

    fn get(&mut self, rank: u32, name: &str) -> Result<String, Failure> {
        let process = Process { rank, ..self.me };
        let mut value: *mut Value = std::ptr::null_mut();
        // SAFETY: a process, a string, no directives, room for a pointer.
        checked("PMIx_Get", unsafe {
            (self.get)(
                &raw const process,
                key(name).as_ptr(),
                std::ptr::null(),
                0,
                &raw mut value,
            )
        })?;
        let none = || {
            Failure::new(format!(
                "PMIx_Get gave no text for task {rank}: start the job again"
            ))
        };
        if value.is_null() {
            return Err(none());
        }
        // SAFETY: the call has succeeded, so that this is a value of the library's.
        let (kind, text) = unsafe { ((*value).kind, (*value).text) };
        if kind != STRING || text.is_null() {
            return Err(none());
        }
        // SAFETY: a value of this kind holds a string. It is left to the end of the process: the library's own function to
        // free it is a macro in some releases.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_str().map(str::to_owned).map_err(|_| none())
    }

    /// The server takes a second process of the same name for a copy of the first, and forgets all about a task when its first process
    /// takes leave: so this one stays.
    fn hand_on(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Failure> {
        // SAFETY: no directives.
        checked("PMIx_Finalize", unsafe {
            (self.finalize)(std::ptr::null(), 0)
        })
    }
}
