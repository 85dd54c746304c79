//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use sp_runtime::TryRuntimeError;

use crate::{
    COHORT, ClosingAt, Config, DAY, Downtimes, Heard, HoldReason, Members, NextInterval, Pallet,
    Pendings, Presences, Present, Regions, Reports, Watchers, bits,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - a watcher has his bond on hold, nobody else anything; members are watchers who do not leave;
    /// - reports to prove are as many as their watcher counts;
    /// - a machine counts as heard exactly when it is not silent, and nobody else does;
    /// - each machine that is counted is counted in its region, and nobody else is;
    /// - no day has more silence than slots;
    /// - nothing is settled past the clock, and no report is kept of what is closed.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        for account in frame_system::Account::<T>::iter_keys() {
            let bond = Watchers::<T>::get(&account).map_or(0, |watcher| watcher.bond);
            let held = T::Currency::balance_on_hold(&HoldReason::Watcher.into(), &account);
            ensure!(held == bond, "a watcher's hold is not his bond");
        }
        for member in Members::<T>::get() {
            let stays = Watchers::<T>::get(member).is_some_and(|watcher| watcher.leaving.is_none());
            ensure!(stays, "a member leaves or is no watcher");
        }
        for (watcher, record) in Watchers::<T>::iter() {
            let unproven = Pendings::<T>::iter_prefix(&watcher).count();
            ensure!(record.unproven as usize == unproven, "unproven reports are miscounted");
        }
        for watcher in Pendings::<T>::iter_keys().map(|(watcher, _)| watcher) {
            ensure!(Watchers::<T>::contains_key(watcher), "nobody has a report to prove");
        }
        let mut heard = 0;
        let mut there = 0;
        let mut regions: BTreeMap<u16, u32> = BTreeMap::new();
        for (index, presence) in Presences::<T>::iter() {
            let bit = bits::is_set(&Heard::<T>::get(index / COHORT), (index % COHORT) as u16);
            ensure!(bit == presence.silent.is_none(), "who is silent counts as heard");
            heard += u32::from(bit);
            let bit = bits::is_set(&Present::<T>::get(index / COHORT), (index % COHORT) as u16);
            ensure!(bit, "a machine that is counted is not present");
            there += 1;
            *regions.entry(presence.region).or_default() += 1;
        }
        for (region, found) in Regions::<T>::iter() {
            let counted = regions.remove(&region);
            ensure!(counted == Some(found.machines), "a region's machines are miscounted");
        }
        ensure!(regions.is_empty(), "a machine's region is not counted");
        for (index, downtime) in Downtimes::<T>::iter() {
            ensure!(Presences::<T>::contains_key(index), "nobody's silence is kept");
            let within = downtime.slots.iter().all(|slots| u64::from(*slots) <= DAY);
            ensure!(within, "a day had more silence than slots");
        }
        let bits = Heard::<T>::iter().flat_map(|(_, map)| map.into_inner());
        let set: u32 = bits.map(u8::count_ones).sum();
        ensure!(set == heard, "nobody counts as heard");
        let bits = Present::<T>::iter().flat_map(|(_, map)| map.into_inner());
        ensure!(bits.map(u8::count_ones).sum::<u32>() == there, "nobody is present");
        let next = NextInterval::<T>::get();
        ensure!(bits_slot::<T>(next) <= T::Clock::get(), "the horizon is ahead of the clock");
        // Those of the interval at hand go cohort by cohort.
        let done = ClosingAt::<T>::get().map_or(0, |at| at.cohort);
        for (interval, cohort, _) in Reports::<T>::iter() {
            let open = interval > next || interval == next && cohort >= done;
            ensure!(open, "a report of a closed interval is kept");
        }
        Ok(())
    }
}

fn bits_slot<T: Config>(interval: crate::Interval) -> dbc_primitives::Slot {
    bits::slot_of(interval, T::IntervalSlots::get())
}
