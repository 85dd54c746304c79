//! Vouchers: somebody's money that pays another's leases, and nothing else (requirement G11). It never
//! leaves the issuer's account but as rent: it moves between two reasons of holding it.

use dbc_primitives::{Balance, MachineClass, Order, Slot};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _, tokens::Precision},
};
use sp_runtime::{DispatchError, TokenError};

use super::settle::wholly;
use crate::{Config, Error, Event, HoldReason, LeaseOf, NextVoucher, Pallet, Voucher, Vouchers};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_issue_voucher(
        issuer: T::AccountId,
        holder: T::AccountId,
        budget: Balance,
        class: Option<MachineClass>,
        expires: Slot,
    ) -> DispatchResult {
        ensure!(budget >= T::VoucherMin::get(), Error::<T>::VoucherTooSmall);
        ensure!(expires > T::Clock::get(), Error::<T>::VoucherUnfit);
        T::Currency::hold(&HoldReason::Voucher.into(), &issuer, budget)?;
        let voucher = NextVoucher::<T>::mutate(|next| {
            let voucher = *next;
            *next = next.saturating_add(1);
            voucher
        });
        let (revoked, leases) = (false, 0);
        let record = Voucher {
            issuer: issuer.clone(),
            holder: holder.clone(),
            budget,
            class,
            expires,
            revoked,
            leases,
        };
        Vouchers::<T>::insert(voucher, record);
        Self::deposit_event(Event::VoucherIssued { voucher, issuer, holder, budget });
        Ok(())
    }

    pub(crate) fn do_revoke_voucher(issuer: T::AccountId, voucher: u32) -> DispatchResult {
        let mut record = Vouchers::<T>::get(voucher).ok_or(Error::<T>::VoucherNotFound)?;
        ensure!(record.issuer == issuer, Error::<T>::NotIssuer);
        ensure!(!record.revoked, Error::<T>::VoucherUnfit);
        let hold = HoldReason::Voucher.into();
        let returned = match record.budget {
            0 => 0,
            budget => T::Currency::release(&hold, &issuer, budget, Precision::Exact)?,
        };
        record.budget = 0;
        record.revoked = true;
        Self::keep_voucher(voucher, record);
        Self::deposit_event(Event::VoucherRevoked { voucher, returned });
        Ok(())
    }

    /// Whose money an order's deposit is.
    ///
    /// # Errors
    /// When it names a voucher that is not the renter's, or not for this.
    pub(crate) fn payer_of(
        renter: &T::AccountId,
        order: &Order<T::AccountId>,
        class: MachineClass,
    ) -> Result<T::AccountId, DispatchError> {
        let Some(voucher) = order.voucher else { return Ok(renter.clone()) };
        let record = Vouchers::<T>::get(voucher).ok_or(Error::<T>::VoucherNotFound)?;
        ensure!(record.holder == *renter, Error::<T>::NotHolder);
        let fits = Self::is_for_class(order.voucher, class) && order.receiver.is_none();
        ensure!(fits && Self::lives(&record), Error::<T>::VoucherUnfit);
        Ok(record.issuer)
    }

    /// Whether a voucher pays for machines of a class; without any, everything is paid for.
    pub(crate) fn is_for_class(voucher: Option<u32>, class: MachineClass) -> bool {
        let record = voucher.and_then(Vouchers::<T>::get);
        record.and_then(|record| record.class).is_none_or(|wanted| wanted == class)
    }

    /// Puts money on hold for a lease: the payer's own, or the voucher's.
    pub(crate) fn hold_of(
        payer: &T::AccountId,
        voucher: Option<u32>,
        amount: Balance,
    ) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        let deposit = HoldReason::Deposit.into();
        let Some(id) = voucher else {
            return wholly(|| T::Currency::hold(&deposit, payer, amount));
        };
        let mut record = Vouchers::<T>::get(id).ok_or(Error::<T>::VoucherNotFound)?;
        ensure!(Self::lives(&record), Error::<T>::VoucherUnfit);
        record.budget = record.budget.checked_sub(amount).ok_or(TokenError::FundsUnavailable)?;
        wholly(|| Self::move_hold(payer, HoldReason::Voucher, HoldReason::Deposit, amount))?;
        Vouchers::<T>::insert(id, record);
        Ok(())
    }

    /// One lease more has money of its voucher.
    pub(crate) fn join_voucher(record: &LeaseOf<T>) {
        let Some(id) = record.voucher else { return };
        Vouchers::<T>::mutate(id, |voucher| {
            if let Some(voucher) = voucher.as_mut() {
                voucher.leases = voucher.leases.saturating_add(1);
            }
        });
    }

    /// One lease less.
    pub(crate) fn leave_voucher(record: &LeaseOf<T>) {
        let Some(id) = record.voucher else { return };
        let Some(mut voucher) = Vouchers::<T>::get(id) else { return };
        voucher.leases = voucher.leases.saturating_sub(1);
        Self::keep_voucher(id, voucher);
    }

    /// Returns money of a lease to the voucher that paid, if there is one and it lives.
    pub(crate) fn return_to_voucher(record: &mut LeaseOf<T>, amount: Balance) -> bool {
        let Some(id) = record.voucher else { return false };
        let Some(mut voucher) = Vouchers::<T>::get(id).filter(Self::lives) else { return false };
        let (from, to) = (HoldReason::Deposit, HoldReason::Voucher);
        if wholly(|| Self::move_hold(&record.payer, from, to, amount)).is_err() {
            return false;
        }
        voucher.budget = voucher.budget.saturating_add(amount);
        Vouchers::<T>::insert(id, voucher);
        record.deposit = record.deposit.saturating_sub(amount);
        true
    }

    fn lives(voucher: &Voucher<T::AccountId>) -> bool {
        !voucher.revoked && T::Clock::get() < voucher.expires
    }

    /// Holds for another reason what was held for one.
    fn move_hold(
        who: &T::AccountId,
        from: HoldReason,
        to: HoldReason,
        amount: Balance,
    ) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        let released = T::Currency::release(&from.into(), who, amount, Precision::Exact)?;
        ensure!(released == amount, TokenError::FundsUnavailable);
        T::Currency::hold(&to.into(), who, amount)
    }

    /// Writes a voucher down, or forgets one that has nothing left and pays for nothing.
    fn keep_voucher(id: u32, record: Voucher<T::AccountId>) {
        if record.budget == 0 && record.leases == 0 {
            Vouchers::<T>::remove(id);
        } else {
            Vouchers::<T>::insert(id, record);
        }
    }
}
