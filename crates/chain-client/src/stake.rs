//! Stake: who bonded what, who validates, what it earned, when it is free, and the calls of all that. The one
//! file of clients, with its parts, that names the staking pallet (it will be replaced, see `docs/design/003`).

mod keys;
mod pool;
mod reward;

use subxt::{error::StorageError, storage::Address, utils::MultiAddress};

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{
            pallet_staking::{RewardDestination, ValidatorPrefs},
            sp_arithmetic::per_things::Perbill,
        },
    },
    govern::PARTS,
    read::{ITEMS_MAX, View},
    tx::Submission,
};

pub use keys::SessionKeys;
pub use pool::{MemberRecord, PoolRecord, PoolState};
pub use reward::{PAYOUTS_MAX, UnpaidRecord};

/// Figures of staking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakeConstants {
    /// Eras between unbonding and the money's being free.
    pub bonding_eras: u32,
    /// Eras for which a slash waits, and can be cancelled.
    pub slash_eras: u32,
    /// Slots of an era, when no session is cut short.
    pub era_slots: u64,
    /// Validators that an account can nominate.
    pub nominations_max: u32,
    /// Least that a nominator bonds, in units.
    pub nominator_bond: u128,
    /// Least that a validator bonds, in units.
    pub validator_bond: u128,
    /// Least commission, in parts of [`PARTS`].
    pub commission_min: u64,
    /// Seats of validators.
    pub seats: u32,
}

/// What an account does with its bond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Idle,
    /// It stands behind these.
    Nominates(Vec<AccountId>),
    /// It validates, or would.
    Validates {
        /// What it keeps before it shares, in parts of [`PARTS`].
        commission: u64,
        /// Whether nobody may nominate it.
        blocked: bool,
    },
}

/// An account's bond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BondRecord {
    /// On hold, in units.
    pub total: u128,
    /// Of it what counts.
    pub active: u128,
    /// Of it what leaves: free from the era on, so much.
    pub leaving: Vec<(u32, u128)>,
    /// What it does.
    pub role: Role,
}

/// A validator, elected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorRecord {
    /// Who.
    pub account: AccountId,
    /// What he keeps before he shares, in parts of [`PARTS`].
    pub commission: u64,
    /// Whether nobody may nominate him.
    pub blocked: bool,
    /// What stands behind him in this era, if he is elected.
    pub elected: Option<ElectedRecord>,
}

/// What stands behind an elected validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElectedRecord {
    /// All of it.
    pub total: u128,
    /// His own.
    pub own: u128,
    /// How many nominators.
    pub nominators: u32,
}

/// A slash that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlashRecord {
    /// Executed when this era begins.
    pub era: u32,
    /// Who lied.
    pub validator: AccountId,
    /// What it costs the account that was asked for.
    pub amount: u128,
}

impl View {
    /// Figures of staking: those that the runtime fixes, and those that referenda set.
    pub async fn stake_constants(&self) -> Result<StakeConstants, ChainError> {
        let (of, at) = (generated::constants(), generated::storage().staking());
        let sessions: u32 = self.constant(of.staking().sessions_per_era())?;
        let session: u64 = self.constant(of.babe().epoch_duration())?;
        let commission = self.get("commission", at.min_commission(), ()).await?;
        Ok(StakeConstants {
            bonding_eras: self.constant(of.staking().bonding_duration())?,
            slash_eras: self.constant(of.staking().slash_defer_duration())?,
            era_slots: session.saturating_mul(sessions.into()),
            nominations_max: NOMINATIONS_MAX,
            nominator_bond: self
                .get("bond", at.min_nominator_bond(), ())
                .await?
                .unwrap_or_default(),
            validator_bond: self
                .get("bond", at.min_validator_bond(), ())
                .await?
                .unwrap_or_default(),
            commission_min: commission.map_or(0, |least| least.0.into()),
            seats: self.get("seats", at.validator_count(), ()).await?.unwrap_or_default(),
        })
    }

    /// The era whose validators make blocks now, and when it began in milliseconds since 1970.
    pub async fn era(&self) -> Result<(u32, Option<u64>), ChainError> {
        let entry = generated::storage().staking().active_era();
        let found = self.get("era", entry, ()).await?;
        Ok(found.map_or((0, None), |era| (era.index, era.start)))
    }

    /// An account's bond.
    pub async fn bond(&self, who: AccountId) -> Result<Option<BondRecord>, ChainError> {
        let at = generated::storage().staking();
        let Some(found) = self.get("bond", at.ledger(), (who.to_subxt(),)).await? else {
            return Ok(None);
        };
        let leaving = found.unlocking.0.iter().map(|chunk| (chunk.era, chunk.value)).collect();
        let role = self.role(who).await?;
        Ok(Some(BondRecord { total: found.total, active: found.active, leaving, role }))
    }

    async fn role(&self, who: AccountId) -> Result<Role, ChainError> {
        let at = generated::storage().staking();
        let id = who.to_subxt();
        // Both entries may have a default; what is not stored has none of the two.
        if self.stored("validator", at.validators(), (id,)).await?
            && let Some(prefs) = self.get("validator", at.validators(), (id,)).await?
        {
            let commission = prefs.commission.0.into();
            return Ok(Role::Validates { commission, blocked: prefs.blocked });
        }
        let found = self.get("nominator", at.nominators(), (id,)).await?;
        Ok(found.map_or(Role::Idle, |found| {
            Role::Nominates(found.targets.0.iter().map(|target| AccountId(target.0)).collect())
        }))
    }

    /// Those who validate or would, at most 10,000, in no order.
    pub async fn validators(&self) -> Result<Vec<ValidatorRecord>, ChainError> {
        let what = "validators";
        let entry = self
            .block
            .storage()
            .entry(generated::storage().staking().validators())
            .map_err(|error| self.failed(what, error))?;
        let mut items = self.shared.call(what, entry.iter(())).await?;
        let mut all = Vec::new();
        while let Some(item) = self.next(what, items.next()).await? {
            let key = item.key().map_err(|error| self.failed(what, error))?;
            let (account,) = key.decode().map_err(|error| self.failed(what, error))?;
            let prefs = item.value().decode().map_err(|error| self.failed(what, error))?;
            all.push(ValidatorRecord {
                account: AccountId(account.0),
                commission: prefs.commission.0.into(),
                blocked: prefs.blocked,
                elected: None,
            });
            if all.len() >= ITEMS_MAX {
                break;
            }
        }
        let (era, _) = self.era().await?;
        for validator in &mut all {
            validator.elected = self.elected(era, validator.account).await?;
        }
        Ok(all)
    }

    /// What stands behind a validator in an era in which he was elected.
    pub async fn elected(
        &self,
        era: u32,
        validator: AccountId,
    ) -> Result<Option<ElectedRecord>, ChainError> {
        let entry = generated::storage().staking().eras_stakers_overview();
        let found = self.get("exposure", entry, (era, validator.to_subxt())).await?;
        Ok(found.map(|found| ElectedRecord {
            total: found.total,
            own: found.own,
            nominators: found.nominator_count,
        }))
    }

    /// Slashes that wait and concern an account, its validators' or its own.
    pub async fn slashes(&self, who: AccountId) -> Result<Vec<SlashRecord>, ChainError> {
        let (now, _) = self.era().await?;
        let wait = self.stake_constants().await?.slash_eras;
        let mut slashes = Vec::new();
        for era in now.saturating_sub(1)..=now.saturating_add(wait).saturating_add(1) {
            let entry = generated::storage().staking().unapplied_slashes();
            for slash in self.get("slashes", entry, (era,)).await?.unwrap_or_default() {
                let validator = AccountId(slash.validator.0);
                let own = (validator == who).then_some(slash.own);
                let nominated = slash.others.iter().find(|(other, _)| other.0 == who.0);
                if let Some(amount) = own.or(nominated.map(|(_, amount)| *amount)) {
                    slashes.push(SlashRecord { era, validator, amount });
                }
            }
        }
        Ok(slashes)
    }

    /// Whether anything is stored, and not only the entry's default.
    async fn stored<Entry: Address>(
        &self,
        what: &'static str,
        entry: Entry,
        key: Entry::KeyParts,
    ) -> Result<bool, ChainError> {
        let storage = self.block.storage();
        let key = storage.entry(entry).and_then(|entry| entry.fetch_key(key));
        let key = key.map_err(|error| self.failed(what, error))?;
        let found = async {
            match storage.fetch_raw(key).await {
                Ok(_) => Ok(true),
                Err(StorageError::NoValueFound) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.shared.call(what, found).await
    }

    /// Stretches of time in which an account was slashed; what leaves a bond names their number.
    pub(crate) async fn spans(&self, who: AccountId) -> Result<u32, ChainError> {
        let entry = generated::storage().staking().slashing_spans();
        let found = self.get("spans", entry, (who.to_subxt(),)).await?;
        let count = found.map_or(0, |spans| spans.prior.len().saturating_add(1));
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// Validators that an account can nominate; the runtime does not tell it, and refuses more.
const NOMINATIONS_MAX: u32 = 16;

impl ChainClient {
    /// Bonds; what is earned is bonded too. Whoever has bonded before bonds more.
    pub async fn bond(
        &self,
        signer: &Signer,
        amount: u128,
        more: bool,
    ) -> Result<Submission, ChainError> {
        let of = generated::transactions().staking();
        match more {
            true => self.submit(signer, &of.bond_extra(amount)).await,
            false => self.submit(signer, &of.bond(amount, RewardDestination::Staked)).await,
        }
    }

    /// Begins to free so much; it counts no more.
    pub async fn unbond(&self, signer: &Signer, amount: u128) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().staking().unbond(amount)).await
    }

    /// Makes what leaves count again.
    pub async fn rebond(&self, signer: &Signer, amount: u128) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().staking().rebond(amount)).await
    }

    /// Takes what is free.
    pub async fn withdraw_bond(
        &self,
        signer: &Signer,
        view: &View,
    ) -> Result<Submission, ChainError> {
        let spans = view.spans(signer.account()).await?;
        self.submit(signer, &generated::transactions().staking().withdraw_unbonded(spans)).await
    }

    /// Stands behind validators with what is bonded.
    pub async fn nominate(
        &self,
        signer: &Signer,
        validators: &[AccountId],
    ) -> Result<Submission, ChainError> {
        let targets = validators.iter().map(|who| MultiAddress::Id(who.to_subxt())).collect();
        self.submit(signer, &generated::transactions().staking().nominate(targets)).await
    }

    /// Validates from the next election that is won on.
    pub async fn validate(
        &self,
        signer: &Signer,
        commission: u64,
    ) -> Result<Submission, ChainError> {
        let parts = u32::try_from(commission.min(PARTS)).unwrap_or(u32::MAX);
        let prefs = ValidatorPrefs { commission: Perbill(parts), blocked: false };
        self.submit(signer, &generated::transactions().staking().validate(prefs)).await
    }

    /// Neither validates nor nominates from the next election on.
    pub async fn chill(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().staking().chill()).await
    }
}
