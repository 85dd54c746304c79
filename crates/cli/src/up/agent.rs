//! The agent of this machine: its settings, its keys, its process; and taking away what it made.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dbc_host::{
    Engine, NetworkId, cleanup,
    engine::settings::unregister,
    pool::{PoolConfig, PoolDisk},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::process::Command;

use super::{Component, answers, engine, process::Process, state::Network, until_well};
use crate::print::{Step, note};

/// The agent.
pub struct Agent;

/// Public halves of the machine's keys, as `dbc-agent key` prints them.
#[derive(Debug, Clone, Deserialize)]
pub struct Keys {
    /// The machine's name on the chain, hex.
    pub machine: String,
    /// The machine's name in the tunnel, hex.
    pub endpoint: String,
    /// The operator's ed25519 account, hex.
    pub operator: String,
    /// The machine key's signature for a provider who was named.
    pub proof: Option<String>,
}

/// The name of its process.
const NAME: &str = "agent";

/// Its process.
pub fn process(network: &Network) -> Process {
    Process::named(&network.dir, NAME)
}

#[async_trait]
impl Component for Agent {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn ensure(&self, network: &mut Network, step: &mut Step) -> Result<String> {
        let keys = keys(network).await?;
        network.machine = Some(keys.machine.clone());
        let config = write_config(network)?;
        let process = process(network);
        if network.light && process.pid().is_none() {
            step.say("making a light spec");
            write_light_spec(network).await?;
        }
        let arguments = ["run".into(), "--config".into(), config.display().to_string()];
        process.ensure(&network.program("dbc-agent"), &arguments)?;
        let port = network.metrics_port;
        until_well(&process, Duration::from_secs(90), || answers(port)).await?;
        Ok(format!("machine {}", keys.machine))
    }

    async fn health(&self, network: &Network) -> Result<String> {
        let process = process(network);
        let pid = process.pid().context("it does not run")?;
        anyhow::ensure!(!process.is_halted(), "process {pid} stands still; `dbc up` lets it go on");
        anyhow::ensure!(answers(network.metrics_port).await, "process {pid} does not answer");
        Ok(format!("process {pid}, metrics at http://127.0.0.1:{}/metrics", network.metrics_port))
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        process(network).stop().map(drop)
    }
}

/// Folder of the agent's state.
fn state_dir(network: &Network) -> PathBuf {
    network.dir.join("agent")
}

/// Where the light client of the agent begins.
fn light_spec(network: &Network) -> PathBuf {
    network.dir.join("light-spec.json")
}

/// Makes it anew, so that it is never old.
async fn write_light_spec(network: &Network) -> Result<()> {
    let url = network.chain_url();
    let spec: serde_json::Value = ask(network, &["light-spec", "--from", &url]).await?;
    let path = light_spec(network);
    std::fs::write(&path, serde_json::to_vec_pretty(&spec)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_config(network: &Network) -> Result<PathBuf> {
    let path = network.dir.join("agent.toml");
    let mut config = toml::toml! {
        [limits]
        settle_s = 600
    };
    let mut set = |section: &str, key: &str, value: toml::Value| {
        let table = config.entry(section).or_insert_with(|| toml::Table::new().into());
        if let Some(table) = table.as_table_mut() {
            table.insert(key.into(), value);
        }
    };
    set("chain", "url", network.chain_url().into());
    if network.light {
        set("chain", "light", light_spec(network).display().to_string().into());
    }
    if let Some(genesis) = &network.genesis {
        set("chain", "genesis", genesis.trim_start_matches("0x").into());
    }
    set("tunnel", "relays", vec![network.relay_url()].into());
    set("pool", "disk_gib", i64::from(network.pool_gib).into());
    set("engine", "runtime", network.runtime.clone().into());
    set("engine", "init", engine::static_program(network, "dbc-init").display().to_string().into());
    set("metrics", "bind", format!("127.0.0.1:{}", network.metrics_port).into());
    config.insert("state_dir".into(), state_dir(network).display().to_string().into());
    std::fs::write(&path, toml::to_string(&config)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The machine's keys, made at first use.
pub async fn keys(network: &Network) -> Result<Keys> {
    ask(network, &["key"]).await
}

/// Runs `dbc-agent` with these words and reads the JSON that it prints.
pub async fn ask<T: DeserializeOwned>(network: &Network, words: &[&str]) -> Result<T> {
    let config = write_config(network)?;
    let output = Command::new(network.program("dbc-agent"))
        .args(words)
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run dbc-agent")?;
    anyhow::ensure!(
        output.status.success(),
        "dbc-agent {} failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("dbc-agent {} printed no JSON that is understood", words.join(" "))
    })
}

/// Takes away what the agent made: containers and networks when the network stops, files, mounts and
/// the engine's runtime too when it is purged. Gives what was removed, by name.
pub async fn clear(network: &Network, purge: bool) -> Result<Vec<String>> {
    let daemon = Engine::find().await.ok();
    let mut names = Vec::new();
    if let Some(id) = network_id(network) {
        let pool = PoolConfig {
            mount: state_dir(network).join("pool"),
            disk: PoolDisk::File {
                path: state_dir(network).join("pool.img"),
                size_bytes: u64::from(network.pool_gib) << 30,
            },
            quotas: None,
        };
        let scope = cleanup::Scope {
            network: id,
            engine: daemon.clone(),
            pool: purge.then_some(pool),
            run_dir: purge.then(|| state_dir(network).join("run")),
            roots_dir: purge.then(|| state_dir(network).join("roots.d")),
        };
        let purged = cleanup::purge(&scope).await?;
        names.extend(purged.removed.iter().map(ToString::to_string));
        for (left, why) in &purged.failed {
            note(&format!("    {left} is still there: {why}"));
        }
        anyhow::ensure!(purged.failed.is_empty(), "not everything could be removed");
    }
    if let (true, Some(daemon)) = (purge, daemon) {
        let runtime = engine::runtime(network);
        let outcome = unregister(&daemon, &runtime).await?;
        if outcome.changed {
            names.push(format!("runtime `{}` in {}", runtime.name, outcome.file.display()));
        }
    }
    Ok(names)
}

fn network_id(network: &Network) -> Option<NetworkId> {
    let genesis = hex::decode(network.genesis.as_ref()?.trim_start_matches("0x")).ok()?;
    Some(NetworkId::of_genesis(&genesis.try_into().ok()?))
}
