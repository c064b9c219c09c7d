//! Jobs over several hosts: network namespaces with two ranks each (`testsuite::network`).
//!
//! A case of each construct and all examples run over plain links, some of them over encrypted, over slow and lossy ones, and
//! through a real `sshd`; all cases with files run on hosts that are such by name only; then hosts, links and processes fail in the middle of jobs, or never come up. To run every case so:
//!
//! ```text
//! testsuite/hosts/net.sh up lab 4
//! CAPE_RANKS=8 CAPE_CASE_LAUNCH="--host lab-0:2,lab-1:2,lab-2:2,lab-3:2 --launch-agent 'ip netns exec {host}'" \
//!     ip netns exec lab-hub cargo test --release -p testsuite --test cases
//! testsuite/hosts/net.sh down lab
//! ```
//!
//! A test whose tools are missing is ignored and says which; with `CAPE_REQUIRE_ALL=1` it fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use testsuite::Failure;
use testsuite::case::{Case, discover, shapes};
use testsuite::network::{self, Link, Network};
use testsuite::plan::Plan;
use testsuite::runner::check;
use testsuite::tools::Tools;

mod site;
mod trouble;

/// Hosts, and ranks on each.
const HOSTS: u32 = 4;
const SLOTS: u32 = 2;

/// A network that several tests use: made by the first, removed after the last.
struct Lab {
    link: Link,
    ssh: bool,
    options: &'static [&'static str],
    network: OnceLock<Result<Network, String>>,
}

impl Lab {
    fn new(link: Link, ssh: bool, options: &'static [&'static str]) -> Arc<Lab> {
        Arc::new(Lab {
            link,
            ssh,
            options,
            network: OnceLock::new(),
        })
    }

    fn network(&self) -> Result<&Network, Failed> {
        let made = self.network.get_or_init(|| {
            let make = || {
                let mut network = Network::new(HOSTS, self.link)?;
                if self.ssh {
                    network.serve_ssh()?;
                }
                Ok(network)
            };
            make().map_err(|failure: Failure| failure.to_string())
        });
        made.as_ref().map_err(Failed::from)
    }

    /// Runs `case` over all hosts.
    fn check(&self, case: &Case) -> Result<(), Failed> {
        let network = self.network()?;
        let mut plan = Plan::from_environment()?;
        let mut tools = Tools::find(plan.bin_dir.as_deref())?;
        tools.caperun = network.caperun(&tools.caperun)?;
        plan.launch = network.options(SLOTS);
        plan.launch
            .extend(self.options.iter().map(|&option| option.to_owned()));
        plan.shapes = shapes(&(HOSTS * SLOTS).to_string())?;
        plan.trackers.truncate(1);
        Ok(check(case, &tools, &plan)?)
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let (net, ssh) = (network::missing(), network::ssh_missing());
    let mut trials = Vec::new();
    let found = programs("cases").and_then(|cases| Ok((cases, programs("../examples")?)));
    let (cases, examples) = match found {
        Ok(found) => found,
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::FAILURE;
        }
    };
    let fast = Link::default();
    // A round trip takes 100 ms, and a frame of a hundred is lost each way.
    let poor = Link {
        delay: 50,
        loss: 10,
        rate: 100,
    };
    let constructs = by_construct(&cases);
    let groups = [
        ("tcp", Lab::new(fast, false, &[]), &net, None, 0),
        (
            "secure",
            Lab::new(fast, false, &["--secure"]),
            &net,
            Some(SECURE),
            1,
        ),
        ("slow", Lab::new(poor, false, &[]), &net, Some(SLOW), 0),
        (
            "ssh",
            Lab::new(fast, true, &[]),
            if net.is_some() { &net } else { &ssh },
            Some(SSH),
            0,
        ),
    ];
    for (group, lab, lacks, only, which) in groups {
        for (construct, cases) in &constructs {
            if only.is_none_or(|only| only.contains(&construct.as_str())) {
                let (name, case) = &cases[which.min(cases.len() - 1)];
                trials.push(program(&format!("{group}::{name}"), &lab, case, lacks));
            }
        }
        for (name, case) in examples.iter().filter(|_| only.is_none()) {
            let name = format!("{group}::examples::{name}");
            trials.push(program(&name, &lab, case, lacks));
        }
    }
    for (name, case) in constructs.get(FILES).into_iter().flatten() {
        let case = case.clone();
        let name = format!("apart::{name}");
        trials.push(trial(&name, None, move || check_apart(&case)));
    }
    for (name, needs_ssh, test) in trouble::ALL {
        let lacks = net.clone().or_else(|| ssh.clone().filter(|_| needs_ssh));
        trials.push(trial(&format!("trouble::{name}"), lacks, move || {
            test();
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Constructs that are tried over encrypted links: the bytes of each kind of message are.
const SECURE: &[&str] = &[
    "barrier",
    "critical",
    "for",
    "flush",
    "io",
    "locks",
    "ordered",
    "parallel",
    "reduction",
    "single",
    "task",
    "taskloop",
    "teams",
    "threadprivate",
];
/// Constructs that are tried on slow links: each message counts there.
const SLOW: &[&str] = &["barrier", "for", "reduction", "single"];
/// Constructs that are tried through `sshd`: what runs there is the same as elsewhere.
const SSH: &[&str] = &["critical", "parallel", "taskloop"];
/// Constructs that are no matter of the network.
const LOCAL: &[&str] = &["compile", "errors"];

/// The construct whose cases all run on hosts that are such by name only: ranks there share neither descriptors nor memory, and no
/// network is needed.
const FILES: &str = "io";

fn check_apart(case: &Case) -> Result<(), Failed> {
    let mut plan = Plan::from_environment()?;
    let tools = Tools::find(plan.bin_dir.as_deref())?;
    let launch = [
        "--host",
        "a:2,b:2,c:2,d:2",
        "--launch-agent",
        "env FAKE_HOST={host}",
    ];
    plan.launch = launch.map(str::to_owned).into();
    plan.shapes = shapes(&(HOSTS * SLOTS).to_string())?;
    Ok(check(case, &tools, &plan)?)
}

fn program(name: &str, lab: &Arc<Lab>, case: &Case, lacks: &Option<String>) -> Trial {
    let (lab, case) = (Arc::clone(lab), case.clone());
    trial(name, lacks.clone(), move || lab.check(&case))
}

fn trial(
    name: &str,
    lacks: Option<String>,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let required = std::env::var_os("CAPE_REQUIRE_ALL").is_some_and(|value| value == "1");
    let skipped = lacks.is_some() && !required;
    if let Some(what) = lacks.as_ref().filter(|_| skipped) {
        eprintln!("skipped: {name}: not there: {what}");
    }
    let trial = Trial::test(name, move || match lacks {
        Some(what) => Err(format!("not there: {what}").into()),
        None => test(),
    });
    trial.with_ignored_flag(skipped)
}

type Programs = Vec<(String, Case)>;

/// The programs below `root` (relative to this crate) that are to run and to succeed.
fn programs(root: &str) -> Result<Programs, Failure> {
    discover(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root))?
        .into_iter()
        .map(|(name, case)| Ok((name, case?)))
        .filter(|found| {
            found.as_ref().is_ok_and(|(_, case)| {
                !case.must_not_compile() && case.directives.run_errors.is_empty()
            })
        })
        .collect()
}

fn by_construct(cases: &Programs) -> BTreeMap<String, Programs> {
    let mut constructs: BTreeMap<String, Programs> = BTreeMap::new();
    for (name, case) in cases {
        let construct = name.split(['/', ':']).next().unwrap_or_default();
        // A case that asks for other numbers of ranks has its reasons.
        if !LOCAL.contains(&construct) && case.directives.shapes.is_none() {
            let of_it = constructs.entry(construct.to_owned()).or_default();
            of_it.push((name.clone(), case.clone()));
        }
    }
    constructs
}
