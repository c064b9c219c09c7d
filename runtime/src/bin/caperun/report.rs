//! What `caperun` says on stderr, and the failures that end it before a job runs.
//!
//! Every line is written with one call, so that it does not mix with lines of the ranks, which share the stream.

use std::io::Write;

/// A reason to end, complete for the user: what, where and the next step.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// Text without the `caperun: error:` prefix; empty: nothing (more) to say.
    pub message: String,
    /// Exit status of `caperun`.
    pub code: u8,
}

impl Failure {
    /// A failure of `caperun` itself: status 1.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure::with_code(message, 1)
    }

    /// A failure with a status of its own (126, 127: as shells do; 2: usage).
    pub fn with_code(message: impl Into<String>, code: u8) -> Failure {
        Failure {
            message: message.into(),
            code,
        }
    }

    /// Prints it, unless it is silent.
    pub fn print(&self) {
        if !self.message.is_empty() {
            error(&self.message);
        }
    }
}

fn line(text: &str) {
    // A closed stderr must not end the job: there is nobody left to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints `caperun: error: <message>`.
pub fn error(message: &str) {
    line(&format!("caperun: error: {message}\n"));
}

/// Prints `caperun: <message>`: details of an error, or what was decided.
pub fn note(message: &str) {
    line(&format!("caperun: {message}\n"));
}

/// Prints text that is already laid out.
pub fn block(text: &str) {
    line(text);
}
