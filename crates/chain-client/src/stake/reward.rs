//! What stake earned and was not paid: an era's sum, by points, by exposure. Only the newest eras are looked at,
//! so that a question costs a bounded number of reads.

use super::Role;
use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{dbc_runtime::RuntimeCall, pallet_staking::pallet::pallet::Call},
    },
    govern::PARTS,
    read::View,
    tx::Submission,
};

/// Payouts of one transaction.
pub const PAYOUTS_MAX: usize = 16;

/// What an account earned with a validator in an era and was not paid. Anybody may have it paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpaidRecord {
    /// The era.
    pub era: u32,
    /// The validator.
    pub validator: AccountId,
    /// Page of the validator's nominators.
    pub page: u32,
    /// The account's part, in units.
    pub amount: u128,
}

impl View {
    /// What an account earned in the newest finished eras, at most `eras` of them, and was not paid.
    pub async fn unpaid(&self, who: AccountId, eras: u32) -> Result<Vec<UnpaidRecord>, ChainError> {
        let validators = match self.bond(who).await?.map(|bond| bond.role) {
            Some(Role::Nominates(targets)) => targets,
            Some(_) => vec![who],
            None => return Ok(vec![]),
        };
        let (now, _) = self.era().await?;
        let mut unpaid = Vec::new();
        for era in now.saturating_sub(eras)..now {
            let at = generated::storage().staking();
            let sum = self.get("era", at.eras_validator_reward(), (era,)).await?;
            let points = self.get("era", at.eras_reward_points(), (era,)).await?;
            let (Some(sum), Some(points)) = (sum, points) else { continue };
            for validator in &validators {
                let mine = points.individual.iter().find(|(of, _)| of.0 == validator.0);
                let earned =
                    share(sum, mine.map_or(0, |(_, points)| *points).into(), points.total.into());
                if earned > 0 {
                    unpaid.extend(self.unpaid_in(who, era, *validator, earned).await?);
                }
            }
        }
        Ok(unpaid)
    }

    /// The account's parts of what a validator and those behind him earned in an era.
    async fn unpaid_in(
        &self,
        who: AccountId,
        era: u32,
        validator: AccountId,
        earned: u128,
    ) -> Result<Vec<UnpaidRecord>, ChainError> {
        let at = generated::storage().staking();
        let key = (era, validator.to_subxt());
        let Some(behind) = self.get("exposure", at.eras_stakers_overview(), key).await? else {
            return Ok(vec![]);
        };
        let paid = self.get("payouts", at.claimed_rewards(), key).await?.unwrap_or_default();
        let prefs = self.get("validator", at.eras_validator_prefs(), key).await?;
        let kept = prefs.map_or(0, |prefs| u128::from(prefs.commission.0));
        let commission = share(earned, kept, PARTS.into());
        let shared = earned.saturating_sub(commission);
        let mut unpaid = Vec::new();
        for page in (0..behind.page_count.max(1)).filter(|page| !paid.contains(page)) {
            let place = (era, validator.to_subxt(), page);
            let exposed = self.get("exposure", at.eras_stakers_paged(), place).await?;
            let (total, others) =
                exposed.map_or((0, vec![]), |page| (page.page_total, page.others));
            let own = if page == 0 { behind.own } else { 0 };
            let amount = match validator == who {
                true => share(commission, total.saturating_add(own), behind.total)
                    .saturating_add(share(shared, own, behind.total)),
                false => {
                    let mine = others.iter().find(|other| other.who.0 == who.0);
                    share(shared, mine.map_or(0, |mine| mine.value), behind.total)
                }
            };
            if amount > 0 {
                unpaid.push(UnpaidRecord { era, validator, page, amount });
            }
        }
        Ok(unpaid)
    }
}

impl ChainClient {
    /// Has rewards paid, to all whom they concern; all or none.
    ///
    /// Errors: also when they are more than [`PAYOUTS_MAX`].
    pub async fn pay_out(
        &self,
        signer: &Signer,
        unpaid: &[UnpaidRecord],
    ) -> Result<Submission, ChainError> {
        if unpaid.is_empty() || unpaid.len() > PAYOUTS_MAX {
            let why = format!("{} payouts, 1 to {PAYOUTS_MAX} are allowed", unpaid.len());
            return Err(ChainError::Input { field: "payouts", why });
        }
        let calls = unpaid.iter().map(|of| {
            RuntimeCall::Staking(Call::payout_stakers_by_page {
                validator_stash: of.validator.to_subxt(),
                era: of.era,
                page: of.page,
            })
        });
        let calls = calls.collect();
        self.submit(signer, &generated::transactions().utility().batch_all(calls)).await
    }
}

/// `of × part / whole`, rounded down; nothing of nothing.
pub(super) fn share(of: u128, part: u128, whole: u128) -> u128 {
    if whole == 0 {
        return 0;
    }
    // One bit of `of` at a time, so that the product needs no wider number; amounts leave room for the doubling.
    let (many, few) = (part / whole, part % whole);
    let (mut quotient, mut rest) = (0u128, 0u128);
    for bit in (0..u128::BITS).rev() {
        quotient = quotient.saturating_mul(2);
        rest = rest.saturating_mul(2);
        if of >> bit & 1 == 1 {
            quotient = quotient.saturating_add(many);
            rest = rest.saturating_add(few);
        }
        while rest >= whole {
            rest -= whole;
            quotient = quotient.saturating_add(1);
        }
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_large_sums_lose_nothing() {
        assert_eq!(share(100, 1, 3), 33);
        assert_eq!(share(1, 0, 0), 0);
        let all = 10_000_000_000 * 1_000_000_000_000_000;
        assert_eq!(share(all, 1_000_000_000_000_000_000, 1_000_000_000_000_000_000), all);
        assert_eq!(share(all, all, all), all);
        assert_eq!(share(all, 1, 2), all / 2);
        assert_eq!(share(7 * all, all - 1, all), 7 * all - 7);
    }
}
