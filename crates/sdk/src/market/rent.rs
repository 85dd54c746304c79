//! Renting: from an order to a running workload, in steps that can each be done again.

use crate::{
    Market, MarketError,
    account::Signer,
    order::{RentOrder, RentStep},
    view::LeaseView,
};

impl Market {
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

    /// Orders that were stored but whose workload did not come to run, with their tags; oldest first.
    pub async fn unfinished_orders(&self) -> Result<Vec<(u64, RentOrder)>, MarketError> {
        Err(self.pending())
    }
}
