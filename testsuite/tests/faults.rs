//! Bad input and bad luck: what `caperun` says, its exit status, and that nothing stays behind.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, socket};
use tempfile::TempDir;
use testsuite::plan::Plan;
use testsuite::process::{Finished, Invocation, Running, files_in, send};
use testsuite::tools::Tools;

const LIMIT: Duration = Duration::from_secs(30);

/// Every thread says that it is in the region, then waits until the file `go` appears, then the sum is printed.
const WAITS: &str = r#"#include <stdio.h>
#include <unistd.h>
int main(void) {
    int sum = 0;
    usleep(1);
#pragma omp parallel reduction(+ : sum)
    {
        write(2, "in\n", 3);
        while (access("go", F_OK) != 0)
            usleep(1000);
        sum += 21;
    }
    printf("%d\n", sum);
    return 0;
}
"#;
/// How messages name the region of [`WAITS`].
const WAITS_REGION: &str = "prog.c:6";

/// A folder with the program under test, and an empty one for temporary files.
struct Site {
    tools: Tools,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let plan = Plan::from_environment().unwrap();
        let tools = Tools::find(plan.bin_dir.as_deref()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { tools, folder }
    }

    /// A site where `source` was built by capec as `prog`.
    fn with(source: &str) -> Self {
        let site = Self::new();
        site.build(&site.tools.capec, source, "prog");
        site
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn build(&self, compiler: &Path, source: &str, name: &str) -> PathBuf {
        let file = self.path().join(format!("{name}.c"));
        std::fs::write(&file, source).unwrap();
        let args = ["-g", &format!("{name}.c"), "-o", name];
        let compiled = Invocation::new(compiler, args, self.path())
            .run(LIMIT)
            .unwrap();
        assert_eq!(compiled.status, 0, "{}", compiled.messages());
        self.path().join(name)
    }

    fn caperun(&self, args: &[&str]) -> Invocation {
        Invocation::new(&self.tools.caperun, args, self.path())
            .env("TMPDIR", self.path().join("tmp"))
    }

    /// A shell script in which `$CAPERUN` is caperun.
    fn shell(&self, script: &str) -> Invocation {
        Invocation::new("sh", ["-c", script], self.path())
            .env("CAPERUN", &self.tools.caperun)
            .env("TMPDIR", self.path().join("tmp"))
    }

    /// Starts [`WAITS`] and returns when all its ranks are in the region.
    fn in_region(&self, args: &[&str], ranks: usize) -> Running {
        let mut job = self.caperun(args).start().unwrap();
        let arrived =
            |job: &mut Running| job.stderr().matches("in\n").count() >= ranks || job.has_ended();
        job.wait_until(LIMIT, arrived).unwrap();
        assert!(!job.has_ended(), "the job ended early: {}", job.stderr());
        job
    }

    fn go(&self) {
        std::fs::write(self.path().join("go"), "").unwrap();
    }

    fn assert_no_temporary_file(&self) {
        assert_eq!(files_in(&self.path().join("tmp"), &[]).unwrap(), []);
    }
}

/// Asserts that a run failed with `status`, and that its messages contain `texts`.
#[track_caller]
fn assert_failed(finished: &Finished, status: i32, texts: &[&str]) {
    let messages = finished.messages();
    assert_eq!(finished.status, status, "{messages}");
    assert!(messages.contains("caperun: error: "), "{messages}");
    for text in texts {
        assert!(messages.contains(text), "'{text}' is not in: {messages}");
    }
}

#[test]
fn a_number_of_ranks_that_is_none_is_refused() {
    let site = Site::with(WAITS);
    for wrong in ["0", "-3", "two", "1.5", "99999999999999999999"] {
        assert_failed(
            &site.caperun(&["-n", wrong, "./prog"]).run(LIMIT).unwrap(),
            2,
            &["-n", wrong],
        );
    }
}

#[test]
fn a_missing_program_is_named() {
    let site = Site::new();
    assert_failed(
        &site
            .caperun(&["-n", "2", "./nothing-here"])
            .run(LIMIT)
            .unwrap(),
        127,
        &["./nothing-here"],
    );
}

#[test]
fn a_program_that_capec_did_not_build_is_refused() {
    let site = Site::new();
    site.build(&site.tools.oracle, "int main(void) { return 0; }", "plain");
    let finished = site.caperun(&["-n", "2", "./plain"]).run(LIMIT).unwrap();
    assert_failed(&finished, 126, &["./plain", "was not built by capec"]);
}

#[test]
fn no_program_at_all_is_refused() {
    let finished = Site::new().caperun(&["-n", "2"]).run(LIMIT).unwrap();
    assert_failed(&finished, 2, &["program"]);
}

#[test]
fn a_different_binary_on_a_rank_is_named() {
    // Before the runtime starts, rank 1 becomes another program, which capec built too: priorities up to 100 are the
    // implementation's, and the lowest comes first.
    let site = Site::with(
        r#"#include <stdlib.h>
#include <string.h>
#include <unistd.h>
__attribute__((constructor(1))) static void change(int argc, char **argv) {
    const char *rank = getenv("CAPE_RANK");
    (void)argc;
    if (rank && strcmp(rank, "1") == 0)
        execv("./other", argv);
}
int main(void) {
    int sum = 0;
#pragma omp parallel reduction(+ : sum)
    sum += 1;
    return sum;
}
"#,
    );
    site.build(&site.tools.capec, WAITS, "other");
    let finished = site.caperun(&["-n", "3", "./prog"]).run(LIMIT).unwrap();
    assert_failed(&finished, 1, &["rank 1"]);
}

#[test]
fn a_limit_on_the_address_space_is_kept_or_named() {
    let site = Site::with(WAITS);
    site.go();
    for kilobytes in [50_000, 400_000, 4_000_000, 40_000_000] {
        let script = format!("ulimit -v {kilobytes}; exec \"$CAPERUN\" -n 2 ./prog");
        let finished = site.shell(&script).run(LIMIT).unwrap();
        let messages = finished.messages();
        let works = finished.status == 0 && finished.text() == "42\n";
        let says_why =
            finished.status != 0 && finished.status < 128 && messages.contains("ulimit -v");
        assert!(
            works || says_why,
            "{kilobytes} kB: exit status {}: {messages}",
            finished.status
        );
    }
}

#[test]
fn addresses_of_the_image_that_are_taken_are_named() {
    // As a preloaded library would: something is mapped where the heap must lie before the runtime starts.
    let site = Site::with(
        r#"#include <sys/mman.h>
__attribute__((constructor(1))) static void take(void) {
    mmap((void *)0x100000200000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
int main(void) {
    int sum = 0;
#pragma omp parallel reduction(+ : sum)
    sum += 1;
    return sum;
}
"#,
    );
    let finished = site.caperun(&["-n", "2", "./prog"]).run(LIMIT).unwrap();
    assert_failed(
        &finished,
        1,
        &["already in use", "0x100000000000", "-static"],
    );
}

#[test]
fn a_heap_that_is_full_gives_null() {
    let site = Site::with(
        r#"#include <stdio.h>
#include <stdlib.h>
int main(void) {
    char *big = malloc((size_t)1 << 30), *small = malloc(100);
    int failed = 0;
#pragma omp parallel reduction(+ : failed)
    failed += calloc(1, (size_t)1 << 30) == NULL;
    printf("%d %d %d\n", big == NULL, small != NULL, failed);
    return 0;
}
"#,
    );
    let finished = site
        .caperun(&["-n", "2", "--heap-size", "64M", "./prog"])
        .run(LIMIT)
        .unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "1 1 2\n"),
        "{}",
        finished.messages()
    );
}

#[test]
fn a_killed_rank_ends_the_job_and_is_named_with_its_region() {
    let site = Site::with(WAITS);
    for rank in [0, 1, 3] {
        let mut job = site.in_region(&["-n", "4", "./prog"], 4);
        send(job.rank(rank).expect("the rank runs"), Signal::SIGKILL).unwrap();
        let finished = job.wait(LIMIT).unwrap();
        assert_failed(
            &finished,
            137,
            &[&format!("rank {rank} "), "signal 9", WAITS_REGION],
        );
        job.expect_no_process().unwrap();
    }
    site.assert_no_temporary_file();
}

/// Rank 1 is given a task, says so, and waits; rank 0 has nothing else to do than to wait for it.
const STEALS: &str = r#"#include <omp.h>
#include <string.h>
#include <unistd.h>
static void linger(void) {
    if (omp_get_thread_num() == 1) {
        write(2, "in\n", 3);
        for (;;)
            pause();
    }
    usleep(2000);
}
int main(void) {
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < 2000; i++) {
#pragma omp task
        linger();
    }
    return 0;
}
"#;

#[test]
fn a_rank_that_is_killed_with_a_task_of_another_ends_the_job() {
    let site = Site::with(STEALS);
    let mut job = site.in_region(&["-n", "2", "./prog"], 1);
    send(job.rank(1).expect("the rank runs"), Signal::SIGKILL).unwrap();
    let finished = job.wait(LIMIT).unwrap();
    assert_failed(&finished, 137, &["rank 1 ", "signal 9"]);
    job.expect_no_process().unwrap();
    site.assert_no_temporary_file();
}

#[test]
fn a_signal_ends_the_whole_job() {
    let site = Site::with(WAITS);
    for (signal, status) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let mut job = site.in_region(&["-n", "3", "./prog"], 3);
        job.signal(signal).unwrap();
        let finished = job.wait(LIMIT).unwrap();
        assert_eq!(finished.status, status, "{signal}: {}", finished.messages());
        job.expect_no_process().unwrap();
    }
    site.assert_no_temporary_file();
}

#[test]
fn a_killed_caperun_leaves_no_process_and_no_file() {
    let site = Site::with(WAITS);
    // The second is compiled by caperun, into a temporary file.
    for program in ["./prog", "prog.c"] {
        let mut job = site.in_region(&["-n", "3", program], 3);
        job.signal(Signal::SIGKILL).unwrap();
        assert_eq!(job.wait(LIMIT).unwrap().status, 137);
        job.expect_no_process().unwrap();
        site.assert_no_temporary_file();
    }
}

#[test]
fn a_closed_standard_input_is_an_end_of_file() {
    let site = Site::with(
        r#"#include <stdio.h>
int main(void) {
    int sum = 0, c = getchar();
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 10; ++i)
        sum += i;
    printf("%d %d\n", c == EOF, sum);
    return 0;
}
"#,
    );
    let finished = site
        .shell("exec \"$CAPERUN\" -n 2 ./prog <&-")
        .run(LIMIT)
        .unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "1 45\n"),
        "{}",
        finished.messages()
    );
}

#[test]
fn hostile_bytes_on_any_socket_do_not_disturb_the_job() {
    let site = Site::with(WAITS);
    let mut job = site.in_region(&["-n", "3", "./prog"], 3);
    let sockets = listening(&job);
    assert!(
        !sockets.is_empty(),
        "no listening socket found, so nothing was tested"
    );
    let mut open = Vec::new();
    for (kind, name) in &sockets {
        let address = UnixAddr::new_abstract(name).unwrap();
        for bytes in hostile() {
            let stream = socket(AddressFamily::Unix, *kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
            connect(stream.as_raw_fd(), &address).unwrap();
            // The job may close the connection at any byte.
            let _ = nix::sys::socket::send(stream.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL);
            open.push(stream);
        }
    }
    open.truncate(open.len() / 2);
    site.go();
    let finished = job.wait(LIMIT).unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "63\n"),
        "{}",
        finished.messages()
    );
    job.expect_no_process().unwrap();
}

#[test]
fn ten_thousand_connects_do_not_disturb_the_job() {
    let site = Site::with(WAITS);
    let args = [
        "-n",
        "3",
        "--transport",
        "tcp",
        "--secure",
        "--verbose",
        "./prog",
    ];
    let mut job = site.in_region(&args, 3);
    let stderr = job.stderr();
    let address = stderr
        .split_once("coordinator at tcp:")
        .and_then(|(_, rest)| rest.split([',', '\n']).next())
        .and_then(|text| text.parse::<std::net::SocketAddr>().ok());
    let address = address.unwrap_or_else(|| panic!("no address in: {stderr}"));
    let sayings = hostile();
    let mut held = std::collections::VecDeque::new();
    for saying in sayings.iter().cycle().take(10_000) {
        // A queue that is full is the attacker's trouble.
        if let Ok(mut stream) = std::net::TcpStream::connect_timeout(&address, LIMIT / 60) {
            let _ = std::io::Write::write_all(&mut stream, saying);
            held.push_back(stream);
        }
        if held.len() > 200 {
            held.pop_front();
        }
    }
    site.go();
    let finished = job.wait(LIMIT).unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "63\n"),
        "{}",
        finished.messages()
    );
    job.expect_no_process().unwrap();
}

/// Types and abstract names of the Unix sockets on which processes of `job` listen.
fn listening(job: &Running) -> Vec<(SockType, Vec<u8>)> {
    const LISTENING: &str = "00010000";
    let kind = |column: &str| match column {
        "0001" => SockType::Stream,
        "0005" => SockType::SeqPacket,
        other => panic!("a socket of type {other}"),
    };
    let links = |pid: u32| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten()
    };
    let inodes: Vec<String> = job
        .processes()
        .iter()
        .flat_map(|(pid, _)| links(*pid))
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|target| {
            Some(
                target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/unix").unwrap();
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| {
            columns.len() == 8
                && columns[3] == LISTENING
                && inodes.iter().any(|inode| inode == columns[6])
        })
        .filter_map(|columns| {
            let name = columns[7].strip_prefix('@')?.as_bytes().to_vec();
            Some((kind(columns[4]), name))
        })
        .collect()
}

fn hostile() -> Vec<Vec<u8>> {
    let mut noise = 1u64;
    let mut random = || {
        noise = noise
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (noise >> 56) as u8
    };
    vec![
        Vec::new(),
        vec![0],
        vec![0; 4096],
        vec![0xff; 4096],
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(),
        (0..65536).map(|_| random()).collect(),
        [u64::MAX.to_le_bytes(), 1u64.to_le_bytes()].concat(),
    ]
}

#[test]
fn a_segmentation_fault_is_named_with_rank_and_region() {
    let site = Site::with(
        r#"#include <omp.h>
static int *volatile nowhere;
int main(void) {
    int x = 0;
#pragma omp parallel num_threads(3)
    {
        if (omp_get_thread_num() == 1)
            *nowhere = 1;
#pragma omp barrier
    }
    return x;
}
"#,
    );
    for tracker in ["wp-async", "sigsegv"] {
        let finished = site
            .caperun(&["-n", "3", "--tracker", tracker, "./prog"])
            .run(LIMIT)
            .unwrap();
        assert_failed(&finished, 139, &["rank 1 ", "signal 11", "prog.c:5"]);
    }
}

#[test]
fn a_segmentation_fault_in_serial_code_is_named() {
    let site = Site::with("static int *volatile nowhere;\nint main(void) { return *nowhere; }\n");
    for tracker in ["wp-async", "sigsegv"] {
        let finished = site
            .caperun(&["-n", "2", "--tracker", tracker, "./prog"])
            .run(LIMIT)
            .unwrap();
        assert_failed(&finished, 139, &["rank 0 ", "signal 11"]);
    }
}

#[test]
fn a_stack_overflow_is_no_hang() {
    let site = Site::with(
        "static int deep(volatile int *x) { volatile int here[1000]; here[0] = *x; return deep(here) + here[1]; }\n\
         int main(void) { volatile int x = 0; return deep(&x); }\n",
    );
    for tracker in ["wp-async", "sigsegv"] {
        let finished = site
            .caperun(&["-n", "2", "--tracker", tracker, "./prog"])
            .run(LIMIT)
            .unwrap();
        assert_failed(&finished, 139, &["rank 0 "]);
    }
}

#[test]
fn a_job_that_takes_too_long_is_ended() {
    let site = Site::with(WAITS);
    let finished = site
        .caperun(&["-n", "2", "--timeout", "1", "./prog"])
        .run(LIMIT)
        .unwrap();
    assert_failed(&finished, 124, &["--timeout", WAITS_REGION]);
}

#[test]
fn a_reader_that_goes_away_ends_the_job() {
    let site = Site::with(
        r#"#include <stdio.h>
int main(void) {
    for (;;) {
        int x = 0;
#pragma omp parallel reduction(+ : x)
        x += 1;
        for (int i = 0; i < 100; ++i)
            printf("line %d\n", x);
    }
}
"#,
    );
    let finished = site
        .shell("\"$CAPERUN\" -n 2 ./prog | head -n 1")
        .run(LIMIT)
        .unwrap();
    assert_eq!(finished.text(), "line 2\n", "{}", finished.messages());
}

#[test]
fn a_program_runs_without_caperun() {
    let site = Site::with(WAITS);
    site.go();
    let finished = Invocation::new("./prog", [""; 0], site.path())
        .env("OMP_NUM_THREADS", "3")
        .run(LIMIT)
        .unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "63\n"),
        "{}",
        finished.messages()
    );
}

#[test]
fn more_ranks_than_processors_work() {
    let site = Site::with(WAITS);
    site.go();
    let finished = site.caperun(&["-n", "32", "./prog"]).run(LIMIT).unwrap();
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (0, "672\n"),
        "{}",
        finished.messages()
    );
}

#[test]
fn a_program_that_does_not_compile_is_an_error_of_caperun() {
    let site = Site::new();
    std::fs::write(site.path().join("bad.c"), "int main(void) { return 0 }\n").unwrap();
    let finished = site.caperun(&["-n", "2", "bad.c"]).run(LIMIT).unwrap();
    assert!(
        finished.status != 0 && finished.messages().contains("bad.c:1"),
        "{}",
        finished.messages()
    );
    site.assert_no_temporary_file();
}
