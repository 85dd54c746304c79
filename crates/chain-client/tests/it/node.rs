//! A real node with the `dev` preset for the tests beside it: own folder, free port, ended with its
//! value.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use dbc_chain_client::{ChainClient, ChainConfig};
use tempfile::TempDir;

/// How long a node may take until it answers.
const START: Duration = Duration::from_secs(90);

pub struct Node {
    child: Child,
    folder: TempDir,
    spec: PathBuf,
    port: u16,
}

impl Node {
    /// Starts a node on a network of its own in which these machines count as verified.
    pub async fn start(verified: &[[u8; 32]]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dbc-chain-client-").tempdir()?;
        let spec = make_spec(folder.path(), verified)?;
        let port = free_port()?;
        let child = spawn(folder.path(), &spec, port)?;
        let mut node = Self { child, folder, spec, port };
        node.answers().await?;
        Ok(node)
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub async fn connect(&self) -> Result<ChainClient> {
        Ok(ChainClient::connect(ChainConfig::new(self.url())).await?)
    }

    /// Kills the node as a power cut would.
    pub fn kill(&mut self) {
        // It may be gone already; the wait tells.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again on its own database and port.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill();
        self.child = spawn(self.folder.path(), &self.spec, self.port)?;
        self.answers().await
    }

    /// Starts another network's node on the same port.
    pub async fn replace(mut self, verified: &[[u8; 32]]) -> Result<Self> {
        self.kill();
        let folder = tempfile::Builder::new().prefix("dbc-chain-client-").tempdir()?;
        let spec = make_spec(folder.path(), verified)?;
        let child = spawn(folder.path(), &spec, self.port)?;
        let mut node = Self { child, folder, spec, port: self.port };
        node.answers().await?;
        Ok(node)
    }

    async fn answers(&mut self) -> Result<()> {
        let began = std::time::Instant::now();
        while began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("the node ended at once ({status}):\n{log}");
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the node does not answer after {START:?}")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn make_spec(folder: &Path, verified: &[[u8; 32]]) -> Result<PathBuf> {
    let runtime = runtime()?;
    let patch = folder.join("patch.json");
    let keys: Vec<Vec<u8>> = verified.iter().map(|key| key.to_vec()).collect();
    fs::write(&patch, serde_json::json!({ "machines": { "verified": keys } }).to_string())?;
    let spec = folder.join("spec.json");
    let made = Command::new(dbc_testkit::program("dbc-node")?)
        .args(["chain-spec", "--preset", "dev", "--raw", "--runtime"])
        .arg(&runtime)
        .arg("--patch")
        .arg(&patch)
        .arg("--output")
        .arg(&spec)
        .output()?;
    ensure!(made.status.success(), "no chain spec: {}", String::from_utf8_lossy(&made.stderr));
    Ok(spec)
}

/// The runtime that `cargo xtask wasm` left in the target folder.
fn runtime() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).context("the test lies in no target folder")?;
    let runtime = target.join("dbc/runtime.wasm");
    ensure!(runtime.is_file(), "{} is not built; run `cargo xtask wasm` first", runtime.display());
    Ok(runtime)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn spawn(folder: &Path, spec: &Path, port: u16) -> Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    Command::new(dbc_testkit::program("dbc-node")?)
        .arg("--chain")
        .arg(spec)
        .arg("--base-path")
        .arg(folder.join("data"))
        .args(["--alice", "--force-authoring", "--no-telemetry", "--no-prometheus", "--no-mdns"])
        .args(["--listen-addr", "/ip4/127.0.0.1/tcp/0", "--rpc-port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("the node did not start")
}
