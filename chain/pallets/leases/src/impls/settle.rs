//! Rent, lazily. What is due is set aside in the record first and moved then, so that an account
//! which cannot be credited delays its own money and nobody else's. Nothing here fails.

use dbc_primitives::{Balance, LeaseId, Slot, price};
use frame_support::{
    storage::{TransactionOutcome, with_transaction_unchecked},
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
    weights::Weight,
};
use pallet_machines::Fleet as _;
use sp_runtime::{
    DispatchError, Permill, Rounding, helpers_128bit::multiply_by_rational_with_rounding,
};

use crate::{Config, Error, Event, HoldReason, LeaseOf, Leases, Meter as _, Pallet};

impl<T: Config> Pallet<T> {
    /// Gives the weight that it took.
    pub(crate) fn do_settle(lease: LeaseId) -> Result<Weight, DispatchError> {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        if record.is_closed() {
            let over = Self::tail_is_over(&record);
            frame_support::ensure!(over, Error::<T>::LeaseOver);
            Self::settle_tail(lease, &mut record);
        } else if Self::is_over(&record) {
            return Ok(Self::close_over(lease, record));
        } else {
            Self::settle_record(lease, &mut record);
        }
        // Less than an end takes.
        let took = Self::end_took(&record, false, Weight::zero());
        Leases::<T>::insert(lease, record);
        Ok(took)
    }

    /// Settles a running lease up to the horizon, never past its end.
    pub(crate) fn settle_record(lease: LeaseId, record: &mut LeaseOf<T>) {
        Self::charge_until(lease, record, T::Meter::horizon());
    }

    /// Charges the time before `slot` in which the machine was there, never past the end of the term or
    /// of what has a price, nor what is complained of, and moves what is due. Each leg at its own rate.
    pub(crate) fn charge_until(lease: LeaseId, record: &mut LeaseOf<T>, slot: Slot) {
        if record.started_at.is_none() || record.moving.is_some() {
            return;
        }
        let disputed = record.held_back.filter(|held| T::Clock::get() < held.until);
        let to = disputed.map_or(slot, |held| slot.min(held.since)).min(record.ends_at);
        loop {
            let stop = to.min(record.leg.until).max(record.settled_to);
            let count = Self::live_at(record, stop).max(record.live_mark);
            let span = stop - record.settled_to;
            let used = (count - record.live_mark).min(span);
            record.settled_to = stop;
            record.live_mark = count;
            Self::charge(lease, record, used);
            match record.next {
                Some(next) if to >= record.leg.until => record.leg = next,
                _ => return,
            }
            record.next = None;
        }
    }

    /// What the meter's counter says at a slot; of a tail's end what was written down.
    fn live_at(record: &LeaseOf<T>, slot: Slot) -> Slot {
        let known = record.tail.and_then(|tail| tail.live.filter(|_| slot >= tail.until));
        known.unwrap_or_else(|| T::Meter::live_by(record.machine_index.index, slot))
    }

    /// Charges so many slots of the leg that runs and moves what is due.
    pub(crate) fn charge(lease: LeaseId, record: &mut LeaseOf<T>, slots: Slot) {
        let rent = Self::rent(record, slots);
        let leg = record.leg;
        let (down, part, whole) = (Rounding::Down, leg.platform, leg.rate.max(1));
        let platform = multiply_by_rational_with_rounding(rent, part, whole, down);
        let platform = platform.unwrap_or(0).min(rent);
        let price = rent - platform;
        let fee = Permill::from_parts(leg.fee).mul_floor(price);
        let burn = Permill::from_parts(leg.burn).mul_floor(price - fee);
        record.charged = record.charged.saturating_add(slots);
        record.due += price - fee - burn;
        record.due_fees += fee;
        record.due_platform += platform;
        let burned = Self::burn(record, burn);
        record.burned += burned;
        record.due_fees += burn - burned;
        Self::pay_due(lease, record, burned);
    }

    /// Units for so many slots, never more than is on hold; notes how far the lease has come.
    fn rent(record: &mut LeaseOf<T>, slots: Slot) -> Balance {
        let free = record.free();
        let rate = record.leg.rate;
        let list = price::deposit(rate, slots).unwrap_or(free);
        if record.leg.plain {
            return list.min(free);
        }
        let rent = record.progress.advance(&record.tiers, record.term, rate, slots);
        let mut rent = rent.unwrap_or(free).min(free);
        record.list = record.list.saturating_add(list);
        if record.at_fault {
            rent = rent.min(Self::booked(record).saturating_sub(record.rent));
        }
        record.rent = record.rent.saturating_add(rent);
        rent
    }

    /// What its time on this machine costs at the discount of the whole term.
    pub(crate) fn booked(record: &LeaseOf<T>) -> Balance {
        let off = record.tiers.off(record.term, record.term);
        record.list - Permill::from_parts(off).mul_floor(record.list)
    }

    /// Moves what is due to whom it is due.
    fn pay_due(lease: LeaseId, record: &mut LeaseOf<T>, burned: Balance) {
        if let Some(provider) = T::Fleet::provider_of(record.machine) {
            record.provider = provider;
        }
        let provider = record.provider.clone();
        let provider_amount = Self::pay(record, &provider, record.due);
        record.due -= provider_amount;
        record.paid += provider_amount;
        let fee = Self::pay(record, &T::Treasury::get(), record.due_fees);
        record.due_fees -= fee;
        record.fees += fee;
        let platform_amount = match record.beneficiary.clone() {
            Some(beneficiary) => Self::pay(record, &beneficiary, record.due_platform),
            None => 0,
        };
        record.due_platform -= platform_amount;
        record.platform_fees += platform_amount;
        if fee > 0 || burned > 0 {
            T::Fleet::fee_paid(record.machine, fee.saturating_add(burned));
        }
        if provider_amount > 0 || fee > 0 || platform_amount > 0 || burned > 0 {
            let settled_to = record.settled_to;
            Self::deposit_event(Event::Settled {
                lease,
                provider_amount,
                fee,
                settled_to,
                burned,
                platform_amount,
            });
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
                &record.payer,
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

    /// Takes `amount` of the lease's hold out of the issuance; gives what was taken: all or nothing.
    pub(crate) fn burn(record: &mut LeaseOf<T>, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let burned = wholly(|| {
            T::Currency::burn_held(
                &HoldReason::Deposit.into(),
                &record.payer,
                amount,
                Precision::Exact,
                Fortitude::Force,
            )
        })
        .unwrap_or(0);
        record.deposit = record.deposit.saturating_sub(burned);
        burned
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
