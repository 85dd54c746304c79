//! What a provider does with a machine beside its offer: maintenance, the high-stability tier, other
//! hardware, hand-over. Each call returns when it is final.

use dbc_chain_client::{At, Hardware};

use super::{network::finish, provider::id};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert,
    id::MachineId,
    money::Money,
    view::{HardwareFacts, Location, MachineClass, Moment, TxView},
};

/// Slots that pass between looking at the clock and the call's own block, at most.
const LEAD_SLOTS: u64 = 20;

impl Market {
    /// Announces that a machine may be away: in so many seconds (a minute at least), for so many. Renters need a
    /// day of notice; what is not leased needs none.
    ///
    /// Errors: `chain_refused` saying what is too short, too long or too soon.
    pub async fn announce_maintenance(
        &self,
        signer: &Signer,
        machine: MachineId,
        in_s: u64,
        for_s: u64,
    ) -> Result<(Moment, Moment), MarketError> {
        let calendar = self.calendar().await?;
        let chain = self.chain().await?;
        let now = chain.at(At::Best).await?.slot().await?;
        // Never sooner than was asked for, nor than the call can stand in a block.
        let from = now + LEAD_SLOTS + calendar.slots(in_s).saturating_sub(LEAD_SLOTS);
        let until = from.saturating_add(calendar.slots(for_s));
        finish(chain.announce_maintenance(signer, id(machine), from, until).await?).await?;
        Ok((calendar.moment(from), calendar.moment(until)))
    }

    /// Takes the announcement back, or ends the maintenance.
    pub async fn cancel_maintenance(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.cancel_maintenance(signer, id(machine)).await?).await
    }

    /// Joins the high-stability tier: more stake is held.
    pub async fn join_tier(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.join_tier(signer, id(machine)).await?).await
    }

    /// Leaves it: what was pledged for it returns.
    pub async fn leave_tier(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.leave_tier(signer, id(machine)).await?).await
    }

    /// Since when a machine is there without a blamed outage, and whether that is long enough for the tier;
    /// `None` while it is silent.
    pub async fn steady_since(
        &self,
        machine: MachineId,
    ) -> Result<Option<(Moment, bool)>, MarketError> {
        let calendar = self.calendar().await?;
        let found = self.chain().await?.at(At::Best).await?.steady_since(id(machine)).await?;
        Ok(found.map(|(enough, since)| (calendar.moment(since), enough)))
    }

    /// What a machine needs on hold to be listed, and what is on hold beyond what stays so.
    pub async fn stake_of(
        &self,
        machine: MachineId,
    ) -> Result<Option<(Money, Money)>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.stake_of(id(machine)).await?;
        Ok(found.map(|(required, surplus)| (Money(required), Money(surplus))))
    }

    /// Says what a machine is from now on. Other cards, another processor or other memory void its proof.
    pub async fn change_hardware(
        &self,
        signer: &Signer,
        machine: MachineId,
        class: MachineClass,
        hardware: &HardwareFacts,
        location: Location,
    ) -> Result<TxView, MarketError> {
        let Location { region, site } = location;
        let hardware = Hardware {
            class: convert::class_back(class),
            facts: convert::hardware(hardware)?,
            location: dbc_primitives::Location { region, site },
        };
        let chain = self.chain().await?;
        finish(chain.change_hardware(signer, id(machine), hardware).await?).await
    }

    /// Takes back what is on hold beyond what is asked for.
    pub async fn release_stake(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.release_stake(signer, id(machine)).await?).await
    }

    /// Offers a machine to another provider, or with `None` to nobody any more.
    pub async fn offer_handover(
        &self,
        signer: &Signer,
        machine: MachineId,
        to: Option<AccountId>,
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let submitted = match to {
            Some(to) => chain.offer_handover(signer, id(machine), to).await?,
            None => chain.withdraw_handover(signer, id(machine)).await?,
        };
        finish(submitted).await
    }

    /// Takes a machine over that its provider offered: the signer's stake is held, its leases go on.
    ///
    /// Errors: `insufficient_funds`, `chain_refused` when it is not offered, in dispute, or being audited.
    pub async fn accept_handover(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.accept_handover(signer, id(machine)).await?).await
    }
}
