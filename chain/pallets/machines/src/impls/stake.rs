//! Stake that is taken, and made up for.

use dbc_primitives::{Balance, MachineId, MachineStatus};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};

use crate::{Config, Error, Event, HoldReason, MachineOf, Machines, Pallet};

impl<T: Config> Pallet<T> {
    /// Units that a machine needs on hold to be listed.
    pub(crate) fn required(record: &MachineOf<T>) -> Balance {
        MachineOf::<T>::stake_for::<T>(record.facts.gpus.len())
    }

    /// Takes up to `most` of a machine's stake to an account, also while it retires; gives what was taken.
    /// With too little left it takes no more orders until the rest is made up for.
    ///
    /// Forced, because votes and freezes may lock a provider's total balance, holds included (mechanisms
    /// rule 12).
    pub fn slash(machine: MachineId, most: Balance, to: &T::AccountId) -> Balance {
        let Some(mut record) = Machines::<T>::get(machine) else { return 0 };
        let amount = most.min(record.stake);
        if amount == 0 {
            return 0;
        }
        let taken = T::Currency::transfer_on_hold(
            &HoldReason::Stake.into(),
            &record.provider,
            to,
            amount,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        let taken = taken.unwrap_or(0).min(amount);
        if taken == 0 {
            return 0;
        }
        record.stake -= taken;
        let unlisted =
            record.status == MachineStatus::Listed && record.stake < Self::required(&record);
        if unlisted {
            record.status = MachineStatus::Verified;
        }
        Self::deposit_event(Event::Slashed { machine, amount: taken });
        if unlisted {
            let status = record.status;
            Self::deposit_event(Event::StatusChanged { machine, status });
        }
        Machines::<T>::insert(machine, record);
        taken
    }

    pub(crate) fn do_top_up(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        let missing = Self::required(&record).saturating_sub(record.stake);
        ensure!(!leaving && missing > 0, Error::<T>::WrongStatus);
        T::Currency::hold(&HoldReason::Stake.into(), &provider, missing)?;
        record.stake += missing;
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::ToppedUp { machine, amount: missing });
        Ok(())
    }
}
