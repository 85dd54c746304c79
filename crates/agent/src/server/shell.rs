//! An SSH stream: the lease's host key, vouched for by the machine key, and the way into the
//! workload for the SSH server of [`crate::ssh`]. Ends the connection when the grant ends.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use dbc_agent_api::{ApiError, ErrorCode, Verb, Verbs};
use dbc_init::{ClientError, InitClient};
use dbc_tunnel::Incoming;
use tracing::{debug, warn};

use super::{Server, authorize::Pass};
use crate::{
    host::{Guest, GuestError},
    ssh::{self, HostKey, SessionTarget},
};

/// What an SSH connection can be used for; any of them lets it in.
const VERBS: [Verb; 3] = [Verb::Shell, Verb::Copy, Verb::Forward];

/// Serves one SSH stream that was let in, or gives it back with the reason for its refusal.
pub async fn serve(
    server: &Server,
    pass: Pass,
    incoming: Incoming,
) -> Result<(), (Box<Incoming>, ApiError)> {
    let ready = match prepare(server, &pass).await {
        Ok(ready) => ready,
        Err(error) => return Err((Box::new(incoming), error)),
    };
    let (host_key, target, allowed) = ready;
    let lease = pass.key().lease;
    let vouched = server.keys.vouch(&server.genesis, lease, &host_key.openssh());
    let Ok(stream) = incoming.welcome(Some(vouched)).await else { return Ok(()) };
    tokio::select! {
        ended = ssh::serve(stream, host_key, target, allowed) => {
            if let Err(error) = ended {
                debug!(error = dbc_service::error_chain(&error), "ssh connection ended");
            }
        }
        error = pass.ended(&VERBS) => debug!(why = error.message, "ssh connection cut off"),
    }
    Ok(())
}

async fn prepare(
    server: &Server,
    pass: &Pass,
) -> Result<(HostKey, Arc<dyn SessionTarget>, Verbs), ApiError> {
    let allowed: Verbs = VERBS.into_iter().filter(|verb| pass.verbs().allow(*verb)).collect();
    if allowed.0.is_empty() {
        pass.allow(Verb::Shell)?;
    }
    let host = server.fleet.host();
    let target = Workload { guest: host.guest.clone(), dir: host.run_dir(pass.key()) };
    // Told in words before SSH begins; a client would show a broken connection otherwise.
    match host.guest.ready(&target.dir).await {
        Ok(()) => {}
        Err(GuestError::Away(_)) => {
            let message = "the workload does not run";
            return Err(ApiError::new(ErrorCode::WrongState, message));
        }
        Err(error) => return Err(ApiError::new(ErrorCode::WorkloadFailed, error.to_string())),
    }
    let lease = pass.key().lease;
    let seed = server.store.host_seed(lease, rand::random()).await.map_err(|error| {
        warn!(error = dbc_service::error_chain(&error), "no host key");
        ApiError::new(ErrorCode::HostUnavailable, "the machine cannot read the lease's host key")
    })?;
    Ok((HostKey::from_seed(&seed), Arc::new(target), allowed))
}

/// The workload behind an SSH connection.
struct Workload {
    guest: Arc<dyn Guest>,
    dir: PathBuf,
}

#[async_trait]
impl SessionTarget for Workload {
    async fn connect(&self) -> Result<InitClient, ClientError> {
        let stream = self.guest.connect(&self.dir).await.map_err(ClientError::Unreachable)?;
        Ok(InitClient::over(stream))
    }
}
