//! What disputes do to leases (mechanisms rule 7): time that a renter complains of waits for the verdict.
//! Nothing here fails, whatever became of the lease meanwhile.

use dbc_primitives::{CloseReason, LeaseId, LeaseState, Slot};
use frame_support::traits::Get as _;

use crate::{Config, Event, HeldBack, LeaseOf, Leases, Meter as _, Pallet, Tail};

impl<T: Config> Pallet<T> {
    /// The time of a lease from `since` on is not charged before [`Self::let_go`] or
    /// [`Self::end_for_fault`], at the longest for [`Config::DisputeMax`]. What was charged stays so. Only
    /// a report of the lease's own renter may cause it; a second one at the same time changes nothing.
    pub fn hold_back(lease: LeaseId, since: Slot) {
        let Some(mut record) = Leases::<T>::get(lease) else { return };
        let metered = record.state == LeaseState::Running || record.tail.is_some();
        if !metered || record.held_back.is_some() {
            return;
        }
        let now = T::Clock::get();
        let since = since.clamp(record.settled_to, record.settled_to.max(now));
        let until = now.saturating_add(T::DisputeMax::get());
        record.held_back = Some(HeldBack { since, until });
        Self::look_again(lease, &mut record);
        Self::deposit_event(Event::HeldBack { lease, since, until });
        Leases::<T>::insert(lease, record);
    }

    /// The machine was as it should be: the meter goes on, and all that was held back is charged.
    pub fn let_go(lease: LeaseId) {
        let Some(mut record) = Leases::<T>::get(lease) else { return };
        if record.held_back.take().is_none() {
            return;
        }
        Self::settle_or_look(lease, &mut record);
        Self::deposit_event(Event::LetGo { lease });
        Leases::<T>::insert(lease, record);
    }

    /// The machine was not as it should be: the lease is over, what was held back is not charged, and the
    /// discount of the whole term stays.
    pub fn end_for_fault(lease: LeaseId) {
        let Some(mut record) = Leases::<T>::get(lease) else { return };
        if record.tail.is_none() {
            if record.state == LeaseState::Running {
                record.at_fault = true;
                Self::settle_record(lease, &mut record);
                Self::close(lease, record, CloseReason::DisputeUpheld);
            }
            return;
        }
        record.at_fault = true;
        if let (Some(held), Some(tail)) = (record.held_back.take(), record.tail.as_mut()) {
            *tail = Tail { until: tail.until.min(held.since), live: None, ..*tail };
            let keep = Self::price_until(&record, held.since).unwrap_or(record.deposit);
            Self::return_rest(&mut record, keep);
        }
        Self::settle_or_look(lease, &mut record);
        Leases::<T>::insert(lease, record);
    }

    fn settle_or_look(lease: LeaseId, record: &mut LeaseOf<T>) {
        if Self::tail_is_over(record) {
            Self::settle_tail(lease, record);
            return;
        }
        if record.tail.is_none() && T::Clock::get() < record.ends_at {
            Self::charge_until(lease, record, T::Meter::horizon());
        }
        Self::look_again(lease, record);
    }

    /// Moves the lease's entry in the queue after something changed about it.
    fn look_again(lease: LeaseId, record: &mut LeaseOf<T>) {
        let Some(tail) = record.tail else {
            Self::schedule_next(lease, record);
            return;
        };
        let look_at = Self::look_at_tail(record);
        record.tail = Some(Tail { look_at, ..tail });
        Self::schedule(lease, record, look_at);
    }
}
