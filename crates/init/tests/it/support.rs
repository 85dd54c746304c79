//! Starts `dbc-init` on a socket of its own and ends it with the test.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use dbc_init::{
    ClientError, Event, Exit, InitClient, Open, Run, Session, SessionReader,
    protocol::{Program, Pty},
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// No test waits longer for one thing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running `dbc-init`.
pub struct Init {
    pub dir: TempDir,
    pub child: Child,
}

impl Init {
    /// One that holds, with further options.
    pub async fn hold(options: &[&str]) -> Self {
        Self::start(&[], options, &["--hold"]).await
    }

    /// `before… dbc-init --socket … options… after…`.
    pub async fn start(before: &[&str], options: &[&str], after: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("init.sock");
        let binary = env!("CARGO_BIN_EXE_dbc-init");
        let mut words: Vec<&str> = before.to_vec();
        words.extend([binary, "--socket", socket.to_str().unwrap()]);
        words.extend(options);
        words.extend(after);
        let child = Command::new(words[0])
            .args(&words[1..])
            .env("HOME", "/root") // as engines do
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let init = Self { dir, child };
        let started = Instant::now();
        while InitClient::connect(&init.socket()).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "init does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        init
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("init.sock")
    }

    pub async fn client(&self) -> InitClient {
        InitClient::connect(&self.socket()).await.unwrap()
    }

    pub async fn open(&self, run: Run) -> Result<Session, ClientError> {
        self.client().await.open(&Open::Run(Box::new(run))).await
    }

    /// Runs a line to its end.
    pub async fn line(&self, line: &str) -> Output {
        let (reader, writer) = self.open(line_run(line)).await.unwrap().split();
        let output = Output::of(reader).await;
        let _ = writer.close().await; // init may have ended
        output
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of init itself.
    pub async fn ended(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
            }
            assert!(started.elapsed() < PATIENCE, "init does not end");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn line_run(line: &str) -> Run {
    Run::new(Program::Line(line.into()))
}

pub fn terminal() -> Option<Pty> {
    Some(Pty { term: "xterm".into(), cols: 80, rows: 24 })
}

/// All that a program said.
#[derive(Debug, Default)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Option<Exit>,
}

impl Output {
    pub async fn of(mut reader: SessionReader) -> Self {
        let mut output = Self::default();
        loop {
            match timeout(PATIENCE, reader.next()).await.expect("no more output").unwrap() {
                Some(Event::Stdout(data)) => output.stdout.extend(data),
                Some(Event::Stderr(data)) => output.stderr.extend(data),
                Some(Event::Exit(exit)) => output.exit = Some(exit),
                None => return output,
            }
            if output.exit.is_some() {
                return output;
            }
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn code(&self) -> i32 {
        match self.exit {
            Some(Exit::Code(code)) => code,
            ref other => panic!("ended by {other:?}"),
        }
    }
}

/// Reads output until it contains `wanted`; returns all of it.
pub async fn read_until(reader: &mut SessionReader, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        match timeout(PATIENCE, reader.next()).await {
            Ok(Ok(Some(Event::Stdout(data)))) => text += &String::from_utf8_lossy(&data),
            other => panic!("{other:?} instead of {wanted:?} after {text:?}"),
        }
    }
    text
}

/// Waits until `check` is true.
pub async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !check().await {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        sleep(Duration::from_millis(20)).await;
    }
}
