//! Is this machine fit to be a provider? A list of checks, each with what was found and, when it is
//! not fine, what to do. Looks only; installs and changes nothing.

use std::{
    fmt, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Engine, EngineError},
    execute::execute,
    pool::{SIZE_BYTES_MIN, fits},
};

/// What the machine shall have.
#[derive(Debug, Clone)]
pub struct Needs {
    /// Where the state and the pool go; its nearest folder that exists is measured.
    pub state_dir: PathBuf,
    /// Bytes for the pool and everything else there.
    pub disk_bytes: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// TCP ports that must be free on 127.0.0.1.
    pub ports: Vec<u16>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Fine.
    Fine,
    /// It works, with a drawback.
    Warning,
    /// It does not work.
    Failure,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at; one stable word.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do; `None` when it is fine.
    pub fix: Option<String>,
}

impl Check {
    fn fine(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Fine, found: found.into(), fix: None }
    }

    fn warning(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Self { name: name.into(), outcome: Outcome::Warning, found: found.into(), fix }
    }

    fn failure(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Self { name: name.into(), outcome: Outcome::Failure, found: found.into(), fix }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            Outcome::Fine => "ok",
            Outcome::Warning => "warning",
            Outcome::Failure => "failed",
        };
        write!(f, "{:<8} {:<8} {}", self.name, word, self.found)?;
        self.fix.as_ref().map_or(Ok(()), |fix| write!(f, "\n         fix: {fix}"))
    }
}

/// Runs every check; the order is that in which a person would fix things.
pub async fn examine(needs: &Needs) -> Vec<Check> {
    vec![
        root(nix::unistd::geteuid().is_root()),
        platform(std::env::consts::ARCH, std::env::consts::OS),
        disk(&needs.state_dir, needs.disk_bytes),
        memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), needs.memory_bytes),
        btrfs().await,
        firewall().await,
        docker().await,
        swap(),
        ports(&needs.ports),
        clock(),
    ]
}

fn root(is_root: bool) -> Check {
    if is_root {
        return Check::fine("root", "runs as root");
    }
    Check::failure("root", "does not run as root", "run it with sudo")
}

fn platform(arch: &str, os: &str) -> Check {
    if (arch, os) == ("x86_64", "linux") {
        return Check::fine("platform", "linux on x86-64");
    }
    Check::failure("platform", format!("{os} on {arch}"), "use a Linux machine with an x86-64 CPU")
}

fn disk(state_dir: &Path, wanted: u64) -> Check {
    let there = state_dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
    let wanted = wanted.max(SIZE_BYTES_MIN);
    match fits(there) {
        Err(error) => Check::failure("disk", format!("{error}"), "choose another state folder"),
        Ok(free) if free >= wanted => Check::fine("disk", format!("{} usable", gib(free))),
        Ok(free) => Check::failure(
            "disk",
            format!("{} usable below 80 % of the disk of {}", gib(free), there.display()),
            format!("free some space, or use a disk with {}", gib(wanted)),
        ),
    }
}

fn memory(meminfo: &str, wanted: u64) -> Check {
    let total = meminfo.lines().find_map(|line| {
        let kib = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    match total {
        Some(total) if total >= wanted => Check::fine("memory", gib(total)),
        Some(total) => Check::failure("memory", gib(total), format!("use {}", gib(wanted))),
        None => Check::warning("memory", "cannot be read", "look at /proc/meminfo"),
    }
}

async fn btrfs() -> Check {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let in_kernel = known.lines().any(|line| line.split_whitespace().last() == Some("btrfs"))
        || execute("modinfo", &["btrfs"]).await.is_ok();
    if !in_kernel {
        return Check::failure("btrfs", "the kernel has no btrfs", "use a kernel with btrfs");
    }
    let mut missing = Vec::new();
    for tool in ["btrfs", "mkfs.btrfs"] {
        if execute(tool, &["--version"]).await.is_err() {
            missing.push(tool);
        }
    }
    if !missing.is_empty() {
        let found = format!("{} is missing", missing.join(", "));
        return Check::failure("btrfs", found, "apt-get install btrfs-progs");
    }
    if Path::new("/sys/fs/btrfs/features/simple_quota").exists() {
        return Check::fine("btrfs", "with simple quotas");
    }
    Check::warning("btrfs", "without simple quotas", "a kernel from 6.7 on has them; works without")
}

async fn firewall() -> Check {
    for (tool, package) in [("nft", "nftables"), ("ip", "iproute2"), ("nsenter", "util-linux")] {
        if execute(tool, &["-V"]).await.is_err_and(|error| error.is_missing_program()) {
            let fix = format!("apt-get install {package}");
            return Check::failure("firewall", format!("{tool} is missing"), fix);
        }
    }
    match execute("nft", &["list", "tables"]).await {
        Ok(_) => Check::fine("firewall", "nftables works"),
        Err(error) => {
            Check::failure("firewall", error.to_string(), "use a kernel with nftables (nf_tables)")
        }
    }
}

async fn docker() -> Check {
    let engine = match Engine::find().await {
        Ok(engine) => engine,
        Err(EngineError::NotDocker { socket, why }) => {
            let found = format!("{} is no usable Docker: {why}", socket.display());
            return Check::failure(
                "docker",
                found,
                "install docker.io, or name another DOCKER_HOST",
            );
        }
        Err(_) if execute("dockerd", &["--version"]).await.is_ok() => {
            let fix = "systemctl start docker; without systemd it is started when needed";
            return Check::warning("docker", "installed, not running", fix);
        }
        Err(_) => {
            let fix = "apt-get install docker.io iptables";
            return Check::failure("docker", "not installed", fix);
        }
    };
    let found = format!("{} (API {})", engine.version(), engine.api_version());
    let mut parts = engine.api_version().split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let api = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if api < (1, 41) {
        return Check::failure("docker", found, "upgrade it to 20.10 or later");
    }
    Check::fine("docker", found)
}

/// Without swap accounting a tenant could push his memory limit's worth into the host's swap.
fn swap() -> Check {
    let used = fs::read_to_string("/proc/swaps").unwrap_or_default().lines().count() > 1;
    let v1 = Path::new("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists();
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    match (used, v1 || v2) {
        (false, _) => Check::fine("swap", "none"),
        (true, true) => Check::fine("swap", "on, and counted per container"),
        (true, false) => Check::warning(
            "swap",
            "on, and not counted per container",
            "add swapaccount=1 to the kernel's command line, or turn it off: swapoff -a",
        ),
    }
}

fn ports(wanted: &[u16]) -> Check {
    let taken: Vec<String> = wanted
        .iter()
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, **port)).is_err())
        .map(ToString::to_string)
        .collect();
    if taken.is_empty() {
        return Check::fine("ports", format!("{} needed, all free", wanted.len()));
    }
    let fix = format!("see who listens: ss -ltnp | grep -E ':({}) '", taken.join("|"));
    Check::failure("ports", format!("{} taken", taken.join(", ")), fix)
}

/// The chain refuses what is minutes off, so the clock must be kept by something.
fn clock() -> Check {
    let fix = "turn on time synchronization: apt-get install chrony";
    // SAFETY: all fields of the struct are numbers, for which zero is a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is ours; with `modes` zero the call only reads.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    let error_ms = state.maxerror / 1000;
    if answer < 0 {
        return Check::warning("clock", "the kernel does not tell its state", fix);
    }
    if state.status & libc::STA_UNSYNC != 0 {
        return Check::warning("clock", "not synchronized", fix);
    }
    Check::fine("clock", format!("synchronized within {error_ms} ms"))
}

fn gib(bytes: u64) -> String {
    let tenths = bytes / (1 << 30) * 10 + bytes % (1 << 30) * 10 / (1 << 30);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_check_that_is_not_fine_says_what_to_do() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let needs = Needs {
            state_dir: "/no/such/folder".into(),
            disk_bytes: u64::MAX,
            memory_bytes: u64::MAX,
            ports: vec![port.local_addr().unwrap().port()],
        };
        let checks = examine(&needs).await;
        for check in &checks {
            eprintln!("{check}");
            assert_eq!(check.outcome == Outcome::Fine, check.fix.is_none(), "{check}");
        }
        let outcome = |name: &str| checks.iter().find(|c| c.name == name).unwrap().outcome;
        for name in ["disk", "memory", "ports"] {
            assert_eq!(outcome(name), Outcome::Failure, "{name}");
        }
    }

    #[test]
    fn facts_are_judged() {
        assert_eq!(root(false).outcome, Outcome::Failure);
        assert_eq!(platform("aarch64", "linux").outcome, Outcome::Failure);
        assert_eq!(memory("MemTotal:  2097152 kB\n", 2 << 30).outcome, Outcome::Fine);
        assert_eq!(memory("MemTotal:  2097151 kB\n", 2 << 30).outcome, Outcome::Failure);
        assert_eq!(memory("", 1).outcome, Outcome::Warning);
        assert_eq!(ports(&[]).outcome, Outcome::Fine);
        assert_eq!(gib((3 << 30) + (1 << 29)), "3.5 GiB");
    }
}
