//! The SSH server of a lease: speaks SSH to a client whose stream the tunnel has authenticated and
//! the gate has let in, and turns channels into sessions of the workload's `dbc-init`. Runs nothing
//! and opens no path itself (mechanisms.md rule 18).

mod flow;
mod handler;
mod program;
mod raw;
#[cfg(test)]
mod tests;
mod transport;

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_trait::async_trait;
use dbc_agent_api::Verbs;
use dbc_init::{ClientError, InitClient};
use russh::{
    MethodKind, MethodSet, Preferred, SshId, cipher, compression,
    keys::{Algorithm, PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{Config, run_stream},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use self::{handler::Connection, transport::Watched};

/// How long a client may take to agree on keys and to ask for `none` authentication.
const LOGIN_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const PACKET_BYTES: u32 = 32 * 1024;
/// Messages of all channels on their way into the connection, each up to a packet.
const OUTGOING: usize = 16;
/// One channel's unread messages inside the library. We take none of them there; see [`flow`].
const LIBRARY_BUFFER: usize = 1;

/// The workload behind a connection.
#[async_trait]
pub trait SessionTarget: Send + Sync {
    /// A fresh connection to the workload's init.
    async fn connect(&self) -> Result<InitClient, ClientError>;
}

/// The SSH key of a lease, by which its server is known. Not printed, wiped when dropped.
#[derive(Clone)]
pub struct HostKey(PrivateKey);

impl HostKey {
    /// The ed25519 key of this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    /// The public half as OpenSSH writes it, without comment: `ssh-ed25519 AAAA…`.
    pub fn openssh(&self) -> String {
        let line = self.0.public_key().to_openssh();
        line.expect("an ed25519 key always encodes").trim_end().to_owned()
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HostKey").field(&self.openssh()).finish()
    }
}

/// Why a connection ended other than in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// Keys could not be agreed on, or no `none` authentication was asked for in time.
    #[error("the client did not log in within {} s", LOGIN_TIME.as_secs())]
    LoginTime,
    /// The client sends more than it was allowed to.
    #[error("the client ignores its window")]
    Flood,
    /// The transport failed or the client broke the protocol.
    #[error("the connection failed")]
    Protocol(#[from] russh::Error),
}

/// Serves one client until either side ends the connection. When this future is dropped, so are the
/// connection and its channels: programs of a named session stay, all others are hung up.
///
/// # Errors
/// When the connection does not end in order. The client's sessions end the same way in any case.
pub async fn serve<S>(
    stream: S,
    host_key: HostKey,
    target: Arc<dyn SessionTarget>,
    allowed: Verbs,
) -> Result<(), SshError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stop = CancellationToken::new();
    // The library runs the connection in a task of its own: this ends it with us.
    let _stop_when_dropped = stop.clone().drop_guard();
    let (stream, ending) = Watched::new(stream, stop);
    let logged_in = CancellationToken::new();
    let connection = Connection::new(target, allowed, ending, logged_in.clone());
    let started = run_stream(Arc::new(config(host_key)), stream, connection);
    let mut running = timeout(LOGIN_TIME, started).await.map_err(|_| SshError::LoginTime)??;
    tokio::select! {
        ended = &mut running => return ended,
        logged_in = timeout(LOGIN_TIME, logged_in.cancelled()) => {
            logged_in.map_err(|_| SshError::LoginTime)?;
        }
    }
    running.await
}

fn config(host_key: HostKey) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-dbc_",
            env!("CARGO_PKG_VERSION")
        ))),
        methods: MethodSet::from(&[MethodKind::None][..]),
        // There is nothing to guess: who is here was let in by his key and grant.
        auth_rejection_time: Duration::ZERO,
        max_auth_attempts: 3,
        keys: vec![host_key.0],
        window_size: flow::WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES,
        channel_buffer_size: LIBRARY_BUFFER,
        event_buffer_size: OUTGOING,
        preferred: Preferred {
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM]),
            // The tunnel may be fast, and a small packet can hold a large one.
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE_TIME),
        ..Config::default()
    }
}
