//! The OCI registry: Debian's `docker-registry` as an ordinary process on loopback.

use std::{path::Path, time::Duration};

use anyhow::Result;
use async_trait::async_trait;

use super::{Component, answers, process::Process, state::Network, until_well};
use crate::print::Step;

/// The registry.
pub struct Registry;

#[async_trait]
impl Component for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let folder = network.dir.join("registry");
        std::fs::create_dir_all(&folder)?;
        let config = network.dir.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {folder:?}}}\n  delete: {{enabled: true}}\nhttp: {{addr: \"127.0.0.1:{}\"}}\n",
            network.registry_port
        );
        std::fs::write(&config, text)?;
        let process = Process::named(&network.dir, self.name());
        let arguments = ["serve".to_string(), config.display().to_string()];
        process.ensure(Path::new("/usr/bin/docker-registry"), &arguments)?;
        let port = network.registry_port;
        until_well(&process, Duration::from_secs(20), || answers(port)).await?;
        Ok(network.registry())
    }

    async fn health(&self, network: &Network) -> Result<String> {
        anyhow::ensure!(
            answers(network.registry_port).await,
            "nothing answers at {}",
            network.registry()
        );
        Ok(network.registry())
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        Process::named(&network.dir, self.name()).stop().map(drop)
    }
}
