//! Nomination pools. Each call returns when it is final.

use dbc_chain_client::{At, MemberRecord, PoolRecord, View};

use super::{super::network::finish, enough, nominable, nothing_free};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert,
    money::Money,
    view::{PoolMemberView, PoolView, Share, TxView},
};

impl Market {
    /// The pools, by number.
    pub async fn pools(&self) -> Result<Vec<PoolView>, MarketError> {
        let pools = self.chain().await?.at(At::Best).await?.pools().await?;
        let pool = |found: PoolRecord| PoolView {
            id: found.id,
            name: convert::line(&String::from_utf8_lossy(&found.name)),
            state: found.state,
            members: found.members,
            bonded: Money(found.bonded),
            commission: Share(found.commission),
            nominator: found.nominator,
            nominates: found.nominates,
        };
        Ok(pools.into_iter().map(pool).collect())
    }

    /// What an account has in a pool; `None` without one.
    pub async fn pool_member(
        &self,
        account: AccountId,
    ) -> Result<Option<PoolMemberView>, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let Some(found) = view.member(account).await? else { return Ok(None) };
        let (free, leaving) = self.eras(&view).await?.split(&found.leaving);
        Ok(Some(PoolMemberView {
            pool: found.pool,
            bonded: Money(found.bonded),
            free,
            leaving,
            earned: Money(found.earned),
        }))
    }

    /// Makes a pool and gives its number; its roles are all the signer's.
    pub async fn create_pool(
        &self,
        signer: &Signer,
        amount: Money,
        name: &str,
    ) -> Result<u32, MarketError> {
        let chain = self.chain().await?;
        let made = chain.create_pool(signer, amount.0).await?.finalized().await?;
        let pool = made.events.pool()?.ok_or_else(|| {
            MarketError::Internal("the chain made a pool but told no number".into())
        })?;
        finish(chain.name_pool(signer, pool, name).await?).await?;
        Ok(pool)
    }

    /// Makes the signer's pool stand behind validators.
    pub async fn pool_nominate(
        &self,
        signer: &Signer,
        pool: u32,
        validators: &[AccountId],
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        nominable(&chain.at(At::Best).await?, validators).await?;
        finish(chain.pool_nominate(signer, pool, validators).await?).await
    }

    /// Joins a pool; an account is in one at most.
    pub async fn join_pool(
        &self,
        signer: &Signer,
        pool: u32,
        amount: Money,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.join_pool(signer, pool, amount.0).await?).await
    }

    /// Bonds more in the signer's pool; without an amount what it earned him.
    pub async fn pool_bond(
        &self,
        signer: &Signer,
        amount: Option<Money>,
    ) -> Result<TxView, MarketError> {
        let amount = amount.map(|amount| amount.0);
        finish(self.chain().await?.pool_bond(signer, amount).await?).await
    }

    /// Begins to free so much of the signer's part of his pool.
    ///
    /// Errors: `invalid_input` when he has not so much there.
    pub async fn pool_unbond(&self, signer: &Signer, amount: Money) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let member = member(&chain.at(At::Best).await?, signer.account()).await?;
        enough(amount, member.bonded, "lie in the pool")?;
        finish(chain.pool_unbond(signer, member.points_of(amount.0)).await?).await
    }

    /// Takes what is free of the signer's part of his pool; gives how much that was.
    ///
    /// Errors: `invalid_input` when nothing is.
    pub async fn pool_withdraw(&self, signer: &Signer) -> Result<(Money, TxView), MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let member = member(&view, signer.account()).await?;
        let (free, leaving) = self.eras(&view).await?.split(&member.leaving);
        if free == Money::ZERO {
            return Err(nothing_free(&leaving));
        }
        let tx = finish(chain.pool_withdraw(signer, &view, member.pool).await?).await?;
        Ok((free, tx))
    }

    /// Takes what the signer's part of his pool earned.
    pub async fn pool_claim(&self, signer: &Signer) -> Result<TxView, MarketError> {
        finish(self.chain().await?.pool_claim(signer).await?).await
    }
}

async fn member(view: &View, account: AccountId) -> Result<MemberRecord, MarketError> {
    view.member(account).await?.ok_or_else(|| MarketError::Input {
        field: "account",
        why: format!("{account} is in no pool; `dbc pool list` shows them"),
    })
}
