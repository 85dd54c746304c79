//! The `dbc-relay` program.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::{LONG, LOOPBACK};

fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbc-relay"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_says_its_url_and_ends_when_told() {
    let mut child = relay().args(["--bind", &LOOPBACK.to_string()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = timeout(LONG, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let pid = child.id().unwrap().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
    let status = timeout(LONG, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_wrong_configuration_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "bind = \"127.0.0.1:0\"\nport = 1\n").unwrap();
    let output = relay().arg("--config").arg(file.path()).output();
    let output = timeout(LONG, output).await.unwrap().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("port") && text.contains(file.path().to_str().unwrap()), "{text}");
}
