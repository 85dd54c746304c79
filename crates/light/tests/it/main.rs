//! The light client against a real node that it reaches as a peer. Needs `cargo xtask wasm` and
//! `cargo build -p dbc-node` before.

mod start;

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use dbc_chain_client::{ChainClient, ChainConfig};
use dbc_light::LightConfig;
use dbc_testkit::DevNode;
use tokio::time::timeout;

/// A light client's settings in this folder, its spec fresh from the node.
async fn settings(node: &DevNode, folder: &Path) -> Result<LightConfig> {
    let client = ChainClient::connect(ChainConfig::new(node.url())).await?;
    reached(&client, 1).await?;
    let spec = folder.join("light-spec.json");
    std::fs::write(&spec, dbc_light::light_spec(&client, &[]).await?)?;
    Ok(LightConfig { spec, kept: folder.join("light.json"), witnesses: Vec::new() })
}

/// Waits until this height is final.
async fn reached(client: &ChainClient, number: u64) -> Result<()> {
    let mut heads = client.finalized();
    let wait = heads.wait_for(|head| head.number >= number);
    timeout(Duration::from_secs(120), wait).await.context("no final block")??;
    Ok(())
}
