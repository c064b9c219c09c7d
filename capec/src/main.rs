//! The `capec` binary: arguments in, exit code out. See the library's documentation.

use capec::driver;
use capec::interrupt;
use capec::options::Environment;
use std::process::ExitCode;

/// The translator walks syntax trees recursively; long chains of `else if` or operators make them deep.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!(
            "capec: internal error: {panic}; please report it with the output of 'capec -E' for the file"
        );
        interrupt::abandon();
        std::process::exit(4);
    }));
    let result = interrupt::watch().and_then(|()| {
        std::thread::Builder::new()
            .name("driver".into())
            .stack_size(STACK)
            .spawn(compile)
    });
    let code = match result.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // The hook has ended the process.
        Ok(Err(_)) => 4,
        Err(error) => fail(&format!(
            "cannot start: {error}; raise the limits on processes and memory"
        )),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn compile() -> i32 {
    let words = std::env::args_os().skip(1).collect();
    match Environment::read().and_then(|environment| driver::run(words, &environment)) {
        Ok(code) => code,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> i32 {
    eprintln!("capec: error: {message}");
    1
}
