//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use dbc_primitives::{Balance, LeaseState, MachineId, Profile};
use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use pallet_machines::{Fleet as _, Occupied};
use sp_runtime::TryRuntimeError;

use crate::{
    BurnStep, ByMachine, Config, Expiry, ExpiryCursor, HoldReason, LeaseOf, Leases, NextLease,
    NextPlatform, NextVoucher, PLATFORM_FEE_MAX, Pallet, Platforms, Pledges, Running, Tags,
    Vouchers,
};

/// What the leases say of everything else.
struct Sums<AccountId> {
    /// Deposits by who pays.
    deposits: BTreeMap<AccountId, Balance>,
    /// Cards and CPU shares that open leases have.
    taken: BTreeMap<MachineId, (u16, u16)>,
    /// Leases that rely on a pledge.
    relied: BTreeMap<AccountId, u32>,
    /// Leases that have money of a voucher.
    vouchers: BTreeMap<u32, u32>,
}

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - an account's balance on hold is, by reason, the sum of the deposits of its leases, its pledge, its
    ///   platforms' deposits and its vouchers' budgets, nothing without any;
    /// - per lease: what was put on hold = paid + fees + burned + platform's + refunded + still held, to the
    ///   unit, and what waits to be settled is covered by what is held;
    /// - what is due is part of what is held, and a closed lease holds no more than its open tail;
    /// - no two open leases have the same GPU, each has cards or CPU shares, and the machines count as leased
    ///   exactly what open leases have of them;
    /// - legs follow each other; nothing is settled past the end or past what has a price, and of an open
    ///   lease nothing past the clock;
    /// - each lease stands in the queue exactly once, at the slot that it says, and nothing is lost behind
    ///   the cursor;
    /// - pledges and vouchers count the leases that rely on them;
    /// - tags and the machines' lists name the leases, and only them; the lists of what runs those that do.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut sums = Sums {
            deposits: BTreeMap::new(),
            taken: BTreeMap::new(),
            relied: BTreeMap::new(),
            vouchers: BTreeMap::new(),
        };
        let (mut count, mut running) = (0usize, 0usize);
        for (lease, record) in Leases::<T>::iter() {
            count += 1;
            ensure!(lease < NextLease::<T>::get(), "a lease's id was not given out yet");
            Self::try_money(&record)?;
            Self::try_time(&record)?;
            Self::try_sums(&record, &mut sums)?;
            ensure!(Expiry::<T>::contains_key(record.due_at, lease), "a lease is not in the queue");
            ensure!(Tags::<T>::get(&record.renter, record.tag) == Some(lease), "a tag is lost");
            ensure!(
                ByMachine::<T>::contains_key(record.machine, lease),
                "a lease is not in its machine's list"
            );
            let runs = record.state == LeaseState::Running;
            running += usize::from(runs);
            let listed = Running::<T>::contains_key(record.machine, lease);
            ensure!(listed == runs, "a lease runs and is not listed so, or is and does not");
        }
        Self::try_others(sums)?;
        ensure!(Expiry::<T>::iter().count() == count, "the queue and the leases differ in number");
        ensure!(Tags::<T>::iter().count() == count, "the tags and the leases differ in number");
        ensure!(
            ByMachine::<T>::iter().count() == count,
            "the lists and the leases differ in number"
        );
        ensure!(Running::<T>::iter().count() == running, "more is listed as running than does");
        let cursor = ExpiryCursor::<T>::get();
        ensure!(
            Expiry::<T>::iter_keys().all(|(slot, _)| slot >= cursor || cursor == 0),
            "an entry lies behind the cursor"
        );
        ensure!(cursor <= T::Clock::get().saturating_add(1), "the cursor is ahead of the clock");
        ensure!(BurnStep::<T>::get() <= 4, "more steps than a table has");
        Ok(())
    }

    fn try_money(record: &LeaseOf<T>) -> Result<(), TryRuntimeError> {
        let due = record.due + record.due_fees + record.due_platform;
        ensure!(due <= record.deposit, "more is due than is held");
        let parts = [
            record.paid,
            record.fees,
            record.burned,
            record.platform_fees,
            record.refunded,
            record.deposit,
        ];
        let sum = parts.into_iter().try_fold(0, Balance::checked_add);
        ensure!(sum == Some(record.deposited), "a lease's deposits are not where it says");
        ensure!(record.cap.is_none_or(|cap| record.deposited <= cap), "a lease is above its cap");
        if let Some(tail) = record.tail {
            let most = Self::price_until(record, tail.until);
            ensure!(most >= Some(record.deposit), "a closed lease holds too much");
        } else {
            ensure!(!record.is_closed() || record.deposit == 0, "a closed lease holds money");
        }
        if record.state == LeaseState::Running {
            let most = Self::price_until(record, record.priced_until());
            // Outages behind a turn move slots of the old rate into a discount of the new one.
            let rate = record.next.map_or(record.leg.rate, |next| next.rate);
            let since = record.settled_to.saturating_sub(record.started_at.unwrap_or_default());
            let away = since.saturating_sub(record.charged);
            let moved = rate.saturating_mul(away.into()).saturating_add(2);
            let covered = record.free().saturating_add(moved);
            ensure!(most <= Some(covered), "a lease will cost more than it holds");
        }
        Ok(())
    }

    fn try_time(record: &LeaseOf<T>) -> Result<(), TryRuntimeError> {
        let closed = record.is_closed();
        ensure!(closed == record.retain_until.is_some(), "a retention without a close");
        ensure!(closed || record.tail.is_none(), "an open lease has a tail");
        ensure!(closed || record.settled_to <= T::Clock::get(), "settled past the clock");
        ensure!(record.progress.counted <= record.charged, "more counts than was charged");
        if record.started_at.is_none() {
            let nothing = record.paid == 0 && record.burned == 0 && record.platform_fees == 0;
            ensure!(nothing && (closed || record.fees == 0), "paid before the start");
        } else if record.moving.is_none() {
            let leg = record.leg;
            ensure!(leg.until <= record.ends_at, "a leg is longer than the lease");
            ensure!(record.settled_to <= record.ends_at, "settled past the end");
            let follows = record.next.is_none_or(|next| next.from == leg.until);
            ensure!(follows, "a leg does not begin where the one before ends");
            let within = closed || record.settled_to <= leg.until;
            ensure!(within, "settled past what has a price");
        }
        Ok(())
    }

    fn try_sums(record: &LeaseOf<T>, sums: &mut Sums<T::AccountId>) -> Result<(), TryRuntimeError> {
        *sums.deposits.entry(record.payer.clone()).or_default() += record.deposit;
        let pledged = record.suspended.as_ref().is_some_and(|suspended| suspended.pledged);
        if pledged || record.retained_by_pledge {
            *sums.relied.entry(record.renter.clone()).or_default() += 1;
        }
        if let Some(voucher) =
            record.voucher.filter(|_| !record.is_closed() || record.tail.is_some())
        {
            *sums.vouchers.entry(voucher).or_default() += 1;
        }
        if record.is_closed() {
            return Ok(());
        }
        let (gpus, cpu) = sums.taken.entry(record.machine).or_default();
        let bits = record.gpus.iter().fold(0, |bits, gpu| bits | 1u16 << *gpu);
        ensure!(*gpus & bits == 0, "two open leases have the same hardware");
        let in_cpu = record.profile == Profile::Cpu;
        let fits = in_cpu == (record.cpu_shares > 0) && in_cpu == (bits == 0);
        ensure!(fits, "a lease has other hardware than its profile says");
        *gpus |= bits;
        *cpu += record.cpu_shares;
        Ok(())
    }

    fn try_others(mut sums: Sums<T::AccountId>) -> Result<(), TryRuntimeError> {
        for Occupied { machine, gpus, cpu } in T::Fleet::occupied() {
            let leased = sums.taken.remove(&machine).unwrap_or_default();
            ensure!((gpus, cpu) == leased, "a machine counts as leased what no lease has");
        }
        ensure!(sums.taken.is_empty(), "an open lease has a machine that is gone");
        let mut pledges = BTreeMap::new();
        for (who, pledge) in Pledges::<T>::iter() {
            let relied = sums.relied.remove(&who).unwrap_or_default();
            ensure!(pledge.relied == relied, "a pledge counts other leases than rely on it");
            pledges.insert(who, pledge.amount);
        }
        ensure!(sums.relied.is_empty(), "a lease relies on a pledge that is gone");
        let mut budgets: BTreeMap<_, Balance> = BTreeMap::new();
        for (id, voucher) in Vouchers::<T>::iter() {
            ensure!(id < NextVoucher::<T>::get(), "a voucher's number was not given out yet");
            let leases = sums.vouchers.remove(&id).unwrap_or_default();
            ensure!(voucher.leases == leases, "a voucher counts other leases than it pays");
            ensure!(!voucher.revoked || voucher.budget == 0, "a revoked voucher has money");
            *budgets.entry(voucher.issuer).or_default() += voucher.budget;
        }
        ensure!(sums.vouchers.is_empty(), "a lease is paid by a voucher that is gone");
        let mut deposits: BTreeMap<_, Balance> = BTreeMap::new();
        for (id, platform) in Platforms::<T>::iter() {
            ensure!(id < NextPlatform::<T>::get(), "a platform's number was not given out yet");
            ensure!(platform.fee <= PLATFORM_FEE_MAX, "a platform takes too much");
            *deposits.entry(platform.owner).or_default() += platform.deposit;
        }
        Self::try_holds(HoldReason::Deposit, sums.deposits)?;
        Self::try_holds(HoldReason::Pledge, pledges)?;
        Self::try_holds(HoldReason::Voucher, budgets)?;
        Self::try_holds(HoldReason::Platform, deposits)
    }

    fn try_holds(
        reason: HoldReason,
        mut sums: BTreeMap<T::AccountId, Balance>,
    ) -> Result<(), TryRuntimeError> {
        let reason = reason.into();
        for account in frame_system::Account::<T>::iter_keys() {
            let sum = sums.remove(&account).unwrap_or_default();
            let held = T::Currency::balance_on_hold(&reason, &account);
            ensure!(held == sum, "an account's hold is not the sum of what it is for");
        }
        ensure!(sums.into_values().all(|sum| sum == 0), "an account that is gone has a hold");
        Ok(())
    }
}
