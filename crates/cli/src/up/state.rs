//! What is remembered of the network on this machine: its ports, keys' public halves, what was
//! started by us. One JSON file, replaced whole.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The network on this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Folder of everything.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Folder of the programs.
    pub bin_dir: PathBuf,
    /// Number of validators.
    pub validators: u8,
    /// Size of the data pool.
    pub pool_gib: u32,
    /// Port of the first validator's RPC; the others follow.
    pub rpc_port: u16,
    /// Port of the first validator's peers; the others follow.
    pub p2p_port: u16,
    /// Port of the first validator's peers that are light clients; the others follow. 0 for any.
    #[serde(default)]
    pub light_port: u16,
    /// Whether the agent has a light client.
    #[serde(default)]
    pub light: bool,
    /// Port of the registry.
    pub registry_port: u16,
    /// Port of the relay.
    pub relay_port: u16,
    /// Port of the agent's metrics.
    pub metrics_port: u16,
    /// Key of this machine, once its agent has one.
    pub machine: Option<String>,
    /// Genesis hash, once the chain answered.
    pub genesis: Option<String>,
    /// Whether the engine's daemon was started by us.
    pub engine_is_ours: bool,
    /// Name of its runtime in the engine's settings: every network on this machine has its own.
    #[serde(default = "first_runtime")]
    pub runtime: String,
    /// Whether the demonstration job ran to its end.
    pub demo_done: bool,
}

/// What the runtime was called when a machine had one network at most.
fn first_runtime() -> String {
    "dbc".into()
}

impl Network {
    /// The network in this folder, if there is one.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn load(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("network.json");
        let Some(text) = crate::context::read_small(&path)? else { return Ok(None) };
        let network: Self = serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged; `dbc down --purge` clears it away", path.display())
        })?;
        Ok(Some(Self { dir: dir.to_path_buf(), ..network }))
    }

    /// A new network with free ports.
    ///
    /// # Errors
    /// When no port is free.
    pub fn new(dir: &Path, bin_dir: PathBuf, validators: u8, pool_gib: u32) -> Result<Self> {
        let mut taken = Vec::new();
        let mut pick = |wanted: u16, count: u16| -> Result<u16> {
            let free = |port: &u16| {
                (*port..*port + count).all(|port| {
                    !taken.contains(&port)
                        && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
                })
            };
            let port = (wanted..wanted + 1_000).step_by(usize::from(count)).find(free);
            let port = port.with_context(|| format!("no free port from {wanted} on"))?;
            taken.extend(port..port + count);
            Ok(port)
        };
        let count = u16::from(validators);
        let place = std::path::absolute(dir).context("the network's folder")?;
        let place = hex::encode(Sha256::digest(place.as_os_str().as_bytes()));
        Ok(Self {
            dir: dir.to_path_buf(),
            bin_dir,
            validators,
            pool_gib,
            rpc_port: pick(9944, count)?,
            p2p_port: pick(30333, count)?,
            light_port: pick(30433, count)?,
            light: false,
            registry_port: pick(5000, 1)?,
            relay_port: pick(3340, 1)?,
            metrics_port: pick(9615, 1)?,
            machine: None,
            genesis: None,
            engine_is_ours: false,
            runtime: format!("dbc-{}", &place[..8]),
            demo_done: false,
        })
    }

    /// Writes it down, whole or not at all.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self) -> Result<()> {
        let path = self.dir.join("network.json");
        let part = self.dir.join("network.json.part");
        std::fs::write(&part, serde_json::to_vec_pretty(self)?)
            .and_then(|()| std::fs::rename(&part, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// A program of ours.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }

    /// Folder of logs.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// Where the first node answers.
    pub fn chain_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.rpc_port)
    }

    /// The registry, as image references name it.
    pub fn registry(&self) -> String {
        format!("127.0.0.1:{}", self.registry_port)
    }

    /// The relay.
    pub fn relay_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.relay_port)
    }
}
