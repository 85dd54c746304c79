//! Deadlines: bands, windows, executions.

use dbc_primitives::{MachineId, Slot};
use frame_support::{traits::Get as _, weights::WeightMeter};

use crate::{
    Charged, Config, Cursor, Event, Evidence, History as _, Kind, Offence, OffenceId, OffenceOf,
    Offences, OpenOf, Pallet, Preview, Queue, RunningOf, Stage, WeightInfo as _, bands,
};

/// Slots without entries that one block passes at most.
const SLOTS_PER_BLOCK_MAX: u32 = 1_000;

impl<T: Config> Pallet<T> {
    pub(crate) fn drain(meter: &mut WeightMeter) {
        let now = T::Clock::get();
        if meter.try_consume(T::DbWeight::get().reads_writes(2, 1)).is_err() {
            return;
        }
        let mut cursor = Cursor::<T>::get();
        if cursor == 0 {
            cursor = now;
        }
        let mut left = T::StepsPerBlock::get();
        for _ in 0..SLOTS_PER_BLOCK_MAX {
            if cursor > now {
                break;
            }
            let Some(id) = Queue::<T>::iter_key_prefix(cursor).next() else {
                if meter.try_consume(T::DbWeight::get().reads(1)).is_err() {
                    break;
                }
                cursor += 1;
                continue;
            };
            if left == 0 || meter.try_consume(T::WeightInfo::step()).is_err() {
                break;
            }
            left -= 1;
            Queue::<T>::remove(cursor, id);
            match Offences::<T>::get(id) {
                Some(offence) => Self::advance(id, offence),
                // A report whose check takes too long: nobody can say.
                None => Self::checked(id, None, false),
            }
        }
        Cursor::<T>::put(cursor);
    }

    fn advance(id: OffenceId, mut offence: OffenceOf<T>) {
        match offence.stage {
            Stage::Running if Self::is_excused(&offence) => {
                return Self::forget_offence(id, &offence);
            }
            Stage::Running => Self::raise(id, &mut offence),
            Stage::Recorded { .. } | Stage::Appealed { .. } => {
                Self::execute(id, &offence);
                return Self::settle(id, &offence);
            }
        }
        Self::keep(id, offence);
    }

    /// Counts the bands that its length has reached, dated by the clock and not by the queue.
    pub(crate) fn raise(id: OffenceId, offence: &mut OffenceOf<T>) {
        let until = offence.ended.unwrap_or_else(T::Clock::get);
        let length = until.saturating_sub(offence.since);
        let all = bands::bands(offence.kind);
        let reached = Self::reached(offence, length);
        if reached > usize::from(offence.band) {
            if matches!(offence.kind, Kind::Unreachable { .. }) {
                Charged::<T>::insert(offence.machine, T::Clock::get());
            }
            offence.band = reached as u8;
            Self::deposit_event(Event::BandReached { offence: id, cost: Self::cost(offence) });
        }
        if offence.ended.is_some() || reached == all.len() {
            let until = T::Clock::get().saturating_add(T::AppealSlots::get());
            offence.stage = Stage::Recorded { until };
            offence.next = until;
            // Another may begin, and count by itself.
            RunningOf::<T>::remove(offence.machine);
            let cost = Self::cost(offence);
            Self::deposit_event(Event::Recorded { offence: id, cost, until });
        } else if let Some((from, _)) = all.get(reached) {
            offence.next = offence.since.saturating_add(*from);
        }
    }

    /// Bands that an offence of this length has reached. A silence that is too short for any reaches the first
    /// when its machine was silent very often in thirty days, once in that time (rule 11).
    fn reached(offence: &OffenceOf<T>, length: Slot) -> usize {
        let reached = bands::reached(offence.kind, length);
        let silence = matches!(offence.kind, Kind::Unreachable { .. });
        // One that lay in a maintenance as a whole has no length.
        if reached > 0 || !silence || offence.ended.is_none() || length == 0 {
            return reached;
        }
        let since = T::Clock::get().saturating_sub(T::ChargeEvery::get());
        let charged = Charged::<T>::get(offence.machine).is_some_and(|last| last > since);
        let often = T::History::live_share(offence.machine) < T::LiveLeast::get();
        usize::from(often && !charged)
    }

    /// Whether very many fell silent with this machine; what a check found is nobody else's.
    pub(crate) fn is_excused(offence: &OffenceOf<T>) -> bool {
        let silence = matches!(offence.kind, Kind::Unreachable { .. });
        let found = silence && offence.reporter.is_none() && offence.band == 0;
        found && T::History::is_excused(offence.machine, offence.since)
    }

    /// What a machine's running offence costs if it is over now, and next; writes nothing.
    pub(crate) fn outlook(machine: MachineId) -> Option<Preview> {
        let id = RunningOf::<T>::get(machine)?;
        let mut offence = Offences::<T>::get(id)?;
        let Offence { kind, since, .. } = offence;
        let all = bands::bands(kind);
        let cost = |band: usize, offence: &OffenceOf<T>| {
            let share = band.checked_sub(1).and_then(|at| all.get(at));
            share.map_or(0, |(_, share)| share.mul_floor(offence.stake))
        };
        let now = T::Clock::get();
        let by_length = bands::reached(kind, now.saturating_sub(since));
        offence.ended = Some(now);
        let excused = Self::is_excused(&offence);
        let over = Self::reached(&offence, now.saturating_sub(since));
        let next = all.get(by_length).filter(|_| !excused);
        let next =
            next.map(|(from, _)| (since.saturating_add(*from), cost(by_length + 1, &offence)));
        let now = if excused { 0 } else { cost(over.max(offence.band.into()), &offence) };
        Some(Preview { offence: id, kind, since, now, next })
    }

    /// Units that it costs by now.
    pub fn cost(offence: &OffenceOf<T>) -> u128 {
        let reached = usize::from(offence.band).checked_sub(1);
        let band = reached.and_then(|at| bands::bands(offence.kind).get(at));
        band.map_or(0, |(_, share)| share.mul_floor(offence.stake))
    }

    /// Writes it back, and notes when it is looked at next; never in a slot that the queue has passed.
    pub(crate) fn keep(id: OffenceId, mut offence: OffenceOf<T>) {
        offence.next = offence.next.max(T::Clock::get().saturating_add(1));
        Queue::<T>::insert(offence.next, id, ());
        Offences::<T>::insert(id, offence);
    }

    /// Takes it out of the queue, to be kept anew.
    pub(crate) fn unqueue(id: OffenceId, next: Slot) {
        Queue::<T>::remove(next, id);
    }

    /// Forgets what is settled.
    pub(crate) fn settle(id: OffenceId, offence: &OffenceOf<T>) {
        Offences::<T>::remove(id);
        Evidence::<T>::remove(id);
        OpenOf::<T>::mutate_exists(offence.machine, |open| {
            *open = open.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
        });
        if RunningOf::<T>::get(offence.machine) == Some(id) {
            RunningOf::<T>::remove(offence.machine);
        }
    }
}
