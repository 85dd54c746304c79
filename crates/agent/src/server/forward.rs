//! A forwarded TCP stream: connects inside the workload before the client is welcomed, so that a
//! closed port is told in words, then copies bytes until either side ends or the grant does.

use std::sync::Arc;

use dbc_agent_api::{ApiError, ErrorCode, Verb};
use dbc_tunnel::Incoming;
use tokio::io::copy_bidirectional;
use tracing::debug;

use super::authorize::Pass;
use crate::{fleet::Fleet, host::GuestError};

/// Serves one forwarded stream that was let in.
pub async fn serve(fleet: &Arc<Fleet>, pass: &Pass, incoming: Incoming) {
    let port = match port(pass, &incoming) {
        Ok(port) => port,
        Err(error) => return incoming.refuse(error).await,
    };
    let host = fleet.host();
    let dir = host.run_dir(pass.key());
    let mut inside = match host.guest.tcp(&dir, port).await {
        Ok(inside) => inside,
        Err(error) => return incoming.refuse(refusal(&error)).await,
    };
    let Ok(mut stream) = incoming.welcome(None).await else { return };
    let over = tokio::select! {
        copied = copy_bidirectional(&mut stream, &mut inside) => copied.err().map(|e| e.to_string()),
        error = pass.ended(&[Verb::Forward]) => Some(error.to_string()),
    };
    if let Some(why) = over {
        debug!(why, "forwarded stream cut off");
        stream.reset();
    }
}

fn port(pass: &Pass, incoming: &Incoming) -> Result<u16, ApiError> {
    pass.allow(Verb::Forward)?;
    match incoming.hello.port {
        Some(port) if port != 0 => Ok(port),
        _ => Err(ApiError::new(ErrorCode::InvalidInput, "port: must be 1 to 65535")),
    }
}

fn refusal(error: &GuestError) -> ApiError {
    match error {
        GuestError::PortClosed(_) => ApiError::new(ErrorCode::PortClosed, error.to_string()),
        GuestError::Away(_) => ApiError::new(ErrorCode::WrongState, "the workload does not run"),
        GuestError::Failed(why) => ApiError::new(ErrorCode::WorkloadFailed, why),
    }
}
