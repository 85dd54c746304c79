//! The duties of a network on one machine, each a process of `dbc` with a well-known key that the genesis of
//! development bonds: a watcher who hears the machine, an auditor who challenges it, a feeder of prices. One
//! of each is no quorum: what he says alone is provisional, and named so.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Component, process::Process, state::Network};
use crate::print::Step;

/// A duty.
pub struct Duty {
    /// Its command, and the name of its process.
    name: &'static str,
    /// Whom the genesis bonds for it.
    key: &'static str,
    /// What it does beside running.
    words: &'static [&'static str],
    /// Whether it keeps notes.
    notes: bool,
    /// What it does, for a person.
    text: &'static str,
}

/// Hears the machine.
pub const WATCH: Duty = Duty {
    name: "watch",
    key: "//Ferdie",
    words: &[],
    notes: true,
    text: "hears the machine, tells the chain",
};

/// Challenges the machine.
pub const AUDIT: Duty = Duty {
    name: "audit",
    key: "//Eve",
    words: &[],
    notes: true,
    text: "challenges machines, tells the chain",
};

/// Tells a price, which is made up.
pub const FEED: Duty = Duty {
    name: "feed",
    key: "//One",
    words: &["--fixed", "0.02"],
    notes: false,
    text: "tells what a DBC costs: $0.02, made up",
};

#[async_trait]
impl Component for Duty {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn ensure(&self, network: &mut Network, _: &mut Step) -> Result<String> {
        let chain = network.chain_url();
        let dir = network.dir.display().to_string();
        let state = network.dir.join(self.name).display().to_string();
        let mut words = vec![self.name, "run", "--wallet", self.key, "--chain", &chain];
        // Where an auditor finds the registry that visits take their images from.
        words.extend(["--net-dir", &dir]);
        if self.notes {
            words.extend(["--state", &state]);
        }
        words.extend(self.words);
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        Process::named(&network.dir, self.name).ensure(&network.program("dbc"), &words)?;
        Ok(self.text.into())
    }

    async fn health(&self, network: &Network) -> Result<String> {
        let process = Process::named(&network.dir, self.name);
        let pid = process.pid().context("it does not run")?;
        Ok(format!("process {pid}"))
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        Process::named(&network.dir, self.name).stop().map(drop)
    }
}
