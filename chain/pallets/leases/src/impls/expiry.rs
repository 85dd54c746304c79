//! The queue of what is due, keyed by slot and lease (mechanisms rule 30). No bound per slot, so
//! nobody can fill a slot for others; a bound per block, so no block is overrun. A late drain changes
//! no money, because every read asks the clock and charges never pass a lease's end.

use dbc_primitives::{LeaseId, Slot};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _, weights::WeightMeter};

use crate::{
    ByMachine, Config, Error, Event, Expiry, ExpiryCursor, LeaseOf, Leases, Meter as _, Pallet,
    Tags, WeightInfo as _,
};

/// Slots without entries that one block passes at most; after a standstill the queue catches up at
/// this pace.
const SLOTS_PER_BLOCK_MAX: u32 = 1_000;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_close_expired(lease: LeaseId) -> DispatchResult {
        let record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(Self::is_due(&record), Error::<T>::NotDue);
        Self::handle_due(lease, record);
        Ok(())
    }

    /// Handles what is due, as far as the block's weight and bounds allow.
    pub(crate) fn drain_expiries(meter: &mut WeightMeter) {
        let look = T::DbWeight::get().reads_writes(2, 1);
        let handle = T::WeightInfo::end();
        let now = T::Clock::get();
        if meter.try_consume(look).is_err() {
            return;
        }
        let mut cursor = ExpiryCursor::<T>::get();
        if cursor == 0 {
            // The first block: nothing can be due before it.
            cursor = now;
        }
        let mut left = T::ExpiriesPerBlock::get();
        for _ in 0..SLOTS_PER_BLOCK_MAX {
            if cursor > now {
                break;
            }
            let Some(lease) = Expiry::<T>::iter_key_prefix(cursor).next() else {
                if meter.try_consume(T::DbWeight::get().reads(1)).is_err() {
                    break;
                }
                cursor += 1;
                continue;
            };
            if left == 0 || meter.try_consume(handle).is_err() {
                break;
            }
            left -= 1;
            Expiry::<T>::remove(cursor, lease);
            if let Some(record) = Leases::<T>::get(lease).filter(|record| Self::is_due(record)) {
                Self::handle_due(lease, record);
            }
        }
        ExpiryCursor::<T>::put(cursor);
    }

    pub(crate) fn expire_at(slot: Slot, lease: LeaseId) {
        Expiry::<T>::insert(slot, lease, ());
    }

    pub(crate) fn forget_expiry(slot: Slot, lease: LeaseId) {
        Expiry::<T>::remove(slot, lease);
    }

    fn handle_due(lease: LeaseId, mut record: LeaseOf<T>) {
        if !record.is_closed() {
            Self::close_due(lease, record);
            return;
        }
        if let Some(tail) = record.tail.as_mut() {
            Self::forget_expiry(tail.look_at, lease);
            if T::Meter::horizon() < tail.until {
                tail.look_at = Self::look_at();
                Self::expire_at(tail.look_at, lease);
            } else {
                Self::settle_tail(lease, &mut record);
            }
            Leases::<T>::insert(lease, record);
            return;
        }
        if let Some(retain_until) = record.retain_until {
            Self::forget_expiry(retain_until, lease);
        }
        Leases::<T>::remove(lease);
        ByMachine::<T>::remove(record.machine, lease);
        Tags::<T>::remove(&record.renter, record.tag);
        Self::deposit_event(Event::Removed { lease });
    }
}
