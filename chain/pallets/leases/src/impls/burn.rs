//! How much of the rent is burned: a ratchet that governance turns, one step at a time, where the network
//! has grown to it (mechanisms rule 24, requirement G1). The number of GPUs alone never moves it.

use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};

use crate::{BurnStep, Config, Error, Event, Pallet};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_raise_burn() -> DispatchResult {
        let step = BurnStep::<T>::get();
        let table = T::BurnTable::get();
        let needed = table.next(step).ok_or(Error::<T>::BurnedAlready)?;
        ensure!(T::ProvenGpus::get() >= needed, Error::<T>::TooFewGpus);
        let step = step.saturating_add(1);
        BurnStep::<T>::put(step);
        Self::deposit_event(Event::BurnRaised { step, share: table.share(step) });
        Ok(())
    }
}
