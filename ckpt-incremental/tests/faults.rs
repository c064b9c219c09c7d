//! Faults that are not the tracker's own: the program dies of them, or its handler gets them.
//!
//! A process without Rust's start-up code, as the programs that link this crate are: nobody handles SIGSEGV before it does.
#![no_main]
#![allow(unsafe_code)]

mod support;

use ckpt_incremental::{PAGE_SIZE, TrackerKind};
use support::{Memory, in_child, write_at};

/// Exit code of a child whose handler has run.
const HANDLED: i32 = 42;

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let no_core = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the children are to dump no core.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &no_core) };
    for (name, fault) in FAULTS {
        let died = in_child(|| track_and(fault));
        assert!(
            libc::WIFSIGNALED(died) && libc::WTERMSIG(died) == libc::SIGSEGV,
            "{name}: {died:#x}"
        );
        for flags in [0, libc::SA_SIGINFO] {
            let handled = in_child(|| {
                install_handler(flags);
                track_and(fault)
            });
            let code = libc::WIFEXITED(handled).then(|| libc::WEXITSTATUS(handled));
            assert_eq!(
                code,
                Some(HANDLED),
                "{name}, flags {flags:#x}: {handled:#x}"
            );
        }
    }
    println!("faults: ok");
    0
}

type Fault = fn(&Memory);
const FAULTS: [(&str, Fault); 3] = [
    ("a write to no memory", |_| write_at(PAGE_SIZE, &[1])),
    ("a jump into data", |memory| {
        // SAFETY: not safe, but certain: data is not executable.
        let function: extern "C" fn() = unsafe { std::mem::transmute(memory.start()) };
        function();
    }),
    ("a signal from a process", |_| {
        // SAFETY: a signal to this very process.
        unsafe { libc::raise(libc::SIGSEGV) };
    }),
];

/// Makes the fault after one of the tracker's own.
fn track_and(fault: Fault) -> i32 {
    let memory = Memory::pages(64);
    let mut image = memory.track(TrackerKind::Sigsegv);
    memory.write(PAGE_SIZE, &[1]);
    assert_eq!(memory.publish(&mut image), [(PAGE_SIZE, 1)]);
    fault(&memory);
    0
}

extern "C" fn on_signal(signal: i32) {
    // SAFETY: ends the process.
    unsafe { libc::_exit(if signal == libc::SIGSEGV { HANDLED } else { 1 }) }
}

extern "C" fn on_signal_info(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the handler's own argument.
    let same = unsafe { (*info).si_signo } == signal && !context.is_null();
    on_signal(if same { signal } else { 0 });
}

fn install_handler(flags: i32) {
    // SAFETY: all-zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_flags = flags;
    action.sa_sigaction = match flags {
        0 => on_signal as extern "C" fn(_) as *const () as usize,
        _ => on_signal_info as extern "C" fn(_, _, _) as *const () as usize,
    };
    // SAFETY: both handlers only leave the process.
    assert_eq!(
        unsafe { libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()) },
        0
    );
}
