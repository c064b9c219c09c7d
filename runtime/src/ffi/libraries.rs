//! What runtime/link/library.c, part of every shared library that capec links, calls when the library is loaded.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Mutex;

use crate::failure::fatal;
use crate::layout::Span;
use crate::libraries::{self, Library, Loaded};

/// As in library.c.
#[repr(C)]
pub struct Record {
    size: usize,
    data: [usize; 2],
    bss: [usize; 2],
    init: [usize; 2],
    translated: isize,
    mixed: isize,
}

type Constructor = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char);

/// Arrays of constructors not run yet.
static WAITING: Mutex<Vec<Span>> = Mutex::new(Vec::new());

fn span([start, end]: [usize; 2]) -> Span {
    Span { start, end }
}

/// Called by a library's constructor.
///
/// # Safety
/// `record` is the library's, and what it says is true.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cape_library_loaded(record: *const Record) {
    // SAFETY: the caller's promise.
    let record = unsafe { &*record };
    if record.size != size_of::<Record>() {
        fatal(format_args!(
            "a shared library was linked by another version of capec: link it again ({} and {} bytes of description)",
            record.size,
            size_of::<Record>()
        ));
    }
    let (name, text) = object_around(std::ptr::from_ref(record).addr());
    let library = Library {
        name: name.clone(),
        data: span(record.data),
        bss: span(record.bss),
        text,
        mixes_atomics: record.mixed != 0,
    };
    let init = span(record.init);
    match libraries::register(library) {
        Loaded::AtStart => WAITING.lock().expect("nothing panics here").push(init),
        Loaded::Late => {
            if let Some(session) = crate::session::get().filter(|_| record.translated != 0) {
                // Before the job is complete nobody would read the message.
                session.wait_for_all_ranks();
                fatal(format_args!(
                    "{name}, which contains parallel regions, was loaded after the start of a job of several ranks: link the program \
                     with it (or start caperun with -x LD_PRELOAD={name}), so that every rank loads it"
                ));
            }
            // SAFETY: the library's own constructors, once.
            unsafe { run(init) };
        }
    }
}

/// Runs the constructors of the libraries that were loaded with the program: on the driver, when the job has started.
pub fn construct() {
    // In a job of one rank nobody else has asked.
    libraries::at_start();
    let waiting = std::mem::take(&mut *WAITING.lock().expect("nothing panics here"));
    for init in waiting {
        // SAFETY: each library's own constructors, once.
        unsafe { run(init) };
    }
}

unsafe extern "C" {
    static environ: *mut *mut c_char;
}

/// # Safety
/// `init` is an array of constructors that have not been run.
unsafe fn run(init: Span) {
    for at in (init.start..init.end).step_by(size_of::<usize>()) {
        // SAFETY: inside the array.
        let address = unsafe { *(at as *const usize) };
        // The linker may have filled gaps; crt code skips these values too.
        if address == 0 || address == usize::MAX {
            continue;
        }
        // SAFETY: an element of the array is a constructor's address.
        let constructor = unsafe { std::mem::transmute::<usize, Constructor>(address) };
        // SAFETY: reading a pointer of libc's.
        constructor(0, std::ptr::null_mut(), unsafe { environ });
    }
}

/// Name and code of the loaded object that contains `address`.
fn object_around(address: usize) -> (String, Vec<Span>) {
    let mut search = Search {
        address,
        found: (String::from("a shared library"), Vec::new()),
    };
    // SAFETY: `visit` expects a Search.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

struct Search {
    address: usize,
    found: (String, Vec<Span>),
}

unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: object_around passes a Search, dl_iterate_phdr a description.
    let (search, info) = unsafe { (&mut *search.cast::<Search>(), &*info) };
    // SAFETY: the loader's own count.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let spans = |wanted: u32| {
        headers
            .iter()
            .filter(move |header| {
                header.p_type == libc::PT_LOAD && header.p_flags & wanted == wanted
            })
            .map(|header| {
                let start = (info.dlpi_addr + header.p_vaddr) as usize;
                Span {
                    start,
                    end: start + header.p_memsz as usize,
                }
            })
    };
    if !spans(0).any(|span| span.contains(search.address)) {
        return 0;
    }
    if !info.dlpi_name.is_null() {
        // SAFETY: the loader's own string.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        search.found.0 = name.to_string_lossy().into_owned();
    }
    search.found.1 = spans(libc::PF_X).collect();
    1
}
