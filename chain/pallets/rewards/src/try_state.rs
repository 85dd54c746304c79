//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use frame_support::{ensure, traits::fungible::Inspect as _};
use sp_runtime::TryRuntimeError;

use crate::{All, Config, Fleets, Pallet, Releases, SCALE, Shares};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - all points are the providers', a provider's are those of his machines that count, GPUs likewise;
    /// - the pot holds whatever is owed: earned, provisional, locked, claimable.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let all = All::<T>::get();
        let mut owed: u128 = 0;
        let mut sums: BTreeMap<T::AccountId, (u64, u32, u32)> = BTreeMap::new();
        for (_, share) in Shares::<T>::iter() {
            let sum = sums.entry(share.provider.clone()).or_default();
            sum.2 += 1;
            owed += share.provisional;
            if share.counts {
                sum.0 += share.points;
                sum.1 += share.gpus;
                let fleet = Fleets::<T>::get(&share.provider);
                let behind = (all.acc - fleet.mark) * u128::from(fleet.weight());
                let grown = fleet.acc + behind - share.mark;
                owed += (grown * u128::from(share.points)) >> SCALE;
            }
        }
        let (mut points, mut gpus) = (0, 0);
        for (provider, fleet) in Fleets::<T>::iter() {
            let sum = sums.remove(&provider).unwrap_or_default();
            ensure!((fleet.points, fleet.gpus, fleet.machines) == sum, "a fleet is miscounted");
            points += fleet.points * fleet.weight();
            gpus += fleet.gpus;
        }
        ensure!(sums.is_empty(), "a machine's provider has no fleet");
        ensure!((all.points, all.gpus) == (points, gpus), "all points are miscounted");
        for (_, release) in Releases::<T>::iter() {
            owed += release.claimable + release.locked();
        }
        let pot = T::Currency::balance(&Self::pot());
        ensure!(pot >= owed, "the pot holds less than is owed");
        Ok(())
    }
}
