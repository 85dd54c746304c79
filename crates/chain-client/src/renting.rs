//! What a renter asks and does beside ordering and ending: quotes, suspended leases, fail-over, pledge.

use codec::Decode;
use dbc_primitives::{LeaseId, MachineId, Slot, lease::GpuSlots};

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{self, runtime_types::bounded_collections::bounded_vec::BoundedVec},
    read::View,
    tx::Submission,
};

/// What an order would cost now, by the runtime's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub struct QuoteRecord {
    /// Units per slot, the platform's included.
    pub rate: u128,
    /// Of the rate, to the platform.
    pub platform: u128,
    /// Units that are put on hold: the price of the term, or of its first leg.
    pub deposit: u128,
    /// Of the provider's price, to the treasury: millionths.
    pub fee: u32,
    /// Of the provider's price, burned: millionths.
    pub burn: u32,
    /// Millionths off when the term is used up.
    pub off: u32,
    /// Version of the offer.
    pub offer_version: u32,
    /// Whether it is asked for in dollars, so that it runs in legs.
    pub in_dollars: bool,
}

/// What an open lease would cost if its renter ended it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub struct EndRecord {
    /// Units altogether.
    pub cost: u128,
    /// Units that would return.
    pub refund: u128,
    /// Millionths off that its time has earned.
    pub off: u32,
}

/// What a renter pledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PledgeRecord {
    /// Units on hold.
    pub amount: u128,
    /// Suspended leases and closed ones that rely on it.
    pub relied: u32,
}

impl View {
    /// What an order of these cards, or of so many CPU shares, would cost now; `None` when the machine
    /// takes none.
    pub async fn quote(
        &self,
        machine: MachineId,
        gpus: &GpuSlots,
        cpu_shares: u16,
        term: Slot,
        platform: Option<u32>,
    ) -> Result<Option<QuoteRecord>, ChainError> {
        self.view("Leases", "quote", (machine, gpus, cpu_shares, term, platform)).await
    }

    /// What an open lease would cost if its renter ended it now.
    pub async fn if_ended(&self, lease: LeaseId) -> Result<Option<EndRecord>, ChainError> {
        self.view("Leases", "if_ended", lease).await
    }

    /// What a renter pledged; nothing for most.
    pub async fn pledge(&self, who: AccountId) -> Result<PledgeRecord, ChainError> {
        let entry = generated::storage().leases().pledges();
        let found = self.get("pledge", entry, (who.to_subxt(),)).await?;
        Ok(found.map_or_else(PledgeRecord::default, |found| PledgeRecord {
            amount: found.amount,
            relied: found.relied,
        }))
    }

    /// Units that a pledge has to have now.
    pub async fn pledge_amount(&self) -> Result<u128, ChainError> {
        self.view("Leases", "pledge_amount", ()).await
    }

    /// Units that are held from whoever registers a platform.
    pub async fn platform_deposit(&self) -> Result<u128, ChainError> {
        self.view("Leases", "platform_deposit", ()).await
    }
}

impl ChainClient {
    /// Gives the cards of a lease up and keeps its data.
    pub async fn suspend(&self, signer: &Signer, lease: LeaseId) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().suspend(lease);
        self.submit(signer, &call).await
    }

    /// Takes cards for a suspended lease, at no more than `max_rate` per slot.
    pub async fn resume(
        &self,
        signer: &Signer,
        lease: LeaseId,
        gpus: Vec<u8>,
        offer_version: u32,
        max_rate: u128,
    ) -> Result<Submission, ChainError> {
        let leases = generated::transactions().leases();
        let call = leases.resume(lease, BoundedVec(gpus), offer_version, max_rate);
        self.submit(signer, &call).await
    }

    /// Lets a lease's standby take it over.
    pub async fn fail_over(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().fail_over(lease);
        self.submit(signer, &call).await
    }

    /// Sets aside what a pledge has to have.
    pub async fn pledge(&self, signer: &Signer) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().pledge();
        self.submit(signer, &call).await
    }

    /// Takes the pledge back.
    pub async fn release_pledge(&self, signer: &Signer) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().release_pledge();
        self.submit(signer, &call).await
    }
}
