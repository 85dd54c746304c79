//! A lease without container or tunnel: `dbc-init` in a folder of its own, the server on a port of
//! loopback, OpenSSH's clients set up to know its key and nothing else.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command as Program, Output, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use dbc_agent_api::{Verb, Verbs};
use dbc_init::{ClientError, InitClient};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::AbortHandle, time::sleep};

use crate::ssh::{HostKey, SessionTarget, SshError, serve};

/// No test waits longer for one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

struct Target(PathBuf);

#[async_trait]
impl SessionTarget for Target {
    async fn connect(&self) -> Result<InitClient, ClientError> {
        InitClient::connect(&self.0).await
    }
}

/// A lease with a running workload.
pub struct Lease {
    pub dir: TempDir,
    pub address: SocketAddr,
    init: Child,
    /// Connections that are being served.
    pub serving: Arc<Mutex<Vec<AbortHandle>>>,
    /// How connections ended.
    pub endings: Arc<Mutex<Vec<Result<(), SshError>>>>,
}

impl Lease {
    /// With all verbs.
    pub async fn start() -> Self {
        Self::with(Verbs::owner()).await
    }

    /// With these verbs.
    pub async fn with(allowed: Verbs) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("init.sock");
        let init = Program::new(init_binary())
            .args(["--hold", "--socket"])
            .arg(&socket)
            .env("HOME", dir.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = HostKey::from_seed(&[7; 32]);
        let known = format!("[127.0.0.1]:{} {}\n", address.port(), key.openssh());
        std::fs::write(dir.path().join("known_hosts"), known).unwrap();
        let (serving, endings) =
            (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let target: Arc<dyn SessionTarget> = Arc::new(Target(socket.clone()));
        let (tasks, ended) = (serving.clone(), endings.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (key, target, allowed) = (key.clone(), target.clone(), allowed.clone());
                let ended = ended.clone();
                let task = tokio::spawn(async move {
                    let ending = serve(stream, key, target, allowed).await;
                    ended.lock().unwrap().push(ending);
                });
                tasks.lock().unwrap().push(task.abort_handle());
            }
        });
        let started = Instant::now();
        while InitClient::connect(&socket).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "init does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        Self { dir, address, init, serving, endings }
    }

    pub async fn init(&self) -> InitClient {
        InitClient::connect(&self.dir.path().join("init.sock")).await.unwrap()
    }

    /// `ssh`, `sftp` or `scp` with its options; destination and the rest are the caller's.
    pub fn client(&self, name: &str) -> Program {
        let mut program = Program::new(name);
        let port = self.address.port();
        let known = self.dir.path().join("known_hosts");
        program.args(["-F", "none", "-o", &format!("Port={port}"), "-o"]);
        program.arg(format!("UserKnownHostsFile={}", known.display()));
        program.args(["-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"]);
        program.args(["-o", "PreferredAuthentications=none", "-o", "BatchMode=yes"]);
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        program
    }

    /// `ssh options… host line` to its end.
    pub async fn ssh(&self, options: &[&str], line: &str) -> Output {
        let mut program = self.client("ssh");
        program.args(options).args(["any@127.0.0.1", "--", line]);
        finish(program).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

/// Runs a client without blocking the server, which is in the same process.
pub async fn finish(mut program: Program) -> Output {
    let child = program.spawn().expect("OpenSSH's client is installed");
    let pid = child.id();
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    match tokio::time::timeout(2 * PATIENCE, waiting).await {
        Ok(output) => output.unwrap(),
        Err(_) => {
            kill(pid);
            panic!("the client does not end");
        }
    }
}

/// Ends a client at once and without a goodbye.
pub fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn verbs(verbs: &[Verb]) -> Verbs {
    verbs.iter().copied().collect()
}

/// Builds `dbc-init`, once, into the folder that this test was built into.
fn init_binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let target = own.ancestors().nth(3).unwrap(); // target/debug/deps/test
        let built = Program::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--package", "dbc-init", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        target.join("debug/dbc-init")
    })
}
