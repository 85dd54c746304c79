//! Through our relay, with no direct path at all.

use std::{net::TcpListener, time::Duration};

use dbc_agent_api::{ALPN_TCP, ErrorCode};
use dbc_tunnel::{
    ConnectError, Dialer, DialerConfig, Paths, Target, public_key,
    relay::{Access, Relay, RelayServerConfig},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    CLIENT, LONG, LOOPBACK, MACHINE, dialer, echo, hello, listener_config, machine, relay, wait_for,
};

fn by_relay(relay: &Relay) -> Target {
    Target { relays: vec![relay.url().clone()], ..Target::new(public_key(&MACHINE)) }
}

async fn quick() -> Dialer {
    let config = DialerConfig {
        paths: Paths::RelayOnly,
        connect_time: Duration::from_secs(2),
        ..DialerConfig::default()
    };
    Dialer::bind(&CLIENT, config).await.unwrap()
}

#[tokio::test]
async fn a_machine_without_an_open_port_is_reached() {
    let relay = relay(LOOPBACK).await;
    let listener = machine(listener_config(vec![relay.url().clone()], Paths::RelayOnly)).await;
    // Three seconds would mean that it waits for something the relay does not have.
    timeout(Duration::from_millis(2500), listener.online()).await.unwrap();
    assert!(listener.bound().is_empty(), "no UDP socket");
    assert!(listener.relays()[0].connected);
    let dialer = dialer(CLIENT, Paths::RelayOnly).await;
    echo(&dialer, &by_relay(&relay)).await;
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_survives_the_relays_restart() {
    let first = relay(LOOPBACK).await;
    let addr = first.addr();
    let listener = machine(listener_config(vec![first.url().clone()], Paths::RelayOnly)).await;
    timeout(LONG, listener.online()).await.unwrap();
    let target = by_relay(&first);
    let dialer = dialer(CLIENT, Paths::RelayOnly).await;
    let mut opened = dialer.open(&target, ALPN_TCP, &hello()).await.unwrap();
    let mut ping = async |text: &[u8]| {
        opened.stream.write_all(text).await.unwrap();
        let mut back = vec![0; text.len()];
        opened.stream.read_exact(&mut back).await.unwrap();
        assert_eq!(back, text);
    };
    ping(b"before").await;
    first.stop().await.unwrap();
    let _second = relay(addr).await;
    timeout(LONG, ping(b"after")).await.unwrap();
}

#[tokio::test]
async fn a_relay_that_is_away_is_said_to_be() {
    let port = TcpListener::bind(LOOPBACK).unwrap();
    let url = format!("http://{}", port.local_addr().unwrap()).parse().unwrap();
    drop(port);
    let target = Target { relays: vec![url], ..Target::new(public_key(&MACHINE)) };
    let error = quick().await.open(&target, ALPN_TCP, &hello()).await.unwrap_err();
    assert!(matches!(error, ConnectError::RelayAway { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::RelayUnreachable);
}

#[tokio::test]
async fn a_machine_that_is_away_is_said_to_be_though_its_relay_answers() {
    let relay = relay(LOOPBACK).await;
    let error = quick().await.open(&by_relay(&relay), ALPN_TCP, &hello()).await.unwrap_err();
    assert!(matches!(error, ConnectError::MachineAway { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::MachineUnreachable);
}

#[tokio::test]
async fn a_relay_that_is_away_does_no_harm_where_there_is_a_direct_path() {
    let relay = relay(LOOPBACK).await;
    let listener = machine(listener_config(vec![relay.url().clone()], Paths::Any)).await;
    let target = Target { direct: listener.bound(), ..by_relay(&relay) };
    relay.stop().await.unwrap();
    let dialer = dialer(CLIENT, Paths::Any).await;
    timeout(LONG, echo(&dialer, &target)).await.unwrap();
}

#[tokio::test]
async fn rule_34_a_relay_serves_the_keys_on_its_list_as_it_changes() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let machine_key = hex::encode(public_key(&MACHINE));
    std::fs::write(list.path(), format!("{machine_key}\n")).unwrap();
    let relay = Relay::start(RelayServerConfig {
        access: Access::KeyFile(list.path().to_owned()),
        ..RelayServerConfig::open(LOOPBACK)
    })
    .await
    .unwrap();
    let listener = machine(listener_config(vec![relay.url().clone()], Paths::RelayOnly)).await;
    timeout(LONG, listener.online()).await.unwrap();

    let config = DialerConfig {
        relays: vec![relay.url().clone()],
        paths: Paths::RelayOnly,
        connect_time: Duration::from_secs(2),
        ..DialerConfig::default()
    };
    let dialer = Dialer::bind(&CLIENT, config).await.unwrap();
    wait_for("the refusal", || dialer.relays().iter().any(|relay| relay.refused.is_some())).await;
    let error = dialer.open(&by_relay(&relay), ALPN_TCP, &hello()).await.unwrap_err();
    assert!(matches!(error, ConnectError::RelayRefused { .. }), "{error:?}");

    // A damaged list changes nothing; a good one does.
    std::fs::write(list.path(), "damaged\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(listener.relays()[0].connected);
    let client_key = hex::encode(public_key(&CLIENT));
    std::fs::write(list.path(), format!("{machine_key}\n{client_key}\n")).unwrap();
    wait_for("the relay", || dialer.relays().iter().any(|relay| relay.connected)).await;
    timeout(LONG, echo(&dialer, &by_relay(&relay))).await.unwrap();
}

#[tokio::test]
async fn a_relay_says_that_it_lives() {
    let relay = relay(LOOPBACK).await;
    let mut stream = tokio::net::TcpStream::connect(relay.addr()).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_relay_does_not_start_on_a_taken_port() {
    let first = relay(LOOPBACK).await;
    let second = Relay::start(RelayServerConfig::open(first.addr())).await;
    assert!(second.unwrap_err().to_string().contains(&first.addr().to_string()));
}
