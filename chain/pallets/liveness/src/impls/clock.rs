//! What each block does: collects randomness, turns epochs, closes intervals. Bounded per block,
//! whatever is behind: what is closed late is dated back, so that lateness changes no money.

use alloc::vec::Vec;

use dbc_primitives::Slot;
use frame_support::{
    traits::Get as _,
    weights::{Weight, WeightMeter},
};
use sp_io::hashing::blake2_256;

use crate::{
    Bitmap, COHORT, Closing, ClosingAt, Cohorts, Config, Draw, Draws, Epoch, Event, Frozen, Heard,
    Interval, LastReported, Liveness as _, MachineIndexes as _, Mass, Masses, Members, Mix,
    Network, NextInterval, Outage, OutageSink as _, Pallet, Presences, Present, Regions, Reports,
    Seeds, Silence, TurnedTo, Unknown, WeightInfo as _, bits,
};

impl<T: Config> Pallet<T> {
    /// The interval that a slot lies in.
    pub(crate) fn interval_of(slot: Slot) -> Interval {
        slot / T::IntervalSlots::get()
    }

    /// The epoch that an interval lies in.
    pub(crate) fn epoch_of(interval: Interval) -> Epoch {
        interval / T::EpochIntervals::get()
    }

    pub(crate) fn tick(limit: Weight) -> Weight {
        let now = T::Clock::get();
        let mut meter = WeightMeter::with_limit(limit);
        meter.consume(T::WeightInfo::tick());
        let mix = blake2_256(&[Mix::<T>::get(), T::Randomness::get()].concat());
        Mix::<T>::put(mix);
        let interval = Self::interval_of(now);
        Self::turn_epoch(Self::epoch_of(interval), mix);
        if NextInterval::<T>::get() == 0 {
            // The first block of all: nothing lies before it.
            NextInterval::<T>::put(interval);
        }
        // An interval's reports come during the next one.
        while NextInterval::<T>::get() + 1 < interval {
            if !Self::close_next(interval - 1, &mut meter) {
                break;
            }
        }
        meter.consumed()
    }

    /// Closes the next interval, and with it all up to `end` when nobody told anything of them. Gives whether
    /// the weight was enough.
    fn close_next(end: Interval, meter: &mut WeightMeter) -> bool {
        let next = NextInterval::<T>::get();
        if ClosingAt::<T>::get().is_some() || next <= LastReported::<T>::get() {
            return Self::close_told(next, meter);
        }
        if meter.try_consume(T::WeightInfo::close_interval()).is_err() {
            return false;
        }
        // Nobody told anything of all that passed: one step, however long it was.
        Self::close_unknown(end - next);
        NextInterval::<T>::put(end);
        Self::tell_closed(next, end, false);
        true
    }

    /// Seats of an epoch were frozen before the randomness that draws from them was collected (rule 4).
    fn turn_epoch(epoch: Epoch, mix: [u8; 32]) {
        if TurnedTo::<T>::get() >= epoch {
            return;
        }
        TurnedTo::<T>::put(epoch);
        // The last interval of an epoch is told of in the next: two draws are kept.
        Draws::<T>::insert(epoch % 2, Draw { epoch, seed: mix, members: Frozen::<T>::get() });
        Frozen::<T>::put(Members::<T>::get());
    }

    /// Closes an interval as far as the weight goes: each cohort is tallied, then each of its transitions is
    /// written, and what is left goes on in the next block. Gives whether it is closed.
    fn close_told(interval: Interval, meter: &mut WeightMeter) -> bool {
        let mut at = match ClosingAt::<T>::get() {
            Some(at) => at,
            None if meter.try_consume(T::WeightInfo::tally()).is_ok() => {
                Self::tally(interval, Closing::default())
            }
            None => return false,
        };
        let closed = Self::close_cohorts(interval, &mut at, meter);
        if closed {
            Self::finish(interval, &at);
        } else {
            ClosingAt::<T>::put(at);
        }
        closed
    }

    /// Goes on from the cohort at hand, which was tallied. Gives whether all are done, and the weight of
    /// closing the interval is taken.
    fn close_cohorts(interval: Interval, at: &mut Closing, meter: &mut WeightMeter) -> bool {
        loop {
            if !Self::write_transitions(interval, at, meter) {
                return false;
            }
            let cohort = at.cohort + 1;
            if cohort * COHORT >= T::Machines::count() {
                return meter.try_consume(T::WeightInfo::close_interval()).is_ok();
            }
            if meter.try_consume(T::WeightInfo::tally()).is_err() {
                return false;
            }
            let next = Closing { cohort, changed: Bitmap::default(), bit: 0, ..*at };
            *at = Self::tally(interval, next);
        }
    }

    /// Writes what is left of a cohort's transitions, each for its own weight. Gives whether that was enough.
    fn write_transitions(interval: Interval, at: &mut Closing, meter: &mut WeightMeter) -> bool {
        while u32::from(at.bit) < COHORT {
            if bits::is_set(&at.changed, at.bit) {
                if meter.try_consume(T::WeightInfo::transition()).is_err() {
                    return false;
                }
                Self::transit(interval, at);
            }
            at.bit += 1;
        }
        true
    }

    /// All cohorts are done: the horizon moves.
    fn finish(interval: Interval, at: &Closing) {
        ClosingAt::<T>::kill();
        if Self::is_mass(at.lost, at.heard) {
            Self::note_mass(interval, None);
        }
        // Openings are drawn from a block after the reports.
        let ring = interval % T::EpochIntervals::get();
        Seeds::<T>::insert(ring, (interval, Mix::<T>::get()));
        Network::<T>::mutate(|network| network.run = 0);
        NextInterval::<T>::put(interval + 1);
        Self::tell_closed(interval, interval + 1, at.known);
    }

    /// What a cohort's watchers say together. Whoever abstained said nothing.
    fn tally(interval: Interval, mut closing: Closing) -> Closing {
        let cohort = closing.cohort;
        let reports = Reports::<T>::take(interval, cohort);
        let drawn = reports.first().map_or(0, |report| usize::from(report.drawn));
        let told: Vec<_> = reports.iter().filter(|report| !report.abstains).collect();
        closing.mass = false;
        if told.is_empty() || 3 * told.len() < 2 * drawn {
            Cohorts::<T>::mutate(cohort, |unknown| Self::pass_unknown(unknown, interval, 1));
            T::Outages::unknown(cohort, true);
            Self::deposit_event(Event::Unknown { interval, cohort });
            return closing;
        }
        let run = Cohorts::<T>::mutate(cohort, |unknown| core::mem::take(&mut unknown.run));
        if run > 0 {
            T::Outages::unknown(cohort, false);
        }
        closing.known = true;
        let now = bits::heard(told.iter().map(|report| &report.heard));
        let mut before = Heard::<T>::get(cohort);
        if before.is_empty() {
            before = bits::none();
        }
        let mut changed = bits::none();
        // What does not stand there cannot be heard, and would cost steps for nothing.
        let now = bits::both(&now, &Present::<T>::get(cohort));
        for (place, byte) in changed.iter_mut().enumerate() {
            *byte = now.get(place).unwrap_or(&0) ^ before.get(place).unwrap_or(&0);
        }
        let lost = changed.iter().zip(&before).map(|(c, b)| (c & b).count_ones()).sum::<u32>();
        let heard = before.iter().map(|byte| byte.count_ones()).sum::<u32>();
        closing.mass = Self::is_mass(lost, heard);
        closing.lost = closing.lost.saturating_add(lost);
        closing.heard = closing.heard.saturating_add(heard);
        if closing.mass {
            Self::deposit_event(Event::MassSilence { interval, cohort, machines: lost });
        }
        closing.changed = changed;
        closing
    }

    /// Writes one machine's transition, dated to the start of the interval.
    fn transit(interval: Interval, at: &Closing) {
        let index = at.cohort * COHORT + u32::from(at.bit);
        let from = bits::slot_of(interval, T::IntervalSlots::get());
        let mut map = Heard::<T>::get(at.cohort);
        if map.is_empty() {
            map = bits::none();
        }
        let was_heard = bits::is_set(&map, at.bit);
        let Some(mut presence) = Presences::<T>::get(index) else {
            // Nobody stands there: watchers can call nobody back.
            return;
        };
        if from < presence.admitted {
            return;
        }
        bits::set(&mut map, at.bit, !was_heard);
        Heard::<T>::insert(at.cohort, map);
        let free = Self::free(at.cohort);
        match presence.silent.take() {
            None if was_heard => {
                presence.silent = Some(Silence { since: from, free_before: free });
                Presences::<T>::insert(index, presence);
                Self::count_lost(interval, presence.region);
                let excused = at.mass || Self::is_excused(index, from);
                let blamed = T::Outages::silent(presence.machine, from, !excused);
                Self::note_outage(index, Outage { since: from, until: None, blamed });
                Self::deposit_event(Event::Silent { machine: presence.machine, since: from });
            }
            Some(silence) if !was_heard => {
                let free = free.saturating_sub(silence.free_before);
                let away = from.saturating_sub(silence.since).saturating_sub(free);
                presence.offline += away;
                if Self::note_return(index, from) {
                    presence.blamed += away;
                }
                Presences::<T>::insert(index, presence);
                T::Outages::back(presence.machine, from);
                Self::deposit_event(Event::Back { machine: presence.machine, slot: from });
            }
            // The map and the record say the same of it already.
            _ => {}
        }
    }

    /// Whether so many of those who were heard fell silent at once that nobody is to be blamed.
    fn is_mass(lost: u32, heard: u32) -> bool {
        lost >= T::MassMin::get() && lost > T::MassShare::get().mul_floor(heard)
    }

    /// One of a region fell silent; with very many it is noted once.
    fn count_lost(interval: Interval, region: u16) {
        let many = Regions::<T>::mutate(region, |found| {
            if found.interval != interval {
                found.interval = interval;
                found.lost = 0;
            }
            found.lost = found.lost.saturating_add(1);
            let large = found.machines >= T::RegionMin::get();
            // The first that is one too many.
            let before = Self::is_mass(found.lost - 1, found.machines);
            large && Self::is_mass(found.lost, found.machines) && !before
        });
        if many {
            Self::note_mass(interval, Some(region));
        }
    }

    fn note_mass(interval: Interval, region: Option<u16>) {
        Masses::<T>::mutate(|all| {
            if all.is_full() {
                all.remove(0);
            }
            let _ = all.try_push(Mass { interval, region });
        });
        Self::deposit_event(Event::Excused { interval, region });
    }

    /// Intervals are closed, with all that was told of them.
    fn tell_closed(from: Interval, to: Interval, told: bool) {
        let slot = |interval| bits::slot_of(interval, T::IntervalSlots::get());
        T::Outages::closed(slot(from), slot(to), told);
    }

    /// So many intervals in a row of which nobody told anything.
    fn close_unknown(intervals: u64) {
        let next = NextInterval::<T>::get();
        Network::<T>::mutate(|network| Self::pass_unknown(network, next, intervals));
        let to = next + intervals;
        Self::deposit_event(Event::NothingTold { intervals, to });
    }

    /// Beyond ten minutes in a row, unknown time is charged to nobody (rule 14).
    fn pass_unknown(unknown: &mut Unknown, first: Interval, intervals: u64) {
        let length = T::IntervalSlots::get();
        let grace = T::UnknownGrace::get() / length;
        let run = unknown.run.saturating_add(intervals);
        let beyond = run.saturating_sub(grace.max(unknown.run));
        unknown.run = run;
        unknown.last = first.saturating_add(intervals).saturating_sub(1);
        unknown.last_free = beyond.saturating_mul(length);
        unknown.free = unknown.free.saturating_add(unknown.last_free);
    }

    /// Slots before the horizon that were charged to nobody in a cohort.
    pub(crate) fn free(cohort: u32) -> Slot {
        let next = NextInterval::<T>::get();
        let closed = |unknown: Unknown| {
            let open = if unknown.last >= next { unknown.last_free } else { 0 };
            unknown.free.saturating_sub(open)
        };
        closed(Network::<T>::get()).saturating_add(closed(Cohorts::<T>::get(cohort)))
    }
}
