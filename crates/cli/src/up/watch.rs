//! The watcher of a network on one machine: a well-known key that the genesis of development bonds.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Component, process::Process, state::Network};
use crate::print::Step;

/// Whom the genesis bonds.
const KEY: &str = "//Ferdie";

/// The watcher.
pub struct Watch;

#[async_trait]
impl Component for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let state = network.dir.join("watch").display().to_string();
        let words =
            ["watch", "run", "--wallet", KEY, "--chain", &network.chain_url(), "--state", &state];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        Process::named(&network.dir, self.name()).ensure(&network.program("dbc"), &words)?;
        Ok("hears the machine, tells the chain".into())
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
