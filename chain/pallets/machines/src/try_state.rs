//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::{BTreeMap, BTreeSet};

use dbc_primitives::{Balance, MachineStatus};
use frame_support::{ensure, traits::fungible::InspectHold as _};
use sp_runtime::TryRuntimeError;

use crate::{
    ByProvider, Config, FreeCount, FreeIndexes, HoldReason, MachineAt, MachineOf, Machines,
    Maintenance, NextIndex, Operators, Pallet, ProviderOf, Tier, Unproven,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - an account's stake on hold is the sum over its machines, nothing without any;
    /// - each machine is in the list of its provider, and in no other;
    /// - dense indexes are a bijection, and every index is in use or once on the stack;
    /// - a leased GPU exists, no more CPU shares are leased than offered, no more offered than the machine
    ///   can have, and nothing of a retiring machine is leased;
    /// - a listed machine has an offer;
    /// - a maintenance has a begin before its end, after the one before;
    /// - something is pledged for a tier by whoever joined it, and by nobody else;
    /// - nobody is offered his own machine, nor one that leaves;
    /// - operators and providers name each other.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut stakes: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        for (machine, record) in Machines::<T>::iter() {
            *stakes.entry(record.provider.clone()).or_default() += record.stake;
            ensure!(
                MachineAt::<T>::get(record.index.index) == Some(machine),
                "a dense index does not name its machine"
            );
            ensure!(
                ByProvider::<T>::contains_key(&record.provider, machine),
                "a machine is not in its provider's list"
            );
            let existing = (1u32 << record.facts.gpus.len()) - 1;
            ensure!(u32::from(record.gpus_leased) & !existing == 0, "a leased GPU does not exist");
            let shares = record.cpu_shares();
            ensure!(record.cpu_leased <= shares, "more CPU shares are leased than offered");
            let takes = record.offer.is_none() || record.takes_shares(shares);
            ensure!(takes, "a machine offers CPU shares that it cannot have");
            let retiring = matches!(record.status, MachineStatus::Retiring { .. });
            ensure!(!retiring || !record.is_leased(), "a retiring machine is leased");
            let listed = record.status == MachineStatus::Listed;
            ensure!(!listed || record.offer.is_some(), "a listed machine has no offer");
            Self::try_conditions(&record)?;
        }
        for account in frame_system::Account::<T>::iter_keys() {
            let sum = stakes.remove(&account).unwrap_or_default();
            let held = T::Currency::balance_on_hold(&HoldReason::Stake.into(), &account);
            ensure!(held == sum, "a provider's stake is not the sum over his machines");
        }
        ensure!(stakes.is_empty(), "a provider of machines has no account");
        Self::try_indexes()?;
        for (provider, operator) in Operators::<T>::iter() {
            ensure!(
                ProviderOf::<T>::get(operator) == Some(provider),
                "an operator does not name its provider"
            );
        }
        ensure!(
            ProviderOf::<T>::iter().count() == Operators::<T>::iter().count(),
            "operators and providers differ in number"
        );
        Ok(())
    }

    fn try_conditions(record: &MachineOf<T>) -> Result<(), TryRuntimeError> {
        if let Some(Maintenance { from, until }) = record.maintenance {
            ensure!(from < until, "a maintenance ends before it begins");
            ensure!(record.maintained_until <= from, "two maintenances of a machine overlap");
        }
        let normal = record.tier == Tier::Normal;
        ensure!(normal == (record.extra == 0), "a pledge without a tier, or a tier without");
        ensure!(record.unproven.0 & !Unproven::CLAIMED.0 == 0, "something unknown is unproven");
        let retiring = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!retiring || record.handover.is_none(), "a machine that leaves is offered");
        let other = record.handover.as_ref() != Some(&record.provider);
        ensure!(other, "a provider is offered his own machine");
        Ok(())
    }

    fn try_indexes() -> Result<(), TryRuntimeError> {
        let free = FreeCount::<T>::get();
        let mut seen = BTreeSet::new();
        for (place, index) in FreeIndexes::<T>::iter() {
            ensure!(place < free, "a free index lies above the stack");
            ensure!(!MachineAt::<T>::contains_key(index.index), "a free index is in use");
            ensure!(index.index < NextIndex::<T>::get(), "a free index was never given out");
            ensure!(index.generation > 0, "a free index that was in use has no generation");
            ensure!(seen.insert(index.index), "an index is free twice");
        }
        ensure!(seen.len() == free as usize, "the stack of free indexes has holes");
        let used = Machines::<T>::count();
        ensure!(MachineAt::<T>::iter().count() == used as usize, "indexes and machines differ");
        ensure!(ByProvider::<T>::iter().count() == used as usize, "lists and machines differ");
        ensure!(used + free == NextIndex::<T>::get(), "an index was lost");
        Ok(())
    }
}
