//! The high-stability tier: machines that were there for long and whose providers pledge more for it
//! (requirement D62). It is lost at once by an outage that is blamed or by a slash; the pledge stays
//! where it is until the provider leaves the tier, so that nobody gets out of what is to come.

use dbc_primitives::{Balance, MachineId, MachineStatus, Slot};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _},
};

use crate::{Config, Error, Event, HoldReason, Machines, Pallet, Presence as _, Tier, Uptime as _};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_join_tier(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let proven = matches!(record.status, MachineStatus::Verified | MachineStatus::Listed);
        ensure!(proven, Error::<T>::WrongStatus);
        ensure!(record.tier != Tier::Stable, Error::<T>::InTier);
        ensure!(T::Presence::is_clear(machine), Error::<T>::InDispute);
        let steady = Self::steadiness(machine).is_some_and(|(steady, _)| steady);
        ensure!(steady, Error::<T>::NotSteady);
        record.extra = T::TierStake::get().mul_ceil(Self::normal_stake(&record));
        let missing = Self::kept(&record).saturating_sub(record.stake);
        T::Currency::hold(&HoldReason::Stake.into(), &provider, missing)?;
        record.stake = record.stake.saturating_add(missing);
        record.tier = Tier::Stable;
        Self::withdraw_offered(machine, &mut record);
        let (tier, extra) = (record.tier, record.extra);
        Machines::<T>::insert(machine, record);
        T::Presence::tier_changed(machine);
        Self::deposit_event(Event::TierChanged { machine, tier, extra });
        Ok(())
    }

    pub(crate) fn do_leave_tier(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        ensure!(record.tier != Tier::Normal, Error::<T>::NotInTier);
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!leaving, Error::<T>::WrongStatus);
        ensure!(T::Presence::is_clear(machine), Error::<T>::InDispute);
        let surplus = record.stake.saturating_sub(Self::normal_stake(&record)).min(record.extra);
        Self::give_back(&mut record, surplus)?;
        record.extra = 0;
        record.tier = Tier::Normal;
        Self::withdraw_offered(machine, &mut record);
        let tier = record.tier;
        Machines::<T>::insert(machine, record);
        T::Presence::tier_changed(machine);
        Self::deposit_event(Event::TierChanged { machine, tier, extra: 0 });
        Ok(())
    }

    /// Whether a machine was there for as long as the tier asks, and since when it is.
    pub(crate) fn steadiness(machine: MachineId) -> Option<(bool, Slot)> {
        let since = T::Uptime::since(Machines::<T>::get(machine)?.index.index)?;
        Some((T::Clock::get() >= since.saturating_add(T::TierUptime::get()), since))
    }

    /// A machine was away and is to blame for it: it is in the high-stability tier no more.
    pub fn lose_tier(machine: MachineId) {
        let Some(mut record) = Machines::<T>::get(machine) else { return };
        if record.tier == Tier::Stable {
            record.tier = Tier::Lost;
            let extra = record.extra;
            Machines::<T>::insert(machine, record);
            Self::tell_lost(machine, extra);
        }
    }

    /// Says that a machine lost its tier; its record says so already.
    pub(crate) fn tell_lost(machine: MachineId, extra: Balance) {
        T::Presence::tier_changed(machine);
        Self::deposit_event(Event::TierChanged { machine, tier: Tier::Lost, extra });
    }
}
