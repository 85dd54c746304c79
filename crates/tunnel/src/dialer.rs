//! The client's side: streams to machines, over one connection per machine and protocol, made again
//! when it is lost. Says who is away: the machine, or the relays on the way to it.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use dbc_agent_api::{
    ApiError, ErrorCode,
    hello::{Hello, HelloReply, HostKey},
};
use iroh::{
    Endpoint, RelayUrl,
    endpoint::{
        ConnectError as IrohConnectError, ConnectWithOptsError, ConnectingError, Connection,
        ConnectionError,
    },
};
use tokio::{net::TcpStream, sync::Mutex, time::timeout};

use crate::{
    AddressBook, BindError, FrameError, Paths, RelayState, Stream, Target, endpoint,
    listener::{CLOSE_BUSY, CLOSE_SHUTDOWN},
    read_frame, write_frame,
};

/// How long a machine may take to answer on a connection that was just made.
const REPLY_TIME: Duration = Duration::from_secs(10);
/// The same on an older connection, before it is taken for dead: a machine that restarted cannot
/// tell us so.
const REPLY_TIME_REUSED: Duration = Duration::from_secs(5);
/// How long a relay may take to accept a connection when we ask whether it is there.
const PROBE_TIME: Duration = Duration::from_secs(2);
/// How long an orderly end may take.
const CLOSE_TIME: Duration = Duration::from_secs(3);
/// Connections kept; beyond it those that are closed are cleared away.
const KEPT: usize = 64;
/// TLS alert 120, no application protocol, as a QUIC error code (RFC 9001, 4.8).
const NO_PROTOCOL: u64 = 0x100 + 120;

/// How a [`Dialer`] is opened.
#[derive(Debug, Clone)]
pub struct DialerConfig {
    /// Relays of our own; machines' are used beside them. May be empty.
    pub relays: Vec<RelayUrl>,
    /// Local socket address. When `None`, a free port on all addresses.
    pub bind: Option<SocketAddr>,
    /// Which paths may be used.
    pub paths: Paths,
    /// How long a connection attempt may take.
    pub connect_time: Duration,
}

impl Default for DialerConfig {
    fn default() -> Self {
        Self {
            relays: Vec::new(),
            bind: None,
            paths: Paths::Any,
            connect_time: Duration::from_secs(10),
        }
    }
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// None of the relays on the way answers, and no direct path was found.
    #[error("no relay answers: {relays}")]
    RelayAway {
        /// Those that were asked.
        relays: String,
    },
    /// A relay answers but does not serve our key.
    #[error("the relay {relay} refuses this key: {reason}")]
    RelayRefused {
        /// The relay.
        relay: RelayUrl,
        /// Its words.
        reason: String,
    },
    /// The machine does not answer, though its relays do or it has none.
    #[error("the machine does not answer")]
    MachineAway {
        /// The last failure, if it was not silence.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Nothing says where the machine is.
    #[error("no address of the machine is known")]
    NoAddress,
    /// The machine speaks another version of the protocol, or none.
    #[error("the machine does not speak this protocol")]
    Protocol,
    /// The machine answered with no.
    #[error("the machine refused: {0}")]
    Refused(ApiError),
    /// The machine's answer makes no sense.
    #[error("the machine's answer is wrong")]
    Answer(#[source] FrameError),
    /// The target's key is no key, or our own.
    #[error("the machine's key is not usable")]
    Key,
    /// The dialer was closed.
    #[error("the connection was closed here")]
    Closed,
}

impl ConnectError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::RelayAway { .. } | Self::RelayRefused { .. } => ErrorCode::RelayUnreachable,
            Self::MachineAway { .. } | Self::NoAddress | Self::Protocol => {
                ErrorCode::MachineUnreachable
            }
            Self::Refused(error) => error.code,
            Self::Key => ErrorCode::InvalidInput,
            Self::Answer(_) | Self::Closed => ErrorCode::Internal,
        }
    }

    /// Whether a later attempt may succeed with nothing changed here.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RelayAway { .. } | Self::MachineAway { .. } => true,
            Self::Refused(error) => error.code == ErrorCode::Busy,
            _ => false,
        }
    }
}

impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(error) => error,
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

/// A stream on which the machine agreed.
#[derive(Debug)]
pub struct Opened {
    /// The stream; its protocol starts here.
    pub stream: Stream,
    /// On SSH streams, the host key that the machine vouches for.
    pub host_key: Option<HostKey>,
}

/// The client's endpoint; clones share it and its connections.
#[derive(Debug, Clone)]
pub struct Dialer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    book: AddressBook,
    config: DialerConfig,
    kept: Mutex<HashMap<Purpose, Slot>>,
}

/// One connection serves one protocol of one machine.
type Purpose = ([u8; 32], Vec<u8>);
/// Locked while a connection is being made, so that streams opened at once share it.
type Slot = Arc<Mutex<Option<Connection>>>;

impl Dialer {
    /// Opens an endpoint whose id belongs to this seed (the holder key's). Needs no network yet.
    pub async fn bind(seed: &[u8; 32], config: DialerConfig) -> Result<Self, BindError> {
        let book = AddressBook::default();
        let builder = endpoint::builder(seed, &config.relays, config.bind, config.paths)?
            .address_lookup(book.clone());
        // Machines do not open streams to clients.
        let transport = endpoint::transport(0).build();
        let endpoint = endpoint::bind(builder, transport, config.bind).await?;
        Ok(Self(Arc::new(Inner { endpoint, book, config, kept: Mutex::default() })))
    }

    /// The endpoint id: the holder's public key.
    pub fn id(&self) -> [u8; 32] {
        *self.0.endpoint.id().as_bytes()
    }

    /// The book that is asked about targets without addresses.
    pub fn addresses(&self) -> &AddressBook {
        &self.0.book
    }

    /// How the connection to our own home relay stands.
    pub fn relays(&self) -> Vec<RelayState> {
        endpoint::relay_states(&self.0.endpoint)
    }

    /// Opens a stream, says what we want and waits until the machine agrees.
    ///
    /// `hello` may be sent twice, when an older connection turns out to be dead.
    pub async fn open(
        &self,
        target: &Target,
        alpn: &[u8],
        hello: &Hello,
    ) -> Result<Opened, ConnectError> {
        loop {
            let (connection, fresh) = self.connection(target, alpn).await?;
            let time = if fresh { REPLY_TIME } else { REPLY_TIME_REUSED };
            match timeout(time, greet(&connection, hello)).await {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(Greeting::Refused(error))) => return Err(error),
                Ok(Err(Greeting::Lost(source))) if fresh => {
                    return Err(match connection.close_reason() {
                        Some(reason) => closed(reason),
                        None => away(source),
                    });
                }
                Err(_) if fresh => return Err(ConnectError::MachineAway { source: None }),
                Ok(Err(Greeting::Lost(_))) | Err(_) => {
                    self.forget(target, alpn, &connection).await;
                }
            }
        }
    }

    /// Opens a stream without a word; the machine learns of it with the first bytes written, which
    /// must be a `Hello` frame.
    pub async fn connect(&self, target: &Target, alpn: &[u8]) -> Result<Stream, ConnectError> {
        loop {
            let (connection, fresh) = self.connection(target, alpn).await?;
            match timeout(REPLY_TIME, connection.open_bi()).await {
                Ok(Ok((write, read))) => return Ok(Stream::new(write, read, None)),
                Ok(Err(error)) if fresh => return Err(closed(error)),
                Ok(Err(_)) => self.forget(target, alpn, &connection).await,
                Err(_) => return Err(busy()),
            }
        }
    }

    /// Ends all connections within three seconds. Streams that were shut down are delivered first.
    pub async fn close(&self) {
        let _ = timeout(CLOSE_TIME, self.0.endpoint.close()).await;
    }

    /// A living connection, and whether it was made just now.
    async fn connection(
        &self,
        target: &Target,
        alpn: &[u8],
    ) -> Result<(Connection, bool), ConnectError> {
        let slot = self.slot((target.endpoint, alpn.to_vec())).await;
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref()
            && connection.close_reason().is_none()
        {
            return Ok((connection.clone(), false));
        }
        let connection = self.dial(target, alpn).await?;
        *slot = Some(connection.clone());
        Ok((connection, true))
    }

    async fn slot(&self, purpose: Purpose) -> Slot {
        let mut kept = self.0.kept.lock().await;
        if kept.len() >= KEPT && !kept.contains_key(&purpose) {
            // A slot in use, locked or about to be, is kept.
            kept.retain(|_, slot| match slot.try_lock() {
                Ok(inner) => {
                    let living = inner.as_ref().is_some_and(|c| c.close_reason().is_none());
                    living || Arc::strong_count(slot) > 1
                }
                Err(_) => true,
            });
        }
        kept.entry(purpose).or_default().clone()
    }

    async fn forget(&self, target: &Target, alpn: &[u8], dead: &Connection) {
        let slot = self.slot((target.endpoint, alpn.to_vec())).await;
        let mut slot = slot.lock().await;
        // Another task may have replaced it already.
        if slot.as_ref().is_some_and(|kept| kept.stable_id() == dead.stable_id()) {
            *slot = None;
        }
        dead.close(CLOSE_SHUTDOWN, b"no answer");
    }

    async fn dial(&self, target: &Target, alpn: &[u8]) -> Result<Connection, ConnectError> {
        let address = target.address().ok_or(ConnectError::Key)?;
        let relays = if address.is_empty() {
            self.0.book.relays(&target.endpoint)
        } else {
            target.relays.clone()
        };
        let attempt = self.0.endpoint.connect(address, alpn);
        let error = match timeout(self.0.config.connect_time, attempt).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => failed(error),
            Err(_) => ConnectError::MachineAway { source: None },
        };
        if let ConnectError::MachineAway { .. } = error
            && self.0.config.paths != Paths::DirectOnly
            && let Some(fault) = self.relay_fault(&relays).await
        {
            return Err(fault);
        }
        Err(error)
    }

    /// What is wrong with the relays on the way, if all of them fail.
    async fn relay_fault(&self, relays: &[RelayUrl]) -> Option<ConnectError> {
        if relays.is_empty() {
            return None;
        }
        for state in self.relays() {
            if let (true, Some(reason)) = (relays.contains(&state.url), state.refused) {
                return Some(ConnectError::RelayRefused { relay: state.url, reason });
            }
        }
        let answers = relays.iter().map(|relay| timeout(PROBE_TIME, answers(relay)));
        let answers = futures::future::join_all(answers).await;
        if answers.contains(&Ok(true)) {
            return None;
        }
        let relays: Vec<_> = relays.iter().map(RelayUrl::to_string).collect();
        Some(ConnectError::RelayAway { relays: relays.join(", ") })
    }
}

async fn answers(relay: &RelayUrl) -> bool {
    let (Some(host), Some(port)) = (relay.host_str(), relay.port_or_known_default()) else {
        return false;
    };
    // A URL writes IPv6 addresses in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    TcpStream::connect((host, port)).await.is_ok()
}

/// How a first exchange can fail.
enum Greeting {
    /// The machine said no, or nonsense: trying again on a new connection changes nothing.
    Refused(ConnectError),
    /// The connection is dead.
    Lost(FrameError),
}

async fn greet(connection: &Connection, hello: &Hello) -> Result<Opened, Greeting> {
    let lost = |error: ConnectionError| Greeting::Lost(FrameError::Io(error.into()));
    let (write, read) = connection.open_bi().await.map_err(lost)?;
    let mut stream = Stream::new(write, read, None);
    let sent = write_frame(&mut stream, hello).await;
    if let Err(error @ (FrameError::TooLarge { .. } | FrameError::Malformed(_))) = sent {
        return Err(Greeting::Refused(ConnectError::Answer(error)));
    }
    // A machine that is busy refuses before it has read: look for its answer even when the sending
    // failed.
    match read_frame(&mut stream).await {
        Ok(Some(HelloReply::Welcome { host_key })) => Ok(Opened { stream, host_key }),
        Ok(Some(HelloReply::Refused(error))) => {
            Err(Greeting::Refused(ConnectError::Refused(error)))
        }
        Ok(None) => Err(Greeting::Lost(FrameError::Truncated)),
        Err(error @ FrameError::Io(_)) => Err(Greeting::Lost(error)),
        Err(error) => Err(Greeting::Refused(ConnectError::Answer(error))),
    }
}

fn away(source: FrameError) -> ConnectError {
    ConnectError::MachineAway { source: Some(Box::new(source)) }
}

fn busy() -> ConnectError {
    ConnectError::Refused(ApiError::new(ErrorCode::Busy, "too many streams to the machine at once"))
}

fn failed(error: IrohConnectError) -> ConnectError {
    match error {
        IrohConnectError::Connect { source, .. } => match source {
            ConnectWithOptsError::SelfConnect { .. } => ConnectError::Key,
            ConnectWithOptsError::NoAddress { .. } => ConnectError::NoAddress,
            ConnectWithOptsError::EndpointClosed { .. } => ConnectError::Closed,
            source => ConnectError::MachineAway { source: Some(Box::new(source)) },
        },
        IrohConnectError::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        }
        | IrohConnectError::Connection { source, .. } => closed(source),
        error => ConnectError::MachineAway { source: Some(Box::new(error)) },
    }
}

fn closed(error: ConnectionError) -> ConnectError {
    match &error {
        ConnectionError::ApplicationClosed(close) if close.error_code == CLOSE_BUSY => busy(),
        ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == NO_PROTOCOL => {
            ConnectError::Protocol
        }
        ConnectionError::LocallyClosed => ConnectError::Closed,
        ConnectionError::TimedOut => ConnectError::MachineAway { source: None },
        _ => ConnectError::MachineAway { source: Some(Box::new(error)) },
    }
}
