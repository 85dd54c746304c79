//! What a renter does: look, order, extend, end, change access.

use crate::{
    Agent, Market, MarketError,
    account::{AccountId, Signer},
    id::MachineId,
    order::{Filter, Need, Quote, RentOrder, RentStep},
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

    /// Rents: stores the order and a fresh access key, submits, waits as far as the order says and
    /// reports each step. Called again with the same tag it goes on where it broke off and never pays
    /// twice. Dropping the future at any point is safe.
    ///
    /// Errors: `offer_changed`, `machine_unavailable`, `insufficient_funds`, `workload_failed` (the
    /// lease lives on and can be ended), and those of chain and machine being away.
    pub async fn rent(
        &self,
        _signer: &Signer,
        _order: RentOrder,
        _progress: impl FnMut(RentStep) + Send,
    ) -> Result<LeaseView, MarketError> {
        Err(self.pending())
    }

    /// Orders that were stored but of which no final lease is known yet, with their tags; oldest first.
    pub fn unfinished_orders(&self) -> Result<Vec<(u64, RentOrder)>, MarketError> {
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

    /// What runs inside a lease, by this device's access key or by a grant that was imported here.
    /// Nothing is connected until the first call of [`Agent`].
    ///
    /// Errors: `lease_not_found`, `lease_closed`, `grant_invalid` when this device has no access.
    pub async fn agent(&self, _lease: u64) -> Result<Agent, MarketError> {
        Err(self.pending())
    }

    /// The same under this grant, which must name this device's holder key.
    pub async fn agent_with_grant(&self, _token: &str) -> Result<Agent, MarketError> {
        Err(self.pending())
    }
}
