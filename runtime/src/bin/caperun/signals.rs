//! Signals as messages: a thread waits for them, so that no handler interrupts anything.
//!
//! They are blocked before any thread starts and stay blocked; a child gets back the mask `caperun` was started with. Signals
//! that were ignored then (`nohup`, shells without job control) stay ignored.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, pthread_sigmask,
};
use nix::unistd::Pid;
use transport::Transport;

use crate::output::{Origin, Receipt, Stream};
use crate::report::Failure;

/// What a signal means for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A child ended (or several).
    Child,
    /// The job shall end.
    End(Signal),
    /// The job shall stop, as by Ctrl-Z.
    Stop,
    /// The job shall go on.
    Continue,
    /// For the program.
    Forward(Signal),
    /// Not a signal, as the rest: some process has written this; nothing: its stream has ended.
    Output(Origin, Vec<u8>),
    /// What is held back of a line of this rank's is to be written, too.
    Flush(u32, Stream),
    /// All that this rank has written has reached the user: the answer to its question of this tag.
    Settled(u32, u64),
    /// All that ranks of this process have written was read.
    OutputRead,
    /// A piece of output has been written.
    Written(Receipt),
    /// The last output has been written.
    OutputWritten,
    /// The user's input for the driver; nothing: its end.
    Input(Vec<u8>),
    /// The driver has taken so many bytes of its input.
    Swallowed(usize),
}

/// For other threads that have something to say.
#[derive(Clone)]
pub struct Herald {
    notices: Sender<Notice>,
    waker: Waker,
}

impl Herald {
    /// Says it, and makes the event loop look. `false`: nobody listens any more.
    pub fn say(&self, notice: Notice) -> bool {
        let heard = self.notices.send(notice).is_ok();
        if let Some(transport) = self.waker.get() {
            transport.wake();
        }
        heard
    }
}

const ENDING: [Signal; 4] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
];
const OTHERS: [Signal; 5] = [
    Signal::SIGCHLD,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

type Waker = Arc<OnceLock<Arc<dyn Transport>>>;

/// The signals of this process.
pub struct Signals {
    notices: Receiver<Notice>,
    herald: Herald,
    original: SigSet,
}

fn meaning(signal: Signal) -> Notice {
    match signal {
        Signal::SIGCHLD => Notice::Child,
        Signal::SIGTSTP => Notice::Stop,
        Signal::SIGCONT => Notice::Continue,
        Signal::SIGUSR1 | Signal::SIGUSR2 => Notice::Forward(signal),
        _ => Notice::End(signal),
    }
}

fn forward(signals: &SigSet, herald: &Herald) {
    while let Ok(signal) = signals.wait() {
        if !herald.say(meaning(signal)) {
            return;
        }
    }
}

impl Signals {
    /// Blocks the signals and starts the thread that waits for them. Call it before any other thread starts.
    pub fn take_over() -> Result<Signals, Failure> {
        let failed = |what: &dyn std::fmt::Display| {
            Failure::new(format!("cannot take over signals: {what}"))
        };
        // SIGCHLD may have been ignored by our parent: then children would vanish without a status.
        set_default(Signal::SIGCHLD).map_err(|error| failed(&error))?;
        let mut taken = SigSet::empty();
        for signal in ENDING.into_iter().chain(OTHERS) {
            if signal == Signal::SIGCHLD || !ignored(signal).map_err(|error| failed(&error))? {
                taken.add(signal);
            }
        }
        let mut original = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&taken), Some(&mut original))
            .map_err(|error| failed(&error))?;
        original.remove(Signal::SIGCHLD);
        let (sender, notices) = channel();
        let herald = Herald {
            notices: sender,
            waker: Waker::default(),
        };
        let for_thread = herald.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || forward(&taken, &for_thread))
            .map_err(|error| failed(&error))?;
        Ok(Signals {
            notices,
            herald,
            original,
        })
    }

    /// From now on, a notice also makes `transport`'s poll return. Look for notices before the first poll.
    pub fn wake(&self, transport: Arc<dyn Transport>) {
        let _ = self.herald.waker.set(transport);
    }

    /// The next notice; waits for it.
    pub fn wait(&self) -> Notice {
        self.notices
            .recv()
            .expect("the thread that sends them never ends")
    }

    /// The next notice, if there is one.
    pub fn next(&self) -> Option<Notice> {
        self.notices.try_recv().ok()
    }

    /// The next notice; waits for it until `deadline`, if there is one.
    pub fn wait_until(&self, deadline: Option<Instant>) -> Option<Notice> {
        let Some(deadline) = deadline else {
            return Some(self.wait());
        };
        self.notices
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .ok()
    }

    /// For other threads that have something to say.
    pub fn herald(&self) -> Herald {
        self.herald.clone()
    }

    /// The signal mask for children.
    pub fn original_mask(&self) -> SigSet {
        self.original
    }

    /// Stops this process until somebody continues it.
    pub fn stop_myself(&self) {
        let _ = kill(Pid::this(), Signal::SIGSTOP);
    }
}

#[allow(unsafe_code)]
fn exchange(signal: Signal, action: &SigAction) -> nix::Result<SigAction> {
    // SAFETY: only SIG_DFL and dispositions that were in place before are ever installed, so no handler of ours can run.
    unsafe { nix::sys::signal::sigaction(signal, action) }
}

fn set_default(signal: Signal) -> nix::Result<SigAction> {
    exchange(
        signal,
        &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty()),
    )
}

fn ignored(signal: Signal) -> nix::Result<bool> {
    let before = set_default(signal)?;
    exchange(signal, &before)?;
    Ok(matches!(before.handler(), SigHandler::SigIgn))
}
