//! Who may tell the price.

use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _, tokens::Precision},
};
use sp_runtime::DispatchError;

use crate::{Config, Error, Event, HoldReason, Pallet, Seat, Seats};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_seat(feeder: T::AccountId) -> DispatchResult {
        Seats::<T>::try_mutate(|seats| {
            ensure!(seats.iter().all(|seat| seat.feeder != feeder), Error::<T>::SeatedAlready);
            let seat =
                Seat { feeder: feeder.clone(), bond: 0, value: None, strikes: 0, suspended: false };
            seats.try_push(seat).map_err(|_| Error::<T>::NoSeat)
        })?;
        Self::deposit_event(Event::Seated { feeder });
        Ok(())
    }

    pub(crate) fn do_join(feeder: T::AccountId) -> DispatchResult {
        Self::mutate_seat(&feeder, |seat| {
            ensure!(seat.bond == 0, Error::<T>::BondedAlready);
            seat.bond = T::Bond::get();
            T::Currency::hold(&HoldReason::Feeder.into(), &feeder, seat.bond)
        })?;
        Self::deposit_event(Event::Joined { feeder });
        Ok(())
    }

    pub(crate) fn do_leave(feeder: T::AccountId) -> DispatchResult {
        Seats::<T>::try_mutate(|seats| {
            let at = seats.iter().position(|seat| seat.feeder == feeder);
            let seat = seats.remove(at.ok_or(Error::<T>::NotFeeder)?);
            T::Currency::release(
                &HoldReason::Feeder.into(),
                &feeder,
                seat.bond,
                Precision::BestEffort,
            )
        })?;
        Self::deposit_event(Event::Left { feeder });
        Ok(())
    }

    pub(crate) fn do_reinstate(feeder: T::AccountId) -> DispatchResult {
        Self::mutate_seat(&feeder, |seat| {
            ensure!(seat.suspended, Error::<T>::NotSuspended);
            // What he told before does not count again.
            *seat = Seat { value: None, strikes: 0, suspended: false, ..seat.clone() };
            Ok(())
        })?;
        Self::deposit_event(Event::Reinstated { feeder });
        Ok(())
    }

    fn mutate_seat(
        feeder: &T::AccountId,
        change: impl FnOnce(&mut Seat<T::AccountId>) -> DispatchResult,
    ) -> DispatchResult {
        Seats::<T>::try_mutate(|seats| -> Result<(), DispatchError> {
            let seat = seats.iter_mut().find(|seat| seat.feeder == *feeder);
            change(seat.ok_or(Error::<T>::NotFeeder)?)
        })
    }
}
