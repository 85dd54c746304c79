//! What a provider or its operator does. Each call returns when it is final.

use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    id::MachineId,
    view::{MachineView, NetworkFacts, Price, Registration, TxView},
};

impl Market {
    /// Names the account that may act for the provider `signer` (register, offer, report starts).
    pub async fn set_operator(
        &self,
        _signer: &Signer,
        _operator: AccountId,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// The operator of a provider, if one is named.
    pub async fn operator(&self, _provider: AccountId) -> Result<Option<AccountId>, MarketError> {
        Err(self.pending())
    }

    /// Registers a machine; the stake is held from the provider.
    ///
    /// Errors: `insufficient_funds` when the stake cannot be held, `invalid_input` naming the field,
    /// `chain_refused` when the machine is registered already or its proof is for another network.
    pub async fn register(
        &self,
        _signer: &Signer,
        _registration: &Registration,
    ) -> Result<MachineView, MarketError> {
        Err(self.pending())
    }

    /// The stake that registering a machine with so many GPUs holds.
    pub async fn stake_for(&self, _gpus: usize) -> Result<crate::Money, MarketError> {
        Err(self.pending())
    }

    /// Changes how the machine is reached.
    pub async fn set_network(
        &self,
        _signer: &Signer,
        _machine: MachineId,
        _network: &NetworkFacts,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Sets price and bounds of the term (seconds, rounded to slots); the offer's version counts up.
    pub async fn set_offer(
        &self,
        _signer: &Signer,
        _machine: MachineId,
        _price: Price,
        _min_term_s: u64,
        _max_term_s: u64,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Lets the machine take orders; it must be verified and have an offer.
    pub async fn list(&self, _signer: &Signer, _machine: MachineId) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Takes no more orders; running leases go on.
    pub async fn unlist(
        &self,
        _signer: &Signer,
        _machine: MachineId,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Begins to leave; only without leases.
    pub async fn retire(
        &self,
        _signer: &Signer,
        _machine: MachineId,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Takes the stake of a retired machine back after the retirement delay and removes the machine.
    pub async fn withdraw_stake(
        &self,
        _signer: &Signer,
        _machine: MachineId,
    ) -> Result<TxView, MarketError> {
        Err(self.pending())
    }
}
