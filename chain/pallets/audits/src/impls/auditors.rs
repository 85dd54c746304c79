//! Who audits.

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
    Assigned, AuditId, Auditor, Auditors, Config, Error, Event, HoldReason, Members, MembersAt,
    Pallet, Seats, Visits,
};

/// Duties done in a row that make up for a strike.
const STREAK: u32 = 20;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_seat(auditor: T::AccountId, seated: bool) {
        if seated {
            Seats::<T>::insert(&auditor, ());
        } else {
            Seats::<T>::remove(&auditor);
            Self::retire(&auditor);
        }
        Self::deposit_event(Event::Seated { auditor, seated });
    }

    pub(crate) fn do_set_key(who: T::AccountId, key: [u8; 32]) -> DispatchResult {
        Auditors::<T>::try_mutate(&who, |auditor| {
            auditor.as_mut().map(|auditor| auditor.key = key).ok_or(Error::<T>::NotAuditor)
        })?;
        Self::deposit_event(Event::KeySet { auditor: who, key });
        Ok(())
    }

    pub(crate) fn do_join(who: T::AccountId, key: [u8; 32]) -> DispatchResult {
        ensure!(Seats::<T>::contains_key(&who), Error::<T>::NotSeated);
        ensure!(!Auditors::<T>::contains_key(&who), Error::<T>::AuditorExists);
        let bond = T::Bond::get();
        T::Currency::hold(&HoldReason::Auditor.into(), &who, bond)?;
        Members::<T>::try_mutate(|members| members.try_push(who.clone()))
            .map_err(|_| Error::<T>::NoSeat)?;
        let joined = T::Clock::get();
        let auditor = Auditor {
            bond,
            key,
            joined,
            strikes: 0,
            streak: 0,
            leaving: None,
            open: 0,
            region: None,
            visit_from: joined,
        };
        Auditors::<T>::insert(&who, auditor);
        Self::deposit_event(Event::Joined { auditor: who });
        Ok(())
    }

    pub(crate) fn do_leave(who: T::AccountId) -> DispatchResult {
        let auditor = Auditors::<T>::get(&who).ok_or(Error::<T>::NotAuditor)?;
        ensure!(auditor.leaving.is_none(), Error::<T>::LeavingAlready);
        Self::retire(&who);
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let auditor = Auditors::<T>::get(&who).ok_or(Error::<T>::NotAuditor)?;
        let since = auditor.leaving.ok_or(Error::<T>::NotLeaving)?;
        // Longer than any transcript of his can be challenged.
        let wait = T::LeaveDelay::get().max(T::KeptSlots::get());
        let idle = auditor.open == 0 && !Visits::<T>::contains_key(&who);
        let over = T::Clock::get() >= since.saturating_add(wait) && idle;
        ensure!(over, Error::<T>::TooEarly);
        let hold = HoldReason::Auditor.into();
        T::Currency::release(&hold, &who, auditor.bond, Precision::BestEffort)?;
        Auditors::<T>::remove(&who);
        Self::deposit_event(Event::Left { auditor: who });
        Ok(())
    }

    /// Ends his duties, if he has any to end.
    fn retire(who: &T::AccountId) {
        Members::<T>::mutate(|members| members.retain(|member| member != who));
        Auditors::<T>::mutate(who, |auditor| {
            let Some(auditor) = auditor else { return };
            Self::list_at(auditor.region.take(), who, false);
            if auditor.leaving.is_none() {
                auditor.leaving = Some(T::Clock::get());
                Self::deposit_event(Event::Leaving { auditor: who.clone() });
            }
        });
    }

    pub(crate) fn do_place(who: T::AccountId, region: Option<u16>) -> DispatchResult {
        let mut auditor = Auditors::<T>::get(&who).ok_or(Error::<T>::NotAuditor)?;
        ensure!(auditor.leaving.is_none(), Error::<T>::LeavingAlready);
        Self::list_at(auditor.region, &who, false);
        Self::list_at(region, &who, true);
        auditor.region = region;
        Auditors::<T>::insert(&who, auditor);
        Self::deposit_event(Event::Placed { auditor: who, region });
        Ok(())
    }

    /// Enters him among those of a region, or takes him out.
    fn list_at(region: Option<u16>, who: &T::AccountId, enters: bool) {
        let Some(region) = region else { return };
        MembersAt::<T>::mutate_exists(region, |list| {
            let mut members = list.take().unwrap_or_default();
            members.retain(|member| member != who);
            if enters {
                // He is one of all members, who are no more than fit in here.
                let _ = members.try_push(who.clone());
            }
            *list = (!members.is_empty()).then_some(members);
        });
    }

    /// A duty that he missed. At the last strike his bond is lost and he is out.
    pub(crate) fn strike(who: &T::AccountId) {
        let Some(mut auditor) = Auditors::<T>::get(who) else { return };
        auditor.strikes += 1;
        auditor.streak = 0;
        let out = auditor.strikes >= T::StrikesMax::get();
        Self::deposit_event(Event::Struck { auditor: who.clone(), strikes: auditor.strikes });
        if out {
            let lost = Self::take(who, &T::Treasury::get(), auditor.bond);
            auditor.bond -= lost;
        }
        Auditors::<T>::insert(who, auditor);
        if out {
            Self::retire(who);
        }
    }

    /// A duty that he did.
    pub(crate) fn credit(who: &T::AccountId) {
        Auditors::<T>::mutate(who, |auditor| {
            let Some(auditor) = auditor else { return };
            auditor.streak += 1;
            if auditor.streak >= STREAK {
                auditor.streak = 0;
                auditor.strikes = auditor.strikes.saturating_sub(1);
            }
        });
    }

    /// One duty more, or one less.
    pub(crate) fn count(who: &T::AccountId, id: AuditId, opens: bool) {
        match opens {
            true => Assigned::<T>::insert(who, id, ()),
            false => Assigned::<T>::remove(who, id),
        }
        Auditors::<T>::mutate(who, |auditor| {
            let Some(auditor) = auditor else { return };
            auditor.open = if opens { auditor.open + 1 } else { auditor.open.saturating_sub(1) };
        });
    }

    /// All that he has on hold: a tenth to whoever showed his lie, the rest to the treasury.
    pub(crate) fn ruin(who: &T::AccountId, finder: &T::AccountId) -> u128 {
        let Some(mut auditor) = Auditors::<T>::get(who) else { return 0 };
        let before = auditor.bond;
        auditor.bond -= Self::take(who, finder, before / 10);
        auditor.bond -= Self::take(who, &T::Treasury::get(), auditor.bond);
        let lost = before - auditor.bond;
        Auditors::<T>::insert(who, auditor);
        Seats::<T>::remove(who);
        Self::retire(who);
        lost
    }

    /// Moves what can be moved of his bond; a vote or a freeze does not save it (rule 12).
    fn take(who: &T::AccountId, to: &T::AccountId, amount: u128) -> u128 {
        if amount == 0 {
            return 0;
        }
        let moved = T::Currency::transfer_on_hold(
            &HoldReason::Auditor.into(),
            who,
            to,
            amount,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        moved.unwrap_or(0).min(amount)
    }
}
