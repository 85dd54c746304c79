//! Two endpoints and our relay on loopback: how streams come about, and who is said to be away when
//! they do not.

mod binary;
mod bounds;
mod direct;
mod nat;
mod relayed;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dbc_agent_api::{ALPN_CONTROL, ALPN_TCP, hello::Hello};
use dbc_tunnel::{
    Dialer, DialerConfig, Limits, Listener, ListenerConfig, Paths, RelayUrl, Target,
    relay::{Relay, RelayServerConfig},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const MACHINE: [u8; 32] = [1; 32];
const CLIENT: [u8; 32] = [2; 32];
/// Far longer than anything here takes; an end to tests that would hang.
const LONG: Duration = Duration::from_secs(60);

fn hello() -> Hello {
    Hello { lease: 7, workload: "1".parse().unwrap(), grant: "grant".to_owned(), port: None }
}

async fn relay(bind: SocketAddr) -> Relay {
    Relay::start(RelayServerConfig::open(bind)).await.unwrap()
}

/// A machine that agrees to everything and sends every stream's bytes back.
async fn machine(config: ListenerConfig) -> Arc<Listener> {
    let listener = Arc::new(Listener::bind(&MACHINE, config).await.unwrap());
    let accepting = listener.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async move {
                let Ok(stream) = incoming.welcome(None).await else { return };
                let (mut read, mut write) = stream.into_split();
                if tokio::io::copy(&mut read, &mut write).await.is_ok() {
                    let _ = write.shutdown().await;
                }
            });
        }
    });
    listener
}

fn listener_config(relays: Vec<RelayUrl>, paths: Paths) -> ListenerConfig {
    ListenerConfig {
        relays,
        bind: Some(LOOPBACK),
        paths,
        alpns: vec![ALPN_CONTROL.to_vec(), ALPN_TCP.to_vec()],
        limits: Limits::default(),
    }
}

async fn dialer(seed: [u8; 32], paths: Paths) -> Dialer {
    let config = DialerConfig { bind: Some(LOOPBACK), paths, ..DialerConfig::default() };
    Dialer::bind(&seed, config).await.unwrap()
}

fn direct(listener: &Listener) -> Target {
    Target { direct: listener.bound(), ..Target::new(listener.id()) }
}

/// Sends a megabyte through an echoing machine.
async fn echo(dialer: &Dialer, target: &Target) {
    let opened = dialer.open(target, ALPN_TCP, &hello()).await.unwrap();
    let (mut read, mut write) = opened.stream.into_split();
    let sent: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
    let sending = sent.clone();
    let sender = tokio::spawn(async move {
        write.write_all(&sending).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    read.read_to_end(&mut back).await.unwrap();
    sender.await.unwrap();
    assert!(back == sent, "{} of {} bytes came back", back.len(), sent.len());
}

/// Waits until something holds.
async fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "{what} never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
