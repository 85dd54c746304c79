//! The machine's side: accepts connections of any key, reads the first frame of each stream, and
//! hands both over. Bounded in every way in which a stranger could fill it: connections, streams,
//! time without a word, bytes of the first frame.

mod limits;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dbc_agent_api::{
    ApiError, ErrorCode,
    hello::{Hello, HelloReply, HostKey},
};
use iroh::{
    Endpoint, RelayUrl,
    endpoint::{Connection, RecvStream, SendStream, VarInt},
};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::limits::Permit;
use self::limits::{ConnectionPermit, Gate};
pub use self::limits::{Limits, Load};
use crate::{BindError, FrameError, Paths, RelayState, Stream, endpoint, read_frame, write_frame};

/// Close code of a connection that came when there were too many.
pub(crate) const CLOSE_BUSY: VarInt = VarInt::from_u32(1);
/// Close code of a connection that nobody used.
pub(crate) const CLOSE_IDLE: VarInt = VarInt::from_u32(2);
/// Close code of a machine that shuts down.
pub(crate) const CLOSE_SHUTDOWN: VarInt = VarInt::from_u32(3);

/// Streams above the limit that a peer may open to be told so, instead of waiting unanswered.
const STREAMS_TO_REFUSE: u32 = 16;
/// How long a refusal may take to be written.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// How long an orderly end may take.
const CLOSE_TIME: Duration = Duration::from_secs(3);
/// Streams that were greeted and wait to be taken by [`Listener::accept`].
const BACKLOG: usize = 64;

/// How a [`Listener`] is opened.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Home relays, best first; may be empty.
    pub relays: Vec<RelayUrl>,
    /// Socket address to listen on. When `None`, a free port on all addresses, IPv4 and IPv6.
    pub bind: Option<SocketAddr>,
    /// Which paths may be used.
    pub paths: Paths,
    /// The protocols that are served, e.g. [`dbc_agent_api::ALPN_CONTROL`].
    pub alpns: Vec<Vec<u8>>,
    /// Bounds.
    pub limits: Limits,
}

/// The machine's endpoint. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
    gate: Arc<Gate>,
    greeted: Mutex<mpsc::Receiver<Incoming>>,
    shutdown: CancellationToken,
}

/// A stream whose first frame was read, before anything was answered.
#[derive(Debug)]
pub struct Incoming {
    /// The key that the connection is authenticated by.
    pub remote_key: [u8; 32],
    /// The protocol.
    pub alpn: Vec<u8>,
    /// What the client asks for. Its words alone: check the grant.
    pub hello: Hello,
    /// The stream; nothing was written to it yet.
    pub stream: Stream,
}

impl Incoming {
    /// Agrees, and gives the stream for what its protocol says.
    pub async fn welcome(mut self, host_key: Option<HostKey>) -> Result<Stream, FrameError> {
        write_frame(&mut self.stream, &HelloReply::Welcome { host_key }).await?;
        Ok(self.stream)
    }

    /// Refuses and ends the stream. Takes at most a second.
    pub async fn refuse(mut self, error: ApiError) {
        refuse(&mut self.stream, error).await;
    }
}

async fn refuse(stream: &mut (impl tokio::io::AsyncWrite + Unpin), error: ApiError) {
    // A client that does not listen to its refusal gets none.
    let _ = timeout(REFUSAL_TIME, write_frame(stream, &HelloReply::Refused(error))).await;
}

impl Listener {
    /// Opens the endpoint whose id belongs to this seed and begins to accept. Does not wait for a
    /// relay, see [`Listener::online`].
    pub async fn bind(seed: &[u8; 32], config: ListenerConfig) -> Result<Self, BindError> {
        let streams = u32::try_from(config.limits.streams_per_peer).unwrap_or(u32::MAX / 2);
        let transport = endpoint::transport(streams + STREAMS_TO_REFUSE).build();
        let builder =
            endpoint::builder(seed, &config.relays, config.bind, config.paths)?.alpns(config.alpns);
        let endpoint = endpoint::bind(builder, transport, config.bind).await?;
        let gate = Arc::new(Gate::new(config.limits));
        let (sender, greeted) = mpsc::channel(BACKLOG);
        let shutdown = CancellationToken::new();
        let server = Server { endpoint: endpoint.clone(), gate: gate.clone(), sender };
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(server.run()));
        Ok(Self { endpoint, gate, greeted: Mutex::new(greeted), shutdown })
    }

    /// The next stream; `None` once the listener is closed. Cancel-safe.
    pub async fn accept(&self) -> Option<Incoming> {
        self.greeted.lock().await.recv().await
    }

    /// The endpoint id.
    pub fn id(&self) -> [u8; 32] {
        *self.endpoint.id().as_bytes()
    }

    /// The socket addresses where the machine may be reached directly, as far as known now.
    pub fn direct_addrs(&self) -> Vec<SocketAddr> {
        self.endpoint.addr().ip_addrs().copied().collect()
    }

    /// The sockets in use; tells the port when port 0 was asked for.
    pub fn bound(&self) -> Vec<SocketAddr> {
        self.endpoint.bound_sockets()
    }

    /// How the connection to the home relay stands; empty before one was chosen.
    pub fn relays(&self) -> Vec<RelayState> {
        endpoint::relay_states(&self.endpoint)
    }

    /// Resolves when a home relay is connected; never, if none is given or none answers.
    pub async fn online(&self) {
        self.endpoint.online().await;
    }

    /// Connections and streams now.
    pub fn load(&self) -> Load {
        self.gate.load()
    }

    /// Ends all connections and the endpoint, within three seconds.
    pub async fn close(&self) {
        self.shutdown.cancel();
        let _ = timeout(CLOSE_TIME, self.endpoint.close()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// The accept loop and what it hands to the tasks of connections.
#[derive(Clone)]
struct Server {
    endpoint: Endpoint,
    gate: Arc<Gate>,
    sender: mpsc::Sender<Incoming>,
}

impl Server {
    async fn run(self) {
        // Dropped with this future: no task of a connection outlives the listener.
        let mut connections = JoinSet::new();
        loop {
            let incoming = tokio::select! {
                incoming = self.endpoint.accept() => incoming,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            };
            let Some(incoming) = incoming else { break };
            let Some(permit) = self.gate.connection() else {
                incoming.refuse();
                continue;
            };
            let server = self.clone();
            connections.spawn(async move { server.shake_hands(incoming, permit).await });
        }
    }

    async fn shake_hands(self, incoming: iroh::endpoint::Incoming, permit: ConnectionPermit) {
        let Ok(accepting) = incoming.accept() else { return };
        let connection = match timeout(self.gate.limits.hello_time, accepting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "handshake failed");
                return;
            }
            Err(_) => return,
        };
        let peer = *connection.remote_id().as_bytes();
        let Some(permit) = permit.of_peer(peer) else {
            connection.close(CLOSE_BUSY, b"too many connections");
            return;
        };
        self.serve(connection, permit).await;
    }

    async fn serve(self, connection: Connection, permit: ConnectionPermit) {
        let mut greetings = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = connection.accept_bi() => accepted,
                Some(_) = greetings.join_next(), if !greetings.is_empty() => continue,
                () = tokio::time::sleep(self.gate.limits.idle_time) => {
                    if permit.streams() > 0 {
                        continue;
                    }
                    connection.close(CLOSE_IDLE, b"idle");
                    return;
                }
            };
            let Ok((mut write, read)) = accepted else { return };
            match permit.stream() {
                Some(permit) => {
                    let greeting = self.clone().greet(connection.clone(), write, read, permit);
                    greetings.spawn(greeting);
                }
                None => {
                    let error = ApiError::new(ErrorCode::Busy, "too many streams at once");
                    refuse(&mut write, error).await;
                }
            }
        }
    }

    async fn greet(
        self,
        connection: Connection,
        write: SendStream,
        read: RecvStream,
        permit: Permit,
    ) {
        let mut stream = Stream::new(write, read, Some(permit));
        let hello = match timeout(self.gate.limits.hello_time, read_frame(&mut stream)).await {
            Ok(Ok(Some(hello))) => hello,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                let text = dbc_service::error_chain(&error);
                let message = format!("the first frame is wrong: {text}");
                return refuse(&mut stream, ApiError::new(ErrorCode::InvalidInput, message)).await;
            }
            Err(_) => {
                let error = ApiError::new(ErrorCode::InvalidInput, "no first frame in time");
                return refuse(&mut stream, error).await;
            }
        };
        let incoming = Incoming {
            remote_key: *connection.remote_id().as_bytes(),
            alpn: connection.alpn().to_vec(),
            hello,
            stream,
        };
        // Fails only when the listener is gone, and the stream with it.
        let _ = self.sender.send(incoming).await;
    }
}
