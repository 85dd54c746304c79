//! The program itself: its exit status, and that it says everything in lines.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

fn prove(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbc-prove"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_root_comes_before_the_places_are_asked_for() {
    let mut child = prove(&["-", "16", "4", "0"]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "{}", "ab".repeat(32)).unwrap();
    let mut root = String::new();
    output.read_line(&mut root).unwrap();
    assert_eq!(root.trim().len(), 64, "{root}");
    writeln!(input, "0:0 3:15").unwrap();
    let mut openings = String::new();
    output.read_line(&mut openings).unwrap();
    assert!(openings.len() > 100, "{openings}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_error_is_one_line_and_an_exit_status() {
    let failed = prove(&["no\nseed", "16", "4", "0"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stdout.is_empty());
    let said = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    let version = prove(&["--version"]).output().unwrap();
    assert!(version.status.success() && version.stdout.starts_with(b"dbc-prove "));
}
