//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use dbc_primitives::{Balance, LeaseState, MachineId, Profile, price};
use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use pallet_machines::{Fleet as _, Occupied};
use sp_runtime::TryRuntimeError;

use crate::{
    ByMachine, Config, Expiry, ExpiryCursor, HoldReason, LeaseOf, Leases, NextLease, Pallet, Tags,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - an account's balance on hold is the sum of the deposits of its leases, nothing without any;
    /// - per lease: rate × term = paid + fees + refunded + still held, to the unit;
    /// - what is due is part of what is held, and a closed lease holds no more than its open tail;
    /// - no two open leases have the same GPU or the same CPU profile, and the machines count as leased
    ///   exactly what open leases have of them;
    /// - nothing is settled past the end, and of an open lease nothing past the clock;
    /// - each lease stands in the queue exactly once, at the slot of its next deadline, and nothing is lost behind the cursor;
    /// - tags and the machines' lists name the leases, and only them.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut holds: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        let mut taken: BTreeMap<MachineId, (u16, bool)> = BTreeMap::new();
        let mut count = 0usize;
        for (lease, record) in Leases::<T>::iter() {
            count += 1;
            ensure!(lease < NextLease::<T>::get(), "a lease's id was not given out yet");
            *holds.entry(record.renter.clone()).or_default() += record.deposit;
            Self::try_money(&record)?;
            let deadline = match record.state {
                LeaseState::Closed { .. } => {
                    let retained =
                        record.retain_until.ok_or("a closed lease has no end of retention")?;
                    if let Some(tail) = record.tail {
                        let slots = tail.until.saturating_sub(record.settled_to);
                        let most = price::deposit(record.leg.rate, slots);
                        ensure!(most >= Some(record.deposit), "a closed lease holds too much");
                        tail.look_at
                    } else {
                        ensure!(record.deposit == 0, "a closed lease holds money");
                        retained
                    }
                }
                LeaseState::Pending | LeaseState::Running => {
                    ensure!(record.retain_until.is_none(), "an open lease has an end of retention");
                    ensure!(record.tail.is_none(), "an open lease has a tail");
                    let (gpus, cpu) = taken.entry(record.machine).or_default();
                    let bits = record.gpus.iter().fold(0, |bits, gpu| bits | 1u16 << *gpu);
                    let whole = record.profile == Profile::Cpu;
                    let free = *gpus & bits == 0 && !(*cpu && whole);
                    ensure!(free, "two open leases have the same hardware");
                    *gpus |= bits;
                    *cpu |= whole;
                    ensure!(record.settled_to <= T::Clock::get(), "settled past the clock");
                    record.ends_at
                }
            };
            if record.started_at.is_some() {
                ensure!(record.settled_to <= record.ends_at, "settled past the end");
            } else {
                ensure!(record.paid == 0 && record.fees == 0, "paid before the start");
            }
            ensure!(Expiry::<T>::contains_key(deadline, lease), "a lease is not in the queue");
            ensure!(Tags::<T>::get(&record.renter, record.tag) == Some(lease), "a tag is lost");
            ensure!(
                ByMachine::<T>::contains_key(record.machine, lease),
                "a lease is not in its machine's list"
            );
        }
        Self::try_holds(holds)?;
        for Occupied { machine, gpus, cpu } in T::Fleet::occupied() {
            let leased = taken.remove(&machine).unwrap_or_default();
            ensure!((gpus, cpu) == leased, "a machine counts as leased what no lease has");
        }
        ensure!(taken.is_empty(), "an open lease has a machine that is gone");
        ensure!(Expiry::<T>::iter().count() == count, "the queue and the leases differ in number");
        ensure!(Tags::<T>::iter().count() == count, "the tags and the leases differ in number");
        ensure!(
            ByMachine::<T>::iter().count() == count,
            "the lists and the leases differ in number"
        );
        let cursor = ExpiryCursor::<T>::get();
        ensure!(
            Expiry::<T>::iter_keys().all(|(slot, _)| slot >= cursor || cursor == 0),
            "an entry lies behind the cursor"
        );
        ensure!(cursor <= T::Clock::get().saturating_add(1), "the cursor is ahead of the clock");
        Ok(())
    }

    fn try_money(record: &LeaseOf<T>) -> Result<(), TryRuntimeError> {
        ensure!(record.due + record.due_fees <= record.deposit, "more is due than is held");
        let parts = [record.paid, record.fees, record.refunded, record.deposit];
        let sum = parts.into_iter().try_fold(0, Balance::checked_add);
        // One leg, so one rate: what was ever put on hold for the lease is its rate times its term.
        let deposited = price::deposit(record.leg.rate, record.term);
        ensure!(sum.is_some() && sum == deposited, "a lease's deposits are not where it says");
        Ok(())
    }

    fn try_holds(mut sums: BTreeMap<T::AccountId, Balance>) -> Result<(), TryRuntimeError> {
        for account in frame_system::Account::<T>::iter_keys() {
            let sum = sums.remove(&account).unwrap_or_default();
            let held = T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &account);
            ensure!(held == sum, "a renter's hold is not the sum of his deposits");
        }
        ensure!(sums.into_values().all(|sum| sum == 0), "an account that is gone has a deposit");
        Ok(())
    }
}
