//! The network's agent under other circumstances than `dbc up` gives it: behind a router, with a wrong clock.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Network, program};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
};

use super::{crash::kill, lease::rent};

/// How far the clock of [`an_agent_whose_clock_is_off_says_so_and_works`] is ahead, in seconds.
const AHEAD_S: u32 = 600;
/// A library that puts the clock of whoever loads it ahead.
const CLOCK: &str = "
    #include <time.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    int clock_gettime(clockid_t clock, struct timespec *at) {
        int result = syscall(SYS_clock_gettime, clock, at);
        if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += AHEAD_S;
        return result;
    }
";

/// The agent, started by a test in the place of the one that `dbc up` started.
struct Instead(Child);

impl Instead {
    /// `wrap` is the command that starts it, without the program: its first word, the others, its environment.
    async fn start(network: &Network, mut wrap: Command, log: &Path) -> Result<Self> {
        kill(network, "agent").await?;
        let log = File::options().create(true).append(true).open(log)?;
        wrap.arg(program("dbc-agent")?).args(["run", "--config"]);
        wrap.arg(network.state().join("agent.toml"));
        wrap.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(Self(wrap.spawn()?))
    }

    /// Ends it, and starts the usual one.
    async fn back(mut self, network: &Network) -> Result<()> {
        self.0.kill().await?;
        network.user("owner").ok(&["up", "--no-demo"]).await.map(drop)
    }
}

/// Rented, entered, left.
async fn used(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let inside = owner.run(&["exec", &lease, "--", "echo", "inside"]).await;
    owner.ok(&["lease", "end", &lease]).await?;
    let inside = inside?;
    ensure!(inside.code == 0 && inside.stdout == "inside\n", "{inside:?}");
    Ok(())
}

/// Mechanisms §4, clocks: everything goes by the chain's time.
pub async fn an_agent_whose_clock_is_off_says_so_and_works(network: &Network) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (source, library) = (folder.path().join("clock.c"), folder.path().join("clock.so"));
    std::fs::write(&source, CLOCK.replace("AHEAD_S", &AHEAD_S.to_string()))?;
    let mut cc = Command::new("cc");
    let made = cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output().await?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let log = folder.path().join("log");
    let mut wrap = Command::new("env");
    wrap.arg(format!("LD_PRELOAD={}", library.display()));
    let agent = Instead::start(network, wrap, &log).await?;
    let used = used(network).await;
    agent.back(network).await?;
    used?;
    let told = std::fs::read_to_string(&log)?;
    let line = told.lines().find(|line| line.contains("the host's clock is off"));
    let line = line.with_context(|| format!("nothing is said of the clock:\n{told}"))?;
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let ahead = line.split("host_ahead_s").nth(1).map(|rest| digits(&rest[..rest.len().min(16)]));
    let ahead: u32 = ahead.context("by how much")?.parse()?;
    ensure!(ahead.abs_diff(AHEAD_S) < 60, "{line}");
    Ok(())
}

const MACHINE: &str = "10.203.1.2";
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 203, 2, 1);
/// A port of the machine that strangers try.
const DOOR: u16 = 7009;

/// A namespace for the machine and one for its router, which translates addresses and lets nothing in. This
/// machine is the world outside. Gone with the value.
struct Behind {
    machine: String,
    router: String,
    /// Ends the thread that carries from inside.
    _inside: oneshot::Sender<()>,
    outside: Vec<JoinHandle<()>>,
}

impl Behind {
    /// `ports` of this machine's loopback are there on the machine's own, through the router.
    async fn new(ports: &[u16]) -> Result<Self> {
        let id = std::process::id();
        let (machine, router) = (format!("dbc-machine-{id}"), format!("dbc-router-{id}"));
        let (end, ended) = oneshot::channel();
        // From here on the value clears away what was made, also when the next step fails.
        let mut behind = Self { machine, router, _inside: end, outside: Vec::new() };
        behind.lay().await?;
        for port in ports {
            let listener = TcpListener::bind((OUTSIDE, *port)).await?;
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            behind.outside.push(tokio::spawn(carry(listener, to)));
        }
        let (name, ports) = (behind.machine.clone(), ports.to_vec());
        let (ready, is_ready) = oneshot::channel();
        std::thread::spawn(move || {
            let done = carry_inside(&name, &ports, ready, ended);
            done.inspect_err(|error| eprintln!("inside {name}: {error:#}"))
        });
        is_ready.await.context("the machine's side did not come up")?;
        Ok(behind)
    }

    async fn lay(&self) -> Result<()> {
        let (machine, router) = (self.machine.as_str(), self.router.as_str());
        for name in [machine, router] {
            ip(&["netns", "add", name]).await?;
            ip(&["-n", name, "link", "set", "lo", "up"]).await?;
        }
        let cable = ["type", "veth", "peer", "name"];
        let inner = [&["-n", router, "link", "add", "inner"][..], &cable, &["eth0"]].concat();
        ip(&[&inner[..], &["netns", machine]].concat()).await?;
        let outer = [&["link", "add", "dbcnat0"][..], &cable, &["outer"]].concat();
        ip(&[&outer[..], &["netns", router]].concat()).await?;
        for (place, address, device) in [
            (Some(machine), "10.203.1.2/24", "eth0"),
            (Some(router), "10.203.1.1/24", "inner"),
            (Some(router), "10.203.2.2/24", "outer"),
            (None, "10.203.2.1/24", "dbcnat0"),
        ] {
            let place = place.map_or(vec![], |name| vec!["-n", name]);
            ip(&[&place[..], &["address", "add", address, "dev", device]].concat()).await?;
            ip(&[&place[..], &["link", "set", device, "up"]].concat()).await?;
        }
        ip(&["-n", machine, "route", "add", "default", "via", "10.203.1.1"]).await?;
        // Whoever is outside may try: he knows the way, and the router does not let him in.
        ip(&["route", "add", "10.203.1.0/24", "via", "10.203.2.2"]).await?;
        let rules = "table ip nat {
                chain out { type nat hook postrouting priority 100; oifname outer masquerade; }
            }
            table ip filter {
                chain through { type filter hook forward priority 0; iifname outer ct state new drop; }
            }";
        ip(&["netns", "exec", router, "nft", rules]).await?;
        ip(&["netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"]).await
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.outside.iter().for_each(JoinHandle::abort);
        for name in [&self.machine, &self.router] {
            let _ = std::process::Command::new("ip").args(["netns", "delete", name]).status();
        }
        // Its other end went with the router, though not at once.
        let _ = std::process::Command::new("ip").args(["link", "delete", "dbcnat0"]).output();
    }
}

async fn ip(words: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(words).output().await?;
    ensure!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Carries each connection on to an address.
async fn carry(listener: TcpListener, to: SocketAddr) {
    while let Ok((mut from, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut to = TcpStream::connect(to).await?;
            copy_bidirectional(&mut from, &mut to).await
        });
    }
}

/// Enters the machine's namespace with this thread and carries its loopback's ports out of it, until told to end.
fn carry_inside(
    name: &str,
    ports: &[u16],
    ready: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
) -> Result<()> {
    let namespace = File::open(Path::new("/run/netns").join(name))?;
    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for port in ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await?;
            tokio::spawn(carry(listener, (OUTSIDE, *port).into()));
        }
        let door = TcpListener::bind((Ipv4Addr::UNSPECIFIED, DOOR)).await?;
        tokio::spawn(async move { while door.accept().await.is_ok() {} });
        TcpStream::connect((MACHINE, DOOR)).await.context("its own door")?;
        let _ = ready.send(());
        let _ = ended.await;
        Ok(())
    })
}

/// R1: a machine behind a home router is rented and entered by whoever is outside, with no port open to it.
/// Engine and programs are those of this machine; the agent itself knows the way out alone.
pub async fn a_machine_behind_nat_is_rented_and_entered_with_no_port_open(
    network: &Network,
) -> Result<()> {
    let status = network.user("owner").json(&["status"]).await?;
    let port = |name: &str| -> Result<u16> {
        let port = status["network"][name].as_u64().context("a port")?;
        Ok(u16::try_from(port)?)
    };
    let behind = Behind::new(&[port("rpc_port")?, port("relay_port")?]).await?;
    let mut wrap = Command::new("nsenter");
    wrap.arg(format!("--net=/run/netns/{}", behind.machine));
    let agent = Instead::start(network, wrap, &network.state().join("logs/agent.log")).await?;
    let used = async {
        used(network).await?;
        let stranger = TcpStream::connect((MACHINE, DOOR));
        let in_time = tokio::time::timeout(Duration::from_secs(3), stranger).await;
        ensure!(!matches!(in_time, Ok(Ok(_))), "the router lets strangers in");
        Ok(())
    };
    let used = used.await;
    agent.back(network).await?;
    used
}
