//! The queue of what is due, keyed by slot and lease (mechanisms rule 30). No bound per slot, so
//! nobody can fill a slot for others; a bound per block, so no block is overrun. A late drain changes
//! no money, because every read asks the clock and charges never pass a lease's end.

use dbc_primitives::LeaseId;
use frame_support::{
    ensure,
    traits::Get as _,
    weights::{Weight, WeightMeter},
};
use sp_runtime::DispatchError;

use crate::{
    ByMachine, Config, Error, Event, Expiry, ExpiryCursor, LeaseOf, Leases, Pallet, Tags,
    WeightInfo as _,
};

/// Slots without entries that one block passes at most; after a standstill the queue catches up at
/// this pace.
const SLOTS_PER_BLOCK_MAX: u32 = 1_000;

impl<T: Config> Pallet<T> {
    /// Gives the weight that it took.
    pub(crate) fn do_close_expired(lease: LeaseId) -> Result<Weight, DispatchError> {
        let record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(Self::is_due(&record), Error::<T>::NotDue);
        Ok(Self::handle_due(lease, record))
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
            if left == 0 || !meter.can_consume(handle) {
                break;
            }
            left -= 1;
            Expiry::<T>::remove(cursor, lease);
            let record = Leases::<T>::get(lease).filter(|record| Self::is_due(record));
            // An entry that is not due any more is removed, and its record read.
            let took = record.map_or(T::DbWeight::get().reads_writes(2, 1), |record| {
                Self::handle_due(lease, record)
            });
            meter.consume(took);
        }
        ExpiryCursor::<T>::put(cursor);
    }

    /// Whether something of the lease is due: its end, a leg's, its tail, the end of its retention.
    fn is_due(record: &LeaseOf<T>) -> bool {
        T::Clock::get() >= record.due_at
    }

    /// Gives the weight that it took.
    fn handle_due(lease: LeaseId, mut record: LeaseOf<T>) -> Weight {
        if record.tail.is_some() {
            Self::handle_tail(lease, &mut record);
            let took = Self::end_took(&record, false, Weight::zero());
            Leases::<T>::insert(lease, record);
            took
        } else if record.is_closed() {
            let took = Self::end_took(&record, false, Weight::zero());
            Self::forget(lease, record);
            took
        } else if Self::is_over(&record) {
            Self::close_over(lease, record)
        } else {
            Self::handle_turn(lease, record);
            T::WeightInfo::end()
        }
    }

    fn handle_tail(lease: LeaseId, record: &mut LeaseOf<T>) {
        if Self::tail_is_over(record) {
            Self::settle_tail(lease, record);
            return;
        }
        Self::mark_tail(lease, record);
        // Where the longest time for a verdict is over, only the horizon is waited for.
        record.held_back = record.held_back.filter(|held| T::Clock::get() < held.until);
        let look_at = Self::look_at_tail(record);
        record.tail = record.tail.map(|tail| crate::Tail { look_at, ..tail });
        Self::schedule(lease, record, look_at);
    }

    /// An open lease before its end: a leg begins, or has begun and the horizon has come to it.
    fn handle_turn(lease: LeaseId, mut record: LeaseOf<T>) {
        record.held_back = record.held_back.filter(|held| T::Clock::get() < held.until);
        Self::settle_record(lease, &mut record);
        if record.next.is_none() && T::Clock::get() >= record.leg.until {
            if let Err(reason) = Self::renew(lease, &mut record) {
                Self::close(lease, record, reason);
                return;
            }
            Self::settle_record(lease, &mut record);
        }
        Self::schedule_next(lease, &mut record);
        Leases::<T>::insert(lease, record);
    }

    /// The retention is over: the pledge pays for it, and the record goes.
    fn forget(lease: LeaseId, record: LeaseOf<T>) {
        Self::pay_storage(lease, &record);
        Expiry::<T>::remove(record.due_at, lease);
        Leases::<T>::remove(lease);
        ByMachine::<T>::remove(record.machine, lease);
        Tags::<T>::remove(&record.renter, record.tag);
        Self::deposit_event(Event::Removed { lease });
    }
}
