//! [`Source`]: who tells the agent of the chain, a node by its RPC or a light client in this process. The same
//! client of the chain works on either.

use std::{sync::Arc, time::Duration};

use dbc_chain_client::{ChainClient, ChainConfig};
use dbc_light::{LightClient, LightConfig, LightError};
use dbc_service::error_chain;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::config::{ChainFrom, Checked};

/// Pause between two attempts to connect.
const RETRY: Duration = Duration::from_secs(2);
/// How often in a row a failed attempt is told of: at first and then once a minute.
const TELL_EVERY: u32 = 30;

/// Who tells of the chain. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Source {
    /// A node at this address.
    Node(String),
    /// A light client.
    Light(Arc<LightClient>),
}

impl From<&str> for Source {
    fn from(url: &str) -> Self {
        Self::Node(url.to_owned())
    }
}

impl From<&String> for Source {
    fn from(url: &String) -> Self {
        Self::Node(url.clone())
    }
}

impl Source {
    /// The one that the settings name; a light client is started.
    ///
    /// # Errors
    /// What a person must put right: a spec that cannot be used, or one that is too old.
    pub async fn open(settings: &Checked) -> Result<Self, LightError> {
        match &settings.chain {
            ChainFrom::Node { url } => Ok(Self::Node(url.clone())),
            ChainFrom::Light { spec, witnesses } => {
                let config = LightConfig {
                    spec: spec.clone(),
                    kept: settings.state_dir.join("light.json"),
                    witnesses: witnesses.clone(),
                };
                LightClient::start(config).await.map(Self::Light)
            }
        }
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Node(url) => url.clone(),
            Self::Light(light) => dbc_chain_client::Carrier::name(&**light).to_owned(),
        }
    }

    /// Connects, however long it takes, and only to the network with this genesis; to any when there is none.
    /// A light client that may not be believed yet counts as away.
    pub async fn connect(&self, genesis: Option<[u8; 32]>) -> ChainClient {
        let mut attempts: u32 = 0;
        loop {
            match self.attempt(genesis).await {
                Ok(client) => {
                    info!(url = client.url(), "connected to the chain");
                    return client;
                }
                Err(error) if attempts.is_multiple_of(TELL_EVERY) => {
                    warn!(url = self.name(), error, "no chain yet");
                }
                Err(error) => debug!(error, "no chain yet"),
            }
            attempts = attempts.wrapping_add(1);
            sleep(RETRY).await;
        }
    }

    async fn attempt(&self, genesis: Option<[u8; 32]>) -> Result<ChainClient, String> {
        let mut config = match self {
            Self::Node(url) => ChainConfig::new(url),
            Self::Light(light) => {
                light.confirm().await.map_err(|error| error_chain(&error))?;
                ChainConfig::carried(light.clone())
            }
        };
        config.genesis = genesis;
        ChainClient::connect(config).await.map_err(|error| error_chain(&error))
    }

    /// Keeps what a restart begins with. Best effort: an older one is kept already.
    pub async fn save(&self) {
        if let Self::Light(light) = self
            && let Err(error) = light.save().await
        {
            warn!(error = error_chain(&error), "the light client's head is not kept");
        }
    }
}
