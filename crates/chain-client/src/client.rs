//! [`ChainClient`]: one connection to one node, or by a [`Carrier`] to one network, kept up in the background.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use subxt::{
    OnlineClient,
    backend::LegacyBackend,
    client::OnlineClientAtBlock,
    config::{RpcConfigFor, SubstrateConfig},
    rpcs::{
        LegacyRpcMethods, RpcClient,
        client::reconnecting_rpc_client::{self, ExponentialBackoff},
        methods::legacy::NumberOrHex,
    },
    utils::H256,
};
use tokio::{net::TcpStream, sync::watch, task::JoinHandle, time::timeout};

use crate::{
    account::AccountId,
    carrier::{Carried, Carrier},
    error::{ChainError, cut, from_rpc, from_subxt},
    follow::{self, Feed, Link},
    generated,
    head::Head,
    read::View,
};

pub(crate) type Chain = SubstrateConfig;
pub(crate) type Legacy = LegacyRpcMethods<RpcConfigFor<Chain>>;
pub(crate) type AtBlock = OnlineClientAtBlock<Chain>;

/// Largest answer of a node that is read.
const RESPONSE_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Heads that are tried, each forgotten before it could be read.
const HEADS_TRIED: u32 = 3;

/// How and where to connect.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// `ws://host:port` or `wss://…`; the carrier's name when there is one.
    pub url: String,
    /// Carries calls instead of a connection to `url`, as a light client does.
    pub carrier: Option<Arc<dyn Carrier>>,
    /// The network that the caller means; any when `None`.
    pub genesis: Option<[u8; 32]>,
    /// How long a call may take before the node counts as away.
    pub call_timeout: Duration,
    /// How long an extrinsic may take into a block.
    pub inclusion_timeout: Duration,
    /// How long a block may take to become final.
    pub finality_timeout: Duration,
}

impl ChainConfig {
    /// Ten seconds a call, 90 into a block, five minutes to finality.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            carrier: None,
            genesis: None,
            call_timeout: Duration::from_secs(10),
            inclusion_timeout: Duration::from_secs(90),
            finality_timeout: Duration::from_secs(300),
        }
    }

    /// By a carrier: a minute a call, for a light client finds peers and proofs first.
    pub fn carried(carrier: Arc<dyn Carrier>) -> Self {
        let config = Self::new(carrier.name());
        let call_timeout = Duration::from_secs(60);
        Self { carrier: Some(carrier), call_timeout, ..config }
    }
}

/// Which block to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Best,
    /// The newest that cannot be taken back.
    Finalized,
    /// This one.
    Block([u8; 32]),
}

/// A connected client. Cheap to clone; the connection ends with the last clone.
#[derive(Clone)]
pub struct ChainClient {
    pub(crate) shared: Arc<Shared>,
    _follower: Arc<Follower>,
}

/// What the client and its background task share.
pub(crate) struct Shared {
    pub(crate) config: ChainConfig,
    pub(crate) api: OnlineClient<Chain>,
    pub(crate) legacy: Legacy,
    pub(crate) plain: RpcClient,
    pub(crate) genesis: [u8; 32],
    pub(crate) slot_ms: u64,
    pub(crate) feed: Feed,
    /// One lock per account that signs here: nonces are given out one after the other.
    pub(crate) lanes: Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>,
}

struct Follower(JoinHandle<()>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ChainClient {
    /// Connects once; returns when the network is known to be the right one and its head is known.
    /// Later breaks heal by themselves.
    ///
    /// Errors: [`ChainError::Unreachable`], [`ChainError::WrongGenesis`],
    /// [`ChainError::Incompatible`].
    pub async fn connect(config: ChainConfig) -> Result<Self, ChainError> {
        let rpc = open(&config).await?;
        let url = config.url.clone();
        let limit = config.call_timeout;
        let backend = Arc::new(LegacyBackend::<Chain>::builder().build(rpc.clone()));
        let legacy = Legacy::new(rpc.clone());
        let genesis = within(&url, limit, async {
            legacy.genesis_hash().await.map_err(|error| from_rpc(&url, "genesis hash", error))
        })
        .await?;
        check_genesis(&config, genesis.0)?;
        let chain = Chain::builder().set_genesis_hash(genesis).build();
        let api = within(&url, limit, async {
            OnlineClient::from_backend_with_config(chain, backend)
                .await
                .map_err(|error| from_subxt(&url, "connection", error.into()))
        })
        .await?;
        let slot_ms = within(&url, limit.saturating_mul(3), slot_ms(&url, &api)).await?;
        let shared = Arc::new(Shared {
            config,
            api,
            legacy,
            plain: rpc,
            genesis: genesis.0,
            slot_ms,
            feed: Feed::new(),
            lanes: Mutex::default(),
        });
        let follower = tokio::spawn(follow::run(shared.clone()));
        let client = Self { shared, _follower: Arc::new(Follower(follower)) };
        client.wait_for_head().await?;
        Ok(client)
    }

    /// Hash of the genesis block.
    pub fn genesis(&self) -> [u8; 32] {
        self.shared.genesis
    }

    /// Address of the node.
    pub fn url(&self) -> &str {
        &self.shared.config.url
    }

    /// Length of a slot in milliseconds.
    pub fn slot_ms(&self) -> u64 {
        self.shared.slot_ms
    }

    /// The newest finalized head and its successors. Gaps are possible; each value is newer than the
    /// one before.
    pub fn finalized(&self) -> watch::Receiver<Head> {
        self.shared.feed.finalized.subscribe()
    }

    /// The newest best head and its successors; a reorganisation may step back.
    pub fn best(&self) -> watch::Receiver<Head> {
        self.shared.feed.best.subscribe()
    }

    /// Whether the node is there.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.shared.feed.link.subscribe()
    }

    /// The leases whose records may have changed, as blocks come.
    pub fn notices(&self) -> follow::Notices {
        self.shared.feed.notices()
    }

    /// The chain's state at a block.
    pub async fn at(&self, at: At) -> Result<View, ChainError> {
        self.shared.usable()?;
        let mut heads = match at {
            At::Block(hash) => return self.view(hash).await,
            At::Best => self.best(),
            At::Finalized => self.finalized(),
        };
        // A node forgets a best block once another of its height is final, and tells of it a moment later: then the
        // next head counts.
        let next = Duration::from_millis(2 * self.shared.slot_ms);
        let mut left = HEADS_TRIED;
        loop {
            let hash = heads.borrow_and_update().hash;
            let error = match self.view(hash).await {
                Err(error @ ChainError::Malformed { .. }) => error,
                done => return done,
            };
            left -= 1;
            if left == 0 || !matches!(timeout(next, heads.changed()).await, Ok(Ok(()))) {
                return Err(error);
            }
        }
    }

    async fn view(&self, hash: [u8; 32]) -> Result<View, ChainError> {
        let block = self.shared.at_block(H256(hash)).await?;
        Ok(View::new(self.shared.clone(), block))
    }

    /// How long a block may take to become final before a wait gives up.
    pub fn finality_timeout(&self) -> Duration {
        self.shared.config.finality_timeout
    }

    /// Hash of the block at this height in the best chain.
    pub async fn block_hash(&self, number: u64) -> Result<[u8; 32], ChainError> {
        self.shared.usable()?;
        let number = NumberOrHex::Number(number);
        let hash = self
            .shared
            .rpc("block hash", self.shared.legacy.chain_get_block_hash(Some(number)))
            .await?;
        hash.map(|hash| hash.0).ok_or_else(|| ChainError::malformed("block hash", "no such block"))
    }

    /// What the node says about itself.
    pub async fn health(&self) -> Result<NodeHealth, ChainError> {
        self.shared.usable()?;
        let health =
            self.shared.rpc("health", async { self.shared.legacy.system_health().await }).await?;
        let chain = self
            .shared
            .rpc("chain name", async { self.shared.legacy.system_chain().await })
            .await?;
        let peers = u32::try_from(health.peers).unwrap_or(u32::MAX);
        Ok(NodeHealth { chain: cut(chain), peers, syncing: health.is_syncing })
    }

    async fn wait_for_head(&self) -> Result<(), ChainError> {
        let mut link = self.link();
        let limit = self.shared.config.call_timeout;
        match timeout(limit, link.wait_for(|link| *link != Link::Away)).await {
            Ok(Ok(_)) => self.shared.usable(),
            _ => Err(unreachable(self.url(), "it sends no heads")),
        }
    }
}

/// What the node says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// Name of the chain.
    pub chain: String,
    /// Connected peers.
    pub peers: u32,
    /// Whether it is still catching up.
    pub syncing: bool,
}

impl Shared {
    /// Refuses at once what cannot succeed: another network came up under the same address.
    pub(crate) fn usable(&self) -> Result<(), ChainError> {
        match *self.feed.link.borrow() {
            Link::Foreign(found) => Err(ChainError::WrongGenesis {
                url: self.config.url.clone(),
                expected: self.genesis,
                found,
            }),
            Link::Up | Link::Away => Ok(()),
        }
    }

    /// A subxt client at one block.
    pub(crate) async fn at_block(&self, hash: H256) -> Result<AtBlock, ChainError> {
        self.call("block", async { self.api.at_block(hash).await }).await
    }

    /// Runs a subxt call under the deadline, with typed errors.
    pub(crate) async fn call<T, E: Into<subxt::Error>>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ChainError> {
        let url = &self.config.url;
        within(url, self.config.call_timeout, async {
            call.await.map_err(|error| from_subxt(url, what, error.into()))
        })
        .await
    }

    /// Runs a plain RPC under the deadline, with typed errors.
    pub(crate) async fn rpc<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, subxt::rpcs::Error>>,
    ) -> Result<T, ChainError> {
        let url = &self.config.url;
        within(url, self.config.call_timeout, async {
            call.await.map_err(|error| from_rpc(url, what, error))
        })
        .await
    }

    /// The lock under which this account's nonces are given out.
    pub(crate) fn lane(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lanes.entry(account).or_default().clone()
    }
}

async fn within<T>(
    url: &str,
    limit: Duration,
    call: impl Future<Output = Result<T, ChainError>>,
) -> Result<T, ChainError> {
    // Boxed, so that the size and depth of callers' futures do not grow with subxt's.
    match timeout(limit, Box::pin(call)).await {
        Ok(result) => result,
        Err(_) => Err(unreachable(url, &format!("no answer in {} s", limit.as_secs()))),
    }
}

fn unreachable(url: &str, why: &str) -> ChainError {
    ChainError::Unreachable { url: url.into(), why: why.into() }
}

pub(crate) fn check_genesis(config: &ChainConfig, found: [u8; 32]) -> Result<(), ChainError> {
    match config.genesis {
        Some(expected) if expected != found => {
            Err(ChainError::WrongGenesis { url: config.url.clone(), expected, found })
        }
        _ => Ok(()),
    }
}

/// Opens the RPC connection. The plain TCP connection before it tells at once, and in the system's
/// words, when nothing listens; the RPC client would try for ever.
async fn open(config: &ChainConfig) -> Result<RpcClient, ChainError> {
    if let Some(carrier) = &config.carrier {
        return Ok(RpcClient::new(Carried(carrier.clone())));
    }
    let address = socket_address(&config.url)?;
    let limit = config.call_timeout;
    match timeout(limit, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(unreachable(&config.url, &error.to_string())),
        Err(_) => return Err(unreachable(&config.url, "no connection in time")),
    }
    let backoff = ExponentialBackoff::from_millis(100).factor(2).max_delay(Duration::from_secs(5));
    let client = timeout(
        limit,
        reconnecting_rpc_client::RpcClient::builder()
            .retry_policy(backoff)
            .connection_timeout(limit)
            .request_timeout(limit)
            .max_response_size(RESPONSE_BYTES_MAX)
            .build(&config.url),
    )
    .await
    .map_err(|_| unreachable(&config.url, "something listens there but speaks no JSON-RPC"))?
    .map_err(|error| unreachable(&config.url, &cut(error.to_string())))?;
    Ok(RpcClient::new(client))
}

/// `host:port` of a WebSocket address.
fn socket_address(url: &str) -> Result<String, ChainError> {
    let refused = |why: &str| ChainError::Input { field: "chain", why: why.into() };
    let (rest, port) = if let Some(rest) = url.strip_prefix("ws://") {
        (rest, 80)
    } else if let Some(rest) = url.strip_prefix("wss://") {
        (rest, 443)
    } else {
        return Err(refused("must begin with ws:// or wss://, e.g. ws://127.0.0.1:9944"));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Err(refused("names no host; e.g. ws://127.0.0.1:9944"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(name, port)| {
        port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']'))
    });
    Ok(if has_port { host.to_owned() } else { format!("{host}:{port}") })
}

/// The length of a slot. BABE fixes it at genesis, so it is read once.
async fn slot_ms(url: &str, api: &OnlineClient<Chain>) -> Result<u64, ChainError> {
    let block = api
        .at_current_block()
        .await
        .map_err(|error| from_subxt(url, "finalized block", error.into()))?;
    let slot_ms = block
        .constants()
        .entry(generated::constants().babe().expected_block_time())
        .map_err(|error| from_subxt(url, "slot length", error.into()))?;
    if slot_ms == 0 {
        return Err(ChainError::malformed("slot length", "it is zero"));
    }
    Ok(slot_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_url_has_a_port() {
        for (url, address) in [
            ("ws://127.0.0.1:9944", "127.0.0.1:9944"),
            ("ws://localhost", "localhost:80"),
            ("wss://node.example/ws", "node.example:443"),
            ("ws://[::1]:9944/", "[::1]:9944"),
            ("ws://[::1]", "[::1]:80"),
        ] {
            assert_eq!(socket_address(url).unwrap(), address, "{url}");
        }
        for url in ["", "http://a", "ws://", "ws://user@host", "127.0.0.1:9944"] {
            assert!(socket_address(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn nothing_listening_is_said_at_once() {
        let config = ChainConfig::new("ws://127.0.0.1:9");
        let started = std::time::Instant::now();
        let Err(error) = ChainClient::connect(config).await else { panic!("connected") };
        assert!(error.is_unreachable(), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
