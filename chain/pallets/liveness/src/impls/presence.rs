//! How long machines were there.

use dbc_primitives::{MachineId, Slot};
use frame_support::{StorageMap, traits::Get as _};

use crate::{
    Bitmap, COHORT, Config, DAY, DAYS, Downtimes, Heard, Liveness, MachineIndexes as _, Masses,
    NextInterval, Outage, Outages, Pallet, Presence, Presences, Present, Regions, WHOLE, bits,
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

    fn blamed_by(index: u32, slot: Slot) -> Slot {
        let Some(presence) = Presences::<T>::get(index) else { return 0 };
        let silence = presence.silent.filter(|silence| Self::is_blamed(index, silence.since));
        let Some(silence) = silence else { return presence.blamed };
        let away = slot.min(Self::horizon()).saturating_sub(silence.since);
        let free = Self::free(index / COHORT).saturating_sub(silence.free_before);
        presence.blamed.saturating_add(away.saturating_sub(free))
    }

    fn is_live(index: u32) -> bool {
        Presences::<T>::get(index).is_some_and(|presence| presence.silent.is_none())
    }

    fn admit(index: u32, machine: MachineId) {
        let next = Self::interval_of(T::Clock::get()) + 1;
        let admitted = bits::slot_of(next, T::IntervalSlots::get());
        let free_before = Self::free(index / COHORT);
        let region = T::Machines::region(machine);
        let presence = Presence {
            machine,
            admitted,
            free_before,
            offline: 0,
            silent: None,
            region,
            blamed: 0,
        };
        Self::count_in(region, true);
        Presences::<T>::insert(index, presence);
        Self::mark::<Heard<T>>(index, true);
        Self::mark::<Present<T>>(index, true);
    }

    fn remove(index: u32) {
        if let Some(presence) = Presences::<T>::take(index) {
            Self::count_in(presence.region, false);
        }
        Outages::<T>::remove(index);
        Downtimes::<T>::remove(index);
        Self::mark::<Heard<T>>(index, false);
        Self::mark::<Present<T>>(index, false);
    }

    fn moved(index: u32) {
        let Some(mut presence) = Presences::<T>::get(index) else { return };
        Self::count_in(presence.region, false);
        presence.region = T::Machines::region(presence.machine);
        Self::count_in(presence.region, true);
        Presences::<T>::insert(index, presence);
    }

    fn live_share(index: u32) -> u32 {
        let horizon = Self::horizon();
        let mut downtime = Downtimes::<T>::get(index);
        let silence = Presences::<T>::get(index).and_then(|presence| presence.silent);
        if let Some(since) = silence.map(|silence| silence.since).filter(|since| *since < horizon) {
            if Self::is_blamed(index, since) {
                downtime.add(since, horizon);
            }
        }
        let all = DAYS as Slot * DAY;
        let silent = downtime.sum(horizon / DAY).min(all);
        (Slot::from(WHOLE) * (all - silent) / all) as u32
    }

    fn is_excused(index: u32, since: Slot) -> bool {
        let interval = Self::interval_of(since);
        let region = Presences::<T>::get(index).map(|presence| presence.region);
        Masses::<T>::get().iter().any(|mass| {
            mass.interval == interval && (mass.region.is_none() || mass.region == region)
        })
    }
}

impl<T: Config> Pallet<T> {
    /// The slot since which the machine at an index is there without an outage that is blamed on it, later by
    /// the time of those that nobody is blamed for; `None` while it is silent, or not counted. Of a machine
    /// with more outages than are remembered, what came before them counts as blamed.
    pub fn steady_since(index: u32) -> Option<Slot> {
        let presence = Presences::<T>::get(index).filter(|found| found.silent.is_none())?;
        let outages = Outages::<T>::get(index);
        let forgotten = outages.first().filter(|_| outages.is_full()).map(|oldest| oldest.since);
        let blamed = outages.iter().rev().find(|outage| outage.blamed).and_then(|last| last.until);
        let from = presence.admitted.max(blamed.or(forgotten).unwrap_or(0));
        let later = outages.iter().filter(|outage| outage.since >= from);
        let away = later.map(|outage| outage.until.unwrap_or(from).saturating_sub(outage.since));
        Some(from.saturating_add(away.sum()))
    }

    /// Writes the beginning of an outage down; the oldest goes when there are too many.
    pub(crate) fn note_outage(index: u32, outage: Outage) {
        Outages::<T>::mutate(index, |all| {
            if all.is_full() {
                all.remove(0);
            }
            let _ = all.try_push(outage);
        });
    }

    /// Whether the outage that goes on since a slot counts against the provider.
    fn is_blamed(index: u32, since: Slot) -> bool {
        let last = Outages::<T>::get(index).last().copied();
        last.is_some_and(|outage| outage.blamed) && !Self::is_excused(index, since)
    }

    /// And its end; what counts against the provider is added up by day. Gives whether it does.
    pub(crate) fn note_return(index: u32, slot: Slot) -> bool {
        let outage = Outages::<T>::mutate(index, |all| {
            let last = all.last_mut()?;
            last.until.get_or_insert(slot);
            // That very many were silent with it may have come out later.
            last.blamed &= !Self::is_excused(index, last.since);
            Some(*last)
        });
        let outage = outage.filter(|outage| outage.blamed && outage.since < slot);
        if let Some(outage) = outage {
            Downtimes::<T>::mutate(index, |downtime| downtime.add(outage.since, slot));
        }
        outage.is_some()
    }

    /// One machine more in a region, or one less; a region without any is forgotten.
    fn count_in(region: u16, comes: bool) {
        Regions::<T>::mutate_exists(region, |found| {
            let mut counted = found.unwrap_or_default();
            counted.machines = match comes {
                true => counted.machines.saturating_add(1),
                false => counted.machines.saturating_sub(1),
            };
            *found = Some(counted).filter(|counted| counted.machines > 0);
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
