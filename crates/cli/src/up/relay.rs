//! The relay: where machines without an open port are met.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::{Component, answers, process::Process, state::Network, until_well};
use crate::print::Step;

/// The relay.
pub struct Relay;

#[async_trait]
impl Component for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let process = Process::named(&network.dir, self.name());
        let bind = format!("127.0.0.1:{}", network.relay_port);
        process.ensure(&network.program("dbc-relay"), &["--bind".into(), bind])?;
        let port = network.relay_port;
        until_well(&process, Duration::from_secs(20), || answers(port)).await?;
        Ok(network.relay_url())
    }

    async fn health(&self, network: &Network) -> Result<String> {
        anyhow::ensure!(
            answers(network.relay_port).await,
            "nothing answers at {}",
            network.relay_url()
        );
        Ok(network.relay_url())
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        Process::named(&network.dir, self.name()).stop().map(drop)
    }
}
