//! What a renter does with a lease beside ordering and ending it: suspend, resume, fail-over; his pledge;
//! what it would cost to end. Each call returns when it is final.

use std::time::Duration;

use dbc_chain_client::At;
use dbc_primitives::BoundedVec;

use super::{network::finish, provider::id};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::{self, share},
    money::Money,
    order::{Quote, RentStep},
    view::{EndedView, LeaseState, LeaseView, MachineView, PledgeView, TxView},
};

/// Why the chain gives no quote of a machine that fits.
const HELD_BACK: &str = "it takes no such order now; an audit or a maintenance may hold it back";

impl Market {
    /// The same quote by the chain's own word: with the discount of its term, and the fee of the platform
    /// that sells it.
    pub(crate) async fn exact(
        &self,
        quote: Quote,
        platform: Option<u32>,
    ) -> Result<Quote, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let gpus = BoundedVec::try_from(quote.gpus.clone());
        let gpus = gpus.map_err(|_| MarketError::Internal("a quote of too many GPUs".into()))?;
        let (machine, shares) = (id(quote.machine), quote.cpu_shares);
        let found = view.quote(machine, &gpus, shares, quote.term_slots, platform).await?;
        let taken = || MarketError::MachineTaken { why: HELD_BACK.into() };
        let found = found.ok_or_else(taken)?;
        Ok(Quote {
            rate: self.calendar().await?.rate(found.rate),
            deposit: Money(found.deposit),
            offer_version: found.offer_version,
            in_dollars: found.in_dollars,
            off: found.off,
            platform: Money(found.platform),
            ..quote
        })
    }

    /// What an open lease would cost if it ended now; `None` once it is closed.
    pub async fn if_ended(&self, lease: u64) -> Result<Option<EndedView>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.if_ended(lease).await?;
        Ok(found.map(|found| EndedView {
            cost: Money(found.cost),
            refund: Money(found.refund),
            off: share(found.off),
        }))
    }

    /// Gives the cards of a lease up, for good; its data stays until its end. Free with a pledge.
    ///
    /// Errors: `chain_refused` when the machine has no CPU share for it, or a report is under way.
    pub async fn suspend(&self, signer: &Signer, lease: u64) -> Result<LeaseView, MarketError> {
        self.open_lease(lease).await?;
        finish(self.chain().await?.suspend(signer, lease).await?).await?;
        self.lease(lease).await
    }

    /// Takes free cards of the same models for a suspended lease, at no more than `max_rate` per slot (what
    /// the lease's own maximum is when `None`).
    ///
    /// Errors: `machine_unavailable` when there are not enough; restore elsewhere, or wait.
    pub async fn resume(
        &self,
        signer: &Signer,
        lease: u64,
        max_rate: Option<Money>,
    ) -> Result<LeaseView, MarketError> {
        let found = self.open_lease(lease).await?;
        let suspended = found
            .suspended
            .as_ref()
            .ok_or_else(|| MarketError::Input { field: "lease", why: "is not suspended".into() })?;
        let machine = self.machine(found.machine).await?;
        let taken = |why: &str| MarketError::MachineTaken { why: why.into() };
        let offer = machine.offer.as_ref().map(|offer| offer.version);
        let offer = offer.ok_or_else(|| taken("the machine has no offer any more"))?;
        let gpus = same_cards(&machine, &suspended.gpus)
            .ok_or_else(|| taken("not enough cards of its models are free"))?;
        let rate = max_rate.unwrap_or(found.max_rate);
        let chain = self.chain().await?;
        let sent = chain.resume(signer, lease, gpus, offer, rate.0).await?;
        finish(sent).await.map_err(convert::order_error)?;
        self.lease(lease).await
    }

    /// Lets a lease's standby take it over; its machine must have been silent for ten minutes. The standby has
    /// nothing of what ran until [`Market::start_over`] sends it.
    ///
    /// Errors: `chain_refused` before that, or without a standby.
    pub async fn fail_over(&self, signer: &Signer, lease: u64) -> Result<LeaseView, MarketError> {
        self.open_lease(lease).await?;
        finish(self.chain().await?.fail_over(signer, lease).await?).await?;
        self.lease(lease).await
    }

    /// Sends what a lease runs to the machine that took it over, and waits until it runs there: as long as its
    /// agent tries, or `wait_s` seconds. Lets the standby take it over first where that is still to be done, so
    /// that a call that broke off is made again.
    ///
    /// Errors: those of [`Market::fail_over`]; `invalid_input` when this device did not send what it runs;
    /// `workload_failed`, and those of the machine being away.
    pub async fn start_over(
        &self,
        signer: &Signer,
        lease: u64,
        wait_s: Option<u64>,
        mut progress: impl FnMut(RentStep) + Send,
    ) -> Result<LeaseView, MarketError> {
        let found = self.open_lease(lease).await?;
        if !(found.state == LeaseState::Pending && found.generation > 0) {
            self.fail_over(signer, lease).await?;
        }
        progress(RentStep::Final);
        let wait = wait_s.map(Duration::from_secs);
        // Boxed, so that callers' futures stay small.
        Box::pin(self.send_and_start(lease, wait, &mut progress)).await?;
        self.lease(lease).await
    }

    /// What an account pledged.
    pub async fn pledged(&self, account: AccountId) -> Result<PledgeView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let found = view.pledge(account).await?;
        let needed = Money(view.pledge_amount().await?);
        Ok(PledgeView { amount: Money(found.amount), needed, relied: found.relied })
    }

    /// Sets aside what makes suspended leases free and keeps the data of closed ones for a week.
    ///
    /// Errors: `insufficient_funds`, `chain_refused` when enough is pledged.
    pub async fn pledge(&self, signer: &Signer) -> Result<PledgeView, MarketError> {
        finish(self.chain().await?.pledge(signer).await?).await?;
        self.pledged(signer.account()).await
    }

    /// Takes the pledge back.
    ///
    /// Errors: `chain_refused` while a lease or its data relies on it.
    pub async fn release_pledge(&self, signer: &Signer) -> Result<TxView, MarketError> {
        finish(self.chain().await?.release_pledge(signer).await?).await
    }
}

/// Free cards of the models of those at `like`, rising; `None` when there are too few.
fn same_cards(machine: &MachineView, like: &[u8]) -> Option<Vec<u8>> {
    let model = |slot: &u8| {
        let found = machine.gpus.iter().find(|gpu| gpu.slot == *slot)?;
        Some(found.facts.model.clone())
    };
    let mut wanted = like.iter().map(model).collect::<Option<Vec<_>>>()?;
    let mut found = Vec::new();
    for gpu in machine.gpus.iter().filter(|gpu| !gpu.leased) {
        if let Some(place) = wanted.iter().position(|model| *model == gpu.facts.model) {
            wanted.swap_remove(place);
            found.push(gpu.slot);
        }
    }
    wanted.is_empty().then_some(found)
}
