//! Sessions that outlast their connection (mechanisms.md rule 27).

use std::time::Duration;

use dbc_init::{
    ClientError, Event, Open, Refusal, Session,
    protocol::{REPLAY_BYTES, SessionRef},
};
use tokio::time::sleep;

use crate::support::{Init, Output, eventually, line_run, read_until, terminal};

async fn attach(
    init: &Init,
    session: SessionRef,
    offset: Option<u64>,
) -> Result<Session, ClientError> {
    let open = Open::Attach { session, offset, tty: terminal() };
    init.client().await.open(&open).await
}

async fn detached(init: &Init) {
    eventually("the loss of the connection", async || {
        init.client().await.list().await.unwrap().iter().all(|session| !session.attached)
    })
    .await;
}

#[tokio::test]
async fn rule_27_a_terminal_survives_its_connection_and_replays() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("echo before; read line; echo got $line; read line; exit 3");
    run.tty = terminal();
    run.name = Some("work".into());
    let session = init.open(run.clone()).await.unwrap();
    let id = session.id;
    let (mut reader, mut writer) = session.split();
    read_until(&mut reader, "before").await;
    assert!(matches!(
        init.open(run).await,
        Err(ClientError::Refused { code: Refusal::NameTaken, .. })
    ));
    writer.stdin(b"word\n").await.unwrap();
    read_until(&mut reader, "got word").await;
    drop((reader, writer));
    detached(&init).await;
    let list = init.client().await.list().await.unwrap();
    assert_eq!((list.len(), list[0].session, list[0].name.as_deref()), (1, id, Some("work")));

    let session = attach(&init, SessionRef::Name("work".into()), None).await.unwrap();
    assert_eq!((session.id, session.offset), (id, 0));
    let (mut reader, mut writer) = session.split();
    let text = read_until(&mut reader, "got word").await;
    assert!(text.starts_with("before\r\n"), "{text}");
    writer.stdin(b"\n").await.unwrap();
    assert_eq!(Output::of(reader).await.code(), 3);
    writer.close().await.unwrap();
    eventually("the end", async || init.client().await.list().await.unwrap().is_empty()).await;
    let gone = attach(&init, SessionRef::Id(id), None).await;
    assert!(matches!(gone, Err(ClientError::Refused { code: Refusal::NoSession, .. })));
}

#[tokio::test]
async fn output_and_end_while_nobody_was_there_are_kept() {
    let init = Init::hold(&[]).await;
    let session = init.open(line_run("echo one; sleep 0.3; echo two; exit 9")).await.unwrap();
    let id = session.id;
    let (mut reader, writer) = session.split();
    read_until(&mut reader, "one").await;
    drop((reader, writer));
    eventually("the program's end", async || {
        init.client().await.list().await.unwrap()[0].exit.is_some()
    })
    .await;
    let session = attach(&init, SessionRef::Id(id), Some(4)).await.unwrap();
    assert_eq!(session.offset, 4);
    let (reader, _writer) = session.split();
    let output = Output::of(reader).await;
    assert_eq!((output.text().as_str(), output.code()), ("two\n", 9));
}

#[tokio::test]
async fn a_terminal_without_client_keeps_the_last_quarter_mebibyte() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("read x; seq 1 200000; echo end; read y");
    run.tty = terminal();
    let session = init.open(run).await.unwrap();
    let id = session.id;
    let (reader, mut writer) = session.split();
    writer.stdin(b"\n").await.unwrap();
    drop((reader, writer));
    eventually("all output", async || {
        let session = attach(&init, SessionRef::Id(id), Some(u64::MAX)).await.unwrap();
        session.offset > 1_300_000
    })
    .await;
    sleep(Duration::from_millis(200)).await;
    let session = attach(&init, SessionRef::Id(id), None).await.unwrap();
    let (mut reader, _writer) = session.split();
    let text = read_until(&mut reader, "end").await;
    assert!((REPLAY_BYTES - 32 * 1024..REPLAY_BYTES + 64 * 1024).contains(&text.len()));
    assert!(text.contains("\r\n199999\r\n200000\r\nend"));
}

#[tokio::test]
async fn a_second_client_takes_over() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("echo here; read x; echo done");
    run.tty = terminal();
    let session = init.open(run).await.unwrap();
    let id = session.id;
    let (mut first, mut writer) = session.split();
    read_until(&mut first, "here").await;
    let (mut second, mut other) = attach(&init, SessionRef::Id(id), None).await.unwrap().split();
    read_until(&mut second, "here").await;
    assert!(matches!(first.next().await, Ok(None)));
    let _ = writer.stdin(b"lost").await; // may still be written, but into nothing
    other.stdin(b"x\n").await.unwrap();
    assert_eq!(Output::of(second).await.code(), 0);
}

#[tokio::test]
async fn nobody_comes_back_and_the_program_is_hung_up() {
    let init = Init::hold(&["--patience", "1"]).await;
    let session = init.open(line_run("echo up; exec sleep 1000.77")).await.unwrap();
    let (mut reader, writer) = session.split();
    assert!(matches!(reader.next().await, Ok(Some(Event::Stdout(_)))));
    drop((reader, writer));
    eventually("the sweep", async || init.client().await.list().await.unwrap().is_empty()).await;
    eventually("the program's end", async || {
        !init.line("pgrep -f 'sleep 1000[.]77'").await.exit.unwrap().is_success()
    })
    .await;
}
