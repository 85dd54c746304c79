//! From what feeders tell to the price of an interval.

use alloc::vec::Vec;

use dbc_primitives::Slot;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};

use crate::{
    Bucket, Buckets, Config, Error, Event, LeastAtGenesis, MicroUsd, PRICE_MAX, Pallet, Seats,
    Value,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_feed(feeder: T::AccountId, price: MicroUsd) -> DispatchResult {
        ensure!((1..=PRICE_MAX).contains(&price), Error::<T>::BadPrice);
        let now = T::Clock::get();
        let interval = Self::interval(now);
        let mut seats = Seats::<T>::get();
        let place = seats.iter().position(|seat| seat.feeder == feeder);
        let place = place.ok_or(Error::<T>::NotFeeder)?;
        let seat = &mut seats[place];
        ensure!(seat.bond > 0, Error::<T>::NotBonded);
        ensure!(!seat.suspended, Error::<T>::Suspended);
        let told = seat.value.is_some_and(|value| Self::interval(value.at) >= interval);
        ensure!(!told, Error::<T>::TooEarly);
        seat.value = Some(Value { price, at: now });

        let oldest = now.saturating_sub(T::Fresh::get());
        let counts = seats.iter().filter(|seat| !seat.suspended).filter_map(|seat| seat.value);
        let fresh: Vec<_> = counts.filter(|value| value.at >= oldest).map(|v| v.price).collect();
        let least = LeastAtGenesis::<T>::get().unwrap_or_else(T::FeedersMin::get);
        if let Some(median) = median(fresh, least) {
            let seat = &mut seats[place];
            let far = price.abs_diff(median) > T::Outlier::get().mul_floor(median);
            seat.strikes = if far { seat.strikes + 1 } else { seat.strikes.saturating_sub(1) };
            if seat.strikes >= T::StrikesMax::get() {
                seat.suspended = true;
                Self::deposit_event(Event::Suspended { feeder });
            }
            Self::set_price(median, interval, now);
        }
        Seats::<T>::put(seats);
        Ok(())
    }

    /// Writes the interval's price: the median, at most one step for each interval that passed.
    fn set_price(median: MicroUsd, interval: Slot, now: Slot) {
        let mut buckets = Buckets::<T>::get();
        if buckets.last().is_some_and(|last| last.from == interval) {
            buckets.pop();
        }
        let known = buckets.last().filter(|last| now.saturating_sub(last.told) <= T::Stale::get());
        // After a silence there is nothing to step from.
        let price = known.map_or(median, |last| {
            let passed = (interval - last.from) / T::Interval::get();
            let step = T::StepMax::get().mul_ceil(last.price).max(1);
            let most = step.saturating_mul(passed.into());
            median.clamp(last.price.saturating_sub(most).max(1), last.price.saturating_add(most))
        });
        if known.is_none() {
            buckets.clear();
        }
        if buckets.is_full() {
            buckets.remove(0);
        }
        let pushed = buckets.try_push(Bucket { from: interval, told: now, price });
        debug_assert!(pushed.is_ok(), "room was made");
        Buckets::<T>::put(buckets);
        let beyond = (price != median).then_some(median);
        Self::deposit_event(Event::Priced { price, beyond });
    }

    /// First slot of the interval that a slot lies in.
    pub(crate) fn interval(slot: Slot) -> Slot {
        slot - slot % T::Interval::get()
    }
}

/// The middle value, of an even number the lower middle one; `None` of fewer than `least`.
fn median(mut values: Vec<MicroUsd>, least: u32) -> Option<MicroUsd> {
    if values.is_empty() || values.len() < least as usize {
        return None;
    }
    values.sort_unstable();
    values.get((values.len() - 1) / 2).copied()
}
