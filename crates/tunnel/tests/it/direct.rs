//! Without a relay.

use dbc_agent_api::{
    ALPN_CONTROL, ALPN_SSH, ALPN_TCP, ApiError, ErrorCode,
    hello::{Hello, HostKey},
};
use dbc_tunnel::{
    ConnectError, Dialer, DialerConfig, Listener, Paths, Target, public_key, read_frame,
    write_frame,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    CLIENT, LONG, LOOPBACK, MACHINE, dialer, direct, echo, hello, listener_config, machine,
    wait_for,
};

#[tokio::test]
async fn bytes_pass_both_ways() {
    let listener = machine(listener_config(vec![], Paths::DirectOnly)).await;
    assert_eq!(listener.id(), public_key(&MACHINE));
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    echo(&dialer, &direct(&listener)).await;
    dialer.close().await;
    listener.close().await;
    assert!(listener.accept().await.is_none());
}

#[tokio::test]
async fn the_machine_learns_who_asks_for_what() {
    let config = listener_config(vec![], Paths::DirectOnly);
    let listener = Listener::bind(&MACHINE, config).await.unwrap();
    let target = direct(&listener);
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let host_key = HostKey { openssh: "ssh-ed25519 AAAA".into(), signature: "00".into() };
    let server = async {
        let incoming = listener.accept().await.unwrap();
        assert_eq!(incoming.remote_key, public_key(&CLIENT));
        assert_eq!(incoming.remote_key, dialer.id());
        assert_eq!(incoming.alpn, ALPN_CONTROL);
        assert_eq!(incoming.hello, hello());
        let mut stream = incoming.welcome(Some(host_key.clone())).await.unwrap();
        let asked: String = read_frame(&mut stream).await.unwrap().unwrap();
        write_frame(&mut stream, &format!("{asked}!")).await.unwrap();
    };
    let client = async {
        let mut opened = dialer.open(&target, ALPN_CONTROL, &hello()).await.unwrap();
        assert_eq!(opened.host_key.as_ref(), Some(&host_key));
        write_frame(&mut opened.stream, "status").await.unwrap();
        let answer: String = read_frame(&mut opened.stream).await.unwrap().unwrap();
        assert_eq!(answer, "status!");
        // The server dropped its stream after the last frame: an orderly end.
        assert!(read_frame::<String, _>(&mut opened.stream).await.unwrap().is_none());
    };
    timeout(LONG, async { tokio::join!(server, client) }).await.unwrap();
}

#[tokio::test]
async fn a_refusal_keeps_its_code() {
    let config = listener_config(vec![], Paths::DirectOnly);
    let listener = Listener::bind(&MACHINE, config).await.unwrap();
    let target = direct(&listener);
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let refusal = ApiError::new(ErrorCode::GrantExpired, "the grant has expired");
    let server = async { listener.accept().await.unwrap().refuse(refusal.clone()).await };
    let hello = hello();
    let client = dialer.open(&target, ALPN_CONTROL, &hello);
    let ((), opened) = tokio::join!(server, client);
    match opened {
        Err(ConnectError::Refused(error)) => assert_eq!(error, refusal),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn streams_of_one_protocol_share_a_connection() {
    let listener = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let target = direct(&listener);
    let hello = Hello { port: Some(80), ..hello() };
    let open = || dialer.open(&target, ALPN_TCP, &hello);
    let opened = futures::future::join_all((0..20).map(|_| open())).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(listener.load().connections, 1);
    assert_eq!(listener.load().streams, 20);
    drop(opened);
    wait_for("the end of all streams", || listener.load().streams == 0).await;
}

#[tokio::test]
async fn a_machine_that_restarted_is_found_again() {
    let first = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let target = direct(&first);
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    echo(&dialer, &target).await;
    first.close().await;
    drop(first);
    let mut config = listener_config(vec![], Paths::DirectOnly);
    config.bind = target.direct.first().copied();
    let _second = machine(config).await;
    timeout(LONG, echo(&dialer, &target)).await.unwrap();
}

#[tokio::test]
async fn the_book_is_asked_when_only_the_key_is_known() {
    let listener = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let only_key = Target::new(listener.id());
    let unknown = dialer.open(&only_key, ALPN_TCP, &hello()).await;
    assert!(matches!(unknown, Err(ConnectError::NoAddress)), "{unknown:?}");
    dialer.addresses().set(&direct(&listener));
    echo(&dialer, &only_key).await;
}

#[tokio::test]
async fn a_machine_that_is_away_is_said_to_be() {
    let config = DialerConfig {
        bind: Some(LOOPBACK),
        paths: Paths::DirectOnly,
        connect_time: std::time::Duration::from_secs(1),
        ..DialerConfig::default()
    };
    let dialer = Dialer::bind(&CLIENT, config).await.unwrap();
    let nobody = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let target =
        Target { direct: vec![nobody.local_addr().unwrap()], ..Target::new(public_key(&MACHINE)) };
    let error = dialer.open(&target, ALPN_TCP, &hello()).await.unwrap_err();
    assert!(matches!(error, ConnectError::MachineAway { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::MachineUnreachable);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn an_impostor_at_the_machines_address_is_not_talked_to() {
    let listener = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let target = Target { endpoint: public_key(&[9; 32]), ..direct(&listener) };
    let opened = dialer.open(&target, ALPN_TCP, &hello()).await;
    assert!(matches!(opened, Err(ConnectError::MachineAway { .. })), "{opened:?}");
}

#[tokio::test]
async fn an_unknown_protocol_is_told_from_silence() {
    let listener = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let opened = dialer.open(&direct(&listener), ALPN_SSH, &hello()).await;
    assert!(matches!(opened, Err(ConnectError::Protocol)), "{opened:?}");
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let mut no_point = [0xff; 32];
    no_point[0] = 2;
    for endpoint in [no_point, dialer.id()] {
        let target = Target { direct: vec![LOOPBACK], ..Target::new(endpoint) };
        let opened = dialer.open(&target, ALPN_TCP, &hello()).await;
        assert!(matches!(opened, Err(ConnectError::Key)), "{opened:?}");
    }
}

#[tokio::test]
async fn a_reset_is_told_from_an_end() {
    let config = listener_config(vec![], Paths::DirectOnly);
    let listener = Listener::bind(&MACHINE, config).await.unwrap();
    let target = direct(&listener);
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let server = async { listener.accept().await.unwrap().welcome(None).await.unwrap() };
    let hello = hello();
    let client = dialer.open(&target, ALPN_TCP, &hello);
    let (mut served, opened) = tokio::join!(server, client);
    let mut stream = opened.unwrap().stream;
    let unread = stream.unread();
    served.write_all(b"half of").await.unwrap();
    served.reset();
    let mut got = Vec::new();
    assert!(stream.read_to_end(&mut got).await.is_err());
    timeout(LONG, unread).await.unwrap();
}
