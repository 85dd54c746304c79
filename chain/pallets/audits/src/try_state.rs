//! What must hold over all storage items. Compiled always: tests call it after every step.

use alloc::collections::BTreeMap;

use frame_support::{ensure, traits::fungible::InspectHold as _};
use sp_runtime::TryRuntimeError;

use crate::{
    Assigned, Auditors, Audits, Config, Demands, Due, HeldBack, HoldReason, Impressions, Members,
    MembersAt, NextAudit, OpenOf, Owners, Pallet, Phase, Proofs, ProvenOf, Purpose, Queue,
    Suspects, VisitOf, VisitorOf, Visits,
};

impl<T: Config> Pallet<T> {
    /// Checks each rule:
    /// - an auditor has his bond on hold, nobody else anything; members are auditors who do not leave;
    /// - duties that are open are as many as their auditor counts;
    /// - each audit stands in the queue once, and each proof at its end;
    /// - whoever wants to see transcripts has his bonds on hold, and each such wish has its end;
    /// - proven machines are those of their providers, and whoever is held back waits for an audit;
    /// - a machine has one open audit at most, and it is the one that it names;
    /// - each visit has its end in the queue, and each record of one its lease;
    /// - suspects are machines of which a visit spoke ill, and members of a region are placed there.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        for account in frame_system::Account::<T>::iter_keys() {
            let bond = Auditors::<T>::get(&account).map_or(0, |auditor| auditor.bond);
            let held = T::Currency::balance_on_hold(&HoldReason::Auditor.into(), &account);
            ensure!(held == bond, "an auditor's hold is not his bond");
            let wanted = Demands::<T>::iter_values().filter(|demand| demand.by == account);
            let bonds = wanted.fold(0, |sum, demand| sum + demand.bond);
            let held = T::Currency::balance_on_hold(&HoldReason::Demand.into(), &account);
            ensure!(held == bonds, "a hold is not the bonds of open demands");
        }
        for member in Members::<T>::get() {
            let stays = Auditors::<T>::get(member).is_some_and(|found| found.leaving.is_none());
            ensure!(stays, "a member leaves or is no auditor");
        }
        let mut open: BTreeMap<T::AccountId, u32> = BTreeMap::new();
        let mut entries = 0;
        for (id, audit) in Audits::<T>::iter() {
            ensure!(id < NextAudit::<T>::get(), "an audit's id was not given out yet");
            let queued =
                Queue::<T>::iter_keys().filter(|(_, key)| *key == (id, Due::Phase)).count();
            ensure!(queued == 1, "an audit does not stand in the queue once");
            entries += 1;
            let closed = matches!(audit.phase, Phase::Closed(_));
            let named = OpenOf::<T>::get(audit.machine) == Some(id);
            ensure!(named != closed, "a machine's open audit is another");
            if matches!(audit.phase, Phase::Commit | Phase::Reveal) {
                for duty in &audit.duties {
                    *open.entry(duty.auditor.clone()).or_default() += 1;
                }
            }
        }
        for (who, auditor) in Auditors::<T>::iter() {
            let duties = open.remove(&who).unwrap_or_default();
            ensure!(auditor.open == duties, "open duties are miscounted");
            let assigned = Assigned::<T>::iter_key_prefix(&who).count() as u32;
            ensure!(assigned == duties, "an open duty is not assigned");
        }
        for (machine, proof) in Proofs::<T>::iter() {
            let until = proof.until.max(1);
            let queued = Queue::<T>::get(until, (proof.audit, Due::Proof)) == Some(machine);
            ensure!(queued, "a proof has no end");
        }
        for (owner, machine) in ProvenOf::<T>::iter_keys() {
            ensure!(Owners::<T>::get(machine) == Some(owner), "a proven machine is another's");
        }
        for (machine, owner) in Owners::<T>::iter() {
            ensure!(ProvenOf::<T>::contains_key(owner, machine), "a provider lacks a machine");
            ensure!(Proofs::<T>::contains_key(machine), "a machine without a proof is proven");
        }
        for machine in HeldBack::<T>::iter_keys() {
            ensure!(OpenOf::<T>::contains_key(machine), "a machine waits for no audit");
        }
        for (id, who, demand) in Demands::<T>::iter() {
            let audit = Audits::<T>::get(id).ok_or("a transcript of no audit is wanted")?;
            let at = audit.duties.iter().position(|duty| duty.auditor == who);
            let place = at.ok_or("the transcript of a stranger is wanted")? as u8;
            let due = Queue::<T>::contains_key(demand.until, (id, Due::Transcript(place)));
            ensure!(due, "a wish for a transcript has no end");
        }
        for (who, visit) in Visits::<T>::iter() {
            ensure!(VisitorOf::<T>::get(visit.audit) == Some(who), "a visit is another's");
            let due = Queue::<T>::contains_key(visit.until, (visit.audit, Due::Visit));
            ensure!(due, "a visit has no end");
        }
        ensure!(Visits::<T>::iter().count() == VisitorOf::<T>::iter().count(), "visits are lost");
        let dues = Queue::<T>::iter_keys().filter(|(_, (_, due))| *due == Due::Visit).count();
        ensure!(dues == Visits::<T>::iter().count(), "the queue has a visit that is over");
        for (lease, id) in VisitOf::<T>::iter() {
            let purpose = Audits::<T>::get(id).map(|audit| audit.purpose);
            ensure!(purpose == Some(Purpose::Visit(lease)), "a lease was no visit");
        }
        for machine in Suspects::<T>::get() {
            let ill = Impressions::<T>::get(machine).iter().any(|one| !one.good);
            ensure!(ill, "a machine is suspected for nothing");
        }
        for (region, members) in MembersAt::<T>::iter() {
            ensure!(!members.is_empty(), "a region without members is kept");
            for member in members {
                let placed = Auditors::<T>::get(&member).and_then(|found| found.region);
                ensure!(placed == Some(region), "a member is placed elsewhere");
                ensure!(Members::<T>::get().contains(&member), "who is placed is no member");
            }
        }
        let phases = Queue::<T>::iter_keys().filter(|(_, (_, due))| *due == Due::Phase).count();
        ensure!(phases == entries, "the queue has an audit that is gone");
        Ok(())
    }
}
