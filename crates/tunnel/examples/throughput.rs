//! Measures a tunnel on this machine: bytes per second and round trip, direct and through a relay,
//! beside bare TCP on the same loopback. `cargo run --release -p dbc-tunnel --example throughput`,
//! with the number of MiB to send as the only argument.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use dbc_agent_api::{ALPN_TCP, hello::Hello};
use dbc_tunnel::{
    Dialer, DialerConfig, Limits, Listener, ListenerConfig, Paths, Target,
    relay::{Relay, RelayServerConfig},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PINGS: u32 = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mib: usize = match std::env::args().nth(1) {
        Some(text) => text.parse().context("the argument is a number of MiB")?,
        None => 256,
    };
    let tcp = TcpListener::bind(LOOPBACK).await?;
    let address = tcp.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            tokio::spawn(async move { serve(&mut stream).await });
        }
    });
    report("tcp", mib, async || TcpStream::connect(address).await.map_err(Into::into)).await?;

    let relay = Relay::start(RelayServerConfig::open(LOOPBACK)).await?;
    for (name, paths) in [("direct", Paths::DirectOnly), ("relayed", Paths::RelayOnly)] {
        let listener = listener(&relay, paths).await?;
        let mut target = Target::new(listener.id());
        if paths == Paths::RelayOnly {
            listener.online().await;
            target.relays.push(relay.url().clone());
        } else {
            target.direct = listener.bound();
        }
        let config = DialerConfig { bind: Some(LOOPBACK), paths, ..DialerConfig::default() };
        let dialer = Dialer::bind(&[2; 32], config).await?;
        let hello = Hello { lease: 0, workload: "0".parse()?, grant: String::new(), port: None };
        let open = async || Ok(dialer.open(&target, ALPN_TCP, &hello).await?.stream);
        report(name, mib, open).await?;
        dialer.close().await;
        listener.close().await;
    }
    Ok(())
}

async fn listener(relay: &Relay, paths: Paths) -> anyhow::Result<Arc<Listener>> {
    let config = ListenerConfig {
        relays: vec![relay.url().clone()],
        bind: Some(LOOPBACK),
        paths,
        alpns: vec![ALPN_TCP.to_vec()],
        limits: Limits::default(),
    };
    let listener = Arc::new(Listener::bind(&[1; 32], config).await?);
    let accepting = listener.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async move {
                if let Ok(mut stream) = incoming.welcome(None).await {
                    serve(&mut stream).await;
                }
            });
        }
    });
    Ok(listener)
}

/// Answers single bytes and swallows the rest, so that one side serves both measurements.
async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        // A ping is one byte alone; bulk data ends with its stream.
        if read == 1 && stream.write_all(&buffer[..1]).await.is_err() {
            return;
        }
    }
    let _ = stream.write_all(b"done").await;
    let _ = stream.shutdown().await;
}

async fn report<S: AsyncRead + AsyncWrite + Unpin>(
    name: &str,
    mib: usize,
    open: impl AsyncFn() -> anyhow::Result<S>,
) -> anyhow::Result<()> {
    let mut stream = open().await?;
    let mut pings = Vec::new();
    for _ in 0..PINGS {
        let begun = Instant::now();
        stream.write_all(&[0]).await?;
        stream.read_exact(&mut [0]).await?;
        pings.push(begun.elapsed());
    }
    pings.sort();
    let median = pings.get(pings.len() / 2).copied().unwrap_or(Duration::ZERO);

    let mut stream = open().await?;
    let chunk = vec![0x5a; 1024 * 1024];
    let begun = Instant::now();
    for _ in 0..mib {
        stream.write_all(&chunk).await?;
    }
    stream.shutdown().await?;
    // The answer comes when the last byte was read.
    stream.read_to_end(&mut Vec::new()).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let rate = (mib * 1024 * 1024) as f64 / 1e6 / seconds;
    println!("{name:8} {rate:8.1} MB/s   round trip {:6} µs (median)", median.as_micros());
    Ok(())
}
