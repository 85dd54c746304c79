//! How long machines were there.

use dbc_primitives::{MachineId, Slot};
use frame_support::{StorageMap, traits::Get as _};

use crate::{
    Bitmap, COHORT, Config, Heard, Liveness, NextInterval, Pallet, Presence, Presences, Present,
    bits,
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
        Self::mark::<Heard<T>>(index, false);
        Self::mark::<Present<T>>(index, false);
    }
}

impl<T: Config> Pallet<T> {
    fn mark<Maps: StorageMap<u32, Bitmap, Query = Bitmap>>(index: u32, to: bool) {
        Maps::mutate(index / COHORT, |map| {
            if map.is_empty() {
                *map = bits::none();
            }
            bits::set(map, (index % COHORT) as u16, to);
        });
    }
}
