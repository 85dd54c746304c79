//! What a provider or its operator does. Each call returns when it is final.

use dbc_chain_client::At;
use dbc_primitives as chain;

use super::network::finish;
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert,
    id::MachineId,
    money::Money,
    view::{Ask, MachineView, NetworkFacts, OutageView, PresenceView, Registration, TxView},
};

impl Market {
    /// Names the account that may act for the provider `signer` (register, offer, report starts).
    pub async fn set_operator(
        &self,
        signer: &Signer,
        operator: AccountId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.set_operator(signer, operator).await?).await
    }

    /// The operator of a provider, if one is named.
    pub async fn operator(&self, provider: AccountId) -> Result<Option<AccountId>, MarketError> {
        Ok(self.chain().await?.at(At::Best).await?.operator(provider).await?)
    }

    /// Registers a machine; the stake is held from the provider.
    ///
    /// Errors: `insufficient_funds` when the stake cannot be held, `invalid_input` naming the field,
    /// `chain_refused` when the machine is registered already or its proof is for another network.
    pub async fn register(
        &self,
        signer: &Signer,
        registration: &Registration,
    ) -> Result<MachineView, MarketError> {
        let converted = convert::registration(registration)?;
        finish(self.chain().await?.register(signer, converted).await?).await?;
        self.machine(registration.machine).await
    }

    /// The stake that registering a machine with so many GPUs holds.
    pub async fn stake_for(&self, gpus: usize) -> Result<Money, MarketError> {
        let constants = self.chain().await?.at(At::Best).await?.constants().await?;
        let units = u128::try_from(gpus.max(1)).unwrap_or(u128::MAX);
        Ok(Money(constants.stake_per_gpu.saturating_mul(units)))
    }

    /// Whether and how a machine was there, by its short number.
    ///
    /// Errors: [`MarketError::MachineNotFound`], [`MarketError::Chain`].
    pub async fn presence(&self, machine: MachineId) -> Result<PresenceView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let found = view.machine(id(machine)).await?;
        let index = match found {
            Some(found) => found.index.index,
            None => return Err(MarketError::MachineNotFound { what: machine.to_string() }),
        };
        let presence = view.presence(index).await?;
        let outages = view.outages(index).await?;
        let horizon = view.next_interval().await?;
        let known_to = horizon.saturating_mul(view.watch_constants()?.interval_slots);
        let calendar = self.calendar().await?;
        let outage = |outage: dbc_chain_client::OutageRecord| OutageView {
            since: calendar.moment(outage.since),
            until: outage.until.map(|slot| calendar.moment(slot)),
            blamed: outage.blamed,
        };
        let silent_since = presence.and_then(|presence| presence.silent_since);
        Ok(PresenceView {
            live: presence.is_some() && silent_since.is_none(),
            silent_since: silent_since.map(|slot| calendar.moment(slot)),
            offline_s: calendar.seconds(presence.map_or(0, |presence| presence.offline)),
            outages: outages.into_iter().map(outage).collect(),
            known_to: calendar.moment(known_to),
        })
    }

    /// Changes how the machine is reached.
    pub async fn set_network(
        &self,
        signer: &Signer,
        machine: MachineId,
        network: &NetworkFacts,
    ) -> Result<TxView, MarketError> {
        let network = convert::network(network)?;
        finish(self.chain().await?.set_network(signer, id(machine), network).await?).await
    }

    /// Sets what is asked for, the bounds of the term (seconds, rounded up to slots) and how many CPU shares there
    /// are, which only a machine of which nothing is leased can change; the offer's version counts up.
    pub async fn set_offer(
        &self,
        signer: &Signer,
        machine: MachineId,
        ask: Ask,
        min_term_s: u64,
        max_term_s: u64,
        cpu_shares: u16,
    ) -> Result<TxView, MarketError> {
        let offer = self.offer(ask, min_term_s, max_term_s).await?;
        let offer = chain::Offer { cpu_shares, ..offer };
        finish(self.chain().await?.set_offer(signer, id(machine), offer).await?).await
    }

    /// An offer without CPU shares.
    pub(super) async fn offer(
        &self,
        ask: Ask,
        min_term_s: u64,
        max_term_s: u64,
    ) -> Result<chain::Offer, MarketError> {
        let input = |why: String| Err(MarketError::Input { field: "term", why });
        if min_term_s == 0 || min_term_s > max_term_s {
            return input("the shortest must be above 0 and not above the longest".into());
        }
        let calendar = self.calendar().await?;
        let (min_term, max_term) = (calendar.slots(min_term_s), calendar.slots(max_term_s));
        if min_term > chain::price::MIN_TERM_MAX {
            let most = calendar.seconds(chain::price::MIN_TERM_MAX) / 60;
            return input(format!(
                "the shortest may be {most} minutes at most: whoever rents may end when he likes"
            ));
        }
        Ok(chain::Offer { price: convert::ask(ask), min_term, max_term, cpu_shares: 0 })
    }

    /// Lets the machine take orders; it must be verified and have an offer.
    pub async fn list(&self, signer: &Signer, machine: MachineId) -> Result<TxView, MarketError> {
        finish(self.chain().await?.list(signer, id(machine)).await?).await
    }

    /// Takes no more orders; running leases go on.
    pub async fn unlist(&self, signer: &Signer, machine: MachineId) -> Result<TxView, MarketError> {
        finish(self.chain().await?.unlist(signer, id(machine)).await?).await
    }

    /// Begins to leave; only without leases.
    pub async fn retire(&self, signer: &Signer, machine: MachineId) -> Result<TxView, MarketError> {
        finish(self.chain().await?.retire(signer, id(machine)).await?).await
    }

    /// Takes the stake of a retired machine back after the retirement delay and removes the machine.
    pub async fn withdraw_stake(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.withdraw_stake(signer, id(machine)).await?).await
    }
}

pub(super) fn id(machine: MachineId) -> chain::MachineId {
    chain::MachineId(machine.0)
}
