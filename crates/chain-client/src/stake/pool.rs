//! Nomination pools: many small bonds that nominate as one.

use codec::{Decode, Encode};
use subxt::utils::MultiAddress;

use super::reward::share;
use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    events::TxEvents,
    generated::{
        self,
        runtime_types::pallet_nomination_pools::{
            BondExtra, BondedPoolInner, PoolState as Generated,
        },
    },
    read::View,
    tx::Submission,
};

/// Pools that are looked at; more than the network has room for.
const POOLS_MAX: u32 = 1_000;
/// What the pallet's reward counters are parts of.
const COUNTER: u128 = 1_000_000_000_000_000_000;

/// Whether a pool takes members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolState {
    /// Yes.
    Open,
    /// No.
    Blocked,
    /// It is being dissolved.
    Destroying,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRecord {
    /// Its number.
    pub id: u32,
    /// What it calls itself; anybody's bytes.
    pub name: Vec<u8>,
    /// Whether it takes members.
    pub state: PoolState,
    /// How many members.
    pub members: u32,
    /// Shares that they have.
    pub points: u128,
    /// What they bonded together, in units.
    pub bonded: u128,
    /// What it keeps, in parts of a thousand million.
    pub commission: u64,
    /// Who nominates for it.
    pub nominator: Option<AccountId>,
    /// Whom it nominates.
    pub nominates: Vec<AccountId>,
}

/// A member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// The pool.
    pub pool: u32,
    /// Shares.
    pub points: u128,
    /// What they are worth, in units.
    pub bonded: u128,
    /// What leaves: free from the era on, so much.
    pub leaving: Vec<(u32, u128)>,
    /// What was earned and not taken.
    pub earned: u128,
}

impl MemberRecord {
    /// Shares that are worth so much; all of them when all is meant, so that nothing is left over.
    pub fn points_of(&self, amount: u128) -> u128 {
        if amount >= self.bonded { self.points } else { share(amount, self.points, self.bonded) }
    }
}

impl View {
    /// The pools, by number.
    pub async fn pools(&self) -> Result<Vec<PoolRecord>, ChainError> {
        let entry = generated::storage().nomination_pools().last_pool_id();
        let last = self.get("pools", entry, ()).await?.unwrap_or_default();
        let mut pools = Vec::new();
        for id in 1..=last.min(POOLS_MAX) {
            pools.extend(self.pool(id).await?);
        }
        Ok(pools)
    }

    /// A pool.
    pub async fn pool(&self, id: u32) -> Result<Option<PoolRecord>, ChainError> {
        let at = generated::storage().nomination_pools();
        let Some(found) = self.get("pool", at.bonded_pools(), (id,)).await? else {
            return Ok(None);
        };
        let name = self.get("pool", at.metadata(), (id,)).await?;
        let bond = self.bond(self.pool_account(Purse::Bonded, id)?).await?;
        let (bonded, role) = bond.map_or((0, super::Role::Idle), |bond| (bond.active, bond.role));
        let nominates = match role {
            super::Role::Nominates(targets) => targets,
            _ => vec![],
        };
        Ok(Some(PoolRecord {
            id,
            name: name.map(|name| name.0).unwrap_or_default(),
            state: match found.state {
                Generated::Open => PoolState::Open,
                Generated::Blocked => PoolState::Blocked,
                Generated::Destroying => PoolState::Destroying,
            },
            members: found.member_counter,
            points: found.points,
            bonded,
            commission: kept(&found),
            nominator: found.roles.nominator.map(|who| AccountId(who.0)),
            nominates,
        }))
    }

    /// What an account has in a pool.
    pub async fn member(&self, who: AccountId) -> Result<Option<MemberRecord>, ChainError> {
        let at = generated::storage().nomination_pools();
        let Some(found) = self.get("member", at.pool_members(), (who.to_subxt(),)).await? else {
            return Ok(None);
        };
        let id = found.pool_id;
        let pool = self.pool(id).await?;
        let (points, bonded) = pool.map_or((0, 0), |pool| (pool.points, pool.bonded));
        let counter = self.counter(id).await?.unwrap_or_default();
        let since = counter.saturating_sub(found.last_recorded_reward_counter.0);
        Ok(Some(MemberRecord {
            pool: id,
            points: found.points,
            bonded: share(bonded, found.points, points),
            leaving: found.unbonding_eras.0,
            earned: share(since, found.points, COUNTER),
        }))
    }

    /// What a share of a pool earned since the pool began, as the pallet reckons.
    async fn counter(&self, id: u32) -> Result<Option<u128>, ChainError> {
        let at = generated::storage().nomination_pools();
        let rewards = self.get("pool", at.reward_pools(), (id,)).await?;
        let bonded = self.get("pool", at.bonded_pools(), (id,)).await?;
        let (Some(rewards), Some(bonded)) = (rewards, bonded) else { return Ok(None) };
        let purse = self.pool_account(Purse::Reward, id)?.to_subxt();
        let account =
            self.get("account", generated::storage().system().account(), (purse,)).await?;
        let there = account.map_or(0, |info| info.data.free.saturating_sub(info.data.frozen));
        let new = there
            .saturating_add(rewards.total_rewards_claimed)
            .saturating_add(rewards.total_commission_claimed)
            .saturating_sub(rewards.last_recorded_total_payouts);
        let new = new.saturating_sub(share(new, kept(&bonded).into(), crate::govern::PARTS.into()));
        let risen = share(new, COUNTER, bonded.points);
        Ok(Some(rewards.last_recorded_reward_counter.0.saturating_add(risen)))
    }

    /// One of a pool's two accounts, which nobody has the key of.
    fn pool_account(&self, purse: Purse, id: u32) -> Result<AccountId, ChainError> {
        let pallet = self.constant(generated::constants().nomination_pools().pallet_id())?;
        let mut bytes = (*b"modl", pallet.0, purse as u8, id).encode();
        bytes.resize(32, 0);
        AccountId::decode(&mut &bytes[..]).map_err(|error| ChainError::malformed("pool", error))
    }
}

/// A pool's accounts, in the pallet's order.
#[derive(Clone, Copy)]
enum Purse {
    Bonded = 0,
    Reward = 1,
}

fn kept(pool: &BondedPoolInner) -> u64 {
    pool.commission.current.as_ref().map_or(0, |(share, _)| share.0.into())
}

impl ChainClient {
    /// Makes a pool whose roles are all the signer's; [`TxEvents::pool`] has its number.
    pub async fn create_pool(
        &self,
        signer: &Signer,
        amount: u128,
    ) -> Result<Submission, ChainError> {
        let me = || MultiAddress::Id(signer.account().to_subxt());
        let call = generated::transactions().nomination_pools().create(amount, me(), me(), me());
        self.submit(signer, &call).await
    }

    /// Says what a pool calls itself.
    pub async fn name_pool(
        &self,
        signer: &Signer,
        pool: u32,
        name: &str,
    ) -> Result<Submission, ChainError> {
        let name = name.as_bytes().to_vec();
        let call = generated::transactions().nomination_pools().set_metadata(pool, name);
        self.submit(signer, &call).await
    }

    /// Stands behind validators with what a pool bonded.
    pub async fn pool_nominate(
        &self,
        signer: &Signer,
        pool: u32,
        validators: &[AccountId],
    ) -> Result<Submission, ChainError> {
        let targets = validators.iter().map(|who| who.to_subxt()).collect();
        let call = generated::transactions().nomination_pools().nominate(pool, targets);
        self.submit(signer, &call).await
    }

    /// Joins a pool.
    pub async fn join_pool(
        &self,
        signer: &Signer,
        pool: u32,
        amount: u128,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().nomination_pools().join(amount, pool);
        self.submit(signer, &call).await
    }

    /// Bonds more in the signer's pool; without an amount what it earned him.
    pub async fn pool_bond(
        &self,
        signer: &Signer,
        amount: Option<u128>,
    ) -> Result<Submission, ChainError> {
        let extra = amount.map_or(BondExtra::Rewards, BondExtra::FreeBalance);
        self.submit(signer, &generated::transactions().nomination_pools().bond_extra(extra)).await
    }

    /// Begins to free so many shares of the signer's.
    pub async fn pool_unbond(
        &self,
        signer: &Signer,
        points: u128,
    ) -> Result<Submission, ChainError> {
        let me = MultiAddress::Id(signer.account().to_subxt());
        self.submit(signer, &generated::transactions().nomination_pools().unbond(me, points)).await
    }

    /// Takes what is free of the signer's.
    pub async fn pool_withdraw(
        &self,
        signer: &Signer,
        view: &View,
        pool: u32,
    ) -> Result<Submission, ChainError> {
        let spans = view.spans(view.pool_account(Purse::Bonded, pool)?).await?;
        let me = MultiAddress::Id(signer.account().to_subxt());
        let call = generated::transactions().nomination_pools().withdraw_unbonded(me, spans);
        self.submit(signer, &call).await
    }

    /// Takes what the signer's shares earned.
    pub async fn pool_claim(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().nomination_pools().claim_payout()).await
    }
}

impl TxEvents {
    /// The pool that was made.
    pub fn pool(&self) -> Result<Option<u32>, ChainError> {
        let found = self.first::<generated::nomination_pools::events::Created>()?;
        Ok(found.map(|event| event.pool_id))
    }
}
