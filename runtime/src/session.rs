//! This process as a member of its job: how it joins, what it owns, and the life of a worker.
//!
//! A process without `CAPE_COORDINATOR` in its environment, or in a job of one rank, is an ordinary program: no image, no tracking, libc's heap.
#![allow(unsafe_code)]

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ckpt_incremental::{
    ByteRange, Image, Initial, MemoryRange, PAGE_SIZE, TrackedRange, TrackerKind, Use,
};
use transport::{JobKey, Node, Peer, Transport};

use crate::cells::Cells;
use crate::config::openmp::DisplayEnv;
use crate::config::{self, JobConfig};
use crate::control::{Identity, PROTOCOL_VERSION, Request};
use crate::distribution::{self, Part};
use crate::exchange::Exchange;
use crate::failure::{self, exit_now, fatal};
use crate::ffi::files::Guarded;
use crate::heap::Heap;
use crate::icv;
use crate::layout::{Layout, Span};
use crate::libraries::{self, Library};
use crate::locks::Locks;
use crate::memory::Memory;
use crate::relay::Relay;
use crate::statistics::Stopwatch;
use crate::{os, team};

/// Stack of a program whose stack is unlimited, and the most any program gets.
const MAX_STACK: u64 = 1 << 30;
const MIN_STACK: u64 = 256 << 10;

/// What one OpenMP thread at a time uses.
#[derive(Debug)]
pub struct State {
    /// The image and this rank's place in the log.
    pub memory: Memory,
    /// Accounts.
    pub watch: Stopwatch,
    /// Forks and barriers so far.
    pub epoch: u64,
    /// The driver's stack is shared from here up.
    pub stack_bound: usize,
    /// Driver: what the last join left for the next fork.
    pub unsent: crate::exchange::Advance,
    /// Driver: what was collected at a barrier that was given up because the region was cancelled.
    pub abandoned: crate::exchange::Advance,
    /// Driver: ranks that were found at the join of a cancelled region already.
    pub joined_early: Vec<u32>,
    /// Driver: entries each rank has appended to the lock-ordered log.
    pub appended: Vec<u64>,
    /// Worker: the driver's stream may be applied before its order.
    pub settled: bool,
}

/// This process in a job of several ranks.
#[derive(Debug)]
pub struct Session {
    /// This process's rank.
    pub rank: u32,
    /// Ranks of the job, at least 2.
    pub size: u32,
    /// What its host is called; `None`: it is that of `caperun`.
    pub host: Option<String>,
    /// Threads that each rank of the job offers.
    pub slots: u32,
    /// Process id: a child that the program forks is no member of the job.
    pub process: u32,
    /// Address map.
    pub layout: Layout,
    /// Links.
    pub exchange: Exchange,
    /// The ranks leave the network together: none before all have joined the job.
    pub leaves_together: bool,
    /// Atomic updates that the log does not have yet.
    pub cells: Arc<Cells>,
    /// Locks that this rank has.
    pub locks: Locks,
    /// The shared heap.
    pub heap: Heap,
    /// Whether statistics are wanted.
    pub statistics: bool,
    globals: Vec<Span>,
    board: Option<os::BoardSlot>,
    relay: Option<Relay>,
    place: Mutex<String>,
    state: Mutex<State>,
    welcomed: OnceLock<()>,
}

static SESSION: OnceLock<Session> = OnceLock::new();

/// The session, if this process belongs to a job of several ranks.
pub fn get() -> Option<&'static Session> {
    SESSION.get()
}

// Provided by GNU ld.
unsafe extern "C" {
    static __executable_start: u8;
    static etext: u8;
}

fn text() -> Span {
    let (start, end) = (&raw const __executable_start, &raw const etext);
    Span {
        start: start as usize,
        end: end as usize,
    }
}

/// Joins the job, if there is one. Workers do not return: they serve until the program ends.
pub fn start() {
    failure::end_on_panic();
    let config = match config::job() {
        Ok(config) => config,
        Err(message) => fatal(message),
    };
    if config.is_none() {
        crate::joining::join_if_one_of_several();
    }
    let (rank, size) = config
        .as_ref()
        .map_or((0, 1), |config| (config.rank, config.size));
    settle_variables(rank, size, config.is_some());
    team::prepare();
    match config {
        Some(config) if config.size > 1 => join(&config),
        // Nothing to do in a job of one, but the key must not stay readable.
        Some(config) => drop(os::read_key(config.key_fd)),
        None => {}
    }
}

/// Reads `OMP_*`, and tells the user what is wrong with it: once, on the driver.
fn settle_variables(rank: u32, size: u32, launched: bool) {
    let slots = match config::threads() {
        Ok(threads) => threads.or(launched.then_some(1)),
        Err(message) => fatal(message),
    };
    let omp = config::omp();
    let warnings = icv::initialise(rank, size, slots, &omp);
    if rank == 0 {
        for warning in omp.warnings.iter().chain(&warnings) {
            failure::say(format_args!("cape: warning: {warning}"));
        }
        if omp.display_env != DisplayEnv::No {
            crate::display::environment(omp.display_env == DisplayEnv::Verbose);
        }
    }
}

fn join(config: &JobConfig) {
    os::keep_freed_memory();
    let session = match connect(config) {
        Ok(session) => session,
        Err(message) => {
            failure::say(format_args!(
                "caperun: error: rank {}: {message}",
                config.rank
            ));
            exit_now(1)
        }
    };
    // The handle of this thread is made while what is allocated is libc's.
    drop(std::thread::current());
    if SESSION.set(session).is_err() {
        fatal("the runtime was started twice: link it once");
    }
    let session = get().expect("set above");
    crate::ffi::files::start(session, &config.job);
    // A signal is the program's: a thread it does not know of must not take one that the program has blocked.
    let spawned = os::with_signals_blocked(|| {
        crate::ffi::alloc::start_internal_thread("cape-net", || {
            crate::places::unbind();
            session.exchange.poll_in_background()
        })
    });
    if let Err(error) = spawned {
        fatal(format_args!(
            "cannot start a thread ({error}): raise the limit on processes (ulimit -u)"
        ));
    }
    if session.rank > 0 {
        os::run_on_stack(session.layout.stack(session.rank), serve)
    }
}

extern "C" fn serve() {
    crate::region::serve(get().expect("workers serve in a session"))
}

fn connect(config: &JobConfig) -> Result<Session, String> {
    let key = os::read_key(config.key_fd)
        .map_err(|error| format!("cannot read the job's key: {error}"))?;
    let me = Peer::Rank(config.rank);
    let node = Node::with_settings(me, &config.listen, JobKey::from_bytes(key), config.links)
        .map_err(|error| format!("cannot listen: {error}"))?;
    let node: Box<dyn Transport> = match &config.mpi {
        None => Box::new(node),
        Some(plugin) => Box::new(crate::ffi::mpi::join(node, plugin, config)?),
    };
    node.introduce_at(config.superior, config.coordinator.clone());
    node.set_ranks(config.size);

    let stack_size = os::limit(libc::RLIMIT_STACK)
        .unwrap_or(MAX_STACK)
        .clamp(MIN_STACK, MAX_STACK) as usize;
    let stack_size = stack_size.next_multiple_of(PAGE_SIZE);
    let layout = Layout::new(config.size, config.heap_size, stack_size)
        .with_thread_stacks(team::stack_size().next_multiple_of(PAGE_SIZE));
    let tracker = ckpt_incremental::choose_with(config.tracker, &config::disabled_trackers())
        .map_err(|error| format!("no way to track written pages: {error}"))?;
    let libraries = libraries::at_start();
    let globals = globals(&libraries);
    crate::ffi::mappings::watch();
    let image = map_image(config.rank, layout, &globals, tracker)?;
    crate::ffi::stdio::configure(config.rank, tracker);
    let address = node.contact().to_string();
    if config.verbose {
        failure::say(format_args!(
            "cape: rank {}: tracker {tracker}, heap {} MiB per rank",
            config.rank,
            config.heap_size >> 20
        ));
    }

    let data = crate::ffi::start::globals();
    let hello = Request::Hello {
        pid: std::process::id(),
        address,
        tracker: tracker.to_string(),
        identity: Identity {
            protocol: PROTOCOL_VERSION,
            build_id: build_id(),
            libc_base: os::libc_base(),
            globals: (data[0].start as u64, data[1].end as u64),
            libraries: loaded(&libraries),
            heap_size: config.heap_size as u64,
            stack_size: stack_size as u64,
        },
    };
    let exchange = Exchange::new(Box::new(Guarded(node)), config.size, config.superior);
    exchange.request(&hello);
    let board = config
        .board_fd
        .and_then(|fd| os::BoardSlot::map(fd, config.rank, config.size).ok());
    let cells = Arc::new(Cells::default());
    cells.set_shared(
        image
            .ranges()
            .map(|range| Span {
                start: range.start(),
                end: range.end(),
            })
            .collect(),
    );
    Ok(Session {
        rank: config.rank,
        size: config.size,
        host: config.host.clone(),
        slots: icv::process().slots,
        process: std::process::id(),
        layout,
        exchange,
        leaves_together: config.mpi.is_some(),
        // SAFETY: map_image mapped the heap, and nothing unmaps it.
        heap: unsafe { Heap::new(layout, config.rank) },
        statistics: config.statistics,
        locks: Locks::default(),
        cells: Arc::clone(&cells),
        globals: globals.iter().map(|(span, _)| *span).collect(),
        board,
        relay: config.relayed.then(Relay::over_standard_streams),
        place: Mutex::default(),
        state: Mutex::new(State {
            memory: Memory::new(image, config.rank, code(&libraries), Arc::clone(&cells)),
            watch: Stopwatch::default(),
            epoch: 0,
            stack_bound: layout.stack(0).end,
            unsent: Default::default(),
            abandoned: Default::default(),
            joined_early: Vec::new(),
            appended: vec![0; config.size as usize],
            settled: false,
        }),
        welcomed: OnceLock::new(),
    })
}

/// All code that may hold operators: the program's and that of its libraries.
fn code(libraries: &[Library]) -> Vec<Span> {
    let others = libraries.iter().flat_map(|library| library.text.iter());
    std::iter::once(text()).chain(others.copied()).collect()
}

/// The user's globals, in the program and in its libraries, and what they hold at the start.
fn globals(libraries: &[Library]) -> Vec<(Span, Initial)> {
    let [data, bss, copies] = crate::ffi::start::globals();
    let mut found = vec![(data, Initial::Current), (bss, Initial::Zero)];
    if !libraries.is_empty() {
        found.push((copies, Initial::Current));
    }
    for library in libraries {
        // The loader may have run constructors that wrote here.
        found.push((library.data, Initial::Current));
        found.push((library.bss, Initial::Current));
    }
    found.retain(|(span, _)| !span.is_empty());
    found
}

fn loaded(libraries: &[Library]) -> Vec<(String, u64)> {
    let each = libraries.iter().map(|library| {
        let name = library.name.rsplit('/').next().unwrap_or_default();
        (name.to_owned(), library.data.start as u64)
    });
    each.collect()
}

fn map_image(
    rank: u32,
    layout: Layout,
    globals: &[(Span, Initial)],
    tracker: TrackerKind,
) -> Result<Image, String> {
    let reserve = |span: Span, what: &str| {
        os::reserve(span).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!(
                "the addresses {:#x}-{:#x}, which the {what} must have on every rank, are already in use: \
                 do not preload libraries that map memory there, or link the program with -static",
                span.start, span.end
            ),
            _ => format!(
                "cannot reserve {} MiB of address space for the {what} ({error}): \
                 raise the limit (ulimit -v), or give caperun a smaller --heap-size",
                span.len() >> 20
            ),
        })
    };
    layout.check()?;
    let [before, own, behind] = layout.stacks(rank);
    reserve(layout.heap(), "heap")?;
    reserve(layout.tasks(), "tasks")?;
    for span in [before, own, behind] {
        if !span.is_empty() {
            reserve(span, "stacks")?;
        }
    }
    let mut ranges = Vec::new();
    let mut track = |span: Span, initial, usage| {
        if !span.is_empty() {
            let range =
                MemoryRange::new(span.start, span.end).map_err(|error| error.to_string())?;
            ranges.push(TrackedRange {
                range,
                initial,
                usage,
            });
        }
        Ok::<(), String>(())
    };
    for &(span, initial) in globals {
        track(span, initial, Use::Data)?;
    }
    // A task may refer to its creator's locals wherever it runs.
    track(before, Initial::Zero, Use::Data)?;
    track(own, Initial::Zero, Use::OwnStack)?;
    track(behind, Initial::Zero, Use::Data)?;
    track(layout.tasks(), Initial::Zero, Use::Data)?;
    track(layout.heap(), Initial::Zero, Use::Data)?;
    // SAFETY: the globals are the executable's own and its libraries' (one that the program closes leaves a program that is wrong), the rest was reserved above; none of it is ever unmapped.
    unsafe { Image::track(&ranges, tracker) }.map_err(|error| error.to_string())
}

/// A digest of what makes executables the same: their identity on disk would do on one host, their contents do anywhere.
fn build_id() -> String {
    crate::identity::of_executable()
        .unwrap_or_else(|error| fatal(format_args!("cannot read the executable: {error}")))
}

impl Session {
    /// Exclusive use of the state.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `action`, which blocks on other ranks. The state is free meanwhile: other threads of this rank may have to act first.
    pub fn waiting<T>(&self, action: impl FnOnce() -> T) -> T {
        let started = std::time::Instant::now();
        let result = action();
        self.state().watch.waited(started.elapsed());
        result
    }

    /// The threads of a team of `team` that `rank` runs.
    pub fn part_of(&self, team: u32, rank: u32) -> Part {
        distribution::part(team, self.size, self.slots, rank)
    }

    /// How many ranks run threads of a team of `team`: the first ones.
    pub fn ranks_in(&self, team: u32) -> u32 {
        team.checked_sub(1).map_or(0, |last| {
            distribution::rank_of(team, self.size, self.slots, last) + 1
        })
    }

    /// The threads of a team of `team` that this rank runs.
    pub fn part(&self, team: u32) -> Part {
        self.part_of(team, self.rank)
    }

    /// Waits until all ranks of the job are there and introduces them to the transport; the driver also until all workers have done
    /// so, because the first of them to be sent an order must be able to relay it.
    pub fn wait_for_all_ranks(&self) {
        self.welcomed.get_or_init(|| {
            let addresses = self.exchange.wait(|inbox| inbox.welcome.take());
            for (rank, address) in (0..).zip(addresses) {
                match address.parse() {
                    Ok(contact) if rank != self.rank => {
                        let peer = Peer::Rank(rank);
                        self.exchange.node().introduce_at(peer, contact)
                    }
                    Ok(_) => {}
                    Err(error) => fatal(format_args!("rank {rank} listens at {address}: {error}")),
                }
            }
            self.exchange.note_ready();
            if self.rank == 0 {
                self.exchange.wait_until_all_are_ready();
            }
        });
    }

    /// Whether `address` is memory that all ranks share, the stacks of all ranks' first threads included.
    pub fn in_image(&self, address: usize) -> bool {
        self.layout.heap().contains(address)
            || crate::layout::is_task_memory(address)
            || self.globals.iter().any(|span| span.contains(address))
            || (0..self.size).any(|rank| self.layout.stack(rank).contains(address))
    }

    /// All memory that can have been written since the start, with the driver's stack from `stack_bound` up.
    pub fn scope(&self, stack_bound: usize) -> Vec<ByteRange> {
        let stack = Span {
            start: stack_bound,
            end: self.layout.stack(0).end,
        };
        let fixed = self.globals.iter().copied().chain([stack]);
        let spans = fixed
            .chain(self.heap.written(self.size))
            .filter(|span| !span.is_empty());
        spans
            .map(|span| ByteRange {
                start: span.start,
                end: span.end,
            })
            .collect()
    }

    /// The pipes through which this rank's output goes, if it does.
    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// This rank's slot of the status board.
    pub fn board(&self) -> Option<&os::BoardSlot> {
        self.board.as_ref()
    }

    /// What this rank is doing, as [`Session::note`] was told last.
    pub fn whereabouts(&self) -> String {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.clone()
    }

    /// Notes on the board what this rank is doing.
    pub fn note(&self, text: &str) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.clear();
        place.push_str(text);
        if let Some(board) = &self.board {
            board.note(text);
        }
    }
}
