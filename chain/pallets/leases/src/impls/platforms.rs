//! Cloud platforms: who sells the network's machines under his own name, with a fee on top of providers'
//! prices (requirements D77, O4).

use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _, tokens::Precision},
};
use sp_runtime::DispatchError;

use crate::{Config, Error, Event, HoldReason, NextPlatform, Pallet, Platform, Platforms};

/// Most that a platform may take: a fifth of the provider's price.
pub const PLATFORM_FEE_MAX: u32 = 200_000;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register_platform(
        owner: T::AccountId,
        fee: u32,
        beneficiary: T::AccountId,
    ) -> DispatchResult {
        ensure!(fee <= PLATFORM_FEE_MAX, Error::<T>::FeeTooHigh);
        let deposit = T::PlatformDeposit::get();
        T::Currency::hold(&HoldReason::Platform.into(), &owner, deposit)?;
        let platform = NextPlatform::<T>::mutate(|next| {
            let platform = *next;
            *next = next.saturating_add(1);
            platform
        });
        let record = Platform { owner: owner.clone(), beneficiary, fee, deposit };
        Platforms::<T>::insert(platform, record);
        Self::deposit_event(Event::PlatformRegistered { platform, owner, fee });
        Ok(())
    }

    pub(crate) fn do_set_platform(
        owner: T::AccountId,
        platform: u32,
        fee: u32,
        beneficiary: T::AccountId,
    ) -> DispatchResult {
        let record = Self::own_platform(&owner, platform)?;
        ensure!(fee <= PLATFORM_FEE_MAX, Error::<T>::FeeTooHigh);
        Platforms::<T>::insert(platform, Platform { beneficiary, fee, ..record });
        Self::deposit_event(Event::PlatformChanged { platform, fee });
        Ok(())
    }

    pub(crate) fn do_close_platform(owner: T::AccountId, platform: u32) -> DispatchResult {
        let record = Self::own_platform(&owner, platform)?;
        let hold = HoldReason::Platform.into();
        T::Currency::release(&hold, &owner, record.deposit, Precision::BestEffort)?;
        Platforms::<T>::remove(platform);
        Self::deposit_event(Event::PlatformClosed { platform });
        Ok(())
    }

    fn own_platform(
        owner: &T::AccountId,
        platform: u32,
    ) -> Result<Platform<T::AccountId>, DispatchError> {
        let record = Platforms::<T>::get(platform).ok_or(Error::<T>::PlatformNotFound)?;
        ensure!(record.owner == *owner, Error::<T>::NotPlatform);
        Ok(record)
    }
}
