//! Vouchers, by which somebody pays another's leases: reads and calls.

use dbc_primitives::{MachineClass, Slot};
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    events::TxEvents,
    generated::{self, runtime_types::pallet_leases::types::Voucher},
    read::{ITEMS_MAX, View},
    tx::Submission,
};

/// A voucher that still has money, or pays for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoucherRecord {
    /// Its number.
    pub id: u32,
    /// Whose money it is.
    pub issuer: AccountId,
    /// Whose leases it pays.
    pub holder: AccountId,
    /// What no lease has of it, in units.
    pub budget: u128,
    /// Only machines of this class.
    pub class: Option<MachineClass>,
    /// First slot in which it pays nothing more.
    pub expires: Slot,
    /// Whether its issuer took it back.
    pub revoked: bool,
    /// Leases that have some of its money.
    pub leases: u32,
}

fn record(id: u32, found: &Voucher<subxt::utils::AccountId32>) -> VoucherRecord {
    VoucherRecord {
        id,
        issuer: AccountId(found.issuer.0),
        holder: AccountId(found.holder.0),
        budget: found.budget,
        class: found.class.as_ref().map(|class| class.0),
        expires: found.expires,
        revoked: found.revoked,
        leases: found.leases,
    }
}

impl View {
    /// A voucher; `None` once nothing is left of it.
    pub async fn voucher(&self, id: u32) -> Result<Option<VoucherRecord>, ChainError> {
        let entry = generated::storage().leases().vouchers();
        let found = self.get("voucher", entry, (id,)).await?;
        Ok(found.map(|found| record(id, &found)))
    }

    /// All vouchers, at most 10,000, in no order.
    pub async fn vouchers(&self) -> Result<Vec<VoucherRecord>, ChainError> {
        let entry = self
            .block
            .storage()
            .entry(generated::storage().leases().vouchers())
            .map_err(|error| self.failed("vouchers", error))?;
        let mut items = self.shared.call("vouchers", entry.iter(())).await?;
        let mut vouchers = Vec::new();
        while let Some(item) = self.next("vouchers", items.next()).await? {
            let key = item.key().map_err(|error| self.failed("vouchers", error))?;
            let (id,) = key.decode().map_err(|error| self.failed("vouchers", error))?;
            let found = item.value().decode().map_err(|error| self.failed("vouchers", error))?;
            vouchers.push(record(id, &found));
            if vouchers.len() >= ITEMS_MAX {
                break;
            }
        }
        Ok(vouchers)
    }
}

impl TxEvents {
    /// The number of the voucher that was issued.
    pub fn voucher(&self) -> Result<Option<u32>, ChainError> {
        let found = self.first::<generated::leases::events::VoucherIssued>()?;
        Ok(found.map(|event| event.voucher))
    }
}

impl ChainClient {
    /// Holds money of the signer that pays the holder's leases.
    pub async fn issue_voucher(
        &self,
        signer: &Signer,
        holder: AccountId,
        budget: u128,
        class: Option<MachineClass>,
        expires: Slot,
    ) -> Result<Submission, ChainError> {
        let calls = generated::transactions();
        let class = class.map(Static);
        let call = calls.leases().issue_voucher(holder.to_subxt(), budget, class, expires);
        self.submit(signer, &call).await
    }

    /// Takes back what no lease uses of a voucher.
    pub async fn revoke_voucher(&self, signer: &Signer, id: u32) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().revoke_voucher(id);
        self.submit(signer, &call).await
    }
}
