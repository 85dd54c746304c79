//! What a client must be told before it can do anything: the node, the home folder, hints.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::id::{Genesis, MachineId};

/// Settings of a [`crate::Market`].
#[derive(Debug, Clone)]
pub struct MarketConfig {
    /// Node to ask, `ws://…` or `wss://…`.
    pub chain_url: String,
    /// Folder of the client's own files: `holder.key`, `access/`, `grants/`, `leases/`. Made with mode
    /// 0700 when missing.
    pub home: PathBuf,
    /// The network that the caller means. A node of another network is refused; `None` accepts any.
    pub genesis: Option<Genesis>,
    /// Relays beside the governed ones and the machines' own.
    pub relays: Vec<String>,
    /// Known direct addresses of machines; tried beside those that relays tell.
    pub addresses: Vec<(MachineId, SocketAddr)>,
    /// How long the node may take to answer at first.
    pub chain_timeout: Duration,
    /// How long a machine may take to answer at first.
    pub machine_timeout: Duration,
}

impl MarketConfig {
    /// Ten seconds for the node, twenty for a machine, no hints.
    pub fn new(chain_url: impl Into<String>, home: impl Into<PathBuf>) -> Self {
        Self {
            chain_url: chain_url.into(),
            home: home.into(),
            genesis: None,
            relays: Vec::new(),
            addresses: Vec::new(),
            chain_timeout: Duration::from_secs(10),
            machine_timeout: Duration::from_secs(20),
        }
    }
}
