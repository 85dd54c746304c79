//! The SSH side of an agent against a small SSH server in the same process: sessions, their ends, files
//! in and out, and what a hostile file server may try.

mod server;

use std::{fs, path::Path, sync::Arc};

use dbc_agent_api::control::LogStream;
use server::Fake;

use super::{
    ExitStatus, SessionEvent, SessionOptions, copy,
    session::{Connect, Pty, Session},
    sftp::Sftp,
    ssh::Ssh,
};
use crate::{MarketError, id::MachineId};

const MACHINE: MachineId = MachineId([1; 32]);

async fn connected(fake: Fake) -> Arc<Ssh> {
    let (stream, key) = fake.serve();
    Arc::new(Ssh::connect(stream, key, MACHINE).await.unwrap())
}

/// Connects to a new server each time, as to an agent that restarted.
fn connect() -> Connect {
    Box::new(|| Box::pin(async { Ok(connected(Fake::new(Path::new("/nowhere"))).await) }))
}

async fn run(argv: &[&str], pty: Option<Pty>) -> (String, String, ExitStatus) {
    let argv = argv.iter().map(ToString::to_string).collect();
    let options = SessionOptions { argv, pty, ..SessionOptions::default() };
    let mut session = Session::open(connect(), &options).await.unwrap();
    session.write(b"typed").await.unwrap();
    session.eof().await.unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    loop {
        match session.next().await.unwrap().expect("an exit comes last") {
            SessionEvent::Output(LogStream::Stdout, bytes) => {
                out.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            SessionEvent::Output(LogStream::Stderr, bytes) => {
                err.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            SessionEvent::Exit(status) => {
                assert_eq!(session.next().await.unwrap(), None);
                return (out, err, status);
            }
        }
    }
}

#[tokio::test]
async fn a_command_gets_its_input_and_its_outputs_and_code_come_back() {
    let (out, err, status) = run(&["echo", "it's"], None).await;
    assert_eq!(out, "exec echo 'it'\\''s'|pty no|typed");
    assert_eq!(err, "on stderr");
    assert_eq!(status, ExitStatus::Code(7));
}

#[tokio::test]
async fn a_shell_has_the_terminal_that_was_asked_for() {
    let pty = Pty { term: "xterm".into(), cols: 80, rows: 24 };
    let (out, _, _) = run(&[], Some(pty)).await;
    assert_eq!(out, "shell|pty xterm 80x24|typed");
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_success() {
    let (_, _, status) = run(&["vanish"], None).await;
    assert_eq!(status, ExitStatus::Unknown);
    let (_, _, status) = run(&["die"], None).await;
    assert_eq!(status, ExitStatus::Signal("KILL".into()));
}

#[tokio::test]
async fn a_refused_command_is_an_error() {
    let options = SessionOptions { argv: vec!["refuse".into()], ..SessionOptions::default() };
    let Err(error) = Session::open(connect(), &options).await else { panic!("opened") };
    assert!(error.to_string().contains("the grant does not allow `shell`"), "{error}");
}

#[tokio::test]
async fn a_session_whose_connection_broke_is_found_again_where_it_was() {
    let argv = vec!["break".to_owned()];
    let options = SessionOptions { argv, ..SessionOptions::default() };
    let mut session = Session::open(connect(), &options).await.unwrap();
    let mut out = String::new();
    loop {
        match session.next().await.unwrap().expect("an exit comes last") {
            SessionEvent::Output(_, bytes) => out.push_str(std::str::from_utf8(&bytes).unwrap()),
            SessionEvent::Exit(status) => {
                assert_eq!(status, ExitStatus::Code(7));
                break;
            }
        }
        if out.ends_with("again|") {
            session.write(b"typed").await.unwrap();
            session.eof().await.unwrap();
        }
    }
    // The server tells which session was asked for, and from which byte of output on.
    assert_eq!(out, "exec break|pty no|on stderrattached to a named one at 27|again|typed");

    let options = SessionOptions { reattach: std::time::Duration::ZERO, ..options };
    let mut session = Session::open(connect(), &options).await.unwrap();
    let mut last = None;
    while let Some(event) = session.next().await.unwrap() {
        last = Some(event);
    }
    assert_eq!(last, Some(SessionEvent::Exit(ExitStatus::Unknown)));
}

#[tokio::test]
async fn another_host_key_than_the_vouched_one_is_refused() {
    let (stream, _) = Fake::new(Path::new("/nowhere")).serve();
    let Err(error) = Ssh::connect(stream, server::key(99), MACHINE).await else {
        panic!("connected");
    };
    assert!(matches!(error, MarketError::HostKey { .. }), "{error}");
}

#[tokio::test]
async fn files_and_folders_come_back_as_they_went() {
    let dir = tempfile::tempdir().unwrap();
    let (remote, local, back) =
        (dir.path().join("remote"), dir.path().join("local"), dir.path().join("back"));
    for path in [&remote, &local.join("a/b"), &back] {
        fs::create_dir_all(path).unwrap();
    }
    let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    fs::write(local.join("a/large"), &large).unwrap();
    fs::write(local.join("a/b/empty"), "").unwrap();
    fs::write(local.join("script"), "#!/bin/sh").unwrap();
    let sftp = Sftp::open(connected(Fake::new(&remote)).await).await.unwrap();
    let mut calls = 0;
    let up = copy::upload(&sftp, &local, "/", &mut |_| calls += 1).await.unwrap();
    assert_eq!((up.files, up.files_total, up.bytes), (3, 3, 3_000_009));
    assert!(calls > 10);
    assert_eq!(fs::read(remote.join("local/a/large")).unwrap(), large);
    let down = copy::download(&sftp, "/local", &back, &mut |_| {}).await.unwrap();
    assert_eq!((down.files, down.bytes), (3, 3_000_009));
    assert_eq!(fs::read(back.join("local/a/large")).unwrap(), large);
    assert_eq!(fs::read(back.join("local/a/b/empty")).unwrap(), b"");
    let one = dir.path().join("one");
    copy::download(&sftp, "/local/script", &one, &mut |_| {}).await.unwrap();
    assert_eq!(fs::read(&one).unwrap(), b"#!/bin/sh");
}

#[tokio::test]
async fn a_download_writes_nothing_outside_of_its_target() {
    let dir = tempfile::tempdir().unwrap();
    let (remote, back) = (dir.path().join("remote"), dir.path().join("back"));
    fs::create_dir_all(&remote).unwrap();
    fs::create_dir_all(&back).unwrap();
    fs::write(remote.join("file"), "x").unwrap();
    let mut fake = Fake::new(&remote);
    fake.extra_name = Some("../evil".into());
    let sftp = Sftp::open(connected(fake).await).await.unwrap();
    let error = copy::download(&sftp, "/", &back.join("in"), &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("forbidden name"), "{error}");
    assert!(!dir.path().join("evil").exists() && !back.join("evil").exists());

    let mut fake = Fake::new(&remote);
    fake.link_name = Some("link".into());
    let sftp = Sftp::open(connected(fake).await).await.unwrap();
    let done = copy::download(&sftp, "/", &back.join("in"), &mut |_| {}).await.unwrap();
    assert_eq!((done.files, done.skipped), (1, 1));
    assert!(!back.join("in/link").exists());
}

#[tokio::test]
async fn a_missing_file_is_said_to_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let sftp = Sftp::open(connected(Fake::new(dir.path())).await).await.unwrap();
    let to = dir.path().join("x");
    let error = copy::download(&sftp, "/gone", &to, &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("no such file in the workload"), "{error}");
    let from = dir.path().join("gone");
    let error = copy::upload(&sftp, &from, "/x", &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
}
