//! The machine's door: takes streams from the tunnel, lets in whom the gate admits, and hands each
//! to its protocol. Connections, streams and first frames are bounded by the tunnel; grants are
//! judged in [`authorize`].

pub mod audit;
pub mod authorize;
mod control;
mod forward;
mod shell;

use std::{sync::Arc, time::Duration};

use dbc_agent_api::{ALPN_AUDIT, ALPN_CONTROL, ALPN_SSH, ALPN_TCP, ApiError, ErrorCode};
use dbc_tunnel::{Incoming, Listener};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use self::{
    audit::Examinee,
    authorize::{Gate, Pass},
};
use crate::{
    fleet::Fleet,
    keys::Keys,
    metrics::{Metrics, NameLabel},
    store::Store,
};

/// How long it may take to let a stream in; the chain may have to be asked.
const ADMIT_TIME: Duration = Duration::from_secs(10);

/// Serves streams. Shared by all of them.
pub struct Server {
    /// Genesis hash of the network.
    pub genesis: [u8; 32],
    /// Vouches for host keys.
    pub keys: Arc<Keys>,
    /// Keeps host keys.
    pub store: Store,
    /// Workloads.
    pub fleet: Arc<Fleet>,
    /// Judges requests.
    pub gate: Arc<Gate>,
    /// Answers auditors.
    pub examinee: Examinee,
    /// Counters.
    pub metrics: Metrics,
}

impl Server {
    /// The protocols that are served.
    pub fn alpns() -> Vec<Vec<u8>> {
        [ALPN_AUDIT, ALPN_CONTROL, ALPN_SSH, ALPN_TCP].map(<[u8]>::to_vec).into()
    }

    /// Serves until `shutdown` or until the listener is closed; ends all streams then.
    pub async fn run(self: Arc<Self>, listener: Arc<Listener>, shutdown: CancellationToken) {
        let mut streams = JoinSet::new();
        let accepting = async {
            loop {
                let incoming = tokio::select! {
                    incoming = listener.accept() => incoming,
                    Some(_) = streams.join_next(), if !streams.is_empty() => continue,
                };
                let Some(incoming) = incoming else { break };
                let server = self.clone();
                streams.spawn(async move { server.serve(incoming).await });
            }
        };
        shutdown.run_until_cancelled(accepting).await;
        listener.close().await;
        info!("no longer reachable");
    }

    #[tracing::instrument(name = "stream", skip_all, fields(lease_id = incoming.hello.lease,
        peer = %short(&incoming.remote_key)))]
    async fn serve(&self, incoming: Incoming) {
        let name = word(&incoming.alpn);
        self.metrics.streams.get_or_create(&NameLabel { name }).inc();
        if incoming.alpn == ALPN_AUDIT {
            // Auditors have no grant: the chain says who they are.
            let peer = incoming.remote_key;
            let Ok(stream) = incoming.welcome(None).await else { return };
            return self.examinee.serve(peer, stream).await;
        }
        let admitted = self.gate.admit(incoming.remote_key, &incoming.hello);
        let pass = match timeout(ADMIT_TIME, admitted).await {
            Ok(Ok(pass)) => pass,
            Ok(Err(error)) => return self.refuse(incoming, error).await,
            Err(_) => {
                let message = "the machine could not ask the chain for this lease in time";
                let error = ApiError::new(ErrorCode::ChainUnreachable, message);
                return self.refuse(incoming, error).await;
            }
        };
        debug!(protocol = name, "let in");
        self.dispatch(pass, incoming).await;
    }

    async fn dispatch(&self, pass: Pass, incoming: Incoming) {
        if incoming.alpn == ALPN_CONTROL {
            let Ok(stream) = incoming.welcome(None).await else { return };
            control::serve(&self.fleet, &pass, stream).await;
        } else if incoming.alpn == ALPN_SSH {
            if let Err((incoming, error)) = shell::serve(self, pass, incoming).await {
                self.refuse(*incoming, error).await;
            }
        } else if incoming.alpn == ALPN_TCP {
            forward::serve(&self.fleet, &pass, incoming).await;
        } else {
            let error = ApiError::new(ErrorCode::InvalidInput, "unknown protocol");
            self.refuse(incoming, error).await;
        }
    }

    async fn refuse(&self, incoming: Incoming, error: ApiError) {
        let name = error.code.as_str();
        self.metrics.refused.get_or_create(&NameLabel { name }).inc();
        debug!(code = name, message = error.message, "refused");
        incoming.refuse(error).await;
    }
}

fn word(alpn: &[u8]) -> &'static str {
    match alpn {
        ALPN_AUDIT => "audit",
        ALPN_CONTROL => "control",
        ALPN_SSH => "ssh",
        ALPN_TCP => "tcp",
        _ => "other",
    }
}

fn short(key: &[u8; 32]) -> String {
    hex::encode(&key[..4])
}
