//! Who watches.

use alloc::vec::Vec;

use crate::{
    Config, Draws, DutyList, Epoch, Error, Event, HoldReason, Members, Pallet, STREAK, Watcher,
    Watchers, bits,
};
use dbc_primitives::BoundedVec;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_join(who: T::AccountId) -> DispatchResult {
        ensure!(!Watchers::<T>::contains_key(&who), Error::<T>::WatcherExists);
        let bond = T::Bond::get();
        T::Currency::hold(&HoldReason::Watcher.into(), &who, bond)?;
        Members::<T>::try_mutate(|members| members.try_push(who.clone()))
            .map_err(|_| Error::<T>::NoSeat)?;
        Watchers::<T>::insert(&who, Watcher { bond, ..Watcher::default() });
        Self::deposit_event(Event::Joined { watcher: who });
        Ok(())
    }

    pub(crate) fn do_leave(who: T::AccountId) -> DispatchResult {
        Watchers::<T>::try_mutate(&who, |watcher| {
            let watcher = watcher.as_mut().ok_or(Error::<T>::NotWatcher)?;
            ensure!(watcher.leaving.is_none(), Error::<T>::LeavingAlready);
            watcher.leaving = Some(T::Clock::get());
            Ok::<_, Error<T>>(())
        })?;
        Self::drop_member(&who);
        Self::deposit_event(Event::Leaving { watcher: who });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let watcher = Watchers::<T>::get(&who).ok_or(Error::<T>::NotWatcher)?;
        let since = watcher.leaving.ok_or(Error::<T>::NotLeaving)?;
        let over = since.saturating_add(T::LeaveDelay::get());
        ensure!(T::Clock::get() >= over, Error::<T>::TooEarly);
        // Else a liar would go before he is judged.
        ensure!(watcher.unproven == 0, Error::<T>::Unproven);
        let hold = HoldReason::Watcher.into();
        T::Currency::release(&hold, &who, watcher.bond, Precision::BestEffort)?;
        Watchers::<T>::remove(&who);
        Self::deposit_event(Event::Left { watcher: who });
        Ok(())
    }

    /// A report that its watcher could not prove. At the last strike his bond is lost and he is out.
    pub(crate) fn strike(who: &T::AccountId, watcher: &mut Watcher) {
        watcher.strikes += 1;
        watcher.streak = 0;
        Self::deposit_event(Event::Struck { watcher: who.clone(), strikes: watcher.strikes });
        if watcher.strikes < T::StrikesMax::get() || watcher.bond == 0 {
            return;
        }
        // Whatever can be moved is; a vote or a freeze does not save it (rule 12).
        let moved = T::Currency::transfer_on_hold(
            &HoldReason::Watcher.into(),
            who,
            &T::Treasury::get(),
            watcher.bond,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        watcher.bond -= moved.unwrap_or(0).min(watcher.bond);
        watcher.leaving.get_or_insert_with(T::Clock::get);
        Self::drop_member(who);
    }

    /// A report that he proved; so many in a row make up for a strike.
    pub(crate) fn credit(watcher: &mut Watcher) {
        watcher.streak += 1;
        if watcher.streak >= STREAK {
            watcher.streak = 0;
            watcher.strikes = watcher.strikes.saturating_sub(1);
        }
    }

    fn drop_member(who: &T::AccountId) {
        Members::<T>::mutate(|members| members.retain(|member| member != who));
    }

    /// Who watches a cohort in an epoch, drawn by the randomness of the epoch before; the same for
    /// whoever asks, nobody twice.
    pub fn duties(epoch: Epoch, cohort: u32) -> DutyList<T::AccountId> {
        let Some(draw) = Draws::<T>::get(epoch % 2).filter(|draw| draw.epoch == epoch) else {
            return BoundedVec::default();
        };
        let members = draw.members.into_inner();
        let wanted = T::WatchersPerCohort::get();
        let drawn = bits::draw(&draw.seed, cohort, members.len(), wanted);
        let drawn: Vec<_> = drawn.into_iter().filter_map(|at| members.get(at).cloned()).collect();
        BoundedVec::truncate_from(drawn)
    }
}
