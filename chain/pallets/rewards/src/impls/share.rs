//! Who shares, and what becomes of what he earned.

use dbc_primitives::{Balance, MachineId};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::{Inspect as _, Mutate as _},
        tokens::{Fortitude, Preservation},
    },
};

use crate::{
    All, Config, Error, Event, Fleet, Fleets, ONE, Pallet, Release, Releases, Rewards, SCALE,
    Share, Shares,
};

impl<T: Config> Pallet<T> {
    /// Brings a provider's accumulator up to the global one, under the weight that he had.
    fn follow(fleet: &mut Fleet) {
        let acc = All::<T>::get().acc;
        let grown = acc.saturating_sub(fleet.mark).saturating_mul(u128::from(fleet.weight()));
        fleet.acc = fleet.acc.saturating_add(grown);
        fleet.mark = acc;
    }

    /// Adds what a machine earned since it was settled to what is provisional.
    pub(crate) fn settle(machine: MachineId) {
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        Self::earn(&fleet, &mut share);
        Fleets::<T>::insert(&share.provider, fleet);
        Shares::<T>::insert(machine, share);
    }

    /// Claimable and locked, as of now; writes nothing.
    pub(crate) fn released(provider: &T::AccountId) -> (Balance, Balance) {
        let Some(mut release) = Releases::<T>::get(provider) else { return (0, 0) };
        release.pass_to(Self::era());
        (release.claimable, release.locked())
    }

    /// Points, whether it counts, and what is provisional as of now; writes nothing.
    pub(crate) fn standing(machine: MachineId) -> Option<(u64, bool, Balance)> {
        let share = Shares::<T>::get(machine)?;
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        let grown = if share.counts { fleet.acc.saturating_sub(share.mark) } else { 0 };
        let base = grown.saturating_mul(u128::from(share.points)) >> SCALE;
        Some((share.points, share.counts, share.provisional.saturating_add(base)))
    }

    fn earn(fleet: &Fleet, share: &mut Share<T::AccountId>) {
        let grown = fleet.acc.saturating_sub(share.mark);
        share.mark = fleet.acc;
        if !share.counts {
            return;
        }
        let base = grown.saturating_mul(u128::from(share.points)) >> SCALE;
        share.provisional = share.provisional.saturating_add(base);
        // The bonus for rent comes out of what that rent paid, never out of others' emission (rule 2).
        let rented = base.saturating_mul(Balance::from(share.rented)) / Balance::from(ONE);
        let most = T::RentBonus::get().mul_floor(rented);
        let bonus = most.min(T::RentReturn::get().mul_floor(share.fees));
        if bonus > 0 && Self::draw_bonus(bonus) {
            share.provisional = share.provisional.saturating_add(bonus);
            share.fees =
                share.fees.saturating_sub(T::RentReturn::get().saturating_reciprocal_mul(bonus));
        }
    }

    fn draw_bonus(amount: Balance) -> bool {
        let treasury = T::Treasury::get();
        T::Currency::transfer(&treasury, &Self::pot(), amount, Preservation::Preserve).is_ok()
    }

    /// Changes a machine and its provider's sums with it; what was earned before is settled first.
    fn change(machine: MachineId, act: impl FnOnce(&mut Share<T::AccountId>)) {
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        Self::earn(&fleet, &mut share);
        let mut all = All::<T>::get();
        all.points = all.points.saturating_sub(fleet.points.saturating_mul(fleet.weight()));
        if share.counts {
            fleet.points = fleet.points.saturating_sub(share.points);
            fleet.gpus = fleet.gpus.saturating_sub(share.gpus);
            all.gpus = all.gpus.saturating_sub(share.gpus);
        }
        act(&mut share);
        if share.counts {
            fleet.points = fleet.points.saturating_add(share.points);
            fleet.gpus = fleet.gpus.saturating_add(share.gpus);
            all.gpus = all.gpus.saturating_add(share.gpus);
        }
        all.points = all.points.saturating_add(fleet.points.saturating_mul(fleet.weight()));
        All::<T>::put(all);
        Fleets::<T>::insert(&share.provider, fleet);
        Shares::<T>::insert(machine, share);
    }

    pub(crate) fn do_claim(provider: T::AccountId) -> DispatchResult {
        let mut release = Releases::<T>::get(&provider).ok_or(Error::<T>::NothingToClaim)?;
        release.pass_to(Self::era());
        let amount = release.claimable;
        ensure!(amount > 0, Error::<T>::NothingToClaim);
        T::Currency::transfer(&Self::pot(), &provider, amount, Preservation::Expendable)?;
        release.claimable = 0;
        if release.locked() == 0 {
            Releases::<T>::remove(&provider);
        } else {
            Releases::<T>::insert(&provider, release);
        }
        Self::deposit_event(Event::Claimed { provider, amount });
        Ok(())
    }

    /// Moves what is forfeited out of the pot; what cannot be moved stays in it and is nobody's.
    fn to_treasury(amount: Balance) {
        let pot = Self::pot();
        let most =
            T::Currency::reducible_balance(&pot, Preservation::Expendable, Fortitude::Polite);
        let amount = amount.min(most);
        let _ = T::Currency::transfer(&pot, &T::Treasury::get(), amount, Preservation::Expendable);
    }

    fn lose(machine: MachineId, share: &mut Share<T::AccountId>) {
        let amount = core::mem::take(&mut share.provisional);
        if amount > 0 {
            Self::to_treasury(amount);
            Self::deposit_event(Event::Lost { machine, amount });
        }
    }
}

impl<T: Config> Rewards<T::AccountId> for Pallet<T> {
    fn set(machine: MachineId, provider: &T::AccountId, points: u64, gpus: u32) {
        if !Shares::<T>::contains_key(machine) {
            let mut fleet = Fleets::<T>::get(provider);
            Self::follow(&mut fleet);
            fleet.machines = fleet.machines.saturating_add(1);
            let share = Share {
                provider: provider.clone(),
                points: 0,
                gpus: 0,
                counts: false,
                mark: fleet.acc,
                provisional: 0,
                rented: 0,
                fees: 0,
            };
            Fleets::<T>::insert(provider, fleet);
            Shares::<T>::insert(machine, share);
        }
        Self::change(machine, |share| {
            share.points = points;
            share.gpus = gpus;
        });
    }

    fn count(machine: MachineId, counts: bool) {
        Self::change(machine, |share| share.counts = counts);
    }

    fn proven(machine: MachineId) {
        Self::settle(machine);
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let amount = core::mem::take(&mut share.provisional);
        let provider = share.provider.clone();
        Shares::<T>::insert(machine, share);
        if amount == 0 {
            return;
        }
        let era = Self::era();
        let mut release = Releases::<T>::get(&provider).unwrap_or_else(|| Release::new(era));
        release.pass_to(era);
        release.add(amount);
        Releases::<T>::insert(&provider, release);
        Self::deposit_event(Event::Earned { machine, provider, amount });
    }

    fn failed(machine: MachineId) {
        Self::change(machine, |share| {
            share.counts = false;
            Self::lose(machine, share);
        });
    }

    fn rented(machine: MachineId, parts: u32) {
        Self::change(machine, |share| share.rented = parts.min(ONE as u32));
    }

    fn fee_paid(machine: MachineId, amount: Balance) {
        Shares::<T>::mutate(machine, |share| {
            let Some(share) = share else { return };
            share.fees = share.fees.saturating_add(amount);
        });
    }

    fn remove(machine: MachineId) {
        Self::failed(machine);
        let Some(share) = Shares::<T>::take(machine) else { return };
        Fleets::<T>::mutate_exists(&share.provider, |found| {
            let Some(fleet) = found else { return };
            fleet.machines = fleet.machines.saturating_sub(1);
            if fleet.machines == 0 {
                *found = None;
            }
        });
    }

    fn forfeit(provider: &T::AccountId, most: Balance) -> Balance {
        let Some(mut release) = Releases::<T>::get(provider) else { return 0 };
        release.pass_to(Self::era());
        let amount = release.forfeit(most);
        Releases::<T>::insert(provider, release);
        if amount > 0 {
            Self::to_treasury(amount);
            Self::deposit_event(Event::Forfeited { provider: provider.clone(), amount });
        }
        amount
    }
}
