//! Programs on pipes: output, status, input, users, and the shell for images without one.

use std::{collections::BTreeMap, process::Command, time::Duration};

use dbc_init::{
    ClientError, Event, Exit, Refusal, Run,
    protocol::{Check, Program},
};
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::support::{Init, Output, line_run, terminal};

#[tokio::test]
async fn a_fast_command_loses_neither_output_nor_status() {
    let init = Init::hold(&[]).await;
    for round in 0..50 {
        let output =
            init.line(&format!("echo out {round}; echo err {round} >&2; exit {round}")).await;
        assert_eq!(output.stdout, format!("out {round}\n").as_bytes());
        assert_eq!(output.stderr, format!("err {round}\n").as_bytes());
        assert_eq!(output.code(), round);
    }
    assert!(init.client().await.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn much_output_arrives_whole() {
    let init = Init::hold(&[]).await;
    let output = init.line("head -c 20000000 /dev/zero | tr '\\0' 'x'").await;
    assert_eq!(output.stdout.len(), 20_000_000);
    assert_eq!(Sha256::digest(&output.stdout), Sha256::digest(vec![b'x'; 20_000_000]));
}

#[tokio::test]
async fn input_and_output_flow_at_once() {
    let init = Init::hold(&[]).await;
    let run = Run::new(Program::Argv(vec!["cat".into()]));
    let (reader, mut writer) = init.open(run).await.unwrap().split();
    let sent: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        writer.stdin(&sent).await.unwrap();
        writer.eof().await.unwrap();
        writer
    });
    let output = Output::of(reader).await;
    assert!(output.stdout == expected);
    assert_eq!(output.code(), 0);
    writing.await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_program_that_takes_no_input_blocks_nobody() {
    let init = Init::hold(&[]).await;
    let (reader, mut writer) =
        init.open(line_run("exec <&-; sleep 0.3; echo ok")).await.unwrap().split();
    let writing = tokio::spawn(async move {
        let _ = writer.stdin(&vec![0; 3_000_000]).await;
        writer
    });
    assert_eq!(Output::of(reader).await.text(), "ok\n");
    timeout(Duration::from_secs(10), writing).await.expect("the writer waits for ever").unwrap();
}

#[tokio::test]
async fn a_signal_ends_a_program_and_is_reported() {
    let init = Init::hold(&[]).await;
    for (name, by) in [("TERM", "TERM"), ("SIGKILL", "KILL")] {
        let (mut reader, mut writer) =
            init.open(line_run("echo ready; sleep 60")).await.unwrap().split();
        assert!(matches!(reader.next().await.unwrap(), Some(Event::Stdout(_))));
        writer.signal("NOSUCH").await.unwrap();
        writer.signal(name).await.unwrap();
        let exit = Output::of(reader).await.exit.unwrap();
        assert_eq!(exit, Exit::Signal { name: by.into(), core: false });
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_by_kind() {
    let init = Init::hold(&[]).await;
    for (program, expected) in [
        ("/no/such", Refusal::NotFound),
        ("no-such", Refusal::NotFound),
        ("/etc/passwd", Refusal::NotPermitted),
    ] {
        let run = Run::new(Program::Argv(vec![program.into()]));
        match init.open(run).await {
            Err(ClientError::Refused { code, message }) => {
                assert_eq!(code, expected, "{message}");
                assert!(message.contains(program), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    let mut run = line_run("true");
    run.cwd = Some("/no/such/dir".into());
    assert!(matches!(init.open(run).await, Err(ClientError::Refused { .. })));
}

#[tokio::test]
async fn environment_and_folder_are_as_asked() {
    let init = Init::hold(&[]).await;
    let mut run = line_run("echo $LANG; pwd; echo $USER; echo $TERM");
    run.env = BTreeMap::from([("LANG".into(), "de_DE.UTF-8".into())]);
    run.cwd = Some("/usr".into());
    let (reader, _writer) = init.open(run).await.unwrap().split();
    let text = Output::of(reader).await.text();
    assert!(text.starts_with("de_DE.UTF-8\n/usr\n"), "{text}");
}

#[tokio::test]
async fn rule_18_sessions_have_the_workloads_rights_and_no_more() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: another user needs root");
        return;
    }
    let init = Init::hold(&["--user", "nobody"]).await;
    let output = init.line("id -un; id -G; echo $HOME $USER; cat /etc/shadow").await;
    let text = output.text();
    assert!(text.starts_with("nobody\n65534\n/nonexistent nobody\n"), "{text}");
    assert_ne!(output.code(), 0);
    let mut run = line_run("tty >/dev/null && : </dev/tty && echo mine");
    run.tty = terminal();
    let (reader, _writer) = init.open(run).await.unwrap().split();
    assert_eq!(Output::of(reader).await.text(), "mine\r\n");
    let mut init = Init::start(
        &[],
        &["--user", "12345:777"],
        &["--", "sh", "-c", "exit $(id -u | cut -c5)$(id -g | cut -c3)"],
    )
    .await;
    assert_eq!(init.ended().await, 57);
}

#[tokio::test]
async fn probes_say_whether_and_why() {
    let init = Init::hold(&[]).await;
    let exec = |line: &str| Check::Exec { argv: vec!["sh".into(), "-c".into(), line.into()] };
    let probed = init.client().await.probe(exec("echo fine"), 5).await.unwrap();
    assert!(probed.healthy && probed.output == "fine\n", "{probed:?}");
    let probed = init.client().await.probe(exec("seq 1 5000; exit 3"), 5).await.unwrap();
    assert!(!probed.healthy && probed.detail.contains('3'), "{probed:?}");
    assert!(probed.output.len() <= 4096 && probed.output.ends_with("5000\n"));
    let probed = init.client().await.probe(exec("sleep 60 & sleep 60"), 1).await.unwrap();
    assert!(!probed.healthy && probed.detail.contains("within"), "{probed:?}");
    let missing = Check::Exec { argv: vec!["/no/such".into()] };
    assert!(!init.client().await.probe(missing, 1).await.unwrap().healthy);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(init.client().await.probe(Check::Tcp { port }, 1).await.unwrap().healthy);
    drop(listener);
    assert!(!init.client().await.probe(Check::Tcp { port }, 1).await.unwrap().healthy);
}

#[test]
fn the_small_shell_runs_programs_and_its_own_commands() {
    let shell = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbc-init"));
        let output = command.args(["shell", "-c", line]).env("X", "a b").output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
    };
    assert_eq!(shell("cd / && pwd && echo \"$X\" '$X'"), ("/\na b $X\n".into(), 0));
    assert_eq!(shell("false || /bin/echo program; exit 4"), ("program\n".into(), 4));
    assert_eq!(shell("no-such-program"), (String::new(), 127));
    assert_eq!(shell("sh -c 'exit 9'; echo $?"), ("9\n".into(), 0));
    assert!(shell("ls /").0.contains("etc/\n"));
    assert!(shell("cat /etc/passwd").0.contains("root"));
    assert_eq!(shell("a | b").1, 2);
    assert_eq!(shell("export A=1; echo $A"), ("1\n".into(), 0));
}

#[tokio::test]
async fn rule_27_an_image_without_a_shell_gets_the_small_one() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: hiding /bin/sh needs root");
        return;
    }
    // In a mount namespace of its own, so that nobody else misses the shell.
    let hide =
        ["unshare", "-m", "bash", "-c", "mount --bind /dev/null /bin/sh && exec \"$@\"", "-"];
    let init = Init::start(&hide, &["--user", "nobody"], &["--hold"]).await;
    let output = init.line("echo one && cd /usr && pwd").await;
    assert_eq!((output.text().as_str(), output.code()), ("one\n/usr\n", 0));
    let mut run = Run::new(Program::Shell);
    run.tty = terminal();
    let (reader, mut writer) = init.open(run).await.unwrap().split();
    writer.stdin(b"echo typed\nexit 6\n").await.unwrap();
    let output = Output::of(reader).await;
    assert!(
        output.text().contains("no shell") && output.text().contains("typed\r\n/$ "),
        "{output:?}"
    );
    assert_eq!(output.code(), 6);
}
