//! The duties of PID 1: entrypoint, signals, orphans. As an ordinary process and, with the rights for
//! it, as PID 1 of a namespace.

use std::{io::Read, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use tokio::time::sleep;

use crate::support::{Init, Output, eventually, line_run};

#[tokio::test]
async fn it_ends_as_its_entrypoint_ends() {
    for (line, expected) in [("sleep 0.2; exit 42", 42), ("sleep 0.2; kill -KILL $$", 137)] {
        let mut init = Init::start(&[], &[], &["--", "sh", "-c", line]).await;
        assert_eq!(init.ended().await, expected);
    }
}

#[test]
fn an_entrypoint_that_cannot_run_has_its_own_status() {
    let dir = tempfile::tempdir().unwrap();
    let status = |words: &[&str]| {
        let socket = dir.path().join("s");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dbc-init"));
        command.arg("--socket").arg(socket).args(words);
        command.stderr(std::process::Stdio::null()).status().unwrap().code().unwrap()
    };
    assert_eq!(status(&["--", "/no/such"]), 127);
    assert_eq!(status(&["--", "/etc/passwd"]), 126);
    assert_eq!(status(&["--user", "no-such-user", "--hold"]), 78);
    assert_eq!(status(&[]), 64);
    assert_eq!(status(&["--frobnicate"]), 64);
    assert_eq!(status(&["--workdir", "rel", "--hold"]), 64);
}

#[tokio::test]
async fn signals_reach_the_entrypoints_whole_group() {
    // The shell waits for a child in its group, so both must get the signal for it to end soon.
    let line =
        "trap 'echo bye; exit 7' TERM; trap 'echo usr' USR1; echo up; while :; do sleep 0.1; done";
    let mut init = Init::start(&[], &[], &["--", "sh", "-c", line]).await;
    let mut output = init.child.stdout.take().unwrap();
    let mut up = [0; 3];
    output.read_exact(&mut up).unwrap();
    let pid = Pid::from_raw(i32::try_from(init.pid()).unwrap());
    kill(pid, Signal::SIGUSR1).unwrap();
    sleep(Duration::from_millis(400)).await;
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(init.ended().await, 7);
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    assert!(text.contains("usr") && text.contains("bye"), "{text}");
}

#[tokio::test]
async fn holding_ends_with_a_signal() {
    let mut init = Init::hold(&[]).await;
    kill(Pid::from_raw(i32::try_from(init.pid()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(init.ended().await, 0);
}

fn zombies(parent: u32) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after.split_whitespace().collect();
        count +=
            usize::from(fields.len() > 1 && fields[0] == "Z" && fields[1] == parent.to_string());
    }
    count
}

#[tokio::test]
async fn orphans_are_reaped() {
    let init = Init::hold(&[]).await;
    let line = "for i in 1 2 3 4 5 6 7 8; do (sleep 0.2 &) ; done; exit 0";
    for _ in 0..4 {
        let mut run = line_run(line);
        run.cwd = Some("/".into());
        let (reader, _writer) = init.open(run).await.unwrap().split();
        assert_eq!(Output::of(reader).await.code(), 0);
    }
    sleep(Duration::from_millis(500)).await;
    eventually("the last zombie's end", async || zombies(init.pid()) == 0).await;
}

#[tokio::test]
async fn statuses_are_told_apart_while_orphans_end() {
    let init = Init::hold(&[]).await;
    let mut sessions = Vec::new();
    for code in 0..40 {
        let line = format!("(sleep 0.0{} &); sleep 0.0{}; exit {code}", code % 7, code % 5);
        sessions.push((code, init.open(line_run(&line)).await.unwrap()));
    }
    for (code, session) in sessions {
        assert_eq!(Output::of(session.split().0).await.code(), code);
    }
}

#[tokio::test]
async fn as_pid_1_of_a_namespace_it_does_the_same() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: a process namespace needs root");
        return;
    }
    let before = ["unshare", "-pf", "--mount-proc", "--kill-child"];
    let line = "trap 'exit 7' USR2; (setsid sleep 1000 &); while :; do sleep 0.1; done";
    let mut init = Init::start(&before, &[], &["--", "sh", "-c", line]).await;
    let output = init.line("cat /proc/1/comm; echo $PPID; (sleep 0.1 &); exit 4").await;
    assert_eq!((output.text().as_str(), output.code()), ("dbc-init\n1\n", 4));
    eventually("no zombies", async || {
        init.line("! grep -q '^State:.Z' /proc/[0-9]*/status").await.code() == 0
    })
    .await;
    // PID 1 gets no signal from within that it does not handle, and passes on those it does.
    let output = init.line("kill -KILL 1; kill -USR2 1; sleep 30").await;
    assert_ne!(output.exit, Some(dbc_init::Exit::Code(0)));
    assert_eq!(init.ended().await, 7);
}
