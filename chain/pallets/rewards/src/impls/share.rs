//! Who shares, and what becomes of what he earned.

use alloc::vec::Vec;

use dbc_primitives::{Balance, BoundedVec, MachineId, Slot};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::{Inspect as _, Mutate as _},
        tokens::{Fortitude, Preservation},
    },
    weights::Weight,
};

use sp_runtime::Perquintill;

use crate::{
    All, Config, CurrentModel, Error, Event, Fleet, Fleets, ONE, Pallet, Pauses, Release, Releases,
    Rewards, SCALE, Share, Shares, Stretch, Weighed,
};

impl<T: Config> Pallet<T> {
    /// Brings a provider's accumulator up to the global one, under the weight that he had.
    pub(crate) fn follow(fleet: &mut Fleet) {
        let acc = All::<T>::get().acc;
        let grown = acc.saturating_sub(fleet.mark).saturating_mul(u128::from(fleet.weight()));
        fleet.acc = fleet.acc.saturating_add(grown);
        fleet.mark = acc;
    }

    /// Adds what a machine earned since it was settled to what is provisional.
    pub(crate) fn settle(machine: MachineId) {
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        Self::earn_so_far(&mut share);
        Shares::<T>::insert(machine, share);
    }

    /// Adds what was earned to a machine's share, and nothing else: while no sum changes, its provider's
    /// accumulator can follow later as well. Gives whether money was moved for it.
    fn earn_so_far(share: &mut Share<T::AccountId>) -> bool {
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        Self::earn(&fleet, share)
    }

    /// Claimable and locked, as of now; writes nothing.
    pub(crate) fn released(provider: &T::AccountId) -> (Balance, Balance) {
        let Some(mut release) = Releases::<T>::get(provider) else { return (0, 0) };
        release.pass_to(Self::era());
        (release.claimable, release.locked())
    }

    /// What eras to come release; writes nothing.
    pub(crate) fn to_come(provider: &T::AccountId) -> Vec<Stretch> {
        let Some(mut release) = Releases::<T>::get(provider) else { return Vec::new() };
        release.pass_to(Self::era());
        release.stretches()
    }

    /// Points, whether it counts, and what is provisional as of now; writes nothing.
    pub(crate) fn standing(machine: MachineId) -> Option<(u64, bool, Balance)> {
        let share = Shares::<T>::get(machine)?;
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        let (base, _) = Self::since_settled(&fleet, &share);
        Some((share.points, share.counts, share.provisional.saturating_add(base)))
    }

    /// What a machine earned since it was settled, and what it did not because nobody knew who was there.
    /// Its provider's accumulator has been brought up to the global one.
    pub(crate) fn since_settled(fleet: &Fleet, share: &Share<T::AccountId>) -> (Balance, Balance) {
        if !share.counts {
            return (0, 0);
        }
        let acc = All::<T>::get().acc;
        let passed = acc.saturating_sub(share.seen);
        let grown = fleet.acc.saturating_sub(share.mark);
        let flat = passed.saturating_mul(u128::from(share.bonus));
        let full = grown.saturating_add(flat).saturating_mul(u128::from(share.points)) >> SCALE;
        let unknown = Pauses::<T>::get(share.cohort).total(acc).saturating_sub(share.paused);
        if unknown == 0 || passed == 0 {
            return (full, 0);
        }
        let known = Perquintill::from_rational(passed.saturating_sub(unknown), passed);
        let base = known.mul_floor(full);
        (base, full - base)
    }

    /// Gives whether money was moved between the pot and the treasury.
    fn earn(fleet: &Fleet, share: &mut Share<T::AccountId>) -> bool {
        let (base, unknown) = Self::since_settled(fleet, share);
        let acc = All::<T>::get().acc;
        share.mark = fleet.acc;
        share.seen = acc;
        share.paused = Pauses::<T>::get(share.cohort).total(acc);
        if unknown > 0 {
            Self::to_treasury(unknown);
        }
        if base == 0 {
            return unknown > 0;
        }
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
        unknown > 0 || bonus > 0
    }

    fn draw_bonus(amount: Balance) -> bool {
        let treasury = T::Treasury::get();
        T::Currency::transfer(&treasury, &Self::pot(), amount, Preservation::Preserve).is_ok()
    }

    /// Changes a machine and its provider's sums with it; what was earned before is settled first.
    pub(crate) fn change(machine: MachineId, act: impl FnOnce(&mut Share<T::AccountId>)) {
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        Self::earn(&fleet, &mut share);
        let mut all = All::<T>::get();
        all.points = all.points.saturating_sub(fleet.counted());
        if share.counts {
            fleet.points = fleet.points.saturating_sub(share.points);
            fleet.flat = fleet.flat.saturating_sub(flat_of(&share));
            fleet.gpus = fleet.gpus.saturating_sub(share.gpus);
            all.gpus = all.gpus.saturating_sub(share.gpus);
        }
        act(&mut share);
        if share.counts {
            fleet.points = fleet.points.saturating_add(share.points);
            fleet.flat = fleet.flat.saturating_add(flat_of(&share));
            fleet.gpus = fleet.gpus.saturating_add(share.gpus);
            all.gpus = all.gpus.saturating_add(share.gpus);
        }
        all.points = all.points.saturating_add(fleet.counted());
        All::<T>::put(all);
        Fleets::<T>::insert(&share.provider, fleet);
        Shares::<T>::insert(machine, share);
    }

    /// Sets what a machine counts; a new one has a share from now on, and counts when it is resumed.
    pub(crate) fn weigh(machine: MachineId, provider: &T::AccountId, weighed: Weighed) {
        if !Shares::<T>::contains_key(machine) {
            let mut share = Share {
                provider: provider.clone(),
                points: 0,
                gpus: 0,
                counts: false,
                mark: 0,
                provisional: 0,
                rented: 0,
                fees: 0,
                bonus: 0,
                model: weighed.model,
                cohort: weighed.cohort,
                seen: 0,
                paused: 0,
                earlier: BoundedVec::default(),
            };
            Self::enter_fleet(&mut share);
            Shares::<T>::insert(machine, share);
        }
        Self::change(machine, |share| {
            share.points = weighed.points;
            share.gpus = weighed.gpus;
            share.bonus = weighed.bonus;
            share.model = weighed.model;
            share.cohort = weighed.cohort;
            // What nobody knew there before is not its own.
            share.paused = Pauses::<T>::get(share.cohort).total(All::<T>::get().acc);
        });
    }

    /// One machine more of its provider, that has earned nothing with him yet.
    fn enter_fleet(share: &mut Share<T::AccountId>) {
        let mut fleet = Fleets::<T>::get(&share.provider);
        Self::follow(&mut fleet);
        fleet.machines = fleet.machines.saturating_add(1);
        share.mark = fleet.acc;
        share.seen = All::<T>::get().acc;
        Fleets::<T>::insert(&share.provider, fleet);
    }

    /// One machine less; a fleet without any is forgotten.
    fn leave_fleet(provider: &T::AccountId) {
        Fleets::<T>::mutate_exists(provider, |found| {
            let Some(fleet) = found else { return };
            fleet.machines = fleet.machines.saturating_sub(1);
            if fleet.machines == 0 {
                *found = None;
            }
        });
    }

    /// Adds a sum to what a provider is released, from this era on.
    fn release(machine: MachineId, provider: T::AccountId, amount: Balance) {
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
        let own = core::mem::take(&mut share.provisional);
        let amount = own.saturating_add(share.earlier_sum());
        share.earlier = BoundedVec::default();
        Self::lost(machine, amount);
    }

    fn lost(machine: MachineId, amount: Balance) {
        if amount > 0 {
            Self::to_treasury(amount);
            Self::deposit_event(Event::Lost { machine, amount });
        }
    }
}

/// What a machine adds to its provider's flat sum while it counts.
fn flat_of<AccountId>(share: &Share<AccountId>) -> u64 {
    share.points.saturating_mul(u64::from(share.bonus))
}

impl<T: Config> Rewards<T::AccountId> for Pallet<T> {
    fn rate(machine: MachineId) {
        let version = CurrentModel::<T>::get();
        Self::rate_by(machine, version, &Self::model(version));
    }

    fn count(machine: MachineId, counts: bool) {
        Self::change(machine, |share| share.counts = counts);
    }

    fn proven(machine: MachineId) {
        Self::settle(machine);
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let amount = core::mem::take(&mut share.provisional);
        let earlier = core::mem::take(&mut share.earlier);
        let provider = share.provider.clone();
        Shares::<T>::insert(machine, share);
        Self::release(machine, provider, amount);
        for (provider, amount) in earlier {
            Self::release(machine, provider, amount);
        }
    }

    fn failed(machine: MachineId) {
        Self::change(machine, |share| {
            share.counts = false;
            Self::lose(machine, share);
        });
    }

    fn handed_over(machine: MachineId, to: &T::AccountId) {
        let Some(counts) = Shares::<T>::get(machine).map(|share| share.counts) else { return };
        Self::count(machine, false);
        let Some(mut share) = Shares::<T>::get(machine) else { return };
        let from = core::mem::replace(&mut share.provider, to.clone());
        Self::leave_fleet(&from);
        Self::enter_fleet(&mut share);
        let amount = core::mem::take(&mut share.provisional);
        // Whoever hands a machine on very often before it is proven finds no place for what he earned.
        let lost = share.keep_for(from.clone(), amount);
        Shares::<T>::insert(machine, share);
        Self::lost(machine, lost);
        Self::count(machine, counts);
        let (to, kept) = (to.clone(), amount - lost);
        Self::deposit_event(Event::HandedOver { machine, from, to, kept });
    }

    fn rented(machine: MachineId, parts: u32) -> Weight {
        let Some(mut share) = Shares::<T>::get(machine) else { return Weight::zero() };
        let moved = Self::earn_so_far(&mut share);
        share.rented = parts.min(ONE as u32);
        Shares::<T>::insert(machine, share);
        // The pot and the treasury.
        if moved { T::DbWeight::get().reads_writes(2, 2) } else { Weight::zero() }
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
        Self::leave_fleet(&share.provider);
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

    fn closed(from: Slot, to: Slot, told: bool) {
        Self::do_closed(from, to, told);
    }

    fn pause(cohort: u32, unknown: bool) {
        Self::do_pause(cohort, unknown);
    }
}
