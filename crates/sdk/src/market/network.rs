//! The network, accounts and plain payments.

use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    id::Genesis,
    money::Money,
    view::{AccountView, NetworkView, RelayView, TxView},
};

impl Market {
    /// Hash of the network's genesis block.
    pub async fn genesis(&self) -> Result<Genesis, MarketError> {
        Err(self.pending())
    }

    /// Heads, versions, relays.
    pub async fn network(&self) -> Result<NetworkView, MarketError> {
        Err(self.pending())
    }

    /// Tries every relay known: governed ones and those of the configuration.
    pub async fn relays(&self) -> Result<Vec<RelayView>, MarketError> {
        Err(self.pending())
    }

    /// Waits until a block newer than the present finalized one is final; returns its number. For
    /// health checks: a chain that makes blocks answers within a few slots.
    pub async fn next_finalized(&self) -> Result<u64, MarketError> {
        Err(self.pending())
    }

    /// The account's money.
    pub async fn balance(&self, _account: AccountId) -> Result<AccountView, MarketError> {
        Err(self.pending())
    }

    /// Sends money; returns when the transfer is final. The sender's account stays alive.
    ///
    /// Errors: `insufficient_funds`, `chain_refused`.
    pub async fn transfer(
        &self,
        _signer: &Signer,
        _to: AccountId,
        _amount: Money,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }
}
