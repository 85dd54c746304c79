//! Cloud platforms and vouchers. Each call returns when it is final.

use dbc_chain_client::{At, PlatformRecord, VoucherRecord};

use super::network::finish;
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::{self, Calendar, share},
    money::Money,
    view::{MachineClass, PlatformView, Share, TxView, VoucherView},
};

impl Market {
    /// All platforms, by their numbers.
    pub async fn platforms(&self) -> Result<Vec<PlatformView>, MarketError> {
        let mut found = self.chain().await?.at(At::Best).await?.platforms().await?;
        found.sort_by_key(|platform| platform.id);
        Ok(found.into_iter().map(platform).collect())
    }

    /// A platform; `None` when it was closed or never was.
    pub async fn platform(&self, id: u32) -> Result<Option<PlatformView>, MarketError> {
        Ok(self.chain().await?.at(At::Best).await?.platform(id).await?.map(platform))
    }

    /// Registers a platform; its deposit is held.
    ///
    /// Errors: `insufficient_funds`, `chain_refused` when the fee is too high.
    pub async fn register_platform(
        &self,
        signer: &Signer,
        fee: Share,
        beneficiary: AccountId,
    ) -> Result<PlatformView, MarketError> {
        let chain = self.chain().await?;
        let sent = chain.register_platform(signer, millionths(fee)?, beneficiary).await?;
        let included = sent.finalized().await?;
        let id = included.events.platform()?.ok_or_else(|| no_number("platform"))?;
        self.platform(id).await?.ok_or_else(|| no_number("platform"))
    }

    /// Changes a platform's fee, and who gets it, for what is ordered from now on.
    pub async fn set_platform(
        &self,
        signer: &Signer,
        id: u32,
        fee: Share,
        beneficiary: AccountId,
    ) -> Result<TxView, MarketError> {
        let fee = millionths(fee)?;
        finish(self.chain().await?.set_platform(signer, id, fee, beneficiary).await?).await
    }

    /// Closes a platform; its deposit is free, and what it sold goes on.
    pub async fn close_platform(&self, signer: &Signer, id: u32) -> Result<TxView, MarketError> {
        finish(self.chain().await?.close_platform(signer, id).await?).await
    }

    /// The vouchers that an account issued or holds, by their numbers.
    pub async fn vouchers(&self, account: AccountId) -> Result<Vec<VoucherView>, MarketError> {
        let calendar = self.calendar().await?;
        let mut found = self.chain().await?.at(At::Best).await?.vouchers().await?;
        found.retain(|voucher| voucher.issuer == account || voucher.holder == account);
        found.sort_by_key(|voucher| voucher.id);
        Ok(found.into_iter().map(|found| voucher(calendar, found)).collect())
    }

    /// Sets money aside that pays the holder's leases for so many seconds.
    ///
    /// Errors: `insufficient_funds`, `chain_refused` when the budget is too small.
    pub async fn issue_voucher(
        &self,
        signer: &Signer,
        holder: AccountId,
        budget: Money,
        class: Option<MachineClass>,
        for_s: u64,
    ) -> Result<VoucherView, MarketError> {
        let calendar = self.calendar().await?;
        let chain = self.chain().await?;
        let now = chain.at(At::Best).await?.slot().await?;
        let expires = now.saturating_add(calendar.slots(for_s));
        let class = class.map(convert::class_back);
        let sent = chain.issue_voucher(signer, holder, budget.0, class, expires).await?;
        let included = sent.finalized().await?;
        let id = included.events.voucher()?.ok_or_else(|| no_number("voucher"))?;
        let found = chain.at(At::Block(included.block)).await?.voucher(id).await?;
        Ok(voucher(calendar, found.ok_or_else(|| no_number("voucher"))?))
    }

    /// Takes back what no lease uses of a voucher; the rest returns when its leases end.
    pub async fn revoke_voucher(&self, signer: &Signer, id: u32) -> Result<TxView, MarketError> {
        finish(self.chain().await?.revoke_voucher(signer, id).await?).await
    }
}

fn platform(found: PlatformRecord) -> PlatformView {
    PlatformView {
        id: found.id,
        owner: found.owner,
        beneficiary: found.beneficiary,
        fee: share(found.fee),
        deposit: Money(found.deposit),
    }
}

fn voucher(calendar: Calendar, found: VoucherRecord) -> VoucherView {
    VoucherView {
        id: found.id,
        issuer: found.issuer,
        holder: found.holder,
        budget: Money(found.budget),
        class: found.class.map(convert::class),
        expires: calendar.moment(found.expires),
        revoked: found.revoked,
        leases: found.leases,
    }
}

fn millionths(fee: Share) -> Result<u32, MarketError> {
    let whole = fee.0.is_multiple_of(1_000);
    let fee = u32::try_from(fee.0 / 1_000).ok().filter(|_| whole);
    fee.ok_or_else(|| MarketError::Input { field: "fee", why: "is finer than 0.0001%".into() })
}

fn no_number(what: &str) -> MarketError {
    MarketError::Internal(format!("the chain took the {what} but told no number"))
}
