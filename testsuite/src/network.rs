//! Several hosts on this machine: network namespaces joined by a bridge, made and removed by the scripts in `hosts/`.
//!
//! `caperun` runs on the hub, where a user would sit; agents reach the hosts by `ip netns exec`, or by `ssh` where an `sshd` runs on
//! each. Abstract Unix sockets do not cross namespaces, so that whatever crosses them is TCP, as between real hosts.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;
use crate::process::pause;

/// The number of the hub, where caperun runs, among the hosts.
pub const HUB: u32 = 253;

/// What the links between hosts are like. Zeros: as fast as the kernel is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// How long what a host sends takes to arrive, in milliseconds.
    pub delay: u32,
    /// Frames of a thousand that are lost.
    pub loss: u32,
    /// What a host can send, in Mbit/s.
    pub rate: u32,
}

/// Hosts that exist until this is dropped.
#[derive(Debug)]
pub struct Network {
    name: String,
    hosts: u32,
    folder: TempDir,
    ssh: bool,
}

/// Why no network can be made on this machine.
pub fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("root's rights".to_owned());
    }
    ["ip", "tc", "nft"]
        .into_iter()
        .find(|tool| !there(tool))
        .map(|tool| format!("{tool} (iproute2, nftables)"))
}

/// Why no `sshd` can be had on this machine.
pub fn ssh_missing() -> Option<String> {
    ["ssh", "sshd", "ssh-keygen"]
        .into_iter()
        .find(|tool| !there(tool))
        .map(|tool| format!("{tool} (openssh-server)"))
}

fn there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .any(|folder| folder.join(tool).is_file())
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("hosts")
        .join(name)
}

fn run(name: &str, arguments: &[&str], folder: &Path) -> Result<String, Failure> {
    let output = Command::new(script(name))
        .args(arguments)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::system(&format!("run {name}"), &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Setup(format!(
        "{name} {}: {}: {}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

impl Network {
    /// So many hosts, at most 64, with links like `link`.
    ///
    /// # Errors
    /// They cannot be made; what was made is gone again.
    pub fn new(hosts: u32, link: Link) -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cape{}x{count}", std::process::id());
        let folder =
            tempfile::tempdir().map_err(|error| Failure::system("make a folder", &error))?;
        let network = Self {
            name,
            hosts,
            folder,
            ssh: false,
        };
        let numbers = [hosts, link.delay, link.loss, link.rate].map(|number| number.to_string());
        let mut arguments = vec!["up", &network.name];
        arguments.extend(numbers.iter().map(String::as_str));
        run("net.sh", &arguments, network.folder.path())?;
        Ok(network)
    }

    /// Has an `sshd` run on each host.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn serve_ssh(&mut self) -> Result<(), Failure> {
        let (folder, hosts) = (self.ssh_folder(), self.hosts.to_string());
        run(
            "sshd.sh",
            &["start", &folder, &self.name, &hosts],
            self.folder.path(),
        )?;
        self.ssh = true;
        Ok(())
    }

    fn ssh_folder(&self) -> String {
        self.folder.path().join("ssh").display().to_string()
    }

    /// The name of a host.
    pub fn host(&self, host: u32) -> String {
        format!("{}-{host}", self.name)
    }

    /// What `--host` is to be given for so many ranks on each host.
    pub fn list(&self, slots: u32) -> String {
        let hosts: Vec<String> = (0..self.hosts)
            .map(|host| format!("{}:{slots}", self.host(host)))
            .collect();
        hosts.join(",")
    }

    /// The command that starts agents: through `ssh` if it is served.
    pub fn launcher(&self) -> String {
        if self.ssh {
            format!(
                "ssh -F {}/config -o BatchMode=yes {{host}}",
                self.ssh_folder()
            )
        } else {
            "ip netns exec {host}".to_owned()
        }
    }

    /// Options of caperun for so many ranks on each host.
    pub fn options(&self, slots: u32) -> Vec<String> {
        let options = [
            "--host",
            &self.list(slots),
            "--launch-agent",
            &self.launcher(),
        ];
        options.map(str::to_owned).to_vec()
    }

    /// A program that is `caperun` on the hub.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn caperun(&self, caperun: &Path) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join("caperun");
        let text = format!(
            "#!/bin/sh\nexec ip netns exec {}-hub {} \"$@\"\n",
            self.name,
            caperun.display()
        );
        std::fs::write(&path, text)
            .and_then(|()| std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)))
            .map_err(|error| Failure::system(&format!("write {}", path.display()), &error))?;
        Ok(path)
    }

    fn net(&self, command: &str, hosts: &[u32]) -> Result<String, Failure> {
        let numbers: Vec<String> = hosts.iter().map(u32::to_string).collect();
        let mut arguments = vec![command, &self.name];
        arguments.extend(numbers.iter().map(String::as_str));
        run("net.sh", &arguments, self.folder.path())
    }

    /// Takes a host's plug out.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn cut(&self, host: u32) -> Result<(), Failure> {
        self.net("cut", &[host]).map(drop)
    }

    /// Puts a host's plug back.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn restore(&self, host: u32) -> Result<(), Failure> {
        self.net("restore", &[host]).map(drop)
    }

    /// One way: nothing that `from` sends reaches `to` any more.
    ///
    /// # Errors
    /// `nft` fails.
    pub fn mute(&self, from: u32, to: u32) -> Result<(), Failure> {
        self.net("mute", &[from, to]).map(drop)
    }

    /// The processes on all hosts and the hub, except `sshd`s that only listen.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn processes(&self) -> Result<Vec<u32>, Failure> {
        let text = self.net("pids", &[])?;
        let pids = text.lines().filter_map(|line| line.parse().ok());
        Ok(pids
            .filter(|pid| running(*pid) && !listener(*pid))
            .collect())
    }

    /// Waits until no process runs on any host.
    ///
    /// # Errors
    /// After `limit` some do: they are named.
    pub fn expect_no_process(&self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let left = self.processes()?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let lines: Vec<String> = left
                    .iter()
                    .map(|pid| format!("  {pid}: {}", command_line(*pid)))
                    .collect();
                return Err(Failure::Mismatch(format!(
                    "{} s later processes are left on the hosts:\n{}",
                    limit.as_secs_f64(),
                    lines.join("\n")
                )));
            }
            pause();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.ssh {
            let folder = self.ssh_folder();
            complain(run("sshd.sh", &["stop", &folder], self.folder.path()));
        }
        complain(self.net("down", &[]));
    }
}

fn complain(result: Result<String, Failure>) {
    if let Err(failure) = result {
        eprintln!("warning: {failure}");
    }
}

fn running(pid: u32) -> bool {
    // A process that has ended, but whose parent has not taken notice, is no process that was left running.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

fn listener(pid: u32) -> bool {
    command_line(pid).contains("[listener]")
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned()
}
