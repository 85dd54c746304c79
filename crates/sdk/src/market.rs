//! [`Market`]: what a client may do with the chain and with its own keys and grants.

mod access;
mod audit;
mod dispute;
mod fleet;
mod govern;
mod lease;
mod machine;
mod network;
mod platform;
mod provider;
mod rent;
mod renter;
mod stake;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use dbc_chain_client::{ChainClient, ChainConfig, Link};
use dbc_tunnel::{Dialer, DialerConfig, RelayUrl};
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::{
    config::MarketConfig,
    error::MarketError,
    home::Home,
    id::{Genesis, HolderId},
};

/// The facade. Cheap to clone; all clones share one connection to the node and one tunnel endpoint.
#[derive(Clone)]
pub struct Market {
    inner: Arc<Inner>,
}

struct Inner {
    config: MarketConfig,
    home: Home,
    chain: Mutex<Option<ChainClient>>,
    /// Secret of this process's tunnel endpoint. One of its own for each process: relays send to the
    /// newest connection of a key alone.
    endpoint: Zeroizing<[u8; 32]>,
    dialer: OnceCell<Dialer>,
}

impl Market {
    /// Opens the home folder and connects to the node, which must serve the expected network.
    ///
    /// Errors: `chain_unreachable`, `wrong_network`, or the home folder's.
    pub async fn connect(config: MarketConfig) -> Result<Self, MarketError> {
        let market = Self::open(config)?;
        market.chain().await?;
        Ok(market)
    }

    /// Opens the home folder alone; the node is asked at the first call that needs it. With the chain
    /// away, leases that were used from this device before can still be reached ([`Market::agent`]).
    pub fn open(config: MarketConfig) -> Result<Self, MarketError> {
        let home = Home::open(&config.home)?;
        let endpoint = Zeroizing::new(rand::random());
        let (chain, dialer) = (Mutex::default(), OnceCell::new());
        Ok(Self { inner: Arc::new(Inner { config, home, chain, endpoint, dialer }) })
    }

    /// The settings in use.
    pub fn config(&self) -> &MarketConfig {
        &self.inner.config
    }

    /// Public half of this device's holder key, made at first use; grants for this device name it.
    pub fn holder(&self) -> Result<HolderId, MarketError> {
        Ok(HolderId(self.inner.home.holder_key()?.public()))
    }

    /// Ends the connections in order. Optional: dropping the market ends them too.
    pub async fn close(&self) {
        if let Some(dialer) = self.inner.dialer.get() {
            dialer.close().await;
        }
    }

    pub(crate) fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The connection to the node, made at first use.
    pub(crate) async fn chain(&self) -> Result<ChainClient, MarketError> {
        let mut chain = self.inner.chain.lock().await;
        if let Some(client) = &*chain {
            return Ok(client.clone());
        }
        let config = &self.inner.config;
        let config = ChainConfig {
            genesis: config.genesis.map(|genesis| genesis.0),
            call_timeout: config.chain_timeout,
            ..ChainConfig::new(&config.chain_url)
        };
        let client = Box::pin(ChainClient::connect(config)).await?;
        *chain = Some(client.clone());
        Ok(client)
    }

    /// Chain time in seconds since 1970; the host's clock while the chain is away.
    pub(crate) fn now(&self) -> u64 {
        let chain = self.inner.chain.try_lock().ok().and_then(|chain| chain.clone());
        if let Some(client) = chain
            && *client.link().borrow() == Link::Up
        {
            return client.finalized().borrow().unix_s();
        }
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// The tunnel endpoint, made at first use.
    pub(crate) async fn dialer(&self) -> Result<&Dialer, MarketError> {
        let config = &self.inner.config;
        self.inner
            .dialer
            .get_or_try_init(|| async {
                let dialer = DialerConfig {
                    relays: relay_urls(&config.relays)?,
                    connect_time: config.machine_timeout,
                    ..DialerConfig::default()
                };
                Dialer::bind(&self.inner.endpoint, dialer)
                    .await
                    .map_err(|error| MarketError::Internal(error.to_string()))
            })
            .await
    }

    /// Public key of this process's tunnel endpoint.
    pub(crate) fn connection_key(&self) -> [u8; 32] {
        dbc_tunnel::public_key(&self.inner.endpoint)
    }

    /// The network: of the node if it answers, else the configured one, else that of the only lease of
    /// this number that this device knows.
    pub(crate) async fn genesis_for(&self, lease: u64) -> Result<Genesis, MarketError> {
        match self.chain().await {
            Ok(chain) => Ok(Genesis(chain.genesis())),
            Err(error) if error.is_retryable() => match self.inner.config.genesis {
                Some(genesis) => Ok(genesis),
                None => self.home().genesis_of(lease)?.ok_or(error),
            },
            Err(error) => Err(error),
        }
    }
}

/// Addresses of relays that may be asked; the caller's must be right.
pub(crate) fn relay_urls(relays: &[String]) -> Result<Vec<RelayUrl>, MarketError> {
    let parse = |relay: &String| {
        relay.parse().map_err(|_| MarketError::Input {
            field: "relay",
            why: format!("{relay:?} is no address of a relay, e.g. http://127.0.0.1:3340"),
        })
    };
    relays.iter().map(parse).collect()
}
