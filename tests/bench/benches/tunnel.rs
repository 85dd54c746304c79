//! A tunnel beside `ssh -L` on the same loopback, in the same run: bytes per second and round trip,
//! directly and by a relay. Needs OpenSSH's server, which `cargo xtask bench` installs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use dbc_agent_api::{ALPN_TCP, hello::Hello};
use dbc_benchmarks::{Samples, rounds};
use dbc_tunnel::{
    Dialer, DialerConfig, Limits, Listener, ListenerConfig, Paths, Target,
    relay::{Relay, RelayServerConfig},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const BYTES: usize = 256 << 20;
const PINGS: usize = 200;

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = rounds(10)?;
    let service = TcpListener::bind(LOOPBACK).await?;
    let address = service.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = service.accept().await {
            drop(stream.set_nodelay(true));
            tokio::spawn(async move { serve(&mut stream).await });
        }
    });
    let ssh = Ssh::start(address).await?;
    let relay = Relay::start(RelayServerConfig::open(LOOPBACK)).await?;
    let direct = Tunnel::start(&relay, Paths::DirectOnly).await?;
    let relayed = Tunnel::start(&relay, Paths::RelayOnly).await?;

    let mut paths = ["plain TCP", "ssh -L", "tunnel", "tunnel by relay"]
        .map(|name| (name, Samples::default(), Samples::default()));
    // In turn, so that all see the same weather.
    for round in 1..=rounds {
        for (name, speed, trip) in &mut paths {
            match *name {
                "plain TCP" => measure(connect(address).await?, speed, trip).await?,
                "ssh -L" => measure(connect(ssh.local).await?, speed, trip).await?,
                "tunnel" => measure(direct.open().await?, speed, trip).await?,
                _ => measure(relayed.open().await?, speed, trip).await?,
            }
        }
        eprintln!("round {round} of {rounds}");
    }
    println!(
        "{:<16} {:>12} {:>8} {:>16} {:>8}",
        "path", "MB/s, median", "× ssh", "round trip, µs", "× ssh"
    );
    let (ssh_speed, ssh_trip) = (paths[1].1.median(), paths[1].2.median());
    for (name, speed, trip) in &paths {
        println!(
            "{name:<16} {:>12.0} {:>7.2}× {:>16.0} {:>7.2}×",
            speed.median(),
            speed.median() / ssh_speed,
            trip.median() * 1e6,
            trip.median() / ssh_trip
        );
    }
    Ok(())
}

/// Sends bytes and waits for the word that all came; then round trips of a byte.
async fn measure<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    speed: &mut Samples,
    trip: &mut Samples,
) -> Result<()> {
    let piece = vec![7u8; 256 << 10];
    let started = Instant::now();
    stream.write_u64(BYTES as u64).await?;
    for _ in 0..BYTES / piece.len() {
        stream.write_all(&piece).await?;
    }
    stream.flush().await?;
    ensure!(stream.read_u8().await? == 1, "the other end lost something");
    speed.value(BYTES as f64 / 1e6 / started.elapsed().as_secs_f64());
    for _ in 0..PINGS {
        let started = Instant::now();
        stream.write_u8(2).await?;
        stream.flush().await?;
        stream.read_u8().await?;
        trip.time(started.elapsed());
    }
    Ok(())
}

/// The other end of [`measure`].
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<()> {
    let mut left = stream.read_u64().await?;
    let mut buffer = vec![0u8; 256 << 10];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left)?);
        let count = stream.read(&mut buffer[..most]).await?;
        ensure!(count > 0, "it ended early");
        left -= count as u64;
    }
    stream.write_u8(1).await?;
    loop {
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.flush().await?;
    }
}

struct Tunnel {
    dialer: Dialer,
    _listener: Arc<Listener>,
    target: Target,
}

impl Tunnel {
    async fn start(relay: &Relay, paths: Paths) -> Result<Self> {
        let config = ListenerConfig {
            relays: vec![relay.url().clone()],
            bind: Some(LOOPBACK),
            paths,
            alpns: vec![ALPN_TCP.to_vec()],
            limits: Limits::default(),
        };
        let listener = Arc::new(Listener::bind(&[1; 32], config).await?);
        let mut target = Target::new(listener.id());
        if paths == Paths::RelayOnly {
            listener.online().await;
            target.relays.push(relay.url().clone());
        } else {
            target.direct = listener.bound();
        }
        let accepting = listener.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                tokio::spawn(async move { serve(&mut incoming.welcome(None).await?).await });
            }
        });
        let config = DialerConfig { bind: Some(LOOPBACK), paths, ..DialerConfig::default() };
        Ok(Self { dialer: Dialer::bind(&[2; 32], config).await?, _listener: listener, target })
    }

    async fn open(&self) -> Result<impl AsyncRead + AsyncWrite + Unpin> {
        let hello = Hello { lease: 0, workload: "0".parse()?, grant: String::new(), port: None };
        Ok(self.dialer.open(&self.target, ALPN_TCP, &hello).await?.stream)
    }
}

/// OpenSSH's server and a client that forwards a port.
struct Ssh {
    local: SocketAddr,
    _folder: tempfile::TempDir,
    _server: Child,
    _client: Child,
}

impl Ssh {
    async fn start(service: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status()
            .await?;
        ensure!(made.success(), "ssh-keygen failed");
        let (server_port, local) = (free_port()?, SocketAddr::new(LOOPBACK.ip(), free_port()?));
        let config = folder.path().join("sshd_config");
        let public = key.with_extension("pub");
        std::fs::create_dir_all("/run/sshd")?;
        std::fs::write(
            &config,
            format!(
                "Port {server_port}\nListenAddress 127.0.0.1\nHostKey {key}\nAuthorizedKeysFile {public}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n",
                key = key.display(),
                public = public.display()
            ),
        )?;
        let server = Command::new("/usr/sbin/sshd")
            .arg("-D")
            .arg("-f")
            .arg(&config)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("OpenSSH's server is not installed: apt-get install openssh-server")?;
        let forward = format!("{local}:{service}");
        let client = Command::new("ssh")
            .args([
                "-F",
                "none",
                "-N",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "LogLevel=ERROR",
                "-o",
                "ConnectionAttempts=20",
                "-i",
            ])
            .arg(&key)
            .args(["-p", &server_port.to_string(), "-L", &forward, "127.0.0.1"])
            .kill_on_drop(true)
            .spawn()?;
        let started = Instant::now();
        while TcpStream::connect(local).await.is_err() {
            ensure!(started.elapsed() < Duration::from_secs(30), "ssh -L does not come up");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(Self { local, _folder: folder, _server: server, _client: client })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(LOOPBACK)?.local_addr()?.port())
}
