//! What a stranger cannot do.

use std::time::Duration;

use dbc_agent_api::{ALPN_TCP, ErrorCode, hello::HelloReply};
use dbc_tunnel::{ConnectError, Limits, Listener, Paths, Target, read_frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    CLIENT, LONG, MACHINE, dialer, direct, echo, hello, listener_config, machine, wait_for,
};

async fn bounded(limits: Limits) -> (std::sync::Arc<Listener>, Target) {
    let mut config = listener_config(vec![], Paths::DirectOnly);
    config.limits = limits;
    let listener = machine(config).await;
    let target = direct(&listener);
    (listener, target)
}

#[tokio::test]
async fn a_thousand_streams_are_not_served_at_once() {
    let limits = Limits { streams_per_peer: 32, ..Limits::default() };
    let (listener, target) = bounded(limits).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let hello = hello();
    let open = || dialer.open(&target, ALPN_TCP, &hello);
    let all = futures::future::join_all((0..1000).map(|_| open()));
    let opened = timeout(LONG, all).await.unwrap();
    let served = opened.iter().filter(|opened| opened.is_ok()).count();
    assert_eq!(served, 32);
    assert_eq!(listener.load().streams, 32);
    for refused in opened.iter().filter_map(|opened| opened.as_ref().err()) {
        assert!(
            matches!(refused, ConnectError::Refused(error) if error.code == ErrorCode::Busy),
            "{refused:?}"
        );
    }
    // Another peer is served meanwhile, and the same one afterwards.
    let other = crate::dialer([3; 32], Paths::DirectOnly).await;
    echo(&other, &target).await;
    drop(opened);
    wait_for("the end of all streams", || listener.load().streams == 0).await;
    echo(&dialer, &target).await;
}

#[tokio::test]
async fn too_many_connections_of_a_peer_are_refused() {
    let limits = Limits { connections_per_peer: 1, ..Limits::default() };
    let (listener, target) = bounded(limits).await;
    let first = dialer(CLIENT, Paths::DirectOnly).await;
    echo(&first, &target).await;
    // The same key from a second process.
    let second = dialer(CLIENT, Paths::DirectOnly).await;
    let error = second.open(&target, ALPN_TCP, &hello()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy, "{error:?}");
    assert_eq!(listener.load().connections, 1);
}

#[tokio::test]
async fn an_oversize_first_frame_is_refused() {
    let (_listener, target) = bounded(Limits::default()).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    for first in [&[0xff, 0xff, 0xff, 0xff][..], b"\0\0\0\x02no", b"\0\0\0\x02{}"] {
        let mut stream = dialer.connect(&target, ALPN_TCP).await.unwrap();
        stream.write_all(first).await.unwrap();
        match read_frame(&mut stream).await.unwrap().unwrap() {
            HelloReply::Refused(error) => assert_eq!(error.code, ErrorCode::InvalidInput),
            other => panic!("{other:?}"),
        }
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_stream_that_says_nothing_is_ended() {
    let limits = Limits { hello_time: Duration::from_millis(300), ..Limits::default() };
    let (listener, target) = bounded(limits).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let mut stream = dialer.connect(&target, ALPN_TCP).await.unwrap();
    stream.write_all(&[0]).await.unwrap();
    let reply = timeout(LONG, read_frame::<HelloReply, _>(&mut stream)).await.unwrap();
    assert!(matches!(reply, Ok(Some(HelloReply::Refused(_)))), "{reply:?}");
    wait_for("the end of the stream", || listener.load().streams == 0).await;
}

#[tokio::test]
async fn a_connection_without_streams_is_ended_and_made_again() {
    let limits = Limits { idle_time: Duration::from_millis(300), ..Limits::default() };
    let (listener, target) = bounded(limits).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let used = dialer.open(&target, ALPN_TCP, &hello()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(listener.load().connections, 1, "a used connection stays");
    drop(used);
    wait_for("the end of the connection", || listener.load().connections == 0).await;
    echo(&dialer, &target).await;
}

#[tokio::test]
async fn a_client_that_is_gone_frees_what_it_held() {
    let (listener, target) = bounded(Limits::default()).await;
    let dialer = dialer(CLIENT, Paths::DirectOnly).await;
    let opened = dialer.open(&target, ALPN_TCP, &hello()).await.unwrap();
    assert_eq!(listener.load().streams, 1);
    dialer.close().await;
    wait_for("the end of the stream", || listener.load().streams == 0).await;
    drop(opened);
}

#[tokio::test]
async fn two_listeners_with_one_key_do_not_share_a_port() {
    let first = machine(listener_config(vec![], Paths::DirectOnly)).await;
    let mut config = listener_config(vec![], Paths::DirectOnly);
    config.bind = first.bound().first().copied();
    let error = Listener::bind(&MACHINE, config).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to listen on 127.0.0.1:"), "{error}");
}
