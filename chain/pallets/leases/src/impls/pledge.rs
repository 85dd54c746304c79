//! Pledges: what a renter sets aside, so that a suspended lease costs nothing and the data of a closed one
//! is kept for a week (mechanisms rules 25, 31; requirements D2, D3). Keeping is paid from it.

use dbc_primitives::{Balance, LeaseId, Slot, discount::SLOTS_PER_DAY};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use pallet_machines::Fleet as _;

use super::settle::wholly;
use crate::{Config, Error, Event, HoldReason, LeaseOf, Pallet, Pledges};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_pledge(who: T::AccountId) -> DispatchResult {
        let mut pledge = Pledges::<T>::get(&who).unwrap_or_default();
        let missing = T::PledgeAmount::get().saturating_sub(pledge.amount);
        ensure!(missing > 0, Error::<T>::PledgedAlready);
        T::Currency::hold(&HoldReason::Pledge.into(), &who, missing)?;
        pledge.amount = pledge.amount.saturating_add(missing);
        let amount = pledge.amount;
        Pledges::<T>::insert(&who, pledge);
        Self::deposit_event(Event::Pledged { who, amount });
        Ok(())
    }

    pub(crate) fn do_release_pledge(who: T::AccountId) -> DispatchResult {
        let pledge = Pledges::<T>::get(&who).ok_or(Error::<T>::NothingPledged)?;
        ensure!(pledge.relied == 0, Error::<T>::PledgeInUse);
        let hold = HoldReason::Pledge.into();
        let amount = T::Currency::release(&hold, &who, pledge.amount, Precision::BestEffort)?;
        Pledges::<T>::remove(&who);
        Self::deposit_event(Event::PledgeReleased { who, amount });
        Ok(())
    }

    /// Whether somebody has pledged as much as is asked for now.
    pub(crate) fn has_pledge(who: &T::AccountId) -> bool {
        Pledges::<T>::get(who).is_some_and(|pledge| pledge.amount >= T::PledgeAmount::get())
    }

    /// One lease more relies on a pledge.
    pub(crate) fn rely(who: &T::AccountId) {
        Pledges::<T>::mutate(who, |pledge| {
            if let Some(pledge) = pledge.as_mut() {
                pledge.relied = pledge.relied.saturating_add(1);
            }
        });
    }

    /// One lease less.
    pub(crate) fn rely_no_more(who: &T::AccountId) {
        Pledges::<T>::mutate(who, |pledge| {
            if let Some(pledge) = pledge.as_mut() {
                pledge.relied = pledge.relied.saturating_sub(1);
            }
        });
    }

    /// Writes down until when a closed lease's data is kept, and who pays for it. A machine on which it never
    /// ran has none worth paying for.
    pub(crate) fn retain(record: &mut LeaseOf<T>) -> Slot {
        if record.suspended.take().is_some_and(|suspended| suspended.pledged) {
            Self::rely_no_more(&record.renter);
        }
        let ran = record.started_at.is_some() && record.moving.is_none();
        let pledged = ran && Self::has_pledge(&record.renter);
        let slots = match pledged {
            true => T::Retention::get(),
            false => T::BareRetention::get(),
        };
        if pledged {
            Self::rely(&record.renter);
            record.storage_price = T::StoragePrice::get();
        }
        let until = T::Clock::get().saturating_add(slots);
        record.retained_by_pledge = pledged;
        record.retain_until = Some(until);
        until
    }

    /// Pays the provider for having kept the data, as far as the pledge goes.
    pub(crate) fn pay_storage(lease: LeaseId, record: &LeaseOf<T>) {
        if !record.retained_by_pledge {
            return;
        }
        Self::rely_no_more(&record.renter);
        let Some(mut pledge) = Pledges::<T>::get(&record.renter) else { return };
        let provider = T::Fleet::provider_of(record.machine);
        let provider = provider.unwrap_or_else(|| record.provider.clone());
        let price = Self::storage_cost(record).min(pledge.amount);
        let paid = wholly(|| {
            T::Currency::transfer_on_hold(
                &HoldReason::Pledge.into(),
                &record.renter,
                &provider,
                price,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )
        });
        let amount = paid.unwrap_or(0);
        if amount == 0 {
            return;
        }
        pledge.amount = pledge.amount.saturating_sub(amount);
        match pledge.amount {
            0 if pledge.relied == 0 => Pledges::<T>::remove(&record.renter),
            _ => Pledges::<T>::insert(&record.renter, pledge),
        }
        Self::deposit_event(Event::StoragePaid { lease, provider, amount });
    }

    /// What it costs, by begun days.
    fn storage_cost(record: &LeaseOf<T>) -> Balance {
        let dbc_primitives::LeaseState::Closed { at, .. } = record.state else { return 0 };
        let until = record.retain_until.unwrap_or(at);
        let days = until.saturating_sub(at).div_ceil(SLOTS_PER_DAY);
        record.storage_price.saturating_mul(days.into())
    }
}
