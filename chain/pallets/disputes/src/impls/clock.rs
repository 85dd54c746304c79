//! Deadlines: bands, windows, executions.

use dbc_primitives::Slot;
use frame_support::{traits::Get as _, weights::WeightMeter};

use crate::{
    Config, Cursor, Event, OffenceId, OffenceOf, Offences, OpenOf, Pallet, Queue, RunningOf, Stage,
    WeightInfo as _, bands,
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
            if let Some(offence) = Offences::<T>::get(id) {
                Self::advance(id, offence);
            }
        }
        Cursor::<T>::put(cursor);
    }

    fn advance(id: OffenceId, mut offence: OffenceOf<T>) {
        match offence.stage {
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
        let reached = bands::reached(offence.kind, length);
        if reached > usize::from(offence.band) {
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
        OpenOf::<T>::mutate_exists(offence.machine, |open| {
            *open = open.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
        });
        if RunningOf::<T>::get(offence.machine) == Some(id) {
            RunningOf::<T>::remove(offence.machine);
        }
    }
}
