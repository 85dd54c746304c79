//! Rent, lazily. What is due is set aside in the record first and moved then, so that an account
//! which cannot be credited delays its own money and nobody else's. Nothing here fails.

use dbc_primitives::{Balance, LeaseId, Slot, price};
use frame_support::{
    dispatch::DispatchResult,
    storage::{TransactionOutcome, with_transaction_unchecked},
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use pallet_machines::Fleet as _;
use sp_runtime::DispatchError;

use crate::{Config, Error, Event, HoldReason, LeaseOf, Leases, Meter as _, Pallet};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_settle(lease: LeaseId) -> DispatchResult {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        if record.is_closed() {
            let over = Self::tail_is_over(&record);
            frame_support::ensure!(over, Error::<T>::LeaseOver);
            Self::settle_tail(lease, &mut record);
            Leases::<T>::insert(lease, record);
            return Ok(());
        }
        if Self::is_due(&record) {
            Self::close_due(lease, record);
            return Ok(());
        }
        Self::settle_record(lease, &mut record);
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    /// Settles a running lease up to the horizon, never past its end.
    pub(crate) fn settle_record(lease: LeaseId, record: &mut LeaseOf<T>) {
        Self::charge_until(lease, record, T::Meter::horizon());
    }

    /// Charges the time before `slot` in which the machine was there, never past the end of the term,
    /// and moves what is due.
    pub(crate) fn charge_until(lease: LeaseId, record: &mut LeaseOf<T>, slot: Slot) {
        if record.started_at.is_none() {
            return;
        }
        let to = slot.min(record.ends_at).max(record.settled_to);
        let count = T::Meter::live_by(record.machine_index.index, to).max(record.live_mark);
        let used = (count - record.live_mark).min(to - record.settled_to);
        record.settled_to = to;
        record.live_mark = count;
        Self::charge(lease, record, used);
    }

    /// Charges so many slots and moves what is due.
    pub(crate) fn charge(lease: LeaseId, record: &mut LeaseOf<T>, slots: Slot) {
        let free = record.deposit.saturating_sub(record.due).saturating_sub(record.due_fees);
        let rent = price::deposit(record.leg.rate, slots).unwrap_or(free).min(free);
        let fee = T::ProtocolFee::get().mul_floor(rent);
        record.charged = record.charged.saturating_add(slots);
        record.due += rent - fee;
        record.due_fees += fee;

        let provider = record.provider.clone();
        let provider_amount = Self::pay(record, &provider, record.due);
        record.due -= provider_amount;
        record.paid += provider_amount;
        let fee = Self::pay(record, &T::Treasury::get(), record.due_fees);
        record.due_fees -= fee;
        record.fees += fee;
        if fee > 0 {
            T::Fleet::fee_paid(record.machine, fee);
        }
        if provider_amount > 0 || fee > 0 {
            let settled_to = record.settled_to;
            Self::deposit_event(Event::Settled { lease, provider_amount, fee, settled_to });
        }
    }

    /// Moves `amount` from the lease's hold to `to`; gives what was moved: all or nothing.
    ///
    /// Forced, because votes and freezes may lock a renter's total balance, holds included, and would
    /// otherwise let him rent for nothing (mechanisms rule 12).
    pub(crate) fn pay(record: &mut LeaseOf<T>, to: &T::AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let moved = wholly(|| {
            T::Currency::transfer_on_hold(
                &HoldReason::Deposit.into(),
                &record.renter,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )
        })
        .unwrap_or(0);
        record.deposit = record.deposit.saturating_sub(moved);
        moved
    }
}

/// Does all of `act`, or nothing of it when it is refused: the fungible traits may refuse after a part
/// was written, and here a refusal is not handed on. The layer is an unchecked one: a checked one
/// fails below a depth that a renter can reach with batches in batches, and would let him choose that
/// his provider cannot be paid (mechanisms rule 12).
pub(crate) fn wholly<R>(
    act: impl FnOnce() -> Result<R, DispatchError>,
) -> Result<R, DispatchError> {
    with_transaction_unchecked(|| match act() {
        Ok(done) => TransactionOutcome::Commit(Ok(done)),
        Err(refused) => TransactionOutcome::Rollback(Err(refused)),
    })
}
