//! Stake that is taken, made up for, and given back.

use dbc_primitives::{Balance, MachineId, MachineStatus};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};

use crate::{Config, Error, Event, HoldReason, MachineOf, Machines, Pallet, Presence as _, Tier};

impl<T: Config> Pallet<T> {
    /// Units that are asked for its cards.
    pub(crate) fn normal_stake(record: &MachineOf<T>) -> Balance {
        MachineOf::<T>::stake_for::<T>(record.facts.gpus.len())
    }

    /// Units that a machine needs on hold to be listed.
    pub(crate) fn required(record: &MachineOf<T>) -> Balance {
        match record.tier {
            Tier::Stable => Self::kept(record),
            Tier::Normal | Tier::Lost => Self::normal_stake(record),
        }
    }

    /// Units that stay on hold while it is not in dispute: also the pledge of a tier that it lost.
    pub(crate) fn kept(record: &MachineOf<T>) -> Balance {
        Self::normal_stake(record).saturating_add(record.extra)
    }

    /// Takes up to `most` of a machine's stake to an account, also while it retires; gives what was taken.
    /// With too little left it takes no more orders until the rest is made up for; and it is in the
    /// high-stability tier no more.
    ///
    /// Forced, because votes and freezes may lock a provider's total balance, holds included (mechanisms
    /// rule 12).
    pub fn slash(machine: MachineId, most: Balance, to: &T::AccountId) -> Balance {
        let Some(mut record) = Machines::<T>::get(machine) else { return 0 };
        let taken = Self::take_stake(machine, &mut record, most, to);
        if taken == 0 {
            return 0;
        }
        let lost_tier = record.tier == Tier::Stable;
        if lost_tier {
            record.tier = Tier::Lost;
        }
        let required = Self::required(&record);
        Self::unlist_below(machine, &mut record, required);
        let extra = record.extra;
        Machines::<T>::insert(machine, record);
        if lost_tier {
            Self::tell_lost(machine, extra);
        }
        taken
    }

    /// Takes up to `most` of a machine's stake to whoever its provider owes it; gives what was taken. No
    /// slash: the tier stays, and orders are taken while half of what is asked for is there.
    pub(crate) fn make_good(machine: MachineId, to: &T::AccountId, most: Balance) -> Balance {
        let Some(mut record) = Machines::<T>::get(machine) else { return 0 };
        let taken = Self::take_stake(machine, &mut record, most, to);
        if taken > 0 {
            let half = Self::required(&record) / 2;
            Self::unlist_below(machine, &mut record, half);
            Machines::<T>::insert(machine, record);
        }
        taken
    }

    fn take_stake(
        machine: MachineId,
        record: &mut MachineOf<T>,
        most: Balance,
        to: &T::AccountId,
    ) -> Balance {
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
        if taken > 0 {
            record.stake -= taken;
            Self::deposit_event(Event::Slashed { machine, amount: taken });
        }
        taken
    }

    /// Takes a machine off the list whose stake is below so much.
    fn unlist_below(machine: MachineId, record: &mut MachineOf<T>, least: Balance) {
        if record.status == MachineStatus::Listed && record.stake < least {
            record.status = MachineStatus::Verified;
            let status = record.status;
            Self::deposit_event(Event::StatusChanged { machine, status });
        }
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

    pub(crate) fn do_release_stake(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!leaving, Error::<T>::WrongStatus);
        ensure!(T::Presence::is_clear(machine), Error::<T>::InDispute);
        let amount = record.stake.saturating_sub(Self::kept(&record));
        ensure!(amount > 0, Error::<T>::NothingToRelease);
        Self::give_back(&mut record, amount)?;
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::StakeReleased { machine, amount });
        Ok(())
    }

    /// Gives some of a machine's stake back to its provider; it has so much on hold.
    pub(crate) fn give_back(record: &mut MachineOf<T>, amount: Balance) -> DispatchResult {
        if amount > 0 {
            let hold = HoldReason::Stake.into();
            T::Currency::release(&hold, &record.provider, amount, Precision::Exact)?;
            record.stake = record.stake.saturating_sub(amount);
        }
        Ok(())
    }
}
