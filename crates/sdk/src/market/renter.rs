//! What a renter does: look, order, extend, end, change access.

use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    id::MachineId,
    order::{Filter, Need, Quote},
    view::{Closing, LeaseView, MachineView, TxView},
};

impl Market {
    /// The machines that pass the filter, cheapest first, those without an offer last.
    pub async fn machines(&self, _filter: &Filter) -> Result<Vec<MachineView>, MarketError> {
        Err(self.pending())
    }

    /// One machine.
    pub async fn machine(&self, _id: MachineId) -> Result<MachineView, MarketError> {
        Err(self.pending())
    }

    /// The machine that a person means: its id, the unambiguous beginning of it (at least four
    /// digits), or its short number.
    pub async fn find_machine(&self, _text: &str) -> Result<MachineView, MarketError> {
        Err(self.pending())
    }

    /// What the need costs, on the machine it names or on the cheapest that fits.
    pub async fn quote(&self, _need: &Need) -> Result<Quote, MarketError> {
        Err(self.pending())
    }

    /// The account's leases, newest first; closed ones only with `all`.
    pub async fn leases(
        &self,
        _account: AccountId,
        _all: bool,
    ) -> Result<Vec<LeaseView>, MarketError> {
        Err(self.pending())
    }

    /// One lease, as of the best block.
    pub async fn lease(&self, _id: u64) -> Result<LeaseView, MarketError> {
        Err(self.pending())
    }

    /// Extends the term by at least `seconds` at the present offer, at no more than `max_rate` per slot
    /// (the lease's own rate when `None`). Holds more.
    pub async fn extend(
        &self,
        _signer: &Signer,
        _lease: u64,
        _seconds: u64,
        _max_rate: Option<crate::Money>,
    ) -> Result<LeaseView, MarketError> {
        Err(self.pending())
    }

    /// Settles up to now, anybody may.
    pub async fn settle(&self, _signer: &Signer, _lease: u64) -> Result<LeaseView, MarketError> {
        Err(self.pending())
    }

    /// Ends the lease; returns when that is final, with every unit accounted for.
    pub async fn end(&self, _signer: &Signer, _lease: u64) -> Result<Closing, MarketError> {
        Err(self.pending())
    }

    /// Puts a fresh access key of this device on the lease; every grant made before dies.
    pub async fn set_access(&self, _signer: &Signer, _lease: u64) -> Result<TxView, MarketError> {
        Err(self.pending())
    }

    /// Makes every grant of the lease invalid by its epoch, also where the agent cannot be told.
    pub async fn revoke_all(&self, _signer: &Signer, _lease: u64) -> Result<TxView, MarketError> {
        Err(self.pending())
    }
}
