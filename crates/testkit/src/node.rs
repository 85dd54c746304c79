//! One real node with the `dev` preset: own folder, free port, killed with its value. For tests of what
//! talks to the chain and to nothing else.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{net::TcpStream, sync::OnceCell, time::sleep};

use crate::programs::{made, program, wasm_cache};

/// How long a node may take until it answers, on a machine that is busy building.
const START: Duration = Duration::from_secs(120);

/// Seed of the ed25519 key of the one machine that counts as verified on these networks.
pub const MACHINE_SEED: [u8; 32] = [42; 32];
/// Its public key, which is the machine's id.
pub const MACHINE: [u8; 32] = [
    25, 127, 107, 35, 225, 108, 133, 50, 198, 171, 200, 56, 250, 205, 94, 167, 137, 190, 12, 118,
    178, 146, 3, 52, 3, 155, 250, 139, 61, 54, 141, 97,
];

/// A running node, Alice's, with 3 s slots.
#[derive(Debug)]
pub struct DevNode {
    child: Child,
    folder: TempDir,
    spec: PathBuf,
    port: u16,
    p2p: u16,
}

impl DevNode {
    /// Starts a node on a network of its own.
    ///
    /// # Errors
    /// When node or runtime are not built (the message names the command), or it does not answer.
    pub async fn start() -> Result<Self> {
        Self::start_at(free_port()?, 1).await
    }

    /// Starts a node whose genesis is the `dev` preset with this over it.
    ///
    /// # Errors
    /// As [`DevNode::start`], and when the preset has no such fields.
    pub async fn start_with(genesis: serde_json::Value) -> Result<Self> {
        let port = free_port()?;
        let folder = tempfile::Builder::new().prefix("dbc-node-").tempdir()?;
        let spec = folder.path().join("spec.json");
        fs::write(&spec, raw_spec(folder.path(), &genesis)?)?;
        Self::run(folder, spec, port).await
    }

    /// Starts a node whose genesis is the `dev` preset with this over it, and with these entries in its state:
    /// keys and values in hexadecimal, as a raw chain spec has them.
    ///
    /// # Errors
    /// As [`DevNode::start_with`].
    pub async fn start_with_state(
        genesis: serde_json::Value,
        entries: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self> {
        let port = free_port()?;
        let folder = tempfile::Builder::new().prefix("dbc-node-").tempdir()?;
        let mut raw: serde_json::Value = serde_json::from_str(&raw_spec(folder.path(), &genesis)?)?;
        let top = raw["genesis"]["raw"]["top"].as_object_mut().context("a raw spec has a state")?;
        top.extend(entries);
        let spec = folder.path().join("spec.json");
        fs::write(&spec, raw.to_string())?;
        Self::run(folder, spec, port).await
    }

    /// Number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder: `log`, `spec.json`, and `data` with its database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Address of its RPC.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Starts it again with its RPC at another port: who knows the old one finds it closed.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn move_rpc(&mut self) -> Result<()> {
        self.kill();
        self.port = free_port()?;
        self.restart().await
    }

    /// Kills the node as a power cut would.
    pub fn kill(&mut self) {
        // It may be gone already; either way it is not there afterwards.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again on its own database and port.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill();
        self.child = spawn(self.folder.path(), &self.spec, self.port, self.p2p)?;
        self.answers().await
    }

    /// Kills it and starts another network's node on the same port.
    ///
    /// # Errors
    /// When that does not answer.
    pub async fn replace(mut self) -> Result<Self> {
        self.kill();
        Self::start_at(self.port, 2).await
    }

    async fn start_at(port: u16, mark: u8) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dbc-node-").tempdir()?;
        let spec = make_spec(folder.path(), mark).await?;
        Self::run(folder, spec, port).await
    }

    async fn run(folder: TempDir, spec: PathBuf, port: u16) -> Result<Self> {
        let p2p = free_port()?;
        let child = spawn(folder.path(), &spec, port, p2p)?;
        let mut node = Self { child, folder, spec, port, p2p };
        node.answers().await?;
        Ok(node)
    }

    async fn answers(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("the node ended at once ({status}):\n{log}");
            }
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(200)).await;
        }
        bail!("the node does not answer after {START:?}")
    }
}

impl Drop for DevNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The chain spec of all tests of a process, made once. `mark` goes into the genesis, so that two marks are two networks.
async fn make_spec(folder: &Path, mark: u8) -> Result<PathBuf> {
    static SPEC: OnceCell<String> = OnceCell::const_new();
    let genesis = serde_json::json!({ "machines": { "verified": [MACHINE] } });
    let spec = SPEC.get_or_try_init(|| async { raw_spec(folder, &genesis) }).await?;
    let mut spec: serde_json::Value = serde_json::from_str(spec)?;
    spec["genesis"]["raw"]["top"]["0xffff"] = format!("0x{mark:02x}").into();
    let path = folder.join("spec.json");
    fs::write(&path, spec.to_string())?;
    Ok(path)
}

fn raw_spec(folder: &Path, genesis: &serde_json::Value) -> Result<String> {
    let patch = folder.join("patch.json");
    fs::write(&patch, genesis.to_string())?;
    let made = Command::new(program("dbc-node")?)
        .args(["chain-spec", "--preset", "dev", "--raw", "--runtime"])
        .arg(made("runtime.wasm", "cargo xtask wasm")?)
        .arg("--wasm-cache")
        .arg(wasm_cache()?)
        .arg("--patch")
        .arg(&patch)
        .output()?;
    ensure!(made.status.success(), "no chain spec: {}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn spawn(folder: &Path, spec: &Path, port: u16, p2p: u16) -> Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    Command::new(program("dbc-node")?)
        .arg("--chain")
        .arg(spec)
        .arg("--base-path")
        .arg(folder.join("data"))
        .arg("--wasm-cache")
        .arg(wasm_cache()?)
        .args(["--alice", "--force-authoring", "--no-telemetry", "--no-prometheus", "--no-mdns"])
        .args(["--unsafe-force-node-key-generation", "--listen-addr", "/ip4/127.0.0.1/tcp/0"])
        // For light clients, at a place that a restart keeps.
        .args(["--listen-addr", &format!("/ip4/127.0.0.1/tcp/{p2p}/ws")])
        .args(["--rpc-port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("the node did not start")
}
