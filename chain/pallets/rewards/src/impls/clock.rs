//! Emission: what all machines earn in each interval that is closed, into the pot and onto the accumulator.

use dbc_primitives::{Balance, Slot};
use frame_support::traits::{Get as _, fungible::Mutate as _};
use sp_runtime::traits::AccountIdConversion as _;

use crate::{
    Age, All, Config, EmittedTo, Era, Event, FirstEra, Galaxy, GpuHistory, Pallet, Pause, Pauses,
    SCALE, schedule,
};

/// Eras that one step turns at most; after a longer standstill the eras before are not counted.
const ERAS_PER_BLOCK_MAX: Era = 10;

impl<T: Config> Pallet<T> {
    /// Account of the pot.
    pub fn pot() -> T::AccountId {
        T::PotId::get().into_account_truncating()
    }

    /// The era that a slot lies in.
    pub fn era_of(slot: Slot) -> Era {
        slot / T::EraSlots::get()
    }

    /// The era that is now.
    pub fn era() -> Era {
        Self::era_of(T::Clock::get())
    }

    pub(crate) fn do_closed(from: Slot, to: Slot, told: bool) {
        if !FirstEra::<T>::exists() {
            FirstEra::<T>::put(Self::era_of(from));
            EmittedTo::<T>::put(from);
        }
        let length = T::EraSlots::get();
        let since = EmittedTo::<T>::get().max(from);
        let mut at = since.max(to.saturating_sub(ERAS_PER_BLOCK_MAX * length));
        while at < to {
            let era = Self::era_of(at);
            let end = ((era + 1) * length).min(to);
            if told {
                Self::emit(era, end - at);
            }
            if end == (era + 1) * length {
                Self::turn(era);
            }
            at = end;
        }
        EmittedTo::<T>::put(at.max(to));
    }

    /// A cohort's unknown time begins or ends with the interval that is being closed: what that interval
    /// emits comes after this.
    pub(crate) fn do_pause(cohort: u32, unknown: bool) {
        let acc = All::<T>::get().acc;
        Pauses::<T>::mutate(cohort, |pause| match unknown {
            true => drop(pause.since.get_or_insert(acc)),
            false => *pause = Pause { acc: pause.total(acc), since: None },
        });
    }

    /// Units that an era emits at the network's present age.
    pub fn emission(era: Era) -> Balance {
        let base = schedule::per_era(Age::<T>::get() / T::EraSlots::get());
        let doubled = Galaxy::<T>::get()
            .is_some_and(|since| era > since && era <= since + T::GalaxyEras::get());
        if doubled { base * 2 } else { base }
    }

    /// Emits for so many slots of an era. Without any points nothing is emitted: there is nobody to earn it.
    fn emit(era: Era, slots: Slot) {
        let emission = Self::emission(era);
        Age::<T>::mutate(|age| *age = age.saturating_add(slots));
        let mut all = All::<T>::get();
        if all.points == 0 {
            return;
        }
        let sum = emission * Balance::from(slots) / Balance::from(T::EraSlots::get());
        let duties = T::DutyShare::get().mul_floor(sum);
        let acc = ((sum - duties) << SCALE) / Balance::from(all.points);
        // What does not divide is not emitted, so that the pot never holds less or more than is owed.
        let shared = (acc * Balance::from(all.points)) >> SCALE;
        // One unit more covers what shifting cut off.
        let pot = T::Currency::mint_into(&Self::pot(), shared + 1);
        if pot.is_err() {
            return;
        }
        let _ = T::Currency::mint_into(&T::DutyPot::get(), duties);
        all.acc = all.acc.saturating_add(acc);
        All::<T>::put(all);
    }

    /// An era ends: its GPUs are written down, and the galaxy is looked at once.
    fn turn(era: Era) {
        let gpus = All::<T>::get().gpus;
        let mut history = GpuHistory::<T>::get();
        history[(era % 7) as usize] = gpus;
        GpuHistory::<T>::put(history);
        let sum: u64 = history.iter().map(|gpus| u64::from(*gpus)).sum();
        // By `≥` on the mean of seven, so that neither a step over nor a day's flood decides.
        let reached = sum >= 7 * u64::from(T::GalaxyGpus::get());
        if reached && Galaxy::<T>::get().is_none() {
            Galaxy::<T>::put(era);
            Self::deposit_event(Event::GalaxyReached { era });
        }
    }
}
