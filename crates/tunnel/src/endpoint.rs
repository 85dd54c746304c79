//! The QUIC endpoint as both sides need it: our relays or none, our address book or none, and
//! windows small enough that many hostile peers cannot fill the memory.

use std::net::SocketAddr;

use iroh::{
    Endpoint, NetReportConfig, RelayConfig, RelayMap, RelayMode, RelayUrl, SecretKey, Watcher,
    endpoint::{Builder, QuicTransportConfig, QuicTransportConfigBuilder, VarInt, presets},
};

/// Bytes that a peer may send on one stream before we read them. QUIC's library ends the whole connection, and every session in it, when more than
/// 1,024 pieces of one stream wait to be read (quinn-rs/quinn#2809); a window of fewer full packets never gets there.
/// It bounds a stream to 10 MB/s over 100 ms; many streams share [`CONNECTION_WINDOW`].
const STREAM_WINDOW: u32 = 1024 * 1024;
const _: () = assert!(STREAM_WINDOW < 1024 * 1100, "more pieces than the library keeps");
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// Which paths between two machines may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paths {
    /// Direct ones and relays; the better wins, and a direct one is sought by hole punching.
    #[default]
    Any,
    /// Relays alone: no UDP socket is opened.
    RelayOnly,
    /// Direct ones alone.
    DirectOnly,
}

/// Why an endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The socket address cannot be listened on.
    #[error("failed to listen on {bind}")]
    Bind {
        /// The address, or `any`.
        bind: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How the connection to a relay stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// The relay.
    pub url: RelayUrl,
    /// Whether we are connected to it.
    pub connected: bool,
    /// Why the relay does not want us, if it said so.
    pub refused: Option<String>,
    /// The last failure, if there was one since the last success.
    pub error: Option<String>,
}

/// The public key, i.e. the endpoint id, that belongs to a seed.
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    *SecretKey::from_bytes(seed).public().as_bytes()
}

pub(crate) fn builder(
    seed: &[u8; 32],
    relays: &[RelayUrl],
    bind: Option<SocketAddr>,
    paths: Paths,
) -> Result<Builder, BindError> {
    // `Minimal` brings the TLS provider and nothing else: no foreign relay, no foreign DNS.
    let builder = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(seed))
        .net_report_config(reports());
    let builder = match paths {
        Paths::DirectOnly => builder.relay_mode(RelayMode::Disabled),
        // Also when we have no relay of our own: the other side's can still be dialled.
        Paths::Any | Paths::RelayOnly => builder.relay_mode(RelayMode::Custom(relay_map(relays))),
    };
    match (paths, bind) {
        (Paths::RelayOnly, _) => Ok(builder.clear_ip_transports()),
        (_, None) => Ok(builder),
        (_, Some(bind)) => builder
            .clear_ip_transports()
            .bind_addr(bind)
            .map_err(|source| BindError::Bind { bind: bind.to_string(), source: Box::new(source) }),
    }
}

/// A relay without TLS has no QUIC port either; asking it for our public address there would hold up
/// the choice of a home relay until the question times out after three seconds.
fn relay_map(relays: &[RelayUrl]) -> RelayMap {
    relays
        .iter()
        .map(|url| match url.scheme() {
            "https" => RelayConfig::from(url.clone()),
            _ => RelayConfig::new(url.clone(), None),
        })
        .collect()
}

fn reports() -> NetReportConfig {
    let mut reports = NetReportConfig::default();
    // Machines do not sit behind a hotel's login page.
    reports.captive_portal_check = false;
    reports
}

pub(crate) async fn bind(
    builder: Builder,
    transport: QuicTransportConfig,
    bind: Option<SocketAddr>,
) -> Result<Endpoint, BindError> {
    builder.transport_config(transport).bind().await.map_err(|source| BindError::Bind {
        bind: bind.map_or_else(|| "any".to_owned(), |bind| bind.to_string()),
        source: Box::new(source),
    })
}

pub(crate) fn transport(streams_from_peer: u32) -> QuicTransportConfigBuilder {
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(streams_from_peer))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
}

pub(crate) fn relay_states(endpoint: &Endpoint) -> Vec<RelayState> {
    let states = endpoint.home_relay_status().get();
    states
        .into_iter()
        .map(|state| RelayState {
            url: state.url().clone(),
            connected: state.is_connected(),
            refused: state.auth_denied_reason().map(str::to_owned),
            error: state.last_error().map(|error| format!("{error:#}")),
        })
        .collect()
}
