//! The auditor of a network on one machine: a well-known key that the genesis of development bonds. One
//! auditor is no quorum: what he proves is provisional, and named so.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Component, process::Process, state::Network};
use crate::print::Step;

/// Whom the genesis bonds.
const KEY: &str = "//Eve";

/// The auditor.
pub struct Audit;

#[async_trait]
impl Component for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let state = network.dir.join("audit").display().to_string();
        let words =
            ["audit", "run", "--wallet", KEY, "--chain", &network.chain_url(), "--state", &state];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        Process::named(&network.dir, self.name()).ensure(&network.program("dbc"), &words)?;
        Ok("challenges machines, tells the chain".into())
    }

    async fn health(&self, network: &Network) -> Result<String> {
        let process = Process::named(&network.dir, self.name());
        let pid = process.pid().context("it does not run")?;
        Ok(format!("process {pid}"))
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        Process::named(&network.dir, self.name()).stop().map(drop)
    }
}
