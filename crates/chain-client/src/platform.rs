//! Cloud platforms: reads and calls.

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    events::TxEvents,
    generated::{self, runtime_types::pallet_leases::types::Platform},
    read::{ITEMS_MAX, View},
    tx::Submission,
};

/// Somebody who sells machines under his own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformRecord {
    /// Its number.
    pub id: u32,
    /// Who registered it.
    pub owner: AccountId,
    /// Who gets its fees.
    pub beneficiary: AccountId,
    /// On top of providers' prices: millionths.
    pub fee: u32,
    /// Held from its owner, in units.
    pub deposit: u128,
}

fn record(id: u32, found: &Platform<subxt::utils::AccountId32>) -> PlatformRecord {
    PlatformRecord {
        id,
        owner: AccountId(found.owner.0),
        beneficiary: AccountId(found.beneficiary.0),
        fee: found.fee,
        deposit: found.deposit,
    }
}

impl View {
    /// A platform.
    pub async fn platform(&self, id: u32) -> Result<Option<PlatformRecord>, ChainError> {
        let entry = generated::storage().leases().platforms();
        let found = self.get("platform", entry, (id,)).await?;
        Ok(found.map(|found| record(id, &found)))
    }

    /// All platforms, at most 10,000, in no order.
    pub async fn platforms(&self) -> Result<Vec<PlatformRecord>, ChainError> {
        let entry = self
            .block
            .storage()
            .entry(generated::storage().leases().platforms())
            .map_err(|error| self.failed("platforms", error))?;
        let mut items = self.shared.call("platforms", entry.iter(())).await?;
        let mut platforms = Vec::new();
        while let Some(item) = self.next("platforms", items.next()).await? {
            let key = item.key().map_err(|error| self.failed("platforms", error))?;
            let (id,) = key.decode().map_err(|error| self.failed("platforms", error))?;
            let found = item.value().decode().map_err(|error| self.failed("platforms", error))?;
            platforms.push(record(id, &found));
            if platforms.len() >= ITEMS_MAX {
                break;
            }
        }
        Ok(platforms)
    }
}

impl TxEvents {
    /// The number of the platform that was registered.
    pub fn platform(&self) -> Result<Option<u32>, ChainError> {
        let found = self.first::<generated::leases::events::PlatformRegistered>()?;
        Ok(found.map(|event| event.platform))
    }
}

impl ChainClient {
    /// Registers a platform with a fee in millionths and who gets it.
    pub async fn register_platform(
        &self,
        signer: &Signer,
        fee: u32,
        beneficiary: AccountId,
    ) -> Result<Submission, ChainError> {
        let beneficiary = beneficiary.to_subxt();
        let call = generated::transactions().leases().register_platform(fee, beneficiary);
        self.submit(signer, &call).await
    }

    /// Changes a platform's fee, and who gets it, in legs that begin from now on.
    pub async fn set_platform(
        &self,
        signer: &Signer,
        id: u32,
        fee: u32,
        beneficiary: AccountId,
    ) -> Result<Submission, ChainError> {
        let beneficiary = beneficiary.to_subxt();
        let call = generated::transactions().leases().set_platform(id, fee, beneficiary);
        self.submit(signer, &call).await
    }

    /// Closes a platform; its deposit is free.
    pub async fn close_platform(&self, signer: &Signer, id: u32) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().close_platform(id);
        self.submit(signer, &call).await
    }
}
