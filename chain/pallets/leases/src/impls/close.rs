//! Ends of leases. Whatever the reason: charge what was used, pay it, return the rest, free the
//! machine, write down until when data is kept. Nothing after the checks of the origin fails.

use dbc_primitives::{Balance, CloseReason, LeaseId, LeaseState, Slot, price};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision},
    },
};
use pallet_machines::Fleet as _;
use sp_runtime::{DispatchError, TokenError};

use super::settle::wholly;
use crate::{Config, Error, Event, HoldReason, LeaseOf, Leases, Meter as _, Pallet, Tail};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_end(renter: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Self::own_lease(&renter, lease)?;
        ensure!(!record.is_closed(), Error::<T>::LeaseOver);
        if Self::is_due(&record) {
            Self::close_due(lease, record);
            return Ok(());
        }
        Self::settle_record(lease, &mut record);
        if let Some(started_at) = record.started_at {
            // Bogus orders pay the provider for the trouble of starting them (mechanisms rule 7), unless
            // it is his machine that is gone.
            let least = started_at.saturating_add(T::MinimumCharge::get()).min(record.ends_at);
            let there = T::Meter::is_live(record.machine_index.index);
            if there && T::Clock::get() <= least && record.settled_to < least {
                let slots = (least - started_at).saturating_sub(record.charged);
                record.settled_to = least;
                Self::charge(lease, &mut record, slots);
            }
        }
        Self::close(lease, record, CloseReason::EndedByRenter);
        Ok(())
    }

    pub(crate) fn do_terminate(who: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(T::Fleet::may_run(record.machine, &who), Error::<T>::NotProvider);
        ensure!(!record.is_closed(), Error::<T>::LeaseOver);
        if Self::is_due(&record) {
            Self::close_due(lease, record);
            return Ok(());
        }
        if record.started_at.is_none() {
            // Giving up an order is no better than sleeping over it (mechanisms rule 7).
            T::Fleet::strike(record.machine);
        }
        Self::settle_record(lease, &mut record);
        Self::close(lease, record, CloseReason::ProviderFault);
        Ok(())
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
        ensure!(!record.is_closed() && !Self::is_due(&record), Error::<T>::LeaseOver);
        Ok(record)
    }

    /// Whether the lease's time is over: decided by the clock, not by the queue.
    pub(crate) fn is_due(record: &LeaseOf<T>) -> bool {
        let at = match record.state {
            LeaseState::Closed { .. } => match record.tail {
                Some(tail) => tail.look_at,
                None => record.retain_until.unwrap_or(record.ends_at),
            },
            LeaseState::Pending | LeaseState::Running => record.ends_at,
        };
        T::Clock::get() >= at
    }

    /// Closes a lease whose time is over.
    pub(crate) fn close_due(lease: LeaseId, mut record: LeaseOf<T>) {
        let reason = match record.state {
            LeaseState::Pending => {
                T::Fleet::strike(record.machine);
                CloseReason::NotStarted
            }
            LeaseState::Running | LeaseState::Closed { .. } => CloseReason::Expired,
        };
        Self::settle_record(lease, &mut record);
        Self::close(lease, record, reason);
    }

    fn close(lease: LeaseId, mut record: LeaseOf<T>, reason: CloseReason) {
        let now = T::Clock::get();
        Self::forget_expiry(record.ends_at, lease);
        T::Fleet::vacate(record.machine, record.profile, &record.gpus);

        // What the horizon has not come to may still be owed; all else returns now (rule 5).
        let stop = now.min(record.ends_at);
        let tail = match record.started_at {
            Some(_) => stop.saturating_sub(record.settled_to),
            None => 0,
        };
        record.tail = (tail > 0).then(|| Tail { until: stop, look_at: Self::look_at() });
        let tail_rent = price::deposit(record.leg.rate, tail).unwrap_or(Balance::MAX);
        let retain_until = now.saturating_add(T::Retention::get());
        record.state = LeaseState::Closed { reason, at: now };
        record.retain_until = Some(retain_until);
        let refund = Self::return_rest(&mut record, tail_rent);
        Self::expire_at(record.tail.map_or(retain_until, |tail| tail.look_at), lease);
        Self::deposit_event(Event::Closed {
            lease,
            reason,
            paid: record.paid,
            fees: record.fees,
            refund,
            open: record.deposit,
            retain_until,
        });
        Leases::<T>::insert(lease, record);
    }

    /// When a tail is looked at next; never a slot that the queue has passed.
    pub(crate) fn look_at() -> Slot {
        T::Clock::get().saturating_add(T::TailWait::get())
    }

    /// Whether the horizon has passed the tail of a closed lease.
    pub(crate) fn tail_is_over(record: &LeaseOf<T>) -> bool {
        record.tail.is_some_and(|tail| T::Meter::horizon() >= tail.until)
    }

    /// Settles the tail of a closed lease and returns the rest; its entry in the queue moves to the end
    /// of the retention.
    pub(crate) fn settle_tail(lease: LeaseId, record: &mut LeaseOf<T>) {
        let Some(tail) = record.tail.take() else { return };
        Self::forget_expiry(tail.look_at, lease);
        Self::charge_until(lease, record, tail.until);
        let refund = Self::return_rest(record, 0);
        let later = T::Clock::get().saturating_add(1);
        let retain_until = record.retain_until.unwrap_or(later).max(later);
        record.retain_until = Some(retain_until);
        Self::expire_at(retain_until, lease);
        Self::deposit_event(Event::TailSettled { lease, refund });
    }

    /// Returns what is on hold beyond `keep`, those sums included that nobody could be credited with:
    /// rent that its provider cannot be given goes to the treasury; if that account cannot be credited
    /// either, it returns with the rest. Gives what returned.
    fn return_rest(record: &mut LeaseOf<T>, keep: Balance) -> Balance {
        let leftover = record.due.saturating_add(record.due_fees);
        record.due = 0;
        record.due_fees = 0;
        let fees = Self::pay(record, &T::Treasury::get(), leftover);
        record.fees = record.fees.saturating_add(fees);
        let refund = Self::refund(record, keep);
        record.refunded = record.refunded.saturating_add(refund);
        refund
    }

    /// Returns all that is still on hold but for `keep` and gives what was returned: to the receiver if one was
    /// named and can be credited, else to the renter. A renter whose account holds no free balance
    /// cannot be given less than the existential deposit; that goes to the treasury, or the way of
    /// dust where not even the treasury can be credited. Nothing else stays on hold for a closed lease.
    fn refund(record: &mut LeaseOf<T>, keep: Balance) -> Balance {
        let rest = record.deposit.saturating_sub(keep);
        if rest == 0 {
            return 0;
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
        if Self::pay(record, &T::Treasury::get(), rest) != rest {
            Self::burn(record, rest);
        }
        record.fees = record.fees.saturating_add(rest);
        0
    }

    /// Frees `amount` of the lease's hold for its renter; all or nothing.
    fn release(record: &mut LeaseOf<T>, amount: Balance) -> bool {
        let released = wholly(|| {
            let reason = HoldReason::Deposit.into();
            let released = T::Currency::release(&reason, &record.renter, amount, Precision::Exact)?;
            ensure!(released == amount, TokenError::CannotCreate);
            Ok(())
        });
        if released.is_ok() {
            record.deposit = record.deposit.saturating_sub(amount);
        }
        released.is_ok()
    }

    /// Takes money that no account can be credited with out of the issuance.
    fn burn(record: &mut LeaseOf<T>, amount: Balance) {
        let burnt = T::Currency::burn_held(
            &HoldReason::Deposit.into(),
            &record.renter,
            amount,
            Precision::Exact,
            Fortitude::Force,
        );
        // Burning what this lease put on hold cannot fail; a difference would be a fault of ours.
        if burnt != Ok(amount) {
            frame_support::defensive!("a lease's deposit was not on hold");
        }
        record.deposit = record.deposit.saturating_sub(amount);
    }
}
