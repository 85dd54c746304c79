//! By what right a client talks to an agent: the lease's access key, which mints short grants, or a
//! grant that was given to this device. Either is bound to the key of this process's endpoint, so that
//! two programs of one device can be connected at once.

use std::sync::Mutex;

use dbc_agent_api::{ErrorCode, Verb, Verbs};
use dbc_grants::{AccessKey, Delegation, Grant, GrantError, GrantTerms, HolderKey};
use dbc_tunnel::ConnectError;

use crate::{
    Market, MarketError,
    id::{Genesis, MachineId},
};

/// How long a grant lives that a client makes for itself. Agents cut streams off when their grant ends,
/// so it is nearly as long as may be.
const GRANT_SECONDS: u64 = 23 * 60 * 60;
/// A new stream gets a new one when the last would end within this time.
const GRANT_SPARE_SECONDS: u64 = 22 * 60 * 60;

/// A right to talk to the agent of a lease.
pub(crate) enum Access {
    /// By the lease's access key.
    Key {
        key: AccessKey,
        genesis: Genesis,
        machine: MachineId,
        lease: u64,
        /// Epoch on the lease, and the grant at hand with its end.
        state: Mutex<(u32, Option<(String, u64)>)>,
    },
    /// By a grant that names this device's holder key.
    Token { grant: Grant, holder: HolderKey },
}

impl Access {
    pub(crate) fn by_key(
        key: AccessKey,
        genesis: Genesis,
        machine: MachineId,
        lease: u64,
        epoch: u32,
    ) -> Self {
        Self::Key { key, genesis, machine, lease, state: Mutex::new((epoch, None)) }
    }

    /// The token to send.
    pub(super) fn token(&self, market: &Market, verb: Verb) -> Result<String, MarketError> {
        let connection = market.connection_key();
        let now = market.now();
        match self {
            Self::Key { key, genesis, machine, lease, state } => {
                let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Some((token, until)) = &state.1
                    && *until > now + GRANT_SPARE_SECONDS
                {
                    return Ok(token.clone());
                }
                let until = now + GRANT_SECONDS;
                let terms = GrantTerms {
                    genesis: genesis.0,
                    machine: machine.0,
                    lease: *lease,
                    epoch: state.0,
                    holder: connection,
                    verbs: Verbs::owner(),
                    until,
                    pinned: false,
                };
                let token = Grant::mint(key, &terms, now).map_err(grant_error)?.encode();
                state.1 = Some((token.clone(), until));
                Ok(token)
            }
            Self::Token { grant, holder } => {
                let claims = grant.claims().map_err(grant_error)?;
                if claims.holder != holder.public() {
                    return Err(grant_error(GrantError::NotHolder));
                }
                if claims.until <= now {
                    return Err(grant_error(GrantError::Expired));
                }
                if !claims.verbs.allow(verb) {
                    return Err(grant_error(GrantError::Verb(verb)));
                }
                let until = claims.until.min(now + GRANT_SECONDS);
                let to = Delegation { holder: connection, verbs: claims.verbs, until };
                Ok(grant.delegate(holder, &to).map_err(grant_error)?.encode())
            }
        }
    }

    /// Looks whether the lease's epoch moved on; `false` when a new grant would be no better.
    pub(super) async fn renew(&self, market: &Market, lease: u64) -> Result<bool, MarketError> {
        let Self::Key { key, state, .. } = self else { return Ok(false) };
        let found = match market.lease(lease).await {
            Ok(found) => found,
            Err(error) if error.is_retryable() => return Ok(false),
            Err(error) => return Err(error),
        };
        if found.access_key.0 != key.public() {
            return Err(MarketError::NoAccess { lease });
        }
        let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let moved = state.0 != found.grant_epoch;
        *state = (found.grant_epoch, None);
        Ok(moved)
    }
}

/// Whether the agent refused a grant that may be made anew.
pub(super) fn is_stale(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Refused(error)
        if matches!(error.code, ErrorCode::GrantRevoked | ErrorCode::GrantExpired | ErrorCode::GrantInvalid))
}

pub(crate) fn grant_error(error: GrantError) -> MarketError {
    MarketError::Grant(error.into())
}
