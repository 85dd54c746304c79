//! What a client, hostile or slow, cannot do.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use dbc_init::{
    ClientError, Event, Open, Refusal, Run,
    frame::{self, Kind},
    protocol::{Program, Reply, SESSIONS_MAX},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::{sleep, timeout},
};

use crate::support::{Init, Output, eventually, line_run};

fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn there_are_64_sessions_and_no_more() {
    let init = Init::hold(&[]).await;
    let sleeper = || Run::new(Program::Argv(vec!["sleep".into(), "100".into()]));
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS_MAX {
        sessions.push(init.open(sleeper()).await.unwrap());
    }
    for open in [Open::Run(Box::new(sleeper())), Open::Sftp] {
        let client = init.client().await;
        let refused = match open {
            Open::Sftp => client.raw(&open).await.map(drop),
            _ => client.open(&open).await.map(drop),
        };
        assert!(matches!(refused, Err(ClientError::Refused { code: Refusal::Busy, .. })));
    }
    sessions.pop().unwrap().split().1.close().await.unwrap();
    eventually("a place", async || init.client().await.list().await.unwrap().len() < SESSIONS_MAX)
        .await;
    init.open(sleeper()).await.unwrap();
}

#[tokio::test]
async fn what_ended_and_nobody_fetched_makes_room() {
    let init = Init::hold(&[]).await;
    for _ in 0..SESSIONS_MAX + 20 {
        let session = init.open(line_run("exit 0")).await.unwrap();
        let (reader, _writer) = session.split();
        Output::of(reader).await;
    }
    assert!(init.client().await.list().await.unwrap().len() <= SESSIONS_MAX);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_program_back() {
    let init = Init::hold(&[]).await;
    let before = memory_kib(init.pid());
    let mut stuck = Vec::new();
    for _ in 0..8 {
        stuck.push(init.open(line_run("exec cat /dev/zero")).await.unwrap());
        stuck.push(init.open(line_run("while :; do echo e >&2; echo o; done")).await.unwrap());
    }
    sleep(Duration::from_secs(2)).await;
    let grown = memory_kib(init.pid()).saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
    assert_eq!(init.line("echo fine").await.text(), "fine\n");
}

#[tokio::test]
async fn garbage_is_refused_and_init_lives() {
    let init = Init::hold(&[]).await;
    for bytes in [
        &b"\xff\xff\xff\xff"[..],
        b"\0\0\0\x04{]{]",
        b"\0\0\0\x06\"list!",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = UnixStream::connect(init.socket()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        match frame::read_json::<Reply>(&mut stream).await.unwrap() {
            Reply::Refused { code: Refusal::BadRequest, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    // Out of bounds, past our own client's check.
    for json in [
        r#"{"tcp":{"port":0}}"#,
        r#"{"run":{"program":{"argv":[]}}}"#,
        r#"{"run":{"program":"shell","env":{"A=":""}}}"#,
    ] {
        let mut stream = UnixStream::connect(init.socket()).await.unwrap();
        stream.write_all(&(json.len() as u32).to_be_bytes()).await.unwrap();
        stream.write_all(json.as_bytes()).await.unwrap();
        let reply = frame::read_json::<Reply>(&mut stream).await.unwrap();
        assert!(matches!(reply, Reply::Refused { code: Refusal::BadRequest, .. }), "{reply:?}");
    }
    assert_eq!(init.line("echo fine").await.text(), "fine\n");
}

#[tokio::test]
async fn a_session_that_breaks_the_protocol_loses_its_connection() {
    let init = Init::hold(&[]).await;
    let flood = {
        let mut bytes = bytes::BytesMut::new();
        for _ in 0..3 {
            frame::put(&mut bytes, Kind::Stdin, &[0; 60_000]);
        }
        bytes.to_vec()
    };
    for bad in [&[1, 255, 255, 255, 255][..], &[77, 0, 0, 0, 0], &[4, 0, 0, 0, 1, 1], &flood] {
        let mut stream = UnixStream::connect(init.socket()).await.unwrap();
        let run = Open::Run(Box::new(Run::new(Program::Argv(vec!["sleep".into(), "100".into()]))));
        frame::write_json(&mut stream, &run).await.unwrap();
        frame::read_json::<Reply>(&mut stream).await.unwrap();
        stream.write_all(bad).await.unwrap();
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still connected after {:?}", &bad[..5]);
    }
    assert_eq!(init.line("echo fine").await.text(), "fine\n");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let init = Init::hold(&[]).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(UnixStream::connect(init.socket()).await.unwrap());
    }
    assert_eq!(init.line("echo fine").await.text(), "fine\n");
    let mut byte = [0];
    let read = timeout(Duration::from_secs(10), silent[0].read(&mut byte)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
}

/// Numbers, not a bound: `cargo test -p dbc-init -- --ignored --nocapture throughput`.
#[tokio::test]
#[ignore = "prints numbers"]
async fn throughput_of_output_and_of_raw_bytes() {
    const BYTES: usize = 1 << 30;
    let mib_per_s = |started: Instant| BYTES as f64 / 1_048_576.0 / started.elapsed().as_secs_f64();
    let init = Init::hold(&[]).await;
    let line = format!("head -c {BYTES} /dev/zero");
    let (mut reader, _writer) = init.open(line_run(&line)).await.unwrap().split();
    let started = Instant::now();
    let mut count = 0;
    while let Some(Event::Stdout(data)) = reader.next().await.unwrap() {
        count += data.len();
    }
    assert_eq!(count, BYTES);
    println!("output of a program: {:.0} MiB/s", mib_per_s(started));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let listener = listener.into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        let mut service = listener.accept().unwrap().0;
        let piece = [0; 65536];
        (0..BYTES / piece.len()).for_each(|_| service.write_all(&piece).unwrap());
    });
    let mut stream = init.client().await.raw(&Open::Tcp { port }).await.unwrap();
    let started = Instant::now();
    let (mut buffer, mut count) = (vec![0; 65536], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        count += read;
    }
    assert_eq!(count, BYTES);
    println!("forwarded connection: {:.0} MiB/s", mib_per_s(started));
    let started = Instant::now();
    for _ in 0..200 {
        init.line("exit 0").await;
    }
    println!("a command: {:.2} ms", started.elapsed().as_secs_f64() * 1000.0 / 200.0);
}
