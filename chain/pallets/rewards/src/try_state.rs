//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use frame_support::{ensure, traits::fungible::Inspect as _};
use sp_runtime::TryRuntimeError;

use crate::{
    All, Config, CurrentModel, Fleets, Models, NextModel, Pallet, Pauses, Releases, Shares, SweepAt,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - all points are the providers', a provider's are those of his machines that count, GPUs likewise;
    /// - the pot holds whatever is owed: earned, provisional, of earlier providers, locked, claimable;
    /// - each machine follows the present points model, or the one before while they are brought to it;
    /// - no more time is unknown than has passed.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let all = All::<T>::get();
        let mut owed: u128 = 0;
        let version = CurrentModel::<T>::get();
        let oldest = if SweepAt::<T>::exists() { version - 1 } else { version };
        let mut sums: BTreeMap<T::AccountId, (u64, u32, u32, u64)> = BTreeMap::new();
        for (_, share) in Shares::<T>::iter() {
            let sum = sums.entry(share.provider.clone()).or_default();
            sum.2 += 1;
            owed += share.provisional + share.earlier_sum();
            ensure!(share.seen <= all.acc, "a machine was settled ahead of all");
            let followed = (oldest..=version).contains(&share.model);
            ensure!(followed, "a machine's points follow another model");
            if share.counts {
                sum.0 += share.points;
                sum.1 += share.gpus;
                sum.3 += share.points * u64::from(share.bonus);
                let mut fleet = Fleets::<T>::get(&share.provider);
                Self::follow(&mut fleet);
                owed += Self::since_settled(&fleet, &share).0;
            }
        }
        let (mut points, mut gpus) = (0, 0);
        for (provider, fleet) in Fleets::<T>::iter() {
            let sum = sums.remove(&provider).unwrap_or_default();
            let found = (fleet.points, fleet.gpus, fleet.machines, fleet.flat);
            ensure!(found == sum, "a fleet is miscounted");
            points += fleet.counted();
            gpus += fleet.gpus;
        }
        ensure!(sums.is_empty(), "a machine's provider has no fleet");
        ensure!((all.points, all.gpus) == (points, gpus), "all points are miscounted");
        for (_, release) in Releases::<T>::iter() {
            owed += release.claimable + release.locked();
        }
        let pot = T::Currency::balance(&Self::pot());
        ensure!(pot >= owed, "the pot holds less than is owed");
        for (_, pause) in Pauses::<T>::iter() {
            ensure!(pause.total(all.acc) <= all.acc, "more time is unknown than passed");
        }
        // The present model, one that machines still follow, and one that waits.
        let next = NextModel::<T>::get().map(|(version, _)| version);
        for found in Models::<T>::iter_keys() {
            let kept = next == Some(found) || (oldest..=version).contains(&found);
            ensure!(kept, "a points model is kept that nobody follows");
        }
        Ok(())
    }
}
