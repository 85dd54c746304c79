//! The average that leases are priced by.

use dbc_primitives::{Balance, DBC};
use frame_support::traits::Get as _;
use sp_runtime::{Rounding, helpers_128bit::multiply_by_rational_with_rounding};

use crate::{Buckets, Config, DbcPrice, MicroUsd, Pallet};

impl<T: Config> DbcPrice for Pallet<T> {
    fn twap() -> Option<MicroUsd> {
        let now = T::Clock::get();
        let buckets = Buckets::<T>::get();
        let last = buckets.last()?;
        if now.saturating_sub(last.told) > T::Stale::get() {
            return None;
        }
        let start = now.saturating_sub(T::Window::get());
        let ends = buckets.iter().skip(1).map(|next| next.from).chain([now.saturating_add(1)]);
        let (mut sum, mut slots) = (0u128, 0u128);
        for (bucket, end) in buckets.iter().zip(ends) {
            let lasted = u128::from(end.saturating_sub(bucket.from.max(start)));
            // A price is at most 10¹² and a window far below 10²⁰ slots.
            sum = sum.saturating_add(bucket.price.saturating_mul(lasted));
            slots += lasted;
        }
        sum.checked_div(slots).filter(|price| *price > 0)
    }

    fn to_dbc(usd: MicroUsd) -> Option<Balance> {
        multiply_by_rational_with_rounding(usd, DBC, Self::twap()?, Rounding::Up)
    }
}
