//! Hosts, links and processes that fail. In each case the job ends within ten seconds on all hosts, says where and why, and leaves
//! no process anywhere.

use nix::sys::signal::Signal;
use testsuite::network::HUB;
use testsuite::process::{Running, send};

use super::site::{ADDS, MEETS, Site, said};

/// Name, whether an `sshd` is needed, test.
pub const ALL: [(&str, bool, fn()); 16] = [
    ("a_link_that_is_cut", false, a_link_that_is_cut),
    (
        "the_link_of_the_driver_is_cut",
        false,
        the_link_of_the_driver_is_cut,
    ),
    ("a_host_that_is_not_heard", false, a_host_that_is_not_heard),
    (
        "a_host_that_does_not_hear",
        false,
        a_host_that_does_not_hear,
    ),
    (
        "two_hosts_that_do_not_hear_each_other",
        false,
        two_hosts_that_do_not_hear_each_other,
    ),
    ("a_short_cut_is_survived", false, a_short_cut_is_survived),
    ("a_killed_agent", false, a_killed_agent),
    ("a_killed_caperun", false, a_killed_caperun),
    ("a_killed_caperun_over_ssh", true, a_killed_caperun_over_ssh),
    ("a_killed_rank", false, a_killed_rank),
    ("a_killed_driver", false, a_killed_driver),
    ("an_interrupt", true, an_interrupt),
    ("a_host_without_sshd", true, a_host_without_sshd),
    ("a_host_behind_a_firewall", false, a_host_behind_a_firewall),
    (
        "a_program_that_is_missing_or_another",
        false,
        a_program_that_is_missing_or_another,
    ),
    (
        "a_library_that_is_missing",
        false,
        a_library_that_is_missing,
    ),
];

fn a_link_that_is_cut() {
    let site = Site::new();
    let job = site.meeting();
    site.network.cut(2).unwrap();
    let finished = site.ends(job);
    said(&finished, &[&site.network.host(2), "ranks 4, 5"]);
    assert_eq!(finished.status, 1);
}

fn the_link_of_the_driver_is_cut() {
    let site = Site::new();
    let job = site.meeting();
    site.network.cut(0).unwrap();
    said(&site.ends(job), &[&site.network.host(0), "ranks 0, 1"]);
}

fn a_host_that_is_not_heard() {
    let site = Site::new();
    let job = site.meeting();
    site.network.mute(1, HUB).unwrap();
    said(&site.ends(job), &[&site.network.host(1), "ranks 2, 3"]);
}

fn a_host_that_does_not_hear() {
    let site = Site::new();
    let job = site.meeting();
    site.network.mute(HUB, 1).unwrap();
    said(&site.ends(job), &[&site.network.host(1), "ranks 2, 3"]);
}

/// The links between their ranks, which no agent carries, are what is lost.
fn two_hosts_that_do_not_hear_each_other() {
    let site = Site::new();
    let job = site.meeting();
    site.network.mute(1, 0).unwrap();
    site.network.mute(0, 1).unwrap();
    said(&site.ends(job), &["rank ", " on cape", "has not answered"]);
}

fn a_short_cut_is_survived() {
    let site = Site::new();
    let job = site.meeting();
    site.network.cut(2).unwrap();
    site.network.restore(2).unwrap();
    std::fs::write(site.path().join("go"), "").unwrap();
    let finished = site.ends(job);
    assert_eq!(finished.status, 0, "{}", finished.messages());
}

fn a_killed_agent() {
    let site = Site::new();
    let job = site.meeting();
    send(agent(&job, &site.network.host(3)), Signal::SIGKILL).unwrap();
    said(&site.ends(job), &[&site.network.host(3), "ranks 6, 7"]);
}

fn a_killed_caperun() {
    let site = Site::new();
    let job = site.meeting();
    job.signal(Signal::SIGKILL).unwrap();
    assert_eq!(site.ends(job).status, 137);
}

fn a_killed_caperun_over_ssh() {
    let mut site = Site::new();
    site.network.serve_ssh().unwrap();
    let job = site.meeting();
    job.signal(Signal::SIGKILL).unwrap();
    assert_eq!(site.ends(job).status, 137);
}

fn a_killed_rank() {
    let site = Site::new();
    let job = site.meeting();
    send(job.rank(5).unwrap(), Signal::SIGKILL).unwrap();
    let finished = site.ends(job);
    said(
        &finished,
        &["rank 5 ", &site.network.host(2), "signal 9", "prog.c:4"],
    );
    assert_eq!(finished.status, 137);
}

fn a_killed_driver() {
    let site = Site::new();
    let job = site.meeting();
    send(job.rank(0).unwrap(), Signal::SIGKILL).unwrap();
    let finished = site.ends(job);
    said(
        &finished,
        &["rank 0 ", &site.network.host(0), "signal 9", "prog.c:4"],
    );
    assert_eq!(finished.status, 137);
}

fn an_interrupt() {
    let mut site = Site::new();
    site.network.serve_ssh().unwrap();
    let job = site.meeting();
    job.signal(Signal::SIGINT).unwrap();
    assert_eq!(site.ends(job).status, 130);
}

fn a_host_without_sshd() {
    let mut site = Site::new();
    site.build(MEETS, "prog", &[]);
    site.network.serve_ssh().unwrap();
    // Where nobody has this name, and where nobody listens.
    let launcher = site.network.launcher();
    let other = launcher.replace("{host}", "no-such-host.invalid");
    let launcher = format!("sh -c 'exec {}'", other.replace('\'', ""));
    let words = site.by(&launcher, &["./prog"]);
    site.refused(words, &["host ", "resolve", "list of hosts"]);
    let refusing = site.network.launcher().replace("{host}", "-p 9 {host}");
    site.refused(
        site.by(&refusing, &["./prog"]),
        &["host ", "Connection refused", "check that it is up"],
    );
}

fn a_host_behind_a_firewall() {
    let site = Site::new();
    site.build(MEETS, "prog", &[]);
    site.network.mute(3, HUB).unwrap();
    let job = site.by(&site.network.launcher(), &["./prog"]);
    site.refused(
        job.env("CAPE_LAUNCH_TIMEOUT", "5"),
        &[&site.network.host(3), "ranks 6, 7", "firewall"],
    );
}

fn a_program_that_is_missing_or_another() {
    let site = Site::new();
    site.build(MEETS, "prog", &[]);
    site.build(&format!("{MEETS}int more;\n"), "other", &[]);
    std::fs::create_dir(site.path().join("empty")).unwrap();
    let launcher = site.launcher(
        1,
        &format!("hide {0}/other {0}/prog \"$@\"", site.path().display()),
    );
    site.refused(
        site.by(&launcher, &["./prog"]),
        &["rank ", "build-id", &site.network.host(1)],
    );
    let launcher = site.launcher(
        1,
        &format!("hide {0}/empty {0} \"$@\"", site.path().display()),
    );
    site.refused(
        site.by(&launcher, &["./prog"]),
        &[&site.network.host(1), "prog"],
    );
    site.refused(
        site.by(&site.network.launcher(), &["./nothing"]),
        &["./nothing"],
    );
}

fn a_library_that_is_missing() {
    let site = Site::new();
    let lib = site.path().join("lib");
    std::fs::create_dir(&lib).unwrap();
    std::fs::create_dir(site.path().join("empty")).unwrap();
    let (library, path) = (
        lib.join("libpart.so"),
        format!("-Wl,-rpath,{}", lib.display()),
    );
    let library = library.to_str().unwrap();
    site.build(
        "int part(int i) { return 2 * i; }\n",
        "part",
        &["-shared", "-fPIC", "-o", library],
    );
    site.build(ADDS, "prog", &[library, &path]);
    let good = site.by(&site.network.launcher(), &["./prog"]);
    let finished = good.run(super::site::LIMIT).unwrap();
    assert_eq!(finished.text(), "9900\n", "{}", finished.messages());
    let launcher = site.launcher(
        2,
        &format!("hide {0}/empty {0}/lib \"$@\"", site.path().display()),
    );
    let finished = site.refused(
        site.by(&launcher, &["./prog"]),
        &["rank ", &site.network.host(2)],
    );
    assert!(
        finished.messages().contains("libpart.so"),
        "{}",
        finished.messages()
    );
}

/// The process id of the agent of `host`.
fn agent(job: &Running, host: &str) -> u32 {
    let children = job.processes().into_iter().map(|(pid, _)| pid);
    let here = |pid: &u32| {
        let place = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let named = nix::sys::stat::stat(format!("/run/netns/{host}").as_str()).unwrap();
        place(&pid.to_string())
            .is_some_and(|link| link.to_string_lossy() == format!("net:[{}]", named.st_ino))
    };
    let agents = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.windows(7).any(|word| word == b"--agent"))
    };
    children
        .filter(here)
        .find(agents)
        .expect("an agent runs there")
}
