//! A relay of ours: carries encrypted packets between two keys that found no direct path. It sees
//! which keys talk and how much, never what they say. Plain HTTP: put TLS in front of it where it
//! is not on loopback.

mod access;

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc};

use iroh::RelayUrl;
use iroh_relay::server::{
    AllowAll, ClientRateLimit, DynAccessControl, RelayConfig, Server, ServerConfig,
};
use tokio_util::task::AbortOnDropHandle;

use self::access::KeyFile;
pub use self::access::KeyFileError;

/// Who may use the relay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Everybody. For development.
    #[default]
    Open,
    /// The keys in a file: one endpoint id a line, 64 hex characters, `#` starts a comment. Read
    /// again when it changes; while it is missing or wrong, the last good list holds.
    KeyFile(PathBuf),
}

/// How a [`Relay`] is started.
#[derive(Debug, Clone)]
pub struct RelayServerConfig {
    /// Where to listen for HTTP.
    pub bind: SocketAddr,
    /// Who may use it.
    pub access: Access,
    /// Bytes per second that one client may send. When `None`, there is no limit.
    pub client_bytes_per_second: Option<NonZeroU32>,
    /// Where to serve Prometheus metrics. When `None`, nowhere.
    pub metrics: Option<SocketAddr>,
}

impl RelayServerConfig {
    /// An open relay without limits or metrics on this address.
    pub fn open(bind: SocketAddr) -> Self {
        Self { bind, access: Access::Open, client_bytes_per_second: None, metrics: None }
    }
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// An address cannot be listened on.
    #[error("failed to start the relay on {bind}")]
    Start {
        /// The address.
        bind: SocketAddr,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The list of keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The relay's task died.
    #[error("the relay stopped")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A running relay; dropping it stops it.
#[derive(Debug)]
pub struct Relay {
    server: Server,
    addr: SocketAddr,
    url: RelayUrl,
    _reload: Option<AbortOnDropHandle<()>>,
}

impl Relay {
    /// Starts a relay; returns once it listens. `GET /healthz` answers while it lives.
    pub async fn start(config: RelayServerConfig) -> Result<Self, RelayError> {
        let start_error = |source: Box<dyn std::error::Error + Send + Sync>| RelayError::Start {
            bind: config.bind,
            source,
        };
        let (access, reload): (Arc<dyn DynAccessControl>, _) = match config.access {
            Access::Open => (Arc::new(AllowAll), None),
            Access::KeyFile(path) => {
                let keys = KeyFile::load(path)?;
                let task = tokio::spawn(keys.clone().watch());
                (Arc::new(keys), Some(AbortOnDropHandle::new(task)))
            }
        };
        let mut relay = RelayConfig::new(config.bind);
        relay.access = access;
        relay.limits.client_rx = config.client_bytes_per_second.map(ClientRateLimit::new);
        let mut server = ServerConfig::default();
        server.relay = Some(relay);
        server.metrics_addr = config.metrics;
        let server = Server::spawn(server).await.map_err(|error| start_error(Box::new(error)))?;
        let addr = server.http_addr().unwrap_or(config.bind);
        let url = format!("http://{addr}").parse().map_err(|error| start_error(Box::new(error)))?;
        Ok(Self { server, addr, url, _reload: reload })
    }

    /// The address in use; tells the port when port 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL by which machines and clients name it.
    pub fn url(&self) -> &RelayUrl {
        &self.url
    }

    /// Resolves when the relay dies by itself.
    pub async fn died(&mut self) -> RelayError {
        match self.server.join().await {
            Ok(Err(error)) => RelayError::Stopped(Box::new(error)),
            Err(error) => RelayError::Stopped(Box::new(error)),
            Ok(Ok(())) => RelayError::Stopped("its task ended".into()),
        }
    }

    /// Stops the relay and waits for its end.
    pub async fn stop(self) -> Result<(), RelayError> {
        self.server.shutdown().await.map_err(|error| RelayError::Stopped(Box::new(error)))
    }
}
