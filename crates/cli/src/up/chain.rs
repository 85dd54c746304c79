//! The chain: its genesis, and one or four validators with well-known development keys. The machine is
//! audited like any other; only one with cards counts as verified from the start, as not every card can be challenged.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dbc_sdk::{Market, MarketConfig};
use tokio::process::Command;

use super::{Component, agent, process::Process, state::Network};
use crate::print::Step;

const VALIDATORS: [&str; 4] = ["alice", "bob", "charlie", "dave"];
/// Compiling the runtime in a debug build of the node takes a while at the first start.
const START_MAX: Duration = Duration::from_secs(180);

/// The chain.
pub struct Chain;

#[async_trait]
impl Component for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    async fn ensure(&self, network: &mut Network, step: &mut Step) -> Result<String> {
        let spec = network.dir.join("chain.json");
        if !spec.is_file() {
            step.say("making the genesis");
            make_spec(network, &spec).await?;
        }
        let boot = boot_address(network).await?;
        for (number, name) in VALIDATORS.iter().enumerate().take(usize::from(network.validators)) {
            let arguments = arguments(network, &spec, number, name, boot.as_ref());
            Process::named(&network.dir, &node(number))
                .ensure(&network.program("dbc-node"), &arguments)?;
        }
        step.say("waiting for a final block");
        let first = Process::named(&network.dir, &node(0));
        let until = tokio::time::Instant::now() + START_MAX;
        loop {
            match finalized(network).await {
                Ok((genesis, number)) if number > 0 => {
                    if let Some(known) = &network.genesis {
                        anyhow::ensure!(
                            *known == genesis,
                            "the node serves another network than before"
                        );
                    }
                    network.genesis = Some(genesis);
                    return Ok(format!(
                        "{} validators, block {number} is final",
                        network.validators
                    ));
                }
                Ok(_) | Err(_) if first.pid().is_none() => {
                    anyhow::bail!(
                        "the node ended; the last lines of {}:\n{}",
                        first.log().display(),
                        first.tail(8)
                    );
                }
                Err(error) if tokio::time::Instant::now() >= until => {
                    return Err(error).with_context(|| format!("see {}", first.log().display()));
                }
                Ok(_) if tokio::time::Instant::now() >= until => {
                    anyhow::bail!("no block became final; see {}", first.log().display());
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    async fn health(&self, network: &Network) -> Result<String> {
        let (_, number) = finalized(network).await?;
        Ok(format!("{}, block {number} is final", network.chain_url()))
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        for number in (0..usize::from(network.validators)).rev() {
            Process::named(&network.dir, &node(number)).stop()?;
        }
        Ok(())
    }
}

/// Name of a node's process and log.
fn node(number: usize) -> String {
    format!("chain-{number}")
}

async fn finalized(network: &Network) -> Result<(String, u64)> {
    let mut config = MarketConfig::new(network.chain_url(), network.dir.join("probe"));
    config.chain_timeout = Duration::from_secs(3);
    let view = Market::connect(config).await?.network().await?;
    Ok((view.genesis.to_string(), view.finalized.number))
}

async fn make_spec(network: &mut Network, spec: &PathBuf) -> Result<()> {
    let keys = agent::keys(network).await?;
    let machine: [u8; 32] = hex::decode(&keys.machine)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .context("the agent's machine key is no 32 bytes")?;
    network.machine = Some(keys.machine);
    let facts: dbc_primitives::HardwareFacts = agent::ask(network, &["facts"]).await?;
    let verified = if facts.gpus.is_empty() { vec![] } else { vec![machine.to_vec()] };
    let patch = serde_json::json!({
        "machines": {"verified": verified, "relays": [network.relay_url()]},
    });
    let patch_file = network.dir.join("genesis-patch.json");
    std::fs::write(&patch_file, serde_json::to_vec_pretty(&patch)?)?;
    let preset = if network.validators == 1 { "dev" } else { "local" };
    let part = spec.with_extension("part");
    let output = Command::new(network.program("dbc-node"))
        .args(["chain-spec", "--preset", preset, "--name", "DBC Local", "--id", "dbc-local"])
        // The full storage: nodes start without running the runtime's genesis builder again.
        .arg("--raw")
        .arg("--wasm-cache")
        .arg(network.dir.join("wasm-cache"))
        .arg("--runtime")
        .arg(runtime(network)?)
        .arg("--patch")
        .arg(&patch_file)
        .arg("--output")
        .arg(&part)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run dbc-node")?;
    anyhow::ensure!(
        output.status.success(),
        "dbc-node chain-spec failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::rename(&part, spec)?;
    Ok(())
}

/// The runtime: beside the programs, or where `cargo xtask wasm` puts it.
fn runtime(network: &Network) -> Result<PathBuf> {
    let beside = network.program("runtime.wasm");
    let built = network.bin_dir.parent().map(|target| target.join("dbc/runtime.wasm"));
    let found = [Some(beside), built].into_iter().flatten().find(|path| path.is_file());
    found.context("runtime.wasm is not built; `cargo xtask wasm` makes it")
}

/// A fixed network key for each node of a local network; they identify peers and guard nothing.
fn node_key(number: usize) -> String {
    format!("{:064x}", number + 1)
}

async fn boot_address(network: &Network) -> Result<Option<String>> {
    if network.validators == 1 {
        return Ok(None);
    }
    let key = network.dir.join("boot.key");
    std::fs::write(&key, node_key(0))?;
    let output = Command::new(network.program("dbc-node"))
        .args(["key", "inspect-node-key", "--file"])
        .arg(&key)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run dbc-node")?;
    let peer = String::from_utf8_lossy(&output.stdout).trim().to_string();
    anyhow::ensure!(output.status.success() && !peer.is_empty(), "the first node has no peer id");
    Ok(Some(format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", network.p2p_port)))
}

fn arguments(
    network: &Network,
    spec: &std::path::Path,
    number: usize,
    name: &str,
    boot: Option<&String>,
) -> Vec<String> {
    let offset = u16::try_from(number).unwrap_or_default();
    // A network made by an older `dbc up` has no port for light clients: any will do.
    let light_port = network.light_port.checked_add(offset).filter(|_| network.light_port > 0);
    let mut words: Vec<String> = vec![
        "--chain".into(),
        spec.display().to_string(),
        format!("--{name}"),
        "--validator".into(),
        "--base-path".into(),
        network.dir.join(node(number)).display().to_string(),
        "--rpc-port".into(),
        (network.rpc_port + offset).to_string(),
        "--listen-addr".into(),
        format!("/ip4/127.0.0.1/tcp/{}", network.p2p_port + offset),
        "--listen-addr".into(),
        format!("/ip4/127.0.0.1/tcp/{}/ws", light_port.unwrap_or_default()),
        "--node-key".into(),
        node_key(number),
        "--no-prometheus".into(),
        "--no-telemetry".into(),
        "--no-mdns".into(),
        // The compiled runtime, so that a restart takes a second.
        "--wasm-cache".into(),
        network.dir.join("wasm-cache").display().to_string(),
        // Events of a lease are read from past blocks.
        "--state-pruning".into(),
        "14400".into(),
    ];
    if let Some(boot) = boot.filter(|_| number > 0) {
        words.extend(["--bootnodes".into(), boot.clone()]);
    }
    words
}
