//! What must hold over all storage items. Compiled always: tests call it after every step.

use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use sp_runtime::TryRuntimeError;

use crate::{Buckets, Config, HoldReason, PRICE_MAX, Pallet, Seats};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - an account has one seat, and on hold what its seat says, nothing without one;
    /// - prices are in bounds, one an interval, in order, none from the future.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let seats = Seats::<T>::get();
        for account in frame_system::Account::<T>::iter_keys() {
            let mut own = seats.iter().filter(|seat| seat.feeder == account);
            let bond = own.next().map_or(0, |seat| seat.bond);
            ensure!(own.next().is_none(), "an account has two seats");
            let held = T::Currency::balance_on_hold(&HoldReason::Feeder.into(), &account);
            ensure!(held == bond, "a feeder's hold is not his bond");
        }
        let buckets = Buckets::<T>::get();
        for bucket in &buckets {
            ensure!((1..=PRICE_MAX).contains(&bucket.price), "a price is out of bounds");
            ensure!(bucket.from == Self::interval(bucket.told), "a price outside its interval");
            ensure!(bucket.told <= T::Clock::get(), "a price from the future");
        }
        let in_order = buckets.windows(2).all(|pair| pair[0].from < pair[1].from);
        ensure!(in_order, "prices are out of order");
        Ok(())
    }
}
