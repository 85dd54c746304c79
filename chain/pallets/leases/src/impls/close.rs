//! Ends of leases. Whatever the reason: charge what was used, pay it, return the rest, free the
//! machine, write down until when data is kept. Nothing after the checks of the origin fails.

use dbc_primitives::{Balance, CloseReason, LeaseId, LeaseState, Slot};
use frame_support::{
    ensure,
    traits::{Get as _, fungible::MutateHold as _, tokens::Precision},
    weights::Weight,
};
use pallet_machines::Fleet as _;
use sp_runtime::{DispatchError, TokenError};

use super::settle::wholly;
use crate::{Config, Error, Event, HoldReason, LeaseOf, Leases, Meter as _, Pallet, Running, Tail};

impl<T: Config> Pallet<T> {
    /// Gives the weight that it took.
    pub(crate) fn do_end(renter: T::AccountId, lease: LeaseId) -> Result<Weight, DispatchError> {
        let mut record = Self::own_lease(&renter, lease)?;
        ensure!(!record.is_closed(), Error::<T>::LeaseOver);
        if Self::is_over(&record) {
            return Ok(Self::close_over(lease, record));
        }
        Self::settle_record(lease, &mut record);
        Self::charge_minimum(lease, &mut record);
        Ok(Self::close(lease, record, CloseReason::EndedByRenter))
    }

    /// Bogus orders pay the provider for the trouble of starting them (mechanisms rule 7), unless it is
    /// his machine that is gone, or that the renter complains of.
    fn charge_minimum(lease: LeaseId, record: &mut LeaseOf<T>) {
        let Some(started_at) = record.started_at else { return };
        let least = started_at.saturating_add(T::MinimumCharge::get()).min(record.priced_until());
        let there = T::Meter::is_live(record.machine_index.index);
        let undisputed = record.held_back.is_none() && record.down.is_none();
        let runs = record.state == LeaseState::Running && undisputed;
        if there && runs && T::Clock::get() <= least && record.settled_to < least {
            let slots = (least - started_at).saturating_sub(record.charged);
            record.settled_to = least;
            Self::charge(lease, record, slots);
        }
    }

    /// Gives the weight that it took.
    pub(crate) fn do_terminate(who: T::AccountId, lease: LeaseId) -> Result<Weight, DispatchError> {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(T::Fleet::may_run(record.machine, &who), Error::<T>::NotProvider);
        ensure!(!record.is_closed(), Error::<T>::LeaseOver);
        if Self::is_over(&record) {
            return Ok(Self::close_over(lease, record));
        }
        if record.state == LeaseState::Pending {
            // Giving up an order is no better than sleeping over it (mechanisms rule 7).
            T::Fleet::strike(record.machine);
        }
        record.at_fault = true;
        Self::settle_record(lease, &mut record);
        Ok(Self::close(lease, record, CloseReason::ProviderFault))
    }

    pub(crate) fn own_lease(
        renter: &T::AccountId,
        lease: LeaseId,
    ) -> Result<LeaseOf<T>, DispatchError> {
        let record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(record.renter == *renter, Error::<T>::NotRenter);
        Ok(record)
    }

    /// A lease of the renter that is neither closed nor past its end, whether or not the queue has
    /// come to it.
    pub(crate) fn own_open_lease(
        renter: &T::AccountId,
        lease: LeaseId,
    ) -> Result<LeaseOf<T>, DispatchError> {
        let record = Self::own_lease(renter, lease)?;
        ensure!(!record.is_closed() && !Self::is_over(&record), Error::<T>::LeaseOver);
        Ok(record)
    }

    /// Whether an open lease's time is over: decided by the clock, not by the queue.
    pub(crate) fn is_over(record: &LeaseOf<T>) -> bool {
        T::Clock::get() >= record.ends_at
    }

    /// Closes an open lease whose time is over. Gives the weight that it took.
    pub(crate) fn close_over(lease: LeaseId, mut record: LeaseOf<T>) -> Weight {
        let reason = match record.state {
            LeaseState::Pending => {
                T::Fleet::strike(record.machine);
                CloseReason::NotStarted
            }
            LeaseState::Running | LeaseState::Closed { .. } => CloseReason::Expired,
        };
        Self::settle_record(lease, &mut record);
        Self::close(lease, record, reason)
    }

    /// Gives the weight that it took, with what its caller did to the record before.
    pub(crate) fn close(lease: LeaseId, mut record: LeaseOf<T>, reason: CloseReason) -> Weight {
        let now = T::Clock::get();
        let beyond = T::Fleet::vacate(record.machine, record.part());
        let slept = record.suspended.is_some();
        Running::<T>::remove(record.machine, lease);
        record.at_fault |= Self::was_away(&record);

        // What the horizon has not come to may still be owed, and what waits for a verdict; all else
        // returns now (rule 5).
        let mut stop = now.min(record.priced_until());
        if reason == CloseReason::DisputeUpheld {
            stop = record.held_back.take().map_or(stop, |held| stop.min(held.since));
        }
        let metered = record.started_at.is_some() && record.moving.is_none();
        let open = metered && stop > record.settled_to;
        record.held_back = record.held_back.filter(|_| open);
        let keep = match open {
            true => Self::price_until(&record, stop).unwrap_or(Balance::MAX),
            false => 0,
        };
        record.state = LeaseState::Closed { reason, at: now };
        let retain_until = Self::retain(&mut record);
        let refund = Self::return_rest(&mut record, keep);
        if open {
            let look_at = Self::look_at_tail(&record);
            record.tail = Some(Tail { until: stop, look_at, live: None });
            Self::schedule(lease, &mut record, look_at);
        } else {
            Self::schedule(lease, &mut record, retain_until);
        }
        Self::deposit_event(Event::Closed {
            lease,
            reason,
            paid: record.paid,
            fees: record.fees,
            refund,
            open: record.deposit,
            retain_until,
            burned: record.burned,
            platform_fees: record.platform_fees,
        });
        if !open {
            Self::finish_money(lease, &mut record);
        }
        let took = Self::end_took(&record, slept, beyond);
        Leases::<T>::insert(lease, record);
        took
    }

    /// When a closed lease's tail is looked at next: soon, or when all that is known of it is known and a
    /// verdict is waited for.
    pub(crate) fn look_at_tail(record: &LeaseOf<T>) -> Slot {
        match (record.held_back, record.tail) {
            (Some(held), Some(Tail { live: Some(_), .. })) => held.until,
            _ => Self::look_at(),
        }
    }

    /// Writes down how long the machine was there until the end of a tail that waits for a verdict, once the
    /// horizon has passed it: what comes later is taken from nobody. Charges what is not in dispute.
    pub(crate) fn mark_tail(lease: LeaseId, record: &mut LeaseOf<T>) {
        let Some(tail) = record.tail.filter(|tail| tail.live.is_none()) else { return };
        if T::Meter::horizon() < tail.until {
            return;
        }
        let live = T::Meter::live_by(record.machine_index.index, tail.until);
        record.tail = Some(Tail { live: Some(live), ..tail });
        Self::charge_until(lease, record, tail.until);
        let keep = Self::price_until(record, tail.until).unwrap_or(Balance::MAX);
        Self::return_rest(record, keep);
    }

    /// Whether the horizon has passed the tail of a closed lease, and no verdict is waited for.
    pub(crate) fn tail_is_over(record: &LeaseOf<T>) -> bool {
        let known = record.tail.is_some_and(|tail| T::Meter::horizon() >= tail.until);
        known && record.held_back.is_none_or(|held| T::Clock::get() >= held.until)
    }

    /// Settles the tail of a closed lease and returns the rest; its entry in the queue moves to the end
    /// of the retention.
    pub(crate) fn settle_tail(lease: LeaseId, record: &mut LeaseOf<T>) {
        let Some(tail) = record.tail else { return };
        record.held_back = None;
        Self::charge_until(lease, record, tail.until);
        record.tail = None;
        let refund = Self::return_rest(record, 0);
        let later = T::Clock::get().saturating_add(1);
        let retain_until = record.retain_until.unwrap_or(later).max(later);
        record.retain_until = Some(retain_until);
        Self::schedule(lease, record, retain_until);
        Self::deposit_event(Event::TailSettled { lease, refund });
        Self::finish_money(lease, record);
    }

    /// Once nothing of a closed lease is on hold: what its provider's fault cost comes back out of his
    /// stake, and its voucher is let go.
    fn finish_money(lease: LeaseId, record: &mut LeaseOf<T>) {
        Self::leave_voucher(record);
        let excess = record.rent.saturating_sub(Self::booked(record));
        if !record.at_fault || excess == 0 {
            return;
        }
        let amount = T::Fleet::compensate(record.machine, &record.payer, excess);
        Self::deposit_event(Event::Compensated { lease, amount });
    }

    /// Returns what is on hold beyond `keep`, those sums included that nobody could be credited with:
    /// rent that its provider cannot be given goes to the treasury; if that account cannot be credited
    /// either, it returns with the rest. Gives what returned.
    pub(crate) fn return_rest(record: &mut LeaseOf<T>, keep: Balance) -> Balance {
        let leftover =
            record.due.saturating_add(record.due_fees).saturating_add(record.due_platform);
        record.due = 0;
        record.due_fees = 0;
        record.due_platform = 0;
        let fees = Self::pay(record, &T::Treasury::get(), leftover);
        record.fees = record.fees.saturating_add(fees);
        let refund = Self::refund(record, keep);
        record.refunded = record.refunded.saturating_add(refund);
        refund
    }

    /// Returns all that is still on hold but for `keep` and gives what was returned: to the voucher that
    /// paid while it lives, to the receiver if one was named and can be credited, else to whoever paid. A
    /// payer whose account holds no free balance cannot be given less than the existential deposit; that
    /// goes to the treasury, or the way of dust where not even the treasury can be credited. Nothing else
    /// stays on hold for a closed lease.
    fn refund(record: &mut LeaseOf<T>, keep: Balance) -> Balance {
        let rest = record.deposit.saturating_sub(keep);
        if rest == 0 {
            return 0;
        }
        if Self::return_to_voucher(record, rest) {
            return rest;
        }
        if let Some(receiver) = record.receiver.clone() {
            let moved = Self::pay(record, &receiver, rest);
            if moved == rest {
                return moved;
            }
        }
        if Self::release(record, rest) {
            return rest;
        }
        if Self::pay(record, &T::Treasury::get(), rest) == rest {
            record.fees = record.fees.saturating_add(rest);
            return 0;
        }
        let burned = Self::burn(record, rest);
        // Burning what this lease put on hold cannot fail; a difference would be a fault of ours.
        if burned != rest {
            frame_support::defensive!("a lease's deposit was not on hold");
        }
        record.burned = record.burned.saturating_add(burned);
        0
    }

    /// Frees `amount` of the lease's hold for whoever paid; all or nothing.
    fn release(record: &mut LeaseOf<T>, amount: Balance) -> bool {
        let released = wholly(|| {
            let reason = HoldReason::Deposit.into();
            let released = T::Currency::release(&reason, &record.payer, amount, Precision::Exact)?;
            ensure!(released == amount, TokenError::CannotCreate);
            Ok(())
        });
        if released.is_ok() {
            record.deposit = record.deposit.saturating_sub(amount);
        }
        released.is_ok()
    }
}
