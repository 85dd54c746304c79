//! Evidence of reports: its hash is on the chain from the beginning, and each auditor who is drawn is handed it
//! sealed to a key of that duty alone. Who reports and promises it has to hand it.

use alloc::vec::Vec;

use dbc_primitives::MachineId;
use frame_support::{dispatch::DispatchResult, ensure};

use crate::{
    Checks as _, Config, Error, Event, Evidence, HANDED_MAX, Handed, OffenceId, Open, Pallet,
    Reports, Sealed,
};

/// Reports that one answer lists.
const OPEN_MOST: usize = 100;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_hand_evidence(
        who: T::AccountId,
        id: OffenceId,
        auditor: T::AccountId,
        sealed: Sealed,
    ) -> DispatchResult {
        let report = Reports::<T>::get(id).ok_or(Error::<T>::OffenceNotFound)?;
        let his = report.reporter.is_some_and(|(reporter, _)| reporter == who);
        ensure!(his, Error::<T>::NotYourReport);
        ensure!(Evidence::<T>::contains_key(id), Error::<T>::NoEvidence);
        let drawn = T::Checks::drawn(report.machine, id);
        ensure!(drawn.open && drawn.auditors.contains(&auditor), Error::<T>::NotDrawn);
        ensure!(!Handed::<T>::contains_key(id, &auditor), Error::<T>::HandedAlready);
        Handed::<T>::insert(id, &auditor, sealed);
        Self::deposit_event(Event::EvidenceHanded { offence: id, auditor });
        Ok(())
    }

    /// A check is over: what was handed goes. Gives whether evidence was promised and somebody who was drawn
    /// never had it.
    pub(crate) fn close_evidence(machine: MachineId, id: OffenceId) -> bool {
        if !Evidence::<T>::contains_key(id) {
            return false;
        }
        let drawn = T::Checks::drawn(machine, id).auditors;
        let withheld = drawn.iter().any(|auditor| !Handed::<T>::contains_key(id, auditor));
        let _ = Handed::<T>::clear_prefix(id, HANDED_MAX, None);
        withheld
    }

    /// Reports whose check is not over, from a number on. Walks over all of them: for programs, never in a
    /// block.
    pub(crate) fn open_from(from: OffenceId) -> Vec<Open> {
        let mut all: Vec<_> = Reports::<T>::iter().filter(|(id, _)| *id >= from).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        let open = all.into_iter().take(OPEN_MOST).map(|(id, report)| Open {
            offence: id,
            machine: report.machine,
            kind: report.kind,
            lease: report.lease,
            since: report.since,
            until: report.next,
            evidence: Evidence::<T>::get(id),
        });
        open.collect()
    }
}
