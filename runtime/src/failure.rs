//! Ends the job with a message. A wait elsewhere must never outlive the failure: the coordinator is told, and it ends every rank.

use std::io::Write;
use std::time::Duration;

use transport::Frame;

use crate::control::{CONTROL_FRAME, Request};
use crate::entry::encode;
use crate::session;

const GRACE: Duration = Duration::from_secs(5);

/// Reports `message` (lower case, no full stop, with the next step) and ends the process, and with it the job.
pub fn fatal(message: impl std::fmt::Display) -> ! {
    let message = message.to_string();
    let told = session::get().is_some_and(|session| {
        let payload = encode(&Request::Fatal {
            message: message.clone(),
        })
        .into();
        let frame = Frame {
            kind: CONTROL_FRAME,
            tag: 0,
            payload,
        };
        session
            .exchange
            .node()
            .send(session.exchange.superior(), frame)
            .is_ok()
    });
    if told && let Some(session) = session::get() {
        // The coordinator answers by ending this process; the deadline is for a coordinator that cannot.
        session.exchange.linger(GRACE);
    }
    if !told {
        say(format_args!("cape: error: {message}"));
    }
    exit_now(1)
}

/// Makes a panic of any thread end the process: others would wait for that thread for ever.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        say(format_args!(
            "cape: internal error: {panic}; please report it"
        ));
        std::process::abort();
    }));
}

/// Writes one line to stderr in one piece: other ranks write there, too.
pub fn say(line: impl std::fmt::Display) {
    // A message that cannot be written has nowhere else to go.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Ends the process at once: no exit handlers, no output flushed.
#[allow(unsafe_code)]
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(status) }
}
