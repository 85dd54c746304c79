//! How long machines were there.

use dbc_primitives::{MachineId, Slot};
use frame_support::{StorageMap, traits::Get as _};

use crate::{
    Bitmap, COHORT, Config, Heard, Liveness, NextInterval, Outage, Outages, Pallet, Presence,
    Presences, Present, bits,
};

impl<T: Config> Liveness for Pallet<T> {
    fn horizon() -> Slot {
        bits::slot_of(NextInterval::<T>::get(), T::IntervalSlots::get())
    }

    fn live_slots(index: u32) -> Slot {
        let Some(presence) = Presences::<T>::get(index) else { return 0 };
        let free = Self::free(index / COHORT);
        // While it is silent, nothing grows: neither its time nor what is charged to nobody.
        let (until, free) = match presence.silent {
            Some(silence) => (silence.since, silence.free_before),
            None => (Self::horizon(), free),
        };
        until
            .saturating_sub(presence.admitted)
            .saturating_sub(free.saturating_sub(presence.free_before))
            .saturating_sub(presence.offline)
    }

    fn live_by(index: u32, slot: Slot) -> Slot {
        let Some(presence) = Presences::<T>::get(index) else { return 0 };
        let horizon = Self::horizon();
        let (until, free) = match presence.silent {
            Some(silence) => (silence.since, silence.free_before),
            None => (horizon, Self::free(index / COHORT)),
        };
        let lost = presence.offline.saturating_add(free.saturating_sub(presence.free_before));
        until
            .saturating_add(slot.saturating_sub(horizon))
            .saturating_sub(until.saturating_sub(slot))
            .saturating_sub(presence.admitted)
            .saturating_sub(lost)
    }

    fn is_live(index: u32) -> bool {
        Presences::<T>::get(index).is_some_and(|presence| presence.silent.is_none())
    }

    fn admit(index: u32, machine: MachineId) {
        let next = Self::interval_of(T::Clock::get()) + 1;
        let admitted = bits::slot_of(next, T::IntervalSlots::get());
        let free_before = Self::free(index / COHORT);
        let presence = Presence { machine, admitted, free_before, offline: 0, silent: None };
        Presences::<T>::insert(index, presence);
        Self::mark::<Heard<T>>(index, true);
        Self::mark::<Present<T>>(index, true);
    }

    fn remove(index: u32) {
        Presences::<T>::remove(index);
        Outages::<T>::remove(index);
        Self::mark::<Heard<T>>(index, false);
        Self::mark::<Present<T>>(index, false);
    }
}

impl<T: Config> Pallet<T> {
    /// Writes the beginning of an outage down; the oldest goes when there are too many.
    pub(crate) fn note_outage(index: u32, outage: Outage) {
        Outages::<T>::mutate(index, |all| {
            if all.is_full() {
                all.remove(0);
            }
            let _ = all.try_push(outage);
        });
    }

    /// And its end.
    pub(crate) fn note_return(index: u32, slot: Slot) {
        Outages::<T>::mutate(index, |all| {
            if let Some(last) = all.last_mut() {
                last.until.get_or_insert(slot);
            }
        });
    }

    fn mark<Maps: StorageMap<u32, Bitmap, Query = Bitmap>>(index: u32, to: bool) {
        Maps::mutate(index / COHORT, |map| {
            if map.is_empty() {
                *map = bits::none();
            }
            bits::set(map, (index % COHORT) as u16, to);
        });
    }
}
