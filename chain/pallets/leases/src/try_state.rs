//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::{BTreeMap, BTreeSet};

use dbc_primitives::{Balance, LeaseState};
use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use sp_runtime::TryRuntimeError;

use crate::{ByMachine, Config, Expiry, ExpiryCursor, HoldReason, Leases, NextLease, Pallet, Tags};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - a renter's balance on hold is the sum of the deposits of his leases;
    /// - what is due is part of what is held, and a closed lease holds nothing;
    /// - no two open leases have the same GPU or the same CPU profile;
    /// - nothing is settled past the end, and of an open lease nothing past the clock;
    /// - each lease stands in the queue exactly once, at the slot of its next deadline, and nothing is lost behind the cursor;
    /// - tags and the machines' lists name the leases, and only them.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut holds: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        let mut count = 0usize;
        for (lease, record) in Leases::<T>::iter() {
            count += 1;
            ensure!(lease < NextLease::<T>::get(), "a lease's id was not given out yet");
            *holds.entry(record.renter.clone()).or_default() += record.deposit;
            ensure!(record.due + record.due_fees <= record.deposit, "more is due than is held");
            let deadline = match record.state {
                LeaseState::Closed { .. } => {
                    ensure!(record.deposit == 0, "a closed lease holds money");
                    record.retain_until.ok_or("a closed lease has no end of retention")?
                }
                LeaseState::Pending | LeaseState::Running => {
                    ensure!(record.retain_until.is_none(), "an open lease has an end of retention");
                    let all_new = match record.gpus.is_empty() {
                        true => taken.insert((record.machine, None)),
                        false => {
                            record.gpus.iter().all(|gpu| taken.insert((record.machine, Some(*gpu))))
                        }
                    };
                    ensure!(all_new, "two open leases have the same hardware");
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
        for (renter, sum) in holds {
            let held = T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &renter);
            ensure!(held == sum, "a renter's hold is not the sum of his deposits");
        }
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
}
