//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use dbc_primitives::MachineId;
use frame_support::{
    ensure,
    traits::{Get as _, fungible::InspectHold as _},
};
use sp_runtime::TryRuntimeError;

use crate::{
    Charged, Config, Evidence, Handed, HoldReason, NextOffence, Offences, OpenOf, Pallet, Queue,
    Reports, RunningOf, Stage,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - bonds on hold are those of reports and appeals, nothing without any;
    /// - each offence and each report stands in the queue once, at its next deadline;
    /// - evidence is promised for what is open, and kept while a check goes on;
    /// - a machine has one running offence at most, and counts all that are open;
    /// - nothing costs more than the stake.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut bonds: BTreeMap<T::AccountId, (u128, u128)> = BTreeMap::new();
        let mut open: BTreeMap<MachineId, u32> = BTreeMap::new();
        let mut count = 0;
        for (id, offence) in Offences::<T>::iter() {
            ensure!(id < NextOffence::<T>::get(), "an offence's id was not given out yet");
            ensure!(Queue::<T>::contains_key(offence.next, id), "an offence has no deadline");
            count += 1;
            *open.entry(offence.machine).or_default() += 1;
            let running = RunningOf::<T>::get(offence.machine) == Some(id);
            let runs = offence.stage == Stage::Running;
            ensure!(running == runs, "a machine's running offence is another");
            ensure!(Self::cost(&offence) <= offence.stake, "an offence costs more than there is");
            if let Some((reporter, bond)) = offence.reporter {
                bonds.entry(reporter).or_default().0 += bond;
            }
            bonds.entry(offence.provider).or_default().1 += offence.appeal;
        }
        for (id, report) in Reports::<T>::iter() {
            ensure!(!Offences::<T>::contains_key(id), "a report is an offence already");
            ensure!(Queue::<T>::contains_key(report.next, id), "a report has no deadline");
            count += 1;
            if let Some((reporter, bond)) = report.reporter {
                bonds.entry(reporter).or_default().0 += bond;
            }
        }
        ensure!(Queue::<T>::iter_keys().count() == count, "the queue has what is settled");
        for id in Evidence::<T>::iter_keys() {
            let open = Reports::<T>::contains_key(id) || Offences::<T>::contains_key(id);
            ensure!(open, "evidence of what is settled is promised");
        }
        for (id, _) in Handed::<T>::iter_keys() {
            let checked = Reports::<T>::contains_key(id) && Evidence::<T>::contains_key(id);
            ensure!(checked, "evidence is kept after its check");
        }
        for (_, slot) in Charged::<T>::iter() {
            ensure!(slot <= T::Clock::get(), "a machine answered for its silence in the future");
        }
        for (machine, found) in OpenOf::<T>::iter() {
            ensure!(open.remove(&machine) == Some(found), "open offences are miscounted");
        }
        ensure!(open.is_empty(), "a machine's offences are not counted");
        for account in frame_system::Account::<T>::iter_keys() {
            let (report, appeal) = bonds.remove(&account).unwrap_or_default();
            let held = |reason: HoldReason| T::Currency::balance_on_hold(&reason.into(), &account);
            ensure!(held(HoldReason::Report) == report, "a reporter's hold is not his bonds");
            ensure!(held(HoldReason::Appeal) == appeal, "an appeal's hold is not its bond");
        }
        Ok(())
    }
}
