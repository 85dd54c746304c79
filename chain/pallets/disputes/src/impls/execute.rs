//! Appeals, cancellations, and who gets what.

use dbc_primitives::Balance;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};

use crate::{
    Config, Error, Event, HoldReason, Leased as _, OffenceId, OffenceOf, Offences, Pallet, Stage,
    Stakes as _, Unreleased as _,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_appeal(who: T::AccountId, id: OffenceId) -> DispatchResult {
        let mut offence = Offences::<T>::get(id).ok_or(Error::<T>::OffenceNotFound)?;
        let Stage::Recorded { until } = offence.stage else {
            return Err(Error::<T>::NoAppeal.into());
        };
        let now = T::Clock::get();
        // By the clock, not by the queue: a late queue gives no longer window.
        ensure!(who == offence.provider && now < until, Error::<T>::NoAppeal);
        let bond = T::AppealBond::get();
        T::Currency::hold(&HoldReason::Appeal.into(), &who, bond)?;
        Self::unqueue(id, offence.next);
        let until = now.saturating_add(T::DecideSlots::get());
        offence.stage = Stage::Appealed { until };
        offence.next = until;
        offence.appeal = bond;
        Self::keep(id, offence);
        Self::deposit_event(Event::Appealed { offence: id, until });
        Ok(())
    }

    pub(crate) fn do_cancel(id: OffenceId) -> DispatchResult {
        let offence = Offences::<T>::get(id).ok_or(Error::<T>::OffenceNotFound)?;
        Self::unqueue(id, offence.next);
        Self::free(&HoldReason::Appeal.into(), &offence.provider, offence.appeal, false);
        if let Some((reporter, bond)) = &offence.reporter {
            Self::free(&HoldReason::Report.into(), reporter, *bond, false);
        }
        Self::settle(id, &offence);
        Self::deposit_event(Event::Cancelled { offence: id });
        Ok(())
    }

    /// Takes what the offence costs: rewards that were not released, then stake. Cannot fail: what cannot
    /// be taken is not there.
    pub(crate) fn execute(id: OffenceId, offence: &OffenceOf<T>) {
        let cost = Self::cost(offence);
        let rewards = T::Rewards::forfeit(&offence.provider, cost).min(cost);
        let mut left = cost - rewards;
        let mut taken = 0;
        let mut give = |to: &T::AccountId, most: Balance| {
            let part = T::Stakes::slash(offence.machine, most.min(left), to);
            left -= part.min(left);
            taken += part;
        };
        // Shares are of the whole slash, and come out of the stake; a renter gets no more than he paid, so
        // that nobody slashes himself at a profit.
        let renter = offence.lease.and_then(|lease| T::Leases::renter(offence.machine, lease));
        if let Some((renter, paid)) = renter.filter(|(renter, _)| *renter != offence.provider) {
            give(&renter, T::RenterShare::get().mul_floor(cost).min(paid));
        }
        if let Some((reporter, _)) = &offence.reporter {
            if *reporter != offence.provider {
                give(reporter, T::ReporterShare::get().mul_floor(cost));
            }
        }
        give(&T::Treasury::get(), Balance::MAX);
        if let Some((reporter, bond)) = &offence.reporter {
            Self::free(&HoldReason::Report.into(), reporter, *bond, false);
        }
        Self::free(&HoldReason::Appeal.into(), &offence.provider, offence.appeal, true);
        Self::deposit_event(Event::Executed { offence: id, rewards, stake: taken });
    }

    /// Gives a bond back, or to the treasury.
    pub(crate) fn free(
        reason: &T::RuntimeHoldReason,
        who: &T::AccountId,
        bond: Balance,
        lost: bool,
    ) {
        if bond == 0 {
            return;
        }
        // Whatever locks there are, what is held is moved or freed (rule 12).
        if lost {
            let _ = T::Currency::transfer_on_hold(
                reason,
                who,
                &T::Treasury::get(),
                bond,
                Precision::BestEffort,
                Restriction::Free,
                Fortitude::Force,
            );
        } else {
            let _ = T::Currency::release(reason, who, bond, Precision::BestEffort);
        }
    }
}
