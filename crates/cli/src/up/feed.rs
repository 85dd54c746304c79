//! The price feeder of a network on one machine: a well-known key that the genesis of development bonds, and a
//! price that is made up.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Component, process::Process, state::Network};
use crate::print::Step;

/// Whom the genesis bonds.
const KEY: &str = "//Charlie";

/// What a DBC of a network of development costs, in dollars.
const PRICE: &str = "0.02";

/// The feeder.
pub struct Feed;

#[async_trait]
impl Component for Feed {
    fn name(&self) -> &'static str {
        "feed"
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let chain = network.chain_url();
        let words = ["feed", "run", "--wallet", KEY, "--chain", &chain, "--fixed", PRICE];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        Process::named(&network.dir, self.name()).ensure(&network.program("dbc"), &words)?;
        Ok("tells what a DBC costs: $0.02, made up".into())
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
