//! Providers and the accounts that run their machines.

use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::DispatchError;

use crate::{Config, Error, Event, Operators, Pallet, ProviderOf, Serves};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_operator(
        provider: T::AccountId,
        operator: T::AccountId,
    ) -> DispatchResult {
        let other = ProviderOf::<T>::get(&operator).or_else(|| Serves::<T>::get(&operator));
        ensure!(other.is_none_or(|other| other == provider), Error::<T>::OperatorTaken);
        // Nobody becomes somebody else's operator while he is a provider himself.
        let foreign_provider = operator != provider && Operators::<T>::contains_key(&operator);
        ensure!(!foreign_provider, Error::<T>::OperatorTaken);
        if let Some(before) = Operators::<T>::get(&provider) {
            ProviderOf::<T>::remove(before);
        }
        Operators::<T>::insert(&provider, &operator);
        ProviderOf::<T>::insert(&operator, &provider);
        Self::deposit_event(Event::OperatorSet { provider, operator });
        Ok(())
    }

    /// Nobody is an operator for long without having been asked (the predecessor's controllers were).
    pub(crate) fn do_serve(operator: T::AccountId, provider: T::AccountId) {
        let other = ProviderOf::<T>::get(&operator).filter(|other| *other != provider);
        if let Some(other) = other {
            Operators::<T>::remove(other);
            ProviderOf::<T>::remove(&operator);
        }
        Serves::<T>::insert(&operator, &provider);
        Self::deposit_event(Event::Serving { operator, provider });
    }

    /// The provider for whom an account may act: himself, or the one who made it his operator.
    pub(crate) fn provider_for(who: T::AccountId) -> Result<T::AccountId, DispatchError> {
        if Operators::<T>::contains_key(&who) {
            return Ok(who);
        }
        Ok(ProviderOf::<T>::get(&who).ok_or(Error::<T>::NotProvider)?)
    }
}
