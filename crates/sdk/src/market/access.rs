//! Grants: made from a lease's access key, handed on, listed, revoked.

use crate::{
    Market, MarketError,
    grant::{GrantOrder, GrantView},
};

impl Market {
    /// Makes a grant for another device. Needs the lease's access key on this device.
    pub async fn grant_create(
        &self,
        _lease: u64,
        _order: &GrantOrder,
    ) -> Result<GrantView, MarketError> {
        Err(self.pending())
    }

    /// Hands a narrower grant on: `token` must name this device as its holder.
    pub async fn grant_delegate(
        &self,
        _token: &str,
        _order: &GrantOrder,
    ) -> Result<GrantView, MarketError> {
        Err(self.pending())
    }

    /// Keeps a grant that was made for this device, so that [`Market::agent`] finds it.
    pub async fn grant_import(&self, _token: &str) -> Result<GrantView, MarketError> {
        Err(self.pending())
    }

    /// The grants that this device made or was given, of one lease or of all; newest first.
    pub fn grant_list(&self, _lease: Option<u64>) -> Result<Vec<GrantView>, MarketError> {
        Err(self.pending())
    }

    /// Revokes one grant, and all that were made from it, with the agent. Where the agent cannot be
    /// reached, [`Market::revoke_all`] does it on the chain for all grants at once.
    pub async fn grant_revoke(&self, _lease: u64, _id: &str) -> Result<GrantView, MarketError> {
        Err(self.pending())
    }
}
