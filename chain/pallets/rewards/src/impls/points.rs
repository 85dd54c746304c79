//! Points of machines, and how a new model comes to all of them: a version with its era, then some machines
//! in each block, by their dense indexes; anybody may poke one before its turn (mechanisms rule 26).

use dbc_primitives::MachineId;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _, weights::WeightMeter};

use crate::{
    Config, CurrentModel, Era, Error, Event, Model, Models, NextModel, Pallet, Rated as _,
    Rewards as _, Shares, SweepAt, Version, Weighed, WeightInfo as _, model::Flaw,
};

/// Eras ahead of which no model is set.
const AHEAD_MOST: Era = 366;

impl<T: Config> Pallet<T> {
    /// A version of the points model.
    pub fn model(version: Version) -> Model {
        Models::<T>::get(version).unwrap_or_else(T::FirstModel::get)
    }

    pub(crate) fn do_poke(machine: MachineId) -> DispatchResult {
        ensure!(Shares::<T>::contains_key(machine), Error::<T>::MachineNotFound);
        Self::rate(machine);
        Ok(())
    }

    /// Gives a machine the points of a version; one that is not there keeps what it has.
    pub(crate) fn rate_by(machine: MachineId, version: Version, model: &Model) {
        let Some(rating) = T::Machines::rating(machine) else { return };
        let weighed = Weighed {
            points: model.points(&rating.facts),
            gpus: rating.facts.cards.len() as u32,
            bonus: rating.bonus,
            model: version,
            cohort: rating.cohort,
        };
        Self::weigh(machine, &rating.provider, weighed);
    }

    pub(crate) fn do_set_model(model: Model) -> DispatchResult {
        let busy = NextModel::<T>::exists() || SweepAt::<T>::exists();
        ensure!(!busy, Error::<T>::ModelWaits);
        let (current, era) = (CurrentModel::<T>::get(), Self::era());
        let first = era.saturating_add(T::ModelNotice::get());
        let in_time = (first..=era.saturating_add(AHEAD_MOST)).contains(&model.era);
        ensure!(in_time, Error::<T>::ModelEra);
        model.follows(&Self::model(current)).map_err(Error::<T>::from)?;
        let (version, era) = (current.saturating_add(1), model.era);
        Models::<T>::insert(version, model);
        NextModel::<T>::put((version, era));
        Self::deposit_event(Event::ModelSet { version, era });
        Ok(())
    }

    /// Takes a model up whose era has come, and brings some machines to it.
    pub(crate) fn sweep(meter: &mut WeightMeter) {
        if meter.try_consume(T::WeightInfo::sweep()).is_err() {
            return;
        }
        if let Some((version, _)) = NextModel::<T>::get().filter(|(_, era)| *era <= Self::era()) {
            NextModel::<T>::kill();
            CurrentModel::<T>::put(version);
            SweepAt::<T>::put(0);
            Self::deposit_event(Event::ModelBegan { version });
        }
        let Some(mut at) = SweepAt::<T>::get() else { return };
        let version = CurrentModel::<T>::get();
        let (model, end) = (Self::model(version), T::Machines::count());
        for _ in 0..T::SweepPerBlock::get() {
            if at >= end || meter.try_consume(T::WeightInfo::poke()).is_err() {
                break;
            }
            let machine = T::Machines::at(at).filter(|machine| Shares::<T>::contains_key(machine));
            if let Some(machine) = machine {
                Self::rate_by(machine, version, &model);
            }
            at += 1;
        }
        if at < end {
            SweepAt::<T>::put(at);
            return;
        }
        SweepAt::<T>::kill();
        Models::<T>::remove(version.saturating_sub(1));
        Self::deposit_event(Event::ModelSwept { version });
    }
}

impl<T> From<Flaw> for Error<T> {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Order => Self::ModelOrder,
            Flaw::Limit => Self::ModelLimit,
            Flaw::Step => Self::ModelStep,
            Flaw::Missing => Self::ModelMissing,
        }
    }
}
