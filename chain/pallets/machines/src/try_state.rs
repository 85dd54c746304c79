//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use dbc_primitives::{Balance, MachineStatus};
use frame_support::{ensure, traits::fungible::InspectHold as _};
use sp_runtime::TryRuntimeError;

use crate::{
    Config, FreeCount, FreeIndexes, HoldReason, Machine, MachineAt, Machines, NextIndex, Operators,
    Pallet, ProviderOf,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - a provider's stake on hold is the sum over his machines, each per its GPUs;
    /// - dense indexes are a bijection, and every index is in use or on the stack;
    /// - a leased GPU exists, and nothing of a retiring machine is leased;
    /// - a listed machine has an offer;
    /// - operators and providers name each other.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut stakes: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        for (machine, record) in Machines::<T>::iter() {
            let due = Machine::<T::AccountId>::stake_for::<T>(record.facts.gpus.len());
            ensure!(record.stake == due, "a machine's stake is not that of its GPUs");
            *stakes.entry(record.provider.clone()).or_default() += record.stake;
            ensure!(
                MachineAt::<T>::get(record.index.index) == Some(machine),
                "a dense index does not name its machine"
            );
            let existing = (1u32 << record.facts.gpus.len()) - 1;
            ensure!(u32::from(record.gpus_leased) & !existing == 0, "a leased GPU does not exist");
            let retiring = matches!(record.status, MachineStatus::Retiring { .. });
            ensure!(!retiring || !record.is_leased(), "a retiring machine is leased");
            let listed = record.status == MachineStatus::Listed;
            ensure!(!listed || record.offer.is_some(), "a listed machine has no offer");
        }
        for (provider, sum) in stakes {
            let held = T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider);
            ensure!(held == sum, "a provider's stake is not the sum over his machines");
        }
        Self::try_indexes()?;
        for (provider, operator) in Operators::<T>::iter() {
            ensure!(
                ProviderOf::<T>::get(operator) == Some(provider),
                "an operator does not name its provider"
            );
        }
        Ok(())
    }

    fn try_indexes() -> Result<(), TryRuntimeError> {
        let free = FreeCount::<T>::get();
        ensure!(
            FreeIndexes::<T>::iter().count() == free as usize,
            "the stack of free indexes has holes"
        );
        for (_, index) in FreeIndexes::<T>::iter() {
            ensure!(!MachineAt::<T>::contains_key(index.index), "a free index is in use");
        }
        let used = Machines::<T>::count();
        ensure!(MachineAt::<T>::iter().count() == used as usize, "indexes and machines differ");
        ensure!(used + free == NextIndex::<T>::get(), "an index was lost");
        Ok(())
    }
}
