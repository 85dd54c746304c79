//! [`Market`]: what a client may do with the chain and with its own keys and grants.

mod access;
mod network;
mod provider;
mod renter;

use std::sync::Arc;

use crate::{config::MarketConfig, error::MarketError, id::HolderId};

/// The facade. Cheap to clone; all clones share one connection to the node and one tunnel endpoint.
#[derive(Clone)]
pub struct Market {
    inner: Arc<Inner>,
}

struct Inner {
    config: MarketConfig,
}

impl Market {
    /// Opens the home folder and connects to the node, which must serve the expected network.
    ///
    /// Errors: `chain_unreachable`, `wrong_network`, or the home folder's.
    pub async fn connect(config: MarketConfig) -> Result<Self, MarketError> {
        Self::open(config)
    }

    /// Opens the home folder alone; the node is asked at the first call that needs it. With the chain
    /// away, leases that were used from this device before can still be reached ([`Market::agent`]).
    pub fn open(config: MarketConfig) -> Result<Self, MarketError> {
        Ok(Self { inner: Arc::new(Inner { config }) })
    }

    /// The settings in use.
    pub fn config(&self) -> &MarketConfig {
        &self.inner.config
    }

    /// Public half of this device's holder key, made at first use; grants for this device name it.
    pub fn holder(&self) -> Result<HolderId, MarketError> {
        Err(self.pending())
    }

    fn pending(&self) -> MarketError {
        MarketError::Internal("not connected".into())
    }
}
