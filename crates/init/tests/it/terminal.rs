//! Programs on a terminal.

use dbc_init::{Exit, Run, protocol::Program};

use crate::support::{Init, Output, line_run, read_until, terminal};

#[tokio::test]
async fn size_and_type_are_those_of_the_client() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("stty size; echo $TERM; tty");
    run.tty = terminal();
    let (reader, _writer) = init.open(run).await.unwrap().split();
    let text = Output::of(reader).await.text();
    assert!(text.starts_with("24 80\r\nxterm\r\n/dev/pts/"), "{text}");
}

#[tokio::test]
async fn a_resize_reaches_the_program() {
    let init = Init::hold(&[]).await;
    let mut run =
        line_run("trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.05; done");
    run.tty = terminal();
    let (mut reader, mut writer) = init.open(run).await.unwrap().split();
    read_until(&mut reader, "ready").await;
    writer.resize(132, 43).await.unwrap();
    let output = Output::of(reader).await;
    assert!(output.text().contains("43 132"), "{output:?}");
    assert_eq!(output.code(), 5);
}

#[tokio::test]
async fn keys_reach_what_is_in_the_foreground() {
    let init = Init::hold(&[]).await;
    let mut run = Run::new(Program::Argv(vec!["bash".into(), "--norc".into(), "-i".into()]));
    run.tty = terminal();
    let (mut reader, mut writer) = init.open(run).await.unwrap().split();
    writer.stdin(b"sleep 60; echo went $((40+2))\n").await.unwrap();
    read_until(&mut reader, "sleep 60").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    writer.stdin(b"\x03").await.unwrap();
    writer.stdin(b"echo after $((1+1))\n").await.unwrap();
    let text = read_until(&mut reader, "after 2").await;
    assert!(!text.contains("went 42"), "{text}");
    writer.eof().await.unwrap(); // a terminal's end of input is ^D
    assert_eq!(Output::of(reader).await.code(), 0);
}

#[tokio::test]
async fn closing_hangs_up() {
    let init = Init::hold(&[]).await;
    let mark = init.dir.path().join("hung-up");
    let mut run = line_run(&format!(
        "trap 'touch {}; exit' HUP; echo ready; while :; do sleep 0.05; done",
        mark.display()
    ));
    run.tty = terminal();
    let (mut reader, writer) = init.open(run).await.unwrap().split();
    read_until(&mut reader, "ready").await;
    writer.close().await.unwrap();
    crate::support::eventually("the hang-up", async || mark.exists()).await;
    assert!(init.client().await.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_background_program_does_not_keep_the_session() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("trap '' HUP; sleep 3 & echo done");
    run.tty = terminal();
    let (reader, _writer) = init.open(run).await.unwrap().split();
    let output = Output::of(reader).await;
    assert_eq!((output.text().as_str(), output.exit), ("done\r\n", Some(Exit::Code(0))));
}
